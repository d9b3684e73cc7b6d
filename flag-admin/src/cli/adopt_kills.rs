use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::change::counted;
use super::plan_text;
use super::problem::Stop;
use super::session::{Session, read_bytes};
use super::terminal::{Form, Terminal};
use crate::app::{Adoption, Project};

#[derive(Debug, Args)]
pub(super) struct AdoptKillsArguments {
    /// The kills document that was found, as clients have it
    file: PathBuf,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Show which kills the log would get and whom they reach, and do nothing
    #[arg(long)]
    dry_run: bool,
}

/// What a command says of kills that were taken in, or would be.
#[derive(Serialize)]
struct Adopted<'a> {
    applied: bool,
    dry_run: bool,
    #[serde(flatten)]
    adoption: &'a Adoption,
}

/// Takes kills of a stolen emergency key into the log, so that they can be lifted.
pub(super) fn adopt(
    session: &Session,
    terminal: &mut Terminal<'_>,
    arguments: &AdoptKillsArguments,
) -> Result<(), Stop> {
    Project::check_reason(&arguments.reason)?;
    let envelope = read_bytes(&arguments.file)?;
    let mut opened = session.open_logged()?;
    let adoption = opened.project.propose_adoption(&opened.environment, &envelope)?;
    let dry_run = arguments.dry_run;
    if !dry_run {
        opened.project.commit(&adoption.proposal, Some(&arguments.reason))?;
    }
    if terminal.form() == Form::Json {
        return terminal.json(&Adopted { applied: !dry_run, dry_run, adoption: &adoption });
    }
    if dry_run {
        plan_text::print(terminal, &adoption.proposal)?;
        return terminal.line(format_args!("{} not taken in", counted(adoption.kills.len(), "kill")));
    }
    for kill in &adoption.kills {
        terminal.line(format_args!("the log has kill {} of {:?}", kill.id, kill.target))?;
    }
    terminal.line("next: lift what was never yours: flag-admin unkill TARGET --reason TEXT, and publish")
}
