//! The ports of [`crate::app`], on real things: SQLite, files, the system's clock and random source.

mod durable_file;
mod folder;
mod key_files;
mod project_folder;
mod root_files;
mod settings_file;
mod sqlite;
mod system;

pub use folder::Folder;
pub use key_files::{KeyFiles, generate_keys};
pub use project_folder::{
    FolderError, InitFolder, KEYS_FOLDER, LOG_FILE, ProjectFolder, ROOT_FOLDER, SETTINGS_FILE, init,
};
pub use root_files::RootFiles;
pub use settings_file::{SettingsError, SettingsFile};
pub use sqlite::SqliteLog;
pub use system::{SystemClock, SystemRandomness, is_without_color, user_name};
