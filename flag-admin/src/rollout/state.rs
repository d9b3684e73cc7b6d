use flag_client::Day;
use flag_core::{Share, Timestamp};
use serde::{Deserialize, Serialize};

use super::evidence::{Arms, Fault, Severity};
use super::gates::{GateName, Level};

/// Where a rollout stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// What it does.
    pub phase: Phase,
    /// The place of its step, from 0 on.
    pub step: usize,
    /// The share that it exposes. Under a rollback that is nobody, whatever the step.
    pub share: Share,
    /// When it started, later by what it was paused.
    pub started: Timestamp,
    /// When the step began, later by what it was paused.
    pub entered: Timestamp,
    /// When the share of the step was set: what clients fetched before is of another share.
    pub exposed_at: Timestamp,
    /// The first day whose reports count.
    pub since: Day,
    /// The reports of that share that came before, which do not.
    #[serde(default, skip_serializing_if = "Arms::is_empty")]
    pub before: Arms,
    /// The time above which a use would be slow, in microseconds: half above the control group's 95th percentile as the step began, or the
    /// documented target. None where too little was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_above_micros: Option<u64>,
    /// Since when evidence is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<Timestamp>,
    /// Since when it is paused, or taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<Timestamp>,
    /// Whether somebody agreed to the next step.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approved: bool,
    /// When the last decision was made.
    pub decided: Timestamp,
    /// Alarms, oldest first. One that was raised is never taken away, however good the numbers get.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<Alarm>,
    /// How often somebody resumed it. Each time costs the chance of false alarms anew.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub resumed: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A gate that was breached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// The gate.
    pub gate: GateName,
    /// What it demanded.
    pub level: Level,
    /// At which step.
    pub step: usize,
    /// When.
    pub at: Timestamp,
}

/// What a rollout does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "phase", content = "because", rename_all = "snake_case")]
pub enum Phase {
    /// It just entered its step.
    Ramping,
    /// It stays where it is, until something is known or due.
    Holding(HoldReason),
    /// It stays where it is until somebody resumes it.
    Paused(PauseReason),
    /// Nobody is exposed any more, until somebody resumes it.
    RolledBack(RollbackReason),
    /// It is over, and everyone has it.
    Completed,
}

/// Why a rollout is held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
#[non_exhaustive]
pub enum HoldReason {
    /// Clients cannot fetch the share yet.
    NotPublished,
    /// Nobody has reported at this step.
    NoData,
    /// The last report is too old.
    Stale {
        /// The last day that a report is about.
        newest: Day,
    },
    /// Units were not assigned as the share says.
    Assignment,
    /// The evidence makes no sense, or could not be had.
    Fault {
        /// What is wrong.
        fault: Fault,
    },
    /// The step has to last longer.
    Soaking {
        /// Until when.
        until: Timestamp,
    },
    /// Too few reports, or of too few machines.
    TooFew {
        /// How many reports there are.
        reports: u64,
        /// How many are needed.
        needed: u64,
        /// How many machines there are.
        machines: u64,
        /// How many are needed.
        machines_needed: u64,
    },
    /// The gates cannot tell yet.
    Undecided {
        /// The gates that are open.
        gates: Vec<GateName>,
        /// About how many more reports it takes, where that can be told.
        needs: Option<u64>,
    },
    /// The next step is not due.
    NotDue {
        /// When it is.
        at: Timestamp,
    },
    /// Nothing moves forward at this hour.
    OutsideWindow {
        /// When the next window opens.
        until: Timestamp,
    },
    /// Somebody has to agree to the next step.
    NeedsApproval,
}

/// Why a rollout is paused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PauseReason {
    /// Gates were breached.
    Breached {
        /// Which.
        gates: Vec<GateName>,
    },
    /// Somebody signalled a bug that affects many.
    Signal {
        /// The signal.
        id: u64,
        /// How bad it is.
        severity: Severity,
    },
    /// Evidence was missing for too long.
    NoEvidence {
        /// What it was held for.
        held: Box<HoldReason>,
    },
    /// The gates could not tell for too long.
    Inconclusive {
        /// The gates that are open.
        gates: Vec<GateName>,
    },
    /// Something else set the share.
    ChangedElsewhere {
        /// The share found.
        found: Option<Share>,
    },
    /// A person did.
    Person,
}

/// Why a rollout was taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
#[non_exhaustive]
pub enum RollbackReason {
    /// The flag was killed.
    Killed,
    /// Somebody signalled a P0.
    Signal {
        /// The signal.
        id: u64,
    },
    /// Gates were breached.
    Breached {
        /// Which.
        gates: Vec<GateName>,
    },
    /// A person did.
    Person,
}

impl Phase {
    /// Returns the phase and its reason as one word each, without numbers that change at every look.
    pub const fn words(&self) -> (&'static str, &'static str) {
        match self {
            Self::Ramping => ("ramping", ""),
            Self::Completed => ("completed", ""),
            Self::Holding(reason) => (
                "holding",
                match reason {
                    HoldReason::NotPublished => "not_published",
                    HoldReason::NoData => "no_data",
                    HoldReason::Stale { .. } => "stale",
                    HoldReason::Assignment => "assignment",
                    HoldReason::Fault { .. } => "fault",
                    HoldReason::Soaking { .. } => "soaking",
                    HoldReason::TooFew { .. } => "too_few",
                    HoldReason::Undecided { .. } => "undecided",
                    HoldReason::NotDue { .. } => "not_due",
                    HoldReason::OutsideWindow { .. } => "outside_window",
                    HoldReason::NeedsApproval => "needs_approval",
                },
            ),
            Self::Paused(reason) => (
                "paused",
                match reason {
                    PauseReason::Breached { .. } => "breached",
                    PauseReason::Signal { .. } => "signal",
                    PauseReason::NoEvidence { .. } => "no_evidence",
                    PauseReason::Inconclusive { .. } => "inconclusive",
                    PauseReason::ChangedElsewhere { .. } => "changed_elsewhere",
                    PauseReason::Person => "person",
                },
            ),
            Self::RolledBack(reason) => (
                "rolled_back",
                match reason {
                    RollbackReason::Killed => "killed",
                    RollbackReason::Signal { .. } => "signal",
                    RollbackReason::Breached { .. } => "breached",
                    RollbackReason::Person => "person",
                },
            ),
        }
    }

    /// Tells whether it is held for something that somebody should look at: reports that make no sense or stopped coming, not those that
    /// have not come yet.
    pub const fn is_alarming(&self) -> bool {
        matches!(self, Self::Holding(HoldReason::Stale { .. } | HoldReason::Assignment | HoldReason::Fault { .. }))
    }

    /// Tells whether only a person can move the rollout forward.
    pub const fn is_stopped(&self) -> bool {
        matches!(self, Self::Paused(_) | Self::RolledBack(_))
    }
}
