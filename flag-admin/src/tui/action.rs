//! What can be changed from the dashboard. Every change is such a value, is proposed, and passes one confirmation.

use flag_core::{FlagKey, Share};

use crate::app::KillRoute;

/// A change to be proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// The split of a rule, or of the fallthrough, exposes another share.
    Share { flag: FlagKey, rule: Option<Box<str>>, share: Share },
    /// A flag is off, stronger than everything.
    Kill { flag: FlagKey, route: KillRoute },
    /// A kill is over.
    Unkill { flag: FlagKey },
}

/// How much a change asks of whoever makes it: turning off is quick, turning on is not.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Friction {
    /// A reason may be given.
    Low,
    /// A reason must be given.
    Reason,
    /// A reason must be given, and the flag's key typed.
    TypedKey,
}

impl Action {
    pub(super) const fn flag(&self) -> &FlagKey {
        match self {
            Self::Share { flag, .. } | Self::Kill { flag, .. } | Self::Unkill { flag } => flag,
        }
    }

    pub(super) const fn friction(&self) -> Friction {
        match self {
            Self::Share { .. } => Friction::Low,
            Self::Kill { .. } => Friction::Reason,
            Self::Unkill { .. } => Friction::TypedKey,
        }
    }
}
