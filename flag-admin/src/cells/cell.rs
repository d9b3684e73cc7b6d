use std::collections::BTreeMap;

use flag_client::report::{Report, Sixteenths};
use serde::{Deserialize, Serialize};

use super::Fractions;

/// How many metrics a cell tells apart by name. Hosts have a few; more names than that are made up, and would make the cell grow.
const METRICS_MAX: usize = 64;

/// The sums of reports. They only grow; adding is the same in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cell {
    /// How many reports.
    pub n: u64,
    /// How many of them were the first of their machine at the step: the number of machines.
    #[serde(skip_serializing_if = "is_zero")]
    pub first_in_stage: u64,
    /// How many saw a use fail or crash.
    #[serde(skip_serializing_if = "is_zero")]
    pub had_error: u64,
    /// How many saw a use crash.
    #[serde(skip_serializing_if = "is_zero")]
    pub crashed: u64,
    /// Which part of the uses failed or crashed, where any ended.
    #[serde(skip_serializing_if = "Fractions::is_empty")]
    pub err_frac: Fractions,
    /// Which part of the uses was slow, where any was held against a limit of time.
    #[serde(skip_serializing_if = "Fractions::is_empty")]
    pub slow_frac: Fractions,
    /// How many uses took how long, by `floor(32 * log2(microseconds))`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", with = "pairs")]
    pub lat: BTreeMap<u16, u64>,
    /// How many liked it.
    #[serde(skip_serializing_if = "is_zero")]
    pub fb_pos: u64,
    /// How many did not.
    #[serde(skip_serializing_if = "is_zero")]
    pub fb_neg: u64,
    /// The host's metrics by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<Box<str>, Fractions>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields so")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Cell {
    /// Adds one report. Whoever calls makes sure that the report's nonce is a new one.
    pub fn add(&mut self, report: &Report) {
        let count = |sum: &mut u64, bit: bool| *sum = sum.saturating_add(bit.into());
        count(&mut self.n, true);
        count(&mut self.first_in_stage, report.first_in_stage);
        count(&mut self.had_error, report.had_error);
        count(&mut self.crashed, report.crashed);
        count(&mut self.fb_pos, report.fb_pos);
        count(&mut self.fb_neg, report.fb_neg);
        let part = |sums: &mut Fractions, part: Option<Sixteenths>| {
            if let Some(part) = part {
                sums.add(part.count(), 1);
            }
        };
        part(&mut self.err_frac, report.err_frac);
        part(&mut self.slow_frac, report.slow_frac);
        for (place, uses) in &report.lat {
            let sum = self.lat.entry(*place).or_default();
            *sum = sum.saturating_add((*uses).into());
        }
        for (name, fraction) in &report.metrics {
            if let Some(fractions) = self.metric(name) {
                fractions.add(fraction.count(), 1);
            }
        }
    }

    /// Adds the sums of other reports.
    pub fn merge(&mut self, other: &Self) {
        let add = |sum: &mut u64, more: u64| *sum = sum.saturating_add(more);
        add(&mut self.n, other.n);
        add(&mut self.first_in_stage, other.first_in_stage);
        add(&mut self.had_error, other.had_error);
        add(&mut self.crashed, other.crashed);
        add(&mut self.fb_pos, other.fb_pos);
        add(&mut self.fb_neg, other.fb_neg);
        self.err_frac.merge(&other.err_frac);
        self.slow_frac.merge(&other.slow_frac);
        for (place, uses) in &other.lat {
            add(self.lat.entry(*place).or_default(), *uses);
        }
        for (name, more) in &other.metrics {
            if let Some(fractions) = self.metric(name) {
                fractions.merge(more);
            }
        }
    }

    /// Returns where a metric is summed, if there is room for its name.
    fn metric(&mut self, name: &str) -> Option<&mut Fractions> {
        if self.metrics.len() >= METRICS_MAX && !self.metrics.contains_key(name) {
            return None;
        }
        Some(self.metrics.entry(name.into()).or_default())
    }

    /// Returns what came after earlier sums of the same reports; `None` if some count went backwards, as it does where reports were lost.
    pub fn since(&self, earlier: &Self) -> Option<Self> {
        let mut lat = self.lat.clone();
        for (place, before) in &earlier.lat {
            let uses = lat.get_mut(place)?;
            *uses = uses.checked_sub(*before)?;
        }
        lat.retain(|_, uses| *uses > 0);
        let mut metrics = self.metrics.clone();
        for (name, before) in &earlier.metrics {
            let fractions = metrics.get_mut(name)?;
            *fractions = fractions.since(before)?;
        }
        metrics.retain(|_, fractions| !fractions.is_empty());
        Some(Self {
            n: self.n.checked_sub(earlier.n)?,
            first_in_stage: self.first_in_stage.checked_sub(earlier.first_in_stage)?,
            had_error: self.had_error.checked_sub(earlier.had_error)?,
            crashed: self.crashed.checked_sub(earlier.crashed)?,
            err_frac: self.err_frac.since(&earlier.err_frac)?,
            slow_frac: self.slow_frac.since(&earlier.slow_frac)?,
            lat,
            fb_pos: self.fb_pos.checked_sub(earlier.fb_pos)?,
            fb_neg: self.fb_neg.checked_sub(earlier.fb_neg)?,
            metrics,
        })
    }

    /// Tells whether the sums can be those of reports: no part is more than its whole.
    pub fn is_sound(&self) -> bool {
        let parts = [self.first_in_stage, self.had_error, self.fb_pos, self.fb_neg];
        let fractions = self.metrics.values().chain([&self.err_frac, &self.slow_frac]);
        parts.into_iter().chain(fractions.map(Fractions::reports)).all(|part| part <= self.n)
            && self.crashed <= self.had_error
            && self.err_frac.above_none() <= self.had_error
    }
}

/// A histogram as a list of pairs: JSON has no objects with numbers for keys.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(pairs: &BTreeMap<u16, u64>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(pairs)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<u16, u64>, D::Error> {
        Vec::<(u16, u64)>::deserialize(deserializer).map(|pairs| pairs.into_iter().collect())
    }
}
