//! Which bytes from the network or the disk may decide anything: the rules of TUF in three signed documents.
//!
//! * A *root* names the keys that may sign, and how many of them must. It is signed offline. The application ships one, byte
//!   for byte; there is no trust on first use.
//! * A *snapshot* holds the flags of one environment of one project. Its version grows at every signing.
//! * A *kills* document is signed by an emergency key that can switch off and do nothing else.
//!
//! Each travels in a [DSSE] envelope: the signatures cover the payload type and the payload's bytes as they are, so there is no
//! canonical form to get wrong. Root and kills are the payload. A snapshot stands beside it, as the envelope's member `content`, and the
//! payload is its [`ContentDigest`]. No member of a document is looked at before its bytes are verified.
//!
//! [`TrustState`] is the state machine: documents and the time go in, a verdict comes out, and nothing in it touches a disk, a
//! network or a clock. [`TrustFile`] keeps a state between runs, and verifies it again at every load.
//!
//! A document must pass these checks, in this order:
//!
//! 1. the envelope's size ([`SizeLimit`]);
//! 2. strict JSON of the envelope ([`strict_json`]), at most [`MAX_SIGNATURES`] signatures, and the content that the payload names;
//! 3. the exact payload type ([`PayloadType`]);
//! 4. signatures by the role's threshold of *distinct public keys*; a key id is only a hint;
//! 5. strict JSON of the payload;
//! 6. project and environment;
//! 7. the epoch;
//! 8. a version that grows;
//! 9. expiry;
//! 10. the schema.
//!
//! # What is deliberately absent
//!
//! * Expiry never empties: a held snapshot that expires stays, and [`TrustState::is_stale`] says so.
//! * Nothing lifts a kill but a snapshot that names its id in `lifted`. A publisher keeps an id there for as long as clients may
//!   still hold the kill.
//! * A kills document never moves the clock's lower bound, or a stolen emergency key could expire snapshots with it.
//!
//! [DSSE]: https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md

mod clock;
mod envelope;
mod error;
mod file;
mod kills;
mod merge;
mod public_key;
mod root;
mod snapshot;
mod state;
mod stored_form;
pub mod strict_json;
mod verify;

#[cfg(test)]
mod tests;

pub use clock::TOLERANCE_MILLIS;
pub use envelope::{
    ContentDigest, Envelope, EnvelopeError, MAX_SIGNATURES, PayloadType, SIGNATURE_BYTES, Signature, Signer, pae,
};
pub use error::TrustError;
pub use file::{FileAction, Loaded, Saved, TrustFile, TrustFileError};
pub use flag_core::wire::Kill;
pub use kills::KillsDocument;
pub use merge::Equivocation;
pub use public_key::{PublicKey, PublicKeyError};
pub use root::{MAX_KEYS_PER_ROLE, Role, RoleKey, RoleName, Roles, RootDocument, RootError};
pub use snapshot::SnapshotHeader;
pub use state::{Accepted, Change, MAX_KILLS, MAX_LIFTED, MAX_ROOT_STEPS, TrustState, Warning};
pub use stored_form::RestoreError;
pub(crate) use stored_form::fnv1a;
pub use verify::{MAX_KILLS_BYTES, MAX_ROOT_BYTES, SizeLimit, SizeLimitError};

/// The one schema of root, snapshot and kills documents that this version understands.
pub const SCHEMA: u32 = 1;
