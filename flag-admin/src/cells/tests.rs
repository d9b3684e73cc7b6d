#![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

use flag_client::report::{Report, parse};
use proptest::prelude::*;

use super::{Cell, CellKey, Fractions};

fn report(rest: &str) -> Report {
    let text = format!(
        r#"{{"v":1,"flag":"sync","variant":"on","stage":1000,"day":"2026-06-01",{rest},"nonce":"{:032x}"}}"#,
        rest.len()
    );
    parse(text.as_bytes()).unwrap()
}

fn clean() -> Report {
    report(
        r#""first_in_stage":1,"had_error":0,"crashed":0,"err_frac":0,"slow_frac":null,"lat":[[318,3]],"fb_pos":1,"fb_neg":0,"metrics":{"ok":16}"#,
    )
}

fn failed() -> Report {
    report(
        r#""first_in_stage":0,"had_error":1,"crashed":1,"err_frac":8,"slow_frac":2,"lat":[[318,1],[400,2]],"fb_pos":0,"fb_neg":1,"metrics":{"ok":4}"#,
    )
}

#[test]
fn reports_become_sums() {
    let mut cell = Cell::default();
    cell.add(&clean());
    cell.add(&failed());
    let expected = concat!(
        r#"{"n":2,"first_in_stage":1,"had_error":1,"crashed":1,"err_frac":[[0,1],[8,1]],"slow_frac":[[2,1]],"#,
        r#""lat":[[318,4],[400,2]],"fb_pos":1,"fb_neg":1,"metrics":{"ok":[[4,1],[16,1]]}}"#
    );
    assert_eq!(serde_json::to_string(&cell).unwrap(), expected);
    assert_eq!(serde_json::from_str::<Cell>(expected).unwrap(), cell);
    assert_eq!(cell.err_frac.mean(), Some(0.25));
    assert!(cell.is_sound());
}

#[test]
fn names_that_somebody_makes_up_do_not_make_a_cell_grow() {
    let mut cell = Cell::default();
    for number in 0..1_000 {
        let names: Vec<String> = (0..16).map(|more| format!("\"m{number}_{more}\":1")).collect();
        let rest = format!(
            r#""first_in_stage":0,"had_error":0,"crashed":0,"err_frac":null,"slow_frac":null,"lat":[],"fb_pos":0,"fb_neg":0,"metrics":{{{}}}"#,
            names.join(",")
        );
        cell.add(&report(&rest));
    }
    assert_eq!((cell.n, cell.metrics.len()), (1_000, 64));
    let mut other = Cell::default();
    other.add(&clean());
    cell.merge(&other);
    assert_eq!((cell.n, cell.metrics.len()), (1_001, 64));
}

#[test]
fn a_cell_is_named_by_what_its_reports_share() {
    let key = CellKey::of(&clean());
    assert_eq!(
        serde_json::to_string(&key).unwrap(),
        r#"{"flag":"sync","variant":"on","step":1000,"day":"2026-06-01"}"#
    );
    assert_eq!(key, CellKey::of(&failed()));
}

#[test]
fn counts_that_go_backwards_have_no_difference() {
    let (mut before, mut after) = (Cell::default(), Cell::default());
    before.add(&failed());
    after.add(&clean());
    assert_eq!(after.since(&before), None);
    after.add(&failed());
    let mut left = Cell::default();
    left.add(&clean());
    assert_eq!(after.since(&before), Some(left));
}

#[test]
fn sums_that_contradict_themselves_are_unsound() {
    let mut cell = Cell { n: 1, crashed: 1, ..Cell::default() };
    assert!(!cell.is_sound(), "a crash is an error");
    cell.had_error = 1;
    assert!(cell.is_sound());
    cell.had_error = 2;
    assert!(!cell.is_sound(), "more errors than reports");
}

#[test]
fn more_than_sixteen_sixteenths_are_refused() {
    let error = serde_json::from_str::<Fractions>("[[17,1]]").unwrap_err().to_string();
    assert!(error.starts_with("17 sixteenths, expected at most 16"), "{error}");
}

proptest! {
    #[test]
    fn the_order_of_reports_is_forgotten(which in prop::collection::vec(any::<bool>(), 0..20), split in 0_usize..20) {
        let reports: Vec<Report> = which.iter().map(|bad| if *bad { failed() } else { clean() }).collect();
        let sum = |reports: &mut dyn Iterator<Item = &Report>| {
            let mut cell = Cell::default();
            reports.for_each(|report| cell.add(report));
            cell
        };
        let (first, second) = reports.split_at(split.min(reports.len()));
        let mut merged = sum(&mut second.iter());
        let later = merged.clone();
        let earlier = sum(&mut first.iter());
        merged.merge(&earlier);
        prop_assert_eq!(&merged, &sum(&mut reports.iter().rev()));
        prop_assert!(merged.is_sound());
        prop_assert_eq!(merged.since(&earlier), Some(later));
    }
}
