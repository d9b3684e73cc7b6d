use alloc::boxed::Box;
use alloc::vec::Vec;

use super::error::{ConditionError, OperandError};
use super::fold;
#[cfg(feature = "regex")]
use super::matcher::Pattern;
use super::matcher::{Bound, Matcher, TextTest};
use crate::semver::{VersionOperator, VersionRequirement};
use crate::text::Name;
use crate::wire::Operator;
use crate::{Timestamp, Value};

/// The most values of one test.
pub const TEST_MAX_VALUES: usize = 100_000;
/// The longest text of a test's value, in bytes.
pub const TEST_MAX_VALUE_BYTES: usize = 4_096;
/// The largest compiled form of one regular expression, in bytes.
#[cfg(feature = "regex")]
const PATTERN_MAX_COMPILED_BYTES: usize = 1 << 16;

/// Whose values are compiled: what an error about them has to name.
pub(super) struct Operands<'w> {
    pub(super) attribute: &'w str,
    pub(super) operator: &'w Operator,
}

/// Any of these values. Texts alone are sorted, to be searched by halves.
fn one_of(values: Vec<Value>) -> Matcher {
    if !values.iter().all(|value| matches!(value, Value::String(_))) {
        return Matcher::OneOf(values.into());
    }
    let text = |value| if let Value::String(text) = value { Some(text) } else { None };
    let mut texts: Vec<Name> = values.into_iter().filter_map(text).map(Name::new).collect();
    texts.sort_unstable_by(|left, right| left.as_str().cmp(right.as_str()));
    texts.dedup();
    Matcher::OneOfTexts(texts.into())
}

fn exact(text: &str) -> Box<str> {
    text.into()
}

impl Operands<'_> {
    pub(super) fn matcher(&self, values: Vec<Value>) -> Result<Matcher, ConditionError> {
        let (attribute, operator, found) = (self.attribute, self.operator.clone(), values.len());
        match self.operator {
            Operator::Unknown(_) => return Ok(Matcher::Unknown),
            Operator::Exists => return Ok(Matcher::Exists),
            _ if found == 0 => return Err(ConditionError::NoValues { attribute: attribute.into(), operator }),
            _ if found > TEST_MAX_VALUES => {
                return Err(ConditionError::TooManyValues { attribute: attribute.into(), operator, found });
            }
            _ => {}
        }
        for (index, text) in values.iter().enumerate().filter_map(|(index, value)| Some((index, value.as_str()?))) {
            if text.len() > TEST_MAX_VALUE_BYTES {
                return Err(ConditionError::ValueTooLong {
                    attribute: attribute.into(),
                    operator,
                    index,
                    found: text.len(),
                });
            }
        }
        Ok(match self.operator {
            Operator::Equals | Operator::In => one_of(values),
            Operator::StartsWith => Matcher::Text(TextTest::StartsWith, self.texts(&values, exact)?),
            Operator::EndsWith => Matcher::Text(TextTest::EndsWith, self.texts(&values, exact)?),
            Operator::Contains => Matcher::Text(TextTest::Contains, self.texts(&values, exact)?),
            Operator::StartsWithIgnoreCase => {
                Matcher::Text(TextTest::StartsWithFolded, self.texts(&values, fold::fold)?)
            }
            Operator::EndsWithIgnoreCase => Matcher::Text(TextTest::EndsWithFolded, self.texts(&values, fold::fold)?),
            Operator::ContainsIgnoreCase => Matcher::Text(TextTest::ContainsFolded, self.texts(&values, fold::fold)?),
            Operator::Matches => self.patterns(&values)?,
            Operator::Greater => self.numbers(&values, Bound::Greater)?,
            Operator::GreaterOrEqual => self.numbers(&values, Bound::GreaterOrEqual)?,
            Operator::Less => self.numbers(&values, Bound::Less)?,
            Operator::LessOrEqual => self.numbers(&values, Bound::LessOrEqual)?,
            Operator::SemverEquals => self.versions(&values, VersionOperator::Equal)?,
            Operator::SemverGreater => self.versions(&values, VersionOperator::Greater)?,
            Operator::SemverGreaterOrEqual => self.versions(&values, VersionOperator::GreaterOrEqual)?,
            Operator::SemverLess => self.versions(&values, VersionOperator::Less)?,
            Operator::SemverLessOrEqual => self.versions(&values, VersionOperator::LessOrEqual)?,
            Operator::SemverCaret => self.versions(&values, VersionOperator::Caret)?,
            Operator::SemverTilde => self.versions(&values, VersionOperator::Tilde)?,
            Operator::Before => Matcher::Before(self.times(&values)?),
            Operator::After => Matcher::After(self.times(&values)?),
            Operator::InCidr => Matcher::Networks(self.each(&values, "text such as \"10.0.0.0/8\"", |value| {
                Some(value.as_str()?.parse().map_err(OperandError::Cidr))
            })?),
            Operator::Exists | Operator::Unknown(_) => Matcher::Unknown,
        })
    }

    fn texts(&self, values: &[Value], prepare: impl Fn(&str) -> Box<str>) -> Result<Box<[Box<str>]>, ConditionError> {
        self.each(values, "text", |value| Some(Ok(prepare(value.as_str()?))))
    }

    fn numbers(&self, values: &[Value], bound: Bound) -> Result<Matcher, ConditionError> {
        let numbers = self.each(values, "a number", |value| {
            matches!(value, Value::Integer(_) | Value::Float(_)).then(|| Ok(value.clone()))
        })?;
        Ok(Matcher::Number(bound, numbers))
    }

    fn versions(&self, values: &[Value], relation: VersionOperator) -> Result<Matcher, ConditionError> {
        let versions = self.each(values, "text such as \"1.2.3\"", |value| {
            Some(VersionRequirement::new(relation, value.as_str()?).map_err(OperandError::Version))
        })?;
        Ok(Matcher::Version(versions))
    }

    fn times(&self, values: &[Value]) -> Result<Box<[Timestamp]>, ConditionError> {
        self.each(values, "text in RFC 3339 or an integer of milliseconds", |value| match value {
            Value::Integer(millis) => Some(Ok(Timestamp::from_millis(*millis))),
            Value::String(text) => Some(text.parse().map_err(OperandError::Timestamp)),
            _ => None,
        })
    }

    #[cfg(feature = "regex")]
    fn patterns(&self, values: &[Value]) -> Result<Matcher, ConditionError> {
        let patterns = self.each(values, "text of a regular expression", |value| Some(pattern(value.as_str()?)));
        patterns.map(Matcher::Patterns)
    }

    #[cfg(not(feature = "regex"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "the signature of the build that has regular expressions"
    )]
    fn patterns(&self, _values: &[Value]) -> Result<Matcher, ConditionError> {
        Ok(Matcher::Unknown)
    }

    /// Compiles every value; `None` from `compile` is a value of the wrong type.
    fn each<T>(
        &self,
        values: &[Value],
        expected: &'static str,
        compile: impl Fn(&Value) -> Option<Result<T, OperandError>>,
    ) -> Result<Box<[T]>, ConditionError> {
        let compiled = values.iter().enumerate().map(|(index, value)| {
            let (attribute, operator) = (|| self.attribute.into(), || self.operator.clone());
            match compile(value) {
                Some(Ok(compiled)) => Ok(compiled),
                Some(Err(source)) => Err(ConditionError::Value {
                    attribute: attribute(),
                    operator: operator(),
                    index,
                    found: value.as_str().unwrap_or_default().into(),
                    source,
                }),
                None => Err(ConditionError::ValueType {
                    attribute: attribute(),
                    operator: operator(),
                    index,
                    found: value.value_type(),
                    expected,
                }),
            }
        });
        compiled.collect()
    }
}

/// Compiles a regular expression whose meaning is the same in every build. The tables behind `\p{...}` may be there or not, depending on
/// what else a program is built of, so those classes are refused.
#[cfg(feature = "regex")]
fn pattern(text: &str) -> Result<Pattern, OperandError> {
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        if character == '\\' && matches!(rest.next(), Some('p' | 'P')) {
            return Err(OperandError::UnicodeClass);
        }
    }
    let compiled = regex::RegexBuilder::new(text).size_limit(PATTERN_MAX_COMPILED_BYTES).build();
    compiled.map(Pattern).map_err(OperandError::Pattern)
}
