//! All layers made one: the published flags and the local ones, compiled, with choices and kills laid upon them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use flag_core::wire::{self, Entries, MalformedFlag, OptIn, Parsed, Serve, Snapshot};
use flag_core::{FlagRef, LocalChoice, Ruleset, Timestamp, Value};

use crate::builder::{ClientBuilder, Precedence};
use crate::decision::{ChosenOverride, Effect, Layer, LocalValue, Origin, Refusal, RefusedOverride};
use crate::declaration::{Declaration, OFF, on_off, plain};
use crate::gather::{FileOwner, LocalLayers, Settings};
use crate::in_force::{BaseTried, Facts, InForce, Publication, Unit};
use crate::kills::{KillInForce, target_of};
use crate::local_file::Contents;
use crate::permission::{Standing, interpret, permit_from};
use crate::problem::Problem;
use crate::published::SnapshotInfo;
use crate::splits::Splits;
use crate::trust::TrustState;

/// Puts everything together.
pub(crate) fn merge(
    host: &ClientBuilder,
    declarations: &[Declaration],
    files: Vec<(FileOwner, Contents)>,
    state: Option<&TrustState>,
    now: Timestamp,
) -> InForce {
    let mut problems = Vec::new();
    let info =
        state.filter(|_| host.precedence != Precedence::LocalOnly).and_then(|state| SnapshotInfo::of(state, now));
    let mut parsed = info.and(state).and_then(|state| read_snapshot(state, &mut problems));
    let info = info.filter(|_| parsed.is_some());

    let published_keys: Vec<Box<str>> = parsed.iter().flat_map(keys_of).map(Into::into).collect();
    let known = declarations.iter().map(|flag| flag.key).chain(published_keys.iter().map(|key| &**key));
    let layers = LocalLayers::gather(host, files, &known);
    problems.extend(layers.problems);

    let mut merger = Merger {
        precedence: host.precedence,
        stale: info.is_some_and(|info| info.stale),
        declared: declarations.iter().map(|flag| (flag.key, flag)).collect(),
        settings: layers.settings,
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
    let local = merger.local_flags(published.as_ref(), &mentioned);
    let (mut published, mut local) = (published, Ruleset::compile(&local));
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
    let kills = kills_of(layers.kills, state, |name| {
        merger.declared.contains_key(name) || is_known(published.as_ref(), &local, name)
    });
    for kill in &kills {
        published.iter_mut().chain([&mut local]).for_each(|ruleset| ruleset.kill(&kill.target));
    }
    splits.retain(|flag| needs_unit(flag, published.as_ref(), &merger.facts));
    let mut undeclared: Vec<Box<str>> = merger.facts.keys().cloned().collect();
    undeclared.sort_unstable();
    let mut seen = HashSet::new();
    let all = declarations.iter().map(|flag| Box::from(flag.key)).chain(published_keys).chain(undeclared);
    InForce {
        order: all.filter(|key| seen.insert(key.clone())).collect(),
        published,
        local,
        facts: merger.facts,
        kills,
        info,
        problems: merger.problems,
        attributes: host.attributes.clone(),
        now,
        unit: Unit::new(&host.identity, splits),
    }
}

fn read_snapshot(state: &TrustState, problems: &mut Vec<Problem>) -> Option<Parsed> {
    match Snapshot::from_json(state.snapshot_payload()?) {
        Ok(parsed) => Some(parsed),
        Err(source) => {
            problems.push(Problem::Snapshot(Arc::new(source)));
            None
        }
    }
}

fn keys_of(parsed: &Parsed) -> impl Iterator<Item = &str> {
    let malformed = parsed.malformed.iter().map(|MalformedFlag { key, .. }| &**key);
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
            let layer = if in_snapshot(&kill) { Layer::Snapshot } else { Layer::EmergencyKill };
            (kill.target.as_str().into(), Origin::of(layer))
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
    facts: HashMap<Box<str>, Facts>,
    problems: Vec<Problem>,
}

impl Merger<'_> {
    /// The flags that this machine has something to say about.
    fn mentioned(&self) -> BTreeSet<Box<str>> {
        self.declared.keys().map(|key| Box::from(*key)).chain(self.settings.keys().cloned()).collect()
    }

    /// Replaces what the snapshot says where something stronger stands: base values under [`Precedence::LocalOverRemote`], the local
    /// default once a snapshot has expired for flags that ask for it, and the whole flag if its type is not what the code expects.
    fn adjust_published(&mut self, flags: &mut Entries<wire::Flag>, mentioned: &BTreeSet<Box<str>>) {
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
        let falls_back = self.stale && flag.default_on_expiry;
        let (variant, foundation) = match base {
            Some(base) if local_first || falls_back => base,
            _ if falls_back => (fallback_variant(declaration, flag), Origin::of(Layer::CodeDefault)),
            _ => return raised,
        };
        facts.foundation = foundation;
        if falls_back {
            facts.publication = Publication::Expired;
        }
        Some(wire::Flag {
            enabled: true,
            rules: Vec::new(),
            prerequisites: Vec::new(),
            off_after: None,
            fallthrough: Serve::variant(variant),
            ..flag.clone()
        })
    }

    /// The strongest base value that the flag has a variant for. The others are problems.
    fn base_variant(&mut self, key: &str, flag: &wire::Flag, facts: &mut Facts) -> Option<(Box<str>, Origin)> {
        let base = self.settings.get(key).map(|settings| settings.base.clone()).unwrap_or_default();
        let mut strongest = None;
        for (origin, value) in base {
            let judged = match wire_variant(flag, &value) {
                Ok(variant) if flag.critical && *variant != *flag.off_variant => Err(Refusal::Critical),
                judged => judged,
            };
            let refusal = match judged {
                Ok(variant) => {
                    strongest = strongest.or_else(|| Some((variant.into(), origin.clone())));
                    None
                }
                Err(why) => {
                    let problem = Problem::BaseValue { origin: origin.clone(), flag: key.into(), why: why.clone() };
                    self.problems.push(problem);
                    Some(why)
                }
            };
            facts.base.push(BaseTried { origin, value, refusal });
        }
        strongest
    }

    /// The flag that serves its base value, else its code default.
    fn local_flag(&mut self, key: &str, declaration: Option<&Declaration>, facts: &mut Facts) -> wire::Flag {
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

    /// The flags that the snapshot lacks or has broken, and that this machine knows.
    fn local_flags(&mut self, published: Option<&Ruleset>, mentioned: &BTreeSet<Box<str>>) -> Snapshot {
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

    fn report_quarantined(&mut self, published: &Ruleset) {
        for (flag, source) in published.quarantined() {
            self.problems.push(Problem::Quarantined { flag: flag.into(), source: source.clone() });
        }
    }

    /// Lays what test code, environment and user want upon a flag, as far as they may.
    fn choose(&mut self, host: &ClientBuilder, key: &str, ruleset: &mut Ruleset, governed: bool) {
        let Some(settings) = self.settings.get(key) else { return };
        let Some(facts) = self.facts.get_mut(key) else { return };
        let Some(flag) = ruleset.flag(key) else { return };
        let standing = standing(facts, governed);
        let forced = settings.forced.as_ref().map(|value| (Origin::of(Layer::TestCode), value.clone()));
        let mut choice = None;
        for (origin, wanted) in forced.into_iter().chain(settings.overrides.iter().cloned()) {
            let wanted = match wanted {
                LocalValue::Variant(text) if origin.layer == Layer::Environment => interpret(&flag, &text),
                wanted => wanted,
            };
            match judge(host, &flag, standing, &origin, &wanted) {
                Err(why) => facts.refused.push(RefusedOverride { origin, wanted, why }),
                Ok((variant, effect)) if choice.is_none() => {
                    choice = Some((Box::<str>::from(variant), effect));
                    facts.chosen = Some(ChosenOverride { origin, wanted, effect });
                }
                Ok(_) => facts.overruled.push((origin, wanted)),
            }
        }
        if let Some((variant, effect)) = choice {
            let choice = match effect {
                Effect::OptsIn => LocalChoice::OptIn,
                Effect::Chooses => LocalChoice::Variant(&variant),
                Effect::Forces => LocalChoice::Forced(&variant),
            };
            // Flag and variant were found in this very ruleset.
            let _ = ruleset.choose(key, choice);
        }
    }
}

fn judge<'r>(
    host: &ClientBuilder,
    flag: &FlagRef<'r>,
    standing: Standing,
    origin: &Origin,
    wanted: &LocalValue,
) -> Result<(&'r str, Effect), Refusal> {
    if origin.layer == Layer::TestCode {
        return crate::permission::variant_of(flag.flag(), wanted).map(|variant| (variant, Effect::Forces));
    }
    permit_from(flag.flag(), standing, origin.layer, host.build_kind, wanted)
}

/// Who else has a say over a flag.
pub(crate) fn standing(facts: &Facts, governed: bool) -> Standing {
    let published = matches!(facts.publication, Publication::Sound | Publication::Expired | Publication::OtherType);
    match (governed, facts.declared) {
        (true, true) => Standing::Governed,
        (true, false) if published => Standing::Governed,
        (false, true) => Standing::Free,
        (_, false) => Standing::Undeclared,
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

/// The variant that a value means for a flag that is not compiled yet.
fn wire_variant<'f>(flag: &'f wire::Flag, value: &LocalValue) -> Result<&'f str, Refusal> {
    let expected = || {
        let ids: Vec<_> = flag.variants.names().map(|id| format!("{id:?}")).collect();
        ids.join(", ").into()
    };
    let off = &*flag.off_variant;
    match value {
        LocalValue::Switch(false) => Ok(off),
        LocalValue::Switch(true) => {
            let truthful = flag.variants.iter().find(|(_, value)| **value == Value::Bool(true)).map(|(id, _)| id);
            let others: Vec<&str> = flag.variants.names().filter(|id| *id != off).collect();
            let only = (flag.variants.len() == 2).then(|| others.first().copied()).flatten();
            truthful.or(only).ok_or_else(|| Refusal::NoOnVariant { expected: expected() })
        }
        LocalValue::Variant(wanted) => flag
            .variants
            .names()
            .find(|id| **id == **wanted)
            .ok_or_else(|| Refusal::NoVariant { variant: wanted.clone(), expected: expected() }),
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
