use std::path::PathBuf;

use clap::Args;

use super::problem::Stop;
use super::session::{Opened, Session};
use super::terminal::Terminal;
use crate::adapters::{ProjectFolder, is_without_color};
use crate::app::Failure as _;
use crate::app::ports::Publisher;
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
    let Opened { folder, project, environment } = opened;
    let DashboardArguments { out, ascii } = arguments;
    terminal.flush()?;
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
