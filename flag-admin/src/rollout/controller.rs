use flag_client::Day;
use flag_core::{Share, Timestamp};
use serde::{Deserialize, Serialize};

use super::evidence::{Arms, Evidence, Fault, OpenSignal, Severity};
use super::gates::{GateName, Gates, Level, Reading, Standing};
use super::policy::{Inconclusive, RollbackBy};
use super::slow_limit::slow_limit;
use super::state::{Alarm, HoldReason, PauseReason, Phase, RollbackReason, State};

/// A clock that goes back by less is no fault: clocks are set.
const CLOCK_TOLERANCE_MILLIS: i64 = 5 * 60_000;

/// What happened to a rollout.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// It started.
    Start,
    /// Time went by.
    Tick,
    /// Somebody agrees to the next step, and wants it now if its gates are passed.
    Advance,
    /// Somebody wants the step before: those who came last lose the flag first.
    Back,
    /// Somebody stops it where it is.
    Pause,
    /// Somebody lets it go on.
    Resume,
    /// Somebody takes it back.
    Abort,
}

/// What has to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Effect {
    /// The flag exposes another share.
    Expose {
        /// Which.
        share: Share,
    },
    /// It has to be made sure that nobody is exposed any more.
    VerifyRollback,
    /// People have to know.
    Notify {
        /// What happened, in a word: the phase, and why.
        phase: &'static str,
        /// Why, in a word.
        why: &'static str,
    },
    /// The control group gets the flag, too.
    ReleaseHoldout,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Where the rollout stands from now on.
    pub state: State,
    /// What has to be done.
    pub effects: Vec<Effect>,
    /// The number of the rule that decided: 1 to 7 in the order in which they are tried, 0 for a person or for nothing to decide.
    pub rule: u8,
    /// What the gates read.
    pub readings: Vec<Reading>,
}

/// Why a rollout cannot be moved so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MoveError {
    /// It is over.
    #[error("the rollout is {phase}")]
    Over {
        /// Its phase.
        phase: &'static str,
    },
    /// It is not stopped.
    #[error("the rollout is {phase}, neither paused nor rolled back")]
    NotStopped {
        /// Its phase.
        phase: &'static str,
    },
    /// It is stopped.
    #[error("the rollout is {phase}: it goes on when somebody resumes it")]
    Stopped {
        /// Its phase.
        phase: &'static str,
    },
    /// What somebody signalled still stands.
    #[error("signal {id} ({severity}) stands")]
    Signalled {
        /// The signal.
        id: u64,
        /// How bad it is.
        severity: Severity,
    },
    /// The flag is killed.
    #[error("the flag is killed")]
    Killed,
    /// The gates of the step are not passed.
    #[error("step {step} has not passed its gates ({why}), and no gate is skipped")]
    NotReady {
        /// The step, from 1 on.
        step: usize,
        /// What it waits for, in a word.
        why: &'static str,
    },
}

/// Begins a rollout at its first step. `baseline` is what reports say of those who do not have the flag yet, and `beyond` the reports at
/// the first step's share that are there already.
pub fn begin(gates: &Gates, now: Timestamp, baseline: &Arms, beyond: &Arms) -> Decision {
    let plan = gates.plan();
    let share = plan.schedule.step(0).map_or(Share::NOBODY, |step| step.share);
    let state = State {
        phase: Phase::Ramping,
        step: 0,
        share,
        started: now,
        entered: now,
        exposed_at: now,
        since: Day::of(now),
        before: beyond.clone().without_histograms(),
        slow_above_micros: slow_limit(&plan.policy, &baseline.control),
        held_since: None,
        stopped_at: None,
        approved: false,
        decided: now,
        alarms: Vec::new(),
        resumed: 0,
    };
    Decision { state, effects: vec![Effect::Expose { share }], rule: 0, readings: Vec::new() }
}

/// Decides what becomes of a rollout. The same inputs give the same decision.
///
/// A tick tries these rules in order, and the first that applies decides:
/// 1. the flag is killed, or somebody signalled a P0: back to nobody;
/// 2. a limit for rollback is exceeded beyond doubt: back to nobody;
/// 3. evidence is missing, stale, contradictory, or of units that were not assigned as the share says: hold, and pause after a while;
/// 4. a limit for pausing is exceeded beyond doubt, or a P1 affects many, which it does without evidence, too: pause;
/// 5. the step is too young, or there are too few reports: hold;
/// 6. everything is shown to be within its limits: the next step, once it is due and agreed to;
/// 7. otherwise hold, and pause after a while.
///
/// Rules 1 and 2 apply to a paused rollout, too. One that was taken back, or is complete, stays so.
pub fn decide(
    gates: &Gates,
    state: &State,
    event: Event,
    evidence: &Evidence,
    now: Timestamp,
) -> Result<Decision, MoveError> {
    let turn = Turn { gates, state, evidence, now };
    let phase = state.phase.words().0;
    if matches!(state.phase, Phase::Completed) && event != Event::Tick {
        return Err(MoveError::Over { phase });
    }
    match event {
        Event::Tick => Ok(turn.tick(Haste::AsPlanned)),
        Event::Advance | Event::Pause if state.phase.is_stopped() => Err(MoveError::Stopped { phase }),
        Event::Advance => turn.advance(),
        Event::Pause => Ok(turn.paused(PauseReason::Person, 0, Vec::new())),
        Event::Start => Err(MoveError::Over { phase }),
        Event::Back | Event::Abort if matches!(state.phase, Phase::RolledBack(_)) => Err(MoveError::Over { phase }),
        Event::Abort => Ok(turn.rolled_back(RollbackReason::Person, 0, Vec::new())),
        Event::Back => Ok(turn.back()),
        Event::Resume => turn.resume(),
    }
}

/// Whether times that a schedule names count.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Haste {
    AsPlanned,
    AtOnce,
}

struct Turn<'t> {
    gates: &'t Gates,
    state: &'t State,
    evidence: &'t Evidence,
    now: Timestamp,
}

impl Turn<'_> {
    fn tick(&self, haste: Haste) -> Decision {
        if matches!(self.state.phase, Phase::RolledBack(_) | Phase::Completed) {
            return self.unchanged(0, Vec::new());
        }
        if self.evidence.killed {
            return self.rolled_back(RollbackReason::Killed, 1, Vec::new());
        }
        if let Some(signal) = self.evidence.signals.iter().find(|signal| signal.severity == Severity::P0) {
            return self.rolled_back(RollbackReason::Signal { id: signal.id }, 1, Vec::new());
        }
        let fresh = self.fresh_evidence();
        let mut readings = Vec::new();
        if let Ok(evidence) = &fresh {
            readings = self.gates.rollback(evidence);
            let gates = breached(&readings);
            if !gates.is_empty() {
                match (self.gates.plan().policy.rollback, &self.state.phase) {
                    (RollbackBy::Itself, _) => {
                        return self.rolled_back(RollbackReason::Breached { gates }, 2, readings);
                    }
                    (RollbackBy::Person, Phase::Paused(PauseReason::Breached { .. })) => {}
                    (RollbackBy::Person, _) => return self.paused(PauseReason::Breached { gates }, 2, readings),
                }
            }
        }
        if matches!(self.state.phase, Phase::Paused(_)) {
            return self.unchanged(0, readings);
        }
        if self.evidence.exposed != Some(self.state.share) {
            return self.paused(PauseReason::ChangedElsewhere { found: self.evidence.exposed }, 3, readings);
        }
        let useful = fresh.map_err(|fault| HoldReason::Fault { fault }).and_then(|evidence| {
            let missing = self.missing_reason(&evidence);
            missing.map_or(Ok(evidence), Err)
        });
        let evidence = match (useful, self.widespread_signal()) {
            (Ok(evidence), _) => evidence,
            // What a person saw needs no reports.
            (Err(_), Some(reason)) => return self.paused(reason, 4, readings),
            (Err(reason), None) => return self.missing(reason, readings),
        };
        readings.extend(self.gates.pause(&evidence));
        let gates = breached(&readings);
        if !gates.is_empty() {
            return self.paused(PauseReason::Breached { gates }, 4, readings);
        }
        if let Some(reason) = self.widespread_signal() {
            return self.paused(reason, 4, readings);
        }
        if let Some(reason) = self.too_young(&evidence) {
            return self.holding(reason, 5, readings);
        }
        self.judge_progress(&evidence, readings, haste)
    }

    /// Returns what to pause for if somebody signalled a bug that affects many.
    fn widespread_signal(&self) -> Option<PauseReason> {
        let most = self.gates.plan().policy.p1_affected;
        let is_widespread = |signal: &&OpenSignal| signal.affected.is_some_and(|affected| affected > most);
        let signal = self.evidence.signals.iter().find(is_widespread)?;
        Some(PauseReason::Signal { id: signal.id, severity: signal.severity })
    }

    /// Returns the evidence since the step began, or what makes it useless.
    fn fresh_evidence(&self) -> Result<Evidence, Fault> {
        let evidence = self.evidence;
        let of_source = |fault: &&Fault| matches!(fault, Fault::Source { .. });
        if let Some(fault) = evidence.faults.iter().find(|fault| !of_source(fault)) {
            return Err(fault.clone());
        }
        if self.now.as_millis().saturating_add(CLOCK_TOLERANCE_MILLIS) < self.state.decided.as_millis() {
            return Err(Fault::ClockWentBack { last: self.state.decided });
        }
        // A clock that runs fast may have passed midnight already.
        if let Some(newest) = evidence.newest.filter(|newest| newest.days_since(Day::of(self.now)) > 1) {
            return Err(Fault::FutureReports { newest });
        }
        let arms = evidence.arms.since(&self.state.before).ok_or(Fault::CountsWentBack)?;
        if !arms.is_sound() || !evidence.days.iter().all(|day| day.arms.is_sound()) {
            return Err(Fault::Contradiction);
        }
        Ok(Evidence { arms, ..evidence.clone() })
    }

    fn missing_reason(&self, evidence: &Evidence) -> Option<HoldReason> {
        if !evidence.published {
            return Some(HoldReason::NotPublished);
        }
        if let Some(fault) = evidence.faults.first() {
            return Some(HoldReason::Fault { fault: fault.clone() });
        }
        let newest = match evidence.newest {
            Some(newest) if evidence.arms.treatment.n > 0 => newest,
            _ => return Some(HoldReason::NoData),
        };
        if Day::of(self.now).days_since(newest) > i64::from(self.gates.plan().policy.stale_days) {
            return Some(HoldReason::Stale { newest });
        }
        self.gates.is_assignment_broken(self.state, evidence).then_some(HoldReason::Assignment)
    }

    fn too_young(&self, evidence: &Evidence) -> Option<HoldReason> {
        let plan = self.gates.plan();
        let until = self.state.entered.saturating_add_millis(plan.schedule.soak().millis());
        if self.now < until {
            return Some(HoldReason::Soaking { until });
        }
        let cell = &evidence.arms.treatment;
        // A machine says once that a report is its first at a step, and says it before a resumption as well as after.
        let machines = self.evidence.arms.treatment.first_in_stage.max(self.evidence.busiest_day);
        let policy = &plan.policy;
        (cell.n < policy.min_reports || machines < policy.min_machines).then_some(HoldReason::TooFew {
            reports: cell.n,
            needed: policy.min_reports,
            machines,
            machines_needed: policy.min_machines,
        })
    }

    fn judge_progress(&self, evidence: &Evidence, mut readings: Vec<Reading>, haste: Haste) -> Decision {
        let plan = self.gates.plan();
        let shown = self.gates.proceed(evidence);
        let open: Vec<GateName> = shown
            .iter()
            .filter(|reading| reading.standing != Standing::Shown)
            .map(|reading| reading.gate.clone())
            .collect();
        let needs = shown.iter().filter_map(|reading| reading.needs).max();
        readings.extend(shown);
        if !open.is_empty() {
            let limit = self.state.entered.saturating_add_millis(plan.policy.max_soak.millis());
            return match plan.policy.on_inconclusive {
                _ if self.now < limit => self.holding(HoldReason::Undecided { gates: open, needs }, 7, readings),
                Inconclusive::Pause => self.paused(PauseReason::Inconclusive { gates: open }, 7, readings),
                Inconclusive::Proceed => self.next(7, readings, haste),
            };
        }
        self.next(6, readings, haste)
    }

    /// Goes to the next step, once it is due and agreed to: never more than one at a time, however long nobody looked.
    fn next(&self, rule: u8, readings: Vec<Reading>, haste: Haste) -> Decision {
        let (plan, state) = (self.gates.plan(), self.state);
        if plan.schedule.is_last(state.step) {
            let state = State { phase: Phase::Completed, held_since: None, decided: self.now, ..state.clone() };
            let effects = vec![Effect::ReleaseHoldout, notice(&state.phase)];
            return Decision { state, effects, rule, readings };
        }
        let place = state.step.saturating_add(1);
        let Some(step) = plan.schedule.step(place) else { return self.unchanged(rule, readings) };
        let asks = step.approval || plan.policy.ask_from.is_some_and(|from| step.share >= from.share());
        if asks && !state.approved {
            return self.holding(HoldReason::NeedsApproval, rule, readings);
        }
        if haste == Haste::AsPlanned {
            let at = plan.schedule.earliest(place, state.started);
            if self.now < at {
                return self.holding(HoldReason::NotDue { at }, rule, readings);
            }
            let until = plan.schedule.next_window(self.now);
            if self.now < until {
                return self.holding(HoldReason::OutsideWindow { until }, rule, readings);
            }
        }
        let mut next = self.entering(place, step.share, Phase::Ramping);
        let frozen = slow_limit(&plan.policy, &self.evidence.arms.control);
        next.slow_above_micros = frozen.or(state.slow_above_micros);
        Decision { state: next, effects: vec![Effect::Expose { share: step.share }], rule, readings }
    }

    fn advance(&self) -> Result<Decision, MoveError> {
        let agreed = State { approved: true, ..self.state.clone() };
        let turn = Turn { state: &agreed, ..*self };
        let decision = turn.tick(Haste::AtOnce);
        let is_moved = decision.state.step != self.state.step || !matches!(decision.state.phase, Phase::Holding(_));
        let plan = self.gates.plan();
        let place = self.state.step.saturating_add(1);
        let asks = plan
            .schedule
            .step(place)
            .is_some_and(|step| step.approval || plan.policy.ask_from.is_some_and(|from| step.share >= from.share()));
        // An agreement is kept for when the gates are passed.
        if is_moved || (asks && !self.state.approved && !plan.schedule.is_last(self.state.step)) {
            return Ok(decision);
        }
        let step = self.state.step.saturating_add(1);
        Err(MoveError::NotReady { step, why: decision.state.phase.words().1 })
    }

    fn back(&self) -> Decision {
        let Some(place) = self.state.step.checked_sub(1) else {
            return self.rolled_back(RollbackReason::Person, 0, Vec::new());
        };
        let share = self.gates.plan().schedule.step(place).map_or(Share::NOBODY, |step| step.share);
        let phase = Phase::Paused(PauseReason::Person);
        let state = State { stopped_at: Some(self.now), ..self.entering(place, share, phase) };
        let effects = vec![Effect::Expose { share }, notice(&state.phase)];
        Decision { state, effects, rule: 0, readings: Vec::new() }
    }

    fn resume(&self) -> Result<Decision, MoveError> {
        let state = self.state;
        let policy = &self.gates.plan().policy;
        if !state.phase.is_stopped() {
            return Err(MoveError::NotStopped { phase: state.phase.words().0 });
        }
        if self.evidence.killed {
            return Err(MoveError::Killed);
        }
        let stands = |severity, affected: Option<_>| {
            severity == Severity::P0 || affected.is_some_and(|affected| affected > policy.p1_affected)
        };
        if let Some(signal) = self.evidence.signals.iter().find(|signal| stands(signal.severity, signal.affected)) {
            return Err(MoveError::Signalled { id: signal.id, severity: signal.severity });
        }
        let paused_for =
            state.stopped_at.map_or(0, |since| self.now.as_millis().saturating_sub(since.as_millis()).max(0));
        let share = self.gates.plan().schedule.step(state.step).map_or(Share::NOBODY, |step| step.share);
        let moves = self.evidence.exposed != Some(share) || state.share != share;
        let mut next = if moves {
            self.entering(state.step, share, Phase::Ramping)
        } else {
            State { phase: Phase::Ramping, stopped_at: None, held_since: None, decided: self.now, ..state.clone() }
        };
        next.started = state.started.saturating_add_millis(paused_for);
        next.resumed = state.resumed.saturating_add(1);
        if !moves {
            if matches!(state.phase, Phase::Paused(PauseReason::Person)) {
                next.entered = state.entered.saturating_add_millis(paused_for);
            } else {
                // What raised the alarm is not counted twice: the tests begin anew.
                next.entered = self.now;
                next.before = self.evidence.arms.clone().without_histograms();
            }
        }
        let effects = if moves { vec![Effect::Expose { share }] } else { Vec::new() };
        Ok(Decision { state: next, effects, rule: 0, readings: Vec::new() })
    }

    /// Returns the state of a step that begins now.
    fn entering(&self, step: usize, share: Share, phase: Phase) -> State {
        State {
            phase,
            step,
            share,
            entered: self.now,
            exposed_at: self.now,
            since: Day::of(self.now),
            before: self.evidence.beyond.clone().without_histograms(),
            held_since: None,
            stopped_at: None,
            approved: false,
            decided: self.now,
            ..self.state.clone()
        }
    }

    /// Holds for want of evidence, and pauses if that lasts.
    fn missing(&self, reason: HoldReason, readings: Vec<Reading>) -> Decision {
        let since = self.state.held_since.unwrap_or(self.now);
        // A clock that went back tells nothing of how long it was.
        let lasted = self.now.as_millis().saturating_sub(since.as_millis());
        if lasted >= self.gates.plan().policy.max_hold.millis() {
            return self.paused(PauseReason::NoEvidence { held: Box::new(reason) }, 3, readings);
        }
        let mut decision = self.holding(reason, 3, readings);
        decision.state.held_since = Some(since);
        let is_news = decision.state.phase.words() != self.state.phase.words();
        if is_news && decision.state.phase.is_alarming() {
            decision.effects.push(notice(&decision.state.phase));
        }
        decision
    }

    fn holding(&self, reason: HoldReason, rule: u8, readings: Vec<Reading>) -> Decision {
        let decided = self.now.max(self.state.decided);
        let state = State { phase: Phase::Holding(reason), held_since: None, decided, ..self.state.clone() };
        Decision { state, effects: Vec::new(), rule, readings }
    }

    fn paused(&self, reason: PauseReason, rule: u8, readings: Vec<Reading>) -> Decision {
        let phase = Phase::Paused(reason);
        let effects = vec![notice(&phase)];
        let state = State { phase, stopped_at: Some(self.now), ..self.latched(&readings) };
        Decision { state, effects, rule, readings }
    }

    fn rolled_back(&self, reason: RollbackReason, rule: u8, readings: Vec<Reading>) -> Decision {
        let phase = Phase::RolledBack(reason);
        let share = Share::NOBODY;
        let effects = vec![Effect::Expose { share }, Effect::VerifyRollback, notice(&phase)];
        let stopped_at = self.state.stopped_at.or(Some(self.now));
        let state = State { phase, share, stopped_at, exposed_at: self.now, ..self.latched(&readings) };
        Decision { state, effects, rule, readings }
    }

    /// Returns the state with the alarms that were raised.
    fn latched(&self, readings: &[Reading]) -> State {
        let decided = self.now.max(self.state.decided);
        let mut state = State { held_since: None, decided, ..self.state.clone() };
        let raised = readings.iter().filter(|reading| reading.standing == Standing::Breached);
        state.alarms.extend(raised.map(|reading| Alarm {
            gate: reading.gate.clone(),
            level: reading.level,
            step: self.state.step,
            at: self.now,
        }));
        state
    }

    fn unchanged(&self, rule: u8, readings: Vec<Reading>) -> Decision {
        Decision { state: self.state.clone(), effects: Vec::new(), rule, readings }
    }
}

fn breached(readings: &[Reading]) -> Vec<GateName> {
    let is_alarm = |reading: &&Reading| reading.standing == Standing::Breached && reading.level != Level::Proceed;
    let mut gates: Vec<GateName> = readings.iter().filter(is_alarm).map(|reading| reading.gate.clone()).collect();
    gates.dedup();
    gates
}

const fn notice(phase: &Phase) -> Effect {
    let (phase, why) = phase.words();
    Effect::Notify { phase, why }
}
