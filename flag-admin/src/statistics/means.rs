//! Means of two groups of numbers: Student's and Welch's tests.

use super::domain::{finite, length, not_negative, sample, settled};
use super::error::{Result, StatisticsError};
use super::interval::{Interval, Tails};
use super::normal::{student_two_sided, student_upper};

/// A group of numbers in three.
#[derive(Copy, Clone, Debug, PartialEq, serde::Serialize)]
pub struct Summary {
    /// The mean.
    pub mean: f64,
    /// The variance, over n − 1.
    pub variance: f64,
    /// How many there are.
    pub n: f64,
}

/// A test of two means.
#[derive(Copy, Clone, Debug, PartialEq, serde::Serialize)]
pub struct MeansTest {
    /// The difference of the means over its standard error.
    pub t: f64,
    /// Degrees of freedom.
    pub degrees: f64,
    /// The chances.
    pub tails: Tails,
}

impl Summary {
    /// Summarises numbers, of which there must be two: in two passes with a shift, so that leading digits they share cost nothing.
    pub fn of(values: &[f64]) -> Result<Self> {
        sample("numbers", values, 2)?;
        let n = length(values.len());
        let Some(shift) = values.first().copied() else {
            return Err(StatisticsError::TooFew { name: "numbers", found: 0, expected: 2 });
        };
        let mean = values.iter().map(|value| value - shift).sum::<f64>() / n;
        let (mut squares, mut rest) = (0.0, 0.0);
        for value in values {
            let off = (value - shift) - mean;
            squares += off * off;
            rest += off;
        }
        let variance = finite("the variance", (squares - rest * rest / n) / (n - 1.0))?;
        Ok(Self { mean: finite("the mean", shift + mean)?, variance, n })
    }

    /// Returns a group of which the mean, the standard deviation and the number are known.
    pub fn known(mean: f64, deviation: f64, n: u64) -> Result<Self> {
        if n < 2 {
            let found = usize::try_from(n).unwrap_or(usize::MAX);
            return Err(StatisticsError::TooFew { name: "numbers", found, expected: 2 });
        }
        sample("a mean", &[mean], 1)?;
        let deviation = not_negative("a standard deviation", deviation)?;
        Ok(Self { mean, variance: deviation * deviation, n: super::domain::real(n) })
    }

    /// Returns the squared standard error of the mean.
    pub fn squared_error(&self) -> f64 {
        self.variance / self.n
    }
}

/// Tests whether two groups have the same mean, whatever their variances. Source: B. L. Welch 1947.
pub fn welch(treatment: Summary, control: Summary) -> Result<MeansTest> {
    let error = treatment.squared_error() + control.squared_error();
    test(treatment, control, error, welch_degrees(treatment, control))
}

/// Tests whether two groups of the same variance have the same mean. Source: Student 1908.
pub fn pooled(treatment: Summary, control: Summary) -> Result<MeansTest> {
    let degrees = treatment.n + control.n - 2.0;
    let variance = ((treatment.n - 1.0) * treatment.variance + (control.n - 1.0) * control.variance) / degrees;
    test(treatment, control, variance * (1.0 / treatment.n + 1.0 / control.n), degrees)
}

/// Returns Welch's interval of the difference of two means at 1 − `alpha`.
pub fn welch_interval(treatment: Summary, control: Summary, alpha: f64) -> Result<Interval> {
    let error = (treatment.squared_error() + control.squared_error()).sqrt();
    let degrees = welch_degrees(treatment, control);
    let half = if error > 0.0 { student_two_sided(alpha, degrees)? * error } else { 0.0 };
    let difference = treatment.mean - control.mean;
    Ok(Interval { low: difference - half, high: difference + half })
}

fn welch_degrees(treatment: Summary, control: Summary) -> f64 {
    let (t, c) = (treatment.squared_error(), control.squared_error());
    (t + c) * (t + c) / (t * t / (treatment.n - 1.0) + c * c / (control.n - 1.0))
}

fn test(treatment: Summary, control: Summary, squared_error: f64, degrees: f64) -> Result<MeansTest> {
    if squared_error <= 0.0 {
        return Err(StatisticsError::NoVariation { name: "the numbers" });
    }
    let t = settled("the test of means", (treatment.mean - control.mean) / squared_error.sqrt())?;
    let tails = Tails {
        two_sided: 2.0 * student_upper(t.abs(), degrees)?,
        greater: student_upper(t, degrees)?,
        less: student_upper(-t, degrees)?,
    };
    Ok(MeansTest { t, degrees, tails })
}
