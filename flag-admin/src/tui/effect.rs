use std::path::PathBuf;

use super::action::Action;
use crate::app::Proposal;

/// What the dashboard asks of the world. Only these do anything.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// Work out what a change would do.
    Propose(Action),
    /// Append what was proposed to the log.
    Commit { action: Action, proposal: Box<Proposal>, reason: Option<String> },
    /// Sign a snapshot and write it to a folder.
    Publish { out: PathBuf },
    /// Draw the whole screen anew.
    Repaint,
    /// Give the terminal back to the shell until it is called again.
    Suspend,
    /// End.
    Quit,
}
