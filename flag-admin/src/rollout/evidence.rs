use flag_client::Day;
use flag_core::{Share, Timestamp};
use serde::{Deserialize, Serialize};

use super::quantities::Rate;
use crate::cells::Cell;
use crate::log::Actor;

/// What is known of a rollout at one moment: counts, and nobody's data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Evidence {
    /// Reports at the share that the rollout is at, since its step began.
    pub arms: Arms,
    /// Reports at the share that a move would lead to, from before the move: they say nothing about what comes after it.
    #[serde(skip_serializing_if = "Arms::is_empty")]
    pub beyond: Arms,
    /// Of a step that lasts for more than three days, the reports of the last days, each by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<DayArms>,
    /// The most reports of those exposed about one day of the step. A machine reports a day once, so there are as many machines at least, even
    /// where they all were at the same share before and do not say again that they are new to it.
    #[serde(skip_serializing_if = "is_zero")]
    pub busiest_day: u64,
    /// The last day that a report is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Day>,
    /// The share that the flag exposes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposed: Option<Share>,
    /// Whether a kill stands against the flag.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub killed: bool,
    /// Whether clients can fetch the share by now.
    pub published: bool,
    /// What people signalled and nobody cleared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<OpenSignal>,
    /// What other systems answered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceReading>,
    /// What is wrong with the evidence.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The units that get the flag and those that do not, as they were assigned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Arms {
    /// Exposed.
    pub treatment: Cell,
    /// Not exposed, at the same time.
    pub control: Cell,
}

/// The reports about one day of a step: what begins late in a step is not diluted by the days before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DayArms {
    /// The day.
    pub day: Day,
    /// Which day of the step it is among those that are looked at by themselves, from 1 on: the fourth day is the first.
    pub number: u32,
    /// Its reports.
    pub arms: Arms,
}

impl DayArms {
    /// How many of the last days are looked at by themselves: late reports come for two days.
    pub const LAST: usize = 3;
    /// The first days of a step, which only the whole step's reports are looked at of.
    const YOUNG_DAYS: i64 = 3;

    /// Returns the number of a day of a step that began on another; none among the first three.
    pub fn number_of(day: Day, began: Day) -> Option<u32> {
        u32::try_from(day.days_since(began).saturating_sub(Self::YOUNG_DAYS)).ok()?.checked_add(1)
    }

    /// Returns how much more evidence, as a logarithm, an alarm takes that is raised by this day alone. All days of a step share half of the
    /// step's alpha: the first has a half of that, and the `n`th 1 / (n (n + 1)).
    pub fn margin(&self) -> f64 {
        let number = f64::from(self.number.max(1));
        libm::log(2.0 * number * (number + 1.0))
    }
}

impl Arms {
    /// Tells whether no part is more than its whole.
    pub fn is_sound(&self) -> bool {
        self.treatment.is_sound() && self.control.is_sound()
    }

    /// Tells whether there is no report.
    pub fn is_empty(&self) -> bool {
        self.treatment.n == 0 && self.control.n == 0
    }

    /// Adds the sums of other reports.
    pub fn merge(&mut self, other: &Self) {
        self.treatment.merge(&other.treatment);
        self.control.merge(&other.control);
    }

    /// Returns how many reports there are.
    pub const fn reports(&self) -> u64 {
        self.treatment.n.saturating_add(self.control.n)
    }

    /// Returns what came after earlier sums; `None` if some count went backwards.
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        Some(Self {
            treatment: self.treatment.since(&earlier.treatment)?,
            control: self.control.since(&earlier.control)?,
        })
    }

    /// Returns the sums that gates need of a step that is under way: all but the histograms, which only a new limit of time needs.
    #[must_use]
    pub fn without_histograms(mut self) -> Self {
        self.treatment.lat.clear();
        self.control.lat.clear();
        self
    }
}

/// How bad somebody found a bug.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Crashes, loss of data, security: the rollout is taken back at once.
    P0,
    /// Bad for some: the rollout pauses if more than a tenth are affected.
    P1,
}

/// What somebody signalled about a flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenSignal {
    /// Its number: the place of its entry in the log.
    pub id: u64,
    /// How bad it is.
    pub severity: Severity,
    /// The share of those exposed whom it affects, as far as somebody could tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affected: Option<Rate>,
    /// Who signalled it.
    pub by: Actor,
    /// When.
    pub since: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What a source answered, or why it did not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceReading {
    /// What it measures.
    pub metric: Box<str>,
    /// The rate above which the rollout pauses.
    pub limit: Rate,
    /// The rate above which it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rate>,
    /// The answer.
    #[serde(flatten)]
    pub value: SourceValue,
}

/// An answer of a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SourceValue {
    /// So many of so many, since the step began: the tests of reports hold for them.
    Counts {
        /// What went wrong.
        bad: u64,
        /// Everything counted.
        of: u64,
    },
    /// A bare ratio, which is compared with its limit and proves nothing: no guarantee.
    Ratio {
        /// The ratio.
        value: f64,
    },
    /// Nothing, yet: no samples.
    Nothing,
    /// No answer, or none that makes sense.
    Unusable {
        /// Why, in words.
        why: String,
    },
}

/// What is wrong with evidence. None of it moves a rollout, forward or back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The clock went back behind the last decision.
    ClockWentBack {
        /// When the last decision was made.
        last: Timestamp,
    },
    /// Reports are about days that have not come.
    FutureReports {
        /// The last such day.
        newest: Day,
    },
    /// Counts are smaller than they were.
    CountsWentBack,
    /// A part is larger than its whole.
    Contradiction,
    /// A source did not answer, or not with what makes sense.
    Source {
        /// What it measures.
        metric: Box<str>,
        /// Why, in words.
        why: String,
    },
    /// The reports could not be read.
    Unreadable {
        /// Why, in words.
        why: String,
    },
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ClockWentBack { last } => write!(f, "the clock is behind the last decision, made at {last}"),
            Self::FutureReports { newest } => write!(f, "there are reports about {newest}, a day to come"),
            Self::CountsWentBack => f.write_str("counts of reports are smaller than they were"),
            Self::Contradiction => {
                f.write_str("counts of reports contradict each other: a part is larger than its whole")
            }
            Self::Source { metric, why } => write!(f, "source {metric:?}: {why}"),
            Self::Unreadable { why } => write!(f, "reports cannot be read: {why}"),
        }
    }
}

impl std::fmt::Display for Severity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::P0 => "P0",
            Self::P1 => "P1",
        })
    }
}
