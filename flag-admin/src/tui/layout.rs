//! How the screen is divided, decided by its size alone.

use ratatui::layout::{Constraint, Layout, Rect};

/// The smallest screen that shows anything, in columns and rows.
pub(super) const SMALLEST: (u16, u16) = (60, 16);

/// From how many columns on the selected flag is shown beside the list, however few rows there are: it takes none from the list.
const PREVIEW_FROM: u16 = 100;
/// The columns that the preview gets first.
const PREVIEW_COLUMNS: u16 = 32;
/// The columns that the list gets beside a preview, at least and at most.
const LIST_COLUMNS: (u16, u16) = (68, 80);
/// From how many columns and rows on the latest changes are shown too: below, they would leave the preview a few lines.
const LATEST_FROM: (u16, u16) = (150, 28);

/// How much fits beside the list.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Not even the list.
    TooSmall,
    /// The list.
    Small,
    /// The list and the selected flag.
    Normal,
    /// The list, the selected flag and the latest changes.
    Wide,
}

/// The parts of the screen.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) header: Rect,
    /// The screens to go to.
    pub(super) tabs: Rect,
    /// What demands attention: no rows where nothing does.
    pub(super) banner: Rect,
    pub(super) body: Rect,
    pub(super) status: Rect,
    pub(super) hints: Rect,
}

/// The panes of the list of flags. Those that do not fit have no columns or no rows.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Panes {
    pub(super) list: Rect,
    pub(super) preview: Rect,
    pub(super) latest: Rect,
}

pub(super) const fn classify(columns: u16, rows: u16) -> Class {
    if columns < SMALLEST.0 || rows < SMALLEST.1 {
        Class::TooSmall
    } else if columns < PREVIEW_FROM {
        Class::Small
    } else if columns < LATEST_FROM.0 || rows < LATEST_FROM.1 {
        Class::Normal
    } else {
        Class::Wide
    }
}

/// Divides the screen. `banner` and `status` are the rows that those have to say.
pub(super) fn parts(area: Rect, banner: u16, status: u16) -> Parts {
    let [header, tabs, banner, body, status, hints] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(banner),
        Constraint::Min(3),
        Constraint::Length(status),
        Constraint::Length(1),
    ])
    .areas(area);
    Parts { header, tabs, banner, body, status, hints }
}

/// Divides the body of the list of flags.
pub(super) fn panes(class: Class, body: Rect) -> Panes {
    let nothing = Rect { width: 0, height: 0, ..body };
    match class {
        Class::TooSmall | Class::Small => Panes { list: body, preview: nothing, latest: nothing },
        Class::Normal => {
            let list = body.width.saturating_sub(PREVIEW_COLUMNS).clamp(LIST_COLUMNS.0, LIST_COLUMNS.1);
            let [list, preview] = Layout::horizontal([Constraint::Length(list), Constraint::Fill(1)]).areas(body);
            Panes { list, preview, latest: nothing }
        }
        Class::Wide => {
            let [list, side] = Layout::horizontal([Constraint::Length(88), Constraint::Fill(1)]).areas(body);
            let [preview, latest] = Layout::vertical([Constraint::Percentage(65), Constraint::Fill(1)]).areas(side);
            Panes { list, preview, latest }
        }
    }
}

/// Returns the part of a framed pane that is inside its frame.
pub(super) const fn inside(pane: Rect) -> Rect {
    Rect {
        x: pane.x.saturating_add(1),
        y: pane.y.saturating_add(1),
        width: pane.width.saturating_sub(2),
        height: pane.height.saturating_sub(2),
    }
}

/// Returns a line without its first and last column.
pub(super) const fn margin(area: Rect) -> Rect {
    Rect { x: area.x.saturating_add(1), width: area.width.saturating_sub(2), ..area }
}

/// Returns where a dialog of so many rows stands on the screen.
pub(super) fn dialog(area: Rect, rows: u16) -> Rect {
    let width = area.width.saturating_sub(4).min(92);
    let height = rows.min(area.height.saturating_sub(2));
    Rect {
        x: area.x.saturating_add(area.width.saturating_sub(width) / 2),
        y: area.y.saturating_add(area.height.saturating_sub(height) / 2),
        width,
        height,
    }
}
