use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Condition, Entries, Flag, Group};
use crate::Timestamp;

/// The schema number this version reads and writes.
pub const SCHEMA: u32 = 1;

/// The most flags of one snapshot.
pub const SNAPSHOT_MAX_FLAGS: usize = 200_000;

/// The published document: everything a client needs to decide, at one version of one environment. Its signed form is an envelope, which
/// flag-client verifies before a byte of this is parsed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The number of this format.
    pub schema: u32,
    /// The project.
    pub project: Box<str>,
    /// The environment of the project.
    pub environment: Box<str>,
    /// Grows when keys were replaced after a theft; a new epoch starts the version anew.
    pub epoch: u64,
    /// Grows at every signing.
    pub version: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// From when on it is stale.
    pub expires_at: Timestamp,
    /// The change it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_head: Option<AuditHead>,
    /// Named conditions.
    #[serde(default, skip_serializing_if = "Entries::is_empty")]
    pub segments: Entries<Condition>,
    /// Exclusion groups.
    #[serde(default, skip_serializing_if = "Entries::is_empty")]
    pub groups: Entries<Group>,
    /// The flags by key. They are written after what they refer to, so that a reader can compile them as they come.
    pub flags: Entries<Flag>,
    /// What is off, stronger than everything.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kills: Vec<Kill>,
    /// The ids of kills that are over, for ever.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifted: Vec<Box<str>>,
}

/// The place in the log that a snapshot was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "a place in the log")]
pub struct AuditHead {
    /// The sequence number of the last change in it.
    pub seq: u64,
    /// The hash of that change, as hexadecimal text.
    pub hash: Box<str>,
}

/// One kill: while it stands, its target is off.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(expecting = "a kill")]
pub struct Kill {
    /// The kill's own name, never used again. A snapshot that lists it as lifted lifts the kill, and nothing else does.
    pub id: Box<str>,
    /// The flag or capability that is off.
    pub target: Box<str>,
}

/// A snapshot that was read, and what of it could not be.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The document, without what is listed below.
    pub snapshot: Snapshot,
    /// Flags whose form is broken. Each is quarantined alone.
    pub malformed: Vec<Malformed>,
    /// Segments whose form is broken. Each quarantines the flags that refer to it.
    pub malformed_segments: Vec<Malformed>,
    /// Exclusion groups whose form is broken. Each quarantines its flags.
    pub malformed_groups: Vec<Malformed>,
}

impl From<Snapshot> for Parsed {
    fn from(snapshot: Snapshot) -> Self {
        Self { snapshot, malformed: Vec::new(), malformed_segments: Vec::new(), malformed_groups: Vec::new() }
    }
}

/// A flag, segment or group whose JSON does not have its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The flag's key, or the name.
    pub key: Box<str>,
    /// What was found, where in its own JSON, and what was expected.
    pub message: Box<str>,
}

impl Malformed {
    pub(crate) fn by_key(all: &[Self]) -> impl Iterator<Item = (&str, &str)> {
        all.iter().map(|Self { key, message }| (&**key, &**message))
    }
}

/// Why a document is not a snapshot at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// Not JSON, or not of a snapshot's form outside its flags.
    #[error("snapshot is malformed")]
    Json(#[source] serde_json::Error),
    /// A schema this version cannot read.
    #[error("snapshot has schema {found}, expected {SCHEMA}")]
    Schema {
        /// The number found.
        found: u32,
    },
    /// More flags than [`SNAPSHOT_MAX_FLAGS`].
    #[error("snapshot has {found} flags, expected at most {SNAPSHOT_MAX_FLAGS}")]
    TooManyFlags {
        /// How many were found.
        found: usize,
    },
}

impl Snapshot {
    /// Leaves out of every flag what it means without saying it, for publishing.
    pub fn compact(&mut self) {
        self.flags.values_mut().for_each(Flag::compact);
    }

    /// Reads a snapshot's JSON. A flag of broken form does not take the others with it: it comes back in [`Parsed::malformed`].
    pub fn from_json(bytes: &[u8]) -> Result<Parsed, SnapshotError> {
        #[derive(Deserialize)]
        #[serde(expecting = "a snapshot")]
        struct Probe {
            schema: u32,
        }
        // From text, as everywhere: reading the same types from bytes, too, would be the same code a second time in every program.
        let text =
            core::str::from_utf8(bytes).map_err(|error| SnapshotError::Json(serde_json::Error::custom(error)))?;
        // One pass reads the usual, sound document. Only where that fails is each flag read by itself, to find the broken ones.
        let parsed = if let Ok(snapshot) = serde_json::from_str::<Self>(text) {
            snapshot.into()
        } else {
            let schema = serde_json::from_str::<Probe>(text).map_err(SnapshotError::Json)?.schema;
            if schema != SCHEMA {
                return Err(SnapshotError::Schema { found: schema });
            }
            flag_by_flag(text)?
        };
        let snapshot = &parsed.snapshot;
        if snapshot.schema != SCHEMA {
            return Err(SnapshotError::Schema { found: snapshot.schema });
        }
        if snapshot.flags.len() > SNAPSHOT_MAX_FLAGS {
            return Err(SnapshotError::TooManyFlags { found: snapshot.flags.len() });
        }
        Ok(parsed)
    }
}

fn flag_by_flag(text: &str) -> Result<Parsed, SnapshotError> {
    #[derive(Deserialize)]
    #[serde(expecting = "a snapshot")]
    struct Sketch<'a> {
        schema: u32,
        project: Box<str>,
        environment: Box<str>,
        epoch: u64,
        version: u64,
        issued_at: Timestamp,
        expires_at: Timestamp,
        #[serde(default)]
        audit_head: Option<AuditHead>,
        #[serde(borrow)]
        flags: Entries<&'a RawValue>,
        #[serde(borrow, default)]
        segments: Entries<&'a RawValue>,
        #[serde(borrow, default)]
        groups: Entries<&'a RawValue>,
        #[serde(default)]
        kills: Vec<Kill>,
        #[serde(default)]
        lifted: Vec<Box<str>>,
    }
    fn sound<T: DeserializeOwned>(entries: Entries<&RawValue>) -> (Entries<T>, Vec<Malformed>) {
        let mut malformed = Vec::new();
        let read = entries.into_iter().filter_map(|(key, raw)| match serde_json::from_str(raw.get()) {
            Ok(value) => Some((key, value)),
            Err(error) => {
                malformed.push(Malformed { key, message: error.to_string().into() });
                None
            }
        });
        (read.collect(), malformed)
    }
    let sketch: Sketch<'_> = serde_json::from_str(text).map_err(SnapshotError::Json)?;
    let (flags, malformed) = sound(sketch.flags);
    let (segments, malformed_segments) = sound(sketch.segments);
    let (groups, malformed_groups) = sound(sketch.groups);
    let snapshot = Snapshot {
        schema: sketch.schema,
        project: sketch.project,
        environment: sketch.environment,
        epoch: sketch.epoch,
        version: sketch.version,
        issued_at: sketch.issued_at,
        expires_at: sketch.expires_at,
        audit_head: sketch.audit_head,
        flags,
        segments,
        groups,
        kills: sketch.kills,
        lifted: sketch.lifted,
    };
    Ok(Parsed { snapshot, malformed, malformed_segments, malformed_groups })
}
