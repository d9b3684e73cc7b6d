//! The loop: waits for keys, signals and the time, and draws.

use std::collections::VecDeque;
use std::io::{self, Stdout, stdout};
use std::time::Duration;

use crossterm::event::{self, Event, KeyEventKind, MouseButton, MouseEventKind};
use flag_core::Timestamp;
use ratatui::Terminal;
use ratatui::backend::{Backend as _, CrosstermBackend};

use super::effect::Effect;
use super::errands::Errands;
use super::hangup::HangupWatch;
use super::model::{Dialog, Model};
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
use crate::app::ports::Clock;

/// How long is waited for a key before signals and the time are looked at.
const WAIT: Duration = Duration::from_millis(200);
/// How long is waited for a key while the desk is at work.
const SOON: Duration = Duration::from_millis(15);
/// How long a frame waits for an answer to the key that it shows.
const MOMENT: Duration = Duration::from_millis(6);
/// How long keys are held back for an answer at once, and how often in a row: a fifth of a second in all.
const HELD: Duration = Duration::from_millis(10);
const HELD_TIMES: u32 = 20;
/// How often others' changes are looked for, in milliseconds.
const LOOK_MILLIS: i64 = 1_000;

/// The dashboard on a terminal.
pub(super) struct Runtime {
    errands: Errands,
    clock: Box<dyn Clock + Send>,
    model: Model,
    theme: Theme,
    guard: TerminalGuard,
    terminal: Terminal<CrosstermBackend<Stdout>>,
    signals: Signals,
    _hangup: HangupWatch,
    looked: Timestamp,
    /// How often in a row keys were held back for an answer.
    held: u32,
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
    pub(super) fn new(
        mut model: Model,
        errands: Errands,
        clock: Box<dyn Clock + Send>,
        theme: Theme,
        mouse: Mouse,
    ) -> Result<Self, DashboardError> {
        let signals = Signals::listen()?;
        let guard = TerminalGuard::take(mouse)?;
        let hangup = HangupWatch::start()?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        let size = terminal.size()?;
        update(&mut model, Msg::Resize(size.width, size.height));
        let looked = model.now;
        Ok(Self {
            errands,
            clock,
            model,
            theme,
            guard,
            terminal,
            signals,
            _hangup: hangup,
            looked,
            held: 0,
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
            let (mut happened, mut resized) = (false, false);
            if self.holds_keys() {
                happened |= self.hear_within(HELD)?;
            } else if event::poll(self.wait())? {
                // Everything that is there is taken before one frame is drawn.
                loop {
                    if let Some(msg) = translate(event::read()?) {
                        happened = true;
                        resized |= matches!(msg, Msg::Resize(..));
                        if self.take(msg)? == Flow::End {
                            return Ok(Ended::ByUser);
                        }
                    }
                    if self.holds_keys() || !event::poll(Duration::ZERO)? {
                        break;
                    }
                }
                // What comes in a moment is drawn with the key that asked for it.
                happened |= self.hear_within(MOMENT)?;
            }
            happened |= self.hear()?;
            self.look()?;
            resized |= self.signals.take_resize();
            if resized {
                // A terminal that was made smaller and larger again has the size of the last frame, and nothing of its text.
                self.repaint()?;
            } else if happened || self.shown() != shown {
                self.draw()?;
            }
        }
    }

    /// Tells whether the next key has to wait: what it means depends on an answer that should be there in a moment. If it is not, keys
    /// go on working, and mean what the screen says.
    fn holds_keys(&self) -> bool {
        self.held < HELD_TIMES && self.model.waits_for_an_answer() && !self.model.work.is_idle()
    }

    /// Returns how long a key is waited for. While the desk is at work, its answers have to be seen soon.
    fn wait(&self) -> Duration {
        if self.model.work.is_idle() { WAIT } else { SOON }
    }

    /// Returns what the time alone changes on the screen.
    fn shown(&self) -> (i64, bool, Row, Option<Row>, bool) {
        let model = &self.model;
        let is_awaited = matches!(&model.dialog, Some(Dialog::Awaited(awaited)) if awaited.popup(model).is_some());
        let minute = model.now.as_millis() / 60_000;
        (minute, model.notice.is_some(), freshness(model), model.work.row(model.now), is_awaited)
    }

    /// Takes the answers of the desk that are there. Returns whether they change the screen.
    fn hear(&mut self) -> io::Result<bool> {
        let mut happened = false;
        while let Some(msg) = self.errands.answer()? {
            happened |= self.take_answer(msg)?;
        }
        Ok(happened)
    }

    /// Waits for so long until the desk has answered all that it was asked.
    fn hear_within(&mut self, patience: Duration) -> io::Result<bool> {
        let mut happened = false;
        while !self.model.work.is_idle() {
            let Some(msg) = self.errands.answer_within(patience)? else {
                self.held = self.held.saturating_add(1);
                return Ok(happened);
            };
            happened |= self.take_answer(msg)?;
        }
        self.held = 0;
        Ok(happened)
    }

    fn take_answer(&mut self, msg: Msg) -> io::Result<bool> {
        // That all is as it was shows in how fresh it is, if at all.
        let is_quiet = matches!(msg, Msg::Seen | Msg::Looked | Msg::Finished) && self.model.link.lost.is_none();
        self.take(msg)?;
        Ok(!is_quiet)
    }

    /// Looks at the time, and from time to time has the desk look for others' changes.
    fn look(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        self.take(Msg::Tick(now))?;
        // A clock that was set back must not end the looking.
        if now.millis_since(self.looked).abs() < LOOK_MILLIS || !self.model.work.is_idle() {
            return Ok(());
        }
        self.looked = now;
        self.take(Msg::Looking)?;
        self.errands.look()
    }

    /// Takes what happened, and has done what is asked for.
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
                    other => {
                        self.held = 0;
                        self.errands.send(other)?;
                    }
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
        // After a panic elsewhere the terminal is the shell's.
        if !TerminalGuard::is_taken() {
            return Ok(());
        }
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
