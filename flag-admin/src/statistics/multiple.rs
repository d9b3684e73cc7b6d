//! Several p-values at once: what each is worth when the others were looked at too.

use super::domain::{length, unit};
use super::error::Result;

/// How p-values are adjusted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Adjustment {
    /// Times their number.
    Bonferroni,
    /// Step down; holds for any dependence, as Bonferroni's does, and rejects more. Source: S. Holm 1979.
    Holm,
    /// Step up. Source: Y. Hochberg 1988.
    Hochberg,
    /// By Simes' test of every subset. Source: G. Hommel 1988.
    Hommel,
    /// Keeps the share of false discoveries, not the chance of one. Source: Y. Benjamini and Y. Hochberg 1995.
    BenjaminiHochberg,
    /// The same for any dependence. Source: Y. Benjamini and D. Yekutieli 2001.
    BenjaminiYekutieli,
}

/// Returns p-values adjusted, in the order given: each is to be held against α itself.
pub fn adjusted(p_values: &[f64], adjustment: Adjustment) -> Result<Vec<f64>> {
    for p in p_values {
        unit("a p-value", *p)?;
    }
    let mut order: Vec<(usize, f64)> = p_values.iter().copied().enumerate().collect();
    order.sort_by(|one, other| one.1.total_cmp(&other.1));
    let sorted: Vec<f64> = order.iter().map(|(_, p)| *p).collect();
    let n = length(sorted.len());
    let ranked = |scale: &dyn Fn(f64) -> f64| -> Vec<f64> {
        sorted.iter().enumerate().map(|(index, p)| p * scale(length(index) + 1.0)).collect()
    };
    let harmonic: f64 = (1..=sorted.len()).map(|rank| 1.0 / length(rank)).sum();
    let result = match adjustment {
        Adjustment::Bonferroni => ranked(&|_| n),
        Adjustment::Holm => growing(ranked(&|rank| n - rank + 1.0)),
        Adjustment::Hochberg => shrinking(ranked(&|rank| n - rank + 1.0)),
        Adjustment::Hommel => hommel(&sorted),
        Adjustment::BenjaminiHochberg => shrinking(ranked(&|rank| n / rank)),
        Adjustment::BenjaminiYekutieli => shrinking(ranked(&|rank| n / rank * harmonic)),
    };
    let mut back: Vec<(usize, f64)> = order.iter().zip(result).map(|((place, _), p)| (*place, p.min(1.0))).collect();
    back.sort_by_key(|(place, _)| *place);
    Ok(back.into_iter().map(|(_, p)| p).collect())
}

fn growing(mut values: Vec<f64>) -> Vec<f64> {
    let mut most: f64 = 0.0;
    for value in &mut values {
        most = most.max(*value);
        *value = most;
    }
    values
}

fn shrinking(mut values: Vec<f64>) -> Vec<f64> {
    let mut least = f64::INFINITY;
    for value in values.iter_mut().rev() {
        least = least.min(*value);
        *value = least;
    }
    values
}

fn hommel(sorted: &[f64]) -> Vec<f64> {
    let mut adjusted = sorted.to_vec();
    for size in (2..=sorted.len()).rev() {
        let m = length(size);
        let (first, last) = sorted.split_at(sorted.len() - size);
        let simes =
            last.iter().enumerate().map(|(index, p)| m * p / (length(index) + 1.0)).fold(f64::INFINITY, f64::min);
        let (head, tail) = adjusted.split_at_mut(first.len());
        for p in tail {
            *p = p.max(simes);
        }
        for (p, raw) in head.iter_mut().zip(first) {
            *p = p.max((m * raw).min(simes));
        }
    }
    adjusted
}
