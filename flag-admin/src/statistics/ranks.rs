//! Groups of numbers compared by rank, for what is too skewed for means.

use super::domain::{length, sample};
use super::error::{Result, StatisticsError};
use super::interval::Tails;
use super::normal::normal_upper;

/// Both groups may have so many numbers for the exact distribution to be worth it.
const EXACT_MAX: usize = 60;

/// The comparison of two groups by rank.
#[derive(Copy, Clone, Debug, PartialEq, serde::Serialize)]
pub struct RankTest {
    /// In how many pairs the treatment is larger; ties count half.
    pub u: f64,
    /// The chances by the normal approximation, corrected for ties and continuity.
    pub tails: Tails,
    /// The exact chances, for small groups without ties.
    pub exact: Option<Tails>,
    /// The chance that a treatment unit is larger than a control unit; ties count half.
    pub superiority: f64,
    /// The median of all differences between a treatment unit and a control unit.
    pub shift: f64,
}

/// Compares two groups by rank. Sources: H. B. Mann and D. R. Whitney 1947; J. L. Hodges and E. L. Lehmann 1963 for the shift.
pub fn mann_whitney(treatment: &[f64], control: &[f64]) -> Result<RankTest> {
    sample("treatment numbers", treatment, 1)?;
    sample("control numbers", control, 1)?;
    let (m, n) = (length(treatment.len()), length(control.len()));
    let all = m + n;
    let (rank_sum, ties) = rank_sum(treatment, control);
    let u = rank_sum - m * (m + 1.0) / 2.0;
    let variance = m * n / 12.0 * (all + 1.0 - ties / (all * (all - 1.0)));
    if variance <= 0.0 {
        return Err(StatisticsError::NoVariation { name: "the numbers" });
    }
    let upper = |u: f64| normal_upper((u - m * n / 2.0 - 0.5) / variance.sqrt());
    let other = m * n - u;
    let tails = Tails { two_sided: (2.0 * upper(u.max(other))).min(1.0), greater: upper(u), less: upper(other) };
    let is_small = treatment.len().max(control.len()) <= EXACT_MAX;
    let exact = (ties <= 0.0 && is_small).then(|| exact(treatment.len(), control.len(), u));
    Ok(RankTest { u, tails, exact, superiority: u / (m * n), shift: shift(treatment, control) })
}

/// Returns the sum of the treatment's ranks, and the sum of t³ − t over the groups of t ties.
fn rank_sum(treatment: &[f64], control: &[f64]) -> (f64, f64) {
    let mut all: Vec<(f64, bool)> =
        treatment.iter().map(|x| (*x, true)).chain(control.iter().map(|y| (*y, false))).collect();
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut sum, mut ties, mut before) = (0.0, 0.0, 0.0);
    #[expect(clippy::float_cmp, reason = "ties are numbers that are exactly the same")]
    for same in all.chunk_by(|one, other| one.0 == other.0) {
        let size = length(same.len());
        let ours = length(same.iter().filter(|(_, is_treatment)| *is_treatment).count());
        sum += ours * (before + f64::midpoint(size, 1.0));
        ties += size * size * size - size;
        before += size;
    }
    (sum, ties)
}

/// Counts, over all ways to deal the ranks, how often U is as extreme: the coefficients of a Gaussian binomial.
fn exact(m: usize, n: usize, u: f64) -> Tails {
    let last = m * n;
    // The generating function, factor by factor. What does not fit on the way cancels again.
    let mut ways = vec![0_u128; last + 1];
    if let Some(first) = ways.first_mut() {
        *first = 1;
    }
    for i in 1..=m {
        for place in (n + i..=last).rev() {
            let less = ways.get(place - n - i).copied().unwrap_or_default();
            ways.get_mut(place).into_iter().for_each(|way| *way = way.wrapping_sub(less));
        }
        for place in i..=last {
            let more = ways.get(place - i).copied().unwrap_or_default();
            ways.get_mut(place).into_iter().for_each(|way| *way = way.wrapping_add(more));
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "chances need no more than the digits of a float")]
    let at_least = |u: f64| {
        let counted = ways.iter().enumerate().filter(|(place, _)| length(*place) >= u).map(|(_, way)| way);
        counted.sum::<u128>() as f64 / ways.iter().sum::<u128>() as f64
    };
    let other = length(last) - u;
    Tails { two_sided: (2.0 * at_least(u.max(other))).min(1.0), greater: at_least(u), less: at_least(other) }
}

/// Returns the median of all differences without listing them: the number of differences up to a bound is counted along both sorted lists.
fn shift(treatment: &[f64], control: &[f64]) -> f64 {
    let sorted = |values: &[f64]| {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        values
    };
    let (xs, ys) = (sorted(treatment), sorted(control));
    let up_to = |bound: f64| {
        let mut left = ys.iter().peekable();
        let mut count = 0_usize;
        // As x grows, fewer y are within the bound of it.
        for x in &xs {
            while left.next_if(|y| x - *y > bound).is_some() {}
            count = count.saturating_add(left.len());
        }
        count
    };
    let at_rank = |rank: usize| {
        let (mut low, mut high) = (ordinal(f64::NEG_INFINITY), ordinal(f64::INFINITY));
        while low < high {
            let middle = low.midpoint(high);
            if up_to(of_ordinal(middle)) < rank {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        of_ordinal(low)
    };
    let pairs = xs.len().saturating_mul(ys.len());
    let upper = at_rank(pairs / 2 + 1);
    if pairs % 2 == 1 { upper } else { f64::midpoint(at_rank(pairs / 2), upper) }
}

const SIGN: u64 = 1 << 63;

/// Returns the place of a number in the order of all numbers.
fn ordinal(number: f64) -> u64 {
    let bits = number.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

fn of_ordinal(place: u64) -> f64 {
    f64::from_bits(if place & SIGN == 0 { !place } else { place & !SIGN })
}
