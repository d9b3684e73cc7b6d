use std::fs::{File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

use crate::app::Failure;

/// Held by the one server of an embedded project, for as long as it runs.
#[derive(Debug)]
pub struct ServeLock {
    _file: File,
}

/// Why a server may not run on a project.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeLockError {
    /// Another one does.
    #[error("{place} is served already{}", by.as_deref().map(|by| format!(", by {by}")).unwrap_or_default())]
    Taken {
        /// The lock.
        place: String,
        /// What the other one says of itself.
        by: Option<String>,
    },
    /// The lock cannot be taken.
    #[error("{place} cannot be locked")]
    File {
        /// The lock.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl ServeLock {
    /// Takes the lock without waiting. `whoami` is what another server will be told.
    pub fn take(path: &Path, whoami: &str) -> Result<Self, ServeLockError> {
        let place = path.display().to_string();
        let failed = |source| ServeLockError::File { place: place.clone(), source };
        let mut file =
            File::options().create(true).truncate(false).read(true).write(true).open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut by = String::new();
                let known = file.take(256).read_to_string(&mut by).is_ok() && !by.trim().is_empty();
                return Err(ServeLockError::Taken { place, by: known.then(|| by.trim().to_owned()) });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // It tells people and decides nothing.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{whoami}"));
        Ok(Self { _file: file })
    }
}

impl Failure for ServeLockError {
    fn code(&self) -> &'static str {
        match self {
            Self::Taken { .. } => "served_already",
            Self::File { .. } => "file",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Taken { .. } => {
                Some("stop the other server; several of them can share a project whose log is in PostgreSQL".to_owned())
            }
            Self::File { .. } => None,
        }
    }
}
