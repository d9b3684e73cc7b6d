use clap::Args;

use super::arguments::ChangeArguments;
use super::change::carry_out;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Terminal};
use crate::app::Project;

#[derive(Debug, Args)]
pub(super) struct UndoArguments {
    /// The entry to take back [default: the last change of a flag, segment or group]
    pub(super) seq: Option<u64>,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

/// Takes a change back: shows which one and what that does, asks, and appends the inverse change.
pub(super) fn undo(session: &Session, terminal: &mut Terminal<'_>, arguments: &UndoArguments) -> Result<(), Stop> {
    let UndoArguments { seq, change } = arguments;
    if let Some(reason) = change.reason.as_deref() {
        Project::check_reason(reason)?;
    }
    let mut opened = session.open()?;
    let undo = opened.project.propose_undo(&opened.environment, *seq)?;
    if terminal.form() == Form::Text {
        terminal.line(format_args!("undo of entry {}: {}", undo.undone.seq, undo.undone))?;
    }
    let reason = undo.reason(change.reason.as_deref());
    carry_out(&mut opened, terminal, &undo.proposal, change.extent(), Some(&reason))
}
