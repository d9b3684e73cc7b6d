use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use flag_core::Timestamp;

use crate::adapters::SystemClock;
use crate::app::SourceTree;
use crate::app::ports::{Clock as _, LogError, LogStore};
use crate::log::{Head, Sealed, Stored, StoredCheckpoint};

/// How long something takes before it is shown how far it is.
const PATIENCE_MILLIS: i64 = 1_000;
/// How often what is shown is brought up to date.
const REFRESH_MILLIS: i64 = 100;
/// How wide the bar is.
const BAR: usize = 30;
/// How many entries are read between two looks at the clock.
const ENTRIES_A_LOOK: u64 = 1_024;

/// Tells on a terminal how far something long is, and takes that away again when it ends, however it ends. Standard output holds nothing of it.
pub(super) struct Progress {
    what: &'static str,
    can_show: bool,
    began: Timestamp,
    shown: Option<Timestamp>,
}

impl Progress {
    /// Begins something that is counted in `what`.
    pub(super) fn begin(what: &'static str) -> Self {
        Self { what, can_show: io::stderr().is_terminal(), began: SystemClock.now(), shown: None }
    }

    /// Shows how far it is, unless it is quick or was just shown.
    pub(super) fn show(&mut self, done: u64, all: u64) {
        if !self.can_show {
            return;
        }
        let now = SystemClock.now();
        let (since, patience) = self.shown.map_or((self.began, PATIENCE_MILLIS), |shown| (shown, REFRESH_MILLIS));
        if now.as_millis().saturating_sub(since.as_millis()) < patience {
            return;
        }
        self.shown = Some(now);
        // That it cannot be shown is no failure of what is done.
        let _ = write!(io::stderr(), "\r{}", drawn(done, all, self.what));
        let _ = io::stderr().flush();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
            let _ = io::stderr().flush();
        }
    }
}

fn drawn(done: u64, all: u64, what: &str) -> String {
    let filled = u128::from(done).saturating_mul(BAR as u128) / u128::from(all.max(1));
    let filled = usize::try_from(filled).unwrap_or(BAR).min(BAR);
    format!("{}{} {done} of {all} {what}", "█".repeat(filled), "░".repeat(BAR.saturating_sub(filled)))
}

/// A log that shows how far reading it is.
pub(super) struct WatchedLog<'l> {
    log: &'l dyn LogStore,
    read: Cell<u64>,
    progress: RefCell<Progress>,
}

impl<'l> WatchedLog<'l> {
    pub(super) fn new(log: &'l dyn LogStore) -> Self {
        Self { log, read: Cell::new(0), progress: RefCell::new(Progress::begin("entries")) }
    }
}

impl LogStore for WatchedLog<'_> {
    fn head(&self) -> Result<Head, LogError> {
        self.log.head()
    }

    fn read(&self, after: u64, each: &mut dyn FnMut(Stored) -> Result<(), LogError>) -> Result<Head, LogError> {
        let all = self.log.head()?.seq.saturating_sub(after);
        self.log.read(after, &mut |stored| {
            let read = self.read.get().saturating_add(1);
            self.read.set(read);
            if read.is_multiple_of(ENTRIES_A_LOOK) {
                self.progress.borrow_mut().show(read, all);
            }
            each(stored)
        })
    }

    /// Nothing is appended to a log that is looked at.
    fn append(&mut self, expected: Head, _: &[Sealed]) -> Result<(), LogError> {
        Err(LogError::HeadMoved { expected, found: self.log.head()? })
    }

    fn checkpoint_before(&self, seq: u64) -> Result<Option<StoredCheckpoint>, LogError> {
        self.log.checkpoint_before(seq)
    }
}

/// Code that shows how far reading it is.
pub(super) struct WatchedSources<'s, S> {
    sources: &'s S,
    read: AtomicU64,
    progress: Mutex<Progress>,
}

impl<'s, S: SourceTree> WatchedSources<'s, S> {
    pub(super) fn new(sources: &'s S) -> Self {
        Self { sources, read: AtomicU64::new(0), progress: Mutex::new(Progress::begin("files")) }
    }
}

impl<S: SourceTree> SourceTree for WatchedSources<'_, S> {
    fn files(&self) -> &[String] {
        self.sources.files()
    }

    fn read(&self, file: &str) -> Result<String, String> {
        let read = self.read.fetch_add(1, Ordering::Relaxed);
        // Whoever comes while another one draws has something better to do than to wait.
        if let Ok(mut progress) = self.progress.try_lock() {
            progress.show(read, u64::try_from(self.files().len()).unwrap_or(u64::MAX));
        }
        self.sources.read(file)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use super::*;

    #[test]
    fn a_bar_fills_from_nothing_to_all_and_no_further() {
        for (done, all, filled) in [(0, 10, 0), (1, 30, 1), (5, 10, 15), (10, 10, 30), (11, 10, 30), (0, 0, 0)] {
            let text = drawn(done, all, "files");
            assert_eq!(text.matches('█').count(), filled, "{done} of {all}");
            assert_eq!(text.matches('░').count(), BAR - filled, "{done} of {all}");
            assert!(text.ends_with(&format!(" {done} of {all} files")), "{text}");
        }
    }

    #[test]
    fn what_is_watched_reads_as_it_stands() {
        struct Code(Vec<String>);
        impl SourceTree for Code {
            fn files(&self) -> &[String] {
                &self.0
            }
            fn read(&self, file: &str) -> Result<String, String> {
                Err(format!("no {file}"))
            }
        }
        let code = Code(vec!["a.rs".to_owned()]);
        let watched = WatchedSources::new(&code);
        assert_eq!((watched.files(), watched.read("a.rs").unwrap_err().as_str()), (code.files(), "no a.rs"));
        assert_eq!(watched.read.load(Ordering::Relaxed), 1);
    }
}
