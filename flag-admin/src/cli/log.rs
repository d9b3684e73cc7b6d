use std::path::Path;

use flag_core::Timestamp;

use super::arguments::LogArguments;
use super::problem::Stop;
use super::publish::project_roots;
use super::session::{Session, read_bytes};
use super::terminal::{Form, Terminal};
use crate::app::{AppError, Verification, audit, audit_head_of};

/// Tells what changed.
pub(super) fn log(session: &Session, terminal: &mut Terminal<'_>, arguments: &LogArguments) -> Result<(), Stop> {
    let opened = session.open()?;
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

/// Proves the log, and holds it against a published snapshot.
pub(super) fn verify(session: &Session, terminal: &mut Terminal<'_>, against: Option<&Path>) -> Result<(), Stop> {
    let folder = session.folder()?;
    let head = match against {
        None => None,
        Some(path) => {
            let roots = project_roots(session)?;
            let snapshot = read_bytes(path)?;
            let head = audit_head_of(&Verification {
                root: &roots.shipped,
                successors: &roots.successors,
                snapshot: &snapshot,
                environment: None,
                now: Timestamp::default(),
            })?;
            let none = || Stop::problem("no_audit_head", "the snapshot names no log entry that it was made from", None);
            Some(head.ok_or_else(none)?)
        }
    };
    let store = folder.log()?;
    let report = audit(&store, head.as_ref())?;
    if terminal.form() == Form::Json {
        return terminal.json(&report);
    }
    terminal.line(format_args!("the log is whole, from its first entry to its head, entry {}", report.head))?;
    if let Some(against) = &report.against {
        terminal.line(format_args!("it holds entry {} that the snapshot was made from", against.seq))?;
    }
    Ok(())
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
