//! The ports of [`crate::app`], on real things: SQLite, PostgreSQL, files, the system's clock and random source.

mod backup_file;
mod durable_file;
mod folder;
mod key_files;
mod postgres;
mod project_folder;
mod root_files;
mod settings_file;
mod source_folder;
mod sqlite;
mod store;
mod system;

pub use backup_file::{BackupKeys, Restored, backup, restore};
pub use folder::Folder;
pub use key_files::{KeyFiles, generate_keys};
pub use postgres::PostgresLog;
pub use project_folder::{
    FolderError, InitFolder, KEYS_FOLDER, LOG_FILE, ProjectFolder, ROOT_FOLDER, SETTINGS_FILE, init,
};
pub use root_files::RootFiles;
pub use settings_file::{SettingsError, SettingsFile};
pub use source_folder::SourceFolder;
pub use sqlite::SqliteLog;
pub use store::{StoreError, StoreUrl};
pub use system::{SystemClock, SystemRandomness, is_without_color, user_name};
