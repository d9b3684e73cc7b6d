use flag_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::controller::Event;
use super::evidence::Evidence;
use super::gates::Reading;
use super::plan::Plan;
use super::state::State;
use crate::log::Actor;

/// A rollout as the log has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rollout {
    /// How it goes.
    pub plan: Plan,
    /// Where it stands.
    pub state: State,
    /// Who started it.
    pub by: Actor,
    /// The place of the entry that started it.
    pub began: u64,
    /// Whether the flag's holdout is the rollout's, and goes with it.
    pub holds_out: bool,
    /// How many reports the last record was made of.
    pub seen: u64,
    /// When the last thing about it was recorded.
    pub recorded: Timestamp,
}

/// One decision with all it was made of, so that anybody can make it again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What happened.
    pub event: Event,
    /// When it was decided.
    pub at: Timestamp,
    /// What was known.
    pub evidence: Evidence,
    /// The number of the rule that decided, in the order in which rules are tried.
    pub rule: u8,
    /// What the gates read.
    pub readings: Vec<Reading>,
    /// Where the rollout stands from then on.
    pub state: State,
}
