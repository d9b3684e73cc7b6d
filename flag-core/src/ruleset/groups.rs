//! Keeps the flags of an exclusion group apart.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::Slot;
use crate::error::FlagError;
use crate::wire;

/// Quarantines every flag that shares a slot of its exclusion group with another: neither can be right.
pub(super) fn quarantine_overlaps(slots: &mut [Slot]) {
    let mut owned: HashMap<Box<str>, Vec<(wire::Range, usize)>> = HashMap::new();
    for (place, slot) in slots.iter().enumerate() {
        if let Some(membership) = slot.flag().and_then(|flag| flag.membership.as_ref()) {
            let ranges = owned.entry(membership.group.clone()).or_default();
            ranges.extend(membership.slots.iter().map(|range| (*range, place)));
        }
    }
    for (group, mut ranges) in owned {
        ranges.sort_unstable();
        let mut furthest: Option<(wire::Range, usize)> = None;
        for (range, place) in ranges {
            if let Some((before, other)) = furthest.filter(|(before, _)| range.from < before.to) {
                for (broken, culprit) in [(place, other), (other, place)] {
                    let other = slots.get(culprit).map_or("", Slot::key).into();
                    if let Some(slot @ Slot::Live(_)) = slots.get_mut(broken) {
                        slot.quarantine(FlagError::GroupOverlap { group: group.clone(), slot: range.from, other });
                    }
                }
                if before.to >= range.to {
                    continue;
                }
            }
            furthest = Some((range, place));
        }
    }
}
