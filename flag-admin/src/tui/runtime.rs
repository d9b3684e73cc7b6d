//! The loop: waits for keys, signals and the time, and draws.

use std::collections::VecDeque;
use std::io::{self, Stdout, stdout};
use std::rc::Rc;
use std::time::Duration;

use crossterm::event::{self, Event, KeyEventKind, MouseButton, MouseEventKind};
use flag_core::Timestamp;
use ratatui::Terminal;
use ratatui::backend::{Backend as _, CrosstermBackend};

use super::desk::Desk;
use super::effect::Effect;
use super::hangup::HangupWatch;
use super::keymap::Keymap;
use super::model::{Model, Start};
use super::msg::{Msg, Trouble, Turn};
use super::prose::Row;
use super::recorder::Recorder;
use super::signals::Signals;
use super::terminal::TerminalGuard;
use super::theme::Theme;
use super::update::update;
use super::view::view;
use super::widgets::header::freshness;
use super::{DashboardError, Ended, Mouse};

/// How long is waited for a key before signals and the time are looked at.
const WAIT: Duration = Duration::from_millis(200);
/// How often others' changes are looked for, in milliseconds.
const LOOK_MILLIS: i64 = 1_000;

/// The dashboard on a terminal.
pub(super) struct Runtime {
    desk: Desk,
    model: Model,
    theme: Theme,
    guard: TerminalGuard,
    terminal: Terminal<CrosstermBackend<Stdout>>,
    signals: Signals,
    _hangup: HangupWatch,
    looked: Timestamp,
    recorder: Recorder,
}

/// Whether the loop goes on.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Flow {
    On,
    End,
}

impl Runtime {
    /// Takes the terminal over.
    pub(super) fn new(desk: Desk, theme: Theme, keymap: Keymap, mouse: Mouse) -> Result<Self, DashboardError> {
        let facts = desk.facts().map_err(DashboardError::from)?;
        let signals = Signals::listen()?;
        let guard = TerminalGuard::take(mouse)?;
        let hangup = HangupWatch::start()?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        let size = terminal.size()?;
        let now = desk.project.now();
        let out = desk.out.clone();
        let model = Model::new(facts, Start { now, size: (size.width, size.height), out, keymap: Rc::new(keymap) });
        Ok(Self {
            desk,
            model,
            theme,
            guard,
            terminal,
            signals,
            _hangup: hangup,
            looked: now,
            recorder: Recorder::default(),
        })
    }

    /// Runs until the user or the system ends it.
    pub(super) fn run(mut self) -> Result<Ended, DashboardError> {
        self.draw()?;
        loop {
            if let Some(signal) = self.signals.end() {
                return Ok(Ended::BySignal(signal));
            }
            if self.signals.take_stop() {
                self.suspend()?;
            }
            let shown = self.shown();
            let mut happened = false;
            if event::poll(WAIT)? {
                // Everything that is there is taken before one frame is drawn.
                loop {
                    if let Some(msg) = translate(event::read()?) {
                        happened = true;
                        if self.take(msg)? == Flow::End {
                            return Ok(Ended::ByUser);
                        }
                    }
                    if !event::poll(Duration::ZERO)? {
                        break;
                    }
                }
            }
            happened |= self.look()?;
            if happened || self.shown() != shown {
                self.draw()?;
            }
        }
    }

    /// Returns what the time alone changes on the screen.
    fn shown(&self) -> (i64, bool, Row) {
        (self.model.now.as_millis() / 60_000, self.model.notice.is_some(), freshness(&self.model))
    }

    /// Looks at the time, and from time to time for others' changes. Returns whether there were any.
    fn look(&mut self) -> io::Result<bool> {
        let now = self.desk.project.now();
        self.take(Msg::Tick(now))?;
        // A clock that was set back must not end the looking.
        if now.millis_since(self.looked).abs() < LOOK_MILLIS {
            return Ok(false);
        }
        self.looked = now;
        let msg = self.desk.look();
        // That all is as it was shows in how fresh it is, if at all.
        let is_news = !matches!(msg, Msg::Seen) || self.model.link.lost.is_some();
        self.take(msg)?;
        Ok(is_news)
    }

    /// Takes what happened, does what is asked for, and takes what comes of that.
    fn take(&mut self, msg: Msg) -> io::Result<Flow> {
        self.recorder.note(&self.model, &msg);
        let mut waiting = VecDeque::from([msg]);
        while let Some(msg) = waiting.pop_front() {
            for effect in update(&mut self.model, msg) {
                match effect {
                    Effect::Quit => return Ok(Flow::End),
                    Effect::Suspend => self.suspend()?,
                    Effect::Repaint => self.repaint()?,
                    Effect::SaveSession => waiting.push_back(self.save_session()),
                    Effect::Copy(text) => self.guard.copy(&text)?,
                    other => waiting.extend(self.desk.perform(other)),
                }
            }
        }
        Ok(Flow::On)
    }

    /// Writes the last screens to a file of their own.
    fn save_session(&self) -> Msg {
        let name = format!("flag-admin-session-{}.json", self.model.now.as_millis());
        let path = std::env::temp_dir().join(name);
        let written = self.recorder.to_json().map_err(io::Error::other).and_then(|text| std::fs::write(&path, text));
        let place = path.display();
        match written {
            Ok(()) => Msg::Told(format!("Written to {place}, without names and reasons; --replay plays it")),
            Err(error) => Msg::Failed(Trouble::saying(format!("{place} cannot be written: {error}"))),
        }
    }

    fn suspend(&mut self) -> io::Result<()> {
        self.guard.suspend()?;
        self.repaint()
    }

    /// Draws the whole screen anew, by a terminal that remembers nothing of it. Its own way to clear asks the terminal where the cursor
    /// is, and fails where no answer comes in time.
    fn repaint(&mut self) -> io::Result<()> {
        self.terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        self.terminal.backend_mut().clear()?;
        self.draw()
    }

    fn draw(&mut self) -> io::Result<()> {
        let Self { terminal, model, theme, .. } = self;
        terminal.draw(|frame| {
            let area = frame.area();
            if (area.width, area.height) != model.size {
                // The size is read anew for each frame, and may be ahead of its event.
                update(model, Msg::Resize(area.width, area.height));
            }
            view(model, theme, frame);
        })?;
        self.recorder.keep(&self.model, &self.theme);
        Ok(())
    }
}

fn translate(event: Event) -> Option<Msg> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Msg::Key(key)),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(columns, rows) => Some(Msg::Resize(columns, rows)),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => Some(Msg::Click(mouse.column, mouse.row)),
            MouseEventKind::ScrollDown => Some(Msg::Wheel(Turn::Down)),
            MouseEventKind::ScrollUp => Some(Msg::Wheel(Turn::Up)),
            _ => None,
        },
        _ => None,
    }
}
