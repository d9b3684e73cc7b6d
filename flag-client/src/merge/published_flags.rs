//! What becomes of the flags of the snapshot where this machine or the code has something stronger to say.

use std::collections::BTreeSet;

use flag_core::wire::{self, Entries, Serve};

use super::Merger;
use crate::builder::Precedence;
use crate::decision::{Layer, Origin};
use crate::declaration::Declaration;
use crate::in_force::{Facts, Publication};
use crate::problem::Problem;

impl Merger<'_> {
    /// Replaces what the snapshot says where something stronger stands: base values under [`Precedence::LocalOverRemote`], the local
    /// default once a snapshot has expired for flags that ask for it, and the whole flag if its type is not what the code expects.
    pub(super) fn adjust_published(&mut self, flags: &mut Entries<wire::Flag>, mentioned: &BTreeSet<Box<str>>) {
        // One walk over the snapshot: looking each key up would walk it once a key.
        let mut adjusted: Vec<(Box<str>, wire::Flag)> = Vec::new();
        for (key, flag) in flags.iter() {
            let falls_back = self.stale && flag.default_on_expiry;
            if !(falls_back || mentioned.contains(key)) {
                continue;
            }
            let mut facts = Facts::new(Origin::of(Layer::Snapshot), self.declared.contains_key(key));
            if let Some(replaced) = self.adjusted(key, flag, &mut facts) {
                adjusted.push((key.into(), replaced));
            }
            self.facts.insert(key.into(), facts);
        }
        for (key, flag) in adjusted {
            flags.insert(key, flag);
        }
    }

    fn adjusted(&mut self, key: &str, flag: &wire::Flag, facts: &mut Facts) -> Option<wire::Flag> {
        let declaration = self.declared.get(key).copied();
        if let Some(declaration) = declaration {
            let (found, expected) = (flag.variants.iter().next()?.1.value_type(), declaration.default.value_type());
            if found != expected {
                self.problems.push(Problem::TypeMismatch { flag: key.into(), found, expected });
                facts.publication = Publication::OtherType;
                return Some(self.local_flag(key, Some(declaration), facts));
            }
        }
        // What the code calls critical stays so, whatever is published.
        let critical = flag.critical || declaration.is_some_and(|declaration| declaration.critical);
        let raised = (critical != flag.critical).then(|| wire::Flag { critical, ..flag.clone() });
        let flag = raised.as_ref().unwrap_or(flag);
        let base = self.base_variant(key, flag, facts);
        let local_first = self.precedence == Precedence::LocalOverRemote;
        let expired = self.stale && flag.default_on_expiry;
        // Before the snapshot that brought it, the flag was the local default's.
        let held_back = self.held_back.get(key).is_some_and(|held| held.good.is_none());
        let falls_back = expired || held_back;
        let (variant, foundation) = match base {
            Some(base) if local_first || falls_back => base,
            _ if falls_back => (fallback_variant(declaration, flag), Origin::of(Layer::CodeDefault)),
            _ => return raised,
        };
        facts.foundation = foundation;
        let serving = wire::Flag { rules: Vec::new(), fallthrough: Serve::variant(variant), ..flag.clone() };
        if expired {
            facts.publication = Publication::Expired;
        } else if held_back {
            facts.publication = Publication::HeldBack;
            // A kill reaches it by its prerequisites still.
            return Some(serving);
        }
        Some(wire::Flag { enabled: true, prerequisites: Vec::new(), off_after: None, ..serving })
    }
}

/// The variant of a published flag that the code default means. Where it means none, the flag is off.
fn fallback_variant(declaration: Option<&Declaration>, flag: &wire::Flag) -> Box<str> {
    let default = declaration.and_then(|declaration| {
        let local = declaration.to_flag();
        local.fallthrough.variant.as_deref().and_then(|id| local.variants.find(id).cloned())
    });
    let same = default.and_then(|default| flag.variants.iter().find(|(_, value)| **value == default));
    same.map_or_else(|| flag.off_variant.clone(), |(id, _)| id.into())
}
