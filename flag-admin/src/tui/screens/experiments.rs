//! Flags whose variants are compared.

use flag_core::wire::Kind;
use ratatui::Frame;
use ratatui::layout::Rect;

use crate::tui::age::ago;
use crate::tui::model::Model;
use crate::tui::prose::{Row, fit};
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::pane::draw_page;
use crate::tui::words;

pub(in crate::tui) fn draw(model: &Model, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
    draw_page("Experiments", &rows(model, model.screen_columns()), model.scroll, theme, body, frame);
}

/// Returns the experiments with what each arm serves.
pub(in crate::tui) fn rows(model: &Model, columns: usize) -> Vec<Row> {
    let experiments: Vec<_> =
        model.facts.flags.iter().filter(|flag| flag.definition.flag.kind == Kind::Experiment).collect();
    if experiments.is_empty() {
        let help = Row::plain("There are no experiments. A flag becomes one by ")
            .and(Meaning::Key, "kind = \"experiment\"")
            .and(Meaning::Text, " in its definition.");
        return help.wrap(columns, 0);
    }
    let mut rows = Vec::new();
    for flag in experiments {
        if !rows.is_empty() {
            rows.push(Row::new());
        }
        let wire = &flag.definition.flag;
        let head = Row::of(Meaning::Name, flag.key.as_str())
            .and(Meaning::State(flag.phase), format!("  {}", flag.phase.as_str()))
            .and(
                Meaning::Muted,
                format!("  {}, changed {}", flag.owner().unwrap_or("no owner"), ago(model.now, flag.changed)),
            );
        rows.extend(head.wrap(columns, 2));
        let fact = |label: &str, text: String| {
            Row::of(Meaning::Muted, fit(label, 11)).and(Meaning::Text, text).wrap(columns, 11)
        };
        rows.extend(fact("Arms", words::serve(&wire.fallthrough)));
        for metric in &flag.definition.documentation.metrics {
            let target = metric.target.as_ref().map(|target| format!(" {target}")).unwrap_or_default();
            rows.extend(fact("Metric", format!("{}{target}", metric.name)));
        }
    }
    rows
}
