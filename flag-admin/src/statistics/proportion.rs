//! Shares of one group, and intervals for them.

use super::beta::beta_quantile;
use super::domain::{part_of, positive, real};
use super::error::Result;
use super::interval::Interval;
use super::normal::two_sided;

/// A group of units, of which some have a property.
#[derive(Copy, Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Arm {
    k: u64,
    n: u64,
}

impl Arm {
    /// Returns a group of `n` units, of which `k` have the property. There must be one at least.
    pub fn new(k: u64, n: u64) -> Result<Self> {
        positive("the number of units", real(n))?;
        part_of("units", k, n)?;
        Ok(Self { k, n })
    }

    /// Returns how many have the property.
    pub const fn k(&self) -> u64 {
        self.k
    }

    /// Returns how many there are.
    pub const fn n(&self) -> u64 {
        self.n
    }

    /// Returns how many do not have the property.
    pub const fn rest(&self) -> u64 {
        self.n.saturating_sub(self.k)
    }

    /// Returns the group with the property turned around.
    #[must_use]
    pub const fn inverted(&self) -> Self {
        Self { k: self.rest(), n: self.n }
    }

    /// Returns the share that has the property.
    pub fn share(&self) -> f64 {
        real(self.k) / real(self.n)
    }

    /// Returns Wilson's score interval at 1 − `alpha`. Source: E. B. Wilson 1927.
    pub fn wilson(&self, alpha: f64) -> Result<Interval> {
        let z = two_sided(alpha)?;
        let (p, n, square) = (self.share(), real(self.n), z * z);
        let scale = 1.0 + square / n;
        let middle = (p + square / (2.0 * n)) / scale;
        let half = z / scale * (p * (1.0 - p) / n + square / (4.0 * n * n)).sqrt();
        let low = if self.k == 0 { 0.0 } else { (middle - half).max(0.0) };
        let high = if self.k == self.n { 1.0 } else { (middle + half).min(1.0) };
        Ok(Interval { low, high })
    }

    /// Returns the exact interval at 1 − `alpha`, which covers at least that often. Source: C. J. Clopper and E. S. Pearson 1934.
    pub fn clopper_pearson(&self, alpha: f64) -> Result<Interval> {
        two_sided(alpha)?;
        let (k, rest) = (real(self.k), real(self.rest()));
        let low = if self.k == 0 { 0.0 } else { beta_quantile(alpha / 2.0, k, rest + 1.0)? };
        let high = if self.k == self.n { 1.0 } else { beta_quantile(1.0 - alpha / 2.0, k + 1.0, rest)? };
        Ok(Interval { low, high })
    }

    /// Returns the interval of Jeffreys' prior at 1 − `alpha`. Source: L. D. Brown, T. T. Cai and A. DasGupta 2001.
    pub fn jeffreys(&self, alpha: f64) -> Result<Interval> {
        two_sided(alpha)?;
        let (a, b) = (real(self.k) + 0.5, real(self.rest()) + 0.5);
        Ok(Interval { low: beta_quantile(alpha / 2.0, a, b)?, high: beta_quantile(1.0 - alpha / 2.0, a, b)? })
    }

    /// Returns Wald's interval around Wilson's middle at 1 − `alpha`, cut off at 0 and 1. Source: A. Agresti and B. A. Coull 1998.
    pub fn agresti_coull(&self, alpha: f64) -> Result<Interval> {
        let z = two_sided(alpha)?;
        let n = real(self.n) + z * z;
        let p = (real(self.k) + z * z / 2.0) / n;
        let half = z * (p * (1.0 - p) / n).sqrt();
        Ok(Interval { low: (p - half).max(0.0), high: (p + half).min(1.0) })
    }
}
