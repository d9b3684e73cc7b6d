//! Links flags to their prerequisites, and quarantines those that cannot be.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use hashbrown::HashMap;

use super::{PREREQUISITE_MAX_COST, PREREQUISITE_MAX_DEPTH, Slot};
use crate::error::FlagError;
use crate::flag::Prerequisite;
use crate::wire;

/// Links prerequisites, prerequisites first. What is left over then stands on a cycle or behind one.
pub(super) fn resolve(slots: &mut [Slot], prerequisites: Vec<(usize, Vec<wire::Prerequisite>)>) {
    if prerequisites.is_empty() {
        return;
    }
    let mut wanted: Vec<Vec<wire::Prerequisite>> = vec![Vec::new(); slots.len()];
    for (place, prerequisites) in prerequisites {
        if let Some(wanted) = wanted.get_mut(place) {
            *wanted = prerequisites;
        }
    }
    let keys: Vec<Box<str>> = slots.iter().map(|slot| slot.key().into()).collect();
    let places: HashMap<&str, usize> = keys.iter().enumerate().map(|(place, key)| (&**key, place)).collect();
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); slots.len()];
    let mut waiting: Vec<usize> = vec![0; slots.len()];
    for (place, prerequisites) in wanted.iter().enumerate() {
        for prerequisite in prerequisites {
            let Some(on) = places.get(prerequisite.flag.as_str()) else { continue };
            if let (Some(dependents), Some(waiting)) = (dependents.get_mut(*on), waiting.get_mut(place)) {
                dependents.push(place);
                *waiting = waiting.saturating_add(1);
            }
        }
    }
    let mut weights: Vec<Weight> = vec![Weight { depth: 0, cost: 1 }; slots.len()];
    let mut ready: Vec<usize> =
        waiting.iter().enumerate().filter(|(_, waiting)| **waiting == 0).map(|(place, _)| place).collect();
    while let Some(place) = ready.pop() {
        let prerequisites = wanted.get(place).map(Vec::as_slice).unwrap_or_default();
        let linked = link(prerequisites, &places, slots, &weights);
        if let (Some(slot @ Slot::Live(_)), Some(weight)) = (slots.get_mut(place), weights.get_mut(place)) {
            match (slot.flag_mut(), linked) {
                (Some(flag), Ok((links, total))) => (flag.prerequisites, *weight) = (links, total),
                (_, Err(reason)) => slot.quarantine(reason),
                (None, Ok(_)) => {}
            }
        }
        for dependent in dependents.get(place).map(Vec::as_slice).unwrap_or_default() {
            if let Some(waiting) = waiting.get_mut(*dependent) {
                *waiting = waiting.saturating_sub(1);
                if *waiting == 0 {
                    ready.push(*dependent);
                }
            }
        }
    }
    quarantine_cycles(slots, &wanted, &places, &waiting);
}

#[derive(Copy, Clone)]
struct Weight {
    depth: usize,
    cost: usize,
}

fn link(
    prerequisites: &[wire::Prerequisite],
    places: &HashMap<&str, usize>,
    slots: &[Slot],
    weights: &[Weight],
) -> Result<(Box<[Prerequisite]>, Weight), FlagError> {
    let mut total = Weight { depth: 0, cost: 1 };
    let mut links = Vec::with_capacity(prerequisites.len());
    for wire::Prerequisite { flag: key, variants } in prerequisites {
        let flag = || key.as_str().into();
        let place = *places.get(key.as_str()).ok_or_else(|| FlagError::NoPrerequisite { flag: flag() })?;
        let (Some(target), Some(weight)) = (slots.get(place).and_then(Slot::flag), weights.get(place)) else {
            return Err(FlagError::PrerequisiteQuarantined { flag: flag() });
        };
        // Each once: how long a list is must not decide what an evaluation costs.
        let mut accepted = Vec::new();
        for variant in variants {
            let index = target
                .index_of(variant)
                .ok_or_else(|| FlagError::PrerequisiteVariant { flag: flag(), variant: variant.clone() })?;
            if !accepted.contains(&index) {
                accepted.push(index);
            }
        }
        total = Weight {
            depth: total.depth.max(weight.depth.saturating_add(1)),
            cost: total.cost.saturating_add(weight.cost),
        };
        links.push(Prerequisite { flag: u32::try_from(place).unwrap_or(u32::MAX), accepted: accepted.into() });
    }
    if total.depth > PREREQUISITE_MAX_DEPTH {
        return Err(FlagError::PrerequisiteDepth { found: total.depth, limit: PREREQUISITE_MAX_DEPTH });
    }
    if total.cost > PREREQUISITE_MAX_COST {
        return Err(FlagError::PrerequisiteCost { found: total.cost, limit: PREREQUISITE_MAX_COST });
    }
    Ok((links.into(), total))
}

/// Names the cycle in every flag that stands on one; flags behind a cycle name the prerequisite that leads to it.
fn quarantine_cycles(
    slots: &mut [Slot],
    wanted: &[Vec<wire::Prerequisite>],
    places: &HashMap<&str, usize>,
    waiting: &[usize],
) {
    let unresolved = |place: usize| waiting.get(place).is_some_and(|waiting| *waiting > 0);
    let next = |place: usize| {
        let prerequisites = wanted.get(place).map(Vec::as_slice).unwrap_or_default();
        prerequisites.iter().find_map(|prerequisite| {
            places.get(prerequisite.flag.as_str()).copied().filter(|on| unresolved(*on)).map(|on| (on, prerequisite))
        })
    };
    let mut visited = vec![false; slots.len()];
    for start in 0..slots.len() {
        let mut path: Vec<(usize, &wire::Prerequisite)> = Vec::new();
        let mut place = start;
        while unresolved(place) && visited.get(place) == Some(&false) {
            if let Some(seen) = visited.get_mut(place) {
                *seen = true;
            }
            let Some((on, prerequisite)) = next(place) else { break };
            path.push((place, prerequisite));
            place = on;
        }
        let cycle_from = path.iter().position(|(on_path, _)| *on_path == place).unwrap_or(path.len());
        let (behind, cycle) = path.split_at(cycle_from);
        for (place, prerequisite) in behind {
            if let Some(slot) = slots.get_mut(*place) {
                slot.quarantine(FlagError::PrerequisiteQuarantined { flag: prerequisite.flag.as_str().into() });
            }
        }
        // A cycle is told from each of its flags on: the flag's own prerequisite comes right after it.
        for (turn, (place, _)) in cycle.iter().enumerate() {
            // One that is longer than prerequisites may be nested is refused as that: all its paths together grow with its square.
            let error = if cycle.len() > PREREQUISITE_MAX_DEPTH {
                FlagError::PrerequisiteDepth { found: cycle.len(), limit: PREREQUISITE_MAX_DEPTH }
            } else {
                let (head, tail) = cycle.split_at(turn);
                let path = tail.iter().chain(head).filter_map(|(at, _)| slots.get(*at)?.key().parse().ok()).collect();
                FlagError::PrerequisiteCycle { path }
            };
            if let Some(slot) = slots.get_mut(*place) {
                slot.quarantine(error);
            }
        }
    }
}
