use flag_core::Share;
use serde::{Deserialize, Serialize};

use super::documentation::Metric;

/// What a comparison of two variants is to decide, declared before it begins: one metric, what counts as an improvement worth having, and
/// what must not get worse. It stays in the log, as all documentation does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Experiment {
    /// What is believed, and would be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hypothesis: Option<String>,
    /// The variant that is compared with. The off variant unless it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<Box<str>>,
    /// The variant that is tried. The one besides the control where there are two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub treatment: Option<Box<str>>,
    /// The one metric that decides.
    pub metric: String,
    /// Which way the metric is better. Unless it is said, its target tells, or else its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<Better>,
    /// The least improvement that is worth having.
    #[serde(default, skip_serializing_if = "Practical::is_usual")]
    pub practical: Practical,
    /// The metric as it is now, for what can be reached and how many units it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Share>,
    /// How many units each variant is planned to have before anybody decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub units: Option<u64>,
    /// The variant to keep when there is no difference worth having. The control unless it is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simpler: Option<Box<str>>,
    /// What must not get worse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guardrails: Vec<Guardrail>,
    /// Whether it may be decided at any look, by intervals that hold at all of them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sequential: bool,
}

/// Which way a metric is better.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// A larger value is better.
    Higher,
    /// A smaller value is better.
    Lower,
}

/// A metric that must not get worse by as much as its margin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardrail {
    /// The metric.
    pub metric: String,
    /// Which way it is better, as for the metric that decides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better: Option<Better>,
    /// How much worse it may not get: percentage points of a share, percent of a mean.
    pub margin: Share,
}

/// The least improvement worth having, and on which scale.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Practical {
    /// The scale.
    pub scale: Scale,
    /// The threshold: more than that is worth having.
    pub threshold: Share,
}

/// How an improvement is counted.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// As a part of the control's value: from 94% to 97% is 3.2%.
    RelativeLift,
    /// In percentage points: from 94% to 97% is 3 points.
    AbsolutePp,
    /// As the part of failures that are gone: from 94% to 97% success is 50%.
    RelativeReductionOfFailures,
}

impl Scale {
    /// The scales by the keys that definitions use.
    pub(super) const NAMES: [(&'static str, Self); 3] = [
        ("relative_lift", Self::RelativeLift),
        ("absolute_pp", Self::AbsolutePp),
        ("relative_reduction_of_failures", Self::RelativeReductionOfFailures),
    ];

    /// Returns the key that definitions use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RelativeLift => "relative_lift",
            Self::AbsolutePp => "absolute_pp",
            Self::RelativeReductionOfFailures => "relative_reduction_of_failures",
        }
    }
}

impl Better {
    /// The directions by the words that definitions use.
    pub(super) const NAMES: [(&'static str, Self); 2] = [("higher", Self::Higher), ("lower", Self::Lower)];

    /// Returns the word that definitions use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
        }
    }

    /// Returns which way a metric is better if nobody says: as its target has it, or else as its name does.
    pub fn of(metric: &str, documented: &[Metric]) -> Self {
        const WORSE: [&str; 10] =
            ["error", "crash", "fail", "latency", "time", "duration", "negative", "slow", "false_", "_ms"];
        let target = documented.iter().find(|found| found.name == metric).and_then(|found| found.target.as_ref());
        let is_high = target
            .map_or_else(|| !WORSE.iter().any(|word| metric.contains(word)), |target| target.comparison().wants_high());
        if is_high { Self::Higher } else { Self::Lower }
    }
}

impl Default for Practical {
    fn default() -> Self {
        // 5%, in thousandths of a percent.
        Self { scale: Scale::RelativeLift, threshold: Share::from_thousandths(5_000).unwrap_or(Share::NOBODY) }
    }
}

impl Practical {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}
