//! Feature flags for software on other people's machines: local TOML merged with a signed remote snapshot.
//!
//! [`FlagClient`] answers [`is_enabled`](FlagClient::is_enabled) without a lock, without I/O, and without a way to fail. What it answers
//! is put together when it opens, from these layers, strongest first:
//!
//! 1. kills of every layer: a layer can add one and never take away another's;
//! 2. test code;
//! 3. environment variables, `CARO_FF_<FLAG>` for the prefix `CARO`;
//! 4. the user's overrides, as far as the flag permits them;
//! 5. the verified snapshot;
//! 6. base values of the user's file, then of the system's;
//! 7. the default in the application's code.
//!
//! ```
//! use flag_client::{Declaration, Environment, FlagClient};
//! # let folder = tempfile::tempdir()?;
//! # let config = folder.path().join("config.toml");
//! let flags = FlagClient::builder()
//!     .declare([Declaration::boolean("command_history").overridable()])
//!     .user_file(&config)
//!     .environment(Environment::from_process("CARO"))
//!     .open();
//! assert!(!flags.is_enabled("command_history"));
//! flags.enable("command_history")?;
//! assert!(flags.is_enabled("command_history"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! * Nothing stops it: what went wrong while it opened stands in [`FlagClient::problems`], and everything else is in force.
//! * [`FlagClient::explain`] tells for each layer what it says, where, and what became of it; then how the evaluator decided.
//! * [`trust`] decides which bytes from the network or the disk count; `sync`, behind the feature `remote`, fetches them.
//!
//! What is deliberately absent: it prints nothing, starts no thread and opens no connection unless `sync` is called, keeps nothing global,
//! and sends nothing about the user anywhere.

/// Its examples are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod builder;
mod client;
mod clock;
mod decision;
mod declaration;
mod durable_file;
mod environment;
mod error;
mod explanation;
mod feature_flags;
#[cfg(feature = "remote")]
mod fetch;
mod gather;
mod identity;
mod in_force;
mod kills;
mod local_file;
mod merge;
mod permission;
mod problem;
mod published;
mod splits;
pub mod trust;

pub use builder::{BuildKind, ClientBuilder, Precedence, Remote};
pub use client::{Change, FlagClient, ResetScope};
pub use decision::{
    ChosenOverride, ClientDecision, Effect, Layer, LocalValue, Origin, Permission, Place, Refusal, RefusedOverride,
};
pub use declaration::{CodeDefault, Declaration, DeclarationError};
pub use environment::Environment;
pub use error::ClientError;
pub use explanation::{ClientExplanation, LayerTried, LayerVerdict};
pub use feature_flags::FeatureFlags;
#[cfg(feature = "remote")]
pub use fetch::{DocumentError, FetchError, Fetched, SyncError, SyncReport};
pub use flag_core::wire::{Kind, OptIn, Stage};
pub use flag_core::{Attributes, Bucket, Pivot, Reason, Share, Timestamp, Value, ValueType};
pub use identity::{IdentityError, IdentitySource};
pub use kills::KillInForce;
pub use local_file::LocalFileError;
pub use problem::Problem;
pub use published::SnapshotInfo;
