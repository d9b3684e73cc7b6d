use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use flag_core::Timestamp;
use serde::Serialize;

use super::change::counted;
use super::plan_text;
use super::problem::Stop;
use super::session::{Session, read_bytes};
use super::terminal::{Form, Meaning, Terminal};
use crate::adapters::{RemoteServer, SystemClock};
use crate::app::ports::{Clock as _, Document, RootStore as _};
use crate::app::{AppError, Preview, Refreshed, Verification, Verified, verify_snapshot, with_causes};
use crate::log::EnvironmentName;

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// The snapshot's file, or the folder it is published in
    pub(super) snapshot: PathBuf,
    /// The root that the application ships [default: the project's first]
    #[arg(long, value_name = "FILE")]
    pub(super) root: Option<PathBuf>,
}

/// What a command says of a refresh that was not due.
#[derive(Serialize)]
struct NotDue {
    refreshed: bool,
    version: u64,
    expires_at: Timestamp,
}

/// Signs a snapshot and publishes it, or signs the last one anew.
pub(super) fn publish(
    session: &Session,
    terminal: &mut Terminal<'_>,
    arguments: &PublishArguments,
) -> Result<(), Stop> {
    let mut opened = session.open_logged()?;
    if let Some(server) = opened.folder.server() {
        return from_afar(server, terminal, arguments, &opened.environment);
    }
    let out = match &arguments.out {
        Some(out) => out.clone(),
        None => opened.folder.remembered_target(&opened.environment).ok_or_else(|| {
            let message = format!("{} was not published yet, so it is not known where to", opened.environment);
            Stop::problem("no_target", message, Some("name the place: flag-admin publish --to ./public"))
        })?,
    };
    let mut place = opened.folder.publisher(&opened.environment, &out).map_err(AppError::from)?;
    if arguments.dry_run {
        return previewed(
            terminal,
            &opened.environment,
            &opened.project.preview_publication(&opened.environment, &place)?,
        );
    }
    let published = if arguments.refresh {
        let within = arguments.within.map(|Span(millis)| millis);
        match opened.project.refresh_published(&opened.environment, &mut place, within)? {
            Refreshed::Published(published) => published,
            Refreshed::NotDue { version, expires_at } if terminal.form() == Form::Json => {
                return terminal.json(&NotDue { refreshed: false, version, expires_at });
            }
            Refreshed::NotDue { version, expires_at } => {
                return terminal.line(format_args!("nothing to do: snapshot {version} is good until {expires_at}"));
            }
        }
    } else {
        opened.project.publish(&opened.environment, &mut place)?
    };
    // It is published; that the place is not remembered costs a --to next time.
    let forgotten = opened.folder.remember_target(&opened.environment, &out).err();
    if terminal.form() == Form::Json {
        return terminal.json(&published);
    }
    let version = terminal.paint(Meaning::Name, format_args!("snapshot {}", published.version));
    let (flags, kills) = (counted(published.flags, "flag"), counted(published.kills, "kill"));
    terminal.line(format_args!("published {version} of {} to {}", opened.environment, published.place))?;
    terminal.line(format_args!("  {flags}, {kills}, stale from {}", published.expires_at))?;
    terminal.line(format_args!("  made from log entry {}", published.audit_head.seq))?;
    published.documents.iter().try_for_each(|document| terminal.line(format_args!("  {document}")))?;
    let forgotten = forgotten.map(|error| format!("the place is not remembered: {}", with_causes(&error)));
    for warning in published.warnings.iter().chain(&forgotten) {
        let line = terminal.paint(Meaning::Notice, format_args!("warning: {warning}"));
        terminal.line(format_args!("  {line}"))?;
    }
    Ok(())
}

/// Prints what publishing would do.
fn previewed(terminal: &mut Terminal<'_>, environment: &EnvironmentName, preview: &Preview) -> Result<(), Stop> {
    if terminal.form() == Form::Json {
        return terminal.json(preview);
    }
    let version = terminal.paint(Meaning::Name, format_args!("snapshot {}", preview.version));
    let place = &preview.place;
    terminal.line(match preview.replaces {
        Some(standing) => format!("{version} of {environment} would take the place of snapshot {standing} in {place}"),
        None => format!("{version} of {environment} would be the first in {place}"),
    })?;
    terminal.line(format_args!("  {}, {}", counted(preview.flags, "flag"), counted(preview.kills, "kill")))?;
    plan_text::print_effects(terminal, &preview.plan)?;
    terminal.line("not published")
}

/// Lets the server that holds the project publish it: the keys are there.
fn from_afar(
    server: &RemoteServer,
    terminal: &mut Terminal<'_>,
    arguments: &PublishArguments,
    environment: &EnvironmentName,
) -> Result<(), Stop> {
    if arguments.dry_run {
        let hint = Some("what changed since the last publication: flag-admin env list");
        return Err(Stop::problem("usage", "a server does not tell beforehand what publishing does", hint));
    }
    if arguments.out.is_some() {
        return Err(Stop::problem("usage", "a server publishes where it serves", Some("leave --to out")));
    }
    let body = serde_json::json!({ "refresh": arguments.refresh });
    let published = server.publish(environment, &body).map_err(AppError::from)?;
    if terminal.form() == Form::Json {
        return terminal.json(&published);
    }
    let version = terminal.paint(Meaning::Name, format_args!("snapshot {}", published["version"]));
    terminal.line(format_args!("{} published {version} of {environment}", server.place()))
}

/// Reads a span of time: days, hours or minutes, such as 7d, 36h or 90m. Returns milliseconds.
fn parse_span(text: &str) -> Result<Span, String> {
    let expected = || format!("{text:?} is no span of time, expected such as 7d, 36h or 90m");
    let unit = text.chars().next_back().ok_or_else(expected)?;
    let millis = match unit {
        'd' => 86_400_000,
        'h' => 3_600_000,
        'm' => 60_000,
        _ => return Err(expected()),
    };
    let number: u32 = text.strip_suffix(unit).and_then(|number| number.parse().ok()).ok_or_else(expected)?;
    Ok(Span(i64::from(number).saturating_mul(millis)))
}

/// A span of time, in milliseconds.
#[derive(Copy, Clone, Debug)]
pub(super) struct Span(i64);

#[derive(Debug, Args)]
pub(super) struct PublishArguments {
    /// The folder that clients fetch from, or an object store: s3://BUCKET/PREFIX, gs://..., az://... [default: the last one]
    #[arg(long = "to", value_name = "DIR|URL")]
    out: Option<PathBuf>,
    /// Sign the snapshot that is published anew if it expires soon, and change nothing else: for a timer
    #[arg(long)]
    refresh: bool,
    /// Show what clients would get that they do not have yet, and do nothing
    #[arg(long, conflicts_with = "refresh")]
    dry_run: bool,
    /// How soon: such as 7d or 36h [default: a quarter of the snapshot's lifetime]
    #[arg(long, value_name = "SPAN", requires = "refresh", value_parser = parse_span)]
    within: Option<Span>,
}

/// Roots to verify with: the one that is shipped, and those after it.
pub(super) struct Roots {
    pub(super) shipped: Vec<u8>,
    pub(super) successors: Vec<Vec<u8>>,
}

/// Verifies a snapshot as a client does.
pub(super) fn verify(session: &Session, terminal: &mut Terminal<'_>, arguments: &VerifyArguments) -> Result<(), Stop> {
    let file = snapshot_in(&arguments.snapshot)?;
    let snapshot = read_bytes(&file)?;
    let roots = match &arguments.root {
        Some(root) => Roots { shipped: read_bytes(root)?, successors: roots_beside(&file) },
        None => project_roots(session)?,
    };
    let verified = verify_snapshot(&Verification {
        root: &roots.shipped,
        successors: &roots.successors,
        snapshot: &snapshot,
        environment: session.named_environment().map(EnvironmentName::as_str),
        now: SystemClock.now(),
    })?;
    if arguments.root.is_none() {
        refuse_outdated(session, &verified)?;
    }
    if terminal.form() == Form::Json {
        return terminal.json(&verified);
    }
    let version = terminal.paint(Meaning::Name, format_args!("snapshot {}", verified.version));
    let (project, environment) = (&verified.project, &verified.environment);
    terminal
        .line(format_args!("{version} of {environment} of {project} is good under root {}", verified.root_version))?;
    terminal.line(format_args!("  {}, {}", counted(verified.flags, "flag"), counted(verified.kills, "kill")))?;
    terminal.line(format_args!("  signed at {}, stale from {}", verified.issued_at, verified.expires_at))?;
    if let Some(head) = &verified.audit_head {
        terminal.line(format_args!("  made from log entry {} ({})", head.seq, head.hash))?;
    }
    for broken in &verified.quarantined {
        let line = terminal.paint(Meaning::Loss, format_args!("quarantined: {}: {}", broken.flag, broken.reason));
        terminal.line(format_args!("  {line}"))?;
    }
    for warning in &verified.warnings {
        let line = terminal.paint(Meaning::Notice, format_args!("warning: {warning}"));
        terminal.line(format_args!("  {line}"))?;
    }
    Ok(())
}

/// Returns the file of a snapshot, which may be named by the folder it is published in.
pub(super) fn snapshot_in(given: &Path) -> Result<Cow<'_, Path>, Stop> {
    if !given.is_dir() {
        return Ok(Cow::Borrowed(given));
    }
    let published = Document::Snapshot.to_string();
    let names = [Path::new(&published), Path::new(&published).file_name().map_or(Path::new(""), Path::new)];
    let places = names.map(|name| given.join(name));
    places.into_iter().find(|place| place.is_file()).map(Cow::Owned).ok_or_else(|| {
        let message = format!("{} is a folder that holds no published snapshot", given.display());
        let hint = "name the file, such as public/v1/snapshot.json, or publish one: flag-admin publish --to public";
        Stop::problem("no_snapshot", message, Some(hint))
    })
}

/// Refuses a snapshot that is good but was replaced since: whoever serves it holds clients back.
fn refuse_outdated(session: &Session, verified: &Verified) -> Result<(), Stop> {
    let opened = session.open_logged()?;
    let Ok(environment) = verified.environment.parse::<EnvironmentName>() else { return Ok(()) };
    let Ok(state) = opened.project.environment(&environment) else { return Ok(()) };
    match state.published {
        Some(last) if (last.epoch, last.version) > (verified.epoch, verified.version) => Err(Stop::problem(
            "outdated",
            format!(
                "snapshot {} of {environment} is genuine, but snapshot {} was published since, at {}",
                verified.version, last.version, last.published_at
            ),
            Some("whoever serves it holds clients back: publish again, or look at the cache in between"),
        )),
        _ => Ok(()),
    }
}

/// Returns the roots of the project that the command is for.
pub(super) fn project_roots(session: &Session) -> Result<Roots, Stop> {
    let Ok(folder) = session.folder() else {
        let hint = Some("name the root that the application ships with --root FILE, or the project with -C DIR");
        return Err(Stop::problem("no_root", "there is no root to verify with", hint));
    };
    let mut roots = folder.roots().roots().map_err(AppError::from)?.into_iter();
    Ok(Roots { shipped: roots.next().unwrap_or_default(), successors: roots.collect() })
}

/// Returns the roots that were published beside a snapshot, as far as they go. A client would ask for them in the same way, and each must
/// be signed by the one before.
fn roots_beside(snapshot: &Path) -> Vec<Vec<u8>> {
    let folder = snapshot.parent().unwrap_or(Path::new(".")).join("root");
    (1_u64..).map_while(|version| fs::read(folder.join(format!("{version}.json"))).ok()).collect()
}
