//! Crash quarantine: a program that crashes after its published flags changed goes back to the last good definitions of those flags, and
//! finds out which one it was.
//!
//! A host turns it on with [`ClientBuilder::crash_quarantine`](crate::ClientBuilder::crash_quarantine). What counts as a crash:
//!
//! * the panic hook ran ([`install_panic_hook`](crate::install_panic_hook), which the host calls): a panic that somebody catches counts, too;
//! * with [`UnendedRuns::AreCrashes`], a run that nobody announced the end of: a signal, an abort, a lack of memory, a stack overflow.
//!   Such a host calls [`FlagClient::end_run`](crate::FlagClient::end_run) on every way out, before each `process::exit` too, or holds a
//!   [`RunGuard`] where returning from `main` is the only way out.
//!
//! Without the latter a plain `process::exit` is no crash, and neither is a signal. Runs that go on are not counted, however many there
//! are at once.
//!
//! What is deliberately absent: nothing is held back but flags that changed, nothing but what a verified snapshot or the code says takes
//! their place, and no kill, kill switch or flag that is switched off or serves fewer users than before is ever among them. Crashes of a
//! run with test code's or a user's own overrides count like all others.

mod definition;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod held_back;
mod narrowing;
mod runs;
mod store;
mod turned_down;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwapOption;
use flag_core::wire::{Parsed, Snapshot};

use self::definition::Definitions;
pub(crate) use self::held_back::HoldBack;
use self::held_back::Holds;
pub use self::held_back::{Blame, HeldBack};
use self::narrowing::{Event, Rules, SnapshotId, Suspicion};
use self::runs::Run;
pub use self::store::QuarantineError;
use self::store::{Good, Known, Store};
use crate::file_lock::Patience;
use crate::local_file;
use crate::ordered;
use crate::panic_hook::{PanicCallback, on_panic};
use crate::problem::Problem;
use crate::trust::TrustState;

/// The step of a run that is observed for nothing. Steps count from 1.
const NO_STEP: u64 = 0;

/// How crashes are answered.
///
/// ```
/// use flag_client::CrashQuarantine;
/// let quarantine = CrashQuarantine { crashes: 2, ..CrashQuarantine::default() };
/// assert_eq!(quarantine.clean_runs, 10);
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct CrashQuarantine {
    /// After how many crashes since flags changed these are held back; 3 if not set, at least 1.
    pub crashes: u32,
    /// After how many runs in a row without a crash a snapshot is good; 10 if not set, at least 1.
    pub clean_runs: u32,
    /// What a run is that ended without a word.
    pub unended: UnendedRuns,
}

/// What a run is that ended without a word: whose process is gone, while the panic hook did not run and the end was not announced.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnendedRuns {
    /// A clean run: this host may exit wherever it likes.
    #[default]
    AreClean,
    /// A crash: this host announces each end, with [`FlagClient::end_run`](crate::FlagClient::end_run) or a [`RunGuard`].
    AreCrashes,
}

impl Default for CrashQuarantine {
    fn default() -> Self {
        Self { crashes: 3, clean_runs: 10, unended: UnendedRuns::default() }
    }
}

/// Announces the end of the run when it is dropped, unless the thread panics.
#[derive(Debug)]
#[must_use = "dropped at once, it announces the end of the run at once"]
pub struct RunGuard {
    client: crate::FlagClient,
}

impl RunGuard {
    pub(crate) const fn of(client: crate::FlagClient) -> Self {
        Self { client }
    }
}

impl Drop for RunGuard {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.client.end_run();
        }
    }
}

/// Watches the runs of one client's program.
pub(crate) struct Quarantine {
    settings: CrashQuarantine,
    store: Store,
    run: Arc<ArcSwapOption<Run>>,
    /// What the last look came to, with the snapshot it was for.
    last: Mutex<Option<(Option<SnapshotId>, Verdict)>>,
    _callback: PanicCallback,
}

/// What the client knows of a [`Quarantine`]. Only [`ClientBuilder::crash_quarantine`](crate::ClientBuilder::crash_quarantine) names the
/// quarantine itself, so that a program which never calls that does not grow by it.
pub(crate) trait WatchRuns: Send + Sync {
    /// Looks at how the runs before this one ended, and returns what is to be held back of the snapshot in force. While that stays the
    /// same the answer does, so that one run sees one state of its flags.
    fn look(&self, trusted: Option<&TrustState>) -> Verdict;

    /// Announces the end of this run.
    fn end_run(&self);
}

/// Makes the quarantine that has its files beside those of a trust state.
pub(crate) type MakeQuarantine = Box<dyn Fn(&Path) -> Box<dyn WatchRuns> + Send + Sync>;

/// What a look at past runs comes to.
#[derive(Clone, Default)]
pub(crate) struct Verdict {
    pub(crate) holds: Option<Arc<dyn HoldBack>>,
    pub(crate) problems: Vec<Problem>,
}

impl Quarantine {
    pub(crate) fn new(settings: CrashQuarantine, trust_state: &Path) -> Self {
        let run = Arc::new(ArcSwapOption::<Run>::empty());
        let crashing = Arc::clone(&run);
        let callback = on_panic(move || {
            if let Some(run) = &*crashing.load() {
                run.crash();
            }
        });
        Self { settings, store: Store::beside(trust_state), run, last: Mutex::new(None), _callback: callback }
    }

    /// Takes in how past runs ended and whether the snapshot is another one, and begins this run. The lock must be held.
    fn learn(&self, trusted: Option<&TrustState>, id: Option<SnapshotId>, errors: &mut Vec<QuarantineError>) -> Holds {
        let before = match self.store.read() {
            Ok(known) => known,
            Err(error @ QuarantineError::Damaged { .. }) => {
                errors.push(error);
                if let Err(error) = self.store.set_aside() {
                    errors.push(error);
                    return Holds::default();
                }
                None
            }
            // What could not be read is not overwritten.
            Err(error) => {
                errors.push(error);
                return Holds::default();
            }
        };
        let known = self.updated(before.as_ref(), trusted, id).unwrap_or_else(|error| {
            errors.push(error);
            before.clone().unwrap_or_else(|| Known::new(Good::Nothing, Suspicion::beginning_with(id)))
        });
        if before.as_ref() != Some(&known) {
            errors.extend(self.store.write(&known).err());
        }
        // A process that still runs on an older snapshot says nothing about the newest.
        let step = if known.suspicion.newest == id { known.suspicion.step } else { NO_STEP };
        match &*self.run.load() {
            Some(run) => run.go_on(step),
            None => match Run::begin(&self.store.runs, step, self.settings.unended) {
                Ok(run) => self.run.store(Some(Arc::new(run))),
                Err(source) => errors.push(QuarantineError::run(&self.store.runs, source)),
            },
        }
        self.holds(&known, trusted, errors)
    }

    fn updated(
        &self,
        before: Option<&Known>,
        trusted: Option<&TrustState>,
        id: Option<SnapshotId>,
    ) -> Result<Known, QuarantineError> {
        let mut known = match before {
            Some(known) => known.clone(),
            None => self.first_look(trusted, id)?,
        };
        let was_settled = known.suspicion.is_settled();
        for event in runs::collect(&self.store.runs) {
            known.suspicion = known.suspicion.step(self.rules(), event);
        }
        if known.suspicion.is_settled() && !was_settled {
            self.store.promote()?;
            known.good = Good::Snapshot;
        }
        let (Some(state), Some(id)) = (trusted, id.filter(|id| known.suspicion.newest < Some(*id))) else {
            return Ok(known);
        };
        let Some(envelope) = state.snapshot_envelope() else { return Ok(known) };
        // One that cannot be read is not in force, and changes nothing.
        let Ok(current) = Snapshot::from_json(envelope.document()) else { return Ok(known) };
        let good = match known.good {
            Good::Nothing => Ok(None),
            Good::Snapshot => self.good(state).map(Some),
        };
        let Ok(good) = good else {
            // With nothing to compare it with, this snapshot is where it begins anew.
            self.store.keep_good(&envelope.to_json())?;
            return Ok(Known::new(Good::Snapshot, known.suspicion.begun_anew_with(id)));
        };
        let good = good.as_ref().map(|(_, good)| good);
        let changes = Definitions::of(Some(&current)).changes_since(&Definitions::of(good));
        known.suspicion = known.suspicion.step(self.rules(), Event::Snapshot { id, changes });
        if known.suspicion.since == Some(id) && !known.suspicion.is_settled() {
            self.store.keep_trial(&envelope.to_json())?;
        }
        Ok(known)
    }

    /// At the first look the snapshot in force is good: no change of it was seen. Where only the knowledge was lost, what was good still is.
    fn first_look(&self, trusted: Option<&TrustState>, id: Option<SnapshotId>) -> Result<Known, QuarantineError> {
        if self.store.good()?.is_some() {
            return Ok(Known::new(Good::Snapshot, Suspicion::default()));
        }
        let Some(envelope) = trusted.and_then(TrustState::snapshot_envelope) else {
            return Ok(Known::new(Good::Nothing, Suspicion::default()));
        };
        self.store.keep_good(&envelope.to_json())?;
        Ok(Known::new(Good::Snapshot, Suspicion::beginning_with(id)))
    }

    fn holds(&self, known: &Known, trusted: Option<&TrustState>, errors: &mut Vec<QuarantineError>) -> Holds {
        let suspicion = &known.suspicion;
        let held = suspicion.held();
        let (Some(state), false) = (trusted, held.is_empty()) else { return Holds::default() };
        let good = match known.good {
            Good::Nothing => None,
            Good::Snapshot => match self.good(state) {
                Ok(good) => Some(good),
                Err(error) => {
                    errors.push(error);
                    return Holds::default();
                }
            },
        };
        let about = |key: &str| {
            let fingerprint = *suspicion.changes.get(key)?;
            let culprit = suspicion.culprits.get(key);
            let has_flag = |(_, good): &&(u64, Parsed)| good.snapshot.flags.find(key).is_some();
            let held_back = HeldBack {
                crashes: culprit.map_or(suspicion.crashes, |culprit| culprit.crashes),
                since: culprit.map(|culprit| culprit.since).or(suspicion.since.map(|id| id.version))?,
                good: good.as_ref().filter(has_flag).map(|(version, _)| *version),
                blame: if culprit.is_some() { Blame::Culprit } else { Blame::Suspect },
            };
            Some((key.into(), (fingerprint, held_back)))
        };
        let flags = ordered::map(held.iter().filter_map(|key| about(key)));
        Holds { flags, good: good.map(|(_, good)| good) }
    }

    /// Returns the last good snapshot with its version, verified again.
    fn good(&self, state: &TrustState) -> Result<(u64, Parsed), QuarantineError> {
        let bytes = self.store.good()?.ok_or(QuarantineError::GoodMissing)?;
        let (envelope, header) = state.verify_earlier_snapshot(&bytes).map_err(QuarantineError::Good)?;
        let good = Snapshot::from_json(envelope.document()).map_err(QuarantineError::GoodUnreadable)?;
        Ok((header.version, good))
    }

    fn rules(&self) -> Rules {
        Rules { crashes: self.settings.crashes.max(1), clean_runs: self.settings.clean_runs.max(1) }
    }
}

impl WatchRuns for Quarantine {
    fn look(&self, trusted: Option<&TrustState>) -> Verdict {
        let id = trusted.and_then(id_of);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, verdict)) = last.as_ref().filter(|(known, _)| *known == id) {
            return verdict.clone();
        }
        let mut errors = Vec::new();
        let file = self.store.guarded();
        let learned = local_file::make_folder(file)
            .and_then(|()| local_file::locked(file, Patience::Decision, || self.learn(trusted, id, &mut errors)));
        let holds = learned.unwrap_or_else(|source| {
            // What is known can still be read, though nothing can be learned.
            errors.push(QuarantineError::Lock(source));
            let known = self.store.read().unwrap_or_else(|error| {
                errors.push(error);
                None
            });
            known.map(|known| self.holds(&known, trusted, &mut errors)).unwrap_or_default()
        });
        let problems = errors.into_iter().map(|error| Problem::Quarantine(Arc::new(error))).collect();
        let verdict = Verdict { holds: Some(Arc::new(holds)), problems };
        *last = Some((id, verdict.clone()));
        verdict
    }

    fn end_run(&self) {
        if let Some(run) = &*self.run.load() {
            run.end();
        }
    }
}

fn id_of(state: &TrustState) -> Option<SnapshotId> {
    state.snapshot_header().map(|header| SnapshotId { epoch: header.epoch, version: header.version })
}
