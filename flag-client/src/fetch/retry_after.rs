//! How long a server asks to be left alone: `Retry-After`, in seconds or as a date.

use std::time::Duration;

use flag_core::Timestamp;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// The longest time that a server is left alone because it asks for it. A kill must not wait for days.
pub(crate) const LONGEST: Duration = Duration::from_secs(3_600);

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Reads the header, as of `now`. What cannot be read asks for nothing, and no more than an hour is granted.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let time = if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        // More digits than fit are longer than any time that is granted.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let millis = http_date(text)?.millis_since(now);
        Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    };
    Some(time.min(LONGEST))
}

/// Reads an HTTP date in the one form that senders may use, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    let rest = text.split_once(", ")?.1.strip_suffix(" GMT")?;
    let mut parts = rest.split(' ');
    let (day, month, year, time) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    if parts.next().is_some() {
        return None;
    }
    format!("{year}-{month:02}-{day}T{time}Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT
    const NOW: Timestamp = Timestamp::from_millis(784_111_777_000);

    #[test]
    fn seconds_and_dates_are_obeyed_up_to_an_hour() {
        let table = [
            ("5", Some(5)),
            (" 120 ", Some(120)),
            ("0", Some(0)),
            ("1000000000", Some(3_600)),
            ("99999999999999999999999", Some(3_600)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Mon, 07 Nov 1994 08:49:37 GMT", Some(3_600)),
            ("Sunday, 06-Nov-94 08:50:37 GMT", None),
            ("Sun, 06 Nov 1994 08:50:37 CET", None),
            ("Sun, 31 Feb 1994 08:50:37 GMT", None),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ];
        for (text, expected) in table {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, text.parse().unwrap());
            assert_eq!(retry_after(&headers, NOW), expected.map(Duration::from_secs), "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), NOW), None);
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(NOW));
    }
}
