//! The normal and Student's distribution.

use std::f64::consts::FRAC_1_SQRT_2;

use super::beta::{beta_quantile_logit, ln_tails};
use super::domain::{finite, positive, within_unit};
use super::error::Result;

/// Returns the chance that a standard normal variable is at most `x`.
pub fn normal_lower(x: f64) -> f64 {
    0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
}

/// Returns the chance that a standard normal variable is at least `x`.
pub fn normal_upper(x: f64) -> f64 {
    normal_lower(-x)
}

/// Returns the density of the standard normal distribution.
pub(super) fn normal_density(x: f64) -> f64 {
    libm::exp(-0.5 * x * x) / (2.0 * std::f64::consts::PI).sqrt()
}

/// Returns the x that a standard normal variable stays below with the given chance, strictly between 0 and 1.
///
/// Source: M. J. Wichura, *Algorithm AS 241*, Applied Statistics 37, 1988 (PPND16, 16 digits).
pub fn normal_quantile(chance: f64) -> Result<f64> {
    let p = within_unit("chance", chance)?;
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return Ok(q * quotient(r, &MIDDLE));
    }
    let r = (-libm::log(if q < 0.0 { p } else { 1.0 - p })).sqrt();
    let x = if r <= 5.0 { quotient(r - 1.6, &NEAR) } else { quotient(r - 5.0, &FAR) };
    Ok(x.copysign(q))
}

/// Returns the z that cuts off `alpha` / 2 at each side.
pub(super) fn two_sided(alpha: f64) -> Result<f64> {
    Ok(-normal_quantile(within_unit("alpha", alpha)? / 2.0)?)
}

/// Returns the chance that a variable of Student's distribution is at least `t`.
pub fn student_upper(t: f64, degrees: f64) -> Result<f64> {
    let (t, degrees) = (finite("t", t)?, positive("degrees of freedom", degrees)?);
    let square = t * t;
    if square == 0.0 {
        return Ok(0.5);
    }
    let whole = degrees + square;
    let half = if degrees / whole > 0.0 {
        0.5 * libm::exp(ln_tails(0.5 * degrees, 0.5, degrees / whole, square / whole)?.lower)
    } else {
        0.0
    };
    Ok(if t > 0.0 { half } else { 1.0 - half })
}

/// Returns the t that a variable of Student's distribution is above with a chance of `alpha` / 2, below 1.
pub fn student_two_sided(alpha: f64, degrees: f64) -> Result<f64> {
    let (alpha, degrees) = (within_unit("alpha", alpha)?, positive("degrees of freedom", degrees)?);
    let logit = beta_quantile_logit(alpha, 0.5 * degrees, 0.5)?;
    Ok((degrees * libm::exp(-logit)).sqrt())
}

fn quotient(r: f64, coefficients: &[(f64, f64); 8]) -> f64 {
    let (above, below) =
        coefficients.iter().rev().fold((0.0, 0.0), |(above, below), (up, down)| (above * r + up, below * r + down));
    above / below
}

const MIDDLE: [(f64, f64); 8] = [
    (3.387_132_872_796_366_5, 1.0),
    (1.331_416_678_917_843_8e2, 4.231_333_070_160_091e1),
    (1.971_590_950_306_551_3e3, 6.871_870_074_920_579e2),
    (1.373_169_376_550_946e4, 5.394_196_021_424_751e3),
    (4.592_195_393_154_987e4, 2.121_379_430_158_659_7e4),
    (6.726_577_092_700_87e4, 3.930_789_580_009_271e4),
    (3.343_057_558_358_813e4, 2.872_908_573_572_194_3e4),
    (2.509_080_928_730_122_7e3, 5.226_495_278_852_854e3),
];
const NEAR: [(f64, f64); 8] = [
    (1.423_437_110_749_683_5, 1.0),
    (4.630_337_846_156_546, 2.053_191_626_637_759),
    (5.769_497_221_460_691, 1.676_384_830_183_803_8),
    (3.647_848_324_763_204_5, 6.897_673_349_851e-1),
    (1.270_458_252_452_368_4, 1.481_039_764_274_800_8e-1),
    (2.417_807_251_774_506e-1, 1.519_866_656_361_645_7e-2),
    (2.272_384_498_926_918_4e-2, 5.475_938_084_995_345e-4),
    (7.745_450_142_783_414e-4, 1.050_750_071_644_416_9e-9),
];
const FAR: [(f64, f64); 8] = [
    (6.657_904_643_501_103, 1.0),
    (5.463_784_911_164_114, 5.998_322_065_558_88e-1),
    (1.784_826_539_917_291_3, 1.369_298_809_227_358e-1),
    (2.965_605_718_285_048_7e-1, 1.487_536_129_085_061_5e-2),
    (2.653_218_952_657_612_4e-2, 7.868_691_311_456_133e-4),
    (1.242_660_947_388_078_4e-3, 1.846_318_317_510_054_8e-5),
    (2.711_555_568_743_487_6e-5, 1.421_511_758_316_446e-7),
    (2.010_334_399_292_288_1e-7, 2.044_263_103_389_939_8e-15),
];
