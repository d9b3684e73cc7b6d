//! What is kept of a day: sums for each flag as it was assigned, one JSON object a line.
//!
//! One recording and the fold of a million have the same form, so that a file of lines can be folded at any time, or never.

use std::collections::BTreeMap;
use std::time::Duration;

use flag_core::{FlagKey, Share};
use serde::{Deserialize, Serialize};

use super::latency;
use super::metric::Measured;
use super::outcome::{Feedback, Outcome};
use crate::json;

/// The longest variant id that is kept, in bytes.
pub(crate) const MAX_VARIANT: usize = 128;

/// Tells whether a text can name a metric: what can name a flag.
pub(crate) fn is_metric_name(text: &str) -> bool {
    text.parse::<FlagKey>().is_ok()
}

/// Which rollout a use of a flag belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct CellKey {
    pub(crate) flag: FlagKey,
    /// The variant that the published flag assigned. None where something of this machine decided instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) variant: Option<Box<str>>,
    /// The exposure share that was in force, in thousandths of a percent. None where there is no variant.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "stage")]
    pub(crate) step: Option<Step>,
}

/// The step of a rollout, named by its exposure share.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
pub(crate) struct Step(pub(crate) Share);

impl From<Step> for u32 {
    fn from(step: Step) -> Self {
        step.0.thousandths()
    }
}

impl TryFrom<u32> for Step {
    type Error = flag_core::ShareError;

    fn try_from(thousandths: u32) -> Result<Self, Self::Error> {
        Share::from_thousandths(thousandths).map(Self)
    }
}

/// The sums of one day.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Cell {
    /// Uses that ended.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) calls: u64,
    /// Those of them that failed or crashed.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) errors: u64,
    /// Those of them that crashed.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) crashes: u64,
    /// Those that were held against a limit of time.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) timed: u64,
    /// Those of them that took longer.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) slow: u64,
    /// How many took how long, by their place on the scale.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", with = "pairs")]
    pub(crate) lat: BTreeMap<u16, u64>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) fb_pos: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) fb_neg: u64,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metrics: BTreeMap<Box<str>, Measured>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Cell {
    /// One use that ended. `slow_above` is the limit of time that its flag has.
    pub(crate) fn of_use(outcome: Outcome, took: Option<Duration>, slow_above: Option<Duration>) -> Self {
        let limit = took.zip(slow_above);
        Self {
            calls: 1,
            errors: u64::from(outcome != Outcome::Success),
            crashes: u64::from(outcome == Outcome::Crash),
            timed: u64::from(limit.is_some()),
            slow: u64::from(limit.is_some_and(|(took, limit)| took > limit)),
            lat: took.map(|took| (latency::index(took), 1)).into_iter().collect(),
            ..Self::default()
        }
    }

    pub(crate) fn of_feedback(feedback: Feedback) -> Self {
        let (good, bad) = (feedback == Feedback::Good, feedback == Feedback::Bad);
        Self { fb_pos: good.into(), fb_neg: bad.into(), ..Self::default() }
    }

    pub(crate) fn of_metric(name: &str, measured: Measured) -> Self {
        Self { metrics: BTreeMap::from([(name.into(), measured)]), ..Self::default() }
    }

    fn add(&mut self, other: Self) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.calls, other.calls);
        add(&mut self.errors, other.errors);
        add(&mut self.crashes, other.crashes);
        add(&mut self.timed, other.timed);
        add(&mut self.slow, other.slow);
        add(&mut self.fb_pos, other.fb_pos);
        add(&mut self.fb_neg, other.fb_neg);
        for (place, count) in other.lat {
            add(self.lat.entry(place).or_default(), count);
        }
        for (name, measured) in other.metrics {
            let sum = self.metrics.entry(name).or_default();
            add(&mut sum.parts, measured.parts);
            add(&mut sum.whole, measured.whole);
        }
    }

    /// Tells whether the sums can be those of recordings. What a disk made of them need not be.
    fn is_sound(&self) -> bool {
        self.crashes <= self.errors
            && self.errors <= self.calls
            && self.slow <= self.timed
            && self.timed <= self.calls
            && self.lat.keys().all(|place| *place <= latency::LAST_INDEX)
            && self.metrics.iter().all(|(name, sum)| is_metric_name(name) && sum.parts <= sum.whole)
    }
}

/// One line of a day's file.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    key: &'a CellKey,
    #[serde(flatten)]
    cell: &'a Cell,
}

/// Returns the line of some sums, with a line break before it, too: what a killed process began to write stays on a line of its own.
pub(crate) fn line(key: &CellKey, cell: &Cell) -> Vec<u8> {
    let mut line = vec![b'\n'];
    // Writing numbers and texts to memory cannot fail; if it did, the line would be none and would cost itself alone.
    let _ = serde_json::to_writer(&mut line, &Line { key, cell });
    line.push(b'\n');
    line
}

/// The sums of a day by what they belong to.
pub(crate) type Cells = BTreeMap<CellKey, Cell>;

/// Sums the lines of a day's file. A line that is none, be it torn or foreign, costs itself alone.
pub(crate) fn fold(bytes: &[u8]) -> Cells {
    let mut cells = Cells::new();
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        // Each takes its own members from the line.
        let (Ok(key), Ok(cell)) = (json::from_bytes::<CellKey>(line), json::from_bytes::<Cell>(line)) else { continue };
        if cell.is_sound() && key.is_sound() {
            cells.entry(key).or_default().add(cell);
        }
    }
    cells
}

impl CellKey {
    fn is_sound(&self) -> bool {
        self.variant.is_some() == self.step.is_some()
            && self.variant.as_ref().is_none_or(|variant| (1..=MAX_VARIANT).contains(&variant.len()))
    }
}

/// A histogram as a list of pairs: JSON has no objects with numbers for keys.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use crate::ordered;

    pub(super) fn serialize<S: Serializer>(pairs: &BTreeMap<u16, u64>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(pairs)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u16, u64>, D::Error> {
        Vec::<(u16, u64)>::deserialize(deserializer).map(ordered::map)
    }
}
