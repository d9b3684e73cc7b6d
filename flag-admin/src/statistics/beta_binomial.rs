//! Always-valid tests of counts by a beta-binomial mixture, one-sided, and the interval that goes with it.
//!
//! Sources: H. Robbins, *Statistical methods related to the law of the iterated logarithm*, 1970; S. R. Howard, A. Ramdas, J. McAuliffe and
//! J. Sekhon, *Time-uniform, nonparametric, nonasymptotic confidence sequences*, 2021, proposition 7. The numbers are those of their
//! library confseq.

use super::beta::{bisect, ln_beta, ln_prefactor, ln_tails};
use super::domain::{part_of, positive, real, settled, within_unit};
use super::error::Result;
use super::interval::Interval;

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
    settled("the mixture", all + tail(after) - tail(before))
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

/// The beta-binomial mixture for any sub-binomial process, in the form of its source: steps from −`g` to `h` with variance `g` `h`.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Mixture {
    g: f64,
    h: f64,
    r: f64,
    sides: Sides,
}

/// Whether a mixture bets in one direction, or both.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Sides {
    /// Only upwards.
    One,
    /// In both.
    Two,
}

impl Mixture {
    /// Returns the mixture that is sharpest at the intrinsic time `v_opt` for `alpha`.
    pub fn tuned(g: f64, h: f64, v_opt: f64, alpha: f64, sides: Sides) -> Result<Self> {
        let (g, h, v_opt) = (positive("g", g)?, positive("h", h)?, positive("v_opt", v_opt)?);
        let alpha = if sides == Sides::One { 2.0 * alpha } else { alpha };
        let rho = best_rho(v_opt, within_unit("alpha", alpha)?);
        Ok(Self { g, h, r: (rho - g * h).max(1e-3 * g * h), sides })
    }

    /// Returns ln E of a process that is at `s` at the intrinsic time `v`.
    pub fn log_e(&self, s: f64, v: f64) -> Result<f64> {
        let Self { g, h, r, sides } = *self;
        let whole = g + h;
        let part = |a: f64, b: f64| {
            let tail = if sides == Sides::One { ln_tails(a, b, h / whole, g / whole)?.lower } else { 0.0 };
            Ok(ln_beta(positive("v − g s", a)?, positive("v + h s", b)?) + tail)
        };
        let (down, up) = ((v - g * s) / (g * whole), (v + h * s) / (h * whole));
        let (a, b) = (r / (g * whole), r / (h * whole));
        let mixed = part(a + down, b + up)? - part(a, b)?;
        settled("the mixture", v / (g * h) * libm::log(whole) - up * libm::log(g) - down * libm::log(h) + mixed)
    }

    /// Returns how high the process has to be at the intrinsic time `v` for E to reach 1 / `alpha`.
    pub fn bound(&self, v: f64, alpha: f64) -> Result<f64> {
        let (v, threshold) = (positive("v", v)?, -libm::log(within_unit("alpha", alpha)?));
        // E grows with s from where it is least; at 0 it is at most 1.
        bisect(0.0, v / self.g, |s| Ok(self.log_e(s, v)? < threshold))
    }
}
