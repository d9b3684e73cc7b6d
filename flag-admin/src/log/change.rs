use std::fmt;

use flag_core::wire::{Condition, Group, Stage};
use flag_core::{FlagKey, Share, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Actor, Digest, EnvironmentName, Grant, ProjectName, Role, TokenId};
use crate::definition::Definition;
use crate::rollout::{Plan, Rate, Record, Severity};

/// One audited edit. JSON names the edit in `type`; what an edit means never changes, a new meaning gets a new name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Change {
    /// The project begins.
    ProjectCreated {
        /// Its name.
        project: ProjectName,
        /// Its environments.
        environments: Vec<EnvironmentName>,
    },
    /// The project has another environment, without flags.
    EnvironmentCreated {
        /// Its name.
        environment: EnvironmentName,
    },
    /// A root was signed: from now on its keys count.
    RootPublished {
        /// Its version, from 1 on.
        version: u64,
        /// Its epoch: a later one starts the versions of snapshots anew.
        epoch: u64,
        /// The hash of its payload.
        digest: Digest,
        /// From when on it accepts no new snapshots.
        expires_at: Timestamp,
    },
    /// What the log comes to was written down, as of the entry before this one. A checkpoint that is not the one sealed here is none.
    StateSealed {
        /// The hash of the checkpoint's bytes.
        digest: Digest,
    },
    /// Somebody became a member, or got another role.
    MemberSet {
        /// Who.
        member: Actor,
        /// What they may change.
        role: Role,
    },
    /// Somebody is no member any more.
    MemberRemoved {
        /// Who.
        member: Actor,
    },
    /// A token lets its bearer use the server from now on.
    TokenIssued {
        /// Its public name.
        id: TokenId,
        /// What it is good for.
        grant: Box<Grant>,
    },
    /// A token is good for nothing any more.
    TokenRevoked {
        /// Its public name.
        id: TokenId,
    },
    /// Changes of an environment need so many approvals of others from now on.
    ApprovalsRequired {
        /// How many: 0 or 1.
        approvals: u8,
    },
    /// Changes were asked for that need another member's approval. The entry's place is the request's number.
    ChangeRequested {
        /// The changes, in order.
        changes: Vec<Change>,
        /// What they were shown to do: the hash of edits and plan. An approval is of just that.
        effect: Digest,
    },
    /// A request was approved. Its changes follow.
    ChangeApproved {
        /// The request.
        request: u64,
    },
    /// A request was turned down, or taken back by whoever made it.
    ChangeRejected {
        /// The request.
        request: u64,
    },
    /// A flag was made.
    FlagCreated {
        /// Its key.
        key: FlagKey,
        /// The whole of it.
        definition: Box<Definition>,
    },
    /// A flag was edited.
    FlagChanged {
        /// Its key.
        key: FlagKey,
        /// The whole of it, after the edit.
        definition: Box<Definition>,
    },
    /// A flag was taken out: clients use their code's default.
    FlagArchived {
        /// Its key.
        key: FlagKey,
    },
    /// A flag goes by another key from now on. It draws its buckets from the same seed as before, so nobody moves; flags that need it name
    /// the new key.
    FlagRenamed {
        /// The key it had.
        from: FlagKey,
        /// The key it has.
        to: FlagKey,
    },
    /// A flag is at another stage of its life. What it serves stays as it is.
    StageSet {
        /// The flag.
        flag: FlagKey,
        /// The stage.
        stage: Stage,
        /// The checks of the stage that did not pass, and were waived.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        waived: Vec<Box<str>>,
        /// What its documentation says of how it stands from now on; as before where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<Box<str>>,
    },
    /// A split exposes another share of units. A flag that served one variant to everyone serves its on variant to that share instead.
    RolloutSet {
        /// The flag.
        flag: FlagKey,
        /// The rule whose split it is; the fallthrough where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<Box<str>>,
        /// The share exposed from now on.
        share: Share,
    },
    /// A rollout started that moves by itself.
    RolloutStarted {
        /// The flag.
        flag: FlagKey,
        /// How it goes.
        plan: Box<Plan>,
        /// The share that is held out until it is over, where the flag had none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holdout: Option<Share>,
        /// Where it stands, and why: the flag exposes the share of its first step.
        record: Box<Record>,
    },
    /// Something was decided about a rollout, by its gates or by somebody.
    RolloutDecided {
        /// The flag.
        flag: FlagKey,
        /// The share that the flag exposes from now on, where that changes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exposes: Option<Share>,
        /// What is held out from now on, where that changes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holdout: Option<Share>,
        /// The decision, with all it was made of.
        record: Box<Record>,
    },
    /// Somebody signalled a bug of what a flag turns on. The entry's place is the signal's number.
    SignalRaised {
        /// The flag.
        flag: FlagKey,
        /// How bad it is.
        severity: Severity,
        /// The share of those exposed whom it affects.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        affected: Option<Rate>,
    },
    /// What was signalled is no more.
    SignalCleared {
        /// The flag.
        flag: FlagKey,
        /// The signal.
        signal: u64,
    },
    /// A segment was made or edited.
    SegmentSet {
        /// Its name.
        name: Box<str>,
        /// Whom it holds.
        condition: Condition,
    },
    /// A segment was removed.
    SegmentRemoved {
        /// Its name.
        name: Box<str>,
    },
    /// An exclusion group was made or edited.
    GroupSet {
        /// Its name.
        name: Box<str>,
        /// The whole of it.
        group: Group,
    },
    /// An exclusion group was removed.
    GroupRemoved {
        /// Its name.
        name: Box<str>,
    },
    /// A flag or capability is off, stronger than everything.
    KillActivated {
        /// The kill's own name, never used again.
        id: Box<str>,
        /// What is off.
        target: Box<str>,
        /// Whether the emergency key carries it to clients besides the snapshot.
        #[serde(default, skip_serializing_if = "is_false")]
        emergency: bool,
    },
    /// A kill got its reason, which was not given when it was activated: the entry's own.
    KillExplained {
        /// The kill's name.
        id: Box<str>,
        /// What is off.
        target: Box<str>,
    },
    /// A kill is over, for ever.
    KillLifted {
        /// The kill's name.
        id: Box<str>,
        /// What was off.
        target: Box<str>,
    },
    /// A snapshot was signed, and is on its way to where clients fetch it. Its version is spent, whether or not it arrives.
    PublishStarted {
        /// Its version, one more than any before in its epoch.
        version: u64,
        /// Its epoch.
        epoch: u64,
        /// The hash of its payload.
        digest: Digest,
        /// From when on it is stale.
        expires_at: Timestamp,
    },
    /// A snapshot stands where clients fetch it. Where no `publish_started` names it, it was signed in the same moment.
    Published {
        /// Its version.
        version: u64,
        /// Its epoch.
        epoch: u64,
        /// The hash of its payload.
        digest: Digest,
        /// From when on it is stale.
        expires_at: Timestamp,
    },
}

/// What one change is of. Two changes of the same subject get in each other's way.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeSubject<'c> {
    /// A flag, or a capability that is killed.
    Flag(&'c str),
    /// A segment.
    Segment(&'c str),
    /// An exclusion group.
    Group(&'c str),
}

impl fmt::Display for ChangeSubject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "flag \"{name}\""),
            Self::Segment(name) => write!(f, "segment \"{name}\""),
            Self::Group(name) => write!(f, "group \"{name}\""),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Change {
    /// Tells whether the change concerns the whole project rather than one environment.
    pub const fn is_of_project(&self) -> bool {
        matches!(
            self,
            Self::ProjectCreated { .. }
                | Self::EnvironmentCreated { .. }
                | Self::RootPublished { .. }
                | Self::StateSealed { .. }
                | Self::MemberSet { .. }
                | Self::MemberRemoved { .. }
                | Self::TokenIssued { .. }
                | Self::TokenRevoked { .. }
        )
    }

    /// Tells whether the change is part of publishing, and changes nothing that is published.
    pub const fn is_publication(&self) -> bool {
        matches!(self, Self::PublishStarted { .. } | Self::Published { .. })
    }

    /// Tells whether the change is part of agreeing on changes, and changes nothing that is published.
    pub const fn is_agreement(&self) -> bool {
        matches!(
            self,
            Self::ApprovalsRequired { .. }
                | Self::ChangeRequested { .. }
                | Self::ChangeApproved { .. }
                | Self::ChangeRejected { .. }
        )
    }

    /// Returns the flag changed, if it is one flag.
    pub const fn flag(&self) -> Option<&FlagKey> {
        match self {
            Self::FlagCreated { key, .. } | Self::FlagChanged { key, .. } | Self::FlagArchived { key } => Some(key),
            Self::RolloutSet { flag, .. }
            | Self::StageSet { flag, .. }
            | Self::RolloutStarted { flag, .. }
            | Self::RolloutDecided { flag, .. }
            | Self::SignalRaised { flag, .. }
            | Self::SignalCleared { flag, .. } => Some(flag),
            Self::FlagRenamed { to, .. } => Some(to),
            _ => None,
        }
    }

    /// Returns what the change is of. A kill is of the flag or capability that it turns off.
    pub fn subject(&self) -> Option<ChangeSubject<'_>> {
        Some(match self {
            Self::FlagCreated { key, .. } | Self::FlagChanged { key, .. } | Self::FlagArchived { key } => {
                ChangeSubject::Flag(key.as_str())
            }
            Self::RolloutSet { flag, .. }
            | Self::StageSet { flag, .. }
            | Self::RolloutStarted { flag, .. }
            | Self::RolloutDecided { flag, .. }
            | Self::SignalRaised { flag, .. }
            | Self::SignalCleared { flag, .. } => ChangeSubject::Flag(flag.as_str()),
            Self::FlagRenamed { to, .. } => ChangeSubject::Flag(to.as_str()),
            Self::KillActivated { target, .. } | Self::KillLifted { target, .. } => ChangeSubject::Flag(target),
            Self::SegmentSet { name, .. } | Self::SegmentRemoved { name } => ChangeSubject::Segment(name),
            Self::GroupSet { name, .. } | Self::GroupRemoved { name } => ChangeSubject::Group(name),
            Self::ProjectCreated { .. }
            | Self::EnvironmentCreated { .. }
            | Self::RootPublished { .. }
            | Self::StateSealed { .. }
            | Self::KillExplained { .. }
            | Self::MemberSet { .. }
            | Self::MemberRemoved { .. }
            | Self::TokenIssued { .. }
            | Self::TokenRevoked { .. }
            | Self::ApprovalsRequired { .. }
            | Self::ChangeRequested { .. }
            | Self::ChangeApproved { .. }
            | Self::ChangeRejected { .. }
            | Self::PublishStarted { .. }
            | Self::Published { .. } => return None,
        })
    }

    /// Tells whether the change is of a subject. A rename is of the key that a flag had, too.
    pub fn concerns(&self, subject: ChangeSubject<'_>) -> bool {
        let had = match self {
            Self::FlagRenamed { from, .. } => Some(ChangeSubject::Flag(from.as_str())),
            _ => None,
        };
        self.subject() == Some(subject) || had == Some(subject)
    }

    /// Returns the name of the edit as JSON has it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ProjectCreated { .. } => "project_created",
            Self::EnvironmentCreated { .. } => "environment_created",
            Self::RootPublished { .. } => "root_published",
            Self::StateSealed { .. } => "state_sealed",
            Self::MemberSet { .. } => "member_set",
            Self::MemberRemoved { .. } => "member_removed",
            Self::TokenIssued { .. } => "token_issued",
            Self::TokenRevoked { .. } => "token_revoked",
            Self::ApprovalsRequired { .. } => "approvals_required",
            Self::ChangeRequested { .. } => "change_requested",
            Self::ChangeApproved { .. } => "change_approved",
            Self::ChangeRejected { .. } => "change_rejected",
            Self::FlagCreated { .. } => "flag_created",
            Self::FlagChanged { .. } => "flag_changed",
            Self::FlagArchived { .. } => "flag_archived",
            Self::FlagRenamed { .. } => "flag_renamed",
            Self::StageSet { .. } => "stage_set",
            Self::RolloutSet { .. } => "rollout_set",
            Self::RolloutStarted { .. } => "rollout_started",
            Self::RolloutDecided { .. } => "rollout_decided",
            Self::SignalRaised { .. } => "signal_raised",
            Self::SignalCleared { .. } => "signal_cleared",
            Self::SegmentSet { .. } => "segment_set",
            Self::SegmentRemoved { .. } => "segment_removed",
            Self::GroupSet { .. } => "group_set",
            Self::GroupRemoved { .. } => "group_removed",
            Self::KillActivated { .. } => "kill_activated",
            Self::KillExplained { .. } => "kill_explained",
            Self::KillLifted { .. } => "kill_lifted",
            Self::PublishStarted { .. } => "publish_started",
            Self::Published { .. } => "published",
        }
    }
}
