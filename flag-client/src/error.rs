use std::sync::Arc;

use crate::decision::{Origin, Refusal};
use crate::identity::IdentityError;
use crate::local_file::LocalFileError;

/// Why a change by the user was not made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// Neither the application nor the snapshot knows the flag.
    #[error("no flag is named {flag:?}")]
    UnknownFlag {
        /// The name given.
        flag: Box<str>,
    },
    /// The name cannot stand for a flag or a capability.
    #[error("{target:?} cannot be killed, expected the name of a flag or capability")]
    EmptyTarget {
        /// The name given.
        target: Box<str>,
    },
    /// The user may not change the flag so.
    #[error("flag {flag:?} stays as it is: {why}")]
    Refused {
        /// The flag.
        flag: Box<str>,
        /// Why not.
        why: Refusal,
    },
    /// The application gave no file to keep changes in.
    #[error("the change cannot be kept: the application has no file for it")]
    NoUserFile,
    /// The file could not be changed.
    #[error(transparent)]
    File(Arc<LocalFileError>),
    /// A kill stands that is not the user's to lift.
    #[error("{target:?} stays off: it is killed by {}", list(.origins))]
    KillHeldElsewhere {
        /// What is killed.
        target: Box<str>,
        /// Who holds the kill.
        origins: Vec<Origin>,
    },
    /// The installation's id could not be removed.
    #[error("the installation's id cannot be reset")]
    Identity(#[source] Arc<IdentityError>),
}

fn list(origins: &[Origin]) -> String {
    let exact = |origin: &Origin| match (&origin.place, &origin.variable) {
        (Some(place), _) => format!("{} ({place})", origin.layer),
        (None, Some(variable)) => format!("{} ({variable})", origin.layer),
        (None, None) => origin.layer.to_string(),
    };
    origins.iter().map(exact).collect::<Vec<_>>().join(" and by ")
}

impl From<LocalFileError> for ClientError {
    fn from(source: LocalFileError) -> Self {
        Self::File(Arc::new(source))
    }
}
