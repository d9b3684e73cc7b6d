//! A change is being worked out, and its confirmation opens then. What is typed meanwhile is kept for it.

use crossterm::event::{KeyCode, KeyEvent};
use flag_core::Timestamp;

use crate::tui::action::{Action, ReasonNeed};
use crate::tui::age::elapsed;
use crate::tui::model::Model;
use crate::tui::prose::Row;
use crate::tui::theme::Meaning;
use crate::tui::widgets::popup::Popup;

/// From how many milliseconds on it is shown: what comes in a moment need not flash by.
const SHOWN_MILLIS: i64 = 250;

/// A change whose confirmation is not there yet.
#[derive(Clone, Debug)]
pub(in crate::tui) struct Awaited {
    pub(in crate::tui) action: Action,
    /// What was typed for the confirmation.
    keys: Vec<KeyEvent>,
    since: Timestamp,
}

impl Awaited {
    pub(in crate::tui) const fn new(action: Action, since: Timestamp) -> Self {
        Self { action, keys: Vec::new(), since }
    }

    /// Keeps a key for the confirmation. Enter counts for a kill alone, which is urgent and safe; what else is done has to be seen first.
    pub(in crate::tui) fn keep(&mut self, key: KeyEvent) {
        let is_given = self.keys.iter().any(|kept| kept.code == KeyCode::Enter);
        let counts = key.code != KeyCode::Enter || matches!(self.action, Action::Kill { .. });
        if counts && !is_given && self.action.reason() != ReasonNeed::NotAsked {
            self.keys.push(key);
        }
    }

    pub(in crate::tui) fn into_keys(self) -> Vec<KeyEvent> {
        self.keys
    }

    /// Returns what is shown, once it takes longer than a moment.
    pub(in crate::tui) fn popup(&self, model: &Model) -> Option<Popup> {
        let millis = model.now.millis_since(self.since);
        if millis < SHOWN_MILLIS {
            return None;
        }
        let columns = Popup::columns(model.area());
        let (title, what) = match &self.action {
            Action::Kill { flag, .. } => ("Kill", format!("Turn off {flag}")),
            Action::Unkill { target } => ("Lift a kill", format!("Lift the kill of {target}")),
            Action::Drop | Action::Rebase => ("The draft", "What becomes of it".to_owned()),
            action => ("A change", action.flag().map_or_else(String::new, |flag| format!("of {flag}"))),
        };
        let mut head = Row::of(Meaning::Name, what).wrap(columns, 0);
        let text = format!("What it does is being worked out, for {} now. Esc gives it up.", elapsed(millis));
        head.extend(Row::plain(text).wrap(columns, 0));
        if matches!(self.action, Action::Kill { .. }) {
            let typed = self.keys.len();
            let typed = if typed == 0 { String::new() } else { format!(" {typed} kept.") };
            let text = format!("Keys count already: a reason, then Enter, kill as soon as the project answers.{typed}");
            head.extend(Row::of(Meaning::Notice, text).wrap(columns, 0));
        }
        Some(Popup { title: title.to_owned(), head, ..Popup::default() })
    }
}
