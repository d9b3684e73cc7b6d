use clap::Args;

use super::flag::table;
use super::problem::Stop;
use super::session::{Opened, Session};
use super::terminal::{Form, Meaning, Terminal};
use crate::app::{AppError, Moment};

#[derive(Debug, Args)]
pub(super) struct LogArguments {
    /// Only the last so many changes
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
    /// Show the flags as they were, after an entry or at a time, rather than the changes
    #[arg(long, value_name = "SEQ|TIME", conflicts_with = "limit")]
    pub(super) at: Option<Moment>,
}

/// Tells what changed.
pub(super) fn log(session: &Session, terminal: &mut Terminal<'_>, arguments: &LogArguments) -> Result<(), Stop> {
    let opened = session.open()?;
    if let Some(moment) = arguments.at {
        return past(&opened, terminal, moment);
    }
    let lines = opened.project.history(session.named_environment(), arguments.limit)?;
    if terminal.form() == Form::Json {
        return terminal.json(&lines);
    }
    let is_alone = opened.project.state().environments().len() < 2;
    lines.iter().try_for_each(|line| match &line.environment {
        Some(environment) if !is_alone => terminal.line(format_args!("{line} [{environment}]")),
        _ => terminal.line(line),
    })
}

/// Shows the flags as they were.
fn past(opened: &Opened, terminal: &mut Terminal<'_>, moment: Moment) -> Result<(), Stop> {
    let past = opened.project.past(moment).map_err(AppError::from)?;
    // The environments of a project are those that it was made with.
    let Some(state) = past.state.environment(&opened.environment) else { return Ok(()) };
    let then = past.environment(&opened.environment, state);
    if terminal.form() == Form::Json {
        return terminal.json(&then);
    }
    let (head, time) = (then.head.seq, then.time);
    terminal.line(format_args!("{} after entry {head}, at {time}: {}", opened.environment, past.entry.sentence))?;
    if then.flags.is_empty() {
        terminal.line("no flags")?;
    } else {
        table(terminal, &then.flags)?;
    }
    then.kills.iter().try_for_each(|kill| {
        let why = kill.reason.unwrap_or("no reason given");
        let killed = terminal.paint(Meaning::Loss, format_args!("killed: {}", kill.target));
        terminal.line(format_args!("{killed} by {} since {}: {why}", kill.by, kill.since))
    })
}

/// Prints the definitions in force.
pub(super) fn export(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let opened = session.open()?;
    let definitions = opened.project.definitions(&opened.environment).map_err(AppError::from)?;
    let toml = definitions.to_toml();
    if terminal.form() == Form::Json {
        terminal.json(&serde_json::json!({ "toml": toml }))
    } else {
        terminal.text(&toml)
    }
}
