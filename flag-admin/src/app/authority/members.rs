use serde::Serialize;

use crate::app::changes::proposal::Proposal;
use crate::app::error::AppError;
use crate::app::project::Project;
use crate::definition::nearest;
use crate::log::{Actor, Change, EnvironmentName, Role};

/// A member of the project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberLine<'p> {
    /// Who.
    pub member: &'p Actor,
    /// What they may change.
    pub role: Role,
}

/// Why members do not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MemberError {
    /// Nobody of that name.
    #[error("{found} is no member of the project")]
    Unknown {
        /// The name given.
        found: Actor,
        /// The member most likely meant.
        closest: Option<Actor>,
    },
    /// Nobody would be left who may change members.
    #[error("{member} is the last release manager, and the project needs one")]
    LastReleaseManager {
        /// Who.
        member: Actor,
    },
}

impl MemberError {
    pub(in crate::app) const fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown_member",
            Self::LastReleaseManager { .. } => "last_release_manager",
        }
    }

    pub(in crate::app) fn hint(&self) -> String {
        match self {
            Self::Unknown { closest: Some(closest), .. } => format!("did you mean {closest}?"),
            Self::Unknown { closest: None, .. } => "see who is: flag-admin member list".to_owned(),
            Self::LastReleaseManager { .. } => {
                "make somebody else one first: flag-admin member add NAME release_manager".to_owned()
            }
        }
    }
}

impl Project {
    /// Returns the members, in order of their names. A project without any has one owner, its release manager.
    pub fn members(&self) -> Vec<MemberLine<'_>> {
        self.state.members().iter().map(|(member, role)| MemberLine { member, role: *role }).collect()
    }

    /// Works out what making somebody a member does, or giving a member another role. With the first member, whoever is at work becomes
    /// one, too: a release manager, as before.
    pub fn propose_role(
        &self,
        environment: &EnvironmentName,
        member: &Actor,
        role: Role,
    ) -> Result<Proposal, AppError> {
        let members = self.state.members();
        let set = |member: &Actor, role| Change::MemberSet { member: member.clone(), role };
        if members.get(member) == Some(&role) {
            return self.propose(environment, Vec::new());
        }
        let owner = &self.operator.actor;
        let mut changes = Vec::new();
        if members.is_empty() && member != owner {
            changes.push(set(owner, Role::ReleaseManager));
        }
        let is_last = members.get(member).map_or(members.is_empty() && member == owner, |_| self.is_last(member));
        if is_last && role != Role::ReleaseManager {
            return Err(MemberError::LastReleaseManager { member: member.clone() }.into());
        }
        changes.push(set(member, role));
        self.propose(environment, changes)
    }

    /// Works out what removing a member does.
    pub fn propose_dismissal(&self, environment: &EnvironmentName, member: &Actor) -> Result<Proposal, AppError> {
        let members = self.state.members();
        if !members.contains_key(member) {
            let closest = nearest(member.as_str(), members.keys().map(Actor::as_str));
            let closest = members.keys().find(|known| Some(known.as_str()) == closest).cloned();
            return Err(MemberError::Unknown { found: member.clone(), closest }.into());
        }
        if self.is_last(member) {
            return Err(MemberError::LastReleaseManager { member: member.clone() }.into());
        }
        self.propose(environment, vec![Change::MemberRemoved { member: member.clone() }])
    }

    /// Tells whether a member is the only release manager.
    fn is_last(&self, member: &Actor) -> bool {
        let mut managers = self.state.members().iter().filter(|(_, role)| **role == Role::ReleaseManager);
        managers.next().is_some_and(|(known, _)| known == member) && managers.next().is_none()
    }
}
