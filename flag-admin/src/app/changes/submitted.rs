use flag_core::FlagKey;
use flag_core::wire::Kind;

use super::apply::keep_identity;
use super::proposal::Proposal;
use crate::app::authority::approvals::ApprovalError;
use crate::app::authority::members::MemberError;
use crate::app::error::{AppError, Failure};
use crate::app::flags::rollout::RolloutError;
use crate::app::kills::kill::KillError;
use crate::app::project::Project;
use crate::log::{Change, EnvironmentName, EnvironmentState, Role};

/// Why changes that another program made are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// It is made by a use case of its own, and by nothing else.
    #[error("a change of type {change} cannot be submitted")]
    NotSubmittable {
        /// The change's name.
        change: &'static str,
    },
    /// A kill's id could meet another.
    #[error("kill id {found:?} is not k- and 32 hexadecimal digits")]
    KillId {
        /// The id given.
        found: Box<str>,
    },
}

impl Failure for SubmitError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotSubmittable { .. } => "not_submittable",
            Self::KillId { .. } => "bad_kill_id",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotSubmittable { .. } => Some("see /openapi.json for what does it".to_owned()),
            Self::KillId { .. } => None,
        }
    }
}

impl Project {
    /// Works out what changes do that another program made, such as a command on another machine: those that a use case here could have
    /// made, and no others. Who may make them is judged as for any proposal.
    pub fn propose_submitted(&self, environment: &EnvironmentName, changes: Vec<Change>) -> Result<Proposal, AppError> {
        let begun = EnvironmentState::default();
        let (before, checked) = match changes.split_first() {
            Some((Change::EnvironmentCreated { environment: new }, rest)) if new == environment => (&begun, rest),
            _ => (self.environment(environment)?, changes.as_slice()),
        };
        for change in checked {
            self.check_submitted(before, change)?;
        }
        let after = self.imagine(environment, &changes, &mut Vec::new())?;
        let managers = after.members().values().filter(|role| **role == Role::ReleaseManager).count();
        if managers == 0
            && !after.members().is_empty()
            && let Some((member, _)) = self.state.members().iter().find(|(_, role)| **role == Role::ReleaseManager)
        {
            return Err(MemberError::LastReleaseManager { member: member.clone() }.into());
        }
        if changes.iter().any(|change| matches!(change, Change::ApprovalsRequired { approvals: 1.. })) && managers < 2 {
            return Err(ApprovalError::TooFew { environment: environment.clone(), found: managers }.into());
        }
        self.propose(environment, changes)
    }

    fn check_submitted(&self, before: &EnvironmentState, change: &Change) -> Result<(), AppError> {
        match change {
            Change::FlagCreated { key, definition } | Change::FlagChanged { key, definition } => {
                let held = before.flags.get(key).or_else(|| before.archived.get(key));
                if let Some(held) = held {
                    keep_identity(key, &held.definition.flag, &mut definition.flag.clone())?;
                }
                Ok(())
            }
            Change::RolloutSet { flag, .. } => match before.flags.get(flag) {
                Some(held) if held.definition.flag.kind == Kind::KillSwitch => {
                    Err(RolloutError::KillSwitch { flag: flag.clone() }.into())
                }
                _ => Ok(()),
            },
            Change::KillActivated { id, target, .. } => check_kill(before, id, target),
            Change::ApprovalsRequired { approvals: found @ 2.. } => {
                Err(ApprovalError::TooMany { found: *found }.into())
            }
            Change::TokenIssued { grant, .. } => self.check_grant(grant),
            Change::FlagArchived { .. }
            | Change::FlagRenamed { .. }
            | Change::StageSet { .. }
            | Change::SignalRaised { .. }
            | Change::SignalCleared { .. }
            | Change::SegmentSet { .. }
            | Change::SegmentRemoved { .. }
            | Change::GroupSet { .. }
            | Change::GroupRemoved { .. }
            | Change::KillLifted { .. }
            | Change::KillExplained { .. }
            | Change::TokenRevoked { .. }
            | Change::MemberSet { .. }
            | Change::MemberRemoved { .. }
            | Change::ApprovalsRequired { .. } => Ok(()),
            other => Err(SubmitError::NotSubmittable { change: other.name() }.into()),
        }
    }
}

fn check_kill(before: &EnvironmentState, id: &str, target: &str) -> Result<(), AppError> {
    let digits = id.strip_prefix("k-").unwrap_or_default();
    if digits.len() != 32 || !digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(SubmitError::KillId { found: id.chars().take(40).collect::<String>().into() }.into());
    }
    target.parse::<FlagKey>().map_err(|source| KillError::Target { target: target.into(), source })?;
    match before.kill_of(target) {
        Some(kill) => {
            let (by, since) = (kill.by.clone(), kill.since);
            Err(KillError::AlreadyKilled { target: target.into(), by, since }.into())
        }
        None => Ok(()),
    }
}
