//! Plays a sitting that was written to a file, screen by screen.

use std::io::{self, stdout};
use std::path::Path;
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::recorder::Recorded;
use super::terminal::TerminalGuard;
use super::{DashboardError, Ended, Mouse};

/// The longest time that one screen stands while it plays.
const LONGEST: Duration = Duration::from_millis(1_500);

/// How a sitting is gone through.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Mode {
    Playing,
    Stepping,
}

/// Plays a file until it is left. It is played as it is: no project is opened.
pub(super) fn replay(path: &Path) -> Result<Ended, DashboardError> {
    let unreadable = |source: io::Error| DashboardError::Session { place: path.display().to_string(), source };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let recorded = Recorded::of_json(&text).map_err(|error| unreadable(io::Error::other(error)))?;
    let _guard = TerminalGuard::take(Mouse::Off)?;
    let mut terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
    let (mut at, mut mode) = (0_usize, Mode::Playing);
    let last = recorded.frames.len().saturating_sub(1);
    loop {
        let Some(shown) = recorded.frames.get(at) else { return Ok(Ended::ByUser) };
        terminal.draw(|frame| {
            let area = frame.area();
            let rows: Vec<Line<'_>> = shown.rows.iter().map(|row| Line::raw(row.as_str())).collect();
            frame.render_widget(Paragraph::new(rows), area);
            let event = if shown.event.is_empty() { "time" } else { &shown.event };
            let (number, of) = (at.saturating_add(1), last.saturating_add(1));
            let note =
                format!(" replay {number}/{of}  +{} ms  {event}  |  Left Right step  Space plays  q ends ", shown.at);
            let foot = Rect { y: area.height.saturating_sub(1), height: 1.min(area.height), ..area };
            frame.render_widget(Paragraph::new(Line::raw(note).centered()), foot);
        })?;
        let next = recorded.frames.get(at.saturating_add(1)).map_or(0, |next| next.at.saturating_sub(shown.at));
        let stands = Duration::from_millis(u64::try_from(next).unwrap_or(0)).min(LONGEST);
        let waits = if mode == Mode::Playing && at < last { stands } else { LONGEST };
        if !event::poll(waits)? {
            if mode == Mode::Playing {
                at = at.saturating_add(1).min(last);
            }
            continue;
        }
        let Event::Key(key) = event::read()? else { continue };
        if key.kind == KeyEventKind::Release {
            continue;
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Ok(Ended::ByUser),
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return Ok(Ended::ByUser),
            KeyCode::Char(' ') => {
                mode = if mode == Mode::Playing { Mode::Stepping } else { Mode::Playing };
            }
            KeyCode::Right => (mode, at) = (Mode::Stepping, at.saturating_add(1).min(last)),
            KeyCode::Left => (mode, at) = (Mode::Stepping, at.saturating_sub(1)),
            KeyCode::Home => (mode, at) = (Mode::Stepping, 0),
            KeyCode::End => (mode, at) = (Mode::Stepping, last),
            _ => {}
        }
    }
}
