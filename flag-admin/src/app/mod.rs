//! The use cases: everything that can be done to a project, one a file.
//!
//! A shell (commands, dashboard, server) opens a [`Project`] on adapters and calls these; it translates and prints, and decides nothing.
//! Every edit is first a [`Proposal`], which says exactly what it will do, and then a [`Project::commit`], which refuses if the log has
//! moved on since. Names no terminal, HTTP or SQL type.

mod apply;
mod audit;
mod backup;
mod compile;
mod conflict;
mod difference;
mod error;
mod export;
mod flags;
mod history;
mod init;
mod kill;
mod lint;
mod note;
pub mod ports;
mod project;
mod proposal;
mod publish;
mod references;
mod release_notes;
mod rollout;
mod stale;
mod undo;
mod verify;
mod why;

pub use apply::{ApplyError, Prune};
pub use audit::{AuditError, AuditReport, CheckpointCheck, Commitment, CommitmentSource, audit};
pub use backup::{BackupError, BackupHeader, BackupReader, verify_backup, write_backup};
pub use compile::{BrokenFlag, BrokenRuleset};
pub use conflict::Conflict;
pub use difference::{FieldChange, difference};
pub use error::{AppError, Failure, with_causes};
pub use flags::{FlagCard, FlagLine, KillCard, RolloutPhase};
pub use history::{HistoryLine, Moment, MomentError, Past, PastEnvironment, PastError};
pub use init::{Birth, InitError, NewKey, Newborn, ROOT_LIFETIME_DAYS, birth};
pub use kill::{KillError, KillRoute, KillScope, SignedKills};
pub use note::{NoteError, SignedNote, commitment_of_note};
pub use project::{
    DEFAULT_SNAPSHOT_LIFETIME_DAYS, OpenError, Operator, Ports, Project, ReasonError, Settings, UnknownEnvironment,
};
pub use proposal::{Committed, Edit, EditKind, Proposal, Subject};
pub use publish::{PublishError, Published};
pub use references::{SourceTree, references};
pub use release_notes::{Mark, ReleaseNotesError, Span, SpanError};
pub use rollout::{Enabled, RolloutError};
pub use undo::{Undo, UndoError};
pub use verify::{Quarantined, Verification, Verified, VerifyError, commitment_of_snapshot, verify_snapshot};
pub use why::{Answer, OptedIn, Question, WhyError};
