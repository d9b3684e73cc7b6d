use serde::{Deserialize, Serialize};

use super::{Digest, State};

/// The form of checkpoints that this version writes and reads.
const FORM: u32 = 2;

/// A kept fold, as it is stored: the state at one entry, bound to that entry by its hash.
///
/// It saves walking the log and proves nothing by itself. The entry after the one that it is of seals it, by the hash of its bytes, so that
/// whoever would forge one has to forge the log. One that was altered, or made by another version of the program, is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// The place of the entry after which the log comes to this.
    pub seq: u64,
    /// The hash of the bytes.
    pub digest: Digest,
    /// The state, and who wrote it down.
    pub bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content<S> {
    form: u32,
    /// A fold may come out otherwise in another version: what a version cannot know, it folds anew.
    made_by: String,
    state: S,
}

/// Why a checkpoint is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Its bytes are not those that were hashed.
    #[error("the checkpoint of entry {seq} hashes to {}, but {} was stored", found.short(), expected.short())]
    Bytes {
        /// Its place.
        seq: u64,
        /// The hash of its bytes.
        found: Digest,
        /// The hash stored beside them.
        expected: Digest,
    },
    /// Its bytes are no state.
    #[error("the checkpoint of entry {seq} is no state")]
    Form {
        /// Its place.
        seq: u64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Another version of the program made it.
    #[error("the checkpoint of entry {seq} was made by version {found}")]
    OtherVersion {
        /// Its place.
        seq: u64,
        /// The version.
        found: String,
    },
    /// It is stored under another place than it is of.
    #[error("the checkpoint of entry {seq} is of entry {found}")]
    Place {
        /// The place it is stored under.
        seq: u64,
        /// The place it is of.
        found: u64,
    },
}

impl StoredCheckpoint {
    /// Writes a state down.
    pub fn of(state: &State) -> Result<Self, serde_json::Error> {
        let content = Content { form: FORM, made_by: env!("CARGO_PKG_VERSION").to_owned(), state };
        let bytes = serde_json::to_vec(&content)?;
        Ok(Self { seq: state.head().seq, digest: Digest::of(&bytes), bytes })
    }

    /// Returns the state written down, which names the entry that it is of. Only the log can tell whether that entry is the log's.
    pub fn state(&self) -> Result<State, CheckpointError> {
        let Self { seq, digest: expected, .. } = *self;
        let found = Digest::of(&self.bytes);
        if found != expected {
            return Err(CheckpointError::Bytes { seq, found, expected });
        }
        let content: Content<State> =
            serde_json::from_slice(&self.bytes).map_err(|source| CheckpointError::Form { seq, source })?;
        if (content.form, content.made_by.as_str()) != (FORM, env!("CARGO_PKG_VERSION")) {
            return Err(CheckpointError::OtherVersion { seq, found: content.made_by });
        }
        let found = content.state.head().seq;
        if found != seq {
            return Err(CheckpointError::Place { seq, found });
        }
        Ok(content.state)
    }
}
