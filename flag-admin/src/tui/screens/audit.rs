//! Everything that was done, newest first: each line proved against the one before it.

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::app::HistoryLine;
use crate::tui::age::minute;
use crate::tui::facts::{EntryFacts, Facts};
use crate::tui::line_input::LineInput;
use crate::tui::model::Model;
use crate::tui::prose::{Row, count};
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::pane::{Pane, draw_filter, draw_selectable};

/// The list of entries.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct AuditList {
    /// By place in the log.
    pub(in crate::tui) selected: Option<u64>,
    pub(in crate::tui) top: usize,
    pub(in crate::tui) filter: LineInput,
    pub(in crate::tui) filtering: bool,
    /// The places of the entries that the filter lets through.
    pub(in crate::tui) shown: Vec<usize>,
    /// What the entry that is open replaced.
    pub(in crate::tui) inspected: Option<EntryFacts>,
}

impl AuditList {
    /// Finds anew which entries are listed.
    pub(in crate::tui) fn relist(&mut self, facts: &Facts) {
        let filter = self.filter.text().to_lowercase();
        let words: Vec<&str> = filter.split_whitespace().collect();
        let shows = |line: &HistoryLine| {
            let text = || sentence_text(line).to_lowercase();
            words.is_empty() || {
                let text = text();
                words.iter().all(|word| text.contains(word))
            }
        };
        let lines = facts.history.iter().enumerate();
        self.shown = lines.filter(|(_, line)| shows(line)).map(|(place, _)| place).collect();
    }

    fn lines<'f>(&self, facts: &'f Facts) -> impl Iterator<Item = &'f HistoryLine> {
        self.shown.iter().filter_map(|place| facts.history.get(*place))
    }

    fn at(&self, facts: &Facts) -> Option<usize> {
        self.lines(facts).position(|line| Some(line.seq) == self.selected)
    }

    pub(in crate::tui) fn travel(&mut self, facts: &Facts, by: impl FnOnce(usize) -> usize) {
        let next = by(self.at(facts).unwrap_or(0)).min(self.shown.len().saturating_sub(1));
        let seq = self.lines(facts).nth(next).map(|line| line.seq);
        self.selected = seq;
    }

    /// Brings selection and scrolling back to something that exists.
    pub(in crate::tui) fn settle(&mut self, facts: &Facts, page: usize) {
        let at = self.at(facts).unwrap_or(0);
        let seq = self.lines(facts).nth(at).map(|line| line.seq);
        self.selected = seq;
        self.top = self.top.min(at).max(at.saturating_add(1).saturating_sub(page));
        self.top = self.top.min(self.shown.len().saturating_sub(page));
    }

    /// Returns the entry that stands in a row of the list.
    pub(in crate::tui) fn at_row(&self, facts: &Facts, row: usize) -> Option<u64> {
        self.lines(facts).nth(self.top.saturating_add(row)).map(|line| line.seq)
    }
}

pub(in crate::tui) fn draw(model: &Model, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
    let (audit, facts) = (&model.audit, &model.facts);
    let all = facts.history.len();
    let found = if audit.filter.is_empty() {
        count(all, "entry").replace("entrys", "entries")
    } else {
        format!("{} of {all} entries", audit.shown.len())
    };
    let last = facts.history.first().map(|line| line.hash.short()).unwrap_or_default();
    let title = format!("Audit: {found}, chain whole up to #{} {last}", facts.head);
    let pane = Pane { title: &title, foot: None };
    let text = pane.draw(theme, body, frame);
    if audit.filtering || !audit.filter.is_empty() {
        draw_filter(&audit.filter, audit.filtering, theme, body, frame);
    }
    if audit.shown.is_empty() {
        let row = Row::plain("No entry holds all of these words. ")
            .and(Meaning::Key, "\\")
            .and(Meaning::Text, " shows them all.");
        draw_selectable(&[row], None, theme, text, frame);
        return;
    }
    let rows: Vec<Row> = audit
        .lines(facts)
        .skip(audit.top)
        .take(usize::from(text.height))
        .map(|line| row(model, line).cut(usize::from(text.width)))
        .collect();
    let at = audit.at(facts).and_then(|at| at.checked_sub(audit.top));
    draw_selectable(&rows, at, theme, text, frame);
}

fn row(model: &Model, line: &HistoryLine) -> Row {
    // The year goes without saying while it lasts.
    let (now, time) = (minute(model.now), minute(line.time));
    let time = match time.split_once('-') {
        Some((year, rest)) if now.starts_with(year) => rest.to_owned(),
        _ => time,
    };
    // Every entry that is listed was proved when it was read; what nobody has signed over yet is marked besides.
    let published = model.facts.published_up_to();
    let mark = if line.seq <= published { "✓ " } else { "✓+" };
    Row::of(Meaning::Success, mark)
        .and(Meaning::Muted, format!("{:>5} ", format!("#{}", line.seq)))
        .join(told(line, &time))
}

/// Returns a change as the log tells it.
pub(in crate::tui) fn sentence(line: &HistoryLine) -> Row {
    told(line, &minute(line.time))
}

fn told(line: &HistoryLine, time: &str) -> Row {
    let row = Row::of(Meaning::Muted, format!("{time} - "))
        .and(Meaning::Name, line.actor.to_string())
        .and(Meaning::Text, format!(" {}", line.sentence));
    match &line.reason {
        Some(reason) => row.and(Meaning::Muted, " - ").and(Meaning::Text, reason),
        None => row,
    }
}

fn sentence_text(line: &HistoryLine) -> String {
    let reason = line.reason.as_deref().unwrap_or_default();
    format!("#{} {} {} {} {reason}", line.seq, minute(line.time), line.actor, line.sentence)
}

/// Returns the changes, newest first.
pub(in crate::tui) fn rows(model: &Model, columns: usize, most: usize) -> Vec<Row> {
    model.facts.history.iter().take(most).flat_map(|line| sentence(line).wrap(columns, 2)).collect()
}
