use std::fs;
use std::io;
use std::path::PathBuf;

use crate::app::ports::{RootStore, RootStoreError};

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
