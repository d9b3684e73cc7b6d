//! The evaluator: one pass over a flag, generic over where its facts come from and over who watches.
//!
//! [`FlagRef::evaluate`] runs it over a context with nobody watching; `explain` runs the same code with a recorder; `plan` runs it over
//! places on the lanes instead of people.

use core::ops::Deref;

use crate::bucket::{BATCH, Batch, Hasher, Lanes, SeedDigest, UnitDigest};
use crate::condition::{Condition, TestObserver, Truth};
use crate::context::{Context, Path};
use crate::decision::{Decision, Outcome, Reason};
use crate::flag::{Choice, Flag, Serve, Split, VariantIndex};
use crate::ruleset::{Ruleset, Slot};
use crate::share::{Bucket, EVERYONE};
use crate::wire::OptIn;
use crate::{Share, Timestamp};

/// Where an evaluation gets its facts from.
pub(crate) trait Facts {
    fn judge<O: TestObserver>(&self, condition: &Condition, segments: &[Condition], observer: &mut O) -> Truth;
    /// The lanes of the unit under a seed; none where there is no unit that counts.
    fn lanes(&self, unit: Option<&Path>, seed: &SeedDigest) -> Option<Lanes>;
    fn now(&self) -> Option<Timestamp>;
    #[inline]
    fn choice(&self, flag: &Flag) -> Choice {
        flag.choice
    }
    /// Whether the user opted in to a flag that requires it.
    #[inline]
    fn opted_in(&self, flag: &Flag) -> bool {
        self.choice(flag) == Choice::OptedIn
    }
    /// Whether prerequisites hold, where that is assumed and not evaluated.
    #[inline]
    fn prerequisites_hold(&self) -> Option<bool> {
        None
    }
}

/// Watches an evaluation. Nothing is watched by default, and then nothing is left of it once compiled.
pub(crate) trait Observer: TestObserver {
    #[inline]
    fn saw(&mut self, step: Step) {
        let _ = step;
    }
    /// An evaluation of a prerequisite begins.
    #[inline]
    fn enter(&mut self) {}
    /// It has ended.
    #[inline]
    fn leave(&mut self) {}
}

/// One step of an evaluation, in the order of section "order of one evaluation".
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Kill { killed: bool },
    Forced { variant: Option<VariantIndex> },
    Enabled { enabled: bool },
    OffAfter { off_after: Option<Timestamp>, expired: bool },
    Prerequisite { place: usize, variant: VariantIndex, accepted: bool },
    Override { choice: Choice },
    Rule { place: usize, truth: Truth },
    Serve { rule: Option<usize>, bucket: Option<Bucket>, share: Share, result: SplitResult },
}

/// What a serve came to for a unit.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum SplitResult {
    Exposed(VariantIndex),
    NotExposed,
    Excluded,
    HeldOut,
    NoUnit,
    NotOptedIn,
}

/// Nobody watching.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Unwatched;

impl TestObserver for Unwatched {}
impl Observer for Unwatched {}

/// The facts of a context.
#[derive(Copy, Clone)]
pub(crate) struct ContextFacts<'c, 'a> {
    pub(crate) context: &'c Context<'a>,
    pub(crate) hasher: Hasher,
}

impl Facts for ContextFacts<'_, '_> {
    #[inline]
    fn judge<O: TestObserver>(&self, condition: &Condition, segments: &[Condition], observer: &mut O) -> Truth {
        condition.judge(segments, self.context, observer)
    }

    #[inline]
    fn lanes(&self, unit: Option<&Path>, seed: &SeedDigest) -> Option<Lanes> {
        match unit {
            None => self.context.unit_digest().map(|digest| self.hasher.lanes(digest, seed)),
            Some(path) => self.context.digest_of_attribute(path).map(|digest| self.hasher.lanes(&digest, seed)),
        }
    }

    #[inline]
    fn now(&self) -> Option<Timestamp> {
        self.context.now()
    }
}

/// The facts of a context, with the unit's lanes of one seed already at hand.
struct PreparedFacts<'c, 'a, 's> {
    facts: ContextFacts<'c, 'a>,
    seed: &'s SeedDigest,
    lanes: Lanes,
}

impl PreparedFacts<'_, '_, '_> {
    /// Lanes of another seed than the prepared one: an exclusion group's, a holdout's, a prerequisite's.
    #[cold]
    fn drawn(&self, unit: Option<&Path>, seed: &SeedDigest) -> Option<Lanes> {
        self.facts.lanes(unit, seed)
    }
}

impl Facts for PreparedFacts<'_, '_, '_> {
    #[inline]
    fn judge<O: TestObserver>(&self, condition: &Condition, segments: &[Condition], observer: &mut O) -> Truth {
        self.facts.judge(condition, segments, observer)
    }

    #[expect(clippy::inline_always, reason = "a call for each unit costs a fifth of the whole decision")]
    #[inline(always)]
    fn lanes(&self, unit: Option<&Path>, seed: &SeedDigest) -> Option<Lanes> {
        if unit.is_none() && core::ptr::eq(seed, self.seed) { Some(self.lanes) } else { self.drawn(unit, seed) }
    }

    #[inline]
    fn now(&self) -> Option<Timestamp> {
        self.facts.now()
    }
}

/// A flag of a ruleset, ready to decide. Looking it up once and keeping it saves the look-up by key.
#[derive(Copy, Clone, Debug)]
pub struct FlagRef<'r> {
    ruleset: &'r Ruleset,
    flag: &'r Flag,
}

impl Deref for FlagRef<'_> {
    type Target = Flag;

    fn deref(&self) -> &Flag {
        self.flag
    }
}

impl<'r> FlagRef<'r> {
    #[inline]
    pub(crate) const fn new(ruleset: &'r Ruleset, flag: &'r Flag) -> Self {
        Self { ruleset, flag }
    }

    pub(crate) const fn ruleset(&self) -> &'r Ruleset {
        self.ruleset
    }

    /// Returns the flag for as long as the ruleset lives.
    pub const fn flag(&self) -> &'r Flag {
        self.flag
    }

    /// Decides the flag for a context. Allocates nothing, unless the flag uses `matches`, whose engine may.
    #[inline]
    pub fn evaluate(&self, context: &Context<'_>) -> Decision<'r> {
        let facts = ContextFacts { context, hasher: self.ruleset.hasher };
        Decision::new(self.flag, decide(self.ruleset, self.flag, &facts, &mut Unwatched))
    }

    /// Decides the flag for many units that share the attributes and time of one context, whose own unit is not looked at. Units whose
    /// ids count as missing have no digest and no place here. Buckets are drawn many at once.
    ///
    /// Flags that bucket by an attribute give every unit the same, since the attribute is shared. Rules that test the unit id itself find
    /// it missing: a digest does not tell the id.
    pub fn evaluate_units(
        &self,
        units: &[UnitDigest],
        context: &Context<'_>,
        mut each: impl FnMut(usize, Decision<'r>),
    ) {
        let mut made = None;
        let seed = self.flag.seed_in(&mut made);
        let mut batch = Batch::of_seed(seed);
        let mut at = 0_usize;
        for units in units.chunks(BATCH) {
            for (unit, lanes) in units.iter().zip(batch.lanes_of_units(self.ruleset.hasher, units)) {
                let context = context.with_digest(unit);
                let facts = ContextFacts { context: &context, hasher: self.ruleset.hasher };
                let facts = PreparedFacts { facts, seed, lanes };
                each(at, Decision::new(self.flag, decide_in_loop(self.ruleset, self.flag, &facts, &mut Unwatched)));
                at = at.saturating_add(1);
            }
        }
    }
}

impl Ruleset {
    /// Decides one flag for a context. A key that is unknown, or whose flag is quarantined, gives a decision that says so.
    #[inline]
    pub fn evaluate(&self, key: &str, context: &Context<'_>) -> Decision<'_> {
        match self.find(key) {
            Some(Slot::Live(flag)) => FlagRef::new(self, flag).evaluate(context),
            slot => self.absent(key, slot.is_some()),
        }
    }

    #[cold]
    pub(crate) fn absent(&self, key: &str, quarantined: bool) -> Decision<'_> {
        Decision::without_flag(match (self.is_killed(key), quarantined) {
            (true, _) => Reason::Killed,
            (false, true) => Reason::ParseError,
            (false, false) => Reason::FlagNotFound,
        })
    }

    /// Decides every flag that is not quarantined for one context, in the order of the snapshot. Buckets are drawn many at once, and
    /// nothing is allocated.
    pub fn evaluate_all<'r>(&'r self, context: &Context<'_>, mut each: impl FnMut(Decision<'r>)) {
        let live = self.slots.iter().filter_map(|slot| if let Slot::Live(flag) = slot { Some(flag) } else { None });
        let facts = ContextFacts { context, hasher: self.hasher };
        let Some(unit) = context.unit_digest() else {
            return live.for_each(|flag| each(Decision::new(flag, decide(self, flag, &facts, &mut Unwatched))));
        };
        let mut ahead = live.clone().filter_map(Flag::unit_seed);
        let mut batch = Batch::new();
        let mut drawn = BATCH;
        for flag in live {
            let outcome = if let Some(seed) = flag.unit_seed() {
                if drawn == BATCH {
                    let pairs = ahead.by_ref().take(BATCH).map(|seed| (unit, seed));
                    batch.draw_pairs(self.hasher, pairs);
                    drawn = 0;
                }
                let lanes = batch.lanes(drawn);
                drawn = drawn.saturating_add(1);
                decide_in_loop(self, flag, &PreparedFacts { facts, seed, lanes }, &mut Unwatched)
            } else {
                decide(self, flag, &facts, &mut Unwatched)
            };
            each(Decision::new(flag, outcome));
        }
    }
}

/// The order of one evaluation: kill, test code, disabled, `off_after`, prerequisites, override, rules, fallthrough.
#[inline]
pub(crate) fn decide<F: Facts, O: Observer>(ruleset: &Ruleset, flag: &Flag, facts: &F, observer: &mut O) -> Outcome {
    decide_in_loop(ruleset, flag, facts, observer)
}

/// [`decide`], for a loop over many.
#[expect(clippy::inline_always, reason = "a call for each unit costs a tenth of the whole decision")]
#[inline(always)]
fn decide_in_loop<F: Facts, O: Observer>(ruleset: &Ruleset, flag: &Flag, facts: &F, observer: &mut O) -> Outcome {
    observer.saw(Step::Kill { killed: flag.killed });
    if flag.killed {
        return Outcome::of(flag.off_variant, Reason::Killed);
    }
    let choice = facts.choice(flag);
    if let Choice::Forced(variant) = choice {
        observer.saw(Step::Forced { variant: Some(variant) });
        return Outcome::of(variant, Reason::Forced);
    }
    observer.saw(Step::Forced { variant: None });
    observer.saw(Step::Enabled { enabled: flag.enabled });
    if !flag.enabled {
        return Outcome::of(flag.off_variant, Reason::Disabled);
    }
    let expired = flag.off_after.is_some_and(|off_after| facts.now().is_some_and(|now| now >= off_after));
    observer.saw(Step::OffAfter { off_after: flag.off_after, expired });
    if expired {
        return Outcome::of(flag.off_variant, Reason::Expired);
    }
    if !flag.prerequisites.is_empty() && !prerequisites_hold(ruleset, flag, facts, observer) {
        return Outcome::of(flag.off_variant, Reason::PrerequisiteFailed);
    }
    observer.saw(Step::Override { choice });
    if let Choice::Chosen(variant) = choice {
        return Outcome::of(variant, Reason::Override);
    }
    let mut skipped = None;
    for (place, rule) in flag.rules.iter().enumerate() {
        let truth = facts.judge(&rule.when, &ruleset.segments, observer);
        observer.saw(Step::Rule { place, truth });
        if truth != Truth::True {
            continue;
        }
        let served = match &rule.serve {
            Serve::Variant(variant) => Served { variant: *variant, bucket: None, reason: Reason::TargetingMatch },
            Serve::Split(split) => match serve_split(flag, split, facts, Some(place), observer) {
                Ok(served) => served,
                Err(why) => {
                    skipped = Some(why);
                    continue;
                }
            },
        };
        let Served { variant, bucket, reason } = served;
        return Outcome { variant, reason, rule: u16::try_from(place).ok(), bucket };
    }
    match &flag.fallthrough {
        Serve::Variant(variant) => {
            let reason = skipped.unwrap_or(if flag.rules.is_empty() { Reason::Static } else { Reason::Default });
            Outcome::of(*variant, reason)
        }
        Serve::Split(split) => match serve_split(flag, split, facts, None, observer) {
            Ok(Served { variant, bucket, reason }) => Outcome { variant, reason, rule: None, bucket },
            Err(why) => Outcome::of(split.otherwise, why),
        },
    }
}

/// Every prerequisite is evaluated by the same code over the same facts. Their number and depth were bounded when they were compiled.
#[inline(never)]
fn prerequisites_hold<F: Facts, O: Observer>(ruleset: &Ruleset, flag: &Flag, facts: &F, observer: &mut O) -> bool {
    if let Some(hold) = facts.prerequisites_hold() {
        return hold;
    }
    for (place, prerequisite) in flag.prerequisites.iter().enumerate() {
        let Some(Slot::Live(needed)) = ruleset.slot(prerequisite.flag) else { return false };
        observer.enter();
        let variant = decide(ruleset, needed, facts, observer).variant;
        observer.leave();
        let accepted = prerequisite.accepted.contains(&variant);
        observer.saw(Step::Prerequisite { place, variant, accepted });
        if !accepted {
            return false;
        }
    }
    true
}

struct Served {
    variant: VariantIndex,
    bucket: Option<Bucket>,
    reason: Reason,
}

/// Serves a split, or says why this unit has no part in it: it has no id, or did not opt in.
#[inline]
fn serve_split<F: Facts, O: Observer>(
    flag: &Flag,
    split: &Split,
    facts: &F,
    rule: Option<usize>,
    observer: &mut O,
) -> Result<Served, Reason> {
    let share = split.exposure;
    let mut saw = |bucket, result| observer.saw(Step::Serve { rule, bucket, share, result });
    if flag.opt_in == OptIn::Required && !facts.opted_in(flag) {
        saw(None, SplitResult::NotOptedIn);
        return Err(Reason::NotOptedIn);
    }
    if let Some(variant) = flag.needs_no_unit(split) {
        saw(None, SplitResult::Exposed(variant));
        return Ok(Served { variant, bucket: None, reason: Reason::Split });
    }
    let mut made = None;
    let Some(lanes) = facts.lanes(flag.unit.as_deref(), flag.seed_in(&mut made)) else {
        saw(None, SplitResult::NoUnit);
        return Err(Reason::TargetingKeyMissing);
    };
    let bucket = lanes.exposure();
    if let Some(kept_out) = kept_out(flag, bucket, facts) {
        let reason = if kept_out == SplitResult::HeldOut { Reason::HeldOut } else { Reason::Excluded };
        saw(Some(bucket), kept_out);
        return Ok(Served { variant: split.otherwise, bucket: Some(bucket), reason });
    }
    let exposed = split.exposure.exposes(bucket);
    let on = split.variant_of(|| lanes.variant());
    saw(Some(bucket), if exposed { SplitResult::Exposed(on) } else { SplitResult::NotExposed });
    Ok(Served { variant: if exposed { on } else { split.otherwise }, bucket: Some(bucket), reason: Reason::Split })
}

/// Tells whether a holdout, or another flag's slots of the exclusion group, keep a unit out of the flag's splits.
#[inline]
pub(crate) fn kept_out<F: Facts>(flag: &Flag, bucket: Bucket, facts: &F) -> Option<SplitResult> {
    if let Some(membership) = &flag.membership {
        let Some(lanes) = facts.lanes(flag.unit.as_deref(), &membership.seed) else {
            return Some(SplitResult::Excluded);
        };
        let slot = lanes.slot();
        if is_held_out(slot, membership.holdout) {
            return Some(SplitResult::HeldOut);
        }
        if !membership.owns(slot) {
            return Some(SplitResult::Excluded);
        }
    }
    is_held_out(bucket, flag.holdout).then_some(SplitResult::HeldOut)
}

/// A holdout is the top of its lane, so that raising a share never reaches into it.
#[inline]
fn is_held_out(bucket: Bucket, holdout: Share) -> bool {
    bucket.index() >= EVERYONE.saturating_sub(holdout.thousandths())
}
