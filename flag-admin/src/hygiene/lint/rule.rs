use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::definition::nearest;

/// How much a finding weighs.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a look.
    Warning,
    /// To be mended, or allowed with a reason.
    Error,
}

impl Severity {
    /// Returns the word shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident = $id:literal, $severity:ident, $summary:literal, $explanation:literal;)*) => {
        /// What lint looks for.
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum LintRule {
            $($(#[$doc])* $variant,)*
        }

        impl LintRule {
            /// Every rule, in the order in which they are listed.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the rule's stable id, in words joined by hyphens.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            /// Returns how much its findings weigh.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// Returns what it looks for, in a line.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary,)* }
            }

            /// Returns why, and what to do.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => $explanation,)* }
            }
        }
    };
}

rules! {
    /// A key that is not domain, feature, version.
    NamingPattern = "naming-pattern", Warning,
        "a key that is not <domain>_<feature>_<version?>",
        "A key of at least two words sorts with its domain and says what it switches: telemetry_cloud_sync, enhanced_safety_v2. A version stands \
         last and is spelt v2; other numbers say nothing. The key of a kill switch may be the capability alone. Which words are domains is not \
         judged.";
    /// A key that does not say what it switches.
    NamingVague = "naming-vague", Error,
        "a key that does not say what it switches",
        "new_feature, experiment_123 and temp_fix fit any flag, so nobody can tell in a year what they switch. A key that starts or ends with a \
         word such as temp, test or wip names a plan for the flag, not its feature. Name the feature; set when it ends with expires.";
    /// A key with somebody's name in it.
    NamingPersonal = "naming-personal", Error,
        "a key with the name of an owner in it, outside development",
        "alice_test is nobody's feature. Personal flags are for development only: name the feature before the flag leaves that stage. Only names \
         of owners in the same file are known.";
    /// Personal data in a name.
    PiiInName = "pii-in-name", Error,
        "personal data in the name of a flag, variant, rule, segment or group",
        "Names are published to every client and stand in logs. Looked for are e-mail addresses, telephone and payment card numbers; other \
         personal data is not detected.";
    /// Personal data in a value.
    PiiInValue = "pii-in-value", Error,
        "personal data in the value of a variant or of a condition",
        "Values are published to every client. Looked for are e-mail addresses, telephone and payment card numbers, single IP addresses, and ids \
         that the attribute unit is held against. Target a segment that the host decides, or an attribute such as team, instead.";
    /// A condition on a personal attribute.
    PiiInAttribute = "pii-in-attribute", Warning,
        "a condition that tests an attribute which is personal data",
        "A test of email, phone or a name needs hosts to hand personal data to flags. It stays on the machine, but an attribute such as team or \
         plan would do without.";
    /// Documentation that is not there.
    MissingDocumentation = "missing-documentation", Error,
        "a flag without the documentation that every flag needs",
        "Required are description, added, default, status, rollout, risks, metrics, rollback and tracking. They are what somebody reads who has \
         to decide at night whether to switch the flag off.";
    /// No owner.
    MissingOwner = "missing-owner", Error,
        "a flag that nobody answers for",
        "A flag without an owner is asked about by nobody and removed by nobody.";
    /// No date on which the flag should be gone.
    MissingExpiry = "missing-expiry", Error,
        "a flag that does not say on which day it should be gone",
        "Flags are temporary: set expires = { date = \"...\" } when making one. Kill switches, ops flags and flags tagged platform may stay.";
    /// More than six months of life.
    ExpiryTooFar = "expiry-too-far", Error,
        "a flag that means to live for more than six months",
        "A flag that lives longer than six months is not temporary: remove it or make it permanent. Counted from documentation.added, else from \
         the day the flag was made, else from today. Kill switches, ops flags and flags tagged platform may stay.";
    /// Past its day.
    Expired = "expired", Warning,
        "a flag that should be gone",
        "The day of expires is over. Nothing switches off by itself: see flag-admin stale for what to do.";
    /// A back door without an end.
    DebugDeadline = "debug-deadline", Error,
        "a debug or admin flag that does not switch itself off within 24 hours",
        "Flags named debug, admin or backdoor open a door in production. Give them off_after, at most 24 hours ahead.";
    /// A rule that an earlier one always takes over.
    ShadowedRule = "shadowed-rule", Error,
        "a rule that is never reached",
        "Whoever it is for is served by an earlier rule. Proved from the conditions: an earlier one that always holds or that the later one \
         implies, test by test. Not detected: several earlier rules that only together take everyone, and earlier rules that serve a split, \
         which whoever has no id passes by.";
    /// A condition that never holds.
    UnsatisfiableRule = "unsatisfiable-rule", Error,
        "a rule whose condition never holds",
        "Proved: an empty any, a condition together with its negation, and tests that exclude each other even where the attribute is a list. \
         Not detected: contradictions within regular expressions, networks, and parts of text.";
    /// Tests of one attribute that only a list could pass.
    ConflictingTests = "conflicting-tests", Warning,
        "tests of one attribute that no single value passes",
        "A list passes a test when one of its elements does, so a list may pass two tests that no single value passes. Where the attribute holds \
         one value, as os and app_version do, the rule never matches. Proved for equality with anything, and among numbers, versions and times.";
    /// A metric's target that nothing meets.
    UnreachableThreshold = "unreachable-threshold", Error,
        "a metric's target that no value meets",
        "A gate with such a target holds its rollout for ever: a rate above 100%, a duration below 0, or two targets of one metric that exclude \
         each other. Metrics whose names end in _rate are taken for shares of a whole.";
    /// A metric's target that everything meets.
    IdleThreshold = "idle-threshold", Warning,
        "a metric's target that every value meets",
        "A gate with such a target proves nothing: a rate of at least 0%, or a duration of at least 0. Metrics whose names end in _rate are taken \
         for shares of a whole.";
    /// A share that reaches into the holdout.
    UnreachableShare = "unreachable-share", Warning,
        "a rollout beyond what the flag's holdout leaves",
        "Units in the holdout are never exposed by a split. Where rollout and holdout come to more than 100%, the rollout already is at its end.";
    /// Two flags that draw the same buckets.
    SharedSeed = "shared-seed", Error,
        "two flags that draw the same buckets",
        "With one seed, the first 10% of one flag are the first 10% of the other: their effects cannot be told apart. Allow it where the same \
         users are wanted.";
    /// A number that JSON readers round.
    IntegerBeyondDouble = "integer-beyond-double", Warning,
        "a whole number beyond 2^53 - 1, which many readers of JSON round",
        "Programs that read JSON numbers as floating-point ones see another number. Use text.";
    /// Local choice of a flag that may not be chosen.
    IdleOverride = "idle-override", Warning,
        "a critical flag that offers users a choice",
        "Critical flags cannot be turned on locally, so overridable and opt_in = \"allowed\" do nothing.";
    /// A segment that nothing uses.
    UnusedSegment = "unused-segment", Warning,
        "a segment that no rule and no other segment names",
        "It is published to every client and decides nothing.";
    /// A group without flags.
    UnusedGroup = "unused-group", Warning,
        "an exclusion group without flags",
        "It is published to every client and decides nothing.";
    /// An allowance of a rule that does not exist.
    UnknownLintRule = "unknown-lint-rule", Error,
        "an allowance that names no rule of lint",
        "Its id is misspelt, or of a newer version.";
    /// An allowance that nothing needs.
    UnusedAllowance = "unused-allowance", Warning,
        "an allowance that nothing needs any more",
        "The flag does not break the rule: take the allowance out, so that it does not hide the next finding.";
}

impl LintRule {
    /// Tells whether a definition may allow it. What lint says about allowances themselves is mended where it stands.
    pub const fn is_allowable(self) -> bool {
        !matches!(self, Self::UnknownLintRule | Self::UnusedAllowance)
    }
}

impl fmt::Display for LintRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl Serialize for LintRule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// A text that names no rule of lint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lint has no rule {found:?}")]
pub struct UnknownRule {
    /// The text given.
    pub found: Box<str>,
    /// The id most likely meant.
    pub closest: Option<&'static str>,
}

impl FromStr for LintRule {
    type Err = UnknownRule;

    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        Self::ALL.iter().copied().find(|rule| rule.id() == text).ok_or_else(|| UnknownRule {
            found: text.into(),
            closest: nearest(text, Self::ALL.iter().map(|rule| rule.id())),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_read_back() {
        let ids: BTreeSet<&str> = LintRule::ALL.iter().map(|rule| rule.id()).collect();
        assert_eq!(ids.len(), LintRule::ALL.len());
        for rule in LintRule::ALL {
            assert_eq!(rule.id().parse(), Ok(*rule));
            assert!(rule.id().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{rule}");
            assert!(!rule.summary().ends_with('.') && rule.explanation().ends_with('.'), "{rule}");
        }
        let unknown = "namin-pattern".parse::<LintRule>().unwrap_err();
        assert_eq!(
            (unknown.to_string().as_str(), unknown.closest),
            ("lint has no rule \"namin-pattern\"", Some("naming-pattern"))
        );
    }
}
