use std::collections::BTreeMap;

use serde::Serialize;

use crate::statistics::means::Summary;
use crate::statistics::{Arm, Result as Statistic, StatisticsError};

/// What was measured of each variant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Data {
    /// What one unit is.
    pub unit: Unit,
    /// The variants that were seen.
    pub groups: BTreeMap<Box<str>, Group>,
    /// What is odd about the data.
    pub cautions: Vec<String>,
}

/// What one unit of the data is.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Whatever whoever counted took for one.
    #[default]
    Unit,
    /// A machine, whose reports of each day are measured.
    ClientDay,
}

impl Unit {
    /// Returns the plural.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Unit => "units",
            Self::ClientDay => "machines",
        }
    }

    /// Returns the plural as a column is headed.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Unit => "Units",
            Self::ClientDay => "Machines",
        }
    }
}

/// What was measured of one variant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// How many units were assigned to it.
    pub units: u64,
    /// The metrics by name.
    pub metrics: BTreeMap<Box<str>, Sample>,
}

/// One metric of one variant.
#[derive(Clone, Debug, PartialEq)]
pub enum Sample {
    /// A yes or no of each unit.
    Share(Arm),
    /// A number of each unit, and what it was before the experiment, if that is known.
    Numbers {
        /// The numbers.
        values: Vec<f64>,
        /// The numbers of the same units before.
        before: Option<Vec<f64>>,
    },
    /// Numbers with how often each came.
    Weighted(Vec<(f64, u64)>),
}

impl Sample {
    /// Returns how many units were measured.
    pub fn n(&self) -> u64 {
        match self {
            Self::Share(arm) => arm.n(),
            Self::Numbers { values, .. } => values.len() as u64,
            Self::Weighted(values) => values.iter().fold(0, |sum, (_, times)| sum.saturating_add(*times)),
        }
    }

    /// Tells whether each unit's number is a part of a whole, so that the rest of it has a meaning too.
    pub(super) fn is_of_fractions(&self) -> bool {
        let is_fraction = |value: &f64| (0.0..=1.0).contains(value);
        match self {
            Self::Share(_) => true,
            Self::Numbers { values, .. } => values.iter().all(is_fraction),
            Self::Weighted(values) => values.iter().all(|(value, _)| is_fraction(value)),
        }
    }

    /// Returns mean, variance and number.
    pub fn summary(&self) -> Statistic<Summary> {
        let weighted = |values: &[(f64, u64)]| {
            #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
            let values: Vec<(f64, f64)> = values.iter().map(|(value, times)| (*value, *times as f64)).collect();
            let n: f64 = values.iter().map(|(_, times)| times).sum();
            if n < 2.0 {
                return Err(StatisticsError::TooFew { name: "numbers", found: usize::from(n > 0.0), expected: 2 });
            }
            let mean = values.iter().map(|(value, times)| value * times).sum::<f64>() / n;
            let squares: f64 = values.iter().map(|(value, times)| (value - mean) * (value - mean) * times).sum();
            Ok(Summary { mean, variance: squares / (n - 1.0), n })
        };
        match self {
            Self::Share(arm) => weighted(&[(1.0, arm.k()), (0.0, arm.rest())]),
            Self::Numbers { values, .. } => Summary::of(values),
            Self::Weighted(values) => weighted(values),
        }
    }
}
