//! What every flag has to say about itself, and how long it may live.

use flag_core::wire::Kind;
use flag_core::{FlagKey, Timestamp};

use super::LintFacts;
use super::finding::Collector;
use super::rule::LintRule;
use crate::definition::{CivilDate, Definition, Documentation};
use crate::hygiene::calendar::{day_of, months_after};

/// How long a flag may live.
const LIFESPAN_MONTHS: u32 = 6;
/// How long a back door may stand open.
const DEBUG_MAX_HOURS: i64 = 24;
const MILLIS_PER_HOUR: i64 = 3_600_000;
/// Words in the keys of flags that open a back door.
const BACK_DOORS: &[&str] = &["admin", "backdoor", "debug"];
/// The tag of flags that belong to a platform.
const PLATFORM: &str = "platform";

/// Tells whether a flag may stay for long.
pub(in crate::hygiene) fn is_long_lived(definition: &Definition) -> bool {
    let tagged = || definition.documentation.tags.iter().any(|tag| tag == PLATFORM);
    matches!(definition.flag.kind, Kind::KillSwitch | Kind::Ops) || tagged()
}

pub(super) fn check(collector: &mut Collector<'_>, facts: &LintFacts) {
    let Some(today) = day_of(facts.now) else { return };
    for (key, definition) in collector.definitions.flags.iter() {
        let documentation = &definition.documentation;
        let missing = missing(documentation);
        if !missing.is_empty() {
            let message = format!("{key:?} is not documented: {} missing", missing.join(", "));
            collector.flag(LintRule::MissingDocumentation, key, "documentation", message);
        }
        if documentation.owner.as_deref().is_none_or(is_blank) {
            let message = format!("{key:?} has no owner, expected documentation.owner = \"@name\"");
            collector.flag(LintRule::MissingOwner, key, "documentation", message);
        }
        expiry(collector, key, definition, facts, &today);
        debug(collector, key, definition, facts.now);
    }
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

fn missing(documentation: &Documentation) -> Vec<&'static str> {
    let Documentation { description, default, status, rollout, rollback, tracking, .. } = documentation;
    let no_text = |text: &Option<String>| text.as_deref().is_none_or(is_blank);
    let added = documentation.added.as_ref();
    [
        ("description", no_text(description)),
        ("added", added.is_none_or(|added| added.version.is_none() && added.date.is_none())),
        ("default", no_text(default)),
        ("status", no_text(status)),
        ("rollout", no_text(rollout)),
        ("risks", documentation.risks.is_empty()),
        ("metrics", documentation.metrics.is_empty()),
        ("rollback", no_text(rollback)),
        ("tracking", no_text(tracking)),
    ]
    .into_iter()
    .filter_map(|(name, is_missing)| is_missing.then_some(name))
    .collect()
}

fn expiry(collector: &mut Collector<'_>, key: &str, definition: &Definition, facts: &LintFacts, today: &CivilDate) {
    let documentation = &definition.documentation;
    let within = "documentation.expires";
    let day = documentation.expires.as_ref().and_then(|expires| expires.date.as_ref());
    let Some(day) = day else {
        if !is_long_lived(definition) {
            let message = match documentation.expires.as_ref().and_then(|expires| expires.version.as_deref()) {
                Some(version) => format!("{key:?} expires with {version:?}, expected a date as well"),
                None => format!("{key:?} does not expire, expected documentation.expires = {{ date = \"...\" }}"),
            };
            collector.flag(LintRule::MissingExpiry, key, within, message);
        }
        return;
    };
    let made = key.parse::<FlagKey>().ok().and_then(|key| facts.created.get(&key).copied()).and_then(day_of);
    let added = documentation.added.as_ref().and_then(|added| added.date.clone());
    let from = added.or(made).unwrap_or_else(|| today.clone());
    let latest = months_after(&from, LIFESPAN_MONTHS);
    if let Some(latest) = latest.filter(|latest| day > latest && !is_long_lived(definition)) {
        let message = format!("{key:?} expires on {day}, expected {latest} at the latest, six months after {from}");
        collector.flag(LintRule::ExpiryTooFar, key, within, message);
    }
    if day < today {
        collector.flag(LintRule::Expired, key, within, format!("{key:?} should be gone since {day}"));
    }
}

fn debug(collector: &mut Collector<'_>, key: &str, definition: &Definition, now: Timestamp) {
    let lower = key.to_lowercase();
    let Some(word) = lower.split(['_', '.', '-']).find(|word| BACK_DOORS.contains(word)) else { return };
    let latest = now.saturating_add_millis(DEBUG_MAX_HOURS * MILLIS_PER_HOUR);
    let message = match definition.flag.off_after {
        Some(off) if off <= latest => return,
        Some(off) => format!("{word:?} flag {key:?} is off after {off}, expected {latest} at the latest, in 24 hours"),
        None => format!("{word:?} flag {key:?} has no off_after, expected one within 24 hours"),
    };
    collector.flag(LintRule::DebugDeadline, key, "off_after", message);
}
