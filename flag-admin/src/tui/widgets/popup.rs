use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Block, Clear, Paragraph};

use crate::tui::layout::{dialog, inside};
use crate::tui::prose::{Row, width};
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::sheet::Sheet;

/// The columns between a dialog's frame and its text.
const MARGIN: u16 = 1;

/// What a dialog shows: a head, fields to enter, a body that scrolls, a foot.
#[derive(Clone, Debug, Default)]
pub(in crate::tui) struct Popup {
    pub(in crate::tui) title: String,
    pub(in crate::tui) head: Vec<Row>,
    pub(in crate::tui) fields: Vec<Field>,
    pub(in crate::tui) body: Sheet,
    pub(in crate::tui) foot: Vec<Row>,
    /// The first row of the body that is in sight.
    pub(in crate::tui) scroll: usize,
}

/// A line to enter.
#[derive(Clone, Debug)]
pub(in crate::tui) struct Field {
    pub(in crate::tui) label: String,
    pub(in crate::tui) input: crate::tui::line_input::LineInput,
    pub(in crate::tui) focused: bool,
}

/// The rows that each part gets.
struct Heights {
    head: u16,
    fields: u16,
    body: u16,
    foot: u16,
}

impl Popup {
    /// Returns how many columns its text has on a screen.
    pub(in crate::tui) fn columns(area: Rect) -> usize {
        usize::from(inside(dialog(area, 2)).width.saturating_sub(MARGIN.saturating_mul(2))).max(1)
    }

    /// Returns how far the body scrolls.
    pub(in crate::tui) fn furthest(&self, area: Rect) -> usize {
        self.body.len().saturating_sub(usize::from(self.heights(area).1.body))
    }

    /// Shares the rows out: foot and fields first, since what is asked and what went wrong must be in sight.
    fn heights(&self, area: Rect) -> (Rect, Heights) {
        let count = |rows: usize| u16::try_from(rows).unwrap_or(u16::MAX);
        let (head, body, foot) = (count(self.head.len()), count(self.body.len()), count(self.foot.len()));
        let fields = count(self.fields.len());
        let wanted = head.saturating_add(fields).saturating_add(body).saturating_add(foot).saturating_add(2);
        let place = dialog(area, wanted);
        let mut left = inside(place).height;
        let mut take = |wanted: u16| {
            let taken = wanted.min(left);
            left = left.saturating_sub(taken);
            taken
        };
        let fields = take(fields);
        let foot = take(foot);
        let head = take(head);
        let body = take(body);
        (place, Heights { head, fields, body, foot })
    }

    pub(in crate::tui) fn draw(&self, theme: &Theme, frame: &mut Frame<'_>) {
        let (place, heights) = self.heights(frame.area());
        if place.width < 4 || place.height < 3 {
            return;
        }
        frame.render_widget(Clear, place);
        let room = usize::from(place.width).saturating_sub(4);
        let title = Row::of(Meaning::Name, &self.title).cut(room);
        let block = Block::bordered()
            .border_set(theme.border())
            .border_style(theme.style(Meaning::Frame))
            .title(Row::plain(" ").join(title).and(Meaning::Text, " ").line(theme));
        frame.render_widget(block, place);
        let text = inside(place);
        let text = Rect {
            x: text.x.saturating_add(MARGIN),
            width: text.width.saturating_sub(MARGIN.saturating_mul(2)),
            ..text
        };
        let mut y = text.y;
        let mut part = |height: u16| {
            let area = Rect { y, height, ..text };
            y = y.saturating_add(height);
            area
        };
        draw_rows(&self.head, 0, theme, part(heights.head), frame);
        let fields = part(heights.fields);
        let body = part(heights.body);
        draw_rows(&self.body.seen(self.scroll, usize::from(body.height)), 0, theme, body, frame);
        draw_rows(&self.foot, 0, theme, part(heights.foot), frame);
        self.draw_fields(theme, fields, frame);
        let hidden = self.body.len().saturating_sub(self.scroll.saturating_add(usize::from(heights.body)));
        if hidden > 0 || self.scroll > 0 {
            let note = Row::of(Meaning::Muted, format!(" {hidden} more below, PgUp PgDn "));
            let at = Rect { y: place.y.saturating_add(place.height).saturating_sub(1), height: 1, ..text };
            frame.render_widget(Paragraph::new(note.line(theme).right_aligned()), at);
        }
    }

    fn draw_fields(&self, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
        let labels = self.fields.iter().map(|field| width(&field.label)).max().unwrap_or(0);
        for (y, field) in (area.y..area.y.saturating_add(area.height)).zip(&self.fields) {
            let label = crate::tui::prose::fit(&field.label, labels);
            let columns = usize::from(area.width).saturating_sub(labels).saturating_sub(3).max(1);
            let (shown, cursor) = field.input.window(columns);
            let meaning = if field.focused { Meaning::Name } else { Meaning::Muted };
            let row = Row::of(meaning, format!("{label} ")).and(Meaning::Muted, theme.pick("› ", "> "));
            let start = row.width();
            let row = row.and(Meaning::Text, shown);
            frame.render_widget(Paragraph::new(row.line(theme)), Rect { y, height: 1, ..area });
            if field.focused {
                let x = u16::try_from(start.saturating_add(cursor)).unwrap_or(0);
                frame.set_cursor_position(Position { x: area.x.saturating_add(x), y });
            }
        }
    }
}

/// Draws the rows from `scroll` on that fit.
pub(in crate::tui) fn draw_rows(rows: &[Row], scroll: usize, theme: &Theme, area: Rect, frame: &mut Frame<'_>) {
    let lines: Vec<_> = rows.iter().skip(scroll).take(usize::from(area.height)).map(|row| row.line(theme)).collect();
    frame.render_widget(Paragraph::new(lines), area);
}
