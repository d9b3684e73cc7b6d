//! What a flag came to on this machine, where that came from, and what the user may do about it.

use std::fmt;
use std::path::PathBuf;

use flag_core::wire::{Kind, OptIn, Stage};
use flag_core::{Bucket, Reason, Share, Value};
use serde::Serialize;

/// Where a value or a kill came from.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Layer {
    /// A kill that the host was started with.
    CommandLine,
    /// A variant that test code forced.
    TestCode,
    /// An environment variable.
    Environment,
    /// `[feature_flags.overrides]` of a file of the user.
    UserOverride,
    /// `[feature_flags.kill_switches]` of a file of the user.
    UserKill,
    /// `[feature_flags.kill_switches]` of the system file.
    SystemKill,
    /// An emergency kills document.
    EmergencyKill,
    /// A snapshot or an emergency document that was held earlier: its kill stands until a snapshot lifts it.
    EarlierKill,
    /// The verified snapshot.
    Snapshot,
    /// `[feature_flags]` of a file of the user.
    UserBase,
    /// `[feature_flags]` of the system file.
    SystemBase,
    /// The default in the application's code.
    CodeDefault,
}

impl Layer {
    /// Returns the layer in words for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::CommandLine => "the command line",
            Self::TestCode => "test code",
            Self::Environment => "the environment",
            Self::UserOverride => "your override",
            Self::UserKill => "your kill switches",
            Self::SystemKill => "the system's kill switches",
            Self::EmergencyKill => "an emergency kill",
            Self::EarlierKill => "a kill published earlier",
            Self::Snapshot => "the published flags",
            Self::UserBase => "your settings",
            Self::SystemBase => "the system's settings",
            Self::CodeDefault => "the built-in default",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.describe())
    }
}

/// A place in a file. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// Where exactly something was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Origin {
    /// The layer.
    pub layer: Layer,
    /// The place in a file, where the layer is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// The environment variable, where the layer is the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variable: Option<Box<str>>,
}

impl Origin {
    pub(crate) const fn of(layer: Layer) -> Self {
        Self { layer, place: None, variable: None }
    }

    pub(crate) const fn at(layer: Layer, place: Place) -> Self {
        Self { layer, place: Some(place), variable: None }
    }

    pub(crate) fn variable(name: &str) -> Self {
        Self { layer: Layer::Environment, place: None, variable: Some(name.into()) }
    }
}

impl fmt::Display for Origin {
    /// Prints the most exact thing known: a place, a variable, else the layer in words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, &self.variable) {
            (Some(place), _) => place.fmt(f),
            (None, Some(variable)) => f.write_str(variable),
            (None, None) => self.layer.fmt(f),
        }
    }
}

/// What somebody set for a flag: on, off, or a variant by id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum LocalValue {
    /// On or off.
    Switch(bool),
    /// The variant of this id.
    Variant(Box<str>),
}

impl From<bool> for LocalValue {
    fn from(on: bool) -> Self {
        Self::Switch(on)
    }
}

impl From<&str> for LocalValue {
    fn from(variant: &str) -> Self {
        Self::Variant(variant.into())
    }
}

impl fmt::Display for LocalValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Switch(on) => on.fmt(f),
            Self::Variant(variant) => write!(f, "{variant:?}"),
        }
    }
}

/// Why a local setting is not obeyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// The flag is critical.
    #[error("it is critical, and only its publisher can turn it on")]
    Critical,
    /// The flag is neither overridable nor open to opting in.
    #[error("only its publisher can change it")]
    NotOverridable,
    /// A user may opt in, and the split then decides; the variant is not theirs to choose.
    #[error("one can opt in by setting it to true, but not choose a variant")]
    OptInOnly,
    /// The flag is in a local file only.
    #[error("the application does not know it")]
    NotDeclared,
    /// The flag has no such variant.
    #[error("it has no variant {variant:?}, expected {expected}")]
    NoVariant {
        /// The id given.
        variant: Box<str>,
        /// The ids it has, as a list for people.
        expected: Box<str>,
    },
    /// The flag has several variants, none of which *on* means.
    #[error("true stands for none of its variants, expected {expected}")]
    NoOnVariant {
        /// The ids it has, as a list for people.
        expected: Box<str>,
    },
}

/// Whether a user may turn a flag on, or off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Permission {
    /// They may.
    Allowed,
    /// They may opt in; the published split decides whether that turns the flag on.
    OptsIn,
    /// They may not.
    Refused(Refusal),
}

impl Permission {
    /// Tells whether the change is obeyed, be it as an opt-in.
    pub const fn is_allowed(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }
}

/// A local override that is not obeyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RefusedOverride {
    /// Where it stands.
    pub origin: Origin,
    /// What it asks for.
    pub wanted: LocalValue,
    /// Why it is not obeyed.
    pub why: Refusal,
}

/// A local override that is obeyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ChosenOverride {
    /// Where it stands.
    pub origin: Origin,
    /// What it asks for.
    pub wanted: LocalValue,
    /// What that means for the flag.
    pub effect: Effect,
}

/// What an obeyed override means.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// The user is eligible for the flag's splits.
    OptsIn,
    /// The variant is served, unless the flag is killed, disabled, expired or lacks a prerequisite.
    Chooses,
    /// The variant is served unless the flag is killed.
    Forces,
}

/// What a flag came to, and everything a list or a JSON output says about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "a record for output, where each is a fact of its own")]
pub struct ClientDecision {
    /// The flag's key, as it was asked for.
    pub key: Box<str>,
    /// Whether the flag is on: its boolean, else whether it serves another variant than its off variant.
    pub enabled: bool,
    /// The id of the variant served, unless there is no flag.
    pub variant: Option<String>,
    /// The value served, unless there is no flag.
    pub value: Option<Value>,
    /// Why.
    pub reason: Reason,
    /// The flag that would have to serve something else, where a prerequisite failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_prerequisite: Option<Box<str>>,
    /// Whether the decision comes from a snapshot that has expired.
    pub stale: bool,
    /// Where the decision comes from.
    pub origin: Origin,
    /// The override in force, if there is one. Kills and the published flag itself may still stand above it.
    pub chosen: Option<ChosenOverride>,
    /// The strongest override that is not obeyed, if there is one.
    pub refused: Option<RefusedOverride>,
    /// Why the flag does not serve what the snapshot in force says of it, if the crash quarantine holds it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_back: Option<crate::HeldBack>,
    /// Whether the application declares the flag.
    pub declared: bool,
    /// What the flag is for.
    pub kind: Kind,
    /// Where the flag is in its life.
    pub stage: Stage,
    /// What a user's own enabling means.
    pub opt_in: OptIn,
    /// Whether the flag can never be turned on locally.
    pub critical: bool,
    /// Whether the user may turn the flag on.
    pub may_enable: Permission,
    /// Whether the user may turn the flag off.
    pub may_disable: Permission,
    /// This installation's place on the flag's lane, if it has an id.
    pub bucket: Option<Bucket>,
    /// The share of installations exposed by what served.
    pub share: Option<Share>,
}
