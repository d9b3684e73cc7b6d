//! From the published form of a flag to what the evaluator reads, with everything that can be wrong with it.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use hashbrown::{HashMap, HashSet};

use super::{Allocation, Choice, Flag, Membership, Rule, Serve, Split, Variant, VariantIndex};
use crate::bucket::{BUCKETING_VERSION, SeedDigest};
use crate::condition::{self, Segments};
use crate::context::{Path, UNIT_ATTRIBUTE};
use crate::error::{FlagError, Place, RangeError};
use crate::key::KEY_MAX_BYTES;
use crate::share::EVERYONE;
use crate::text;
use crate::value::VALUE_MAX_DEPTH;
use crate::wire::{self, FlagForm, Range, RuleForm, ServeForm, Served, When};
use crate::{FlagKey, Share, Value, ValueType};

/// The most variants of one flag.
pub const FLAG_MAX_VARIANTS: usize = 256;
/// The most rules of one flag.
pub const FLAG_MAX_RULES: usize = 1_000;
/// The most prerequisites of one flag.
pub const FLAG_MAX_PREREQUISITES: usize = 64;
/// The most ranges of one split, or slots of one flag in its group.
pub const SPLIT_MAX_RANGES: usize = 1_024;
/// The features of the wire form that a flag may require and this version knows.
const KNOWN_FEATURES: &[&str] = &[];

/// What the flags of one snapshot are compiled against.
pub(crate) struct Compiler<'w> {
    pub(crate) segments: Segments<'w>,
    groups: HashMap<&'w str, &'w wire::Group>,
    /// What is wrong with the groups that could not be read, by their names.
    malformed_groups: HashMap<&'w str, &'w str>,
    /// The variants of the flag before, for the next one to share.
    variants: Option<Arc<[Variant]>>,
    switch: Option<Arc<[Variant]>>,
}

impl<'w> Compiler<'w> {
    pub(crate) fn new(segments: &'w wire::Entries<wire::Condition>, groups: &'w wire::Entries<wire::Group>) -> Self {
        Self {
            segments: Segments::new(segments.iter()),
            groups: groups.iter().collect(),
            malformed_groups: HashMap::new(),
            variants: None,
            switch: None,
        }
    }

    /// Takes what could not be read, so that flags which refer to it say why it is not there.
    pub(crate) fn with_malformed(self, segments: &'w [wire::Malformed], groups: &'w [wire::Malformed]) -> Self {
        let malformed_groups = wire::Malformed::by_key(groups).collect();
        Self { segments: self.segments.with_malformed(segments), malformed_groups, ..self }
    }

    /// Returns the variants of a flag that does not say them.
    fn switch(&mut self) -> Arc<[Variant]> {
        Arc::clone(
            self.switch.get_or_insert_with(|| {
                wire::on_and_off().into_iter().map(|(id, value)| Variant { id, value }).collect()
            }),
        )
    }

    fn share(&mut self, wire: wire::Entries<Value>) -> Arc<[Variant]> {
        let same = |variants: &&Arc<[Variant]>| {
            let pairs = || variants.iter().zip(wire.iter());
            variants.len() == wire.len()
                && pairs().all(|(known, (id, value))| *known.id == *id && known.value == *value)
        };
        if let Some(variants) = self.variants.as_ref().filter(same) {
            return Arc::clone(variants);
        }
        let variants: Arc<[Variant]> = wire.into_iter().map(|(id, value)| Variant { id, value }).collect();
        self.variants = Some(Arc::clone(&variants));
        variants
    }
}

/// Compiles everything of a flag that other flags have no part in. Prerequisites are resolved by the ruleset.
///
/// Takes the key and what it needs of the published form; of a flag that is refused the key stays.
pub(crate) fn compile(
    key: &mut Box<str>,
    wire: &mut FlagForm,
    served: Served<'_>,
    compiler: &mut Compiler<'_>,
) -> Result<Flag, FlagError> {
    FlagKey::check(key)?;
    if let Some(feature) = wire.requires.iter().find(|feature| !KNOWN_FEATURES.contains(&&***feature)) {
        return Err(FlagError::UnknownFeature { feature: feature.clone() });
    }
    if wire.bucketing != BUCKETING_VERSION {
        return Err(FlagError::BucketingVersion { found: wire.bucketing });
    }
    let at_most =
        |what, found, limit| if found > limit { Err(FlagError::TooMany { what, found, limit }) } else { Ok(()) };
    at_most("variants", wire.variants.as_ref().map_or(0, wire::Entries::len), FLAG_MAX_VARIANTS)?;
    at_most("rules", served.rules.len(), FLAG_MAX_RULES)?;
    at_most("prerequisites", wire.prerequisites.len(), FLAG_MAX_PREREQUISITES)?;
    let named = |what, text: &str| match text.len() {
        1..=KEY_MAX_BYTES => Ok(()),
        found => Err(FlagError::Length { what, found, limit: KEY_MAX_BYTES }),
    };
    if let Some(seed) = &wire.seed {
        named("seed", seed)?;
    }
    if let Some(unit) = &wire.unit {
        named("unit", unit)?;
    }
    let variants = match wire.variants.take() {
        None => compiler.switch(),
        Some(variants) => {
            for id in variants.names() {
                named("a variant id", id)?;
            }
            check_variants(&variants)?;
            compiler.share(variants)
        }
    };
    let off = wire.off_variant.as_deref().unwrap_or(wire::OFF);
    let index = |id: &str| {
        let at = variants.iter().position(|variant| text::same(&variant.id, id));
        at.and_then(|at| VariantIndex::try_from(at).ok())
    };
    let no_variant = |place, id: &str| FlagError::NoVariant { place, variant: id.into() };
    let off_variant = index(off).ok_or_else(|| no_variant(Place::OffVariant, off))?;
    let pairs = variants.iter().map(|variant| (&*variant.id, &variant.value));
    let defaults = Defaults { on: wire::on_variant(pairs, off), off };
    let fallthrough = serve(&served.fallthrough, &|| Place::Fallthrough, defaults, &index)?;
    if served.rules.len() > 1 {
        let mut ids = HashSet::with_capacity(served.rules.len());
        if let Some(rule) = served.rules.iter().find(|rule| !ids.insert(&*rule.id)) {
            return Err(FlagError::RuleTwice { id: rule.id.clone() });
        }
    }
    let mut rules = Vec::with_capacity(served.rules.len());
    for RuleForm { id, when, serve: served } in served.rules {
        named("a rule id", &id)?;
        let serve = serve(&served, &|| Place::Rule(id.clone()), defaults, &index)?;
        let when = match when {
            When::Compiled(when) => Ok(when),
            When::Published(when) => condition::compile(*when, &mut compiler.segments),
        };
        match when {
            Ok(when) => rules.push(Rule { id, when, serve }),
            Err(source) => return Err(FlagError::Condition { id, source }),
        }
    }
    let membership = wire.group.as_ref().map(|group| membership(group, wire, compiler)).transpose()?;
    let unit = wire.unit.clone().filter(|unit| **unit != *UNIT_ATTRIBUTE).map(|unit| Box::new(Path::new(unit)));
    let mut flag = Flag {
        seed: wire.seed.as_deref().map(SeedDigest::of),
        key: FlagKey::of_checked(core::mem::take(key)),
        version: wire.version,
        kind: wire.kind,
        stage: wire.stage,
        opt_in: wire.opt_in,
        enabled: wire.enabled,
        killed: false,
        overridable: wire.overridable,
        critical: wire.critical,
        default_on_expiry: wire.default_on_expiry,
        slow_above_micros: wire.slow_above_micros,
        buckets_unit: false,
        choice: Choice::None,
        off_variant,
        holdout: wire.holdout,
        fallthrough,
        off_after: wire.off_after,
        unit,
        variants,
        rules: rules.into(),
        prerequisites: Box::default(),
        membership: membership.map(Box::new),
    };
    if flag.seed.is_none() && flag.splits().next().is_some() {
        flag.seed = Some(SeedDigest::of(flag.key.as_str()));
    }
    flag.buckets_unit = flag.unit.is_none() && flag.splits().any(|split| flag.needs_no_unit(split).is_none());
    Ok(flag)
}

fn check_variants(wire: &wire::Entries<Value>) -> Result<(), FlagError> {
    let mut common = None;
    for (id, value) in wire.iter() {
        let found = value.value_type();
        if matches!(found, ValueType::Null | ValueType::List) {
            return Err(FlagError::VariantForm { variant: id.into(), found });
        }
        let expected = *common.get_or_insert(found);
        if found != expected {
            return Err(FlagError::VariantType { variant: id.into(), found, expected });
        }
        if !value.depth_within(VALUE_MAX_DEPTH) {
            return Err(FlagError::VariantDepth { variant: id.into() });
        }
    }
    if common.is_some() { Ok(()) } else { Err(FlagError::NoVariants) }
}

/// What a split means that does not say it.
#[derive(Copy, Clone)]
struct Defaults<'f> {
    on: Option<&'f str>,
    off: &'f str,
}

fn serve(
    form: &ServeForm<'_>,
    place: &impl Fn() -> Place,
    defaults: Defaults<'_>,
    index: &impl Fn(&str) -> Option<VariantIndex>,
) -> Result<Serve, FlagError> {
    let index = |id: &str| index(id).ok_or_else(|| FlagError::NoVariant { place: place(), variant: id.into() });
    let whole = |exposure: Share, otherwise: &str, on: &str| {
        let (otherwise, allocation) = (index(otherwise)?, Allocation::One(index(on)?));
        Ok(Serve::Split(Split { exposure, otherwise, allocation }))
    };
    let wire = match form {
        ServeForm::Variant(id) => return index(id).map(Serve::Variant),
        ServeForm::Share(exposure) => match defaults.on {
            Some(on) => return whole(*exposure, defaults.off, on),
            None => return Err(FlagError::NoAllocation { place: place() }),
        },
        ServeForm::Published(wire) => &**wire,
    };
    match wire {
        wire::Serve { variant: Some(id), exposure: None, allocation: None, otherwise: None } => {
            index(id).map(Serve::Variant)
        }
        wire::Serve { variant: None, exposure: Some(exposure), allocation, otherwise } => {
            let otherwise = otherwise.as_deref().unwrap_or(defaults.off);
            if let Some(on) = allocation.as_ref().map_or(defaults.on, wire::Entries::only_owner) {
                return whole(*exposure, otherwise, on);
            }
            let otherwise = index(otherwise)?;
            let Some(allocation) = allocation else { return Err(FlagError::NoAllocation { place: place() }) };
            let mut ranges = Vec::new();
            for (id, owned) in allocation.iter() {
                let variant = index(id)?;
                ranges.extend(owned.iter().map(|range| (*range, variant)));
            }
            if ranges.len() > SPLIT_MAX_RANGES {
                return Err(FlagError::TooMany { what: "ranges", found: ranges.len(), limit: SPLIT_MAX_RANGES });
            }
            ranges.sort_unstable();
            covering(ranges.iter().map(|(range, _)| *range))
                .map_err(|source| FlagError::Allocation { place: place(), source })?;
            let mut merged: Vec<(u32, VariantIndex)> = Vec::with_capacity(ranges.len());
            for (range, variant) in ranges {
                match merged.last_mut() {
                    Some((end, owner)) if *owner == variant => *end = range.to,
                    _ => merged.push((range.to, variant)),
                }
            }
            let allocation = match *merged {
                [(_, variant)] => Allocation::One(variant),
                _ => Allocation::Ranges(merged.into()),
            };
            Ok(Serve::Split(Split { exposure: *exposure, otherwise, allocation }))
        }
        _ => Err(FlagError::ServeForm { place: place() }),
    }
}

/// Checks that ascending ranges are sound and disjoint.
pub(crate) fn disjoint(ranges: impl Iterator<Item = Range>) -> Result<(), RangeError> {
    let mut end = None;
    for Range { from, to } in ranges {
        if from >= to {
            return Err(RangeError::Reversed { from, to });
        }
        if to > EVERYONE {
            return Err(RangeError::Outside { from, to });
        }
        if end.is_some_and(|end| from < end) {
            return Err(RangeError::Overlap { at: from });
        }
        end = Some(to);
    }
    end.map(drop).ok_or(RangeError::None)
}

/// Checks that ascending ranges cover the whole lane, each bucket once.
pub(crate) fn covering(ranges: impl Iterator<Item = Range> + Clone) -> Result<(), RangeError> {
    disjoint(ranges.clone())?;
    let mut end = 0;
    for range in ranges {
        if range.from > end {
            return Err(RangeError::Gap { at: end });
        }
        end = range.to;
    }
    if end == EVERYONE { Ok(()) } else { Err(RangeError::Gap { at: end }) }
}

fn membership(wire: &wire::Membership, flag: &FlagForm, compiler: &Compiler<'_>) -> Result<Membership, FlagError> {
    let Some(group) = compiler.groups.get(&*wire.name) else {
        let group = wire.name.clone();
        return Err(match compiler.malformed_groups.get(&*group) {
            Some(message) => FlagError::MalformedGroup { group, message: (*message).into() },
            None => FlagError::NoGroup { group },
        });
    };
    let unit = |unit: &Option<Box<str>>| unit.clone().unwrap_or_else(|| UNIT_ATTRIBUTE.into());
    if unit(&group.unit) != unit(&flag.unit) {
        return Err(FlagError::GroupUnit {
            group: wire.name.clone(),
            found: unit(&flag.unit),
            expected: unit(&group.unit),
        });
    }
    if wire.slots.len() > SPLIT_MAX_RANGES {
        return Err(FlagError::TooMany { what: "slots", found: wire.slots.len(), limit: SPLIT_MAX_RANGES });
    }
    let mut slots = wire.slots.clone();
    slots.sort_unstable();
    disjoint(slots.iter().copied()).map_err(|source| FlagError::GroupSlots { group: wire.name.clone(), source })?;
    Ok(Membership {
        seed: SeedDigest::of(group.seed.as_deref().unwrap_or(&wire.name)),
        holdout: group.holdout,
        group: wire.name.clone(),
        slots: slots.into(),
    })
}
