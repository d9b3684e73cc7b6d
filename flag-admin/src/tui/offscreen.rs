//! The dashboard without a terminal: keys go in, the screen comes out.

use std::collections::VecDeque;
use std::rc::Rc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::desk::Desk;
use super::effect::Effect;
use super::keymap::Keymap;
use super::model::{Model, Start};
use super::msg::Msg;
use super::theme::Theme;
use super::update::update;
use super::view::view;
use super::{Dashboard, DashboardError};

/// A dashboard that is drawn in memory, to be measured.
pub struct Offscreen {
    desk: Desk,
    model: Model,
    theme: Theme,
    terminal: Terminal<TestBackend>,
    asked: Vec<Effect>,
}

impl std::fmt::Debug for Offscreen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Offscreen").finish_non_exhaustive()
    }
}

impl Offscreen {
    /// Opens a dashboard on a screen of so many columns and rows, and draws its first frame.
    pub fn open(dashboard: Dashboard, columns: u16, rows: u16) -> Result<Self, DashboardError> {
        let theme = Theme { palette: dashboard.palette, characters: dashboard.characters };
        let keymap = Rc::new(Keymap::with(&dashboard.keys)?);
        let (desk, clock) = dashboard.into_desk();
        let start = Start { now: clock.now(), size: (columns, rows), out: desk.out.clone(), server: None, keymap };
        let model = Model::new(desk.facts()?, start);
        let terminal = Terminal::new(TestBackend::new(columns, rows)).map_err(std::io::Error::other)?;
        let mut opened = Self { desk, model, theme, terminal, asked: Vec::new() };
        opened.draw()?;
        Ok(opened)
    }

    /// Presses the key of a character, `\r` for Enter and `\x1b` for Escape, and draws. What it asks for is done by [`Self::answer`], as the
    /// program does it beside the screen.
    pub fn press(&mut self, key: char) -> Result<(), DashboardError> {
        let code = match key {
            '\r' => KeyCode::Enter,
            '\u{1b}' => KeyCode::Esc,
            key => KeyCode::Char(key),
        };
        let asked = update(&mut self.model, Msg::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        self.asked.extend(asked);
        self.draw()
    }

    /// Does what was asked for, and draws what comes of it.
    pub fn answer(&mut self) -> Result<(), DashboardError> {
        let mut waiting = VecDeque::new();
        for effect in std::mem::take(&mut self.asked) {
            waiting.extend(self.desk.perform(effect));
        }
        while let Some(msg) = waiting.pop_front() {
            for effect in update(&mut self.model, msg) {
                waiting.extend(self.desk.perform(effect));
            }
        }
        self.draw()
    }

    /// Returns what the screen shows, row by row.
    pub fn screen(&self) -> String {
        let buffer = self.terminal.backend().buffer();
        let rows = buffer.content.chunks(usize::from(buffer.area.width.max(1)));
        rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n").collect()
    }

    fn draw(&mut self) -> Result<(), DashboardError> {
        let Self { model, theme, terminal, .. } = self;
        terminal.draw(|frame| view(model, theme, frame)).map_err(std::io::Error::other)?;
        Ok(())
    }
}
