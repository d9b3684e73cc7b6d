use alloc::boxed::Box;
use core::cmp::Ordering;

use super::Truth;
use super::fold;
use crate::cidr::Cidr;
use crate::context::Found;
use crate::semver::VersionRequirement;
use crate::text::Name;
use crate::{Timestamp, Value};

/// A test's operator with its values, ready to judge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Matcher {
    /// Sorted texts, for equality.
    OneOfTexts(Box<[Name]>),
    /// Values of any type, for equality.
    OneOf(Box<[Value]>),
    Text(TextTest, Box<[Box<str>]>),
    #[cfg(feature = "regex")]
    Patterns(Box<[Pattern]>),
    Number(Bound, Box<[Value]>),
    Version(Box<[VersionRequirement]>),
    Before(Box<[Timestamp]>),
    After(Box<[Timestamp]>),
    Networks(Box<[Cidr]>),
    Exists,
    /// An operator that this build does not know.
    Unknown,
}

/// How text is searched for a value.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
    StartsWithFolded,
    EndsWithFolded,
    ContainsFolded,
}

/// Which side of a number.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// A compiled regular expression; two are equal when their patterns are.
#[cfg(feature = "regex")]
#[derive(Clone, Debug)]
pub(crate) struct Pattern(pub(crate) regex::Regex);

#[cfg(feature = "regex")]
impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl TextTest {
    fn holds(self, text: &str, value: &str) -> bool {
        match self {
            Self::StartsWith => text.starts_with(value),
            Self::EndsWith => text.ends_with(value),
            Self::Contains => text.contains(value),
            Self::StartsWithFolded => fold::starts_with(text, value),
            Self::EndsWithFolded => fold::ends_with(text, value),
            Self::ContainsFolded => fold::contains(text, value),
        }
    }
}

impl Bound {
    const fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }
}

impl Matcher {
    /// Judges a present attribute. A list matches when one of its elements does.
    ///
    /// The tests that nearly every rule is made of are judged here, in the caller's own code.
    #[inline]
    pub(crate) fn judge(&self, value: &Value) -> Truth {
        match (self, value) {
            (Self::OneOfTexts(texts), Value::String(text)) => one_of(texts, text).into(),
            (Self::Version(requirements), Value::String(text)) => any_version(requirements, text),
            _ => self.judge_other(value),
        }
    }

    #[inline(never)]
    fn judge_other(&self, value: &Value) -> Truth {
        match (self, value) {
            (Self::Unknown, _) => Truth::Unknown,
            (Self::Exists, _) => Truth::True,
            (_, Value::List(items)) => self.judge_any(items),
            _ => self.judge_one(Found::Value(value)),
        }
    }

    /// Judges text that is no [`Value`].
    pub(crate) fn judge_text(&self, text: &str) -> Truth {
        self.judge_one(Found::Text(text))
    }

    /// Judges a missing attribute: no operator holds of it. One that this build does not know might, so that is still unknown.
    pub(crate) const fn judge_missing(&self) -> Truth {
        if matches!(self, Self::Unknown) { Truth::Unknown } else { Truth::False }
    }

    fn judge_any(&self, items: &[Value]) -> Truth {
        let mut result = Truth::False;
        for item in items {
            match self.judge_one(Found::Value(item)) {
                Truth::True => return Truth::True,
                Truth::Unknown => result = Truth::Unknown,
                Truth::False => {}
            }
        }
        result
    }

    /// Judges one value. Equality can judge every type; the others are unknown for a type they do not speak of.
    fn judge_one(&self, found: Found<'_>) -> Truth {
        match self {
            Self::OneOfTexts(texts) => found.as_str().is_some_and(|text| one_of(texts, text)).into(),
            Self::OneOf(values) => match found {
                Found::Value(value) => values.iter().any(|known| known.same(value)).into(),
                Found::Text(text) => values.iter().any(|known| known.as_str() == Some(text)).into(),
            },
            Self::Text(test, values) => {
                on_text(found, |text| values.iter().any(|value| test.holds(text, value)).into())
            }
            #[cfg(feature = "regex")]
            Self::Patterns(patterns) => {
                on_text(found, |text| patterns.iter().any(|pattern| pattern.0.is_match(text)).into())
            }
            Self::Number(bound, values) => {
                let Found::Value(value @ (Value::Integer(_) | Value::Float(_))) = found else { return Truth::Unknown };
                values.iter().any(|limit| value.compare_numbers(limit).is_some_and(|side| bound.holds(side))).into()
            }
            Self::Version(requirements) => on_text(found, |text| any_version(requirements, text)),
            Self::Before(times) => on_time(found, |time| times.iter().any(|limit| time < *limit)),
            Self::After(times) => on_time(found, |time| times.iter().any(|limit| time > *limit)),
            Self::Networks(networks) => on_text(found, |text| match text.parse() {
                Ok(address) => networks.iter().any(|network| network.contains(address)).into(),
                Err(_) => Truth::Unknown,
            }),
            Self::Exists => Truth::True,
            Self::Unknown => Truth::Unknown,
        }
    }
}

#[inline]
fn any_version(requirements: &[VersionRequirement], text: &str) -> Truth {
    match requirements {
        [requirement] => requirement.matches_text(text).map_or(Truth::Unknown, Truth::from),
        _ => any_of_versions(requirements, text),
    }
}

#[inline(never)]
fn any_of_versions(requirements: &[VersionRequirement], text: &str) -> Truth {
    let mut result = Truth::False;
    for requirement in requirements {
        match requirement.matches_text(text) {
            Some(true) => return Truth::True,
            Some(false) => {}
            None => result = Truth::Unknown,
        }
    }
    result
}

/// Up to here a scan beats a binary search.
const SCANNED: usize = 8;

#[inline]
fn one_of(sorted: &[Name], value: &str) -> bool {
    if sorted.len() <= SCANNED { Name::any_is(sorted, value) } else { is_among(sorted, value) }
}

#[inline(never)]
fn is_among(sorted: &[Name], value: &str) -> bool {
    sorted.binary_search_by(|known| known.as_str().cmp(value)).is_ok()
}

#[inline]
fn on_text(found: Found<'_>, judge: impl FnOnce(&str) -> Truth) -> Truth {
    found.as_str().map_or(Truth::Unknown, judge)
}

fn on_time(found: Found<'_>, judge: impl FnOnce(Timestamp) -> bool) -> Truth {
    let time = match found {
        Found::Value(Value::Integer(millis)) => Some(Timestamp::from_millis(*millis)),
        _ => found.as_str().and_then(|text| text.parse().ok()),
    };
    time.map_or(Truth::Unknown, |time| judge(time).into())
}
