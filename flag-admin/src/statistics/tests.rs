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

#[test]
fn fault_32_statistics_refuse_what_makes_no_sense() {
    use super::contingency::{goodness_of_fit, table};
    use super::means::{Summary, welch};
    use super::ranks::mann_whitney;
    fn told<T: std::fmt::Debug>(result: Result<T>) -> String {
        result.unwrap_err().to_string()
    }
    assert_eq!(told(Arm::new(0, 0)), "the number of units is 0, expected a finite number above 0");
    assert_eq!(told(Arm::new(3, 2)), "3 of 2 units, expected at most as many as there are");
    assert_eq!(told(Summary::of(&[1.0])), "1 numbers, expected at least 2");
    assert_eq!(told(Summary::of(&[1.0, f64::NAN])), "numbers is NaN, expected a finite number");
    assert_eq!(
        told(Summary::known(1.0, f64::INFINITY, 5)),
        "a standard deviation is inf, expected a finite number of at least 0"
    );
    let same = Summary::of(&[2.0, 2.0, 2.0]).unwrap();
    assert_eq!(told(welch(same, same)), "the numbers do not vary");
    assert_eq!(told(mann_whitney(&[], &[1.0])), "0 treatment numbers, expected at least 1");
    assert_eq!(told(mann_whitney(&[1.0], &[1.0])), "the numbers do not vary");
    assert_eq!(told(goodness_of_fit(&[5, 5], &[1.0])), "1 proportions, expected 2 as in the other list");
    assert_eq!(
        told(goodness_of_fit(&[5, 5], &[1.0, -1.0])),
        "a proportion is -1, expected a finite number of at least 0"
    );
    assert_eq!(
        told(goodness_of_fit(&[0, 0], &[1.0, 1.0])),
        "the number of units is 0, expected a finite number above 0"
    );
    assert_eq!(told(table(&[vec![1, 2], vec![3]])), "1 cells of a row, expected 2 as in the other list");
    assert_eq!(told(normal_quantile(1.0)), "chance is 1, expected a number between 0 and 1, both excluded");
}

proptest::proptest! {
    #[test]
    fn no_number_makes_a_statistic_panic_or_nan(a: f64, b: f64, c: f64, k in 0_u64..100_000, n in 0_u64..100_000) {
        use super::adjusted::{Paired, Ratio, cuped};
        use super::contingency::goodness_of_fit;
        use super::means::{Summary, welch, welch_interval};
        use super::multiple::{Adjustment, adjusted};
        use super::power::SharesToTell;
        use super::quantiles::quantile_ranks;
        use super::ranks::mann_whitney;
        let sound = |result: Result<f64>| assert!(result.as_ref().map_or(true, |value| !value.is_nan()), "{result:?}");
        let lists = [[a, b, c], [c, a, 1.0]];
        sound(log_e_above(a, &[(b, k), (c, n)]));
        sound(log_e_up(k, n, a, b));
        sound(beta_lower(a, b, c));
        sound(normal_quantile(a));
        sound(student_upper(a, b));
        sound(chi_square_upper(a, b));
        sound(Arm::new(k, n).and_then(|arm| arm.wilson(a)).map(|interval| interval.low + interval.high));
        sound(Arm::new(k, n).and_then(|arm| arm.clopper_pearson(0.05)).map(|interval| interval.low + interval.high));
        sound(goodness_of_fit(&[k, n], &[a, b]).map(|fit| fit.p));
        sound(adjusted(&[a, b, c], Adjustment::Hommel).map(|all| all.iter().sum()));
        sound(SharesToTell { control: a, treatment: b, alpha: c }.units_per_arm(0.8));
        sound(quantile_ranks(a, n, 0.05).map(|ranks| ranks.coverage));
        let (x, y) = (Summary::of(&lists[0]), Summary::of(&lists[1]));
        if let (Ok(x), Ok(y)) = (x, y) {
            let _ = (welch(x, y), welch_interval(x, y, 0.05), mann_whitney(&lists[0], &lists[1]));
            let _ = cuped(Paired { metric: &lists[0], before: &lists[1] }, Paired { metric: &lists[1], before: &lists[0] }, 0.05);
            let _ = Ratio::of(&lists[0], &lists[1]);
        }
    }

    #[test]
    fn swapping_the_arms_mirrors_the_comparison(k in 1_u64..500, m in 1_u64..500, rest in 1_u64..500) {
        let (one, other) = (Arm::new(k, k + rest).unwrap(), Arm::new(m, m + 2 * rest).unwrap());
        let straight = TwoProportions { treatment: one, control: other };
        let swapped = TwoProportions { treatment: other, control: one };
        let ((z, tails), (back, mirrored)) = (straight.pooled_z().unwrap(), swapped.pooled_z().unwrap());
        assert!((z + back).abs() < 1e-9);
        assert!((tails.greater - mirrored.less).abs() < 1e-9);
        assert!((straight.fisher().greater - swapped.fisher().less).abs() < 1e-9);
        let interval = straight.newcombe(0.05).unwrap();
        let turned = swapped.newcombe(0.05).unwrap().negated();
        assert!((interval.low - turned.low).abs() < 1e-9 && (interval.high - turned.high).abs() < 1e-9);
        assert!(interval.contains(straight.difference()));
    }
}
