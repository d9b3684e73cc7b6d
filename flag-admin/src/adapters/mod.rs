//! The ports of [`crate::app`], on real things: SQLite, PostgreSQL, files, the system's clock and random source.

mod alert_outbox;
mod alert_secrets;
mod alert_sender;
mod backup_file;
mod cells;
mod dashboard_file;
mod draft_files;
mod durable_file;
mod file_identity;
mod folder;
mod folder_error;
mod folder_shelf;
mod key_files;
mod lease;
mod measurement_query;
mod memory_cells;
mod new_project;
#[cfg(feature = "object-store")]
mod object_store;
mod passphrase;
mod postgres;
mod project_folder;
mod promql;
mod public_address;
mod publish_place;
mod publish_target;
mod remote_instruments;
mod remote_server;
mod root_files;
mod rows;
mod serve_lock;
mod server_place;
mod settings_file;
mod source_folder;
mod sources;
mod sql_evidence;
mod sqlite;
mod store;
mod store_documents;
mod system;
mod test_clock;
mod token_uses;

pub use alert_secrets::AlertSecrets;
pub use alert_sender::{AlertReach, HttpAlertSender, Resolve, TellLog, check_alert_address};
pub use backup_file::{BackupKeys, Restored, backup, check_restore, restore};
pub use dashboard_file::{DashboardFile, DashboardFileError, is_on_light_background};
pub use draft_files::DraftFiles;
pub use folder::Folder;
pub use folder_error::FolderError;
pub use folder_shelf::FolderShelf;
pub use key_files::{
    KeyFile, KeyFiles, Protection, generate_key, generate_keys, inspect_key, key_id, move_key_into_place, protect_key,
    public_path, read_public_key, signer_at,
};
pub use lease::{PostgresLease, SoleLease};
pub use measurement_query::{QueryError, query_rows};
pub use memory_cells::MemoryCells;
pub(crate) use new_project::init_at;
pub use new_project::{InitFolder, check_init, init};
#[cfg(feature = "object-store")]
pub use object_store::StorePlace;
pub use passphrase::{GivenPassphrase, Passphrase, PassphraseError, Passphrases};
pub use postgres::PostgresLog;
pub use project_folder::{KEYS_FOLDER, LOG_FILE, OpenOutbox, ProjectFolder, ROOT_FOLDER, SETTINGS_FILE};
pub use publish_place::PublishPlace;
pub use publish_target::{PublishTarget, TargetError};
pub use remote_instruments::{RemoteCells, RemoteSources};
pub use remote_server::{RemoteServer, ServerUrlError, Whoami};
pub use root_files::{RootFiles, create_draft, replace_draft, root_document};
pub use serve_lock::{ServeLock, ServeLockError};
pub use server_place::ServerPlace;
pub use settings_file::{SettingsError, SettingsFile};
pub use source_folder::SourceFolder;
pub use sources::Sources;
pub use sqlite::SqliteLog;
pub use store::{StoreError, StoreUrl};
pub use store_documents::StoreDocuments;
pub use system::{
    SystemClock, SystemRandomness, editor, is_plain, is_without_color, raise_descriptor_limit, token_variable,
    user_name,
};
pub use test_clock::{TestClockError, stop_clock_for_test};
