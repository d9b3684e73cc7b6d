//! The file of reports that wait to be sent, and what has to be remembered with them: one JSON object a line.
//!
//! It is replaced as a whole, synced and renamed, so that whatever happens there is the old file or the new one. A line that cannot be
//! read costs itself alone.

use std::cmp::Ordering;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::PathBuf;

use flag_core::{FlagKey, Timestamp};
use serde::{Deserialize, Serialize};

use super::error::ReportError;
use super::form::{MAX_REPORT_BYTES, Report, parse};
use crate::json;
use crate::local_file::{self, Keep};
use crate::outcomes::{CellKey, Day, DayFiles, Step};

/// Reports of earlier days are dropped: a server has closed its books on them.
pub(super) const MAX_AGE_DAYS: i64 = 30;

/// How many reports wait at most. Of more, those of the earliest days are dropped.
pub(super) const MAX_REPORTS: usize = 1_000;

/// How many flags and steps are remembered as counted. Of more, those reported least lately are forgotten, and would count again.
const MAX_COUNTED: usize = 10_000;

/// How many days are remembered as reported. Days before them have no file any more.
const MAX_CLOSED: usize = 64;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The file's content.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Spool {
    pub(super) reports: Vec<Report>,
    /// The flags and steps that this machine was counted in, the latest reported last.
    counted: Vec<Counted>,
    /// The days that became reports, whatever became of those.
    closed: Vec<Day>,
    /// Until when the server wants no reports.
    pub(super) not_before: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Counted {
    flag: FlagKey,
    stage: Option<Step>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Note {
    Counted(Counted),
    Closed(Day),
    NotBefore(i64),
}

impl Spool {
    pub(super) fn path(files: &DayFiles) -> PathBuf {
        files.folder().join("reports.jsonl")
    }

    /// Reads the file; an empty spool if there is none. The lock must be held.
    pub(super) fn load(files: &DayFiles) -> Result<Self, ReportError> {
        let path = Self::path(files);
        let failed = |source| ReportError::Read { path: path.clone(), source };
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Ok(metadata) if !metadata.is_file() => {
                return Err(local_file::LocalFileError::NotAFile { path }.into());
            }
            metadata => metadata.map_err(failed)?,
        };
        let mut bytes = Vec::new();
        File::open(&path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(failed)?;
        let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if found > MAX_BYTES {
            return Err(ReportError::TooLarge { path, found, limit: MAX_BYTES });
        }
        Ok(Self::parse(&bytes))
    }

    /// Reads lines. Whatever is none is left out.
    pub(super) fn parse(bytes: &[u8]) -> Self {
        let mut spool = Self::default();
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            if let Ok(report) = parse(line) {
                spool.reports.push(report);
                continue;
            }
            if line.len() > MAX_REPORT_BYTES {
                continue;
            }
            match json::from_bytes(line) {
                Ok(Note::Counted(counted)) => spool.counted.push(counted),
                Ok(Note::Closed(day)) => spool.closed.push(day),
                Ok(Note::NotBefore(millis)) => spool.not_before = Some(Timestamp::from_millis(millis)),
                Err(_) => {}
            }
        }
        spool.bound();
        spool
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let notes = self.counted.iter().cloned().map(Note::Counted);
        let notes = notes.chain(self.closed.iter().copied().map(Note::Closed));
        let notes = notes.chain(self.not_before.map(|until| Note::NotBefore(until.as_millis())));
        let lines = self.reports.iter().map(Report::to_json);
        // Writing numbers and texts to memory cannot fail.
        let lines = lines.chain(notes.map(|note| serde_json::to_vec(&note).unwrap_or_default()));
        let mut bytes = Vec::new();
        for line in lines {
            bytes.extend(line);
            bytes.push(b'\n');
        }
        bytes
    }

    /// Replaces the file. The lock must be held.
    pub(super) fn save(&self, files: &DayFiles) -> Result<(), ReportError> {
        Ok(local_file::replace(&Self::path(files), &self.to_bytes(), Keep::Private)?)
    }

    pub(super) fn is_closed(&self, day: Day) -> bool {
        self.closed.contains(&day)
    }

    pub(super) fn close(&mut self, day: Day, reports: Vec<Report>) {
        self.reports.extend(reports);
        self.closed.push(day);
        self.bound();
    }

    /// Remembers that the machine is counted in a flag's step. Returns whether it was not before.
    pub(super) fn count(&mut self, key: &CellKey) -> bool {
        let counted = Counted { flag: key.flag.clone(), stage: key.step };
        let known = self.counted.iter().position(|known| *known == counted);
        if let Some(at) = known {
            self.counted.remove(at);
        }
        self.counted.push(counted);
        known.is_none()
    }

    /// Drops the reports of days that no server wants any more. Returns whether there were any.
    pub(super) fn expire(&mut self, today: Day) -> bool {
        let before = self.reports.len();
        self.reports.retain(|report| today.days_since(report.day) <= MAX_AGE_DAYS);
        self.reports.len() != before
    }

    #[cfg(feature = "remote")]
    pub(super) fn remove(&mut self, sent: &[super::form::Nonce]) {
        self.reports.retain(|report| !sent.contains(&report.nonce));
    }

    fn bound(&mut self) {
        drop_earliest(&mut self.reports, MAX_REPORTS);
        keep_last(&mut self.counted, MAX_COUNTED);
        keep_last(&mut self.closed, MAX_CLOSED);
    }
}

/// Drops reports of the earliest days, and of the last of these days the first.
fn drop_earliest(reports: &mut Vec<Report>, limit: usize) {
    let surplus = reports.len().saturating_sub(limit);
    let mut days: Vec<Day> = reports.iter().map(|report| report.day).collect();
    days.sort_unstable();
    let Some(last) = surplus.checked_sub(1).and_then(|at| days.get(at)).copied() else { return };
    let mut left = surplus - days.partition_point(|day| *day < last);
    reports.retain(|report| match report.day.cmp(&last) {
        Ordering::Less => false,
        Ordering::Equal if left > 0 => {
            left -= 1;
            false
        }
        _ => true,
    });
}

fn keep_last<T>(things: &mut Vec<T>, limit: usize) {
    let surplus = things.len().saturating_sub(limit);
    things.drain(..surplus);
}
