//! The order of a refresh, apart from where documents come from.

use flag_core::Timestamp;
use serde::{Serialize, Serializer};

use super::error::{DocumentError, FetchError};
use super::etags::Etags;
use super::http::Deadline;
use super::source::{Answer, Source};
use crate::published::SnapshotInfo;
use crate::trust::{
    Accepted, Change, MAX_KILLS_BYTES, MAX_ROOT_BYTES, MAX_ROOT_STEPS, SizeLimit, TrustError, TrustState, Warning,
};

/// What a refresh brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SyncReport {
    /// The root.
    pub root: Fetched,
    /// The emergency kills.
    pub kills: Fetched,
    /// The snapshot.
    pub snapshot: Fetched,
    /// The snapshot held now, if there is one.
    pub snapshot_info: Option<SnapshotInfo>,
    /// What is odd about accepted documents.
    #[serde(serialize_with = "in_words")]
    pub warnings: Vec<Warning>,
}

/// What became of one document.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fetched {
    /// A newer one is held now.
    Updated,
    /// It says nothing new.
    Unchanged,
    /// There is none.
    Absent,
    /// It could not be fetched or was refused.
    Failed,
}

fn in_words<S: Serializer>(warnings: &[Warning], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(warnings.iter().map(ToString::to_string))
}

/// Everything that a refresh leaves behind.
pub(super) struct Refreshed {
    pub(super) state: TrustState,
    pub(super) etags: Etags,
    pub(super) report: SyncReport,
    pub(super) failures: Vec<DocumentError>,
}

/// Asks for the next roots, for kills, and for the snapshot.
pub(super) fn refresh(
    source: &Source,
    state: TrustState,
    etags: Etags,
    now: Timestamp,
    deadline: Deadline,
) -> Refreshed {
    let mut run = Run { source, deadline, now, state, etags, warnings: Vec::new() };
    let mut failures = Vec::new();
    let mut outcome = |document, fetched: Result<Fetched, FetchError>| {
        fetched.unwrap_or_else(|cause| {
            failures.push(DocumentError { document, cause });
            Fetched::Failed
        })
    };
    let root = outcome("root", run.root());
    let kills = outcome("kills", run.kills());
    let snapshot = outcome("snapshot", run.snapshot());
    let report = SyncReport { root, kills, snapshot, snapshot_info: None, warnings: run.warnings };
    Refreshed { state: run.state, etags: run.etags, report, failures }
}

struct Run<'s> {
    source: &'s Source,
    deadline: Deadline,
    now: Timestamp,
    state: TrustState,
    etags: Etags,
    warnings: Vec<Warning>,
}

impl Run<'_> {
    /// Walks from root to root until there is no next one.
    fn root(&mut self) -> Result<Fetched, FetchError> {
        let mut fetched = Fetched::Unchanged;
        for _ in 0..MAX_ROOT_STEPS {
            let next = self.state.root().version.saturating_add(1);
            let answer = self.source.get(&format!("v1/root/{next}.json"), MAX_ROOT_BYTES, None, self.deadline);
            let bytes = match answer {
                Ok(Answer::Document { bytes, .. }) => bytes,
                // Object stores answer 403 where there is nothing and listing is not allowed.
                Ok(_) | Err(FetchError::Status { status: 403 }) => return Ok(fetched),
                Err(cause) => return Err(cause),
            };
            let accepted = self.state.accept_root(&bytes, self.now);
            if self.took(accepted)? == Fetched::Unchanged {
                return Ok(fetched);
            }
            fetched = Fetched::Updated;
        }
        Ok(fetched)
    }

    fn kills(&mut self) -> Result<Fetched, FetchError> {
        let known = self.etags.kills(&self.state).map(str::to_owned);
        match self.source.get("v1/kills.json", MAX_KILLS_BYTES, known.as_deref(), self.deadline)? {
            Answer::NotModified => Ok(Fetched::Unchanged),
            Answer::Absent => Ok(Fetched::Absent),
            Answer::Document { bytes, etag } => {
                let accepted = self.state.accept_kills(&bytes, self.now);
                let fetched = self.took(accepted)?;
                self.etags.set_kills(etag, &bytes);
                Ok(fetched)
            }
        }
    }

    fn snapshot(&mut self) -> Result<Fetched, FetchError> {
        let known = self.etags.snapshot(&self.state).map(str::to_owned);
        let limit = SizeLimit::default().bytes();
        match self.source.get("v1/snapshot.json", limit, known.as_deref(), self.deadline)? {
            Answer::NotModified => Ok(Fetched::Unchanged),
            Answer::Absent => Err(FetchError::Absent),
            Answer::Document { bytes, etag } => {
                let accepted = self.state.accept_snapshot(&bytes, self.now);
                let fetched = self.took(accepted)?;
                self.etags.set_snapshot(etag, &self.state);
                Ok(fetched)
            }
        }
    }

    fn took(&mut self, accepted: Result<Accepted, TrustError>) -> Result<Fetched, FetchError> {
        let accepted = accepted.map_err(FetchError::Refused)?;
        self.warnings.extend(accepted.warnings);
        Ok(if accepted.change == Change::NotModified { Fetched::Unchanged } else { Fetched::Updated })
    }
}
