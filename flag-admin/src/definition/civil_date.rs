use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A day of the Gregorian calendar, `YYYY-MM-DD`, from 0001-01-01 to 9999-12-31. Days order as their text does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CivilDate(Box<str>);

impl CivilDate {
    /// Returns the day as `YYYY-MM-DD`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CivilDate {
    type Err = CivilDateError;

    fn from_str(text: &str) -> Result<Self, CivilDateError> {
        let malformed = || CivilDateError::Malformed { found: text.into() };
        let mut parts = text.split('-').map(|part| (part.len(), part));
        let mut number = |width: usize| match parts.next() {
            Some((length, part)) if length == width && part.bytes().all(|byte| byte.is_ascii_digit()) => {
                part.parse::<u32>().map_err(|_| malformed())
            }
            _ => Err(malformed()),
        };
        let (year, month, day) = (number(4)?, number(2)?, number(2)?);
        if parts.next().is_some() {
            return Err(malformed());
        }
        let days = match month {
            2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        if year == 0 || !(1..=days).contains(&day) {
            return Err(CivilDateError::NoSuchDay { found: text.into() });
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for CivilDate {
    type Error = CivilDateError;

    fn try_from(text: String) -> Result<Self, CivilDateError> {
        text.parse()
    }
}

impl From<CivilDate> for String {
    fn from(date: CivilDate) -> Self {
        date.0.into()
    }
}

impl fmt::Display for CivilDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a [`CivilDate`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CivilDateError {
    /// Not of the form.
    #[error("date {found:?} is not of the form \"YYYY-MM-DD\"")]
    Malformed {
        /// The text given.
        found: Box<str>,
    },
    /// Of the form, but not in the calendar.
    #[error("date {found:?} is not in the calendar")]
    NoSuchDay {
        /// The text given.
        found: Box<str>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_the_calendar_are_read_and_others_refused() {
        for day in ["2026-02-01", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(day.parse::<CivilDate>().unwrap().as_str(), day);
        }
        for (text, message) in [
            ("2026-2-1", "date \"2026-2-1\" is not of the form \"YYYY-MM-DD\""),
            ("2026-02-01T00:00:00Z", "date \"2026-02-01T00:00:00Z\" is not of the form \"YYYY-MM-DD\""),
            ("2026-02-01-", "date \"2026-02-01-\" is not of the form \"YYYY-MM-DD\""),
            ("+026-02-01", "date \"+026-02-01\" is not of the form \"YYYY-MM-DD\""),
            ("soon", "date \"soon\" is not of the form \"YYYY-MM-DD\""),
            ("2026-02-29", "date \"2026-02-29\" is not in the calendar"),
            ("1900-02-29", "date \"1900-02-29\" is not in the calendar"),
            ("2026-13-01", "date \"2026-13-01\" is not in the calendar"),
            ("2026-04-31", "date \"2026-04-31\" is not in the calendar"),
            ("2026-04-00", "date \"2026-04-00\" is not in the calendar"),
            ("0000-01-01", "date \"0000-01-01\" is not in the calendar"),
        ] {
            assert_eq!(text.parse::<CivilDate>().unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn json_is_the_text_and_is_checked() {
        let date: CivilDate = serde_json::from_str("\"2026-02-01\"").unwrap();
        assert_eq!(serde_json::to_string(&date).unwrap(), "\"2026-02-01\"");
        let error = serde_json::from_str::<CivilDate>("\"2026-02-30\"").unwrap_err();
        assert!(error.to_string().starts_with("date \"2026-02-30\" is not in the calendar"), "{error}");
    }
}
