//! Pure, deterministic evaluation of feature flags.
//!
//! A [`Ruleset`] is compiled from a published [`wire::Snapshot`]; it decides any flag for any [`Context`], never fails, never panics, reads
//! no clock, and gives the same answer on every platform and in every version, for ever.
//!
//! * [`Ruleset::evaluate`] decides; [`Ruleset::explain`] tells how, by the same code with a recorder.
//! * [`Share`] and [`Bucket`] are integers: no float takes part in a rollout. How buckets are drawn is specified in `BUCKETING.md`, for any
//!   language.
//! * [`plan`] computes exactly who gains, loses or moves between two rulesets, without user data.
//! * [`reallocate`] turns edited weights into ranges so that only the moved units move.
//!
//! What it deliberately does not do: fetch, verify, store, log, or know what time it is. That is `flag-client`.
#![no_std]
#![cfg_attr(
    not(test),
    deny(
        clippy::alloc_instead_of_core,
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::float_arithmetic,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::std_instead_of_alloc,
        clippy::std_instead_of_core,
        clippy::string_slice,
        clippy::unreachable,
        clippy::unwrap_used
    )
)]

#[cfg(test)]
extern crate std;

extern crate alloc;

mod allocate;
mod bucket;
mod cidr;
mod condition;
mod context;
mod decision;
mod error;
mod evaluate;
mod explain;
mod flag;
mod key;
mod plan;
mod portion;
mod ruleset;
mod semver;
mod share;
mod text;
mod timestamp;
mod value;
pub mod wire;

pub use allocate::{AllocationError, reallocate};
pub use bucket::{BUCKETING_VERSION, Lanes, SENTINELS, SeedDigest, UnitDigest, is_missing};
pub use cidr::{Cidr, CidrError};
pub use condition::{
    CONDITION_MAX_DEPTH, CONDITION_MAX_NODES, ConditionError, OperandError, RULESET_MAX_PATTERNS, TEST_MAX_VALUE_BYTES,
    TEST_MAX_VALUES, Truth,
};
pub use context::{Attributes, Context, UNIT_ATTRIBUTE, Unit};
pub use decision::{AccessError, Decision, Reason};
pub use error::{FlagError, Place, RangeError};
pub use evaluate::FlagRef;
pub use explain::{Explanation, Layer, LayerOutcome, Pivot, TestRecord};
pub use flag::{FLAG_MAX_PREREQUISITES, FLAG_MAX_RULES, FLAG_MAX_VARIANTS, Flag, SPLIT_MAX_RANGES};
pub use key::{FlagKey, KEY_MAX_BYTES, KeyError};
pub use plan::{
    Assumption, CellPlan, Certainty, Extent, FlagChange, FlagPlan, OptInAssumption, Plan, PlanOptions, PlanPopulation,
    PlanWarning, Transition, plan,
};
pub use portion::Portion;
pub use ruleset::{ChoiceError, LocalChoice, PREREQUISITE_MAX_COST, PREREQUISITE_MAX_DEPTH, Ruleset};
pub use semver::{Version, VersionError, VersionOperator, VersionRequirement, VersionSyntax};
pub use share::{Bucket, EVERYONE, Share, ShareError};
pub use timestamp::{Timestamp, TimestampError, TimestampField, TimestampSyntax};
pub use value::{Object, VALUE_MAX_DEPTH, Value, ValueType};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
