use ratatui::Frame;
use ratatui::layout::Rect;

use super::audit;
use crate::tui::age::{minute_and_ago, to_the_minute};
use crate::tui::facts::{FlagFacts, KillFacts};
use crate::tui::layout::inside;
use crate::tui::model::Model;
use crate::tui::prose::{Row, fit};
use crate::tui::theme::Meaning;
use crate::tui::theme::Theme;
use crate::tui::widgets::pane::draw_page;
use crate::tui::widgets::popup::draw_rows;
use crate::tui::widgets::schedule;
use crate::tui::widgets::share_bar::bar;
use crate::tui::words;

/// The columns of a fact's name.
const LABEL: usize = 11;
/// How many changes of a flag the preview lists.
const CHANGES_PREVIEWED: usize = 3;

/// A part of what is known of a flag.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::tui) enum Tab {
    #[default]
    Overview,
    Rules,
    History,
    Explain,
}

impl Tab {
    const ALL: [Self; 4] = [Self::Overview, Self::Rules, Self::History, Self::Explain];

    const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Rules => "Rules",
            Self::History => "History",
            Self::Explain => "Explain",
        }
    }

    pub(in crate::tui) const fn next(self) -> Self {
        match self {
            Self::Overview => Self::Rules,
            Self::Rules => Self::History,
            Self::History => Self::Explain,
            Self::Explain => Self::Overview,
        }
    }

    pub(in crate::tui) const fn previous(self) -> Self {
        match self {
            Self::Overview => Self::Explain,
            Self::Rules => Self::Overview,
            Self::History => Self::Rules,
            Self::Explain => Self::History,
        }
    }
}

pub(in crate::tui) fn draw(model: &Model, tab: Tab, scroll: usize, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
    let flag = model.selected_flag().map_or("Flag", |flag| flag.key.as_str());
    let title = format!("{} › {flag}", model.room.title());
    let rows = rows(model, tab, model.screen_columns());
    let [tabs, rest] = ratatui::layout::Layout::vertical([
        ratatui::layout::Constraint::Length(1),
        ratatui::layout::Constraint::Fill(1),
    ])
    .areas(body);
    draw_rows(&[tab_row(tab)], 0, theme, Rect { x: tabs.x.saturating_add(2), ..tabs }, frame);
    draw_page(&title, rows, scroll, theme, rest, frame);
    if tab == Tab::Explain {
        draw_line(model, theme, inside(rest), frame);
    }
}

fn tab_row(shown: Tab) -> Row {
    Tab::ALL.iter().fold(Row::new(), |row, tab| {
        let (meaning, text) = if *tab == shown {
            (Meaning::Selected, format!("[{}]", tab.title()))
        } else {
            (Meaning::Muted, format!(" {} ", tab.title()))
        };
        row.and(meaning, text).and(Meaning::Text, " ")
    })
}

/// Draws the line that a context is entered in, over the first row of the pane.
fn draw_line(model: &Model, theme: &Theme, text: Rect, frame: &mut Frame<'_>) {
    let columns = usize::from(text.width).saturating_sub(6).max(1);
    let (shown, cursor) = model.explain.input.window(columns);
    let meaning = if model.explain.editing { Meaning::Name } else { Meaning::Muted };
    let row = Row::of(meaning, "for ").and(Meaning::Muted, theme.pick("› ", "> ")).and(Meaning::Text, shown);
    let line =
        Rect { x: text.x.saturating_add(1), width: text.width.saturating_sub(2), height: 1.min(text.height), ..text };
    draw_rows(&[row], 0, theme, line, frame);
    if model.explain.editing {
        let x = u16::try_from(cursor.saturating_add(6)).unwrap_or(0);
        frame.set_cursor_position((line.x.saturating_add(x), line.y));
    }
}

/// Returns what a tab says of the selected flag.
pub(in crate::tui) fn rows(model: &Model, tab: Tab, columns: usize) -> Vec<Row> {
    let Some(flag) = model.selected_flag() else { return vec![Row::plain("The flag is gone. Esc steps back.")] };
    let mut page = Page { columns, rows: Vec::new() };
    match tab {
        Tab::Overview => {
            state(model, flag, &mut page);
            schedule(model, flag, &mut page);
            decision(flag, &mut page);
            documentation(flag, &mut page);
        }
        Tab::Rules => rules(flag, &mut page),
        Tab::History => history(model, flag, &mut page),
        Tab::Explain => return model.explain.rows(columns),
    }
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
    if let Some(rollout) = model.facts.rollout_of(flag.key.as_str()) {
        page.push(
            &Row::of(Meaning::Muted, fit("Rollout", LABEL)).join(schedule::line(rollout, &Theme::plain())),
            LABEL,
        );
    }
    decision(flag, &mut page);
    page.heading("Last changes");
    for line in model.facts.history_of(&flag.key).take(CHANGES_PREVIEWED) {
        page.push(&audit::sentence(line), 2);
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
        escalation(model, kill, page);
    }
    if !wire.enabled {
        page.fact("Disabled", Meaning::Notice, format!("{} to everyone", wire.off_variant));
    }
    page.fact("Kind", Meaning::Text, format!("{}, stage {}", words::kind(wire.kind), words::stage(wire.stage)));
    page.fact("Owner", Meaning::Text, flag.owner().unwrap_or("nobody"));
    for overdue in &flag.overdue {
        page.fact("Overdue", Meaning::Notice, overdue);
    }
}

/// Says how far a kill is on its way to whoever leads, in one line of any width.
fn escalation(model: &Model, kill: &KillFacts, page: &mut Page) {
    let (parts, rest) = kill.escalation(model.now);
    let (label, meaning, text) = if rest > 0 {
        ("Escalates", Meaning::Notice, format!(" in {}", to_the_minute(rest)))
    } else {
        ("Escalated", Meaning::Danger, format!(" {} ago", to_the_minute(rest.saturating_neg())))
    };
    let columns = if page.columns < 40 { 5 } else { 12 };
    let clock = bar(parts, 1_000, columns, &Theme::plain());
    page.push(&Row::of(Meaning::Muted, fit(label, LABEL)).join(clock).and(meaning, text), LABEL);
}

fn schedule(model: &Model, flag: &FlagFacts, page: &mut Page) {
    if let Some(rollout) = model.facts.rollout_of(flag.key.as_str()) {
        page.heading("Rollout");
        page.rows.extend(schedule::rows(rollout, model.now, page.columns));
    }
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

/// Every rule with each of its conditions on a line of its own.
fn rules(flag: &FlagFacts, page: &mut Page) {
    let wire = &flag.definition.flag;
    if wire.rules.is_empty() {
        page.push(&Row::of(Meaning::Muted, "No rules: everyone is decided alike."), 0);
        page.gap();
    }
    for (rule, number) in wire.rules.iter().zip(1_usize..) {
        let head = Row::of(Meaning::Muted, format!("{number:>3}  "))
            .and(Meaning::Key, &*rule.id)
            .and(Meaning::Text, format!(": {}", words::serve(&rule.serve)));
        page.push(&head, 7);
        page.push(&Row::of(Meaning::Muted, "     where ").and(Meaning::Text, words::condition(&rule.when)), 11);
    }
    let everyone = if wire.rules.is_empty() { "everyone" } else { "everyone else" };
    let row = Row::of(Meaning::Muted, "     ")
        .and(Meaning::Key, everyone)
        .and(Meaning::Text, format!(": {}", words::serve(&wire.fallthrough)));
    page.push(&row, 7);
}

fn history(model: &Model, flag: &FlagFacts, page: &mut Page) {
    page.fact("Created", Meaning::Text, minute_and_ago(model.now, flag.created));
    let changed = format!("{} by {}", minute_and_ago(model.now, flag.changed), flag.changed_by);
    page.fact("Changed", Meaning::Text, changed);
    for line in model.facts.history_of(&flag.key) {
        page.push(&audit::sentence(line), 2);
    }
}
