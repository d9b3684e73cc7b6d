//! Where a rollout stands, in words.

use std::fmt;

use super::gates::GateName;
use super::state::{HoldReason, PauseReason, Phase, RollbackReason};

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ramping => f.write_str("ramping: the step has just begun"),
            Self::Completed => f.write_str("completed: everyone has it"),
            Self::Holding(reason) => write!(f, "holding: {reason}"),
            Self::Paused(reason) => write!(f, "paused: {reason}"),
            Self::RolledBack(reason) => write!(f, "rolled back: {reason}"),
        }
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPublished => f.write_str("the share is not published yet"),
            Self::NoData => f.write_str("nobody has reported at this step; reports of a day come on the next one"),
            Self::Stale { newest } => write!(f, "the last report is about {newest}"),
            Self::Assignment => f.write_str("not as many machines have it as the share says"),
            Self::Fault { fault } => write!(f, "{fault}"),
            Self::Soaking { until } => write!(f, "the step lasts until {until} at least"),
            Self::TooFew { reports, needed, machines, machines_needed } => {
                write!(f, "{reports} of {needed} reports, {machines} of {machines_needed} machines")
            }
            Self::Undecided { gates, needs } => {
                write!(f, "not shown yet: {}", listed(gates))?;
                needs.map_or(Ok(()), |needs| write!(f, ", about {needs} more reports"))
            }
            Self::NotDue { at } => write!(f, "healthy; the next step is due at {at}"),
            Self::OutsideWindow { until } => write!(f, "healthy; the next change window opens at {until}"),
            Self::NeedsApproval => {
                f.write_str("healthy; somebody has to agree to the next step: flag-admin rollout advance")
            }
        }
    }
}

impl fmt::Display for PauseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Breached { gates } => write!(f, "exceeded: {}", listed(gates)),
            Self::Signal { id, severity } => write!(f, "signal {id} ({severity})"),
            Self::NoEvidence { held } => write!(f, "held for too long: {held}"),
            Self::Inconclusive { gates } => write!(f, "could not be shown in time: {}", listed(gates)),
            Self::ChangedElsewhere { found: Some(found) } => write!(f, "something else set the share to {found}"),
            Self::ChangedElsewhere { found: None } => f.write_str("the flag is no split any more"),
            Self::Person => f.write_str("by a person"),
        }
    }
}

impl fmt::Display for RollbackReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Killed => f.write_str("the flag is killed"),
            Self::Signal { id } => write!(f, "signal {id} (P0)"),
            Self::Breached { gates } => write!(f, "exceeded: {}", listed(gates)),
            Self::Person => f.write_str("by a person"),
        }
    }
}

fn listed(gates: &[GateName]) -> String {
    let gates: Vec<String> = gates.iter().map(ToString::to_string).collect();
    gates.join(", ")
}
