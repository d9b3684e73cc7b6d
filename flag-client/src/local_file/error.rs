use std::io;
use std::path::PathBuf;

/// The largest local file that is read, in bytes.
pub(crate) const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// Why a local file could not be read or changed. It is then left exactly as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalFileError {
    /// The operating system refuses to read it.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Something else than a file stands in its place.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file is too large to be a configuration.
    #[error("{} has {found} bytes, above the limit of {MAX_BYTES}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        found: u64,
    },
    /// The file is not UTF-8.
    #[error("{}:{line}:{column}: not UTF-8", path.display())]
    Encoding {
        /// The file.
        path: PathBuf,
        /// The line of the first byte that is not.
        line: usize,
        /// Its column.
        column: usize,
    },
    /// The file is not TOML.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line of the first error.
        line: usize,
        /// Its column.
        column: usize,
        /// What is wrong there.
        message: Box<str>,
    },
    /// A key that has to hold a table holds something else.
    #[error("{}: {section} is not a table", path.display())]
    Section {
        /// The file.
        path: PathBuf,
        /// The key.
        section: &'static str,
    },
    /// The file is marked as read-only.
    #[error("{} is read-only", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The change would have altered something else in the file, and was not made.
    #[error("{} is written in a form that cannot be edited safely", path.display())]
    Unfaithful {
        /// The file.
        path: PathBuf,
    },
    /// Another process holds the lock and does not let go.
    #[error("{} is locked by another process", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The operating system refuses to write it.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file, or what had to be written for its sake.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
}
