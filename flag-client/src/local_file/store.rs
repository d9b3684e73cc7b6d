//! The file on the disk: read whole, replaced whole, under a lock.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use fd_lock::RwLock;

use crate::durable_file::{create_folders, folder_of, open_or_create, owner_only, sibling, sync_folder, write_durably};

use super::LocalFileError;
use super::edit::{Edit, apply};
use super::error::MAX_BYTES;
use super::lines::Lines;

/// A lock is held for as long as the disk takes to sync. One that is held for longer than this belongs to a process that hangs.
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// How often a lock is tried for.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// For ten seconds: many processes may edit one file at once.
    Edit,
    /// For one second: a decision is waiting.
    Decision,
}

impl Patience {
    const fn attempts(self) -> u32 {
        match self {
            Self::Edit => 1_000,
            Self::Decision => 100,
        }
    }
}

/// A chain of symbolic links that is longer goes round in circles.
const MAX_LINKS: usize = 40;

/// Reads a file's text; nothing if there is no file.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, LocalFileError> {
    let failed = |source| LocalFileError::Read { path: path.to_owned(), source };
    let metadata = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(failed)?,
    };
    if !metadata.is_file() {
        return Err(LocalFileError::NotAFile { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(failed)?,
    };
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if found > MAX_BYTES {
        return Err(LocalFileError::TooLarge { path: path.to_owned(), found: metadata.len().max(found) });
    }
    String::from_utf8(bytes).map(Some).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(error.as_bytes().get(..valid).unwrap_or_default());
        let (line, column) = Lines::new(&before).position(valid);
        LocalFileError::Encoding { path: path.to_owned(), line, column }
    })
}

/// Makes changes to a file and tells whether it had to be written. A file that does not exist is made when there is something to put
/// into it, and one that cannot be read is left as it is.
pub(crate) fn edit(path: &Path, edits: &[Edit]) -> Result<bool, LocalFileError> {
    let target = follow_links(path)?;
    if changed(&target, edits)?.is_none() {
        return Ok(false);
    }
    make_folder(&target)?;
    locked(&target, Patience::Edit, || match changed(&target, edits)? {
        None => Ok(false),
        Some(text) => replace(&target, text.as_bytes(), Keep::Permissions).map(|()| true),
    })?
}

/// The file's text after the changes, if they change it.
fn changed(target: &Path, edits: &[Edit]) -> Result<Option<String>, LocalFileError> {
    let before = read_text(target)?.unwrap_or_default();
    let after = apply(target, &before, edits)?;
    Ok((after != before).then_some(after))
}

/// Returns where a path leads, so that a link to a file in a synced folder stays a link. What it leads to need not exist.
fn follow_links(path: &Path) -> Result<PathBuf, LocalFileError> {
    let failed = |source| LocalFileError::Read { path: path.to_owned(), source };
    let mut target = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::symlink_metadata(&target) {
            Ok(metadata) if metadata.file_type().is_symlink() => {
                let link = fs::read_link(&target).map_err(failed)?;
                target = folder_of(&target).join(link);
            }
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => return Ok(target),
        }
    }
    Err(LocalFileError::NotAFile { path: path.to_owned() })
}

pub(crate) fn make_folder(path: &Path) -> Result<(), LocalFileError> {
    let folder = folder_of(path);
    create_folders(folder, &fs::DirBuilder::new())
        .map_err(|source| LocalFileError::Write { path: folder.to_owned(), source })
}

/// Runs work while no other process does, by a lock file beside the file.
pub(crate) fn locked<T>(path: &Path, patience: Patience, work: impl FnOnce() -> T) -> Result<T, LocalFileError> {
    let path = sibling(path, ".lock");
    let failed = |source| LocalFileError::Write { path: path.clone(), source };
    if fs::symlink_metadata(&path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(LocalFileError::NotAFile { path });
    }
    let mut lock = RwLock::new(open_or_create(&owner_only(), &path).map_err(failed)?);
    for _ in 0..patience.attempts() {
        match lock.try_write() {
            Ok(_guard) => return Ok(work()),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            Err(error) => return Err(failed(error)),
        }
        thread::sleep(LOCK_PAUSE);
    }
    Err(LocalFileError::Locked { path })
}

/// Who may read the new file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Whoever could read the old one; only the owner where there was none.
    Permissions,
    /// Only the owner.
    Private,
}

/// Puts bytes in a file's place, so that after a crash the old file or the new one is there, whole. The lock must be held.
pub(crate) fn replace(path: &Path, bytes: &[u8], keep: Keep) -> Result<(), LocalFileError> {
    let new = sibling(path, ".new");
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| LocalFileError::Write { path, source }
    };
    let old = fs::metadata(path).ok();
    if old.as_ref().is_some_and(|old| old.permissions().readonly()) {
        return Err(LocalFileError::ReadOnly { path: path.to_owned() });
    }
    let written = write_durably(&new, bytes, old.filter(|_| keep == Keep::Permissions).as_ref()).map_err(failed(&new));
    let renamed = written.and_then(|()| fs::rename(&new, path).map_err(failed(path)));
    if renamed.is_err() {
        // Nothing depends on it, and the next edit removes it before it begins.
        let _ = fs::remove_file(&new);
    }
    renamed?;
    let folder = folder_of(path);
    sync_folder(folder).map_err(failed(folder))
}
