use flag_client::trust::{Envelope, EnvelopeError, PayloadType, RoleName, SnapshotHeader};
use flag_core::wire::AuditHead;
use flag_core::{Ruleset, Timestamp};
use serde::Serialize;

use super::compile::{BrokenFlag, BrokenRuleset};
use super::error::AppError;
use super::ports::{Document, Publisher};
use super::project::Project;
use crate::log::{Change, Digest, EnvironmentName, PublishedSnapshot};

const MILLIS_PER_DAY: i64 = 86_400_000;

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
        let issued_at = self.now();
        let root = *self.state.root().ok_or(PublishError::NoRoot)?;
        if issued_at >= root.expires_at {
            let (version, expires_at) = (root.version, root.expires_at);
            return Err(PublishError::RootExpired { version, expires_at }.into());
        }
        let version = self.environment(environment)?.next_version(root.epoch);
        let standing = self.check_published(environment, publisher, (root.epoch, version))?;
        self.record_arrival(environment, publisher, standing)?;
        let state = self.environment(environment)?;
        let epoch = root.epoch;
        let roots = self.ports.roots.roots()?;
        let emergency = if state.kills.iter().any(|kill| kill.emergency) {
            Some(self.sign_kills(environment, state)?)
        } else {
            None
        };

        let head = self.state.head();
        let lifetime = i64::from(self.settings.snapshot_lifetime_days).saturating_mul(MILLIS_PER_DAY);
        let mut snapshot = self.snapshot_of(environment)?;
        refuse_broken(&Ruleset::compile(&snapshot))?;
        snapshot.compact();
        snapshot.version = version;
        snapshot.epoch = epoch;
        snapshot.issued_at = issued_at;
        snapshot.expires_at = issued_at.saturating_add_millis(lifetime);
        let audit_head = AuditHead { seq: head.seq, hash: head.hash.to_string().into() };
        snapshot.audit_head = Some(audit_head.clone());
        let payload = serde_json::to_vec(&snapshot).map_err(AppError::Seal)?;
        let digest = Digest::of(&payload);
        let signer = self.ports.keys.signer(RoleName::Snapshot)?;
        let envelope = Envelope::sign(PayloadType::Snapshot, payload, &[&*signer]).to_json();

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
        if emergency.is_none() {
            // Clients ignore ids that the snapshot lists as lifted, so the file has nothing left to say.
            publisher.withdraw(Document::Kills)?;
        }
        self.record(environment, publisher, &Change::Published { version, epoch, digest, expires_at }, version)?;
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

    /// Refuses to publish over something that is not an older snapshot of the same environment. Returns the hash of that one's payload.
    fn check_published(
        &self,
        environment: &EnvironmentName,
        publisher: &dyn Publisher,
        (epoch, version): (u64, u64),
    ) -> Result<Option<Digest>, AppError> {
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
        Ok(Some(Digest::of(envelope.document())))
    }
}

fn refuse_broken(ruleset: &Ruleset) -> Result<(), BrokenRuleset> {
    let broken = |(flag, error): (&str, &flag_core::FlagError)| BrokenFlag { flag: flag.into(), error: error.clone() };
    let flags: Vec<BrokenFlag> = ruleset.quarantined().map(broken).collect();
    if flags.is_empty() { Ok(()) } else { Err(BrokenRuleset { flags }) }
}
