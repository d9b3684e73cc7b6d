//! Bounds for a planned number of looks.

use super::beta_binomial::Sides;
use super::domain::within_unit;
use super::error::{Result, StatisticsError};
use super::normal::{normal_density, normal_quantile, normal_upper};

/// Points of a density that is carried from look to look. Odd, for Simpson's rule.
const POINTS: u32 = 601;
/// Beyond so many standard deviations a density is nothing.
const FAR: f64 = 9.0;
/// No plan has more looks.
const LOOKS_MAX: usize = 100;

/// Returns the z that each of `looks` equally spaced looks has to reach, spending α as O'Brien and Fleming's bounds do. With two sides, each
/// spends half of it. Sources: K. K. G. Lan and D. L. DeMets 1983; P. Armitage, C. K. McPherson and B. C. Rowe 1969 for the recursion.
pub fn obrien_fleming_bounds(looks: usize, alpha: f64, sides: Sides) -> Result<Vec<f64>> {
    let alpha = within_unit("alpha", alpha)? / if sides == Sides::Two { 2.0 } else { 1.0 };
    if looks == 0 || looks > LOOKS_MAX {
        return Err(StatisticsError::TooFew { name: "looks between 1 and 100", found: looks, expected: 1 });
    }
    let z = -normal_quantile(alpha / 2.0)?;
    let all = super::domain::length(looks);
    let mut bounds = Vec::new();
    // The density of the sum so far, where no bound was reached: points, weights and values.
    let mut density: Vec<(f64, f64)> = Vec::new();
    let mut spent = 0.0;
    for look in 1..=looks {
        let k = super::domain::length(look);
        let due = 2.0 * normal_upper(z * (all / k).sqrt());
        let crossing = |bound: f64| -> f64 {
            if density.is_empty() {
                return normal_upper(bound);
            }
            density.iter().map(|(at, weight)| weight * normal_upper(bound - at)).sum()
        };
        let (mut low, mut high) = (0.0, (FAR + 3.0) * k.sqrt());
        for _ in 0..80 {
            let middle = f64::midpoint(low, high);
            *(if crossing(middle) > due - spent { &mut low } else { &mut high }) = middle;
        }
        let bound = f64::midpoint(low, high);
        spent = due;
        bounds.push(bound / k.sqrt());
        let least = if sides == Sides::Two { -bound } else { -FAR * k.sqrt() };
        let step = (bound - least) / f64::from(POINTS - 1);
        let next = (0..POINTS).map(|i| {
            let at = least + step * f64::from(i);
            let simpson = if i == 0 || i == POINTS - 1 { 1.0 } else { 2.0 + 2.0 * f64::from(i % 2) };
            let value = if density.is_empty() {
                normal_density(at)
            } else {
                density.iter().map(|(before, weight)| weight * normal_density(at - before)).sum()
            };
            (at, simpson * step / 3.0 * value)
        });
        density = next.collect();
    }
    Ok(bounds)
}
