//! One compiled flag: what the evaluator reads.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use hashbrown::{HashMap, HashSet};

use crate::bucket::{BUCKETING_VERSION, SeedDigest};
use crate::condition::{self, Condition, Segments};
use crate::context::{Path, UNIT_ATTRIBUTE};
use crate::error::{FlagError, Place, RangeError};
use crate::key::KEY_MAX_BYTES;
use crate::share::{Bucket, EVERYONE};
use crate::text;
use crate::value::VALUE_MAX_DEPTH;
use crate::wire::{self, FlagForm, Kind, OptIn, Range, RuleForm, ServeForm, Served, Stage, When};
use crate::{FlagKey, Share, Timestamp, Value, ValueType};

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

/// A place in a flag's variants. At most [`FLAG_MAX_VARIANTS`] exist.
pub(crate) type VariantIndex = u16;

/// A flag, compiled. Its decisions are made by [`crate::FlagRef`].
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an independent property of the published flag")]
pub struct Flag {
    pub(crate) key: FlagKey,
    pub(crate) version: u64,
    pub(crate) kind: Kind,
    pub(crate) stage: Stage,
    pub(crate) opt_in: OptIn,
    pub(crate) enabled: bool,
    pub(crate) killed: bool,
    pub(crate) overridable: bool,
    pub(crate) critical: bool,
    pub(crate) default_on_expiry: bool,
    /// Whether a decision may need the lanes of the context's own unit.
    pub(crate) buckets_unit: bool,
    pub(crate) choice: Choice,
    pub(crate) off_variant: VariantIndex,
    pub(crate) holdout: Share,
    /// Not made where no decision needs it and the key is the seed, as in every flag that is on or off for everyone.
    seed: Option<SeedDigest>,
    pub(crate) fallthrough: Serve,
    pub(crate) off_after: Option<Timestamp>,
    pub(crate) unit: Option<Box<Path>>,
    /// Shared by flags that have the same, as most booleans do.
    pub(crate) variants: Arc<[Variant]>,
    pub(crate) rules: Box<[Rule]>,
    pub(crate) prerequisites: Box<[Prerequisite]>,
    pub(crate) membership: Option<Box<Membership>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Variant {
    pub(crate) id: Box<str>,
    pub(crate) value: Value,
}

/// What the user of this machine chose, given by the client as data.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Choice {
    #[default]
    None,
    OptedIn,
    Chosen(VariantIndex),
    /// By test code: beats everything but a kill.
    Forced(VariantIndex),
}

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: Box<str>,
    pub(crate) when: Condition,
    pub(crate) serve: Serve,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Serve {
    Variant(VariantIndex),
    Split(Split),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) exposure: Share,
    pub(crate) otherwise: VariantIndex,
    pub(crate) allocation: Allocation,
}

/// What the exposed get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Allocation {
    /// All of them one variant.
    One(VariantIndex),
    /// Ends of ranges of lane 1 with what they serve, ascending; the last ends at 100_000.
    Ranges(Box<[(u32, VariantIndex)]>),
}

#[derive(Clone, Debug)]
pub(crate) struct Prerequisite {
    /// A place in the ruleset's slots.
    pub(crate) flag: u32,
    pub(crate) accepted: Box<[VariantIndex]>,
}

#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) seed: SeedDigest,
    pub(crate) holdout: Share,
    pub(crate) group: Box<str>,
    /// Ascending and disjoint.
    pub(crate) slots: Box<[Range]>,
}

impl Split {
    /// Returns what the exposed get, by their bucket of lane 1 where it matters.
    #[inline]
    pub(crate) fn variant_of(&self, bucket: impl FnOnce() -> Bucket) -> VariantIndex {
        match &self.allocation {
            Allocation::One(variant) => *variant,
            Allocation::Ranges(ranges) => {
                let bucket = bucket().index();
                let owner = ranges.iter().find(|(end, _)| bucket < *end);
                owner.map_or(self.otherwise, |(_, variant)| *variant)
            }
        }
    }

    /// Returns the one variant that the exposed get, if there is just one.
    #[inline]
    pub(crate) const fn single(&self) -> Option<VariantIndex> {
        if let Allocation::One(variant) = self.allocation { Some(variant) } else { None }
    }

    /// Returns where on lane 1 what the exposed get changes.
    pub(crate) fn cuts(&self) -> impl Iterator<Item = u32> {
        let ranges: &[(u32, VariantIndex)] =
            if let Allocation::Ranges(ranges) = &self.allocation { ranges } else { &[] };
        ranges.iter().map(|(end, _)| *end)
    }
}

impl Membership {
    pub(crate) fn owns(&self, slot: Bucket) -> bool {
        self.slots.iter().any(|range| (range.from..range.to).contains(&slot.index()))
    }
}

impl Flag {
    /// Returns the flag's key.
    pub const fn key(&self) -> &FlagKey {
        &self.key
    }

    /// Returns the sequence number of the flag's last change.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Returns what the flag is for.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Returns where the flag is in its life.
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// Returns what a user's enabling means.
    pub const fn opt_in(&self) -> OptIn {
        self.opt_in
    }

    /// Tells whether a user may turn the flag on locally.
    pub const fn is_overridable(&self) -> bool {
        self.overridable
    }

    /// Tells whether the flag can never be turned on locally.
    pub const fn is_critical(&self) -> bool {
        self.critical
    }

    /// Tells whether clients fall back to the code default once the snapshot has expired.
    pub const fn defaults_on_expiry(&self) -> bool {
        self.default_on_expiry
    }

    /// Tells whether a kill stands against the flag.
    pub const fn is_killed(&self) -> bool {
        self.killed
    }

    /// Returns variant ids and values, in the order they were published.
    pub fn variants(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> + Clone {
        self.variants.iter().map(|variant| (&*variant.id, &variant.value))
    }

    /// Returns the id of the variant that is served when the flag is off.
    pub fn off_variant(&self) -> &str {
        self.variant(self.off_variant).map_or("", |variant| &variant.id)
    }

    /// Returns the type that all variants' values have.
    pub fn value_type(&self) -> ValueType {
        self.variants.first().map_or(ValueType::Null, |variant| variant.value.value_type())
    }

    /// Returns the variant that "on" means: the one whose value is `true`, or the one besides the off variant where there are two.
    pub fn on_variant(&self) -> Option<&str> {
        wire::on_variant(self.variants(), self.off_variant())
    }

    /// Returns the name of the attribute that is bucketed.
    pub fn unit(&self) -> &str {
        self.unit.as_ref().map_or(UNIT_ATTRIBUTE, |path| path.as_str())
    }

    /// Returns what the flag's lanes are drawn from.
    #[inline]
    pub(crate) fn seed(&self) -> SeedDigest {
        match self.seed {
            Some(seed) => seed,
            None => SeedDigest::of(self.key.as_str()),
        }
    }

    /// Returns what the lanes are drawn from that a decision may need of the context's own unit.
    #[inline]
    pub(crate) const fn unit_seed(&self) -> Option<&SeedDigest> {
        if self.buckets_unit { self.seed.as_ref() } else { None }
    }

    /// Returns what the flag's lanes are drawn from, kept in `made` where the flag does not keep it.
    #[inline]
    pub(crate) fn seed_in<'s>(&'s self, made: &'s mut Option<SeedDigest>) -> &'s SeedDigest {
        match &self.seed {
            Some(seed) => seed,
            None => made.insert(self.seed()),
        }
    }

    #[inline]
    pub(crate) fn variant(&self, index: VariantIndex) -> Option<&Variant> {
        self.variants.get(usize::from(index))
    }

    pub(crate) fn index_of(&self, variant: &str) -> Option<VariantIndex> {
        let at = self.variants.iter().position(|known| *known.id == *variant)?;
        VariantIndex::try_from(at).ok()
    }

    pub(crate) fn splits(&self) -> impl Iterator<Item = &Split> {
        self.rules.iter().map(|rule| &rule.serve).chain([&self.fallthrough]).filter_map(|serve| match serve {
            Serve::Split(split) => Some(split),
            Serve::Variant(_) => None,
        })
    }

    /// Tells whether a split can be decided without a unit: everyone gets the same.
    #[inline]
    pub(crate) fn needs_no_unit(&self, split: &Split) -> Option<VariantIndex> {
        if split.exposure == Share::EVERYONE && self.holdout == Share::NOBODY && self.membership.is_none() {
            split.single()
        } else {
            None
        }
    }
}

/// What the flags of one snapshot are compiled against.
pub(crate) struct Compiler<'w> {
    pub(crate) segments: Segments<'w>,
    groups: HashMap<&'w str, &'w wire::Group>,
    /// The variants of the flag before, for the next one to share.
    variants: Option<Arc<[Variant]>>,
    switch: Option<Arc<[Variant]>>,
}

impl<'w> Compiler<'w> {
    pub(crate) fn new(segments: &'w wire::Entries<wire::Condition>, groups: &'w wire::Entries<wire::Group>) -> Self {
        Self { segments: Segments::new(segments.iter()), groups: groups.iter().collect(), variants: None, switch: None }
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
    let membership = wire.group.as_ref().map(|group| membership(group, wire, &compiler.groups)).transpose()?;
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

fn membership(
    wire: &wire::Membership,
    flag: &FlagForm,
    groups: &HashMap<&str, &wire::Group>,
) -> Result<Membership, FlagError> {
    let Some(group) = groups.get(&*wire.name) else {
        return Err(FlagError::NoGroup { group: wire.name.clone() });
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
