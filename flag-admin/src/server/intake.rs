use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::{io, thread};

use flag_client::Day;
use flag_client::report::Report;
use flag_core::{FlagKey, Timestamp};
use tokio::sync::oneshot;

use super::log::{Level, Log};
use crate::app::ports::{Added, CellStore, CellStoreError};
use crate::app::{Failure, REPORT_DAYS_MAX, with_causes};
use crate::cells::{STEPS_MAX, Steps};
use crate::log::EnvironmentName;

/// How many reports may wait to be kept. More are refused, and come again later.
const WAITING_MAX: usize = 4_096;
/// How many reports are kept at once, with one wait for the disk.
const TOGETHER_MAX: usize = 512;

/// For how long steps are remembered: for as long as reports of a day are taken, and a day more.
const DAYS_KEPT_MILLIS: i64 = (REPORT_DAYS_MAX + 1) * 86_400_000;

/// Opens the cells anew, on the thread that will hold them.
pub type OpenCells = Box<dyn FnMut() -> Result<Box<dyn CellStore>, CellStoreError> + Send>;

/// Where reports are added to their cells, by one thread: those that wait together are kept together.
#[derive(Clone, Debug)]
pub(super) struct Intake {
    reports: SyncSender<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    report: Report,
    is_published_step: bool,
    received: Timestamp,
    told: oneshot::Sender<Result<Added, IntakeFailure>>,
}

/// Why a report was not kept.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum IntakeFailure {
    #[error("reports cannot be kept")]
    Store,
    #[error("{WAITING_MAX} reports wait already")]
    Busy,
    #[error("reports of flag \"{flag}\" name more than {STEPS_MAX} steps of {day} that are not published")]
    Steps { flag: FlagKey, day: Day },
    #[error("the server is stopping")]
    Closed,
}

impl Intake {
    pub(super) fn start(open: OpenCells, environment: EnvironmentName, log: Log) -> io::Result<Self> {
        let (reports, waiting) = sync_channel(WAITING_MAX);
        let thread = thread::Builder::new().name("intake".into());
        thread.spawn(move || work(open, &environment, &waiting, &log))?;
        Ok(Self { reports })
    }

    /// Adds a report to its cell. Returns once that will survive a loss of power.
    pub(super) async fn add(
        &self,
        report: Report,
        is_published_step: bool,
        received: Timestamp,
    ) -> Result<Added, IntakeFailure> {
        let (told, answer) = oneshot::channel();
        match self.reports.try_send(Waiting { report, is_published_step, received, told }) {
            Ok(()) => answer.await.map_err(|_| IntakeFailure::Closed)?,
            Err(TrySendError::Full(_)) => Err(IntakeFailure::Busy),
            Err(TrySendError::Disconnected(_)) => Err(IntakeFailure::Closed),
        }
    }
}

/// The cells that are open, and what is known of them.
struct Held {
    open: OpenCells,
    environment: EnvironmentName,
    cells: Option<Box<dyn CellStore>>,
    steps: Steps,
    /// The earliest day that reports are taken of.
    earliest: Option<Day>,
}

fn work(open: OpenCells, environment: &EnvironmentName, waiting: &Receiver<Waiting>, log: &Log) {
    let mut held =
        Held { open, environment: environment.clone(), cells: None, steps: Steps::default(), earliest: None };
    let mut is_troubled = false;
    while let Ok(first) = waiting.recv() {
        let together: Vec<Waiting> = [first].into_iter().chain(waiting.try_iter().take(TOGETHER_MAX)).collect();
        match held.keep(together) {
            Ok(()) => is_troubled = false,
            Err(error) => {
                held.cells = None;
                // Said once for as long as it lasts.
                if !std::mem::replace(&mut is_troubled, true) {
                    log.line(Level::Error, "reports_not_kept", [("message", with_causes(&error).into())]);
                }
            }
        }
    }
}

impl Held {
    /// Adds reports to their cells and tells their senders, whatever becomes of them.
    fn keep(&mut self, together: Vec<Waiting>) -> Result<(), CellStoreError> {
        let received = together.iter().map(|waiting| waiting.received).max().unwrap_or_default();
        let mut admitted = Vec::with_capacity(together.len());
        let mut reports = Vec::with_capacity(together.len());
        let mut failure = None;
        for Waiting { report, is_published_step, told, .. } in together {
            match self.admits(&report, is_published_step, received) {
                // Whoever sent it may have gone; it counts all the same.
                Ok(true) => {
                    reports.push(report);
                    admitted.push(told);
                }
                Ok(false) => {
                    let _ = told.send(Err(IntakeFailure::Steps { flag: report.flag, day: report.day }));
                }
                Err(error) => {
                    let _ = told.send(Err(IntakeFailure::Store));
                    failure = Some(error);
                }
            }
        }
        let environment = self.environment.clone();
        let kept = self.cells().and_then(|cells| cells.add_all(&environment, &reports, received));
        let (kept, failed) = match kept {
            Ok(kept) => (kept, None),
            Err(error) => (Vec::new(), Some(error)),
        };
        for (place, told) in admitted.into_iter().enumerate() {
            let _ = told.send(kept.get(place).copied().ok_or(IntakeFailure::Store));
        }
        failed.or(failure).map_or(Ok(()), Err)
    }

    /// Tells whether there is room for a report's step. What there are reports of already is read once a flag.
    fn admits(&mut self, report: &Report, is_published: bool, received: Timestamp) -> Result<bool, CellStoreError> {
        let earliest = Day::of(received.saturating_add_millis(-DAYS_KEPT_MILLIS));
        if self.earliest.replace(earliest) != Some(earliest) {
            self.steps.forget_before(earliest);
        }
        if !self.steps.knows(&report.flag) {
            let environment = self.environment.clone();
            let seen = self.cells()?.cells(&environment, &report.flag, earliest)?;
            self.steps.learn(&report.flag, seen.into_iter().map(|(key, _)| (key.day, key.step)));
        }
        Ok(self.steps.admit(&report.flag, report.day, report.step, is_published))
    }

    fn cells(&mut self) -> Result<&mut (dyn CellStore + 'static), CellStoreError> {
        let cells = match self.cells.take() {
            Some(cells) => cells,
            None => (self.open)()?,
        };
        Ok(&mut **self.cells.insert(cells))
    }
}

impl Failure for IntakeFailure {
    fn code(&self) -> &'static str {
        match self {
            Self::Store => "reports_not_kept",
            Self::Busy => "busy",
            Self::Steps { .. } => "too_many_steps",
            Self::Closed => "closed",
        }
    }
}
