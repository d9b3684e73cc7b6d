use super::{Digest, ENTRY_SCHEMA, Entry, Head, Stored};

/// Walks stored entries from the first on, and proves each before it is read.
///
/// Every byte of a row is covered: the bytes by the hash beside them, that hash by the next entry's `prev`, the last one's by the head,
/// which is stored apart.
#[derive(Clone, Debug)]
pub struct Chain {
    head: Head,
}

/// Which entry is bad, and how. The first one.
#[derive(Debug, thiserror::Error)]
#[error("log entry {seq} is corrupt: {flaw}")]
pub struct ChainError {
    /// Its place, from 1 on.
    pub seq: u64,
    /// What is wrong.
    #[source]
    pub flaw: Flaw,
}

/// What is wrong with an entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// A row is missing, or was put in.
    #[error("stored under {found}")]
    Place {
        /// The place it is stored under.
        found: u64,
    },
    /// What stands beside the bytes is no hash.
    #[error("its stored hash has {found} bytes, expected 32")]
    HashLength {
        /// Its length in bytes.
        found: usize,
    },
    /// The bytes are not those that were hashed.
    #[error("its bytes hash to {}, but {} was stored", found.short(), expected.short())]
    Bytes {
        /// The hash of the bytes.
        found: Digest,
        /// The hash stored beside them.
        expected: Digest,
    },
    /// The next entry was appended to other bytes than these.
    #[error("it hashes to {}, but entry {} was appended to {}", found.short(), next, expected.short())]
    Replaced {
        /// The hash of the entry.
        found: Digest,
        /// The place of the entry after it.
        next: u64,
        /// The hash that the entry after it names.
        expected: Digest,
    },
    /// The bytes are no entry.
    #[error("its bytes are no entry")]
    Form(#[source] serde_json::Error),
    /// The entry was written by a newer version.
    #[error("it has schema {found}, expected {ENTRY_SCHEMA}")]
    Schema {
        /// The number found.
        found: u32,
    },
    /// The bytes are of another place.
    #[error("its bytes are of entry {found}")]
    Seq {
        /// The place that the bytes name.
        found: u64,
    },
    /// The first entry names a predecessor.
    #[error("it is the first, but names {} before it", found.short())]
    NotFirst {
        /// The hash it names.
        found: Digest,
    },
    /// The log ends too early.
    #[error("missing: the log ends before it, but its head is {head}")]
    Missing {
        /// The head stored apart.
        head: Head,
    },
    /// The log ends with another entry than its head says.
    #[error("it is the last and hashes to {}, but the log's head is {head}", found.short())]
    Head {
        /// The hash of the last entry.
        found: Digest,
        /// The head stored apart.
        head: Head,
    },
}

impl Chain {
    /// Returns the chain before its first entry.
    pub const fn new() -> Self {
        Self { head: Head::GENESIS }
    }

    /// Returns the chain after an entry that is known to be sound.
    pub const fn after(head: Head) -> Self {
        Self { head }
    }

    /// Returns the last entry proved.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Proves the next row and returns its entry.
    pub fn follow(&mut self, stored: &Stored) -> Result<Entry, ChainError> {
        let seq = self.head.seq.saturating_add(1);
        let flawed = |flaw| Err(ChainError { seq, flaw });
        if stored.seq != seq {
            return flawed(Flaw::Place { found: stored.seq });
        }
        let found = Digest::of(&stored.bytes);
        if found != stored.hash {
            return flawed(Flaw::Bytes { found, expected: stored.hash });
        }
        let entry: Entry = match serde_json::from_slice(&stored.bytes) {
            Ok(entry) => entry,
            Err(error) => return flawed(Flaw::Form(error)),
        };
        if entry.schema != ENTRY_SCHEMA {
            return flawed(Flaw::Schema { found: entry.schema });
        }
        if entry.seq != seq {
            return flawed(Flaw::Seq { found: entry.seq });
        }
        if entry.prev != self.head.hash {
            let expected = entry.prev;
            if self.head.seq == 0 {
                return flawed(Flaw::NotFirst { found: expected });
            }
            // This entry is whole, as its own hash shows: it is the one before that was replaced, hash and all.
            let flaw = Flaw::Replaced { found: self.head.hash, next: seq, expected };
            return Err(ChainError { seq: self.head.seq, flaw });
        }
        self.head = Head { seq, hash: found };
        Ok(entry)
    }

    /// Proves that the log ends where its head, which is stored apart, says.
    pub fn finish(&self, head: Head) -> Result<(), ChainError> {
        if head.seq > self.head.seq {
            return Err(ChainError { seq: self.head.seq.saturating_add(1), flaw: Flaw::Missing { head } });
        }
        if head != self.head {
            let found = self.head.hash;
            return Err(ChainError { seq: self.head.seq, flaw: Flaw::Head { found, head } });
        }
        Ok(())
    }
}

impl Default for Chain {
    fn default() -> Self {
        Self::new()
    }
}
