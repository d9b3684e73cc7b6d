use serde::Serialize;

use super::arguments::{ApplyArguments, ChangeArguments, PlanArguments, RolloutArguments, SwitchArguments};
use super::plan_text;
use super::problem::Stop;
use super::session::{Opened, Session, read_text};
use super::terminal::{Form, Terminal};
use crate::app::{Enabled, Project, Proposal, Prune};
use crate::definition::Definitions;
use crate::log::Head;

/// What became of a proposal.
#[derive(Serialize)]
struct Outcome<'p> {
    applied: bool,
    dry_run: bool,
    #[serde(flatten)]
    proposal: &'p Proposal,
    head: Head,
}

/// How far a command goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// It shows what it would do.
    Show,
    /// It asks, and does it.
    Ask,
    /// It does it without asking.
    Do,
}

impl ChangeArguments {
    pub(super) const fn extent(&self) -> Extent {
        if self.dry_run { Extent::Show } else { Extent::Ask }
    }
}

pub(super) fn plan(session: &Session, terminal: &mut Terminal<'_>, arguments: &PlanArguments) -> Result<(), Stop> {
    let mut opened = session.open()?;
    let proposal = propose_file(&opened, arguments)?;
    carry_out(&mut opened, terminal, &proposal, Extent::Show, None)
}

pub(super) fn apply(session: &Session, terminal: &mut Terminal<'_>, arguments: &ApplyArguments) -> Result<(), Stop> {
    let mut opened = session.open()?;
    let proposal = propose_file(&opened, &arguments.plan)?;
    carry_out(&mut opened, terminal, &proposal, arguments.change.extent(), arguments.change.reason.as_deref())
}

pub(super) fn rollout(
    session: &Session,
    terminal: &mut Terminal<'_>,
    arguments: &RolloutArguments,
) -> Result<(), Stop> {
    let mut opened = session.open()?;
    let RolloutArguments { flag, share, rule, change } = arguments;
    let proposal = opened.project.propose_rollout(&opened.environment, flag, rule.as_deref(), *share)?;
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
}

pub(super) fn switch(
    session: &Session,
    terminal: &mut Terminal<'_>,
    arguments: &SwitchArguments,
    enabled: Enabled,
) -> Result<(), Stop> {
    let mut opened = session.open()?;
    let SwitchArguments { key, change } = arguments;
    let proposal = opened.project.propose_enabled(&opened.environment, key, enabled)?;
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
}

fn propose_file(opened: &Opened, arguments: &PlanArguments) -> Result<Proposal, Stop> {
    let (name, text) = read_text(&arguments.file)?;
    let definitions = Definitions::from_toml(&text, &name)?;
    let prune = if arguments.prune { Prune::Archive } else { Prune::Keep };
    Ok(opened.project.propose_definitions(&opened.environment, &definitions, prune)?)
}

/// Shows what is proposed, asks, does it, and says so.
pub(super) fn carry_out(
    opened: &mut Opened,
    terminal: &mut Terminal<'_>,
    proposal: &Proposal,
    extent: Extent,
    reason: Option<&str>,
) -> Result<(), Stop> {
    if let Some(reason) = reason {
        Project::check_reason(reason)?;
    }
    let goes_on = extent != Extent::Show && !proposal.is_empty();
    let mut shown = if terminal.form() == Form::Text { plan_text::print(terminal, proposal) } else { Ok(()) };
    if goes_on && extent == Extent::Ask && terminal.has_to_ask() {
        let (changes, environment) = (counted(proposal.changes().len(), "change"), proposal.environment());
        let question = format!("Apply {changes} to {environment}?");
        shown = Ok(shown.and_then(|()| terminal.confirm(&question)).map_err(unseen)?);
    }
    // What needs no answer is done even where nobody reads on: its exit code says that it was.
    let head = if goes_on { opened.project.commit(proposal, reason)?.head } else { proposal.base() };
    shown?;
    if terminal.form() == Form::Json {
        return terminal.json(&Outcome { applied: goes_on, dry_run: extent == Extent::Show, proposal, head });
    }
    let environment = proposal.environment();
    let changes = counted(proposal.changes().len(), "change");
    match (goes_on, proposal.is_empty()) {
        (_, true) => terminal.line(format_args!("nothing to change in {environment}")),
        (false, _) => terminal.line(format_args!("{changes} to {environment}, not applied")),
        (true, _) => terminal.line(format_args!("applied {changes} to {environment}; the log ends with entry {head}")),
    }
}

/// Turns a reader that went away into a refusal: nobody agrees to a plan that they cannot see.
fn unseen(stop: Stop) -> Stop {
    match stop {
        Stop::BrokenPipe => {
            let hint = Some("run it with --yes to go on unseen");
            Stop::problem("not_confirmed", "the plan could not be shown, so nothing was changed", hint)
        }
        stop @ Stop::Problem(_) => stop,
    }
}

/// Returns a number with its noun.
pub(super) fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
