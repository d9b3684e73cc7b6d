use core::fmt;

use serde::{Serialize, Serializer};

/// How many lanes one exact portion may span: each multiplies the resolution by 100_000.
pub(crate) const PORTION_MAX_LANES: usize = 6;

/// 100_000 to the power of [`PORTION_MAX_LANES`].
const ALL: u128 = 10_u128.pow(30);
/// One unit of 10⁻¹⁰ of the whole.
const PER_UNIT: u128 = 10_u128.pow(20);

/// A part of all units, exact: a sum of products of up to six lanes, each in steps of 1/100_000.
///
/// JSON is an integer in units of 10⁻¹⁰, 0..=10_000_000_000, rounded to the nearest; it is exact for up to two lanes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Portion(u128);

impl Portion {
    /// Nobody.
    pub const NOBODY: Self = Self(0);
    /// Everyone.
    pub const EVERYONE: Self = Self(ALL);

    /// Returns the portion in units of 10⁻¹⁰, rounded to the nearest.
    pub fn units(self) -> u64 {
        let rounded = self.0.saturating_add(PER_UNIT.wrapping_div(2)).wrapping_div(PER_UNIT);
        u64::try_from(rounded).unwrap_or(u64::MAX)
    }

    /// Tells whether [`Portion::units`] loses nothing.
    pub const fn is_whole_units(self) -> bool {
        self.0.wrapping_rem(PER_UNIT) == 0
    }

    /// Returns how many of a population of this size that is, rounded to the nearest.
    pub fn of(self, population: u64) -> u64 {
        let product = u128::from(self.units()).saturating_mul(u128::from(population));
        let rounded = product.saturating_add(5_000_000_000).wrapping_div(10_000_000_000);
        u64::try_from(rounded).unwrap_or(u64::MAX)
    }

    /// Returns the product of widths on up to [`PORTION_MAX_LANES`] lanes; a lane that is not named counts in full.
    pub(crate) fn of_widths(widths: impl Iterator<Item = u32>) -> Self {
        let mut product = ALL;
        for width in widths {
            product = product.wrapping_div(100_000).saturating_mul(u128::from(width));
        }
        Self(product)
    }

    /// Returns the portion in units of 10⁻³⁰.
    #[cfg(test)]
    pub(crate) const fn thirtieths(self) -> u128 {
        self.0
    }

    #[must_use]
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Portion {
    /// Prints a percentage with up to eight decimals, `20%` or `6.25%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = self.units();
        let (whole, rest) = (units.wrapping_div(100_000_000), units.wrapping_rem(100_000_000));
        if rest == 0 {
            return write!(f, "{whole}%");
        }
        let (mut rest, mut width) = (rest, 8_usize);
        while rest.wrapping_rem(10) == 0 {
            rest = rest.wrapping_div(10);
            width = width.saturating_sub(1);
        }
        write!(f, "{whole}.{rest:0width$}%")
    }
}

impl Serialize for Portion {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.units())
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn products_of_lanes_are_exact() {
        let quarter_of_a_third = Portion::of_widths([25_000, 33_333].into_iter());
        assert_eq!(quarter_of_a_third.units(), 833_325_000);
        assert!(quarter_of_a_third.is_whole_units());
        assert_eq!(quarter_of_a_third.to_string(), "8.33325%");
        assert_eq!(Portion::of_widths([1; 6].into_iter()), Portion(1));
        assert_eq!(Portion::of_widths([100_000; 6].into_iter()), Portion::EVERYONE);
        assert_eq!(Portion::EVERYONE.to_string(), "100%");
        assert_eq!(Portion::of_widths([1].into_iter()).to_string(), "0.001%");
        assert_eq!(Portion::of_widths([20_000].into_iter()).of(41_200), 8_240);
    }
}
