//! The file on the disk: read whole, replaced whole, under a lock.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::durable_file::{create_folders, folder_of, sibling, sync_folder, write_durably};
use crate::file_lock::{self, Patience, Unlocked};

use super::LocalFileError;
use super::edit::{Edit, apply};
use super::error::MAX_BYTES;
use super::lines::Lines;

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
    let written = locked(&target, Patience::Edit, || match changed(&target, edits)? {
        None => Ok(false),
        Some(text) => put(&target, text.as_bytes(), Keep::Permissions).map(|()| true),
    })??;
    if written {
        // Others may go on meanwhile: whatever they rename into place has this edit in it.
        sync_folder_of(&target)?;
    }
    Ok(written)
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
    file_lock::locked(path, patience, work).map_err(|error| match error {
        Unlocked::NotAFile(path) => LocalFileError::NotAFile { path },
        Unlocked::Refused(path, source) => LocalFileError::Write { path, source },
        Unlocked::Held(path) => LocalFileError::Locked { path },
    })
}

/// Who may read the new file.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Whoever could read the old one; only the owner where there was none.
    Permissions,
    /// Only the owner.
    Private,
}

/// Puts bytes in a file's place, so that after a crash the old file or the new one is there, whole; when it returns, it is the new one. The
/// lock must be held.
pub(crate) fn replace(path: &Path, bytes: &[u8], keep: Keep) -> Result<(), LocalFileError> {
    put(path, bytes, keep)?;
    sync_folder_of(path)
}

/// Puts bytes in a file's place; which of the two a crash leaves is open until the folder is synced.
fn put(path: &Path, bytes: &[u8], keep: Keep) -> Result<(), LocalFileError> {
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
    renamed
}

fn sync_folder_of(path: &Path) -> Result<(), LocalFileError> {
    let folder = folder_of(path);
    sync_folder(folder).map_err(|source| LocalFileError::Write { path: folder.to_owned(), source })
}
