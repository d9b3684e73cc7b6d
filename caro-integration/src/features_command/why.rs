use flag_client::{ClientDecision, ClientExplanation, Layer, LayerTried, LayerVerdict, LocalValue, Problem, Reason};

use super::choose::known;
use super::table::{indented, wrapped};
use super::{Answer, CommandError, Outcome, kill_switch, list, words};
use crate::Features;
use crate::host::Glyphs;

/// How much is told.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Depth {
    /// Who had a say, in a user's words.
    WhatCounts,
    /// Every step of the evaluator, too, in its own words.
    EveryStep,
}

/// Tells how a feature came to stand as it does, or a kill switch.
pub(super) fn answer(features: &Features, name: &str, depth: Depth) -> Result<Answer, CommandError> {
    let (key, is_feature) = match (known(features, name), kill_switch::known(features, name)) {
        (Ok(feature), _) => (feature, true),
        (Err(_), Ok(kill_switch)) => (kill_switch, false),
        // Of the two errors this one may suggest a name of either.
        (Err(_), Err(CommandError::UnknownKillSwitch { name, suggestion })) => {
            return Err(CommandError::UnknownFeature { feature: name, suggestion });
        }
        (Err(error), Err(_)) => return Err(error),
    };
    let explanation = features.client().explain(&key);
    let mut text = if is_feature { text_about(features, &explanation) } else { kill_switch::about(features, &key) };
    match depth {
        Depth::EveryStep => text.push_str(&steps(&explanation)),
        Depth::WhatCounts => {
            text.push('\n');
            if let Some(needed) = &explanation.decision.failed_prerequisite {
                text.extend(["See about ", &**needed, ":  caro features why ", &**needed, "\n"]);
            }
            text.extend(["See every step:  caro features why ", &*key, " --verbose\n"]);
        }
    }
    Answer::new(Outcome::Shown, text, &explanation)
}

fn text_about(features: &Features, explanation: &ClientExplanation) -> String {
    let decision = &explanation.decision;
    let (key, state, because) = (&decision.key, words::state(decision), words::because(features, decision));
    let mut text = wrapped(&format!("{key} is {state} for this machine: {because}."), 2);
    let description = list::description(features, key);
    if !description.is_empty() {
        text.push_str(&wrapped(&format!("{description}."), 2));
    }
    let notes = list::held_back(decision).into_iter().chain(list::refusal(decision));
    for note in notes.chain(words::without_effect(features, decision)) {
        text.push_str(&wrapped(&format!("! {note}"), 2));
    }
    // A file that is left out may hold the very choice that the user is missing.
    for problem in features.problems().iter().filter(|problem| matches!(problem, Problem::File(_))) {
        text.push_str(&wrapped(&format!("! {}", words::problem(problem)), 2));
    }
    text.push_str("\nWho was asked, strongest first:\n");
    text.extend(explanation.layers.iter().map(|tried| layer(features, decision, tried)));
    if let (Some(flips_at), Some(share)) = (explanation.flips_at, explanation.share) {
        text.push('\n');
        text.push_str(&wrapped(&format!("The rollout is at {share}. This machine is in from {flips_at} on."), 2));
    }
    text
}

/// One layer on a line: its sign, its name, what it says and where, and what became of that.
fn layer(features: &Features, decision: &ClientDecision, tried: &LayerTried) -> String {
    let sign = match (features.glyphs(), tried.outcome) {
        (Glyphs::Unicode, LayerVerdict::Decided) => "→",
        (Glyphs::Ascii, LayerVerdict::Decided) => ">",
        (Glyphs::Unicode, LayerVerdict::OptedIn) => "✓",
        (Glyphs::Ascii, LayerVerdict::OptedIn) => "+",
        (_, LayerVerdict::Refused | LayerVerdict::HeldBack) => "!",
        _ => " ",
    };
    let has_place = tried.origin.place.is_some() || tried.origin.variable.is_some();
    let place = if has_place { format!(" ({})", words::exact(&tried.origin)) } else { String::new() };
    let value = match &tried.value {
        Some(LocalValue::Switch(true)) => "on, ".to_owned(),
        Some(LocalValue::Switch(false)) => "off, ".to_owned(),
        Some(variant) => format!("{variant}, "),
        None => String::new(),
    };
    let line =
        wrapped(&format!("{}{place}: {value}{}", words::layer(tried.layer), verdict(features, decision, tried)), 4);
    format!("{sign} {line}")
}

/// What became of a layer's say, for somebody who wants to know why, not how.
fn verdict(features: &Features, decision: &ClientDecision, tried: &LayerTried) -> String {
    let says = match (tried.outcome, tried.layer) {
        (LayerVerdict::Decided, _) if decision.reason == Reason::Killed => "switches it off",
        (LayerVerdict::Decided, Layer::CodeDefault | Layer::Snapshot) => {
            let version = if tried.layer == Layer::Snapshot { format!(" ({})", tried.detail) } else { String::new() };
            return match &decision.failed_prerequisite {
                Some(needed) => format!("off for want of {needed}{version}"),
                None => format!("{}, and this decides{version}", words::state(decision)),
            };
        }
        (LayerVerdict::Decided, _) => "and this decides",
        (LayerVerdict::OptedIn, _) => "you opted in, and the rollout decides",
        (LayerVerdict::Silent, Layer::Snapshot) if features.client().snapshot_info().is_none() => {
            "there are none on this machine"
        }
        (LayerVerdict::Silent, Layer::CodeDefault) => "this version of caro does not know it",
        (LayerVerdict::HeldBack, _) => "held back after crashes",
        (LayerVerdict::Overruled, layer) if !matches!(layer, Layer::CodeDefault | Layer::Snapshot) => {
            "but something stronger decides"
        }
        (LayerVerdict::Refused, _) => {
            return tried.refusal.as_ref().map_or_else(|| tried.detail.clone(), words::refused);
        }
        _ => &tried.detail,
    };
    says.to_owned()
}

/// What the evaluator did, step by step, in its own words.
fn steps(explanation: &ClientExplanation) -> String {
    let mut text = String::from("\nStep by step:\n");
    for step in &explanation.evaluation {
        let id = step.id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
        let step = format!("{}{id}: {}", step.layer.replace('_', " "), step.detail);
        text.push_str(&indented(&step, 2));
    }
    if explanation.evaluation.is_empty() {
        text.push_str("  none: there is no flag to evaluate\n");
    }
    if let Some(bucket) = explanation.bucket {
        text.push_str(&indented(&format!("this machine's place: {bucket} of 100000"), 2));
    }
    text
}
