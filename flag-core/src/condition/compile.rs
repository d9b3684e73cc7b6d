use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::matcher::{Bound, Matcher, TextTest};
use super::{Condition, Test, fold};
use crate::context::Path;
use crate::semver::{VersionOperator, VersionRequirement};
use crate::value::ValueType;
use crate::wire::{self, Operator};
use crate::{Timestamp, Value};

/// The deepest nesting of a condition, segments followed.
pub const CONDITION_MAX_DEPTH: usize = 16;
/// The most nodes of a condition, segments followed.
pub const CONDITION_MAX_NODES: usize = 4_096;
/// The most values of one test.
pub const TEST_MAX_VALUES: usize = 100_000;
/// The longest text of a test's value, in bytes.
pub const TEST_MAX_VALUE_BYTES: usize = 4_096;
/// The largest compiled form of one regular expression, in bytes.
#[cfg(feature = "regex")]
const PATTERN_MAX_COMPILED_BYTES: usize = 1 << 20;

/// Why a condition cannot be compiled.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ConditionError {
    /// None, or more than one, of the forms of a condition.
    #[error("a condition has {found} forms, expected exactly one of all, any, not, segment, attribute")]
    Forms {
        /// How many were found.
        found: usize,
    },
    /// A test without an operator, or an operator without an attribute.
    #[error("the test of attribute {attribute:?} has no operator")]
    NoOperator {
        /// The attribute.
        attribute: Box<str>,
    },
    /// A test without anything to compare with.
    #[error("the test {attribute:?} {operator} has no values, expected at least one")]
    NoValues {
        /// The attribute.
        attribute: Box<str>,
        /// The operator.
        operator: Operator,
    },
    /// More than [`TEST_MAX_VALUES`].
    #[error("the test {attribute:?} {operator} has {found} values, expected at most {TEST_MAX_VALUES}")]
    TooManyValues {
        /// The attribute.
        attribute: Box<str>,
        /// The operator.
        operator: Operator,
        /// How many were found.
        found: usize,
    },
    /// A value longer than [`TEST_MAX_VALUE_BYTES`].
    #[error(
        "value {index} of the test {attribute:?} {operator} has {found} bytes, expected at most {TEST_MAX_VALUE_BYTES}"
    )]
    ValueTooLong {
        /// The attribute.
        attribute: Box<str>,
        /// The operator.
        operator: Operator,
        /// Which value, from 0.
        index: usize,
        /// Its length.
        found: usize,
    },
    /// A value of a type that the operator cannot compare with.
    #[error("value {index} of the test {attribute:?} {operator} is of type {found}, expected {expected}")]
    ValueType {
        /// The attribute.
        attribute: Box<str>,
        /// The operator.
        operator: Operator,
        /// Which value, from 0.
        index: usize,
        /// Its type.
        found: ValueType,
        /// What the operator takes.
        expected: &'static str,
    },
    /// A value that is not a version, a time or a network.
    #[error("value {index} of the test {attribute:?} {operator} is {found:?}")]
    Value {
        /// The attribute.
        attribute: Box<str>,
        /// The operator.
        operator: Operator,
        /// Which value, from 0.
        index: usize,
        /// The value.
        found: Box<str>,
        /// What is wrong with it.
        #[source]
        source: OperandError,
    },
    /// Nested deeper than [`CONDITION_MAX_DEPTH`].
    #[error("a condition is nested deeper than {CONDITION_MAX_DEPTH} levels")]
    TooDeep,
    /// More nodes than [`CONDITION_MAX_NODES`].
    #[error("a condition has more than {CONDITION_MAX_NODES} parts")]
    TooLarge,
    /// A segment that is not there.
    #[error("segment {segment:?} does not exist")]
    NoSegment {
        /// Its name.
        segment: Box<str>,
    },
    /// Segments that refer to each other in a circle.
    #[error("segment {segment:?} refers to itself")]
    SegmentCycle {
        /// One of them.
        segment: Box<str>,
    },
    /// A segment that is broken itself.
    #[error("segment {segment:?} is broken")]
    Segment {
        /// Its name.
        segment: Box<str>,
        /// Why.
        #[source]
        source: Box<ConditionError>,
    },
}

/// What is wrong with a test's value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OperandError {
    /// Not a version.
    #[error(transparent)]
    Version(#[from] crate::semver::VersionError),
    /// Not a time.
    #[error(transparent)]
    Timestamp(#[from] crate::TimestampError),
    /// Not a network.
    #[error(transparent)]
    Cidr(#[from] crate::cidr::CidrError),
    /// Not a regular expression, or too large once compiled.
    #[cfg(feature = "regex")]
    #[error("{0}")]
    Pattern(regex::Error),
}

/// The segments of a ruleset while it is compiled: each is compiled when something first refers to it.
pub(crate) struct Segments<'w> {
    named: HashMap<&'w str, (&'w wire::Condition, Progress)>,
    compiled: Vec<Condition>,
}

#[derive(Clone)]
enum Progress {
    Waiting,
    Underway,
    Done { place: u32, size: Size },
    Broken(ConditionError),
}

/// A segment that waits for those it refers to.
struct Underway<'w> {
    key: &'w str,
    condition: &'w wire::Condition,
    references: alloc::vec::IntoIter<&'w str>,
}

/// How much of the limits a condition takes.
#[derive(Copy, Clone)]
struct Size {
    depth: usize,
    nodes: usize,
}

impl<'w> Segments<'w> {
    pub(crate) fn new(segments: impl Iterator<Item = (&'w str, &'w wire::Condition)>) -> Self {
        let named = segments.map(|(name, condition)| (name, (condition, Progress::Waiting))).collect();
        Self { named, compiled: Vec::new() }
    }

    pub(crate) fn into_compiled(self) -> Box<[Condition]> {
        self.compiled.into()
    }

    fn resolve(&mut self, name: &str) -> Result<(u32, Size), ConditionError> {
        self.compile_from(name);
        match self.named.get(name).map(|(_, progress)| progress) {
            None => Err(ConditionError::NoSegment { segment: name.into() }),
            Some(Progress::Done { place, size }) => Ok((*place, *size)),
            Some(Progress::Broken(error)) => Err(error.clone()),
            Some(Progress::Waiting | Progress::Underway) => Err(ConditionError::SegmentCycle { segment: name.into() }),
        }
    }

    /// Compiles a segment after those it refers to. They wait on a stack of their own: a document can chain more segments than the call
    /// stack has room for.
    fn compile_from(&mut self, name: &str) {
        let mut stack: Vec<_> = self.begin(name).into_iter().collect();
        while let Some(Underway { key, condition, references }) = stack.last_mut() {
            if let Some(reference) = references.next() {
                stack.extend(self.begin(reference));
                continue;
            }
            let (key, condition) = (*key, *condition);
            stack.pop();
            let outcome = self.node(condition, CONDITION_MAX_DEPTH).and_then(|(compiled, size)| {
                let place = u32::try_from(self.compiled.len()).map_err(|_| ConditionError::TooLarge)?;
                self.compiled.push(compiled);
                Ok(Progress::Done { place, size })
            });
            let progress = outcome.unwrap_or_else(|source| {
                Progress::Broken(match source {
                    // What refers to a broken segment names that one, not the whole way to it.
                    inner @ (ConditionError::SegmentCycle { .. } | ConditionError::Segment { .. }) => inner,
                    source => ConditionError::Segment { segment: key.into(), source: Box::new(source) },
                })
            });
            self.named.insert(key, (condition, progress));
        }
    }

    /// Marks a segment as underway, unless it is already, or compiled, or not there.
    fn begin(&mut self, name: &str) -> Option<Underway<'w>> {
        let (key, (condition, progress)) = self.named.get_key_value(name)?;
        let (key, condition) = (*key, *condition);
        if !matches!(progress, Progress::Waiting) {
            return None;
        }
        self.named.insert(key, (condition, Progress::Underway));
        let mut references = Vec::new();
        refer(condition, CONDITION_MAX_DEPTH, &mut references);
        Some(Underway { key, condition, references: references.into_iter() })
    }

    fn node(&mut self, wire: &wire::Condition, depth_left: usize) -> Result<(Condition, Size), ConditionError> {
        let Some(depth_below) = depth_left.checked_sub(1) else { return Err(ConditionError::TooDeep) };
        let forms = [
            wire.all.is_some(),
            wire.any.is_some(),
            wire.not.is_some(),
            wire.segment.is_some(),
            wire.attribute.is_some(),
        ];
        let found = forms.into_iter().filter(|present| *present).count();
        if found != 1 {
            return Err(ConditionError::Forms { found });
        }
        let (condition, below) = if let Some(parts) = &wire.all {
            let (parts, size) = self.nodes(parts, depth_below)?;
            (Condition::All(parts), size)
        } else if let Some(parts) = &wire.any {
            let (parts, size) = self.nodes(parts, depth_below)?;
            (Condition::Any(parts), size)
        } else if let Some(inner) = &wire.not {
            let (inner, size) = self.node(inner, depth_below)?;
            (Condition::Not(Box::new(inner)), size)
        } else if let Some(name) = &wire.segment {
            let (place, size) = self.resolve(name)?;
            (Condition::Segment(place), size)
        } else {
            (Condition::Test(Box::new(test(wire)?)), Size { depth: 0, nodes: 0 })
        };
        let size = Size { depth: below.depth.saturating_add(1), nodes: below.nodes.saturating_add(1) };
        if size.depth > depth_left {
            return Err(ConditionError::TooDeep);
        }
        if size.nodes > CONDITION_MAX_NODES {
            return Err(ConditionError::TooLarge);
        }
        Ok((condition, size))
    }

    fn nodes(
        &mut self,
        parts: &[wire::Condition],
        depth_left: usize,
    ) -> Result<(Box<[Condition]>, Size), ConditionError> {
        let mut compiled = Vec::new();
        let mut total = Size { depth: 0, nodes: 0 };
        for part in parts {
            let (condition, size) = self.node(part, depth_left)?;
            total = Size { depth: total.depth.max(size.depth), nodes: total.nodes.saturating_add(size.nodes) };
            if total.nodes > CONDITION_MAX_NODES {
                return Err(ConditionError::TooLarge);
            }
            compiled.push(condition);
        }
        Ok((compiled.into(), total))
    }
}

/// Collects the segments a condition names itself, as far down as it may be nested.
fn refer<'w>(condition: &'w wire::Condition, depth_left: usize, names: &mut Vec<&'w str>) {
    let Some(depth_below) = depth_left.checked_sub(1) else { return };
    names.extend(condition.segment.as_deref());
    let lists = condition.all.iter().chain(&condition.any).flatten();
    for part in lists.chain(condition.not.as_deref()) {
        refer(part, depth_below, names);
    }
}

/// Compiles a condition against the segments it may refer to.
pub(crate) fn compile(wire: &wire::Condition, segments: &mut Segments<'_>) -> Result<Condition, ConditionError> {
    segments.node(wire, CONDITION_MAX_DEPTH).map(|(condition, _)| condition)
}

fn test(wire: &wire::Condition) -> Result<Test, ConditionError> {
    let attribute: Box<str> = wire.attribute.clone().unwrap_or_default();
    let Some(operator) = wire.operator.clone() else { return Err(ConditionError::NoOperator { attribute }) };
    let values = wire.values.as_deref().unwrap_or_default();
    let matcher = Operands { attribute: &attribute, operator: &operator, values }.matcher()?;
    Ok(Test { path: Path::new(attribute), operator, matcher })
}

/// The values of one test, with what an error about them has to name.
struct Operands<'w> {
    attribute: &'w str,
    operator: &'w Operator,
    values: &'w [Value],
}

fn exact(text: &str) -> Box<str> {
    text.into()
}

impl Operands<'_> {
    fn matcher(&self) -> Result<Matcher, ConditionError> {
        let (attribute, operator, found) = (self.attribute, self.operator.clone(), self.values.len());
        match self.operator {
            Operator::Unknown(_) => return Ok(Matcher::Unknown),
            Operator::Exists => return Ok(Matcher::Exists),
            _ if found == 0 => return Err(ConditionError::NoValues { attribute: attribute.into(), operator }),
            _ if found > TEST_MAX_VALUES => {
                return Err(ConditionError::TooManyValues { attribute: attribute.into(), operator, found });
            }
            _ => {}
        }
        for (index, text) in self.values.iter().enumerate().filter_map(|(index, value)| Some((index, value.as_str()?)))
        {
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
            Operator::Equals | Operator::In => self.one_of(),
            Operator::StartsWith => Matcher::Text(TextTest::StartsWith, self.texts(exact)?),
            Operator::EndsWith => Matcher::Text(TextTest::EndsWith, self.texts(exact)?),
            Operator::Contains => Matcher::Text(TextTest::Contains, self.texts(exact)?),
            Operator::StartsWithIgnoreCase => Matcher::Text(TextTest::StartsWithFolded, self.texts(fold::fold)?),
            Operator::EndsWithIgnoreCase => Matcher::Text(TextTest::EndsWithFolded, self.texts(fold::fold)?),
            Operator::ContainsIgnoreCase => Matcher::Text(TextTest::ContainsFolded, self.texts(fold::fold)?),
            Operator::Matches => self.patterns()?,
            Operator::Greater => self.numbers(Bound::Greater)?,
            Operator::GreaterOrEqual => self.numbers(Bound::GreaterOrEqual)?,
            Operator::Less => self.numbers(Bound::Less)?,
            Operator::LessOrEqual => self.numbers(Bound::LessOrEqual)?,
            Operator::SemverEquals => self.versions(VersionOperator::Equal)?,
            Operator::SemverGreater => self.versions(VersionOperator::Greater)?,
            Operator::SemverGreaterOrEqual => self.versions(VersionOperator::GreaterOrEqual)?,
            Operator::SemverLess => self.versions(VersionOperator::Less)?,
            Operator::SemverLessOrEqual => self.versions(VersionOperator::LessOrEqual)?,
            Operator::SemverCaret => self.versions(VersionOperator::Caret)?,
            Operator::SemverTilde => self.versions(VersionOperator::Tilde)?,
            Operator::Before => Matcher::Before(self.times()?),
            Operator::After => Matcher::After(self.times()?),
            Operator::InCidr => Matcher::Networks(self.each("text such as \"10.0.0.0/8\"", |value| {
                Some(value.as_str()?.parse().map_err(OperandError::Cidr))
            })?),
            Operator::Exists | Operator::Unknown(_) => Matcher::Unknown,
        })
    }

    fn one_of(&self) -> Matcher {
        let texts: Option<Vec<Box<str>>> = self.values.iter().map(|value| value.as_str().map(Box::from)).collect();
        match texts {
            Some(mut texts) => {
                texts.sort_unstable();
                texts.dedup();
                Matcher::OneOfTexts(texts.into())
            }
            None => Matcher::OneOf(self.values.into()),
        }
    }

    fn texts(&self, prepare: impl Fn(&str) -> Box<str>) -> Result<Box<[Box<str>]>, ConditionError> {
        self.each("text", |value| Some(Ok(prepare(value.as_str()?))))
    }

    fn numbers(&self, bound: Bound) -> Result<Matcher, ConditionError> {
        let numbers = self.each("a number", |value| {
            matches!(value, Value::Integer(_) | Value::Float(_)).then(|| Ok(value.clone()))
        })?;
        Ok(Matcher::Number(bound, numbers))
    }

    fn versions(&self, relation: VersionOperator) -> Result<Matcher, ConditionError> {
        let versions = self.each("text such as \"1.2.3\"", |value| {
            Some(VersionRequirement::new(relation, value.as_str()?).map_err(OperandError::Version))
        })?;
        Ok(Matcher::Version(versions))
    }

    fn times(&self) -> Result<Box<[Timestamp]>, ConditionError> {
        self.each("text in RFC 3339 or an integer of milliseconds", |value| match value {
            Value::Integer(millis) => Some(Ok(Timestamp::from_millis(*millis))),
            Value::String(text) => Some(text.parse().map_err(OperandError::Timestamp)),
            _ => None,
        })
    }

    #[cfg(feature = "regex")]
    fn patterns(&self) -> Result<Matcher, ConditionError> {
        let patterns = self.each("text of a regular expression", |value| {
            let compiled = regex::RegexBuilder::new(value.as_str()?).size_limit(PATTERN_MAX_COMPILED_BYTES).build();
            Some(compiled.map(super::matcher::Pattern).map_err(OperandError::Pattern))
        })?;
        Ok(Matcher::Patterns(patterns))
    }

    #[cfg(not(feature = "regex"))]
    #[expect(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "the signature of the build that has regular expressions"
    )]
    fn patterns(&self) -> Result<Matcher, ConditionError> {
        Ok(Matcher::Unknown)
    }

    /// Compiles every value; `None` from `compile` is a value of the wrong type.
    fn each<T>(
        &self,
        expected: &'static str,
        compile: impl Fn(&Value) -> Option<Result<T, OperandError>>,
    ) -> Result<Box<[T]>, ConditionError> {
        let compiled = self.values.iter().enumerate().map(|(index, value)| {
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
