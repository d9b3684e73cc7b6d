//! The use cases: everything that can be done to a project, one a file, in a room for each capability.
//!
//! A shell (commands, dashboard, server) opens a [`Project`] on adapters and calls these; it translates and prints, and decides nothing.
//! Every edit is first a [`Proposal`], which says exactly what it will do, and then a [`Project::commit`], which refuses if the log has
//! moved on since. Names no terminal, HTTP or SQL type.

mod alerts;
mod authority;
mod changes;
mod error;
mod evidence;
mod flags;
mod history;
mod hygiene;
mod keys;
mod kills;
pub mod ofrep;
pub mod ports;
mod project;
mod publishing;
mod rollouts;
mod tokens;
mod wording;

pub use alerts::{
    Alert, AlertKind, Delivered, Due, SecretError, Sink, SinkKind, Tried, WebhookSecret, claim, deliver_due, due_after,
    due_now, fill_outbox, settle, signatures, try_to_deliver,
};
pub use authority::approvals::{Approval, ApprovalError, RequestLine};
pub use authority::members::{MemberError, MemberLine};
pub use authority::policy::{
    Action, ApprovalCause, DEBUG_FLAG_HOURS, PolicyError, Refusal, Stake, Verdict, is_debug_flag, who_may,
};
pub use changes::apply::{ApplyError, Prune};
pub use changes::compile::{BrokenFlag, BrokenRuleset};
pub use changes::conflict::Conflict;
pub use changes::difference::{FieldChange, difference};
pub use changes::drafts::{Draft, DraftError, DraftStore, DraftStoreError, Rebased};
pub use changes::limits::{LimitError, Limits};
pub use changes::profile::{People, Profile, ProfileError, UnknownPeople};
pub use changes::proposal::{Committed, Edit, EditKind, Proposal, Subject};
pub use changes::submitted::SubmitError;
pub use changes::undo::{Undo, UndoError};
pub use error::{AppError, Failure, with_causes};
pub use evidence::experiments::{Conclusion, ExperimentError, ExperimentLine, Insistence};
pub use evidence::intake::{IntakeError, REPORT_DAYS_MAX, accept_report};
pub use evidence::{Inquiry, Instruments, OpenInstruments};
pub use flags::groups::{GroupError, GroupLine, GroupMember};
pub use flags::lifecycle::{Cohort, LifecycleError};
pub use flags::listing::{FlagCard, FlagLine, KillCard, Overdue, RolloutPhase, Watch};
pub(crate) use flags::rollout::FIRST_FLAGS;
pub use flags::rollout::{Enabled, RolloutError};
pub use flags::segments::{SegmentError, SegmentLine};
pub use flags::stage::{Direction, LifeStage, Promotion, StageCheck, StageError, StageSpan, StageStep};
pub use flags::why::{Answer, OptedIn, Question, WhyError};
pub use history::around::FlagAround;
pub use history::audit::{AuditError, AuditReport, CheckpointCheck, Commitment, CommitmentSource, audit};
pub use history::lines::{HistoryLine, Moment, MomentError, Past, PastEnvironment, PastError};
pub use history::note::{NoteError, SignedNote, commitment_of_note};
pub use hygiene::references::{SourceTree, references};
pub use hygiene::release_notes::{Mark, ReleaseNotesError, Span, SpanError};
pub use keys::ceremony::{
    CeremonyError, EpochStep, FirstRoot, Need, ROLE_NAMES, RoleStanding, RootStanding, Rotation, countersign,
    draft_first, draft_next, standing,
};
pub use keys::install_root::{InstallRootError, InstalledRoot};
pub use kills::adopt_kills::{AdoptKillsError, Adoption};
pub use kills::kill::{KillError, KillRoute, KillScope, REASON_NOT_GIVEN, SignedKills};
pub use kills::kill_report::{KillReport, KillReportError};
pub use project::backup::{BackupError, BackupHeader, BackupReader, verify_backup, write_backup};
pub use project::doctor::{Finding, Health, KeyFact, SeenKey, TargetFact, examine_log};
pub use project::environment::EnvironmentLine;
pub use project::init::{Birth, InitError, NewKey, Newborn, ROOT_LIFETIME_DAYS, birth, birth_under};
pub use project::{
    DEFAULT_SNAPSHOT_LIFETIME_DAYS, OpenError, Operator, Ports, Project, ReasonError, Settings, UnknownEnvironment,
};
pub use publishing::accept::check_pushed;
pub use publishing::preview::Preview;
pub use publishing::publish::{PublishError, Published, Refreshed};
pub use publishing::serving::{Rules, Serving, ServingError};
pub use publishing::verify::{
    Quarantined, Verification, Verified, VerifyError, commitment_of_snapshot, verify_snapshot,
};
pub use rollouts::replay::{Replayed, Step as ReplayedStep, WhatIf};
pub use rollouts::{RolloutStatus, RolloutsError, Ticked};
pub use tokens::{
    Caller, CredentialError, FAILURES_PER_MINUTE, NewToken, ScopeError, Throttle, TokenError, TokenLine, TokenRequest,
    TokenRole, TokenSecret, verb_for,
};
