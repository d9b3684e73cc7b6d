//! What numbers may go into a formula. NaN compares with nothing, so it is refused everywhere.

use super::error::{Result, StatisticsError};

/// Returns a count as a number. It is exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "counts of reports stay far below 2^53")]
pub(crate) const fn real(count: u64) -> f64 {
    count as f64
}

/// Returns a length as a number. It is exact up to 2⁵³.
#[expect(clippy::cast_precision_loss, reason = "lists stay far below 2^53 items")]
pub(crate) const fn length(count: usize) -> f64 {
    count as f64
}

/// Returns a number that lies strictly between 0 and 1.
pub(super) fn within_unit(name: &'static str, found: f64) -> Result<f64> {
    need(found > 0.0 && found < 1.0, name, found, "a number between 0 and 1, both excluded").map(|()| found)
}

/// Returns a number from 0 to 1.
pub(super) fn unit(name: &'static str, found: f64) -> Result<f64> {
    need((0.0..=1.0).contains(&found), name, found, "a number from 0 to 1").map(|()| found)
}

/// Returns a finite number above 0.
pub(super) fn positive(name: &'static str, found: f64) -> Result<f64> {
    need(found > 0.0 && found.is_finite(), name, found, "a finite number above 0").map(|()| found)
}

/// Returns a finite number of at least 0.
pub(super) fn not_negative(name: &'static str, found: f64) -> Result<f64> {
    need(found >= 0.0 && found.is_finite(), name, found, "a finite number of at least 0").map(|()| found)
}

/// Returns a finite number.
pub(super) fn finite(name: &'static str, found: f64) -> Result<f64> {
    need(found.is_finite(), name, found, "a finite number").map(|()| found)
}

/// Makes sure that all numbers are finite, and that there are enough of them.
pub(super) fn sample(name: &'static str, values: &[f64], least: usize) -> Result<()> {
    if values.len() < least {
        return Err(StatisticsError::TooFew { name, found: values.len(), expected: least });
    }
    values.iter().try_for_each(|value| finite(name, *value).map(|_| ()))
}

/// Makes sure that a part is no larger than the whole.
pub(super) fn part_of(name: &'static str, part: u64, whole: u64) -> Result<()> {
    if part <= whole { Ok(()) } else { Err(StatisticsError::MoreThanAll { name, part, whole }) }
}

/// Returns what a formula came to, unless floats overflowed on the way.
pub(super) fn settled(name: &'static str, found: f64) -> Result<f64> {
    if found.is_nan() { Err(StatisticsError::Overflow { name }) } else { Ok(found) }
}

fn need(holds: bool, name: &'static str, found: f64, expected: &'static str) -> Result<()> {
    if holds { Ok(()) } else { Err(StatisticsError::OutOfRange { name, found, expected }) }
}
