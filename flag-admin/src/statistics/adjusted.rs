//! Sharper means: what is known of a unit from before taken out (CUPED), and ratios whose denominators vary.

use super::domain::{length, positive, sample, settled};
use super::error::{Result, StatisticsError};
use super::interval::Interval;
use super::means::{MeansTest, Summary, welch, welch_interval};
use super::normal::normal_upper;

/// A metric and what is known of the same units from before, in one group.
#[derive(Copy, Clone, Debug)]
pub struct Paired<'v> {
    /// The metric.
    pub metric: &'v [f64],
    /// The same units before.
    pub before: &'v [f64],
}

/// A comparison of means after what is known from before was taken out.
#[derive(Copy, Clone, Debug, PartialEq, serde::Serialize)]
pub struct Cuped {
    /// How much of the metric a unit of what is known from before explains.
    pub theta: f64,
    /// The correlation of both.
    pub correlation: f64,
    /// The treatment, adjusted.
    pub treatment: Summary,
    /// The control, adjusted.
    pub control: Summary,
    /// Welch's test of the adjusted metric.
    pub test: MeansTest,
    /// The interval of the difference at 1 − α.
    pub interval: Interval,
    /// The variance of the difference, as a part of what it was.
    pub variance_ratio: f64,
}

/// Compares two groups after taking out what is known from before. θ is computed over both groups, so that it cannot favour one. Source:
/// A. Deng, Y. Xu, R. Kohavi and T. Walker 2013.
pub fn cuped(treatment: Paired<'_>, control: Paired<'_>, alpha: f64) -> Result<Cuped> {
    for group in [treatment, control] {
        sample("numbers", group.metric, 2)?;
        sample("numbers from before", group.before, 2)?;
        if group.metric.len() != group.before.len() {
            let (found, expected) = (group.before.len(), group.metric.len());
            return Err(StatisticsError::Unpaired { name: "numbers from before", found, expected });
        }
    }
    let all = |one: &[f64], other: &[f64]| -> Vec<f64> { one.iter().chain(other).copied().collect() };
    let metric = all(treatment.metric, control.metric);
    let before = all(treatment.before, control.before);
    let (y, x) = (Summary::of(&metric)?, Summary::of(&before)?);
    if x.variance <= 0.0 {
        return Err(StatisticsError::NoVariation { name: "numbers from before" });
    }
    let covariance = covariance(&metric, &before, y.mean, x.mean);
    let theta = settled("the adjustment", covariance / x.variance)?;
    let adjusted = |group: Paired<'_>| {
        let pairs = group.metric.iter().zip(group.before);
        Summary::of(&pairs.map(|(metric, before)| metric - theta * (before - x.mean)).collect::<Vec<f64>>())
    };
    let (after_t, after_c) = (adjusted(treatment)?, adjusted(control)?);
    let (raw_t, raw_c) = (Summary::of(treatment.metric)?, Summary::of(control.metric)?);
    let raw = positive("the metric's variance", raw_t.squared_error() + raw_c.squared_error())?;
    Ok(Cuped {
        theta,
        correlation: covariance / (x.variance * y.variance).sqrt(),
        treatment: after_t,
        control: after_c,
        test: welch(after_t, after_c)?,
        interval: welch_interval(after_t, after_c, alpha)?,
        variance_ratio: (after_t.squared_error() + after_c.squared_error()) / raw,
    })
}

fn covariance(one: &[f64], other: &[f64], mean_one: f64, mean_other: f64) -> f64 {
    let products = one.iter().zip(other).map(|(a, b)| (a - mean_one) * (b - mean_other));
    products.sum::<f64>() / (length(one.len()) - 1.0)
}

/// A ratio of sums, such as errors per call, and its variance.
#[derive(Copy, Clone, Debug, PartialEq, serde::Serialize)]
pub struct Ratio {
    /// The ratio.
    pub ratio: f64,
    /// Its variance.
    pub variance: f64,
}

impl Ratio {
    /// Returns the ratio of two sums over units, whose denominators vary and go with the numerators. Source: A. Deng, U. Knoblich and J. Lu
    /// 2018 (delta method).
    pub fn of(numerators: &[f64], denominators: &[f64]) -> Result<Self> {
        let (top, bottom) = (Summary::of(numerators)?, Summary::of(denominators)?);
        if numerators.len() != denominators.len() {
            let (found, expected) = (denominators.len(), numerators.len());
            return Err(StatisticsError::Unpaired { name: "denominators", found, expected });
        }
        positive("the mean denominator", bottom.mean)?;
        let ratio = top.mean / bottom.mean;
        let shared = covariance(numerators, denominators, top.mean, bottom.mean);
        let scatter = top.variance - 2.0 * ratio * shared + ratio * ratio * bottom.variance;
        let variance = settled("the ratio's variance", scatter / (bottom.mean * bottom.mean * top.n))?;
        Ok(Self { ratio: settled("the ratio", ratio)?, variance: variance.max(0.0) })
    }
}

/// Returns z of the difference of two ratios, and its two-sided chance.
pub fn ratio_z(treatment: Ratio, control: Ratio) -> Result<(f64, f64)> {
    let variance = treatment.variance + control.variance;
    if variance <= 0.0 {
        return Err(StatisticsError::NoVariation { name: "the ratios" });
    }
    let z = (treatment.ratio - control.ratio) / variance.sqrt();
    Ok((z, 2.0 * normal_upper(z.abs())))
}
