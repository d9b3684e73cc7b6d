//! The passphrase of the keys is entered. Nothing shows it, not even its length.

use crossterm::event::KeyEvent;

use super::share::trouble_rows;
use crate::tui::effect::{Effect, Secret};
use crate::tui::line_input::LineInput;
use crate::tui::model::{Dialog, Model};
use crate::tui::msg::Trouble;
use crate::tui::prose::Row;
use crate::tui::theme::Meaning;
use crate::tui::widgets::popup::{Field, Popup};
use crate::tui::widgets::sheet::Sheet;

/// A passphrase under entry.
#[derive(Clone, Debug)]
pub(in crate::tui) struct PassphraseForm {
    pub(in crate::tui) input: LineInput,
    pub(in crate::tui) trouble: Option<Trouble>,
    /// Whether it was given, and has yet to be answered.
    pub(in crate::tui) sent: bool,
    /// What was entered before it was needed.
    pub(in crate::tui) below: Option<Box<Dialog>>,
    /// What is done once the keys are open.
    pub(in crate::tui) then: Option<Box<Effect>>,
}

impl PassphraseForm {
    pub(in crate::tui) fn new(then: Option<Box<Effect>>) -> Self {
        Self { input: LineInput::default(), trouble: None, sent: false, below: None, then }
    }

    /// Returns it over what is entered now, which stays.
    #[must_use]
    pub(in crate::tui) fn over(self, below: Option<Dialog>) -> Self {
        Self { below: below.map(Box::new), ..self }
    }

    pub(in crate::tui) fn edit(&mut self, key: KeyEvent) {
        if self.sent {
            return;
        }
        if self.input.edit(key) {
            self.trouble = None;
        }
    }

    pub(in crate::tui) fn give(&mut self) -> Vec<Effect> {
        if self.sent {
            return Vec::new();
        }
        if self.input.is_empty() {
            self.trouble = Some(Trouble::saying("the passphrase is empty"));
            return Vec::new();
        }
        self.sent = true;
        vec![Effect::Unlock(Secret(self.input.text()))]
    }

    pub(in crate::tui) fn refused(&mut self, trouble: Trouble) {
        self.sent = false;
        self.input.clear();
        self.trouble = Some(trouble);
    }

    pub(in crate::tui) fn popup(&self, model: &Model) -> Popup {
        let columns = Popup::columns(model.area());
        let why = match self.then.as_deref() {
            Some(Effect::SendKills) => {
                "The kill is in the log. The emergency key that carries it to clients at once is encrypted."
            }
            Some(_) => "The key that signs snapshots is encrypted.",
            None => "The project's keys can be opened now, so that a kill or a publication need not wait for it.",
        };
        let mut head = Row::plain(why).wrap(columns, 0);
        head.extend(
            Row::of(Meaning::Muted, "It is asked for once, and forgotten when the dashboard ends.").wrap(columns, 0),
        );
        head.push(Row::new());
        let typed = if self.input.is_empty() { "" } else { "(typed, not shown)" };
        Popup {
            title: "Passphrase".to_owned(),
            head,
            fields: vec![Field { label: "Passphrase".to_owned(), input: LineInput::new(typed), focused: true }],
            body: Sheet::default(),
            foot: self.trouble.as_ref().map(|trouble| trouble_rows(trouble, columns)).unwrap_or_default(),
            scroll: 0,
        }
    }
}
