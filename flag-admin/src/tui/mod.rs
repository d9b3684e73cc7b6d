//! The dashboard: every flag, its rollout and its history on a terminal.
//!
//! What happens is a message; `update` turns it into a new model and into effects, `view` draws the model. Neither reads a clock or
//! touches anything; the desk alone acts, and only through [`crate::app`], so that whatever is done here a command can do.

mod act;
mod action;
mod age;
mod bindings;
mod command;
mod desk;
mod effect;
mod equivalent;
mod errands;
mod facts;
mod friction;
mod fuzzy;
mod hangup;
mod keymap;
mod layout;
mod line_input;
mod listing;
mod model;
mod msg;
mod offscreen;
mod outcome;
mod plain;
mod prose;
mod query;
mod recorder;
mod replay;
mod room;
mod runtime;
mod screens;
mod signals;
mod simulation;
mod steps_text;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod trials;
mod update;
mod view;
mod widgets;
mod words;
mod work;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

pub use self::desk::{Afar, OpenPublisher, RememberTarget, Unlock};
use self::desk::{Desk, Trail};
use self::keymap::Keymap;
pub use self::keymap::KeymapError;
use self::model::{Model, Start};
pub use self::offscreen::Offscreen;
use self::plain::Plain;
use self::runtime::Runtime;
use self::theme::Theme;
pub use self::theme::{Characters, Palette};
use crate::app::ports::{CellStore, Clock, MetricSource};
use crate::app::{AppError, DraftStore, Failure, Project};
use crate::log::EnvironmentName;

/// What the dashboard needs.
pub struct Dashboard {
    /// The project.
    pub project: Project,
    /// The environment that is shown and changed.
    pub environment: EnvironmentName,
    /// Opens the folder that is published to.
    pub open_publisher: OpenPublisher,
    /// Notes where was published to.
    pub remember_target: RememberTarget,
    /// Opens encrypted keys.
    pub unlock: Unlock,
    /// What anonymous reports come to.
    pub cells: Box<dyn CellStore>,
    /// What the time of the screen is read from.
    pub clock: Box<dyn Clock + Send>,
    /// Other systems that know how features do.
    pub sources: Box<dyn MetricSource>,
    /// The server that holds the project, where one does.
    pub afar: Option<Afar>,
    /// Where drafts are kept.
    pub drafts: Box<dyn DraftStore>,
    /// The folder that is published to; asked for where absent.
    pub out: Option<PathBuf>,
    /// Which colours are used.
    pub palette: Palette,
    /// Which characters are used.
    pub characters: Characters,
    /// The keys that replace those of some commands, by the commands' names.
    pub keys: BTreeMap<String, Vec<String>>,
    /// Whether the mouse is listened to.
    pub mouse: Mouse,
}

/// Whether the mouse is listened to. Where it is, a terminal selects text only while Shift is held.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Mouse {
    /// It scrolls, selects and presses keys of the hint bar.
    #[default]
    On,
    /// It is the terminal's.
    Off,
}

/// How the dashboard ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its user left it.
    ByUser,
    /// The system asked for its end, by the signal of this number.
    BySignal(u8),
}

/// Why the dashboard cannot be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DashboardError {
    /// Input or output is no terminal, or one that cannot be drawn on.
    #[error("the dashboard needs a terminal")]
    NoTerminal,
    /// The project cannot be read.
    #[error(transparent)]
    Project(#[from] AppError),
    /// The keys that were asked for cannot be used.
    #[error(transparent)]
    Keys(#[from] KeymapError),
    /// A sitting that was written to a file cannot be played.
    #[error("session {place} cannot be played")]
    Session {
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The terminal fails.
    #[error("the terminal fails")]
    Terminal(#[from] io::Error),
}

impl Failure for DashboardError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoTerminal => "no_terminal",
            Self::Project(error) => error.code(),
            Self::Keys(_) => "bad_keys",
            Self::Session { .. } => "bad_session",
            Self::Terminal(_) => "terminal",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoTerminal => {
                Some("use \"flag-admin flag list\", \"flag-admin log\" or \"flag-admin dashboard --plain\"".to_owned())
            }
            Self::Project(error) => error.hint(),
            Self::Keys(KeymapError::NoCommand { closest: Some(closest), .. }) => {
                Some(format!("did you mean {closest:?}?"))
            }
            Self::Keys(KeymapError::Clash { .. }) => Some("give one of them another key".to_owned()),
            Self::Session { .. } => Some("Ctrl-E in the dashboard writes one".to_owned()),
            Self::Keys(_) | Self::Terminal(_) => None,
        }
    }
}

/// Tells whether there is a terminal to show the dashboard on.
pub fn is_possible() -> bool {
    terminal::is_fit()
}

/// Shows the dashboard until its user or the system ends it. The terminal is given back in any case.
pub fn run(dashboard: Dashboard) -> Result<Ended, DashboardError> {
    if !is_possible() {
        return Err(DashboardError::NoTerminal);
    }
    let theme = Theme { palette: dashboard.palette, characters: dashboard.characters };
    let (keymap, mouse) = (Keymap::with(&dashboard.keys)?, dashboard.mouse);
    let (desk, clock) = dashboard.into_desk();
    let (facts, out) = (desk.facts()?, desk.out.clone());
    let server = desk.afar.as_ref().map(|afar| afar.place.clone());
    errands::run_beside(desk, move |errands| {
        let (server, keymap) = (server.map(Rc::from), Rc::new(keymap));
        let start = Start { now: clock.now(), size: (0, 0), out, server, keymap };
        Runtime::new(Model::new(facts, start), errands, clock, theme, mouse)?.run()
    })
}

/// Answers line by line until the input ends: the dashboard without a screen.
pub fn run_plain(
    dashboard: Dashboard,
    input: &mut dyn BufRead,
    output: &mut dyn Write,
) -> Result<Ended, DashboardError> {
    Plain::new(dashboard.into_desk().0, input, output)?.run()
}

/// Plays a sitting that Ctrl-E wrote to a file.
pub fn replay(session: &Path) -> Result<Ended, DashboardError> {
    if !is_possible() {
        return Err(DashboardError::NoTerminal);
    }
    replay::replay(session)
}

impl Dashboard {
    fn into_desk(self) -> (Desk, Box<dyn Clock + Send>) {
        let Self {
            project,
            environment,
            open_publisher,
            remember_target,
            unlock,
            drafts,
            cells,
            sources,
            out,
            afar,
            ..
        } = self;
        let trail = Trail::default();
        let desk = Desk {
            project,
            environment,
            open_publisher,
            remember_target,
            unlock,
            drafts,
            cells,
            sources,
            out,
            trail,
            idle: 0,
            afar,
        };
        (desk, self.clock)
    }
}
