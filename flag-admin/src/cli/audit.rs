use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use flag_client::trust::RoleName;
use flag_core::Timestamp;

use super::log::LogArguments;
use super::problem::Stop;
use super::progress::WatchedLog;
use super::publish::{project_roots, snapshot_in};
use super::session::{Session, read_bytes};
use super::terminal::{Form, Meaning, Terminal};
use crate::adapters::ProjectFolder;
use crate::app::{Commitment, Verification, audit, commitment_of_note, commitment_of_snapshot};

/// The keys that sign a note.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum NoteKey {
    /// The snapshot key
    #[default]
    Snapshot,
    /// The root key
    Root,
    /// The emergency key
    Kill,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// The same as `flag-admin log`
    #[command(after_help = "Example:\n  flag-admin audit log --limit 20")]
    Log(LogArguments),
    /// Prove every entry of the log, and name the first bad one
    #[command(
        after_help = "Examples:\n  flag-admin audit verify\n  flag-admin audit verify --against ./public/v1/snapshot.json"
    )]
    Verify {
        /// A published snapshot, or the folder it is published in, or a note of audit checkpoint: the log must still hold the very change it was made from
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
    },
    /// Sign a note that commits to the log as it stands, to keep where the log's keepers cannot change it
    #[command(
        after_help = "Examples:\n  flag-admin audit checkpoint > note.txt\n  flag-admin audit checkpoint --key root --json"
    )]
    Checkpoint {
        /// Whose key signs it
        #[arg(long, value_name = "ROLE", default_value = "snapshot")]
        key: NoteKey,
    },
}

/// Proves the log, and holds it against a published snapshot or a signed note.
pub(super) fn verify(session: &Session, terminal: &mut Terminal<'_>, against: Option<&Path>) -> Result<(), Stop> {
    let folder = session.folder()?;
    let commitment = against.map(|path| commitment(session, &folder, path)).transpose()?;
    let mut store = folder.log()?;
    let report = audit(&WatchedLog::new(&*store), commitment.as_ref())?;
    let is_odd = report.checkpoint.is_some_and(|checkpoint| !checkpoint.sound);
    if is_odd {
        // The next start makes it anew, from the log that was just proved.
        store.keep_checkpoint(None)?;
    }
    if terminal.form() == Form::Json {
        return terminal.json(&report);
    }
    terminal.line(format_args!("the log is whole, from its first entry to its head, entry {}", report.head))?;
    if let (Some(against), Some(Commitment { source, .. })) = (&report.against, &commitment) {
        terminal.line(format_args!("it holds entry {} that {source} was made from", against.seq))?;
    }
    match report.checkpoint {
        Some(checkpoint) if is_odd => {
            let warning = terminal.paint(
                Meaning::Notice,
                format_args!("warning: the checkpoint of entry {} was not what the log comes to there", checkpoint.seq),
            );
            terminal.line(format_args!("{warning}; it was removed"))
        }
        _ => Ok(()),
    }
}

fn commitment(session: &Session, folder: &ProjectFolder, path: &Path) -> Result<Commitment, Stop> {
    let bytes = read_bytes(&snapshot_in(path)?)?;
    // A snapshot is an object of JSON; no note begins like one.
    if let Some(note) = std::str::from_utf8(&bytes).ok().filter(|text| !text.trim_start().starts_with('{')) {
        return Ok(commitment_of_note(note, &folder.roots(), &folder.settings().project)?);
    }
    let roots = project_roots(session)?;
    let head = commitment_of_snapshot(&Verification {
        root: &roots.shipped,
        successors: &roots.successors,
        snapshot: &bytes,
        environment: None,
        now: Timestamp::default(),
    })?;
    head.ok_or_else(|| Stop::problem("no_audit_head", "the snapshot names no log entry that it was made from", None))
}

/// Signs a note that commits to the log as it stands.
pub(super) fn checkpoint(session: &Session, terminal: &mut Terminal<'_>, key: NoteKey) -> Result<(), Stop> {
    let role = match key {
        NoteKey::Snapshot => RoleName::Snapshot,
        NoteKey::Root => RoleName::Root,
        NoteKey::Kill => RoleName::Kill,
    };
    let note = session.open()?.project.sign_note(role)?;
    if terminal.form() == Form::Json { terminal.json(&note) } else { terminal.text(&note.note) }
}
