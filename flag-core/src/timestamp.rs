//! Instants: milliseconds since the Unix epoch, read and written as [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339).

use core::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

#[cfg(test)]
mod tests;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// An instant in UTC, in milliseconds since 1970-01-01T00:00:00Z; earlier instants are negative.
///
/// # Text
///
/// Reads [RFC 3339](https://www.rfc-editor.org/rfc/rfc3339): years 0000 to 9999, `T`, `t` or a space between date and time,
/// and a mandatory offset (`Z`, `z`, `+hh:mm` or `-hh:mm`), since a time without one means another instant on every machine.
/// * A fraction of a second may have any length; digits past the millisecond are cut off, never rounded.
/// * A leap second (`:60`, on any minute) is the first instant of the next second, whatever its fraction, as Unix time
///   has no number for it.
///
/// Prints in UTC, with milliseconds only where they are not 0. Instants outside the years 0000 to 9999 print as the
/// nearest instant inside, as RFC 3339 has no other years.
///
/// Serialises as that text, and deserialises from it or from an integer of milliseconds.
///
/// ```
/// # use flag_core::Timestamp;
/// let start: Timestamp = "2026-01-15T15:32:01+01:00".parse()?;
/// assert_eq!(start, Timestamp::from_millis(1_768_487_521_000));
/// assert_eq!(start.to_string(), "2026-01-15T14:32:01Z");
/// # Ok::<(), flag_core::TimestampError>(())
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// 0000-01-01T00:00:00Z, the earliest instant that has a text.
    const EARLIEST_TEXT: Self = Self(-62_167_219_200_000);
    /// 9999-12-31T23:59:59.999Z, the latest instant that has a text.
    const LATEST_TEXT: Self = Self(253_402_300_799_999);

    /// Returns the instant `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Returns the milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Returns the instant `millis` milliseconds later (earlier where negative), or the nearest one that exists.
    #[must_use]
    pub const fn saturating_add_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Returns the milliseconds from `earlier` to `self`: negative where `earlier` is the later one, and the nearest `i64`
    /// where the difference has none.
    pub const fn millis_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Returns the year, month (1 to 12) and day (1 to 31) in UTC, in the proleptic Gregorian calendar.
    pub const fn date(self) -> (i32, u8, u8) {
        civil_from_days(self.0.div_euclid(MILLIS_PER_DAY))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = (*self).clamp(Self::EARLIEST_TEXT, Self::LATEST_TEXT);
        let (year, month, day) = instant.date();
        let of_day = instant.0.rem_euclid(MILLIS_PER_DAY);
        let (hour, minute) = (of_day / 3_600_000, of_day / 60_000 % 60);
        let (second, millis) = (of_day / 1_000 % 60, of_day % 1_000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if millis != 0 {
            write!(f, ".{millis:03}")?;
        }
        f.write_str("Z")
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut cursor = Cursor { text, position: 0 };
        let days = cursor.date()?;
        cursor.accept(|byte| matches!(byte, b'T' | b't' | b' '), TimestampSyntax::DateTimeSeparator)?;
        let of_day = cursor.time_of_day()?;
        let offset = cursor.offset()?;
        if cursor.peek().is_some() {
            return Err(cursor.unexpected(TimestampSyntax::End));
        }
        Ok(Self(days.saturating_mul(MILLIS_PER_DAY).saturating_add(of_day).saturating_sub(offset)))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Timestamp;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time with an offset, or milliseconds since the Unix epoch")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Timestamp, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, millis: i64) -> Result<Timestamp, E> {
                Ok(Timestamp(millis))
            }

            fn visit_u64<E: de::Error>(self, millis: u64) -> Result<Timestamp, E> {
                let in_range = i64::try_from(millis);
                in_range.map(Timestamp).map_err(|_| E::invalid_value(de::Unexpected::Unsigned(millis), &self))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// Why a text is not a [`Timestamp`]. Positions count bytes from 0.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// A character stands where RFC 3339 wants another.
    #[error("not an RFC 3339 time: byte {position} is {found:?}, expected {expected}")]
    Unexpected {
        /// Where the character starts.
        position: usize,
        /// The character.
        found: char,
        /// What would have been right.
        expected: TimestampSyntax,
    },
    /// The text ends too early.
    #[error("not an RFC 3339 time: ends at byte {position}, expected {expected}")]
    Ended {
        /// The length of the text.
        position: usize,
        /// What would have been right.
        expected: TimestampSyntax,
    },
    /// A number is outside its field's range.
    #[error("not an RFC 3339 time: {field} {found:02} at byte {position} is not between {min:02} and {max:02}")]
    OutOfRange {
        /// Where the number starts.
        position: usize,
        /// What the number stands for.
        field: TimestampField,
        /// The number.
        found: u8,
        /// The least allowed.
        min: u8,
        /// The most allowed; for a day, the length of its month.
        max: u8,
    },
}

/// A piece of RFC 3339 text, as [`TimestampError`] names it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimestampSyntax {
    /// One of `0` to `9`.
    Digit,
    /// `-` within the date.
    DateSeparator,
    /// `T`, `t` or a space.
    DateTimeSeparator,
    /// `:` within the time or the offset.
    TimeSeparator,
    /// `Z`, `z`, `+hh:mm` or `-hh:mm`.
    Offset,
    /// Nothing more.
    End,
}

impl fmt::Display for TimestampSyntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Digit => "a digit",
            Self::DateSeparator => "'-'",
            Self::DateTimeSeparator => "'T' or a space",
            Self::TimeSeparator => "':'",
            Self::Offset => "'Z' or an offset such as '+01:00'",
            Self::End => "the end",
        })
    }
}

/// A two-digit number of RFC 3339 text, as [`TimestampError`] names it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimestampField {
    /// 01 to 12.
    Month,
    /// 01 to the length of the month.
    Day,
    /// 00 to 23.
    Hour,
    /// 00 to 59.
    Minute,
    /// 00 to 60.
    Second,
    /// 00 to 23.
    OffsetHour,
    /// 00 to 59.
    OffsetMinute,
}

impl fmt::Display for TimestampField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Month => "month",
            Self::Day => "day",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
            Self::OffsetHour => "offset hour",
            Self::OffsetMinute => "offset minute",
        })
    }
}

/// Reads RFC 3339 text from the left. It passes ASCII only, so `position` is always a character's start.
struct Cursor<'a> {
    text: &'a str,
    position: usize,
}

impl Cursor<'_> {
    /// Reads `YYYY-MM-DD` and returns the days since the Unix epoch.
    fn date(&mut self) -> Result<i64, TimestampError> {
        let mut year = 0_u16;
        for _ in 0..4 {
            year = year.saturating_mul(10).saturating_add(self.digit()?.into());
        }
        self.accept(|byte| byte == b'-', TimestampSyntax::DateSeparator)?;
        let month = self.field(TimestampField::Month, 1, 12)?;
        self.accept(|byte| byte == b'-', TimestampSyntax::DateSeparator)?;
        let day = self.field(TimestampField::Day, 1, days_in_month(year, month))?;
        Ok(days_from_civil(year, month, day))
    }

    /// Reads `hh:mm:ss` with an optional fraction and returns the milliseconds since midnight.
    fn time_of_day(&mut self) -> Result<i64, TimestampError> {
        let minutes = self.hours_and_minutes(TimestampField::Hour, TimestampField::Minute)?;
        self.accept(|byte| byte == b':', TimestampSyntax::TimeSeparator)?;
        let second = self.field(TimestampField::Second, 0, 60)?;
        let fraction = self.fraction()?;
        let millis = if second == 60 { 0 } else { fraction };
        Ok(minutes.saturating_mul(60).saturating_add(second.into()).saturating_mul(1_000).saturating_add(millis))
    }

    /// Reads an optional `.` with digits and returns the whole milliseconds in it.
    fn fraction(&mut self) -> Result<i64, TimestampError> {
        if self.peek() != Some(b'.') {
            return Ok(0);
        }
        self.advance();
        let mut millis = i64::from(self.digit()?).saturating_mul(100);
        let mut scale = 10_i64;
        while let Some(b'0'..=b'9') = self.peek() {
            millis = millis.saturating_add(scale.saturating_mul(self.digit()?.into()));
            scale /= 10;
        }
        Ok(millis)
    }

    /// Reads the offset and returns it in milliseconds, positive east of Greenwich.
    fn offset(&mut self) -> Result<i64, TimestampError> {
        let sign = self.accept(|byte| matches!(byte, b'Z' | b'z' | b'+' | b'-'), TimestampSyntax::Offset)?;
        if matches!(sign, b'Z' | b'z') {
            return Ok(0);
        }
        let minutes = self.hours_and_minutes(TimestampField::OffsetHour, TimestampField::OffsetMinute)?;
        Ok(minutes.saturating_mul(if sign == b'-' { -60_000 } else { 60_000 }))
    }

    /// Reads `hh:mm` and returns the minutes in it.
    fn hours_and_minutes(&mut self, hour: TimestampField, minute: TimestampField) -> Result<i64, TimestampError> {
        let hours = self.field(hour, 0, 23)?;
        self.accept(|byte| byte == b':', TimestampSyntax::TimeSeparator)?;
        let minutes = self.field(minute, 0, 59)?;
        Ok(i64::from(hours).saturating_mul(60).saturating_add(minutes.into()))
    }

    fn field(&mut self, field: TimestampField, min: u8, max: u8) -> Result<u8, TimestampError> {
        let position = self.position;
        let found = self.digit()?.saturating_mul(10).saturating_add(self.digit()?);
        if (min..=max).contains(&found) {
            Ok(found)
        } else {
            Err(TimestampError::OutOfRange { position, field, found, min, max })
        }
    }

    fn digit(&mut self) -> Result<u8, TimestampError> {
        let byte = self.accept(|byte| byte.is_ascii_digit(), TimestampSyntax::Digit)?;
        Ok(byte.wrapping_sub(b'0'))
    }

    fn accept(&mut self, fits: impl Fn(u8) -> bool, expected: TimestampSyntax) -> Result<u8, TimestampError> {
        match self.peek() {
            Some(byte) if fits(byte) => {
                self.advance();
                Ok(byte)
            }
            _ => Err(self.unexpected(expected)),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn advance(&mut self) {
        self.position = self.position.saturating_add(1);
    }

    fn unexpected(&self, expected: TimestampSyntax) -> TimestampError {
        let position = self.position;
        match self.text.get(position..).and_then(|rest| rest.chars().next()) {
            Some(found) => TimestampError::Unexpected { position, found, expected },
            None => TimestampError::Ended { position, expected },
        }
    }
}

const fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the Unix epoch to a date; `days_from_civil` of Howard Hinnant's
/// [chrono-Compatible Low-Level Date Algorithms](https://howardhinnant.github.io/date_algorithms.html).
///
/// Its years start in March, so that the leap day is a year's last, and repeat in eras of 400 years or 146 097 days.
#[expect(clippy::arithmetic_side_effects, reason = "a u16 year and two u8 keep every step below 2^25")]
fn days_from_civil(year: u16, month: u8, day: u8) -> i64 {
    let (month, day) = (i64::from(month), i64::from(day));
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - DAYS_FROM_ERA_TO_EPOCH
}

/// The date of a day counted from the Unix epoch; `civil_from_days` of the source [`days_from_civil`] names.
#[expect(clippy::arithmetic_side_effects, reason = "an i64 of milliseconds is under 2^37 days, every step under 2^40")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "years are under 2^29, months and days under 32"
)]
const fn civil_from_days(days: i64) -> (i32, u8, u8) {
    let days = days + DAYS_FROM_ERA_TO_EPOCH;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year as i32, month as u8, day as u8)
}

/// From 0000-03-01, where an era starts, to 1970-01-01.
const DAYS_FROM_ERA_TO_EPOCH: i64 = 719_468;
