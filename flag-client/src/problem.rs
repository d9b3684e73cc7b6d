//! What went wrong without stopping anything.

use std::sync::Arc;

use flag_core::{FlagError, ValueType, wire};

use crate::decision::{Origin, Place};
use crate::identity::IdentityError;
use crate::local_file::LocalFileError;
use crate::outcomes::OutcomeError;
use crate::trust::{Equivocation, TrustError, TrustFileError};

/// Something that went wrong while the flags were put together. Everything else stays in force.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// A declaration of the application is left out.
    #[error(transparent)]
    Declaration(crate::DeclarationError),
    /// A local file is left out whole.
    #[error(transparent)]
    File(Arc<LocalFileError>),
    /// A section of a local file is left out.
    #[error("{place}: {section} is {found}, expected a table")]
    Section {
        /// Where it stands.
        place: Place,
        /// The section's name.
        section: &'static str,
        /// What stands there.
        found: &'static str,
    },
    /// One setting of a local file is left out.
    #[error("{place}: {key} is {found}, expected {expected}")]
    Setting {
        /// Where its value stands.
        place: Place,
        /// The key, with its section.
        key: Box<str>,
        /// What stands there.
        found: &'static str,
        /// What could stand there.
        expected: &'static str,
    },
    /// A system file speaks for the user.
    #[error("{place}: the override of {flag:?} has no effect in a system file")]
    SystemOverride {
        /// Where it stands.
        place: Place,
        /// The flag.
        flag: Box<str>,
    },
    /// A setting names a flag that neither the application nor the snapshot knows.
    #[error("{origin}: no flag is named {flag:?}")]
    UnknownFlag {
        /// Where it stands.
        origin: Origin,
        /// The name given.
        flag: Box<str>,
    },
    /// A setting asks for what its flag does not have.
    #[error("{origin}: flag {flag:?}: {why}")]
    BaseValue {
        /// Where it stands.
        origin: Origin,
        /// The flag.
        flag: Box<str>,
        /// Why it is left out.
        why: crate::Refusal,
    },
    /// An environment variable fits more than one flag.
    #[error("{variable} fits the flags {flags}")]
    AmbiguousVariable {
        /// Its name.
        variable: Box<str>,
        /// The flags, as a list for people.
        flags: Box<str>,
    },
    /// An environment variable is not UTF-8.
    #[error("{variable} is not UTF-8")]
    VariableEncoding {
        /// Its name.
        variable: Box<str>,
    },
    /// The pinned root cannot be used, and so no snapshot either.
    #[error("the pinned root cannot be used")]
    PinnedRoot(#[source] Arc<TrustError>),
    /// The file of trusted documents cannot be used.
    #[error("the cached snapshot cannot be used")]
    TrustFile(#[source] Arc<TrustFileError>),
    /// The cached snapshot is not signed by keys of the root that the application now ships.
    #[error("the cached snapshot is left out")]
    DroppedSnapshot(#[source] Arc<TrustError>),
    /// The snapshot that the application ships is refused.
    #[error("the bundled snapshot is refused")]
    BundledSnapshot(#[source] Arc<TrustError>),
    /// Two validly signed documents contradict each other.
    #[error(transparent)]
    Equivocation(Equivocation),
    /// The snapshot that the application ships is signed, and cannot be read.
    #[error("the bundled snapshot cannot be read")]
    UnreadableBundle(#[source] Arc<wire::SnapshotError>),
    /// The verified bytes are no snapshot.
    #[error("the verified snapshot cannot be read")]
    Snapshot(#[source] Arc<wire::SnapshotError>),
    /// One flag of the snapshot is broken. It serves the local default.
    #[error("published flag {flag:?} is left out")]
    Quarantined {
        /// The flag.
        flag: Box<str>,
        /// What is wrong with it.
        #[source]
        source: FlagError,
    },
    /// The prerequisites of a declared flag do not hold together. While no snapshot has the flag, it is off.
    #[error("declared flag {flag:?} is off, as its prerequisites cannot be checked")]
    Prerequisites {
        /// The flag.
        flag: Box<str>,
        /// What is wrong with them.
        #[source]
        source: FlagError,
    },
    /// A flag is published with values of another type than the application expects. It serves the local default.
    #[error("published flag {flag:?} is of type {found}, but the application declares type {expected}")]
    TypeMismatch {
        /// The flag.
        flag: Box<str>,
        /// The type published.
        found: ValueType,
        /// The type declared.
        expected: ValueType,
    },
    /// Something the host recorded is lost. Of each kind of reason there is one problem, the first.
    #[error("outcomes are lost")]
    Outcomes(#[source] Arc<OutcomeError>),
    /// Flags are held back, because the program crashed too often since they changed.
    #[error("flag {flag:?} is {why}")]
    HeldBack {
        /// The flag.
        flag: Box<str>,
        /// Why, and what is in force instead.
        why: crate::HeldBack,
    },
    /// Crashes cannot be told from clean runs, or flags not be held back.
    #[error("the crash quarantine does not work as it should")]
    Quarantine(#[source] Arc<crate::QuarantineError>),
    /// A kill's target is neither a flag nor a capability. It stands all the same.
    #[error("{origin}: neither a flag nor a capability is named {target:?}")]
    UnknownKill {
        /// Where it stands.
        origin: Origin,
        /// The name given.
        target: Box<str>,
    },
    /// The installation has no id, so that splits serve what they serve to everyone else.
    #[error("the installation has no id")]
    Identity(#[source] Arc<IdentityError>),
}
