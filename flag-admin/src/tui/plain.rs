//! The dashboard line by line: for readers of the screen, for terminals that cannot be drawn on, and for pipes. It says only what is asked
//! for, redraws nothing, and asks before it changes anything.

use std::io::{self, BufRead, Write};
use std::rc::Rc;

use flag_core::Share;

use super::action::{Action, ReasonNeed};
use super::desk::Desk;
use super::effect::{Effect, PublishTo};
use super::facts::Facts;
use super::friction::{is_word, word};
use super::keymap::Keymap;
use super::listing::{Sort, View, listed};
use super::model::{Model, Start};
use super::msg::{Mover, Msg, Trouble};
use super::outcome::{done, held};
use super::prose::{Row, count};
use super::screens::confirm::edit_rows;
use super::screens::detail::{self, Tab};
use super::screens::explain::Explain;
use super::screens::{audit, kills, pending};
use super::theme::Theme;
use super::view::expired;
use super::widgets::plan;
use super::{DashboardError, Ended};
use crate::app::{KillRoute, Proposal, Verdict};

/// The columns of a line.
const COLUMNS: u16 = 80;
/// How many changes `log` tells where no number is given.
const LOG_LINES: usize = 20;

const HELP: &str = "\
list [WORDS]                  flags whose key, kind, stage, state, owner or tag holds every word
show FLAG                     everything about a flag
explain FLAG unit=ID A=B ...  what somebody gets, and why
kills                         what is killed, and what can be
log [NUMBER]                  the last changes
pending                       draft, requests, unpublished changes
set FLAG SHARE                another share, after saying who gains and who loses
kill FLAG REASON              turn off for everyone
unkill FLAG REASON            lift a kill
undo [ENTRY]                  take back the last change, or that of an entry
publish [DIR]                 sign a snapshot and write it where clients fetch it
quit                          leave";

/// Whether the reading goes on.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Flow {
    On,
    End,
}

/// The dashboard between two lines.
pub(super) struct Plain<'t> {
    desk: Desk,
    facts: Rc<Facts>,
    input: &'t mut dyn BufRead,
    output: &'t mut dyn Write,
}

impl<'t> Plain<'t> {
    pub(super) fn new(
        desk: Desk,
        input: &'t mut dyn BufRead,
        output: &'t mut dyn Write,
    ) -> Result<Self, DashboardError> {
        let facts = Rc::new(desk.facts()?);
        Ok(Self { desk, facts, input, output })
    }

    /// Answers line after line until the last.
    pub(super) fn run(mut self) -> Result<Ended, DashboardError> {
        let facts = &self.facts;
        let (flags, kills) = (count(facts.flags.len(), "flag"), count(facts.kills.len(), "kill"));
        let waiting = count(usize::try_from(facts.unpublished).unwrap_or(usize::MAX), "unpublished change");
        let greeting = format!(
            "{} / {}: {flags}, {kills}, {waiting}. help lists what can be said.",
            facts.project, facts.environment
        );
        self.say(&greeting)?;
        if let Some(warning) = expired(&self.model(), "\"publish\" signs another") {
            self.say(&warning)?;
        }
        while let Some(line) = self.ask("> ")? {
            let look = self.desk.look();
            self.hear(look)?;
            if self.answer(line.trim())? == Flow::End {
                break;
            }
        }
        Ok(Ended::ByUser)
    }

    fn say(&mut self, text: &str) -> io::Result<()> {
        // What a terminal would obey is not said.
        let clean: String = text.chars().filter(|c| !c.is_control() || *c == '\n').collect();
        writeln!(self.output, "{clean}")?;
        self.output.flush()
    }

    fn say_rows(&mut self, rows: &[Row]) -> io::Result<()> {
        rows.iter().try_for_each(|row| self.say(row.line(&Theme::plain()).to_string().trim_end()))
    }

    fn say_trouble(&mut self, trouble: &Trouble) -> io::Result<()> {
        self.say(&format!("error: {}", trouble.message))?;
        trouble.hint.as_ref().map_or(Ok(()), |hint| self.say(&format!("hint: {hint}")))
    }

    /// Returns the next line, or none at the end.
    fn ask(&mut self, prompt: &str) -> io::Result<Option<String>> {
        write!(self.output, "{prompt}")?;
        self.output.flush()?;
        let mut line = String::new();
        Ok((self.input.read_line(&mut line)? > 0).then_some(line))
    }

    /// Takes in what came of something, and says it.
    fn hear(&mut self, msg: Msg) -> io::Result<()> {
        match msg {
            Msg::Moved(facts, mover) => {
                let before = std::mem::replace(&mut self.facts, Rc::new(*facts));
                if mover == Mover::Others {
                    let news: Vec<Row> = self
                        .facts
                        .history
                        .iter()
                        .take_while(|line| line.seq > before.head)
                        .map(audit::sentence)
                        .collect();
                    self.say("Changed by others:")?;
                    self.say_rows(&news)?;
                }
                Ok(())
            }
            Msg::Committed { action, committed, reach } => match held(&action, &reach) {
                Some(trouble) => self.say_trouble(&trouble),
                None => self.say(&done(&action, committed.request, &reach)),
            },
            Msg::Published { version, place, .. } => self.say(&format!("Snapshot {version} is published to {place}")),
            Msg::Told(text) | Msg::Drafted(text) => self.say(&text),
            Msg::Lost(trouble)
            | Msg::Failed(trouble)
            | Msg::NotDrafted(trouble)
            | Msg::NotPublished(trouble)
            | Msg::Refused { trouble, .. } => self.say_trouble(&trouble),
            _ => Ok(()),
        }
    }

    fn perform(&mut self, effect: Effect) -> io::Result<()> {
        self.desk.perform(effect).into_iter().try_for_each(|msg| self.hear(msg))
    }

    fn model(&self) -> Model {
        let (now, out) = (self.desk.project.now(), self.desk.out.clone());
        let server = self.desk.server_place();
        let start = Start { now, size: (COLUMNS, 24), out, server, keymap: Rc::new(Keymap::standard()) };
        Model::new((*self.facts).clone(), start)
    }

    fn answer(&mut self, line: &str) -> io::Result<Flow> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = rest.trim();
        let columns = usize::from(COLUMNS);
        match verb {
            "" => {}
            "help" | "?" => self.say(HELP)?,
            "quit" | "exit" | "q" => return Ok(Flow::End),
            "list" => self.list(rest)?,
            "show" | "explain" => self.show(verb, rest)?,
            "kills" => self.say_rows(&kills::rows(&self.model(), columns))?,
            "log" => {
                let rows = audit::rows(&self.model(), columns, rest.parse().unwrap_or(LOG_LINES));
                self.say_rows(&rows)?;
            }
            "pending" => self.say_rows(&pending::rows(&self.model(), columns))?,
            "set" => self.set(rest)?,
            "kill" | "unkill" => self.kill(verb, rest)?,
            "undo" => self.undo(rest)?,
            "publish" => self.publish(rest)?,
            other => self.say(&format!("error: {other:?} is nothing that can be said; help lists what is"))?,
        }
        Ok(Flow::On)
    }

    fn list(&mut self, filter: &str) -> io::Result<()> {
        let facts = Rc::clone(&self.facts);
        let places = listed(&facts, filter, View::All, Sort::Key);
        self.say(&format!("{} of {}", places.len(), count(facts.flags.len(), "flag")))?;
        for flag in places.into_iter().filter_map(|place| facts.flags.get(place)) {
            let share = flag.share.map(|share| format!(", {share}")).unwrap_or_default();
            self.say(&format!("{}: {}{share}", flag.key, flag.phase.as_str()))?;
        }
        Ok(())
    }

    fn show(&mut self, verb: &str, rest: &str) -> io::Result<()> {
        let (key, context) = rest.split_once(' ').unwrap_or((rest, ""));
        let mut model = self.model();
        let Some(flag) = self.facts.flag(key).map(|flag| flag.key.clone()) else {
            return self.say(&format!("error: there is no flag {key:?}"));
        };
        model.selected = Some(flag.clone());
        let mut rows = Vec::new();
        if verb == "show" {
            rows.extend(
                [Tab::Overview, Tab::History].iter().flat_map(|tab| detail::rows(&model, *tab, usize::from(COLUMNS))),
            );
            return self.say_rows(&rows);
        }
        let mut explain = Explain::default();
        explain.input.paste(context);
        for effect in explain.ask(flag) {
            for msg in self.desk.perform(effect) {
                if let Msg::Explained { outcome, .. } = msg {
                    explain.answer = Some(outcome);
                }
            }
        }
        self.say_rows(&explain.rows(usize::from(COLUMNS)))
    }

    fn set(&mut self, rest: &str) -> io::Result<()> {
        let Some((key, share)) = rest.split_once(' ') else { return self.say("error: expected: set FLAG SHARE") };
        match (key.parse(), share.trim().parse::<Share>()) {
            (Ok(flag), Ok(share)) => self.change(Action::Share { flag, rule: None, share }, None),
            (Err(error), _) => self.say(&format!("error: {error}")),
            (_, Err(error)) => self.say(&format!("error: {error}")),
        }
    }

    fn kill(&mut self, verb: &str, rest: &str) -> io::Result<()> {
        let (key, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        if verb == "unkill" {
            return self.change(Action::Unkill { target: key.into() }, Some(reason.trim()));
        }
        let route = if self.desk.out.is_some() { KillRoute::Emergency } else { KillRoute::Snapshot };
        match key.parse() {
            Ok(flag) => self.change(Action::Kill { flag, route }, Some(reason.trim())),
            Err(error) => self.say(&format!("error: {error}")),
        }
    }

    fn undo(&mut self, rest: &str) -> io::Result<()> {
        let wanted: Option<u64> = rest.parse().ok();
        let line = self.facts.history.iter().find(|line| match wanted {
            Some(seq) => line.seq == seq,
            None => line.environment.is_some() && line.change.subject().is_some(),
        });
        match line.cloned() {
            Some(line) => self.change(Action::Undo { line: Box::new(line) }, None),
            None => self.say("error: there is no such entry"),
        }
    }

    fn publish(&mut self, rest: &str) -> io::Result<()> {
        if self.desk.afar.is_some() {
            return self.perform(Effect::Publish { to: PublishTo::Server });
        }
        let out = if rest.is_empty() { self.desk.out.clone() } else { Some(rest.into()) };
        match out {
            Some(out) => self.perform(Effect::Publish { to: PublishTo::Folder(out) }),
            None => self.say("error: it is not known where to; expected: publish DIR"),
        }
    }

    /// Says what a change does, asks whether it is to be done, and does it.
    fn change(&mut self, action: Action, reason: Option<&str>) -> io::Result<()> {
        let mut proposal: Option<Box<Proposal>> = None;
        for msg in self.desk.perform(Effect::Propose(action.clone())) {
            match msg {
                Msg::Proposed { outcome: Ok(found), .. } => proposal = Some(found),
                Msg::Proposed { outcome: Err(trouble), .. } => self.say_trouble(&trouble)?,
                other => self.hear(other)?,
            }
        }
        let Some(proposal) = proposal else { return Ok(()) };
        if let Verdict::Refused { refusal } = proposal.access() {
            return self.say(&format!("error: {refusal}"));
        }
        if proposal.is_empty() {
            return self.say("That is so already.");
        }
        self.say_rows(&edit_rows(proposal.edits(), usize::from(COLUMNS)))?;
        self.say_rows(&plan::rows(proposal.plan(), usize::from(COLUMNS)))?;
        if action.reason() == ReasonNeed::Required
            && let Err(error) = crate::app::Project::check_reason(reason.unwrap_or_default())
        {
            return self.say_trouble(&Trouble::of(&error));
        }
        let expected = word(&action, &proposal, &self.facts).unwrap_or_else(|| "yes".to_owned());
        let typed = self.ask(&format!("Type {expected} to do it: "))?.unwrap_or_default();
        if !is_word(typed.trim(), &expected) {
            return self.say("Nothing was changed.");
        }
        let reason = reason.filter(|reason| !reason.is_empty()).map(str::to_owned);
        self.perform(Effect::Commit { action, proposal, reason })
    }
}
