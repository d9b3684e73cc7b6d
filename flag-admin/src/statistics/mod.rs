//! Statistics for gates and experiments: pure functions of counts and numbers, each with the source of its formula.
//!
//! Elementary functions are those of `libm`, so that the same evidence gives the same bits on every machine. Tails are computed themselves,
//! never as what another tail leaves of 1. Numbers that make no sense, NaN and infinities above all, are a [`StatisticsError`], never a
//! silent NaN. The reference cases in `tests/data/statistics.json` hold every function to values from other programs.

#![expect(clippy::many_single_char_names, reason = "letters as in the sources of the formulas")]

pub mod adjusted;
mod beta;
pub mod beta_binomial;
pub mod bets;
pub mod contingency;
mod domain;
mod error;
mod gamma;
pub mod group_sequential;
mod interval;
pub mod means;
pub mod multiple;
mod normal;
pub mod power;
mod proportion;
pub mod quantiles;
pub mod ranks;
pub mod rate_ratio;
#[cfg(test)]
mod tests;
mod two_proportions;

pub use beta::{beta_lower, beta_quantile, binomial_at_least, binomial_at_most};
pub use error::{Result, StatisticsError};
pub use gamma::{chi_square_upper, ln_gamma};
pub use interval::{Interval, Tails};
pub use normal::{normal_lower, normal_quantile, normal_upper, student_two_sided, student_upper};
pub use proportion::Arm;
pub use two_proportions::{Continuity, TwoProportions};
