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
//! * [`trust`] decides which bytes from the network or the disk count; `sync`, behind the feature `remote`, fetches them, and
//!   `start_service` keeps them current in a program that runs on.
//! * [`report`] is about how flags do: what a host [records](FlagClient::record) of their use becomes anonymous reports, if the user
//!   consented. `send_reports`, behind the feature `remote`, sends them.
//!
//! What is deliberately absent: it prints nothing, starts no thread and opens no connection unless `sync` or `start_service` is called, keeps
//! nothing global but a panic hook that the host may install, and sends nothing about the user anywhere.

/// Its examples are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod builder;
mod client;
mod clock;
mod context_flags;
mod current;
mod decision;
mod declaration;
pub mod docs;
mod durable_file;
mod environment;
mod error;
mod explanation;
mod feature_flags;
#[cfg(feature = "remote")]
mod fetch;
mod file_lock;
mod forced;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod gather;
mod hook;
mod identity;
mod in_force;
mod json;
mod kills;
mod local_file;
mod merge;
#[cfg(feature = "openfeature")]
pub mod openfeature;
mod ordered;
mod outcomes;
mod panic_hook;
mod permission;
mod problem;
mod published;
pub mod quarantine;
mod reads;
mod registry;
pub mod report;
#[cfg(feature = "remote")]
mod service;
mod splits;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tracing")]
mod tracing_hook;
pub mod trust;

pub use builder::{BuildKind, ClientBuilder, Precedence, Remote};
pub use client::{Change, FlagClient, ResetScope};
pub use context_flags::ContextFlags;
pub use decision::{
    ChosenOverride, ClientDecision, Effect, Layer, LocalValue, Origin, Permission, Place, Refusal, RefusedOverride,
};
pub use declaration::{CodeDefault, Declaration, DeclarationError, Metric, Milestone, Prerequisite};
pub use environment::Environment;
pub use error::ClientError;
pub use explanation::{ClientExplanation, LayerTried, LayerVerdict};
pub use feature_flags::FeatureFlags;
#[cfg(feature = "remote")]
pub use fetch::{BearerToken, DocumentError, FetchError, Fetched, SyncError, SyncReport, TokenError};
pub use flag_core::wire::{Kind, OptIn, Stage};
pub use flag_core::{AccessError, Attributes, Bucket, Context, Pivot, Reason, Share, Timestamp, Value, ValueType};
pub use hook::{EvaluationEvent, EvaluationHook};
pub use identity::{IdentityError, IdentitySource};
pub use kills::KillInForce;
pub use local_file::LocalFileError;
pub use outcomes::{
    Consent, Day, DayError, Feedback, Measure, MetricError, MetricValue, Outcome, OutcomeError, Outcomes, Recorded, Use,
};
pub use panic_hook::install_panic_hook;
pub use problem::Problem;
pub use published::SnapshotInfo;
pub use quarantine::{Blame, CrashQuarantine, HeldBack, QuarantineError, RunGuard, UnendedRuns};
pub use registry::{Choice, Evaluation, Flag, FlagName, FlagType, Object, ValueError};
#[cfg(feature = "remote")]
pub use service::{
    ChangeCause, ChangeSet, EventStream, EventStreamError, Health, HealthState, Service, ServiceError, ServiceOptions,
    StreamError,
};
#[cfg(feature = "tracing")]
pub use tracing_hook::TracingHook;

/// What telemetry calls this library.
#[cfg(any(feature = "openfeature", feature = "tracing"))]
pub(crate) const PROVIDER_NAME: &str = "flag-client";
