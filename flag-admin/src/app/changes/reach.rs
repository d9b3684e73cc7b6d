//! What an edit can reach: flags that it cannot need not be compiled and planned to know that they decide as before.

use std::collections::{BTreeMap, BTreeSet};

use flag_core::wire::{Condition, Flag, Operator};
use flag_core::{FlagKey, RULESET_MAX_PATTERNS};

use crate::log::EnvironmentState;

/// Returns an environment before and after an edit, with no more flags than it can reach; none where it may reach all.
///
/// A flag is reached if it is another one, or another kill stands against it, or it depends on one that is reached, or stands in an
/// exclusion group with one: flags of a group are held against each other. What these need to be decided comes along.
pub(super) fn reached(
    before: &EnvironmentState,
    after: &EnvironmentState,
) -> Option<(EnvironmentState, EnvironmentState)> {
    let is_elsewhere = before.segments != after.segments || before.groups != after.groups;
    // The limit counts patterns in the order of the flags, so that flags without any bearing on each other may still break each other.
    if is_elsewhere || patterns(before).max(patterns(after)) > RULESET_MAX_PATTERNS {
        return None;
    }
    let neighbours = Neighbours::of([before, after]);
    let affected = closure(changed(before, after), |key| neighbours.reached_from(key));
    let needed = closure(affected, |key| neighbours.needed_by(key));
    Some((only(before, &needed), only(after, &needed)))
}

/// Returns the keys of flags that differ, and what kills come or go for.
fn changed<'s>(before: &'s EnvironmentState, after: &'s EnvironmentState) -> BTreeSet<&'s str> {
    let wire = |state: &'s EnvironmentState, key: &FlagKey| state.flags.get(key).map(|flag| &flag.definition.flag);
    let differs = |key: &&FlagKey| wire(before, key) != wire(after, key);
    let flags = before.flags.keys().chain(after.flags.keys()).filter(differs).map(FlagKey::as_str);
    let killed = |state: &'s EnvironmentState| state.kills.iter().map(|kill| &*kill.target).collect::<BTreeSet<&str>>();
    let (was, is) = (killed(before), killed(after));
    flags.chain(was.symmetric_difference(&is).copied()).collect()
}

/// Which flags have to do with which, before or after an edit.
struct Neighbours<'s> {
    states: [&'s EnvironmentState; 2],
    /// The flags that depend on one.
    dependents: BTreeMap<&'s str, Vec<&'s str>>,
    /// The flags of an exclusion group.
    members: BTreeMap<&'s str, Vec<&'s str>>,
}

impl<'s> Neighbours<'s> {
    fn of(states: [&'s EnvironmentState; 2]) -> Self {
        let (mut dependents, mut members) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        for (key, flag) in states.iter().flat_map(|state| &state.flags) {
            let (key, flag) = (key.as_str(), &flag.definition.flag);
            for prerequisite in &flag.prerequisites {
                dependents.entry(prerequisite.flag.as_str()).or_default().push(key);
            }
            if let Some(group) = &flag.group {
                members.entry(&*group.name).or_default().push(key);
            }
        }
        Self { states, dependents, members }
    }

    fn flags(&self, key: &str) -> impl Iterator<Item = &'s Flag> {
        let key: Option<FlagKey> = key.parse().ok();
        let flag = move |state: &&'s EnvironmentState| Some(&state.flags.get(key.as_ref()?)?.definition.flag);
        self.states.into_iter().filter_map(move |state| flag(&state))
    }

    fn of_its_groups(&self, key: &str) -> Vec<&'s str> {
        let groups = self.flags(key).filter_map(|flag| self.members.get(&*flag.group.as_ref()?.name));
        groups.flatten().copied().collect()
    }

    fn reached_from(&self, key: &str) -> Vec<&'s str> {
        let mut reached = self.of_its_groups(key);
        reached.extend(self.dependents.get(key).into_iter().flatten());
        reached
    }

    fn needed_by(&self, key: &str) -> Vec<&'s str> {
        let mut needed = self.of_its_groups(key);
        needed.extend(self.flags(key).flat_map(|flag| flag.prerequisites.iter().map(|on| on.flag.as_str())));
        needed
    }
}

/// Returns all that is come to from some keys.
fn closure<'s>(from: BTreeSet<&'s str>, next: impl Fn(&str) -> Vec<&'s str>) -> BTreeSet<&'s str> {
    let mut open: Vec<&str> = from.iter().copied().collect();
    let mut found = from;
    while let Some(key) = open.pop() {
        open.extend(next(key).into_iter().filter(|key| found.insert(key)));
    }
    found
}

/// Returns an environment with no flags but these, as far as it is compiled.
fn only(state: &EnvironmentState, keys: &BTreeSet<&str>) -> EnvironmentState {
    let keys = keys.iter().filter_map(|key| key.parse::<FlagKey>().ok());
    let mut part = EnvironmentState::default();
    part.flags = keys.filter_map(|key| state.flags.get(&key).cloned().map(|flag| (key, flag))).collect();
    part.segments.clone_from(&state.segments);
    part.groups.clone_from(&state.groups);
    part.kills.clone_from(&state.kills);
    part
}

/// Counts regular expressions, at least as many as compiling does.
fn patterns(state: &EnvironmentState) -> usize {
    let rules = state.flags.values().flat_map(|flag| &flag.definition.flag.rules).map(|rule| &rule.when);
    rules.chain(state.segments.values()).map(patterns_in).sum()
}

fn patterns_in(condition: &Condition) -> usize {
    let own = match (&condition.operator, &condition.values) {
        (Some(Operator::Matches), Some(values)) => values.len(),
        _ => 0,
    };
    let parts = condition.all.iter().chain(&condition.any).flatten().chain(condition.not.as_deref());
    parts.map(patterns_in).sum::<usize>().saturating_add(own)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::fmt::Write as _;

    use flag_core::wire::{Membership, Prerequisite, Range};
    use flag_core::{PlanOptions, Ruleset, plan};
    use proptest::prelude::*;

    use super::*;
    use crate::definition::Definitions;
    use crate::log::{ActiveKill, EnvironmentName, FlagState, bare_snapshot};

    /// A flag: its share, on which flag it depends, its slot in a group, and whether it is killed.
    type Drawn = (u32, Option<usize>, Option<u32>, bool);

    const FLAGS: usize = 8;

    fn flag() -> impl Strategy<Value = Drawn> {
        let (on, slot) = (prop::option::weighted(0.3, 0..FLAGS), prop::option::weighted(0.3, 0_u32..4));
        (0_u32..=100, on, slot, prop::bool::weighted(0.1))
    }

    fn state(flags: &[Drawn]) -> EnvironmentState {
        let mut text = String::new();
        for (number, (share, ..)) in flags.iter().enumerate() {
            writeln!(text, "[flags.flag_{number}]\nrollout = \"{share}%\"").unwrap();
        }
        let now = flag_core::Timestamp::from_millis(0);
        let definitions = Definitions::from_toml(&text, "flags.toml").unwrap();
        let flag_state = |definition| FlagState::new(definition, now, "alice".parse().unwrap());
        let kill = |number: usize| ActiveKill {
            id: format!("k-{number}").into(),
            target: format!("flag_{number}").into(),
            emergency: false,
            since: now,
            by: "alice".parse().unwrap(),
            reason: None,
        };
        let killed = flags.iter().enumerate().filter(|(_, flag)| flag.3).map(|(number, _)| kill(number)).collect();
        let mut state = EnvironmentState::default();
        state.groups.insert("group".into(), serde_json::from_str("{}").unwrap());
        // Set here, since no file may say what does not hold together: cycles, and slots that overlap.
        for ((key, mut definition), (_, on, slot, _)) in definitions.flags.into_iter().zip(flags) {
            definition.flag.prerequisites.extend(
                on.map(|on| Prerequisite { flag: format!("flag_{on}").parse().unwrap(), variants: vec!["on".into()] }),
            );
            definition.flag.group = slot.map(|slot| Membership {
                name: "group".into(),
                slots: vec![Range { from: slot * 1_000, to: (slot + 1) * 1_000 }],
            });
            state.flags.insert(key.parse().unwrap(), flag_state(definition));
        }
        state.kills = killed;
        state
    }

    fn compiled(state: &EnvironmentState) -> Ruleset {
        Ruleset::compile(&bare_snapshot(&"caro".parse().unwrap(), &EnvironmentName::production(), state))
    }

    fn broken(ruleset: &Ruleset) -> BTreeSet<&str> {
        ruleset.quarantined().map(|(flag, _)| flag).collect()
    }

    proptest! {
        #[test]
        fn what_is_not_reached_decides_as_before(
            flags in prop::collection::vec(flag(), FLAGS),
            edits in prop::collection::vec((0..FLAGS, flag()), 0..3),
        ) {
            let mut edited = flags.clone();
            for (place, flag) in edits {
                *edited.get_mut(place).unwrap() = flag;
            }
            let (before, after) = (state(&flags), state(&edited));
            let whole = (compiled(&before), compiled(&after));
            let (before, after) = reached(&before, &after).unwrap();
            let part = (compiled(&before), compiled(&after));
            let options = PlanOptions::default();
            prop_assert_eq!(plan(&part.0, &part.1, &options), plan(&whole.0, &whole.1, &options));
            let newly = |(old, new): &(Ruleset, Ruleset)| {
                broken(new).difference(&broken(old)).map(|flag| (*flag).to_owned()).collect::<Vec<_>>()
            };
            prop_assert_eq!(newly(&part), newly(&whole));
        }
    }

    #[test]
    fn an_edit_of_one_flag_takes_along_what_has_to_do_with_it_alone() {
        let flags: Vec<Drawn> = (0..FLAGS).map(|number| (5, (number == 2).then_some(1), None, false)).collect();
        let mut edited = flags.clone();
        edited.get_mut(1).unwrap().0 = 50;
        let (before, after) = reached(&state(&flags), &state(&edited)).unwrap();
        let keys = |state: &EnvironmentState| state.flags.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            (keys(&before), keys(&after)),
            (vec!["flag_1".into(), "flag_2".into()], vec!["flag_1".into(), "flag_2".into()])
        );
    }
}
