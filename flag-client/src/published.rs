//! The trusted documents of the remote side: loaded from their file, or as the application ships them.

use std::sync::Arc;

use flag_core::Timestamp;
use flag_core::wire::{Parsed, Snapshot, SnapshotError};
use serde::Serialize;

use crate::builder::{ClientBuilder, Remote};
use crate::problem::Problem;
use crate::trust::{Change, SnapshotHeader, TrustFile, TrustState};

/// The snapshot in force.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SnapshotInfo {
    /// Its epoch. Versions count within it.
    pub epoch: u64,
    /// Its version.
    pub version: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// From when on it is stale.
    pub expires_at: Timestamp,
    /// Whether it is stale. Its values still count.
    pub stale: bool,
}

impl SnapshotInfo {
    pub(crate) fn of(state: &TrustState, now: Timestamp) -> Option<Self> {
        let header: &SnapshotHeader = state.snapshot_header()?;
        Some(Self {
            epoch: header.epoch,
            version: header.version,
            issued_at: header.issued_at,
            expires_at: header.expires_at,
            stale: state.is_stale(now),
        })
    }
}

/// What reads and verifies published documents. Nothing else leads there, so that a program which never calls
/// [`ClientBuilder::remote`](crate::ClientBuilder::remote) does not grow by all of it.
#[derive(Copy, Clone)]
pub(crate) struct Documents {
    load: fn(&Remote) -> Published,
    /// Reads the JSON of a snapshot.
    pub(crate) parse: fn(&[u8]) -> Result<Parsed, SnapshotError>,
}

impl Documents {
    pub(crate) const READ: Self = Self { load: Published::of, parse: Snapshot::from_json };
}

/// What is trusted, and what went wrong with it.
#[derive(Debug, Default)]
pub(crate) struct Published {
    pub(crate) state: Option<TrustState>,
    pub(crate) problems: Vec<Problem>,
}

impl Published {
    /// Reads what is kept on this machine, if the host asked for a remote. Every document is verified again.
    pub(crate) fn load(host: &ClientBuilder) -> Self {
        host.remote.as_ref().zip(host.documents).map(|(remote, documents)| (documents.load)(remote)).unwrap_or_default()
    }

    fn of(remote: &Remote) -> Self {
        let shipped = match TrustState::open(&remote.pinned_root, &remote.project, &remote.environment) {
            Ok(shipped) => shipped,
            Err(source) => {
                return Self { state: None, problems: vec![Problem::PinnedRoot(Arc::new(source))] };
            }
        };
        let loaded = TrustFile::new(&remote.state_file).load(shipped);
        let mut state = loaded.state;
        let mut problems = Vec::new();
        problems.extend(loaded.problem.map(|source| Problem::TrustFile(Arc::new(source))));
        problems.extend(loaded.dropped_snapshot.map(|source| Problem::DroppedSnapshot(Arc::new(source))));
        if let Some(bundled) = &remote.bundled_snapshot {
            let mut with_bundled = state.clone();
            match with_bundled.accept_bundled_snapshot(bundled) {
                Ok(accepted) if accepted.change == Change::NotModified => {}
                Ok(_) => match unreadable(&with_bundled) {
                    None => state = with_bundled,
                    Some(source) => problems.push(Problem::UnreadableBundle(Arc::new(source))),
                },
                Err(source) => problems.push(Problem::BundledSnapshot(Arc::new(source))),
            }
        }
        Self { state: Some(state), problems }
    }

    /// Reads again, and keeps what is held where the file has gone back or cannot be used: documents are not forgotten because a file
    /// was removed.
    pub(crate) fn reload(&mut self, host: &ClientBuilder) {
        let loaded = Self::load(host);
        let goes_back = match (&self.state, &loaded.state) {
            (Some(held), Some(loaded)) => !covers(loaded, held),
            (held, _) => held.is_some(),
        };
        self.problems = loaded.problems;
        if !goes_back {
            self.state = loaded.state;
        }
    }

    /// Takes a state that was brought up to date, unless a reload has overtaken it.
    #[cfg(feature = "remote")]
    pub(crate) fn adopt(&mut self, state: TrustState, problems: Vec<Problem>) {
        if self.state.as_ref().is_none_or(|held| covers(&state, held)) {
            self.state = Some(state);
            self.problems = problems;
        }
    }
}

/// Returns why the snapshot of a state cannot be read, if so: a mistake of whoever signed it, which must not take the place of one that
/// can.
pub(crate) fn unreadable(state: &TrustState) -> Option<SnapshotError> {
    Snapshot::from_json(state.snapshot_payload()?).err()
}

/// Tells whether a state holds everything that another one does.
fn covers(state: &TrustState, other: &TrustState) -> bool {
    let version = |state: &TrustState| state.snapshot_header().map(|header| (header.epoch, header.version));
    let kills = state.active_kills();
    state.root().version >= other.root().version
        && version(state) >= version(other)
        && other
            .active_kills()
            .iter()
            .all(|kill| kills.contains(kill) || state.lifted_kills().any(|lifted| *lifted == *kill.id))
}
