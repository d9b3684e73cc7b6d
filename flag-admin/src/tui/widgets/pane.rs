//! A framed pane, with its title, a note on what is cut off, and rows of which one may be selected.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Block, Paragraph};

use super::popup::draw_rows;
use crate::tui::layout::inside;
use crate::tui::line_input::LineInput;
use crate::tui::prose::{Row, fit};
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::sheet::Sheet;

/// The frame around a part of the screen.
#[derive(Copy, Clone, Debug)]
pub(in crate::tui) struct Pane<'t> {
    pub(in crate::tui) title: &'t str,
    /// What stands in its lower edge.
    pub(in crate::tui) foot: Option<&'t str>,
}

impl Pane<'_> {
    /// Draws the frame and returns where its text goes.
    pub(in crate::tui) fn draw(&self, theme: &Theme, area: Rect, frame: &mut Frame<'_>) -> Rect {
        let room = usize::from(area.width).saturating_sub(4);
        let title =
            if crate::tui::prose::width(self.title) <= room { self.title.to_owned() } else { fit(self.title, room) };
        let mut block = Block::bordered()
            .border_set(theme.border())
            .border_style(theme.style(Meaning::Frame))
            .title(Row::of(Meaning::Name, format!(" {title} ")).line(theme));
        if let Some(foot) = self.foot {
            block = block.title_bottom(Row::of(Meaning::Muted, format!(" {foot} ")).line(theme).right_aligned());
        }
        frame.render_widget(block, area);
        let text = inside(area);
        Rect { x: text.x.saturating_add(1), width: text.width.saturating_sub(2), ..text }
    }
}

/// Draws rows in a frame, from `scroll` on, and says how many are out of sight.
pub(in crate::tui) fn draw_page(
    title: &str,
    rows: impl Into<Sheet>,
    scroll: usize,
    theme: &Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let rows: Sheet = rows.into();
    let height = usize::from(inside(area).height);
    let below = rows.len().saturating_sub(scroll.saturating_add(height));
    let foot = match (below, scroll) {
        (0, 0) => None,
        (0, above) => Some(format!("{above} more above, PgUp")),
        (below, _) => Some(format!("{below} more below, PgDn")),
    };
    let text = Pane { title, foot: foot.as_deref() }.draw(theme, area, frame);
    draw_rows(&rows.seen(scroll, height), 0, theme, text, frame);
    frame.set_cursor_position(Position { x: text.x, y: text.y });
}

/// Draws one row a line, the selected one marked over the whole width, the cursor at its beginning.
pub(in crate::tui) fn draw_selectable(
    rows: &[Row],
    at: Option<usize>,
    theme: &Theme,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    for (place, (y, row)) in (area.y..area.y.saturating_add(area.height)).zip(rows).enumerate() {
        let line = Rect { y, height: 1, ..area };
        if Some(place) == at {
            draw_selected(row, theme, line, frame);
            // Readers of the screen follow the cursor.
            frame.set_cursor_position(Position { x: line.x, y });
        } else {
            frame.render_widget(Paragraph::new(row.line(theme)), line);
        }
    }
}

/// Draws a row as selected.
pub(in crate::tui) fn draw_selected(row: &Row, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let style = theme.style(Meaning::Selected);
    let whole = Rect { x: area.x.saturating_sub(1), width: area.width.saturating_add(2), ..area };
    frame.render_widget(Block::new().style(style), whole);
    let plain: String = row.line(theme).spans.iter().map(|span| span.content.as_ref()).collect();
    frame.render_widget(Paragraph::new(plain).style(style), area);
}

/// Draws the line of a filter into the upper edge of a pane.
pub(in crate::tui) fn draw_filter(filter: &LineInput, editing: bool, theme: &Theme, pane: Rect, frame: &mut Frame<'_>) {
    let columns = usize::from(pane.width).saturating_sub(24).clamp(8, 32);
    let (shown, cursor) = filter.window(columns);
    // While it is typed it keeps its place; afterwards it takes no more than it says.
    let room = if editing { columns } else { crate::tui::prose::width(&shown) };
    let row = Row::of(Meaning::Key, " / ").and(Meaning::Text, fit(&shown, room)).and(Meaning::Text, " ");
    let width = u16::try_from(row.width()).unwrap_or(pane.width);
    let x = pane.x.saturating_add(pane.width).saturating_sub(width.saturating_add(2));
    let at = Rect { x, y: pane.y, width: width.min(pane.width), height: 1 };
    frame.render_widget(Paragraph::new(row.line(theme)), at);
    if editing {
        let cursor = u16::try_from(cursor).unwrap_or(0);
        frame.set_cursor_position(Position { x: x.saturating_add(3).saturating_add(cursor), y: pane.y });
    }
}
