use flag_client::{ClientExplanation, LayerTried, LayerVerdict, Problem};

use super::choose::known;
use super::table::{indented, wrapped};
use super::{Answer, CommandError, Outcome, list, words};
use crate::Features;
use crate::host::Glyphs;

/// Tells how a feature came to stand as it does.
pub(super) fn answer(features: &Features, feature: &str) -> Result<Answer, CommandError> {
    let feature = known(features, feature)?;
    let explanation = features.client().explain(&feature);
    let text = text(features, &explanation);
    Answer::new(Outcome::Shown, text, &explanation)
}

fn text(features: &Features, explanation: &ClientExplanation) -> String {
    let decision = &explanation.decision;
    let (key, state, because) = (&decision.key, words::state(decision), words::because_exactly(features, explanation));
    let mut text = wrapped(&format!("{key} is {state} for this machine: {because}."), 2);
    let description = list::description(features, key);
    if !description.is_empty() {
        text.push_str(&wrapped(&format!("{description}."), 2));
    }
    // A file that is left out may hold the very choice that the user is missing.
    for problem in features.problems().iter().filter(|problem| matches!(problem, Problem::File(_))) {
        text.push_str(&wrapped(&format!("! {}", words::problem(problem)), 2));
    }
    text.push_str("\nWho was asked, strongest first:\n");
    text.extend(explanation.layers.iter().map(|tried| layer(features, tried)));
    if !explanation.evaluation.is_empty() {
        text.push_str("\nStep by step:\n");
        for step in &explanation.evaluation {
            let id = step.id.as_ref().map(|id| format!(" {id}")).unwrap_or_default();
            let step = format!("{}{id}: {}", step.layer.replace('_', " "), step.detail);
            text.push_str(&indented(&step, 2));
        }
    }
    if let (Some(flips_at), Some(share)) = (explanation.flips_at, explanation.share) {
        text.push('\n');
        text.push_str(&wrapped(&format!("The rollout is at {share}. This machine is in from {flips_at} on."), 2));
    }
    for note in list::held_back(decision).into_iter().chain(list::refusal(decision)) {
        text.push('\n');
        text.push_str(&wrapped(&format!("! {note}"), 2));
    }
    text
}

/// One layer on a line: its sign, its name, what it says and where, and what became of that.
fn layer(features: &Features, tried: &LayerTried) -> String {
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
    let value = tried.value.as_ref().map(|value| format!("{value}, ")).unwrap_or_default();
    let detail = tried.refusal.as_ref().map_or_else(|| tried.detail.clone(), words::refused);
    let line = wrapped(&format!("{}{place}: {value}{detail}", tried.layer), 4);
    format!("{sign} {line}")
}
