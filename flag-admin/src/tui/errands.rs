//! Between the screen and the desk: the screen has a thread of its own, so that a store or a server that hangs holds up no key.
//!
//! The desk stays where the project was opened and does one thing after the other. Whoever leaves while it hangs does not wait for it.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::thread;
use std::time::Duration;

use super::desk::Desk;
use super::effect::Effect;
use super::msg::Msg;
use super::{DashboardError, Ended};

/// How long the desk may take to come to an end once the screen is gone.
const GRACE: Duration = Duration::from_millis(500);

/// What the desk is sent to do.
enum Errand {
    /// Take in what others changed.
    Look,
    Do(Effect),
}

/// The screen's end.
pub(super) struct Errands {
    to: Sender<Errand>,
    from: Receiver<Msg>,
}

/// Runs a screen beside the desk until the screen ends.
pub(super) fn run_beside(
    mut desk: Desk,
    screen: impl FnOnce(Errands) -> Result<Ended, DashboardError> + Send + 'static,
) -> Result<Ended, DashboardError> {
    let (to, errands) = channel::<Errand>();
    let (answers, from) = channel::<Msg>();
    let (over, is_over) = channel::<()>();
    let shown = thread::Builder::new().name("screen".to_owned()).spawn(move || {
        let ended = screen(Errands { to, from });
        // The desk hangs up once it has seen that the screen is gone.
        if matches!(is_over.recv_timeout(GRACE), Err(RecvTimeoutError::Timeout)) {
            leave(&ended);
        }
        ended
    })?;
    for errand in errands {
        let msgs = match errand {
            Errand::Look => vec![desk.look(), Msg::Looked],
            Errand::Do(effect) => desk.perform(effect),
        };
        // Nobody is left to be told once the screen is gone.
        if msgs.into_iter().any(|msg| answers.send(msg).is_err()) {
            break;
        }
    }
    drop(over);
    shown.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Ends the program while the desk hangs. The terminal was given back before.
#[expect(clippy::disallowed_methods, reason = "the thread that could return hangs in a store or a server")]
fn leave(ended: &Result<Ended, DashboardError>) -> ! {
    let code = match ended {
        Ok(Ended::ByUser) => 0,
        Ok(Ended::BySignal(signal)) => {
            #[cfg(unix)]
            let _ = signal_hook::low_level::emulate_default_handler(i32::from(*signal));
            i32::from(*signal).saturating_add(128)
        }
        Err(_) => 1,
    };
    std::process::exit(code)
}

impl Errands {
    pub(super) fn look(&self) -> io::Result<()> {
        self.to.send(Errand::Look).map_err(|_| gone())
    }

    pub(super) fn send(&self, effect: Effect) -> io::Result<()> {
        self.to.send(Errand::Do(effect)).map_err(|_| gone())
    }

    /// Returns an answer that is there.
    pub(super) fn answer(&self) -> io::Result<Option<Msg>> {
        match self.from.try_recv() {
            Ok(msg) => Ok(Some(msg)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(gone()),
        }
    }

    /// Waits for an answer for so long.
    pub(super) fn answer_within(&self, patience: Duration) -> io::Result<Option<Msg>> {
        match self.from.recv_timeout(patience) {
            Ok(msg) => Ok(Some(msg)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(gone()),
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("what changes the project has stopped")
}
