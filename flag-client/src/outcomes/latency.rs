//! Durations as places on a logarithmic scale.

use std::time::Duration;

/// A longer duration counts as a day.
const LONGEST: u64 = 86_400_000_000;

/// The place of the longest duration, 32·log₂(86,400,000,000) rounded down.
pub(crate) const LAST_INDEX: u16 = 1_162;

/// Returns `floor(32 * log2(microseconds))`: places are 2.19 % wide. Less than a microsecond counts as one, more than a day as a day.
///
/// In integers, since the last bit of a logarithm differs between platforms: the whole part is the number's length, and squaring what is
/// left gives one bit of the fraction after the other.
pub(crate) fn index(duration: Duration) -> u16 {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(LONGEST).clamp(1, LONGEST);
    let mut index = micros.ilog2();
    // The number divided by the largest power of two in it: one to two, in units of 2⁻⁶³.
    let mut mantissa = u128::from(micros << micros.leading_zeros());
    for _ in 0..5 {
        mantissa = (mantissa * mantissa) >> 63;
        let is_two = mantissa >> 64;
        mantissa >>= is_two;
        index = index * 2 + u32::from(is_two == 1);
    }
    u16::try_from(index).unwrap_or(LAST_INDEX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_logarithm() {
        for (micros, place) in [
            (0, 0),
            (1, 0),
            (2, 32),
            (3, 50),
            (4, 64),
            (1_000, 318),
            (1_023, 319),
            (1_024, 320),
            (1_000_000, 637),
            (LONGEST, LAST_INDEX),
            (u64::MAX, LAST_INDEX),
        ] {
            assert_eq!(index(Duration::from_micros(micros)), place, "{micros}");
        }
        assert_eq!(index(Duration::MAX), LAST_INDEX);
        for micros in (1..5_000_u32).chain((5_000..2_000_000_000).step_by(999_983)) {
            // The table above covers the numbers where a float may be off by its last bit: powers of two.
            if !micros.is_power_of_two() {
                let expected = (32.0 * f64::from(micros).log2()).floor();
                assert!((f64::from(index(Duration::from_micros(micros.into()))) - expected).abs() < 0.5, "{micros}");
            }
        }
    }
}
