//! A flag's definition with everything it refers to, so that two snapshots can be told apart flag by flag.

use std::collections::{BTreeMap, HashMap};

use flag_core::wire::{Condition, Flag, Group, Kind, Parsed};

use super::narrowing::Changes;
use super::turned_down::is_turned_down;
use crate::ordered;
use crate::trust::fnv1a;

/// The flags of a snapshot by key, with its segments and groups by name.
pub(super) struct Definitions<'s> {
    flags: HashMap<&'s str, &'s Flag>,
    segments: HashMap<&'s str, &'s Condition>,
    groups: HashMap<&'s str, &'s Group>,
}

/// A flag, the segments its conditions come to, and its group.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Definition<'s> {
    pub(super) flag: &'s Flag,
    pub(super) segments: BTreeMap<&'s str, &'s Condition>,
    pub(super) group: Option<(&'s str, &'s Group)>,
}

impl<'s> Definitions<'s> {
    /// Takes a snapshot apart. Flags of broken form count as missing: they serve the local default, as missing ones do.
    pub(super) fn of(parsed: Option<&'s Parsed>) -> Self {
        let snapshot = parsed.map(|parsed| &parsed.snapshot);
        Self {
            flags: snapshot.into_iter().flat_map(|snapshot| snapshot.flags.iter()).collect(),
            segments: snapshot.into_iter().flat_map(|snapshot| snapshot.segments.iter()).collect(),
            groups: snapshot.into_iter().flat_map(|snapshot| snapshot.groups.iter()).collect(),
        }
    }

    pub(super) fn find(&self, key: &str) -> Option<Definition<'s>> {
        let flag = *self.flags.get(key)?;
        let mut segments = BTreeMap::new();
        let mut waiting: Vec<&'s Condition> = flag.rules.iter().map(|rule| &rule.when).collect();
        while let Some(condition) = waiting.pop() {
            waiting.extend(condition.all.iter().chain(&condition.any).flatten());
            waiting.extend(condition.not.as_deref());
            let named = condition.segment.as_deref().and_then(|name| self.segments.get_key_value(name));
            if let Some((name, condition)) = named {
                if segments.insert(*name, *condition).is_none() {
                    waiting.push(condition);
                }
            }
        }
        let group = flag.group.as_ref().and_then(|group| self.groups.get_key_value(&*group.name));
        Some(Definition { flag, segments, group: group.map(|(name, group)| (*name, *group)) })
    }

    /// Returns the flags of either snapshot whose later definition differs, and that may be held back.
    ///
    /// A flag that was [turned down](is_turned_down) stays so, and everything about kill switches as it is said last: what is held back must
    /// never turn on what its publisher turned down. Of a flag that is gone its publisher says nothing any more, and it may be held back.
    pub(super) fn changes_since(&self, earlier: &Self) -> Changes {
        let keys = ordered::set(self.flags.keys().chain(earlier.flags.keys()).copied());
        let changed = keys.into_iter().filter_map(|key| {
            let (later, earlier) = (self.find(key), earlier.find(key));
            let is_switch = [&later, &earlier].into_iter().flatten().any(|one| one.flag.kind == Kind::KillSwitch);
            let before = earlier.as_ref().map(|earlier| earlier.flag);
            let is_down = later.as_ref().is_some_and(|later| is_turned_down(before, later.flag));
            let is_same = match (&later, &earlier) {
                (Some(later), Some(earlier)) => later.says_what(earlier),
                (None, None) => true,
                _ => false,
            };
            (!is_switch && !is_down && !is_same).then(|| (key.into(), fingerprint(later.as_ref())))
        });
        ordered::map(changed)
    }
}

impl Definition<'_> {
    /// Tells whether both decide alike. The number of a flag's last change decides nothing.
    fn says_what(&self, other: &Self) -> bool {
        let same_but_number = || Flag { version: other.flag.version, ..self.flag.clone() } == *other.flag;
        self.segments == other.segments && self.group == other.group && (self.flag == other.flag || same_but_number())
    }
}

/// Returns a number that stays the same for as long as a definition does. A flag that is missing has one, too.
pub(super) fn fingerprint(definition: Option<&Definition<'_>>) -> u64 {
    let text = definition.map(|Definition { flag, segments, group }| {
        let flag = Flag { version: 0, ..(*flag).clone() };
        // Maps with texts for keys always have a JSON form.
        serde_json::to_vec(&(&flag, segments, group)).unwrap_or_default()
    });
    fnv1a(&text.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use flag_core::wire::Snapshot;

    use super::*;

    const RULE: &str = r#""fallthrough":{"variant":"off"},"rules":[{"id":"r","when":{"not":{"segment":"outer"}},"serve":{"variant":"on"}}]"#;

    fn parsed(flags: &str, segment: &str, holdout: u32) -> Parsed {
        let json = format!(
            r#"{{"schema":1,"project":"p","environment":"e","epoch":1,"version":1,"issued_at":0,"expires_at":0,
                "segments":{{"outer":{{"any":[{{"segment":"inner"}}]}},"inner":{{"attribute":"os","operator":"equals","values":["{segment}"]}}}},
                "groups":{{"g":{{"holdout":{holdout}}}}},"flags":{{{flags}}}}}"#
        );
        Snapshot::from_json(json.as_bytes()).unwrap()
    }

    fn changes(earlier: &Parsed, later: &Parsed) -> String {
        let changes = Definitions::of(Some(later)).changes_since(&Definitions::of(Some(earlier)));
        changes.keys().map(|key| &**key).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_flag_changes_with_what_it_refers_to_and_is_never_held_back_from_being_turned_down() {
        let flags = format!(
            r#""plain":{{"version":1,"fallthrough":{{"variant":"on"}}}},"ruled":{{{RULE}}},"gone":{{"fallthrough":{{"variant":"on"}}}},
               "member":{{"fallthrough":{{"exposure":5000}},"group":{{"name":"g","slots":[[0,10]]}}}},
               "telemetry":{{"kind":"kill_switch","fallthrough":{{"variant":"on"}}}}"#
        );
        let earlier = parsed(&flags, "linux", 0);
        let with = |from: &str, to: &str| {
            assert!(flags.contains(from));
            changes(&earlier, &parsed(&flags.replace(from, to), "linux", 0))
        };
        assert_eq!(changes(&earlier, &earlier), "");
        assert_eq!(changes(&earlier, &parsed(&flags, "macos", 0)), "ruled");
        assert_eq!(changes(&earlier, &parsed(&flags, "linux", 10)), "member");
        let removed = r#""gone":{"fallthrough":{"variant":"on"}},"#;
        let table = [
            (r#""version":1"#, r#""version":2"#, ""),
            (r#""version":1,"fallthrough":{"variant":"on"}"#, r#""fallthrough":{"variant":"off"}"#, ""),
            (r#""version":1"#, r#""overridable":true"#, "plain"),
            (r#""version":1"#, r#""enabled":false"#, ""),
            (r#""exposure":5000"#, r#""exposure":4999"#, ""),
            (r#""exposure":5000"#, r#""exposure":5001"#, "member"),
            (
                r#""kind":"kill_switch","fallthrough":{"variant":"on"}"#,
                r#""kind":"kill_switch","fallthrough":{"variant":"off"}"#,
                "",
            ),
            (r#""kind":"kill_switch""#, r#""kind":"release""#, ""),
            (removed, "", "gone"),
            (removed, r#""gone":{"fallthrough":7},"new":{"fallthrough":{"variant":"on"}},"#, "new"),
            (removed, r#""gone":{"fallthrough":true},"new":{"fallthrough":{"variant":"off"}},"#, "gone"),
        ];
        for (from, to, changed) in table {
            assert_eq!(with(from, to), changed, "{from} to {to}");
        }
    }

    #[test]
    fn a_fingerprint_is_that_of_all_that_decides() {
        let flags = |more: &str| format!(r#""ruled":{{{RULE}{more}}}"#);
        let of = |parsed: &Parsed| fingerprint(Definitions::of(Some(parsed)).find("ruled").as_ref());
        let sound = of(&parsed(&flags(""), "linux", 0));
        assert_eq!(of(&parsed(&flags(r#","version":9"#), "linux", 0)), sound);
        assert_eq!(of(&parsed(&flags(""), "linux", 9)), sound, "a group it is not in");
        assert_ne!(of(&parsed(&flags(""), "macos", 0)), sound);
        assert_ne!(of(&parsed(&flags(r#","overridable":true"#), "linux", 0)), sound);
        assert_ne!(of(&parsed("", "linux", 0)), sound);
    }
}
