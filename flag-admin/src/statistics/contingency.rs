//! Counts against what they should be: tables, and the shares in which units were assigned.

use super::domain::{length, not_negative, positive, real, settled};
use super::error::{Result, StatisticsError};
use super::gamma::chi_square_upper;

/// How far counts are from what was expected.
#[derive(Copy, Clone, Debug, PartialEq, serde::Serialize)]
pub struct Fit {
    /// The statistic, distributed as χ².
    pub chi_square: f64,
    /// Its degrees of freedom.
    pub degrees: f64,
    /// The chance of one as large, or larger, if nothing differs.
    pub p: f64,
}

/// The test of a table.
#[derive(Copy, Clone, Debug, PartialEq, serde::Serialize)]
pub struct TableTest {
    /// Pearson's χ².
    pub pearson: Fit,
    /// The likelihood ratio G.
    pub likelihood_ratio: Fit,
}

/// Below this p-value the units were not assigned as they should have been, or not all of them are counted.
pub const SRM_THRESHOLD: f64 = 0.001;

pub(super) fn fit_to(chi_square: f64, degrees: f64) -> Result<Fit> {
    Ok(Fit { chi_square, degrees, p: chi_square_upper(chi_square, degrees)? })
}

/// Tests whether rows and columns of a table are independent. Source: K. Pearson 1900; without correction for continuity.
pub fn table(rows: &[Vec<u64>]) -> Result<TableTest> {
    let columns = rows.first().map_or(0, Vec::len);
    if rows.len() < 2 || columns < 2 {
        return Err(StatisticsError::TooFew { name: "rows or columns", found: rows.len().min(columns), expected: 2 });
    }
    if let Some(row) = rows.iter().find(|row| row.len() != columns) {
        return Err(StatisticsError::Unpaired { name: "cells of a row", found: row.len(), expected: columns });
    }
    let sums: Vec<f64> = rows.iter().map(|row| row.iter().copied().map(real).sum()).collect();
    let heights: Vec<f64> =
        (0..columns).map(|column| rows.iter().filter_map(|row| row.get(column)).copied().map(real).sum()).collect();
    let all: f64 = sums.iter().sum();
    if sums.iter().chain(&heights).any(|sum| *sum <= 0.0) {
        return Err(StatisticsError::NoVariation { name: "a row or column" });
    }
    let (mut pearson, mut ratio) = (0.0, 0.0);
    for (row, sum) in rows.iter().zip(&sums) {
        for (found, height) in row.iter().copied().map(real).zip(&heights) {
            let expected = sum * height / all;
            pearson += (found - expected) * (found - expected) / expected;
            ratio += if found > 0.0 { 2.0 * found * libm::log(found / expected) } else { 0.0 };
        }
    }
    let degrees = (length(rows.len()) - 1.0) * (length(columns) - 1.0);
    Ok(TableTest { pearson: fit_to(pearson, degrees)?, likelihood_ratio: fit_to(ratio.max(0.0), degrees)? })
}

/// Tests whether counts come in the given proportions: the check for a sample ratio mismatch. Source: R. Kohavi, D. Tang and Y. Xu,
/// *Trustworthy Online Controlled Experiments*, 2020, chapter 21.
pub fn goodness_of_fit(observed: &[u64], proportions: &[f64]) -> Result<Fit> {
    if observed.len() < 2 {
        return Err(StatisticsError::TooFew { name: "groups", found: observed.len(), expected: 2 });
    }
    if observed.len() != proportions.len() {
        let (found, expected) = (proportions.len(), observed.len());
        return Err(StatisticsError::Unpaired { name: "proportions", found, expected });
    }
    for proportion in proportions {
        not_negative("a proportion", *proportion)?;
    }
    let whole = positive("the sum of proportions", proportions.iter().sum())?;
    let all = positive("the number of units", observed.iter().copied().map(real).sum())?;
    let mut chi_square = 0.0;
    for (found, proportion) in observed.iter().copied().map(real).zip(proportions) {
        let expected = all * positive("a proportion", *proportion)? / whole;
        chi_square += (found - expected) * (found - expected) / expected;
    }
    fit_to(settled("the fit", chi_square)?, length(observed.len()) - 1.0)
}
