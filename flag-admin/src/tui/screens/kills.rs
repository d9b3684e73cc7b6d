//! What is killed, with the clock that runs on each kill, and what can be killed.

use flag_core::wire::Kind;
use ratatui::Frame;
use ratatui::layout::Rect;

use crate::tui::age::{ago, elapsed, minute_and_ago, to_the_minute};
use crate::tui::facts::{Facts, FlagFacts, KillFacts};
use crate::tui::model::Model;
use crate::tui::prose::{Row, fit};
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::pane::{Pane, draw_selectable};
use crate::tui::widgets::share_bar::bar;
use crate::tui::words;

/// The columns of the clock's bar.
const CLOCK_BAR: u16 = 12;
/// The rows that each kill takes above those that follow.
const KILL_ROWS: usize = 3;

/// The list of kills and kill switches.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct KillList {
    /// By target.
    pub(in crate::tui) selected: Option<Box<str>>,
    pub(in crate::tui) top: usize,
}

/// Something that is killed, or a switch that is armed.
#[derive(Copy, Clone, Debug)]
enum Item<'f> {
    Kill(&'f KillFacts),
    Switch(&'f FlagFacts),
}

impl Item<'_> {
    fn target(&self) -> &str {
        match self {
            Self::Kill(kill) => &kill.target,
            Self::Switch(flag) => flag.key.as_str(),
        }
    }
}

fn items(facts: &Facts) -> Vec<Item<'_>> {
    let switches = facts.flags.iter().filter(|flag| flag.definition.flag.kind == Kind::KillSwitch);
    let armed = switches.filter(|flag| facts.kill_of(flag.key.as_str()).is_none());
    facts.kills.iter().map(Item::Kill).chain(armed.map(Item::Switch)).collect()
}

impl KillList {
    fn at(&self, facts: &Facts) -> Option<usize> {
        items(facts).iter().position(|item| Some(item.target()) == self.selected.as_deref())
    }

    pub(in crate::tui) fn travel(&mut self, facts: &Facts, by: impl FnOnce(usize) -> usize) {
        let items = items(facts);
        let next = by(self.at(facts).unwrap_or(0)).min(items.len().saturating_sub(1));
        self.selected = items.get(next).map(|item| item.target().into());
    }

    /// Brings selection and scrolling back to something that exists.
    pub(in crate::tui) fn settle(&mut self, facts: &Facts, page: usize) {
        let at = self.at(facts).unwrap_or(0);
        let items = items(facts);
        self.selected = items.get(at).map(|item| item.target().into());
        let page = page.saturating_sub(4).max(1);
        self.top = self.top.min(at).max(at.saturating_add(1).saturating_sub(page));
    }
}

/// Returns the target that stands in a row of the pane.
pub(in crate::tui) fn at_row(model: &Model, row: usize) -> Option<Box<str>> {
    let (_, marks) = laid_out(model, model.screen_columns(), &Theme::plain());
    marks.get(row).cloned().flatten()
}

pub(in crate::tui) fn draw(model: &Model, theme: &Theme, body: Rect, frame: &mut Frame<'_>) {
    let facts = &model.facts;
    let title = format!("Kill switches: {} killed", facts.kills.len());
    let text = Pane { title: &title, foot: None }.draw(theme, body, frame);
    let (rows, marks) = laid_out(model, usize::from(text.width), theme);
    let selected = model.kills.selected.as_deref();
    let at = marks.iter().position(|mark| mark.is_some() && mark.as_deref() == selected);
    draw_selectable(&rows, at, theme, text, frame);
}

/// Returns the kills and the switches, in words.
pub(in crate::tui) fn rows(model: &Model, columns: usize) -> Vec<Row> {
    laid_out(model, columns, &Theme::plain()).0
}

/// Returns the rows, and beside each the target that it is the line of.
fn laid_out(model: &Model, columns: usize, theme: &Theme) -> (Vec<Row>, Vec<Option<Box<str>>>) {
    let facts = &model.facts;
    let items = items(facts);
    let mut rows: Vec<Row> = Vec::new();
    let mut marks: Vec<Option<Box<str>>> = Vec::new();
    let mut push = |row: Row, mark: Option<&str>| {
        rows.push(row);
        marks.push(mark.map(Into::into));
    };
    if facts.kills.is_empty() {
        push(Row::plain("Nothing is killed."), None);
        push(Row::of(Meaning::Muted, "! on a flag turns it off for everyone, in three keys."), None);
    }
    let mut in_switches = false;
    for item in items.iter().skip(model.kills.top) {
        match item {
            Item::Kill(kill) => {
                push(headline(kill, columns), Some(&kill.target));
                for row in details(model, kill, columns, theme).into_iter().take(KILL_ROWS) {
                    push(row, None);
                }
            }
            Item::Switch(flag) => {
                if !std::mem::replace(&mut in_switches, true) {
                    push(Row::new(), None);
                    push(Row::of(Meaning::Muted, "Armed: capabilities that a kill takes down"), None);
                }
                push(switch(model, flag, columns, theme), Some(flag.key.as_str()));
            }
        }
    }
    (rows, marks)
}

fn headline(kill: &KillFacts, columns: usize) -> Row {
    let how = if kill.emergency { "emergency key" } else { "with the snapshot" };
    let target = fit(&kill.target, columns.saturating_sub(42).clamp(8, 40));
    Row::of(Meaning::Danger, format!("! {target} ")).and(Meaning::Text, format!("killed by {}, {how}", kill.by))
}

/// The clock, the fallback, and why.
fn details(model: &Model, kill: &KillFacts, columns: usize, theme: &Theme) -> Vec<Row> {
    let clock = clock(model, kill, theme);
    let flag = model.facts.flag(&kill.target);
    let fallback = flag.map_or_else(
        || "what the clients' code falls back to".to_owned(),
        |flag| {
            let wire = &flag.definition.flag;
            let value =
                wire.variants.iter().find(|(id, _)| **id == *wire.off_variant).map(|(_, value)| words::value(value));
            format!("{} = {}", wire.off_variant, value.unwrap_or_default())
        },
    );
    let why = kill.reason.as_deref().unwrap_or("no reason was given");
    let since = minute_and_ago(model.now, kill.since);
    let fact = |label: &str, text: &str| {
        Row::of(Meaning::Muted, fit(label, 13)).and(Meaning::Text, fit(text, columns.saturating_sub(13)).trim_end())
    };
    vec![clock, fact("    serves", &format!("{fallback}, since {since}")), fact("    why", why)]
}

/// Returns how far a kill is on its way to whoever leads.
fn clock(model: &Model, kill: &KillFacts, theme: &Theme) -> Row {
    let (parts, rest) = kill.escalation(model.now);
    let (meaning, text) = if rest > 0 {
        (Meaning::Notice, format!(" escalates in {}", to_the_minute(rest)))
    } else {
        (Meaning::Danger, format!(" escalated: over 24 hours for {}", elapsed(rest.saturating_neg())))
    };
    Row::of(Meaning::Muted, "    clock    ").join(bar(parts, 1_000, CLOCK_BAR, theme)).and(meaning, text)
}

fn switch(model: &Model, flag: &FlagFacts, columns: usize, theme: &Theme) -> Row {
    let description = flag.definition.documentation.description.as_deref().unwrap_or_default();
    let key = fit(flag.key.as_str(), columns.saturating_sub(30).clamp(8, 32));
    Row::of(Meaning::State(flag.phase), format!("{} ", theme.glyph(flag.phase)))
        .and(Meaning::Text, format!("{key} "))
        .and(
            Meaning::Muted,
            fit(
                &format!("changed {}  {description}", ago(model.now, flag.changed)),
                columns.saturating_sub(key.len().saturating_add(3)),
            ),
        )
}
