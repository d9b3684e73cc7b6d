//! Quantiles of latencies: which of the sorted values bound one.

use super::beta::{binomial_at_least, binomial_at_most};
use super::beta_binomial::{Prior, log_e_down_with, log_e_up_with};
use super::domain::{positive, real, within_unit};
use super::error::Result;

/// Counts of values at most the quantile that are not ruled out. The quantile lies from the `low`th smallest value to the `high + 1`th; a
/// `low` of 0, or a `high` of all values, means that nothing bounds it there.
#[derive(Copy, Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct QuantileCounts {
    /// The smallest.
    pub low: u64,
    /// The largest.
    pub high: u64,
}

/// Ranks of sorted values, from 1 on, between which a quantile lies.
#[derive(Copy, Clone, Debug, PartialEq, serde::Serialize)]
pub struct QuantileRanks {
    /// The lower one; 0 means that nothing bounds it.
    pub low: u64,
    /// The upper one; one more than there are values means that nothing bounds it.
    pub high: u64,
    /// The chance that the quantile lies between them.
    pub coverage: f64,
}

/// Returns the counts that bound the `q` quantile of `n` values at every look, each side with a chance of error of `alpha_per_side`, sharpest
/// at about `n_opt` values. Source: S. R. Howard and A. Ramdas, *Sequential estimation of quantiles*, 2022.
pub fn quantile_confidence_sequence(q: f64, n: u64, alpha_per_side: f64, n_opt: f64) -> Result<QuantileCounts> {
    let threshold = -libm::log(within_unit("alpha", alpha_per_side)?);
    let prior = Prior::tuned(q, n_opt)?;
    let low = first(n, |k| Ok(log_e_down_with(k, n, q, prior)? < threshold))?;
    let beyond = first(n.saturating_add(1), |k| Ok(k > n || log_e_up_with(k, n, q, prior)? >= threshold))?;
    Ok(QuantileCounts { low, high: beyond.saturating_sub(1).max(low) })
}

/// Returns the ranks that bound the `q` quantile of `n` values at 1 − `alpha`, for one look. Source: H. A. David and H. N. Nagaraja, *Order
/// Statistics*, 2003, section 7.1.
pub fn quantile_ranks(q: f64, n: u64, alpha: f64) -> Result<QuantileRanks> {
    let (q, alpha) = (within_unit("q", q)?, within_unit("alpha", alpha)?);
    positive("the number of values", real(n))?;
    let low = first(n, |k| Ok(binomial_at_most(k, n, q)? >= alpha / 2.0))?;
    let high = first(n, |k| Ok(binomial_at_least(k.saturating_add(1), n, q)? <= alpha / 2.0))?.saturating_add(1);
    let above = binomial_at_least(high, n, q)?;
    let below = if low == 0 { 0.0 } else { binomial_at_most(low.saturating_sub(1), n, q)? };
    Ok(QuantileRanks { low, high, coverage: 1.0 - above - below })
}

/// Returns the smallest number up to `last` from which a property holds, or `last`.
fn first(last: u64, holds: impl Fn(u64) -> Result<bool>) -> Result<u64> {
    let (mut low, mut high) = (0, last);
    while low < high {
        let middle = low.midpoint(high);
        if holds(middle)? {
            high = middle;
        } else {
            low = middle.saturating_add(1);
        }
    }
    Ok(low)
}
