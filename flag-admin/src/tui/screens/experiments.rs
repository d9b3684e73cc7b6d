//! Flags whose variants are compared: what is declared, what reports say so far, and what that comes to.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::share::trouble_rows;
use crate::experiment::wording::{between, percent, threshold};
use crate::experiment::{Analysis, Worth, axis_of, interval_line, scale_line};
use crate::tui::model::Model;
use crate::tui::prose::{Row, fit};
use crate::tui::theme::{Meaning, Theme};
use crate::tui::trials::{ExperimentFacts, thousandths};
use crate::tui::widgets::pane::draw_page;
use crate::tui::widgets::share_bar::bar;

/// The columns of a fact's name.
const LABEL: usize = 11;
/// The columns of an interval, where there is room.
const INTERVAL: usize = 60;

pub(in crate::tui) fn draw(model: &Model, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
    draw_page("Experiments", rows(model, model.screen_columns()), model.scroll, theme, body, frame);
}

/// Returns the experiments, each with its arms and its verdict.
pub(in crate::tui) fn rows(model: &Model, columns: usize) -> Vec<Row> {
    let experiments = &model.facts.experiments;
    if experiments.is_empty() {
        let help = Row::plain("There are no experiments. A flag becomes one by ")
            .and(Meaning::Key, "kind = \"experiment\"")
            .and(Meaning::Text, " in its definition.");
        return help.wrap(columns, 0);
    }
    let mut rows = Vec::new();
    for experiment in experiments {
        if !rows.is_empty() {
            rows.push(Row::new());
        }
        rows.extend(experiment_rows(experiment, columns));
    }
    rows
}

fn fact(label: &str, row: Row, columns: usize) -> Vec<Row> {
    Row::of(Meaning::Muted, fit(label, LABEL)).join(row).wrap(columns, LABEL)
}

fn experiment_rows(experiment: &ExperimentFacts, columns: usize) -> Vec<Row> {
    let line = &experiment.line;
    let state = match (line.enabled, line.exposure) {
        (false, _) => "disabled".to_owned(),
        (true, Some(share)) => format!("{share} take part"),
        (true, None) => "not a split".to_owned(),
    };
    let mut rows =
        Row::of(Meaning::Name, line.flag.as_str()).and(Meaning::Muted, format!("  {state}")).wrap(columns, 2);
    let units = |variant: &str| match &experiment.analysis {
        Some(Ok(analysis)) => analysis.groups.iter().find(|group| *group.variant == *variant).map(|group| group.units),
        _ => None,
    };
    for (place, (variant, part)) in line.proportions.iter().enumerate() {
        let thousandths = thousandths(*part);
        let units = units(variant).map(|units| format!("  {units} units")).unwrap_or_default();
        let row = Row::plain(fit(variant, 16))
            .join(bar(thousandths, 100_000, 12, &Theme::plain()))
            .and(Meaning::Text, format!(" {:>5.1}%{units}", part * 100.0));
        rows.extend(fact(if place == 0 { "Arms" } else { "" }, row, columns));
    }
    if let Some(problem) = &line.problem {
        rows.extend(fact("Verdict", Row::of(Meaning::Notice, format!("none: {problem}")), columns));
    }
    match &experiment.analysis {
        Some(Ok(analysis)) => rows.extend(verdict(analysis, columns)),
        Some(Err(trouble)) => rows.extend(trouble_rows(trouble, columns)),
        None => {}
    }
    let command = format!("flag-admin experiment analyze {}", line.flag);
    rows.extend(fact("Numbers", Row::of(Meaning::Key, command), columns));
    rows
}

fn verdict(analysis: &Analysis, columns: usize) -> Vec<Row> {
    let mut rows = fact(
        "Metric",
        Row::plain(format!(
            "{}, {} against {}",
            analysis.design.metric, analysis.design.treatment, analysis.design.control
        )),
        columns,
    );
    if let Some(worth) = &analysis.worth {
        rows.extend(effect(worth, columns));
    }
    rows.extend(fact("Verdict", Row::of(Meaning::Name, analysis.verdict.headline()), columns));
    for text in &analysis.summary {
        rows.extend(fact("", Row::plain(text), columns));
    }
    for text in &analysis.cautions {
        rows.extend(fact("", Row::of(Meaning::Notice, text), columns));
    }
    rows
}

/// Returns the improvement in words, and as an interval beside what is worth having.
fn effect(worth: &Worth, columns: usize) -> Vec<Row> {
    let (improvement, practical) = (worth.improvement, worth.practical);
    let told = format!(
        "{} ({}); worth having: {}",
        percent(improvement.value),
        between(improvement.interval),
        threshold(practical)
    );
    let mut rows = fact("Effect", Row::plain(told), columns);
    let limit = f64::from(practical.threshold.thousandths()) / 100_000.0;
    let axis = axis_of(&[improvement], &[limit], columns.saturating_sub(LABEL).min(INTERVAL));
    let lines = [
        (Meaning::BarFull, interval_line(axis, &improvement, &[limit])),
        (Meaning::Muted, scale_line(axis, &[(limit, percent(limit))])),
    ];
    rows.extend(lines.into_iter().map(|(meaning, line)| Row::plain(fit("", LABEL)).and(meaning, line).cut(columns)));
    rows
}
