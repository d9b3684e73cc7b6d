use ratatui::layout::Rect;

use super::popup::Popup;
use crate::tui::command::Group;
use crate::tui::keymap::{Keymap, Place};
use crate::tui::prose::{Row, fit};
use crate::tui::theme::Meaning;

/// The columns of the keys.
const KEYS: usize = 14;

/// The list of keys, as it was opened somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tui) struct Help {
    pub(in crate::tui) place: Place,
    pub(in crate::tui) scroll: usize,
}

impl Help {
    pub(in crate::tui) fn popup(&self, keymap: &Keymap, area: Rect) -> Popup {
        let columns = Popup::columns(area);
        let mut body = Vec::new();
        for group in Group::ALL {
            let mut bindings = keymap.bindings(self.place).filter(|(binding, _)| binding.group == group).peekable();
            if bindings.peek().is_none() {
                continue;
            }
            if !body.is_empty() {
                body.push(Row::new());
            }
            body.push(Row::of(Meaning::Name, group.title()));
            for (binding, keys) in bindings {
                let keys = keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
                body.push(Row::of(Meaning::Key, fit(&format!("  {keys}"), KEYS)).and(Meaning::Text, binding.help));
            }
        }
        let rows: Vec<Row> = body.into_iter().flat_map(|row| row.wrap(columns, KEYS)).collect();
        let title = format!("Keys: {}", self.place.title());
        Popup { title, body: rows.into(), scroll: self.scroll, ..Popup::default() }
    }
}
