//! What the changes that are not live would come to, taken together.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::tui::model::Model;
use crate::tui::prose::Row;
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::pane::draw_page;
use crate::tui::widgets::plan;

pub(in crate::tui) fn draw(model: &Model, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
    draw_page("Simulate", &rows(model, model.screen_columns()), model.scroll, theme, body, frame);
}

/// Returns what applying the draft does, and how to try out more.
pub(in crate::tui) fn rows(model: &Model, columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    match model.facts.draft.as_ref().map(|draft| &draft.outcome) {
        Some(Ok(proposal)) => {
            rows.push(Row::of(Meaning::Name, "What the draft would do, exactly"));
            rows.extend(plan::rows(proposal.plan(), columns));
        }
        Some(Err(_)) => {
            let text = "The draft cannot be applied as it is: 6 says why.";
            rows.extend(Row::of(Meaning::Notice, text).wrap(columns, 0));
        }
        None => {
            rows.extend(
                Row::plain("Nothing is drafted, so there is nothing to play through. Changes that are kept as a draft show here what they come to together, before anybody gets them.")
                    .wrap(columns, 0),
            );
        }
    }
    rows.push(Row::new());
    for (key, text) in [
        ("r", "on a flag shows who gains and who loses while a share is typed"),
        ("x", "on a flag says what one installation gets, and why"),
    ] {
        rows.extend(Row::of(Meaning::Key, format!("{key}  ")).and(Meaning::Text, text).wrap(columns, 3));
    }
    rows
}
