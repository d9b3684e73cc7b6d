mod of_ports;

use crate::app::authority::approvals::ApprovalError;
use crate::app::authority::members::MemberError;
use crate::app::authority::policy::PolicyError;
use crate::app::changes::apply::ApplyError;
use crate::app::changes::compile::BrokenRuleset;
use crate::app::changes::conflict::Conflict;
use crate::app::changes::drafts::{DraftError, DraftStoreError};
use crate::app::changes::submitted::SubmitError;
use crate::app::changes::undo::UndoError;
use crate::app::evidence::experiments::ExperimentError;
use crate::app::flags::groups::GroupError;
use crate::app::flags::lifecycle::LifecycleError;
use crate::app::flags::rollout::RolloutError;
use crate::app::flags::segments::SegmentError;
use crate::app::flags::why::WhyError;
use crate::app::history::lines::PastError;
use crate::app::history::note::NoteError;
use crate::app::keys::install_root::InstallRootError;
use crate::app::kills::adopt_kills::AdoptKillsError;
use crate::app::kills::kill::KillError;
use crate::app::kills::kill_report::KillReportError;
use crate::app::ports::{KeyError, LogError, PublisherError, RandomnessError, RootStoreError};
use crate::app::project::{OpenError, ReasonError, UnknownEnvironment};
use crate::app::publishing::publish::PublishError;
use crate::app::publishing::verify::VerifyError;
use crate::app::rollouts::RolloutsError;
use crate::app::tokens::TokenError;
use crate::log::FoldError;

/// Why a use case did not do what was asked. Nothing was changed, unless a variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// The project cannot be opened, or read again.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The environment does not exist.
    #[error(transparent)]
    Environment(#[from] UnknownEnvironment),
    /// The reason cannot be kept.
    #[error(transparent)]
    Reason(#[from] ReasonError),
    /// The edit would break flags.
    #[error(transparent)]
    Broken(#[from] BrokenRuleset),
    /// Somebody else changed something first.
    #[error(transparent)]
    Conflict(#[from] Box<Conflict>),
    /// Whoever is at work may not do it.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Members do not change.
    #[error(transparent)]
    Member(#[from] MemberError),
    /// Changes that another program made are not taken.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// Tokens do not change.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The request is not settled.
    #[error(transparent)]
    Approval(#[from] ApprovalError),
    /// The draft cannot be used.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// Drafts cannot be kept or found.
    #[error(transparent)]
    DraftStore(#[from] DraftStoreError),
    /// There is no past to show.
    #[error(transparent)]
    Past(#[from] PastError),
    /// The note is not made, or proves nothing.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The change cannot be undone.
    #[error(transparent)]
    Undo(#[from] UndoError),
    /// The definitions cannot be applied.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The rollout cannot be changed.
    #[error(transparent)]
    Rollout(#[from] RolloutError),
    /// The rollout that moves by itself does not start or move.
    #[error(transparent)]
    Rollouts(#[from] RolloutsError),
    /// The kill cannot be activated or lifted.
    #[error(transparent)]
    Kill(#[from] KillError),
    /// There is no such kill to report on.
    #[error(transparent)]
    KillReport(#[from] KillReportError),
    /// The flag does not go on in its life.
    #[error(transparent)]
    Lifecycle(#[from] LifecycleError),
    /// The experiment is not analysed or concluded.
    #[error(transparent)]
    Experiment(#[from] ExperimentError),
    /// The exclusion group cannot be changed.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The segment cannot be changed.
    #[error(transparent)]
    Segment(#[from] SegmentError),
    /// The question has no answer.
    #[error(transparent)]
    Why(#[from] WhyError),
    /// The snapshot cannot be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A document could not be put where clients fetch it. The version that was signed is spent.
    #[error(transparent)]
    Publisher(#[from] PublisherError),
    /// A private key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The roots cannot be read.
    #[error(transparent)]
    Roots(#[from] RootStoreError),
    /// The kills cannot be taken in.
    #[error(transparent)]
    AdoptKills(#[from] AdoptKillsError),
    /// The root cannot be installed.
    #[error(transparent)]
    InstallRoot(#[from] InstallRootError),
    /// There are no random bytes.
    #[error(transparent)]
    Randomness(#[from] RandomnessError),
    /// A document has no JSON form.
    #[error("a document cannot be written as JSON")]
    Seal(#[source] serde_json::Error),
    /// A change does not fit the state it was made from.
    #[error("the change does not fit")]
    Unfit(#[source] FoldError),
}

impl From<LogError> for AppError {
    fn from(error: LogError) -> Self {
        Self::Open(OpenError::Log(error))
    }
}

/// What shells say about a failure besides its message.
pub trait Failure: std::error::Error {
    /// Returns its stable name, in `snake_case`.
    fn code(&self) -> &'static str;

    /// Returns what to do about it.
    fn hint(&self) -> Option<String> {
        None
    }

    /// Returns what a program may want to know of it besides.
    fn details(&self) -> Option<serde_json::Value> {
        None
    }
}

impl Failure for AppError {
    fn code(&self) -> &'static str {
        match self {
            Self::Open(error) => error.code(),
            Self::Environment(_) => "unknown_environment",
            Self::Reason(_) => "bad_reason",
            Self::Broken(_) => "broken_flag",
            Self::Conflict(_) => "head_moved",
            Self::Policy(error) => error.code(),
            Self::Member(error) => error.code(),
            Self::Submit(error) => error.code(),
            Self::Token(error) => error.code(),
            Self::Approval(error) => error.code(),
            Self::Draft(error) => error.code(),
            Self::DraftStore(_) => "file",
            Self::Past(error) => error.code(),
            Self::Note(error) => error.code(),
            Self::Undo(error) => error.code(),
            Self::Apply(_) => "refused_definition",
            Self::Rollout(error) => error.code(),
            Self::Rollouts(error) => error.code(),
            Self::Kill(error) => error.code(),
            Self::KillReport(error) => error.code(),
            Self::Lifecycle(error) => error.code(),
            Self::Experiment(error) => error.code(),
            Self::Group(error) => error.code(),
            Self::Segment(error) => error.code(),
            Self::Why(_) => "no_answer",
            Self::Publish(error) => error.code(),
            Self::Publisher(_) => "publish_failed",
            Self::Key(error) => error.code(),
            Self::Roots(_) => "root_unreadable",
            Self::AdoptKills(AdoptKillsError::Known) => "already_known",
            Self::AdoptKills(_) => "not_our_kills",
            Self::InstallRoot(error) => error.code(),
            Self::Randomness(_) => "no_randomness",
            Self::Seal(_) => "no_json",
            Self::Unfit(_) => "unfit_change",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint(),
            Self::Environment(error) => {
                let known: Vec<&str> = error.known.iter().map(crate::log::EnvironmentName::as_str).collect();
                Some(format!("the project has: {}", known.join(", ")))
            }
            Self::Apply(ApplyError::Seed { .. } | ApplyError::Bucketing { .. }) => {
                Some("it decides every unit's bucket; make a new flag to draw buckets anew".to_owned())
            }
            Self::Apply(ApplyError::Type { .. }) => Some("make a new flag for values of another type".to_owned()),
            Self::Apply(ApplyError::Key(_)) => {
                Some("new keys follow [a-z][a-z0-9_]*, such as telemetry_cloud_sync".to_owned())
            }
            Self::Conflict(conflict) if conflict.touching.is_empty() => {
                Some("none of that is about what you changed: run the command again".to_owned())
            }
            Self::Conflict(_) => {
                Some("look at what they changed, and run the command again if it still holds".to_owned())
            }
            Self::Rollouts(error) => error.hint(),
            Self::Policy(error) => Some(error.hint()),
            Self::Member(error) => Some(error.hint()),
            Self::Submit(error) => error.hint(),
            Self::Token(error) => error.hint(),
            Self::Approval(error) => error.hint(),
            Self::Draft(error) => Some(error.hint()),
            Self::Past(error) => error.hint(),
            Self::Undo(error) => error.hint(),
            Self::Rollout(error) => error.hint(),
            Self::Kill(error) => error.hint(),
            Self::KillReport(error) => error.hint(),
            Self::Lifecycle(error) => error.hint(),
            Self::Experiment(error) => error.hint(),
            Self::Group(error) => error.hint(),
            Self::Segment(error) => error.hint(),
            Self::Publish(error) => error.hint(),
            Self::InstallRoot(error) => error.hint(),
            Self::Publisher(error) if error.action == "published to" => {
                Some("publish to a folder of its own, such as --to public".to_owned())
            }
            // What a server says it says with its own hint.
            Self::Publisher(error) if error.source.is::<LogError>() => {
                error.source.downcast_ref::<LogError>().and_then(Failure::hint)
            }
            Self::Publisher(_) => Some("make room or permission and publish again: the version grows".to_owned()),
            Self::Key(error) => error.hint(),
            _ => None,
        }
    }

    fn details(&self) -> Option<serde_json::Value> {
        match self {
            Self::Conflict(conflict) => serde_json::to_value(conflict).ok(),
            Self::Draft(DraftError::Moved { since, .. }) | Self::Approval(ApprovalError::Moved { since, .. }) => {
                serde_json::to_value(since).ok()
            }
            Self::Undo(UndoError::Overtaken { later, .. }) => serde_json::to_value(later).ok(),
            Self::Lifecycle(error) => error.details(),
            _ => None,
        }
    }
}

impl From<VerifyError> for AppError {
    fn from(error: VerifyError) -> Self {
        Self::Note(NoteError::Roots(error))
    }
}

/// Returns an error with its causes, unless it says them itself.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.ends_with(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = error.source();
    }
    message
}
