use flag_core::Timestamp;
use flag_core::wire::AuditHead;
use serde::Serialize;

use super::ports::LogStore;
use super::project::{OpenError, fold};
use crate::log::{Digest, Head};

/// A log that is whole, from its first entry to its head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// How many entries it has.
    pub entries: u64,
    /// Its head.
    pub head: Head,
    /// When its first entry was appended.
    pub first: Option<Timestamp>,
    /// When its last entry was appended.
    pub last: Option<Timestamp>,
    /// The published commitment that it was held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<AuditHead>,
}

/// Why a log is not whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// An entry is bad, or the log cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The log was cut off, or a whole chain put in its place.
    #[error("the snapshot was made from entry {seq} ({}), but the log ends with entry {head}", short(.expected))]
    Truncated {
        /// The entry that the snapshot names.
        seq: u64,
        /// The hash that it names.
        expected: Box<str>,
        /// The head of the log.
        head: Head,
    },
    /// Another entry stands where the snapshot was made from.
    #[error("the snapshot was made from entry {seq} ({}), but that entry is {} now", short(.expected), found.short())]
    Rewritten {
        /// The entry that the snapshot names.
        seq: u64,
        /// The hash that it names.
        expected: Box<str>,
        /// The hash found.
        found: Digest,
    },
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// Proves a log from its first entry to its head, and holds it against what a published snapshot says of it, if one is given.
pub fn audit(log: &dyn LogStore, against: Option<&AuditHead>) -> Result<AuditReport, AuditError> {
    let (mut first, mut last, mut committed) = (None, None, None);
    let head = fold(log, |entry, stored, _| {
        first = first.or(Some(entry.time));
        last = Some(entry.time);
        if against.is_some_and(|against| against.seq == entry.seq) {
            committed = Some(stored.hash);
        }
    })?
    .head();
    if let Some(AuditHead { seq, hash }) = against {
        let (seq, expected) = (*seq, hash.clone());
        match committed {
            None => return Err(AuditError::Truncated { seq, expected, head }),
            Some(found) if found.to_string() != **hash => {
                return Err(AuditError::Rewritten { seq, expected, found });
            }
            Some(_) => {}
        }
    }
    Ok(AuditReport { entries: head.seq, head, first, last, against: against.cloned() })
}
