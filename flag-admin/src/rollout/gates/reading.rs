use std::fmt;

use flag_client::Day;
use serde::{Deserialize, Serialize};

use super::super::quantities::Rate;

/// What a gate is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GateName {
    /// The share of uses that failed.
    Error,
    /// The share of reports with a crash.
    Crash,
    /// The share of responses that were negative.
    Satisfaction,
    /// The share of uses slower than the limit of time.
    Latency,
    /// The error rate beside that of the control group.
    ErrorRatio,
    /// Negative feedback beside that of the control group.
    FeedbackRatio,
    /// A metric of the flag's documentation.
    Metric(Box<str>),
    /// What another system measures.
    Source(Box<str>),
}

impl fmt::Display for GateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error => f.write_str("error rate"),
            Self::Crash => f.write_str("crash rate"),
            Self::Satisfaction => f.write_str("negative feedback"),
            Self::Latency => f.write_str("slow uses"),
            Self::ErrorRatio => f.write_str("error rate against control"),
            Self::FeedbackRatio => f.write_str("negative feedback against control"),
            Self::Metric(name) => write!(f, "metric {name}"),
            Self::Source(name) => write!(f, "source {name}"),
        }
    }
}

/// What a gate decides.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Whether a rollout is taken back.
    Rollback,
    /// Whether it pauses.
    Pause,
    /// Whether it may go on.
    Proceed,
}

/// What a gate found.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The limit is exceeded, and that is proved.
    Breached,
    /// No alarm.
    Clear,
    /// The limit is kept, and shown to be.
    Shown,
    /// It cannot be told yet.
    Open,
    /// Nothing was measured.
    Unmeasured,
}

/// What a gate read, with all that it takes to read it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// What it is about.
    pub gate: GateName,
    /// What it decides.
    pub level: Level,
    /// How many reports, responses or counts there are.
    pub n: u64,
    /// Their mean.
    pub mean: Option<f64>,
    /// The logarithm of the evidence against the limit; none where a bare number is compared, which guarantees nothing.
    pub log_e: Option<f64>,
    /// The limit.
    pub limit: Rate,
    /// The chance of deciding wrongly; `log_e` decides from `ln(1/alpha)` on.
    pub alpha: Option<Rate>,
    /// About how many more reports it takes to tell, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub needs: Option<u64>,
    /// The day whose reports alone it read, in a step that lasts; all of the step's where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<Day>,
    /// What it found.
    pub standing: Standing,
}

impl Reading {
    /// A gate without anything to read.
    pub(super) const fn unmeasured(gate: GateName, level: Level) -> Self {
        let limit = Rate::from_millionths(0);
        let standing = Standing::Unmeasured;
        Self { gate, level, n: 0, mean: None, log_e: None, limit, alpha: None, needs: None, day: None, standing }
    }

    /// A bare number held against a limit.
    pub(super) fn threshold(gate: GateName, level: Level, value: f64, limit: Rate) -> Self {
        let standing = match (value <= limit.value(), level) {
            (true, Level::Proceed) => Standing::Shown,
            (true, _) => Standing::Clear,
            (false, Level::Proceed) => Standing::Open,
            (false, _) => Standing::Breached,
        };
        Self { gate, level, n: 0, mean: Some(value), log_e: None, limit, alpha: None, needs: None, day: None, standing }
    }

    /// Tells whether what it says holds with a known chance of being wrong.
    pub const fn is_guaranteed(&self) -> bool {
        self.log_e.is_some()
    }
}
