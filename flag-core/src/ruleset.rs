use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::hash::BuildHasher as _;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet, HashTable};

use crate::bucket::Hasher;
use crate::condition::{Condition, Segments};
use crate::error::FlagError;
use crate::evaluate::FlagRef;
use crate::flag::{self, Choice, Flag, Prerequisite};
use crate::wire::{self, Parsed, Snapshot, SnapshotError};

/// The deepest chain of prerequisites.
pub const PREREQUISITE_MAX_DEPTH: usize = 16;
/// The most evaluations that one decision may take, prerequisites included.
pub const PREREQUISITE_MAX_COST: usize = 1_024;

/// A snapshot's flags, compiled and ready to evaluate. Broken flags are quarantined, each with its reason; the others live.
///
/// ```
/// use flag_core::{Context, Ruleset};
/// let ruleset = Ruleset::from_json(br#"{
///     "schema": 1, "project": "caro", "environment": "production", "epoch": 1, "version": 1,
///     "issued_at": "2026-01-15T14:32:01Z", "expires_at": "2026-02-15T14:32:01Z",
///     "flags": {"command_history": {
///         "variants": {"on": true, "off": false}, "off_variant": "off",
///         "fallthrough": {"exposure": 25000, "allocation": {"on": [[0, 100000]]}, "otherwise": "off"}
///     }}
/// }"#)?;
/// let decision = ruleset.evaluate("command_history", &Context::new("install-8"));
/// assert_eq!(decision.bucket().map(|bucket| bucket.index()), Some(13_125));
/// assert!(decision.bool_or(false));
/// # Ok::<(), flag_core::wire::SnapshotError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ruleset {
    pub(crate) slots: Box<[Slot]>,
    index: Index,
    pub(crate) segments: Box<[Condition]>,
    /// Targets of kills that are no flag here, or a quarantined one.
    killed: HashSet<Box<str>>,
    pub(crate) hasher: Hasher,
}

/// A flag, or why there is none.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    Live(Flag),
    Quarantined(Box<(Box<str>, FlagError)>),
}

impl Slot {
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Live(flag) => flag.key.as_str(),
            Self::Quarantined(quarantined) => &quarantined.0,
        }
    }
}

/// Finds slots by key. The hash state is fixed: keys come from documents that were verified, not from an attacker's choosing.
#[derive(Clone, Debug)]
struct Index(HashTable<u32>);

const HASH_STATE: FixedState = FixedState::with_seed(0);

impl Index {
    fn new(slots: &[Slot]) -> Self {
        let hash = |key: &str| HASH_STATE.hash_one(key);
        let key_at =
            |place: &u32| usize::try_from(*place).ok().and_then(|place| slots.get(place)).map_or("", Slot::key);
        let mut table = HashTable::with_capacity(slots.len());
        for (place, slot) in (0_u32..).zip(slots) {
            table.insert_unique(hash(slot.key()), place, |place| hash(key_at(place)));
        }
        Self(table)
    }

    #[inline]
    fn find<'s>(&self, slots: &'s [Slot], key: &str) -> Option<(u32, &'s Slot)> {
        let at = |place: u32| usize::try_from(place).ok().and_then(|place| slots.get(place));
        let place = *self.0.find(HASH_STATE.hash_one(key), |place| at(*place).is_some_and(|slot| slot.key() == key))?;
        at(place).map(|slot| (place, slot))
    }
}

/// What the user of this machine chose for one flag. Whether they may is decided by the client before it gives this.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocalChoice<'a> {
    /// They opted in: for a flag whose opt-in is required they are eligible for its splits.
    OptIn,
    /// They chose this variant.
    Variant(&'a str),
    /// Test code chose this variant: it beats everything but a kill.
    Forced(&'a str),
}

/// Why a [`LocalChoice`] cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChoiceError {
    /// There is no such flag, or it is quarantined.
    #[error("flag {flag:?} does not exist")]
    NoFlag {
        /// The key given.
        flag: Box<str>,
    },
    /// The flag has no such variant.
    #[error("flag {flag:?} has no variant {variant:?}")]
    NoVariant {
        /// The flag.
        flag: Box<str>,
        /// The id given.
        variant: Box<str>,
    },
}

impl Ruleset {
    /// Reads and compiles a snapshot's JSON.
    pub fn from_json(bytes: &[u8]) -> Result<Self, SnapshotError> {
        Snapshot::from_json(bytes).map(|parsed| Self::from_parsed(&parsed))
    }

    /// Compiles a snapshot that was read, its malformed flags quarantined.
    pub fn from_parsed(parsed: &Parsed) -> Self {
        let malformed = parsed
            .malformed
            .iter()
            .map(|flag| (&*flag.key, Err(FlagError::Malformed { message: flag.message.clone() })));
        Self::build(&parsed.snapshot, malformed)
    }

    /// Compiles a snapshot. What does not hold together is quarantined, not refused.
    pub fn compile(snapshot: &Snapshot) -> Self {
        Self::build(snapshot, core::iter::empty())
    }

    fn build<'a>(snapshot: &'a Snapshot, malformed: impl Iterator<Item = (&'a str, Result<Flag, FlagError>)>) -> Self {
        let mut segments = Segments::new(snapshot.segments.iter());
        let groups: HashMap<&str, &wire::Group> = snapshot.groups.iter().collect();
        let mut compiled: Vec<(&str, Result<Flag, FlagError>)> = snapshot
            .flags
            .iter()
            .map(|(key, wire)| (key, flag::compile(key, wire, &mut segments, &groups)))
            .chain(malformed)
            .collect();
        quarantine_overlaps(&mut compiled);
        resolve_prerequisites(&mut compiled, snapshot);
        let slots: Box<[Slot]> = compiled
            .into_iter()
            .map(|(key, result)| match result {
                Ok(flag) => Slot::Live(flag),
                Err(error) => Slot::Quarantined(Box::new((key.into(), error))),
            })
            .collect();
        let mut ruleset = Self {
            index: Index::new(&slots),
            slots,
            segments: segments.into_compiled(),
            killed: HashSet::new(),
            hasher: Hasher::detect(),
        };
        for kill in &snapshot.kills {
            ruleset.kill(&kill.target);
        }
        ruleset
    }

    /// Returns the flag of this key, unless there is none or it is quarantined.
    #[inline]
    pub fn flag(&self, key: &str) -> Option<FlagRef<'_>> {
        match self.index.find(&self.slots, key)? {
            (_, Slot::Live(flag)) => Some(FlagRef::new(self, flag)),
            _ => None,
        }
    }

    /// Returns all flags that are not quarantined, in the order of the snapshot.
    pub fn flags(&self) -> impl Iterator<Item = FlagRef<'_>> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Live(flag) => Some(FlagRef::new(self, flag)),
            Slot::Quarantined(_) => None,
        })
    }

    /// Returns the keys of quarantined flags, each with its reason.
    pub fn quarantined(&self) -> impl Iterator<Item = (&str, &FlagError)> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Live(_) => None,
            Slot::Quarantined(quarantined) => Some((&*quarantined.0, &quarantined.1)),
        })
    }

    /// Turns a flag or capability off, stronger than everything. A kill of something that is no flag here is kept all the same.
    pub fn kill(&mut self, target: &str) {
        if let Some(flag) = self.flag_mut(target) {
            flag.killed = true;
        } else {
            self.killed.insert(target.into());
        }
    }

    /// Tells whether a kill stands against a flag or capability.
    pub fn is_killed(&self, target: &str) -> bool {
        self.killed.contains(target) || self.flag(target).is_some_and(|flag| flag.is_killed())
    }

    /// Takes what the user of this machine chose for a flag.
    pub fn choose(&mut self, key: &str, choice: LocalChoice<'_>) -> Result<(), ChoiceError> {
        let Some(flag) = self.flag_mut(key) else { return Err(ChoiceError::NoFlag { flag: key.into() }) };
        let index = |flag: &Flag, variant: &str| {
            flag.index_of(variant).ok_or_else(|| ChoiceError::NoVariant { flag: key.into(), variant: variant.into() })
        };
        flag.choice = match choice {
            LocalChoice::OptIn => Choice::OptedIn,
            LocalChoice::Variant(variant) => Choice::Chosen(index(flag, variant)?),
            LocalChoice::Forced(variant) => Choice::Forced(index(flag, variant)?),
        };
        Ok(())
    }

    pub(crate) fn slot(&self, place: u32) -> Option<&Slot> {
        usize::try_from(place).ok().and_then(|place| self.slots.get(place))
    }

    pub(crate) fn find(&self, key: &str) -> Option<&Slot> {
        self.index.find(&self.slots, key).map(|(_, slot)| slot)
    }

    fn flag_mut(&mut self, key: &str) -> Option<&mut Flag> {
        let (place, _) = self.index.find(&self.slots, key)?;
        match usize::try_from(place).ok().and_then(|place| self.slots.get_mut(place))? {
            Slot::Live(flag) => Some(flag),
            Slot::Quarantined(_) => None,
        }
    }
}

type Compiled<'a> = [(&'a str, Result<Flag, FlagError>)];

/// Quarantines every flag that shares a slot of its exclusion group with another: neither can be right.
fn quarantine_overlaps(compiled: &mut Compiled<'_>) {
    let mut owned: HashMap<Box<str>, Vec<(wire::Range, usize)>> = HashMap::new();
    for (place, (_, flag)) in compiled.iter().enumerate() {
        if let Some(membership) = flag.as_ref().ok().and_then(|flag| flag.membership.as_ref()) {
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
                    let other = compiled.get(culprit).map_or("", |(key, _)| *key).into();
                    if let Some((_, flag)) = compiled.get_mut(broken) {
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

/// Links prerequisites, prerequisites first. What is left over then stands on a cycle or behind one.
fn resolve_prerequisites(compiled: &mut Compiled<'_>, snapshot: &Snapshot) {
    let wanted: Vec<&[wire::Prerequisite]> = snapshot.flags.iter().map(|(_, flag)| &*flag.prerequisites).collect();
    if wanted.iter().all(|wanted| wanted.is_empty()) {
        return;
    }
    let places: HashMap<&str, usize> = compiled.iter().enumerate().map(|(place, (key, _))| (*key, place)).collect();
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); compiled.len()];
    let mut waiting: Vec<usize> = vec![0; compiled.len()];
    for (place, prerequisites) in wanted.iter().enumerate() {
        for prerequisite in *prerequisites {
            let Some(on) = places.get(prerequisite.flag.as_str()) else { continue };
            if let (Some(dependents), Some(waiting)) = (dependents.get_mut(*on), waiting.get_mut(place)) {
                dependents.push(place);
                *waiting = waiting.saturating_add(1);
            }
        }
    }
    let mut weights: Vec<Weight> = vec![Weight { depth: 0, cost: 1 }; compiled.len()];
    let mut ready: Vec<usize> =
        waiting.iter().enumerate().filter(|(_, waiting)| **waiting == 0).map(|(place, _)| place).collect();
    while let Some(place) = ready.pop() {
        let prerequisites = wanted.get(place).copied().unwrap_or_default();
        let linked = link(prerequisites, &places, compiled, &weights);
        if let (Some((_, flag @ Ok(_))), Some(weight)) = (compiled.get_mut(place), weights.get_mut(place)) {
            match linked {
                Ok((links, total)) => {
                    *weight = total;
                    if let Ok(flag) = flag {
                        flag.prerequisites = links;
                    }
                }
                Err(error) => *flag = Err(error),
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
    quarantine_cycles(compiled, &wanted, &places, &waiting);
}

#[derive(Copy, Clone)]
struct Weight {
    depth: usize,
    cost: usize,
}

fn link(
    prerequisites: &[wire::Prerequisite],
    places: &HashMap<&str, usize>,
    compiled: &Compiled<'_>,
    weights: &[Weight],
) -> Result<(Box<[Prerequisite]>, Weight), FlagError> {
    let mut total = Weight { depth: 0, cost: 1 };
    let mut links = Vec::with_capacity(prerequisites.len());
    for wire::Prerequisite { flag: key, variants } in prerequisites {
        let flag = || key.as_str().into();
        let place = *places.get(key.as_str()).ok_or_else(|| FlagError::NoPrerequisite { flag: flag() })?;
        let (Some((_, Ok(target))), Some(weight)) = (compiled.get(place), weights.get(place)) else {
            return Err(FlagError::PrerequisiteQuarantined { flag: flag() });
        };
        let accepted = variants
            .iter()
            .map(|variant| {
                target
                    .index_of(variant)
                    .ok_or_else(|| FlagError::PrerequisiteVariant { flag: flag(), variant: variant.clone() })
            })
            .collect::<Result<_, _>>()?;
        total = Weight {
            depth: total.depth.max(weight.depth.saturating_add(1)),
            cost: total.cost.saturating_add(weight.cost),
        };
        links.push(Prerequisite { flag: u32::try_from(place).unwrap_or(u32::MAX), accepted });
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
    compiled: &mut Compiled<'_>,
    wanted: &[&[wire::Prerequisite]],
    places: &HashMap<&str, usize>,
    waiting: &[usize],
) {
    let unresolved = |place: usize| waiting.get(place).is_some_and(|waiting| *waiting > 0);
    let next = |place: usize| {
        let prerequisites = wanted.get(place).copied().unwrap_or_default();
        prerequisites.iter().find_map(|prerequisite| {
            places.get(prerequisite.flag.as_str()).copied().filter(|on| unresolved(*on)).map(|on| (on, prerequisite))
        })
    };
    let mut visited = vec![false; compiled.len()];
    for start in 0..compiled.len() {
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
            if let Some((_, flag)) = compiled.get_mut(*place) {
                *flag = Err(FlagError::PrerequisiteQuarantined { flag: prerequisite.flag.as_str().into() });
            }
        }
        // A cycle is told from each of its flags on: the flag's own prerequisite comes right after it.
        for (turn, (place, _)) in cycle.iter().enumerate() {
            // One that is longer than prerequisites may be nested is refused as that: all its paths together grow with its square.
            let error = if cycle.len() > PREREQUISITE_MAX_DEPTH {
                FlagError::PrerequisiteDepth { found: cycle.len(), limit: PREREQUISITE_MAX_DEPTH }
            } else {
                let (head, tail) = cycle.split_at(turn);
                let path = tail.iter().chain(head).filter_map(|(at, _)| compiled.get(*at)?.0.parse().ok()).collect();
                FlagError::PrerequisiteCycle { path }
            };
            if let Some((_, flag)) = compiled.get_mut(*place) {
                *flag = Err(error);
            }
        }
    }
}
