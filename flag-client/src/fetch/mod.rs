//! A refresh: three conditional requests, for the next root, for kills, and for the snapshot. What is not accepted changes nothing, and
//! one document's failure does not keep the others from counting: kills arrive even where the snapshot is refused.

mod error;
mod etags;
mod http;
mod refresh;
mod source;

use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

pub use error::{DocumentError, FetchError, SyncError};
pub use refresh::{Fetched, SyncReport};

use self::etags::Etags;
use self::http::Deadline;
use self::refresh::{Refreshed, refresh};
use self::source::Source;
use crate::FlagClient;
use crate::builder::{Precedence, Remote};
use crate::problem::Problem;
use crate::published::SnapshotInfo;
use crate::trust::{TrustFile, TrustState};

/// How long one refresh may take in all, unless the host sets another time.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);

/// The worker keeps to the deadline by itself; after this time more it is given up.
const GRACE: Duration = Duration::from_secs(2);

impl FlagClient {
    /// Fetches what is newly published, keeps what is accepted, and reloads.
    ///
    /// The network is used on a thread of its own, so it may be called from any thread, that of an async runtime included, which it blocks
    /// for as long as it takes. All requests share one deadline, 10 seconds if not set otherwise. On any failure the flags in force stay;
    /// documents accepted before the failure count.
    pub fn sync(&self) -> Result<SyncReport, SyncError> {
        let host = self.host();
        let remote = host.remote.as_ref().ok_or(SyncError::NoRemote)?;
        if host.precedence == Precedence::LocalOnly {
            return Err(SyncError::LocalOnly);
        }
        let source = Source::parse(remote.url.as_deref().ok_or(SyncError::NoUrl)?)?;
        let _one_at_a_time = self.lock_refresh();
        let state = self.trusted().ok_or(SyncError::PinnedRoot)?;
        let etags = Etags::load(remote);
        let now = (host.clock)();
        let mut refreshed = match source {
            Source::Folder(_) => refresh(&source, state, etags, now, Deadline::after(host.sync_deadline)),
            Source::Server(_) => {
                on_own_thread(host.sync_deadline, move |deadline| refresh(&source, state, etags, now, deadline))?
            }
        };
        let kept = keep(remote, &mut refreshed.state, &refreshed.etags);
        let mut problems = Vec::new();
        if let Ok(saved) = &kept {
            problems.clone_from(saved);
        }
        let snapshot = SnapshotInfo::of(&refreshed.state, now);
        self.adopt(refreshed.state, problems);
        let report = SyncReport { snapshot_info: snapshot, ..refreshed.report };
        let mut failures = refreshed.failures.into_iter();
        match (kept, failures.next()) {
            (Err(error), _) => Err(error),
            (Ok(_), Some(first)) => {
                Err(SyncError::Document { first, others: failures.collect(), report: Box::new(report) })
            }
            (Ok(_), None) => Ok(report),
        }
    }
}

/// The blocking HTTP client may not run on a thread of an async runtime, and a name server that does not answer must not hold the caller.
fn on_own_thread(
    time: Duration,
    work: impl FnOnce(Deadline) -> Refreshed + Send + 'static,
) -> Result<Refreshed, SyncError> {
    let (sender, receiver) = mpsc::channel();
    let deadline = Deadline::after(time);
    let worker = thread::Builder::new().name("flag-refresh".into());
    // The receiver is gone if the worker came too late; then nobody wants its answer.
    worker.spawn(move || drop(sender.send(work(deadline)))).map_err(SyncError::Thread)?;
    receiver.recv_timeout(time.saturating_add(GRACE)).map_err(|_| SyncError::TimedOut)
}

/// Keeps what was accepted for the next run.
fn keep(remote: &Remote, state: &mut TrustState, etags: &Etags) -> Result<Vec<Problem>, SyncError> {
    if let Some(folder) = remote.state_file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|source| SyncError::Folder { path: folder.to_owned(), source })?;
    }
    let saved = TrustFile::new(&remote.state_file).save(state).map_err(SyncError::State)?;
    // Without them the next refresh transfers what it has already: nothing worth a failure.
    let _ = etags.save(remote);
    let damaged = saved.problem.map(|source| Problem::TrustFile(Arc::new(source)));
    Ok(saved.equivocations.into_iter().map(Problem::Equivocation).chain(damaged).collect())
}
