//! The tests that a rollout has to pass at each of its steps.
//!
//! All are valid at every look (Ville's inequality): bets on single reports for limits of their own, and a beta-binomial mixture for the
//! comparison with the control group, conditional on the sum of both, which cancels what happens to everyone. A gate that can not tell
//! says so; it never passes for want of data.

mod bet_table;
mod compared;
mod reading;

pub use self::reading::{GateName, Level, Reading, Standing};

use self::bet_table::BetTable;
use super::evidence::{Arms, DayArms, Evidence, SourceReading, SourceValue};
use super::plan::Plan;
use super::quantities::Rate;
use super::state::State;
use crate::cells::{Cell, Fractions, UNITS};

/// The gates of one plan, ready to read evidence.
#[derive(Clone, Debug)]
pub struct Gates {
    plan: Plan,
    error: Tests,
    crash: Tests,
    crash_certificate: BetTable,
    negative: Tests,
    slow: BetTable,
    metrics: Vec<BetTable>,
}

/// The bets against the limits of one rate.
#[derive(Clone, Debug)]
struct Tests {
    pause: BetTable,
    rollback: BetTable,
    certificate: BetTable,
}

impl Gates {
    /// Prepares the gates of a plan.
    pub fn of(plan: &Plan) -> Self {
        let policy = &plan.policy;
        let tests = |limits: super::policy::Limits| Tests {
            pause: BetTable::above(limits.pause, policy.alpha),
            rollback: BetTable::above(limits.rollback, policy.alpha),
            certificate: BetTable::below(limits.pause, policy.certificate_alpha),
        };
        let metric = |limit: Option<Rate>| limit.map(|limit| BetTable::above(limit, policy.alpha));
        Self {
            plan: plan.clone(),
            error: tests(policy.error),
            crash: tests(policy.crash),
            crash_certificate: BetTable::below(policy.crash_certified, policy.certificate_alpha),
            negative: tests(policy.negative),
            slow: BetTable::above(policy.slow, policy.alpha),
            metrics: plan.metrics.iter().filter_map(|gate| metric(gate.limit)).collect(),
        }
    }

    /// Returns the plan whose gates they are.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Reads the gates whose breach takes a rollout back.
    pub fn rollback(&self, evidence: &Evidence) -> Vec<Reading> {
        let mut readings = self.grave(&evidence.arms, 0.0);
        for source in &evidence.sources {
            readings.extend(source.rollback.map(|limit| self.source(source, limit, Level::Rollback)));
        }
        readings.extend(of_days(evidence, |arms, margin| self.grave(arms, margin)));
        readings
    }

    /// Reads the gates whose breach pauses a rollout.
    pub fn pause(&self, evidence: &Evidence) -> Vec<Reading> {
        let mut readings = self.notable(&evidence.arms, 0.0);
        readings.extend(evidence.sources.iter().map(|source| self.source(source, source.limit, Level::Pause)));
        readings.extend(of_days(evidence, |arms, margin| self.notable(arms, margin)));
        readings
    }

    fn grave(&self, arms: &Arms, margin: f64) -> Vec<Reading> {
        let cell = &arms.treatment;
        let mut readings = vec![
            self.error.rollback.alarm(GateName::Error, Level::Rollback, &cell.err_frac, margin),
            self.crash.rollback.alarm(GateName::Crash, Level::Rollback, &crashes(cell), margin),
        ];
        readings.extend(self.negative_alarm(&self.negative.rollback, Level::Rollback, cell, margin));
        readings
    }

    fn notable(&self, arms: &Arms, margin: f64) -> Vec<Reading> {
        let Arms { treatment, control } = arms;
        let mut readings = vec![
            self.error.pause.alarm(GateName::Error, Level::Pause, &treatment.err_frac, margin),
            self.crash.pause.alarm(GateName::Crash, Level::Pause, &crashes(treatment), margin),
        ];
        readings.extend(self.negative_alarm(&self.negative.pause, Level::Pause, treatment, margin));
        readings.extend(self.latency(treatment, control, margin));
        readings.extend(compared::error_ratio(&self.plan.policy, treatment, control, margin));
        readings.extend(compared::feedback_ratio(&self.plan.policy, treatment, control, margin));
        let limits = self.plan.metrics.iter().filter(|gate| gate.limit.is_some());
        for (gate, table) in limits.zip(&self.metrics) {
            let name = GateName::Metric(gate.metric.clone());
            if let Some(unwanted) = unwanted(treatment, &gate.metric, gate.target.comparison().wants_high()) {
                readings.push(table.alarm(name, Level::Pause, &unwanted, margin));
            }
        }
        readings
    }

    /// Reads what has to be shown before a rollout goes on: rates that are certified, and everything else within its limits as far as it
    /// was measured.
    pub fn proceed(&self, evidence: &Evidence) -> Vec<Reading> {
        let cell = &evidence.arms.treatment;
        let policy = &self.plan.policy;
        let mut readings = vec![
            self.error.certificate.certificate(GateName::Error, &cell.err_frac, policy.error.pause),
            self.crash_certificate.certificate(GateName::Crash, &crashes(cell), policy.crash.pause),
        ];
        if responses(cell) >= policy.min_responses {
            readings.push(within(GateName::Satisfaction, &feedback(cell), policy.negative.pause));
        }
        if !cell.slow_frac.is_empty() || policy.slow_above_millis.is_some() {
            readings.push(within(GateName::Latency, &cell.slow_frac, policy.slow));
        }
        for gate in &self.plan.metrics {
            let name = GateName::Metric(gate.metric.clone());
            let measured = unwanted(cell, &gate.metric, gate.target.comparison().wants_high()).unwrap_or_default();
            readings.push(match gate.limit {
                Some(limit) => within(name, &measured, limit),
                None => Reading::unmeasured(name, Level::Proceed),
            });
        }
        readings.extend(evidence.sources.iter().map(|source| self.source(source, source.limit, Level::Proceed)));
        readings
    }

    /// Reads every gate, for somebody to look at.
    pub fn all(&self, state: &State, evidence: &Evidence) -> Vec<Reading> {
        let arms = evidence.arms.since(&state.before).unwrap_or_default();
        let evidence = Evidence { arms, ..evidence.clone() };
        let mut readings = self.rollback(&evidence);
        readings.extend(self.pause(&evidence));
        readings.extend(self.proceed(&evidence));
        readings
    }

    /// Tells whether units were assigned otherwise than the share says, by a test that may be made at every look.
    pub fn is_assignment_broken(&self, state: &State, evidence: &Evidence) -> bool {
        compared::is_assignment_broken(&self.plan.policy, state.share, &evidence.arms)
    }

    fn negative_alarm(&self, table: &BetTable, level: Level, cell: &Cell, margin: f64) -> Option<Reading> {
        let is_enough = responses(cell) >= self.plan.policy.min_responses;
        is_enough.then(|| table.alarm(GateName::Satisfaction, level, &feedback(cell), margin))
    }

    /// A use is slow above the limit of time that its host measures against. Where the limit is no target of its own, treatment has to be
    /// slow more often than control, too: otherwise everything got slower.
    fn latency(&self, treatment: &Cell, control: &Cell, margin: f64) -> Option<Reading> {
        if treatment.slow_frac.is_empty() {
            return None;
        }
        let mut reading = self.slow.alarm(GateName::Latency, Level::Pause, &treatment.slow_frac, margin);
        let policy = &self.plan.policy;
        if reading.standing == Standing::Breached
            && policy.slow_above_millis.is_none()
            && !compared::is_slow_more_often(policy, treatment, control)
        {
            reading.standing = Standing::Clear;
        }
        Some(reading)
    }

    fn source(&self, source: &SourceReading, limit: Rate, level: Level) -> Reading {
        let name = GateName::Source(source.metric.clone());
        match source.value {
            SourceValue::Counts { bad, of } if bad <= of && of > 0 => {
                let counts = yes_no(bad, of);
                match level {
                    Level::Proceed => within(name, &counts, limit),
                    level => BetTable::above(limit, self.plan.policy.alpha).alarm(name, level, &counts, 0.0),
                }
            }
            SourceValue::Ratio { value } if value.is_finite() => Reading::threshold(name, level, value, limit),
            _ => Reading::unmeasured(name, level),
        }
    }
}

/// Returns the alarms that single days of a long step raise, which the sum of the step may dilute.
fn of_days(evidence: &Evidence, read: impl Fn(&Arms, f64) -> Vec<Reading>) -> Vec<Reading> {
    let of_day = |day: &DayArms| {
        let raised = read(&day.arms, day.margin()).into_iter().filter(|reading| reading.standing == Standing::Breached);
        raised.map(|reading| Reading { day: Some(day.day), ..reading }).collect::<Vec<_>>()
    };
    evidence.days.iter().flat_map(of_day).collect()
}

/// Tells whether a number can be the rate of a test.
fn within_unit(number: f64) -> bool {
    number > 0.0 && number < 1.0
}

fn crashes(cell: &Cell) -> Fractions {
    yes_no(cell.crashed, cell.n)
}

fn feedback(cell: &Cell) -> Fractions {
    yes_no(cell.fb_neg, responses(cell))
}

const fn responses(cell: &Cell) -> u64 {
    cell.fb_pos.saturating_add(cell.fb_neg)
}

fn yes_no(yes: u64, of: u64) -> Fractions {
    let mut counts = Fractions::default();
    counts.add(UNITS, yes.min(of));
    counts.add(0, of.saturating_sub(yes));
    counts
}

/// Returns the fractions of a metric that its target does not want.
fn unwanted(cell: &Cell, metric: &str, wants_high: bool) -> Option<Fractions> {
    let measured = cell.metrics.get(metric)?;
    if !wants_high {
        return Some(*measured);
    }
    let mut unwanted = Fractions::default();
    measured.pairs().for_each(|(sixteenths, reports)| unwanted.add(UNITS.saturating_sub(sixteenths), reports));
    Some(unwanted)
}

/// Tells whether the mean of what was measured keeps a limit. It is no proof: what would prove the opposite are the alarms.
fn within(gate: GateName, measured: &Fractions, limit: Rate) -> Reading {
    let mean = measured.mean();
    let standing = match mean {
        None => Standing::Unmeasured,
        Some(mean) if mean <= limit.value() => Standing::Shown,
        Some(_) => Standing::Open,
    };
    Reading {
        gate,
        level: Level::Proceed,
        n: measured.reports(),
        mean,
        log_e: None,
        limit,
        alpha: None,
        needs: None,
        day: None,
        standing,
    }
}
