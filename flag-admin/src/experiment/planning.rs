use serde::Serialize;

use super::analysis::most_possible;
use super::comparison::Kind;
use super::design::{ALPHA, UNITS_MIN};
use super::wording::{percent, threshold};
use crate::definition::{Better, Practical, Scale};
use crate::statistics::StatisticsError;
use crate::statistics::power::{Direction, SharesToTell, detectable_share};

/// What an experiment on a share is to find.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Plan {
    /// The share as it is now.
    pub baseline: f64,
    /// Which way it is better.
    pub better: Better,
    /// What it is to find.
    pub aim: Aim,
    /// How likely it is to find that, if it is there.
    pub power: f64,
    /// How many units each variant will have, if that is given.
    pub units: Option<u64>,
    /// How many units come a day, over both variants.
    pub per_day: Option<u64>,
}

/// What an experiment is to find.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Aim {
    /// An improvement as large as is worth having.
    Worth(Practical),
    /// A share.
    Share(f64),
}

/// How many units it takes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Planned {
    /// The share as it is now.
    pub baseline: f64,
    /// The share to be told from it.
    pub target: f64,
    /// The chance of error, two-sided.
    pub alpha: f64,
    /// How likely the difference is found, if it is there.
    pub power: f64,
    /// How many units each variant needs for that.
    pub units_for_power: u64,
    /// How many it needs to have at all: at least 1,000.
    pub units_needed: u64,
    /// What it can do with so many units.
    pub with_units: Vec<WithUnits>,
    /// How many days that takes, where it is known how many units come a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days: Option<u64>,
}

/// What an experiment can do with a number of units in each variant.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WithUnits {
    /// The number.
    pub units: u64,
    /// How likely the difference is found.
    pub power: f64,
    /// The nearest share above the baseline that is found with the power asked for. None where none is.
    pub above: Option<f64>,
    /// The nearest one below.
    pub below: Option<f64>,
}

/// Why there is no number of units.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PlanningError {
    /// No improvement is as large as the threshold.
    #[error("from {} no improvement reaches {}: the largest there can be is {}", percent(*baseline), threshold(*practical), percent(*most))]
    Unreachable {
        /// The baseline.
        baseline: f64,
        /// The threshold.
        practical: Practical,
        /// The largest improvement on its scale.
        most: f64,
    },
    /// A number makes no sense.
    #[error(transparent)]
    Number(#[from] StatisticsError),
}

impl Plan {
    /// Returns how many units it takes.
    pub fn work_out(&self) -> Result<Planned, PlanningError> {
        let Self { baseline, power, .. } = *self;
        let target = self.target()?;
        let shares = SharesToTell { control: baseline, treatment: target, alpha: ALPHA };
        let for_power = shares.units_per_arm(power)?.ceil();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it saturates, which is more than anybody has"
        )]
        let units_for_power = for_power as u64;
        let units_needed = units_for_power.max(UNITS_MIN);
        let mut all = vec![UNITS_MIN, units_needed];
        all.extend(self.units);
        all.sort_unstable();
        all.dedup();
        let with_units: Result<Vec<WithUnits>, StatisticsError> = all
            .into_iter()
            .filter(|units| *units > 0)
            .map(|units| {
                #[expect(clippy::cast_precision_loss, reason = "nobody has 2^53 units")]
                let n = units as f64;
                let at = |direction| detectable_share(baseline, n, ALPHA, power, direction);
                let (above, below) = (at(Direction::Above)?, at(Direction::Below)?);
                Ok(WithUnits { units, power: shares.power(n)?, above, below })
            })
            .collect();
        let both = units_needed.saturating_mul(2);
        let days = self.per_day.filter(|per_day| *per_day > 0).map(|per_day| both.div_ceil(per_day));
        Ok(Planned {
            baseline,
            target,
            alpha: ALPHA,
            power,
            units_for_power,
            units_needed,
            with_units: with_units?,
            days,
        })
    }

    fn target(&self) -> Result<f64, PlanningError> {
        let Self { baseline, better, .. } = *self;
        let practical = match self.aim {
            Aim::Share(share) => return Ok(share),
            Aim::Worth(practical) => practical,
        };
        let worth = f64::from(practical.threshold.thousandths()) / 100_000.0;
        if let Some(most) = most_possible(practical.scale, better, Kind::Share, baseline).filter(|most| *most <= worth)
        {
            return Err(PlanningError::Unreachable { baseline, practical, most });
        }
        let sign = if better == Better::Higher { 1.0 } else { -1.0 };
        Ok(match (practical.scale, better) {
            (Scale::RelativeLift, _) => baseline * (1.0 + sign * worth),
            (Scale::AbsolutePp, _) => baseline + sign * worth,
            (Scale::RelativeReductionOfFailures, Better::Higher) => 1.0 - (1.0 - baseline) * (1.0 - worth),
            (Scale::RelativeReductionOfFailures, Better::Lower) => baseline * (1.0 - worth),
        })
    }
}
