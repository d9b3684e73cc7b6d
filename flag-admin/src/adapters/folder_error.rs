use std::io;

use super::project_folder::SETTINGS_FILE;
use super::settings_file::SettingsError;
use crate::app::ports::{KeyError, LogError, RootStoreError};
use crate::app::{BackupError, Failure, InitError, OpenError};
use crate::log::ProjectName;

/// Why a folder gives no project.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Neither the folder nor one above it is a project.
    #[error("{place} is not in a project: there is no {SETTINGS_FILE} in it or above")]
    NotFound {
        /// Where it was looked for.
        place: String,
    },
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The project cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The settings are of another project than the log.
    #[error("{place} is for project \"{found}\", but the log is of \"{expected}\"")]
    OtherProject {
        /// The settings file.
        place: String,
        /// The project it names.
        found: ProjectName,
        /// The project of the log.
        expected: ProjectName,
    },
    /// A project is to be made where one is.
    #[error("{place} is a project already")]
    AlreadyAProject {
        /// Where.
        place: String,
    },
    /// A project is to be made among other files.
    #[error("{place} is not empty")]
    NotEmpty {
        /// Where.
        place: String,
    },
    /// A file is to be made where one is.
    #[error("{place} is there already")]
    Exists {
        /// Where.
        place: String,
    },
    /// The backup cannot be made or used.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The roots cannot be read.
    #[error(transparent)]
    Roots(#[from] RootStoreError),
    /// A project cannot be made.
    #[error(transparent)]
    Init(#[from] InitError),
    /// A key that was just made cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The log cannot be made.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A file cannot be made.
    #[error("{place} cannot be {action}")]
    File {
        /// Where.
        place: String,
        /// `written`, `read` or `locked`.
        action: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Failure for FolderError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_a_project",
            Self::Settings(_) => "bad_settings",
            Self::Open(error) => error.code(),
            Self::OtherProject { .. } => "other_project",
            Self::AlreadyAProject { .. } => "already_a_project",
            Self::NotEmpty { .. } => "not_empty",
            Self::Exists { .. } => "exists",
            Self::Backup(error) => error.code(),
            Self::Roots(_) => "root_unreadable",
            Self::Init(error) => error.code(),
            Self::Key(_) => "key_unusable",
            Self::Log(error) => error.code(),
            Self::File { .. } => "file",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { .. } => {
                Some("name the project's folder with -C DIR, or make one: flag-admin init DIR".to_owned())
            }
            Self::Open(error) => error.hint(),
            Self::Log(error) => error.hint(),
            Self::Backup(error) => error.hint(),
            Self::Exists { .. } => Some("name a file that is not there yet".to_owned()),
            Self::AlreadyAProject { place } => Some(format!("use it: flag-admin -C {place} flag list")),
            Self::NotEmpty { .. } => Some("name a folder that is empty or not there yet".to_owned()),
            _ => None,
        }
    }
}
