//! What flags share without saying so, and what nothing refers to.

use std::collections::{BTreeSet, HashMap};

use flag_core::Value;
use flag_core::wire::{Condition, OptIn};

use super::finding::Collector;
use super::rule::LintRule;

/// The largest whole number that a double holds with all its neighbours, 2^53 - 1 (ECMA-262, `Number.MAX_SAFE_INTEGER`).
const EXACT_MAX: u64 = (1 << 53) - 1;

pub(super) fn check(collector: &mut Collector<'_>) {
    seeds(collector);
    let definitions = collector.definitions;
    for (key, definition) in definitions.flags.iter() {
        let flag = &definition.flag;
        for (id, value) in flag.variants.iter() {
            if let Some(number) = beyond_double(value) {
                let message = format!("the value of the variant {id:?} holds {number}, expected at most {EXACT_MAX}");
                collector.flag(LintRule::IntegerBeyondDouble, key, &format!("variants.{id}"), message);
            }
        }
        if flag.critical && (flag.overridable || flag.opt_in == OptIn::Allowed) {
            let what = if flag.overridable { "overridable" } else { "opt_in" };
            let message = format!("{key:?} is critical, so {what} does nothing");
            collector.flag(LintRule::IdleOverride, key, what, message);
        }
    }
    unused(collector);
}

/// Two flags with one seed draw the same buckets where they bucket the same attribute in the same version.
fn seeds(collector: &mut Collector<'_>) {
    let definitions = collector.definitions;
    let mut drawn: HashMap<(&str, Option<&str>, u32), Vec<&str>> = HashMap::new();
    for (key, definition) in definitions.flags.iter() {
        let flag = &definition.flag;
        let drawn =
            drawn.entry((flag.seed.as_deref().unwrap_or(key), flag.unit.as_deref(), flag.bucketing)).or_default();
        drawn.push(key);
    }
    for (key, definition) in definitions.flags.iter() {
        let flag = &definition.flag;
        // A flag that is drawn from its own key is not the one that shares.
        let Some(seed) = flag.seed.as_deref().filter(|seed| *seed != key) else { continue };
        let sharing = drawn.get(&(seed, flag.unit.as_deref(), flag.bucketing)).map(Vec::as_slice).unwrap_or_default();
        // Among flags that all name the seed, the first one does not share with those after it.
        let before = sharing.iter().copied().take_while(|other| *other != key);
        let owner = sharing.iter().copied().filter(|other| *other == seed);
        if let Some(other) = owner.chain(before).next() {
            let message = format!("{key:?} and {other:?} draw the same buckets, from the seed {seed:?}");
            collector.flag(LintRule::SharedSeed, key, "seed", message);
        }
    }
}

fn beyond_double(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number).filter(|number| number.unsigned_abs() > EXACT_MAX),
        Value::List(items) => items.iter().find_map(beyond_double),
        Value::Object(object) => object.fields().find_map(|(_, value)| beyond_double(value)),
        _ => None,
    }
}

fn unused(collector: &mut Collector<'_>) {
    let definitions = collector.definitions;
    let (mut segments, mut groups) = (BTreeSet::new(), BTreeSet::new());
    for (_, definition) in definitions.flags.iter() {
        definition.flag.rules.iter().for_each(|rule| refer(&rule.when, &mut segments));
        groups.extend(definition.flag.group.iter().map(|group| &*group.name));
    }
    definitions.segments.iter().for_each(|(_, condition)| refer(condition, &mut segments));
    for (name, _) in definitions.segments.iter().filter(|(name, _)| !segments.contains(name)) {
        collector.other(LintRule::UnusedSegment, "segments", name, format!("nothing names the segment {name:?}"));
    }
    for (name, _) in definitions.groups.iter().filter(|(name, _)| !groups.contains(name)) {
        collector.other(LintRule::UnusedGroup, "groups", name, format!("no flag is in the group {name:?}"));
    }
}

fn refer<'c>(condition: &'c Condition, names: &mut BTreeSet<&'c str>) {
    names.extend(condition.segment.as_deref());
    let parts = condition.all.iter().chain(&condition.any).flatten().chain(condition.not.as_deref());
    parts.for_each(|part| refer(part, names));
}
