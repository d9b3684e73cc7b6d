use std::sync::OnceLock;

use flag_core::Timestamp;

/// The environment variable that stops the clock, in builds for tests.
const VARIABLE: &str = "FLAG_ADMIN_TEST_CLOCK";

static STOPPED_AT: OnceLock<Timestamp> = OnceLock::new();

/// Why the clock cannot be stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TestClockError {
    /// The program was built to be used: what it signs and logs must bear the true time.
    #[error("{VARIABLE} is set, but this build goes by the system's clock alone")]
    NotForTests,
    /// The variable names no time.
    #[error("{VARIABLE} is {found:?}, expected an RFC 3339 time such as 2026-01-15T14:32:01Z")]
    Form {
        /// The text given.
        found: String,
    },
}

/// Stops the clock of this process at the time that `FLAG_ADMIN_TEST_CLOCK` names, and returns that time; `None` where the variable is
/// not set. Times of log entries, signing and expiry, and every "how long" are then reckoned from it, so that a test can tell of months.
///
/// Only a build with debug assertions takes the variable, and only a program that calls this, as this one's commands do. Any other build refuses
/// to run with it rather than ignore it: whoever set it counts on times that they would not get. Clients never read it: what they
/// accept is decided by their own clock.
pub fn stop_clock_for_test() -> Result<Option<Timestamp>, TestClockError> {
    let Some(text) = variable() else { return Ok(None) };
    if !cfg!(debug_assertions) {
        return Err(TestClockError::NotForTests);
    }
    match text.parse() {
        Ok(time) => Ok(Some(*STOPPED_AT.get_or_init(|| time))),
        Err(_) => Err(TestClockError::Form { found: text }),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the adapter that reads the environment")]
fn variable() -> Option<String> {
    std::env::var_os(VARIABLE).map(|value| value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
}

/// Returns the time at which the clock stands, if it was stopped.
pub(super) fn stopped_at() -> Option<Timestamp> {
    STOPPED_AT.get().copied()
}
