use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One, in the unit of a [`Rate`].
const WHOLE: u32 = 1_000_000;

/// A part of a whole from 0 to 1, in millionths: a limit, or a chance. Text form is a percentage, `5%`; JSON and TOML take `0.05`, too.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "TextOrNumber")]
pub struct Rate(u32);

impl Rate {
    /// Returns the rate of so many millionths; more than a whole is a whole.
    pub const fn from_millionths(millionths: u32) -> Self {
        Self(if millionths > WHOLE { WHOLE } else { millionths })
    }

    /// Returns the rate as a number from 0 to 1.
    pub fn value(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }

    /// Returns the share of units that it is, rounded down to thousandths of a percent.
    pub fn share(self) -> flag_core::Share {
        flag_core::Share::from_thousandths(self.0 / 10).unwrap_or(flag_core::Share::EVERYONE)
    }

    /// Returns the rest of the whole.
    #[must_use]
    pub const fn complement(self) -> Self {
        Self(WHOLE - self.0)
    }

    /// Tells whether it is neither nothing nor the whole: what a test can be made against.
    pub const fn is_proper(self) -> bool {
        self.0 > 0 && self.0 < WHOLE
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (percent, rest) = (self.0 / 10_000, self.0 % 10_000);
        let fraction = format!("{rest:04}");
        match fraction.trim_end_matches('0') {
            "" => write!(f, "{percent}%"),
            fraction => write!(f, "{percent}.{fraction}%"),
        }
    }
}

/// A text that is no quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no {}", quantity.name())]
pub struct QuantityError {
    /// What was found.
    pub found: Box<str>,
    /// What was looked for.
    pub quantity: Quantity,
}

/// What a text should have been.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Quantity {
    /// A part of a whole.
    Rate,
    /// A span of time.
    Span,
    /// A time of day.
    TimeOfDay,
}

impl Quantity {
    const fn name(self) -> &'static str {
        match self {
            Self::Rate => "rate, expected a percentage from 0% to 100% with up to four decimals, such as 5% or 0.1%",
            Self::Span => "span of time, expected whole minutes, hours, days or weeks, such as 90m, 24h, 3d or 1w",
            Self::TimeOfDay => "time of day, expected one from 00:00 to 24:00",
        }
    }
}

impl FromStr for Rate {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let error = || QuantityError { found: text.into(), quantity: Quantity::Rate };
        let number = text.trim().strip_suffix('%').map(str::trim_end).ok_or_else(error)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let are_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !are_digits(whole) || !are_digits(fraction) || fraction.len() > 4 {
            return Err(error());
        }
        let whole: u32 = whole.parse().ok().and_then(|whole: u32| whole.checked_mul(10_000)).ok_or_else(error)?;
        let fraction: u32 = format!("{fraction:0<4}").parse().map_err(|_| error())?;
        match whole.checked_add(fraction) {
            Some(millionths) if millionths <= WHOLE => Ok(Self(millionths)),
            _ => Err(error()),
        }
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

/// What stands in a file where a rate is expected.
#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Text(String),
    Number(f64),
}

impl TryFrom<TextOrNumber> for Rate {
    type Error = QuantityError;

    fn try_from(found: TextOrNumber) -> Result<Self, QuantityError> {
        match found {
            TextOrNumber::Text(text) => text.parse(),
            TextOrNumber::Number(number) => {
                let millionths = (number * f64::from(WHOLE)).round();
                let is_one = (0.0..=f64::from(WHOLE)).contains(&millionths);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a whole number of the range just checked"
                )]
                let rate = Self(millionths as u32);
                if is_one {
                    Ok(rate)
                } else {
                    Err(QuantityError { found: number.to_string().into(), quantity: Quantity::Rate })
                }
            }
        }
    }
}

const MINUTE_MILLIS: i64 = 60_000;

/// A span of time in whole minutes. Text form has one unit: `90m`, `24h`, `3d`, `1w`.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Span(u32);

/// The units of a span, the longest first, in minutes.
const UNITS: [(char, u32); 4] = [('w', 10_080), ('d', 1_440), ('h', 60), ('m', 1)];

impl Span {
    /// Returns a span of so many hours.
    pub const fn hours(hours: u32) -> Self {
        Self(hours.saturating_mul(60))
    }

    /// Returns its length in milliseconds.
    pub fn millis(self) -> i64 {
        i64::from(self.0) * MINUTE_MILLIS
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |minutes: u32| self.0 >= minutes && self.0.is_multiple_of(minutes);
        // Days are how rollouts are spoken of; weeks from two weeks on.
        let unit = UNITS.iter().find(|(unit, minutes)| {
            fits(*minutes) && (*unit != 'w' || self.0 >= 2 * *minutes) && (*unit != 'd' || self.0 >= 2 * *minutes)
        });
        let (unit, minutes) = unit.copied().unwrap_or(('m', 1));
        write!(f, "{}{unit}", self.0 / minutes)
    }
}

impl FromStr for Span {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let parsed = || {
            let unit = text.chars().next_back()?;
            let (_, minutes) = UNITS.iter().find(|(known, _)| *known == unit)?;
            let number = text.strip_suffix(unit)?;
            number.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
            number.parse::<u32>().ok()?.checked_mul(*minutes).map(Self)
        };
        parsed().ok_or_else(|| QuantityError { found: text.into(), quantity: Quantity::Span })
    }
}

impl TryFrom<String> for Span {
    type Error = QuantityError;

    fn try_from(text: String) -> Result<Self, QuantityError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_percentages() {
        for (text, millionths, printed) in
            [("5%", 50_000, "5%"), ("0.1 %", 1_000, "0.1%"), ("100%", WHOLE, "100%"), ("0.0001%", 1, "0.0001%")]
        {
            let rate: Rate = text.parse().unwrap();
            assert_eq!((rate, rate.to_string().as_str()), (Rate(millionths), printed));
        }
        for text in ["", "5", "101%", "-1%", "1e1%", "0.00001%", "NaN%", "99999999999%", ".5%"] {
            assert_eq!(
                text.parse::<Rate>().unwrap_err().to_string(),
                format!(
                    "{text:?} is no rate, expected a percentage from 0% to 100% with up to four decimals, such as 5% or 0.1%"
                )
            );
        }
        assert_eq!(serde_json::from_str::<Rate>("0.001").unwrap(), Rate(1_000));
        assert_eq!(serde_json::to_string(&Rate(1_000)).unwrap(), "\"0.1%\"");
        assert!(serde_json::from_str::<Rate>("1.1").is_err());
    }

    #[test]
    fn e39_spans_name_their_unit() {
        for (text, millis, printed) in [
            ("90m", 5_400_000, "90m"),
            ("24h", 86_400_000, "24h"),
            ("1d", 86_400_000, "24h"),
            ("3d", 259_200_000, "3d"),
            ("2w", 1_209_600_000, "2w"),
            ("0h", 0, "0m"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.millis(), span.to_string().as_str()), (millis, printed));
            assert_eq!(printed.parse::<Span>(), Ok(span));
        }
        for text in ["", "24", "24 h", "-1h", "1.5h", "24s", "1h30m", "h", "9999999999d", "+1h"] {
            assert_eq!(
                text.parse::<Span>().unwrap_err().to_string(),
                format!(
                    "{text:?} is no span of time, expected whole minutes, hours, days or weeks, such as 90m, 24h, 3d or 1w"
                )
            );
        }
    }
}
