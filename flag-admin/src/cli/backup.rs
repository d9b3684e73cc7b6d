use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::arguments::DryRunArguments;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal};
use crate::adapters::{BackupKeys, KEYS_FOLDER, backup as write, check_restore, restore as make};

#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// A file that is not there yet
    pub(super) file: PathBuf,
    /// Put the private keys into it, not encrypted; the file is its owner's alone
    #[arg(long)]
    pub(super) with_keys: bool,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The backup
    pub(super) file: PathBuf,
    /// A folder that is empty or not there yet
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
    #[command(flatten)]
    pub(super) how: DryRunArguments,
}

/// Writes the project into one file.
pub(super) fn backup(session: &Session, terminal: &mut Terminal<'_>, arguments: &BackupArguments) -> Result<(), Stop> {
    let BackupArguments { file, with_keys } = arguments;
    let folder = session.folder()?;
    let keys = if *with_keys { BackupKeys::With } else { BackupKeys::Without };
    let head = write(&folder, file, keys)?;
    if terminal.form() == Form::Json {
        return terminal.json(&json!({
            "project": folder.settings().project, "file": file.display().to_string(), "head": head, "with_keys": with_keys
        }));
    }
    let project = terminal.paint(Meaning::Name, &folder.settings().project);
    terminal.line(format_args!("wrote project {project} to {}, up to entry {head}", file.display()))?;
    terminal.line(match keys {
        BackupKeys::Without => "  without its private keys: keep them, or add them with --with-keys",
        BackupKeys::With => "  with its private keys, not encrypted: whoever reads the file can publish",
    })
}

/// Makes a project out of a backup.
pub(super) fn restore(
    session: &Session,
    terminal: &mut Terminal<'_>,
    arguments: &RestoreArguments,
) -> Result<(), Stop> {
    let RestoreArguments { file, folder, how: DryRunArguments { dry_run } } = arguments;
    let store = session.store();
    let restored =
        if *dry_run { check_restore(file, folder, store.as_ref())? } else { make(file, folder, store.as_ref())? };
    let with_keys = restored.keys == BackupKeys::With;
    if terminal.form() == Form::Json {
        return terminal.json(&json!({
            "project": restored.project, "folder": folder.display().to_string(), "store": store.as_ref().map(ToString::to_string),
            "head": restored.head, "with_keys": with_keys, "dry_run": dry_run
        }));
    }
    let project = terminal.paint(Meaning::Name, &restored.project);
    if *dry_run {
        let (folder, head) = (folder.display(), restored.head);
        return terminal
            .line(format_args!("project {project} would be made in {folder}, up to entry {head}, not made"));
    }
    terminal.line(format_args!("made project {project} in {}, up to entry {}", folder.display(), restored.head))?;
    if let Some(store) = &store {
        terminal.line(format_args!("  its log is in {store}"))?;
    }
    if with_keys {
        return Ok(());
    }
    terminal.line(format_args!("  without private keys: put them into {KEYS_FOLDER}/, mode 0600, to publish"))
}
