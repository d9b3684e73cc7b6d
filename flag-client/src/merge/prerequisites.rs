//! Prerequisites that the application declares, for flags that the snapshot lacks.

use std::collections::HashSet;

use flag_core::wire::{self, Snapshot};
use flag_core::{FlagError, Ruleset};

use super::Merger;
use crate::in_force::Publication;
use crate::problem::Problem;

/// The local flags, compiled, and beside them the published ones that they depend on.
pub(super) struct Linked {
    pub(super) ruleset: Ruleset,
    /// The keys of the published ones. They are decided where they are published, and stand here only to be depended on.
    pub(super) borrowed: Vec<Box<str>>,
}

impl Merger<'_> {
    /// Compiles the local flags. A declared flag whose prerequisites do not hold together is off, with a problem that says so: what its
    /// author wanted to be checked cannot be.
    pub(super) fn link(
        &mut self,
        local: &mut Snapshot,
        document: Option<&Snapshot>,
        published: Option<&Ruleset>,
    ) -> Linked {
        let borrowed = match (document, published) {
            (Some(document), Some(published)) => borrow(local, document, published),
            _ => Vec::new(),
        };
        let mut ruleset = Ruleset::compile(local);
        // Each round takes the prerequisites of at least one flag away.
        while self.switch_off_unfounded(&mut local.flags, &ruleset) {
            ruleset = Ruleset::compile(local);
        }
        Linked { ruleset, borrowed }
    }

    fn switch_off_unfounded(&mut self, flags: &mut wire::Entries<wire::Flag>, ruleset: &Ruleset) -> bool {
        let mut any = false;
        for (key, source) in ruleset.quarantined() {
            // What depends on a flag that is switched off here is whole again in the next round.
            if matches!(source, FlagError::PrerequisiteQuarantined { .. }) || !self.declared.contains_key(key) {
                continue;
            }
            let Some(flag) = flags.find_mut(key).filter(|flag| !flag.prerequisites.is_empty()) else { continue };
            flag.prerequisites.clear();
            flag.enabled = false;
            if let Some(facts) = self.facts.get_mut(key) {
                facts.publication = Publication::Unfounded;
            }
            self.problems.push(Problem::Prerequisites { flag: key.into(), source: source.clone() });
            any = true;
        }
        any
    }
}

/// Copies the published flags that local ones depend on, with everything that these need.
fn borrow(local: &mut Snapshot, document: &Snapshot, published: &Ruleset) -> Vec<Box<str>> {
    let needs = |flag: &wire::Flag| -> Vec<Box<str>> {
        flag.prerequisites.iter().map(|prerequisite| prerequisite.flag.as_str().into()).collect()
    };
    let mut here: HashSet<Box<str>> = local.flags.names().map(Into::into).collect();
    let mut wanted: Vec<Box<str>> = local.flags.iter().flat_map(|(_, flag)| needs(flag)).collect();
    let mut borrowed = Vec::new();
    while let Some(key) = wanted.pop() {
        if here.contains(&key) || published.flag(&key).is_none() {
            continue;
        }
        let Some(flag) = document.flags.find(&key) else { continue };
        wanted.extend(needs(flag));
        local.flags.insert(key.clone(), flag.clone());
        here.insert(key.clone());
        borrowed.push(key);
    }
    if !borrowed.is_empty() {
        local.segments = document.segments.clone();
        local.groups = document.groups.clone();
    }
    borrowed
}
