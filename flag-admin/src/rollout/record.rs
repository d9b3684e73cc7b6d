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
    /// What looking at units after the last rollback found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<RollbackCheck>,
}

/// What looking at units after a rollback found. Units are the same each time, and nobody's.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollbackCheck {
    /// Units that were exposed before.
    pub were_exposed: usize,
    /// Those of them that are still.
    pub still_exposed: usize,
}

impl RollbackCheck {
    /// Tells whether the rollback left somebody exposed: something else than the rollout serves the flag, a rule perhaps.
    pub const fn has_failed(self) -> bool {
        self.still_exposed > 0
    }
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
    /// Of a rollback, what looking at units found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<RollbackCheck>,
}
