//! The time that expiry is judged by: one that cannot be set back.

use flag_core::Timestamp;
use serde::{Deserialize, Serialize};

/// How far two honest clocks may disagree: five minutes, in milliseconds.
///
/// A new document is refused only once it is expired for longer than this, and one issued further ahead of the local clock
/// earns a warning. What is only reported, such as [`TrustState::is_stale`](super::TrustState::is_stale), allows nothing.
pub const TOLERANCE_MILLIS: i64 = 5 * 60 * 1000;

/// The latest of the local clock and every instant that is known to have passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock(Timestamp);

impl Clock {
    pub(super) fn new(now: Timestamp, passed: impl IntoIterator<Item = Timestamp>) -> Self {
        Self(passed.into_iter().fold(now, Timestamp::max))
    }

    pub(super) fn reading(self) -> Timestamp {
        self.0
    }

    pub(super) fn has_reached(self, instant: Timestamp) -> bool {
        self.0 >= instant
    }

    pub(super) fn is_past_tolerance(self, instant: Timestamp) -> bool {
        self.0 > instant.saturating_add_millis(TOLERANCE_MILLIS)
    }
}

/// The largest `issued_at` among the snapshots of one epoch.
///
/// It falls with its epoch: whoever stole the snapshot key could sign a time centuries ahead, after which every honest snapshot
/// would count as expired. The new epoch that ends the theft ends that too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LatestIssue {
    pub(super) epoch: u64,
    pub(super) at: Timestamp,
}

impl LatestIssue {
    /// The one of a later epoch, or of one epoch the later one.
    pub(super) fn later(self, other: Self) -> Self {
        if (self.epoch, self.at) >= (other.epoch, other.at) { self } else { other }
    }
}
