//! Rollouts that move by themselves: started, moved, decided by their evidence.

pub(super) mod replay;
pub(super) mod signals;

use flag_core::wire::Kind;
use flag_core::{Context, FlagKey, Ruleset, Share, Timestamp};
use serde::Serialize;

use crate::app::changes::proposal::Proposal;
use crate::app::error::AppError;
use crate::app::evidence::Instruments;
use crate::app::flags::rollout::RolloutError;
use crate::app::ports::CellStoreError;
use crate::app::project::Project;
use crate::log::{Actor, Change, EnvironmentName, EnvironmentState, ExposureError, bare_snapshot, exposure_of};
use crate::rollout::{
    Decision, Effect, Event, Evidence, Gates, MoveError, Phase, Plan, PlanError, Reading, Record, RollbackCheck,
    Rollout, Source, SourceKind, State, begin, decide,
};

/// How many units are looked at to see that a rollback did something.
const CHECKED_UNITS: u32 = 1_000;
/// Evidence that changes nothing is recorded at most so often, so that other policies can be tried on it later.
const OBSERVED_EVERY_MILLIS: i64 = 6 * 3_600_000;

/// Why a rollout does not start or move.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RolloutsError {
    /// There is none.
    #[error("flag \"{flag}\" has no rollout that moves by itself")]
    None {
        /// The flag.
        flag: FlagKey,
    },
    /// There is one already.
    #[error("flag \"{flag}\" has a rollout already, which is {phase}")]
    UnderWay {
        /// The flag.
        flag: FlagKey,
        /// Its phase.
        phase: &'static str,
    },
    /// The first step would take the flag from people who have it.
    #[error("flag \"{flag}\" exposes {exposed} already, more than the first step's {first}")]
    AlreadyExposed {
        /// The flag.
        flag: FlagKey,
        /// What it exposes.
        exposed: Share,
        /// The first step's share.
        first: Share,
    },
    /// The flag is off, so that nobody would be exposed.
    #[error("flag \"{flag}\" is disabled")]
    Disabled {
        /// The flag.
        flag: FlagKey,
    },
    /// The flag is killed.
    #[error("flag \"{flag}\" is killed")]
    Killed {
        /// The flag.
        flag: FlagKey,
    },
    /// It cannot be moved so.
    #[error("flag \"{flag}\": {source}")]
    Move {
        /// The flag.
        flag: FlagKey,
        /// Why.
        #[source]
        source: MoveError,
    },
    /// The plan is none.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A source that the project's settings do not list, for which the rollout would wait for ever.
    #[error("source \"{metric}\": the project's settings list no {kind} as {from}")]
    UnlistedSource {
        /// What it measures.
        metric: Box<str>,
        /// What it should be.
        kind: &'static str,
        /// The name that the plan has, or that it is an address.
        from: String,
    },
    /// There is no such signal.
    #[error("signal {signal} does not exist, or is cleared")]
    UnknownSignal {
        /// Its number.
        signal: u64,
    },
    /// Reports cannot be read.
    #[error(transparent)]
    Cells(#[from] CellStoreError),
}

impl RolloutsError {
    pub(in crate::app) const fn code(&self) -> &'static str {
        match self {
            Self::None { .. } => "no_rollout",
            Self::UnderWay { .. } => "rollout_under_way",
            Self::AlreadyExposed { .. } => "already_exposed",
            Self::Disabled { .. } => "disabled",
            Self::Killed { .. } => "killed",
            Self::Move { source: MoveError::NotReady { .. }, .. } => "not_ready",
            Self::Move { .. } => "cannot_move",
            Self::Plan(_) => "bad_plan",
            Self::UnlistedSource { .. } => "unlisted_source",
            Self::UnknownSignal { .. } => "unknown_signal",
            Self::Cells(_) => "no_reports",
        }
    }

    pub(in crate::app) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::None { flag } => format!("start one: flag-admin rollout start {flag}"),
            Self::UnderWay { flag, .. } => format!("see flag-admin rollout status {flag}; end it with rollout abort"),
            Self::AlreadyExposed { flag, .. } => {
                format!("start with a schedule of larger shares, or first: flag-admin rollout set {flag} 0%")
            }
            Self::Disabled { flag } => format!("enable it first: flag-admin flag enable {flag}"),
            Self::Killed { flag } => format!("lift the kill first: flag-admin unkill {flag}"),
            Self::Move { flag, source } => match source {
                MoveError::NotReady { .. } => format!("see what is open: flag-admin rollout status {flag}"),
                MoveError::Stopped { .. } => format!("flag-admin rollout resume {flag} --reason \"...\""),
                MoveError::Signalled { id, .. } => format!("once it is dealt with: flag-admin signal clear {id}"),
                MoveError::Killed => format!("lift the kill first: flag-admin unkill {flag}"),
                MoveError::Over { .. } => format!("start another one: flag-admin rollout start {flag}"),
                _ => return None,
            },
            Self::Plan(PlanError::UnknownSchedule { .. }) => {
                "a schedule of one's own goes into a file: --plan FILE".to_owned()
            }
            Self::UnlistedSource { .. } => {
                "say in the plan: from = \"NAME\", and in flag-admin.toml of whoever asks it: [sources] NAME = \"http://...\" or \"postgres://...\"".to_owned()
            }
            Self::UnknownSignal { .. } => "see flag-admin signal list".to_owned(),
            Self::Plan(_) | Self::Cells(_) => return None,
        })
    }
}

/// How a rollout stands, with what its gates read now.
#[derive(Clone, Debug, Serialize)]
pub struct RolloutStatus {
    /// The flag.
    pub flag: FlagKey,
    /// How it goes.
    pub plan: Plan,
    /// Where it stood when that was last recorded.
    pub state: State,
    /// Who started it.
    pub by: Actor,
    /// When the last thing about it was recorded.
    pub recorded: Timestamp,
    /// What is known now.
    pub evidence: Evidence,
    /// What a tick would make of it now.
    pub next: Phase,
    /// What the gates read now.
    pub readings: Vec<Reading>,
}

/// What a tick came to for one rollout.
#[derive(Clone, Debug, Serialize)]
pub struct Ticked {
    /// The flag.
    pub flag: FlagKey,
    /// Where it stood.
    pub before: State,
    /// Where it stands.
    pub after: State,
    /// The rule that decided.
    pub rule: u8,
    /// The share that the flag exposes from now on, if that changed. It reaches nobody until it is published.
    pub exposes: Option<Share>,
    /// What has to be done, and who has to know.
    pub effects: Vec<Effect>,
    /// Whether the log has it now. What changes nothing is not recorded each time.
    pub recorded: bool,
    /// The request that the move waits in, where another member has to approve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<u64>,
    /// What a rollback came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<RollbackCheck>,
}

impl Ticked {
    /// Tells whether what was decided is a change of what clients get, which reaches nobody until it is published: another share, or the end
    /// of the control group.
    pub fn is_to_be_published(&self) -> bool {
        self.recorded && (self.exposes.is_some() || self.effects.contains(&Effect::ReleaseHoldout))
    }
}

impl Project {
    /// Works out what starting a rollout does. The targets of the flag's documentation become gates.
    pub fn propose_rollout_start(
        &self,
        environment: &EnvironmentName,
        flag: &str,
        plan: Plan,
        instruments: &Instruments<'_>,
    ) -> Result<Proposal, AppError> {
        let state = self.environment(environment)?;
        let (key, held) = self.flag(environment, flag)?;
        let wire = &held.definition.flag;
        if wire.kind == Kind::KillSwitch {
            return Err(RolloutError::KillSwitch { flag: key.clone() }.into());
        }
        if let Some(rollout) = state.rollouts.get(key).filter(|rollout| !is_over(&rollout.state.phase)) {
            let phase = rollout.state.phase.words().0;
            return Err(RolloutsError::UnderWay { flag: key.clone(), phase }.into());
        }
        if !wire.enabled {
            return Err(RolloutsError::Disabled { flag: key.clone() }.into());
        }
        if state.kill_of(key.as_str()).is_some() {
            return Err(RolloutsError::Killed { flag: key.clone() }.into());
        }
        let plan = plan.with_documented(&held.definition.documentation);
        plan.check().map_err(RolloutsError::from)?;
        if let Some(source) = plan.sources.iter().find(|source| !instruments.sources.is_listed(source)) {
            return Err(unlisted(source).into());
        }
        let exposed = |source: ExposureError| RolloutError::Exposure { flag: key.clone(), source };
        let exposed = exposure_of(wire, plan.rule.as_deref()).map_err(exposed)?;
        let first = plan.schedule.step(0).map_or(Share::NOBODY, |step| step.share);
        if exposed > first {
            return Err(RolloutsError::AlreadyExposed { flag: key.clone(), exposed, first }.into());
        }
        let (baseline, beyond) = self.baseline_of(environment, key, &plan, instruments)?;
        let now = self.now();
        let decision = begin(&Gates::of(&plan), now, &baseline, &beyond);
        // A group's members are held out by their group. What a rollout that was taken back held out goes on to this one.
        let holdout = plan.policy.holdout.share();
        let is_ours = state.rollouts.get(key).is_some_and(|rollout| rollout.holds_out);
        let is_free = wire.holdout == Share::NOBODY || is_ours;
        let holdout = (is_free && wire.group.is_none() && holdout != Share::NOBODY).then_some(holdout);
        let evidence = Evidence { beyond: beyond.without_histograms(), ..Evidence::default() };
        let record = Box::new(record(Event::Start, now, evidence, &decision));
        let change = Change::RolloutStarted { flag: key.clone(), plan: Box::new(plan), holdout, record };
        self.propose(environment, vec![change])
    }

    /// Works out what somebody's move of a rollout does.
    pub fn propose_rollout_move(
        &self,
        environment: &EnvironmentName,
        flag: &str,
        event: Event,
        instruments: &Instruments<'_>,
    ) -> Result<Proposal, AppError> {
        let (key, rollout) = self.rollout(environment, flag)?;
        let evidence = self.evidence_of(environment, key, rollout, event, instruments)?;
        let (gates, now) = (Gates::of(&rollout.plan), self.now());
        let decision = decide(&gates, &rollout.state, event, &evidence, now)
            .map_err(|source| RolloutsError::Move { flag: key.clone(), source })?;
        let change = self.checked(environment, change_of(key, rollout, event, now, evidence, &decision))?;
        self.propose(environment, vec![change])
    }

    /// Returns a flag's rollout.
    pub fn rollout(&self, environment: &EnvironmentName, flag: &str) -> Result<(&FlagKey, &Rollout), AppError> {
        let (key, _) = self.flag(environment, flag)?;
        let rollouts = &self.environment(environment)?.rollouts;
        let rollout = rollouts.get(key).ok_or_else(|| RolloutsError::None { flag: key.clone() })?;
        Ok((key, rollout))
    }

    /// Tells how a rollout stands.
    pub fn rollout_status(
        &self,
        environment: &EnvironmentName,
        flag: &str,
        instruments: &Instruments<'_>,
    ) -> Result<RolloutStatus, AppError> {
        let (key, rollout) = self.rollout(environment, flag)?;
        let evidence = self.evidence_of(environment, key, rollout, Event::Tick, instruments)?;
        let gates = Gates::of(&rollout.plan);
        let decision = decide(&gates, &rollout.state, Event::Tick, &evidence, self.now())
            .map_err(|source| RolloutsError::Move { flag: key.clone(), source })?;
        Ok(RolloutStatus {
            flag: key.clone(),
            plan: rollout.plan.clone(),
            state: rollout.state.clone(),
            by: rollout.by.clone(),
            recorded: rollout.recorded,
            next: decision.state.phase,
            readings: gates.all(&rollout.state, &evidence),
            evidence,
        })
    }

    /// Decides once what becomes of every rollout of an environment, and does it. Whatever moves is one change of the log, made under the
    /// name of whoever is at work, like any other; where another member has to approve it, that is asked for once.
    pub fn tick_rollouts(
        &mut self,
        environment: &EnvironmentName,
        instruments: &Instruments<'_>,
    ) -> Result<Vec<Ticked>, AppError> {
        let flags = self.moving_rollouts(environment)?;
        flags.iter().map(|flag| self.tick_rollout(environment, flag, instruments)).collect()
    }

    /// Decides what [`Project::tick_rollouts`] would decide now, and does nothing.
    pub fn foresee_rollouts(
        &self,
        environment: &EnvironmentName,
        instruments: &Instruments<'_>,
    ) -> Result<Vec<Ticked>, AppError> {
        let flags = self.moving_rollouts(environment)?;
        flags.iter().map(|flag| Ok(self.look_at_rollout(environment, flag, instruments)?.0)).collect()
    }

    /// Returns the flags whose rollouts are not over.
    fn moving_rollouts(&self, environment: &EnvironmentName) -> Result<Vec<FlagKey>, AppError> {
        let rollouts = &self.environment(environment)?.rollouts;
        let moving = rollouts.iter().filter(|(_, rollout)| !is_over(&rollout.state.phase));
        Ok(moving.map(|(flag, _)| flag.clone()).collect())
    }

    fn tick_rollout(
        &mut self,
        environment: &EnvironmentName,
        flag: &FlagKey,
        instruments: &Instruments<'_>,
    ) -> Result<Ticked, AppError> {
        let (mut ticked, change) = self.look_at_rollout(environment, flag, instruments)?;
        let Some(change) = change else { return Ok(ticked) };
        let proposal = self.propose(environment, vec![change])?;
        let committed = self.commit(&proposal, None)?;
        ticked.request = committed.request;
        ticked.recorded = committed.request.is_none();
        if committed.request.is_some() {
            ticked.after = ticked.before.clone();
            ticked.exposes = None;
            ticked.check = None;
        }
        Ok(ticked)
    }

    /// Decides what becomes of a rollout now. Returns it with the change that would make it so; none where nothing is to be written.
    fn look_at_rollout(
        &self,
        environment: &EnvironmentName,
        flag: &FlagKey,
        instruments: &Instruments<'_>,
    ) -> Result<(Ticked, Option<Change>), AppError> {
        let (_, rollout) = self.rollout(environment, flag.as_str())?;
        let evidence = self.evidence_of(environment, flag, rollout, Event::Tick, instruments)?;
        let now = self.now();
        let decision = decide(&Gates::of(&rollout.plan), &rollout.state, Event::Tick, &evidence, now)
            .map_err(|source| RolloutsError::Move { flag: flag.clone(), source })?;
        let mut ticked = Ticked {
            flag: flag.clone(),
            before: rollout.state.clone(),
            after: decision.state.clone(),
            rule: decision.rule,
            exposes: exposes(&decision),
            effects: decision.effects.clone(),
            recorded: false,
            request: None,
            check: None,
        };
        let is_news = decision.state.phase.words() != rollout.state.phase.words() || !decision.effects.is_empty();
        let is_seen = evidence.arms.reports() == rollout.seen
            || now.as_millis().saturating_sub(rollout.recorded.as_millis()) < OBSERVED_EVERY_MILLIS;
        if !is_news && is_seen {
            return Ok((ticked, None));
        }
        if let Some(request) = waiting(self.environment(environment)?, flag, ticked.exposes) {
            ticked.request = Some(request);
            ticked.after = ticked.before.clone();
            ticked.exposes = None;
            return Ok((ticked, None));
        }
        let change = self.checked(environment, change_of(flag, rollout, Event::Tick, now, evidence, &decision))?;
        if let Change::RolloutDecided { record, .. } = &change {
            ticked.check = record.check;
        }
        Ok((ticked, Some(change)))
    }

    /// Looks at units before and after a rollback, and writes down whether their value changes: a rollback that does nothing shows.
    fn checked(&self, environment: &EnvironmentName, mut change: Change) -> Result<Change, AppError> {
        let Change::RolloutDecided { flag, record, exposes: Some(_), .. } = &change else { return Ok(change) };
        if !matches!(record.state.phase, Phase::RolledBack(_)) {
            return Ok(change);
        }
        let before = self.ruleset(environment)?;
        let imagined = self.imagine(environment, std::slice::from_ref(&change), &mut Vec::new())?;
        let after = imagined.environment(environment).map_or_else(Ruleset::default, |state| {
            Ruleset::compile(&bare_snapshot(self.state.project(), environment, state))
        });
        let check = still_exposed(&before, &after, flag);
        if let Change::RolloutDecided { record, .. } = &mut change {
            record.check = Some(check);
        }
        Ok(change)
    }
}

fn unlisted(source: &Source) -> RolloutsError {
    let kind = match source.kind {
        SourceKind::Promql { .. } => "Prometheus server",
        SourceKind::Sql { .. } => "database",
    };
    // An address may hold a password.
    let from = source.kind.from();
    let from = if from.contains("://") { "that address".to_owned() } else { format!("{from:?}") };
    RolloutsError::UnlistedSource { metric: source.metric.clone(), kind, from }
}

/// Tells whether another rollout of the flag may begin.
const fn is_over(phase: &Phase) -> bool {
    matches!(phase, Phase::Completed | Phase::RolledBack(_))
}

fn exposes(decision: &Decision) -> Option<Share> {
    decision.effects.iter().find_map(|effect| match effect {
        Effect::Expose { share } => Some(*share),
        _ => None,
    })
}

fn record(event: Event, at: Timestamp, evidence: Evidence, decision: &Decision) -> Record {
    let Decision { state, rule, readings, .. } = decision;
    Record { event, at, evidence, rule: *rule, readings: readings.clone(), state: state.clone(), check: None }
}

fn change_of(
    flag: &FlagKey,
    rollout: &Rollout,
    event: Event,
    now: Timestamp,
    evidence: Evidence,
    decision: &Decision,
) -> Change {
    let releases = rollout.holds_out && decision.effects.contains(&Effect::ReleaseHoldout);
    Change::RolloutDecided {
        flag: flag.clone(),
        exposes: exposes(decision),
        holdout: releases.then_some(Share::NOBODY),
        record: Box::new(record(event, now, evidence, decision)),
    }
}

/// Returns the request in which the same move waits already.
fn waiting(state: &EnvironmentState, flag: &FlagKey, share: Option<Share>) -> Option<u64> {
    let is_it = |change: &Change| matches!(change, Change::RolloutDecided { flag: asked, exposes, .. } if asked == flag && *exposes == share);
    state.requests.iter().find(|(_, request)| request.changes.iter().any(is_it)).map(|(number, _)| *number)
}

fn still_exposed(before: &Ruleset, after: &Ruleset, flag: &FlagKey) -> RollbackCheck {
    let off = |ruleset: &Ruleset| ruleset.flag(flag.as_str()).map(|flag| flag.off_variant().to_owned());
    let is_exposed = |ruleset: &Ruleset, unit: &str| {
        let decision = ruleset.evaluate(flag.as_str(), &Context::new(unit));
        decision.variant().map(str::to_owned) != off(ruleset)
    };
    let units = (0..CHECKED_UNITS).map(|number| format!("rollback-check-{number}"));
    let exposed: Vec<String> = units.filter(|unit| is_exposed(before, unit)).collect();
    let still = exposed.iter().filter(|unit| is_exposed(after, unit)).count();
    RollbackCheck { were_exposed: exposed.len(), still_exposed: still }
}
