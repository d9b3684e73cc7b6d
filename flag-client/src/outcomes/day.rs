use std::fmt;
use std::str::FromStr;

use flag_core::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MILLIS: i64 = 86_400_000;

/// 9999-12-31, the last day that has a text of four digits for its year.
const LAST: i64 = 2_932_896;

/// A day in UTC, from 1970-01-01 to 9999-12-31. Text form is `2026-06-01`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// Returns the day an instant lies in, or the nearest one there is.
    pub const fn of(instant: Timestamp) -> Self {
        let day = instant.as_millis().div_euclid(MILLIS);
        Self(if day < 0 {
            0
        } else if day > LAST {
            LAST
        } else {
            day
        })
    }

    /// Returns how many days later this one is than another: negative where it is earlier.
    pub const fn days_since(self, earlier: Self) -> i64 {
        self.0 - earlier.0
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = Timestamp::from_millis(self.0 * MILLIS).date();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// A text is not a day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no day, expected one like 2026-06-01")]
pub struct DayError {
    /// What was found.
    pub found: Box<str>,
}

impl FromStr for Day {
    type Err = DayError;

    fn from_str(text: &str) -> Result<Self, DayError> {
        let start = (text.len() == 10).then(|| format!("{text}T00:00:00Z").parse::<Timestamp>().ok()).flatten();
        // A text that means a day but is not how it is written, or lies before 1970, is refused.
        let day = start.map(Self::of).filter(|day| day.to_string() == text);
        day.ok_or_else(|| DayError { found: text.into() })
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_fall_into_days_of_utc() {
        for (millis, day) in [
            (0, "1970-01-01"),
            (-1, "1970-01-01"),
            (86_399_999, "1970-01-01"),
            (86_400_000, "1970-01-02"),
            (1_780_272_000_000, "2026-06-01"),
            (1_709_164_800_000, "2024-02-29"),
            (i64::MIN, "1970-01-01"),
            (i64::MAX, "9999-12-31"),
        ] {
            assert_eq!(Day::of(Timestamp::from_millis(millis)).to_string(), day, "{millis}");
        }
    }

    #[test]
    fn days_are_read_as_they_are_written_and_no_other_way() {
        for day in ["1970-01-01", "2026-06-01", "2024-02-29", "9999-12-31"] {
            assert_eq!(day.parse::<Day>().map(|day| day.to_string()), Ok(day.to_owned()));
        }
        for text in
            ["", "2026-6-1", "2025-02-29", "1969-12-31", "2026-06-01T", "2026-06-01 ", "+026-06-01", "２026-06-1"]
        {
            let error = text.parse::<Day>().map_err(|error| error.to_string());
            assert_eq!(error, Err(format!("{text:?} is no day, expected one like 2026-06-01")));
        }
    }
}
