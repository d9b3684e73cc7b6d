//! One flag's cells: each way the conditions can come out, with the exact transitions in it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::Cell;

use hashbrown::HashMap;

use super::lanes::{Place, Space};
use super::{Assumption, CellPlan, Extent, OptInAssumption, Transition};
use crate::bucket::{Lanes, SeedDigest};
use crate::condition::{Condition, TestObserver, Truth};
use crate::context::Path;
use crate::evaluate::{Facts, FlagRef, Unwatched, decide};
use crate::flag::{Choice, Flag, Rule};
use crate::portion::Portion;
use crate::ruleset::{Ruleset, Slot};
use crate::wire::OptIn;
use crate::{FlagKey, Timestamp};

/// How many cells one flag may have before only bounds are given.
const MAX_CELLS: usize = 4_096;
/// How many boxes may be looked at for one flag, over all its cells, before only bounds are given.
const MAX_WORK: usize = 1_000_000;

/// What is known of a flag whose cells are too many.
pub(super) struct Bounds {
    pub(super) gained: Extent,
    pub(super) lost: Extent,
    pub(super) moved: Extent,
}

impl Bounds {
    const ANYTHING: Self = {
        let any = Extent { min: Portion::NOBODY, max: Portion::EVERYONE };
        Self { gained: any, lost: any, moved: any }
    };
}

/// Computes the cells of a flag between two rulesets. Too many lanes through prerequisites fall back to bounds over whether those hold.
pub(super) fn cells(
    old: Option<FlagRef<'_>>,
    new: Option<FlagRef<'_>>,
    now: Option<Timestamp>,
) -> Result<Vec<CellPlan>, Bounds> {
    let sides = [old, new];
    let mut whole = Space::default();
    let mut behind = Space::default();
    let mut conditions = Conditions::default();
    for flag in sides.into_iter().flatten() {
        whole.add(flag.flag());
        conditions.add(flag.ruleset(), flag.flag());
        each_prerequisite(flag.ruleset(), flag.flag(), &mut |needed| {
            whole.add(needed);
            behind.add(needed);
            conditions.add(flag.ruleset(), needed);
        });
    }
    let jointly = Survey { sides, now, space: &whole, conditions: &conditions, prerequisites: [None, None] };
    if let Some(cells) = jointly.cells() {
        return Ok(cells);
    }
    let mut own = Space::default();
    sides.into_iter().flatten().for_each(|flag| own.add(flag.flag()));
    if own.overlaps(&behind) {
        return Err(Bounds::ANYTHING);
    }
    let mut possible = Vec::new();
    for prerequisites in [[false, false], [false, true], [true, false], [true, true]] {
        let survey = Survey { space: &own, prerequisites: prerequisites.map(Some), ..jointly };
        possible.extend(survey.cells().ok_or(Bounds::ANYTHING)?);
    }
    let extent = |part: fn(&CellPlan) -> Portion| Extent::around(possible.iter().map(part));
    Err(Bounds { gained: extent(CellPlan::gained), lost: extent(CellPlan::lost), moved: extent(CellPlan::moved) })
}

fn each_prerequisite<'r>(ruleset: &'r Ruleset, flag: &'r Flag, each: &mut impl FnMut(&'r Flag)) {
    for prerequisite in &flag.prerequisites {
        if let Some(Slot::Live(needed)) = ruleset.slot(prerequisite.flag) {
            each(needed);
            each_prerequisite(ruleset, needed, each);
        }
    }
}

/// What decides besides lanes and time: a place in [`Conditions`].
#[derive(Copy, Clone, PartialEq, Eq)]
enum Question {
    /// Whether a rule's condition holds.
    Holds(usize),
    /// Whether the user opted in to a flag.
    OptedIn(usize),
}

/// The distinct conditions of both rulesets' rules, and the flags that require an opt-in. Two conditions that are the same tests in the same
/// tree are one.
#[derive(Default)]
struct Conditions<'r> {
    distinct: Vec<(&'r Condition, &'r Ruleset, FlagKey, Box<str>)>,
    opt_ins: Vec<&'r FlagKey>,
    /// From a condition's place in memory to its number.
    numbers: HashMap<*const Condition, usize>,
}

impl<'r> Conditions<'r> {
    fn add(&mut self, ruleset: &'r Ruleset, flag: &'r Flag) {
        if flag.opt_in == OptIn::Required && !self.opt_ins.contains(&&flag.key) {
            self.opt_ins.push(&flag.key);
        }
        for Rule { id, when, .. } in &flag.rules {
            if self.numbers.contains_key(&core::ptr::from_ref(when)) {
                continue;
            }
            let same = |(known, other, ..): &(&Condition, &Ruleset, FlagKey, Box<str>)| {
                known.same(&other.segments, when, &ruleset.segments)
            };
            let number = self.distinct.iter().position(same).unwrap_or_else(|| {
                self.distinct.push((when, ruleset, flag.key.clone(), id.clone()));
                self.distinct.len().saturating_sub(1)
            });
            self.numbers.insert(core::ptr::from_ref(when), number);
        }
    }

    fn holds(&self, condition: &Condition) -> Option<Question> {
        self.numbers.get(&core::ptr::from_ref(condition)).copied().map(Question::Holds)
    }

    fn opted_in(&self, flag: &FlagKey) -> Option<Question> {
        self.opt_ins.iter().position(|known| *known == flag).map(Question::OptedIn)
    }
}

/// What is surveyed: a flag before and after, over a space of lanes.
#[derive(Copy, Clone)]
struct Survey<'s, 'r> {
    sides: [Option<FlagRef<'r>>; 2],
    now: Option<Timestamp>,
    space: &'s Space<'r>,
    conditions: &'s Conditions<'r>,
    /// Whether prerequisites are taken to hold, before and after, instead of evaluated.
    prerequisites: [Option<bool>; 2],
}

impl Survey<'_, '_> {
    /// Returns all cells, or none if they are too many.
    fn cells(&self) -> Option<Vec<CellPlan>> {
        let mut cells = Vec::new();
        let mut open = alloc::vec![Vec::new()];
        let boxes = self.space.count()?;
        let mut work = 0_usize;
        while let Some(assumed) = open.pop() {
            work = work.saturating_add(boxes);
            if work > MAX_WORK {
                return None;
            }
            match self.cell(&assumed).ok()? {
                Surveyed::Cell(cell) => cells.push(cell),
                // The decision asks what is not assumed yet: it may be so, or not.
                Surveyed::Asks(question) => {
                    for answer in [false, true] {
                        let mut more = assumed.clone();
                        more.push((question, answer));
                        open.push(more);
                    }
                }
            }
            if cells.len().saturating_add(open.len()) > MAX_CELLS {
                return None;
            }
        }
        Some(cells)
    }

    fn cell(&self, assumed: &[(Question, bool)]) -> Result<Surveyed, super::lanes::TooLarge> {
        let asked = Cell::new(None);
        let mut transitions: Vec<(Ids<'_>, Portion)> = Vec::new();
        let (mut gained, mut lost, mut moved) = (Portion::NOBODY, Portion::NOBODY, Portion::NOBODY);
        self.space.boxes(|place, portion| {
            if asked.get().is_some() {
                return;
            }
            let mut served = [None, None];
            for ((side, served), prerequisites) in self.sides.iter().zip(&mut served).zip(self.prerequisites) {
                let Some(flag) = side else { continue };
                let facts = Assumed { survey: self, answers: assumed, place, prerequisites, asked: &asked };
                let variant = decide(flag.ruleset(), flag.flag(), &facts, &mut Unwatched).variant;
                *served = flag.flag().variant(variant).map(|served| (served, variant == flag.off_variant));
            }
            let [before, after] = served;
            let ids = served.map(|side| side.map(|(variant, _)| &*variant.id));
            let values = served.map(|side| side.map(|(variant, _)| &variant.value));
            let on = |side: Option<(_, bool)>| side.is_some_and(|(_, off)| !off);
            let changes = ids.first() != ids.last() || values.first() != values.last();
            match (on(before), on(after)) {
                (false, true) => gained = gained.plus(portion),
                (true, false) => lost = lost.plus(portion),
                _ if changes && before.is_some() && after.is_some() => moved = moved.plus(portion),
                _ => {}
            }
            match transitions.iter_mut().find(|(known, _)| *known == ids) {
                Some((_, sum)) => *sum = sum.plus(portion),
                None => transitions.push((ids, portion)),
            }
        })?;
        if let Some(question) = asked.get() {
            return Ok(Surveyed::Asks(question));
        }
        let (mut when, mut opt_ins) = (Vec::new(), Vec::new());
        for (question, answer) in assumed {
            match question {
                Question::Holds(number) => {
                    let Some((_, _, flag, rule)) = self.conditions.distinct.get(*number) else { continue };
                    when.push(Assumption { flag: flag.clone(), rule: rule.clone(), holds: *answer });
                }
                Question::OptedIn(number) => {
                    let Some(flag) = self.conditions.opt_ins.get(*number) else { continue };
                    opt_ins.push(OptInAssumption { flag: (*flag).clone(), opted_in: *answer });
                }
            }
        }
        let transitions = transitions.into_iter().map(|([from, to], portion)| Transition {
            from: from.map(Into::into),
            to: to.map(Into::into),
            portion,
        });
        Ok(Surveyed::Cell(CellPlan { when, opt_ins, gained, lost, moved, transitions: transitions.collect() }))
    }
}

/// The variant served before and after.
type Ids<'r> = [Option<&'r str>; 2];

enum Surveyed {
    Cell(CellPlan),
    /// What decides and is not assumed.
    Asks(Question),
}

/// The facts of one box of lanes under assumptions.
struct Assumed<'a, 's, 'r> {
    survey: &'a Survey<'s, 'r>,
    answers: &'a [(Question, bool)],
    place: &'a Place<'a, 'r>,
    prerequisites: Option<bool>,
    asked: &'a Cell<Option<Question>>,
}

impl Assumed<'_, '_, '_> {
    fn answer(&self, question: Question) -> bool {
        match self.answers.iter().find(|(known, _)| *known == question) {
            Some((_, answer)) => *answer,
            None => {
                self.asked.set(self.asked.get().or(Some(question)));
                false
            }
        }
    }
}

impl Facts for Assumed<'_, '_, '_> {
    fn judge<O: TestObserver>(&self, condition: &Condition, _: &[Condition], _: &mut O) -> Truth {
        self.survey.conditions.holds(condition).map_or(Truth::Unknown, |question| self.answer(question).into())
    }

    fn lanes(&self, unit: Option<&Path>, seed: &SeedDigest) -> Option<Lanes> {
        self.place.lanes(unit.map(Path::as_str), seed)
    }

    fn now(&self) -> Option<Timestamp> {
        self.survey.now
    }

    fn choice(&self, _: &Flag) -> Choice {
        Choice::None
    }

    fn opted_in(&self, flag: &Flag) -> bool {
        self.survey.conditions.opted_in(&flag.key).is_some_and(|question| self.answer(question))
    }

    fn prerequisites_hold(&self) -> Option<bool> {
        self.prerequisites
    }
}
