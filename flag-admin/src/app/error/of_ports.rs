//! What shells say about failures of the ports.

use super::Failure;
use crate::app::ports::{KeyError, LogError};

impl Failure for LogError {
    fn code(&self) -> &'static str {
        match self {
            Self::HeadMoved { .. } => "head_moved",
            Self::Locked { .. } => "locked",
            Self::Corrupt(_) => "log_corrupt",
            Self::NotAProject { .. } => "not_a_project",
            Self::Newer { .. } => "newer_log",
            Self::NotEmpty { .. } => "not_empty",
            Self::Refused { status: 401, .. } => "not_authenticated",
            Self::Refused { status: 403, .. } => "not_allowed",
            Self::Refused { .. } => "refused_by_server",
            Self::Storage { .. } => "storage",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::HeadMoved { .. } => Some("look at \"flag-admin log\" and run the command again".to_owned()),
            Self::Locked { .. } => Some("wait for the other program, or end it".to_owned()),
            Self::Corrupt(_) => Some("restore the project from a backup: flag-admin restore FILE DIR".to_owned()),
            Self::Newer { .. } => Some("use the version of flag-admin that made it, or a newer one".to_owned()),
            Self::NotEmpty { .. } => Some("name a store that holds no log yet".to_owned()),
            Self::Refused { hint, .. } => hint.clone(),
            Self::NotAProject { .. } => Some("make a project: flag-admin init DIR".to_owned()),
            Self::Storage { .. } => Some(
                "see whether the disk is full, whether its folder may be written, or whether the server runs"
                    .to_owned(),
            ),
        }
    }
}

impl Failure for KeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Encrypted { .. } | Self::WrongPassphrase { .. } => "key_locked",
            Self::Missing { .. } | Self::Exposed { .. } | Self::Unreadable { .. } | Self::Unwritable { .. } => {
                "key_unusable"
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Exposed { place, .. } => Some(format!("chmod 600 {place}")),
            Self::Encrypted { .. } => {
                Some("name a file that holds it with --passphrase-file FILE, or set FLAG_PASSPHRASE".to_owned())
            }
            Self::WrongPassphrase { .. } => Some("nothing was changed; try again with the right one".to_owned()),
            Self::Missing { .. } | Self::Unreadable { .. } | Self::Unwritable { .. } => None,
        }
    }
}
