use std::io;
use std::path::PathBuf;

use super::metric::MetricError;

/// Why something a host recorded is not kept, or not taken by the server. Flags are decided as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutcomeError {
    /// The host turned recording on, but there is no folder for it.
    #[error("outcomes have no folder, expected one beside a remote's state file or given by the application")]
    NoFolder,
    /// Neither the application nor the snapshot knows the flag.
    #[error("an outcome is recorded for {flag:?}, but no flag is named so")]
    UnknownFlag {
        /// The name given.
        flag: Box<str>,
    },
    /// The measurement cannot be recorded.
    #[error("metric {metric:?} of flag {flag:?} is not recorded")]
    Metric {
        /// The flag.
        flag: Box<str>,
        /// The metric.
        metric: Box<str>,
        /// Why not.
        #[source]
        source: MetricError,
    },
    /// A server refused a report, which is dropped: sent again, it would be refused again.
    #[error("a report of flag {flag:?} is refused with status {status}")]
    Refused {
        /// The flag.
        flag: Box<str>,
        /// The status of the answer.
        status: u16,
    },
    /// Something else than a file stands in its place: a symbolic link, which is never followed, or a folder.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file or folder cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The day's file has grown so large that nothing more goes into it.
    #[error("{} is full: it has {found} bytes, of at most {limit}", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// Its size, in bytes.
        found: u64,
        /// The limit, in bytes.
        limit: u64,
    },
    /// Another process holds the lock and does not let go of it.
    #[error("{} is held by another process", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
}
