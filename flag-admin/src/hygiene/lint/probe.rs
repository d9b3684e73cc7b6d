//! Asks the evaluator itself whether tests hold of one value, and which values stand for all that it can tell apart.

use std::cmp::Ordering;

use flag_core::wire::{Condition, Entries, Flag, Operator, Rule, SCHEMA, Serve, Snapshot};
use flag_core::{Attributes, Context, Ruleset, Timestamp, Value, Version};

/// The attribute under which a value is tried.
const TRIED: &str = "tried";

/// A condition on one attribute, compiled to be tried on values.
pub(super) struct Probe {
    ruleset: Ruleset,
}

impl Probe {
    /// Compiles tests of one attribute that are to hold together, each as it is or negated. `None` where the evaluator refuses them.
    pub(super) fn new<'t>(tests: impl IntoIterator<Item = (&'t Condition, bool)>) -> Option<Self> {
        let parts = tests.into_iter().map(|(test, negated)| {
            let test = Condition { attribute: Some(TRIED.into()), ..test.clone() };
            if negated { Condition::negated(test) } else { test }
        });
        let mut flag: Flag = serde_json::from_value(serde_json::json!({ "fallthrough": { "variant": "off" } })).ok()?;
        flag.rules = vec![Rule { id: TRIED.into(), when: Condition::all(parts), serve: Serve::variant("on") }];
        let snapshot = Snapshot {
            schema: SCHEMA,
            project: Box::default(),
            environment: Box::default(),
            epoch: 0,
            version: 0,
            issued_at: Timestamp::default(),
            expires_at: Timestamp::default(),
            audit_head: None,
            flags: Entries::from_iter([(TRIED.into(), flag)]),
            segments: Entries::default(),
            groups: Entries::default(),
            kills: Vec::new(),
            lifted: Vec::new(),
        };
        let ruleset = Ruleset::compile(&snapshot);
        let is_sound = ruleset.quarantined().next().is_none();
        is_sound.then_some(Self { ruleset })
    }

    /// Tells whether all tests hold of an attribute with this value.
    pub(super) fn holds(&self, value: &Value) -> bool {
        let attributes = Attributes::new().with(TRIED, value.clone());
        let context = Context::anonymous().with_attributes(&attributes);
        self.ruleset.flag(TRIED).is_some_and(|flag| flag.evaluate(&context).variant() == Some("on"))
    }
}

/// What tests of one family tell apart.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// Numbers, by their order.
    Number,
    /// Versions, by precedence.
    Version,
    /// Times, by their order.
    Time,
}

impl Family {
    /// Returns the family that an operator belongs to.
    pub(super) const fn of(operator: &Operator) -> Option<Self> {
        Some(match operator {
            Operator::Greater | Operator::GreaterOrEqual | Operator::Less | Operator::LessOrEqual => Self::Number,
            Operator::SemverEquals
            | Operator::SemverGreater
            | Operator::SemverGreaterOrEqual
            | Operator::SemverLess
            | Operator::SemverLessOrEqual
            | Operator::SemverCaret
            | Operator::SemverTilde => Self::Version,
            Operator::Before | Operator::After => Self::Time,
            _ => return None,
        })
    }

    /// Returns values of which at least one stands in every interval that these bounds cut the family into, the bounds themselves among
    /// them. `None` where that cannot be told.
    pub(super) fn representatives<'v>(self, bounds: impl Iterator<Item = &'v Value>) -> Option<Vec<Value>> {
        let mut found = match self {
            Self::Number => vec![Value::Integer(0)],
            // The least version there is.
            Self::Version => vec![text("0.0.0-0".to_owned())],
            Self::Time => Vec::new(),
        };
        for bound in bounds {
            match (self, bound) {
                (Self::Number, Value::Integer(number)) => around_integer(*number, &mut found),
                (Self::Number, Value::Float(number)) => {
                    found.extend([number.next_down(), *number, number.next_up()].map(Value::Float));
                }
                (Self::Version, Value::String(version)) => around_version(version, &mut found)?,
                (Self::Time, bound) => {
                    let time = match bound {
                        Value::Integer(millis) => *millis,
                        Value::String(text) => text.parse::<Timestamp>().ok()?.as_millis(),
                        _ => return None,
                    };
                    let near = [time.checked_sub(1), Some(time), time.checked_add(1)];
                    found.extend(near.into_iter().flatten().map(Value::Integer));
                }
                (Self::Number | Self::Version, _) => return None,
            }
        }
        Some(found)
    }
}

fn text(text: String) -> Value {
    Value::String(text.into())
}

/// The next whole numbers, and what is between them: beyond 2^52 doubles are whole, so no half is there.
fn around_integer(number: i64, found: &mut Vec<Value>) {
    let near = [number.checked_sub(1), Some(number), number.checked_add(1)];
    found.extend(near.into_iter().flatten().map(Value::Integer));
    if let Ok(small) = i32::try_from(number) {
        found.extend([f64::from(small) - 0.5, f64::from(small) + 0.5].map(Value::Float));
    } else {
        #[expect(clippy::cast_precision_loss, reason = "the neighbours on both sides are taken, wherever it rounds to")]
        let near = number as f64;
        found.extend([near.next_down(), near, near.next_up()].map(Value::Float));
    }
}

/// A version, the least one above it, and those at which a caret or tilde range of it can end.
fn around_version(version: &str, found: &mut Vec<Value>) -> Option<()> {
    let bound = Version::parse(version).ok()?.to_string();
    let numbers = bound.split_once('-').map_or(&*bound, |(numbers, _)| numbers);
    let mut numbers = numbers.split('.').map(|number| number.parse::<u64>().ok().filter(|number| *number < u64::MAX));
    let (major, minor, patch) = (numbers.next()??, numbers.next()??, numbers.next()??);
    if bound.contains('-') {
        found.push(text(format!("{bound}.0")));
    }
    found.extend([
        text(format!("{major}.{minor}.{}-0", patch + 1)),
        text(format!("{major}.{}.0-0", minor + 1)),
        text(format!("{}.0.0-0", major + 1)),
        text(format!("{major}.{minor}.{patch}")),
        text(bound),
    ]);
    Some(())
}

/// Tells whether two values are equal as tests see them: numbers by their worth.
pub(super) fn equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Integer(integer), Value::Float(float)) | (Value::Float(float), Value::Integer(integer)) => {
            #[expect(clippy::cast_precision_loss, reason = "only small numbers are compared so")]
            let exact =
                integer.unsigned_abs() < (1 << 53) && (*integer as f64).partial_cmp(float) == Some(Ordering::Equal);
            exact
        }
        _ => one == other,
    }
}
