//! From edited weights to ranges, moving as few units as can be.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::error::RangeError;
use crate::flag::covering;
use crate::share::{EVERYONE, Share};
use crate::wire::{Entries, Range};

/// Returns the ranges that give each variant its weight, where `old` are the ranges in force.
///
/// Exactly the units of the difference move: a variant that shrinks gives up the end of its ranges, and variants that grow take what is
/// free, in the order of `weights`. A variant without weight is left out. `old` without entries lays the weights out in their order.
///
/// ```
/// use flag_core::{Share, reallocate, wire::{Entries, Range}};
/// let percent = |percent| Share::from_percent(percent).unwrap();
/// let even = reallocate(&Entries::default(), &[("a", percent(50)), ("b", percent(50))])?;
/// let uneven = reallocate(&even, &[("a", percent(20)), ("b", percent(50)), ("c", percent(30))])?;
/// assert_eq!(uneven.find("b"), even.find("b"));
/// assert_eq!(uneven.find("c"), Some(&vec![Range { from: 20_000, to: 50_000 }]));
/// # Ok::<(), flag_core::AllocationError>(())
/// ```
pub fn reallocate(
    old: &Entries<Vec<Range>>,
    weights: &[(&str, Share)],
) -> Result<Entries<Vec<Range>>, AllocationError> {
    let mut total = 0_u32;
    for (turn, (variant, share)) in weights.iter().enumerate() {
        if weights.iter().take(turn).any(|(earlier, _)| earlier == variant) {
            return Err(AllocationError::Twice { variant: (*variant).into() });
        }
        total = total.saturating_add(share.thousandths());
    }
    if total != EVERYONE {
        return Err(AllocationError::Total { thousandths: total });
    }
    let mut held: Vec<(Range, &str)> =
        old.iter().flat_map(|(variant, ranges)| ranges.iter().map(move |range| (*range, variant))).collect();
    held.sort_unstable();
    if !old.is_empty() {
        covering(held.iter().map(|(range, _)| *range))?;
    }

    let mut kept: Vec<(Range, &str)> = Vec::new();
    let mut free: Vec<Range> = Vec::new();
    let mut wanted: Vec<(&str, u32)> = weights.iter().map(|(variant, share)| (*variant, share.thousandths())).collect();
    for (range, variant) in held {
        let want = wanted.iter_mut().find(|(known, _)| *known == variant).map(|(_, want)| want);
        let width = want.as_ref().map_or(0, |want| (**want).min(range.width()));
        if let Some(want) = want {
            *want = want.saturating_sub(width);
        }
        let middle = range.from.saturating_add(width);
        if width > 0 {
            kept.push((Range { from: range.from, to: middle }, variant));
        }
        if middle < range.to {
            free.push(Range { from: middle, to: range.to });
        }
    }
    if old.is_empty() {
        free.push(Range { from: 0, to: EVERYONE });
    }
    let mut free = free.into_iter();
    let mut gap = free.next();
    for (variant, mut want) in wanted {
        while want > 0 {
            let Some(range) = gap else { break };
            let middle = range.from.saturating_add(want.min(range.width()));
            kept.push((Range { from: range.from, to: middle }, variant));
            want = want.saturating_sub(middle.saturating_sub(range.from));
            gap = if middle < range.to { Some(Range { from: middle, to: range.to }) } else { free.next() };
        }
    }
    kept.sort_unstable();
    let mut result: Entries<Vec<Range>> = weights
        .iter()
        .filter(|(_, share)| *share != Share::NOBODY)
        .map(|(variant, _)| (Box::from(*variant), Vec::new()))
        .collect();
    for (range, variant) in kept {
        let Some(ranges) = result.find_mut(variant) else { continue };
        match ranges.last_mut() {
            Some(last) if last.to == range.from => last.to = range.to,
            _ => ranges.push(range),
        }
    }
    Ok(result)
}

/// Why weights cannot be turned into ranges.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllocationError {
    /// The weights do not sum to 100 %.
    #[error("weights sum to {}, expected 100%", Percent(*.thousandths))]
    Total {
        /// The sum, in thousandths of a percent.
        thousandths: u32,
    },
    /// A variant has two weights.
    #[error("variant {variant:?} has two weights")]
    Twice {
        /// The variant.
        variant: Box<str>,
    },
    /// The ranges in force do not cover the lane.
    #[error(transparent)]
    Old(#[from] RangeError),
}

/// A sum of shares, which may be above 100 %.
struct Percent(u32);

impl core::fmt::Display for Percent {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let (whole, rest) = (self.0.wrapping_div(1_000), self.0.wrapping_rem(1_000));
        if rest == 0 { write!(f, "{whole}%") } else { write!(f, "{whole}.{rest:03}%") }
    }
}
