use std::path::PathBuf;

use crossterm::event::KeyEvent;
use flag_core::Timestamp;

use super::action::Action;
use super::facts::Facts;
use crate::app::{Failure, Proposal, Published, SignedKills, with_causes};

/// Something that happened.
#[derive(Debug)]
pub(super) enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size, in columns and rows.
    Resize(u16, u16),
    /// Time went on.
    Tick(Timestamp),
    /// The project moved on, by what is done here or by others.
    Moved(Box<Facts>, Mover),
    /// What a change would do.
    Proposed { action: Action, outcome: Result<Box<Proposal>, Trouble> },
    /// A change is in the log.
    Committed { action: Action, sent: Option<SignedKills> },
    /// A change is not in the log.
    Refused { action: Action, trouble: Trouble },
    /// A snapshot was published.
    Published { out: PathBuf, published: Published },
    /// A snapshot was not published.
    NotPublished(Trouble),
    /// Something else failed.
    Failed(Trouble),
}

/// Who moved the project on.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Mover {
    /// This dashboard.
    Us,
    /// Another program.
    Others,
}

/// A failure in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    /// What, where, found, expected.
    pub(super) message: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
}

impl Trouble {
    /// Returns a failure with its causes, unless it says them itself.
    pub(super) fn of(failure: &impl Failure) -> Self {
        Self { message: with_causes(failure), hint: failure.hint() }
    }
}
