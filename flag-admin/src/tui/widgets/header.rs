//! The upper edge of every screen: which project, how fresh, who; and the screens to go to.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;

use crate::tui::age::{ago, clock, elapsed};
use crate::tui::facts::Facts;
use crate::tui::layout::margin;
use crate::tui::model::Model;
use crate::tui::prose::{Row, count, width};
use crate::tui::room::Room;
use crate::tui::theme::{Meaning, Theme};

/// From how many milliseconds on what is shown is called stale.
const STALE_MILLIS: i64 = 10_000;

pub(in crate::tui) fn draw(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let facts = &model.facts;
    let area = margin(area);
    let room = usize::from(area.width);
    let fresh = freshness(model);
    let who = format!("  {}, {}", facts.actor, facts.role_name());
    let name = Row::of(Meaning::Name, format!("{} / {}", facts.project, facts.environment));
    let log = Row::of(Meaning::Muted, format!("  log #{}", facts.head));
    let published = Row::of(Meaning::Muted, "  ").join(published(model));
    // What the screen is about and how fresh it is are never left out.
    let mut left = name;
    let mut rest = room.saturating_sub(fresh.width().saturating_add(1));
    for part in [published, log] {
        if left.width().saturating_add(part.width()) <= rest {
            left = left.join(part);
        }
    }
    rest = rest.saturating_sub(left.width());
    let right = if width(&who) <= rest {
        fresh.and(Meaning::Muted, who)
    } else if width(&facts.actor).saturating_add(2) <= rest {
        fresh.and(Meaning::Muted, format!("  {}", facts.actor))
    } else {
        fresh
    };
    frame.render_widget(Paragraph::new(left.line(theme)), area);
    let wide = u16::try_from(right.width()).unwrap_or(area.width).min(area.width);
    let at = Rect { x: area.x.saturating_add(area.width.saturating_sub(wide)), width: wide, ..area };
    frame.render_widget(Paragraph::new(right.line(theme)), at);
}

/// Says how old what is shown is. It never claims to be fresher than it is.
pub(in crate::tui) fn freshness(model: &Model) -> Row {
    if let Some(since) = model.link.frozen {
        let behind = if model.link.behind.is_some() { ", changed since" } else { "" };
        return Row::of(Meaning::Notice, format!("PAUSED {}{behind}", clock(model.now.millis_since(since))));
    }
    let age = model.now.millis_since(model.link.seen).max(0);
    if model.link.lost.is_some() || age >= STALE_MILLIS {
        return Row::of(Meaning::Danger, format!("○ stale {}", elapsed(age)));
    }
    Row::of(Meaning::Success, format!("● live {}", elapsed(age.max(1_000))))
}

fn published(model: &Model) -> Row {
    let facts = &model.facts;
    match (&facts.published, facts.unpublished) {
        (None, 0) => Row::of(Meaning::Muted, "nothing published"),
        (None, _) => Row::of(Meaning::Notice, "never published"),
        (Some(published), _) if model.now >= published.expires_at => Row::of(
            Meaning::Danger,
            format!("snapshot {} expired {}", published.version, ago(model.now, published.expires_at)),
        ),
        (Some(published), 0) => Row::of(Meaning::Success, format!("snapshot {} published", published.version)),
        (Some(published), changes) => {
            let changes = count(usize::try_from(changes).unwrap_or(usize::MAX), "unpublished change");
            Row::of(Meaning::Muted, format!("snapshot {}, ", published.version)).and(Meaning::Notice, changes)
        }
    }
}

/// Returns the screens by their numbers, with what waits in them. Where the names do not fit, the shown one
/// alone has its own.
pub(in crate::tui) fn tabs(model: &Model) -> Vec<(Room, Row)> {
    let tab = |room: &Room, is_named: bool| {
        let name = if is_named { format!(" {}", room.title()) } else { String::new() };
        let label = format!("{}{name}{}", room.number(), waiting(&model.facts, *room));
        let row = if *room == model.room {
            Row::of(Meaning::Selected, format!("[{label}]"))
        } else {
            Row::of(Meaning::Muted, format!(" {label} "))
        };
        (*room, row)
    };
    let whole: Vec<(Room, Row)> = Room::ALL.iter().map(|room| tab(room, true)).collect();
    let columns: usize = whole.iter().map(|(_, row)| row.width()).sum();
    if columns <= usize::from(model.size.0) {
        return whole;
    }
    Room::ALL.iter().map(|room| tab(room, *room == model.room)).collect()
}

pub(in crate::tui) fn draw_tabs(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let row = tabs(model).into_iter().fold(Row::new(), |row, (_, tab)| row.join(tab));
    frame.render_widget(Paragraph::new(row.line(theme)), area);
}

/// Says how much of a screen waits for somebody.
fn waiting(facts: &Facts, room: Room) -> String {
    let (mark, count) = match room {
        Room::Kills => ("!", facts.kills.len()),
        Room::Pending => {
            let unpublished = usize::try_from(facts.unpublished).unwrap_or(usize::MAX);
            ("", unpublished.saturating_add(facts.requests.len()).saturating_add(usize::from(facts.draft.is_some())))
        }
        _ => ("", 0),
    };
    if count == 0 { String::new() } else { format!(" {mark}{count}") }
}
