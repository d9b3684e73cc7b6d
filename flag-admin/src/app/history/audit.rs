use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use flag_core::Timestamp;
use flag_core::wire::AuditHead;
use serde::Serialize;

use crate::app::error::Failure;
use crate::app::ports::LogStore;
use crate::app::project::{OpenError, fold};
use crate::log::{Digest, Head, State};

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
    /// The latest time that an entry bears: later than the last one's, where a clock was set back.
    pub latest: Option<Timestamp>,
    /// The published commitment that it was held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<AuditHead>,
    /// The last checkpoint kept beside the entries, or one that is not what the log comes to. Nothing was taken from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<CheckpointCheck>,
}

/// What a checkpoint turned out to be.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckpointCheck {
    /// The entry that it is of.
    pub seq: u64,
    /// Whether the log comes to the same there.
    pub sound: bool,
}

/// A word given to others about the log, which it must keep: at this place stands the entry with this hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// The place and the hash.
    pub head: AuditHead,
    /// What says so.
    pub source: CommitmentSource,
}

/// What holds a [`Commitment`].
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum CommitmentSource {
    /// A signed snapshot.
    Snapshot,
    /// A signed note.
    Note,
}

impl fmt::Display for CommitmentSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Snapshot => "the snapshot",
            Self::Note => "the note",
        })
    }
}

/// Why a log is not whole.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// An entry is bad, or the log cannot be read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The log was cut off, or a whole chain put in its place.
    #[error("{commitment} was made from entry {seq} ({}), but the log ends with entry {head}", short(.expected))]
    Truncated {
        /// What was published.
        commitment: CommitmentSource,
        /// The entry that it names.
        seq: u64,
        /// The hash that it names.
        expected: Box<str>,
        /// The head of the log.
        head: Head,
    },
    /// Another entry stands where the snapshot or note was made from.
    #[error("{commitment} was made from entry {seq} ({}), but that entry is {} now", short(.expected), found.short())]
    Rewritten {
        /// What was published.
        commitment: CommitmentSource,
        /// The entry that it names.
        seq: u64,
        /// The hash that it names.
        expected: Box<str>,
        /// The hash found.
        found: Digest,
    },
}

impl Failure for AuditError {
    fn code(&self) -> &'static str {
        match self {
            Self::Open(error) => error.code(),
            Self::Truncated { .. } => "log_truncated",
            Self::Rewritten { .. } => "log_rewritten",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint(),
            Self::Truncated { .. } | Self::Rewritten { .. } => {
                Some("the snapshot is signed: trust it, and look for who changed the log".to_owned())
            }
        }
    }
}

fn short(hash: &str) -> String {
    hash.chars().take(12).collect()
}

/// Returns the checkpoints kept beside the entries, by place; nothing for what is no state.
fn kept_checkpoints(log: &dyn LogStore) -> BTreeMap<u64, Option<State>> {
    let mut kept = BTreeMap::new();
    let mut before = u64::MAX;
    while let Ok(Some(checkpoint)) = log.checkpoint_before(before) {
        before = checkpoint.seq;
        kept.insert(checkpoint.seq, checkpoint.state().ok());
    }
    kept
}

/// Proves a log from its first entry to its head, and holds it against what was published of it, if that is given.
///
/// No checkpoint is gone by: each is held against the log.
pub fn audit(log: &dyn LogStore, against: Option<&Commitment>) -> Result<AuditReport, AuditError> {
    let kept = kept_checkpoints(log);
    let (mut first, mut last, mut latest, mut committed) = (None, None, None, None);
    let mut odd: BTreeSet<u64> = kept.keys().copied().collect();
    let mut check = |state: &State| {
        if kept.get(&state.head().seq).is_some_and(|kept| kept.as_ref() == Some(state)) {
            odd.remove(&state.head().seq);
        }
    };
    let state = fold(log, |entry, stored, before| {
        first = first.or(Some(entry.time));
        last = Some(entry.time);
        latest = latest.max(last);
        if against.is_some_and(|against| against.head.seq == entry.seq) {
            committed = Some(stored.hash);
        }
        if let Some(before) = before {
            check(before);
        }
    })?;
    let head = state.head();
    check(&state);
    let shown = odd.first().or_else(|| kept.keys().next_back());
    let checkpoint = shown.map(|seq| CheckpointCheck { seq: *seq, sound: !odd.contains(seq) });
    if let Some(Commitment { head: AuditHead { seq, hash }, source }) = against {
        let (seq, expected, commitment) = (*seq, hash.clone(), *source);
        match committed {
            None => return Err(AuditError::Truncated { commitment, seq, expected, head }),
            Some(found) if found.to_string() != **hash => {
                return Err(AuditError::Rewritten { commitment, seq, expected, found });
            }
            Some(_) => {}
        }
    }
    Ok(AuditReport {
        entries: head.seq,
        head,
        first,
        last,
        latest,
        against: against.map(|against| against.head.clone()),
        checkpoint,
    })
}
