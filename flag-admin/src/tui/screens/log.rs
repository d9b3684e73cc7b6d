use ratatui::Frame;
use ratatui::layout::Rect;

use super::flags::frame_pane;
use crate::app::HistoryLine;
use crate::tui::age::minute;
use crate::tui::model::Model;
use crate::tui::prose::Row;
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::popup::draw_rows;

pub(in crate::tui) fn draw(model: &Model, scroll: usize, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
    let title = format!("Log of {}, newest first", model.facts.environment);
    let text = frame_pane(&title, theme, body, frame);
    draw_rows(&rows(model, usize::from(text.width)), scroll, theme, text, frame);
    frame.set_cursor_position((text.x, text.y));
}

/// Returns the changes, newest first.
pub(in crate::tui) fn rows(model: &Model, columns: usize) -> Vec<Row> {
    model.facts.history.iter().flat_map(|line| row(line).wrap(columns, 2)).collect()
}

/// Returns a change as the log tells it.
pub(in crate::tui) fn row(line: &HistoryLine) -> Row {
    let row = Row::of(Meaning::Muted, format!("{} - ", minute(line.time)))
        .and(Meaning::Name, line.actor.to_string())
        .and(Meaning::Text, format!(" {}", line.sentence));
    match &line.reason {
        Some(reason) => row.and(Meaning::Muted, " - ").and(Meaning::Text, reason),
        None => row,
    }
}
