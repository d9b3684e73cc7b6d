//! The root: which keys may sign what, and how many of them must.

use std::{collections::HashSet, fmt};

use flag_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    PayloadType, PublicKey, TrustError,
    verify::{EpochRule, SignedDocument},
};

/// How many keys a role may list. With the limit on signatures it bounds what a hostile envelope can cost.
pub const MAX_KEYS_PER_ROLE: usize = 16;

/// The payload of a root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootDocument {
    /// The form of this document, [`SCHEMA`](super::SCHEMA).
    pub schema: u32,
    /// The project whose documents it governs, in every environment.
    pub project: String,
    /// From 1 on, one more with every root.
    pub version: u64,
    /// Grows when snapshot keys are revoked: snapshots of an older epoch are refused, and their versions count afresh.
    pub epoch: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// From when on it accepts no new snapshots. Newer roots and kills it accepts still.
    pub expires_at: Timestamp,
    /// Who may sign what.
    pub roles: Roles,
}

/// The roles of a root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roles {
    /// Signs roots.
    pub root: Role,
    /// Signs snapshots.
    pub snapshot: Role,
    /// Signs kills documents.
    pub kill: Role,
}

/// Who may act in a role, and how many must act together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// How many distinct public keys must sign, at least 1.
    pub threshold: u32,
    /// The keys that may.
    pub keys: Vec<RoleKey>,
}

/// A public key and the name it goes by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleKey {
    /// Any short text; signatures bear it as a hint to their key.
    pub keyid: String,
    /// The key.
    pub public: PublicKey,
}

/// The name of a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoleName {
    /// Signs roots.
    Root,
    /// Signs snapshots.
    Snapshot,
    /// Signs kills documents.
    Kill,
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Root => "root",
            Self::Snapshot => "snapshot",
            Self::Kill => "kill",
        })
    }
}

/// Why a root cannot govern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RootError {
    /// Versions count from 1.
    #[error("version 0 is below 1")]
    VersionZero,
    /// A role would accept anything.
    #[error("role {role}: threshold 0 is below 1")]
    ThresholdZero {
        /// Which role.
        role: RoleName,
    },
    /// A role could never be fulfilled.
    #[error("role {role}: threshold {threshold} is above its {keys} distinct keys")]
    ThresholdAboveKeys {
        /// Which role.
        role: RoleName,
        /// Its threshold.
        threshold: u32,
        /// How many distinct public keys it has.
        keys: usize,
    },
    /// A role lists more than [`MAX_KEYS_PER_ROLE`] keys.
    #[error("role {role}: {found} keys are above the limit of {MAX_KEYS_PER_ROLE}")]
    TooManyKeys {
        /// Which role.
        role: RoleName,
        /// How many it lists.
        found: usize,
    },
}

impl RootDocument {
    /// Checks that the version is at least 1 and every role can be fulfilled, by one signature at least.
    pub fn validate(&self) -> Result<(), RootError> {
        if self.version == 0 {
            return Err(RootError::VersionZero);
        }
        [RoleName::Root, RoleName::Snapshot, RoleName::Kill]
            .into_iter()
            .try_for_each(|role| self.role(role).validate(role))
    }

    /// Returns the role of that name.
    pub fn role(&self, name: RoleName) -> &Role {
        match name {
            RoleName::Root => &self.roles.root,
            RoleName::Snapshot => &self.roles.snapshot,
            RoleName::Kill => &self.roles.kill,
        }
    }
}

impl Role {
    fn validate(&self, role: RoleName) -> Result<(), RootError> {
        if self.keys.len() > MAX_KEYS_PER_ROLE {
            return Err(RootError::TooManyKeys { role, found: self.keys.len() });
        }
        if self.threshold == 0 {
            return Err(RootError::ThresholdZero { role });
        }
        let keys = self.keys.iter().map(|key| key.public).collect::<HashSet<_>>().len();
        if usize::try_from(self.threshold).map_or(true, |threshold| threshold > keys) {
            return Err(RootError::ThresholdAboveKeys { role, threshold: self.threshold, keys });
        }
        Ok(())
    }
}

impl SignedDocument for RootDocument {
    const PAYLOAD_TYPE: PayloadType = PayloadType::Root;
    const ROLE: RoleName = RoleName::Root;
    const EPOCH_RULE: EpochRule = EpochRule::NotBelowRoot;

    fn schema(&self) -> u32 {
        self.schema
    }

    fn project(&self) -> &str {
        &self.project
    }

    fn environment(&self) -> Option<&str> {
        None
    }

    fn epoch(&self) -> u64 {
        self.epoch
    }

    fn issued_at(&self) -> Timestamp {
        self.issued_at
    }

    fn check_content(&self) -> Result<(), TrustError> {
        self.validate().map_err(TrustError::InvalidRoot)
    }
}
