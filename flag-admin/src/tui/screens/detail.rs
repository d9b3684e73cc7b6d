use ratatui::Frame;
use ratatui::layout::Rect;

use super::flags::frame_pane;
use crate::tui::age::minute_and_ago;
use crate::tui::facts::FlagFacts;
use crate::tui::model::Model;
use crate::tui::prose::{Row, fit};
use crate::tui::theme::Meaning;
use crate::tui::theme::Theme;
use crate::tui::widgets::popup::draw_rows;
use crate::tui::words;

/// The columns of a fact's name.
const LABEL: usize = 11;
/// How many changes of a flag the preview lists.
const CHANGES_PREVIEWED: usize = 3;

pub(in crate::tui) fn draw(model: &Model, scroll: usize, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
    let title = model.selected_flag().map_or("Flag", |flag| flag.key.as_str());
    let text = frame_pane(title, theme, body, frame);
    draw_rows(&rows(model, usize::from(text.width)), scroll, theme, text, frame);
    frame.set_cursor_position((text.x, text.y));
}

/// Returns everything about the selected flag.
pub(in crate::tui) fn rows(model: &Model, columns: usize) -> Vec<Row> {
    let Some(flag) = model.selected_flag() else { return vec![Row::plain("The flag is gone. Esc steps back.")] };
    let mut page = Page { columns, rows: Vec::new() };
    state(model, flag, &mut page);
    decision(flag, &mut page);
    documentation(flag, &mut page);
    history(model, flag, &mut page);
    page.rows
}

/// Returns the most important about the selected flag.
pub(in crate::tui) fn preview(model: &Model, columns: usize) -> Vec<Row> {
    let Some(flag) = model.selected_flag() else { return vec![Row::of(Meaning::Muted, "No flag is selected.")] };
    let mut page = Page { columns, rows: Vec::new() };
    page.push(&Row::of(Meaning::Name, flag.key.as_str()), 0);
    if let Some(description) = &flag.definition.documentation.description {
        page.push(&Row::plain(description), 0);
    }
    page.gap();
    state(model, flag, &mut page);
    decision(flag, &mut page);
    page.heading("Last changes");
    for line in model.facts.history_of(&flag.key).take(CHANGES_PREVIEWED) {
        page.push(&super::log::row(line), 2);
    }
    page.rows
}

/// Rows under way.
struct Page {
    columns: usize,
    rows: Vec<Row>,
}

impl Page {
    fn push(&mut self, row: &Row, hanging: usize) {
        self.rows.extend(row.wrap(self.columns, hanging));
    }

    fn gap(&mut self) {
        if self.rows.last().is_some_and(|row| row.width() > 0) {
            self.rows.push(Row::new());
        }
    }

    fn heading(&mut self, text: &str) {
        self.gap();
        self.push(&Row::of(Meaning::Name, text), 0);
    }

    fn fact(&mut self, label: &str, meaning: Meaning, text: impl AsRef<str>) {
        self.push(&Row::of(Meaning::Muted, fit(label, LABEL)).and(meaning, text), LABEL);
    }
}

fn state(model: &Model, flag: &FlagFacts, page: &mut Page) {
    let wire = &flag.definition.flag;
    page.fact("State", Meaning::State(flag.phase), flag.phase.as_str());
    if let Some(kill) = model.facts.kill_of(flag.key.as_str()) {
        let since = minute_and_ago(model.now, kill.since);
        page.fact("Killed", Meaning::Danger, format!("by {} at {since}", kill.by));
        if let Some(reason) = &kill.reason {
            page.fact("", Meaning::Text, reason);
        }
    }
    if !wire.enabled {
        page.fact("Disabled", Meaning::Notice, format!("{} to everyone", wire.off_variant));
    }
    page.fact("Kind", Meaning::Text, format!("{}, stage {}", words::kind(wire.kind), words::stage(wire.stage)));
    page.fact("Owner", Meaning::Text, flag.owner().unwrap_or("nobody"));
}

fn decision(flag: &FlagFacts, page: &mut Page) {
    let wire = &flag.definition.flag;
    for (label, text) in words::conditions_of(wire) {
        page.fact(label, Meaning::Text, text);
    }
    page.heading("Who gets what");
    for rule in &wire.rules {
        let row = Row::of(Meaning::Key, format!("rule {}", rule.id))
            .and(Meaning::Text, format!(": where {}, {}", words::condition(&rule.when), words::serve(&rule.serve)));
        page.push(&row, 2);
    }
    let everyone = if wire.rules.is_empty() { "everyone" } else { "everyone else" };
    page.push(&Row::of(Meaning::Key, everyone).and(Meaning::Text, format!(": {}", words::serve(&wire.fallthrough))), 2);
    page.heading("Variants");
    for (id, value) in wire.variants.iter() {
        let off = if *id == *wire.off_variant { "  when off" } else { "" };
        let row = Row::plain(format!("{id} = {}", words::value(value))).and(Meaning::Muted, off);
        page.push(&row, 2);
    }
}

fn documentation(flag: &FlagFacts, page: &mut Page) {
    let documented = &flag.definition.documentation;
    if documented.is_empty() {
        return;
    }
    page.heading("Documentation");
    let milestone = |milestone: &crate::definition::Milestone| {
        let date = milestone.date.as_ref().map(crate::definition::CivilDate::as_str);
        [milestone.version.as_deref(), date].into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let texts = [
        ("About", documented.description.clone()),
        ("Status", documented.status.clone()),
        ("Added", documented.added.as_ref().map(milestone)),
        ("Expires", documented.expires.as_ref().map(milestone)),
        ("Default", documented.default.clone()),
        ("Rollout", documented.rollout.clone()),
        ("Rollback", documented.rollback.clone()),
        ("Privacy", documented.privacy.clone()),
        ("Tracking", documented.tracking.clone()),
    ];
    for (label, text) in texts {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            page.fact(label, Meaning::Text, text);
        }
    }
    for (place, risk) in documented.risks.iter().enumerate() {
        page.fact(if place == 0 { "Risks" } else { "" }, Meaning::Text, risk);
    }
    for (place, metric) in documented.metrics.iter().enumerate() {
        let target = metric.target.as_ref().map(|target| format!(" {target}")).unwrap_or_default();
        page.fact(if place == 0 { "Metrics" } else { "" }, Meaning::Text, format!("{}{target}", metric.name));
    }
    if !documented.tags.is_empty() {
        page.fact("Tags", Meaning::Text, documented.tags.join(", "));
    }
}

fn history(model: &Model, flag: &FlagFacts, page: &mut Page) {
    page.heading("History");
    page.fact("Created", Meaning::Text, minute_and_ago(model.now, flag.created));
    let changed = format!("{} by {}", minute_and_ago(model.now, flag.changed), flag.changed_by);
    page.fact("Changed", Meaning::Text, changed);
    for line in model.facts.history_of(&flag.key) {
        page.push(&super::log::row(line), 2);
    }
}
