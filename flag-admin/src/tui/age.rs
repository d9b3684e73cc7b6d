use flag_core::Timestamp;

/// Says how long ago a time was: `5 m ago`.
pub(super) fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = now.millis_since(then) / 1_000;
    match seconds {
        i64::MIN..=-60 => "in the future".to_owned(),
        -59..=59 => "just now".to_owned(),
        60..=3_599 => format!("{} m ago", seconds / 60),
        3_600..=86_399 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// Prints a time to the minute, in UTC: `2026-01-15 14:32`.
pub(super) fn minute(time: Timestamp) -> String {
    time.to_string().chars().take("2026-01-15T14:32".len()).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// Prints a time to the minute with how long ago it was.
pub(super) fn minute_and_ago(now: Timestamp, time: Timestamp) -> String {
    format!("{}, {}", minute(time), ago(now, time))
}

/// Prints a span of time: `3s`, `4m12s`, `23h05m`, `3d04h`.
pub(super) fn elapsed(millis: i64) -> String {
    let seconds = millis.max(0) / 1_000;
    match seconds {
        0..=59 => format!("{seconds}s"),
        60..=3_599 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600..=86_399 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// Prints a span of time in hours and minutes: `41m`, `24h00m`.
pub(super) fn to_the_minute(millis: i64) -> String {
    let minutes = millis.max(0) / 60_000;
    if minutes < 60 { format!("{minutes}m") } else { format!("{}h{:02}m", minutes / 60, minutes % 60) }
}

/// Prints a span of time as a clock: `00:41`, `23:59:30`.
pub(super) fn clock(millis: i64) -> String {
    let seconds = millis.max(0) / 1_000;
    if seconds < 3_600 {
        format!("{:02}:{:02}", seconds / 60, seconds % 60)
    } else {
        format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
    }
}
