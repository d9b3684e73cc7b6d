//! What stands where a mouse clicks.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use flag_core::FlagKey;
use ratatui::layout::{Position, Rect};

use super::header::tabs;
use super::hints::hints;
use crate::tui::keymap::Key;
use crate::tui::layout::{Class, inside, margin, panes};
use crate::tui::model::Model;
use crate::tui::room::Room;
use crate::tui::screens::kills;

/// Something that can be clicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tui) enum Hit {
    /// A hint: the click presses its key.
    Press(KeyEvent),
    Room(Room),
    Flag(FlagKey),
    Kill(Box<str>),
    Entry(u64),
}

/// Returns what was clicked, if it is anything.
pub(in crate::tui) fn hit(model: &Model, column: u16, row: u16) -> Option<Hit> {
    if model.class() == Class::TooSmall {
        return None;
    }
    let at = Position { x: column, y: row };
    let parts = model.parts();
    let bar = margin(parts.hints);
    if bar.contains(at) {
        return hinted(model, bar, column);
    }
    let is_covered =
        model.dialog.is_some() || model.help.is_some() || model.palette.is_some() || model.failure_shown.is_some();
    if is_covered {
        return None;
    }
    if parts.tabs.contains(at) {
        return tabbed(model, parts.tabs, column);
    }
    if !model.screens.is_empty() {
        return None;
    }
    match model.room {
        Room::Flags => {
            let mut list = inside(panes(model.class(), parts.body).list);
            // The list's own heading takes one row.
            list.y = list.y.saturating_add(1);
            list.height = list.height.saturating_sub(1);
            let place = usize::from(row.checked_sub(list.y).filter(|_| list.contains(at))?);
            model.visible().nth(model.top.saturating_add(place)).map(|flag| Hit::Flag(flag.key.clone()))
        }
        Room::Kills => {
            let list = inside(parts.body);
            let place = usize::from(row.checked_sub(list.y).filter(|_| list.contains(at))?);
            kills::at_row(model, place).map(Hit::Kill)
        }
        Room::Audit => {
            let list = inside(parts.body);
            let place = usize::from(row.checked_sub(list.y).filter(|_| list.contains(at))?);
            model.audit.at_row(&model.facts, place).map(Hit::Entry)
        }
        Room::Experiments | Room::Simulate | Room::Pending => None,
    }
}

/// Returns which of some pieces that stand side by side covers a column.
fn piece(start: u16, widths: impl Iterator<Item = usize>, column: u16) -> Option<usize> {
    let mut end = usize::from(start);
    for (place, width) in widths.enumerate() {
        end = end.saturating_add(width);
        if usize::from(column) < end {
            return Some(place);
        }
    }
    None
}

fn hinted(model: &Model, bar: Rect, column: u16) -> Option<Hit> {
    let hints = hints(model, usize::from(bar.width));
    let place = piece(bar.x, hints.iter().map(|hint| hint.row.width()), column)?;
    Some(Hit::Press(match hints.get(place)?.key? {
        Key::Char(c) => KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE),
        Key::Ctrl(c) => KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL),
        Key::Code(code) => KeyEvent::new(code, KeyModifiers::NONE),
    }))
}

fn tabbed(model: &Model, area: Rect, column: u16) -> Option<Hit> {
    let tabs = tabs(model);
    let place = piece(area.x, tabs.iter().map(|(_, row)| row.width()), column)?;
    tabs.get(place).map(|(room, _)| Hit::Room(*room))
}
