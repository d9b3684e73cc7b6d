//! The one confirmation that every change passes: what it does, why, and for what is dangerous a word to type.

use std::rc::Rc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::share::trouble_rows;
use crate::app::{Edit, EditKind, KillRoute, Project, Proposal, Subject, Verdict};
use crate::log::exposure_of;
use crate::rollout::Event;
use crate::tui::action::{Action, ReasonNeed};
use crate::tui::effect::Effect;
use crate::tui::facts::Facts;
use crate::tui::friction::{is_word, word};
use crate::tui::line_input::LineInput;
use crate::tui::model::{Dialog, Model};
use crate::tui::msg::Trouble;
use crate::tui::prose::{Row, count};
use crate::tui::steps_text::text_of;
use crate::tui::theme::Meaning;
use crate::tui::widgets::plan;
use crate::tui::widgets::popup::{Field, Popup};
use crate::tui::widgets::sheet::{Laid, Long, Sheet};

/// Why things are killed, by the key that says so.
const REASONS: [&str; 6] = ["errors or crashes", "too slow", "wrong results", "security", "privacy", "drill"];

/// A change to be confirmed.
#[derive(Clone, Debug)]
pub(in crate::tui) struct Confirm {
    pub(in crate::tui) action: Action,
    /// May be of thousands of changes, so that every copy of the model shares it.
    pub(in crate::tui) proposal: Rc<Proposal>,
    pub(in crate::tui) reason: LineInput,
    pub(in crate::tui) typed: LineInput,
    pub(in crate::tui) focus: Focus,
    pub(in crate::tui) trouble: Option<Trouble>,
    /// What was asked for, and has yet to be answered.
    pub(in crate::tui) sent: Option<Sent>,
    /// Whether the proposal is what was read.
    pub(in crate::tui) reading: Reading,
    /// Where it came from, and steps back to.
    pub(in crate::tui) origin: Option<Box<Dialog>>,
    /// The word to be typed, where the change is dangerous.
    pub(in crate::tui) word: Option<String>,
    pub(in crate::tui) scroll: usize,
    /// What it does, as rows.
    pub(in crate::tui) laid: Option<Laid>,
}

/// What is done with a confirmed change.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::tui) enum Sent {
    /// It is made.
    Made,
    /// It is put into the draft.
    Kept,
}

/// Whether a proposal is what whoever confirms it has read.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::tui) enum Reading {
    /// It is.
    AsShown,
    /// Another one was asked for, and is being worked out.
    Awaited,
    /// Others changed the project, and what it does is another now.
    Changed,
}

/// The field that takes keys.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(in crate::tui) enum Focus {
    Reason,
    Typed,
}

impl Confirm {
    pub(in crate::tui) fn new(action: Action, proposal: Box<Proposal>, origin: Option<Dialog>, facts: &Facts) -> Self {
        Self {
            word: word(&action, &proposal, facts),
            action,
            proposal: proposal.into(),
            reason: LineInput::default(),
            typed: LineInput::default(),
            focus: Focus::Reason,
            trouble: None,
            sent: None,
            reading: Reading::AsShown,
            origin: origin.map(Box::new),
            scroll: 0,
            laid: None,
        }
    }

    pub(in crate::tui) fn edit(&mut self, key: KeyEvent) {
        if self.sent.is_some() || self.action.reason() == ReasonNeed::NotAsked {
            return;
        }
        let edited = match self.focus {
            Focus::Reason => match self.listed_reason(key) {
                Some(reason) => {
                    self.reason = LineInput::new(reason);
                    true
                }
                None => self.reason.edit(key),
            },
            Focus::Typed => self.typed.edit(key),
        };
        if edited && self.reading != Reading::Changed {
            self.trouble = None;
        }
    }

    /// Returns the reason that a digit stands for, where nothing else is typed yet.
    fn listed_reason(&self, key: KeyEvent) -> Option<&'static str> {
        let KeyCode::Char(digit) = key.code else { return None };
        let is_free = self.reason.is_empty() || REASONS.contains(&self.reason.text().as_str());
        let is_kill = matches!(self.action, Action::Kill { .. });
        if !is_kill || !is_free || key.modifiers.contains(KeyModifiers::CONTROL) {
            return None;
        }
        let place = digit.to_digit(10)?.checked_sub(1)?;
        REASONS.get(usize::try_from(place).ok()?).copied()
    }

    /// Takes pasted text. A word that is to be typed cannot be pasted.
    pub(in crate::tui) fn paste(&mut self, text: &str) {
        match self.focus {
            Focus::Reason if self.action.reason() == ReasonNeed::NotAsked => {}
            Focus::Reason => self.reason.paste(text),
            Focus::Typed => self.trouble = Some(Trouble::saying("the key is to be typed, not pasted")),
        }
    }

    pub(in crate::tui) fn turn(&mut self) -> Vec<Effect> {
        if self.sent.is_some() {
            return Vec::new();
        }
        if self.word.is_some() {
            self.focus = match self.focus {
                Focus::Reason => Focus::Typed,
                Focus::Typed => Focus::Reason,
            };
        }
        Vec::new()
    }

    /// Does it, or says what is missing.
    pub(in crate::tui) fn confirm(&mut self) -> Vec<Effect> {
        if self.sent.is_some() || self.lacks() {
            return Vec::new();
        }
        self.trouble = None;
        match self.action {
            Action::Drop => return self.sent_to_draft(Effect::DropDraft),
            Action::Rebase => return self.sent_to_draft(Effect::RebaseDraft),
            _ => {}
        }
        self.sent = Some(Sent::Made);
        let reason = self.reason.text();
        let reason = (!reason.trim().is_empty()).then_some(reason);
        vec![Effect::Commit { action: self.action.clone(), proposal: Box::new((*self.proposal).clone()), reason }]
    }

    fn sent_to_draft(&mut self, effect: Effect) -> Vec<Effect> {
        self.sent = Some(Sent::Kept);
        vec![effect]
    }

    /// Puts it into the draft, or says why it cannot be.
    pub(in crate::tui) fn keep(&mut self) -> Vec<Effect> {
        if self.sent.is_some() {
            return Vec::new();
        }
        if !self.action.is_draftable() {
            self.trouble = Some(Trouble::saying("this is done at once or not at all, and no part of a draft"));
            return Vec::new();
        }
        self.sent_to_draft(Effect::Keep { proposal: Box::new((*self.proposal).clone()) })
    }

    /// Takes what it does now. Whoever read something else has to read it again.
    pub(in crate::tui) fn proposed(&mut self, proposal: Box<Proposal>, facts: &Facts) {
        self.word = word(&self.action, &proposal, facts);
        let is_same = proposal.edits() == self.proposal.edits() && proposal.plan() == self.proposal.plan();
        self.reading = match self.reading {
            Reading::AsShown if is_same || self.sent.is_some() => Reading::AsShown,
            Reading::Awaited => Reading::AsShown,
            Reading::AsShown | Reading::Changed => Reading::Changed,
        };
        self.proposal = proposal.into();
        self.laid = None;
        if self.reading == Reading::Changed {
            let trouble = Trouble::saying("others changed the project: what this does is not what it was");
            self.trouble = Some(trouble.with_hint("Enter takes note of it, the next one does it"));
        }
    }

    /// Tells whether something is missing, and says what.
    fn lacks(&mut self) -> bool {
        match self.reading {
            Reading::AsShown => {}
            Reading::Awaited => return true,
            Reading::Changed => {
                (self.reading, self.trouble) = (Reading::AsShown, None);
                return true;
            }
        }
        let reason = self.reason.text();
        let is_needed = self.action.reason() == ReasonNeed::Required || !reason.trim().is_empty();
        if is_needed && let Err(error) = Project::check_reason(&reason) {
            self.focus = Focus::Reason;
            self.trouble = Some(Trouble::of(&error));
            return true;
        }
        if let Some(expected) = &self.word
            && !is_word(&self.typed.text(), expected)
        {
            // The first Enter leads to the field, the second must have found it filled.
            if self.focus == Focus::Typed || !self.typed.is_empty() {
                self.trouble = Some(Trouble::saying(format!("found {:?}, expected {expected:?}", self.typed.text())));
            }
            self.focus = Focus::Typed;
            return true;
        }
        if self.proposal.is_empty() && !matches!(self.action, Action::Reject { .. } | Action::Drop | Action::Rebase) {
            self.trouble = Some(Trouble::saying("there is nothing to change any more"));
            return true;
        }
        false
    }

    /// Tells whether it only waits for the answer to something that is not asked again.
    pub(in crate::tui) fn is_passing(&self) -> bool {
        self.sent.is_some() && self.action.is_done_at_once()
    }

    pub(in crate::tui) fn popup(&self, model: &Model) -> Popup {
        let columns = Popup::columns(model.area());
        let mut head = self.sentence(model).wrap(columns, 2);
        if let Verdict::NeedsApproval { cause } = self.proposal.access() {
            let text = format!("This asks for another member's approval and changes nothing yet: {cause}.");
            head.extend(Row::of(Meaning::Notice, text).wrap(columns, 2));
        }
        if matches!(self.action, Action::Kill { .. }) {
            head.extend(reason_rows(columns));
        }
        head.push(Row::new());
        let mut fields = Vec::new();
        let label = match self.action.reason() {
            ReasonNeed::NotAsked => None,
            ReasonNeed::Optional => Some("Reason (optional)"),
            ReasonNeed::Required => Some("Reason"),
        };
        if let Some(label) = label {
            let (input, focused) = (self.reason.clone(), self.focus == Focus::Reason);
            fields.push(Field { label: label.to_owned(), input, focused });
        }
        if let Some(expected) = &self.word {
            fields.push(Field {
                label: format!("Type {expected}"),
                input: self.typed.clone(),
                focused: self.focus == Focus::Typed,
            });
        }
        let long = self.laid.as_ref().and_then(|laid| laid.rows(&model.facts, columns));
        let long = long.unwrap_or_else(|| self.effect_rows(&model.facts, columns).into());
        let after = Row::of(Meaning::Muted, self.consequence(model)).wrap(columns, 0);
        let body = Sheet { before: vec![Row::new()], long: Long::new(long, 0), after };
        let foot = self.trouble.as_ref().map(|trouble| trouble_rows(trouble, columns)).unwrap_or_default();
        Popup { title: self.title(), head, fields, body, foot, scroll: self.scroll }
    }

    /// Lays out what it does, unless that was done before: a draft may be thousands of changes.
    pub(in crate::tui) fn lay_out(&mut self, facts: &Rc<Facts>, columns: usize) {
        if self.laid.as_ref().and_then(|laid| laid.rows(facts, columns)).is_none() {
            self.laid = Some(Laid::new(Rc::clone(facts), columns, self.effect_rows(facts, columns)));
        }
    }

    /// Returns what it changes, and what that does to whom.
    fn effect_rows(&self, facts: &Facts, columns: usize) -> Vec<Row> {
        let mut rows = self.lost_rows(facts, columns);
        if matches!(
            self.action,
            Action::Apply
                | Action::Start { .. }
                | Action::Move { .. }
                | Action::Approve { .. }
                | Action::Undo { .. }
                | Action::Rebase
        ) {
            rows.extend(edit_rows(self.proposal.edits(), columns));
            rows.push(Row::new());
        }
        if !matches!(self.action, Action::Reject { .. } | Action::Drop) {
            rows.extend(plan::rows(self.proposal.plan(), columns));
            rows.push(Row::new());
        }
        rows
    }

    fn title(&self) -> String {
        match &self.action {
            Action::Share { .. } => "Change a rollout".to_owned(),
            Action::Kill { .. } => "Kill".to_owned(),
            Action::Unkill { .. } => "Lift a kill".to_owned(),
            Action::Start { .. } => "Start a rollout".to_owned(),
            Action::Move { .. } => "Move a rollout".to_owned(),
            Action::Undo { .. } => "Undo".to_owned(),
            Action::Apply => "Apply the draft".to_owned(),
            Action::Approve { request } => format!("Approve request {request}"),
            Action::Reject { request } => format!("Turn down request {request}"),
            Action::Drop => "Drop the draft".to_owned(),
            Action::Rebase => "Put the draft onto the log".to_owned(),
        }
    }

    fn sentence(&self, model: &Model) -> Row {
        let facts = &model.facts;
        match &self.action {
            Action::Share { flag, rule, share } => {
                let from =
                    facts.flag(flag.as_str()).and_then(|flag| exposure_of(&flag.definition.flag, rule.as_deref()).ok());
                let place = rule.as_deref().map(|rule| format!(", rule {rule}")).unwrap_or_default();
                let from = from.map(|from| format!("{from} → ")).unwrap_or_default();
                Row::plain("Set the share of ")
                    .and(Meaning::Name, flag.as_str())
                    .and(Meaning::Text, format!("{place}: {from}{share}"))
            }
            Action::Kill { flag, .. } => {
                let off = facts.flag(flag.as_str()).map_or_else(
                    || "the off variant".to_owned(),
                    |flag| format!("variant {}", flag.definition.flag.off_variant),
                );
                Row::plain("Turn off ").and(Meaning::Name, flag.as_str()).and(
                    Meaning::Text,
                    format!(" for everyone: they get {off}, stronger than rules, rollouts and overrides."),
                )
            }
            Action::Unkill { target } => Row::plain("Lift the kill of ")
                .and(Meaning::Name, target)
                .and(Meaning::Text, ": its rules and its rollout decide again."),
            Action::Start { flag, schedule } => Row::plain("Roll out ")
                .and(Meaning::Name, flag.as_str())
                .and(Meaning::Text, " by itself, on the ")
                .and(Meaning::Name, schedule.name())
                .and(Meaning::Text, " schedule: ")
                .and(Meaning::Text, text_of(schedule)),
            Action::Move { flag, event } => {
                let what = match event {
                    Event::Advance => "Go on to the next step of the rollout of ",
                    Event::Back => "Go back one step in the rollout of ",
                    Event::Pause => "Stop where it is the rollout of ",
                    Event::Resume => "Let go on the rollout of ",
                    _ => "Move the rollout of ",
                };
                Row::plain(what).and(Meaning::Name, flag.as_str())
            }
            Action::Undo { line } => Row::plain(format!("Take back entry {}: ", line.seq))
                .and(Meaning::Name, line.actor.to_string())
                .and(Meaning::Text, format!(" {}", line.sentence)),
            Action::Apply => Row::plain(format!("Make all of the draft's changes in {}.", facts.environment)),
            Action::Approve { request } => asked(model, *request, "Make what was asked for"),
            Action::Reject { request } => asked(model, *request, "Do not make what was asked for"),
            Action::Drop => {
                let changes = facts.draft.as_ref().map_or(0, |draft| draft.sentences.len());
                Row::plain(format!("Throw away the draft of {}.", count(changes, "change")))
            }
            Action::Rebase => {
                Row::plain(format!("Make the draft anew from entry {}, without what others changed too.", facts.head))
            }
        }
    }

    /// Returns what of the draft goes.
    fn lost_rows(&self, facts: &Facts, columns: usize) -> Vec<Row> {
        let Some(draft) = &facts.draft else { return Vec::new() };
        let lost = match &self.action {
            Action::Drop => &draft.sentences,
            Action::Rebase => &draft.lost,
            _ => return Vec::new(),
        };
        let line = |sentence: &String| Row::of(Meaning::Loss, "goes ").and(Meaning::Text, sentence).wrap(columns, 5);
        lost.iter().flat_map(line).chain(std::iter::once(Row::new())).collect()
    }

    fn consequence(&self, model: &Model) -> String {
        match &self.action {
            Action::Kill { .. } if let Some(server) = &model.server => {
                format!("One entry of the log. {server} signs it with its emergency key, and clients get it at once.")
            }
            Action::Drop | Action::Rebase => {
                "Nothing of it was in the log, and nothing gets there. u brings it back, while this sitting lasts."
                    .to_owned()
            }
            Action::Kill { route: KillRoute::Emergency, .. } => {
                let out = model.out.as_ref().map(|out| out.display().to_string()).unwrap_or_default();
                format!("One entry of the log. Clients get it at once, signed by the emergency key, from {out}.")
            }
            Action::Reject { .. } => "One entry of the log. Nothing else changes.".to_owned(),
            _ => "Goes into the log. Clients get it with the next snapshot, which P publishes.".to_owned(),
        }
    }
}

/// Returns the reasons that digits stand for, each beside its digit.
fn reason_rows(columns: usize) -> Vec<Row> {
    let mut rows = vec![Row::of(Meaning::Muted, "Why: ")];
    for (reason, number) in REASONS.iter().zip(1_usize..) {
        let choice = Row::of(Meaning::Key, number.to_string()).and(Meaning::Text, format!(" {reason}  "));
        let row = rows.pop().unwrap_or_default();
        if row.width().saturating_add(choice.width()) <= columns.saturating_add(2) {
            rows.push(row.join(choice));
        } else {
            rows.extend([row, Row::plain("     ").join(choice)]);
        }
    }
    rows
}

fn asked(model: &Model, request: u64, what: &str) -> Row {
    let found = model.facts.requests.iter().find(|found| found.number == request);
    let told = found.map_or_else(
        || format!("request {request}"),
        |found| format!("by {}: {}", found.by, found.sentences.join("; ")),
    );
    Row::plain(format!("{what} {told}"))
}

/// Returns what changes, field by field in words.
pub(in crate::tui) fn edit_rows(edits: &[Edit], columns: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for edit in edits {
        let (meaning, verb) = match (edit.kind, edit.subject) {
            (EditKind::Added, Subject::Kill) => (Meaning::Danger, "kill"),
            (EditKind::Added, _) => (Meaning::Gain, "new"),
            (EditKind::Removed, Subject::Kill) => (Meaning::Notice, "lift the kill of"),
            (EditKind::Removed, _) => (Meaning::Loss, "remove"),
            _ => (Meaning::Notice, "change"),
        };
        let subject = if edit.subject == Subject::Kill { String::new() } else { format!("{} ", edit.subject) };
        let row = Row::of(meaning, format!("{verb} ")).and(Meaning::Muted, subject).and(Meaning::Name, &edit.name);
        rows.extend(row.wrap(columns, 2));
        for field in &edit.fields {
            rows.extend(Row::plain(format!("  {field}")).wrap(columns, 4));
        }
    }
    rows
}
