use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use flag_client::trust::{Envelope, RootDocument};

use super::durable_file::{Readers, create, replace};
use crate::app::ports::{RootKeeper, RootStore, RootStoreError};

/// A folder of signed roots: `1.json`, `2.json` and so on.
#[derive(Clone, Debug)]
pub struct RootFiles {
    folder: PathBuf,
}

impl RootFiles {
    /// Returns the roots in a folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }
}

impl RootStore for RootFiles {
    fn roots(&self) -> Result<Vec<Vec<u8>>, RootStoreError> {
        let mut roots = Vec::new();
        for version in 1_u64.. {
            let path = self.folder.join(format!("{version}.json"));
            match fs::read(&path) {
                Ok(bytes) => roots.push(bytes),
                Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                Err(error) => {
                    return Err(RootStoreError::Unreadable { place: path.display().to_string(), source: error.into() });
                }
            }
        }
        if roots.is_empty() {
            return Err(RootStoreError::Missing { place: self.folder.join("1.json").display().to_string() });
        }
        Ok(roots)
    }
}

/// Returns what a root says, unverified, to show and to compare with.
pub fn root_document(envelope: &[u8]) -> Option<RootDocument> {
    let envelope = Envelope::parse(envelope).ok()?;
    serde_json::from_slice(envelope.document()).ok()
}

/// Writes a draft of a root into a file that must not be there yet.
pub fn create_draft(path: &Path, envelope: &[u8]) -> io::Result<()> {
    create(path, envelope, Readers::Everyone)
}

/// Puts a draft with one more signature in place of the one before: a draft is never half written.
pub fn replace_draft(path: &Path, envelope: &[u8]) -> io::Result<()> {
    replace(path, envelope, Readers::Everyone)
}

impl RootKeeper for RootFiles {
    fn keep(&mut self, version: u64, envelope: &[u8]) -> Result<(), RootStoreError> {
        let path = self.folder.join(format!("{version}.json"));
        let place = path.display().to_string();
        match fs::read(&path) {
            Ok(kept) if kept == envelope => return Ok(()),
            Ok(_) => return Err(RootStoreError::Taken { place }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(RootStoreError::Unreadable { place, source: error.into() }),
        }
        replace(&path, envelope, Readers::Everyone)
            .map_err(|error| RootStoreError::Unwritable { place, source: error.into() })
    }
}
