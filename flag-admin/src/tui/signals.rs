//! What the system asks of the program while it runs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Signals that arrived and have not been answered.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// The number of the signal that asks for the end; 0 for none.
    end: Arc<AtomicUsize>,
    /// Whether the program is asked to stop for a while.
    stop: Arc<AtomicBool>,
    /// Whether the terminal's size changed.
    resize: Arc<AtomicBool>,
}

impl Signals {
    /// Listens. From now on these signals no longer end the program by themselves.
    #[cfg(unix)]
    pub(super) fn listen() -> io::Result<Self> {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
        let signals = Self::default();
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            let number = usize::try_from(signal).unwrap_or(1);
            signal_hook::flag::register_usize(signal, Arc::clone(&signals.end), number)?;
        }
        signal_hook::flag::register(SIGTSTP, Arc::clone(&signals.stop))?;
        signal_hook::flag::register(SIGWINCH, Arc::clone(&signals.resize))?;
        Ok(signals)
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "the same form as where there are signals")]
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self::default())
    }

    /// Returns the number of the signal that asks for the end.
    pub(super) fn end(&self) -> Option<u8> {
        u8::try_from(self.end.load(Ordering::SeqCst)).ok().filter(|number| *number > 0)
    }

    /// Tells whether the program is asked to stop for a while, once.
    pub(super) fn take_stop(&self) -> bool {
        self.stop.swap(false, Ordering::SeqCst)
    }

    /// Tells whether the terminal's size changed, once. The events of keys tell it too, but lose it where a key comes at the same moment.
    pub(super) fn take_resize(&self) -> bool {
        self.resize.swap(false, Ordering::SeqCst)
    }
}
