//! The use cases: everything that can be done to a project, one a file.
//!
//! A shell (commands, dashboard, server) opens a [`Project`] on adapters and calls these; it translates and prints, and decides nothing.
//! Every edit is first a [`Proposal`], which says exactly what it will do, and then a [`Project::commit`], which refuses if the log has
//! moved on since. Names no terminal, HTTP or SQL type.

mod apply;
mod audit;
mod compile;
mod difference;
mod error;
mod export;
mod flags;
mod history;
mod init;
mod kill;
pub mod ports;
mod project;
mod proposal;
mod publish;
mod rollout;
mod verify;
mod why;

pub use apply::{ApplyError, Prune};
pub use audit::{AuditError, AuditReport, audit};
pub use compile::{BrokenFlag, BrokenRuleset};
pub use difference::{FieldChange, difference};
pub use error::{AppError, Failure, with_causes};
pub use flags::{FlagCard, FlagLine, KillCard, RolloutPhase};
pub use history::HistoryLine;
pub use init::{Birth, InitError, NewKey, Newborn, ROOT_LIFETIME_DAYS, birth};
pub use kill::{KillError, KillRoute, KillScope, SignedKills};
pub use project::{
    DEFAULT_SNAPSHOT_LIFETIME_DAYS, OpenError, Operator, Ports, Project, ReasonError, Settings, UnknownEnvironment,
};
pub use proposal::{Committed, Edit, EditKind, Proposal, Subject};
pub use publish::{PublishError, Published};
pub use rollout::{Enabled, RolloutError};
pub use verify::{Quarantined, Verification, Verified, VerifyError, audit_head_of, verify_snapshot};
pub use why::{Answer, OptedIn, Question, WhyError};
