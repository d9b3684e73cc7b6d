use flag_client::Day;
use flag_core::{Share, Timestamp};

use super::super::controller::{Event, begin, decide};
use super::super::evidence::{Arms, DayArms, Evidence};
use super::super::gates::Gates;
use super::super::plan::Plan;
use super::super::quantities::Span;
use super::super::state::Phase;
use super::chance::Chance;
use super::outcome::{Ending, RunResult};
use super::population::Population;
use crate::cells::{Cell, UNITS};

/// A Monday at nine o'clock, UTC.
const START: Timestamp = Timestamp::from_millis(1_780_304_400_000);
const DAY_MILLIS: f64 = 86_400_000.0;

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// How the rollout goes.
    pub plan: Plan,
    /// Whom it reaches.
    pub population: Population,
    /// How often the controller looks.
    pub look: Span,
    /// After how many days a run ends at the latest.
    pub days: u32,
}

/// One arm's machines at one step.
#[derive(Default)]
struct Crowd {
    machines: f64,
    seen: f64,
    owed: f64,
}

impl Crowd {
    /// Returns how many reports come in a part of a day, and how many are their machine's first. Fractions of reports are carried over.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "small positive counts"
    )]
    fn report(&mut self, reporting: f64, part_of_day: f64, chance: &mut Chance) -> (u64, u64) {
        self.owed += self.machines * reporting * part_of_day;
        let reports = libm::floor(self.owed);
        self.owed -= reports;
        let reports = reports as u64;
        let fresh = if self.machines > 0.0 { (1.0 - self.seen / self.machines).max(0.0) } else { 0.0 };
        let first = chance.binomial(reports, fresh);
        self.seen += first as f64;
        (reports, first)
    }
}

/// Runs one rollout of a seed, to its end.
///
/// Reports come evenly over the day: a fleet of command-line tools has no other clock than its users. Every report is of one machine and
/// one day, with an error or without, as the population's rates say.
pub fn run(simulation: &Simulation, gates: &Gates, seed: u64) -> RunResult {
    let Simulation { population, look, days, .. } = simulation;
    let chance = &mut Chance::new(seed);
    let look_millis = look.millis().max(60_000);
    #[expect(clippy::cast_precision_loss, reason = "a look is shorter than a year")]
    let part_of_day = look_millis as f64 / DAY_MILLIS;
    let mut now = START;
    let mut state = begin(gates, now, &Arms::default(), &Arms::default()).state;
    let (mut arms, mut days_alone) = (Arms::default(), Vec::new());
    let (mut treatment, mut control) = crowds(population, state.share);
    let mut result = RunResult::new(state.share);
    let last = START.saturating_add_millis(i64::from(*days).saturating_mul(86_400_000));
    while now < last {
        now = now.saturating_add_millis(look_millis);
        let adopted = adopted(population, now, state.entered);
        let reporting = population.reporting.value() * adopted;
        let (reports, first) = treatment.report(reporting, part_of_day, chance);
        let mut fresh = Arms::default();
        let harmed = draw(&mut fresh.treatment, reports, first, population, Side::Treatment, chance);
        let (others, first) = control.report(reporting, part_of_day, chance);
        draw(&mut fresh.control, others, first, population, Side::Control, chance);
        arms.merge(&fresh);
        add_to_day(&mut days_alone, Day::of(now), Day::of(state.entered), &fresh);
        result.saw(now, START, state.share, reports, harmed, population);
        let evidence = Evidence {
            arms: arms.clone(),
            days: days_alone.clone(),
            newest: (arms.treatment.n > 0).then(|| Day::of(now)),
            exposed: Some(state.share),
            published: true,
            ..Evidence::default()
        };
        let Ok(decision) = decide(gates, &state, Event::Tick, &evidence, now) else { break };
        let is_moved = decision.state.share != state.share;
        state = decision.state;
        let ending = match &state.phase {
            Phase::Completed => Some(Ending::Completed),
            Phase::Paused(reason) => Some(Ending::paused(reason)),
            Phase::RolledBack(_) => Some(Ending::RolledBack),
            _ => None,
        };
        if let Some(ending) = ending {
            return result.ended(ending, now, START, state.alarms.first().map(|alarm| alarm.gate.clone()));
        }
        if is_moved {
            (arms, days_alone) = (Arms::default(), Vec::new());
            (treatment, control) = crowds(population, state.share);
        }
    }
    result.ended(Ending::Unfinished, now, START, None)
}

/// Adds reports to those of their day, if that is looked at by itself.
fn add_to_day(days: &mut Vec<DayArms>, day: Day, began: Day, fresh: &Arms) {
    let Some(number) = DayArms::number_of(day, began) else { return };
    if days.last().is_none_or(|last| last.day != day) {
        if days.len() >= DayArms::LAST {
            days.remove(0);
        }
        days.push(DayArms { day, number, arms: Arms::default() });
    }
    if let Some(last) = days.last_mut() {
        last.arms.merge(fresh);
    }
}

#[expect(clippy::cast_precision_loss, reason = "there are fewer people than 2^53")]
fn crowds(population: &Population, share: Share) -> (Crowd, Crowd) {
    let users = population.users as f64;
    let exposed = users * f64::from(share.thousandths()) / f64::from(Share::EVERYONE.thousandths());
    (Crowd { machines: exposed, ..Crowd::default() }, Crowd { machines: users - exposed, ..Crowd::default() })
}

/// Returns the part of those exposed who have fetched the share.
#[expect(clippy::cast_precision_loss, reason = "steps are shorter than centuries")]
fn adopted(population: &Population, now: Timestamp, entered: Timestamp) -> f64 {
    let days = now.as_millis().saturating_sub(entered.as_millis()) as f64 / DAY_MILLIS;
    let after_a_day = population.adoption.value();
    if days < 1.0 { after_a_day * days.max(0.0) } else { (after_a_day + (1.0 - after_a_day) * (days - 1.0)).min(1.0) }
}

#[derive(Copy, Clone, PartialEq, Eq)]
enum Side {
    Treatment,
    Control,
}

/// Adds drawn reports to an arm. Returns how many had an error or a crash.
fn draw(cell: &mut Cell, reports: u64, first: u64, population: &Population, side: Side, chance: &mut Chance) -> u64 {
    let is_treated = side == Side::Treatment;
    let error = if is_treated { population.error } else { population.control_error };
    let dislike = if is_treated { population.negative } else { population.control_negative };
    let crashed = if is_treated { chance.binomial(reports, population.crash.value()) } else { 0 };
    let failed = chance.binomial(reports, error.value()).max(crashed);
    let slow = chance.binomial(reports, population.slow.value());
    let responses = chance.binomial(reports, population.responses.value());
    let negative = chance.binomial(responses, dislike.value());
    cell.n = cell.n.saturating_add(reports);
    cell.first_in_stage = cell.first_in_stage.saturating_add(first);
    cell.had_error = cell.had_error.saturating_add(failed);
    cell.crashed = cell.crashed.saturating_add(crashed);
    cell.fb_neg = cell.fb_neg.saturating_add(negative);
    cell.fb_pos = cell.fb_pos.saturating_add(responses.saturating_sub(negative));
    for (fractions, yes) in [(&mut cell.err_frac, failed), (&mut cell.slow_frac, slow)] {
        fractions.add(UNITS, yes);
        fractions.add(0, reports.saturating_sub(yes));
    }
    failed
}
