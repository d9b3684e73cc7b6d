use serde::Serialize;

use super::data::Sample;
use super::sequential;
use crate::definition::Better;
use crate::statistics::adjusted::{Paired, cuped};
use crate::statistics::contingency::goodness_of_fit;
use crate::statistics::means::{MeansTest, Summary, welch, welch_interval};
use crate::statistics::quantiles::quantile_ranks;
use crate::statistics::ranks::mann_whitney;
use crate::statistics::{Arm, Interval, Result as Statistic, TwoProportions, normal_quantile};

/// Below so many units expected in a cell, a table is tested exactly.
const EXACT_BELOW: f64 = 5.0;

/// One metric of two variants, side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The metric.
    pub metric: String,
    /// Which way it is better.
    pub better: Better,
    /// Whether the values are shares of units, or means.
    pub kind: Kind,
    /// The control.
    pub control: Estimate,
    /// The treatment.
    pub treatment: Estimate,
    /// The treatment's value less the control's.
    pub difference: Effect,
    /// That as a part of the control's value. None where that is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lift: Option<Effect>,
    /// The part of failures that are gone. None for numbers that are no fractions, and where there are no failures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures_gone: Option<Effect>,
    /// The test.
    pub test: Test,
    /// Its p-value, adjusted for the other metrics that were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adjusted_p: Option<f64>,
    /// What ranks say, for numbers that means tell little about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranks: Option<Ranks>,
    /// What a goodness-of-fit test of the two counts would say, which is taken for a comparison now and then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wrong_test_p: Option<f64>,
}

/// What values are.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Shares of units.
    Share,
    /// Means.
    Mean,
}

/// The value of one variant.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its interval at 95%.
    pub interval: Interval,
    /// How many units were measured.
    pub n: u64,
    /// How many of them say yes, for a share.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub k: Option<u64>,
}

/// A difference, and how sure it is.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// The best guess.
    pub value: f64,
    /// The interval at 95%.
    pub interval: Interval,
    /// The interval at 90%, of which each end is one-sided at 95%.
    pub interval_90: Interval,
}

/// A test of whether nothing differs.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Test {
    /// Its name.
    pub name: &'static str,
    /// The chance of a difference as large, or larger, if there were none.
    pub p: f64,
    /// Whether `p` and the intervals hold at every look.
    pub always_valid: bool,
}

/// What ranks say about two groups of numbers.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Ranks {
    /// The p-value of Mann and Whitney's test.
    pub p: f64,
    /// By how much the treatment's numbers are shifted.
    pub shift: f64,
    /// The control's 95th percentile.
    pub control_p95: Effect,
    /// The treatment's 95th percentile.
    pub treatment_p95: Effect,
}

/// When a comparison may be looked at.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    /// Once, when all units are in.
    Once,
    /// At any time. It is sharpest at about so many units in each variant.
    Any {
        /// The number of units.
        tuned_to: u64,
    },
}

impl Effect {
    fn of(value: f64, interval: impl Fn(f64) -> Statistic<Interval>) -> Statistic<Self> {
        Ok(Self { value, interval: interval(0.05)?, interval_90: interval(0.10)? })
    }

    fn map(&self, to: impl Fn(f64) -> f64) -> Self {
        let both = |interval: Interval| {
            let (one, other) = (to(interval.low), to(interval.high));
            Interval { low: one.min(other), high: one.max(other) }
        };
        Self { value: to(self.value), interval: both(self.interval), interval_90: both(self.interval_90) }
    }

    /// Returns it such that larger is better.
    #[must_use]
    pub fn improvement(&self, better: Better) -> Self {
        match better {
            Better::Higher => *self,
            Better::Lower => self.map(|value| -value),
        }
    }
}

/// Compares one metric of two variants.
pub(super) fn compare(
    metric: &str,
    better: Better,
    treatment: &Sample,
    control: &Sample,
    looks: Looks,
) -> Statistic<Comparison> {
    match (treatment, control) {
        (Sample::Share(treatment), Sample::Share(control)) => {
            shares(metric, better, TwoProportions { treatment: *treatment, control: *control }, looks)
        }
        _ => means(metric, better, treatment, control, looks),
    }
}

fn shares(metric: &str, better: Better, both: TwoProportions, looks: Looks) -> Statistic<Comparison> {
    let estimate = |arm: Arm| -> Statistic<Estimate> {
        let interval = match looks {
            Looks::Once => arm.wilson(0.05)?,
            Looks::Any { .. } => sequential::share(arm, 0.05)?,
        };
        Ok(Estimate { value: arm.share(), interval, n: arm.n(), k: Some(arm.k()) })
    };
    let ratio = |both: TwoProportions| -> Statistic<Option<Effect>> {
        let Some(lift) = both.lift() else { return Ok(None) };
        let interval = |alpha| match looks {
            Looks::Once => both.ratio_interval(alpha),
            Looks::Any { tuned_to } => sequential::ratio_of_shares(both, tuned_to, alpha),
        };
        // Without a treatment unit that says yes the ratio is 0, and its logarithm has no interval.
        if interval(0.05)?.is_none() {
            return Ok(None);
        }
        let ends = |alpha| Ok(interval(alpha)?.unwrap_or(Interval { low: 0.0, high: f64::INFINITY }).shifted(-1.0));
        Effect::of(lift, ends).map(Some)
    };
    let difference = Effect::of(both.difference(), |alpha| match looks {
        Looks::Once => both.newcombe(alpha),
        Looks::Any { tuned_to } => sequential::difference_of_shares(both, tuned_to, alpha),
    })?;
    // What failed: the rest where the metric is better higher, what it counts where lower is better.
    let failed = match better {
        Better::Higher => TwoProportions { treatment: both.treatment.inverted(), control: both.control.inverted() },
        Better::Lower => both,
    };
    let test = match looks {
        Looks::Any { .. } => sequential::test_of_shares(both)?,
        Looks::Once if both.least_expected() < EXACT_BELOW => {
            Test { name: "Fisher's exact test", p: both.fisher().two_sided, always_valid: false }
        }
        Looks::Once => Test { name: "two-proportion z-test", p: both.pooled_z()?.1.two_sided, always_valid: false },
    };
    let counts = [both.control.k(), both.treatment.k()];
    Ok(Comparison {
        metric: metric.to_owned(),
        better,
        kind: Kind::Share,
        control: estimate(both.control)?,
        treatment: estimate(both.treatment)?,
        difference,
        lift: ratio(both)?,
        failures_gone: ratio(failed)?.map(|effect| effect.map(|value| -value)),
        test,
        adjusted_p: None,
        ranks: None,
        wrong_test_p: goodness_of_fit(&counts, &[1.0, 1.0]).ok().map(|fit| fit.p),
    })
}

fn means(metric: &str, better: Better, treatment: &Sample, control: &Sample, looks: Looks) -> Statistic<Comparison> {
    let (t, c) = (treatment.summary()?, control.summary()?);
    let adjusted = match (treatment, control) {
        (Sample::Numbers { values: y_t, before: Some(x_t) }, Sample::Numbers { values: y_c, before: Some(x_c) }) => {
            cuped(Paired { metric: y_t, before: x_t }, Paired { metric: y_c, before: x_c }, 0.05).ok()
        }
        _ => None,
    };
    let (sharp_t, sharp_c) = adjusted.map_or((t, c), |adjusted| (adjusted.treatment, adjusted.control));
    let welch_test = welch(sharp_t, sharp_c);
    let MeansTest { t: statistic, tails, .. } = welch_test?;
    let error = sharp_t.squared_error() + sharp_c.squared_error();
    let test = match looks {
        Looks::Once if adjusted.is_some() => {
            Test { name: "Welch's t-test, adjusted by what was before", p: tails.two_sided, always_valid: false }
        }
        Looks::Once => Test { name: "Welch's t-test", p: tails.two_sided, always_valid: false },
        Looks::Any { tuned_to } => sequential::test_of_means(statistic, sharp_t.n.min(sharp_c.n), tuned_to),
    };
    let estimate = |summary: Summary, n: u64| -> Statistic<Estimate> {
        let half = -normal_quantile(0.025)? * summary.squared_error().sqrt();
        let interval = Interval { low: summary.mean - half, high: summary.mean + half };
        Ok(Estimate { value: summary.mean, interval, n, k: None })
    };
    let gap = sharp_t.mean - sharp_c.mean;
    let difference = Effect::of(gap, |alpha| match looks {
        Looks::Once => welch_interval(sharp_t, sharp_c, alpha),
        Looks::Any { tuned_to } => {
            let half = sequential::half_width(error, sharp_t.n.min(sharp_c.n), tuned_to, alpha);
            Ok(Interval { low: gap - half, high: gap + half })
        }
    })?;
    let ratio = |of: &dyn Fn(Summary) -> Summary| ratio_of_means([t, c].map(of), [sharp_t, sharp_c].map(of), looks);
    let failures_gone = if treatment.is_of_fractions() && control.is_of_fractions() {
        let failed = match better {
            Better::Higher => ratio(&complement)?,
            Better::Lower => ratio(&|summary| summary)?,
        };
        failed.map(|effect| effect.map(|value| -value))
    } else {
        None
    };
    Ok(Comparison {
        metric: metric.to_owned(),
        better,
        kind: Kind::Mean,
        control: estimate(c, control.n())?,
        treatment: estimate(t, treatment.n())?,
        difference,
        lift: ratio(&|summary| summary)?,
        failures_gone,
        test,
        adjusted_p: None,
        ranks: ranks(treatment, control),
        wrong_test_p: None,
    })
}

/// Returns what is left of the units' fractions.
fn complement(summary: Summary) -> Summary {
    Summary { mean: 1.0 - summary.mean, ..summary }
}

/// Returns by how much one mean is another, of treatment and control as they are and as sharp as they can be told. None where either is not
/// above 0. The ratio's variance is that of the delta method, in its logarithm.
fn ratio_of_means(raw: [Summary; 2], sharp: [Summary; 2], looks: Looks) -> Statistic<Option<Effect>> {
    let [t, c] = raw;
    if t.mean <= 0.0 || c.mean <= 0.0 {
        return Ok(None);
    }
    let relative = error_of_ratio(t, c);
    let [sharp_t, sharp_c] = sharp;
    let ratio = (sharp_t.mean / sharp_c.mean).max(f64::MIN_POSITIVE);
    let effect = Effect::of(ratio - 1.0, |alpha| {
        let half = match looks {
            Looks::Once => -normal_quantile(alpha / 2.0)? * relative.sqrt(),
            Looks::Any { tuned_to } => sequential::half_width(relative, t.n.min(c.n), tuned_to, alpha),
        };
        Ok(Interval { low: ratio * libm::exp(-half) - 1.0, high: ratio * libm::exp(half) - 1.0 })
    });
    effect.map(Some)
}

fn error_of_ratio(t: Summary, c: Summary) -> f64 {
    t.squared_error() / (t.mean * t.mean) + c.squared_error() / (c.mean * c.mean)
}

/// Tells whether a mean is at most so much worse than another: the interval of treatment − (1 ± margin) · control at 90%, better upwards.
pub(super) fn room(treatment: Summary, control: Summary, better: Better, margin: f64) -> Statistic<Interval> {
    let factor = match better {
        Better::Higher => 1.0 - margin,
        Better::Lower => 1.0 + margin,
    };
    let scaled = Summary { mean: control.mean * factor, variance: control.variance * factor * factor, n: control.n };
    let interval = welch_interval(treatment, scaled, 0.10)?;
    Ok(if better == Better::Higher { interval } else { interval.negated() })
}

fn ranks(treatment: &Sample, control: &Sample) -> Option<Ranks> {
    let (Sample::Numbers { values: t, .. }, Sample::Numbers { values: c, .. }) = (treatment, control) else {
        return None;
    };
    let test = mann_whitney(t, c).ok()?;
    let (treatment_p95, control_p95) = (percentile_95(t)?, percentile_95(c)?);
    Some(Ranks { p: test.tails.two_sided, shift: test.shift, control_p95, treatment_p95 })
}

fn percentile_95(values: &[f64]) -> Option<Effect> {
    const Q: f64 = 0.95;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as u64;
    let at = |rank: u64, otherwise: f64| {
        let place = rank.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        place.and_then(|place| sorted.get(place)).copied().unwrap_or(otherwise)
    };
    let interval = |alpha| {
        let ranks = quantile_ranks(Q, n, alpha)?;
        Ok(Interval { low: at(ranks.low, f64::NEG_INFINITY), high: at(ranks.high, f64::INFINITY) })
    };
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank among values that are in memory"
    )]
    let middle = at((n as f64 * Q).ceil() as u64, f64::INFINITY);
    Effect::of(middle, interval).ok()
}
