//! The incomplete beta function and its inverse, both tails in logarithms: neither underflows, and neither is what the other leaves of 1.

use std::f64::consts::PI;

use super::domain::{positive, real, settled, unit, within_unit};
use super::error::{Result, StatisticsError};
use super::gamma::{deviance, stirling_error};

const ITERATIONS: u32 = 1_000_000;
/// Beyond these odds, in logarithms, lies no number between 0 and 1.
const LOGIT_MAX: f64 = 708.0;

/// The logarithms of Iₓ(a, b) and of 1 − Iₓ(a, b).
#[derive(Copy, Clone, Debug)]
pub(super) struct LnTails {
    pub(super) lower: f64,
    pub(super) upper: f64,
}

/// Returns Iₓ(a, b), the chance that a Beta(a, b) variable is at most `x`.
///
/// Lentz's continued fraction (Abramowitz and Stegun 26.5.8) behind a prefactor by C. Loader's deviances, from the side of the smaller tail.
pub fn beta_lower(a: f64, b: f64, x: f64) -> Result<f64> {
    let (a, b, x) = (positive("a", a)?, positive("b", b)?, unit("x", x)?);
    if x <= 0.0 || x >= 1.0 {
        return Ok(x);
    }
    Ok(libm::exp(ln_tails(a, b, x, 1.0 - x)?.lower))
}

/// Returns the x at which Iₓ(a, b) is `chance`.
pub fn beta_quantile(chance: f64, a: f64, b: f64) -> Result<f64> {
    let logit = beta_quantile_logit(within_unit("chance", chance)?, positive("a", a)?, positive("b", b)?)?;
    Ok(1.0 / (1.0 + libm::exp(-logit)))
}

/// Returns ln(x / (1 − x)) for the x at which Iₓ(a, b) is `chance`: close to 1 as exact as close to 0.
pub(super) fn beta_quantile_logit(chance: f64, a: f64, b: f64) -> Result<f64> {
    let is_below = |logit: f64| {
        let tails = ln_tails(a, b, 1.0 / (1.0 + libm::exp(-logit)), 1.0 / (1.0 + libm::exp(logit)))?;
        Ok(if chance <= 0.5 { tails.lower < libm::log(chance) } else { tails.upper > libm::log1p(-chance) })
    };
    bisect(-LOGIT_MAX, LOGIT_MAX, is_below)
}

/// Returns the place between two at which a property ends that holds at the lower one, as exactly as numbers are.
pub(super) fn bisect(mut low: f64, mut high: f64, holds: impl Fn(f64) -> Result<bool>) -> Result<f64> {
    loop {
        let middle = low + (high - low) / 2.0;
        if middle <= low || middle >= high {
            return Ok(middle);
        }
        *(if holds(middle)? { &mut low } else { &mut high }) = middle;
    }
}

/// Returns ln(xᵃ yᵇ / B(a, b)), where y is 1 − x.
pub(super) fn ln_prefactor(a: f64, b: f64, x: f64, y: f64) -> f64 {
    let n = a + b;
    stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance(a, n * x) - deviance(b, n * y)
        + 0.5 * libm::log(a / n * b / (2.0 * PI))
}

/// Returns ln B(a, b).
pub(super) fn ln_beta(a: f64, b: f64) -> f64 {
    let n = a + b;
    a * libm::log(a / n) + b * libm::log(b / n) - ln_prefactor(a, b, a / n, b / n)
}

/// Returns both tails, where y is 1 − x and neither is 0.
pub(super) fn ln_tails(a: f64, b: f64, x: f64, y: f64) -> Result<LnTails> {
    let prefactor = ln_prefactor(a, b, x, y);
    let other = |ln: f64| libm::log(-libm::expm1(ln.min(0.0)));
    // A float's `min` would take 0 for NaN.
    let smaller = |ln: f64| settled("the incomplete beta function", ln).map(|ln| ln.min(0.0));
    if x <= (a + 1.0) / (a + b + 2.0) {
        let lower = smaller(prefactor + libm::log(fraction(a, b, x)? / a))?;
        Ok(LnTails { lower, upper: other(lower) })
    } else {
        let upper = smaller(prefactor + libm::log(fraction(b, a, y)? / b))?;
        Ok(LnTails { lower: other(upper), upper })
    }
}

fn fraction(a: f64, b: f64, x: f64) -> Result<f64> {
    let away_from_zero = |value: f64| if value.abs() < f64::MIN_POSITIVE { f64::MIN_POSITIVE } else { value };
    let (whole, after, before) = (a + b, a + 1.0, a - 1.0);
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - whole * x / after);
    let mut fraction = d;
    let mut m = 0.0;
    for _ in 0..ITERATIONS {
        m += 1.0;
        let twice = 2.0 * m;
        let even = m * (b - m) * x / ((before + twice) * (a + twice));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (whole + m) * x / ((a + twice) * (after + twice));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        let step = d * c;
        fraction *= step;
        if (step - 1.0).abs() <= f64::EPSILON {
            return Ok(fraction);
        }
    }
    Err(StatisticsError::NotConverged { name: "the incomplete beta function" })
}

/// Returns the chance of at most `k` successes among `n` trials that each succeed with chance `p`.
pub fn binomial_at_most(k: u64, n: u64, p: f64) -> Result<f64> {
    let p = unit("p", p)?;
    if k >= n || p <= 0.0 {
        return Ok(1.0);
    }
    if p >= 1.0 {
        return Ok(0.0);
    }
    Ok(libm::exp(ln_tails(real(k) + 1.0, real(n - k), p, 1.0 - p)?.upper))
}

/// Returns the chance of at least `k` successes among `n` trials that each succeed with chance `p`.
pub fn binomial_at_least(k: u64, n: u64, p: f64) -> Result<f64> {
    let p = unit("p", p)?;
    if k == 0 {
        return Ok(1.0);
    }
    if k > n || p <= 0.0 {
        return Ok(0.0);
    }
    if p >= 1.0 {
        return Ok(1.0);
    }
    Ok(libm::exp(ln_tails(real(k), real(n - k) + 1.0, p, 1.0 - p)?.lower))
}
