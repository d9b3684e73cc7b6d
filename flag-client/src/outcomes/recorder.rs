//! Keeps what hosts record, and remembers what went wrong with it.

use std::mem::discriminant;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::cell::{Cell, CellKey, line};
use super::day::Day;
use super::day_files::{DayFiles, Wait};
use super::error::OutcomeError;
use super::outcome::{Consent, Recorded};
use super::settings::Outcomes;
use crate::builder::{ClientBuilder, Clock};
use crate::in_force::InForce;
use crate::problem::Problem;

pub(crate) struct Recorder {
    settings: Outcomes,
    /// None if the host gave no place for outcomes.
    files: Option<DayFiles>,
    clock: Clock,
    has_consent: AtomicBool,
    /// Whether the capability that recording is part of is off.
    is_switched_off: AtomicBool,
    /// Whether a lock was waited for in vain, so that no later use of a feature waits for it again.
    is_impatient: AtomicBool,
    /// The first of each kind.
    errors: Mutex<Vec<Arc<OutcomeError>>>,
}

impl Recorder {
    /// Returns the recorder of a host that turned recording on.
    pub(crate) fn of(host: &ClientBuilder) -> Option<Arc<Self>> {
        let settings = host.outcomes.clone()?;
        let recorder = Self {
            files: settings.folder_beside(host.remote.as_ref()).map(DayFiles::new),
            settings,
            clock: Arc::clone(&host.clock),
            has_consent: AtomicBool::new(host.consent == Consent::Given),
            is_switched_off: AtomicBool::new(false),
            is_impatient: AtomicBool::new(false),
            errors: Mutex::default(),
        };
        Some(Arc::new(recorder))
    }

    pub(crate) const fn settings(&self) -> &Outcomes {
        &self.settings
    }

    pub(crate) fn files(&self) -> Result<&DayFiles, OutcomeError> {
        self.files.as_ref().ok_or(OutcomeError::NoFolder)
    }

    pub(crate) fn consent(&self) -> Consent {
        if self.has_consent.load(Ordering::SeqCst) { Consent::Given } else { Consent::Withheld }
    }

    pub(crate) fn set_consent(&self, consent: Consent) {
        self.has_consent.store(consent == Consent::Given, Ordering::SeqCst);
    }

    /// Takes in whether the capability that recording is part of is off from now on.
    pub(crate) fn note_capability(&self, in_force: &InForce) {
        let is_off = self.settings.capability().is_some_and(|capability| in_force.is_capability_off(capability));
        self.is_switched_off.store(is_off, Ordering::SeqCst);
    }

    /// Returns the capability that recording is part of, if it is off.
    pub(crate) fn switched_off(&self) -> Option<&str> {
        self.settings.capability().filter(|_| self.is_switched_off.load(Ordering::SeqCst))
    }

    /// Tells whether the user did not consent, or the capability is off.
    pub(crate) fn is_off(&self) -> bool {
        self.consent() == Consent::Withheld || self.is_switched_off.load(Ordering::SeqCst)
    }

    pub(crate) fn today(&self) -> Day {
        Day::of(self.now())
    }

    pub(crate) fn now(&self) -> flag_core::Timestamp {
        (self.clock)()
    }

    /// Adds sums to today's file.
    pub(crate) fn keep(&self, key: &CellKey, cell: &Cell) -> Recorded {
        if self.is_off() {
            return Recorded::Off;
        }
        let wait = if self.is_impatient.load(Ordering::Relaxed) { Wait::Hardly } else { Wait::Short };
        match self.append(self.today(), &line(key, cell), wait) {
            Ok(()) => Recorded::Kept,
            Err(error) => self.lost(error),
        }
    }

    /// Adds a line to a day's file, from a thread that panics: nothing is waited for, and nothing can be said.
    pub(crate) fn keep_in_panic(&self, day: Day, line: &[u8]) {
        if !self.is_off() {
            let _ = self.append(day, line, Wait::Hardly);
        }
    }

    fn append(&self, day: Day, line: &[u8], wait: Wait) -> Result<(), OutcomeError> {
        self.files()?.append(day, line, wait)
    }

    /// Notes why something is lost: the first reason of each kind, so that a full disk is one problem however much is recorded.
    pub(crate) fn lost(&self, error: OutcomeError) -> Recorded {
        if matches!(error, OutcomeError::Locked { .. }) {
            self.is_impatient.store(true, Ordering::Relaxed);
        }
        let mut errors = self.errors();
        if !errors.iter().any(|known| discriminant(&**known) == discriminant(&error)) {
            errors.push(Arc::new(error));
        }
        Recorded::Lost
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.errors().iter().cloned().map(Problem::Outcomes).collect()
    }

    fn errors(&self) -> MutexGuard<'_, Vec<Arc<OutcomeError>>> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
