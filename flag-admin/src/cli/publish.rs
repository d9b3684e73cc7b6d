use std::fs;
use std::path::Path;

use super::arguments::{PublishArguments, VerifyArguments};
use super::change::counted;
use super::problem::Stop;
use super::session::{Session, read_bytes};
use super::terminal::{Form, Meaning, Terminal};
use crate::adapters::SystemClock;
use crate::app::ports::{Clock as _, RootStore as _};
use crate::app::{AppError, Verification, verify_snapshot};
use crate::log::EnvironmentName;

/// Signs a snapshot and publishes it.
pub(super) fn publish(
    session: &Session,
    terminal: &mut Terminal<'_>,
    arguments: &PublishArguments,
) -> Result<(), Stop> {
    let mut opened = session.open()?;
    let mut folder = opened.folder.publisher(&arguments.out).map_err(AppError::from)?;
    let published = opened.project.publish(&opened.environment, &mut folder)?;
    if terminal.form() == Form::Json {
        return terminal.json(&published);
    }
    let version = terminal.paint(Meaning::Name, format_args!("snapshot {}", published.version));
    let (flags, kills) = (counted(published.flags, "flag"), counted(published.kills, "kill"));
    terminal.line(format_args!("published {version} of {} to {}", opened.environment, published.place))?;
    terminal.line(format_args!("  {flags}, {kills}, stale from {}", published.expires_at))?;
    terminal.line(format_args!("  made from log entry {}", published.audit_head.seq))?;
    published.documents.iter().try_for_each(|document| terminal.line(format_args!("  {document}")))
}

/// Roots to verify with: the one that is shipped, and those after it.
pub(super) struct Roots {
    pub(super) shipped: Vec<u8>,
    pub(super) successors: Vec<Vec<u8>>,
}

/// Verifies a snapshot as a client does.
pub(super) fn verify(session: &Session, terminal: &mut Terminal<'_>, arguments: &VerifyArguments) -> Result<(), Stop> {
    let snapshot = read_bytes(&arguments.snapshot)?;
    let roots = match &arguments.root {
        Some(root) => Roots { shipped: read_bytes(root)?, successors: roots_beside(&arguments.snapshot) },
        None => project_roots(session)?,
    };
    let verified = verify_snapshot(&Verification {
        root: &roots.shipped,
        successors: &roots.successors,
        snapshot: &snapshot,
        environment: session.named_environment().map(EnvironmentName::as_str),
        now: SystemClock.now(),
    })?;
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
