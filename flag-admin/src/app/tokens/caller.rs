//! Who calls: a token that was presented, proved against those that were issued.

use std::collections::BTreeSet;

use serde::Serialize;
use subtle::ConstantTimeEq as _;

use super::text;
use crate::app::error::Failure;
use crate::app::project::{Operator, Project};
use crate::log::{Actor, Change, Digest, EnvironmentName, Role, TokenId, Verb};

/// Whoever presented a good token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Caller {
    /// The token's public name.
    pub token: TokenId,
    /// As whom they act.
    pub holder: Actor,
    /// In which role; none if they only read.
    pub role: Option<Role>,
    /// What the token lets them do.
    pub verbs: BTreeSet<Verb>,
    /// Where; everywhere if empty.
    pub environments: BTreeSet<EnvironmentName>,
}

/// Why a token proves nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// None was presented.
    #[error("a token is missing")]
    Missing,
    /// It is no token, of an unknown id, revoked, or has another secret: which of them is nobody's business.
    #[error("the token is not valid")]
    Invalid,
    /// It was good once.
    #[error("token {token} expired at {at}")]
    Expired {
        /// Its public name.
        token: TokenId,
        /// When.
        at: flag_core::Timestamp,
    },
}

impl Failure for CredentialError {
    fn code(&self) -> &'static str {
        match self {
            Self::Missing => "no_token",
            Self::Invalid => "bad_token",
            Self::Expired { .. } => "token_expired",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Missing => "send it as: Authorization: Bearer TOKEN".to_owned(),
            Self::Invalid => "see whether it is whole, and was not revoked: flag-admin token list".to_owned(),
            Self::Expired { .. } => "issue another: flag-admin token new HOLDER".to_owned(),
        })
    }
}

/// Why a good token does not reach so far.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScopeError {
    /// It was not issued for this.
    #[error("token {token} does not allow {needed}, it allows {}", listed(granted))]
    Verb {
        /// Its public name.
        token: TokenId,
        /// What is needed.
        needed: Verb,
        /// What it allows.
        granted: BTreeSet<Verb>,
    },
    /// It was issued for other environments.
    #[error("token {token} is for {}, not for {}", listed(granted), needed.as_ref().map_or("the whole project", EnvironmentName::as_str))]
    Environment {
        /// Its public name.
        token: TokenId,
        /// Where it would be used; the whole project where absent.
        needed: Option<EnvironmentName>,
        /// Where it is good.
        granted: BTreeSet<EnvironmentName>,
    },
    /// Its holder's role is another now.
    #[error(
        "token {token} was issued to {holder} as {issued}, who is {} now",
        found.map_or_else(|| "no member".to_owned(), |role| role.to_string())
    )]
    Role {
        /// Its public name.
        token: TokenId,
        /// Its holder.
        holder: Actor,
        /// The role it was issued for.
        issued: Role,
        /// The role that the holder has, if any.
        found: Option<Role>,
    },
}

fn listed<T: ToString>(things: &BTreeSet<T>) -> String {
    things.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Failure for ScopeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Verb { .. } => "token_verb",
            Self::Environment { .. } => "token_environment",
            Self::Role { .. } => "token_role",
        }
    }

    fn hint(&self) -> Option<String> {
        Some("use a token that does, or have one issued: flag-admin token new HOLDER --can VERBS".to_owned())
    }
}

impl Caller {
    /// Refuses what the token was not issued for: an action in an environment, or, where none is named, in the whole project.
    pub fn check(&self, needed: Verb, environment: Option<&EnvironmentName>) -> Result<(), ScopeError> {
        if !self.verbs.contains(&needed) {
            let (token, granted) = (self.token.clone(), self.verbs.clone());
            return Err(ScopeError::Verb { token, needed, granted });
        }
        if self.environments.is_empty() || environment.is_some_and(|name| self.environments.contains(name)) {
            return Ok(());
        }
        let (token, granted) = (self.token.clone(), self.environments.clone());
        Err(ScopeError::Environment { token, needed: environment.cloned(), granted })
    }

    /// Refuses changes that the token was not issued for.
    pub fn check_changes(&self, environment: &EnvironmentName, changes: &[Change]) -> Result<(), ScopeError> {
        changes.iter().try_for_each(|change| {
            let place = (!change.is_of_project()).then_some(environment);
            self.check(verb_for(change), place)
        })
    }

    /// Returns who is at work, for the policy to judge. A token follows its holder: once a member's role is another than the token was
    /// issued for, [`Project::check_holder`] refuses it.
    pub fn operator(&self) -> Operator {
        // Whoever only reads never gets to a change: their verbs end before.
        Operator { actor: self.holder.clone(), role: self.role.unwrap_or(Role::Engineer) }
    }
}

/// Returns what a token has to allow for a change.
pub const fn verb_for(change: &Change) -> Verb {
    match change {
        Change::PublishStarted { .. } | Change::Published { .. } => Verb::Publish,
        // A leaked token is taken back by whoever may kill.
        Change::KillActivated { .. }
        | Change::KillExplained { .. }
        | Change::KillLifted { .. }
        | Change::TokenRevoked { .. } => Verb::Kill,
        Change::FlagCreated { .. }
        | Change::FlagChanged { .. }
        | Change::FlagArchived { .. }
        | Change::FlagRenamed { .. }
        | Change::StageSet { .. }
        | Change::RolloutSet { .. }
        | Change::RolloutStarted { .. }
        | Change::RolloutDecided { .. }
        | Change::SignalRaised { .. }
        | Change::SignalCleared { .. }
        | Change::SegmentSet { .. }
        | Change::SegmentRemoved { .. }
        | Change::GroupSet { .. }
        | Change::GroupRemoved { .. }
        | Change::ChangeRequested { .. }
        | Change::ChangeApproved { .. }
        | Change::ChangeRejected { .. } => Verb::WriteFlag,
        _ => Verb::Admin,
    }
}

impl Project {
    /// Returns who presented a token, by the tokens as the log has them now: [`Project::refresh`] first, and a revocation counts at once.
    pub fn authenticate(&self, presented: &str) -> Result<Caller, CredentialError> {
        let presented = text::parse(presented).ok_or(CredentialError::Invalid)?;
        let known = self.state.tokens().get(&presented.id);
        // An unknown id costs what a wrong secret does.
        let expected = known.map_or(Digest::GENESIS, |token| token.grant.hash);
        let is_it = bool::from(expected.as_bytes().ct_eq(presented.secret.as_bytes()));
        let Some(grant) = known.filter(|_| is_it).map(|token| &token.grant) else {
            return Err(CredentialError::Invalid);
        };
        if let Some(at) = grant.expires_at.filter(|at| *at <= self.now()) {
            return Err(CredentialError::Expired { token: presented.id, at });
        }
        Ok(Caller {
            token: presented.id,
            holder: grant.holder.clone(),
            role: grant.role,
            verbs: grant.verbs.clone(),
            environments: grant.environments.clone(),
        })
    }

    /// Refuses a caller whose role is another by now than the token was issued for.
    pub fn check_holder(&self, caller: &Caller) -> Result<(), ScopeError> {
        let members = self.state.members();
        let Some(issued) = caller.role.filter(|_| !members.is_empty()) else { return Ok(()) };
        let found = members.get(&caller.holder).copied();
        if found == Some(issued) {
            return Ok(());
        }
        Err(ScopeError::Role { token: caller.token.clone(), holder: caller.holder.clone(), issued, found })
    }
}
