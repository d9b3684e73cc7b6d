//! How many units an experiment needs, and what it can find with those it has.

use super::beta::bisect;
use super::domain::{finite, positive, settled, within_unit};
use super::error::{Result, StatisticsError};
use super::gamma::ln_gamma;
use super::normal::{normal_lower, normal_quantile, normal_upper, student_two_sided, two_sided};
use super::two_proportions::cohen_h;

/// No experiment is planned for more units in an arm.
const UNITS_MAX: f64 = 1e15;

/// Two shares that a test at a two-sided α is to tell apart.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct SharesToTell {
    /// The control's share.
    pub control: f64,
    /// The treatment's share.
    pub treatment: f64,
    /// The two-sided α.
    pub alpha: f64,
}

impl SharesToTell {
    fn checked(&self) -> Result<(f64, f64, f64)> {
        let (c, t) =
            (within_unit("the control's share", self.control)?, within_unit("the treatment's share", self.treatment)?);
        if (t - c).abs() <= 0.0 {
            return Err(StatisticsError::NoVariation { name: "the two shares" });
        }
        Ok((c, t, two_sided(self.alpha)?))
    }

    /// Returns the units that each arm needs to tell them apart with a chance of `power`. Source: J. L. Fleiss, *Statistical Methods for
    /// Rates and Proportions*, 1981, without correction for continuity.
    pub fn units_per_arm(&self, power: f64) -> Result<f64> {
        let (c, t, z) = self.checked()?;
        let (pooled, apart) = spreads(c, t);
        let root = (z * pooled + normal_quantile(within_unit("power", power)?)? * apart) / (t - c);
        settled("the number of units", root * root)
    }

    /// Returns the chance to tell them apart with `units` in each arm, by the nearer of the two tails.
    pub fn power(&self, units: f64) -> Result<f64> {
        let (c, t, z) = self.checked()?;
        let (pooled, apart) = spreads(c, t);
        Ok(normal_lower(((t - c).abs() * positive("units", units)?.sqrt() - z * pooled) / apart))
    }

    /// Returns the units that each arm needs by the effect size of arcsines. Source: J. Cohen, *Statistical Power Analysis*, 1988.
    pub fn units_per_arm_arcsine(&self, power: f64) -> Result<f64> {
        let (c, t, z) = self.checked()?;
        let (h, power) = (cohen_h(t, c).abs(), within_unit("power", power)?);
        let reached = |units: f64| {
            let shift = h * (units / 2.0).sqrt();
            normal_upper(z - shift) + normal_lower(-z - shift)
        };
        units(|units| Ok(reached(units) < power))
    }
}

/// Returns √(2 p̄ q̄) and √(p q + p′ q′).
fn spreads(c: f64, t: f64) -> (f64, f64) {
    let mean = f64::midpoint(c, t);
    ((2.0 * mean * (1.0 - mean)).sqrt(), (c * (1.0 - c) + t * (1.0 - t)).sqrt())
}

/// Two means, `effect` standard deviations apart, that Student's test at a two-sided α is to tell apart.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct MeansToTell {
    /// The difference of the means in standard deviations.
    pub effect: f64,
    /// The two-sided α.
    pub alpha: f64,
}

impl MeansToTell {
    /// Returns the chance to tell them apart with `units` in each arm, by the noncentral t distribution.
    pub fn power(&self, units: f64) -> Result<f64> {
        let effect = finite("the effect", self.effect)?;
        let degrees = positive("degrees of freedom", 2.0 * finite("units", units)? - 2.0)?;
        let critical = student_two_sided(self.alpha, degrees)?;
        let shift = effect.abs() * (units / 2.0).sqrt();
        over_spread(degrees, |s| normal_lower(shift - critical * s) + normal_lower(-shift - critical * s))
    }

    /// Returns the units that each arm needs to tell them apart with a chance of `power`.
    pub fn units_per_arm(&self, power: f64) -> Result<f64> {
        let power = within_unit("power", power)?;
        self.units_per_arm_normal(power)?;
        units(|units| Ok(self.power(units)? < power))
    }

    /// Returns about how many units each arm needs, by the normal distribution.
    pub fn units_per_arm_normal(&self, power: f64) -> Result<f64> {
        let effect = positive("the effect", finite("the effect", self.effect)?.abs())?;
        let root = (two_sided(self.alpha)? + normal_quantile(power)?) / effect;
        Ok(2.0 * root * root)
    }
}

/// Returns the number of units up to which a property holds. Even two units may be more than enough.
fn units(holds: impl Fn(f64) -> Result<bool>) -> Result<f64> {
    let least = 1.0 + 1e-6;
    let mut enough = 2.0;
    while holds(enough)? {
        enough *= 2.0;
        if enough > UNITS_MAX {
            return Err(StatisticsError::NotConverged { name: "the number of units" });
        }
    }
    if !holds(least)? {
        return Ok(least);
    }
    let (mut low, mut high) = (least, enough);
    while high - low > 1e-10 * high {
        let middle = f64::midpoint(low, high);
        *(if holds(middle)? { &mut low } else { &mut high }) = middle;
    }
    Ok(f64::midpoint(low, high))
}

/// Returns the mean of a function over the spread s = √(χ² / degrees) of a sample, by Simpson's rule where its density is not nothing.
fn over_spread(degrees: f64, f: impl Fn(f64) -> f64) -> Result<f64> {
    const STEPS: u32 = 1_200;
    let half = degrees / 2.0;
    let scale = std::f64::consts::LN_2 + half * libm::log(half) - ln_gamma(half)?;
    let density = |s: f64| libm::exp(scale + (degrees - 1.0) * libm::log(s) - half * s * s);
    let width = 12.0 / (2.0 * degrees).sqrt();
    let (low, high) = ((1.0 - width).max(1e-12), 1.0 + width);
    let step = (high - low) / f64::from(STEPS);
    let weight = |i: u32| if i == 0 || i == STEPS { 1.0 } else { 2.0 + 2.0 * f64::from(i % 2) };
    let sum: f64 = (0..=STEPS)
        .map(|i| {
            let s = low + f64::from(i) * step;
            weight(i) * density(s) * f(s)
        })
        .sum();
    Ok((sum * step / 3.0).clamp(0.0, 1.0))
}

/// Returns the interval's end by bisection: a share that `units` in each arm tell apart from `control` with a chance of `power`, above it or below.
pub fn detectable_share(control: f64, units: f64, alpha: f64, power: f64, direction: Direction) -> Result<Option<f64>> {
    let (control, power) = (within_unit("the control's share", control)?, within_unit("power", power)?);
    let edge = if direction == Direction::Above { 1.0 } else { 0.0 };
    let at = |part: f64| control + (edge - control) * part;
    let is_missed = |part: f64| Ok(SharesToTell { control, treatment: at(part), alpha }.power(units)? < power);
    let (least, most) = (1e-9, 1.0 - 1e-9);
    if is_missed(most)? {
        return Ok(None);
    }
    Ok(Some(at(bisect(least, most, is_missed)?)))
}

/// Which way a share differs.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It is larger.
    Above,
    /// It is smaller.
    Below,
}
