//! Rollouts that run themselves (pure): schedules, gates, and the controller that moves a rollout when its gates prove it healthy, holds
//! it when they cannot tell, and takes it back when they prove it sick.
//!
//! Nothing here reads a clock, a file or the network: what is known of a rollout is [`Evidence`], and [`decide`] is a function of the
//! plan, the state, what happened, the evidence and the time. The same inputs give the same decision, to the last bit, which is how a log
//! can prove it.

mod controller;
mod evidence;
mod gates;
mod plan;
mod policy;
mod quantities;
mod record;
mod schedule;
pub mod simulate;
mod slow_limit;
mod state;
mod words;

pub use self::controller::{Decision, Effect, Event, MoveError, begin, decide};
pub use self::evidence::{Arms, DayArms, Evidence, Fault, OpenSignal, Severity, SourceReading, SourceValue};
pub use self::gates::{GateName, Gates, Level, Reading, Standing};
pub use self::plan::{MetricGate, Plan, PlanError, Source, SourceKind};
pub use self::policy::{Inconclusive, Limits, Policy, RollbackBy};
pub use self::quantities::{Quantity, QuantityError, Rate, Span};
pub use self::record::{Record, RollbackCheck, Rollout};
pub use self::schedule::{ChangeWindow, Schedule, ScheduleError, Step, Weekday};
pub use self::state::{Alarm, HoldReason, PauseReason, Phase, RollbackReason, State};
