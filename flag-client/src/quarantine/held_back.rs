//! What a held back flag serves: its definition of the last good snapshot, in the midst of the newer one.

use std::collections::BTreeMap;
use std::fmt;

use flag_core::Timestamp;
use flag_core::wire::{Condition, Flag, Group, Parsed, Snapshot};
use serde::Serialize;

use super::definition::{Definition, Definitions, fingerprint};
use crate::ordered;

/// Why a flag does not serve what the snapshot in force says of it: the program crashed too often since it says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HeldBack {
    /// How often the program crashed.
    pub crashes: u32,
    /// The version of the snapshot since which it did.
    pub since: u64,
    /// The version of the last good snapshot, whose definition is in force; nothing if that had no such flag, and the local default is.
    pub good: Option<u64>,
    /// Whether it is known to be this flag.
    pub blame: Blame,
}

/// How sure it is that a flag is to blame.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Blame {
    /// It is one of several. The next runs will tell.
    Suspect,
    /// It is this flag. It stays held back until its publisher changes it.
    Culprit,
}

impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = if self.crashes == 1 { "once".to_owned() } else { format!("{} times", self.crashes) };
        write!(f, "held back: crashed {times} since snapshot {}; ", self.since)?;
        match self.good {
            Some(good) => write!(f, "the definition of snapshot {good} is in force"),
            None => f.write_str("the local default is in force"),
        }?;
        if self.blame == Blame::Suspect { f.write_str(" until the culprit is known") } else { Ok(()) }
    }
}

/// The flags to hold back, and what they serve meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    /// The last good snapshot, if there was one.
    pub(super) good: Option<Parsed>,
    /// Each flag with the fingerprint of the definition that is held back.
    pub(super) flags: BTreeMap<Box<str>, (u64, HeldBack)>,
}

/// What the merge knows of [`Holds`].
pub(crate) trait HoldBack: Send + Sync {
    /// Puts the last good definitions in the place of those that are held back, and returns which flags that were. Of these, flags that
    /// the last good snapshot lacks are left as they are, for the local default to take their place.
    fn apply(&self, parsed: &mut Parsed) -> BTreeMap<Box<str>, HeldBack>;
}

impl HoldBack for Holds {
    fn apply(&self, parsed: &mut Parsed) -> BTreeMap<Box<str>, HeldBack> {
        if self.flags.is_empty() {
            return BTreeMap::new();
        }
        let good = Definitions::of(self.good.as_ref());
        let current = Definitions::of(Some(parsed));
        let held: Vec<(&str, &HeldBack)> = self
            .flags
            .iter()
            .filter(|(key, (print, _))| fingerprint(current.find(key).as_ref()) == *print)
            .map(|(key, (_, held))| (&**key, held))
            .collect();
        let mut restored = Vec::new();
        for (key, _) in &held {
            if let Some(definition) = good.find(key) {
                restored.push((
                    (*key).to_owned(),
                    Transplant::of(&definition, current.find(key).as_ref(), &parsed.snapshot),
                ));
            }
        }
        for (key, transplant) in restored {
            parsed.malformed.retain(|malformed| *malformed.key != *key);
            transplant.into_snapshot(&key, &mut parsed.snapshot);
        }
        ordered::map(held.into_iter().map(|(key, held)| (key.into(), held.clone())))
    }
}

/// A definition that is to stand in another snapshot, with what it refers to under names of its own.
struct Transplant {
    flag: Flag,
    segments: Vec<(Box<str>, Condition)>,
    group: Option<(Box<str>, Group)>,
}

impl Transplant {
    fn of(earlier: &Definition<'_>, later: Option<&Definition<'_>>, into: &Snapshot) -> Self {
        let mut flag = earlier.flag.clone();
        if let Some(later) = later {
            keep_limits(&mut flag, later.flag);
        }
        // Only what now says something else needs another name.
        let differs = earlier.segments.iter().any(|(name, one)| into.segments.find(name) != Some(*one));
        let mut segments = Vec::new();
        if differs {
            let used = |name: &str| into.segments.find(name).is_some();
            let names = ordered::map(earlier.segments.keys().map(|name| (*name, unused(name, used))));
            for rule in &mut flag.rules {
                rename_segments(&mut rule.when, &names);
            }
            for (name, condition) in &earlier.segments {
                let mut condition = (*condition).clone();
                rename_segments(&mut condition, &names);
                segments.extend(names.get(name).map(|name| (name.clone(), condition)));
            }
        }
        let mut group = None;
        if let (Some((name, earlier)), Some(membership)) = (earlier.group, &mut flag.group) {
            if into.groups.find(name) != Some(earlier) {
                let own = unused(name, |name| into.groups.find(name).is_some());
                membership.name = own.clone();
                // The name is what slots are drawn from where there is no seed.
                let seed = earlier.seed.clone().or_else(|| Some(name.into()));
                group = Some((own, Group { seed, ..earlier.clone() }));
            }
        }
        Self { flag, segments, group }
    }

    fn into_snapshot(self, key: &str, snapshot: &mut Snapshot) {
        for (name, condition) in self.segments {
            snapshot.segments.insert(name, condition);
        }
        if let Some((name, group)) = self.group {
            snapshot.groups.insert(name, group);
        }
        snapshot.flags.insert(key, self.flag);
    }
}

/// What was put in the way of a flag since stays in its way: a kill reaches what depends on its target, and an end stays an end.
fn keep_limits(flag: &mut Flag, later: &Flag) {
    for prerequisite in &later.prerequisites {
        if !flag.prerequisites.contains(prerequisite) {
            flag.prerequisites.push(prerequisite.clone());
        }
    }
    let ends = [flag.off_after, later.off_after];
    flag.off_after = ends.into_iter().flatten().min_by_key(|end: &Timestamp| *end);
    flag.critical |= later.critical;
    flag.default_on_expiry |= later.default_on_expiry;
}

/// Returns the name with as many marks after it as it takes to be a new one.
fn unused(name: &str, is_used: impl Fn(&str) -> bool) -> Box<str> {
    let mut own = format!("{name}@good");
    while is_used(&own) {
        own.push('\'');
    }
    own.into()
}

fn rename_segments(condition: &mut Condition, names: &BTreeMap<&str, Box<str>>) {
    let mut waiting = vec![condition];
    while let Some(condition) = waiting.pop() {
        if let Some(own) = condition.segment.as_deref().and_then(|name| names.get(name)) {
            condition.segment = Some(own.clone());
        }
        waiting.extend(condition.all.iter_mut().chain(&mut condition.any).flatten());
        waiting.extend(condition.not.as_deref_mut());
    }
}
