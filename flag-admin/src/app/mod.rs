//! The use cases: everything that can be done to a project, one a file.
//!
//! A shell (commands, dashboard, server) opens a [`Project`] on adapters and calls these; it translates and prints, and decides nothing.
//! Every edit is first a [`Proposal`], which says exactly what it will do, and then a [`Project::commit`], which refuses if the log has
//! moved on since. Names no terminal, HTTP or SQL type.

mod access;
mod adopt_kills;
mod alerts;
mod apply;
mod approvals;
mod audit;
mod backup;
mod ceremony;
mod compile;
mod conflict;
mod difference;
mod doctor;
mod drafts;
mod environment;
mod error;
mod evidence;
mod experiments;
mod export;
mod flags;
mod groups;
mod history;
mod init;
mod install_root;
mod intake;
mod kill;
mod kill_report;
mod lifecycle;
mod limits;
mod lint;
mod members;
mod note;
pub mod ofrep;
mod policy;
pub mod ports;
mod profile;
mod project;
mod proposal;
mod publish;
mod references;
mod release_notes;
mod replay;
mod rollout;
mod rollouts;
mod segments;
mod serving;
mod signals;
mod stage;
mod stale;
mod submitted;
mod tokens;
mod undo;
mod verify;
mod walk;
mod why;
mod wording;

pub use adopt_kills::{AdoptKillsError, Adoption};
pub use alerts::{
    Alert, AlertKind, Delivered, SecretError, Sink, SinkKind, WebhookSecret, deliver_due, due_after, fill_outbox,
    signatures,
};
pub use apply::{ApplyError, Prune};
pub use approvals::{Approval, ApprovalError, RequestLine};
pub use audit::{AuditError, AuditReport, CheckpointCheck, Commitment, CommitmentSource, audit};
pub use backup::{BackupError, BackupHeader, BackupReader, verify_backup, write_backup};
pub use ceremony::{
    CeremonyError, EpochStep, FirstRoot, Need, ROLE_NAMES, RoleStanding, RootStanding, Rotation, countersign,
    draft_first, draft_next, standing,
};
pub use compile::{BrokenFlag, BrokenRuleset};
pub use conflict::Conflict;
pub use difference::{FieldChange, difference};
pub use doctor::{Finding, Health, KeyFact, SeenKey, TargetFact, examine_log};
pub use drafts::{Draft, DraftError, DraftStore, DraftStoreError, Rebased};
pub use environment::EnvironmentLine;
pub(crate) use error::FIRST_FLAGS;
pub use error::{AppError, Failure, with_causes};
pub use evidence::Instruments;
pub use experiments::{Conclusion, ExperimentError, ExperimentLine, Insistence};
pub use flags::{FlagCard, FlagLine, KillCard, Overdue, RolloutPhase, Watch};
pub use groups::{GroupError, GroupLine, GroupMember};
pub use history::{HistoryLine, Moment, MomentError, Past, PastEnvironment, PastError};
pub use init::{Birth, InitError, NewKey, Newborn, ROOT_LIFETIME_DAYS, birth, birth_under};
pub use install_root::{InstallRootError, InstalledRoot};
pub use intake::{IntakeError, accept_report};
pub use kill::{KillError, KillRoute, KillScope, REASON_NOT_GIVEN, SignedKills};
pub use kill_report::{KillReport, KillReportError};
pub use lifecycle::{Cohort, LifecycleError};
pub use limits::{LimitError, Limits};
pub use members::{MemberError, MemberLine};
pub use note::{NoteError, SignedNote, commitment_of_note};
pub use policy::{
    Action, ApprovalCause, DEBUG_FLAG_HOURS, PolicyError, Refusal, Stake, Verdict, is_debug_flag, who_may,
};
pub use profile::{People, Profile, ProfileError, UnknownPeople};
pub use project::{
    DEFAULT_SNAPSHOT_LIFETIME_DAYS, OpenError, Operator, Ports, Project, ReasonError, Settings, UnknownEnvironment,
};
pub use proposal::{Committed, Edit, EditKind, Proposal, Subject};
pub use publish::{PublishError, Published, Refreshed};
pub use references::{SourceTree, references};
pub use release_notes::{Mark, ReleaseNotesError, Span, SpanError};
pub use replay::{Replayed, Step as ReplayedStep, WhatIf};
pub use rollout::{Enabled, RolloutError};
pub use rollouts::{RolloutStatus, RolloutsError, Ticked, Verification as RollbackCheck};
pub use segments::{SegmentError, SegmentLine};
pub use serving::{Rules, Serving, ServingError};
pub use stage::{Direction, LifeStage, Promotion, StageCheck, StageError, StageSpan, StageStep};
pub use submitted::SubmitError;
pub use tokens::{
    Caller, CredentialError, FAILURES_PER_MINUTE, NewToken, ScopeError, Throttle, TokenError, TokenLine, TokenRequest,
    TokenRole, TokenSecret, verb_for,
};
pub use undo::{Undo, UndoError};
pub use verify::{Quarantined, Verification, Verified, VerifyError, commitment_of_snapshot, verify_snapshot};
pub use why::{Answer, OptedIn, Question, WhyError};
