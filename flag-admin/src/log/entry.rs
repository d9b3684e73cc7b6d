use std::fmt;
use std::str::FromStr;

use flag_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, Change, Digest, EnvironmentName};

/// The form of entries that this version writes and reads.
pub const ENTRY_SCHEMA: u32 = 1;

/// What someone may change.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Everything. The owner of a project folder is its release manager, until members are declared.
    ReleaseManager,
    /// Features at every stage, no kill switches.
    EngineeringLead,
    /// Features at the development stage.
    Engineer,
    /// Kills, and nothing else.
    EmergencyResponder,
}

impl Role {
    /// Every role, the one that may most first.
    pub const ALL: [Self; 4] = [Self::ReleaseManager, Self::EngineeringLead, Self::Engineer, Self::EmergencyResponder];

    /// Returns the word that commands and JSON have for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReleaseManager => "release_manager",
            Self::EngineeringLead => "engineering_lead",
            Self::Engineer => "engineer",
            Self::EmergencyResponder => "emergency_responder",
        }
    }
}

/// A text that names no role.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no role, expected release_manager, engineering_lead, engineer or emergency_responder")]
pub struct RoleError {
    /// The text given.
    pub found: Box<str>,
}

impl FromStr for Role {
    type Err = RoleError;

    fn from_str(text: &str) -> Result<Self, RoleError> {
        let plain = text.replace(['-', ' '], "_");
        Self::ALL.into_iter().find(|role| role.as_str() == plain).ok_or_else(|| RoleError { found: text.into() })
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReleaseManager => "release manager",
            Self::EngineeringLead => "engineering lead",
            Self::Engineer => "engineer",
            Self::EmergencyResponder => "emergency responder",
        })
    }
}

/// One change with who, when, where and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The form of the entry, [`ENTRY_SCHEMA`].
    pub schema: u32,
    /// Its place, from 1 on, without gaps.
    pub seq: u64,
    /// When it was appended.
    pub time: Timestamp,
    /// Who changed something.
    pub actor: Actor,
    /// In which role.
    pub role: Role,
    /// The environment changed; the whole project where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentName>,
    /// What changed.
    pub change: Change,
    /// Why, in the actor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The hash of the previous entry's bytes; zeros in the first.
    pub prev: Digest,
}

/// The end of the log: the last entry's place and hash, zeros when there is none.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The last entry's place.
    pub seq: u64,
    /// The hash of the last entry's bytes.
    pub hash: Digest,
}

impl Head {
    /// The head of an empty log.
    pub const GENESIS: Self = Self { seq: 0, hash: Digest::GENESIS };
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.seq, self.hash.short())
    }
}

/// An entry in the form that is stored: its bytes, which are never made again, and their hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Sealed {
    entry: Entry,
    stored: Stored,
}

/// A row of the log as it was read, proved by nothing yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The place under which it is stored.
    pub seq: u64,
    /// The hash stored beside the bytes.
    pub hash: Digest,
    /// The entry's bytes.
    pub bytes: Vec<u8>,
}

impl Sealed {
    /// Makes the bytes of an entry, once and for all: JSON without white space, members in the order of [`Entry`].
    pub fn new(entry: Entry) -> Result<Self, serde_json::Error> {
        let bytes = serde_json::to_vec(&entry)?;
        let stored = Stored { seq: entry.seq, hash: Digest::of(&bytes), bytes };
        Ok(Self { entry, stored })
    }

    /// Returns a row that the chain proved, with the entry that came of it.
    pub(crate) const fn proved(entry: Entry, stored: Stored) -> Self {
        Self { entry, stored }
    }

    /// Returns the entry.
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// Returns the row to store.
    pub const fn stored(&self) -> &Stored {
        &self.stored
    }

    /// Returns the head of a log that ends here.
    pub const fn head(&self) -> Head {
        Head { seq: self.stored.seq, hash: self.stored.hash }
    }
}
