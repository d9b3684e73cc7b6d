//! Which flags may look at the installation's bucket, so that an id is made only when one does.

use std::collections::{HashMap, HashSet};

use flag_core::wire::{Condition, Entries, Flag, Serve, Snapshot};
use flag_core::{Share, UNIT_ATTRIBUTE};

/// The flags of a snapshot that need the installation's id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Splits {
    needing: HashSet<Box<str>>,
    /// Each flag with a prerequisite, beside it.
    prerequisites: Vec<(Box<str>, Box<str>)>,
}

impl Splits {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let segments: HashMap<&str, &Condition> = snapshot.segments.iter().collect();
        let mut splits = Self::default();
        for (key, flag) in snapshot.flags.iter() {
            if uses_unit(flag, &segments) {
                splits.needing.insert(key.into());
            }
        }
        splits.depend(&snapshot.flags);
        splits
    }

    /// Adds what these flags depend on.
    pub(crate) fn depend(&mut self, flags: &Entries<Flag>) {
        for (key, flag) in flags.iter() {
            for prerequisite in &flag.prerequisites {
                self.prerequisites.push((key.into(), prerequisite.flag.as_str().into()));
            }
        }
    }

    /// Keeps the flags that still need an id, and with each those that wait for it as their prerequisite.
    pub(crate) fn retain(&mut self, needs: impl Fn(&str) -> bool) {
        self.needing.retain(|key| needs(key));
        loop {
            let before = self.needing.len();
            for (flag, on) in &self.prerequisites {
                if self.needing.contains(on) {
                    self.needing.insert(flag.clone());
                }
            }
            if self.needing.len() == before {
                return;
            }
        }
    }

    pub(crate) fn needs_unit(&self, flag: &str) -> bool {
        self.needing.contains(flag)
    }
}

fn uses_unit(flag: &Flag, segments: &HashMap<&str, &Condition>) -> bool {
    let own_unit = flag.unit.as_deref().is_none_or(|unit| unit == UNIT_ATTRIBUTE);
    let splits = flag.rules.iter().map(|rule| &rule.serve).chain([&flag.fallthrough]).any(|serve| draws(flag, serve));
    (own_unit && splits) || flag.rules.iter().any(|rule| tests_unit(&rule.when, segments, 0))
}

/// Tells whether a serve draws a bucket: a split, unless it gives everyone one variant. A split that names no allocation has one variant.
fn draws(flag: &Flag, serve: &Serve) -> bool {
    let to_everyone = serve.exposure == Some(Share::EVERYONE) && flag.holdout == Share::NOBODY && flag.group.is_none();
    let to_one = serve.allocation.as_ref().is_none_or(|allocation| allocation.len() == 1);
    serve.exposure.is_some() && !(to_everyone && to_one)
}

/// Tells whether a condition tests the id itself. Deeper than the evaluator goes nothing is tested.
fn tests_unit(condition: &Condition, segments: &HashMap<&str, &Condition>, depth: usize) -> bool {
    if depth > flag_core::CONDITION_MAX_DEPTH {
        return false;
    }
    let deeper = |condition: &Condition| tests_unit(condition, segments, depth + 1);
    condition.attribute.as_deref() == Some(UNIT_ATTRIBUTE)
        || condition.all.iter().flatten().any(deeper)
        || condition.any.iter().flatten().any(deeper)
        || condition.not.as_deref().is_some_and(deeper)
        || condition.segment.as_deref().and_then(|name| segments.get(name).copied()).is_some_and(deeper)
}
