//! Experiments in words, tables and lines.

use super::problem::Stop;
use super::terminal::{Meaning, Terminal};
use crate::app::ExperimentLine;
use crate::experiment::wording::{between, difference, equals, number, outcome, p_value, percent, threshold, value};
use crate::experiment::{Advice, Analysis, Axis, Comparison, Effect, Outcome, axis_of, interval_line, scale_line};
use crate::statistics::Interval;

/// How wide a chart is.
const WIDTH: usize = 60;

/// Returns the rows of a list of experiments.
pub(super) fn rows(lines: &[ExperimentLine]) -> Vec<Vec<String>> {
    let header = ["EXPERIMENT", "METRIC", "WORTH HAVING", "UNITS EACH", "TAKE PART", "VARIANTS"];
    let row = |line: &ExperimentLine| {
        let design = line.design.as_ref();
        let of = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let split: Vec<String> =
            line.proportions.iter().map(|(variant, chance)| format!("{variant} {}", percent(*chance))).collect();
        let share = if line.enabled { of(line.exposure.map(|share| share.to_string())) } else { "off".to_owned() };
        vec![
            line.flag.to_string(),
            design.map_or_else(|| line.problem.clone().unwrap_or_default(), |design| design.metric.clone()),
            of(design.map(|design| threshold(design.practical))),
            of(design.map(|design| design.units_needed().to_string())),
            share,
            if split.is_empty() { "by its rules".to_owned() } else { split.join(", ") },
        ]
    };
    [header.map(str::to_owned).to_vec()].into_iter().chain(lines.iter().map(row)).collect()
}

/// Prints the verdict alone.
pub(super) fn verdict(terminal: &mut Terminal<'_>, analysis: &Analysis) -> Result<(), Stop> {
    let design = &analysis.design;
    let name = terminal.paint(Meaning::Name, &design.flag);
    let meaning = match analysis.advice {
        Advice::Ship => Meaning::Gain,
        Advice::KeepControl | Advice::Investigate => Meaning::Loss,
        Advice::KeepSimpler | Advice::Wait => Meaning::Notice,
    };
    let headline = terminal.paint(meaning, analysis.verdict.headline());
    terminal.line(format_args!("{name}: {} against {}: {headline}", design.treatment, design.control))?;
    for sentence in &analysis.summary {
        terminal.line(format_args!("  {sentence}"))?;
    }
    Ok(())
}

/// Prints an experiment.
pub(super) fn print(terminal: &mut Terminal<'_>, analysis: &Analysis) -> Result<(), Stop> {
    verdict(terminal, analysis)?;
    groups(terminal, analysis)?;
    if analysis.is_shown() {
        if let Some(primary) = &analysis.primary {
            terminal.line("")?;
            terminal.table(&comparisons("METRIC", std::iter::once(primary)))?;
            terminal.line(terminal.paint(Meaning::Muted, format_args!("test: {}", primary.test.name)))?;
        }
        worth(terminal, analysis)?;
        guardrails(terminal, analysis)?;
        if !analysis.others.is_empty() {
            terminal.line("")?;
            terminal.table(&comparisons("ALSO MEASURED", analysis.others.iter()))?;
            tails(terminal, &analysis.others)?;
        }
    }
    if !analysis.cautions.is_empty() {
        terminal.line("")?;
    }
    for caution in &analysis.cautions {
        let note = terminal.paint(Meaning::Notice, "note:");
        terminal.line(format_args!("{note} {caution}"))?;
    }
    Ok(())
}

fn groups(terminal: &mut Terminal<'_>, analysis: &Analysis) -> Result<(), Stop> {
    if analysis.groups.is_empty() {
        return Ok(());
    }
    terminal.line("")?;
    let mut rows = vec![vec!["VARIANT".to_owned(), analysis.unit.heading().to_uppercase(), "EXPECTED".to_owned()]];
    for line in &analysis.groups {
        let expected = line.expected.map_or_else(|| "-".to_owned(), |expected| format!("{expected:.0}"));
        rows.push(vec![line.variant.to_string(), line.units.to_string(), expected]);
    }
    terminal.table(&rows)?;
    match &analysis.assignment {
        Some(assignment) if assignment.mismatch => {
            let told = format!("the counts do not fit the flag's split: p {}", equals(assignment.p));
            terminal.line(terminal.paint(Meaning::Loss, told))
        }
        _ => Ok(()),
    }
}

fn comparisons<'a>(header: &str, found: impl Iterator<Item = &'a Comparison>) -> Vec<Vec<String>> {
    let header = [header, "CONTROL", "TREATMENT", "DIFFERENCE (95%)", "RELATIVE", "P"];
    let row = |found: &Comparison| {
        vec![
            found.metric.clone(),
            value(found.kind, found.control.value),
            value(found.kind, found.treatment.value),
            difference(found.kind, &found.difference),
            found.lift.map_or_else(|| "-".to_owned(), |lift| format!("{:+.2}%", lift.value * 100.0)),
            p_value(found.adjusted_p.unwrap_or(found.test.p)),
        ]
    };
    [header.map(str::to_owned).to_vec()].into_iter().chain(found.map(row)).collect()
}

/// Prints what means do not tell of numbers that are far from even.
fn tails(terminal: &mut Terminal<'_>, found: &[Comparison]) -> Result<(), Stop> {
    for comparison in found {
        let Some(ranks) = comparison.ranks else { continue };
        let percentile = |effect: Effect| {
            let Interval { low, high } = effect.interval;
            format!("{} ({} to {})", number(effect.value), number(low), number(high))
        };
        terminal.line(format_args!(
            "  {}: 95th percentile {} with treatment and {} with control; by rank shifted by {}, p {}",
            comparison.metric,
            percentile(ranks.treatment_p95),
            percentile(ranks.control_p95),
            number(ranks.shift),
            equals(ranks.p)
        ))?;
    }
    Ok(())
}

fn worth(terminal: &mut Terminal<'_>, analysis: &Analysis) -> Result<(), Stop> {
    let Some(worth) = &analysis.worth else { return Ok(()) };
    let limit = f64::from(worth.practical.threshold.thousandths()) / 100_000.0;
    let axis: Axis = axis_of(&[worth.improvement], &[limit], WIDTH);
    let improvement = worth.improvement;
    terminal.line("")?;
    terminal.line(format_args!(
        "improvement {} ({}), worth having from {} on",
        percent(improvement.value),
        between(improvement.interval),
        threshold(worth.practical)
    ))?;
    terminal.line(format_args!("  {}", interval_line(axis, &improvement, &[limit])))?;
    let marks = [(limit, percent(limit))];
    let scale = terminal.paint(Meaning::Muted, scale_line(axis, &marks));
    terminal.line(format_args!("  {scale}"))
}

fn guardrails(terminal: &mut Terminal<'_>, analysis: &Analysis) -> Result<(), Stop> {
    if analysis.guardrails.is_empty() {
        return Ok(());
    }
    terminal.line("")?;
    let mut rows = vec![["GUARDRAIL", "MARGIN", "DIFFERENCE (95%)", "OUTCOME"].map(str::to_owned).to_vec()];
    for line in &analysis.guardrails {
        let meaning = match line.outcome {
            Outcome::NotWorse => Meaning::Gain,
            Outcome::Worse => Meaning::Loss,
            Outcome::NotShown | Outcome::NoData => Meaning::Notice,
        };
        let shown = line.comparison.as_ref().map(|found| difference(found.kind, &found.difference));
        rows.push(vec![
            line.watched.metric.clone(),
            line.watched.margin.to_string(),
            shown.unwrap_or_else(|| "-".to_owned()),
            terminal.paint(meaning, outcome(line.outcome)),
        ]);
    }
    terminal.table(&rows)
}
