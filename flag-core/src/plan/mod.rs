//! Exact plans: who gains, loses or moves between two rulesets.
//!
//! Lanes are independent and uniform, so a joint share is a product of widths. The plan cuts every lane that a flag's decision depends on at
//! the places where something changes, runs the evaluator itself on one point of each box between the cuts, and adds up the boxes.
//! Where attributes decide, it does so once for each way the conditions can come out, and gives the effect for each.

mod alike;
mod cell;
mod lanes;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use hashbrown::HashMap;
use serde::Serialize;

use self::cell::{Bounds, cells};
use crate::evaluate::FlagRef;
use crate::portion::Portion;
use crate::ruleset::Ruleset;
use crate::share::EVERYONE;
use crate::wire::OptIn;
use crate::{FlagKey, Share, Timestamp};

/// What a plan is computed for.
#[derive(Copy, Clone, Debug, Default)]
pub struct PlanOptions {
    /// When; `off_after` has come for flags before it. Without a time it has come for none.
    pub now: Option<Timestamp>,
    /// How many units there are, for warnings about shares that may be nobody.
    pub population: Option<u64>,
}

/// The exact effect of going from one ruleset to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// The flags whose decision changes for somebody, or that come or go. In the order of the new ruleset, those that go last.
    pub flags: Vec<FlagPlan>,
}

/// The effect on one flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlagPlan {
    /// The flag.
    pub flag: FlagKey,
    /// Whether it comes, goes or changes.
    pub change: FlagChange,
    /// Of whom the portions below are.
    pub population: PlanPopulation,
    /// The units that leave the off variant.
    pub gained: Extent,
    /// The units that fall to the off variant.
    pub lost: Extent,
    /// The units that go from one variant to another, neither the off variant, or keep a variant whose value changes.
    pub moved: Extent,
    /// How the extents were come by.
    pub certainty: Certainty,
    /// The effect for each way in which the conditions can come out. Empty where only bounds are known.
    pub cells: Vec<CellPlan>,
    /// What to look at before applying.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<PlanWarning>,
}

/// Whether a flag comes, goes or changes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FlagChange {
    /// It is not in the old ruleset.
    Added,
    /// It is not in the new ruleset.
    Removed,
    /// It is in both, and somebody's decision changes.
    Changed,
}

/// Of whom a flag's portions are.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlanPopulation {
    /// All units.
    Everyone,
    /// Those who opted in, since the flag requires it and nothing changes for the others.
    OptedIn,
}

/// How the extents of a plan were come by.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Certainty {
    /// Exact, whoever the units are.
    Exact,
    /// Exact in each cell; how many units are in which depends on their attributes, and on what they opted in to.
    ByAttributes,
    /// Bounds: more lanes or conditions decide together than are computed exactly.
    Bounds,
}

/// The smallest and the largest portion it can be; the same where it is exact.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Extent {
    /// At least.
    pub min: Portion,
    /// At most.
    pub max: Portion,
}

impl Extent {
    fn around(portions: impl Iterator<Item = Portion> + Clone) -> Self {
        Self { min: portions.clone().min().unwrap_or_default(), max: portions.max().unwrap_or_default() }
    }

    /// Tells whether it is certainly nobody.
    pub fn is_nobody(&self) -> bool {
        self.max == Portion::NOBODY
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max { self.min.fmt(f) } else { write!(f, "{} to {}", self.min, self.max) }
    }
}

/// The effect on the units for whom the conditions come out one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CellPlan {
    /// How the conditions come out. Empty for everyone.
    pub when: Vec<Assumption>,
    /// Who is meant, where it depends on an opt-in: of the flag itself, unless the plan is of those who opted in, or of a prerequisite.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub opt_ins: Vec<OptInAssumption>,
    /// The units that leave the off variant.
    pub gained: Portion,
    /// The units that fall to the off variant.
    pub lost: Portion,
    /// The units that move otherwise.
    pub moved: Portion,
    /// Who goes from which variant to which, those who stay included. The portions sum to everyone.
    pub transitions: Vec<Transition>,
}

/// A rule's condition, taken to hold or not to hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Assumption {
    /// The flag that has the rule: the one planned, or a prerequisite of it.
    pub flag: FlagKey,
    /// The rule.
    pub rule: Box<str>,
    /// Whether its condition holds.
    pub holds: bool,
}

/// Users who opted in to a flag that requires it, or those who did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OptInAssumption {
    /// The flag: the one planned, or a prerequisite of it.
    pub flag: FlagKey,
    /// Whether they opted in.
    pub opted_in: bool,
}

/// The units that go from one variant to another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Transition {
    /// The variant before; none where the flag was not there.
    pub from: Option<Box<str>>,
    /// The variant after; none where the flag is gone.
    pub to: Option<Box<str>>,
    /// How many.
    pub portion: Portion,
}

/// Something to look at before applying a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "warning", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PlanWarning {
    /// A share so small that it may expose nobody: fewer than three units are expected.
    MayBeNobody {
        /// The share.
        share: Share,
        /// The population below which fewer than three units are expected.
        below_population: u64,
    },
    /// The flag's seed or unit changed, or the seed of its group: everyone's bucket is drawn anew.
    Reshuffled,
}

impl fmt::Display for PlanWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MayBeNobody { share, below_population } => {
                write!(f, "{share} of fewer than {below_population} units may be nobody")
            }
            Self::Reshuffled => f.write_str("seed or unit changed: every bucket is drawn anew"),
        }
    }
}

/// Computes exactly who gains, loses or moves between two rulesets, for units that have an id.
pub fn plan(old: &Ruleset, new: &Ruleset, options: &PlanOptions) -> Plan {
    let mut old_flags: HashMap<&str, FlagRef<'_>> = old.flags().map(|flag| (flag.flag().key.as_str(), flag)).collect();
    let mut flags = Vec::new();
    for flag in new.flags() {
        let before = old_flags.remove(flag.flag().key.as_str());
        flags.extend(plan_flag(before, Some(flag), options));
    }
    flags.extend(
        old.flags()
            .filter(|flag| old_flags.contains_key(flag.key.as_str()))
            .filter_map(|flag| plan_flag(Some(flag), None, options)),
    );
    Plan { flags }
}

fn plan_flag(old: Option<FlagRef<'_>>, new: Option<FlagRef<'_>>, options: &PlanOptions) -> Option<FlagPlan> {
    let either = new.or(old)?;
    if let (Some(old), Some(new)) = (old, new) {
        if alike::alike(old, new) {
            return None;
        }
    }
    let change = match (old, new) {
        (None, _) => FlagChange::Added,
        (_, None) => FlagChange::Removed,
        _ => FlagChange::Changed,
    };
    let key = &either.flag().key;
    let mut population = PlanPopulation::Everyone;
    let (certainty, cells, [gained, lost, moved]) = match cells(old, new, options.now) {
        Ok(mut cells) => {
            let requires = [old, new].into_iter().flatten().any(|flag| flag.opt_in == OptIn::Required);
            if requires && cells.iter().all(|cell| cell.is_nobody() || cell.opted_in(key) == Some(true)) {
                population = PlanPopulation::OptedIn;
                cells.retain(|cell| cell.opted_in(key) != Some(false));
                for cell in &mut cells {
                    cell.opt_ins.retain(|opt_in| opt_in.flag != *key);
                }
            }
            let extents =
                [CellPlan::gained, CellPlan::lost, CellPlan::moved].map(|part| Extent::around(cells.iter().map(part)));
            let exact = extents.iter().all(|extent| extent.min == extent.max);
            let certainty = if exact { Certainty::Exact } else { Certainty::ByAttributes };
            (certainty, cells, extents)
        }
        Err(Bounds { gained, lost, moved }) => (Certainty::Bounds, Vec::new(), [gained, lost, moved]),
    };
    let unchanged = [gained, lost, moved].iter().all(Extent::is_nobody);
    if unchanged && change == FlagChange::Changed {
        return None;
    }
    Some(FlagPlan {
        flag: key.clone(),
        change,
        population,
        gained,
        lost,
        moved,
        certainty,
        cells,
        warnings: warnings(old, new, options),
    })
}

impl CellPlan {
    fn is_nobody(&self) -> bool {
        [self.gained, self.lost, self.moved] == [Portion::NOBODY; 3]
    }

    fn opted_in(&self, flag: &FlagKey) -> Option<bool> {
        self.opt_ins.iter().find(|opt_in| opt_in.flag == *flag).map(|opt_in| opt_in.opted_in)
    }

    const fn gained(&self) -> Portion {
        self.gained
    }
    const fn lost(&self) -> Portion {
        self.lost
    }
    const fn moved(&self) -> Portion {
        self.moved
    }
}

/// Three expected units leave a chance of about 5 % that there is none, by the Poisson limit e⁻³.
const EXPECTED_FOR_SOMEBODY: u64 = 3;
/// Without a stated population, shares that this many units already fill are not worth a warning.
const POPULATION_UNKNOWN: u64 = 10_000;

fn warnings(old: Option<FlagRef<'_>>, new: Option<FlagRef<'_>>, options: &PlanOptions) -> Vec<PlanWarning> {
    let mut warnings = Vec::new();
    let Some(new) = new else { return warnings };
    let slots_drawn_anew = |old: FlagRef<'_>| match (&old.membership, &new.membership) {
        (Some(before), Some(after)) => before.seed != after.seed,
        _ => false,
    };
    if old.is_some_and(|old| old.seed() != new.seed() || old.unit != new.unit || slots_drawn_anew(old)) {
        warnings.push(PlanWarning::Reshuffled);
    }
    let smallest = new.splits().map(|split| split.exposure).filter(|share| *share != Share::NOBODY).min();
    if let Some(share) = smallest {
        let needed =
            EXPECTED_FOR_SOMEBODY.saturating_mul(u64::from(EVERYONE)).div_ceil(u64::from(share.thousandths()).max(1));
        if needed > options.population.unwrap_or(POPULATION_UNKNOWN) {
            warnings.push(PlanWarning::MayBeNobody { share, below_population: needed });
        }
    }
    warnings
}

#[cfg(test)]
mod tests;
