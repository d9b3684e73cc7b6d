//! Telemetry: every event is kept on this machine first, and synced from there if the user opted in. What was recorded before that is never
//! synced, nor what waited when they opted out again. No event holds a prompt or a command. Programs that run at once take turns.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use caro_integration::flags::TELEMETRY_CLOUD_SYNC;
use caro_integration::{Features, KillSwitches};
use fd_lock::RwLock;
use serde::Serialize;

use crate::cloud::Cloud;

/// One thing that happened.
#[derive(Serialize)]
pub(crate) struct Event {
    pub(crate) name: &'static str,
    pub(crate) backend: String,
    pub(crate) outcome: &'static str,
}

/// Where an event ended up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// Nowhere: the kill switch is on.
    Disabled,
    /// On this machine.
    Locally,
    /// On this machine and in the cloud, with so many rows that had been waiting.
    Synced { waiting: usize },
    /// On this machine; it goes to the cloud when that can be reached again.
    KeptForLater { why: String },
}

impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => f.write_str("disabled by a kill switch"),
            Self::Locally => f.write_str("kept on this machine"),
            Self::Synced { waiting: 0 } => f.write_str("kept on this machine and synced"),
            Self::Synced { waiting } => write!(f, "kept on this machine and synced, with {waiting} that waited"),
            Self::KeptForLater { why } => write!(f, "kept on this machine, to be synced later ({why})"),
        }
    }
}

/// How often, and after which pause, a turn is asked for: two seconds in all. Somebody waits for their command.
const ATTEMPTS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct Telemetry<'a> {
    features: &'a Features,
    cloud: &'a dyn Cloud,
    rows: PathBuf,
    settled: PathBuf,
    lock: PathBuf,
}

impl<'a> Telemetry<'a> {
    /// Returns telemetry that keeps its rows in `folder`.
    pub(crate) fn new(features: &'a Features, folder: &Path, cloud: &'a dyn Cloud) -> Self {
        let [rows, settled, lock] =
            ["telemetry.jsonl", "telemetry.settled", "telemetry.lock"].map(|name| folder.join(name));
        Self { features, cloud, rows, settled, lock }
    }

    /// Records an event. It is on the disk when this returns, since caro may exit at any time. An error is no reason to fail what the
    /// event is about.
    pub(crate) fn record(&self, event: &Event) -> io::Result<Recorded> {
        if KillSwitches::load(self.features).is_disabled("telemetry") {
            return Ok(Recorded::Disabled);
        }
        if let Some(folder) = self.rows.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut lock = RwLock::new(OpenOptions::new().create(true).truncate(false).write(true).open(&self.lock)?);
        for _ in 0..ATTEMPTS {
            match lock.try_write() {
                Ok(_turn) => return self.keep(event),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
            thread::sleep(PAUSE);
        }
        Err(io::Error::new(io::ErrorKind::WouldBlock, "another caro has not finished with it"))
    }

    /// Keeps an event, and syncs it. The lock must be held.
    fn keep(&self, event: &Event) -> io::Result<Recorded> {
        let syncs = self.features.is_enabled(TELEMETRY_CLOUD_SYNC);
        let known = self.local_rows()?.len();
        let settled = if syncs { self.settled(known)? } else { known + 1 };
        if !syncs {
            // Noted before the row is written: a program that ends in between syncs one row too few, never one too many.
            self.note_settled(settled)?;
        }
        let mut row = serde_json::to_string(event)?;
        row.push('\n');
        let mut rows = OpenOptions::new().create(true).append(true).open(&self.rows)?;
        rows.write_all(row.as_bytes())?;
        rows.sync_data()?;
        if syncs { self.sync(settled) } else { Ok(Recorded::Locally) }
    }

    /// Returns the rows kept on this machine.
    pub(crate) fn local_rows(&self) -> io::Result<Vec<String>> {
        match fs::read_to_string(&self.rows) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn sync(&self, settled: usize) -> io::Result<Recorded> {
        let rows = self.local_rows()?;
        let all = rows.len();
        let waiting: Vec<(usize, String)> = (1..).zip(rows).skip(settled).collect();
        match self.cloud.upload(&waiting) {
            Ok(()) => {
                self.note_settled(all)?;
                Ok(Recorded::Synced { waiting: waiting.len().saturating_sub(1) })
            }
            Err(error) => Ok(Recorded::KeptForLater { why: error.to_string() }),
        }
    }

    /// How many of the known rows are not to be synced any more: they were, or they are from a time when the user did not want it. Where
    /// the note is damaged that may be any of them, and so it is noted as all.
    fn settled(&self, known: usize) -> io::Result<usize> {
        let note = match fs::read(&self.settled) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            note => String::from_utf8_lossy(&note?).trim().parse(),
        };
        if note.is_err() {
            self.note_settled(known)?;
        }
        Ok(note.unwrap_or(known))
    }

    /// Puts the new note in the old one's place, so that whatever happens one of them is there, whole. The lock must be held.
    fn note_settled(&self, count: usize) -> io::Result<()> {
        let new = self.settled.with_extension("settled.new");
        let mut note = File::create(&new)?;
        note.write_all(count.to_string().as_bytes())?;
        note.sync_data()?;
        fs::rename(&new, &self.settled)
    }
}

#[cfg(test)]
mod tests;
