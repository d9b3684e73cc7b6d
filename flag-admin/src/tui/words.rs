//! Definitions in words.

use flag_core::Value;
use flag_core::wire::{Condition, Flag, Kind, Operator, OptIn, Serve, Stage};

pub(super) const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Release => "release",
        Kind::Experiment => "experiment",
        Kind::Ops => "ops",
        Kind::Permission => "permission",
        Kind::KillSwitch => "kill switch",
        _ => "other",
    }
}

pub(super) const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Development => "development",
        Stage::Internal => "internal",
        Stage::Beta => "beta",
        Stage::Ga => "ga",
        Stage::Deprecated => "deprecated",
        _ => "other",
    }
}

pub(super) const fn opt_in(opt_in: OptIn) -> &'static str {
    match opt_in {
        OptIn::None => "no",
        OptIn::Allowed => "users may turn it on",
        OptIn::Required => "only users who opted in can be exposed",
        _ => "other",
    }
}

pub(super) fn value(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Says whom a condition is for: `os is "macos" and arch is "aarch64"`.
pub(super) fn condition(condition: &Condition) -> String {
    joined(condition, Around::Nothing)
}

/// What stands around a condition, and so whether it needs brackets.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Around {
    Nothing,
    Others,
}

fn joined(condition: &Condition, around: Around) -> String {
    let list = |parts: &[Condition], word: &str, none: &str| {
        let inner = if parts.len() > 1 { Around::Others } else { around };
        let text = parts.iter().map(|part| joined(part, inner)).collect::<Vec<_>>().join(word);
        match parts.len() {
            0 => none.to_owned(),
            1 => text,
            _ if around == Around::Others => format!("({text})"),
            _ => text,
        }
    };
    match condition {
        Condition { all: Some(parts), .. } => list(parts, " and ", "anyone"),
        Condition { any: Some(parts), .. } => list(parts, " or ", "nobody"),
        Condition { not: Some(part), .. } => format!("not {}", joined(part, Around::Others)),
        Condition { segment: Some(name), .. } => format!("in segment {name}"),
        Condition { attribute: Some(attribute), operator: Some(operator), values, .. } => {
            let values = values.as_deref().unwrap_or_default();
            format!("{attribute} {}", test(operator, values)).trim_end().to_owned()
        }
        _ => "a condition of another form".to_owned(),
    }
}

fn test(operator: &Operator, values: &[Value]) -> String {
    let verb = match operator {
        Operator::Equals | Operator::In => "is",
        Operator::StartsWithIgnoreCase => "in any case starts with",
        Operator::EndsWithIgnoreCase => "in any case ends with",
        Operator::ContainsIgnoreCase => "in any case contains",
        Operator::Greater => ">",
        Operator::GreaterOrEqual => ">=",
        Operator::Less => "<",
        Operator::LessOrEqual => "<=",
        Operator::SemverEquals => "is version",
        Operator::SemverGreater => "is above version",
        Operator::SemverGreaterOrEqual => "is at least version",
        Operator::SemverLess => "is below version",
        Operator::SemverLessOrEqual => "is at most version",
        Operator::SemverCaret => "is compatible with version ^",
        Operator::SemverTilde => "is close to version ~",
        Operator::Before => "is before",
        Operator::After => "is after",
        Operator::InCidr => "is in network",
        Operator::Exists => "is present",
        other => return format!("{} {}", other.as_str().replace('_', " "), list(values)),
    };
    format!("{verb} {}", list(values))
}

fn list(values: &[Value]) -> String {
    values.iter().map(value).collect::<Vec<_>>().join(" or ")
}

/// Says what is served: `on`, or `on to 25%, else off`.
pub(super) fn serve(serve: &Serve) -> String {
    let Some(exposure) = serve.exposure else {
        return format!("{} to everyone", serve.variant.as_deref().unwrap_or("nothing"));
    };
    let otherwise = serve.otherwise.as_deref().unwrap_or("the off variant");
    let shares: Vec<(&str, u32)> = serve
        .allocation
        .iter()
        .flat_map(flag_core::wire::Entries::iter)
        .map(|(variant, ranges)| (variant, ranges.iter().map(|range| range.width()).sum()))
        .collect();
    let served = match shares.as_slice() {
        [] => "nothing".to_owned(),
        [(variant, _)] => (*variant).to_owned(),
        several => several
            .iter()
            .map(|(variant, width)| format!("{variant} {}", percent(*width)))
            .collect::<Vec<_>>()
            .join(" / "),
    };
    format!("{served} to {exposure}, else {otherwise}")
}

fn percent(thousandths: u32) -> String {
    flag_core::Share::from_thousandths(thousandths).map_or_else(|_| thousandths.to_string(), |share| share.to_string())
}

/// Says what else a flag needs, one thing a line.
pub(super) fn conditions_of(flag: &Flag) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    for needed in &flag.prerequisites {
        facts.push(("Needs", format!("{} to serve {}", needed.flag, needed.variants.join(" or "))));
    }
    if flag.opt_in != OptIn::None {
        facts.push(("Opt-in", opt_in(flag.opt_in).to_owned()));
    }
    if let Some(unit) = &flag.unit {
        facts.push(("Unit", unit.to_string()));
    }
    if let Some(time) = flag.off_after {
        facts.push(("Off after", time.to_string()));
    }
    if let Some(group) = &flag.group {
        facts.push(("Group", group.name.to_string()));
    }
    if flag.holdout != flag_core::Share::NOBODY {
        facts.push(("Holdout", flag.holdout.to_string()));
    }
    if flag.critical {
        facts.push(("Critical", "cannot be turned on locally".to_owned()));
    } else if flag.overridable {
        facts.push(("Override", "users may turn it on locally".to_owned()));
    }
    facts
}
