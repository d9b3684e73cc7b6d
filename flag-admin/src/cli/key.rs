use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueEnum};
use flag_client::trust::{RoleName, RootDocument};
use serde::Serialize;

use super::arguments::DryRunArguments;
use super::passphrase::Demand;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal, columns};
use crate::adapters::{
    KEYS_FOLDER, KeyFile, Protection, generate_key, inspect_key, key_id, move_key_into_place, protect_key, public_path,
    root_document, signer_at,
};
use crate::app::ports::{KeyError, RootStore as _};
use crate::app::{AppError, ROLE_NAMES};

/// What a key is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum KeyRole {
    /// Signs roots
    Root,
    /// Signs snapshots
    Snapshot,
    /// Signs kills, and can do nothing else
    Kill,
}

#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// List the project's private keys, and whether the root knows them
    #[command(after_help = "Example:\n  flag-admin key list --json")]
    List,
    /// Make a new private key, and a .pub file for the root beside it
    #[command(
        after_help = "Examples:\n  flag-admin key new snapshot --out next.pem\n  FLAG_PASSPHRASE=... flag-admin key new kill --out kill.pem"
    )]
    New {
        /// What it is for
        role: KeyRole,
        /// A file that is not there yet
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Put a private key under a passphrase, or under another one
    #[command(after_help = "Examples:\n  flag-admin key encrypt snapshot\n  flag-admin key encrypt ./alice.pem")]
    Encrypt {
        /// A role of the project, or a file
        key: PathBuf,
        /// A file that holds the new passphrase, where the key has one already
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<PathBuf>,
        #[command(flatten)]
        how: DryRunArguments,
    },
    /// Take the passphrase from a private key
    #[command(after_help = "Example:\n  flag-admin key decrypt snapshot")]
    Decrypt {
        /// A role of the project, or a file
        key: PathBuf,
        #[command(flatten)]
        how: DryRunArguments,
    },
    /// Put a key into the project in place of the one of its role, which stays beside it
    #[command(after_help = "Example:\n  flag-admin key use snapshot ./next.pem")]
    Use {
        /// What it is for
        role: KeyRole,
        /// The private key's file
        file: PathBuf,
        #[command(flatten)]
        how: DryRunArguments,
    },
}

#[derive(Serialize)]
struct Listed {
    role: String,
    file: String,
    id: Option<String>,
    protection: Option<Protection>,
    in_root: Option<bool>,
    problem: Option<String>,
}

/// A key that was made.
#[derive(Serialize)]
struct Made {
    role: String,
    file: String,
    public_file: String,
    id: String,
    protection: Protection,
}

impl From<KeyRole> for RoleName {
    fn from(role: KeyRole) -> Self {
        match role {
            KeyRole::Root => Self::Root,
            KeyRole::Snapshot => Self::Snapshot,
            KeyRole::Kill => Self::Kill,
        }
    }
}

pub(super) fn key(session: &Session, terminal: &mut Terminal<'_>, command: KeyCommand) -> Result<(), Stop> {
    match command {
        KeyCommand::List => list(session, terminal),
        KeyCommand::New { role, out } => new(session, terminal, role.into(), &out),
        KeyCommand::Encrypt { key, how: DryRunArguments { dry_run: true }, .. } => {
            would(session, terminal, "encrypted", &key)
        }
        KeyCommand::Decrypt { key, how: DryRunArguments { dry_run: true } } => {
            would(session, terminal, "decrypted", &key)
        }
        KeyCommand::Encrypt { key, new_passphrase_file, .. } => {
            let (path, role) = located(session, &key)?;
            let name = path.display().to_string();
            let file = new_passphrase_file;
            let passphrase = session.sitting_with(file).for_new_key(&name, Demand::Required)?;
            protect_key(&path, role, session.passphrases(), passphrase.as_ref())?;
            told(terminal, "encrypted", &path, role)
        }
        KeyCommand::Decrypt { key, .. } => {
            let (path, role) = located(session, &key)?;
            protect_key(&path, role, session.passphrases(), None)?;
            told(terminal, "decrypted", &path, role)
        }
        KeyCommand::Use { role, file, how } => replace(session, terminal, role.into(), &file, how),
    }
}

/// Makes a private key on its own: no project is needed.
pub(super) fn new(session: &Session, terminal: &mut Terminal<'_>, role: RoleName, out: &Path) -> Result<(), Stop> {
    if out.exists() {
        let hint = Some("name a file that is not there yet");
        return Err(Stop::problem("exists", format!("{} is there already", out.display()), hint));
    }
    let passphrase = session.sitting().for_new_key(&out.display().to_string(), Demand::Optional)?;
    let key = generate_key(out, role, passphrase.as_ref()).map_err(|error| Stop::file(out, "written", &error))?;
    let protection = if passphrase.is_some() { Protection::Encrypted } else { Protection::Plain };
    let made = Made {
        role: role.to_string(),
        file: out.display().to_string(),
        public_file: public_path(out).display().to_string(),
        id: key.id,
        protection,
    };
    if terminal.form() == Form::Json {
        return terminal.json(&made);
    }
    let id = terminal.paint(Meaning::Name, &made.id);
    terminal.line(format_args!("made {role} key {id}"))?;
    terminal.line(format_args!("  {}   the private key, which only its owner may read", made.file))?;
    terminal.line(format_args!("  {}   the public key, for whoever makes the root", made.public_file))?;
    if protection == Protection::Plain { warn_plain(terminal) } else { Ok(()) }
}

/// Says that whoever reads a key's file can use it.
pub(super) fn warn_plain(terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let warning = terminal.paint(
        Meaning::Notice,
        "warning: not encrypted: whoever reads the file can sign; encrypt it with flag-admin key encrypt",
    );
    terminal.line(format_args!("  {warning}"))
}

fn list(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let folder = session.folder()?;
    let roots = folder.roots().roots().map_err(AppError::from)?;
    let root = roots.last().and_then(|root| root_document(root));
    let keys = folder.keys();
    let listed: Vec<Listed> =
        ROLE_NAMES.into_iter().map(|role| listed(role, &keys.path(role), root.as_ref())).collect();
    if terminal.form() == Form::Json {
        return terminal.json(&listed);
    }
    let mut rows = vec![["ROLE", "KEY", "FILE", "ENCRYPTED", "IN ROOT"].map(str::to_owned).to_vec()];
    for key in &listed {
        let said = |known: Option<bool>| match known {
            Some(true) => "yes".to_owned(),
            Some(false) => "no".to_owned(),
            None => "-".to_owned(),
        };
        rows.push(vec![
            key.role.clone(),
            key.id.clone().unwrap_or_else(|| "-".to_owned()),
            key.problem.clone().unwrap_or_else(|| key.file.clone()),
            said(key.protection.map(|protection| protection == Protection::Encrypted)),
            said(key.in_root),
        ]);
    }
    columns(&rows).iter().try_for_each(|line| terminal.line(line))
}

fn listed(role: RoleName, path: &Path, root: Option<&RootDocument>) -> Listed {
    let inspected = inspect_key(path, role);
    let problem = inspected.as_ref().err().map(|error| crate::app::with_causes(error));
    let seen: Option<KeyFile> = inspected.ok();
    let public = seen.as_ref().and_then(|key| key.public);
    let in_root = public.zip(root).map(|(key, root)| root.role(role).keys.iter().any(|known| known.public == key));
    Listed {
        role: role.to_string(),
        file: path.display().to_string(),
        id: public.map(|key| key_id(&key)),
        protection: seen.map(|key| key.protection),
        in_root,
        problem,
    }
}

/// Finds the key that a word means: that of a role in the project, or a file.
fn located(session: &Session, key: &Path) -> Result<(PathBuf, RoleName), Stop> {
    let named = ROLE_NAMES.into_iter().find(|role| Path::new(&role.to_string()) == key);
    match named {
        Some(role) if !key.exists() => Ok((session.folder()?.keys().path(role), role)),
        // What a file is for does not show in it; the role is only a word of messages.
        _ => Ok((key.to_owned(), named.unwrap_or(RoleName::Root))),
    }
}

/// Tells what would be done to a key, once it is known that it can be opened.
fn would(session: &Session, terminal: &mut Terminal<'_>, done: &str, key: &Path) -> Result<(), Stop> {
    let (path, role) = located(session, key)?;
    let key = inspect_key(&path, role)?;
    signer_at(&path, role, session.passphrases())?;
    if terminal.form() == Form::Json {
        let (file, id) = (path.display().to_string(), key.public.map(|public| key_id(&public)));
        return terminal.json(&serde_json::json!({
            "file": file, "id": id, "protection": key.protection, "dry_run": true
        }));
    }
    terminal.line(format_args!("{} would be {done}, not changed", path.display()))
}

fn told(terminal: &mut Terminal<'_>, done: &str, path: &Path, role: RoleName) -> Result<(), Stop> {
    let key = inspect_key(path, role)?;
    if terminal.form() == Form::Json {
        let (file, id) = (path.display().to_string(), key.public.map(|public| key_id(&public)));
        return terminal.json(&serde_json::json!({ "file": file, "id": id, "protection": key.protection }));
    }
    terminal.line(format_args!("{done} {}", path.display()))?;
    if key.protection == Protection::Plain { warn_plain(terminal) } else { Ok(()) }
}

fn replace(
    session: &Session,
    terminal: &mut Terminal<'_>,
    role: RoleName,
    file: &Path,
    how: DryRunArguments,
) -> Result<(), Stop> {
    let folder = session.folder()?;
    let key = inspect_key(file, role)?;
    let roots = folder.roots().roots().map_err(AppError::from)?;
    let root = roots.last().and_then(|root| root_document(root));
    if let Some((public, root)) = key.public.zip(root)
        && !root.role(role).keys.iter().any(|known| known.public == public)
    {
        let id = key_id(&public);
        return Err(Stop::problem(
            "not_in_root",
            format!("root {} does not list {role} key {id}, so clients would refuse what it signs", root.version),
            Some("install a root that does: flag-admin root rotate, root sign, root install"),
        ));
    }
    if how.dry_run {
        let id = key.public.map(|public| key_id(&public));
        if terminal.form() == Form::Json {
            return terminal.json(&serde_json::json!({ "role": role.to_string(), "id": id, "dry_run": true }));
        }
        return terminal.line(format_args!("the project would sign with {role} key {}, not changed", file.display()));
    }
    let kept = move_key_into_place(file, &folder.path().join(KEYS_FOLDER), role).map_err(|error| {
        let place = file.display().to_string();
        KeyError::Unwritable { role, place, source: error.into() }
    })?;
    if terminal.form() == Form::Json {
        return terminal.json(&serde_json::json!({
            "role": role.to_string(),
            "id": key.public.map(|public| key_id(&public)),
            "kept": kept.map(|path| path.display().to_string()),
        }));
    }
    terminal.line(format_args!("the project signs with {role} key {} from now on", file.display()))?;
    match kept {
        Some(kept) => terminal.line(format_args!("  the key before it is kept as {}", kept.display())),
        None => Ok(()),
    }
}
