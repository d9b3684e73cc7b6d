use super::super::error::Fault;
use super::super::lint_settings::{Allowance, LintSettings};
use super::fields::Node;
use super::source::Report;

/// Reads `[flags.NAME.lint]`.
pub(super) fn lint(node: &Node<'_>, report: &mut Report<'_>) -> Option<LintSettings> {
    let mut fields = node.fields(report, "a table of settings for lint")?;
    let expected = "a list such as [{ rule = \"naming-pattern\", reason = \"...\" }]";
    let items = fields.take("allow").and_then(|node| node.items(report, expected)).unwrap_or_default();
    fields.finish(report, |_| None);
    Some(LintSettings { allow: items.iter().filter_map(|item| allowance(item, report)).collect() })
}

fn allowance(node: &Node<'_>, report: &mut Report<'_>) -> Option<Allowance> {
    let mut fields = node.fields(report, "a rule and a reason, { rule = \"naming-pattern\", reason = \"...\" }")?;
    let rule = fields.need(report, "rule", "the id of a rule, such as \"naming-pattern\"");
    let rule = rule.and_then(|node| node.text(report, "text"));
    let reason = fields.need(report, "reason", "why the flag may break the rule");
    let reason = reason.and_then(|node| match node.text(report, "text")? {
        text if text.trim().is_empty() => {
            let expected = "why the flag may break the rule";
            report.refuse(&node, Fault::Type { found: "an empty text", expected })
        }
        text => Some(text),
    });
    fields.finish(report, |_| None);
    Some(Allowance { rule: rule?.into(), reason: reason?.into() })
}
