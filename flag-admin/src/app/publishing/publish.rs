use flag_client::trust::{Envelope, EnvelopeError, PayloadType, RoleName, SnapshotHeader};
use flag_core::wire::{AuditHead, Snapshot, SnapshotError};
use flag_core::{Ruleset, Timestamp};
use serde::Serialize;

use super::verify::{Verification, VerifyError, verify_snapshot};
use crate::app::changes::compile::{BrokenFlag, BrokenRuleset};
use crate::app::error::{AppError, Failure};
use crate::app::ports::{Document, Publisher};
use crate::app::project::Project;
use crate::log::{Change, Digest, EnvironmentName, Head, PublishedSnapshot, RootInForce};

/// How far clocks may differ: as far as clients bear.
const TOLERANCE_MILLIS: i64 = flag_client::trust::TOLERANCE_MILLIS;
const MILLIS_PER_DAY: i64 = 86_400_000;

/// A snapshot is re-signed once less than this part of its lifetime is left.
const REFRESH_PART: i64 = 4;

/// Why a snapshot cannot be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// There is no root whose keys could be trusted with it.
    #[error("the project has no root")]
    NoRoot,
    /// The root accepts no new snapshots.
    #[error("root {version} expired at {expires_at}: clients accept no new snapshot under it")]
    RootExpired {
        /// Its version.
        version: u64,
        /// Since when.
        expires_at: Timestamp,
    },
    /// What is published there cannot be read, so it is not overwritten.
    #[error("{place} holds a snapshot that cannot be read")]
    Unreadable {
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: EnvelopeError,
    },
    /// What is published there has no snapshot's form, so it is not overwritten.
    #[error("{place} holds a snapshot of another form")]
    Form {
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Another project or environment is published there.
    #[error(
        "{place} holds environment {found_environment:?} of project {found_project:?}, expected {environment:?} of {project:?}"
    )]
    Foreign {
        /// Where.
        place: String,
        /// The project found.
        found_project: String,
        /// The environment found.
        found_environment: String,
        /// The project to publish.
        project: String,
        /// The environment to publish.
        environment: String,
    },
    /// A later snapshot is published there than the log knows of.
    #[error("{place} holds snapshot {found} of epoch {epoch}, but the log ends with snapshot {last}")]
    Ahead {
        /// Where.
        place: String,
        /// The version found.
        found: u64,
        /// Its epoch.
        epoch: u64,
        /// The last version in the log.
        last: u64,
    },
    /// Clients would refuse what was signed, so it was not published.
    #[error("clients would refuse the snapshot, so it was not published")]
    Refused(#[source] VerifyError),
    /// What stands there is not what was published last, so there is nothing to sign anew.
    #[error("{place} does not hold the snapshot that was published last, so it cannot be signed anew")]
    NotOurs {
        /// Where.
        place: String,
    },
    /// What stands there cannot be signed anew.
    #[error("the snapshot in {place} cannot be signed anew")]
    Content {
        /// Where.
        place: String,
        /// Why.
        #[source]
        source: SnapshotError,
    },
    /// Clients have the snapshot, but the log does not say so.
    #[error("snapshot {version} stands in {place}, but the log does not say so yet")]
    Unrecorded {
        /// Where.
        place: String,
        /// Its version.
        version: u64,
        /// Why.
        #[source]
        source: Box<AppError>,
    },
}

impl Failure for PublishError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoRoot => "no_root",
            Self::RootExpired { .. } => "root_expired",
            Self::Unreadable { .. } | Self::Form { .. } | Self::Content { .. } => "unreadable_snapshot",
            Self::Foreign { .. } => "foreign_snapshot",
            Self::Ahead { .. } => "snapshot_ahead",
            Self::Unrecorded { .. } => "publish_unrecorded",
            Self::Refused(_) => "not_trusted",
            Self::NotOurs { .. } => "not_ours",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } | Self::Form { .. } => {
                Some("move it away if it is no longer needed, and publish again".to_owned())
            }
            Self::Foreign { .. } => Some("publish each environment to a folder of its own".to_owned()),
            Self::Ahead { .. } => {
                Some("the log is older than what it published: restore the newest copy of the project".to_owned())
            }
            Self::Unrecorded { .. } => {
                Some("publish again once the log can be written: the next publication says so".to_owned())
            }
            Self::RootExpired { version, .. } => Some(format!(
                "make and install the next root: flag-admin root rotate root/{version}.json --out next.json"
            )),
            Self::Refused(_) => {
                Some("see which keys the root lists, and which lie in the project: flag-admin doctor".to_owned())
            }
            Self::NotOurs { .. } => Some("publish there first: flag-admin publish --to PLACE".to_owned()),
            Self::NoRoot | Self::Content { .. } => None,
        }
    }
}

/// How often it is tried to say in the log that a snapshot was published, while others append to it.
const RECORD_TRIES: u32 = 32;

/// What was published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    /// Where.
    pub place: String,
    /// The snapshot's version.
    pub version: u64,
    /// Its epoch.
    pub epoch: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// From when on it is stale.
    pub expires_at: Timestamp,
    /// The change it was made from.
    pub audit_head: AuditHead,
    /// How many flags it has.
    pub flags: usize,
    /// How many kills it has.
    pub kills: usize,
    /// The files written, in order.
    pub documents: Vec<String>,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

/// What came of looking whether a snapshot is to be signed anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Refreshed {
    /// It was.
    Published(Published),
    /// It is good for longer.
    NotDue {
        /// The version that stands.
        version: u64,
        /// From when on it is stale.
        expires_at: Timestamp,
    },
}

/// A snapshot that is published.
pub(super) struct Standing {
    pub(super) document: Vec<u8>,
    digest: Digest,
}

/// What a snapshot says.
enum Content {
    /// What the log comes to.
    State,
    /// What the last one said.
    Standing(Box<Snapshot>),
}

impl Project {
    /// Signs a snapshot of an environment and publishes it: roots first, kills of the emergency key if there are any, the snapshot last.
    ///
    /// Its version is in the log, as started, before a file is written, so that no version is ever signed twice; and as published once its
    /// files stand. A publication that was interrupted is made up for by the next: if its snapshot turns out to stand there the log says so,
    /// and either way a later version takes its place.
    pub fn publish(
        &mut self,
        environment: &EnvironmentName,
        publisher: &mut dyn Publisher,
    ) -> Result<Published, AppError> {
        self.refresh()?;
        self.publish_refreshed(environment, publisher)
    }

    /// Publishes the state that somebody looked at: an error if the log has gone on since, here or through another server.
    pub fn publish_from(
        &mut self,
        environment: &EnvironmentName,
        expected: Head,
        publisher: &mut dyn Publisher,
    ) -> Result<Published, AppError> {
        self.refresh()?;
        self.check_head(expected, &[])?;
        self.publish_refreshed(environment, publisher)
    }

    fn publish_refreshed(
        &mut self,
        environment: &EnvironmentName,
        publisher: &mut dyn Publisher,
    ) -> Result<Published, AppError> {
        let root = self.usable_root()?;
        let version = self.environment(environment)?.next_version(root.epoch);
        let standing = self.check_published(environment, publisher, (root.epoch, version))?;
        self.record_arrival(environment, publisher, standing.as_ref().map(|standing| standing.digest))?;
        self.sign_and_put(environment, publisher, root, Content::State)
    }

    /// Signs the snapshot that was published last anew, if it is stale `within` so many milliseconds (a quarter of its lifetime where absent),
    /// or of an epoch that is over. What it says stays as it is: changes since then wait for [`publish`](Self::publish), which
    /// is for somebody to decide.
    pub fn refresh_published(
        &mut self,
        environment: &EnvironmentName,
        publisher: &mut dyn Publisher,
        within: Option<i64>,
    ) -> Result<Refreshed, AppError> {
        self.refresh()?;
        let root = self.usable_root()?;
        let version = self.environment(environment)?.next_version(root.epoch);
        let standing = self.check_published(environment, publisher, (root.epoch, version))?;
        self.record_arrival(environment, publisher, standing.as_ref().map(|standing| standing.digest))?;
        let last = self.environment(environment)?.published;
        let place = publisher.place();
        let (Some(standing), Some(last)) = (standing, last) else {
            return Err(PublishError::NotOurs { place }.into());
        };
        if standing.digest != last.digest {
            return Err(PublishError::NotOurs { place }.into());
        }
        let lifetime = i64::from(self.settings.snapshot_lifetime_days).saturating_mul(MILLIS_PER_DAY);
        let due = last.expires_at.saturating_add_millis(within.unwrap_or(lifetime / REFRESH_PART).saturating_neg());
        if self.now() < due && last.epoch == root.epoch {
            return Ok(Refreshed::NotDue { version: last.version, expires_at: last.expires_at });
        }
        let parsed = Snapshot::from_json(&standing.document)
            .map_err(|source| PublishError::Content { place: place.clone(), source })?;
        let content = Content::Standing(Box::new(parsed.snapshot));
        self.sign_and_put(environment, publisher, root, content).map(Refreshed::Published)
    }

    /// Returns the root in force, if it accepts snapshots.
    pub(super) fn usable_root(&self) -> Result<RootInForce, PublishError> {
        let root = *self.state.root().ok_or(PublishError::NoRoot)?;
        if self.now() >= root.expires_at {
            let (version, expires_at) = (root.version, root.expires_at);
            return Err(PublishError::RootExpired { version, expires_at });
        }
        Ok(root)
    }

    fn sign_and_put(
        &mut self,
        environment: &EnvironmentName,
        publisher: &mut dyn Publisher,
        root: RootInForce,
        content: Content,
    ) -> Result<Published, AppError> {
        let issued_at = self.now();
        let state = self.environment(environment)?;
        let (epoch, version) = (root.epoch, state.next_version(root.epoch));
        let roots = self.ports.roots.roots()?;
        let emergency = if state.kills.iter().any(|kill| kill.emergency) {
            Some(self.sign_kills(environment, state)?)
        } else {
            None
        };
        let says_state = matches!(content, Content::State);
        let signed_before = state.published.map(|last| (last.version, last.published_at));

        let head = self.state.head();
        let lifetime = i64::from(self.settings.snapshot_lifetime_days).saturating_mul(MILLIS_PER_DAY);
        let mut snapshot = match content {
            Content::State => self.snapshot_of(environment)?,
            Content::Standing(snapshot) => *snapshot,
        };
        refuse_broken(&Ruleset::compile(&snapshot))?;
        snapshot.compact();
        snapshot.version = version;
        snapshot.epoch = epoch;
        snapshot.issued_at = issued_at;
        snapshot.expires_at = issued_at.saturating_add_millis(lifetime);
        let head = AuditHead { seq: head.seq, hash: head.hash.to_string().into() };
        // What was made from an earlier entry still is, however often it is signed.
        let audit_head = snapshot.audit_head.take().filter(|_| !says_state).unwrap_or(head);
        snapshot.audit_head = Some(audit_head.clone());
        let payload = serde_json::to_vec(&snapshot).map_err(AppError::Seal)?;
        let digest = Digest::of(&payload);
        let signer = self.ports.keys.signer(RoleName::Snapshot)?;
        let envelope = Envelope::sign(PayloadType::Snapshot, payload, &[&*signer]).to_json();
        if let Some((first, successors)) = roots.split_first() {
            // By the very steps of a client, before a version is spent: a key that the root does not list shows here.
            let verification =
                Verification { root: first, successors, snapshot: &envelope, environment: None, now: issued_at };
            verify_snapshot(&verification).map_err(PublishError::Refused)?;
        }

        let expires_at = snapshot.expires_at;
        self.append(environment, &[Change::PublishStarted { version, epoch, digest, expires_at }], None)?;

        let mut documents = Vec::new();
        let mut put = |document: Document, bytes: &[u8]| -> Result<(), AppError> {
            publisher.publish(document, bytes)?;
            documents.push(document.to_string());
            Ok(())
        };
        for (version, root) in (1..).zip(&roots) {
            put(Document::Root(version), root)?;
        }
        if let Some(kills) = &emergency {
            put(Document::Kills, kills)?;
        }
        put(Document::Snapshot, &envelope)?;
        if emergency.is_none() && says_state {
            // Clients ignore ids that the snapshot lists as lifted, so the file has nothing left to say.
            publisher.withdraw(Document::Kills)?;
        }
        self.record(environment, publisher, &Change::Published { version, epoch, digest, expires_at }, version)?;
        let mut warnings = Vec::new();
        if snapshot.flags.is_empty() {
            warnings.push(format!("{environment} has no flags: clients fall back to the defaults of their code"));
        }
        if root.expires_at < expires_at {
            warnings.push(format!("root {} expires at {}, before the snapshot does", root.version, root.expires_at));
        }
        if let Some((last, then)) = signed_before
            && issued_at.saturating_add_millis(TOLERANCE_MILLIS) < then
        {
            warnings.push(format!(
                "the clock says {issued_at}, but snapshot {last} was signed at {then}: set the clock, and publish again"
            ));
        }
        Ok(Published {
            place: publisher.place(),
            version,
            epoch,
            issued_at,
            expires_at,
            audit_head,
            flags: snapshot.flags.len(),
            kills: snapshot.kills.len(),
            documents,
            warnings,
        })
    }

    /// Says in the log that a snapshot whose publication was interrupted does stand where clients fetch it.
    fn record_arrival(
        &mut self,
        environment: &EnvironmentName,
        publisher: &dyn Publisher,
        standing: Option<Digest>,
    ) -> Result<(), AppError> {
        let signed = &self.environment(environment)?.signed;
        let Some(arrived) = signed.iter().map(|signed| signed.snapshot).find(|signed| Some(signed.digest) == standing)
        else {
            return Ok(());
        };
        let PublishedSnapshot { version, epoch, digest, expires_at, .. } = arrived;
        self.record(environment, publisher, &Change::Published { version, epoch, digest, expires_at }, version)
    }

    /// Says in the log that a snapshot was published. What others append meanwhile does not stand against it.
    fn record(
        &mut self,
        environment: &EnvironmentName,
        publisher: &dyn Publisher,
        change: &Change,
        version: u64,
    ) -> Result<(), AppError> {
        let unrecorded = |source: AppError| {
            AppError::from(PublishError::Unrecorded { place: publisher.place(), version, source: Box::new(source) })
        };
        let mut tries = 0;
        loop {
            tries += 1;
            match self.append(environment, std::slice::from_ref(change), None) {
                Err(AppError::Conflict(_)) if tries < RECORD_TRIES => {
                    self.refresh().map_err(|error| unrecorded(error.into()))?;
                }
                recorded => return recorded.map(|_| ()).map_err(unrecorded),
            }
        }
    }

    /// Refuses to publish over something that is not an older snapshot of the same environment. Returns that one.
    pub(super) fn check_published(
        &self,
        environment: &EnvironmentName,
        publisher: &dyn Publisher,
        (epoch, version): (u64, u64),
    ) -> Result<Option<Standing>, AppError> {
        let Some(bytes) = publisher.published(Document::Snapshot)? else { return Ok(None) };
        let place = publisher.place();
        let envelope =
            Envelope::parse(&bytes).map_err(|source| PublishError::Unreadable { place: place.clone(), source })?;
        let header: SnapshotHeader = serde_json::from_slice(envelope.document())
            .map_err(|source| PublishError::Form { place: place.clone(), source })?;
        let project = self.state.project().as_str();
        if header.project != project || header.environment != environment.as_str() {
            return Err(PublishError::Foreign {
                place,
                found_project: header.project,
                found_environment: header.environment,
                project: project.to_owned(),
                environment: environment.as_str().to_owned(),
            }
            .into());
        }
        if (header.epoch, header.version) >= (epoch, version) {
            let last = version.saturating_sub(1);
            return Err(PublishError::Ahead { place, found: header.version, epoch: header.epoch, last }.into());
        }
        let document = envelope.document().to_vec();
        Ok(Some(Standing { digest: Digest::of(&document), document }))
    }
}

pub(super) fn refuse_broken(ruleset: &Ruleset) -> Result<(), BrokenRuleset> {
    let broken = |(flag, error): (&str, &flag_core::FlagError)| BrokenFlag { flag: flag.into(), error: error.clone() };
    let flags: Vec<BrokenFlag> = ruleset.quarantined().map(broken).collect();
    if flags.is_empty() { Ok(()) } else { Err(BrokenRuleset { flags }) }
}
