//! Draws the model. Reads no clock and changes nothing.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;

use super::age::{ago, elapsed, to_the_minute};
use super::facts::KillFacts;
use super::layout::{Class, Parts, SMALLEST, margin};
use super::model::{Model, Screen};
use super::prose::{Row, fit};
use super::room::Room;
use super::screens::{audit, detail, entry, experiments, flags, kills, pending, simulate};
use super::theme::{Meaning, Theme};
use super::widgets::header;
use super::widgets::hints::hints;
use super::widgets::popup::draw_rows;

/// Draws the whole dashboard.
pub(super) fn view(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    if model.class() == Class::TooSmall {
        draw_too_small(theme, area, frame);
        return;
    }
    let Parts { header, tabs, banner, body, status, hints: hint_bar } = model.parts();
    header::draw(model, theme, header, frame);
    header::draw_tabs(model, theme, tabs, frame);
    let columns = usize::from(margin(banner).width);
    let banners: Vec<Row> = banners(model).iter().map(|text| Row::of(Meaning::Danger, fit(text, columns))).collect();
    draw_rows(&banners, 0, theme, margin(banner), frame);
    match (model.screens.last(), model.room) {
        (Some(Screen::Detail { tab, scroll }), _) => detail::draw(model, *tab, *scroll, theme, body, frame),
        (Some(Screen::Entry { scroll, .. }), _) => entry::draw(model, *scroll, theme, body, frame),
        (None, Room::Flags) => flags::draw(model, theme, body, frame),
        (None, Room::Kills) => kills::draw(model, theme, body, frame),
        (None, Room::Experiments) => experiments::draw(model, theme, body, frame),
        (None, Room::Audit) => audit::draw(model, theme, body, frame),
        (None, Room::Simulate) => simulate::draw(model, theme, body, frame),
        (None, Room::Pending) => pending::draw(model, theme, body, frame),
    }
    draw_rows(&model.status(), 0, theme, margin(status), frame);
    let row =
        hints(model, usize::from(margin(hint_bar).width)).into_iter().fold(Row::new(), |row, hint| row.join(hint.row));
    frame.render_widget(Paragraph::new(row.line(theme)), margin(hint_bar));
    let popups = [
        model.dialog_popup(),
        model.palette.as_ref().map(|palette| palette.popup(model)),
        model.failure_popup(),
        model.help.as_ref().map(|help| help.popup(&model.keymap, area)),
    ];
    for popup in popups.into_iter().flatten() {
        popup.draw(theme, frame);
    }
}

fn draw_too_small(theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let (columns, rows) = SMALLEST;
    let text = format!("needs {columns}x{rows}, have {}x{}", area.width, area.height);
    let rows = [Row::plain(text), Row::of(Meaning::Key, "q").and(Meaning::Text, " quits")];
    let y = area.y.saturating_add(area.height.saturating_sub(2) / 2);
    let lines: Vec<_> = rows.iter().map(|row| row.line(theme).centered()).collect();
    let height = area.height.min(2);
    frame.render_widget(Paragraph::new(lines), Rect { y, height, ..area });
}

/// Returns what demands attention on every screen, one line each.
pub(super) fn banners(model: &Model) -> Vec<String> {
    let facts = &model.facts;
    let mut lines = Vec::new();
    if let Some(trouble) = &model.link.lost {
        lines.push(format!(
            "CANNOT BE READ  what you see is of {} ago: {}",
            elapsed(model.now.millis_since(model.link.seen)),
            trouble.message
        ));
    }
    if let Some(oldest) = facts.kills.first() {
        let targets = facts.kills.iter().map(|kill| &*kill.target).collect::<Vec<_>>().join(", ");
        let rest = KillFacts::ESCALATION_MILLIS.saturating_sub(oldest.stands(model.now));
        // To the minute: a line that changes each second is no help to anybody.
        let clock = if rest > 0 { format!("escalates in {}", to_the_minute(rest)) } else { "over 24 hours".to_owned() };
        lines.push(format!("! KILLED  {targets}  ({clock}; 2 shows)"));
    }
    lines.extend(expired(model, "P publishes"));
    if facts.draft.as_ref().is_some_and(|draft| draft.moved) {
        lines.push("DRAFT  others changed what it was made from: 6 shows what, B there puts it right".to_owned());
    }
    lines
}

/// Says that what is published is out of date, if it is, and until `what` happens.
pub(super) fn expired(model: &Model, what: &str) -> Option<String> {
    let published = model.facts.published.as_ref().filter(|published| model.now >= published.expires_at)?;
    let since = ago(model.now, published.expires_at);
    Some(format!("EXPIRED  snapshot {}, {since}: new clients refuse it until {what}", published.version))
}
