use std::error::Error;
use std::io;
use std::sync::Arc;

use flag_client::report::ReportError;
use flag_client::{ClientError, IdentityError, LocalFileError, Origin, Problem, Refusal};

use super::words;
use crate::host::ENVIRONMENT_PREFIX;

/// Why a command did nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// Nobody knows such a feature.
    #[error("no feature is named {feature:?}")]
    UnknownFeature {
        /// The name given.
        feature: String,
        /// The one that was probably meant.
        suggestion: Option<String>,
    },
    /// A kill switch was given where a feature is expected.
    #[error("{name:?} is a kill switch, expected a feature")]
    KillSwitch {
        /// Its name.
        name: String,
    },
    /// Nobody knows such a kill switch.
    #[error("no kill switch is named {name:?}")]
    UnknownKillSwitch {
        /// The name given.
        name: String,
        /// The one that was probably meant.
        suggestion: Option<String>,
    },
    /// Blanks were given for the name of a kill switch.
    #[error("{name:?} names no kill switch")]
    NoName {
        /// The name given.
        name: String,
    },
    /// The user may not change the feature so.
    #[error("you cannot change {feature} this way: {}", words::refused(.why))]
    Refused {
        /// The feature.
        feature: String,
        /// Why not.
        why: Refusal,
    },
    /// A kill switch stands that is not the user's to turn off.
    #[error("{name} stays disabled: by {}, not by you", words::holders(.origins))]
    HeldElsewhere {
        /// What is switched off.
        name: String,
        /// Who holds it.
        origins: Vec<Origin>,
    },
    /// No kill switch stands, and what it would stop is off all the same.
    #[error("{name} stays off: {because}")]
    StaysOff {
        /// What is off.
        name: String,
        /// Why, in words.
        because: String,
    },
    /// The configuration file could not be read or changed.
    #[error("nothing was changed")]
    File(#[source] Arc<LocalFileError>),
    /// The install id could not be removed.
    #[error("the install id could not be forgotten")]
    InstallId(#[source] Arc<IdentityError>),
    /// A kill switch could not be turned on, since the configuration file could not be read or changed.
    #[error("{name} is not switched off")]
    KillNotKept {
        /// What was to be switched off.
        name: String,
        /// Why the file could not be changed.
        #[source]
        source: Arc<LocalFileError>,
    },
    /// What the user said about a feature is lost.
    #[error("what you say about {feature} could not be kept")]
    FeedbackLost {
        /// The feature.
        feature: String,
        /// Why, unless it was said before.
        #[source]
        why: Option<Box<Problem>>,
    },
    /// Reports could not be read, sent or removed.
    #[error("the reports stay as they are")]
    Reports(#[source] Box<ReportError>),
    /// This build uses no network.
    #[cfg(not(feature = "remote"))]
    #[error("this caro uses no network: it fetches nothing and sends nothing")]
    NoRemote,
    /// Published flags were not refreshed, or not all of them.
    #[cfg(feature = "remote")]
    #[error(transparent)]
    Sync(Box<flag_client::SyncError>),
    /// The change was not made for another reason.
    #[error(transparent)]
    Client(ClientError),
    /// The answer could not be put into JSON.
    #[error("the answer has no JSON form")]
    Json(#[source] serde_json::Error),
    /// The answer could not be written. What was to be changed is changed.
    #[error("the answer could not be written")]
    Write(#[source] io::Error),
}

impl From<ClientError> for CommandError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::UnknownFlag { flag } => Self::UnknownFeature { feature: flag.into(), suggestion: None },
            ClientError::EmptyTarget { target } => Self::NoName { name: target.into() },
            ClientError::Refused { flag, why } => Self::Refused { feature: flag.into(), why },
            ClientError::KillHeldElsewhere { target, origins } => Self::HeldElsewhere { name: target.into(), origins },
            ClientError::File(source) => Self::File(source),
            ClientError::Identity(source) => Self::InstallId(source),
            error => Self::Client(error),
        }
    }
}

impl From<ReportError> for CommandError {
    fn from(error: ReportError) -> Self {
        Self::Reports(Box::new(error))
    }
}

impl CommandError {
    /// Returns what the user can do about it, if there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownFeature { suggestion: Some(suggestion), .. }
            | Self::UnknownKillSwitch { suggestion: Some(suggestion), .. } => {
                Some(format!("did you mean {suggestion}?"))
            }
            Self::UnknownFeature { suggestion: None, .. } => Some("caro features list shows every feature".to_owned()),
            Self::UnknownKillSwitch { suggestion: None, .. } => {
                Some("caro features kill-switch shows every kill switch".to_owned())
            }
            Self::KillSwitch { name } => Some(format!(
                "stop it with: caro features kill-switch --enable {name}, allow it again with --disable {name}"
            )),
            Self::Refused { feature, .. } => Some(format!("see what decides it with: caro features why {feature}")),
            Self::HeldElsewhere { .. } => {
                Some("it ends where it was set; yours are the only ones you can turn off".to_owned())
            }
            Self::StaysOff { name, .. } => {
                Some(format!("no kill switch does it; see what decides it with: caro features why {name} --verbose"))
            }
            Self::File(error) => file_hint(error),
            Self::KillNotKept { name, source } => {
                let hint = file_hint(source).map(|hint| format!("; {hint}")).unwrap_or_default();
                Some(format!("set {ENVIRONMENT_PREFIX}_KILL={name} to switch it off all the same{hint}"))
            }
            Self::Reports(error) if matches!(**error, ReportError::NoConsent) => {
                Some("reports are sent only if you agree to them in caro's configuration".to_owned())
            }
            Self::Reports(error) if matches!(**error, ReportError::SwitchedOff { .. }) => {
                Some("see who switched it off with: caro features kill-switch".to_owned())
            }
            #[cfg(not(feature = "remote"))]
            Self::NoRemote => {
                Some("published flags and reports need a caro that is built with the feature `remote`".to_owned())
            }
            #[cfg(feature = "remote")]
            Self::Sync(error) => Some(super::sync_hint::sync_hint(error)),
            _ => None,
        }
    }

    /// Returns the error's name in JSON. It stays the same when the words change.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownFeature { .. } => "unknown_feature",
            Self::KillSwitch { .. } => "kill_switch",
            Self::UnknownKillSwitch { .. } => "unknown_kill_switch",
            Self::NoName { .. } => "no_name",
            Self::Refused { .. } => "refused",
            Self::HeldElsewhere { .. } => "held_elsewhere",
            Self::StaysOff { .. } => "stays_off",
            Self::File(_) => "file",
            Self::InstallId(_) => "install_id",
            Self::KillNotKept { .. } => "kill_not_kept",
            Self::FeedbackLost { .. } => "feedback_lost",
            Self::Reports(_) => "reports",
            #[cfg(not(feature = "remote"))]
            Self::NoRemote => "no_remote",
            #[cfg(feature = "remote")]
            Self::Sync(_) => "sync",
            Self::Client(_) => "client",
            Self::Json(_) => "json",
            Self::Write(_) => "write",
        }
    }

    /// Returns the error as one line of JSON, `{"error": {"code", "message", "hint"}}`, for the standard error of a command that was
    /// given `--json`. The hint is null where there is none.
    pub fn to_json(&self) -> String {
        let error = serde_json::json!({ "code": self.code(), "message": with_causes(self), "hint": self.hint() });
        serde_json::json!({ "error": error }).to_string()
    }

    /// Returns the error with everything that led to it, and the hint on a line of its own.
    pub fn with_hint(&self) -> String {
        let hint = self.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        format!("{}{hint}", with_causes(self))
    }
}

fn file_hint(error: &LocalFileError) -> Option<String> {
    match error {
        LocalFileError::Syntax { .. } | LocalFileError::Encoding { .. } | LocalFileError::Section { .. } => {
            Some("correct the file there and try again".to_owned())
        }
        LocalFileError::ReadOnly { .. } => Some("allow writing to that file and try again".to_owned()),
        LocalFileError::Locked { .. } => Some("try again in a moment".to_owned()),
        LocalFileError::NotAFile { .. } => Some("move what stands there out of the way and try again".to_owned()),
        LocalFileError::TooLarge { .. } => Some("no configuration is that large: is it the right file?".to_owned()),
        LocalFileError::Unfaithful { .. } => Some("make that change in the file yourself".to_owned()),
        LocalFileError::Read { source, .. } | LocalFileError::Write { source, .. } => Some(disk_hint(source)),
        _ => None,
    }
}

fn disk_hint(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "see that the file and its folder are yours to read and write",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make some room on the disk and try again",
        io::ErrorKind::ReadOnlyFilesystem => "that disk is read-only: allow writing to it and try again",
        _ => "see that the disk is sound, has room, and is yours to write",
    }
    .to_owned()
}

/// Returns an error's text and those of its causes, each after a colon.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
