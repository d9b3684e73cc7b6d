use super::policy::Policy;
use crate::cells::Cell;

/// The quantile of a standard normal distribution that 99.5 % of it lie below.
const Z: f64 = 2.575_829_303_548_901;
const QUANTILE: f64 = 0.95;
/// Places of a histogram for each doubling of a time.
const PLACES: f64 = 32.0;

/// Returns the time above which a use is slow, in microseconds: one of its own if the policy has it, else a multiple of an upper bound of
/// the control group's 95th percentile, if enough reports are there to tell.
///
/// The bound is the order statistic of rank `q + z sqrt(q (1 - q) / n)`, the normal approximation of the binomial interval of a quantile,
/// with `n` the number of reports and not of uses: those of one machine resemble each other.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts stay far below 2^53, and a cast from a float saturates"
)]
pub(super) fn slow_limit(policy: &Policy, control: &Cell) -> Option<u64> {
    if let Some(millis) = policy.slow_above_millis {
        return Some(millis.saturating_mul(1_000));
    }
    let uses = control.lat.values().fold(0_u64, |sum, uses| sum.saturating_add(*uses));
    if control.n < policy.min_baseline.max(1) || uses == 0 {
        return None;
    }
    let rank = QUANTILE + Z * libm::sqrt(QUANTILE * (1.0 - QUANTILE) / control.n as f64);
    let rank = (rank.min(1.0) * uses as f64).min(uses as f64);
    let mut below = 0_u64;
    let place = control.lat.iter().find_map(|(place, uses)| {
        below = below.saturating_add(*uses);
        (below as f64 >= rank).then_some(*place)
    })?;
    // The upper end of the place.
    let p95 = libm::exp2((f64::from(place) + 1.0) / PLACES);
    Some((p95 * f64::from(policy.slow_percent_of_control) / 100.0) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_half_above_the_controls_95th_percentile() {
        let policy = Policy::default();
        // 10,000 reports of 1 ms, one in a hundred of 8 ms.
        let control = Cell { n: 10_000, lat: [(318, 9_900), (414, 100)].into(), ..Cell::default() };
        assert_eq!(slow_limit(&policy, &control), Some(1_503));
        let few = Cell { n: 999, ..control.clone() };
        assert_eq!(slow_limit(&policy, &few), None);
        let own = Policy { slow_above_millis: Some(500), ..policy };
        assert_eq!(slow_limit(&own, &few), Some(500_000));
    }
}
