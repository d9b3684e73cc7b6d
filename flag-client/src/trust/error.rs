//! Why a document is refused: one variant a check.

use flag_core::Timestamp;

use super::{EnvelopeError, PayloadType, RoleName, RootError, SCHEMA, strict_json::StrictJsonError};

/// Why a document is refused. A refusal changes nothing: what was held before is held still.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// The envelope has more bytes than its kind may.
    #[error("{} envelope of {found} bytes is above the limit of {limit}", document.document())]
    TooLarge {
        /// What was expected.
        document: PayloadType,
        /// The envelope's size in bytes.
        found: usize,
        /// The largest size allowed, in bytes.
        limit: usize,
    },
    /// The bytes are no envelope.
    #[error("{} envelope is malformed", document.document())]
    Envelope {
        /// What was expected.
        document: PayloadType,
        /// What is wrong with it.
        #[source]
        source: EnvelopeError,
    },
    /// The envelope carries another kind of document.
    #[error("payload type is {found}, expected {expected}")]
    WrongPayloadType {
        /// What the envelope carries.
        found: PayloadType,
        /// What was expected.
        expected: PayloadType,
    },
    /// Too few keys of the role have signed.
    #[error("{} is signed by {found} of the {needed} keys that role {role} of root {root_version} demands", document.document())]
    BelowThreshold {
        /// What was signed.
        document: PayloadType,
        /// The version of the root that lists the keys.
        root_version: u64,
        /// The role whose keys count.
        role: RoleName,
        /// How many distinct keys of the role have a valid signature.
        found: u32,
        /// The role's threshold.
        needed: u32,
    },
    /// The signed payload is not strict JSON.
    #[error("{} payload is not strict JSON", document.document())]
    Payload {
        /// Which document.
        document: PayloadType,
        /// Where and what.
        #[source]
        source: StrictJsonError,
    },
    /// The signed payload lacks a member or has one of the wrong type.
    #[error("{} payload is malformed", document.document())]
    Malformed {
        /// Which document.
        document: PayloadType,
        /// Where and what.
        #[source]
        source: serde_json::Error,
    },
    /// A root that could not govern.
    #[error("root is invalid")]
    InvalidRoot(#[source] RootError),
    /// The document is for another project.
    #[error("{} is for project {found:?}, expected {expected:?}", document.document())]
    WrongProject {
        /// Which document.
        document: PayloadType,
        /// The project it names.
        found: String,
        /// This client's project.
        expected: String,
    },
    /// The document is for another environment.
    #[error("{} is for environment {found:?}, expected {expected:?}", document.document())]
    WrongEnvironment {
        /// Which document.
        document: PayloadType,
        /// The environment it names.
        found: String,
        /// This client's environment.
        expected: String,
    },
    /// The document is of an epoch that the root has ended, or, a snapshot, of one that no held root has begun.
    #[error("{} is of epoch {found}, but root {root_version} is of epoch {root_epoch}", document.document())]
    WrongEpoch {
        /// Which document.
        document: PayloadType,
        /// Its epoch.
        found: u64,
        /// The version of the root it was held against.
        root_version: u64,
        /// That root's epoch.
        root_epoch: u64,
    },
    /// The document is older than the one held.
    #[error("{} version {found} is below the held version {held}", document.document())]
    RolledBack {
        /// Which document.
        document: PayloadType,
        /// Its version.
        found: u64,
        /// The version held.
        held: u64,
    },
    /// Two documents bear one version: the publisher, or whoever has its key, tells different clients different things.
    #[error("{} version {version} differs from the held document of the same version", document.document())]
    Equivocation {
        /// Which document.
        document: PayloadType,
        /// The version of both.
        version: u64,
    },
    /// A root is not the next one.
    #[error("root version {found} skips version {expected}")]
    RootSkipped {
        /// Its version.
        found: u64,
        /// The next version.
        expected: u64,
    },
    /// More roots were handed over at once than one refresh may walk.
    #[error("{found} roots are above the limit of {limit} for one refresh")]
    TooManyRootSteps {
        /// How many.
        found: usize,
        /// The limit, [`MAX_ROOT_STEPS`](super::MAX_ROOT_STEPS).
        limit: usize,
    },
    /// The root in force has expired and accepts no new snapshots.
    #[error("root version {version} expired at {expired_at} and accepts no new snapshots at {clock}")]
    RootExpired {
        /// The root's version.
        version: u64,
        /// When it expired.
        expired_at: Timestamp,
        /// The time it was judged by: never before an instant known to have passed.
        clock: Timestamp,
    },
    /// A new snapshot had expired before it arrived.
    #[error("snapshot version {version} expired at {expired_at}, before {clock}")]
    Expired {
        /// The snapshot's version.
        version: u64,
        /// When it expired.
        expired_at: Timestamp,
        /// The time it was judged by: never before an instant known to have passed.
        clock: Timestamp,
    },
    /// The document has a form this version does not know.
    #[error("{} schema {found} is not the known schema {SCHEMA}", document.document())]
    UnknownSchema {
        /// Which document.
        document: PayloadType,
        /// Its schema.
        found: u32,
    },
    /// More kills would be in force than a client remembers.
    #[error("{} would bring the kills in force to {found}, above the limit of {limit}", document.document())]
    TooManyKills {
        /// Which document.
        document: PayloadType,
        /// How many kills would be in force.
        found: usize,
        /// The limit, [`MAX_KILLS`](super::MAX_KILLS).
        limit: usize,
    },
    /// More kill ids would be lifted than a client remembers in one epoch.
    #[error("snapshot would bring the lifted kill ids to {found}, above the limit of {limit}")]
    TooManyLifted {
        /// How many ids would be lifted.
        found: usize,
        /// The limit, [`MAX_LIFTED`](super::MAX_LIFTED).
        limit: usize,
    },
}

impl TrustError {
    /// Whether this is worth waking somebody: validly signed documents that contradict each other.
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::Equivocation { .. })
    }
}
