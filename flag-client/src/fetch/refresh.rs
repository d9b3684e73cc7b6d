//! The order of a refresh, apart from where documents come from.

use flag_core::Timestamp;
use serde::{Serialize, Serializer};

use super::error::{DocumentError, FetchError};
use super::etags::{Etags, Validators};
use super::http::{Deadline, Http};
use super::source::{Answer, Source, read};
use super::token::BearerToken;
use crate::published::{SnapshotInfo, unreadable};
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
pub(crate) struct Refreshed {
    pub(crate) state: TrustState,
    pub(crate) etags: Etags,
    pub(crate) report: SyncReport,
    pub(crate) failures: Vec<DocumentError>,
}

/// Everything that a refresh starts with.
pub(crate) struct Request {
    pub(crate) source: Source,
    pub(crate) token: Option<BearerToken>,
    pub(crate) state: TrustState,
    pub(crate) etags: Etags,
    pub(crate) now: Timestamp,
}

impl Request {
    /// Asks for the next roots, for kills, and for the snapshot.
    pub(crate) async fn run(self, deadline: Deadline) -> Refreshed {
        let Self { source, token, state, etags, now } = self;
        let http = match &source {
            Source::Server(base) => Some(Http::new(base, token.as_ref())),
            Source::Folder(_) => None,
        };
        let mut run = Run {
            source,
            http,
            deadline,
            now,
            state,
            etags,
            quiet_until: None,
            warnings: Vec::new(),
            failures: Vec::new(),
        };
        run.etags.set_quiet_until(None);
        let next_root = run.state.root().version.saturating_add(1);
        let root = run.root().await;
        let root = run.outcome("root", &format!("v1/root/{next_root}.json"), root);
        let kills = run.kills().await;
        let kills = run.outcome("kills", KILLS, kills);
        let snapshot = run.snapshot().await;
        let snapshot = run.outcome("snapshot", SNAPSHOT, snapshot);
        run.etags.set_quiet_until(run.quiet_until);
        let report = SyncReport { root, kills, snapshot, snapshot_info: None, warnings: run.warnings };
        Refreshed { state: run.state, etags: run.etags, report, failures: run.failures }
    }
}

const KILLS: &str = "v1/kills.json";
const SNAPSHOT: &str = "v1/snapshot.json";

struct Run {
    source: Source,
    /// How the server is asked, unless documents come from a folder.
    http: Option<Result<Http, FetchError>>,
    deadline: Deadline,
    now: Timestamp,
    state: TrustState,
    etags: Etags,
    /// Until when the server wants to be left alone. It is asked for nothing more.
    quiet_until: Option<Timestamp>,
    warnings: Vec<Warning>,
    failures: Vec<DocumentError>,
}

impl Run {
    fn outcome(&mut self, document: &'static str, path: &str, fetched: Result<Fetched, FetchError>) -> Fetched {
        fetched.unwrap_or_else(|cause| {
            self.failures.push(DocumentError { document, address: self.source.address_of(path), cause });
            Fetched::Failed
        })
    }

    async fn get(&mut self, path: &str, limit: usize, known: Option<&Validators>) -> Result<Answer, FetchError> {
        if let Some(until) = self.quiet_until {
            return Err(FetchError::TooEarly { until });
        }
        let http = match (&self.source, &self.http) {
            (Source::Folder(folder), _) => return read(&folder.join(path), limit),
            (Source::Server(_), Some(Ok(http))) => http,
            // The first request takes the reason along.
            (Source::Server(_), _) => {
                return Err(self.http.take().and_then(Result::err).unwrap_or(FetchError::NoClient));
            }
        };
        let answer = http.get(path, limit, known, self.now, self.deadline).await;
        if let Err(FetchError::Status { retry_after: Some(time), .. }) = &answer {
            let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
            self.quiet_until = (millis > 0).then(|| self.now.saturating_add_millis(millis));
        }
        answer
    }

    /// Walks from root to root until there is no next one.
    async fn root(&mut self) -> Result<Fetched, FetchError> {
        let mut fetched = Fetched::Unchanged;
        for _ in 0..MAX_ROOT_STEPS {
            let next = self.state.root().version.saturating_add(1);
            let answer = self.get(&format!("v1/root/{next}.json"), MAX_ROOT_BYTES, None).await;
            let bytes = match answer {
                Ok(Answer::Document { bytes, .. }) => bytes,
                // Object stores answer 403 where there is nothing and listing is not allowed.
                Ok(_) | Err(FetchError::Status { status: 403, .. }) => return Ok(fetched),
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

    async fn kills(&mut self) -> Result<Fetched, FetchError> {
        let known = self.etags.kills(&self.state, self.now).cloned();
        match self.get(KILLS, MAX_KILLS_BYTES, known.as_ref()).await? {
            Answer::NotModified => Ok(Fetched::Unchanged),
            Answer::Absent => Ok(Fetched::Absent),
            Answer::Document { bytes, validators } => {
                let accepted = self.state.accept_kills(&bytes, self.now);
                let fetched = self.took(accepted)?;
                self.etags.set_kills(validators, &self.state);
                Ok(fetched)
            }
        }
    }

    async fn snapshot(&mut self) -> Result<Fetched, FetchError> {
        let known = self.etags.snapshot(&self.state, self.now).cloned();
        let limit = SizeLimit::default().bytes();
        match self.get(SNAPSHOT, limit, known.as_ref()).await? {
            Answer::NotModified => Ok(Fetched::Unchanged),
            Answer::Absent => Err(FetchError::Absent),
            Answer::Document { bytes, validators } => {
                let mut next = self.state.clone();
                let accepted = next.accept_snapshot(&bytes, self.now);
                let fetched = self.took(accepted)?;
                // A publisher's mistake under a valid signature must not take the place of flags that can be read.
                if let (Fetched::Updated, Some(source)) = (fetched, unreadable(&next)) {
                    return Err(FetchError::Unreadable(Box::new(source)));
                }
                self.state = next;
                self.etags.set_snapshot(validators, &self.state);
                Ok(fetched)
            }
        }
    }

    fn took(&mut self, accepted: Result<Accepted, TrustError>) -> Result<Fetched, FetchError> {
        let accepted = accepted.map_err(|refusal| FetchError::Refused(Box::new(refusal)))?;
        self.warnings.extend(accepted.warnings);
        Ok(if accepted.change == Change::NotModified { Fetched::Unchanged } else { Fetched::Updated })
    }
}
