//! The flags that only this machine and the code know, as a document of their own.

use std::collections::{BTreeSet, HashSet};

use flag_core::wire::{self, Entries, Serve, Snapshot};
use flag_core::{Ruleset, Timestamp, Value};

use super::Merger;
use crate::decision::{Layer, LocalValue, Origin};
use crate::declaration::{Declaration, OFF, on_off, plain};
use crate::in_force::{Facts, Publication};
use crate::problem::Problem;

impl Merger<'_> {
    /// The flags that the snapshot lacks or has broken, and that this machine knows.
    pub(super) fn local_flags(&mut self, published: Option<&Ruleset>, mentioned: &BTreeSet<Box<str>>) -> Snapshot {
        let mut flags = Vec::new();
        let broken: HashSet<&str> = published.into_iter().flat_map(Ruleset::quarantined).map(|(key, _)| key).collect();
        for key in mentioned {
            if published.is_some_and(|published| published.flag(key).is_some()) {
                continue;
            }
            let declaration = self.declared.get(&**key).copied();
            let has_base = self.settings.get(key).is_some_and(|settings| !settings.base.is_empty());
            if declaration.is_none() && !has_base && !broken.contains(&**key) {
                self.report_unknown(key);
                continue;
            }
            if declaration.is_none() && !broken.contains(&**key) {
                self.report_undeclared(key);
            }
            let mut facts = Facts::new(Origin::of(Layer::CodeDefault), declaration.is_some());
            if broken.contains(&**key) {
                facts.publication = Publication::Broken;
            }
            if declaration.is_some() || has_base {
                flags.push((key.clone(), self.local_flag(key, declaration, &mut facts)));
            }
            self.facts.insert(key.clone(), facts);
        }
        local_snapshot(flags.into_iter().collect())
    }

    fn report_unknown(&mut self, key: &str) {
        let settings = self.settings.get(key).cloned().unwrap_or_default();
        for (origin, _) in settings.overrides {
            self.problems.push(Problem::UnknownFlag { origin, flag: key.into() });
        }
    }

    fn report_undeclared(&mut self, key: &str) {
        let settings = self.settings.get(key).cloned().unwrap_or_default();
        for (origin, _) in settings.base {
            self.problems.push(Problem::UnknownFlag { origin, flag: key.into() });
        }
    }

    /// The flag that serves its base value, else its code default.
    pub(super) fn local_flag(&mut self, key: &str, declaration: Option<&Declaration>, facts: &mut Facts) -> wire::Flag {
        let base = self.settings.get(key).and_then(|settings| settings.base.first()).map(|(_, value)| value.clone());
        let flag = match (declaration, base) {
            (Some(declaration), _) => declaration.to_flag(),
            (None, Some(LocalValue::Variant(variant))) if *variant != *OFF => {
                let value = |id: &str| (Box::from(id), Value::from(id));
                plain(Entries::from_iter([value(&variant), value(OFF)]), OFF, OFF)
            }
            (None, _) => plain(on_off(), OFF, OFF),
        };
        let (variant, foundation) = match self.base_variant(key, &flag, facts) {
            Some((variant, origin)) => (Serve::variant(variant), origin),
            None => (flag.fallthrough.clone(), Origin::of(Layer::CodeDefault)),
        };
        facts.foundation = foundation;
        wire::Flag { fallthrough: variant, ..flag }
    }
}

/// A document around local flags, as the compiler takes nothing less.
fn local_snapshot(flags: Entries<wire::Flag>) -> Snapshot {
    let never = Timestamp::from_millis(0);
    Snapshot {
        schema: wire::SCHEMA,
        project: "".into(),
        environment: "".into(),
        epoch: 0,
        version: 0,
        issued_at: never,
        expires_at: never,
        audit_head: None,
        flags,
        segments: Entries::default(),
        groups: Entries::default(),
        kills: Vec::new(),
        lifted: Vec::new(),
    }
}
