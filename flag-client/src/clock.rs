//! The one place that reads the system's clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use flag_core::Timestamp;

/// The system's time. A clock before 1970 reads as 1970.
pub(crate) fn system_time() -> Timestamp {
    #[expect(clippy::disallowed_methods, reason = "the adapter that everything else is given the time by")]
    let now = SystemTime::now();
    let millis = now.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
    Timestamp::from_millis(millis)
}

/// A time to measure durations by.
#[expect(clippy::disallowed_methods, reason = "the adapter that durations are measured by")]
pub(crate) fn monotonic() -> Instant {
    Instant::now()
}
