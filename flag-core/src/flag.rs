//! One compiled flag: what the evaluator reads.

mod compile;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::num::NonZeroU32;
use core::time::Duration;

pub(crate) use self::compile::{Compiler, compile, covering};
pub use self::compile::{FLAG_MAX_PREREQUISITES, FLAG_MAX_RULES, FLAG_MAX_VARIANTS, SPLIT_MAX_RANGES};
use crate::bucket::SeedDigest;
use crate::condition::Condition;
use crate::context::{Path, UNIT_ATTRIBUTE};
use crate::share::Bucket;
use crate::wire::{self, Kind, OptIn, Range, Stage};
use crate::{FlagKey, Share, Timestamp, Value, ValueType};

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
    pub(crate) slow_above_micros: Option<NonZeroU32>,
    /// Whether a decision may need the lanes of the context's own unit.
    pub(crate) buckets_unit: bool,
    pub(crate) choice: Choice,
    pub(crate) off_variant: VariantIndex,
    pub(crate) holdout: Share,
    /// Not made where no decision needs it and the key is the seed, as in every flag that is on or off for everyone. See [`Flag::seed`].
    pub(crate) seed: Option<SeedDigest>,
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

    /// Returns the time above which a use of the flag's feature is slow, if the publisher holds uses against one. Decisions never depend on
    /// it.
    pub fn slow_above(&self) -> Option<Duration> {
        self.slow_above_micros.map(|micros| Duration::from_micros(micros.get().into()))
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
