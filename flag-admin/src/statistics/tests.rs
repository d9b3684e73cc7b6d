#![allow(
    clippy::unwrap_used,
    clippy::float_cmp,
    reason = "tests may stop at the first surprise, and hold exact values"
)]

use super::beta_binomial::{Prior, always_valid_p, confidence_sequence, log_e_down, log_e_up};
use super::bets::{Bets, log_e_above, log_e_below, yes_no};
use super::rate_ratio::TwoCounts;
use super::*;

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs(), "{found} is not {expected}");
}

#[test]
fn statistics_primitives_agree_with_fifty_digits() {
    let twelve = yes_no(3, 12).unwrap();
    close(log_e_above(0.05, &twelve).unwrap(), 1.851_114_829_552_182_9, 1e-11);
    close(log_e_below(0.05, &twelve).unwrap(), -1.904_901_255_695_348_8, 1e-11);
    close(log_e_up(110, 1000, 0.05, 1000.0).unwrap(), 24.974_126_010_902_8, 1e-9);
    close(log_e_down(0, 3000, 0.001, 1000.0).unwrap(), 2.767_549_592_999_447, 1e-9);
    let interval = confidence_sequence(3, 12, 0.05, Prior { a: 1.0, b: 1.0 }).unwrap();
    close(interval.low, 0.028_287_028_148_788_93, 1e-9);
    close(interval.high, 0.659_930_476_517_874_7, 1e-9);
    let counts = TwoCounts { k_treatment: 12, n_treatment: 300, k_control: 594, n_control: 29_700 };
    close(counts.log_e(1.0, counts.suitable_n_opt()).unwrap(), 1.599_277_929_214_214_3, 1e-9);
}

#[test]
fn no_reports_are_no_evidence() {
    assert_eq!(log_e_above(0.05, &[]), Ok(0.0));
    assert_eq!(log_e_below(0.05, &[(0.5, 0)]), Ok(0.0));
    assert_eq!(log_e_up(0, 0, 0.05, 100.0), Ok(0.0));
    assert_eq!(always_valid_p(0.0), 1.0);
    assert_eq!(confidence_sequence(0, 0, 0.05, Prior { a: 1.0, b: 1.0 }), Ok(Interval { low: 0.0, high: 1.0 }));
}

#[test]
fn evidence_adds_up() {
    let bets = Bets::above(0.01).unwrap();
    let (first, second) = ([(0.0, 300), (0.25, 4)], [(0.0, 120), (1.0, 3)]);
    let apart: Vec<f64> =
        bets.sums(&first).unwrap().iter().zip(bets.sums(&second).unwrap()).map(|(a, b)| a + b).collect();
    let together = bets.sums(&[(0.0, 420), (0.25, 4), (1.0, 3)]).unwrap();
    apart.iter().zip(&together).for_each(|(apart, together)| close(*apart, *together, 1e-12));
}

#[test]
fn fault_32_nonsense_is_refused_and_named() {
    let told = |result: Result<f64>| result.unwrap_err().to_string();
    assert_eq!(told(log_e_above(f64::NAN, &[])), "limit is NaN, expected a number between 0 and 1, both excluded");
    assert_eq!(told(log_e_above(0.0, &[])), "limit is 0, expected a number between 0 and 1, both excluded");
    assert_eq!(told(log_e_below(0.05, &[(f64::NAN, 1)])), "a report is NaN, expected a number from 0 to 1");
    assert_eq!(told(log_e_below(0.05, &[(1.5, 1)])), "a report is 1.5, expected a number from 0 to 1");
    assert_eq!(told(log_e_up(13, 12, 0.05, 100.0)), "13 of 12 reports, expected at most as many as there are");
    assert_eq!(told(log_e_up(1, 12, 1.0, 100.0)), "p0 is 1, expected a number between 0 and 1, both excluded");
    assert_eq!(told(log_e_up(1, 12, 0.5, f64::INFINITY)), "n_opt is inf, expected a finite number above 0");
    let nobody = TwoCounts { k_treatment: 0, n_treatment: 0, k_control: 5, n_control: 100 };
    assert_eq!(told(nobody.log_e(1.0, 50.0)), "treatment reports is 0, expected a finite number above 0");
    assert_eq!(nobody.ratio(), None);
}

#[test]
fn evidence_is_finite_for_any_counts() {
    for n in [1, 20, 10_000, 100_000_000] {
        for k in [0, 1, n / 2, n] {
            for p0 in [1e-9, 0.001, 0.05, 0.5, 0.999] {
                for log_e in
                    [log_e_up(k, n, p0, 100.0), log_e_down(k, n, p0, 100.0), log_e_above(p0, &yes_no(k, n).unwrap())]
                {
                    assert!(log_e.as_ref().is_ok_and(|log_e| !log_e.is_nan()), "{k} of {n} against {p0}: {log_e:?}");
                }
            }
        }
    }
}
