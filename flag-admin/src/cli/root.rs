//! The ceremony by which roots come about: on files, on machines without a project or a network.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use flag_client::trust::{Role, RoleKey, RoleName, Roles};
use flag_core::Timestamp;
use serde::Serialize;

use super::arguments::DryRunArguments;
use super::key::{self, KeyRole};
use super::problem::Stop;
use super::session::{Session, read_bytes};
use super::terminal::{Form, Meaning, SAY_YES, Terminal};
use crate::adapters::{SystemClock, create_draft, key_id, read_public_key, replace_draft, signer_at};
use crate::app::ports::{Clock as _, Document, Publisher as _, RootStore as _};
use crate::app::{
    AppError, EpochStep, FirstRoot, InstalledRoot, ROOT_LIFETIME_DAYS, RootStanding, Rotation, countersign,
    draft_first, draft_next, standing,
};
use crate::log::ProjectName;

const MILLIS_PER_DAY: i64 = 86_400_000;

#[derive(Debug, Subcommand)]
pub(super) enum RootCommand {
    /// Make a root key: one for each holder, on a machine of their own
    #[command(subcommand, after_help = "Example:\n  flag-admin root key new alice.pem")]
    Key(RootKeyCommand),
    /// Draft a project's first root, for the holders of root keys to sign
    #[command(
        after_help = "Example:\n  flag-admin root init --project caro --threshold 2 --keys a.pub,b.pub,c.pub --snapshot-key s.pub --kill-key k.pub --out root.json"
    )]
    Init(RootInitArguments),
    /// Draft the root that follows on another: other keys, thresholds, expiry or epoch
    #[command(
        after_help = "Examples:\n  flag-admin root rotate root/1.json --add snapshot=next.pub --out root-2.json\n  flag-admin root rotate root/2.json --remove snapshot=91b2c3d4e5f60718 --add snapshot=new.pub --new-epoch --out root-3.json"
    )]
    Rotate(RootRotateArguments),
    /// Sign a root, after showing what it says; the signature is added to the file
    #[command(
        after_help = "Examples:\n  flag-admin root sign root.json --key alice.pem\n  flag-admin root sign root-2.json --key old.pem --from root/1.json"
    )]
    Sign(RootSignArguments),
    /// Show what a root says, who has signed it and whose signatures it lacks
    #[command(after_help = "Example:\n  flag-admin root show root-2.json --from root/1.json")]
    Show {
        /// The root
        file: PathBuf,
        /// The root it follows on, whose keys must have signed it too
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
    },
    /// Put a signed root into force in the project, and where its environments are published to
    #[command(
        after_help = "Examples:\n  flag-admin root install root-2.json --dry-run\n  flag-admin root install root-2.json"
    )]
    Install {
        /// The root
        file: PathBuf,
        #[command(flatten)]
        how: DryRunArguments,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum RootKeyCommand {
    /// Make a root key, and a .pub file for whoever drafts the root
    #[command(after_help = "Example:\n  flag-admin root key new alice.pem")]
    New {
        /// A file that is not there yet
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
pub(super) struct RootInitArguments {
    /// The project's name
    #[arg(long, value_name = "NAME")]
    project: ProjectName,
    /// How many root keys must sign
    #[arg(long, value_name = "K")]
    threshold: u32,
    /// The public root keys
    #[arg(long, value_name = "FILES", value_delimiter = ',', required = true)]
    keys: Vec<PathBuf>,
    /// The public keys that sign snapshots; one of them is enough
    #[arg(long = "snapshot-key", value_name = "FILES", value_delimiter = ',', required = true)]
    snapshot_keys: Vec<PathBuf>,
    /// The public keys that sign kills; one of them is enough
    #[arg(long = "kill-key", value_name = "FILES", value_delimiter = ',', required = true)]
    kill_keys: Vec<PathBuf>,
    #[command(flatten)]
    draft: DraftArguments,
}

#[derive(Debug, Args)]
pub(super) struct DraftArguments {
    /// How many days it accepts new snapshots
    #[arg(long, value_name = "N", default_value_t = ROOT_LIFETIME_DAYS)]
    days: u32,
    /// A file that is not there yet, for the draft
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    how: DryRunArguments,
}

#[derive(Debug, Args)]
pub(super) struct RootRotateArguments {
    /// The root in force
    file: PathBuf,
    /// A public key that a role gets
    #[arg(long, value_name = "ROLE=FILE", value_parser = role_and::<PathBuf>)]
    add: Vec<(RoleName, PathBuf)>,
    /// The id of a key that a role loses
    #[arg(long, value_name = "ROLE=ID", value_parser = role_and::<String>)]
    remove: Vec<(RoleName, String)>,
    /// How many keys of a role must sign from now on
    #[arg(long, value_name = "ROLE=K", value_parser = role_and::<u32>)]
    threshold: Vec<(RoleName, u32)>,
    /// End the epoch, as after a theft: every snapshot signed so far is refused
    #[arg(long)]
    new_epoch: bool,
    #[command(flatten)]
    draft: DraftArguments,
}

#[derive(Debug, Args)]
pub(super) struct RootSignArguments {
    /// The draft
    file: PathBuf,
    /// The private root key
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The root it follows on, for a key that only that one lists
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    how: DryRunArguments,
}

/// What became of a root that was installed.
#[derive(Serialize)]
struct Installed {
    dry_run: bool,
    #[serde(flatten)]
    root: InstalledRoot,
    published_to: Vec<String>,
}

fn role_and<T: std::str::FromStr<Err: Display>>(text: &str) -> Result<(RoleName, T), String> {
    use clap::ValueEnum as _;
    let (role, rest) =
        text.split_once('=').ok_or_else(|| "expected ROLE=... with root, snapshot or kill".to_owned())?;
    let role = KeyRole::from_str(role, false).map_err(|_| format!("{role:?} is no role: root, snapshot or kill"))?;
    Ok((role.into(), rest.parse().map_err(|error: T::Err| error.to_string())?))
}

pub(super) fn root(session: &Session, terminal: &mut Terminal<'_>, command: RootCommand) -> Result<(), Stop> {
    match command {
        RootCommand::Key(RootKeyCommand::New { file }) => key::new(session, terminal, RoleName::Root, &file),
        RootCommand::Init(arguments) => init(terminal, &arguments),
        RootCommand::Rotate(arguments) => rotate(terminal, &arguments),
        RootCommand::Sign(arguments) => sign(session, terminal, &arguments),
        RootCommand::Show { file, from } => {
            let before = from.as_deref().map(read_bytes).transpose()?;
            show(terminal, &standing(&read_bytes(&file)?, before.as_deref())?)
        }
        RootCommand::Install { file, how } => install(session, terminal, &file, how),
    }
}

fn init(terminal: &mut Terminal<'_>, arguments: &RootInitArguments) -> Result<(), Stop> {
    let role = |threshold, files: &[PathBuf]| -> Result<Role, Stop> {
        Ok(Role { threshold, keys: files.iter().map(|file| public(file)).collect::<Result<_, _>>()? })
    };
    let RootInitArguments { project, threshold, keys, snapshot_keys, kill_keys, draft } = arguments;
    let now = SystemClock.now();
    let envelope = draft_first(FirstRoot {
        project: project.as_str().to_owned(),
        now,
        expires_at: after(now, draft.days),
        roles: Roles { root: role(*threshold, keys)?, snapshot: role(1, snapshot_keys)?, kill: role(1, kill_keys)? },
    })?;
    drafted(terminal, draft, &envelope, None)
}

fn rotate(terminal: &mut Terminal<'_>, arguments: &RootRotateArguments) -> Result<(), Stop> {
    let RootRotateArguments { file, add, remove, threshold, new_epoch, draft } = arguments;
    let current = read_bytes(file)?;
    let now = SystemClock.now();
    let added = add.iter().map(|(role, file)| Ok((*role, public(file)?))).collect::<Result<_, Stop>>()?;
    let envelope = draft_next(
        &current,
        &Rotation {
            now,
            expires_at: after(now, draft.days),
            epoch: if *new_epoch { EpochStep::Next } else { EpochStep::Keep },
            removed: remove.clone(),
            added,
            thresholds: threshold.clone(),
        },
    )?;
    drafted(terminal, draft, &envelope, Some(&current))
}

fn drafted(
    terminal: &mut Terminal<'_>,
    draft: &DraftArguments,
    envelope: &[u8],
    before: Option<&[u8]>,
) -> Result<(), Stop> {
    let DraftArguments { out, how: DryRunArguments { dry_run }, .. } = draft;
    if !dry_run {
        create_draft(out, envelope).map_err(|error| Stop::file(out, "written", &error))?;
    } else if out.exists() {
        return Err(Stop::file(out, "written", &std::io::ErrorKind::AlreadyExists.into()));
    }
    show(terminal, &standing(envelope, before)?)?;
    if terminal.form() == Form::Json {
        return Ok(());
    }
    if *dry_run {
        return terminal.line(format_args!("not written to {}", out.display()));
    }
    terminal.line(format_args!(
        "next: each holder of a root key signs it: flag-admin root sign {} --key KEY",
        out.display()
    ))
}

fn sign(session: &Session, terminal: &mut Terminal<'_>, arguments: &RootSignArguments) -> Result<(), Stop> {
    let RootSignArguments { file, key, from, how: DryRunArguments { dry_run } } = arguments;
    let before = from.as_deref().map(read_bytes).transpose()?;
    let draft = read_bytes(file)?;
    let shown = standing(&draft, before.as_deref())?;
    if terminal.form() == Form::Text {
        show(terminal, &shown)?;
    }
    if !dry_run {
        terminal.confirm(&format!("Sign root {} of {}?", shown.version, shown.project), SAY_YES)?;
    }
    let signer = signer_at(key, RoleName::Root, session.passphrases())?;
    let envelope = countersign(&draft, before.as_deref(), &*signer)?;
    if *dry_run {
        if terminal.form() == Form::Json {
            return terminal.json(&shown);
        }
        let id = terminal.paint(Meaning::Name, signer.key_id());
        return terminal.line(format_args!("key {id} can sign {}, not signed", file.display()));
    }
    replace_draft(file, &envelope).map_err(|error| Stop::file(file, "written", &error))?;
    let now = standing(&envelope, before.as_deref())?;
    if terminal.form() == Form::Json {
        return terminal.json(&now);
    }
    let id = terminal.paint(Meaning::Name, signer.key_id());
    terminal.line(format_args!("signed {} with key {id}", file.display()))?;
    lacks(terminal, &now)
}

fn install(session: &Session, terminal: &mut Terminal<'_>, file: &Path, how: DryRunArguments) -> Result<(), Stop> {
    let envelope = read_bytes(file)?;
    let mut opened = session.open_logged()?;
    let targets = opened.folder.settings().publish_to.clone();
    if how.dry_run {
        let root = opened.project.propose_root(&opened.environment, &envelope)?;
        return would_install(terminal, root, targets.into_values().collect());
    }
    let mut keeper = opened.folder.roots();
    let root = opened.project.install_root(&opened.environment, &mut keeper, &envelope)?;
    let roots = keeper.roots().map_err(AppError::from)?;
    let mut published_to = Vec::new();
    for (environment, target) in &targets {
        let mut place = opened.folder.publisher(environment, target.as_ref()).map_err(AppError::from)?;
        for (version, root) in (1..).zip(&roots) {
            place.publish(Document::Root(version), root).map_err(AppError::from)?;
        }
        published_to.push(place.place());
    }
    let installed = Installed { dry_run: false, root, published_to };
    if terminal.form() == Form::Json {
        return terminal.json(&installed);
    }
    let Installed { root, published_to, .. } = &installed;
    let name = terminal.paint(Meaning::Name, format_args!("root {}", root.version));
    terminal.line(format_args!("{name} is in force, epoch {}, until {}", root.epoch, root.expires_at))?;
    for place in published_to {
        terminal.line(format_args!("  published to {place}"))?;
    }
    if published_to.is_empty() {
        terminal.line("  it reaches clients with the next snapshot: flag-admin publish --to PLACE")?;
    }
    if root.ends_epoch {
        let warning = terminal.paint(
            Meaning::Notice,
            "warning: clients refuse the snapshot that is published: sign it anew with flag-admin publish --refresh",
        );
        terminal.line(format_args!("  {warning}"))?;
    }
    Ok(())
}

/// Tells what installing a root would do.
fn would_install(terminal: &mut Terminal<'_>, root: InstalledRoot, published_to: Vec<String>) -> Result<(), Stop> {
    let installed = Installed { dry_run: true, root, published_to };
    if terminal.form() == Form::Json {
        return terminal.json(&installed);
    }
    let Installed { root, published_to, .. } = &installed;
    let name = terminal.paint(Meaning::Name, format_args!("root {}", root.version));
    terminal.line(format_args!("{name} would be in force, epoch {}, until {}", root.epoch, root.expires_at))?;
    for place in published_to {
        terminal.line(format_args!("  it would be published to {place}"))?;
    }
    if root.ends_epoch {
        let warning = terminal.paint(Meaning::Notice, "warning: clients would refuse the snapshot that is published");
        terminal.line(format_args!("  {warning}"))?;
    }
    terminal.line("not installed")
}

fn show(terminal: &mut Terminal<'_>, root: &RootStanding) -> Result<(), Stop> {
    if terminal.form() == Form::Json {
        return terminal.json(root);
    }
    let name = terminal.paint(Meaning::Name, format_args!("root {}", root.version));
    terminal.line(format_args!("{name} of {}, epoch {}, made at {}", root.project, root.epoch, root.issued_at))?;
    terminal.line(format_args!("  accepts snapshots until {}", root.expires_at))?;
    for role in &root.roles {
        let keys = role.keys.join(", ");
        terminal.line(format_args!("  {:<9} {} of {}: {keys}", role.role, role.threshold, role.keys.len()))?;
    }
    lacks(terminal, root)
}

fn lacks(terminal: &mut Terminal<'_>, root: &RootStanding) -> Result<(), Stop> {
    for need in &root.needs {
        let whose = if need.root == root.version { "its own root keys" } else { "the root keys before it" };
        let (signed, threshold) = (need.signed.len(), need.threshold);
        let missing =
            if need.is_met() { String::new() } else { format!("; can still sign: {}", need.missing.join(", ")) };
        terminal.line(format_args!("  signed by {signed} of {threshold} needed of {whose}{missing}"))?;
    }
    if root.strangers > 0 {
        let warning = terminal.paint(Meaning::Notice, "warning: bears signatures of keys that do not count here");
        terminal.line(format_args!("  {warning}"))?;
    }
    if root.complete {
        return terminal.line(match root.version {
            1 => "  complete: make the project with flag-admin init DIR --root FILE",
            _ => "  complete: install it with flag-admin root install FILE",
        });
    }
    if root.version > 1 && root.needs.len() < 2 {
        return terminal.line("  the keys of the root before it must sign, too: see with --from FILE");
    }
    Ok(())
}

fn public(file: &Path) -> Result<RoleKey, Stop> {
    let public = read_public_key(file).map_err(|error| Stop::file(file, "read", &error))?;
    Ok(RoleKey { keyid: key_id(&public), public })
}

fn after(now: Timestamp, days: u32) -> Timestamp {
    now.saturating_add_millis(i64::from(days).saturating_mul(MILLIS_PER_DAY))
}
