//! Bugs that people signal.

use clap::{Subcommand, ValueEnum};
use flag_core::FlagKey;
use serde::Serialize;

use super::arguments::ChangeArguments;
use super::change::carry_out;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Terminal};
use crate::app::AppError;
use crate::rollout::{OpenSignal, Rate, Severity};

#[derive(Debug, Subcommand)]
pub(super) enum SignalCommand {
    /// Signal a bug of what a flag turns on: a P0 takes its rollout back, a P1 that affects more than a tenth pauses it
    #[command(
        after_help = "Examples:\n  flag-admin signal raise command_history p0 --reason \"history lost on upgrade\" --yes\n  flag-admin signal raise command_history p1 --affected 15% --reason \"slow search\""
    )]
    Raise {
        /// The flag
        flag: String,
        /// p0: crashes, loss of data, security; p1: bad for some
        severity: Grade,
        /// The share of those who have the flag that it affects
        #[arg(long, value_name = "PERCENT", required_if_eq("severity", "p1"))]
        affected: Option<Rate>,
        #[command(flatten)]
        change: ChangeArguments,
    },
    /// Clear a signal that is dealt with
    #[command(after_help = "Example:\n  flag-admin signal clear 412 --reason \"fixed in 1.3.1\"")]
    Clear {
        /// Its number
        signal: u64,
        #[command(flatten)]
        change: ChangeArguments,
    },
    /// List the signals that stand
    #[command(after_help = "Example:\n  flag-admin signal list --json")]
    List,
}

#[derive(Copy, Clone, Debug, ValueEnum)]
pub(super) enum Grade {
    P0,
    P1,
}

#[derive(Serialize)]
struct Line<'s> {
    flag: &'s FlagKey,
    #[serde(flatten)]
    signal: &'s OpenSignal,
}

/// Runs a command about signals.
pub(super) fn run(session: &Session, terminal: &mut Terminal<'_>, command: SignalCommand) -> Result<(), Stop> {
    let mut opened = session.open_logged()?;
    let (proposal, change) = match command {
        SignalCommand::List => {
            let signals = &opened.project.environment(&opened.environment).map_err(AppError::from)?.signals;
            let lines: Vec<Line<'_>> = signals
                .iter()
                .flat_map(|(flag, signals)| signals.iter().map(move |signal| Line { flag, signal }))
                .collect();
            if terminal.form() == Form::Json {
                return terminal.json(&lines);
            }
            if lines.is_empty() {
                return terminal.line(format_args!("no signal stands in {}", opened.environment));
            }
            let mut rows =
                vec![["signal", "flag", "grade", "affects", "by", "since", "reason"].map(str::to_owned).to_vec()];
            rows.extend(lines.iter().map(|Line { flag, signal }| {
                vec![
                    signal.id.to_string(),
                    flag.to_string(),
                    signal.severity.to_string(),
                    signal.affected.map_or_else(|| "-".to_owned(), |affected| affected.to_string()),
                    signal.by.to_string(),
                    signal.since.to_string(),
                    signal.reason.clone().unwrap_or_default(),
                ]
            }));
            return terminal.table(&rows);
        }
        SignalCommand::Raise { flag, severity, affected, change } => {
            let severity = match severity {
                Grade::P0 => Severity::P0,
                Grade::P1 => Severity::P1,
            };
            (opened.project.propose_signal(&opened.environment, &flag, severity, affected)?, change)
        }
        SignalCommand::Clear { signal, change } => {
            (opened.project.propose_signal_cleared(&opened.environment, signal)?, change)
        }
    };
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
}
