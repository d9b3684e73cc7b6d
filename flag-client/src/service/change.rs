//! What a swap changed, for those who keep something that follows from flags.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use flag_core::wire::Snapshot;
use serde_json::Value;

use crate::FlagClient;
use crate::in_force::{Facts, InForce};
use crate::published::SnapshotInfo;

/// What changed at once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangeSet {
    /// What brought it about.
    pub cause: ChangeCause,
    /// The flags whose definition changed, sorted: what is published about them, a segment or group they refer to included, or what local
    /// files say of them. What each serves now is for [`decision`](crate::FlagClient::decision) to say; it may well be the same.
    pub flags: Vec<Box<str>>,
    /// Flags and capabilities that are killed now and were not, sorted.
    pub killed: Vec<Box<str>>,
    /// Flags and capabilities that were killed and are not any more, sorted.
    pub revived: Vec<Box<str>>,
    /// The snapshot before.
    pub before: Option<SnapshotInfo>,
    /// The snapshot now.
    pub after: Option<SnapshotInfo>,
}

/// What brought a change about.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeCause {
    /// Another snapshot is in force, or an emergency kill.
    Published,
    /// The snapshot has expired.
    Expired,
    /// A local file was changed, by this program or another.
    LocalFile,
}

/// What stands for a definition: another number, another definition.
type Fingerprints = BTreeMap<Box<str>, u64>;

/// Remembers what was in force, to tell what a swap changed.
pub(super) struct Observer {
    in_force: Arc<InForce>,
    published: Fingerprints,
    local: Fingerprints,
    killed: BTreeSet<Box<str>>,
}

impl Observer {
    pub(super) fn new(client: &FlagClient) -> Self {
        let in_force = client.in_force();
        Self { published: published(client), local: local(&in_force), killed: killed(&in_force), in_force }
    }

    /// Returns what has changed since the last call, whoever changed it.
    pub(super) fn observe(&mut self, client: &FlagClient) -> Option<ChangeSet> {
        let now = client.in_force();
        if Arc::ptr_eq(&now, &self.in_force) {
            return None;
        }
        let (before, after) = (self.in_force.info, now.info);
        let version = |info: Option<SnapshotInfo>| info.map(|info| (info.epoch, info.version));
        let published = if version(before) == version(after) { self.published.clone() } else { published(client) };
        let (local, killed) = (local(&now), killed(&now));
        let mut flags = difference(&self.published, &published);
        flags.append(&mut difference(&self.local, &local));
        let stale = |info: Option<SnapshotInfo>| info.is_some_and(|info| info.stale);
        let emergency = |in_force: &InForce| {
            let published = |kill: &&crate::KillInForce| {
                matches!(
                    kill.origin.layer,
                    crate::Layer::EmergencyKill | crate::Layer::EarlierKill | crate::Layer::Snapshot
                )
            };
            in_force.kills.iter().filter(published).map(|kill| kill.target.clone()).collect::<BTreeSet<_>>()
        };
        let changes = ChangeSet {
            cause: if version(before) != version(after) || emergency(&self.in_force) != emergency(&now) {
                ChangeCause::Published
            } else if !stale(before) && stale(after) {
                ChangeCause::Expired
            } else {
                ChangeCause::LocalFile
            },
            flags: flags.into_iter().collect(),
            killed: killed.difference(&self.killed).cloned().collect(),
            revived: self.killed.difference(&killed).cloned().collect(),
            before,
            after,
        };
        *self = Self { in_force: now, published, local, killed };
        let nothing = changes.flags.is_empty() && changes.killed.is_empty() && changes.revived.is_empty();
        (!nothing || stale(before) != stale(after)).then_some(changes)
    }
}

fn difference(before: &Fingerprints, after: &Fingerprints) -> BTreeSet<Box<str>> {
    let in_one = |one: &Fingerprints, other: &Fingerprints| {
        let differs = one.iter().filter(|(key, print)| other.get(*key) != Some(*print));
        differs.map(|(key, _)| key.clone()).collect::<Vec<_>>()
    };
    in_one(before, after).into_iter().chain(in_one(after, before)).collect()
}

fn killed(in_force: &InForce) -> BTreeSet<Box<str>> {
    in_force.kills.iter().map(|kill| kill.target.clone()).collect()
}

/// What local files and the environment say about flags, wherever it stands in them.
fn local(in_force: &InForce) -> Fingerprints {
    let print = |facts: &Facts| {
        let chosen = facts.chosen.as_ref().map(|chosen| (&chosen.wanted, chosen.effect));
        let base: Vec<_> = facts.base.iter().map(|base| &base.value).collect();
        fingerprint(&format!("{:?} {chosen:?} {base:?}", facts.publication == crate::in_force::Publication::Expired))
    };
    // What is declared and nothing more differs from what is not mentioned in no way that anybody would notice.
    let plain = print(&Facts::new(crate::Origin::of(crate::Layer::CodeDefault), true));
    let all = in_force.facts.iter().map(|(key, facts)| (key.clone(), print(facts)));
    all.filter(|(_, print)| *print != plain).collect()
}

fn published(client: &FlagClient) -> Fingerprints {
    if client.in_force().published.is_none() {
        return Fingerprints::new();
    }
    let parsed = client.with_trusted(|state| Snapshot::from_json(state?.snapshot_payload()?).ok());
    let Some(parsed) = parsed else { return Fingerprints::new() };
    let mut prints = definitions(&parsed.snapshot);
    prints.extend(parsed.malformed.into_iter().map(|flag| (flag.key, fingerprint(&flag.message))));
    prints
}

/// The flags of a snapshot, each with the segments and groups that it refers to.
fn definitions(snapshot: &Snapshot) -> Fingerprints {
    let segments = snapshot.segments.iter().map(|(name, segment)| (name, serde_json::to_value(segment)));
    let groups = snapshot.groups.iter().map(|(name, group)| (name, serde_json::to_value(group)));
    let mut named: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (name, definition) in segments.chain(groups) {
        named.entry(name).or_default().extend(definition);
    }
    let flags = snapshot.flags.iter().map(|(key, flag)| {
        let definition = serde_json::to_value(flag).unwrap_or_default();
        let mut text = definition.to_string();
        for name in referred(&definition, &named) {
            text.push_str(name);
            text.extend(named.get(name).into_iter().flatten().map(Value::to_string));
        }
        (key.into(), fingerprint(&text))
    });
    flags.collect()
}

/// Finds every name that a definition has among its texts.
fn mentions<'n>(value: &Value, named: &BTreeMap<&'n str, Vec<Value>>, found: &mut Vec<&'n str>) {
    match value {
        Value::String(text) => found.extend(named.get_key_value(&**text).map(|(name, _)| *name)),
        Value::Array(values) => values.iter().for_each(|value| mentions(value, named, found)),
        Value::Object(members) => members.values().for_each(|value| mentions(value, named, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Returns those names, and the ones that what they name refers to.
fn referred<'n>(definition: &Value, named: &BTreeMap<&'n str, Vec<Value>>) -> BTreeSet<&'n str> {
    let mut found = BTreeSet::new();
    let mut open = Vec::new();
    mentions(definition, named, &mut open);
    while let Some(name) = open.pop() {
        if found.insert(name) {
            for definition in named.get(name).into_iter().flatten() {
                mentions(definition, named, &mut open);
            }
        }
    }
    found
}

fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(segments: &str, flags: &str) -> Snapshot {
        let json = format!(
            r#"{{"schema":1,"project":"p","environment":"e","epoch":1,"version":1,"issued_at":0,"expires_at":0,
                "segments":{{{segments}}},"flags":{{{flags}}}}}"#
        );
        Snapshot::from_json(json.as_bytes()).unwrap().snapshot
    }

    #[test]
    fn a_flag_changes_with_the_segments_it_refers_to() {
        let flags = |exposure: u32| {
            format!(
                r#""a":{{"variants":{{"on":true,"off":false}},"off_variant":"off","fallthrough":{{"variant":"off"}},
                    "rules":[{{"id":"r","when":{{"segment":"inner"}},"serve":{{"variant":"on"}}}}]}},
                "b":{{"variants":{{"on":true,"off":false}},"off_variant":"off","fallthrough":{{"variant":"off"}},
                    "rules":[{{"id":"r","when":{{"segment":"outer"}},"serve":{{"variant":"on"}}}}]}},
                "c":{{"variants":{{"on":true,"off":false}},"off_variant":"off","fallthrough":
                    {{"exposure":{exposure},"allocation":{{"on":[[0,100000]]}},"otherwise":"off"}}}}"#
            )
        };
        let segments = |os: &str| {
            format!(
                r#""inner":{{"attribute":"os","operator":"equals","values":["{os}"]}},"outer":{{"not":{{"segment":"inner"}}}}"#
            )
        };
        let before = definitions(&snapshot(&segments("linux"), &flags(1_000)));
        let changed = |segments: &str, flags: &str| {
            difference(&before, &definitions(&snapshot(segments, flags))).into_iter().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(before.len(), 3);
        assert_eq!(changed(&segments("linux"), &flags(1_000)), "");
        assert_eq!(changed(&segments("linux"), &flags(2_000)), "c");
        assert_eq!(changed(&segments("macos"), &flags(1_000)), "a b");
        assert_eq!(changed(&segments("linux"), ""), "a b c");
    }
}
