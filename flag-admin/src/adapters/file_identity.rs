//! Whether a path still leads to the file that was opened. A file that is deleted while it is open goes on to be read and written, and all
//! that was written is lost with the last program that holds it.

use std::fs::Metadata;
use std::io;
use std::path::Path;

/// Tells an open file from every other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileIdentity(Option<(u64, u64)>);

impl FileIdentity {
    /// Returns that of the file at a path.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        path.metadata().map(|metadata| Self(identity(&metadata)))
    }

    /// Fails unless a path still leads to this file.
    pub(super) fn check(&self, path: &Path) -> io::Result<()> {
        match Self::of(path) {
            Ok(found) if found == *self => Ok(()),
            Ok(_) => Err(io::Error::other("another file stands in its place since it was opened")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(io::Error::other("the file was removed since it was opened"))
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere there is none")]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    Some((metadata.dev(), metadata.ino()))
}

/// Elsewhere an open file can be neither removed nor replaced.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::fs;

    use super::super::sqlite::SqliteLog;
    use crate::app::ports::LogStore as _;

    #[test]
    fn fault_a_log_that_was_removed_or_replaced_while_open_is_neither_read_nor_written() {
        let folder = tempfile::tempdir().unwrap();
        let (path, aside) = (folder.path().join("log.sqlite"), folder.path().join("aside"));
        let mut log = SqliteLog::create(&path).unwrap();
        let head = log.head().unwrap();
        fs::rename(&path, &aside).unwrap();
        let removed = |error: crate::app::ports::LogError| crate::app::with_causes(&crate::app::AppError::from(error));
        let said = "the file was removed since it was opened";
        assert!(removed(log.head().unwrap_err()).ends_with(said));
        assert!(removed(log.read(0, &mut |_| Ok(())).unwrap_err()).ends_with(said));
        assert!(removed(log.append(head, &[]).unwrap_err()).ends_with(said));
        fs::write(&path, "").unwrap();
        assert!(removed(log.head().unwrap_err()).ends_with("another file stands in its place since it was opened"));
        fs::rename(&aside, &path).unwrap();
        assert_eq!(log.head().unwrap(), head);
    }
}
