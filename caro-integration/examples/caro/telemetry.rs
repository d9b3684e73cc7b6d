//! Telemetry: every event is kept on this machine first, and synced from there if the user opted in. What was recorded before that is never
//! synced, nor what waited when they opted out again. No event holds a prompt or a command.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use caro_integration::flags::TELEMETRY_CLOUD_SYNC;
use caro_integration::{Features, KillSwitches};
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

pub(crate) struct Telemetry<'a> {
    features: &'a Features,
    cloud: &'a dyn Cloud,
    rows: PathBuf,
    settled: PathBuf,
}

impl<'a> Telemetry<'a> {
    /// Returns telemetry that keeps its rows in `folder`.
    pub(crate) fn new(features: &'a Features, folder: &Path, cloud: &'a dyn Cloud) -> Self {
        Self { features, cloud, rows: folder.join("telemetry.jsonl"), settled: folder.join("telemetry.settled") }
    }

    /// Records an event. It is on the disk when this returns, since caro may exit at any time.
    pub(crate) fn record(&self, event: &Event) -> io::Result<Recorded> {
        if KillSwitches::load(self.features).is_disabled("telemetry") {
            return Ok(Recorded::Disabled);
        }
        let syncs = self.features.is_enabled(TELEMETRY_CLOUD_SYNC);
        if let Some(folder) = self.rows.parent() {
            fs::create_dir_all(folder)?;
        }
        if !syncs {
            // Noted before the row is written: a program that ends in between syncs one row too few, never one too many.
            self.note_settled(self.local_rows()?.len() + 1)?;
        }
        let mut row = serde_json::to_string(event)?;
        row.push('\n');
        let mut rows = OpenOptions::new().create(true).append(true).open(&self.rows)?;
        rows.write_all(row.as_bytes())?;
        rows.sync_data()?;
        if syncs { self.sync() } else { Ok(Recorded::Locally) }
    }

    /// Returns the rows kept on this machine.
    pub(crate) fn local_rows(&self) -> io::Result<Vec<String>> {
        match fs::read_to_string(&self.rows) {
            Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn sync(&self) -> io::Result<Recorded> {
        let settled = self.settled()?;
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

    /// How many rows are not to be synced any more: they were, or they are from a time when the user did not want it.
    fn settled(&self) -> io::Result<usize> {
        match fs::read_to_string(&self.settled) {
            Ok(count) => count.trim().parse().map_err(|_| io::ErrorKind::InvalidData.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    fn note_settled(&self, count: usize) -> io::Result<()> {
        fs::write(&self.settled, count.to_string())
    }
}

#[cfg(test)]
mod tests;
