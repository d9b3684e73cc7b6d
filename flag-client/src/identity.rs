//! The installation's id: what splits are drawn by. Random, local, resettable, and never sent anywhere.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flag_core::is_missing;

use crate::file_lock::Patience;
use crate::local_file::{self, Keep, LocalFileError};

/// The longest id that is read, in bytes.
const MAX_BYTES: u64 = 128;

/// Where the installation's id comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum IdentitySource {
    /// A file that is made when the first split needs it. It belongs into a folder for state, not into a configuration that is synced
    /// between machines, which would give them one id.
    File(PathBuf),
    /// An id that the host keeps. One that counts as missing ([`flag_core::is_missing`]) is none.
    Given(String),
    /// There is no id.
    #[default]
    None,
}

/// Why the installation has no id.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The operating system refuses to read the file.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Something else than a file stands in its place: a symbolic link, which is never followed, or a folder.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// The file holds something else than an id, and is not overwritten.
    #[error("{} holds no id, expected at most 128 letters, digits, dashes, dots and underscores", path.display())]
    NotAnId {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error(transparent)]
    Write(LocalFileError),
    /// The file cannot be removed.
    #[error("{} cannot be removed", path.display())]
    Remove {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The operating system gives no randomness.
    #[error("no randomness to be had: {0}")]
    Randomness(getrandom::Error),
}

impl IdentitySource {
    /// Returns the id, unless one has yet to be made.
    pub(crate) fn existing(&self) -> Result<Option<Box<str>>, IdentityError> {
        match self {
            Self::File(path) => read(path),
            Self::Given(id) => Ok((!is_missing(id)).then(|| id.as_str().into())),
            Self::None => Ok(None),
        }
    }

    /// Tells whether an id can be made where there is none.
    pub(crate) const fn can_create(&self) -> bool {
        matches!(self, Self::File(_))
    }

    /// Returns the id, made and kept now if there is none. Of several processes that do so at once, all get the same.
    pub(crate) fn existing_or_new(&self) -> Result<Option<Box<str>>, IdentityError> {
        let Self::File(path) = self else { return self.existing() };
        if let Some(id) = read(path)? {
            return Ok(Some(id));
        }
        local_file::make_folder(path).map_err(IdentityError::Write)?;
        local_file::locked(path, Patience::Decision, || {
            if let Some(id) = read(path)? {
                return Ok(Some(id));
            }
            let id = random()?;
            local_file::replace(path, format!("{id}\n").as_bytes(), Keep::Private).map_err(IdentityError::Write)?;
            Ok(Some(id))
        })
        .map_err(IdentityError::Write)?
    }

    /// Removes the id. The next split draws a new one.
    pub(crate) fn reset(&self) -> Result<(), IdentityError> {
        let Self::File(path) = self else { return Ok(()) };
        match fs::remove_file(path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(IdentityError::Remove { path: path.clone(), source })
            }
            _ => Ok(()),
        }
    }
}

/// Reads the file. One that is blank or holds a text that stands for "no id" counts as missing.
fn read(path: &Path) -> Result<Option<Box<str>>, IdentityError> {
    let failed = |source| IdentityError::Read { path: path.to_owned(), source };
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(failed)?,
    };
    if !metadata.is_file() {
        return Err(IdentityError::NotAFile { path: path.to_owned() });
    }
    if metadata.len() > MAX_BYTES + 2 {
        return Err(IdentityError::NotAnId { path: path.to_owned() });
    }
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(failed)?,
    };
    let id = bytes.trim_ascii();
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let Some(id) = std::str::from_utf8(id).ok().filter(|id| id.bytes().all(|byte| known(&byte))) else {
        return Err(IdentityError::NotAnId { path: path.to_owned() });
    };
    Ok((!is_missing(id)).then(|| id.into()))
}

/// Returns 128 random bits in hexadecimal digits.
fn random() -> Result<Box<str>, IdentityError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(IdentityError::Randomness)?;
    let mut id = String::with_capacity(32);
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    Ok(id.into())
}
