use super::super::experiment::{Experiment, Guardrail, Practical};
use super::Line;
use super::literal::{long_list, table, text};

/// Returns the keys of an experiment as they stand among those of the documentation.
pub(super) fn lines(experiment: &Experiment) -> Vec<Line> {
    let plain = |key, found: Option<&str>| found.map(|found| (key, text(found)));
    let mut lines: Vec<Line> = Vec::new();
    lines.extend(plain("experiment.hypothesis", experiment.hypothesis.as_deref()));
    lines.extend(plain("experiment.control", experiment.control.as_deref()));
    lines.extend(plain("experiment.treatment", experiment.treatment.as_deref()));
    lines.push(("experiment.metric", text(&experiment.metric)));
    lines.extend(plain("experiment.better", experiment.better.map(super::super::experiment::Better::as_str)));
    if experiment.practical != Practical::default() {
        let Practical { scale, threshold } = experiment.practical;
        lines.push(("experiment.practical", table([(scale.as_str().to_owned(), text(&threshold.to_string()))])));
    }
    lines.extend(experiment.baseline.map(|share| ("experiment.baseline", text(&share.to_string()))));
    lines.extend(experiment.units.map(|units| ("experiment.units", units.to_string())));
    lines.extend(plain("experiment.simpler", experiment.simpler.as_deref()));
    if !experiment.guardrails.is_empty() {
        lines.push(("experiment.guardrails", long_list(experiment.guardrails.iter().map(guardrail).collect())));
    }
    if experiment.sequential {
        lines.push(("experiment.sequential", "true".to_owned()));
    }
    lines
}

fn guardrail(guardrail: &Guardrail) -> String {
    let metric = ("metric".to_owned(), text(&guardrail.metric));
    let better = guardrail.better.map(|better| ("better".to_owned(), text(better.as_str())));
    let margin = ("margin".to_owned(), text(&guardrail.margin.to_string()));
    table([metric].into_iter().chain(better).chain([margin]))
}
