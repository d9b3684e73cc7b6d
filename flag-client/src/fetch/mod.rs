//! A refresh: three conditional requests, for the next root, for kills, and for the snapshot. What is not accepted changes nothing, and
//! one document's failure does not keep the others from counting: kills arrive even where the snapshot is refused.

mod error;
mod etags;
mod http;
mod refresh;
mod retry_after;
mod source;
mod token;

use std::collections::BTreeSet;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

pub use error::{DocumentError, FetchError, SyncError};
pub use refresh::{Fetched, SyncReport};
pub use token::{BearerToken, TokenError};

pub(crate) use self::error::in_words;
pub(crate) use self::etags::{Etags, is_quiet};
pub(crate) use self::http::{Deadline, Http, failure};
pub(crate) use self::refresh::{Refreshed, Request};
pub(crate) use self::retry_after::retry_after;
pub(crate) use self::source::{Source, is_loopback};
use crate::FlagClient;
use crate::builder::{Precedence, Remote};
use crate::durable_file::create_folders;
use crate::problem::Problem;
use crate::published::SnapshotInfo;
use crate::trust::{Kill, TrustFile, TrustState};

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
    ///
    /// Where the server asked to be left alone, in this run or an earlier one, nothing is sent before that time is over: the error is
    /// [`SyncError::TooEarly`].
    pub fn sync(&self) -> Result<SyncReport, SyncError> {
        let _one_at_a_time = {
            self.source()?;
            self.lock_refresh()
        };
        let request = self.request()?;
        let deadline = Deadline::after(self.host().sync_deadline);
        let refreshed = on_own_thread(self.host().sync_deadline, request, deadline)?;
        self.take(refreshed, Adopt::Always)
    }

    /// Returns where documents are published, if they are to be fetched at all.
    pub(crate) fn source(&self) -> Result<Source, SyncError> {
        let host = self.host();
        let remote = host.remote.as_ref().ok_or(SyncError::NoRemote)?;
        if host.precedence == Precedence::LocalOnly {
            return Err(SyncError::LocalOnly);
        }
        Source::parse(remote.url.as_deref().ok_or(SyncError::NoUrl)?)
    }

    /// Returns what is trusted. Nothing is where the pinned root cannot be used, and the error says why.
    pub(crate) fn state_to_refresh(&self, remote: &Remote) -> Result<TrustState, SyncError> {
        self.trusted().map_or_else(
            || {
                TrustState::open(&remote.pinned_root, &remote.project, &remote.environment)
                    .map_err(|source| SyncError::PinnedRoot(Box::new(source)))
            },
            Ok,
        )
    }

    /// Returns what a refresh that starts now begins with, unless the server is to be left alone.
    pub(crate) fn request(&self) -> Result<Request, SyncError> {
        let source = self.source()?;
        let host = self.host();
        let remote = host.remote.as_ref().ok_or(SyncError::NoRemote)?;
        let state = self.state_to_refresh(remote)?;
        let etags = Etags::load(remote);
        let now = (host.clock)();
        if matches!(source, Source::Server(_)) {
            if let Some(until) = self.quiet_until(now).max(etags.quiet_until(now)) {
                return Err(SyncError::TooEarly { until });
            }
        }
        Ok(Request { source, token: host.bearer_token.clone(), state, etags, now })
    }

    /// Keeps what a refresh brought, and puts it in force.
    pub(crate) fn take(&self, mut refreshed: Refreshed, adopt: Adopt) -> Result<SyncReport, SyncError> {
        let now = (self.host().clock)();
        // Remembered here too, as the file may not be writable.
        self.set_quiet_until(refreshed.etags.quiet_until(now));
        let remote = self.host().remote.as_ref().ok_or(SyncError::NoRemote)?;
        let kept = keep(remote, &mut refreshed.state, &refreshed.etags);
        let mut problems = Vec::new();
        if let Ok(saved) = &kept {
            problems.clone_from(saved);
        }
        let snapshot = SnapshotInfo::of(&refreshed.state, now);
        let is_news = || self.with_trusted(|held| held.is_none_or(|held| held_in(held) != held_in(&refreshed.state)));
        if adopt == Adopt::Always || !problems.is_empty() || is_news() {
            self.adopt(refreshed.state, problems);
        }
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

/// Which refreshes put everything together anew.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Adopt {
    /// Every one: local files and the clock are read again.
    Always,
    /// One that brought something.
    News,
}

/// What a state holds, as far as two states can differ in what is in force.
fn held_in(state: &TrustState) -> (u64, Option<(u64, u64)>, BTreeSet<&Kill>) {
    let snapshot = state.snapshot_header().map(|header| (header.epoch, header.version));
    (state.root().version, snapshot, state.active_kills())
}

/// Waiting needs a runtime, which may not be made on a thread of another one, and a name server that does not answer must not hold the
/// caller.
fn on_own_thread(time: Duration, request: Request, deadline: Deadline) -> Result<Refreshed, SyncError> {
    let (sender, receiver) = mpsc::channel();
    let worker = thread::Builder::new().name("flag-refresh".into());
    let work = move || {
        let refreshed = runtime().map(|runtime| {
            let refreshed = runtime.block_on(request.run(deadline));
            runtime.shutdown_background();
            refreshed
        });
        // The receiver is gone if the worker came too late; then nobody wants its answer.
        drop(sender.send(refreshed));
    };
    worker.spawn(work).map_err(SyncError::Thread)?;
    receiver.recv_timeout(time.saturating_add(GRACE)).map_err(|_| SyncError::TimedOut)?.map_err(SyncError::Thread)
}

/// Returns a runtime that waits on the thread it is used on.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Keeps what was accepted for the next run.
fn keep(remote: &Remote, state: &mut TrustState, etags: &Etags) -> Result<Vec<Problem>, SyncError> {
    if let Some(folder) = remote.state_file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        create_folders(folder, &std::fs::DirBuilder::new())
            .map_err(|source| SyncError::Folder { path: folder.to_owned(), source })?;
    }
    let saved = TrustFile::new(&remote.state_file).save(state).map_err(SyncError::State)?;
    // Without them the next refresh transfers what it has already: nothing worth a failure.
    let _ = etags.save(remote);
    let damaged = saved.problem.map(|source| Problem::TrustFile(Arc::new(source)));
    Ok(saved.equivocations.into_iter().map(Problem::Equivocation).chain(damaged).collect())
}
