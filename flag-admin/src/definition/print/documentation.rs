use super::super::documentation::{Documentation, Metric, Milestone};
use super::Line;
use super::literal::{list, long_list, table, text};

/// Returns the keys of `[flags.NAME.documentation]` in the order in which a reader wants them.
pub(super) fn lines(documentation: &Documentation) -> Vec<Line> {
    let plain = |key, found: &Option<String>| found.as_deref().map(|found| (key, text(found)));
    let mut lines: Vec<Line> = Vec::new();
    lines.extend(plain("title", &documentation.title));
    lines.extend(plain("description", &documentation.description));
    lines.extend(plain("owner", &documentation.owner));
    lines.extend(documentation.added.as_ref().map(|found| ("added", milestone(found))));
    lines.extend(plain("default", &documentation.default));
    lines.extend(documentation.expires.as_ref().map(|found| ("expires", milestone(found))));
    lines.extend(plain("status", &documentation.status));
    lines.extend(plain("rollout", &documentation.rollout));
    if !documentation.risks.is_empty() {
        lines.push(("risks", long_list(documentation.risks.iter().map(|risk| text(risk)).collect())));
    }
    if !documentation.metrics.is_empty() {
        lines.push(("metrics", long_list(documentation.metrics.iter().map(metric).collect())));
    }
    lines.extend(documentation.experiment.iter().flat_map(super::experiment::lines));
    lines.extend(plain("rollback", &documentation.rollback));
    lines.extend(plain("privacy", &documentation.privacy));
    lines.extend(plain("note", &documentation.note));
    lines.extend(documentation.reviewed.as_ref().map(|found| ("reviewed", text(found.as_str()))));
    lines.extend(plain("tracking", &documentation.tracking));
    if !documentation.tags.is_empty() {
        lines.push(("tags", list(documentation.tags.iter().map(|tag| text(tag)))));
    }
    lines
}

fn milestone(milestone: &Milestone) -> String {
    let version = milestone.version.as_deref().map(|version| ("version".to_owned(), text(version)));
    let date = milestone.date.as_ref().map(|date| ("date".to_owned(), text(date.as_str())));
    table(version.into_iter().chain(date))
}

fn metric(metric: &Metric) -> String {
    let name = ("name".to_owned(), text(&metric.name));
    let target = metric.target.as_ref().map(|target| ("target".to_owned(), text(target.as_str())));
    table([name].into_iter().chain(target))
}
