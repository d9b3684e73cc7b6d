use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::read::{read, salvage_kills};
use super::{Contents, LocalFileError};

/// What files said when they could last be read.
///
/// Somebody who edits a file saves it half-written now and then, and a running program that reads it then must not take its kill
/// switches for lifted. Where it was never read, the kill switches that can be made out in it count: off is the safe side. A file that was
/// removed says nothing, as it should.
#[derive(Debug, Default)]
pub(crate) struct Readings(Mutex<BTreeMap<PathBuf, Contents>>);

impl Readings {
    /// Reads a file. Where it cannot be read, what it said last still holds, and the error comes with it.
    pub(crate) fn read(&self, path: &Path) -> (Option<Contents>, Option<LocalFileError>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match read(path) {
            Ok(contents) => {
                known.insert(path.to_owned(), contents.clone());
                (Some(contents), None)
            }
            Err(error) => (Some(known.get(path).cloned().unwrap_or_else(|| salvage_kills(path))), Some(error)),
        }
    }
}
