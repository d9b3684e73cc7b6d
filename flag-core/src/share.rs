use alloc::boxed::Box;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// How many buckets a lane has, and the share that is everyone: 100 % in thousandths of a percent.
pub const EVERYONE: u32 = 100_000;

/// A part of all units, in thousandths of a percent: an integer 0..=100_000, never a float.
///
/// Text form is a percentage with up to three decimals, `25%` or `0.001%`.
///
/// ```
/// use flag_core::Share;
/// let share: Share = "12.5%".parse()?;
/// assert_eq!(share.thousandths(), 12_500);
/// assert_eq!(share.to_string(), "12.5%");
/// # Ok::<(), flag_core::ShareError>(())
/// ```
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Share(u32);

impl Share {
    /// Nobody.
    pub const NOBODY: Self = Self(0);
    /// Everyone.
    pub const EVERYONE: Self = Self(EVERYONE);

    /// Returns the share of so many thousandths of a percent, 0..=100_000.
    pub fn from_thousandths(thousandths: u32) -> Result<Self, ShareError> {
        if thousandths <= EVERYONE {
            Ok(Self(thousandths))
        } else {
            Err(ShareError::Thousandths { found: thousandths.into() })
        }
    }

    /// Returns the share of so many whole percent, 0..=100.
    pub fn from_percent(percent: u32) -> Result<Self, ShareError> {
        match percent.checked_mul(1_000) {
            Some(thousandths) if thousandths <= EVERYONE => Ok(Self(thousandths)),
            _ => Err(ShareError::Percent { found: percent }),
        }
    }

    /// Returns the share in thousandths of a percent, 0..=100_000.
    pub const fn thousandths(self) -> u32 {
        self.0
    }

    /// Tells whether the unit in `bucket` is exposed at this share: `bucket < share`.
    pub const fn exposes(self, bucket: Bucket) -> bool {
        bucket.0 < self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.wrapping_div(1_000), self.0.wrapping_rem(1_000));
        if rest == 0 {
            return write!(f, "{whole}%");
        }
        let (mut rest, mut width) = (rest, 3_usize);
        while rest.wrapping_rem(10) == 0 {
            rest = rest.wrapping_div(10);
            width = width.saturating_sub(1);
        }
        write!(f, "{whole}.{rest:0width$}%")
    }
}

impl FromStr for Share {
    type Err = ShareError;

    /// Reads `25%`, `0.5 %` or `25`: decimal digits, at most three decimals, no sign, no exponent.
    fn from_str(text: &str) -> Result<Self, ShareError> {
        let malformed = || ShareError::Malformed { found: text.into() };
        let number = text.trim();
        let number = number.strip_suffix('%').map_or(number, str::trim_end);
        if number.starts_with('-') && number.len() > 1 {
            return Err(ShareError::Negative { found: text.into() });
        }
        let (whole, fraction) = match number.split_once('.') {
            Some((_, "")) => return Err(malformed()),
            Some(parts) => parts,
            None => (number, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) {
            return Err(malformed());
        }
        if fraction.len() > 3 {
            return Err(ShareError::TooFine { found: text.into() });
        }
        let above = || ShareError::Above { found: text.into() };
        let value = whole
            .bytes()
            .chain(fraction.bytes())
            .chain(core::iter::repeat_n(b'0', 3_usize.saturating_sub(fraction.len())))
            .try_fold(0_u32, |sum, digit| sum.checked_mul(10)?.checked_add(u32::from(digit.wrapping_sub(b'0'))))
            .ok_or_else(above)?;
        if value > EVERYONE { Err(above()) } else { Ok(Self(value)) }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_wire(u64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Share {
    /// Returns the share of a number of thousandths as documents hold it.
    pub(crate) fn from_wire(thousandths: u64) -> Result<Self, ShareError> {
        let within = u32::try_from(thousandths).ok().filter(|thousandths| *thousandths <= EVERYONE);
        within.map(Self).ok_or(ShareError::Thousandths { found: thousandths })
    }
}

/// A unit's place on one lane of one flag, 0..=99_999.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Bucket(u32);

impl Bucket {
    /// Returns the bucket of a lane's 64 bits: `(lane * 100_000) >> 64`.
    #[inline]
    pub const fn from_lane(lane: u64) -> Self {
        // The product of a 64-bit and a 17-bit number fits 128 bits, and its upper half is below 100_000.
        #[expect(clippy::cast_possible_truncation, reason = "below 100_000 by construction")]
        Self(((lane as u128).wrapping_mul(EVERYONE as u128) >> 64) as u32)
    }

    /// Returns the bucket with this index, if it is below 100_000.
    pub const fn from_index(index: u32) -> Option<Self> {
        if index < EVERYONE { Some(Self(index)) } else { None }
    }

    /// Returns the place on the lane, 0..=99_999.
    pub const fn index(self) -> u32 {
        self.0
    }

    /// Returns the smallest share that exposes this bucket: `bucket + 1`.
    pub const fn flips_at(self) -> Share {
        Share(self.0.saturating_add(1))
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text or number is not a [`Share`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// Not a decimal number.
    #[error("share {found:?} is not a percentage, expected digits such as \"25%\" or \"0.5%\"")]
    Malformed {
        /// The text given.
        found: Box<str>,
    },
    /// Below zero.
    #[error("share {found:?} is below 0%")]
    Negative {
        /// The text given.
        found: Box<str>,
    },
    /// Above 100 %.
    #[error("share {found:?} is above 100%")]
    Above {
        /// The text given.
        found: Box<str>,
    },
    /// More than three decimals.
    #[error("share {found:?} is finer than a thousandth of a percent, expected at most 3 decimals")]
    TooFine {
        /// The text given.
        found: Box<str>,
    },
    /// A number of whole percent above 100.
    #[error("share {found}% is above 100%")]
    Percent {
        /// The number given.
        found: u32,
    },
    /// A number of thousandths above 100_000.
    #[error("share {found} is above 100000 thousandths of a percent")]
    Thousandths {
        /// The number given.
        found: u64,
    },
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn e04_percentages_are_decimal_text_and_finer_ones_are_refused() {
        for (text, thousandths) in [
            ("0%", 0),
            ("25%", 25_000),
            ("25", 25_000),
            ("0.07%", 70),
            ("0.55 %", 550),
            ("1.1%", 1_100),
            ("100.000%", 100_000),
        ] {
            assert_eq!(text.parse::<Share>().unwrap().thousandths(), thousandths, "{text}");
        }
        for (text, message) in [
            ("25.0001%", "share \"25.0001%\" is finer than a thousandth of a percent, expected at most 3 decimals"),
            ("101%", "share \"101%\" is above 100%"),
            ("100.001%", "share \"100.001%\" is above 100%"),
            ("99999999999999%", "share \"99999999999999%\" is above 100%"),
            ("-1", "share \"-1\" is below 0%"),
            ("-0.5%", "share \"-0.5%\" is below 0%"),
            ("NaN", "share \"NaN\" is not a percentage, expected digits such as \"25%\" or \"0.5%\""),
            ("", "share \"\" is not a percentage, expected digits such as \"25%\" or \"0.5%\""),
            ("1e1", "share \"1e1\" is not a percentage, expected digits such as \"25%\" or \"0.5%\""),
            ("5.", "share \"5.\" is not a percentage, expected digits such as \"25%\" or \"0.5%\""),
            (".5", "share \".5\" is not a percentage, expected digits such as \"25%\" or \"0.5%\""),
            ("+5", "share \"+5\" is not a percentage, expected digits such as \"25%\" or \"0.5%\""),
        ] {
            assert_eq!(text.parse::<Share>().unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn e02_everyone_includes_the_top_hash() {
        assert_eq!(Bucket::from_lane(u64::MAX).index(), 99_999);
        assert!(Share::EVERYONE.exposes(Bucket::from_lane(u64::MAX)));
    }

    #[test]
    fn e03_nobody_excludes_the_bottom_hash() {
        assert_eq!(Bucket::from_lane(0).index(), 0);
        assert!(!Share::NOBODY.exposes(Bucket::from_lane(0)));
    }

    #[test]
    fn json_is_an_integer_of_thousandths() {
        assert_eq!(serde_json::to_string(&Share(25_000)).unwrap(), "25000");
        assert_eq!(serde_json::from_str::<Share>("100000").unwrap(), Share::EVERYONE);
        for bad in ["100001", "-1", "25.0", "\"25%\"", "18446744073709551615"] {
            assert!(serde_json::from_str::<Share>(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn parse_reads_what_display_prints(thousandths in 0..=EVERYONE) {
            let share = Share::from_thousandths(thousandths).unwrap();
            prop_assert_eq!(share.to_string().parse::<Share>().unwrap(), share);
        }

        #[test]
        fn parse_never_panics(text in ".{0,24}") {
            let _ = text.parse::<Share>();
        }

        #[test]
        fn flips_at_is_the_smallest_share_that_exposes(lane: u64) {
            let bucket = Bucket::from_lane(lane);
            prop_assert!(bucket.flips_at().exposes(bucket));
            prop_assert!(!Share(bucket.flips_at().0 - 1).exposes(bucket));
        }
    }
}
