//! The folder of days: one file a day, of lines that are appended and now and then folded.
//!
//! A recording is one line, appended in one write under a lock that any number of writers share; only what folds or removes a file
//! excludes them. Once the write has returned the line outlives the process, however it ends: `kill -9` leaves it there whole, or, in the
//! middle of the write, as a torn line that costs itself alone. It is not synced, because that takes milliseconds on many disks and a
//! use of a feature must not: a power cut may cost the last seconds, or, right after a fold, that day.

use std::fs::{self, File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use fd_lock::RwLock;

use super::cell::{Cells, fold, line};
use super::day::Day;
use super::error::OutcomeError;
use crate::durable_file::{create_folders, create_new, open_or_create, owner_only};

/// A file is folded when it is larger than this, and more than double of what it was after the last fold.
const FOLD_ABOVE: u64 = 64 * 1024;

/// Nothing more goes into a file that is larger than this, in bytes: it cannot be folded, or names thousands of flags.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

const PREFIX: &str = "cells-";
const SUFFIX: &str = ".jsonl";

/// How long to wait for a lock. It is held for milliseconds, unless its process hangs.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// For ten seconds: reports are made.
    Long,
    /// For a second: somebody's use of a feature has ended.
    Short,
    /// For 20 milliseconds: a thread panics, or waiting was in vain before.
    Hardly,
    /// Not at all.
    Never,
}

impl Wait {
    const fn pauses(self) -> u32 {
        match self {
            Self::Long => 5_000,
            Self::Short => 500,
            Self::Hardly => 10,
            Self::Never => 0,
        }
    }
}

const PAUSE: Duration = Duration::from_millis(2);

/// The folder.
#[derive(Debug)]
pub(crate) struct DayFiles {
    folder: PathBuf,
    lock: PathBuf,
    /// From which size on a file may be worth folding, as far as this process knows.
    fold_above: AtomicU64,
}

impl DayFiles {
    pub(crate) fn new(folder: PathBuf) -> Self {
        let lock = folder.join("lock");
        Self { folder, lock, fold_above: AtomicU64::new(FOLD_ABOVE) }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, day: Day) -> PathBuf {
        self.folder.join(format!("{PREFIX}{day}{SUFFIX}"))
    }

    /// Adds a line to a day. Other threads and processes may do so at the same time.
    pub(crate) fn append(&self, day: Day, line: &[u8], wait: Wait) -> Result<(), OutcomeError> {
        let path = self.path(day);
        let size = self.sharing(wait, || append(&path, line))??;
        if size > self.fold_above.load(Ordering::Relaxed) {
            // What was to be kept is kept. A fold that fails is tried again at the next line.
            let _ = self.excluding(Wait::Never, || self.fold(&path, size));
        }
        Ok(())
    }

    /// Returns the days there are files of, earliest first.
    pub(crate) fn days(&self) -> Result<Vec<Day>, OutcomeError> {
        let failed = |source| OutcomeError::Read { path: self.folder.clone(), source };
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut days = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let name = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
            days.extend(name.and_then(|day| day.parse::<Day>().ok()));
        }
        days.sort_unstable();
        Ok(days)
    }

    /// Returns a day's sums. A file that is too large to be ours has none.
    pub(crate) fn read(&self, day: Day) -> Result<Cells, OutcomeError> {
        let path = self.path(day);
        let Some(metadata) = regular(&path)? else { return Ok(Cells::new()) };
        if metadata.len() > 2 * MAX_BYTES {
            return Ok(Cells::new());
        }
        fs::read(&path).map(|bytes| fold(&bytes)).map_err(|source| OutcomeError::Read { path, source })
    }

    /// Removes a day, and what a fold that was killed left of it. The lock must be held.
    pub(crate) fn remove(&self, day: Day) -> Result<(), OutcomeError> {
        let path = self.path(day);
        remove_file(&new_of(&path))?;
        remove_file(&path)
    }

    /// Puts a fold in a file's place, unless it was folded not long ago.
    fn fold(&self, path: &Path, size: u64) -> Result<(), OutcomeError> {
        let read = |source| OutcomeError::Read { path: path.to_owned(), source };
        let folded = folded_size(path).map_err(read)?;
        self.fold_above.store(FOLD_ABOVE.max(folded.saturating_mul(2)), Ordering::Relaxed);
        if size <= folded.saturating_mul(2) {
            return Ok(());
        }
        let cells = fold(&fs::read(path).map_err(read)?);
        let lines: Vec<u8> = cells.iter().flat_map(|(key, cell)| line(key, cell)).collect();
        let mut bytes = header(lines.len()).into_bytes();
        bytes.extend(lines);
        let new = new_of(path);
        let written = write_new(&new, &bytes).and_then(|()| fs::rename(&new, path));
        if let Err(source) = written {
            // Nothing depends on it, and the next fold removes it before it begins.
            let _ = fs::remove_file(&new);
            return Err(OutcomeError::Write { path: path.to_owned(), source });
        }
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.fold_above.store(FOLD_ABOVE.max(size.saturating_mul(2)), Ordering::Relaxed);
        Ok(())
    }

    /// Runs work while nobody folds or removes a file.
    fn sharing<T>(&self, wait: Wait, work: impl FnOnce() -> T) -> Result<T, OutcomeError> {
        let lock = RwLock::new(self.open_lock()?);
        for pause in 0..=wait.pauses() {
            match lock.try_read() {
                Ok(_guard) => return Ok(work()),
                Err(error) => self.pause(pause, wait, error)?,
            }
        }
        Err(OutcomeError::Locked { path: self.lock.clone() })
    }

    /// Runs work while no other thread or process appends, folds or removes.
    pub(crate) fn excluding<T>(&self, wait: Wait, work: impl FnOnce() -> T) -> Result<T, OutcomeError> {
        let mut lock = RwLock::new(self.open_lock()?);
        for pause in 0..=wait.pauses() {
            match lock.try_write() {
                Ok(_guard) => return Ok(work()),
                Err(error) => self.pause(pause, wait, error)?,
            }
        }
        Err(OutcomeError::Locked { path: self.lock.clone() })
    }

    fn pause(&self, pause: u32, wait: Wait, error: io::Error) -> Result<(), OutcomeError> {
        if !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) {
            return Err(OutcomeError::Write { path: self.lock.clone(), source: error });
        }
        if pause < wait.pauses() {
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn open_lock(&self) -> Result<File, OutcomeError> {
        regular(&self.lock)?;
        let open = || open_or_create(&owner_only(), &self.lock);
        let opened = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let failed = |source| OutcomeError::Write { path: self.folder.clone(), source };
                make_private_folder(&self.folder).map_err(failed)?;
                open()
            }
            opened => opened,
        };
        opened.map_err(|source| OutcomeError::Write { path: self.lock.clone(), source })
    }
}

/// Removes a file; there need not be one.
pub(crate) fn remove_file(path: &Path) -> Result<(), OutcomeError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(OutcomeError::Write { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// The file that a fold is written to before it takes a file's place.
fn new_of(path: &Path) -> PathBuf {
    path.with_extension("new")
}

/// Returns the file's metadata; nothing if there is no file, and an error if it is none.
fn regular(path: &Path) -> Result<Option<Metadata>, OutcomeError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata)),
        Ok(_) => Err(OutcomeError::NotAFile { path: path.to_owned() }),
        // Whatever else is wrong, opening the file says it.
        Err(_) => Ok(None),
    }
}

/// Appends to a file and returns its size, in bytes.
fn append(path: &Path, line: &[u8]) -> Result<u64, OutcomeError> {
    let found = regular(path)?.map_or(0, |metadata| metadata.len());
    if found > MAX_BYTES {
        return Err(OutcomeError::Full { path: path.to_owned(), found, limit: MAX_BYTES });
    }
    let mut options = owner_only();
    let written = open_or_create(options.append(true), path).and_then(|mut file| file.write_all(line));
    written.map_err(|source| OutcomeError::Write { path: path.to_owned(), source })?;
    Ok(found + u64::try_from(line.len()).unwrap_or(u64::MAX / 2))
}

/// The first line of a folded file: how large it was then. It is no line of sums, and so adds nothing.
fn header(size: usize) -> String {
    format!("{{\"folded\":{size}}}\n")
}

fn folded_size(path: &Path) -> io::Result<u64> {
    let mut start = Vec::new();
    File::open(path)?.take(40).read_to_end(&mut start)?;
    let start = String::from_utf8_lossy(&start);
    let size = start.strip_prefix("{\"folded\":").and_then(|rest| rest.split_once('}'));
    Ok(size.and_then(|(size, _)| size.parse().ok()).unwrap_or(0))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create_new(path)?.write_all(bytes)
}

#[cfg(unix)]
fn make_private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;

    create_folders(folder, fs::DirBuilder::new().mode(0o700))
}

#[cfg(not(unix))]
fn make_private_folder(folder: &Path) -> io::Result<()> {
    create_folders(folder, &fs::DirBuilder::new())
}
