//! The fields of a flag that commands take as options.

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use flag_core::wire::{Kind, OptIn};
use flag_core::{Timestamp, Value};
use serde::de::DeserializeOwned;

use super::attribute::parse_attribute;
use crate::definition::{CivilDate, Definition, Documentation, Metric, Milestone};

/// What a flag may be told on the command line.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub(super) struct FieldArguments {
    /// What it is for
    #[arg(long, value_parser = PossibleValuesParser::new(["release", "experiment", "ops", "permission", "kill_switch"]).map(|word| named::<Kind>(&word)))]
    pub(super) kind: Option<Kind>,
    /// What users call it
    #[arg(long, value_name = "TEXT")]
    pub(super) title: Option<String>,
    /// What it does, in a sentence
    #[arg(long, value_name = "TEXT")]
    pub(super) description: Option<String>,
    /// Who answers for it
    #[arg(long, value_name = "@NAME")]
    pub(super) owner: Option<String>,
    /// When it should be gone: a day to come, a version, or both: v1.3.0,2026-05-01
    #[arg(long, value_name = "DAY|VERSION", value_parser = milestone)]
    pub(super) expires: Option<Milestone>,
    /// How it stands
    #[arg(long, value_name = "TEXT")]
    pub(super) status: Option<String>,
    /// Something that may go wrong; may be repeated
    #[arg(long = "risk", value_name = "TEXT")]
    pub(super) risks: Vec<String>,
    /// What is watched, with the value it should keep: 'error_rate<5%'; may be repeated
    #[arg(long = "metric", value_name = "NAME[TARGET]", value_parser = metric)]
    pub(super) metrics: Vec<Metric>,
    /// How to take it back
    #[arg(long, value_name = "TEXT")]
    pub(super) rollback: Option<String>,
    /// What users should know about their data
    #[arg(long, value_name = "TEXT")]
    pub(super) privacy: Option<String>,
    /// What users should know besides
    #[arg(long, value_name = "TEXT")]
    pub(super) note: Option<String>,
    /// Where the work is tracked
    #[arg(long, value_name = "TEXT")]
    pub(super) tracking: Option<String>,
    /// A word to find it by; may be repeated
    #[arg(long = "tag", value_name = "WORD")]
    pub(super) tags: Vec<String>,
    /// What a user's own enabling means
    #[arg(long, value_parser = PossibleValuesParser::new(["none", "allowed", "required"]).map(|word| named::<OptIn>(&word)))]
    pub(super) opt_in: Option<OptIn>,
    /// Whether users may turn it on locally
    #[arg(long, value_name = "BOOL")]
    pub(super) overridable: Option<bool>,
    /// Whether it is critical: nobody turns it on locally, and exposing anyone takes two
    #[arg(long, value_name = "BOOL")]
    pub(super) critical: Option<bool>,
    /// From when on it is off, RFC 3339
    #[arg(long, value_name = "TIME")]
    pub(super) off_after: Option<Timestamp>,
}

/// Returns a value of a closed set by the name that JSON has for it.
pub(super) fn named<T: DeserializeOwned + Default>(word: &str) -> T {
    // The parser lets known names through alone.
    serde_json::from_value(serde_json::Value::from(word)).unwrap_or_default()
}

/// Reads `2026-05-01`, `v1.3.0`, or both with a comma in between.
fn milestone(text: &str) -> Result<Milestone, String> {
    let mut milestone = Milestone::default();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let is_day = part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') && part.contains('-');
        let slot_is_taken = if is_day {
            let day = part.parse::<CivilDate>().map_err(|error| error.to_string())?;
            milestone.date.replace(day).is_some()
        } else {
            milestone.version.replace(part.to_owned()).is_some()
        };
        if slot_is_taken {
            return Err(format!("{text:?} names two of a kind, expected one day and one version at most"));
        }
    }
    if milestone == Milestone::default() {
        return Err(format!("{text:?} names nothing, expected a day such as 2026-05-01, or a version"));
    }
    Ok(milestone)
}

/// Reads `error_rate`, or `error_rate<5%`.
fn metric(text: &str) -> Result<Metric, String> {
    let at = text.find(['<', '>', '=']).unwrap_or(text.len());
    let (name, target) = text.split_at(at);
    if name.trim().is_empty() {
        return Err(format!("{text:?} names no metric, expected such as 'error_rate<5%'"));
    }
    let target = (!target.is_empty()).then(|| target.parse()).transpose();
    let target = target.map_err(|error: crate::definition::TargetError| error.to_string())?;
    Ok(Metric { name: name.trim().to_owned(), target })
}

/// Reads a variant, `NAME=VALUE`.
pub(super) fn variant(text: &str) -> Result<(String, Value), String> {
    parse_attribute(text).map_err(|error| error.to_string().replacen("attribute", "variant", 1))
}

impl FieldArguments {
    /// Tells whether nothing is named.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Writes what is named into a definition. Lists grow, everything else is replaced.
    pub(super) fn write(&self, definition: &mut Definition) {
        fn replace<T: Clone>(slot: &mut T, given: Option<&T>) {
            if let Some(given) = given {
                slot.clone_from(given);
            }
        }
        fn replace_some<T: Clone>(slot: &mut Option<T>, given: Option<&T>) {
            if let Some(given) = given {
                *slot = Some(given.clone());
            }
        }
        let Definition { flag, documentation, .. } = definition;
        replace(&mut flag.kind, self.kind.as_ref());
        replace(&mut flag.opt_in, self.opt_in.as_ref());
        replace(&mut flag.overridable, self.overridable.as_ref());
        replace(&mut flag.critical, self.critical.as_ref());
        replace_some(&mut flag.off_after, self.off_after.as_ref());
        let Documentation { title, description, owner, expires, status, rollback, .. } = documentation;
        for (slot, given) in [
            (title, &self.title),
            (description, &self.description),
            (owner, &self.owner),
            (status, &self.status),
            (rollback, &self.rollback),
        ] {
            replace_some(slot, given.as_ref());
        }
        replace_some(expires, self.expires.as_ref());
        let Documentation { privacy, note, tracking, risks, metrics, tags, .. } = documentation;
        for (slot, given) in [(privacy, &self.privacy), (note, &self.note), (tracking, &self.tracking)] {
            replace_some(slot, given.as_ref());
        }
        for (list, given) in [(risks, &self.risks), (tags, &self.tags)] {
            for text in given {
                if !list.contains(text) {
                    list.push(text.clone());
                }
            }
        }
        for given in &self.metrics {
            match metrics.iter_mut().find(|known| known.name == given.name) {
                Some(known) => *known = given.clone(),
                None => metrics.push(given.clone()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milestones_are_days_versions_or_both() {
        let day = |text: &str| Some(text.parse::<CivilDate>().unwrap());
        for (text, version, date) in [
            ("2026-05-01", None, day("2026-05-01")),
            ("v1.3.0", Some("v1.3.0"), None),
            ("v1.3.0-rc-1", Some("v1.3.0-rc-1"), None),
            ("v1.3.0,2026-05-01", Some("v1.3.0"), day("2026-05-01")),
        ] {
            let expected = Milestone { version: version.map(str::to_owned), date };
            assert_eq!(milestone(text).unwrap(), expected, "{text}");
        }
        for (text, message) in [
            ("2026-02-30", "date \"2026-02-30\" is not in the calendar"),
            ("v1,v2", "\"v1,v2\" names two of a kind, expected one day and one version at most"),
            (",", "\",\" names nothing, expected a day such as 2026-05-01, or a version"),
        ] {
            assert_eq!(milestone(text).unwrap_err(), message);
        }
    }

    #[test]
    fn metrics_may_have_targets() {
        assert_eq!(metric("adoption").unwrap(), Metric { name: "adoption".to_owned(), target: None });
        let target = metric("error_rate<5%").unwrap();
        assert_eq!((target.name.as_str(), target.target), ("error_rate", Some("<5%".parse().unwrap())));
        assert_eq!(metric("<5%").unwrap_err(), "\"<5%\" names no metric, expected such as 'error_rate<5%'");
    }
}
