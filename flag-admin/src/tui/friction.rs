//! Turning off is quick, turning on is not: which word has to be typed before something is done.

use flag_core::{FlagKey, Share};

use super::action::Action;
use super::facts::Facts;
use crate::app::Proposal;
use crate::definition::Definition;
use crate::log::{Change, exposure_of};
use crate::rollout::Event;

/// Returns the word to be typed before a change is made, if it takes one: the flag where everybody gets it or a kill is lifted, the share
/// of a step that is entered early, the environment where what was gathered or asked for holds something as dangerous.
pub(super) fn word(action: &Action, proposal: &Proposal, facts: &Facts) -> Option<String> {
    match action {
        Action::Unkill { target } => Some(target.to_string()),
        Action::Share { flag, share: Share::EVERYONE, .. } => Some(flag.to_string()),
        Action::Start { flag, schedule } => {
            let first = schedule.step(0).map(|step| step.share);
            (first == Some(Share::EVERYONE)).then(|| flag.to_string())
        }
        Action::Move { flag, event: Event::Advance } => {
            let rollout = facts.rollout_of(flag.as_str())?;
            let next = rollout.steps.get(rollout.step.saturating_add(1))?.share;
            Some(if next == Share::EVERYONE { flag.to_string() } else { next.to_string() })
        }
        Action::Undo { .. } | Action::Apply | Action::Approve { .. } => {
            let is_dangerous = proposal.changes().iter().any(|change| is_dangerous(change, facts));
            is_dangerous.then(|| facts.environment.to_string())
        }
        Action::Share { .. }
        | Action::Kill { .. }
        | Action::Move { .. }
        | Action::Reject { .. }
        | Action::Drop
        | Action::Rebase => None,
    }
}

/// Tells whether what was typed is the word. A share may be typed without its sign.
pub(super) fn is_word(typed: &str, word: &str) -> bool {
    typed == word || word.strip_suffix('%').is_some_and(|number| typed == number)
}

/// Tells whether a change gives everybody something, takes a flag away, lifts a kill, or draws everybody's buckets anew.
fn is_dangerous(change: &Change, facts: &Facts) -> bool {
    match change {
        Change::KillLifted { .. } | Change::FlagArchived { .. } => true,
        Change::RolloutSet { flag, rule, share: Share::EVERYONE } => {
            definition(flag, facts).is_none_or(|now| !is_everyone(now, rule.as_deref()))
        }
        Change::FlagChanged { key, definition: then } => definition(key, facts).is_some_and(|now| {
            let is_reseeded = (&now.flag.seed, &now.flag.unit) != (&then.flag.seed, &then.flag.unit);
            is_reseeded || (is_everyone(then, None) && !is_everyone(now, None))
        }),
        _ => false,
    }
}

fn definition<'f>(flag: &FlagKey, facts: &'f Facts) -> Option<&'f Definition> {
    facts.flag(flag.as_str()).map(|found| &found.definition)
}

fn is_everyone(definition: &Definition, rule: Option<&str>) -> bool {
    exposure_of(&definition.flag, rule).is_ok_and(|share| share == Share::EVERYONE)
}
