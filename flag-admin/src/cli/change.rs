use std::path::PathBuf;

use clap::Args;
use flag_core::Share;
use serde::Serialize;

use super::arguments::ChangeArguments;
use super::plan_text;
use super::problem::Stop;
use super::session::{Opened, Session, read_text};
use super::terminal::{Form, LOOK_FIRST, Terminal};
use crate::app::{Enabled, Project, Proposal, Prune, StageStep, Verdict};
use crate::definition::Definitions;
use crate::log::Head;

/// Where the definitions of a plan come from.
#[derive(Debug, Args)]
pub(super) struct FileArguments {
    /// The file of definitions; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Archive what the file does not name
    #[arg(long, requires = "file")]
    pub(super) prune: bool,
}

#[derive(Debug, Args)]
pub(super) struct ApplyArguments {
    #[command(flatten)]
    pub(super) source: FileArguments,
    /// Put the draft onto the log as it stands first, without the changes that others got in the way of
    #[arg(long, conflicts_with = "file")]
    pub(super) rebase: bool,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct SwitchArguments {
    /// The flag
    pub(super) key: String,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct RolloutArguments {
    /// The flag
    pub(super) flag: String,
    /// The share: a percentage with up to three decimals
    #[arg(allow_hyphen_values = true)]
    pub(super) share: Share,
    /// The rule whose share is set, rather than the fallthrough's
    #[arg(long, value_name = "ID")]
    pub(super) rule: Option<String>,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

/// What became of a proposal.
#[derive(Serialize)]
struct Outcome<'p> {
    applied: bool,
    dry_run: bool,
    /// The request that the changes wait in, where they need another member's approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<u64>,
    #[serde(flatten)]
    proposal: &'p Proposal,
    #[serde(skip_serializing_if = "Steps::is_empty")]
    steps: Steps<'p>,
    head: Head,
}

/// The steps of a flag's life that a proposal makes, for those who read JSON.
#[derive(Copy, Clone, Default, Serialize)]
pub(super) struct Steps<'p>(pub(super) &'p [StageStep]);

impl Steps<'_> {
    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// How far a command goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// It shows what it would do.
    Show,
    /// It asks, and does it.
    Ask,
    /// It asks for the name of what it is about, and does it.
    AskName,
    /// It does it without asking.
    Do,
}

impl ChangeArguments {
    pub(super) const fn extent(&self) -> Extent {
        if self.dry_run { Extent::Show } else { Extent::Ask }
    }
}

pub(super) fn apply(session: &Session, terminal: &mut Terminal<'_>, arguments: &ApplyArguments) -> Result<(), Stop> {
    let ApplyArguments { source, rebase, change } = arguments;
    if source.file.is_none() {
        return super::draft::apply(session, terminal, *rebase, change);
    }
    let mut opened = session.open()?;
    let proposal = propose_file(&opened, source)?;
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
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

/// Works out what it takes to make the environment what a file says.
pub(super) fn propose_file(opened: &Opened, arguments: &FileArguments) -> Result<Proposal, Stop> {
    let Some(file) = &arguments.file else {
        let hint = Some("name a file with -f FILE, or work on your draft with --draft");
        return Err(Stop::problem("usage", "there is nothing to plan", hint));
    };
    let (name, text) = read_text(file)?;
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
    carry_out_steps(opened, terminal, proposal, extent, reason, Steps::default())
}

/// Carries out a proposal that brings a flag to another stage.
pub(super) fn carry_out_steps(
    opened: &mut Opened,
    terminal: &mut Terminal<'_>,
    proposal: &Proposal,
    extent: Extent,
    reason: Option<&str>,
    steps: Steps<'_>,
) -> Result<(), Stop> {
    if let Some(reason) = reason {
        Project::check_reason(reason)?;
    }
    if let Some(draft) = opened.draft.take() {
        return super::draft::gather(opened, terminal, draft, proposal, extent);
    }
    let goes_on = extent != Extent::Show && !proposal.is_empty();
    if let (true, Verdict::Refused { refusal }) = (goes_on, proposal.access()) {
        return Err(crate::app::AppError::from(refusal.clone()).into());
    }
    let mut shown = if terminal.form() == Form::Text { plan_text::print(terminal, proposal) } else { Ok(()) };
    if goes_on && matches!(extent, Extent::Ask | Extent::AskName) && terminal.has_to_ask() {
        let (changes, environment) = (counted(proposal.changes().len(), "change"), proposal.environment());
        let question = match proposal.access() {
            Verdict::NeedsApproval { .. } => format!("Ask for approval of {changes} to {environment}?"),
            _ => format!("Apply {changes} to {environment}?"),
        };
        let named = proposal.edits().first().map(|edit| &*edit.name).filter(|_| extent == Extent::AskName);
        let answered = shown.and_then(|()| match named {
            Some(name) => terminal.confirm_name(&question, name),
            None => terminal.confirm(&question, LOOK_FIRST),
        });
        shown = Ok(answered.map_err(unseen)?);
    }
    // What needs no answer is done even where nobody reads on: its exit code says that it was.
    let committed = if goes_on { Some(opened.project.commit(proposal, reason)?) } else { None };
    shown?;
    let head = committed.map_or(proposal.base(), |committed| committed.head);
    let request = committed.and_then(|committed| committed.request);
    let applied = goes_on && request.is_none();
    if terminal.form() == Form::Json {
        let dry_run = extent == Extent::Show;
        return terminal.json(&Outcome { applied, dry_run, request, proposal, steps, head });
    }
    let environment = proposal.environment();
    let changes = counted(proposal.changes().len(), "change");
    match (goes_on, proposal.is_empty(), request) {
        (_, true, _) => terminal.line(format_args!("nothing to change in {environment}")),
        (false, ..) => terminal.line(format_args!("{changes} to {environment}, not applied")),
        (true, _, Some(request)) => terminal
            .line(format_args!("{changes} to {environment} wait for another member: flag-admin approve {request}")),
        (true, ..) => terminal.line(format_args!("applied {changes} to {environment}; the log ends with entry {head}")),
    }
}

/// Turns a reader that went away into a refusal: nobody agrees to a plan that they cannot see.
pub(super) fn unseen(stop: Stop) -> Stop {
    match stop {
        Stop::BrokenPipe => {
            let hint = Some("run it with --yes to go on unseen");
            Stop::problem("not_confirmed", "the plan could not be shown, so nothing was changed", hint)
        }
        stop => stop,
    }
}

/// Returns a number with its noun.
pub(super) fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
