use std::path::PathBuf;

use clap::Args;
use flag_client::trust::RoleName;

use super::problem::Stop;
use super::session::{Opened, Session};
use super::terminal::Terminal;
use crate::adapters::{ProjectFolder, Protection, inspect_key, is_without_color};
use crate::app::Failure as _;
use crate::app::ports::{KeyStore as _, Publisher};
use crate::tui::{self, Characters, Dashboard, DashboardError, Ended, OpenPublisher, Palette};

/// The failure that is one of usage: the program was started where it cannot be shown.
pub(super) const NO_TERMINAL: &str = "no_terminal";

#[derive(Debug, Default, Args)]
pub(super) struct DashboardArguments {
    /// The folder to publish to; asked for where absent
    #[arg(long = "to", value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Draw with ASCII characters alone
    #[arg(long)]
    pub(super) ascii: bool,
}

/// Shows the dashboard of a project.
pub(super) fn dashboard(
    session: &Session,
    terminal: &mut Terminal<'_>,
    arguments: DashboardArguments,
) -> Result<(), Stop> {
    // Whoever has no terminal learns that first: the way on is another command.
    if !tui::is_possible() {
        debug_assert_eq!(DashboardError::NoTerminal.code(), NO_TERMINAL);
        return Err(DashboardError::NoTerminal.into());
    }
    show(session.open()?, terminal, arguments)
}

/// Shows the dashboard of a project that is open.
pub(super) fn show(opened: Opened, terminal: &mut Terminal<'_>, arguments: DashboardArguments) -> Result<(), Stop> {
    let Opened { folder, project, environment, .. } = opened;
    let DashboardArguments { out, ascii } = arguments;
    let out = out.or_else(|| folder.remembered_target(&environment));
    terminal.flush()?;
    unlock(&folder);
    let ended = tui::run(Dashboard {
        project,
        environment,
        open_publisher: publisher_of(folder),
        out,
        palette: if is_without_color() { Palette::Mono } else { Palette::Dark },
        characters: if ascii { Characters::Ascii } else { Characters::Unicode },
    })?;
    if let Ended::BySignal(signal) = ended {
        end_by(signal);
    }
    Ok(())
}

/// Asks for the passphrase of an encrypted key while it can be asked for. Whoever gives none sees the dashboard, and cannot publish from it.
fn unlock(folder: &ProjectFolder) {
    let keys = folder.keys();
    let is_locked = inspect_key(&keys.path(RoleName::Snapshot), RoleName::Snapshot)
        .is_ok_and(|key| key.protection == Protection::Encrypted);
    if is_locked {
        // That it cannot be used is said again where it is needed.
        let _ = keys.signer(RoleName::Snapshot);
    }
}

fn publisher_of(folder: ProjectFolder) -> OpenPublisher {
    Box::new(move |out| folder.publisher(out).map(|folder| Box::new(folder) as Box<dyn Publisher>))
}

/// Ends the program by the signal that asked for its end, as whoever sent it expects.
#[cfg(unix)]
fn end_by(signal: u8) {
    // A failure leaves the way of an ordinary end.
    let _ = signal_hook::low_level::emulate_default_handler(i32::from(signal));
}

#[cfg(not(unix))]
fn end_by(_: u8) {}
