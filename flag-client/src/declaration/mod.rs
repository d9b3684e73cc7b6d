//! Flags as the application's code declares them.

mod documentation;
mod error;
mod wire_form;

use flag_core::ValueType;
use flag_core::wire::{Kind, OptIn, Stage};

pub use self::documentation::{Metric, Milestone};
pub use self::error::DeclarationError;
pub(crate) use self::wire_form::{OFF, ON, on_off, plain};

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
    /// An object, as JSON.
    Object(&'static str),
}

impl CodeDefault {
    /// Returns the type that values of the flag have.
    pub const fn value_type(self) -> ValueType {
        match self {
            Self::Bool(_) => ValueType::Bool,
            Self::Choice { .. } | Self::Text(_) => ValueType::String,
            Self::Integer(_) => ValueType::Integer,
            Self::Float(_) => ValueType::Float,
            Self::Object(_) => ValueType::Object,
        }
    }
}

/// Another flag that must serve one of some variants, or the flag that needs it serves its off variant.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Prerequisite {
    /// The key of the other flag: one that the application declares, or that is published.
    pub flag: &'static str,
    /// The ids of its variants that let the flag go on.
    pub variants: &'static [&'static str],
}

impl Prerequisite {
    /// Returns the prerequisite that a flag serves one of these variants.
    pub const fn new(flag: &'static str, variants: &'static [&'static str]) -> Self {
        Self { flag, variants }
    }

    /// Returns the prerequisite that a boolean flag is on.
    pub const fn on(flag: &'static str) -> Self {
        Self::new(flag, &[ON])
    }

    /// Returns the prerequisite that a boolean flag is off.
    pub const fn off(flag: &'static str) -> Self {
        Self::new(flag, &[OFF])
    }
}

/// One flag as the application's code knows it: its default, what users may do with it, and its documentation.
///
/// [`flags!`](crate::flags) declares flags with their types; a declaration can also be made by itself:
///
/// ```
/// use flag_client::{Declaration, OptIn, Stage};
/// const CLOUD_SYNC: Declaration = Declaration::boolean("telemetry_cloud_sync")
///     .stage(Stage::Beta)
///     .opt_in(OptIn::Required)
///     .describe("Keeps anonymous usage counts in the cloud");
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
    /// What other flags must serve while no snapshot has the flag. A published flag brings its own prerequisites.
    pub prerequisites: &'static [Prerequisite],
    /// A short name for people; empty if there is none.
    pub title: &'static str,
    /// What the flag does, for people; empty if it is not described.
    pub description: &'static str,
    /// Who answers for it, `@alice`.
    pub owner: Option<&'static str>,
    /// When it came.
    pub added: Option<Milestone>,
    /// A note on the default, `false (opt-in)`.
    pub default_note: Option<&'static str>,
    /// When the flag should be gone. No decision depends on it.
    pub expires: Option<Milestone>,
    /// How it stands, `Beta testing`.
    pub status: Option<&'static str>,
    /// How the flag is to reach everyone, for people.
    pub rollout: Option<&'static str>,
    /// What may go wrong.
    pub risks: &'static [&'static str],
    /// What is watched while it rolls out.
    pub metrics: &'static [Metric],
    /// How to take it back.
    pub rollback: Option<&'static str>,
    /// What users should know about their data.
    pub privacy: Option<&'static str>,
    /// Where the work is tracked, `Issue #245`.
    pub tracking: Option<&'static str>,
    /// Words to find it by.
    pub tags: &'static [&'static str],
}

impl Declaration {
    pub(crate) const fn new(key: &'static str, default: CodeDefault) -> Self {
        Self {
            key,
            default,
            kind: Kind::Release,
            stage: Stage::Development,
            opt_in: OptIn::None,
            overridable: false,
            critical: false,
            prerequisites: &[],
            title: "",
            description: "",
            owner: None,
            added: None,
            default_note: None,
            expires: None,
            status: None,
            rollout: None,
            risks: &[],
            metrics: &[],
            rollback: None,
            privacy: None,
            tracking: None,
            tags: &[],
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

    /// Returns the declaration of a flag that holds an object, whose default is given as JSON.
    pub const fn object(key: &'static str, default: &'static str) -> Self {
        Self::new(key, CodeDefault::Object(default))
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

    /// Sets what other flags must serve while no snapshot has the flag.
    #[must_use]
    pub const fn prerequisites(mut self, prerequisites: &'static [Prerequisite]) -> Self {
        self.prerequisites = prerequisites;
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

    /// Sets who answers for the flag.
    #[must_use]
    pub const fn owner(mut self, owner: &'static str) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Sets when the flag came, as `v1.2.0 (2026-02-01)`.
    #[must_use]
    pub const fn added(mut self, when: &'static str) -> Self {
        self.added = Some(Milestone::new(when));
        self
    }

    /// Sets the note on the default.
    #[must_use]
    pub const fn default_note(mut self, note: &'static str) -> Self {
        self.default_note = Some(note);
        self
    }

    /// Sets the version or day, or both, by which the flag should be gone, as `v1.3.0 (2026-05-01)`.
    #[must_use]
    pub const fn expires(mut self, when: &'static str) -> Self {
        self.expires = Some(Milestone::new(when));
        self
    }

    /// Sets how the flag stands, in words.
    #[must_use]
    pub const fn status(mut self, status: &'static str) -> Self {
        self.status = Some(status);
        self
    }

    /// Sets the note on how the flag is to reach everyone.
    #[must_use]
    pub const fn rollout(mut self, note: &'static str) -> Self {
        self.rollout = Some(note);
        self
    }

    /// Sets what may go wrong.
    #[must_use]
    pub const fn risks(mut self, risks: &'static [&'static str]) -> Self {
        self.risks = risks;
        self
    }

    /// Sets what is watched while the flag rolls out.
    #[must_use]
    pub const fn metrics(mut self, metrics: &'static [Metric]) -> Self {
        self.metrics = metrics;
        self
    }

    /// Sets how to take the flag back.
    #[must_use]
    pub const fn rollback(mut self, plan: &'static str) -> Self {
        self.rollback = Some(plan);
        self
    }

    /// Sets what users should know about their data.
    #[must_use]
    pub const fn privacy(mut self, note: &'static str) -> Self {
        self.privacy = Some(note);
        self
    }

    /// Sets where the work is tracked.
    #[must_use]
    pub const fn tracking(mut self, place: &'static str) -> Self {
        self.tracking = Some(place);
        self
    }

    /// Sets the words to find the flag by.
    #[must_use]
    pub const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        self.tags = tags;
        self
    }

    /// Returns whether a user may turn the flag on, or take part in its rollout, on their own machine.
    pub const fn is_open_to_users(&self) -> bool {
        !self.critical && (self.overridable || !matches!(self.opt_in, OptIn::None))
    }
}
