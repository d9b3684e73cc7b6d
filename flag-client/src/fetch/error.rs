use std::io;
use std::path::PathBuf;
use std::time::Duration;

use flag_core::Timestamp;
use flag_core::wire::SnapshotError;
use reqwest::StatusCode;

use super::SyncReport;
use crate::trust::{TrustError, TrustFileError};

/// Why published flags could not be refreshed, or not all of them. The flags in force stay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The application sets up no remote.
    #[error("no remote is set up")]
    NoRemote,
    /// This installation uses local flags only.
    #[error("published flags are switched off here")]
    LocalOnly,
    /// The remote has no address.
    #[error("the remote has no url")]
    NoUrl,
    /// The pinned root cannot be used, so nothing could be verified.
    #[error("the pinned root cannot be used")]
    PinnedRoot(#[source] Box<TrustError>),
    /// The address cannot be read. It is not repeated here, as it may hold a password.
    #[error("the remote's url is malformed: {reason}")]
    Url {
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// The address is of a kind that is not fetched from.
    #[error("the remote's url has scheme {found:?}, expected https or file")]
    Scheme {
        /// The scheme found.
        found: Box<str>,
    },
    /// Documents are signed, but who asks for them is nobody's business.
    #[error("http to host {host:?} is not encrypted, expected https")]
    Insecure {
        /// The host.
        host: Box<str>,
    },
    /// The operating system gives no thread, or nothing to wait for the network with.
    #[error("no thread for the refresh")]
    Thread(#[source] io::Error),
    /// The server asked to be left alone for a while, which is not over.
    #[error("the server asked to be left alone until {until}")]
    TooEarly {
        /// From when on it may be asked again; at most an hour ahead.
        until: Timestamp,
    },
    /// The refresh outlasted its deadline without an answer.
    #[error("the refresh did not end within its deadline")]
    TimedOut,
    /// A document could not be refreshed. Others may have been: the report says which.
    #[error("published flags were not refreshed")]
    Document {
        /// The first failure, in the order root, kills, snapshot.
        #[source]
        first: DocumentError,
        /// The others.
        others: Vec<DocumentError>,
        /// What was refreshed.
        report: Box<SyncReport>,
    },
    /// The folder for the trusted documents cannot be made. They count until the program ends.
    #[error("folder {} cannot be made", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The trusted documents cannot be kept. They count until the program ends.
    #[error("the trusted documents cannot be kept")]
    State(#[source] TrustFileError),
}

/// Why one document was not refreshed.
#[derive(Debug, thiserror::Error)]
#[error("{document} was not refreshed from {address}")]
#[non_exhaustive]
pub struct DocumentError {
    /// Which document: `root`, `kills` or `snapshot`.
    pub document: &'static str,
    /// Where it was asked for: a URL, without the user and password it may hold, or a path.
    pub address: Box<str>,
    /// Why not.
    #[source]
    pub cause: FetchError,
}

/// What kept a document from being fetched or accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The server answered with another status than 200 or 304.
    #[error("the server answered with status {status}{}", in_words(*status))]
    Status {
        /// The status.
        status: u16,
        /// How long the server asks to be left alone; at most an hour.
        retry_after: Option<Duration>,
    },
    /// It was not asked for, as the server asked to be left alone.
    #[error("the server asked to be left alone until {until}")]
    TooEarly {
        /// From when on it may be asked again; at most an hour ahead.
        until: Timestamp,
    },
    /// The document is compressed, which nobody asked for.
    #[error("it is encoded as {found:?}, expected no encoding")]
    Encoded {
        /// The encoding.
        found: Box<str>,
    },
    /// The server sends us to another host, which is not followed.
    #[error("the server redirects to {}, which is not followed", to.as_deref().unwrap_or("nowhere"))]
    Redirected {
        /// The other host, if the answer names one.
        to: Option<Box<str>>,
    },
    /// There is no such document, though there should be.
    #[error("there is none")]
    Absent,
    /// The document is larger than any of its kind.
    #[error("it is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// There is nothing to ask the server with, for the reason that an earlier document gives.
    #[error("there is no connection to ask by")]
    NoClient,
    /// The deadline passed.
    #[error("it did not arrive before the deadline")]
    TimedOut,
    /// The connection failed.
    #[error("the connection failed")]
    Connection(#[source] reqwest::Error),
    /// The document ended early, or could not be read.
    #[error("it could not be read to its end")]
    Read(#[source] io::Error),
    /// The document arrived and is not trusted.
    #[error("it is refused")]
    Refused(#[source] Box<TrustError>),
    /// The document is signed, and cannot be read: its publisher's mistake. What was held before stays.
    #[error("it is signed and cannot be read")]
    Unreadable(#[source] Box<SnapshotError>),
}

/// The status in the words of RFC 9110, to follow on its number.
pub(crate) fn in_words(status: u16) -> String {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    reason.map(|reason| format!(" ({reason})")).unwrap_or_default()
}

impl SyncError {
    /// Tells whether the server does not let this client in: it answered with status 401 or 403.
    pub fn is_denied(&self) -> bool {
        let denied = |error: &DocumentError| matches!(error.cause, FetchError::Status { status: 401 | 403, .. });
        match self {
            Self::Document { first, others, .. } => denied(first) || others.iter().any(denied),
            _ => false,
        }
    }
}
