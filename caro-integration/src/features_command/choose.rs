use flag_client::{Change, ClientDecision, ClientExplanation, Effect, Kind, Layer, Reason};
use serde::Serialize;

use super::suggestion::closest;
use super::table::wrapped;
use super::{Answer, CommandError, Outcome, list, words};
use crate::Features;

#[derive(Copy, Clone, PartialEq, Eq)]
enum Choice {
    On,
    Off,
}

#[derive(Serialize)]
struct Chosen<'a> {
    feature: &'a str,
    changed: bool,
    /// Why it can do nothing on this machine, where that is so.
    without_effect: Option<String>,
    decision: &'a ClientDecision,
}

/// Turns a feature on for the user, or opts them in, and says what came of it.
pub(super) fn enable(features: &Features, feature: &str) -> Result<Answer, CommandError> {
    let feature = known(features, feature)?;
    let change = features.client().enable(&feature)?;
    answer(features, &feature, Choice::On, &change)
}

/// Turns a feature off for the user, and says what came of it.
pub(super) fn disable(features: &Features, feature: &str) -> Result<Answer, CommandError> {
    let feature = known(features, feature)?;
    let change = features.client().disable(&feature)?;
    answer(features, &feature, Choice::Off, &change)
}

/// Returns the feature of this name, if there is one.
pub(super) fn known(features: &Features, name: &str) -> Result<String, CommandError> {
    let name = name.trim();
    let decisions = features.client().list();
    match decisions.iter().find(|decision| *decision.key == *name) {
        Some(decision) if decision.kind == Kind::KillSwitch => Err(CommandError::KillSwitch { name: name.to_owned() }),
        Some(_) => Ok(name.to_owned()),
        None => {
            let candidates = decisions.iter().filter(|decision| decision.kind != Kind::KillSwitch);
            let suggestion = closest(name, candidates.map(|decision| &*decision.key)).map(str::to_owned);
            Err(CommandError::UnknownFeature { feature: name.to_owned(), suggestion })
        }
    }
}

fn answer(features: &Features, feature: &str, choice: Choice, change: &Change) -> Result<Answer, CommandError> {
    let explanation = features.client().explain(feature);
    let decision = &explanation.decision;
    let mut text = match choice {
        Choice::On => enabled(features, &explanation, change),
        Choice::Off => disabled(features, decision, change),
    };
    let place = match &decision.chosen {
        Some(chosen) if chosen.origin.layer == Layer::UserOverride => words::exact(&chosen.origin),
        _ => words::path(&change.file),
    };
    text.push_str(&wrapped(&format!("Your choice stands in {place}"), 2));
    let without_effect = words::without_effect(features, decision);
    for note in list::refusal(decision).iter().chain(&without_effect) {
        text.push_str(&wrapped(&format!("! {note}"), 2));
    }
    let outcome = if change.written { Outcome::Changed } else { Outcome::Unchanged };
    Answer::new(outcome, text, &Chosen { feature, changed: change.written, without_effect, decision })
}

fn enabled(features: &Features, explanation: &ClientExplanation, change: &Change) -> String {
    let decision = &explanation.decision;
    let (feature, state) = (&decision.key, words::state(decision));
    let because = words::because(features, decision);
    let opted_in = decision.chosen.as_ref().is_some_and(|chosen| chosen.effect == Effect::OptsIn);
    if !opted_in {
        return wrapped(
            &match (decision.enabled, change.written) {
                (true, true) => format!("{feature} is now {state} for this machine."),
                (true, false) => format!("{feature} is {state} for this machine already."),
                (false, _) => format!("{feature} stays {state} for this machine all the same: {because}."),
            },
            2,
        );
    }
    let opted_in = if change.written { "You opted into" } else { "You had already opted into" };
    let effect = match (decision.enabled, decision.reason, explanation.flips_at) {
        (true, ..) => format!("It is on for this machine: {because}."),
        (false, Reason::Split, Some(flips_at)) => {
            format!(
                "It is still off for this machine: {because}. It turns on by itself once the rollout is at {flips_at}."
            )
        }
        (false, ..) => format!("It is still off for this machine: {because}."),
    };
    wrapped(&format!("{opted_in} {feature}."), 2) + &wrapped(&effect, 2)
}

fn disabled(features: &Features, decision: &ClientDecision, change: &Change) -> String {
    let (feature, state) = (&decision.key, words::state(decision));
    wrapped(
        &match (decision.enabled, change.written) {
            (false, true) => format!("{feature} is now {state} for this machine."),
            (false, false) => format!("{feature} is {state} for this machine already."),
            (true, _) => {
                format!(
                    "{feature} stays {state} for this machine all the same: {}.",
                    words::because(features, decision)
                )
            }
        },
        2,
    )
}
