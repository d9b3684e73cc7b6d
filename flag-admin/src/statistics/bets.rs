//! Always-valid tests by a mixture of bets: is the mean of reports above a limit, or below it?
//!
//! One report is a number from 0 to 1: a crashed bit, or the share of calls that failed. The *capital* E is what somebody would own who
//! began with 1 and bet against the limit, report by report, at fair odds. Under the limit it is expected to stay 1, and by Ville's
//! inequality the chance that it *ever* reaches 1/α is at most α, however often and whenever somebody looks. No number of reports is too
//! small for it to hold, and reports may depend on each other as long as each one's mean, given those before, keeps to the limit.
//!
//! Source: I. Waudby-Smith and A. Ramdas, *Estimating means of bounded random variables by betting*, 2024, with a fixed grid of bets. The
//! capital is split before the first report, in equal parts or in others: Ville's inequality holds for every split.

use super::domain::{part_of, real, settled, unit, within_unit};
use super::error::Result;

/// The rates that are bet on against a limit from above, as multiples of it.
const RATIOS_ABOVE: [f64; 10] = [1.25, 1.5, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0, 34.0, 55.0];
/// The rates that are bet on against a limit from below, as parts of it.
const FRACTIONS_BELOW: [f64; 5] = [0.8, 0.5, 0.25, 0.1, 0.02];

/// A set of bets against a limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Bets {
    limit: f64,
    stakes: Vec<f64>,
    /// What each bet begins with, in any unit.
    parts: Vec<f64>,
}

impl Bets {
    /// Bets that the mean is above `limit`, strictly between 0 and 1: on rates from 1.25 to 55 times the limit, at most halfway to 1.
    pub fn above(limit: f64) -> Result<Self> {
        let limit = within_unit("limit", limit)?;
        let cap = 0.5 + limit / 2.0;
        let mut rates: Vec<f64> = RATIOS_ABOVE.iter().map(|ratio| (limit * ratio).min(cap)).collect();
        rates.dedup();
        Ok(Self::in_equal_parts(limit, stakes(limit, &rates)))
    }

    /// The bets of [`Bets::above`], of which the one on `r` times the limit begins with 1/r² of what a bet on the limit would.
    ///
    /// A report that says yes multiplies the capital of that bet by r, so that in equal parts the boldest live on the first handful of
    /// failures, which a rate well within a small limit has now and then, too. A bold bet earns so fast where it is right that it can begin with
    /// little: the price is some reports, and the mild bets, whose proof takes hundreds, get what it leaves.
    pub fn above_wary_of_few(limit: f64) -> Result<Self> {
        let mut bets = Self::above(limit)?;
        let multiples = bets.stakes.iter().map(|stake| 1.0 + stake * (1.0 - bets.limit));
        bets.parts = multiples.map(|multiple| 1.0 / (multiple * multiple)).collect();
        Ok(bets)
    }

    /// Bets that the mean is below `limit`, strictly between 0 and 1: on rates from 2% to 80% of the limit.
    pub fn below(limit: f64) -> Result<Self> {
        let limit = within_unit("limit", limit)?;
        let rates: Vec<f64> = FRACTIONS_BELOW.iter().map(|part| limit * part).collect();
        Ok(Self::in_equal_parts(limit, stakes(limit, &rates)))
    }

    /// Bets with stakes of one's own, each from −1/(1 − limit) to 1/limit.
    pub fn with_stakes(limit: f64, stakes: &[f64]) -> Result<Self> {
        let limit = within_unit("limit", limit)?;
        for stake in stakes {
            // Whoever stakes at most all they have keeps at least nothing, whatever the report.
            unit("a stake's worst case", 1.0 - stake * limit)
                .or_else(|_| unit("a stake's worst case", 1.0 + stake * (1.0 - limit)))?;
        }
        Ok(Self::in_equal_parts(limit, stakes.to_vec()))
    }

    fn in_equal_parts(limit: f64, stakes: Vec<f64>) -> Self {
        let parts = vec![1.0; stakes.len()];
        Self { limit, stakes, parts }
    }

    /// Returns how many bets there are.
    pub fn len(&self) -> usize {
        self.stakes.len()
    }

    /// Tells whether there is no bet at all.
    pub fn is_empty(&self) -> bool {
        self.stakes.is_empty()
    }

    /// Returns the logarithm of each bet's capital after reports, given as values from 0 to 1 and how often each came. It is additive: what
    /// two lots of reports come to is the sum.
    pub fn sums(&self, reports: &[(f64, u64)]) -> Result<Vec<f64>> {
        for (value, _) in reports {
            unit("a report", *value)?;
        }
        let sum = |stake: &f64| {
            let came = reports.iter().filter(|(_, times)| *times > 0);
            came.map(|(value, times)| real(*times) * libm::log1p(stake * (value - self.limit))).sum()
        };
        Ok(self.stakes.iter().map(sum).collect())
    }

    /// Returns ln E after reports, given as values from 0 to 1 and how often each came: 0 where there is none.
    pub fn log_e(&self, reports: &[(f64, u64)]) -> Result<f64> {
        settled("the bets", self.capital(&self.sums(reports)?))
    }

    /// Returns ln E of the logarithms of each bet's capital, as [`Bets::sums`] gives them: 0 where there is no bet.
    pub fn capital(&self, sums: &[f64]) -> f64 {
        mixed(sums.iter().copied().zip(self.parts.iter().copied()))
    }
}

/// Returns ln E against *the mean is at most `limit`*: large where reports, values from 0 to 1 and how often each came, are above it.
pub fn log_e_above(limit: f64, reports: &[(f64, u64)]) -> Result<f64> {
    Bets::above(limit)?.log_e(reports)
}

/// Returns ln E against *the mean is at least `limit`*: large where reports, values from 0 to 1 and how often each came, are below it.
pub fn log_e_below(limit: f64, reports: &[(f64, u64)]) -> Result<f64> {
    Bets::below(limit)?.log_e(reports)
}

/// Returns `n` reports of which `k` say yes in the form that the tests take.
pub fn yes_no(k: u64, n: u64) -> Result<[(f64, u64); 2]> {
    part_of("reports", k, n)?;
    Ok([(1.0, k), (0.0, n.saturating_sub(k))])
}

/// Returns the logarithm of the mean of capitals that are given by their logarithms.
pub fn mean_capital(sums: &[f64]) -> f64 {
    mixed(sums.iter().map(|sum| (*sum, 1.0)))
}

/// Returns the logarithm of the mean of capitals, given by their logarithms and what each began with.
fn mixed(capitals: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let Some(most) = capitals.clone().map(|(sum, _)| sum).reduce(f64::max) else { return 0.0 };
    if most == f64::NEG_INFINITY {
        return most;
    }
    let whole: f64 = capitals.clone().map(|(_, part)| part).sum();
    let grown: f64 = capitals.map(|(sum, part)| part * libm::exp(sum - most)).sum();
    most + libm::log(grown / whole)
}

/// Returns the stakes at which a bet grows fastest if the rate is what it bets on.
fn stakes(limit: f64, rates: &[f64]) -> Vec<f64> {
    rates.iter().map(|rate| (rate - limit) / (limit * (1.0 - limit))).collect()
}
