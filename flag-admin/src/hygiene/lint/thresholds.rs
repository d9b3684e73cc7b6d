//! Targets of metrics that every value meets, or none, and shares that cannot be reached.

use flag_core::wire::Flag;
use flag_core::{EVERYONE, Place, Share};

use super::finding::Collector;
use super::rule::LintRule;
use crate::definition::{Better, Comparison, Documentation, Metric, Practical, Target, TargetUnit};
use crate::experiment::{Kind, most_possible, wording};

/// A hundred percent in millionths, as targets count.
const WHOLE: i64 = 100_000_000;

pub(super) fn check(collector: &mut Collector<'_>) {
    for (key, definition) in collector.definitions.flags.iter() {
        let metrics = &definition.documentation.metrics;
        for (index, metric) in metrics.iter().enumerate() {
            let within = format!("documentation.metrics[{index}].target");
            let Some(target) = &metric.target else { continue };
            if let Some((rule, message)) = within_its_range(metric, target) {
                collector.flag(rule, key, &within, message);
            }
            let earlier = metrics.iter().take(index).filter(|earlier| earlier.name == metric.name);
            let mut targets = earlier.filter_map(|earlier| earlier.target.as_ref());
            if let Some(other) = targets.find(|other| exclude_each_other(target, other)) {
                let name = &metric.name;
                let message = format!("metric {name:?} cannot be both {:?} and {:?}", other.as_str(), target.as_str());
                collector.flag(LintRule::UnreachableThreshold, key, &within, message);
            }
        }
        experiment(collector, key, &definition.documentation);
        shares(collector, key, &definition.flag);
    }
}

/// Judges what an experiment is to find against what there is to win.
fn experiment(collector: &mut Collector<'_>, key: &str, documentation: &Documentation) {
    let Some(experiment) = &documentation.experiment else { return };
    let better = experiment.better.unwrap_or_else(|| Better::of(&experiment.metric, &documentation.metrics));
    let Some(baseline) = experiment.baseline else { return };
    let part = |share: Share| f64::from(share.thousandths()) / f64::from(EVERYONE);
    let Practical { scale, threshold } = experiment.practical;
    let most = most_possible(scale, better, Kind::Share, part(baseline));
    if let Some(most) = most.filter(|most| *most <= part(threshold)) {
        let message = format!(
            "from {baseline} {:?} cannot improve by {}: the most there is to win is {}",
            experiment.metric,
            wording::threshold(experiment.practical),
            wording::percent(most)
        );
        collector.flag(LintRule::UnreachableThreshold, key, "documentation.experiment.practical", message);
    }
}

/// Judges a target against the values that its metric can have: shares of a whole from 0 to 100%, durations from 0 on.
fn within_its_range(metric: &Metric, target: &Target) -> Option<(LintRule, String)> {
    let (name, number) = (&metric.name, target.millionths());
    let top = match target.unit() {
        TargetUnit::Percent if name.ends_with("_rate") => Some(WHOLE),
        TargetUnit::Milliseconds => None,
        _ => return None,
    };
    let is_above_top = |beyond: bool| top.is_some_and(|top| if beyond { number > top } else { number >= top });
    let (never, always) = match target.comparison() {
        Comparison::Above => (is_above_top(false), number < 0),
        Comparison::AtLeast => (is_above_top(true), number <= 0),
        Comparison::Below => (number <= 0, is_above_top(true)),
        Comparison::AtMost => (number < 0, is_above_top(false)),
    };
    let range = if top.is_some() { "a rate is from 0% to 100%" } else { "a duration is at least 0" };
    let target = target.as_str();
    if never {
        return Some((LintRule::UnreachableThreshold, format!("metric {name:?} is never {target:?}: {range}")));
    }
    always.then(|| (LintRule::IdleThreshold, format!("metric {name:?} is always {target:?}: {range}")))
}

/// Tells whether no value meets both targets.
fn exclude_each_other(one: &Target, other: &Target) -> bool {
    let (low, high) = if one.comparison().wants_high() { (one, other) } else { (other, one) };
    if one.unit() != other.unit() || !low.comparison().wants_high() || high.comparison().wants_high() {
        return false;
    }
    let both_inclusive = low.comparison() == Comparison::AtLeast && high.comparison() == Comparison::AtMost;
    let (low, high) = (low.millionths(), high.millionths());
    if both_inclusive { low > high } else { low >= high }
}

fn shares(collector: &mut Collector<'_>, key: &str, flag: &Flag) {
    let left = EVERYONE.saturating_sub(flag.holdout.thousandths());
    let rules = flag
        .rules
        .iter()
        .enumerate()
        .map(|(index, rule)| (Place::Rule(rule.id.clone()), format!("rules[{index}].serve"), &rule.serve));
    for (place, within, serve) in rules.chain([(Place::Fallthrough, "rollout".to_owned(), &flag.fallthrough)]) {
        if let Some(share) = serve.exposure.filter(|share| left < EVERYONE && share.thousandths() > left) {
            let holdout = flag.holdout;
            let message = format!("{place} exposes {share}, and a holdout of {holdout} leaves less");
            collector.flag(LintRule::UnreachableShare, key, &within, message);
        }
    }
}
