//! The local TOML file: read with the place of every value, edited without disturbing anything else.
//!
//! ```toml
//! [feature_flags]
//! command_history = false
//!
//! [feature_flags.overrides]
//! telemetry_cloud_sync = true
//!
//! [feature_flags.kill_switches]
//! telemetry_disabled = true
//! ```

mod edit;
mod error;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod lines;
mod read;
mod readings;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use edit::Edit;
pub use error::LocalFileError;
pub(crate) use read::{Contents, KillSetting, Setting, read};
pub(crate) use readings::Readings;
pub(crate) use store::{Keep, edit, locked, make_folder, replace};

/// The table that all of ours is in.
const ROOT: &str = "feature_flags";

/// A table of flags in the file.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Section {
    /// `[feature_flags]`: values below published ones.
    Base,
    /// `[feature_flags.overrides]`: what the user chose.
    Overrides,
    /// `[feature_flags.kill_switches]`: what the user turned off for good.
    KillSwitches,
}

impl Section {
    /// The name of the table inside `[feature_flags]`, if it is not that one itself.
    const fn child(self) -> Option<&'static str> {
        match self {
            Self::Base => None,
            Self::Overrides => Some("overrides"),
            Self::KillSwitches => Some("kill_switches"),
        }
    }

    /// The name of the table in the file.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Base => "feature_flags",
            Self::Overrides => "feature_flags.overrides",
            Self::KillSwitches => "feature_flags.kill_switches",
        }
    }

    /// Tells whether a key of `[feature_flags]` is a section instead of a flag.
    fn is_child(key: &str) -> bool {
        [Self::Overrides, Self::KillSwitches].iter().any(|section| section.child() == Some(key))
    }
}
