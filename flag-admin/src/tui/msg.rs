use crossterm::event::KeyEvent;
use flag_core::{FlagKey, Timestamp};

use super::action::Action;
use super::effect::PublishTo;
use super::facts::{EntryFacts, Facts};
use super::screens::explain::Explained;
use super::simulation::Played;
use crate::app::{Committed, Failure, Proposal, with_causes};

/// Something that happened.
#[derive(Debug)]
pub(super) enum Msg {
    /// A key was pressed.
    Key(KeyEvent),
    /// Something was clicked, at a column and a row.
    Click(u16, u16),
    /// The wheel was turned: down, or up.
    Wheel(Turn),
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
    /// The project was looked at, and is as it is shown.
    Seen,
    /// The desk is sent to look at the project.
    Looking,
    /// The desk has looked.
    Looked,
    /// The desk is done with what it had, and free for the next.
    Finished,
    /// The project cannot be looked at.
    Lost(Trouble),
    /// A change is in the log, or the request for its approval.
    Committed { action: Action, committed: Committed, reach: Reach },
    /// The draft has changed, and why.
    Drafted(String),
    /// The draft is as it was, and why.
    NotDrafted(Trouble),
    /// A flag was decided for somebody.
    Explained { flag: FlagKey, outcome: Result<Explained, Trouble> },
    /// What came of a schedule that was played.
    Simulated(Box<Played>),
    /// What an entry of the log replaced.
    Inspected(EntryFacts),
    /// The keys are open, or cannot be opened.
    Unlocked(Result<(), Trouble>),
    /// Something was done that concerns no project.
    Told(String),
    /// A change is not in the log.
    Refused { action: Action, trouble: Trouble },
    /// A snapshot was published.
    Published { to: PublishTo, version: u64, place: String },
    /// A snapshot was not published.
    NotPublished(Trouble),
    /// Something else failed.
    Failed(Trouble),
}

/// How what is in the log reaches clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// With the next snapshot.
    NextSnapshot,
    /// They get it from there already.
    Served { place: String },
    /// They were to get it at once, and do not.
    Held { why: String },
}

/// Which way a wheel was turned.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Towards the end.
    Down,
    /// Towards the beginning.
    Up,
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
    /// The name that commands give it.
    pub(super) code: Option<&'static str>,
}

impl Trouble {
    /// Returns a failure with its causes, unless it says them itself.
    pub(super) fn of(failure: &impl Failure) -> Self {
        Self::of_dyn(failure)
    }

    /// Returns a failure of any kind.
    pub(super) fn of_dyn(failure: &dyn Failure) -> Self {
        Self { message: with_causes(failure), hint: failure.hint(), code: Some(failure.code()) }
    }

    /// Returns a failure of what was entered.
    pub(super) fn saying(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, code: None }
    }

    /// Returns it with what to do about it.
    #[must_use]
    pub(super) fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Tells whether a key is what is missing, and a passphrase would help.
    pub(super) fn is_locked(&self) -> bool {
        self.code == Some("key_locked")
    }
}
