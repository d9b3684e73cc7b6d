//! Flags as the application's code declares them.

use flag_core::wire::{Entries, Flag, Kind, OptIn, Serve, Stage};
use flag_core::{FlagKey, KeyError, Value, ValueType};

/// The id of the variant that a switched-on boolean flag serves.
pub(crate) const ON: &str = "on";
/// The id of the variant that a switched-off boolean flag serves.
pub(crate) const OFF: &str = "off";
/// The id of the only variant of a flag that holds one plain value.
const DEFAULT: &str = "default";

/// What a flag serves when nothing else decides.
#[derive(Copy, Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CodeDefault {
    /// On or off.
    Bool(bool),
    /// One of a fixed list of variants, by id. Each variant's value is its id.
    Choice {
        /// The ids. The first one is served when the flag is off.
        variants: &'static [&'static str],
        /// The id served by default.
        default: &'static str,
    },
    /// A whole number.
    Integer(i64),
    /// A finite number.
    Float(f64),
    /// Text.
    Text(&'static str),
}

impl CodeDefault {
    /// Returns the type that values of the flag have.
    pub const fn value_type(self) -> ValueType {
        match self {
            Self::Bool(_) => ValueType::Bool,
            Self::Choice { .. } | Self::Text(_) => ValueType::String,
            Self::Integer(_) => ValueType::Integer,
            Self::Float(_) => ValueType::Float,
        }
    }
}

/// One flag as the application's code knows it: its default, what users may do with it, and its documentation.
///
/// ```
/// use flag_client::{Declaration, OptIn, Stage};
/// const CLOUD_SYNC: Declaration = Declaration::boolean("telemetry_cloud_sync")
///     .stage(Stage::Beta)
///     .opt_in(OptIn::Required)
///     .describe("Keeps anonymous usage counts in the cloud.");
/// assert_eq!(CLOUD_SYNC.key, "telemetry_cloud_sync");
/// ```
#[derive(Copy, Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Declaration {
    /// The flag's key, `^[a-z][a-z0-9_]{1,63}$`.
    pub key: &'static str,
    /// What is served when no layer above the code has a say.
    pub default: CodeDefault,
    /// What the flag is for.
    pub kind: Kind,
    /// Where it is in its life.
    pub stage: Stage,
    /// What a user's own enabling means.
    pub opt_in: OptIn,
    /// Whether a user may turn the flag on locally.
    pub overridable: bool,
    /// Whether the flag can never be turned on locally.
    pub critical: bool,
    /// A short name for people; empty if there is none.
    pub title: &'static str,
    /// What the flag does, for people; empty if it is not described.
    pub description: &'static str,
    /// The version or date by which the flag should be gone. No decision depends on it.
    pub expires: Option<&'static str>,
    /// How the flag is to reach everyone, for people.
    pub rollout: Option<&'static str>,
}

impl Declaration {
    const fn new(key: &'static str, default: CodeDefault) -> Self {
        Self {
            key,
            default,
            kind: Kind::Release,
            stage: Stage::Development,
            opt_in: OptIn::None,
            overridable: false,
            critical: false,
            title: "",
            description: "",
            expires: None,
            rollout: None,
        }
    }

    /// Returns the declaration of a flag that is on or off; off by default.
    pub const fn boolean(key: &'static str) -> Self {
        Self::new(key, CodeDefault::Bool(false))
    }

    /// Returns the declaration of a flag that serves one of several variants; the first one by default, and when it is off.
    pub const fn choice(key: &'static str, variants: &'static [&'static str]) -> Self {
        let default = match variants {
            [first, ..] => first,
            [] => "",
        };
        Self::new(key, CodeDefault::Choice { variants, default })
    }

    /// Returns the declaration of a flag that holds a whole number.
    pub const fn integer(key: &'static str, default: i64) -> Self {
        Self::new(key, CodeDefault::Integer(default))
    }

    /// Returns the declaration of a flag that holds a number.
    pub const fn float(key: &'static str, default: f64) -> Self {
        Self::new(key, CodeDefault::Float(default))
    }

    /// Returns the declaration of a flag that holds text.
    pub const fn text(key: &'static str, default: &'static str) -> Self {
        Self::new(key, CodeDefault::Text(default))
    }

    /// Sets whether a boolean flag is on by default. The answer may depend on the platform. Other flags stay as they are.
    #[must_use]
    pub const fn default_on(mut self, on: bool) -> Self {
        if let CodeDefault::Bool(_) = self.default {
            self.default = CodeDefault::Bool(on);
        }
        self
    }

    /// Sets the variant that a choice serves by default. Other flags stay as they are.
    #[must_use]
    pub const fn default_variant(mut self, variant: &'static str) -> Self {
        if let CodeDefault::Choice { variants, .. } = self.default {
            self.default = CodeDefault::Choice { variants, default: variant };
        }
        self
    }

    /// Sets what the flag is for; a release flag if not set.
    #[must_use]
    pub const fn kind(mut self, kind: Kind) -> Self {
        self.kind = kind;
        self
    }

    /// Sets where the flag is in its life; in development if not set.
    #[must_use]
    pub const fn stage(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }

    /// Sets what a user's own enabling means; nothing if not set.
    #[must_use]
    pub const fn opt_in(mut self, opt_in: OptIn) -> Self {
        self.opt_in = opt_in;
        self
    }

    /// Lets users turn the flag on for themselves.
    #[must_use]
    pub const fn overridable(mut self) -> Self {
        self.overridable = true;
        self
    }

    /// Forbids that anyone turns the flag on locally, snapshot or not.
    #[must_use]
    pub const fn critical(mut self) -> Self {
        self.critical = true;
        self
    }

    /// Sets the short name for people.
    #[must_use]
    pub const fn title(mut self, title: &'static str) -> Self {
        self.title = title;
        self
    }

    /// Sets the description for people.
    #[must_use]
    pub const fn describe(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Sets the version or date by which the flag should be gone.
    #[must_use]
    pub const fn expires(mut self, when: &'static str) -> Self {
        self.expires = Some(when);
        self
    }

    /// Sets the note on how the flag is to reach everyone.
    #[must_use]
    pub const fn rollout(mut self, note: &'static str) -> Self {
        self.rollout = Some(note);
        self
    }

    pub(crate) fn validate(&self) -> Result<(), DeclarationError> {
        FlagKey::new_flag(self.key)?;
        match self.default {
            CodeDefault::Choice { variants, default } if !variants.contains(&default) => {
                Err(DeclarationError::DefaultVariant { flag: self.key, variant: default })
            }
            CodeDefault::Float(value) if !value.is_finite() => Err(DeclarationError::NotFinite { flag: self.key }),
            _ => Ok(()),
        }
    }

    /// The flag that serves the code default to everyone.
    pub(crate) fn to_flag(self) -> Flag {
        let single = |value: Value| (Entries::from_iter([(DEFAULT.into(), value)]), DEFAULT, DEFAULT);
        let (variants, off, served) = match self.default {
            CodeDefault::Bool(on) => (on_off(), OFF, if on { ON } else { OFF }),
            CodeDefault::Choice { variants, default } => {
                let off = variants.first().copied().unwrap_or(default);
                (variants.iter().map(|id| ((*id).into(), Value::from(*id))).collect(), off, default)
            }
            CodeDefault::Integer(value) => single(value.into()),
            CodeDefault::Float(value) => single(value.into()),
            CodeDefault::Text(value) => single(value.into()),
        };
        Flag {
            kind: self.kind,
            stage: self.stage,
            opt_in: self.opt_in,
            overridable: self.overridable,
            critical: self.critical,
            ..plain(variants, off, served)
        }
    }
}

/// The variants of a flag that is on or off.
pub(crate) fn on_off() -> Entries<Value> {
    Entries::from_iter([(ON.into(), Value::Bool(true)), (OFF.into(), Value::Bool(false))])
}

/// A flag that serves one variant to everyone and asks nothing.
pub(crate) fn plain(variants: Entries<Value>, off: &str, served: &str) -> Flag {
    Flag {
        version: 0,
        kind: Kind::Release,
        stage: Stage::Development,
        enabled: true,
        bucketing: flag_core::BUCKETING_VERSION,
        seed: None,
        unit: None,
        variants,
        off_variant: off.into(),
        rules: Vec::new(),
        fallthrough: Serve::variant(served),
        prerequisites: Vec::new(),
        off_after: None,
        overridable: false,
        opt_in: OptIn::None,
        critical: false,
        group: None,
        holdout: flag_core::Share::NOBODY,
        default_on_expiry: false,
        requires: Vec::new(),
    }
}

/// Why a declaration is left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeclarationError {
    /// The key is not one of a new flag.
    #[error("declared flag has no valid key")]
    Key(#[from] KeyError),
    /// Two declarations have one key. The first one stands.
    #[error("flag {flag:?} is declared twice")]
    Twice {
        /// The key.
        flag: &'static str,
    },
    /// The default is none of the variants.
    #[error("flag {flag:?} has no variant {variant:?} to serve by default")]
    DefaultVariant {
        /// The key.
        flag: &'static str,
        /// The default.
        variant: &'static str,
    },
    /// The default number is infinite or not a number.
    #[error("flag {flag:?} has a default that is not a finite number")]
    NotFinite {
        /// The key.
        flag: &'static str,
    },
}
