//! How the service is doing, for a status page or a log line.

use std::fmt;
use std::sync::Arc;

use flag_core::Timestamp;

use super::events::StreamError;
use crate::fetch::{FetchError, SyncError};

/// How current the flags in force are.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HealthState {
    /// There is no remote: local files are watched, and that is all.
    LocalOnly,
    /// Nothing was fetched yet. What an earlier run kept is in force.
    Starting,
    /// The last refresh succeeded, and the snapshot has not expired.
    Current,
    /// The last refresh failed. What is held has not expired.
    Offline,
    /// The server answers with status 401 or 403. What is held has not expired.
    Denied,
    /// The snapshot has expired. Its values still count, its kills too.
    Stale,
    /// The root has expired: no new snapshot can be accepted. Kills still arrive.
    RootExpired,
}

impl HealthState {
    /// Returns the state in words for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::LocalOnly => "local files only",
            Self::Starting => "starting",
            Self::Current => "current",
            Self::Offline => "offline, with what was fetched before",
            Self::Denied => "denied by the server, with what was fetched before",
            Self::Stale => "stale: the published flags have expired",
            Self::RootExpired => "stale: the root has expired",
        }
    }
}

impl fmt::Display for HealthState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe())
    }
}

/// How the service is doing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Health {
    /// How current the flags in force are.
    pub state: HealthState,
    /// When a refresh last succeeded, by the client's clock.
    pub last_success: Option<Timestamp>,
    /// How many refreshes failed since.
    pub failures: u32,
    /// When the next refresh is due, by the client's clock; nothing while one runs.
    pub next_attempt: Option<Timestamp>,
    /// Why the last refresh failed, if it did.
    pub last_error: Option<Arc<SyncError>>,
    /// Whether the server tells of changes at once.
    pub events: EventStream,
    /// How often the host's own code, a listener as a rule, has panicked.
    pub panics: u64,
}

/// Whether the server tells of changes at once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum EventStream {
    /// The host does not want it, or documents come from a folder.
    Off,
    /// It is being asked for.
    Connecting,
    /// It does.
    Open,
    /// It did not, or no longer does. It is asked again.
    Broken(Arc<EventStreamError>),
    /// The server has no event stream. Polling does without.
    Unsupported,
}

/// Why an event stream ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventStreamError {
    /// The server did not answer, or answered something else.
    #[error("the event stream cannot be opened")]
    Open(#[source] FetchError),
    /// The server has ended the stream.
    #[error("the server ended the event stream")]
    Ended,
    /// The connection broke.
    #[error("the event stream broke")]
    Broken(#[source] FetchError),
    /// Nothing was heard for too long.
    #[error("nothing was heard on the event stream for {} seconds", .seconds)]
    Silent {
        /// How long, in seconds.
        seconds: u64,
    },
    /// The stream is no event stream of ours.
    #[error("the event stream is malformed")]
    Malformed(#[source] StreamError),
}

impl Health {
    pub(super) fn new(state: HealthState, events: EventStream) -> Self {
        Self { state, last_success: None, failures: 0, next_attempt: None, last_error: None, events, panics: 0 }
    }
}
