//! What a quarantine keeps between runs, beside the trust state: what it knows, and the envelopes of two snapshots.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use super::narrowing::Suspicion;
use crate::durable_file::{create_new, sibling};
use crate::json;
use crate::local_file::LocalFileError;

/// The form of the file.
const SCHEMA: u32 = 1;

/// No knowledge about 200,000 flags is larger.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// What the file says. It bears no checksum: what could do harm is in the envelopes, which are signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    schema: u32,
    /// Whether there was a last good snapshot, or none at all when all was well.
    pub(super) good: Good,
    pub(super) suspicion: Suspicion,
}

/// What served when all was well.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Good {
    /// No snapshot.
    Nothing,
    /// The snapshot that is kept for it.
    Snapshot,
}

impl Known {
    pub(super) fn new(good: Good, suspicion: Suspicion) -> Self {
        Self { schema: SCHEMA, good, suspicion }
    }

    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let known: Self = json::from_bytes(bytes)?;
        if known.suspicion.is_sound() { Ok(known) } else { Err(serde_json::Error::custom("it contradicts itself")) }
    }
}

/// Why crashes cannot be told from clean runs, or flags not be held back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QuarantineError {
    /// Another process holds the lock, or there can be none.
    #[error(transparent)]
    Lock(LocalFileError),
    /// The operating system refuses.
    #[error("{} cannot be {}", path.display(), if *written { "written" } else { "read" })]
    Io {
        /// Which file.
        path: PathBuf,
        /// Whether it was to be written, or read.
        written: bool,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The file is not what was written. It is kept as `NAME.corrupt`, and what was known begins anew.
    #[error("{} is damaged", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The file is a later version's. It is let alone, and nothing is held back.
    #[error("{} has schema {found}, expected {SCHEMA}", path.display())]
    Schema {
        /// Which file.
        path: PathBuf,
        /// Its schema.
        found: u32,
    },
    /// Something else than a file stands in its place.
    #[error("{} is not a regular file of at most {MAX_BYTES} bytes", path.display())]
    NotAFile {
        /// Which file.
        path: PathBuf,
    },
    /// The last good snapshot does not verify any more, for instance because its key was revoked. Nothing is held back.
    #[error("the last good snapshot does not verify")]
    Good(#[source] crate::trust::TrustError),
    /// The last good snapshot is verified, and cannot be read.
    #[error("the last good snapshot cannot be read")]
    GoodUnreadable(#[source] flag_core::wire::SnapshotError),
    /// The last good snapshot is not where it was kept.
    #[error("the last good snapshot is missing")]
    GoodMissing,
}

impl QuarantineError {
    /// This run cannot be noted.
    pub(super) fn run(folder: &Path, source: io::Error) -> Self {
        failed(folder, true)(source)
    }
}

/// The files of one quarantine.
#[derive(Clone, Debug)]
pub(super) struct Store {
    known: PathBuf,
    good: PathBuf,
    trial: PathBuf,
    pub(super) runs: PathBuf,
}

impl Store {
    pub(super) fn beside(trust_state: &Path) -> Self {
        Self {
            known: sibling(trust_state, ".quarantine"),
            good: sibling(trust_state, ".good"),
            trial: sibling(trust_state, ".trial"),
            runs: sibling(trust_state, ".runs"),
        }
    }

    /// The file whose lock guards all of them.
    pub(super) fn guarded(&self) -> &Path {
        &self.known
    }

    /// Returns what is known; nothing at the first look.
    pub(super) fn read(&self) -> Result<Option<Known>, QuarantineError> {
        #[derive(Deserialize)]
        struct Probe {
            schema: u32,
        }
        let Some(bytes) = read(&self.known)? else { return Ok(None) };
        let damaged = |source| QuarantineError::Damaged { path: self.known.clone(), source };
        match json::from_bytes(&bytes) {
            Ok(Probe { schema: SCHEMA }) => Known::from_json(&bytes).map(Some).map_err(damaged),
            Ok(Probe { schema }) => Err(QuarantineError::Schema { path: self.known.clone(), found: schema }),
            Err(source) => Err(damaged(source)),
        }
    }

    /// Moves a damaged file out of the way. The lock must be held.
    pub(super) fn set_aside(&self) -> Result<(), QuarantineError> {
        fs::rename(&self.known, sibling(&self.known, ".corrupt")).map_err(failed(&self.known, true))
    }

    pub(super) fn write(&self, known: &Known) -> Result<(), QuarantineError> {
        let bytes = serde_json::to_vec(known).map_err(|error| failed(&self.known, true)(error.into()))?;
        replace(&self.known, &bytes)
    }

    /// Keeps a snapshot that has yet to show whether it is good.
    pub(super) fn keep_trial(&self, envelope: &[u8]) -> Result<(), QuarantineError> {
        replace(&self.trial, envelope)
    }

    /// Keeps a snapshot as the last good one.
    pub(super) fn keep_good(&self, envelope: &[u8]) -> Result<(), QuarantineError> {
        replace(&self.good, envelope)
    }

    /// Makes the snapshot on trial the last good one.
    pub(super) fn promote(&self) -> Result<(), QuarantineError> {
        match fs::rename(&self.trial, &self.good) {
            // A process that was killed after it renamed the file and before it wrote down that it had.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => renamed.map_err(failed(&self.good, true)),
        }
    }

    /// Returns the envelope of the last good snapshot.
    pub(super) fn good(&self) -> Result<Option<Vec<u8>>, QuarantineError> {
        read(&self.good)
    }
}

fn failed(path: &Path, written: bool) -> impl FnOnce(io::Error) -> QuarantineError {
    let path = path.to_owned();
    move |source| QuarantineError::Io { path, written, source }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, QuarantineError> {
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(failed(path, false))?,
    };
    if !metadata.is_file() || metadata.len() > MAX_BYTES {
        return Err(QuarantineError::NotAFile { path: path.to_owned() });
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed(path, false))?;
    file.take(MAX_BYTES).read_to_end(&mut bytes).map_err(failed(path, false))?;
    Ok(Some(bytes))
}

/// Puts bytes in a file's place. Whoever is killed leaves the old file or the new one. A loss of power may take the last runs' knowledge
/// with it; waiting for the disk at each start would cost more than that. The lock must be held.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), QuarantineError> {
    if fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_file()) {
        return Err(QuarantineError::NotAFile { path: path.to_owned() });
    }
    let new = sibling(path, ".new");
    let write = || {
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        create_new(&new)?.write_all(bytes)?;
        fs::rename(&new, path)
    };
    let written = write();
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written.map_err(failed(path, true))
}
