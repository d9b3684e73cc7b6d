//! Conditions compiled as they are read, without the published form in between.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::Condition;
use super::compile::{CONDITION_MAX_DEPTH, Segments, Size, Total};
use crate::Value;
use crate::wire::{Cursor, Operator, Passed};

impl Segments<'_> {
    /// Reads and compiles a condition that is sound and in the spelling of publishers. Of any other, nothing is returned, and something
    /// may have been [counted](Self::patterns_of_rules).
    pub(crate) fn read(&mut self, cursor: &mut Cursor<'_>) -> Option<Condition> {
        self.read_node(cursor, CONDITION_MAX_DEPTH).map(|(condition, _)| condition)
    }

    fn read_node(&mut self, cursor: &mut Cursor<'_>, depth_left: usize) -> Option<(Condition, Size)> {
        let depth_below = depth_left.checked_sub(1)?;
        cursor.take(b'{')?;
        let mut passed = Passed::Nothing;
        let (condition, below) = match cursor.member(&mut passed)?? {
            "attribute" => return self.read_test(cursor, passed, depth_left),
            "all" => {
                let (parts, below) = self.read_nodes(cursor, depth_below)?;
                (Condition::All(parts), below)
            }
            "any" => {
                let (parts, below) = self.read_nodes(cursor, depth_below)?;
                (Condition::Any(parts), below)
            }
            "not" => {
                let (inner, below) = self.read_node(cursor, depth_below)?;
                (Condition::Not(Box::new(inner)), below)
            }
            "segment" => {
                let (place, below) = self.resolve(cursor.string()?).ok()?;
                (Condition::Segment(place), below)
            }
            _ => return None,
        };
        cursor.take(b'}')?;
        below.with_node_above(depth_left).ok().map(|size| (condition, size))
    }

    fn read_nodes(&mut self, cursor: &mut Cursor<'_>, depth_left: usize) -> Option<(Box<[Condition]>, Size)> {
        cursor.take(b'[')?;
        let (mut passed, mut parts, mut total) = (Passed::Nothing, Vec::new(), Total::default());
        while cursor.element(&mut passed)? {
            let (condition, size) = self.read_node(cursor, depth_left)?;
            total.add(size).ok()?;
            parts.push(condition);
        }
        Some((parts.into(), total.size()))
    }

    /// Reads the rest of a test, from its attribute on.
    fn read_test(
        &mut self,
        cursor: &mut Cursor<'_>,
        mut passed: Passed,
        depth_left: usize,
    ) -> Option<(Condition, Size)> {
        let attribute = cursor.string()?;
        if cursor.member(&mut passed)?? != "operator" {
            return None;
        }
        let operator = Operator::from(cursor.string()?);
        let values = match cursor.member(&mut passed)? {
            Some("values") => {
                let values = read_values(cursor)?;
                cursor.take(b'}')?;
                values
            }
            Some(_) => return None,
            None => Vec::new(),
        };
        let test = self.test(attribute.into(), Some(operator), values).ok()?;
        Size::default().with_node_above(depth_left).ok().map(|size| (Condition::Test(test), size))
    }
}

fn read_values(cursor: &mut Cursor<'_>) -> Option<Vec<Value>> {
    cursor.take(b'[')?;
    let (mut passed, mut values) = (Passed::Nothing, Vec::new());
    while cursor.element(&mut passed)? {
        values.push(match cursor.visible()? {
            b'"' => Value::String(cursor.string()?.into()),
            _ => cursor.value()?,
        });
    }
    Some(values)
}
