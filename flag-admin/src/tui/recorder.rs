//! The last screens of a sitting, kept so that a bug can be shown: without names, reasons and what was typed.

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use flag_core::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::keymap::Key;
use super::line_input::LineInput;
use super::model::{Dialog, Model};
use super::msg::Msg;
use super::theme::Theme;
use super::view::view;
use super::widgets::notice::Notice;

/// How many screens are kept.
const KEPT: usize = 300;
/// The form of files that this version writes and reads.
const SCHEMA: u32 = 1;

/// A sitting as it is written to a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recorded {
    schema: u32,
    /// The version of the program.
    program: String,
    /// Oldest first.
    pub(super) frames: Vec<Frame>,
}

/// One screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Frame {
    /// Milliseconds since the first screen.
    pub(super) at: i64,
    /// What happened before it.
    pub(super) event: String,
    /// Its rows, from the top.
    pub(super) rows: Vec<String>,
}

/// Keeps the last screens.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    frames: VecDeque<Frame>,
    began: Option<Timestamp>,
    event: String,
    /// Facts as they are, and without names and reasons.
    redacted: Option<(Rc<Facts>, Rc<Facts>)>,
}

impl Recorder {
    /// Notes what happens. A character that is entered somewhere is no more than that.
    pub(super) fn note(&mut self, model: &Model, msg: &Msg) {
        let event = match msg {
            Msg::Key(event) => match Key::of(*event) {
                Key::Char(_) if model.place().is_input() => "a character".to_owned(),
                key => key.to_string(),
            },
            Msg::Click(column, row) => format!("click at {column}, {row}"),
            Msg::Wheel(turn) => format!("wheel {turn:?}").to_lowercase(),
            Msg::Paste(_) => "paste".to_owned(),
            Msg::Resize(columns, rows) => format!("{columns}x{rows}"),
            Msg::Moved(..) => "the project moved on".to_owned(),
            Msg::Lost(_) => "the project cannot be read".to_owned(),
            _ => return,
        };
        self.event = event;
    }

    /// Keeps the screen as it is drawn now.
    pub(super) fn keep(&mut self, model: &Model, theme: &Theme) {
        let facts = match &self.redacted {
            Some((whole, redacted)) if Rc::ptr_eq(whole, &model.facts) => Rc::clone(redacted),
            _ => {
                let redacted = Rc::new(without_people(&model.facts));
                self.redacted = Some((Rc::clone(&model.facts), Rc::clone(&redacted)));
                redacted
            }
        };
        let model = without_entries(model, facts);
        let (columns, rows) = model.size;
        let Ok(mut terminal) = Terminal::new(TestBackend::new(columns, rows));
        if terminal.draw(|frame| view(&model, theme, frame)).is_err() {
            return;
        }
        let cells = &terminal.backend().buffer().content;
        let row = |line: &[ratatui::buffer::Cell]| {
            line.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()
        };
        let rows = cells.chunks(usize::from(columns.max(1))).map(row).collect();
        let began = *self.began.get_or_insert(model.now);
        if self.frames.len() >= KEPT {
            self.frames.pop_front();
        }
        let (at, event) = (model.now.millis_since(began), std::mem::take(&mut self.event));
        self.frames.push_back(Frame { at, event, rows });
    }

    /// Returns what is kept, as a file holds it.
    pub(super) fn to_json(&self) -> Result<String, serde_json::Error> {
        let program = env!("CARGO_PKG_VERSION").to_owned();
        serde_json::to_string(&Recorded { schema: SCHEMA, program, frames: self.frames.iter().cloned().collect() })
    }
}

impl Recorded {
    /// Reads a file's text. A file of another form is refused.
    pub(super) fn of_json(text: &str) -> Result<Self, serde_json::Error> {
        let recorded: Self = serde_json::from_str(text)?;
        if recorded.schema != SCHEMA || recorded.frames.is_empty() {
            let found = format!(
                "form {} with {} screens, expected form {SCHEMA} with some",
                recorded.schema,
                recorded.frames.len()
            );
            return Err(serde::de::Error::custom(found));
        }
        Ok(recorded)
    }
}

/// Returns facts in which people are numbered, and what they wrote is left out.
fn without_people(facts: &Facts) -> Facts {
    let mut people = People::default();
    let mut facts = facts.clone();
    "project".clone_into(&mut facts.project);
    people.hide(&mut facts.actor);
    for flag in &mut facts.flags {
        people.hide(&mut flag.changed_by);
        let owner = flag.definition.documentation.owner.take().map(|mut owner| {
            people.hide(&mut owner);
            owner
        });
        flag.definition.documentation = crate::definition::Documentation { owner, ..Default::default() };
    }
    for rollout in &mut facts.rollouts {
        people.hide(&mut rollout.by);
    }
    for kill in &mut facts.kills {
        people.hide(&mut kill.by);
        kill.reason = kill.reason.as_ref().map(|_| "(reason)".to_owned());
    }
    for request in &mut facts.requests {
        people.hide(&mut request.by);
        request.reason = request.reason.as_ref().map(|_| "(reason)".to_owned());
    }
    for line in &mut facts.history {
        let mut actor = line.actor.to_string();
        people.hide(&mut actor);
        if let Ok(actor) = actor.parse() {
            line.actor = actor;
        }
        line.reason = line.reason.as_ref().map(|_| "(reason)".to_owned());
    }
    let sentences = facts.history.iter_mut().map(|line| &mut line.sentence);
    let sentences = sentences.chain(facts.requests.iter_mut().flat_map(|request| &mut request.sentences));
    for sentence in sentences {
        people.hide_within(sentence);
    }
    facts
}

/// The names met so far, and what stands for each.
#[derive(Debug, Default)]
struct People(BTreeMap<String, String>);

impl People {
    fn hide(&mut self, name: &mut String) {
        let number = self.0.len().saturating_add(1);
        let shown = self.0.entry(name.clone()).or_insert_with(|| format!("@person{number}"));
        name.clone_from(shown);
    }

    fn hide_within(&self, text: &mut String) {
        for (name, shown) in &self.0 {
            if text.contains(name.as_str()) {
                *text = text.replace(name.as_str(), shown);
            }
        }
    }
}

/// Returns the model with other facts, and without what was entered and what messages say.
pub(super) fn without_entries(model: &Model, facts: Rc<Facts>) -> Model {
    let mut model = model.clone();
    // What is laid out is of drafts, which stay as they are.
    model.laid = model.laid.map(|(room, laid)| (room, laid.shared_with(&facts)));
    if let Some(Dialog::Confirm(confirm)) = &mut model.dialog {
        confirm.laid = confirm.laid.as_ref().map(|laid| laid.shared_with(&facts));
    }
    model.facts = facts;
    model.out = None;
    let hidden = |input: &LineInput| LineInput::new("x".repeat(input.text().chars().count()));
    model.filter = hidden(&model.filter);
    model.audit.filter = hidden(&model.audit.filter);
    model.explain.input = hidden(&model.explain.input);
    model.audit.inspected = None;
    model.notice = model.notice.map(Notice::without_words);
    if let Some(trouble) = &mut model.failure {
        "(message)".clone_into(&mut trouble.message);
        trouble.hint = None;
    }
    if let Some(trouble) = &mut model.link.lost {
        "(message)".clone_into(&mut trouble.message);
    }
    match &mut model.dialog {
        Some(Dialog::Confirm(confirm)) => {
            confirm.reason = hidden(&confirm.reason);
            confirm.typed = hidden(&confirm.typed);
        }
        Some(Dialog::Publish(form)) => form.out = hidden(&form.out),
        Some(Dialog::Share(_) | Dialog::Steps(_) | Dialog::Awaited(_) | Dialog::Passphrase(_)) | None => {}
    }
    model
}
