use std::collections::HashMap;

use serde::Serialize;

use super::rule::{LintRule, Severity};
use crate::definition::{Definition, Definitions};

/// One thing that lint found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The rule.
    pub rule: LintRule,
    /// How much it weighs.
    pub severity: Severity,
    /// The flag it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<Box<str>>,
    /// The dotted place, `flags.command_history.rules[0].when`.
    pub place: String,
    /// What is wrong there.
    pub message: String,
    /// Why the flag may break the rule; absent where nothing allows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed: Option<String>,
}

/// What lint found, by flag in the order of the definitions; what is about no flag comes last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LintReport {
    /// What is to be mended.
    pub findings: Vec<Finding>,
    /// What the definitions allow, with the reasons.
    pub allowed: Vec<Finding>,
}

impl LintReport {
    /// Returns how many findings weigh that much.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Allows a rule for what is no flag: segments and groups, whose definitions have no place to say so. What nothing needed is found in its
    /// turn.
    pub fn allow_elsewhere(&mut self, rule: LintRule, reason: &str) {
        let is_meant = |finding: &mut Finding| finding.rule == rule && finding.flag.is_none() && rule.is_allowable();
        let meant: Vec<Finding> = self.findings.extract_if(.., is_meant).collect();
        if meant.is_empty() {
            let unused = LintRule::UnusedAllowance;
            self.findings.push(Finding {
                rule: unused,
                severity: unused.severity(),
                flag: None,
                place: format!("--allow {rule}"),
                message: format!("no segment and no group needs to be allowed \"{rule}\""),
                allowed: None,
            });
        }
        self.allowed.extend(meant.into_iter().map(|finding| Finding { allowed: Some(reason.to_owned()), ..finding }));
    }
}

/// Collects findings.
pub(super) struct Collector<'d> {
    pub(super) definitions: &'d Definitions,
    /// The flags with their places among the definitions.
    flags: HashMap<&'d str, (usize, &'d Definition)>,
    found: Vec<Finding>,
}

impl<'d> Collector<'d> {
    pub(super) fn new(definitions: &'d Definitions) -> Self {
        let flags = definitions.flags.iter().enumerate().map(|(place, (key, flag))| (key, (place, flag))).collect();
        Self { definitions, flags, found: Vec::new() }
    }

    /// Notes a finding about a flag, at a place within it (empty for the flag as a whole).
    pub(super) fn flag(&mut self, rule: LintRule, flag: &str, within: &str, message: impl Into<String>) {
        let dot = if within.is_empty() { "" } else { "." };
        let place = format!("flags.{}{dot}{within}", key(flag));
        let allowance = self.flags.get(flag).and_then(|(_, found)| found.lint.allowance(rule.id()));
        let allowed = allowance.filter(|_| rule.is_allowable()).map(|allowance| allowance.reason.clone());
        let message = message.into();
        self.found.push(Finding { rule, severity: rule.severity(), flag: Some(flag.into()), place, message, allowed });
    }

    /// Notes a finding about something that is no flag, `segments` or `groups`.
    pub(super) fn other(&mut self, rule: LintRule, table: &str, name: &str, message: impl Into<String>) {
        let place = format!("{table}.{}", key(name));
        let message = message.into();
        self.found.push(Finding { rule, severity: rule.severity(), flag: None, place, message, allowed: None });
    }

    /// Tells whether a rule found something about a flag.
    pub(super) fn has(&self, rule: &str, flag: &str) -> bool {
        self.found.iter().any(|finding| finding.rule.id() == rule && finding.flag.as_deref() == Some(flag))
    }

    pub(super) fn report(self) -> LintReport {
        let place = |flag: Option<&str>| flag.and_then(|flag| self.flags.get(flag)).map(|(place, _)| *place);
        let mut found: Vec<(usize, Finding)> =
            self.found.into_iter().map(|one| (place(one.flag.as_deref()).unwrap_or(usize::MAX), one)).collect();
        found.sort_by(|(left, one), (right, other)| {
            (left, one.rule, &one.place).cmp(&(right, other.rule, &other.place))
        });
        let (allowed, findings) = found.into_iter().map(|(_, one)| one).partition(|one| one.allowed.is_some());
        LintReport { findings, allowed }
    }
}

/// Returns a name as the authoring file's places spell it.
fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !name.is_empty() && name.bytes().all(bare) { name.into() } else { format!("{name:?}") }
}
