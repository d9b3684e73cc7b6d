//! A schedule played on people that do not exist: once with a flag that does no harm, once with one that does.

use super::action::SCHEDULES;
use super::effect::Effect;
use super::facts::Facts;
use crate::rollout::simulate::{Outcome, Population, RunResult, Simulation, run, summarise};
use crate::rollout::{Gates, Plan, Rate, Schedule, Span};

/// How many people there are.
pub(super) const USERS: u64 = 100_000;
/// How often each is played: enough to tell one in ten.
pub(super) const RUNS: u32 = 40;
/// After how many days a run ends at the latest.
const DAYS: u32 = 60;
/// What chance is drawn from: the same answer each time.
pub(super) const SEED: u64 = 1;
/// The share of reports with an error, in millionths: without the flag, and with one that does harm.
const ERRORS: u32 = 20_000;
const HARMFUL: u32 = 60_000;

/// What is played, and what came of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Simulator {
    /// The place of the schedule among those that can be played.
    at: usize,
    /// Whether an answer is waited for.
    pub(super) playing: bool,
    pub(super) played: Option<Played>,
}

/// What came of a schedule.
#[derive(Clone, Debug)]
pub(super) struct Played {
    pub(super) schedule: Schedule,
    /// With a flag that does no harm: an alarm is a false one.
    pub(super) healthy: Outcome,
    /// With a flag that does: an alarm is right.
    pub(super) harmful: Outcome,
}

impl Simulator {
    /// Returns the schedules that can be played: those of rollouts under way with a schedule of their own, and those with a name.
    pub(super) fn schedules(facts: &Facts) -> Vec<Schedule> {
        let mut all: Vec<Schedule> = SCHEDULES.iter().filter_map(|name| Schedule::named(name)).collect();
        for rollout in &facts.rollouts {
            if let Ok(own) = Schedule::of_steps(&rollout.schedule, rollout.steps.clone(), rollout.least)
                && !all.iter().any(|known| known.steps() == own.steps() && known.soak() == own.soak())
            {
                all.push(own);
            }
        }
        all
    }

    /// Returns the schedule that is played next.
    pub(super) fn chosen(&self, facts: &Facts) -> Option<Schedule> {
        let mut all = Self::schedules(facts);
        let at = self.at.checked_rem(all.len())?;
        Some(all.swap_remove(at))
    }

    pub(super) const fn turn(&mut self) {
        self.at = self.at.wrapping_add(1);
    }

    pub(super) fn play(&mut self, facts: &Facts) -> Vec<Effect> {
        if self.playing {
            return Vec::new();
        }
        let chosen = self.chosen(facts);
        self.playing = chosen.is_some();
        chosen.map(|schedule| Effect::Simulate { schedule }).into_iter().collect()
    }
}

/// Plays a schedule.
pub(super) fn play(schedule: Schedule) -> Played {
    let of = |errors: u32| {
        let population = Population {
            error: Rate::from_millionths(errors),
            control_error: Rate::from_millionths(ERRORS),
            ..Population::healthy(USERS)
        };
        let plan = Plan::of(schedule.clone());
        let simulation = Simulation { plan, population, look: Span::hours(6), days: DAYS };
        let gates = Gates::of(&simulation.plan);
        let seed = |number: u32| SEED.wrapping_mul(1_000_003).wrapping_add(number.into());
        let runs: Vec<RunResult> = (0..RUNS).map(|number| run(&simulation, &gates, seed(number))).collect();
        summarise(&runs, population.is_healthy(&simulation.plan))
    };
    let (healthy, harmful) = (of(ERRORS), of(HARMFUL));
    Played { schedule, healthy, harmful }
}
