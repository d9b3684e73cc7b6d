//! What can be proved of conditions: that one never holds, always holds, or holds whenever another does.
//!
//! Conditions are three-valued, and a list passes a test when one of its elements does. Every proof here respects both; a proof that would
//! need an attribute to hold one single value says so.

use flag_core::Value;
use flag_core::wire::{Condition, Entries, Operator};

use super::probe::{Family, Probe, equal};

/// The most ways in which a condition may come to hold; beyond, nothing is proved.
const MAX_WAYS: usize = 256;
/// The deepest nesting, segments followed. The evaluator allows 16.
const MAX_DEPTH: usize = 32;
/// The most values that are tried one by one.
const MAX_TRIED: usize = 1_000;

/// A condition with its segments followed.
pub(super) enum Tree<'c> {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Test(&'c Condition),
    /// A segment that cannot be followed: nothing is known of it.
    Opaque,
}

/// A test that has to hold, or to be false.
#[derive(Copy, Clone)]
pub(super) struct Literal<'c> {
    test: &'c Condition,
    negated: bool,
}

/// Why a condition never holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Contradiction<'c> {
    /// For no attributes at all.
    Always,
    /// For no attributes of which this one holds a single value.
    Unless {
        /// The attribute that would have to be a list.
        list: &'c str,
    },
}

impl<'c> Tree<'c> {
    pub(super) fn new(condition: &'c Condition, segments: &'c Entries<Condition>) -> Self {
        Self::follow(condition, segments, MAX_DEPTH)
    }

    fn follow(condition: &'c Condition, segments: &'c Entries<Condition>, depth: usize) -> Self {
        let Some(depth) = depth.checked_sub(1) else { return Self::Opaque };
        let each = |parts: &'c [Condition]| parts.iter().map(|part| Self::follow(part, segments, depth)).collect();
        match condition {
            Condition { all: Some(parts), .. } => Self::All(each(parts)),
            Condition { any: Some(parts), .. } => Self::Any(each(parts)),
            Condition { not: Some(inner), .. } => Self::Not(Box::new(Self::follow(inner, segments, depth))),
            Condition { segment: Some(name), .. } => {
                segments.find(name).map_or(Self::Opaque, |segment| Self::follow(segment, segments, depth))
            }
            Condition { attribute: Some(_), operator: Some(_), .. } => Self::Test(condition),
            _ => Self::Opaque,
        }
    }

    /// Returns the ways in which the condition comes to be `truth`, each a list of tests with what they have to be. Nothing where there are
    /// too many, or something is not known.
    pub(super) fn ways(&self, truth: bool) -> Option<Vec<Vec<Literal<'c>>>> {
        match (self, truth) {
            (Self::Opaque, _) => None,
            (Self::Test(test), _) => Some(vec![vec![Literal { test, negated: !truth }]]),
            (Self::Not(inner), _) => inner.ways(!truth),
            (Self::All(parts), true) | (Self::Any(parts), false) => {
                let mut ways = vec![Vec::new()];
                for part in parts {
                    let more = part.ways(truth)?;
                    if ways.len().saturating_mul(more.len()) > MAX_WAYS {
                        return None;
                    }
                    let joined = |way: &Vec<Literal<'c>>| {
                        more.iter().map(|more| way.iter().chain(more).copied().collect()).collect::<Vec<_>>()
                    };
                    ways = ways.iter().flat_map(joined).collect();
                }
                Some(ways)
            }
            (Self::All(parts), false) | (Self::Any(parts), true) => {
                let mut ways = Vec::new();
                for part in parts {
                    ways.extend(part.ways(truth)?);
                    if ways.len() > MAX_WAYS {
                        return None;
                    }
                }
                Some(ways)
            }
        }
    }

    /// Tells whether the condition holds for everyone. Only what no test can change is proved.
    pub(super) fn always_holds(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(Self::always_holds),
            Self::Any(parts) => parts.iter().any(Self::always_holds) || self.holds_either_way(),
            Self::Not(inner) => inner.is_always_false(),
            Self::Test(_) | Self::Opaque => false,
        }
    }

    fn is_always_false(&self) -> bool {
        match self {
            Self::All(parts) => parts.iter().any(Self::is_always_false),
            Self::Any(parts) => parts.iter().all(Self::is_always_false),
            Self::Not(inner) => inner.always_holds(),
            Self::Test(_) | Self::Opaque => false,
        }
    }

    /// Tells whether an `any` has a test together with its negation, and the test is never unknown.
    fn holds_either_way(&self) -> bool {
        let Self::Any(parts) = self else { return false };
        let negated = parts.iter().filter_map(|part| match part {
            Self::Not(inner) => match &**inner {
                Self::Test(test) => Some(*test),
                _ => None,
            },
            _ => None,
        });
        let mut negated = negated.filter(|test| is_two_valued(test));
        negated.any(|test| parts.iter().any(|part| matches!(part, Self::Test(other) if implies(test, other))))
    }

    /// Returns why the condition never holds, if that can be proved.
    pub(super) fn contradiction(&self) -> Option<Contradiction<'c>> {
        let mut found = Contradiction::Always;
        for way in self.ways(true)? {
            match contradiction(&way)? {
                Contradiction::Always => {}
                unless @ Contradiction::Unless { .. } => found = unless,
            }
        }
        Some(found)
    }

    /// Tells whether this condition holds whenever `later` does.
    pub(super) fn is_implied_by(&self, later: &Self) -> bool {
        self.always_holds() || later.ways(true).is_some_and(|ways| ways.iter().all(|way| self.is_so_in(way, true)))
    }

    /// Tells whether the condition is `truth` wherever all these literals hold.
    fn is_so_in(&self, way: &[Literal<'c>], truth: bool) -> bool {
        match (self, truth) {
            (Self::Opaque, _) => false,
            (Self::Not(inner), _) => inner.is_so_in(way, !truth),
            (Self::All(parts), true) | (Self::Any(parts), false) => parts.iter().all(|part| part.is_so_in(way, truth)),
            (Self::All(parts), false) | (Self::Any(parts), true) => parts.iter().any(|part| part.is_so_in(way, truth)),
            (Self::Test(test), true) => way.iter().any(|known| !known.negated && implies(known.test, test)),
            (Self::Test(test), false) => way.iter().any(|known| {
                known.negated && (known.test == *test || (is_two_valued(test) && implies(test, known.test)))
            }),
        }
    }
}

fn operator(test: &Condition) -> Option<&Operator> {
    test.operator.as_ref()
}

fn values(test: &Condition) -> &[Value] {
    test.values.as_deref().unwrap_or_default()
}

const fn is_equality(operator: &Operator) -> bool {
    matches!(operator, Operator::Equals | Operator::In)
}

/// Tells whether a test is true or false of every attribute, never unknown.
fn is_two_valued(test: &Condition) -> bool {
    operator(test).is_some_and(|operator| is_equality(operator) || *operator == Operator::Exists)
}

/// Tells whether a test holds whenever another one does, of lists too: then one element passes the first test, and so the second.
fn implies(first: &Condition, second: &Condition) -> bool {
    let (Some(one), Some(other)) = (operator(first), operator(second)) else { return false };
    if first.attribute != second.attribute
        || matches!(one, Operator::Unknown(_))
        || matches!(other, Operator::Unknown(_))
    {
        return false;
    }
    if *other == Operator::Exists || first == second {
        return true;
    }
    let (given, wanted) = (values(first), values(second));
    let is_within = |value: &Value| wanted.iter().any(|other| equal(value, other));
    if (one == other || (is_equality(one) && is_equality(other)))
        && given.len().saturating_mul(wanted.len()) <= MAX_TRIED * MAX_TRIED
        && given.iter().all(is_within)
    {
        return !given.is_empty();
    }
    if given.len() + wanted.len() > MAX_TRIED {
        return false;
    }
    if is_equality(one) {
        let is_judged_alike = |value: &Value| match value {
            Value::String(_) => true,
            // 5 and 5.0 are equal, and only one of them is a time.
            Value::Integer(_) | Value::Float(_) => Family::of(other) == Some(Family::Number),
            _ => false,
        };
        return given.iter().all(is_judged_alike)
            && Probe::new([(second, false)]).is_some_and(|probe| given.iter().all(|value| probe.holds(value)));
    }
    match (Family::of(one), Family::of(other)) {
        (Some(family), Some(same)) if family == same => {
            let tried = family.representatives(given.iter().chain(wanted));
            let (first, second) = (Probe::new([(first, false)]), Probe::new([(second, false)]));
            match (tried, first, second) {
                (Some(tried), Some(first), Some(second)) => {
                    tried.iter().all(|value| !first.holds(value) || second.holds(value))
                }
                _ => false,
            }
        }
        (None, None) => {
            let is_implied = |given| wanted.iter().any(|wanted| part_implies(one, given, other, wanted));
            !given.is_empty() && given.iter().all(is_implied)
        }
        _ => false,
    }
}

/// Tells whether text that starts with, ends with or contains one part does so with another.
fn part_implies(one: &Operator, given: &Value, other: &Operator, wanted: &Value) -> bool {
    let (Some(given), Some(wanted)) = (given.as_str(), wanted.as_str()) else { return false };
    match (one, other) {
        (Operator::StartsWith, Operator::StartsWith) => given.starts_with(wanted),
        (Operator::EndsWith, Operator::EndsWith) => given.ends_with(wanted),
        (Operator::StartsWith | Operator::EndsWith | Operator::Contains, Operator::Contains) => given.contains(wanted),
        _ => false,
    }
}

fn contradiction<'c>(way: &[Literal<'c>]) -> Option<Contradiction<'c>> {
    let mut found = None;
    for (index, literal) in way.iter().enumerate() {
        let attribute = literal.test.attribute.as_deref().unwrap_or_default();
        let same = |other: &&Literal<'c>| other.test.attribute.as_deref() == Some(attribute);
        if !literal.negated && way.iter().filter(same).any(|other| other.negated && implies(literal.test, other.test)) {
            return Some(Contradiction::Always);
        }
        if found.is_none() && !way.iter().take(index).any(|earlier| same(&earlier)) {
            let together: Vec<Literal<'c>> = way.iter().filter(same).copied().collect();
            found = excludes_single_values(&together).then_some(Contradiction::Unless { list: attribute });
        }
    }
    found
}

/// The types that a value may have, as a set of bits.
mod types {
    pub(super) const INTEGER: u8 = 1;
    pub(super) const FLOAT: u8 = 2;
    pub(super) const TEXT: u8 = 4;
    pub(super) const OTHER: u8 = 8;
    pub(super) const ANY: u8 = INTEGER | FLOAT | TEXT | OTHER;
}

/// Returns the types of the single values of which a test can hold.
fn types_of(test: &Condition) -> u8 {
    let Some(operator) = operator(test) else { return types::ANY };
    match Family::of(operator) {
        Some(Family::Number) => types::INTEGER | types::FLOAT,
        Some(Family::Time) => types::INTEGER | types::TEXT,
        None if is_equality(operator) => values(test).iter().fold(0, |all, value| {
            all | match value {
                Value::Integer(_) | Value::Float(_) => types::INTEGER | types::FLOAT,
                Value::String(_) => types::TEXT,
                _ => types::OTHER,
            }
        }),
        None if matches!(operator, Operator::Exists | Operator::Unknown(_)) => types::ANY,
        Some(Family::Version) | None => types::TEXT,
    }
}

/// Tells whether no single value passes these tests of one attribute.
fn excludes_single_values(literals: &[Literal<'_>]) -> bool {
    let known = |literal: &&Literal<'_>| !matches!(operator(literal.test), Some(Operator::Unknown(_)) | None);
    let literals: Vec<Literal<'_>> = literals.iter().filter(known).copied().collect();
    let positive = || literals.iter().filter(|literal| !literal.negated);
    if positive().count() == 0 || literals.len() < 2 {
        return false;
    }
    if positive().fold(types::ANY, |left, literal| left & types_of(literal.test)) == 0 {
        return true;
    }
    if literals.iter().map(|literal| values(literal.test).len()).sum::<usize>() > MAX_TRIED {
        return false;
    }
    let pairs = |literals: &[Literal<'_>]| Probe::new(literals.iter().map(|literal| (literal.test, literal.negated)));
    let is_equal_to = |literal: &&Literal<'_>| operator(literal.test).is_some_and(is_equality);
    if let Some(finite) = positive().find(is_equal_to) {
        let mut tried: Vec<Value> = Vec::new();
        for value in values(finite.test) {
            match value {
                Value::String(_) | Value::Bool(_) | Value::Integer(_) => tried.push(value.clone()),
                // An integral float equals the integer, which may pass where it would not.
                Value::Float(_) => {
                    tried.extend(value.as_integer().map(Value::Integer).into_iter().chain([value.clone()]));
                }
                _ => return false,
            }
        }
        return pairs(&literals).is_some_and(|probe| !tried.iter().any(|value| probe.holds(value)));
    }
    let Some(family) = positive().find_map(|literal| Family::of(operator(literal.test)?)) else { return false };
    // What the family's representatives do not tell apart is left out: the rest alone has to exclude every value.
    let judged = |literal: &&Literal<'_>| {
        let is_numeric = |value: &Value| matches!(value, Value::Integer(_) | Value::Float(_));
        operator(literal.test).is_some_and(|operator| {
            Family::of(operator) == Some(family)
                || *operator == Operator::Exists
                || (family == Family::Number && is_equality(operator) && values(literal.test).iter().all(is_numeric))
        })
    };
    let judged: Vec<Literal<'_>> = literals.iter().filter(judged).copied().collect();
    let tried = family.representatives(judged.iter().flat_map(|literal| values(literal.test)));
    match (tried, pairs(&judged)) {
        (Some(tried), Some(probe)) => !tried.iter().any(|value| probe.holds(value)),
        _ => false,
    }
}
