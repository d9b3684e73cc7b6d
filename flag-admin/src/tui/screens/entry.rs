//! One entry of the log: who, when, why, what it changed field by field, and where it stands in the chain.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::tui::age::minute_and_ago;
use crate::tui::model::Model;
use crate::tui::prose::{Row, fit};
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::pane::draw_page;

/// The columns of a fact's name.
const LABEL: usize = 11;

pub(in crate::tui) fn draw(model: &Model, scroll: usize, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
    let title = model.selected_entry().map_or_else(|| "Audit".to_owned(), |line| format!("Audit › entry {}", line.seq));
    draw_page(&title, rows(model, model.screen_columns()), scroll, theme, body, frame);
}

pub(in crate::tui) fn rows(model: &Model, columns: usize) -> Vec<Row> {
    let Some(line) = model.selected_entry() else { return vec![Row::plain("The entry is of another project.")] };
    let mut rows = Row::of(Meaning::Name, &line.sentence).wrap(columns, 2);
    rows.push(Row::new());
    let environment = line.environment.as_ref().map_or_else(|| "the whole project".to_owned(), ToString::to_string);
    let published = model.facts.published_up_to();
    let stands = if line.seq <= published {
        format!(
            "✓ follows entry {}; the published snapshot was made from it or a later one",
            line.seq.saturating_sub(1)
        )
    } else {
        format!("✓ follows entry {}; no snapshot carries it yet", line.seq.saturating_sub(1))
    };
    let facts = [
        ("When", minute_and_ago(model.now, line.time)),
        ("Who", format!("{}, {}", line.actor, line.role)),
        ("Where", environment),
        ("Why", line.reason.clone().unwrap_or_else(|| "no reason was given".to_owned())),
        ("Chain", stands),
        ("Hash", line.hash.to_string()),
    ];
    for (label, text) in facts {
        rows.extend(Row::of(Meaning::Muted, fit(label, LABEL)).and(Meaning::Text, text).wrap(columns, LABEL));
    }
    rows.push(Row::new());
    rows.push(Row::of(Meaning::Name, "What it changed"));
    match &model.audit.inspected {
        None => rows.push(Row::of(Meaning::Muted, "Working it out …")),
        Some(entry) if entry.fields.is_empty() => {
            rows.extend(Row::of(Meaning::Muted, "No field of a flag.").wrap(columns, 0));
        }
        Some(entry) => {
            rows.extend(entry.fields.iter().flat_map(|field| Row::plain(field.to_string()).wrap(columns, 2)));
        }
    }
    rows
}
