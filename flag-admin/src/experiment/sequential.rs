//! Comparisons that may be looked at at any time: intervals and p-values that hold at all looks together.

use super::comparison::Test;
use crate::statistics::beta_binomial::{Prior, always_valid_p, best_rho, confidence_sequence, log_e_down, log_e_up};
use crate::statistics::bets::mean_capital;
use crate::statistics::{Arm, Interval, Result as Statistic, TwoProportions};

/// The mixing distribution of intervals that are reported.
const FLAT: Prior = Prior { a: 1.0, b: 1.0 };

/// Returns the interval of a share.
pub(super) fn share(arm: Arm, alpha: f64) -> Statistic<Interval> {
    confidence_sequence(arm.k(), arm.n(), alpha, FLAT)
}

/// Below so many units of the rarer outcome in a group, the normal distribution tells little about its share.
const RARE: u64 = 20;

fn are_common(both: TwoProportions) -> bool {
    [both.treatment, both.control].iter().all(|arm| arm.k().min(arm.rest()) >= RARE)
}

fn smaller(both: TwoProportions) -> f64 {
    real(both.treatment.n().min(both.control.n()))
}

/// Returns the interval of the difference of two shares: that of means, or, where one outcome is rare, from the intervals of both shares,
/// each at half the α.
pub(super) fn difference_of_shares(both: TwoProportions, tuned_to: u64, alpha: f64) -> Statistic<Interval> {
    if are_common(both) {
        let part = |arm: Arm| arm.share() * (1.0 - arm.share()) / real(arm.n());
        let squared = part(both.treatment) + part(both.control);
        let half = half_width(squared, smaller(both), tuned_to, alpha);
        return Ok(Interval { low: -half, high: half }.shifted(both.difference()));
    }
    let (t, c) = (share(both.treatment, alpha / 2.0)?, share(both.control, alpha / 2.0)?);
    Ok(Interval { low: t.low - c.high, high: t.high - c.low })
}

/// Returns the interval of the ratio of two shares: in its logarithm as for means, or, where one outcome is rare, from the intervals of both
/// shares, each at half the α.
pub(super) fn ratio_of_shares(both: TwoProportions, tuned_to: u64, alpha: f64) -> Statistic<Option<Interval>> {
    if are_common(both) {
        let part = |arm: Arm| (1.0 - arm.share()) / real(arm.k());
        let half = half_width(part(both.treatment) + part(both.control), smaller(both), tuned_to, alpha);
        let ratio = both.treatment.share() / both.control.share();
        return Ok(Some(Interval { low: ratio * libm::exp(-half), high: ratio * libm::exp(half) }));
    }
    let (t, c) = (share(both.treatment, alpha / 2.0)?, share(both.control, alpha / 2.0)?);
    Ok((c.low > 0.0).then(|| Interval { low: t.low / c.high, high: t.high / c.low }))
}

/// Tests whether two shares differ. Of all units with the rarer outcome one is the treatment's with a chance that is known if nothing
/// differs; bets upwards and downwards, in equal parts, test it.
pub(super) fn test_of_shares(both: TwoProportions) -> Statistic<Test> {
    let (t, c) = (both.treatment, both.control);
    let is_rare = t.k().saturating_add(c.k()) <= t.rest().saturating_add(c.rest());
    let (k_t, k_c) = if is_rare { (t.k(), c.k()) } else { (t.rest(), c.rest()) };
    let (n_t, n_c) = (real(t.n()), real(c.n()));
    let (chance, all) = (n_t / (n_t + n_c), k_t.saturating_add(k_c));
    let n_opt = if n_t > 0.2 * n_c { 50.0 } else { 500.0 };
    let sides = [log_e_up(k_t, all, chance, n_opt)?, log_e_down(k_t, all, chance, n_opt)?];
    Ok(Test {
        name: "beta-binomial mixture, at every look",
        p: always_valid_p(mean_capital(&sides)),
        always_valid: true,
    })
}

/// Returns half the width of an interval of a mean whose squared standard error is known, after `n` units in the smaller group.
///
/// Source: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy and A. Ramdas, *Time-uniform central limit theory and asymptotic confidence
/// sequences*, 2024: it holds once there are enough units for the normal distribution to.
pub(super) fn half_width(squared_error: f64, n: f64, tuned_to: u64, alpha: f64) -> f64 {
    let scale = scale(n, tuned_to);
    (squared_error * (scale + 1.0) / scale * (libm::log(scale + 1.0) - 2.0 * libm::log(alpha))).sqrt()
}

/// Tests whether two means differ, by the same mixture. `statistic` is their difference over its standard error.
pub(super) fn test_of_means(statistic: f64, n: f64, tuned_to: u64) -> Test {
    let scale = scale(n, tuned_to);
    let log_e = 0.5 * (statistic * statistic * scale / (scale + 1.0) - libm::log(scale + 1.0));
    Test { name: "normal mixture, at every look", p: always_valid_p(log_e), always_valid: true }
}

/// Returns n ρ², which grows with the units and is such that the interval is narrowest at the planned number.
fn scale(n: f64, tuned_to: u64) -> f64 {
    let planned = real(tuned_to);
    n / best_rho(planned, 0.05)
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
const fn real(count: u64) -> f64 {
    count as f64
}
