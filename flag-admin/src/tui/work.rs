//! What was asked of the desk: done one after the other, in the order in which it was asked, while keys go on working.

use std::collections::VecDeque;

use flag_core::Timestamp;

use super::action::Action;
use super::age::elapsed;
use super::effect::Effect;
use super::prose::Row;
use super::theme::Meaning;

/// From how many milliseconds on it is said that something is under way.
const TOLD_MILLIS: i64 = 500;

/// The effects that the desk has, and those that wait for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    running: Option<Running>,
    waiting: VecDeque<Effect>,
    /// Since when an answer to the last look at the project is waited for.
    looking: Option<Timestamp>,
}

/// What the desk does now.
#[derive(Clone, Debug)]
struct Running {
    /// What it is, in words.
    what: String,
    since: Timestamp,
    kind: Kind,
}

/// Whether an effect leaves something changed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Kind {
    Question,
    Change,
}

impl Work {
    /// Takes what was asked for. Returns what is to be done now: what is the terminal's at once, and one thing for the desk if it is free.
    pub(super) fn take(&mut self, asked: Vec<Effect>, now: Timestamp) -> Vec<Effect> {
        let mut at_once = Vec::new();
        for effect in asked {
            if effect.is_of_terminal() {
                at_once.push(effect);
                continue;
            }
            // While a share is typed, each character asks anew; only the last matters.
            if self.waiting.back().is_some_and(|last| effect.replaces(last)) {
                self.waiting.pop_back();
            }
            self.waiting.push_back(effect);
        }
        if self.running.is_none()
            && let Some(next) = self.waiting.pop_front()
        {
            self.running = Some(Running { what: next.words(), since: now, kind: kind(&next) });
            at_once.push(next);
        }
        at_once
    }

    /// The desk is done with what it had.
    pub(super) fn finish(&mut self) {
        self.running = None;
    }

    pub(super) const fn look(&mut self, now: Timestamp) {
        self.looking = Some(now);
    }

    pub(super) const fn looked(&mut self) {
        self.looking = None;
    }

    /// Gives up asking what a change would do, if the desk has not begun with it.
    pub(super) fn forget(&mut self, action: &Action) {
        self.waiting.retain(|effect| !matches!(effect, Effect::Propose(asked) if asked == action));
    }

    /// Tells whether the desk has nothing to do.
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.looking.is_none()
    }

    /// Says which changes are under way or wait, for whoever wants to leave; none if nothing would be left undone.
    pub(super) fn unfinished(&self, now: Timestamp) -> Option<String> {
        let running = self.running.as_ref().filter(|running| running.kind == Kind::Change);
        let waiting = self.waiting.iter().filter(|effect| kind(effect) == Kind::Change).count();
        let begun = running.map(|running| {
            format!("{} for {} and may still be done", running.what, elapsed(now.millis_since(running.since)))
        });
        let waits = (waiting > 0).then(|| match waiting {
            1 => "one more change was not begun".to_owned(),
            more => format!("{more} more changes were not begun"),
        });
        let parts: Vec<String> = begun.into_iter().chain(waits).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Says what takes longer than a moment, and for how long it does.
    pub(super) fn row(&self, now: Timestamp) -> Option<Row> {
        let (what, since) = match (&self.running, self.looking) {
            (Some(running), _) => (running.what.as_str(), running.since),
            (None, Some(since)) => ("waiting for the project's log", since),
            (None, None) => return None,
        };
        let millis = now.millis_since(since);
        if millis < TOLD_MILLIS {
            return None;
        }
        let waiting = match self.waiting.len() {
            0 => String::new(),
            more => format!(", {more} more after it"),
        };
        Some(Row::of(Meaning::Notice, format!("… {what} for {}{waiting}; keys go on working", elapsed(millis))))
    }
}

const fn kind(effect: &Effect) -> Kind {
    match effect {
        Effect::Propose(_)
        | Effect::Unlock(_)
        | Effect::Explain { .. }
        | Effect::Inspect { .. }
        | Effect::Simulate { .. } => Kind::Question,
        _ => Kind::Change,
    }
}

impl Effect {
    /// Tells whether it is the terminal's, and not the project's.
    pub(super) const fn is_of_terminal(&self) -> bool {
        matches!(self, Self::Copy(_) | Self::SaveSession | Self::Repaint | Self::Suspend | Self::Quit)
    }

    /// Tells whether the answer to an earlier effect is of no more use once this was asked for.
    fn replaces(&self, earlier: &Self) -> bool {
        if let (Self::Propose(Action::Start { flag, .. }), Self::Propose(Action::Start { flag: other, .. })) =
            (self, earlier)
        {
            return flag == other;
        }
        let (
            Self::Propose(Action::Share { flag, rule, .. }),
            Self::Propose(Action::Share { flag: other, rule: place, .. }),
        ) = (self, earlier)
        else {
            return false;
        };
        flag == other && rule == place
    }

    /// Says what is being done.
    fn words(&self) -> String {
        match self {
            Self::Propose(_) => "working out what that does".to_owned(),
            Self::Commit { action: Action::Kill { flag, .. }, .. } => format!("killing {flag}"),
            Self::Commit { .. } => "writing the change into the log".to_owned(),
            Self::Keep { .. } | Self::TurnDraft(_) | Self::DropDraft | Self::RebaseDraft => {
                "keeping the draft".to_owned()
            }
            Self::Publish { .. } => "signing and publishing".to_owned(),
            Self::SendKills => "signing the kills".to_owned(),
            Self::Unlock(_) => "opening the keys".to_owned(),
            Self::Explain { flag, .. } => format!("deciding {flag}"),
            Self::Simulate { .. } => "playing the schedule".to_owned(),
            Self::Inspect { seq } => format!("reading entry {seq}"),
            Self::Copy(_) | Self::SaveSession | Self::Repaint | Self::Suspend | Self::Quit => "at work".to_owned(),
        }
    }
}
