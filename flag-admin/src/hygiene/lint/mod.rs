//! What is worth mending in definitions that evaluators accept. Every finding is certain: what cannot be proved is not told.

mod finding;
mod lifetime;
mod logic;
mod naming;
mod personal_data;
mod probe;
mod references;
mod rule;
mod rules;
mod sarif;
#[cfg(test)]
mod tests;
mod thresholds;

use std::collections::BTreeMap;

use flag_core::{FlagKey, Timestamp};

use self::finding::Collector;
pub use self::finding::{Finding, LintReport};
pub(super) use self::lifetime::is_long_lived;
pub use self::rule::{LintRule, Severity, UnknownRule};
pub use self::sarif::{Sarif, sarif};
use crate::definition::Definitions;

/// What lint has to know besides the definitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LintFacts {
    /// The time now.
    pub now: Timestamp,
    /// When each flag was made, as far as the log tells.
    pub created: BTreeMap<FlagKey, Timestamp>,
}

/// Holds definitions against every rule.
pub fn lint(definitions: &Definitions, facts: &LintFacts) -> LintReport {
    let mut collector = Collector::new(definitions);
    naming::check(&mut collector);
    personal_data::check(&mut collector);
    lifetime::check(&mut collector, facts);
    rules::check(&mut collector);
    thresholds::check(&mut collector);
    references::check(&mut collector);
    allowances(&mut collector);
    collector.report()
}

/// Judges the allowances themselves, once everything they may allow is found.
fn allowances(collector: &mut Collector<'_>) {
    for (key, definition) in collector.definitions.flags.iter() {
        for (index, allowance) in definition.lint.allow.iter().enumerate() {
            let within = format!("lint.allow[{index}].rule");
            match allowance.rule.parse::<LintRule>() {
                Ok(rule) if !rule.is_allowable() || !collector.has(rule.id(), key) => {
                    let message = format!("{key:?} does not need to be allowed {:?}", allowance.rule);
                    collector.flag(LintRule::UnusedAllowance, key, &within, message);
                }
                Ok(_) => {}
                Err(unknown) => {
                    let meant =
                        unknown.closest.map(|closest| format!(", did you mean {closest:?}?")).unwrap_or_default();
                    collector.flag(LintRule::UnknownLintRule, key, &within, format!("{unknown}{meant}"));
                }
            }
        }
    }
}
