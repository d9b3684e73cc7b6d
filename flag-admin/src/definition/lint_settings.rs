use serde::{Deserialize, Serialize};

/// What lint is told about a flag. It stays in the log and decides nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LintSettings {
    /// The findings that stand, each with the reason.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<Allowance>,
}

/// A rule of lint that a flag may break.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// The rule's id, `naming-pattern`.
    pub rule: String,
    /// Why the flag may break it.
    pub reason: String,
}

impl LintSettings {
    /// Tells whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what allows a flag to break a rule.
    pub fn allowance(&self, rule: &str) -> Option<&Allowance> {
        self.allow.iter().find(|allowance| allowance.rule == rule)
    }
}
