//! The one confirmation that every change passes: what it does, why, and for what is dangerous a word to type.

use crossterm::event::KeyEvent;

use super::share::{ShareForm, trouble_rows};
use crate::app::{KillRoute, Project, Proposal};
use crate::log::exposure_of;
use crate::tui::action::{Action, Friction};
use crate::tui::effect::Effect;
use crate::tui::line_input::LineInput;
use crate::tui::model::Model;
use crate::tui::msg::Trouble;
use crate::tui::prose::Row;
use crate::tui::theme::Meaning;
use crate::tui::widgets::plan;
use crate::tui::widgets::popup::{Field, Popup};

/// A change to be confirmed.
#[derive(Clone, Debug)]
pub(in crate::tui) struct Confirm {
    pub(in crate::tui) action: Action,
    pub(in crate::tui) proposal: Box<Proposal>,
    pub(in crate::tui) reason: LineInput,
    pub(in crate::tui) typed: LineInput,
    pub(in crate::tui) focus: Focus,
    pub(in crate::tui) trouble: Option<Trouble>,
    /// Whether it was sent, and has yet to be answered.
    pub(in crate::tui) sent: bool,
    /// Where it came from, and steps back to.
    pub(in crate::tui) origin: Option<ShareForm>,
    pub(in crate::tui) scroll: usize,
}

/// The field that takes keys.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::tui) enum Focus {
    Reason,
    Typed,
}

impl Confirm {
    pub(in crate::tui) fn new(action: Action, proposal: Box<Proposal>, origin: Option<ShareForm>) -> Self {
        Self {
            action,
            proposal,
            reason: LineInput::default(),
            typed: LineInput::default(),
            focus: Focus::Reason,
            trouble: None,
            sent: false,
            origin,
            scroll: 0,
        }
    }

    pub(in crate::tui) fn edit(&mut self, key: KeyEvent) {
        let edited = match self.focus {
            Focus::Reason => self.reason.edit(key),
            Focus::Typed => self.typed.edit(key),
        };
        if edited {
            self.trouble = None;
        }
    }

    /// Takes pasted text. A word that is to be typed cannot be pasted.
    pub(in crate::tui) fn paste(&mut self, text: &str) {
        match self.focus {
            Focus::Reason => self.reason.paste(text),
            Focus::Typed => {
                let message = "the flag's key is to be typed, not pasted".to_owned();
                self.trouble = Some(Trouble { message, hint: None });
            }
        }
    }

    pub(in crate::tui) fn turn(&mut self) {
        if self.action.friction() == Friction::TypedKey {
            self.focus = match self.focus {
                Focus::Reason => Focus::Typed,
                Focus::Typed => Focus::Reason,
            };
        }
    }

    /// Does it, or says what is missing.
    pub(in crate::tui) fn confirm(&mut self) -> Vec<Effect> {
        if self.sent {
            return Vec::new();
        }
        let reason = self.reason.text();
        let optional = self.action.friction() == Friction::Low;
        if !(optional && reason.trim().is_empty())
            && let Err(error) = Project::check_reason(&reason)
        {
            self.focus = Focus::Reason;
            self.trouble = Some(Trouble::of(&error));
            return Vec::new();
        }
        let key = self.action.flag().as_str();
        if self.action.friction() == Friction::TypedKey && self.typed.text() != key {
            // The first Enter leads to the field, the second must have found it filled.
            if self.focus == Focus::Typed || !self.typed.is_empty() {
                let message = format!("found {:?}, expected {key:?}", self.typed.text());
                self.trouble = Some(Trouble { message, hint: None });
            }
            self.focus = Focus::Typed;
            return Vec::new();
        }
        if self.proposal.is_empty() {
            self.trouble = Some(Trouble { message: "there is nothing to change any more".to_owned(), hint: None });
            return Vec::new();
        }
        self.sent = true;
        self.trouble = None;
        let reason = (!reason.trim().is_empty()).then_some(reason);
        vec![Effect::Commit { action: self.action.clone(), proposal: self.proposal.clone(), reason }]
    }

    pub(in crate::tui) fn popup(&self, model: &Model) -> Popup {
        let columns = Popup::columns(model.area());
        let mut head = self.sentence(model).wrap(columns, 2);
        head.push(Row::new());
        let label = if self.action.friction() == Friction::Low { "Reason (optional)" } else { "Reason" };
        let mut fields =
            vec![Field { label: label.to_owned(), input: self.reason.clone(), focused: self.focus == Focus::Reason }];
        if self.action.friction() == Friction::TypedKey {
            fields.push(Field {
                label: "Type the key".to_owned(),
                input: self.typed.clone(),
                focused: self.focus == Focus::Typed,
            });
        }
        let mut body = vec![Row::new()];
        body.extend(plan::rows(self.proposal.plan(), columns));
        body.push(Row::new());
        body.extend(Row::of(Meaning::Muted, self.consequence(model)).wrap(columns, 0));
        let foot = self.trouble.as_ref().map(|trouble| trouble_rows(trouble, columns)).unwrap_or_default();
        Popup { title: self.title(), head, fields, body, foot, scroll: self.scroll }
    }

    fn title(&self) -> String {
        match &self.action {
            Action::Share { .. } => "Change a rollout".to_owned(),
            Action::Kill { .. } => "Kill".to_owned(),
            Action::Unkill { .. } => "Lift a kill".to_owned(),
        }
    }

    fn sentence(&self, model: &Model) -> Row {
        let flag = self.action.flag();
        let name = |row: Row| row.and(Meaning::Name, flag.as_str());
        match &self.action {
            Action::Share { rule, share, .. } => {
                let from =
                    model.facts.flag(flag).and_then(|flag| exposure_of(&flag.definition.flag, rule.as_deref()).ok());
                let place = rule.as_deref().map(|rule| format!(", rule {rule}")).unwrap_or_default();
                let from = from.map(|from| format!("{from} → ")).unwrap_or_default();
                name(Row::plain("Set the share of ")).and(Meaning::Text, format!("{place}: {from}{share}"))
            }
            Action::Kill { .. } => {
                let off = model.facts.flag(flag).map_or_else(
                    || "the off variant".to_owned(),
                    |flag| format!("variant {}", flag.definition.flag.off_variant),
                );
                name(Row::plain("Turn off ")).and(
                    Meaning::Text,
                    format!(" for everyone: they get {off}, stronger than rules, rollouts and overrides."),
                )
            }
            Action::Unkill { .. } => {
                name(Row::plain("Lift the kill of ")).and(Meaning::Text, ": its rules and its rollout decide again.")
            }
        }
    }

    fn consequence(&self, model: &Model) -> String {
        match &self.action {
            Action::Kill { route: KillRoute::Emergency, .. } => {
                let out = model.out.as_ref().map(|out| out.display().to_string()).unwrap_or_default();
                format!("One entry of the log. Clients get it at once, signed by the emergency key, from {out}.")
            }
            _ => "One entry of the log. Clients get it with the next snapshot, which P publishes.".to_owned(),
        }
    }
}
