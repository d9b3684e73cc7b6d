use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::error::Error;

use super::TEST_MAX_VALUE_BYTES;
use super::Truth::{False, True, Unknown};
use super::*;
use crate::{Attributes, Value, wire};

mod limits;
mod operators;
mod texts;
mod trees;

/// Sees nothing and changes nothing.
struct Unwatched;

impl TestObserver for Unwatched {}

/// What stands in a table for an attribute that the context does not have.
const MISSING: &str = "";

/// An attribute's JSON, an operator, its values' JSON, and what the test of them comes to.
type Row = (&'static str, &'static str, &'static str, Truth);

fn wire_test(operator: &str, values: &str) -> wire::Condition {
    serde_json::from_str(&format!(r#"{{"attribute": "it", "operator": "{operator}", "values": {values}}}"#)).unwrap()
}

fn attributes(json: &str) -> Attributes {
    if json == MISSING {
        Attributes::new()
    } else {
        Attributes::new().with("it", serde_json::from_str::<Value>(json).unwrap())
    }
}

/// Compiles a condition where there are these segments.
fn compiled(
    condition: &wire::Condition,
    segments: &[(&str, wire::Condition)],
) -> Result<(Condition, Box<[Condition]>), ConditionError> {
    let mut named = Segments::new(segments.iter().map(|(name, condition)| (*name, condition)));
    let condition = compile(condition.clone(), &mut named)?;
    Ok((condition, named.into_compiled()))
}

fn judged(condition: &wire::Condition, segments: &[(&str, wire::Condition)], attributes: &Attributes) -> Truth {
    let (condition, segments) = compiled(condition, segments).unwrap();
    condition.judge(&segments, &Context::anonymous().with_attributes(attributes), &mut Unwatched)
}

fn assert_rows(rows: &[Row]) {
    for (attribute, operator, values, expected) in rows {
        let condition = wire_test(operator, values);
        let truth = judged(&condition, &[], &attributes(attribute));
        assert_eq!(truth, *expected, "{attribute} {operator} {values}");
        let negated = judged(&wire::Condition::negated(condition), &[], &attributes(attribute));
        assert_eq!(negated, !*expected, "not {attribute} {operator} {values}");
    }
}

/// An error with everything it is caused by.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn refusal(condition: &wire::Condition, segments: &[(&str, wire::Condition)]) -> String {
    chain(&compiled(condition, segments).unwrap_err())
}
