//! The gamma function, and what densities built on it are computed from without cancellation.

use std::f64::consts::PI;

use super::domain::{not_negative, positive, settled};
use super::error::{Result, StatisticsError};

const ITERATIONS: u32 = 1_000_000;
const PRECISION: f64 = f64::EPSILON / 2.0;
/// ln √(2π).
const LN_ROOT_2_PI: f64 = 0.918_938_533_204_672_8;

/// Returns the logarithm of Γ(x), for finite x > 0.
pub fn ln_gamma(x: f64) -> Result<f64> {
    positive("x", x).map(libm::lgamma)
}

/// Returns what Stirling's formula lacks: ln Γ(z) − ((z − ½) ln z − z + ln √(2π)), for z > 0.
///
/// Source: C. Loader, *Fast and accurate computation of binomial probabilities*, 2000.
pub(super) fn stirling_error(z: f64) -> f64 {
    if z < 16.0 {
        return libm::lgamma(z) - ((z - 0.5) * libm::log(z) - z + LN_ROOT_2_PI);
    }
    let square = z * z;
    let inner = 1.0 / 1188.0 - (691.0 / 360_360.0) / square;
    let inner = 1.0 / 1680.0 - inner / square;
    let inner = 1.0 / 1260.0 - inner / square;
    let inner = 1.0 / 360.0 - inner / square;
    (1.0 / 12.0 - inner / square) / z
}

/// Returns x ln(x / m) + m − x, for x ≥ 0 and m > 0, exact where x is close to m.
///
/// Source: C. Loader, as above (his `bd0`).
pub(super) fn deviance(x: f64, m: f64) -> f64 {
    if x <= 0.0 {
        return m;
    }
    if (x - m).abs() >= 0.1 * (x + m) {
        return x * libm::log(x / m) + m - x;
    }
    let ratio = (x - m) / (x + m);
    let mut sum = (x - m) * ratio;
    let mut power = 2.0 * x * ratio;
    let square = ratio * ratio;
    let mut odd = 3.0;
    loop {
        power *= square;
        let next = sum + power / odd;
        if next.to_bits() == sum.to_bits() || odd > 2_000.0 {
            return next;
        }
        sum = next;
        odd += 2.0;
    }
}

/// Returns the upper tail of the χ² distribution with `degrees` of freedom: the chance of at least `x` ≥ 0.
///
/// The regularised incomplete gamma function by its series below the mean, and by Lentz's continued fraction above it, so that the tail
/// is computed itself and is not what another leaves. Source: Abramowitz and Stegun 6.5.29 and 6.5.31.
pub fn chi_square_upper(x: f64, degrees: f64) -> Result<f64> {
    let (a, x) = (positive("degrees of freedom", degrees)? / 2.0, not_negative("chi-square", x)? / 2.0);
    if x == 0.0 {
        return Ok(1.0);
    }
    // xᵃ e⁻ˣ / Γ(a)
    let density = libm::exp(-deviance(a, x) - stirling_error(a)) * (a / (2.0 * PI)).sqrt();
    if x < a + 1.0 {
        let (mut term, mut sum, mut n) = (1.0 / a, 1.0 / a, a);
        for _ in 0..ITERATIONS {
            n += 1.0;
            term *= x / n;
            sum += term;
            if term < sum * PRECISION {
                return settled("the chi-square tail", 1.0 - density * sum);
            }
        }
        return Err(StatisticsError::NotConverged { name: "the chi-square tail" });
    }
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / f64::MIN_POSITIVE;
    let mut d = 1.0 / b;
    let mut fraction = d;
    let mut i = 0.0;
    for _ in 0..ITERATIONS {
        i += 1.0;
        let factor = i * (a - i);
        b += 2.0;
        d = 1.0 / (factor * d + b);
        c = b + factor / c;
        let step = c * d;
        fraction *= step;
        if (step - 1.0).abs() < 2.0 * PRECISION {
            return settled("the chi-square tail", density * fraction);
        }
    }
    Err(StatisticsError::NotConverged { name: "the chi-square tail" })
}
