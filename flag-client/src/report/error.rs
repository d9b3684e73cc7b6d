use std::path::PathBuf;

use super::form::MAX_REPORT_BYTES;
use crate::local_file::LocalFileError;
use crate::outcomes::OutcomeError;

/// Why there are no reports, or they were not sent. Nothing is lost by it but what the error names.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The host did not turn recording on.
    #[error("the application records nothing to report")]
    NotRecording,
    /// The user did not consent to reports.
    #[error("reports are off, since the user did not consent to them")]
    NoConsent,
    /// What reports are part of is killed or off ([`Outcomes::unless_killed`](crate::Outcomes::unless_killed)). What was recorded before
    /// stays on the disk until it is cleared, or the capability back.
    #[error("reports are off, since {capability:?} is switched off")]
    SwitchedOff {
        /// The capability that the application named.
        capability: Box<str>,
    },
    /// The outcomes of the days cannot be read or removed.
    #[error(transparent)]
    Outcomes(#[from] OutcomeError),
    /// The file of reports cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file of reports is not one of ours.
    #[error("{} has {found} bytes, expected at most {limit}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size, in bytes.
        found: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Reports cannot be kept.
    #[error(transparent)]
    Keep(#[from] LocalFileError),
    /// The operating system gives no randomness, without which a report could be told from others.
    #[error("no randomness to be had: {0}")]
    Randomness(#[from] getrandom::Error),
    /// There is nowhere to send reports to.
    #[cfg(feature = "remote")]
    #[error("reports have no address")]
    Address(#[source] Box<crate::SyncError>),
    /// Flags are published in a folder, which takes no reports.
    #[cfg(feature = "remote")]
    #[error("flags are published in a folder, which takes no reports; expected a server")]
    Folder,
    /// The server asked to be left alone for a while.
    #[cfg(feature = "remote")]
    #[error("the server takes no reports before {until}")]
    TooEarly {
        /// When that ends.
        until: flag_core::Timestamp,
    },
    /// The operating system gives no thread.
    #[cfg(feature = "remote")]
    #[error("no thread to send reports from")]
    Thread(#[source] std::io::Error),
}

/// Why bytes are not a report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FormError {
    /// It is too large.
    #[error("a report has {found} bytes, expected at most {MAX_REPORT_BYTES}")]
    TooLarge {
        /// Its size, in bytes.
        found: usize,
    },
    /// It is not JSON of the form.
    #[error("it is not a report")]
    Json(#[from] serde_json::Error),
    /// It is of a version that nobody here knows.
    #[error("a report has version {found}, expected 1")]
    Version {
        /// The version.
        found: u8,
    },
    /// A part is more than the whole.
    #[error("{found} sixteenths are more than 16")]
    Sixteenths {
        /// The count found.
        found: u8,
    },
    /// The nonce is none.
    #[error("a nonce is 32 hexadecimal digits in lower case")]
    Nonce,
    /// What it says cannot be.
    #[error("a report contradicts itself: {what}")]
    Contradiction {
        /// What holds for every report.
        what: &'static str,
    },
}
