use alloc::boxed::Box;

use super::compile::{CONDITION_MAX_DEPTH, CONDITION_MAX_NODES, RULESET_MAX_PATTERNS};
use super::operands::{TEST_MAX_VALUE_BYTES, TEST_MAX_VALUES};
use crate::value::ValueType;
use crate::wire::Operator;

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
    /// More than [`RULESET_MAX_PATTERNS`] up to this test.
    #[error("the test {attribute:?} matches takes the ruleset above {RULESET_MAX_PATTERNS} regular expressions")]
    TooManyPatterns {
        /// The attribute.
        attribute: Box<str>,
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
    /// A segment whose JSON does not have a condition's form.
    #[error("segment {segment:?} is malformed: {message}")]
    MalformedSegment {
        /// Its name.
        segment: Box<str>,
        /// What was found, where in the segment's own JSON, and what was expected.
        message: Box<str>,
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
    /// A regular expression asks for a class of Unicode characters, whose tables not every build carries.
    #[cfg(feature = "regex")]
    #[error("regular expressions have no Unicode classes such as \\p{{Greek}} here")]
    UnicodeClass,
    /// Not a regular expression, or too large once compiled.
    #[cfg(feature = "regex")]
    #[error("{0}")]
    Pattern(regex::Error),
}
