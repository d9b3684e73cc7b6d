use std::path::{Path, PathBuf};

use clap::Args;
use flag_core::Share;
use serde::Serialize;

use super::change::{FileArguments, counted, propose_file};
use super::problem::Stop;
use super::session::{Opened, Session, read_text};
use super::terminal::{Form, Meaning, Terminal};
use super::{plan_markdown, plan_text};
use crate::app::{AppError, Limits, People, Profile, Proposal, UnknownPeople};
use crate::log::Head;

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    pub(super) source: FileArguments,
    /// Print Markdown, for a pull request
    #[arg(long, conflicts_with = "json")]
    pub(super) markdown: bool,
    /// Fail if a seed or unit changes, which draws every bucket anew
    #[arg(long)]
    pub(super) refuse_reshuffle: bool,
    /// Fail if more than this share of units may lose a flag
    #[arg(long, value_name = "SHARE")]
    pub(super) max_lose: Option<Share>,
    /// Say how many people that is, by a file that says how many there are and of which kind
    #[arg(long, value_name = "FILE")]
    pub(super) profile: Option<PathBuf>,
    /// Exit with 3 where something would change
    #[arg(long)]
    pub(super) exit_code: bool,
}

/// What a plan says.
#[derive(Serialize)]
struct Planned<'p> {
    applied: bool,
    dry_run: bool,
    #[serde(flatten)]
    proposal: &'p Proposal,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    people: Vec<Estimate<'p>>,
    head: Head,
}

/// How many people a plan means for one flag, or what is not known.
#[derive(Serialize)]
#[serde(untagged)]
enum Estimate<'p> {
    Known(&'p People),
    Unknown(&'p UnknownPeople),
}

impl<'p> Estimate<'p> {
    const fn of(people: &'p Result<People, UnknownPeople>) -> Self {
        match people {
            Ok(people) => Self::Known(people),
            Err(unknown) => Self::Unknown(unknown),
        }
    }
}

/// Shows what a file or a draft would do, and fails where that goes beyond what the caller allows.
pub(super) fn plan(session: &Session, terminal: &mut Terminal<'_>, arguments: &PlanArguments) -> Result<(), Stop> {
    let PlanArguments { source, markdown, refuse_reshuffle, max_lose, profile, exit_code } = arguments;
    let profile = profile.as_deref().map(read_profile).transpose()?;
    let opened_for = |mut opened: Opened| {
        if let Some(profile) = &profile {
            opened.project.plan_for(profile.population());
        }
        opened
    };
    let (opened, proposal) = if source.file.is_none() && session.is_for_draft() {
        let opened = opened_for(session.open_logged()?);
        let proposal = opened.project.propose_draft(&opened.kept_draft()?)?;
        (opened, proposal)
    } else {
        let opened = opened_for(session.open()?);
        let proposal = propose_file(&opened, source)?;
        (opened, proposal)
    };
    let people = match &profile {
        None => Vec::new(),
        Some(profile) => opened.project.people(&proposal, profile).map_err(AppError::from)?,
    };
    let head = proposal.base();
    if terminal.form() == Form::Json {
        let shown: Vec<Estimate<'_>> = people.iter().map(Estimate::of).collect();
        terminal.json(&Planned { applied: false, dry_run: true, proposal: &proposal, people: shown, head })?;
    } else if *markdown {
        terminal.line(plan_markdown::markdown(&proposal, &people).trim_end())?;
    } else {
        print(terminal, &proposal, &people)?;
    }
    Limits { reshuffle: *refuse_reshuffle, max_lose: *max_lose }.check(proposal.plan())?;
    if *exit_code && !proposal.is_empty() { Err(Stop::Changes) } else { Ok(()) }
}

fn read_profile(file: &Path) -> Result<Profile, Stop> {
    let (name, text) = read_text(file)?;
    Ok(Profile::from_toml(&text, &name)?)
}

fn print(
    terminal: &mut Terminal<'_>,
    proposal: &Proposal,
    people: &[Result<People, UnknownPeople>],
) -> Result<(), Stop> {
    plan_text::print(terminal, proposal)?;
    for (people, plan) in people.iter().zip(&proposal.plan().flags) {
        let name = terminal.paint(Meaning::Name, &plan.flag);
        terminal.line(format_args!("people: {name}: {}", plan_text::people_text(people)))?;
    }
    let environment = proposal.environment();
    if proposal.is_empty() {
        return terminal.line(format_args!("nothing to change in {environment}"));
    }
    terminal.line(format_args!("{} to {environment}, not applied", counted(proposal.changes().len(), "change")))
}
