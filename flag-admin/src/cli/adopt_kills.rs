use std::path::PathBuf;

use clap::Args;

use super::problem::Stop;
use super::session::{Session, read_bytes};
use super::terminal::{Form, Terminal};
use crate::app::Project;

#[derive(Debug, Args)]
pub(super) struct AdoptKillsArguments {
    /// The kills document that was found, as clients have it
    file: PathBuf,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    reason: String,
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
    opened.project.commit(&adoption.proposal, Some(&arguments.reason))?;
    if terminal.form() == Form::Json {
        return terminal.json(&adoption);
    }
    for kill in &adoption.kills {
        terminal.line(format_args!("the log has kill {} of {:?}", kill.id, kill.target))?;
    }
    terminal.line("next: lift what was never yours: flag-admin unkill TARGET --reason TEXT, and publish")
}
