use flag_client::trust::{
    Envelope, EnvelopeError, PayloadType, RootDocument, SnapshotHeader, TrustError, TrustState, Warning,
};
use flag_core::wire::{AuditHead, Snapshot, SnapshotError};
use flag_core::{Ruleset, Timestamp};
use serde::Serialize;

use crate::app::error::Failure;
use crate::app::history::audit::{Commitment, CommitmentSource};

/// A snapshot to verify, as a client would.
#[derive(Copy, Clone, Debug)]
pub struct Verification<'a> {
    /// The envelope of the root that the application ships.
    pub root: &'a [u8],
    /// The roots after it, in order. Those up to the shipped one are skipped.
    pub successors: &'a [Vec<u8>],
    /// The envelope of the snapshot.
    pub snapshot: &'a [u8],
    /// The environment it must be for; its own where absent.
    pub environment: Option<&'a str>,
    /// When.
    pub now: Timestamp,
}

/// A snapshot that clients accept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verified {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: String,
    /// The version of the root that vouches for it.
    pub root_version: u64,
    /// Its epoch.
    pub epoch: u64,
    /// Its version.
    pub version: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// From when on it is stale.
    pub expires_at: Timestamp,
    /// The change it was made from.
    pub audit_head: Option<AuditHead>,
    /// How many flags clients evaluate.
    pub flags: usize,
    /// The flags that clients quarantine, each with its reason.
    pub quarantined: Vec<Quarantined>,
    /// How many kills are in force.
    pub kills: usize,
    /// What is odd about it.
    pub warnings: Vec<String>,
}

/// A flag that clients quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// Its key.
    pub flag: String,
    /// Why.
    pub reason: String,
}

/// Why clients refuse a snapshot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The root or the snapshot is no envelope.
    #[error("{document} is no signed document")]
    Envelope {
        /// `root` or `snapshot`.
        document: &'static str,
        /// Why.
        #[source]
        source: EnvelopeError,
    },
    /// The root or the snapshot has another form.
    #[error("{document} has another form than a {document} has")]
    Form {
        /// `root` or `snapshot`.
        document: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Trust does not reach it.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// Its content is not a snapshot's.
    #[error(transparent)]
    Content(#[from] SnapshotError),
}

impl Failure for VerifyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Envelope { .. } | Self::Form { .. } => "not_signed",
            Self::Trust(_) => "not_trusted",
            Self::Content(_) => "not_a_snapshot",
        }
    }
}

/// Verifies a snapshot by the very steps that clients take: from the shipped root along its successors, then the snapshot itself.
pub fn verify_snapshot(verification: &Verification<'_>) -> Result<Verified, VerifyError> {
    let Verification { root, successors, snapshot, environment, now } = *verification;
    let shipped: RootDocument = unverified("root", root)?;
    let environment = match environment {
        Some(environment) => environment.to_owned(),
        // Whoever names no environment asks whether the snapshot is sound where it says it belongs.
        None => unverified::<SnapshotHeader>("snapshot", snapshot)?.environment,
    };
    let mut trust = TrustState::open(root, &shipped.project, &environment)?;
    let mut warnings: Vec<Warning> = Vec::new();
    for successor in successors {
        if unverified::<RootDocument>("root", successor)?.version > trust.root().version {
            warnings.extend(trust.accept_root(successor, now)?.warnings);
        }
    }
    warnings.extend(trust.accept_snapshot(snapshot, now)?.warnings);
    let parsed = Snapshot::from_json(trust.snapshot_payload().unwrap_or_default())?;
    let ruleset = Ruleset::from_parsed(&parsed);
    let Snapshot { project, environment, epoch, version, issued_at, expires_at, audit_head, kills, .. } =
        parsed.snapshot;
    Ok(Verified {
        project: project.into(),
        environment: environment.into(),
        root_version: trust.root().version,
        epoch,
        version,
        issued_at,
        expires_at,
        audit_head,
        flags: ruleset.flags().count(),
        quarantined: ruleset
            .quarantined()
            .map(|(flag, error)| Quarantined { flag: flag.to_owned(), reason: error.to_string() })
            .collect(),
        kills: kills.len(),
        warnings: warnings.iter().map(ToString::to_string).collect(),
    })
}

/// Returns the change that a signed snapshot was made from, however old it is: expiry takes nothing from what it proves of the log.
pub fn commitment_of_snapshot(verification: &Verification<'_>) -> Result<Option<Commitment>, VerifyError> {
    let now = unverified::<SnapshotHeader>("snapshot", verification.snapshot)?.issued_at;
    let head = verify_snapshot(&Verification { now, ..*verification })?.audit_head;
    Ok(head.map(|head| Commitment { head, source: CommitmentSource::Snapshot }))
}

/// Reads what a document says of itself, to know what to ask of trust. Nothing else comes of it.
pub(in crate::app) fn unverified<T: serde::de::DeserializeOwned>(
    document: &'static str,
    bytes: &[u8],
) -> Result<T, VerifyError> {
    let expected = match document {
        "root" => PayloadType::Root,
        "kills document" => PayloadType::Kills,
        _ => PayloadType::Snapshot,
    };
    let envelope = Envelope::parse(bytes).map_err(|source| VerifyError::Envelope { document, source })?;
    if envelope.payload_type() != expected {
        return Err(TrustError::WrongPayloadType { found: envelope.payload_type(), expected }.into());
    }
    serde_json::from_slice(envelope.document()).map_err(|source| VerifyError::Form { document, source })
}
