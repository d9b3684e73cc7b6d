use flag_core::wire::{Condition, Operator};
use flag_core::{ConditionError, Value};

use super::super::error::Fault;
use super::fields::Node;
use super::source::Report;
use super::value::value;

/// Reads a condition: one of `all`, `any`, `not`, `segment`, or a test of an `attribute`.
pub(super) fn condition(node: &Node<'_>, report: &mut Report<'_>) -> Option<Condition> {
    let mut fields =
        node.fields(report, "a condition such as { attribute = \"team\", operator = \"in\", values = [\"core\"] }")?;
    let before = report.count();
    let all = fields.take("all").map(|parts| conditions(&parts, report));
    let any = fields.take("any").map(|parts| conditions(&parts, report));
    let not = fields.take("not").map(|inner| condition(&inner, report).unwrap_or_default());
    let segment = fields.take("segment").map(|name| name.text(report, "a segment's name").unwrap_or_default());
    let attribute = fields.take("attribute").map(|path| path.text(report, "an attribute's name").unwrap_or_default());
    let forms = [all.is_some(), any.is_some(), not.is_some(), segment.is_some(), attribute.is_some()];
    let forms = forms.into_iter().filter(|present| *present).count();
    // Only a test has these two; beside another form they are unknown keys.
    let (mut tested, mut values) = (None, None);
    if attribute.is_some() || forms == 0 {
        let operator = match attribute {
            Some(_) => fields.need(report, "operator", "how the attribute is tested, such as \"equals\""),
            None => fields.take("operator"),
        };
        tested = operator.and_then(|name| name.one_of(report, "operator", Operator::KNOWN));
        values = fields.take("values").map(|list| listed(&list, report));
    }
    // A misspelt form is told as an unknown key, not as a missing form as well.
    if forms > 1 || (forms == 0 && fields.is_empty()) {
        report.add(&node.place, node.at, Fault::Condition(ConditionError::Forms { found: forms }));
    }
    fields.finish(report, |_| None);
    (report.count() == before).then(|| Condition {
        all,
        any,
        not: not.map(Box::new),
        segment: segment.map(Into::into),
        attribute: attribute.map(Into::into),
        operator: tested,
        values,
    })
}

fn conditions(node: &Node<'_>, report: &mut Report<'_>) -> Vec<Condition> {
    let parts = node.items(report, "a list of conditions").unwrap_or_default();
    parts.iter().filter_map(|part| condition(part, report)).collect()
}

fn listed(node: &Node<'_>, report: &mut Report<'_>) -> Vec<Value> {
    let values = node.items(report, "a list of values").unwrap_or_default();
    values.iter().filter_map(|item| value(item, report)).collect()
}
