//! What is not published yet: the draft, what waits for approval, and the changes that the last snapshot does not carry.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::audit;
use super::confirm::edit_rows;
use super::share::trouble_rows;
use crate::app::{HistoryLine, Verdict};
use crate::tui::age::{ago, minute};
use crate::tui::facts::{Facts, RequestFacts};
use crate::tui::model::Model;
use crate::tui::prose::{Row, count};
use crate::tui::room::Room;
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::pane::draw_page;
use crate::tui::widgets::plan;
use crate::tui::widgets::sheet::{Long, Sheet};

/// How many changes are listed: whoever reads on reads the log.
const CHANGES_LISTED: usize = 100;

/// The list of requests.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct PendingList {
    /// By number.
    pub(in crate::tui) request: Option<u64>,
}

impl PendingList {
    pub(in crate::tui) fn selected_request<'f>(&self, facts: &'f Facts) -> Option<&'f RequestFacts> {
        facts.requests.iter().find(|request| Some(request.number) == self.request)
    }

    pub(in crate::tui) fn travel(&mut self, facts: &Facts, by: impl FnOnce(usize) -> usize) {
        let at = facts.requests.iter().position(|request| Some(request.number) == self.request).unwrap_or(0);
        let next = by(at).min(facts.requests.len().saturating_sub(1));
        self.request = facts.requests.get(next).map(|request| request.number);
    }

    /// Brings the selection back to something that exists.
    pub(in crate::tui) fn settle(&mut self, facts: &Facts) {
        if self.selected_request(facts).is_none() {
            self.request = facts.requests.first().map(|request| request.number);
        }
    }
}

pub(in crate::tui) fn draw(model: &Model, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
    draw_page("Pending", sheet(model, model.screen_columns()), model.scroll, theme, body, frame);
}

/// Returns what waits, from what is nearest to hand on.
pub(in crate::tui) fn rows(model: &Model, columns: usize) -> Vec<Row> {
    sheet(model, columns).all()
}

/// Returns what waits, with the draft as it was laid out before.
pub(in crate::tui) fn sheet(model: &Model, columns: usize) -> Sheet {
    let long = Long::new(model.laid_of(Room::Pending, columns).unwrap_or_else(|| draft(model, columns).into()), 0);
    let mut after = vec![Row::new()];
    after.extend(requests(model, columns));
    after.push(Row::new());
    after.extend(unpublished(model, columns));
    Sheet { before: Vec::new(), long, after }
}

/// Returns what is drafted. It may be thousands of changes, and depends on the facts alone.
pub(in crate::tui) fn draft(model: &Model, columns: usize) -> Vec<Row> {
    let Some(draft) = &model.facts.draft else {
        let mut rows = vec![Row::of(Meaning::Name, "Draft")];
        let none = Row::of(Meaning::Muted, "No draft. ")
            .and(Meaning::Key, "r")
            .and(Meaning::Muted, " on a flag, ")
            .and(Meaning::Key, "Enter")
            .and(Meaning::Muted, ", then ")
            .and(Meaning::Key, "Ctrl-D")
            .and(Meaning::Muted, " keeps a change here instead of making it.");
        rows.extend(none.wrap(columns, 0));
        return rows;
    };
    let mut rows = Row::of(Meaning::Name, format!("Draft of {}", count(draft.sentences.len(), "change")))
        .and(Meaning::Muted, format!(", made from entry {}  ", draft.base))
        .and(Meaning::Key, "A")
        .and(Meaning::Muted, " applies it, ")
        .and(Meaning::Key, "u")
        .and(Meaning::Muted, " takes back the last edit, ")
        .and(Meaning::Key, "D")
        .and(Meaning::Muted, " drops it")
        .wrap(columns, 2);
    match &draft.outcome {
        Ok(proposal) => {
            rows.extend(edit_rows(proposal.edits(), columns));
            rows.extend(plan::rows(proposal.plan(), columns));
            match proposal.access() {
                Verdict::NeedsApproval { cause } => {
                    let text = format!("Applying it asks for another member's approval: {cause}.");
                    rows.extend(Row::of(Meaning::Notice, text).wrap(columns, 2));
                }
                Verdict::Refused { refusal } => {
                    rows.extend(Row::of(Meaning::Danger, refusal.to_string()).wrap(columns, 2));
                }
                Verdict::Allowed => {}
            }
        }
        Err(trouble) => {
            rows.extend(
                draft.sentences.iter().flat_map(|sentence| Row::plain(format!("  {sentence}")).wrap(columns, 4)),
            );
            rows.extend(trouble_rows(trouble, columns));
            if draft.moved {
                let help = Row::of(Meaning::Key, "B").and(Meaning::Text, " puts it onto the log as it stands.");
                rows.extend(help.wrap(columns, 2));
            }
        }
    }
    rows
}

fn requests(model: &Model, columns: usize) -> Vec<Row> {
    let facts = &model.facts;
    let mut rows = vec![Row::of(Meaning::Name, "Waiting for approval")];
    if facts.requests.is_empty() {
        let text = match facts.approvals {
            0 => "Nothing waits.",
            _ => "Nothing waits. Every change here needs another member's approval.",
        };
        rows.extend(Row::of(Meaning::Muted, text).wrap(columns, 0));
        return rows;
    }
    for request in &facts.requests {
        let is_selected = Some(request.number) == model.pending.request;
        let meaning = if is_selected { Meaning::Selected } else { Meaning::Name };
        let mine =
            if request.by == facts.actor { ", your own: R takes it back" } else { ", a approves, R turns it down" };
        let head = Row::of(meaning, format!(" request {} ", request.number))
            .and(Meaning::Text, format!(" by {}, {}", request.by, ago(model.now, request.since)))
            .and(Meaning::Muted, format!("  approvals 0/1{mine}"));
        rows.extend(head.wrap(columns, 4));
        rows.extend(request.sentences.iter().flat_map(|sentence| Row::plain(format!("  {sentence}")).wrap(columns, 4)));
        if let Some(reason) = &request.reason {
            rows.extend(Row::of(Meaning::Muted, format!("  {reason}")).wrap(columns, 4));
        }
    }
    rows
}

fn unpublished(model: &Model, columns: usize) -> Vec<Row> {
    let facts = &model.facts;
    let changes: Vec<_> = facts.unpublished_changes().collect();
    let title = match changes.len() {
        0 => "Not published".to_owned(),
        changes => format!("Not published: {}", count(changes, "change")),
    };
    let mut rows = Row::of(Meaning::Name, title)
        .and(Meaning::Muted, "  ")
        .and(Meaning::Key, "P")
        .and(Meaning::Muted, format!(" signs snapshot {}", facts.next_version))
        .wrap(columns, 2);
    if let Some(published) = &facts.published {
        let text = format!(
            "Clients have snapshot {}, published {}, good until {}.",
            published.version,
            ago(model.now, published.published_at),
            minute(published.expires_at)
        );
        rows.extend(Row::of(Meaning::Muted, text).wrap(columns, 0));
    }
    match (changes.is_empty(), &facts.published) {
        (true, Some(_)) => rows.push(Row::of(Meaning::Muted, "Everything that was done is in it.")),
        (true, None) => rows.push(Row::of(Meaning::Muted, "Nothing was done, and nothing is published.")),
        (false, _) => rows.extend(change_rows(&changes, columns)),
    }
    rows
}

/// Returns the newest of some changes, and how many more there are.
pub(in crate::tui) fn change_rows(changes: &[&HistoryLine], columns: usize) -> Vec<Row> {
    let listed = changes.iter().take(CHANGES_LISTED).flat_map(|line| audit::sentence(line).wrap(columns, 2));
    let rest = changes.len().saturating_sub(CHANGES_LISTED);
    let more =
        (rest > 0).then(|| Row::of(Meaning::Muted, format!("and {rest} before them, in the log (4)")).cut(columns));
    listed.chain(more).collect()
}
