use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;
use flag_client::trust::RoleName;

use super::problem::Stop;
use super::session::{Opened, Session};
use super::terminal::Terminal;
use crate::adapters::{
    DashboardFile, ProjectFolder, Protection, RemoteServer, SystemClock, inspect_key, is_on_light_background, is_plain,
    is_without_color,
};
use crate::app::ports::{KeyStore as _, Publisher};
use crate::app::{AppError, Failure, RolloutsError};
use crate::log::EnvironmentName;
use crate::tui::{
    self, Afar, Characters, Dashboard, DashboardError, Ended, Mouse, OpenPublisher, Palette, RememberTarget, Unlock,
};

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
    /// Leave the mouse to the terminal
    #[arg(long)]
    pub(super) no_mouse: bool,
    /// The colours [default: found out; none where NO_COLOR is set]
    #[arg(long, value_name = "THEME", value_parser = ["dark", "light", "cvd", "mono"])]
    pub(super) theme: Option<String>,
    /// Answer line by line instead of drawing a screen; FLAG_ADMIN_PLAIN=1 says the same
    #[arg(long)]
    pub(super) plain: bool,
    /// Play a session that Ctrl-E wrote, without opening a project
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plain", "out"])]
    pub(super) replay: Option<PathBuf>,
    /// The file with theme and keys [default: flag-admin/dashboard.toml among the user's configurations]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// Shows the dashboard of a project.
pub(super) fn dashboard(
    session: &Session,
    terminal: &mut Terminal<'_>,
    arguments: DashboardArguments,
) -> Result<(), Stop> {
    if let Some(session) = &arguments.replay {
        terminal.flush()?;
        return Ok(tui::replay(session).map(drop)?);
    }
    // Whoever has no terminal learns that first: the way on is another command.
    if !arguments.plain && !is_plain() && !tui::is_possible() {
        debug_assert_eq!(DashboardError::NoTerminal.code(), NO_TERMINAL);
        return Err(DashboardError::NoTerminal.into());
    }
    show(session, session.open_logged()?, terminal, arguments)
}

/// Shows the dashboard of a project that is open.
pub(super) fn show(
    session: &Session,
    opened: Opened,
    terminal: &mut Terminal<'_>,
    arguments: DashboardArguments,
) -> Result<(), Stop> {
    let Opened { folder, project, environment, .. } = opened;
    let DashboardArguments { out, ascii, no_mouse, theme, plain, config, replay: _ } = arguments;
    let wanted = DashboardFile::find(config.as_deref())?;
    if folder.server().is_some() && out.is_some() {
        return Err(Stop::problem("usage", "a server publishes where it serves", Some("leave --to out")));
    }
    let out = out.or_else(|| folder.remembered_target(&environment));
    let instruments = folder.instruments(&environment).map_err(RolloutsError::from).map_err(AppError::from)?;
    let afar = folder.server().map(|server| afar(server.clone(), environment.clone()));
    terminal.flush()?;
    let folder = Rc::new(folder);
    let dashboard = Dashboard {
        project,
        open_publisher: publisher_of(Rc::clone(&folder), environment.clone()),
        remember_target: memory_of(Rc::clone(&folder), environment.clone()),
        unlock: unlock(session, Rc::clone(&folder)),
        drafts: Box::new(folder.drafts()),
        cells: instruments.cells,
        clock: Box::new(SystemClock),
        sources: instruments.sources,
        afar,
        environment,
        out,
        palette: palette(theme.as_deref().or(wanted.theme.as_deref()))?,
        keys: wanted.keys,
        characters: if ascii || wanted.ascii { Characters::Ascii } else { Characters::Unicode },
        mouse: if no_mouse || wanted.no_mouse { Mouse::Off } else { Mouse::On },
    };
    if plain || is_plain() {
        tui::run_plain(dashboard, &mut io::stdin().lock(), &mut io::stdout().lock())?;
        return Ok(());
    }
    let ended = tui::run(dashboard)?;
    if let Ended::BySignal(signal) = ended {
        end_by(signal);
    }
    Ok(())
}

/// Returns the colours that were asked for by name, else those that fit the terminal.
fn palette(name: Option<&str>) -> Result<Palette, Stop> {
    Ok(match name {
        Some("dark") => Palette::Dark,
        Some("light") => Palette::Light,
        Some("cvd") => Palette::Cvd,
        Some("mono") => Palette::Mono,
        Some(other) => {
            let message = format!("there is no theme {other:?}, expected dark, light, cvd or mono");
            return Err(Stop::problem("no_theme", message, None));
        }
        None if is_without_color() => Palette::Mono,
        None if is_on_light_background() => Palette::Light,
        None => Palette::Dark,
    })
}

/// Takes the passphrase that was typed, if it opens the key that signs snapshots or, where that is not encrypted, the emergency key.
fn unlock(session: &Session, folder: Rc<ProjectFolder>) -> Unlock {
    let sitting = session.shared_sitting();
    Box::new(move |typed| {
        sitting.give(typed).map_err(|error| Box::new(error) as Box<dyn Failure>)?;
        let keys = folder.keys();
        for role in [RoleName::Snapshot, RoleName::Kill] {
            let is_locked =
                inspect_key(&keys.path(role), role).is_ok_and(|key| key.protection == Protection::Encrypted);
            if is_locked {
                let opened = keys.signer(role);
                if opened.is_err() {
                    sitting.forget();
                }
                return opened.map(drop).map_err(|error| Box::new(error) as Box<dyn Failure>);
            }
        }
        Ok(())
    })
}

/// Returns the server that holds the project, as what publishes it.
fn afar(server: RemoteServer, environment: EnvironmentName) -> Afar {
    let (place, killing) = (server.place(), server.clone());
    let publish = move || {
        let published = server.publish(&environment, &serde_json::json!({}))?;
        Ok(published["version"].as_u64().unwrap_or_default())
    };
    let held_kill = move || Some(killing.last_answer()?["published"]["why"].as_str()?.to_owned());
    Afar { place, publish: Box::new(publish), held_kill: Box::new(held_kill) }
}

/// Notes in the settings where was published to. That it cannot be noted costs a --to next time, and nothing else.
fn memory_of(folder: Rc<ProjectFolder>, environment: EnvironmentName) -> RememberTarget {
    Box::new(move |out| drop(folder.remember_target(&environment, out)))
}

fn publisher_of(folder: Rc<ProjectFolder>, environment: EnvironmentName) -> OpenPublisher {
    Box::new(move |out| folder.publisher(&environment, out).map(|folder| Box::new(folder) as Box<dyn Publisher>))
}

/// Ends the program by the signal that asked for its end, as whoever sent it expects.
#[cfg(unix)]
fn end_by(signal: u8) {
    // A failure leaves the way of an ordinary end.
    let _ = signal_hook::low_level::emulate_default_handler(i32::from(signal));
}

#[cfg(not(unix))]
fn end_by(_: u8) {}
