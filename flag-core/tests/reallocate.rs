//! Laws of minimal movement: edited weights move exactly the units of the difference.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use flag_core::wire::{Entries, Range};
use flag_core::{AllocationError, RangeError, Share, reallocate};
use proptest::prelude::*;

type Allocation = Entries<Vec<Range>>;

fn percent(weights: &[(&'static str, u32)]) -> Vec<(&'static str, Share)> {
    weights.iter().map(|(variant, percent)| (*variant, Share::from_percent(*percent).unwrap())).collect()
}

fn lay_out(weights: &[(&'static str, u32)]) -> Allocation {
    reallocate(&Entries::default(), &percent(weights)).unwrap()
}

fn width(allocation: &Allocation, variant: &str) -> u32 {
    allocation.find(variant).map_or(0, |ranges| ranges.iter().map(|range| range.width()).sum())
}

fn owner(allocation: &Allocation, bucket: u32) -> &str {
    let owns = |ranges: &[Range]| ranges.iter().any(|range| (range.from..range.to).contains(&bucket));
    let mut owners = allocation.iter().filter(|(_, ranges)| owns(ranges)).map(|(variant, _)| variant);
    let owner = owners.next().unwrap();
    assert_eq!(owners.next(), None, "bucket {bucket} has two owners");
    owner
}

fn ranges(allocation: &Allocation, variant: &str) -> Vec<(u32, u32)> {
    allocation.find(variant).unwrap().iter().map(|range| (range.from, range.to)).collect()
}

#[test]
fn e14_only_the_difference_moves() {
    let old = lay_out(&[("a", 50), ("b", 50)]);
    let new = reallocate(&old, &percent(&[("a", 30), ("b", 70)])).unwrap();
    assert_eq!(ranges(&new, "a"), [(0, 30_000)]);
    assert_eq!(ranges(&new, "b"), [(30_000, 100_000)]);
}

#[test]
fn e15_a_variant_that_comes_or_goes_moves_nobody_else() {
    let old = lay_out(&[("a", 40), ("b", 30), ("c", 30)]);
    let without = reallocate(&old, &percent(&[("a", 70), ("c", 30)])).unwrap();
    assert_eq!(ranges(&without, "a"), [(0, 70_000)]);
    assert_eq!(ranges(&without, "c"), ranges(&old, "c"));
    let with = reallocate(&without, &percent(&[("a", 60), ("c", 30), ("d", 10)])).unwrap();
    assert_eq!(ranges(&with, "d"), [(60_000, 70_000)]);
    assert_eq!(ranges(&with, "c"), ranges(&old, "c"));
}

#[test]
fn e05_weights_that_do_not_sum_to_everyone_are_refused() {
    let third = Share::from_thousandths(33_333).unwrap();
    let thirds = [("a", third), ("b", third), ("c", third)];
    let error = reallocate(&Entries::default(), &thirds).unwrap_err();
    assert_eq!(error.to_string(), "weights sum to 99.999%, expected 100%");
    let error = reallocate(&Entries::default(), &percent(&[("a", 50), ("b", 60)])).unwrap_err();
    assert_eq!(error.to_string(), "weights sum to 110%, expected 100%");
    let error = reallocate(&Entries::default(), &percent(&[("a", 50), ("a", 50)])).unwrap_err();
    assert_eq!(error, AllocationError::Twice { variant: "a".into() });
}

#[test]
fn ranges_in_force_that_do_not_cover_the_lane_are_refused() {
    let gap: Allocation = [("a".into(), vec![Range { from: 0, to: 40_000 }])].into_iter().collect();
    let error = reallocate(&gap, &percent(&[("a", 100)])).unwrap_err();
    assert_eq!(error, AllocationError::Old(RangeError::Gap { at: 40_000 }));
}

const VARIANTS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Weights in thousandths that sum to everyone, some of them nothing.
fn weights() -> impl Strategy<Value = Vec<(&'static str, Share)>> {
    proptest::collection::vec(prop_oneof![1 => Just(0), 2 => 0..=100_000_u32], 4).prop_map(|mut cuts| {
        cuts.extend([0, 100_000]);
        cuts.sort_unstable();
        let widths = cuts.windows(2).map(|pair| Share::from_thousandths(pair[1] - pair[0]).unwrap());
        VARIANTS.into_iter().zip(widths).collect()
    })
}

proptest! {
    #[test]
    fn movement_is_minimal_and_every_weight_is_met(steps in proptest::collection::vec(weights(), 2..6)) {
        let mut allocation = Entries::default();
        for weights in steps {
            let new = reallocate(&allocation, &weights).unwrap();
            for (variant, share) in &weights {
                prop_assert_eq!(width(&new, variant), share.thousandths());
            }
            if !allocation.is_empty() {
                let mut cuts: Vec<u32> =
                    [&allocation, &new].into_iter().flat_map(|side| side.iter().flat_map(|(_, ranges)| ranges)).flat_map(|range| [range.from, range.to]).collect();
                cuts.sort_unstable();
                cuts.dedup();
                let moved: u32 = cuts.windows(2).filter(|pair| owner(&allocation, pair[0]) != owner(&new, pair[0])).map(|pair| pair[1] - pair[0]).sum();
                let necessary: u32 = VARIANTS.iter().map(|variant| width(&allocation, variant).saturating_sub(width(&new, variant))).sum();
                prop_assert_eq!(moved, necessary);
            }
            allocation = new;
        }
    }
}
