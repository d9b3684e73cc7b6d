#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test whose own arithmetic fails has failed"
)]

use alloc::{
    format,
    string::{String, ToString},
};

use proptest::prelude::*;

use super::*;

fn millis(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millis()
}

fn refusal(text: &str) -> String {
    text.parse::<Timestamp>().unwrap_err().to_string()
}

#[test]
fn reads_rfc_3339() {
    let table = [
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("2026-01-15T14:32:01Z", 1_768_487_521_000),
        ("2026-01-15t14:32:01z", 1_768_487_521_000),
        ("2026-01-15 14:32:01Z", 1_768_487_521_000),
        ("2026-01-15T14:32:01.5Z", 1_768_487_521_500),
        ("2026-01-15T14:32:01.123Z", 1_768_487_521_123),
        // The examples of RFC 3339 section 5.8.
        ("1985-04-12T23:20:50.52Z", 482_196_050_520),
        ("1996-12-19T16:39:57-08:00", 851_042_397_000),
        ("1937-01-01T12:00:27.87+00:20", -1_041_337_172_130),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ];
    for (text, expected) in table {
        assert_eq!(millis(text), expected, "{text}");
    }
}

#[test]
fn fraction_is_cut_off_after_the_millisecond() {
    let table = [(".0", 0), (".9999", 999), (".0019", 1), (".000999999999999999999999999999999999999", 0), (".1", 100)];
    for (fraction, expected) in table {
        assert_eq!(millis(&format!("1970-01-01T00:00:00{fraction}Z")), expected, "{fraction}");
    }
    assert_eq!(millis("1969-12-31T23:59:59.9999Z"), -1);
    let long = format!("1970-01-01T00:00:00.{}Z", "7".repeat(10_000));
    assert_eq!(millis(&long), 777);
}

#[test]
fn e39_offsets_are_the_same_instant() {
    let table = [
        "2026-01-15T14:32:01Z",
        "2026-01-15T14:32:01+00:00",
        "2026-01-15T14:32:01-00:00",
        "2026-01-15T15:32:01+01:00",
        "2026-01-15T20:02:01+05:30",
        "2026-01-15T06:32:01-08:00",
        "2026-01-16T14:31:01+23:59",
        "2026-01-14T14:33:01-23:59",
    ];
    for text in table {
        assert_eq!(millis(text), 1_768_487_521_000, "{text}");
    }
}

#[test]
fn e39_hour_repeated_at_the_end_of_summer_time_is_two_instants() {
    assert_eq!(millis("2026-10-25T02:30:00+01:00") - millis("2026-10-25T02:30:00+02:00"), 3_600_000);
}

#[test]
fn e39_time_without_offset_is_refused() {
    assert_eq!(
        refusal("2026-01-15T14:32:01"),
        "not an RFC 3339 time: ends at byte 19, expected 'Z' or an offset such as '+01:00'"
    );
}

#[test]
fn e39_leap_second_is_the_first_instant_of_the_next_second() {
    let table = [
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2016-12-31T23:59:60.999Z", "2017-01-01T00:00:00Z"),
        ("2016-12-31T15:59:60-08:00", "2017-01-01T00:00:00Z"),
        ("2026-01-15T14:32:60Z", "2026-01-15T14:33:00Z"),
    ];
    for (leap, next) in table {
        assert_eq!(leap.parse::<Timestamp>(), next.parse(), "{leap}");
    }
}

#[test]
fn e39_integers_are_milliseconds_never_seconds() {
    let read = |json: &str| serde_json::from_str::<Timestamp>(json).unwrap().to_string();
    assert_eq!(read("1768487521000"), "2026-01-15T14:32:01Z");
    assert_eq!(read("1768487521"), "1970-01-21T11:14:47.521Z");
    assert_eq!(read("-1"), "1969-12-31T23:59:59.999Z");
}

#[test]
fn e39_leap_days() {
    for year in ["0000", "1600", "2000", "2024", "9996"] {
        assert_eq!(millis(&format!("{year}-03-01T00:00:00Z")) - millis(&format!("{year}-02-29T00:00:00Z")), 86_400_000);
    }
    for year in ["1900", "2023", "2100", "9999"] {
        assert_eq!(
            refusal(&format!("{year}-02-29T00:00:00Z")),
            "not an RFC 3339 time: day 29 at byte 8 is not between 01 and 28"
        );
    }
}

#[test]
fn refusals_say_what_is_wrong() {
    let table = [
        ("", "ends at byte 0, expected a digit"),
        ("2026", "ends at byte 4, expected '-'"),
        ("2026-01-15", "ends at byte 10, expected 'T' or a space"),
        ("2026-01-15T14:32", "ends at byte 16, expected ':'"),
        ("2026-01-15T14:32:01+01", "ends at byte 22, expected ':'"),
        (" 2026-01-15T14:32:01Z", "byte 0 is ' ', expected a digit"),
        ("-001-01-15T14:32:01Z", "byte 0 is '-', expected a digit"),
        ("12026-01-15T14:32:01Z", "byte 4 is '6', expected '-'"),
        ("2026/01/15T14:32:01Z", "byte 4 is '/', expected '-'"),
        ("2026-1-15T14:32:01Z", "byte 6 is '-', expected a digit"),
        ("2026-01-15_14:32:01Z", "byte 10 is '_', expected 'T' or a space"),
        ("2026-01-15T14.32.01Z", "byte 13 is '.', expected ':'"),
        ("2026-01-15T14:32:01.Z", "byte 20 is 'Z', expected a digit"),
        ("2026-01-15T14:32:01,5Z", "byte 19 is ',', expected 'Z' or an offset such as '+01:00'"),
        ("2026-01-15T14:32:01 CET", "byte 19 is ' ', expected 'Z' or an offset such as '+01:00'"),
        ("2026-01-15T14:32:01−01:00", "byte 19 is '−', expected 'Z' or an offset such as '+01:00'"),
        ("2026-01-15T14:32:01+0100", "byte 22 is '0', expected ':'"),
        ("2026-01-15T14:32:01Z\n", r"byte 20 is '\n', expected the end"),
        ("202é-01-15T14:32:01Z", "byte 3 is 'é', expected a digit"),
        ("2026-00-15T14:32:01Z", "month 00 at byte 5 is not between 01 and 12"),
        ("2026-13-15T14:32:01Z", "month 13 at byte 5 is not between 01 and 12"),
        ("2026-04-00T14:32:01Z", "day 00 at byte 8 is not between 01 and 30"),
        ("2026-04-31T14:32:01Z", "day 31 at byte 8 is not between 01 and 30"),
        ("2026-01-32T14:32:01Z", "day 32 at byte 8 is not between 01 and 31"),
        ("2026-01-15T24:00:00Z", "hour 24 at byte 11 is not between 00 and 23"),
        ("2026-01-15T14:60:00Z", "minute 60 at byte 14 is not between 00 and 59"),
        ("2026-01-15T14:32:61Z", "second 61 at byte 17 is not between 00 and 60"),
        ("2026-01-15T14:32:01+24:00", "offset hour 24 at byte 20 is not between 00 and 23"),
        ("2026-01-15T14:32:01-01:60", "offset minute 60 at byte 23 is not between 00 and 59"),
    ];
    for (text, expected) in table {
        assert_eq!(refusal(text), format!("not an RFC 3339 time: {expected}"), "{text:?}");
    }
}

#[test]
fn prints_milliseconds_only_where_there_are_some() {
    for text in ["2026-01-15T14:32:01Z", "2026-01-15T14:32:01.123Z", "2026-01-15T14:32:01.007Z", "0001-01-01T00:00:00Z"]
    {
        assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
    }
}

#[test]
fn instants_without_a_text_print_as_the_nearest() {
    let table = [
        (i64::MIN, "0000-01-01T00:00:00Z"),
        (millis("0000-01-01T00:00:00+00:01"), "0000-01-01T00:00:00Z"),
        (millis("9999-12-31T23:59:60Z"), "9999-12-31T23:59:59.999Z"),
        (i64::MAX, "9999-12-31T23:59:59.999Z"),
    ];
    for (millis, expected) in table {
        assert_eq!(Timestamp::from_millis(millis).to_string(), expected);
    }
}

#[test]
fn dates_of_the_whole_range() {
    let table = [
        (i64::MIN, (-292_275_055, 5, 16)),
        (-62_167_219_200_001, (-1, 12, 31)),
        (-1, (1969, 12, 31)),
        (0, (1970, 1, 1)),
        (951_782_400_000, (2000, 2, 29)),
        (i64::MAX, (292_278_994, 8, 17)),
    ];
    for (millis, expected) in table {
        assert_eq!(Timestamp::from_millis(millis).date(), expected, "{millis}");
    }
}

#[test]
fn arithmetic_stops_at_the_ends() {
    let (first, last) = (Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX));
    assert_eq!(last.saturating_add_millis(1), last);
    assert_eq!(first.saturating_add_millis(-1), first);
    assert_eq!(last.millis_since(first), i64::MAX);
    assert_eq!(first.millis_since(last), i64::MIN);
    assert_eq!(Timestamp::from_millis(5).millis_since(Timestamp::from_millis(7)), -2);
}

#[test]
fn serde_writes_text() {
    let json = serde_json::to_string(&Timestamp::from_millis(1_768_487_521_123)).unwrap();
    assert_eq!(json, r#""2026-01-15T14:32:01.123Z""#);
}

#[test]
fn serde_refuses_other_values() {
    let wanted = "expected an RFC 3339 time with an offset, or milliseconds since the Unix epoch";
    let table = [
        ("null", format!("invalid type: null, {wanted} at line 1 column 4")),
        ("1.5", format!("invalid type: floating point `1.5`, {wanted} at line 1 column 3")),
        ("9223372036854775808", format!("invalid value: integer `9223372036854775808`, {wanted} at line 1 column 19")),
        (r#""2026""#, "not an RFC 3339 time: ends at byte 4, expected '-' at line 1 column 6".to_string()),
    ];
    for (json, expected) in table {
        assert_eq!(serde_json::from_str::<Timestamp>(json).unwrap_err().to_string(), expected, "{json}");
    }
}

/// Every day from 0000-01-01 to 9999-12-31, counted by hand.
#[test]
fn every_day_of_the_calendar() {
    let mut millis = -62_167_219_200_000;
    for year in 0..=9_999 {
        let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        for (month, length) in (1..).zip(lengths) {
            assert_eq!(days_in_month(year, month), length);
            for day in 1..=length {
                assert_eq!(days_from_civil(year, month, day) * MILLIS_PER_DAY, millis);
                assert_eq!(Timestamp::from_millis(millis).date(), (i32::from(year), month, day));
                millis += MILLIS_PER_DAY;
            }
        }
    }
    assert_eq!(millis, 253_402_300_800_000);
}

fn with_text() -> impl Strategy<Value = Timestamp> {
    (Timestamp::EARLIEST_TEXT.0..=Timestamp::LATEST_TEXT.0).prop_map(Timestamp)
}

proptest! {
    #[test]
    fn printed_instant_reads_back(instant in with_text()) {
        prop_assert_eq!(instant.to_string().parse(), Ok(instant));
        let json = serde_json::to_string(&instant).unwrap();
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), instant);
        prop_assert_eq!(serde_json::from_str::<Timestamp>(&instant.as_millis().to_string()).unwrap(), instant);
    }

    #[test]
    fn order_of_whole_seconds_is_order_of_text(a in with_text(), b in with_text()) {
        let whole = |instant: Timestamp| Timestamp(instant.0.div_euclid(1_000) * 1_000);
        prop_assert_eq!(whole(a).cmp(&whole(b)), whole(a).to_string().cmp(&whole(b).to_string()));
    }

    #[test]
    fn offset_moves_the_clock_not_the_instant(instant in with_text(), minutes in -1_439..=1_439_i64) {
        let local = Timestamp(instant.0 + minutes * 60_000);
        prop_assume!((Timestamp::EARLIEST_TEXT..=Timestamp::LATEST_TEXT).contains(&local));
        let sign = if minutes < 0 { '-' } else { '+' };
        let offset = format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
        prop_assert_eq!(local.to_string().replace('Z', &offset).parse(), Ok(instant));
    }

    #[test]
    fn later_instants_have_later_dates(a in any::<i64>(), b in any::<i64>()) {
        let (early, late) = (a.min(b), a.max(b));
        prop_assert!(Timestamp::from_millis(early).date() <= Timestamp::from_millis(late).date());
    }

    #[test]
    fn any_text_has_an_answer(text in "[0-9TtZz:.+ -]{0,30}|.{0,30}") {
        if let Ok(instant) = text.parse::<Timestamp>() {
            let printed = instant.clamp(Timestamp::EARLIEST_TEXT, Timestamp::LATEST_TEXT);
            prop_assert_eq!(instant.to_string().parse(), Ok(printed));
        }
    }

    #[test]
    fn any_byte_changed_has_an_answer(instant in with_text(), at in 0..20_usize, changed in any::<char>()) {
        let mut text = instant.to_string();
        text.replace_range(at..=at, changed.encode_utf8(&mut [0; 4]));
        if let Err(error) = text.parse::<Timestamp>() {
            prop_assert!(error.to_string().starts_with("not an RFC 3339 time: "));
        }
    }
}
