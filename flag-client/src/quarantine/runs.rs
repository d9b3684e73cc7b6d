//! One file a run, so that the next one knows how this one ended. It holds nothing: its name says everything, and changes by renaming,
//! which is one system call and works in the middle of a panic.
//!
//! `ID.STEP.clean.open` is a run that lasts as long as somebody holds the lock on it. Nobody left, it has ended as its name says: well, or,
//! where the host promised to announce the end of each run, in a crash (`ID.STEP.crash.open`). `ID.STEP.ended` and `ID.STEP.crashed` have
//! ended whatever became of the process.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use fd_lock::RwLock;

use super::UnendedRuns;
use super::narrowing::Event;
use crate::durable_file::{create_folders, create_new, owner_only};

/// A folder with more files than these is not read to its end.
const MAX_FILES: usize = 10_000;

/// This run, for as long as it is held.
pub(super) struct Run {
    folder: PathBuf,
    id: String,
    unended: UnendedRuns,
    /// The name it goes by. Read without a lock, as a thread that panics does.
    name: ArcSwap<String>,
    /// Its lock ends with it, at the latest when the process does.
    _file: RwLock<File>,
}

impl Run {
    /// Begins a run. The lock on the quarantine's files must be held, or another process might take the new file for an ended run.
    pub(super) fn begin(folder: &Path, step: u64, unended: UnendedRuns) -> io::Result<Self> {
        create_folders(folder, &fs::DirBuilder::new())?;
        let id = random_id()?;
        let name = open_name(&id, step, unended);
        let mut file = RwLock::new(create_new(&folder.join(&name))?);
        // Forgotten, the guard does not unlock: the lock lasts until the file is closed.
        std::mem::forget(file.try_write()?);
        Ok(Self { folder: folder.to_owned(), id, unended, name: ArcSwap::from_pointee(name), _file: file })
    }

    /// Says that the run goes on at another step.
    pub(super) fn go_on(&self, step: u64) {
        self.rename(|_| open_name(&self.id, step, self.unended));
    }

    /// Says that the run has ended well.
    pub(super) fn end(&self) {
        self.finish("ended");
    }

    /// Says that the run has crashed. Neither waits for a lock nor panics.
    pub(super) fn crash(&self) {
        self.finish("crashed");
    }

    fn finish(&self, how: &str) {
        self.rename(|name| format!("{}.{}.{how}", self.id, name.split('.').nth(1).unwrap_or_default()));
    }

    /// Renames the file of a run that goes on. Once another process has counted it, it has no file any more, and that is all.
    fn rename(&self, to: impl FnOnce(&str) -> String) {
        let old = self.name.load();
        let new = to(&old);
        if is_open(&old) && **old != new && fs::rename(self.folder.join(&**old), self.folder.join(&new)).is_ok() {
            self.name.store(Arc::new(new));
        }
    }
}

fn is_open(name: &str) -> bool {
    name.rsplit('.').next() == Some("open")
}

/// Returns what became of the runs that have ended, crashes first, and removes their files. The lock must be held.
pub(super) fn collect(folder: &Path) -> Vec<Event> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut events = Vec::new();
    for entry in entries.take(MAX_FILES).flatten() {
        let name = entry.file_name();
        let Some(event) = name.to_str().and_then(|name| outcome(&entry.path(), name)) else { continue };
        // What cannot be removed would be counted again.
        if fs::remove_file(entry.path()).is_ok() {
            events.push(event);
        }
    }
    let (mut ordered, clean): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|event| matches!(event, Event::Crashed { .. }));
    ordered.extend(clean);
    ordered
}

/// What a file says of its run, unless that goes on or the file is none of ours.
fn outcome(path: &Path, name: &str) -> Option<Event> {
    let [_, step, how @ ..] = &*name.split('.').collect::<Vec<_>>() else { return None };
    let step = step.parse().ok()?;
    match how {
        ["crashed"] => Some(Event::Crashed { step }),
        ["ended"] => Some(Event::Clean { step }),
        ["clean", "open"] => is_over(path).then_some(Event::Clean { step }),
        ["crash", "open"] => is_over(path).then_some(Event::Crashed { step }),
        _ => None,
    }
}

fn is_over(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file())
        && owner_only().open(path).is_ok_and(|file| RwLock::new(file).try_write().is_ok())
}

fn open_name(id: &str, step: u64, unended: UnendedRuns) -> String {
    let unended = match unended {
        UnendedRuns::AreClean => "clean",
        UnendedRuns::AreCrashes => "crash",
    };
    format!("{id}.{step}.{unended}.open")
}

fn random_id() -> io::Result<String> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let mut id = String::with_capacity(16);
    for byte in bytes {
        // Writing to a text cannot fail.
        let _ = write!(id, "{byte:02x}");
    }
    Ok(id)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    fn collected(folder: &Path) -> String {
        let events = collect(folder).into_iter().map(|event| match event {
            Event::Crashed { step } => format!("crash {step}"),
            Event::Clean { step } => format!("clean {step}"),
            Event::Snapshot { .. } => "snapshot".to_owned(),
        });
        events.collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn a_run_counts_once_and_only_when_it_is_over() {
        use UnendedRuns::{AreClean, AreCrashes};
        type End = fn(Run) -> Option<Run>;
        let drop_it: End = |_| None;
        let end: End = |run| {
            run.end();
            Some(run)
        };
        let crash: End = |run| {
            run.crash();
            run.crash();
            run.end();
            Some(run)
        };
        let goes_on: End = |run| {
            run.go_on(8);
            Some(run)
        };
        let crash_at_8: End = |run| {
            run.go_on(8);
            run.crash();
            None
        };
        let table = [
            (AreClean, drop_it, "clean 7"),
            (AreCrashes, drop_it, "crash 7"),
            (AreClean, end, "clean 7"),
            (AreCrashes, end, "clean 7"),
            (AreClean, crash, "crash 7"),
            (AreCrashes, crash, "crash 7"),
            (AreClean, goes_on, ""),
            (AreCrashes, goes_on, ""),
            (AreCrashes, crash_at_8, "crash 8"),
        ];
        for (number, (unended, becomes, expected)) in table.into_iter().enumerate() {
            let home = tempfile::tempdir().unwrap();
            let folder = home.path().join("runs");
            let run = becomes(Run::begin(&folder, 7, unended).unwrap());
            assert_eq!(collected(&folder), expected, "case {number}");
            assert_eq!(collected(&folder), "", "case {number}: counted once");
            drop(run);
        }
    }

    #[test]
    fn files_of_others_are_let_alone() {
        let home = tempfile::tempdir().unwrap();
        for name in
            ["notes.txt", "id.x.ended", "id.7", "id.7.ended.old", "id.7.lost.open", ".7.", "id.7.crash.open.bak"]
        {
            fs::write(home.path().join(name), "").unwrap();
        }
        assert_eq!(collected(home.path()), "");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 7);
        assert_eq!(collected(&home.path().join("missing")), "");
    }
}
