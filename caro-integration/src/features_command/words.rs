//! What decisions mean, for somebody who has never heard of a ruleset.

use std::path::Path;

use flag_client::{ClientDecision, Effect, Kind, Layer, Origin, Permission, Problem, Reason, Refusal, Share, Stage};

use super::error::with_causes;
use crate::flags::MLX_BACKEND;
use crate::host::Glyphs;
use crate::{Backend, Features, select_backend};

/// Returns `on` or `off`, or the variant's name where there are more than those two.
pub(crate) fn state(decision: &ClientDecision) -> String {
    match (&decision.value, &decision.variant) {
        (Some(value), Some(variant)) if value.as_bool().is_none() => variant.clone(),
        _ => if decision.enabled { "on" } else { "off" }.to_owned(),
    }
}

/// Tells whether the feature is one of variants rather than on or off.
pub(crate) fn has_variants(decision: &ClientDecision) -> bool {
    decision.value.as_ref().is_some_and(|value| value.as_bool().is_none())
}

pub(crate) fn glyph(decision: &ClientDecision, glyphs: Glyphs) -> &'static str {
    match (glyphs, decision.reason, decision.enabled) {
        (Glyphs::Unicode, Reason::Killed, _) => "✗",
        (Glyphs::Unicode, _, true) => "●",
        (Glyphs::Unicode, _, false) => "○",
        (Glyphs::Ascii, Reason::Killed, _) => "x",
        (Glyphs::Ascii, _, true) => "*",
        (Glyphs::Ascii, _, false) => "-",
    }
}

pub(crate) const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Development => "development",
        Stage::Internal => "internal",
        Stage::Beta => "beta",
        Stage::Ga => "ga",
        Stage::Deprecated => "deprecated",
        _ => "unknown",
    }
}

/// Returns what decided in a few letters, for a column.
pub(crate) fn decided_by(decision: &ClientDecision) -> String {
    let opted_in = decision.chosen.as_ref().is_some_and(|chosen| chosen.effect == Effect::OptsIn);
    let share = decision.share.map(|share| format!(" {share}")).unwrap_or_default();
    match decision.reason {
        Reason::Killed => "kill switch".to_owned(),
        _ if decision.held_back.is_some() && decision.chosen.is_none() => "held back".to_owned(),
        Reason::Disabled => "disabled for all".to_owned(),
        Reason::Expired => "past its end".to_owned(),
        Reason::PrerequisiteFailed => decision
            .failed_prerequisite
            .as_ref()
            .map_or_else(|| "other feature".to_owned(), |needed| format!("needs {needed}")),
        Reason::Split if decision.kind == Kind::Experiment => format!("experiment{share}"),
        Reason::Split if opted_in => format!("opt-in,{share}"),
        Reason::Split if decision.share == Some(Share::NOBODY) => "not rolled out".to_owned(),
        Reason::Split => format!("rollout{share}"),
        Reason::NotOptedIn => "needs your opt-in".to_owned(),
        Reason::TargetingKeyMissing => "no install id".to_owned(),
        Reason::Excluded => "other experiment".to_owned(),
        Reason::HeldOut => "held out".to_owned(),
        Reason::TargetingMatch => "published rule".to_owned(),
        _ => short(&decision.origin),
    }
}

fn short(origin: &Origin) -> String {
    let file_and_line = origin.place.as_ref().map(|place| {
        let name = place.file.file_name().unwrap_or(place.file.as_os_str());
        format!("{}:{}", name.to_string_lossy(), place.line)
    });
    match (origin.layer, file_and_line, &origin.variable) {
        (Layer::CodeDefault, ..) => "default".to_owned(),
        (Layer::Snapshot, ..) => "published".to_owned(),
        (Layer::TestCode, ..) => "test code".to_owned(),
        (Layer::CommandLine, ..) => "command line".to_owned(),
        (_, Some(place), _) => place,
        (_, None, Some(variable)) if variable.len() <= VARIABLE_WIDTH => variable.to_string(),
        (_, None, Some(_)) => "environment".to_owned(),
        (layer, None, None) => layer.to_string(),
    }
}

/// The longest environment variable that a column names.
const VARIABLE_WIDTH: usize = 20;

/// Returns what the user may do about a feature as it stands, in a word or two; nothing where they may do nothing.
pub(crate) fn user_may(decision: &ClientDecision) -> &'static str {
    let opted_in = decision.chosen.as_ref().is_some_and(|chosen| chosen.effect == Effect::OptsIn);
    match (&decision.may_enable, &decision.may_disable) {
        // A choice is kept, but shows no effect while the kill stands.
        _ if decision.reason == Reason::Killed => "",
        (_, may_disable) if opted_in && may_disable.is_allowed() => "opt out",
        (_, may_disable) if decision.enabled && may_disable.is_allowed() => "disable",
        (Permission::OptsIn, _) if !decision.enabled => "opt in",
        (Permission::Allowed, _) if !decision.enabled => "enable",
        _ => "",
    }
}

/// Returns why a feature stands as it does, to follow on "because" or a colon.
pub(crate) fn because(features: &Features, decision: &ClientDecision) -> String {
    let place = exact(&decision.origin);
    let share = decision.share.unwrap_or(Share::NOBODY);
    match decision.reason {
        Reason::Killed => "a kill switch holds it off".to_owned(),
        Reason::Forced => "test code forces it".to_owned(),
        Reason::Disabled => "it is switched off for everyone".to_owned(),
        Reason::Expired => "its time is over".to_owned(),
        Reason::PrerequisiteFailed => match decision.failed_prerequisite.as_deref() {
            Some(needed) if features.is_killed(needed) => format!("it needs {needed}, which is switched off"),
            Some(needed) if !features.is_enabled(needed) => format!("it needs {needed}, which is off"),
            Some(needed) => format!("it needs {needed} to serve something else"),
            None => "it needs another feature".to_owned(),
        },
        Reason::Override => match decision.origin.layer {
            Layer::Environment => format!("{place} says so"),
            _ => format!("you chose so ({place})"),
        },
        Reason::TargetingMatch => "it is published so for machines like this one".to_owned(),
        Reason::Split if has_variants(decision) => "this is the group that this machine was drawn into".to_owned(),
        Reason::Split if decision.enabled => format!("you are in the {share} that have it"),
        Reason::Split if share == Share::NOBODY => "its rollout has not begun".to_owned(),
        Reason::Split => format!("not yet in the rollout ({share})"),
        Reason::TargetingKeyMissing => "this machine has no install id, which its rollout needs".to_owned(),
        Reason::NotOptedIn => "only those who opt in can have it".to_owned(),
        Reason::Excluded => "this machine is kept for another experiment".to_owned(),
        Reason::HeldOut => "this machine is among those that stay without, for comparison".to_owned(),
        Reason::ParseError => "its published form cannot be read, so the default holds".to_owned(),
        _ => match decision.origin.layer {
            Layer::Snapshot => "it is published so for everyone".to_owned(),
            Layer::CodeDefault => "that is the default".to_owned(),
            layer => format!("{layer} say so ({place})"),
        },
    }
}

/// Returns the exact place something was set, as the user would name it: `~/.caro/config.toml:12`, `CARO_FF_MLX_BACKEND`.
pub(crate) fn exact(origin: &Origin) -> String {
    match (&origin.place, &origin.variable) {
        (Some(place), _) => format!("{}:{}", path(&place.file), place.line),
        (None, Some(variable)) => variable.to_string(),
        (None, None) => origin.layer.to_string(),
    }
}

/// Returns a layer as a user would name it.
pub(crate) const fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::UserOverride => "your choice",
        layer => layer.describe(),
    }
}

/// Returns what is to be said about a feature that is on where it can do nothing.
pub(crate) fn without_effect(features: &Features, decision: &ClientDecision) -> Option<String> {
    let is_mlx_elsewhere = *decision.key == *MLX_BACKEND.key() && !features.platform().is_apple_silicon();
    (is_mlx_elsewhere && decision.enabled).then(|| {
        let backend = select_backend(features, features.platform());
        format!(
            "mlx_backend has no effect here: MLX needs a Mac with Apple Silicon. caro uses {} instead",
            match backend {
                Backend::Ollama => "Ollama",
                _ => "its embedded model",
            }
        )
    })
}

/// Returns who holds a kill switch, in words: `the environment (CARO_KILL) and the published flags`.
pub(crate) fn holders(origins: &[Origin]) -> String {
    let holder = |origin: &Origin| match (&origin.place, &origin.variable) {
        (None, None) => origin.layer.to_string(),
        _ => format!("{} ({})", origin.layer, exact(origin)),
    };
    origins.iter().map(holder).collect::<Vec<_>>().join(" and ")
}

/// Returns why a choice is not obeyed, to follow on "since" or a colon.
pub(crate) fn refused(why: &Refusal) -> String {
    match why {
        Refusal::Critical => "it is critical, and only caro's team can turn it on".to_owned(),
        Refusal::NotOverridable => "caro's team decides it for everyone".to_owned(),
        Refusal::OptInOnly => "you can opt in, but the rollout decides what you get".to_owned(),
        Refusal::NotDeclared => "this version of caro does not know it".to_owned(),
        Refusal::NoVariant { variant, expected } => format!("it can be {}, but not {variant:?}", choices(expected)),
        Refusal::NoOnVariant { expected } => format!("it is not on or off, but can be {}", choices(expected)),
        why => why.to_string(),
    }
}

/// Returns all that went wrong. What is held back is no problem: it is noted with the feature.
pub(crate) fn problems(features: &Features) -> Vec<String> {
    let problems = features.problems();
    problems.iter().filter(|problem| !matches!(problem, Problem::HeldBack { .. })).map(self::problem).collect()
}

/// Returns what went wrong, as far as it concerns the user's own files in words about features.
pub(crate) fn problem(problem: &Problem) -> String {
    match problem {
        Problem::File(_) => format!("a file is left out whole: {}", with_causes(problem)),
        Problem::UnknownFlag { origin, flag } => format!("{}: no feature is named {flag:?}", exact(origin)),
        Problem::BaseValue { origin, flag, why } => {
            format!("{}: {flag} is left alone: {}", exact(origin), refused(why))
        }
        problem => with_causes(problem),
    }
}

/// Turns a list into a choice: `"a", "b", "c"` into `"a", "b" or "c"`.
fn choices(names: &str) -> String {
    match names.rsplit_once(", ") {
        Some((others, last)) => format!("{others} or {last}"),
        None => names.to_owned(),
    }
}

/// Returns a path, with the user's own home folder written as `~`.
pub(crate) fn path(path: &Path) -> String {
    match dirs::home_dir().filter(|home| home.parent().is_some()).and_then(|home| path.strip_prefix(home).ok()) {
        Some(below_home) => Path::new("~").join(below_home).display().to_string(),
        None => path.display().to_string(),
    }
}
