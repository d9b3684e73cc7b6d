use flag_core::{FlagKey, Timestamp};
use serde::Serialize;

use crate::app::error::AppError;
use crate::app::project::{OpenError, Project};
use crate::log::{Chain, Change, Digest, Entry, EnvironmentName, Head, Stored};
use crate::rollout::{Arms, Event, Gates, Plan, Policy, Record, State, begin, decide};

/// A rollout, decided again.
#[derive(Clone, Debug, Serialize)]
pub struct Replayed {
    /// The flag.
    pub flag: FlagKey,
    /// The schedule it goes by.
    pub schedule: Box<str>,
    /// Its decisions in order.
    pub steps: Vec<Step>,
    /// How many of them came out otherwise than the log says. None should.
    pub differing: usize,
}

/// One decision, made again from what it was made of.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The place of its entry in the log.
    pub seq: u64,
    /// When it was made.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// The rule that decided.
    pub rule: u8,
    /// The hash of the evidence.
    pub evidence: Digest,
    /// The reports that it was made of, of those exposed.
    pub reports: u64,
    /// What the log says became of the rollout.
    pub state: State,
    /// Whether deciding again gave the same, to the last bit.
    pub agrees: bool,
    /// What another policy would have made of the same evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what_if: Option<WhatIf>,
}

/// What another policy would have decided.
#[derive(Clone, Debug, Serialize)]
pub struct WhatIf {
    /// The rule that would have decided.
    pub rule: u8,
    /// The phase, and why, in a word each.
    pub phase: (&'static str, &'static str),
    /// Whether that is something else than what was decided.
    pub differs: bool,
}

impl Project {
    /// Makes every decision of a flag's last rollout again from the evidence that the log has, and compares to the last bit. With another
    /// policy, tells what that would have decided each time, had the rollout come as far as it did.
    pub fn replay_rollout(
        &self,
        environment: &EnvironmentName,
        flag: &str,
        policy: Option<&Policy>,
    ) -> Result<Replayed, AppError> {
        let (key, rollout) = self.rollout(environment, flag)?;
        let mut records: Vec<(u64, Record, Option<Plan>)> = Vec::new();
        let mut chain: Option<Chain> = None;
        let mut read = |stored: Stored| {
            let seq = stored.seq;
            // The entries before were proved when the project was opened.
            let before = || serde_json::from_slice::<Entry>(&stored.bytes).map_or(Digest::GENESIS, |entry| entry.prev);
            let chain = chain
                .get_or_insert_with(|| Chain::after(Head { seq: rollout.began.saturating_sub(1), hash: before() }));
            let entry = chain.follow(&stored)?;
            if entry.environment.as_ref() != Some(environment) {
                return Ok(());
            }
            match entry.change {
                Change::RolloutStarted { flag, plan, record, .. } if flag == *key => {
                    records.push((seq, *record, Some(*plan)));
                }
                Change::RolloutDecided { flag, record, .. } if flag == *key => records.push((seq, *record, None)),
                _ => {}
            }
            Ok(())
        };
        self.ports.log.read(rollout.began.saturating_sub(1), &mut read).map_err(OpenError::from)?;
        let mut plan = rollout.plan.clone();
        let mut state: Option<State> = None;
        let mut steps = Vec::with_capacity(records.len());
        for (seq, record, started) in records {
            if let Some(started) = started {
                plan = started;
                state = None;
            }
            let gates = Gates::of(&plan);
            let agrees = match &state {
                None => began_alike(&gates, &record),
                Some(state) => decide(&gates, state, record.event, &record.evidence, record.at).is_ok_and(|again| {
                    let same =
                        Record { state: again.state, rule: again.rule, readings: again.readings, ..record.clone() };
                    written(&same) == written(&record)
                }),
            };
            let what_if = policy.zip(state.as_ref()).and_then(|(policy, state)| what_if(&plan, policy, state, &record));
            steps.push(Step {
                seq,
                at: record.at,
                event: record.event,
                rule: record.rule,
                evidence: Digest::of(&serde_json::to_vec(&record.evidence).map_err(AppError::Seal)?),
                reports: record.evidence.arms.treatment.n,
                state: record.state.clone(),
                agrees,
                what_if,
            });
            state = Some(record.state);
        }
        let differing = steps.iter().filter(|step| !step.agrees).count();
        Ok(Replayed { flag: key.clone(), schedule: plan.schedule.name().into(), steps, differing })
    }
}

fn written(record: &Record) -> Option<Vec<u8>> {
    serde_json::to_vec(record).ok()
}

/// A start depends on a baseline that only its limit of time is made of, and that is in its state.
fn began_alike(gates: &Gates, record: &Record) -> bool {
    let mut again = begin(gates, record.at, &Arms::default(), &record.evidence.beyond).state;
    again.slow_above_micros = record.state.slow_above_micros;
    again == record.state
}

fn what_if(plan: &Plan, policy: &Policy, state: &State, record: &Record) -> Option<WhatIf> {
    let other = Plan { policy: policy.clone(), ..plan.clone() };
    let decision = decide(&Gates::of(&other), state, record.event, &record.evidence, record.at).ok()?;
    let phase = decision.state.phase.words();
    let differs = phase != record.state.phase.words() || decision.state.share != record.state.share;
    Some(WhatIf { rule: decision.rule, phase, differs })
}
