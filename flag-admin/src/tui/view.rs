//! Draws the model. Reads no clock and changes nothing.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::widgets::Paragraph;

use super::age::ago;
use super::layout::{Class, Parts, SMALLEST};
use super::model::{Model, Screen};
use super::prose::{Row, fit};
use super::screens::publish::count;
use super::screens::{detail, flags, log};
use super::theme::{Meaning, Theme};
use super::widgets::hints::hints;
use super::widgets::popup::draw_rows;

/// Draws the whole dashboard.
pub(super) fn view(model: &Model, theme: &Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    if model.class() == Class::TooSmall {
        draw_too_small(theme, area, frame);
        return;
    }
    let Parts { header, banner, body, status, hints: hint_bar } = model.parts();
    draw_header(model, theme, header, frame);
    if banner.height > 0 {
        draw_banner(model, theme, banner, frame);
    }
    match model.screens.last() {
        None => flags::draw(model, theme, body, frame),
        Some(Screen::Detail { scroll }) => detail::draw(model, *scroll, theme, body, frame),
        Some(Screen::Log { scroll }) => log::draw(model, *scroll, theme, body, frame),
    }
    draw_rows(&model.status(), 0, theme, margin(status), frame);
    let row = hints(model, usize::from(margin(hint_bar).width));
    frame.render_widget(Paragraph::new(row.line(theme)), margin(hint_bar));
    if let Some(popup) = model.dialog_popup() {
        popup.draw(theme, frame);
    }
    if let Some(help) = &model.help {
        help.popup().draw(theme, frame);
    }
}

const fn margin(area: Rect) -> Rect {
    Rect { x: area.x.saturating_add(1), width: area.width.saturating_sub(2), ..area }
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

fn draw_header(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let facts = &model.facts;
    let area = margin(area);
    let published = match (&facts.published, facts.unpublished) {
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
    };
    let left = Row::of(Meaning::Name, format!("{} / {}", facts.project, facts.environment))
        .and(Meaning::Muted, format!("  log #{}  ", facts.head))
        .join(published);
    let who = format!("{}, {}", facts.actor, facts.role);
    let room = usize::from(area.width).saturating_sub(left.width()).saturating_sub(2);
    frame.render_widget(Paragraph::new(left.line(theme)), area);
    let who = if super::prose::width(&who) <= room { who } else { facts.actor.clone() };
    if super::prose::width(&who) <= room {
        frame.render_widget(Paragraph::new(Row::of(Meaning::Muted, who).line(theme).right_aligned()), area);
    }
}

fn draw_banner(model: &Model, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let area = margin(area);
    let kills = &model.facts.kills;
    let targets = kills.iter().map(|kill| &*kill.target).collect::<Vec<_>>().join(", ");
    let text = format!("KILLED  {targets}");
    let row = Row::of(Meaning::Danger, fit(&text, usize::from(area.width)));
    frame.render_widget(Paragraph::new(row.line(theme)), area);
}
