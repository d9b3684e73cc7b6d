//! Keeps the flags of an exclusion group apart.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::Candidate;
use crate::error::FlagError;
use crate::wire;

/// Quarantines every flag that shares a slot of its exclusion group with another: neither can be right.
pub(super) fn quarantine_overlaps(candidates: &mut [Candidate]) {
    let mut owned: HashMap<Box<str>, Vec<(wire::Range, usize)>> = HashMap::new();
    for (place, candidate) in candidates.iter().enumerate() {
        if let Some(membership) = candidate.flag.as_ref().ok().and_then(|flag| flag.membership.as_ref()) {
            let slots = owned.entry(membership.group.clone()).or_default();
            slots.extend(membership.slots.iter().map(|slot| (*slot, place)));
        }
    }
    for (group, mut slots) in owned {
        slots.sort_unstable();
        let mut furthest: Option<(wire::Range, usize)> = None;
        for (slot, place) in slots {
            if let Some((before, other)) = furthest.filter(|(before, _)| slot.from < before.to) {
                for (broken, culprit) in [(place, other), (other, place)] {
                    let other = candidates.get(culprit).map_or("", |candidate| &candidate.key).into();
                    if let Some(Candidate { flag, .. }) = candidates.get_mut(broken) {
                        if flag.is_ok() {
                            *flag = Err(FlagError::GroupOverlap { group: group.clone(), slot: slot.from, other });
                        }
                    }
                }
                if before.to >= slot.to {
                    continue;
                }
            }
            furthest = Some((slot, place));
        }
    }
}
