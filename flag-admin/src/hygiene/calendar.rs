//! Days as the calendar counts them.

use flag_core::Timestamp;

use crate::definition::CivilDate;

const MILLIS_PER_DAY: i64 = 86_400_000;

/// Returns the day of a time in UTC; `None` outside the years 1 to 9999.
pub(super) fn day_of(time: Timestamp) -> Option<CivilDate> {
    let (year, month, day) = time.date();
    format!("{year:04}-{month:02}-{day:02}").parse().ok()
}

/// Returns the day so many months later, or the last day of that month where it is shorter; `None` after the year 9999.
pub(super) fn months_after(date: &CivilDate, months: u32) -> Option<CivilDate> {
    let mut parts = date.as_str().split('-').map(|part| part.parse::<u32>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let month = month.checked_sub(1)?.checked_add(months)?;
    let (year, month) = (year.checked_add(month / 12)?, month % 12 + 1);
    (28..=day.max(28))
        .rev()
        .map(|last| day.min(last))
        .find_map(|day| format!("{year:04}-{month:02}-{day:02}").parse().ok())
}

/// Returns how many whole days lie between two times, 0 where the second is the earlier one.
pub(super) fn days_between(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.millis_since(from) / MILLIS_PER_DAY).unwrap_or_default()
}

/// Returns the first moment of a day in UTC.
pub(super) fn start_of(date: &CivilDate) -> Option<Timestamp> {
    format!("{date}T00:00:00Z").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_end_where_the_calendar_ends_them() {
        for (from, months, to) in [
            ("2026-02-01", 6, Some("2026-08-01")),
            ("2026-08-31", 6, Some("2027-02-28")),
            ("2023-08-31", 6, Some("2024-02-29")),
            ("2026-12-15", 1, Some("2027-01-15")),
            ("2026-03-31", 1, Some("2026-04-30")),
            ("9999-12-01", 6, None),
        ] {
            let date = from.parse().unwrap();
            assert_eq!(months_after(&date, months), to.map(|to| to.parse().unwrap()), "{from} + {months}");
        }
    }

    #[test]
    fn days_are_whole_and_in_utc() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(days_between(at("2026-02-01T12:00:00Z"), at("2026-03-03T11:59:59Z")), 29);
        assert_eq!(days_between(at("2026-02-01T12:00:00Z"), at("2026-03-03T12:00:00Z")), 30);
        assert_eq!(days_between(at("2026-03-03T12:00:00Z"), at("2026-02-01T12:00:00Z")), 0);
        assert_eq!(day_of(at("2026-02-01T23:30:00-02:00")), "2026-02-02".parse().ok());
        assert_eq!(start_of(&"2026-02-01".parse().unwrap()), Some(at("2026-02-01T00:00:00Z")));
    }
}
