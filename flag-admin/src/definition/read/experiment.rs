use flag_core::Share;
use toml::de::DeValue;

use super::super::error::Fault;
use super::super::experiment::{Better, Experiment, Guardrail, Practical, Scale};
use super::fields::Node;
use super::source::Report;
use super::value::share;

/// Reads `[flags.NAME.documentation.experiment]`.
pub(super) fn experiment(node: &Node<'_>, report: &mut Report<'_>) -> Option<Experiment> {
    let mut fields = node.fields(report, "a table that declares an experiment")?;
    let metric = fields.need(report, "metric", "the metric that decides").and_then(|node| node.text(report, "text"));
    let mut text =
        |report: &mut Report<'_>, key| fields.take(key).and_then(|node| node.text(report, "text").map(str::to_owned));
    let hypothesis = text(report, "hypothesis");
    let mut named = |key| text(report, key).map(String::into_boxed_str);
    let (control, treatment, simpler) = (named("control"), named("treatment"), named("simpler"));
    let better = fields.take("better").and_then(|node| node.one_of(report, "direction", &Better::NAMES));
    let practical = fields.take("practical").and_then(|node| practical(&node, report)).unwrap_or_default();
    let baseline = fields.take("baseline").and_then(|node| share(&node, report));
    let units = fields.take("units").and_then(|node| units(&node, report));
    let guardrails = fields.take("guardrails").map(|node| guardrails(&node, report)).unwrap_or_default();
    let sequential = fields.take("sequential").and_then(|node| node.boolean(report)).unwrap_or_default();
    fields.finish(report, |_| None);
    Some(Experiment {
        hypothesis,
        control,
        treatment,
        metric: metric?.into(),
        better,
        practical,
        baseline,
        units,
        simpler,
        guardrails,
        sequential,
    })
}

/// Reads `{ SCALE = SHARE }`.
fn practical(node: &Node<'_>, report: &mut Report<'_>) -> Option<Practical> {
    let mut fields = node.fields(report, "a scale and a threshold such as { relative_lift = \"5%\" }")?;
    let mut found: Option<(&'static str, Scale, Option<Share>)> = None;
    for (key, scale) in Scale::NAMES {
        let Some(node) = fields.take(key) else { continue };
        if let Some((first, ..)) = found {
            report.add(&fields.place, node.at, Fault::Together { first, second: key });
            return None;
        }
        found = Some((key, scale, share(&node, report)));
    }
    if found.is_none() && fields.is_empty() {
        let expected = "the least improvement that is worth having";
        report.add(&fields.place, fields.at, Fault::Missing { key: "relative_lift", expected });
    }
    fields.finish(report, |_| None);
    let (_, scale, threshold) = found?;
    Some(Practical { scale, threshold: threshold? })
}

fn units(node: &Node<'_>, report: &mut Report<'_>) -> Option<u64> {
    match node.value {
        DeValue::Integer(written) if written.radix() == 10 => written.as_str().replace('_', "").parse().ok(),
        _ => None,
    }
    .or_else(|| {
        report.refuse(node, Fault::Type { found: node.type_name(), expected: "a number of units such as 5000" })
    })
}

fn guardrails(node: &Node<'_>, report: &mut Report<'_>) -> Vec<Guardrail> {
    let items = node.items(report, "a list of guardrails").unwrap_or_default();
    items.iter().filter_map(|item| guardrail(item, report)).collect()
}

fn guardrail(node: &Node<'_>, report: &mut Report<'_>) -> Option<Guardrail> {
    let mut fields = node.fields(report, "a guardrail such as { metric = \"error_rate\", margin = \"1%\" }")?;
    let metric = fields.need(report, "metric", "the metric's name").and_then(|node| node.text(report, "text"));
    let better = fields.take("better").and_then(|node| node.one_of(report, "direction", &Better::NAMES));
    let margin = fields.need(report, "margin", "how much worse it may not get").and_then(|node| share(&node, report));
    fields.finish(report, |_| None);
    Some(Guardrail { metric: metric?.into(), better, margin: margin? })
}
