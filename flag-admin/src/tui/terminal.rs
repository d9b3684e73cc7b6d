//! The terminal: taken over while the dashboard runs, and given back however it ends.

use std::io::{self, IsTerminal as _, Write as _, stdout};
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::execute;
use crossterm::style::force_color_output;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};

use super::Mouse;

/// Whether the terminal is taken over now.
static TAKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// Holds the terminal. Dropping it gives the terminal back.
pub(super) struct TerminalGuard(Mouse);

impl TerminalGuard {
    /// Takes the terminal over. A panic from now on gives it back before it prints what happened.
    pub(super) fn take(mouse: Mouse) -> io::Result<Self> {
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                give_back();
                before(info);
            }));
        });
        // Colours are a matter of the theme: with NO_COLOR, crossterm would print resets where it leaves colours out, and these take
        // the highlight of the selection with them.
        force_color_output(true);
        enter(mouse)?;
        Ok(Self(mouse))
    }

    /// Tells whether the terminal is held now.
    pub(super) fn is_taken() -> bool {
        TAKEN.load(Ordering::SeqCst)
    }

    /// Puts a text where the terminal's user can paste it, by OSC 52. Terminals that do not know it, or refuse it, ignore it.
    #[expect(clippy::unused_self, reason = "only who holds the terminal may write to it")]
    pub(super) fn copy(&self, text: &str) -> io::Result<()> {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(text);
        let mut out = stdout();
        write!(out, "\u{1b}]52;c;{text}\u{7}")?;
        out.flush()
    }

    /// Gives the terminal to the shell, stops, and takes it over again once the shell goes on with the program.
    #[cfg(unix)]
    pub(super) fn suspend(&self) -> io::Result<()> {
        give_back();
        signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGTSTP)?;
        enter(self.0)
    }

    #[cfg(not(unix))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "the same form as where programs can be stopped")]
    pub(super) const fn suspend(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        give_back();
    }
}

fn enter(mouse: Mouse) -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()
        .and_then(|()| execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste))
        .and_then(|()| match mouse {
            Mouse::On => execute!(stdout(), EnableMouseCapture),
            Mouse::Off => Ok(()),
        })
        .inspect_err(|_| give_back())
}

/// Undoes what [`enter`] did, in reverse order. There is nobody left to tell of a failure.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let _ = execute!(stdout(), DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
        let _ = stdout().flush();
    }
}

/// Tells whether there is a terminal that a dashboard can be drawn on.
#[expect(clippy::disallowed_methods, reason = "this is the adapter that asks what terminal there is")]
pub(super) fn is_fit() -> bool {
    io::stdin().is_terminal()
        && io::stdout().is_terminal()
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
