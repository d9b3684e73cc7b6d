//! Compiled conditions and their three-valued evaluation.

mod compile;
mod error;
mod fold;
mod matcher;
mod operands;
mod read;

use alloc::boxed::Box;

pub use self::compile::{CONDITION_MAX_DEPTH, CONDITION_MAX_NODES, RULESET_MAX_PATTERNS};
pub(crate) use self::compile::{Segments, compile};
pub use self::error::{ConditionError, OperandError};
pub(crate) use self::matcher::Matcher;
pub use self::operands::{TEST_MAX_VALUE_BYTES, TEST_MAX_VALUES};
use crate::context::{Context, Found, Path};
use crate::wire::Operator;

/// What a condition comes to. A test whose operator is unknown here, or whose attribute has a type it cannot judge, is neither true nor
/// false, and neither is its negation.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Truth {
    /// It does not hold.
    False,
    /// It holds.
    True,
    /// It cannot be told.
    Unknown,
}

impl From<bool> for Truth {
    #[inline]
    fn from(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }
}

impl core::ops::Not for Truth {
    type Output = Self;

    #[inline]
    fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::True => Self::False,
            Self::Unknown => Self::Unknown,
        }
    }
}

/// One test of a condition: an attribute against values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Test {
    pub(crate) path: Path,
    pub(crate) operator: Operator,
    pub(crate) matcher: Matcher,
}

/// A boolean tree over tests.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    All(Box<[Condition]>),
    Any(Box<[Condition]>),
    Not(Box<Condition>),
    /// A place in the ruleset's segments.
    Segment(u32),
    Test(Test),
}

/// Sees every test as it is judged, and may answer in its place.
pub(crate) trait TestObserver {
    #[inline]
    fn tested(&mut self, test: &Test, found: Option<Found<'_>>, truth: Truth) -> Truth {
        let _ = (test, found);
        truth
    }
}

impl Test {
    #[inline]
    fn judge<O: TestObserver>(&self, context: &Context<'_>, observer: &mut O) -> Truth {
        match self.path.attribute(context) {
            Some(value) => observer.tested(self, Some(Found::Value(value)), self.matcher.judge(value)),
            None => self.judge_elsewhere(context, observer),
        }
    }

    /// Judges what is no attribute's own name: the unit, a field of an object, or nothing.
    #[inline(never)]
    fn judge_elsewhere<O: TestObserver>(&self, context: &Context<'_>, observer: &mut O) -> Truth {
        let found = self.path.walk(context);
        let truth = match found {
            Some(Found::Value(value)) => self.matcher.judge(value),
            Some(Found::Text(text)) => self.matcher.judge_text(text),
            None => self.matcher.judge_missing(),
        };
        observer.tested(self, found, truth)
    }
}

impl Condition {
    /// Judges the condition. `all` is false as soon as one part is, true when all are, else unknown; `any` the other way round.
    ///
    /// Most conditions are one test or a conjunction of tests: those are judged here, in the caller's own code.
    #[inline]
    pub(crate) fn judge<O: TestObserver>(
        &self,
        segments: &[Condition],
        context: &Context<'_>,
        observer: &mut O,
    ) -> Truth {
        match self {
            Self::Test(test) => test.judge(context, observer),
            Self::All(parts) => decisive(parts, Truth::False, |part| match part {
                Self::Test(test) => test.judge(context, observer),
                part => part.judge_tree(segments, context, observer),
            }),
            _ => self.judge_tree(segments, context, observer),
        }
    }

    #[inline(never)]
    fn judge_tree<O: TestObserver>(&self, segments: &[Condition], context: &Context<'_>, observer: &mut O) -> Truth {
        match self {
            Self::Test(test) => test.judge(context, observer),
            Self::All(parts) => decisive(parts, Truth::False, |part| part.judge_tree(segments, context, observer)),
            Self::Any(parts) => decisive(parts, Truth::True, |part| part.judge_tree(segments, context, observer)),
            Self::Not(inner) => !inner.judge_tree(segments, context, observer),
            Self::Segment(place) => match usize::try_from(*place).ok().and_then(|place| segments.get(place)) {
                Some(segment) => segment.judge_tree(segments, context, observer),
                None => Truth::Unknown,
            },
        }
    }

    /// Tells whether two conditions of two rulesets are the same tests in the same tree, segments followed.
    pub(crate) fn same(&self, segments: &[Self], other: &Self, other_segments: &[Self]) -> bool {
        fn follow(place: u32, segments: &[Condition]) -> Option<&Condition> {
            usize::try_from(place).ok().and_then(|place| segments.get(place))
        }
        match (self, other) {
            (Self::Segment(place), other) => {
                follow(*place, segments).is_some_and(|inner| inner.same(segments, other, other_segments))
            }
            (this, Self::Segment(place)) => {
                follow(*place, other_segments).is_some_and(|inner| this.same(segments, inner, other_segments))
            }
            (Self::Test(left), Self::Test(right)) => left == right,
            (Self::Not(left), Self::Not(right)) => left.same(segments, right, other_segments),
            (Self::All(left), Self::All(right)) | (Self::Any(left), Self::Any(right)) => {
                left.len() == right.len()
                    && left.iter().zip(right).all(|(left, right)| left.same(segments, right, other_segments))
            }
            _ => false,
        }
    }
}

/// Folds parts until one has the decisive truth; without one the result is its opposite, or unknown if a part was.
#[inline]
fn decisive(parts: &[Condition], decisive: Truth, mut judge: impl FnMut(&Condition) -> Truth) -> Truth {
    let mut result = !decisive;
    for part in parts {
        let truth = judge(part);
        if truth == decisive {
            return decisive;
        }
        if truth == Truth::Unknown {
            result = Truth::Unknown;
        }
    }
    result
}

#[cfg(test)]
mod tests;
