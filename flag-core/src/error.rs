use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use crate::condition::ConditionError;
use crate::value::ValueType;
use crate::{FlagKey, KeyError};

/// Where in a flag something stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Place {
    /// The flag's `off_variant`.
    OffVariant,
    /// The rule of this id.
    Rule(Box<str>),
    /// The flag's `fallthrough`.
    Fallthrough,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OffVariant => f.write_str("off_variant"),
            Self::Rule(id) => write!(f, "rule {id:?}"),
            Self::Fallthrough => f.write_str("fallthrough"),
        }
    }
}

/// Why a flag is quarantined. The rest of the ruleset lives on without it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FlagError {
    /// The JSON does not have a flag's form.
    #[error("malformed: {message}")]
    Malformed {
        /// What was found, where, and what was expected.
        message: Box<str>,
    },
    /// The key is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The flag needs a feature of a newer version.
    #[error("requires feature {feature:?}, which this version does not know")]
    UnknownFeature {
        /// The feature's name.
        feature: Box<str>,
    },
    /// The flag is bucketed in a way this version does not know.
    #[error("bucketing version is {found}, expected 1")]
    BucketingVersion {
        /// The version found.
        found: u32,
    },
    /// More of something than one flag may have.
    #[error("has {found} {what}, expected at most {limit}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many were found.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A name, seed or path longer than a flag may have.
    #[error("{what} has {found} bytes, expected 1 to {limit}")]
    Length {
        /// What is too long, or empty.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The longest it may be.
        limit: usize,
    },
    /// A flag without variants.
    #[error("has no variants, expected at least one")]
    NoVariants,
    /// Two variants with values of different types.
    #[error("variant {variant:?} is of type {found}, expected {expected} as the other variants are")]
    VariantType {
        /// The variant that differs.
        variant: Box<str>,
        /// Its type.
        found: ValueType,
        /// The type of the variants before it.
        expected: ValueType,
    },
    /// A variant whose value is a list or null.
    #[error("variant {variant:?} is of type {found}, expected a bool, string, integer, float or object")]
    VariantForm {
        /// The variant.
        variant: Box<str>,
        /// Its type.
        found: ValueType,
    },
    /// A variant's value is nested too deep.
    #[error("variant {variant:?} is nested deeper than 16 levels")]
    VariantDepth {
        /// The variant.
        variant: Box<str>,
    },
    /// A variant that the flag does not have.
    #[error("{place} serves variant {variant:?}, which the flag does not have")]
    NoVariant {
        /// Where it is named.
        place: Place,
        /// The id named.
        variant: Box<str>,
    },
    /// Neither, or both, of the forms of a serve.
    #[error("{place} is neither a variant nor a split, expected either variant alone or exposure")]
    ServeForm {
        /// Where it stands.
        place: Place,
    },
    /// A split that leaves open who gets what.
    #[error("{place} splits without allocation, expected one, since no single variant means on")]
    NoAllocation {
        /// Where it stands.
        place: Place,
    },
    /// A split whose ranges do not cover the lane.
    #[error("{place}: {source}")]
    Allocation {
        /// Where it stands.
        place: Place,
        /// What is wrong with the ranges.
        #[source]
        source: RangeError,
    },
    /// Two rules of one id.
    #[error("rule {id:?} stands twice")]
    RuleTwice {
        /// The id.
        id: Box<str>,
    },
    /// A rule whose condition cannot be compiled.
    #[error("rule {id:?} has a broken condition")]
    Condition {
        /// The rule.
        id: Box<str>,
        /// Why.
        #[source]
        source: ConditionError,
    },
    /// A prerequisite that does not exist.
    #[error("prerequisite {flag:?} does not exist")]
    NoPrerequisite {
        /// The flag named.
        flag: Box<str>,
    },
    /// A prerequisite that is quarantined itself.
    #[error("prerequisite {flag:?} is quarantined")]
    PrerequisiteQuarantined {
        /// The flag named.
        flag: Box<str>,
    },
    /// A prerequisite's variant that it does not have.
    #[error("prerequisite {flag:?} has no variant {variant:?}")]
    PrerequisiteVariant {
        /// The flag named.
        flag: Box<str>,
        /// The variant named.
        variant: Box<str>,
    },
    /// Flags that are each other's prerequisites.
    #[error("prerequisites form a cycle: {}", Arrows(.path))]
    PrerequisiteCycle {
        /// The flags of the cycle, each the prerequisite of the one before it.
        path: Vec<FlagKey>,
    },
    /// Prerequisites of prerequisites, too deep.
    #[error("prerequisites are nested {found} deep, expected at most {limit}")]
    PrerequisiteDepth {
        /// How deep.
        found: usize,
        /// How deep they may be.
        limit: usize,
    },
    /// Prerequisites that would make one evaluation too expensive.
    #[error("prerequisites take {found} evaluations, expected at most {limit}")]
    PrerequisiteCost {
        /// How many evaluations one takes.
        found: usize,
        /// How many it may take.
        limit: usize,
    },
    /// An exclusion group that does not exist.
    #[error("exclusion group {group:?} does not exist")]
    NoGroup {
        /// The group named.
        group: Box<str>,
    },
    /// An exclusion group whose JSON does not have a group's form.
    #[error("exclusion group {group:?} is malformed: {message}")]
    MalformedGroup {
        /// The group named.
        group: Box<str>,
        /// What was found, where in the group's own JSON, and what was expected.
        message: Box<str>,
    },
    /// The flag is bucketed by another unit than its group.
    #[error("exclusion group {group:?} is bucketed by {expected}, the flag by {found}")]
    GroupUnit {
        /// The group.
        group: Box<str>,
        /// The flag's unit.
        found: Box<str>,
        /// The group's unit.
        expected: Box<str>,
    },
    /// The flag's slots in its group are not sound.
    #[error("exclusion group {group:?}: {source}")]
    GroupSlots {
        /// The group.
        group: Box<str>,
        /// What is wrong with the slots.
        #[source]
        source: RangeError,
    },
    /// Two flags own one slot.
    #[error("exclusion group {group:?}: slot {slot} also belongs to flag {other:?}")]
    GroupOverlap {
        /// The group.
        group: Box<str>,
        /// The first slot that both own.
        slot: u32,
        /// The other flag.
        other: Box<str>,
    },
}

/// Why ranges of a lane are not sound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// No ranges.
    #[error("no ranges, expected at least one")]
    None,
    /// A range that ends before it starts.
    #[error("range [{from}, {to}] is empty or reversed")]
    Reversed {
        /// Its start.
        from: u32,
        /// Its end.
        to: u32,
    },
    /// A range past the end of the lane.
    #[error("range [{from}, {to}] ends above 100000")]
    Outside {
        /// Its start.
        from: u32,
        /// Its end.
        to: u32,
    },
    /// Buckets that belong to two ranges.
    #[error("buckets from {at} belong to two ranges")]
    Overlap {
        /// The first of them.
        at: u32,
    },
    /// Buckets that belong to no range.
    #[error("buckets from {at} belong to no range, expected ranges that cover 0..100000")]
    Gap {
        /// The first of them.
        at: u32,
    },
}

struct Arrows<'a>(&'a [FlagKey]);

impl fmt::Display for Arrows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in self.0 {
            write!(f, "{key} -> ")?;
        }
        self.0.first().map_or(Ok(()), |first| first.fmt(f))
    }
}
