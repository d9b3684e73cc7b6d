//! The part of a snapshot that trust needs. The flags are read by `flag-core`, later and from the same verified bytes.

use flag_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    Kill, PayloadType, RoleName,
    verify::{EpochRule, SignedDocument},
};

/// The members of a snapshot's payload that decide whether it is accepted, and the kills it sets and lifts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotHeader {
    /// The form of the document, [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The project it is for.
    pub project: String,
    /// The environment it is for.
    pub environment: String,
    /// The epoch of the root under which it was signed. Versions count within it.
    pub epoch: u64,
    /// Grows at every signing, a re-signing included.
    pub version: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// From when on it is not accepted any more, or, where it is held already, is stale.
    pub expires_at: Timestamp,
    /// The ids of kills that no longer hold, and never will again.
    #[serde(default)]
    pub lifted: Vec<Box<str>>,
    /// What is off.
    #[serde(default)]
    pub kills: Vec<Kill>,
}

impl SnapshotHeader {
    /// Epoch and version: of two snapshots the later one has the greater pair.
    pub(super) fn place_in_time(&self) -> (u64, u64) {
        (self.epoch, self.version)
    }
}

impl SignedDocument for SnapshotHeader {
    const PAYLOAD_TYPE: PayloadType = PayloadType::Snapshot;
    const ROLE: RoleName = RoleName::Snapshot;
    const EPOCH_RULE: EpochRule = EpochRule::EqualsRoot;

    fn schema(&self) -> u32 {
        self.schema
    }

    fn project(&self) -> &str {
        &self.project
    }

    fn environment(&self) -> Option<&str> {
        Some(&self.environment)
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn issued_at(&self) -> Timestamp {
        self.issued_at
    }
}
