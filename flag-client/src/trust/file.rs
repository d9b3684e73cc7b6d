//! The file that keeps a trust state between runs. Several processes may share it.

use std::{
    fmt,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::durable_file::{folder_of, sibling, sync_folder, write_durably};
use crate::file_lock::{self, Patience, Unlocked};

use super::{Equivocation, RestoreError, TrustError, TrustState, stored_form::Restored};

/// No state is this large: the largest snapshot, 16 of the largest kills documents and a thousand of the largest roots.
const MAX_FILE_BYTES: u64 = 128 * 1024 * 1024;

/// One file for the trust state of one environment of one project.
///
/// Beside `NAME` stand `NAME.lock`, during a save `NAME.new`, and `NAME.corrupt` once a damaged file had to make room. The
/// folder must exist.
#[derive(Clone, Debug)]
pub struct TrustFile {
    path: PathBuf,
}

/// A state read from its file.
#[derive(Debug)]
pub struct Loaded {
    /// The stored state, or the shipped one if there is none to be had.
    pub state: TrustState,
    /// Why the file could not be used, where there was one.
    pub problem: Option<TrustFileError>,
    /// Why the stored snapshot was left behind while the rest was taken: the application ships a root that does not list its keys.
    pub dropped_snapshot: Option<TrustError>,
}

/// What a save did.
#[derive(Debug)]
pub struct Saved {
    /// Whether the file was written; it is not if it holds the same already.
    pub written: bool,
    /// Contradictions between this state and the one another process had stored.
    pub equivocations: Vec<Equivocation>,
    /// A damaged file that had to make room.
    pub problem: Option<TrustFileError>,
}

/// Why a trust file could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustFileError {
    /// Something else stands in the file's place: a symbolic link, which is never followed, or a folder.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// Its path.
        path: PathBuf,
    },
    /// The file is too large to be a trust state.
    #[error("{} has {found} bytes, above the limit of {MAX_FILE_BYTES}", path.display())]
    TooLarge {
        /// Its path.
        path: PathBuf,
        /// Its size in bytes.
        found: u64,
    },
    /// The file is damaged or was tampered with.
    #[error("{} is damaged{}", path.display(), kept(kept_as.as_deref()))]
    Damaged {
        /// Its path.
        path: PathBuf,
        /// Where it was moved, if it could be.
        kept_as: Option<PathBuf>,
        /// What is wrong with it.
        #[source]
        source: RestoreError,
    },
    /// The file is whole, but another client's: of another project or environment, or of a later version of this library. It is
    /// neither moved nor overwritten.
    #[error("{} belongs to another client", path.display())]
    Foreign {
        /// Its path.
        path: PathBuf,
        /// Whose it is.
        #[source]
        source: RestoreError,
    },
    /// Another process holds the lock and does not let go.
    #[error("{} is locked by another process", path.display())]
    Locked {
        /// The lock file's path.
        path: PathBuf,
    },
    /// The state has no JSON form.
    #[error("the trust state cannot be written as JSON")]
    Encode(#[source] serde_json::Error),
    /// The operating system refuses.
    #[error("{action} {} failed", path.display())]
    Io {
        /// What was attempted.
        action: FileAction,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
}

/// What was attempted on a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileAction {
    /// Reading the file.
    Read,
    /// Opening or locking the lock file.
    Lock,
    /// Writing the new file, down to the disk.
    Write,
    /// Putting the new file in the place of the old one.
    Rename,
    /// Making the rename last through a loss of power.
    SyncFolder,
    /// Moving a damaged file out of the way.
    SetAside,
}

impl fmt::Display for FileAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "reading",
            Self::Lock => "locking",
            Self::Write => "writing",
            Self::Rename => "renaming to",
            Self::SyncFolder => "syncing folder",
            Self::SetAside => "setting aside",
        })
    }
}

fn kept(as_path: Option<&Path>) -> String {
    as_path.map(|path| format!(", kept as {}", path.display())).unwrap_or_default()
}

impl TrustFile {
    /// Returns the file at that path, whether it exists or not.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the stored state, every document verified again from the root that `shipped` was opened with.
    ///
    /// Never fails: what cannot be read leaves the shipped state. A damaged file is kept as `NAME.corrupt`.
    pub fn load(&self, shipped: TrustState) -> Loaded {
        let problem = match self.read(&shipped) {
            Ok(None) => None,
            Ok(Some(restored)) => return Loaded::from(restored),
            // Another process may have replaced the file by now; only under the lock it is certain which one is moved.
            Err(TrustFileError::Damaged { path, source, .. }) => match self.locked(|| self.read_or_set_aside(&shipped))
            {
                Ok(Ok(Some(restored))) => return Loaded::from(restored),
                Ok(Ok(None)) => None,
                Ok(Err(problem)) => Some(problem),
                Err(_) => Some(TrustFileError::Damaged { path, kept_as: None, source }),
            },
            Err(problem) => Some(problem),
        };
        Loaded { state: shipped, problem, dropped_snapshot: None }
    }

    /// Merges what other processes have stored into `state`, and stores the result durably.
    ///
    /// The file never goes back in version and never loses a kill. If the save fails, the old file is intact and `state` is as
    /// good as before, but may already have taken what is newer in the file.
    pub fn save(&self, state: &mut TrustState) -> Result<Saved, TrustFileError> {
        self.locked(|| self.merge_and_write(state))?
    }

    fn merge_and_write(&self, state: &mut TrustState) -> Result<Saved, TrustFileError> {
        let mut saved = Saved { written: false, equivocations: Vec::new(), problem: None };
        match self.read_or_set_aside(&state.to_shipped()) {
            Ok(None) => {}
            Ok(Some(stored)) => saved.equivocations = state.merge(stored.state),
            Err(problem @ TrustFileError::Damaged { kept_as: Some(_), .. }) => saved.problem = Some(problem),
            // What could not be read is not overwritten.
            Err(problem) => return Err(problem),
        }
        let bytes = state.to_stored().map_err(TrustFileError::Encode)?;
        if fs::read(&self.path).is_ok_and(|stored| stored == bytes) {
            return Ok(saved);
        }
        self.replace(&bytes)?;
        saved.written = true;
        Ok(saved)
    }

    fn read(&self, shipped: &TrustState) -> Result<Option<Restored>, TrustFileError> {
        let Some(bytes) = self.read_bytes()? else { return Ok(None) };
        match shipped.to_shipped().restore(&bytes) {
            Ok(restored) => Ok(Some(restored)),
            Err(source @ (RestoreError::UnknownSchema { .. } | RestoreError::WrongPlace { .. })) => {
                Err(TrustFileError::Foreign { path: self.path.clone(), source })
            }
            Err(source) => Err(TrustFileError::Damaged { path: self.path.clone(), kept_as: None, source }),
        }
    }

    fn read_bytes(&self) -> Result<Option<Vec<u8>>, TrustFileError> {
        let path = self.path.clone();
        let failed = |source| TrustFileError::Io { action: FileAction::Read, path: self.path.clone(), source };
        let metadata = match fs::symlink_metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        if !metadata.is_file() {
            return Err(TrustFileError::NotAFile { path });
        }
        if metadata.len() > MAX_FILE_BYTES {
            return Err(TrustFileError::TooLarge { path, found: metadata.len() });
        }
        let mut bytes = Vec::new();
        let file = File::open(&self.path).map_err(failed)?;
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
        Ok(Some(bytes))
    }

    /// Reads the file, and moves it aside if it is damaged. The lock must be held.
    fn read_or_set_aside(&self, shipped: &TrustState) -> Result<Option<Restored>, TrustFileError> {
        match self.read(shipped) {
            Err(TrustFileError::Damaged { path, source, .. }) => {
                let aside = sibling(&self.path, ".corrupt");
                let kept_as = fs::rename(&path, &aside).is_ok().then_some(aside);
                Err(TrustFileError::Damaged { path, kept_as, source })
            }
            read => read,
        }
    }

    /// Runs `work` while no other process does.
    fn locked<T>(&self, work: impl FnOnce() -> T) -> Result<T, TrustFileError> {
        file_lock::locked(&self.path, Patience::Save, work).map_err(|error| match error {
            Unlocked::NotAFile(path) => TrustFileError::NotAFile { path },
            Unlocked::Refused(path, source) => TrustFileError::Io { action: FileAction::Lock, path, source },
            Unlocked::Held(path) => TrustFileError::Locked { path },
        })
    }

    /// Puts `bytes` in the file's place, so that after a crash either the old or the new file is there, whole. The lock must
    /// be held.
    fn replace(&self, bytes: &[u8]) -> Result<(), TrustFileError> {
        let new = sibling(&self.path, ".new");
        if let Err(source) = write_durably(&new, bytes, None) {
            // Nothing depends on it, and the next save removes it before it begins.
            let _ = fs::remove_file(&new);
            return Err(TrustFileError::Io { action: FileAction::Write, path: new, source });
        }
        if let Err(source) = fs::rename(&new, &self.path) {
            let _ = fs::remove_file(&new);
            return Err(TrustFileError::Io { action: FileAction::Rename, path: self.path.clone(), source });
        }
        let folder = folder_of(&self.path);
        sync_folder(folder).map_err(|source| TrustFileError::Io {
            action: FileAction::SyncFolder,
            path: folder.to_owned(),
            source,
        })
    }
}

impl From<Restored> for Loaded {
    fn from(Restored { state, dropped }: Restored) -> Self {
        Self { state, problem: None, dropped_snapshot: dropped }
    }
}
