use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::durable_file::{Readers, replace, sync_folder};
use crate::app::ports::{Document, Publisher, PublisherError};

/// How often, and after what pauses, a lock that another publisher holds is tried: for five seconds.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(50);

/// A folder that a web server or an object store serves as it is.
#[derive(Debug)]
pub struct Folder {
    out: PathBuf,
    /// Held for as long as this lives, so that of two publishers of one project the later version stays.
    _lock: File,
}

impl Folder {
    /// Opens a folder to publish to. `lock` is the file that publishers of the same project lock, in the project itself: what is
    /// published holds no file of ours that clients do not fetch.
    pub fn open(out: &Path, lock: &Path) -> Result<Self, PublisherError> {
        Ok(Self { out: out.to_owned(), _lock: publish_lock(lock)? })
    }

    fn path(&self, document: Document) -> PathBuf {
        self.out.join(document.to_string())
    }
}

/// Takes the lock that publishers of one project hold, waiting a while for another to finish.
pub(super) fn publish_lock(lock: &Path) -> Result<File, PublisherError> {
    let failed = |source: io::Error| PublisherError {
        place: lock.display().to_string(),
        action: "locked",
        source: source.into(),
    };
    let file = File::options().create(true).truncate(false).write(true).open(lock).map_err(failed)?;
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
    }
    Err(failed(io::Error::new(io::ErrorKind::TimedOut, "another program is publishing")))
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> PublisherError {
    let place = path.display().to_string();
    move |source| PublisherError { place, action, source: source.into() }
}

impl Publisher for Folder {
    fn published(&self, document: Document) -> Result<Option<Vec<u8>>, PublisherError> {
        let path = self.path(document);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, "read")(error)),
        }
    }

    fn publish(&mut self, document: Document, bytes: &[u8]) -> Result<(), PublisherError> {
        let path = self.path(document);
        if self.published(document)?.as_deref() == Some(bytes) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed(folder, "written"))?;
        }
        replace(&path, bytes, Readers::Everyone).map_err(failed(&path, "written"))
    }

    fn withdraw(&mut self, document: Document) -> Result<(), PublisherError> {
        let path = self.path(document);
        match fs::remove_file(&path) {
            Ok(()) => sync_folder(path.parent().unwrap_or(Path::new("."))).map_err(failed(&path, "removed")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(&path, "removed")(error)),
        }
    }

    fn place(&self) -> String {
        self.out.display().to_string()
    }
}
