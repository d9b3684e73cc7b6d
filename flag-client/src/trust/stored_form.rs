//! The bytes of a stored trust state, and the way back, which verifies every document again.

use serde::{Deserialize, Serialize};

use super::{
    Envelope, Kill, KillsDocument, PayloadType, SCHEMA, SnapshotHeader, TrustError, TrustState,
    clock::LatestIssue,
    verify::{self, Held, Progress},
};
use crate::json;
use crate::ordered;

/// How the file ends: the checksum of everything before, in 16 hexadecimal digits. It stands for accidents, not attackers:
/// what an attacker could gain from is signed.
const CHECKSUM_MEMBER: &str = ",\"checksum\":\"";
const CHECKSUM_END: &str = "\"}\n";
const TAIL_BYTES: usize = CHECKSUM_MEMBER.len() + 16 + CHECKSUM_END.len();

/// Why stored bytes are not a trust state of this client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The bytes are not those that were written.
    #[error("the checksum does not match")]
    Checksum,
    /// The bytes are those that were written, but not by any version of this library.
    #[error("not a trust state")]
    Shape(#[source] serde_json::Error),
    /// The file is of a form this version does not know.
    #[error("schema {found} is not the known schema {SCHEMA}")]
    UnknownSchema {
        /// Its schema.
        found: u32,
    },
    /// The state is another project's or environment's.
    #[error("the state is for {found}, expected {expected}")]
    WrongPlace {
        /// Its project and environment, separated by a slash.
        found: String,
        /// This client's project and environment, separated by a slash.
        expected: String,
    },
    /// A stored document does not verify.
    #[error("a stored document does not verify")]
    Document(#[source] TrustError),
}

/// A state read back.
pub(super) struct Restored {
    pub(super) state: TrustState,
    /// Why the stored snapshot was left behind: the application now ships a root under which it does not verify.
    pub(super) dropped: Option<TrustError>,
}

#[derive(Serialize, Deserialize)]
struct StoredForm<E> {
    schema: u32,
    project: String,
    environment: String,
    roots: Vec<E>,
    snapshot: Option<E>,
    kills: Vec<E>,
    carried: Vec<Kill>,
    lifted: Vec<Box<str>>,
    latest_issue: Option<LatestIssue>,
}

impl TrustState {
    /// Returns the state as bytes that [`restore`](Self::restore) reads.
    pub(super) fn to_stored(&self) -> Result<Vec<u8>, serde_json::Error> {
        let stored: StoredForm<&Envelope> = StoredForm {
            schema: SCHEMA,
            project: self.place.project.clone(),
            environment: self.place.environment.clone(),
            roots: std::iter::once(&self.pinned).chain(&self.successors).map(|held| &held.envelope).collect(),
            snapshot: self.snapshot.as_ref().map(|held| &held.envelope),
            kills: self.kills_documents.iter().map(|held| &held.envelope).collect(),
            carried: self.carried.iter().cloned().collect(),
            lifted: self.lifted.iter().cloned().collect(),
            latest_issue: self.latest_issue,
        };
        Ok(with_checksum(serde_json::to_vec(&stored)?))
    }

    /// Reads stored bytes into a state that was just opened, and verifies every document from the pinned root on.
    ///
    /// A document may verify under any root of the chain, not only the newest: the root that once accepted it may have been
    /// replaced since. Whoever could exploit that, with write access to the file and a revoked key, could as well delete the
    /// file, after which the pinned root is in force with all its keys.
    ///
    /// If the application ships another root than the one the file begins with, the file's roots before it have no say.
    pub(super) fn restore(mut self, bytes: &[u8]) -> Result<Restored, RestoreError> {
        let stored = read(bytes)?;
        self.check_stored_place(&stored)?;

        let mut roots = stored.roots.into_iter();
        let continues_pinned = roots.any(|root| root.document() == self.pinned.envelope.document());
        for root in roots {
            self.restore_root(root).map_err(RestoreError::Document)?;
        }

        self.lifted = ordered::set(stored.lifted);
        self.carried = ordered::set(stored.carried);
        for envelope in stored.kills {
            match self.verify_again(&envelope) {
                Ok(document) => self.kills_documents.push(Held { envelope, document }),
                Err(error) if continues_pinned => return Err(RestoreError::Document(error)),
                // It was verified when it was stored. Its key is gone with the old root, but a kill is never lost.
                Err(_) => {
                    if let Ok(document) = verify::read_payload::<KillsDocument>(&envelope) {
                        self.carried.extend(document.kills);
                    }
                }
            }
        }
        let mut dropped = None;
        if let Some(envelope) = stored.snapshot {
            match self.verify_again(&envelope) {
                Ok(document) => self.snapshot = Some(Held { envelope, document }),
                Err(error) if continues_pinned => return Err(RestoreError::Document(error)),
                Err(error) => {
                    if let Ok(header) = verify::read_payload::<SnapshotHeader>(&envelope) {
                        self.carried.extend(header.kills);
                    }
                    dropped = Some(error);
                }
            }
        }
        self.latest_issue = stored.latest_issue;
        self.drop_lifted();
        Ok(Restored { state: self, dropped })
    }

    fn check_stored_place(&self, stored: &StoredForm<Envelope>) -> Result<(), RestoreError> {
        if stored.schema != SCHEMA {
            return Err(RestoreError::UnknownSchema { found: stored.schema });
        }
        if stored.project == self.place.project && stored.environment == self.place.environment {
            return Ok(());
        }
        Err(RestoreError::WrongPlace {
            found: format!("{}/{}", stored.project, stored.environment),
            expected: format!("{}/{}", self.place.project, self.place.environment),
        })
    }

    fn restore_root(&mut self, envelope: Envelope) -> Result<(), TrustError> {
        verify::check_payload_type(&envelope, PayloadType::Root)?;
        let (next, progress) = self.verify_root(envelope)?;
        if progress == Progress::Newer {
            self.hold_root(next);
        }
        Ok(())
    }
}

fn read(bytes: &[u8]) -> Result<StoredForm<Envelope>, RestoreError> {
    let body_length = bytes.len().checked_sub(TAIL_BYTES).ok_or(RestoreError::Checksum)?;
    let (body, end) = bytes.split_at_checked(body_length).ok_or(RestoreError::Checksum)?;
    if end != tail(body).as_bytes() {
        return Err(RestoreError::Checksum);
    }
    json::from_bytes(bytes).map_err(RestoreError::Shape)
}

/// The object with its checksum as its last member.
pub(super) fn with_checksum(mut object: Vec<u8>) -> Vec<u8> {
    object.pop();
    object.extend_from_slice(tail(&object).as_bytes());
    object
}

fn tail(body: &[u8]) -> String {
    format!("{CHECKSUM_MEMBER}{:016x}{CHECKSUM_END}", fnv1a(body))
}

/// FNV-1a of 64 bits (RFC 9923). Every step is a bijection of the sum, so no change within a single byte goes unseen.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the test vectors of the FNV specification.
    #[test]
    fn checksum_is_fnv1a() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
