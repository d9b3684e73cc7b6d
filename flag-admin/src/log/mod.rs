//! The log: an append-only, hash-chained sequence of changes. Everything else about a project is a fold over it.
//!
//! * [`Change`] is one audited edit; [`Entry`] adds who, when, where and why.
//! * [`Sealed`] is an entry's stored form: its bytes, made once and never made again, and their hash.
//! * [`Chain`] walks stored entries, proves that each names its predecessor, and names the first that does not.
//! * [`StoredCheckpoint`] keeps a fold, so that a start need not walk the whole log. The log stands above it.
//! * [`State`] is what the changes come to; [`sentence`] says a change in words.
//!
//! Nothing here touches a disk, a clock or a random source.

mod chain;
mod change;
mod checkpoint;
mod digest;
mod entry;
mod environment_state;
mod exposure;
mod flag_state;
mod fold_error;
mod name;
mod rollouts;
mod sentence;
mod state;
mod token;

#[cfg(test)]
mod tests;

pub use chain::{Chain, ChainError, Flaw};
pub use change::{Change, ChangeSubject};
pub use checkpoint::{CheckpointError, StoredCheckpoint};
pub use digest::{Digest, DigestError};
pub use entry::{ENTRY_SCHEMA, Entry, Head, Role, RoleError, Sealed, Stored};
pub use environment_state::{
    ActiveKill, EndedKill, EnvironmentState, PendingRequest, PublishedSnapshot, SignedSnapshot,
};
pub use exposure::{ExposureError, everyones_variant, exposure_of, set_exposure};
pub use flag_state::FlagState;
pub use fold_error::FoldError;
pub use name::{Actor, EnvironmentName, NameError, ProjectName};
pub use sentence::sentence;
pub use state::{RootInForce, State, bare_snapshot};
pub use token::{Grant, TOKEN_ID_LENGTH, TokenId, TokenIdError, TokenState, Verb, VerbError};
