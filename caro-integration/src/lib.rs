//! Feature flags for caro: what it mounts, opens once, and asks.
//!
//! * [`FeaturesCommand`] and [`ConfigFeatureCommand`] are the commands `caro features ...` and `caro config feature ...`.
//! * [`init`] opens the [`Features`] of the process; [`Features::open`] opens others, for tests.
//! * [`flags`] declares the flags, [`KillSwitches`] says what an emergency took away, [`select_backend`] chooses a backend.
//!
//! ```
//! use caro_integration::{Backend, Features, Host, HostPaths, KillSwitches, Platform, flags, select_backend};
//! # use caro_integration::Environment;
//! let home = tempfile::tempdir()?;
//! # let host = Host::new("1.2.0").environment(Environment::default()).platform(Platform { os: "linux", arch: "x86_64" });
//! # const CAPTURED: &str = stringify!(
//! let host = Host::new(env!("CARGO_PKG_VERSION"));
//! # );
//! let features = Features::open(HostPaths::in_home(home.path()), host);
//! assert!(!features.is_enabled(flags::TELEMETRY_CLOUD_SYNC));
//! assert!(!KillSwitches::load(&features).is_disabled("telemetry"));
//! assert_eq!(select_backend(&features, features.platform()), Backend::Embedded);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What it deliberately does not do: end the process, print on its own, reach for the network, or depend on caro itself. Nothing in it panics,
//! and what was said to be changed is on the disk.

/// Its examples are compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod backends;
mod features;
mod features_command;
pub mod flags;
mod host;
mod kill_switches;
mod page;
mod platform;

pub use backends::{Backend, Flags, select_backend};
pub use features::Features;
pub use features_command::{
    CommandError, ConfigFeatureCommand, FeaturesAction, FeaturesCommand, Outcome, Output, ReportAction, Verdict,
};
pub use flag_client::{
    BuildKind, Consent, CrashQuarantine, Environment, IdentitySource, Precedence, Remote, Timestamp,
};
pub use host::{ENVIRONMENT_PREFIX, Glyphs, Host, HostPaths, PathsError, features, init};
pub use kill_switches::KillSwitches;
pub use page::user_page;
pub use platform::Platform;
