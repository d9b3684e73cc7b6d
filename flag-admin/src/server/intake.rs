use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::{io, thread};

use flag_client::report::Report;
use flag_core::Timestamp;
use tokio::sync::oneshot;

use super::log::{Level, Log};
use crate::app::ports::{Added, CellStore, CellStoreError};
use crate::app::{Failure, with_causes};
use crate::log::EnvironmentName;

/// How many reports may wait to be kept. More are refused, and come again later.
const WAITING_MAX: usize = 4_096;
/// How many reports are kept at once, with one wait for the disk.
const TOGETHER_MAX: usize = 512;

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
    pub(super) async fn add(&self, report: Report, received: Timestamp) -> Result<Added, IntakeFailure> {
        let (told, answer) = oneshot::channel();
        match self.reports.try_send(Waiting { report, received, told }) {
            Ok(()) => answer.await.map_err(|_| IntakeFailure::Closed)?,
            Err(TrySendError::Full(_)) => Err(IntakeFailure::Busy),
            Err(TrySendError::Disconnected(_)) => Err(IntakeFailure::Closed),
        }
    }
}

fn work(mut open: OpenCells, environment: &EnvironmentName, waiting: &Receiver<Waiting>, log: &Log) {
    let mut held: Option<Box<dyn CellStore>> = None;
    let mut is_troubled = false;
    while let Ok(first) = waiting.recv() {
        let together: Vec<Waiting> = [first].into_iter().chain(waiting.try_iter().take(TOGETHER_MAX)).collect();
        let received = together.iter().map(|waiting| waiting.received).max().unwrap_or_default();
        let (reports, tellers): (Vec<Report>, Vec<_>) =
            together.into_iter().map(|waiting| (waiting.report, waiting.told)).unzip();
        let kept = keep(&mut held, &mut open, environment, &reports, received);
        match &kept {
            Ok(_) => is_troubled = false,
            Err(error) => {
                held = None;
                // Said once for as long as it lasts.
                if !std::mem::replace(&mut is_troubled, true) {
                    log.line(Level::Error, "reports_not_kept", [("message", with_causes(error).into())]);
                }
            }
        }
        let kept = kept.unwrap_or_default();
        for (place, told) in tellers.into_iter().enumerate() {
            // Whoever sent it may have gone; it counts all the same.
            let _ = told.send(kept.get(place).copied().ok_or(IntakeFailure::Store));
        }
    }
}

fn keep(
    held: &mut Option<Box<dyn CellStore>>,
    open: &mut OpenCells,
    environment: &EnvironmentName,
    reports: &[Report],
    received: Timestamp,
) -> Result<Vec<Added>, CellStoreError> {
    let cells = match held {
        Some(cells) => cells,
        None => held.insert(open()?),
    };
    cells.add_all(environment, reports, received)
}

impl Failure for IntakeFailure {
    fn code(&self) -> &'static str {
        match self {
            Self::Store => "reports_not_kept",
            Self::Busy => "busy",
            Self::Closed => "closed",
        }
    }
}
