//! Flags in use: what a crash counts against.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use super::cell::{Cell, CellKey, line};
use super::day::Day;
use super::outcome::{Outcome, Recorded};
use super::recorder::Recorder;
use crate::clock::monotonic;
use crate::panic_hook::{PanicCallback, on_panic};

/// The uses of a client's flags that began and have not ended.
#[derive(Default)]
pub(crate) struct InUse {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    last_id: u64,
    uses: Vec<Begun>,
}

struct Begun {
    id: u64,
    /// The day and line of a crash, made ready: a thread that panics should not have to think.
    day: Day,
    crash: Vec<u8>,
}

impl InUse {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the crash of everything in use, once.
    fn crash(&self, recorder: &Recorder) {
        // The lock is held for moments. Should it be the panicking thread itself that holds it, waiting would be for ever.
        for _ in 0..100 {
            match self.open.try_lock() {
                Ok(mut open) => {
                    let uses = std::mem::take(&mut open.uses);
                    drop(open);
                    for begun in uses {
                        recorder.keep_in_panic(begun.day, &begun.crash);
                    }
                    return;
                }
                Err(TryLockError::Poisoned(_)) => return,
                Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_micros(100)),
            }
        }
    }
}

/// What counts crashes for one client.
pub(crate) struct CrashWatch {
    in_use: Arc<InUse>,
    recorder: Arc<Recorder>,
    _callback: PanicCallback,
}

impl CrashWatch {
    pub(crate) fn new(recorder: &Arc<Recorder>) -> Self {
        let in_use = Arc::new(InUse::default());
        let (watched, kept_by) = (Arc::downgrade(&in_use), Arc::downgrade(recorder));
        let callback = on_panic(move || {
            if let (Some(in_use), Some(recorder)) = (watched.upgrade(), kept_by.upgrade()) {
                in_use.crash(&recorder);
            }
        });
        Self { in_use, recorder: Arc::clone(recorder), _callback: callback }
    }

    /// Begins a use that is slow above `limit`.
    pub(crate) fn begin(&self, key: CellKey, limit: Option<Duration>) -> Use {
        let crash = line(&key, &Cell::of_use(Outcome::Crash, None, None));
        let day = self.recorder.today();
        let mut open = self.in_use.lock();
        open.last_id = open.last_id.wrapping_add(1);
        let id = open.last_id;
        open.uses.push(Begun { id, day, crash });
        drop(open);
        let recorder = Arc::clone(&self.recorder);
        let in_use = Arc::clone(&self.in_use);
        Use { running: Some(Running { recorder, in_use, id, key, limit, started: monotonic() }) }
    }
}

/// One use of a flag's feature, from [`FlagClient::begin`](crate::FlagClient::begin) until it is finished.
///
/// While it lives, a panic anywhere in the process counts as its crash, if the host called
/// [`install_panic_hook`](crate::install_panic_hook): work moves between threads, and a crash that is missed is worse than one that
/// concerns two features. A use that is dropped without being finished records nothing, unless its thread is panicking.
#[must_use = "a use that is dropped at once covers nothing"]
pub struct Use {
    running: Option<Running>,
}

struct Running {
    recorder: Arc<Recorder>,
    in_use: Arc<InUse>,
    id: u64,
    key: CellKey,
    limit: Option<Duration>,
    started: Instant,
}

impl Use {
    /// A use of which nothing is recorded.
    pub(crate) const fn unrecorded() -> Self {
        Self { running: None }
    }

    /// Records how the use ended and how long it took.
    ///
    /// It counts as the flag was decided when the use began. If a panic has made it a crash already, nothing is added.
    pub fn finish(mut self, outcome: Outcome) -> Recorded {
        self.running.take().map_or(Recorded::Off, |running| running.end(outcome))
    }
}

impl Running {
    fn end(self, outcome: Outcome) -> Recorded {
        let took = monotonic().saturating_duration_since(self.started);
        if !self.close() {
            return Recorded::Kept;
        }
        let took = (outcome != Outcome::Crash).then_some(took);
        self.recorder.keep(&self.key, &Cell::of_use(outcome, took, self.limit))
    }

    /// Takes the use from those a crash counts against. Returns whether it was still among them.
    fn close(&self) -> bool {
        let mut open = self.in_use.lock();
        let found = open.uses.iter().position(|begun| begun.id == self.id);
        found.map(|at| open.uses.swap_remove(at)).is_some()
    }
}

impl Drop for Use {
    fn drop(&mut self) {
        match self.running.take() {
            Some(running) if thread::panicking() => {
                running.end(Outcome::Crash);
            }
            Some(running) => {
                running.close();
            }
            None => {}
        }
    }
}
