use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What one is in [`Target::millionths`].
const ONE: i64 = 1_000_000;
/// The decimals that a millionth has room for.
const DECIMALS: usize = 6;

/// The value a metric should keep above or below, `>95%`, `<500ms`, `>=4.5`. JSON and TOML hold the text as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Target {
    text: Box<str>,
    comparison: Comparison,
    millionths: i64,
    unit: TargetUnit,
}

/// On which side of its number a metric should be.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Comparison {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
}

/// What a target's number counts.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TargetUnit {
    /// A bare number.
    Plain,
    /// Percent.
    Percent,
    /// Milliseconds.
    Milliseconds,
}

impl Target {
    /// Returns the target as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the side of the number on which the metric should be.
    pub const fn comparison(&self) -> Comparison {
        self.comparison
    }

    /// Returns the number in millionths of its unit: 95 % is 95,000,000.
    pub const fn millionths(&self) -> i64 {
        self.millionths
    }

    /// Returns what the number counts.
    pub const fn unit(&self) -> TargetUnit {
        self.unit
    }
}

impl Comparison {
    /// The spellings, longer ones first so that `>=` is not taken for `>`.
    const SPELLINGS: [(&'static str, Self); 6] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        ("\u{2265}", Self::AtLeast),
        ("\u{2264}", Self::AtMost),
        (">", Self::Above),
        ("<", Self::Below),
    ];

    /// Tells whether the metric should be high rather than low.
    pub const fn wants_high(self) -> bool {
        matches!(self, Self::Above | Self::AtLeast)
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let found = || text.into();
        let trimmed = text.trim();
        let (comparison, rest) = Comparison::SPELLINGS
            .iter()
            .find_map(|(spelling, comparison)| trimmed.strip_prefix(spelling).map(|rest| (*comparison, rest)))
            .ok_or_else(|| TargetError::Comparison { found: found() })?;
        let rest = rest.trim_start();
        let end = rest.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-'))).unwrap_or(rest.len());
        let (number, unit) = rest.split_at(end);
        let unit = match unit.trim_start() {
            "" => TargetUnit::Plain,
            "%" => TargetUnit::Percent,
            "ms" => TargetUnit::Milliseconds,
            unit => return Err(TargetError::Unit { found: found(), unit: unit.into() }),
        };
        let (sign, digits) = number.strip_prefix('-').map_or((1, number), |digits| (-1, digits));
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(TargetError::Number { found: found() }),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(TargetError::Number { found: found() });
        }
        if fraction.len() > DECIMALS {
            return Err(TargetError::TooFine { found: found() });
        }
        let millionths = || {
            let whole = whole.parse::<i64>().ok()?.checked_mul(ONE)?;
            let fraction = format!("{fraction:0<DECIMALS$}").parse::<i64>().ok()?;
            Some(whole.checked_add(fraction)? * sign)
        };
        let millionths = millionths().ok_or_else(|| TargetError::TooLarge { found: found() })?;
        Ok(Self { text: text.into(), comparison, millionths, unit })
    }
}

impl TryFrom<String> for Target {
    type Error = TargetError;

    fn try_from(text: String) -> Result<Self, TargetError> {
        text.parse()
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.text.into()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is not a [`Target`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// No sign of comparison in front.
    #[error("target {found:?} does not start with <, <=, > or >=")]
    Comparison {
        /// The text given.
        found: Box<str>,
    },
    /// No decimal number after it.
    #[error("target {found:?} holds no number, expected one such as \">95%\" or \"<500ms\"")]
    Number {
        /// The text given.
        found: Box<str>,
    },
    /// More decimals than a millionth has.
    #[error("target {found:?} is finer than a millionth, expected at most 6 decimals")]
    TooFine {
        /// The text given.
        found: Box<str>,
    },
    /// A number that millionths have no room for.
    #[error("target {found:?} is too large")]
    TooLarge {
        /// The text given.
        found: Box<str>,
    },
    /// A unit that gates do not know.
    #[error("target {found:?} has the unit {unit:?}, expected %, ms or none")]
    Unit {
        /// The text given.
        found: Box<str>,
        /// Its unit.
        unit: Box<str>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_a_comparison_a_decimal_and_a_unit() {
        use Comparison::{Above, AtLeast, AtMost, Below};
        use TargetUnit::{Milliseconds, Percent, Plain};
        for (text, comparison, millionths, unit) in [
            (">95%", Above, 95_000_000, Percent),
            ("<500ms", Below, 500_000_000, Milliseconds),
            ("<0.1%", Below, 100_000, Percent),
            (">= 80 %", AtLeast, 80_000_000, Percent),
            ("\u{2265}80%", AtLeast, 80_000_000, Percent),
            ("<=0.000001", AtMost, 1, Plain),
            (" > -1.5 ", Above, -1_500_000, Plain),
        ] {
            let target: Target = text.parse().unwrap();
            assert_eq!((target.comparison(), target.millionths(), target.unit()), (comparison, millionths, unit));
            assert_eq!(target.as_str(), text);
        }
        assert!(Above.wants_high() && AtLeast.wants_high() && !Below.wants_high() && !AtMost.wants_high());
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, message) in [
            ("95%", "target \"95%\" does not start with <, <=, > or >="),
            ("", "target \"\" does not start with <, <=, > or >="),
            (">", "target \">\" holds no number, expected one such as \">95%\" or \"<500ms\""),
            (">5.", "target \">5.\" holds no number, expected one such as \">95%\" or \"<500ms\""),
            (">.5", "target \">.5\" holds no number, expected one such as \">95%\" or \"<500ms\""),
            (">1-2", "target \">1-2\" holds no number, expected one such as \">95%\" or \"<500ms\""),
            (">NaN", "target \">NaN\" has the unit \"NaN\", expected %, ms or none"),
            ("<500s", "target \"<500s\" has the unit \"s\", expected %, ms or none"),
            ("<1e3", "target \"<1e3\" has the unit \"e3\", expected %, ms or none"),
            ("<0.0000001", "target \"<0.0000001\" is finer than a millionth, expected at most 6 decimals"),
            ("<9300000000000", "target \"<9300000000000\" is too large"),
        ] {
            assert_eq!(text.parse::<Target>().unwrap_err().to_string(), message, "{text}");
        }
    }

    #[test]
    fn json_is_the_text_and_is_checked() {
        let target: Target = serde_json::from_str("\">95%\"").unwrap();
        assert_eq!(serde_json::to_string(&target).unwrap(), "\">95%\"");
        assert!(serde_json::from_str::<Target>("\"95%\"").is_err());
    }
}
