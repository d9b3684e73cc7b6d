//! The steps of a rollout that moves by itself are entered, and what each comes to shows while they are typed.

use crossterm::event::KeyEvent;
use flag_core::{FlagKey, Share};

use super::share::trouble_rows;
use crate::app::{Proposal, Verdict as Access};
use crate::rollout::Schedule;
use crate::tui::action::{Action, SCHEDULES};
use crate::tui::effect::Effect;
use crate::tui::line_input::LineInput;
use crate::tui::model::Model;
use crate::tui::msg::Trouble;
use crate::tui::prose::{Row, fit};
use crate::tui::steps_text::{read, text_of};
use crate::tui::theme::{Meaning, Theme};
use crate::tui::widgets::plan;
use crate::tui::widgets::popup::{Field, Popup};
use crate::tui::widgets::share_bar::bar;

/// The entry of a rollout's steps.
#[derive(Clone, Debug)]
pub(in crate::tui) struct StepsForm {
    pub(in crate::tui) flag: FlagKey,
    pub(in crate::tui) input: LineInput,
    /// What the line says, or why it says nothing.
    schedule: Result<Schedule, String>,
    outcome: Option<Result<Box<Proposal>, Trouble>>,
    /// Whether its confirmation opens once it is worked out.
    pub(in crate::tui) goes_on: bool,
    pub(in crate::tui) scroll: usize,
}

impl StepsForm {
    /// Returns the form with the standard schedule, and what is to be worked out.
    pub(in crate::tui) fn open(flag: FlagKey) -> (Self, Vec<Effect>) {
        let mut form = Self {
            flag,
            input: LineInput::default(),
            schedule: Err(String::new()),
            outcome: None,
            goes_on: false,
            scroll: 0,
        };
        let effects = form.take(SCHEDULES[0]);
        (form, effects)
    }

    /// Takes a key that edits. Returns what is to be worked out then.
    pub(in crate::tui) fn edit(&mut self, key: KeyEvent) -> Vec<Effect> {
        if self.input.edit(key) { self.judge() } else { Vec::new() }
    }

    pub(in crate::tui) fn paste(&mut self, text: &str) -> Vec<Effect> {
        self.input.paste(text);
        self.judge()
    }

    fn judge(&mut self) -> Vec<Effect> {
        (self.outcome, self.goes_on, self.scroll) = (None, false, 0);
        self.schedule = read(&self.input.text());
        self.action().map(Effect::Propose).into_iter().collect()
    }

    /// Takes the steps of a schedule that has a name.
    fn take(&mut self, name: &str) -> Vec<Effect> {
        let steps = Schedule::named(name).map(|schedule| text_of(&schedule)).unwrap_or_default();
        self.input = LineInput::new(steps);
        self.judge()
    }

    /// Takes the steps of the next schedule that has a name.
    pub(in crate::tui) fn turn(&mut self) -> Vec<Effect> {
        self.take(self.next_name())
    }

    fn next_name(&self) -> &'static str {
        let name = self.schedule.as_ref().map_or("", Schedule::name);
        let at = SCHEDULES.iter().position(|known| *known == name).map_or(0, |at| at.saturating_add(1));
        SCHEDULES.get(at).copied().unwrap_or(SCHEDULES[0])
    }

    /// Returns the change that was entered.
    pub(in crate::tui) fn action(&self) -> Option<Action> {
        let schedule = self.schedule.as_ref().ok()?;
        Some(Action::Start { flag: self.flag.clone(), schedule: schedule.clone() })
    }

    pub(in crate::tui) fn proposed(&mut self, outcome: Result<Box<Proposal>, Trouble>) {
        self.outcome = Some(outcome);
    }

    /// Returns what it does, once that is known; notes that it is wanted where it is not.
    pub(in crate::tui) fn planned(&mut self) -> Option<Box<Proposal>> {
        self.goes_on = self.outcome.is_none() && self.schedule.is_ok();
        self.outcome.as_ref()?.as_ref().ok().cloned()
    }

    pub(in crate::tui) fn popup(&self, model: &Model) -> Popup {
        let columns = Popup::columns(model.area());
        let mut head = Row::plain("A share at its time after the start at the earliest; the gates may delay it. ")
            .and(Meaning::Key, "!")
            .and(Meaning::Text, " waits for an approval, ")
            .and(Meaning::Key, "soak=12h")
            .and(Meaning::Text, " is how long a step lasts at least.")
            .wrap(columns, 0);
        let name = match &self.schedule {
            Ok(schedule) => format!("This is the {} schedule. ", schedule.name()),
            Err(_) => String::new(),
        };
        let note = format!("{name}Tab takes the {} one.", self.next_name());
        head.extend(Row::of(Meaning::Muted, note).wrap(columns, 0));
        head.push(Row::new());
        let mut body = vec![Row::new()];
        match &self.schedule {
            Err(message) => body.extend(Row::of(Meaning::Danger, message).wrap(columns, 0)),
            Ok(schedule) => body.extend(table(schedule, columns)),
        }
        body.push(Row::new());
        match &self.outcome {
            None if self.schedule.is_ok() => body.push(Row::of(Meaning::Muted, "Working it out …")),
            None => {}
            Some(Err(trouble)) => body.extend(trouble_rows(trouble, columns)),
            Some(Ok(proposal)) => {
                body.push(Row::of(Meaning::Name, "What the first step does"));
                body.extend(plan::rows(proposal.plan(), columns));
                if let Access::Refused { refusal } = proposal.access() {
                    body.extend(Row::of(Meaning::Danger, refusal.to_string()).wrap(columns, 2));
                }
            }
        }
        Popup {
            title: format!("Rollout of {}, by itself", self.flag),
            head,
            fields: vec![Field { label: "Steps".to_owned(), input: self.input.clone(), focused: true }],
            body: body.into(),
            foot: Vec::new(),
            scroll: self.scroll,
        }
    }
}

/// Returns a line for each step: its share, when at the earliest, and how much more it exposes.
pub(in crate::tui) fn table(schedule: &Schedule, columns: usize) -> Vec<Row> {
    let mut rows =
        vec![Row::of(Meaning::Muted, "   share                      earliest    newly exposed").cut(columns)];
    let mut before = Share::NOBODY;
    for (step, place) in schedule.steps().iter().zip(1_usize..) {
        let more = step.share.thousandths().saturating_sub(before.thousandths());
        let more = Share::from_thousandths(more).unwrap_or_default();
        let earliest = if step.after.millis() == 0 { "at once".to_owned() } else { format!("after {}", step.after) };
        let row = Row::of(Meaning::Muted, format!("{place:>2} "))
            .join(bar(step.share.thousandths(), 100_000, 16, &Theme::plain()))
            .and(Meaning::Name, format!(" {:>7}  ", step.share.to_string()))
            .and(Meaning::Text, fit(&earliest, 12))
            .and(Meaning::Gain, format!("+{more}"))
            .and(Meaning::Notice, if step.approval { "  waits for an approval" } else { "" });
        rows.push(row.cut(columns));
        before = step.share;
    }
    if before != Share::EVERYONE {
        let note = format!("It ends at {before}: nobody else gets it by itself.");
        rows.extend(Row::of(Meaning::Muted, note).wrap(columns, 0));
    }
    rows
}
