//! The admin tool for feature flags and progressive rollouts: log, use cases, adapters and commands.
//!
//! Three thin shells stand over one application layer: everything one of them can do, the others can. State is a fold over [`log`], an
//! append-only, hash-chained sequence of changes; [`app`] holds the use cases; [`adapters`] keep the log in SQLite, keys and roots in
//! files, and publish to a folder; [`cli`] translates commands, [`server`] requests. [`definition`] is how flags are written by hand;
//! [`cells`] are what anonymous reports come to.

pub mod adapters;
pub mod app;
pub mod cells;
pub mod cli;
pub mod definition;
pub mod demo;
pub mod experiment;
pub mod hygiene;
pub mod interop;
pub mod log;
pub mod rollout;
pub mod server;
pub mod statistics;
pub mod tui;
