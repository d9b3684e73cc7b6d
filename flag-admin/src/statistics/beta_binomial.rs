//! Always-valid tests of counts by a beta-binomial mixture, one-sided, and the interval that goes with it.
//!
//! Sources: H. Robbins, *Statistical methods related to the law of the iterated logarithm*, 1970; S. R. Howard, A. Ramdas, J. McAuliffe and
//! J. Sekhon, *Time-uniform, nonparametric, nonasymptotic confidence sequences*, 2021, proposition 7. The numbers are those of their
//! library confseq.

use super::beta::{bisect, ln_beta, ln_prefactor, ln_tails};
use super::domain::{part_of, positive, real, within_unit};
use super::error::Result;

/// The α that a mixture is made sharpest for; the test is valid for all.
const ALPHA_TUNED: f64 = 0.05;
/// Beyond these odds, in logarithms, lies no number between 0 and 1.
const LOGIT_MAX: f64 = 708.0;

/// The mixing distribution Beta(a, b), whose mean is the rate tested.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Prior {
    /// Its weight on successes.
    pub a: f64,
    /// Its weight on failures.
    pub b: f64,
}

impl Prior {
    /// Returns the prior for the rate `p0`, strictly between 0 and 1, that makes the test sharpest after about `n_opt` reports.
    pub fn tuned(p0: f64, n_opt: f64) -> Result<Self> {
        Self::tuned_for(p0, n_opt, ALPHA_TUNED)
    }

    /// Returns the prior for an α of one's own, below ½.
    pub fn tuned_for(p0: f64, n_opt: f64, alpha: f64) -> Result<Self> {
        let (p0, n_opt) = (within_unit("p0", p0)?, positive("n_opt", n_opt)?);
        let variance = p0 * (1.0 - p0);
        let rho = best_rho(n_opt * variance, within_unit("2 alpha", 2.0 * alpha)?);
        let r = (rho - variance).max(1e-3 * variance);
        Ok(Self { a: r / (1.0 - p0), b: r / p0 })
    }
}

/// Returns the ρ at which a normal mixture is sharpest at the intrinsic time `v`, for a two-sided α. Source: Howard et al., section 3.5.
pub fn best_rho(v: f64, alpha: f64) -> f64 {
    let twice = -2.0 * libm::log(alpha);
    v / (twice + libm::log1p(twice))
}

/// Returns ln E against *the rate is at most `p0`* after `k` of `n` reports said yes: large where the rate is above it.
///
/// `n_opt` is the number of reports at which the test is sharpest; it is valid at every one.
pub fn log_e_up(k: u64, n: u64, p0: f64, n_opt: f64) -> Result<f64> {
    log_e_up_with(k, n, p0, Prior::tuned(p0, n_opt)?)
}

/// Returns ln E against *the rate is at least `p0`* after `k` of `n` reports said yes: large where the rate is below it.
pub fn log_e_down(k: u64, n: u64, p0: f64, n_opt: f64) -> Result<f64> {
    log_e_down_with(k, n, p0, Prior::tuned(p0, n_opt)?)
}

/// As [`log_e_up`], with a prior of one's own.
pub fn log_e_up_with(k: u64, n: u64, p0: f64, prior: Prior) -> Result<f64> {
    one_sided(k, n, p0, prior, |tails| tails.upper)
}

/// As [`log_e_down`], with a prior of one's own.
pub fn log_e_down_with(k: u64, n: u64, p0: f64, prior: Prior) -> Result<f64> {
    one_sided(k, n, p0, prior, |tails| tails.lower)
}

fn one_sided(k: u64, n: u64, p0: f64, prior: Prior, tail: impl Fn(super::beta::LnTails) -> f64) -> Result<f64> {
    part_of("reports", k, n)?;
    let p0 = within_unit("p0", p0)?;
    let q0 = 1.0 - p0;
    let (a, b) = (positive("the prior's a", prior.a)?, positive("the prior's b", prior.b)?);
    let (more_a, more_b) = (a + real(k), b + real(n.saturating_sub(k)));
    // ln B(a + k, b + n − k) − ln B(a, b) − k ln p0 − (n − k) ln q0 is the difference of two prefactors: the large logarithms cancel
    // before they are computed.
    let all = ln_prefactor(a, b, p0, q0) - ln_prefactor(more_a, more_b, p0, q0);
    let (after, before) = (ln_tails(more_a, more_b, p0, q0)?, ln_tails(a, b, p0, q0)?);
    Ok(all + tail(after) - tail(before))
}

/// An interval of rates.
#[derive(Copy, Clone, Debug, PartialEq, serde::Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Tells whether a number lies in it, its ends included.
    pub fn contains(&self, number: f64) -> bool {
        self.low <= number && number <= self.high
    }
}

/// Returns the rates that a beta-binomial mixture has not ruled out after `k` of `n` reports said yes. With a chance of 1 − `alpha` it
/// contains the rate at every look. `prior` is usually Beta(1, 1).
pub fn confidence_sequence(k: u64, n: u64, alpha: f64, prior: Prior) -> Result<Interval> {
    part_of("reports", k, n)?;
    let threshold = -libm::log(within_unit("alpha", alpha)?);
    let (a, b) = (positive("the prior's a", prior.a)?, positive("the prior's b", prior.b)?);
    let (yes, no) = (real(k), real(n.saturating_sub(k)));
    let mixture = ln_beta(a + yes, b + no) - ln_beta(a, b);
    // ln p and ln(1 − p) by the odds, exact at both ends.
    let is_ruled_out = |logit: f64| {
        let (p, q) = (-libm::log1p(libm::exp(-logit)), -libm::log1p(libm::exp(logit)));
        mixture - yes * p - no * q >= threshold
    };
    let share = |logit: f64| 1.0 / (1.0 + libm::exp(-logit));
    let best = libm::log(yes / no).clamp(-LOGIT_MAX, LOGIT_MAX);
    let best = if n == 0 { 0.0 } else { best };
    let low = if k == 0 { 0.0 } else { share(bisect(-LOGIT_MAX, best, |logit| Ok(is_ruled_out(logit)))?) };
    let high = if k == n { 1.0 } else { share(bisect(best, LOGIT_MAX, |logit| Ok(!is_ruled_out(logit)))?) };
    Ok(Interval { low, high })
}

/// Returns the p-value that a ln E comes to, however often somebody looked.
pub fn always_valid_p(log_e: f64) -> f64 {
    libm::exp(-log_e).min(1.0)
}
