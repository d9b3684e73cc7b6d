use flag_client::trust::TrustError;

use crate::app::authority::approvals::ApprovalError;
use crate::app::authority::members::MemberError;
use crate::app::authority::policy::PolicyError;
use crate::app::changes::apply::ApplyError;
use crate::app::changes::compile::BrokenRuleset;
use crate::app::changes::conflict::Conflict;
use crate::app::changes::drafts::{DraftError, DraftStoreError};
use crate::app::changes::limits::LimitError;
use crate::app::changes::profile::ProfileError;
use crate::app::changes::submitted::SubmitError;
use crate::app::changes::undo::UndoError;
use crate::app::evidence::experiments::ExperimentError;
use crate::app::flags::groups::GroupError;
use crate::app::flags::lifecycle::LifecycleError;
use crate::app::flags::rollout::RolloutError;
use crate::app::flags::segments::SegmentError;
use crate::app::flags::why::WhyError;
use crate::app::history::audit::AuditError;
use crate::app::history::lines::PastError;
use crate::app::history::note::NoteError;
use crate::app::keys::install_root::InstallRootError;
use crate::app::kills::adopt_kills::AdoptKillsError;
use crate::app::kills::kill::KillError;
use crate::app::kills::kill_report::KillReportError;
use crate::app::ports::{KeyError, LogError, PublisherError, RandomnessError, RootStoreError};
use crate::app::project::backup::BackupError;
use crate::app::project::init::InitError;
use crate::app::project::{OpenError, ReasonError, UnknownEnvironment};
use crate::app::publishing::publish::PublishError;
use crate::app::publishing::verify::VerifyError;
use crate::app::rollouts::RolloutsError;
use crate::app::tokens::TokenError;
use crate::log::{ExposureError, FoldError};

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

impl Failure for ProfileError {
    fn code(&self) -> &'static str {
        "bad_profile"
    }
}

impl Failure for LimitError {
    fn code(&self) -> &'static str {
        match self {
            Self::Reshuffled { .. } => "reshuffles",
            Self::Loses { .. } => "loses_too_many",
        }
    }
}

impl Failure for OpenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Log(error) => error.code(),
            Self::Empty => "not_a_project",
            Self::Unfit { .. } => "log_corrupt",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Log(error) => error.hint(),
            Self::Empty | Self::Unfit { .. } => None,
        }
    }
}

impl Failure for LogError {
    fn code(&self) -> &'static str {
        match self {
            Self::HeadMoved { .. } => "head_moved",
            Self::Locked { .. } => "locked",
            Self::Corrupt(_) => "log_corrupt",
            Self::NotAProject { .. } => "not_a_project",
            Self::Newer { .. } => "newer_log",
            Self::NotEmpty { .. } => "not_empty",
            Self::Refused { status: 401, .. } => "not_authenticated",
            Self::Refused { status: 403, .. } => "not_allowed",
            Self::Refused { .. } => "refused_by_server",
            Self::Storage { .. } => "storage",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::HeadMoved { .. } => Some("look at \"flag-admin log\" and run the command again".to_owned()),
            Self::Locked { .. } => Some("wait for the other program, or end it".to_owned()),
            Self::Corrupt(_) => Some("restore the project from a backup: flag-admin restore FILE DIR".to_owned()),
            Self::Newer { .. } => Some("use the version of flag-admin that made it, or a newer one".to_owned()),
            Self::NotEmpty { .. } => Some("name a store that holds no log yet".to_owned()),
            Self::Refused { hint, .. } => hint.clone(),
            Self::NotAProject { .. } => Some("make a project: flag-admin init DIR".to_owned()),
            Self::Storage { .. } => Some(
                "see whether the disk is full, whether its folder may be written, or whether the server runs"
                    .to_owned(),
            ),
        }
    }
}

impl Failure for AuditError {
    fn code(&self) -> &'static str {
        match self {
            Self::Open(error) => error.code(),
            Self::Truncated { .. } => "log_truncated",
            Self::Rewritten { .. } => "log_rewritten",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint(),
            Self::Truncated { .. } | Self::Rewritten { .. } => {
                Some("the snapshot is signed: trust it, and look for who changed the log".to_owned())
            }
        }
    }
}

impl Failure for NoteError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownKey { .. } => "key_unusable",
            Self::Form(_) => "bad_note",
            Self::Origin { .. } => "other_project",
            Self::Unsigned | Self::Signature { .. } => "not_trusted",
            Self::Roots(error) => error.code(),
        }
    }
}

impl Failure for BackupError {
    fn code(&self) -> &'static str {
        match self {
            Self::Open(error) => error.code(),
            Self::File { .. } => "file",
            Self::Chain(_) | Self::Unfit { .. } | Self::CutOff { .. } | Self::TooLong | Self::Changed => {
                "backup_corrupt"
            }
            Self::LineBreak { .. } | Self::Line { .. } | Self::Form { .. } => "bad_backup",
            Self::OtherProject { .. } | Self::Root { .. } => "other_project",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint(),
            Self::Chain(_) | Self::Unfit { .. } | Self::CutOff { .. } | Self::TooLong => {
                Some("nothing was made of it; use another backup".to_owned())
            }
            _ => None,
        }
    }
}

impl From<VerifyError> for AppError {
    fn from(error: VerifyError) -> Self {
        Self::Note(NoteError::Roots(error))
    }
}

impl Failure for PastError {
    fn code(&self) -> &'static str {
        match self {
            Self::Open(error) => error.code(),
            Self::NoEntry { .. } => "no_entry",
            Self::TooEarly { .. } => "too_early",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint(),
            Self::NoEntry { .. } | Self::TooEarly { .. } => Some("see the entries: flag-admin log --json".to_owned()),
        }
    }
}

impl Failure for UndoError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoEntry { .. } => "no_entry",
            Self::Nothing { .. } => "nothing_to_undo",
            Self::OtherEnvironment { .. } => "other_environment",
            Self::Final { .. } | Self::Kill { .. } | Self::Lift { .. } => "not_undoable",
            Self::Overtaken { .. } => "overtaken",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoEntry { .. } => Some("see the entries: flag-admin log --json".to_owned()),
            Self::Nothing { .. } | Self::Final { .. } => None,
            Self::OtherEnvironment { found, .. } => {
                found.as_ref().map(|found| format!("name its environment: --env {found}"))
            }
            Self::Kill { target, .. } => Some(format!("lift it: flag-admin unkill {target} --reason TEXT")),
            Self::Lift { target, .. } => Some(format!("kill it anew: flag-admin kill {target} --reason TEXT")),
            Self::Overtaken { later, .. } => later
                .last()
                .map(|last| format!("undo the later ones first, the last one first: flag-admin undo {}", last.seq)),
        }
    }
}

/// How an environment comes by its first flags.
pub(crate) const FIRST_FLAGS: &str =
    "make one: flag-admin flag new KEY, or apply a file: flag-admin apply -f flags.toml";

impl Failure for RolloutError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownFlag { .. } | Self::NoFlags { .. } => "unknown_flag",
            Self::Exposure { source: ExposureError::NoRule { .. }, .. } => "unknown_rule",
            Self::Exposure { source: ExposureError::NotASplit { .. }, .. } => "not_a_split",
            Self::KillSwitch { .. } => "kill_switch",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownFlag { closest: Some(closest), .. } => format!("did you mean \"{closest}\"?"),
            Self::UnknownFlag { closest: None, .. } => "list them: flag-admin flag list".to_owned(),
            Self::NoFlags { .. } => FIRST_FLAGS.to_owned(),
            Self::Exposure { source: ExposureError::NoRule { known, .. }, .. } if known.is_empty() => {
                "the flag has no rules; leave --rule out to set the fallthrough".to_owned()
            }
            Self::Exposure { source: ExposureError::NoRule { known, .. }, .. } => {
                format!("its rules are: {}", known.join(", "))
            }
            Self::Exposure { source: ExposureError::NotASplit { .. }, flag } => {
                format!("give {flag} a rollout with weights in its definition, and apply that")
            }
            Self::KillSwitch { flag } => format!("turn it off for everyone: flag-admin kill {flag} --reason TEXT"),
        })
    }
}

impl Failure for KillError {
    fn code(&self) -> &'static str {
        match self {
            Self::Target { .. } => "bad_target",
            Self::NoFlag { .. } => "no_flag",
            Self::AlreadyKilled { .. } => "already_killed",
            Self::NotKilled { .. } => "not_killed",
            Self::NoRoot => "no_root",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotKilled { closest: Some(closest), .. } | Self::NoFlag { closest: Some(closest), .. } => {
                Some(format!("did you mean {closest:?}?"))
            }
            Self::NoFlag { closest: None, .. } => {
                Some("--unlisted kills a capability that is no flag of this environment".to_owned())
            }
            Self::AlreadyKilled { target, .. } => {
                Some(format!("publish it if clients do not know yet, or lift it: flag-admin unkill {target}"))
            }
            _ => None,
        }
    }
}

impl Failure for PublishError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoRoot => "no_root",
            Self::RootExpired { .. } => "root_expired",
            Self::Unreadable { .. } | Self::Form { .. } | Self::Content { .. } => "unreadable_snapshot",
            Self::Foreign { .. } => "foreign_snapshot",
            Self::Ahead { .. } => "snapshot_ahead",
            Self::Unrecorded { .. } => "publish_unrecorded",
            Self::Refused(_) => "not_trusted",
            Self::NotOurs { .. } => "not_ours",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } | Self::Form { .. } => {
                Some("move it away if it is no longer needed, and publish again".to_owned())
            }
            Self::Foreign { .. } => Some("publish each environment to a folder of its own".to_owned()),
            Self::Ahead { .. } => {
                Some("the log is older than what it published: restore the newest copy of the project".to_owned())
            }
            Self::Unrecorded { .. } => {
                Some("publish again once the log can be written: the next publication says so".to_owned())
            }
            Self::RootExpired { version, .. } => Some(format!(
                "make and install the next root: flag-admin root rotate root/{version}.json --out next.json"
            )),
            Self::Refused(_) => {
                Some("see which keys the root lists, and which lie in the project: flag-admin doctor".to_owned())
            }
            Self::NotOurs { .. } => Some("publish there first: flag-admin publish --to PLACE".to_owned()),
            Self::NoRoot | Self::Content { .. } => None,
        }
    }
}

impl Failure for KeyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Encrypted { .. } | Self::WrongPassphrase { .. } => "key_locked",
            Self::Missing { .. } | Self::Exposed { .. } | Self::Unreadable { .. } | Self::Unwritable { .. } => {
                "key_unusable"
            }
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Exposed { place, .. } => Some(format!("chmod 600 {place}")),
            Self::Encrypted { .. } => {
                Some("name a file that holds it with --passphrase-file FILE, or set FLAG_PASSPHRASE".to_owned())
            }
            Self::WrongPassphrase { .. } => Some("nothing was changed; try again with the right one".to_owned()),
            Self::Missing { .. } | Self::Unreadable { .. } | Self::Unwritable { .. } => None,
        }
    }
}

impl Failure for InstallRootError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "not_trusted",
            Self::Outdated { .. } => "outdated_root",
            Self::Ceremony(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(TrustError::BelowThreshold { .. }) => {
                Some("see whose signatures it lacks: flag-admin root show FILE --from BEFORE".to_owned())
            }
            Self::Refused(_) | Self::Outdated { .. } => None,
            Self::Ceremony(error) => error.hint(),
        }
    }
}

impl Failure for VerifyError {
    fn code(&self) -> &'static str {
        match self {
            Self::Envelope { .. } | Self::Form { .. } => "not_signed",
            Self::Trust(_) => "not_trusted",
            Self::Content(_) => "not_a_snapshot",
        }
    }
}

impl Failure for InitError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoEnvironment | Self::EnvironmentTwice { .. } => "bad_environment",
            Self::Root(_) | Self::Refused(_) | Self::Envelope(_) | Self::NotFirst { .. } => "bad_root",
            Self::Json(_) => "no_json",
        }
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
