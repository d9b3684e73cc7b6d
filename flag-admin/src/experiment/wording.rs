//! What numbers mean, in sentences: the same in the terminal, in reports and in JSON.

use super::analysis::{Analysis, Outcome};
use super::comparison::{Comparison, Effect, Kind};
use super::verdict::{Advice, Verdict};
use crate::definition::{Better, Practical, Scale};
use crate::statistics::Interval;

/// Returns a p-value: four decimals, or how small it is.
pub fn p_value(p: f64) -> String {
    if p < 0.0001 { "<0.0001".to_owned() } else { format!("{p:.4}") }
}

/// Returns a share in percent, or a mean.
pub fn value(kind: Kind, value: f64) -> String {
    match kind {
        Kind::Share => percent(value),
        Kind::Mean => number(value),
    }
}

/// Returns a number with four digits that matter.
pub fn number(value: f64) -> String {
    let size = value.abs();
    match size {
        _ if !value.is_finite() => if value > 0.0 { "∞" } else { "−∞" }.to_owned(),
        _ if size >= 1_000.0 => format!("{value:.0}"),
        _ if size >= 100.0 => format!("{value:.1}"),
        _ if size >= 10.0 => format!("{value:.2}"),
        _ if size >= 1.0 => format!("{value:.3}"),
        _ => format!("{value:.4}"),
    }
}

/// Returns a share in percent, with two decimals or as many as it takes.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    let size = percent.abs();
    match size {
        _ if !share.is_finite() => number(share),
        _ if size > 0.0 && size < 0.01 => format!("{percent:.4}%"),
        _ => format!("{percent:.2}%"),
    }
}

/// Returns a threshold on its scale.
pub fn threshold(practical: Practical) -> String {
    let Practical { scale, threshold } = practical;
    match scale {
        Scale::RelativeLift => format!("{threshold} relative improvement"),
        Scale::AbsolutePp => format!("{} percentage points", threshold.to_string().trim_end_matches('%')),
        Scale::RelativeReductionOfFailures => format!("{threshold} fewer failures"),
    }
}

/// Returns an interval in percent.
pub fn between(interval: Interval) -> String {
    format!("{} to {}", percent(interval.low), percent(interval.high))
}

/// Returns a difference: percentage points of shares, or in the unit of the metric.
pub fn difference(kind: Kind, effect: &Effect) -> String {
    let Interval { low, high } = effect.interval;
    let points = |share: f64| format!("{:+.2}", share * 100.0);
    let plain = |value: f64| if value > 0.0 { format!("+{}", number(value)) } else { number(value) };
    match kind {
        Kind::Share => format!("{} pp ({} to {})", points(effect.value), points(low), points(high)),
        Kind::Mean => format!("{} ({} to {})", plain(effect.value), plain(low), plain(high)),
    }
}

/// Returns an experiment's outcome in sentences.
pub fn summary(analysis: &Analysis) -> Vec<String> {
    let design = &analysis.design;
    let (treatment, control, metric) = (&design.treatment, &design.control, &design.metric);
    let mut told = Vec::new();
    if !matches!(analysis.verdict, Verdict::Withheld { .. })
        && let Some(primary) = &analysis.primary
    {
        told.push(compared(primary, treatment, control));
    }
    told.push(match &analysis.verdict {
        Verdict::Withheld { p } => format!(
            "The variants do not have the units that the flag's split gives them (p {}), so assignment or counting is broken and any result would be nonsense.",
            equals(*p)
        ),
        Verdict::NoData { variant, metric } => format!("There is no {metric} of variant {variant}."),
        Verdict::NotEnoughData { units, needed } => {
            format!("The smaller group has {units} {}; {needed} were to decide.", analysis.unit.plural())
        }
        Verdict::RegressionFound { metric } => {
            format!("{metric} got worse, and may have by more than its margin.")
        }
        Verdict::Ship => format!(
            "The improvement is larger than the {} that is worth having{}{}.",
            threshold(design.practical),
            if analysis.worth.is_some_and(|worth| worth.assured) { ", and so is the whole interval" } else { "" },
            if analysis.guardrails.is_empty() { "; nothing else was watched" } else { "; nothing that is watched got worse" }
        ),
        Verdict::GuardrailNotShown { metric } => {
            format!("{treatment} is better, but that {metric} did not get worse is not shown.")
        }
        Verdict::KeepControl => format!("{treatment} is worse than {control}."),
        Verdict::SignificantButSmall => {
            let improvement = analysis.worth.map(|worth| worth.improvement);
            let how_much = improvement.map(|found| format!(" of {} ({})", percent(found.value), between(found.interval)));
            format!(
                "The difference is real, but the improvement{} is below the {} that is worth having.",
                how_much.unwrap_or_default(),
                threshold(design.practical)
            )
        }
        Verdict::Equivalent => format!(
            "Both are the same for all purposes: a difference of {} is ruled out.",
            threshold(design.practical)
        ),
        Verdict::Inconclusive => format!(
            "No difference of {metric} is shown, and one that is worth having is not ruled out: this is no proof that there is none."
        ),
    });
    told.push(match (analysis.advice, &analysis.keep) {
        (Advice::Ship, Some(keep)) => format!("Give everyone the variant {keep}."),
        (Advice::KeepControl, Some(keep)) => format!("Keep {keep}."),
        (Advice::KeepSimpler, Some(keep)) => format!("Keep {keep}, the simpler of the two, or go on measuring."),
        (Advice::Wait, _) => "Go on measuring.".to_owned(),
        _ => "Find out what is wrong before anything is decided.".to_owned(),
    });
    told
}

fn compared(primary: &Comparison, treatment: &str, control: &str) -> String {
    let Comparison { metric, kind, better, .. } = primary;
    let shown = |estimate: f64| value(*kind, estimate);
    let lift = primary.lift.map(|lift| {
        let word = if (lift.value > 0.0) == (*better == Better::Higher) { "better" } else { "worse" };
        format!(", {} {word}", percent(lift.value.abs()))
    });
    format!(
        "{metric} is {} with {treatment} and {} with {control}{}: p {}.",
        shown(primary.treatment.value),
        shown(primary.control.value),
        lift.unwrap_or_default(),
        equals(primary.test.p)
    )
}

/// Returns what a p-value is, or what it is below.
pub fn equals(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { format!("= {p:.4}") }
}

/// Returns what became of a guardrail.
pub const fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::NotWorse => "not worse",
        Outcome::Worse => "worse",
        Outcome::NotShown => "not shown",
        Outcome::NoData => "no data",
    }
}
