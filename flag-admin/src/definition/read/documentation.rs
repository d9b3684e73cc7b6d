use super::super::civil_date::CivilDate;
use super::super::documentation::{Documentation, Metric, Milestone};
use super::super::error::Fault;
use super::experiment::experiment;
use super::fields::Node;
use super::source::Report;
use toml::de::DeValue;

/// The keys of `[flags.NAME.documentation]` that no flag itself has.
pub(super) const KEYS: &[&str] = &[
    "title",
    "description",
    "owner",
    "added",
    "default",
    "expires",
    "status",
    "risks",
    "metrics",
    "experiment",
    "rollback",
    "privacy",
    "note",
    "reviewed",
    "tracking",
    "tags",
];

/// Reads `[flags.NAME.documentation]`.
pub(super) fn documentation(node: &Node<'_>, report: &mut Report<'_>) -> Option<Documentation> {
    let mut fields = node.fields(report, "a table of documentation")?;
    let mut text =
        |report: &mut Report<'_>, key| fields.take(key).and_then(|node| node.text(report, "text").map(str::to_owned));
    let title = text(report, "title");
    let description = text(report, "description");
    let owner = text(report, "owner");
    let default = text(report, "default");
    let status = text(report, "status");
    let rollout = text(report, "rollout");
    let rollback = text(report, "rollback");
    let privacy = text(report, "privacy");
    let remark = text(report, "note");
    let tracking = text(report, "tracking");
    let reviewed = fields.take("reviewed").and_then(|node| date(&node, report));
    let added = fields.take("added").and_then(|node| milestone(&node, report));
    let expires = fields.take("expires").and_then(|node| milestone(&node, report));
    let risks = fields.take("risks").map(|node| node.texts(report)).unwrap_or_default();
    let metrics = fields.take("metrics").map(|node| metrics(&node, report)).unwrap_or_default();
    let experiment = fields.take("experiment").and_then(|node| experiment(&node, report));
    let tags = fields.take("tags").map(|node| node.texts(report)).unwrap_or_default();
    fields.finish(report, |_| None);
    Some(Documentation {
        title,
        description,
        owner,
        added,
        default,
        expires,
        status,
        rollout,
        risks,
        metrics,
        experiment,
        rollback,
        privacy,
        note: remark,
        reviewed,
        tracking,
        tags,
    })
}

fn milestone(node: &Node<'_>, report: &mut Report<'_>) -> Option<Milestone> {
    let mut fields =
        node.fields(report, "a version, a date or both, such as { version = \"v1.2.0\", date = \"2026-02-01\" }")?;
    let version = fields.take("version").and_then(|node| node.text(report, "text").map(str::to_owned));
    let date = fields.take("date").and_then(|node| date(&node, report));
    fields.finish(report, |_| None);
    Some(Milestone { version, date })
}

fn date(node: &Node<'_>, report: &mut Report<'_>) -> Option<CivilDate> {
    let text = match node.value {
        DeValue::String(text) => text.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        _ => {
            return report
                .refuse(node, Fault::Type { found: node.type_name(), expected: "a date such as \"2026-02-01\"" });
        }
    };
    match text.parse() {
        Ok(date) => Some(date),
        Err(error) => report.refuse(node, Fault::Date(error)),
    }
}

fn metrics(node: &Node<'_>, report: &mut Report<'_>) -> Vec<Metric> {
    let items = node.items(report, "a list of metrics").unwrap_or_default();
    items.iter().filter_map(|item| metric(item, report)).collect()
}

fn metric(node: &Node<'_>, report: &mut Report<'_>) -> Option<Metric> {
    let mut fields = node.fields(report, "a metric such as { name = \"sync_latency\", target = \"<500ms\" }")?;
    let name = fields.need(report, "name", "the metric's name").and_then(|node| node.text(report, "text"));
    let target = fields.take("target").and_then(|node| {
        let text = node.text(report, "a target such as \">95%\"")?;
        match text.parse() {
            Ok(target) => Some(target),
            Err(error) => report.refuse(&node, Fault::Target(error)),
        }
    });
    fields.finish(report, |_| None);
    Some(Metric { name: name?.into(), target })
}
