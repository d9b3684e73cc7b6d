#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::chance::Chance;
use super::error::FormError;
use super::form::{Report, Sixteenths, parse};
use super::prepare::reports;
use super::spool::{MAX_REPORTS, Spool};
use crate::outcomes::{Cell, CellKey, Cells, Day, Outcome, Step};

/// Numbers that look random and are the same in every run (SplitMix64).
fn numbers(mut seed: u64) -> impl FnMut() -> Result<u64, getrandom::Error> {
    move || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Ok(mixed ^ (mixed >> 31))
    }
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn key(flag: &str, variant: Option<&str>, share: u32) -> CellKey {
    let step = variant.map(|_| Step(flag_core::Share::from_thousandths(share).unwrap()));
    CellKey { flag: flag.parse().unwrap(), variant: variant.map(Into::into), step }
}

fn cell(calls: u64, errors: u64) -> Cell {
    Cell { calls, errors, ..Cell::default() }
}

fn sample() -> Report {
    let used = Cell::of_use(Outcome::Error, Some(Duration::from_millis(1)), Some(Duration::from_micros(1)));
    let cells = Cells::from([(key("telemetry_cloud_sync", Some("on"), 25_000), used)]);
    let mut draw = numbers(7);
    reports(day("2026-06-01"), cells, |_| true, &mut Chance(&mut draw)).unwrap().remove(0)
}

#[test]
fn a_report_has_exactly_these_bytes() {
    let expected = concat!(
        r#"{"v":1,"flag":"telemetry_cloud_sync","variant":"on","stage":25000,"day":"2026-06-01","first_in_stage":1,"#,
        r#""had_error":1,"crashed":0,"err_frac":16,"slow_frac":16,"lat":[[318,1]],"fb_pos":0,"fb_neg":0,"metrics":{},"#,
        r#""nonce":"63cbe1e459320dd7044c3cd7f43c661c"}"#
    );
    let report = sample();
    assert_eq!(String::from_utf8(report.to_json()).unwrap(), expected);
    assert_eq!(parse(expected.as_bytes()).unwrap(), report);
}

#[test]
fn a_report_that_cannot_be_is_refused() {
    let sound = String::from_utf8(sample().to_json()).unwrap();
    for (from, to, message) in [
        ("\"v\":1", "\"v\":2", "a report has version 2, expected 1"),
        ("\"err_frac\":16", "\"err_frac\":17", "it is not a report: 17 sixteenths are more than 16"),
        ("\"err_frac\":16", "\"err_frac\":-1", "it is not a report: invalid value: integer `-1`, expected u8"),
        ("\"err_frac\":16", "\"err_frac\":null", "a report contradicts itself: an error is a part of the uses"),
        (
            "\"had_error\":1",
            "\"had_error\":0",
            "a report contradicts itself: a part of the uses that failed is an error",
        ),
        ("\"had_error\":1", "\"had_error\":2", "it is not a report: invalid value: integer `2`, expected 0 or 1"),
        ("\"stage\":25000", "\"stage\":null", "a report contradicts itself: a variant and a stage go together"),
        (
            "\"stage\":25000",
            "\"stage\":100001",
            "it is not a report: share 100001 is above 100000 thousandths of a percent",
        ),
        ("[[318,1]]", "[[318,101]]", "a report contradicts itself: there are at most 100 durations"),
        (
            "[[318,1]]",
            "[[318,1],[318,1]]",
            "a report contradicts itself: durations are pairs of ascending places up to 1162 and positive counts",
        ),
        (
            "[[318,1]]",
            "[[1163,1]]",
            "a report contradicts itself: durations are pairs of ascending places up to 1162 and positive counts",
        ),
        (
            "\"day\":\"2026-06-01\"",
            "\"day\":\"1 June\"",
            "it is not a report: \"1 June\" is no day, expected one like 2026-06-01",
        ),
        ("63cb", "63CB", "it is not a report: a nonce is 32 hexadecimal digits in lower case"),
        (
            "\"metrics\":{}",
            "\"metrics\":{\"a b\":1}",
            "a report contradicts itself: a metric is named by 1 to 128 letters, digits, dots, underscores and dashes",
        ),
        ("\"fb_pos\":0", "\"fb_pos\":0,\"unit\":\"x\"", "it is not a report: unknown field `unit`"),
        ("{\"v\":1", "{\"v\":1,\"v\":1", "it is not a report: duplicate field `v`"),
    ] {
        let forged = sound.replacen(from, to, 1);
        assert_ne!(forged, sound, "{from}");
        let message_of = |error: FormError| match &error {
            FormError::Json(cause) => format!("{error}: {cause}"),
            _ => error.to_string(),
        };
        let found = parse(forged.as_bytes()).map_err(message_of).unwrap_err();
        assert!(found.starts_with(message), "{to}: {found}");
    }
    let long = vec![b' '; 8_193];
    assert_eq!(parse(&long).unwrap_err().to_string(), "a report has 8193 bytes, expected at most 8192");
}

#[test]
fn e49_no_use_is_no_rate() {
    let liked = Cell { fb_pos: 1, ..Cell::default() };
    let mut draw = numbers(1);
    let cells = Cells::from([(key("a_flag", Some("on"), 1), liked)]);
    let report = reports(day("2026-06-01"), cells, |_| true, &mut Chance(&mut draw)).unwrap().remove(0);
    assert_eq!((report.err_frac, report.slow_frac, report.had_error, report.fb_pos), (None, None, false, true));
}

#[test]
fn rounding_is_right_on_average() {
    let mut draw = numbers(2026);
    let mut chance = Chance(&mut draw);
    for (part, whole) in [(1_u64, 40_u64), (1, 1_000), (5, 100), (7, 8), (39, 40), (1, 3)] {
        let draws = 40_000_u32;
        let mut sum = 0_u64;
        for _ in 0..draws {
            sum += u64::from(chance.sixteenths(part, whole).unwrap().unwrap().count());
        }
        let whole_float = |number: u64| f64::from(u32::try_from(number).unwrap());
        let mean = whole_float(sum) / f64::from(draws) / 16.0;
        let expected = whole_float(part) / whole_float(whole);
        // A draw deviates by at most 1/32; the mean of 40,000 by 1/32/200. Five times that is beyond chance.
        assert!((mean - expected).abs() < 5.0 / 32.0 / 200.0, "{part}/{whole}: {mean}");
    }
    for (part, whole, sixteenths) in [(0, 7, 0), (7, 7, 16), (1, 16, 1), (3, 8, 6), (u64::MAX, u64::MAX, 16)] {
        assert_eq!(chance.sixteenths(part, whole).unwrap().map(Sixteenths::count), Some(sixteenths), "{part}/{whole}");
    }
}

#[test]
fn a_hundred_uses_stand_for_all_in_proportion() {
    let durations = BTreeMap::from([(10, 900_u64), (20, 90), (30, 10), (40, 0)]);
    let mut draw = numbers(5);
    let mut chance = Chance(&mut draw);
    let mut sums: BTreeMap<u16, u32> = BTreeMap::new();
    for _ in 0..1_000 {
        let drawn = chance.sample(&durations).unwrap();
        assert_eq!(drawn.iter().map(|(_, count)| u32::from(*count)).sum::<u32>(), 100);
        for (place, count) in drawn {
            *sums.entry(place).or_default() += u32::from(count);
        }
    }
    for (place, expected) in [(10, 90_000_u32), (20, 9_000), (30, 1_000)] {
        // The standard deviation of each sum is below 100.
        assert!(sums[&place].abs_diff(expected) < 500, "{sums:?}");
    }
    let few = BTreeMap::from([(10, 99), (20, 1), (40, 0)]);
    assert_eq!(chance.sample(&few).unwrap(), [(10, 99), (20, 1)]);
}

#[test]
fn a_flag_has_one_report_a_step_and_day_whatever_its_user_reset() {
    let cells = Cells::from([
        (key("a_flag", Some("off"), 25_000), cell(3, 0)),
        (key("a_flag", Some("on"), 25_000), cell(4, 1)),
        (key("a_flag", Some("on"), 50_000), cell(1, 0)),
        (key("a_flag", None, 0), cell(1, 0)),
        (key("b_flag", Some("on"), 25_000), cell(1, 0)),
    ]);
    let mut draw = numbers(3);
    let made = reports(day("2026-06-01"), cells, |_| true, &mut Chance(&mut draw)).unwrap();
    let mut said: Vec<_> = made
        .iter()
        .map(|report| {
            let step = report.step.map(flag_core::Share::thousandths);
            (report.flag.as_str().to_owned(), report.variant.clone(), step)
        })
        .collect();
    said.sort();
    let on = || Some("on".into());
    assert_eq!(
        said,
        [
            ("a_flag".to_owned(), None, None),
            ("a_flag".to_owned(), on(), Some(25_000)),
            ("a_flag".to_owned(), on(), Some(50_000)),
            ("b_flag".to_owned(), on(), Some(25_000)),
        ]
    );
}

#[test]
fn a_machine_is_counted_once_in_a_step() {
    let mut spool = Spool::default();
    let quarter = key("a_flag", Some("on"), 25_000);
    assert!(spool.count(&quarter));
    assert!(!spool.count(&quarter));
    assert!(!spool.count(&key("a_flag", Some("off"), 25_000)), "another variant is the same step");
    assert!(spool.count(&key("a_flag", Some("on"), 50_000)));
    assert!(spool.count(&key("a_flag", None, 0)));
    assert!(spool.count(&key("b_flag", Some("on"), 25_000)));
    assert!(!Spool::parse(&spool.to_bytes()).count(&quarter), "it is remembered");
}

#[test]
fn a_spool_keeps_the_latest_thousand_reports_of_thirty_days() {
    let mut spool = Spool::default();
    let made = |day| Report { day, ..sample() };
    spool.close(day("2026-06-02"), vec![made(day("2026-06-02")); MAX_REPORTS]);
    spool.close(day("2026-06-01"), vec![made(day("2026-06-01")); 10]);
    assert_eq!(spool.reports.len(), MAX_REPORTS);
    assert!(spool.reports.iter().all(|report| report.day == day("2026-06-02")), "the earliest days are dropped");
    spool.reports.iter_mut().take(2).for_each(|report| report.fb_neg = true);
    spool.close(day("2026-06-03"), vec![made(day("2026-06-03")); 3]);
    let of = |date| spool.reports.iter().filter(|report| report.day == day(date)).count();
    assert_eq!((of("2026-06-02"), of("2026-06-03")), (MAX_REPORTS - 3, 3));
    assert!(!spool.reports.iter().any(|report| report.fb_neg), "of one day the first are dropped");
    spool.reports.truncate(MAX_REPORTS - 3);
    assert!(!spool.expire(day("2026-07-02")));
    assert!(spool.expire(day("2026-07-03")));
    assert!(spool.reports.is_empty());
}

#[test]
fn a_broken_line_of_a_spool_costs_itself_alone() {
    let mut spool = Spool::default();
    spool.close(day("2026-06-01"), vec![sample()]);
    spool.count(&key("a_flag", Some("on"), 1));
    spool.not_before = Some(flag_core::Timestamp::from_millis(5));
    let sound = spool.to_bytes();
    assert_eq!(Spool::parse(&sound), spool);
    let mut broken = b"{\"v\":1,\"flag\":\"tor\n\xff\xfe\n\n{\"counted\":{\"flag\":\"\"}}\n[]\n".to_vec();
    broken.extend(&sound);
    broken.extend(b"{\"closed\":\"2026-13-01\"}\n{\"report");
    assert_eq!(Spool::parse(&broken), spool);
}

proptest! {
    #[test]
    fn reading_a_spool_never_fails_and_settles_at_once(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let once = Spool::parse(&bytes).to_bytes();
        prop_assert_eq!(Spool::parse(&once).to_bytes(), once);
    }

    #[test]
    fn every_report_that_is_made_can_be_read(
        calls in 0_u64..1_000_000, errors in 0_u64..1_000_000, crashes in 0_u64..10, slow in 0_u64..1_000,
        lat in proptest::collection::btree_map(0_u16..=1_162, 0_u64..100_000, 0..50), seed in any::<u64>(),
    ) {
        let (errors, slow) = (errors.min(calls), slow.min(calls));
        let cell = Cell { calls, errors, crashes: crashes.min(errors), timed: calls, slow, lat, ..Cell::default() };
        let mut draw = numbers(seed);
        let cells = Cells::from([(key("a_flag", Some("on"), 100_000), cell)]);
        let report = reports(day("2026-06-01"), cells, |_| false, &mut Chance(&mut draw)).unwrap().remove(0);
        prop_assert_eq!(parse(&report.to_json()).unwrap(), report);
    }
}
