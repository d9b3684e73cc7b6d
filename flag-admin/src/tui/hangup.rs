//! What happens when the terminal itself goes away.
//!
//! A terminal that hung up reads as an endless end of file, and the reader of keys goes round in it without coming back to the loop that
//! answers signals. So a thread looks from time to time whether there still is a terminal, and ends the program if there is none: nothing is
//! left to restore then.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How often the terminal is looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Watches the terminal until it is dropped.
pub(super) struct HangupWatch(Arc<AtomicBool>);

impl HangupWatch {
    /// Starts watching.
    pub(super) fn start() -> io::Result<Self> {
        let over = Arc::new(AtomicBool::new(false));
        let watched = Arc::clone(&over);
        let watch = move || {
            while !watched.load(Ordering::SeqCst) {
                if !io::stdin().is_terminal() {
                    end_as_hung_up();
                }
                thread::sleep(LOOK);
            }
        };
        thread::Builder::new().name("terminal-watch".into()).spawn(watch)?;
        Ok(Self(over))
    }
}

impl Drop for HangupWatch {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Ends the program as the hang-up signal does.
#[cfg(unix)]
fn end_as_hung_up() {
    let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGHUP);
}

#[cfg(not(unix))]
#[expect(clippy::disallowed_methods, reason = "the loop that could return is lost in a read")]
fn end_as_hung_up() {
    std::process::exit(1);
}
