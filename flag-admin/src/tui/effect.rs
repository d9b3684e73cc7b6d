use std::path::PathBuf;

use flag_core::{Attributes, FlagKey};

use super::action::Action;
use crate::app::Proposal;
use crate::rollout::Schedule;

/// What the dashboard asks of the world. Only these do anything.
#[derive(Clone, Debug)]
pub(super) enum Effect {
    /// Work out what a change would do.
    Propose(Action),
    /// Append what was proposed to the log.
    Commit { action: Action, proposal: Box<Proposal>, reason: Option<String> },
    /// Add what was proposed to the draft.
    Keep { proposal: Box<Proposal> },
    /// Take back the last edit of the draft, or make it again.
    TurnDraft(DraftTurn),
    /// Drop the draft.
    DropDraft,
    /// Put the draft onto the log as it stands.
    RebaseDraft,
    /// Sign a snapshot and write it to where clients fetch it.
    Publish { to: PublishTo },
    /// Sign the kills and write them to where clients fetch them.
    SendKills,
    /// Open the keys.
    Unlock(Secret),
    /// Decide a flag for somebody, and tell why.
    Explain { flag: FlagKey, unit: Option<String>, attributes: Attributes },
    /// Play a schedule on people that do not exist.
    Simulate { schedule: Schedule },
    /// Tell what an entry of the log replaced.
    Inspect { seq: u64 },
    /// Put a text where the terminal's user can paste it.
    Copy(String),
    /// Write the last screens to a file.
    SaveSession,
    /// Draw the whole screen anew.
    Repaint,
    /// Give the terminal back to the shell until it is called again.
    Suspend,
    /// End.
    Quit,
}

/// Where a snapshot is published to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublishTo {
    Folder(PathBuf),
    /// Where the server that holds the project serves; it signs with keys of its own.
    Server,
}

/// Which way a draft's edits are gone through.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum DraftTurn {
    Back,
    Again,
}

/// A text that no message shows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(pub(super) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}
