//! The published form of flags: what stands in a snapshot's JSON.
//!
//! These types say what may be *written*; [`crate::Ruleset`] compiles them into what is *evaluated* and quarantines a flag that does not
//! hold together. Unknown optional fields are ignored; a flag that cannot do without a newer feature names it in [`Flag::requires`].

mod cursor;
mod entries;
mod form;
mod operator;
mod serve;
mod snapshot;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::num::NonZeroU32;

use serde::{Deserialize, Serialize};

pub(crate) use self::cursor::{Cursor, Passed};
pub use self::entries::Entries;
pub(crate) use self::form::{FlagForm, RuleForm, ServeForm, Served, When};
pub use self::operator::Operator;
pub use self::serve::Serve;
pub use self::snapshot::{AuditHead, Kill, Malformed, Parsed, SCHEMA, SNAPSHOT_MAX_FLAGS, Snapshot, SnapshotError};
use crate::{FlagKey, Share, Timestamp, Value};

/// What a flag is for.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Kind {
    /// A feature on its way to everyone.
    #[default]
    Release,
    /// A comparison of variants.
    Experiment,
    /// An operational setting.
    Ops,
    /// A right that some users have.
    Permission,
    /// A capability that can be switched off in an emergency. It serves *on* until it is killed.
    KillSwitch,
}

/// Where a flag is in its life.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// The code exists and is off.
    #[default]
    Development,
    /// On for the team.
    Internal,
    /// On for users who opt in, or for a growing share.
    Beta,
    /// Generally available: on by default.
    Ga,
    /// On its way out.
    Deprecated,
}

/// What a user's own enabling means.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum OptIn {
    /// Nothing.
    #[default]
    None,
    /// It turns the flag on for that user.
    Allowed,
    /// It makes the user eligible; the split among eligible users decides.
    Required,
}

/// One flag as published. Everything the evaluator needs, and no documentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "FlagForm")]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the published form")]
pub struct Flag {
    /// The sequence number of the flag's last change.
    pub version: u64,
    /// What the flag is for.
    #[serde(skip_serializing_if = "is_default")]
    pub kind: Kind,
    /// Where it is in its life.
    #[serde(skip_serializing_if = "is_default")]
    pub stage: Stage,
    /// Off serves [`Flag::off_variant`] to everyone.
    #[serde(skip_serializing_if = "is_true")]
    pub enabled: bool,
    /// The bucketing version, frozen when the flag is made.
    #[serde(skip_serializing_if = "is_first_bucketing")]
    pub bucketing: u32,
    /// What the buckets are drawn from; the flag's key where absent. Fixed when the flag is made, so that a rename moves nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<Box<str>>,
    /// The attribute that is bucketed; the context's own unit where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<Box<str>>,
    /// The outcomes by stable id. All values share one type. Not written where they are `on` = true and `off` = false.
    #[serde(skip_serializing_if = "is_on_and_off")]
    pub variants: Entries<Value>,
    /// What is served when the flag is off, killed or expired. Not written where it is `off`.
    #[serde(skip_serializing_if = "is_off")]
    pub off_variant: Box<str>,
    /// Tried in order; the first that matches serves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Serves when no rule does.
    pub fallthrough: Serve,
    /// Other flags that must serve one of some variants, or this one serves its off variant.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prerequisites: Vec<Prerequisite>,
    /// From this time on the off variant is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_after: Option<Timestamp>,
    /// Whether a user may turn the flag on locally.
    #[serde(skip_serializing_if = "is_false")]
    pub overridable: bool,
    /// What a user's enabling means.
    #[serde(skip_serializing_if = "is_default")]
    pub opt_in: OptIn,
    /// Critical flags cannot be turned on locally.
    #[serde(skip_serializing_if = "is_false")]
    pub critical: bool,
    /// The exclusion group and the slots this flag owns in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<Membership>,
    /// The share at the top of lane 0 that is never exposed by a split.
    #[serde(skip_serializing_if = "is_default")]
    pub holdout: Share,
    /// Whether clients fall back to the code default once the snapshot has expired.
    #[serde(skip_serializing_if = "is_false")]
    pub default_on_expiry: bool,
    /// The time above which a use of the flag's feature is slow, in microseconds, while its rollout holds uses against one. It takes no
    /// part in a decision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_above_micros: Option<NonZeroU32>,
    /// Features an evaluator must know to read this flag. One it does not know quarantines the flag.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Box<str>>,
}

/// One "when ... serve ...".
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// A name, unique in the flag.
    pub id: Box<str>,
    /// Whom the rule is for.
    pub when: Condition,
    /// What they get.
    pub serve: Serve,
}

/// The buckets `from..to` of a lane, 0..=100_000. JSON: `[from, to]`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "(u32, u32)", into = "(u32, u32)")]
pub struct Range {
    /// The first bucket inside.
    pub from: u32,
    /// The first bucket after it.
    pub to: u32,
}

impl From<(u32, u32)> for Range {
    fn from((from, to): (u32, u32)) -> Self {
        Self { from, to }
    }
}

impl From<Range> for (u32, u32) {
    fn from(range: Range) -> Self {
        (range.from, range.to)
    }
}

impl Range {
    /// Returns how many buckets stand in the range.
    pub const fn width(self) -> u32 {
        self.to.saturating_sub(self.from)
    }
}

/// A boolean tree over attributes. Exactly one form stands: `{"all": [...]}`, `{"any": [...]}`, `{"not": ...}`, `{"segment": NAME}`, or a
/// test `{"attribute": PATH, "operator": OPERATOR, "values": [...]}`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(expecting = "a condition")]
pub struct Condition {
    /// True when every one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<Vec<Condition>>,
    /// True when one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub any: Option<Vec<Condition>>,
    /// True when it is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not: Option<Box<Condition>>,
    /// A condition of the snapshot's `segments`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<Box<str>>,
    /// The attribute tested: its name, or a dotted path into objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<Box<str>>,
    /// How it is tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
    /// What it is tested against; the test is true when it is for one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Value>>,
}

impl Condition {
    /// Returns the test of one attribute.
    pub fn test(attribute: impl Into<Box<str>>, operator: Operator, values: impl IntoIterator<Item = Value>) -> Self {
        Self {
            attribute: Some(attribute.into()),
            operator: Some(operator),
            values: Some(values.into_iter().collect()),
            ..Self::default()
        }
    }

    /// Returns the condition that holds when all of these do.
    pub fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self { all: Some(conditions.into_iter().collect()), ..Self::default() }
    }

    /// Returns the condition that holds when one of these does.
    pub fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        Self { any: Some(conditions.into_iter().collect()), ..Self::default() }
    }

    /// Returns the condition that holds when this one is false.
    pub fn negated(condition: Self) -> Self {
        Self { not: Some(Box::new(condition)), ..Self::default() }
    }

    /// Returns the condition that holds in a segment.
    pub fn segment(name: impl Into<Box<str>>) -> Self {
        Self { segment: Some(name.into()), ..Self::default() }
    }
}

/// Another flag that must serve one of these variants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prerequisite {
    /// The other flag.
    pub flag: FlagKey,
    /// The variants of it that let this flag go on.
    pub variants: Vec<Box<str>>,
}

/// A flag's place in an exclusion group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The group's name.
    pub name: Box<str>,
    /// The slots of the group's lane 2 that this flag owns, disjoint from those of its other flags.
    pub slots: Vec<Range>,
}

/// Flags that never meet: each unit is in the slots of one of them at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(expecting = "a group")]
pub struct Group {
    /// What the slots are drawn from; the group's name where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<Box<str>>,
    /// The attribute that is bucketed for all its flags; the context's own unit where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Box<str>>,
    /// The share at the top of the lane that is in none of its flags.
    #[serde(default, skip_serializing_if = "is_default")]
    pub holdout: Share,
}

impl Flag {
    /// Leaves out what the flag means without saying it, for publishing: the variants of every switch, in whichever order they stand, and
    /// what its splits share.
    pub fn compact(&mut self) {
        let switch = [("on", &Value::Bool(true)), ("off", &Value::Bool(false))];
        if self.variants.len() == switch.len()
            && switch.into_iter().all(|(id, value)| self.variants.find(id) == Some(value))
        {
            self.variants = on_and_off();
        }
        let on = on_variant(self.variants.iter(), &self.off_variant).map(Box::<str>::from);
        let serves = self.rules.iter_mut().map(|rule| &mut rule.serve).chain([&mut self.fallthrough]);
        for serve in serves.filter(|serve| serve.exposure.is_some()) {
            if serve.otherwise.as_ref() == Some(&self.off_variant) {
                serve.otherwise = None;
            }
            if serve.allocation.as_ref().is_some_and(|allocation| allocation.only_owner() == on.as_deref()) {
                serve.allocation = None;
            }
        }
    }
}

/// Returns what "on" means: the variant whose value is `true`, or the one besides the off variant where there are two.
pub(crate) fn on_variant<'f>(
    variants: impl Iterator<Item = (&'f str, &'f Value)> + Clone,
    off_variant: &str,
) -> Option<&'f str> {
    let mut truthful = variants.clone().filter(|(_, value)| **value == Value::Bool(true));
    let mut others = variants.map(|(id, _)| id).filter(|id| *id != off_variant);
    truthful.next().map(|(id, _)| id).or_else(|| others.next().filter(|_| others.next().is_none()))
}

impl Entries<Vec<Range>> {
    /// Returns the variant that owns the whole lane by one range, as in every rollout of one variant.
    pub(crate) fn only_owner(&self) -> Option<&str> {
        let mut owners = self.iter();
        match (owners.next(), owners.next()) {
            (Some((id, ranges)), None) if **ranges == [Range { from: 0, to: crate::share::EVERYONE }] => Some(id),
            _ => None,
        }
    }
}

pub(crate) fn on_and_off() -> Entries<Value> {
    Entries::of_distinct(alloc::vec![("on".into(), Value::Bool(true)), ("off".into(), Value::Bool(false))])
}

fn is_on_and_off(variants: &Entries<Value>) -> bool {
    let mut entries = variants.iter();
    let pair = (entries.next(), entries.next(), entries.next());
    matches!(pair, (Some(("on", Value::Bool(true))), Some(("off", Value::Bool(false))), None))
}

/// The off variant of a flag that does not say it.
pub(crate) const OFF: &str = "off";

fn off() -> Box<str> {
    OFF.into()
}

fn is_off(variant: &str) -> bool {
    variant == OFF
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_true(value: &bool) -> bool {
    *value
}

const fn yes() -> bool {
    true
}

const fn first_bucketing() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_first_bucketing(version: &u32) -> bool {
    *version == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_false(value: &bool) -> bool {
    !*value
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
