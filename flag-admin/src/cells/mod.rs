//! What anonymous reports come to: sums, one cell a flag, variant, step and day (pure).
//!
//! A report is added to its cell and forgotten. The sums are all that a gate needs: its tests are sums over reports of a function of a
//! fraction, and a fraction is one of seventeen multiples of 1/16, so how many reports had which one says as much as the reports
//! themselves. Neither their order nor their times are kept, as nobody could then link two of them.

mod cell;
mod fractions;
mod key;
mod steps;
#[cfg(test)]
mod tests;

pub use self::cell::Cell;
pub use self::fractions::{Fractions, UNITS};
pub use self::key::CellKey;
pub use self::steps::{STEPS_MAX, Steps};

/// A cell with fewer reports is neither shown nor lets a rollout advance: few people could be told apart in it.
pub const SHOWN_FROM: u64 = 20;
