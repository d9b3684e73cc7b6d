//! What can be changed from the dashboard. Every change is such a value, is proposed, and passes one confirmation.

use flag_core::{FlagKey, Share};

use crate::app::{HistoryLine, KillRoute};
use crate::rollout::{Event, Schedule};

/// The schedules that a rollout can be started on from here.
pub(super) const SCHEDULES: [&str; 3] = ["standard", "accelerated", "cautious"];

/// A change to be proposed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// The split of a rule, or of the fallthrough, exposes another share.
    Share { flag: FlagKey, rule: Option<Box<str>>, share: Share },
    /// A flag is off, stronger than everything.
    Kill { flag: FlagKey, route: KillRoute },
    /// A kill is over. The target may be a capability that is no flag.
    Unkill { target: Box<str> },
    /// A rollout that moves by itself starts, on a schedule.
    Start { flag: FlagKey, schedule: Schedule },
    /// A rollout that moves by itself goes on, back or stops.
    Move { flag: FlagKey, event: Event },
    /// An entry of the log is taken back.
    Undo { line: Box<HistoryLine> },
    /// Every change of the draft is made.
    Apply,
    /// What was asked for is approved.
    Approve { request: u64 },
    /// What was asked for is turned down.
    Reject { request: u64 },
    /// The draft is thrown away.
    Drop,
    /// The draft is put onto the log as it stands, without what others got in the way of.
    Rebase,
}

/// Whether whoever changes something says why.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum ReasonNeed {
    Optional,
    Required,
    /// Nothing is written into the log that a reason could stand beside.
    NotAsked,
}

impl Action {
    pub(super) const fn reason(&self) -> ReasonNeed {
        match self {
            Self::Kill { .. } | Self::Unkill { .. } | Self::Move { event: Event::Resume, .. } => ReasonNeed::Required,
            Self::Drop | Self::Rebase => ReasonNeed::NotAsked,
            _ => ReasonNeed::Optional,
        }
    }

    /// Tells whether it is done without being asked again: it takes nothing from anybody, gives nobody anything, and one key takes it back.
    pub(super) const fn is_done_at_once(&self) -> bool {
        matches!(self, Self::Move { event: Event::Pause, .. })
    }

    /// Returns the flag that it is about, if it is about one.
    pub(super) const fn flag(&self) -> Option<&FlagKey> {
        match self {
            Self::Share { flag, .. } | Self::Kill { flag, .. } | Self::Start { flag, .. } | Self::Move { flag, .. } => {
                Some(flag)
            }
            _ => None,
        }
    }

    /// Tells whether it can be kept as part of a draft.
    pub(super) const fn is_draftable(&self) -> bool {
        matches!(self, Self::Share { .. } | Self::Undo { .. })
    }
}
