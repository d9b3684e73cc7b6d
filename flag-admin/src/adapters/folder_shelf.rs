use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::app::ports::{Document, Publication, PublisherError, Shelf};

/// How often a folder is looked at. A kill must not wait for longer.
const PAUSE: Duration = Duration::from_millis(100);

/// More roots than a client walks in its life.
const ROOTS_MAX: u64 = 10_000;

/// What is published in a folder. It is noticed by looking at names, sizes and times.
#[derive(Debug)]
pub struct FolderShelf {
    folder: PathBuf,
    seen: Option<Vec<Mark>>,
}

/// What tells a file from the one that took its place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    length: u64,
    changed: Option<SystemTime>,
    number: u64,
}

impl FolderShelf {
    /// Returns what is published in a folder, which need not be there yet.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), seen: None }
    }

    fn path(&self, document: Document) -> PathBuf {
        self.folder.join(document.to_string())
    }

    fn marks(&self) -> Vec<Mark> {
        let roots = (1..ROOTS_MAX).map(Document::Root);
        let mark = |document| fs::metadata(self.path(document)).ok().map(|metadata| Mark::of(&metadata));
        let absent = Mark { length: u64::MAX, changed: None, number: 0 };
        let mut marks: Vec<Mark> = roots.map_while(mark).collect();
        marks.extend([Document::Kills, Document::Snapshot].map(|document| mark(document).unwrap_or(absent.clone())));
        marks
    }

    fn read(&self, document: Document) -> Result<Option<Vec<u8>>, PublisherError> {
        let path = self.path(document);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => {
                Err(PublisherError { place: path.display().to_string(), action: "read", source: error.into() })
            }
        }
    }
}

impl Mark {
    #[cfg(unix)]
    fn of(metadata: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt as _;
        Self { length: metadata.len(), changed: metadata.modified().ok(), number: metadata.ino() }
    }

    #[cfg(not(unix))]
    fn of(metadata: &fs::Metadata) -> Self {
        Self { length: metadata.len(), changed: metadata.modified().ok(), number: 0 }
    }
}

impl Shelf for FolderShelf {
    fn look(&mut self) -> Result<Option<Publication>, PublisherError> {
        // Marks come first: a file that is replaced while the others are read shows at the next look.
        let marks = self.marks();
        if self.seen.as_ref() == Some(&marks) {
            return Ok(None);
        }
        let mut roots = Vec::new();
        for version in 1..ROOTS_MAX {
            let Some(root) = self.read(Document::Root(version))? else { break };
            roots.push(root);
        }
        let (kills, snapshot) = (self.read(Document::Kills)?, self.read(Document::Snapshot)?);
        self.seen = Some(marks);
        Ok(Some(Publication { roots, kills, snapshot }))
    }

    fn wait(&mut self, at_most: Duration) {
        thread::sleep(at_most.min(PAUSE));
    }

    fn pause(&self) -> Option<Duration> {
        Some(PAUSE)
    }

    fn place(&self) -> String {
        self.folder.display().to_string()
    }
}
