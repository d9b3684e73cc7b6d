//! All layers made one: the published flags and the local ones, compiled, with choices and kills laid upon them.

mod base_values;
mod choices;
mod local_flags;
mod prerequisites;
mod published_flags;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use flag_core::wire::{Malformed, OptIn, Parsed};
use flag_core::{Ruleset, Timestamp};

pub(crate) use self::choices::standing;
use self::prerequisites::Linked;
use crate::builder::{ClientBuilder, Precedence};
use crate::current::Number;
use crate::decision::{Effect, Layer, Origin};
use crate::declaration::Declaration;
use crate::gather::{FileOwner, LocalLayers, Settings};
use crate::in_force::{Facts, InForce, Unit};
use crate::kills::{KillInForce, target_of};
use crate::local_file::Contents;
use crate::ordered;
use crate::problem::Problem;
use crate::published::SnapshotInfo;
use crate::quarantine::{HeldBack, HoldBack};
use crate::splits::Splits;
use crate::trust::TrustState;

/// Puts everything together.
pub(crate) fn merge(
    host: &ClientBuilder,
    declarations: &[Declaration],
    files: Vec<(FileOwner, Contents)>,
    state: Option<&TrustState>,
    holds: Option<&dyn HoldBack>,
    now: Timestamp,
) -> InForce {
    let mut problems = Vec::new();
    let info =
        state.filter(|_| host.precedence != Precedence::LocalOnly).and_then(|state| SnapshotInfo::of(state, now));
    let mut parsed = info.and(state).and_then(|state| read_snapshot(host, state, &mut problems));
    let info = info.filter(|_| parsed.is_some());
    let held_back = parsed.as_mut().zip(holds).map(|(parsed, holds)| holds.apply(parsed)).unwrap_or_default();

    let published_keys: Vec<Box<str>> = parsed.iter().flat_map(keys_of).map(Into::into).collect();
    let known = declarations.iter().map(|flag| flag.key).chain(published_keys.iter().map(|key| &**key));
    let layers = LocalLayers::gather(host, files, &known);
    problems.extend(layers.problems);

    let mut merger = Merger {
        precedence: host.precedence,
        stale: info.is_some_and(|info| info.stale),
        declared: ordered::map(declarations.iter().map(|flag| (flag.key, flag))),
        settings: layers.settings,
        held_back,
        facts: HashMap::new(),
        problems,
    };
    let mentioned = merger.mentioned();
    if let Some(parsed) = &mut parsed {
        merger.adjust_published(&mut parsed.snapshot.flags, &mentioned);
        // Which kills stand is for the trusted state to say: it knows those that were lifted, and the emergency ones.
        parsed.snapshot.kills.clear();
    }
    let mut splits = parsed.as_ref().map(|parsed| Splits::of(&parsed.snapshot)).unwrap_or_default();
    let published = parsed.as_ref().map(Ruleset::from_parsed);
    let mut local_flags = merger.local_flags(published.as_ref(), &mentioned);
    let document = parsed.as_ref().map(|parsed| &parsed.snapshot);
    let Linked { ruleset: mut local, borrowed } = merger.link(&mut local_flags, document, published.as_ref());
    splits.depend(&local_flags.flags);
    let mut published = published;
    if let Some(published) = &published {
        merger.report_quarantined(published);
    }
    let governed = published.is_some();
    for flag in &mentioned {
        let ruleset = match &mut published {
            Some(published) if published.flag(flag).is_some() => published,
            _ => &mut local,
        };
        merger.choose(host, flag, ruleset, governed);
    }
    for flag in &borrowed {
        merger.choose_again(flag, &mut local);
    }
    let kills = kills_of(layers.kills, state, |name| {
        merger.declared.contains_key(name) || is_known(published.as_ref(), &local, name)
    });
    merger.report_unknown_kills(&kills, published.as_ref(), &local);
    merger.report_held_back();
    for kill in &kills {
        published.iter_mut().chain([&mut local]).for_each(|ruleset| ruleset.kill(&kill.target));
    }
    splits.retain(|flag| needs_unit(flag, published.as_ref(), &merger.facts));
    let mut undeclared: Vec<Box<str>> = merger.facts.keys().cloned().collect();
    undeclared.sort_unstable();
    let mut seen = HashSet::new();
    let all = declarations.iter().map(|flag| Box::from(flag.key)).chain(published_keys).chain(undeclared);
    InForce {
        number: Number::next(),
        order: all.filter(|key| seen.insert(key.clone())).collect(),
        published,
        local,
        facts: merger.facts,
        kills,
        info,
        problems: merger.problems,
        attributes: host.attributes.clone(),
        now,
        unit: Unit::new(&host.identity_source(), splits),
        for_others: crate::reads::ForOthers::new(),
    }
}

fn read_snapshot(host: &ClientBuilder, state: &TrustState, problems: &mut Vec<Problem>) -> Option<Parsed> {
    match (host.documents?.parse)(state.snapshot_payload()?) {
        Ok(parsed) => Some(parsed),
        Err(source) => {
            problems.push(Problem::Snapshot(Arc::new(source)));
            None
        }
    }
}

fn keys_of(parsed: &Parsed) -> impl Iterator<Item = &str> {
    let malformed = parsed.malformed.iter().map(|Malformed { key, .. }| &**key);
    parsed.snapshot.flags.names().chain(malformed)
}

fn is_known(published: Option<&Ruleset>, local: &Ruleset, name: &str) -> bool {
    let in_snapshot = published
        .is_some_and(|published| published.flag(name).is_some() || published.quarantined().any(|(key, _)| key == name));
    in_snapshot || local.flag(name).is_some()
}

/// Every kill of every layer, the user's last.
fn kills_of(
    local: Vec<(Box<str>, Origin)>,
    state: Option<&TrustState>,
    is_flag: impl Fn(&str) -> bool,
) -> Vec<KillInForce> {
    let (own, users): (Vec<_>, Vec<_>) =
        local.into_iter().partition(|(_, origin)| matches!(origin.layer, Layer::CommandLine | Layer::Environment));
    let remote = state.into_iter().flat_map(|state| {
        let in_snapshot =
            |kill: &&crate::trust::Kill| state.snapshot_header().is_some_and(|header| header.kills.contains(kill));
        state.active_kills().into_iter().map(move |kill| {
            let layer = match kill {
                kill if in_snapshot(&kill) => Layer::Snapshot,
                kill if state.is_emergency_kill(kill) => Layer::EmergencyKill,
                _ => Layer::EarlierKill,
            };
            (kill.target.clone(), Origin::of(layer))
        })
    });
    let all = own.into_iter().chain(remote).chain(users);
    all.map(|(name, origin)| KillInForce { target: target_of(&name, &is_flag).into(), origin }).collect()
}

/// Tells whether a decision about a flag of the snapshot may look at a bucket as things stand.
fn needs_unit(flag: &str, published: Option<&Ruleset>, facts: &HashMap<Box<str>, Facts>) -> bool {
    let Some(flag) = published.and_then(|published| published.flag(flag)) else { return false };
    let effect = facts.get(flag.key().as_str()).and_then(|facts| facts.chosen.as_ref()).map(|chosen| chosen.effect);
    match effect {
        _ if flag.is_killed() => false,
        Some(Effect::Chooses | Effect::Forces) => false,
        Some(Effect::OptsIn) => true,
        None => flag.opt_in() != OptIn::Required,
    }
}

struct Merger<'a> {
    precedence: Precedence,
    stale: bool,
    declared: BTreeMap<&'a str, &'a Declaration>,
    settings: BTreeMap<Box<str>, Settings>,
    held_back: BTreeMap<Box<str>, HeldBack>,
    facts: HashMap<Box<str>, Facts>,
    problems: Vec<Problem>,
}

impl Merger<'_> {
    /// The flags that this machine has something to say about.
    fn mentioned(&self) -> BTreeSet<Box<str>> {
        let local = self.declared.keys().map(|key| Box::from(*key)).chain(self.settings.keys().cloned());
        ordered::set(local.chain(self.held_back.keys().cloned()))
    }

    /// Notes with each flag that is held back that it is.
    fn report_held_back(&mut self) {
        for (flag, why) in std::mem::take(&mut self.held_back) {
            if let Some(facts) = self.facts.get_mut(&flag) {
                facts.held_back = Some(why.clone());
            }
            self.problems.push(Problem::HeldBack { flag, why });
        }
    }

    /// Whoever publishes a kill, or types one, of what nobody knows believes something to be off that is not. A file is of every version of
    /// the program, and may know what this one does not.
    fn report_unknown_kills(&mut self, kills: &[KillInForce], published: Option<&Ruleset>, local: &Ruleset) {
        let in_file = |kill: &&KillInForce| matches!(kill.origin.layer, Layer::UserKill | Layer::SystemKill);
        for KillInForce { target, origin } in kills.iter().filter(|kill| !in_file(kill)) {
            if !self.declared.contains_key(&**target) && !is_known(published, local, target) {
                self.problems.push(Problem::UnknownKill { origin: origin.clone(), target: target.clone() });
            }
        }
    }

    fn report_quarantined(&mut self, published: &Ruleset) {
        for (flag, source) in published.quarantined() {
            self.problems.push(Problem::Quarantined { flag: flag.into(), source: source.clone() });
        }
    }
}
