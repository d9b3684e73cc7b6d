//! The kills document: signed by an emergency key that can switch off and do nothing else.

use flag_core::Timestamp;
use flag_core::wire::Kill;
use serde::{Deserialize, Serialize};

use super::{
    PayloadType, RoleName,
    verify::{EpochRule, SignedDocument},
};

/// The payload of a kills document.
///
/// It carries no version and no expiry, as it only ever adds: an older one, replayed, says nothing that is not still true or
/// already lifted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillsDocument {
    /// The form of this document, [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The project it is for.
    pub project: String,
    /// The environment it is for.
    pub environment: String,
    /// The epoch of the root under which it was signed.
    pub epoch: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// What is off.
    pub kills: Vec<Kill>,
}

impl SignedDocument for KillsDocument {
    const PAYLOAD_TYPE: PayloadType = PayloadType::Kills;
    const ROLE: RoleName = RoleName::Kill;
    // A client whose new root is withheld must still hear the emergency key; adding a kill under it harms nobody.
    const EPOCH_RULE: EpochRule = EpochRule::NotBelowRoot;

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
