//! A new share is entered, and what it does shows while it is typed.

use crossterm::event::KeyEvent;
use flag_core::{FlagKey, Share};

use crate::app::{Proposal, Verdict as Access};
use crate::log::exposure_of;
use crate::tui::action::Action;
use crate::tui::command::Command;
use crate::tui::effect::Effect;
use crate::tui::facts::FlagFacts;
use crate::tui::line_input::LineInput;
use crate::tui::model::Model;
use crate::tui::msg::Trouble;
use crate::tui::prose::Row;
use crate::tui::theme::Meaning;
use crate::tui::widgets::plan;
use crate::tui::widgets::popup::{Field, Popup};

/// The entry of a new share.
#[derive(Clone, Debug)]
pub(in crate::tui) struct ShareForm {
    pub(in crate::tui) flag: FlagKey,
    /// The rule whose share it is; none for the fallthrough.
    pub(in crate::tui) rule: Option<Box<str>>,
    pub(in crate::tui) input: LineInput,
    pub(in crate::tui) verdict: Verdict,
    /// Whether its confirmation opens once it is worked out.
    pub(in crate::tui) goes_on: bool,
    pub(in crate::tui) scroll: usize,
}

/// What is to be said of what was entered.
#[derive(Clone, Debug)]
pub(in crate::tui) enum Verdict {
    /// Nothing was entered yet.
    Nothing,
    /// It is no share.
    Invalid(String),
    /// What it does is being worked out.
    Pending(Share),
    /// This is what it does.
    Planned(Share, Box<Proposal>),
    /// It cannot be set.
    Refused(Share, Trouble),
}

impl ShareForm {
    /// Returns the form for a flag, for its fallthrough first.
    pub(in crate::tui) fn new(flag: &FlagFacts) -> Self {
        Self {
            flag: flag.key.clone(),
            rule: None,
            input: LineInput::default(),
            verdict: Verdict::Nothing,
            goes_on: false,
            scroll: 0,
        }
    }

    /// Takes a key that edits. Returns what is to be worked out then.
    pub(in crate::tui) fn edit(&mut self, key: KeyEvent) -> Vec<Effect> {
        if self.input.edit(key) { self.judge() } else { Vec::new() }
    }

    /// Judges what is entered.
    pub(in crate::tui) fn judge(&mut self) -> Vec<Effect> {
        let text = self.input.text();
        self.scroll = 0;
        self.goes_on = false;
        if text.trim().is_empty() {
            self.verdict = Verdict::Nothing;
            return Vec::new();
        }
        match text.parse::<Share>() {
            Err(error) => {
                self.verdict = Verdict::Invalid(error.to_string());
                Vec::new()
            }
            Ok(share) => {
                self.verdict = Verdict::Pending(share);
                self.action().map(Effect::Propose).into_iter().collect()
            }
        }
    }

    /// Returns the change that was entered.
    pub(in crate::tui) fn action(&self) -> Option<Action> {
        let share = match &self.verdict {
            Verdict::Pending(share) | Verdict::Planned(share, _) | Verdict::Refused(share, _) => *share,
            Verdict::Nothing | Verdict::Invalid(_) => return None,
        };
        Some(Action::Share { flag: self.flag.clone(), rule: self.rule.clone(), share })
    }

    /// Takes what the change would do.
    pub(in crate::tui) fn proposed(&mut self, outcome: Result<Box<Proposal>, Trouble>) {
        let Some(Action::Share { share, .. }) = self.action() else { return };
        self.verdict = match outcome {
            Ok(proposal) => Verdict::Planned(share, proposal),
            Err(trouble) => Verdict::Refused(share, trouble),
        };
    }

    /// Goes to the next place whose share can be set, or the one before.
    pub(in crate::tui) fn turn(&mut self, command: Command, flag: &FlagFacts) -> Vec<Effect> {
        let places: Vec<Option<Box<str>>> =
            std::iter::once(None).chain(flag.definition.flag.rules.iter().map(|rule| Some(rule.id.clone()))).collect();
        let here = places.iter().position(|place| *place == self.rule).unwrap_or(0);
        let step = if command == Command::PreviousRule { places.len().saturating_sub(1) } else { 1 };
        let next = here.saturating_add(step).checked_rem(places.len()).unwrap_or(0);
        self.rule = places.into_iter().nth(next).flatten();
        self.judge()
    }

    pub(in crate::tui) fn popup(&self, model: &Model) -> Popup {
        let columns = Popup::columns(model.area());
        let mut head = Vec::new();
        if let Some(flag) = model.facts.flag(self.flag.as_str()) {
            let now = exposure_of(&flag.definition.flag, self.rule.as_deref())
                .map_or_else(|error| error.to_string(), |share| format!("exposes {share} now"));
            let place = self.rule.as_deref().map_or_else(
                || if flag.rules() == 0 { "The flag".to_owned() } else { "Whom no rule takes".to_owned() },
                |rule| format!("Rule {rule}"),
            );
            head.extend(Row::plain(format!("{place}: {now}.")).wrap(columns, 2));
            if flag.rules() > 0 {
                let note = format!("Tab goes on to the flag's {}.", if flag.rules() == 1 { "rule" } else { "rules" });
                head.extend(Row::of(Meaning::Muted, note).wrap(columns, 2));
            }
        }
        let mut body = vec![Row::new()];
        body.extend(self.verdict_rows(columns));
        Popup {
            title: format!("Rollout of {}", self.flag),
            head,
            fields: vec![Field { label: "New share".to_owned(), input: self.input.clone(), focused: true }],
            body: body.into(),
            foot: Vec::new(),
            scroll: self.scroll,
        }
    }

    fn verdict_rows(&self, columns: usize) -> Vec<Row> {
        match &self.verdict {
            Verdict::Nothing => {
                Row::of(Meaning::Muted, "Type a percentage with up to three decimals, such as 25% or 0.5%.")
                    .wrap(columns, 0)
            }
            Verdict::Invalid(message) => Row::of(Meaning::Danger, message).wrap(columns, 0),
            Verdict::Pending(_) => vec![Row::of(Meaning::Muted, "Working it out …")],
            Verdict::Planned(_, proposal) if proposal.is_empty() => {
                vec![Row::plain("That is the share in force: there is nothing to change.")]
            }
            Verdict::Planned(_, proposal) => {
                let mut rows = plan::rows(proposal.plan(), columns);
                if let Access::Refused { refusal } = proposal.access() {
                    rows.push(Row::new());
                    rows.extend(Row::of(Meaning::Danger, refusal.to_string()).wrap(columns, 2));
                }
                rows
            }
            Verdict::Refused(_, trouble) => trouble_rows(trouble, columns),
        }
    }
}

/// Returns a failure and what to do about it.
pub(in crate::tui) fn trouble_rows(trouble: &Trouble, columns: usize) -> Vec<Row> {
    let mut rows = Row::of(Meaning::Danger, "error: ").and(Meaning::Text, &trouble.message).wrap(columns, 7);
    if let Some(hint) = &trouble.hint {
        rows.extend(Row::of(Meaning::Key, "hint: ").and(Meaning::Text, hint).wrap(columns, 6));
    }
    rows
}
