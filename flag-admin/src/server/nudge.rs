use std::fmt;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// How long whoever published waits at most until it is served.
const PATIENCE: Duration = Duration::from_secs(2);

/// Lets whoever published something here ask for a look at once, rather than at the next turn.
pub(super) struct Nudge {
    /// The number of the last look that was asked for.
    wanted: Mutex<u64>,
    bell: Condvar,
    /// The number up to which looks are over.
    done: watch::Sender<u64>,
}

impl Default for Nudge {
    fn default() -> Self {
        Self { wanted: Mutex::new(0), bell: Condvar::new(), done: watch::Sender::new(0) }
    }
}

impl fmt::Debug for Nudge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nudge").finish_non_exhaustive()
    }
}

impl Nudge {
    /// Asks for a look, and returns once one that began after this call is over. That nobody looks in time is nobody's failure: what is
    /// published stands.
    pub(super) async fn look(&self) {
        let wanted = {
            let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            *wanted = wanted.saturating_add(1);
            *wanted
        };
        self.bell.notify_all();
        let mut done = self.done.subscribe();
        let _ = timeout(PATIENCE, done.wait_for(|done| *done >= wanted)).await;
    }

    /// Returns the number of the last look that was asked for: whoever looks reads it first, and says afterwards that it is over.
    pub(super) fn wanted(&self) -> u64 {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says that a look is over.
    pub(super) fn looked(&self, wanted: u64) {
        self.done.send_replace(wanted);
    }

    /// Waits until a look is asked for that was not when `wanted` was read, at most for so long.
    pub(super) fn wait(&self, wanted: u64, at_most: Duration) {
        let held = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever waits looks afterwards in any case.
        let _ = self.bell.wait_timeout_while(held, at_most, |now| *now == wanted);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn whoever_asks_waits_for_a_look_that_began_afterwards() {
        let nudge = Arc::new(Nudge::default());
        let eye = Arc::clone(&nudge);
        let looking = thread::spawn(move || {
            loop {
                let wanted = eye.wanted();
                eye.looked(wanted);
                if wanted == 2 {
                    return;
                }
                eye.wait(wanted, Duration::from_secs(60));
            }
        });
        nudge.look().await;
        nudge.look().await;
        looking.join().unwrap();
        assert_eq!((nudge.wanted(), *nudge.done.borrow()), (2, 2));
    }
}
