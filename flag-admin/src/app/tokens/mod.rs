//! Tokens: what the server is used with. They are entries of the log, so that a revocation reaches every replica with the head, and the
//! log says who could do what, when. Only their last use is kept apart.

mod caller;
mod text;
mod throttle;

use std::collections::{BTreeMap, BTreeSet};

use flag_core::Timestamp;
use serde::Serialize;

pub use caller::{Caller, CredentialError, ScopeError, verb_for};
pub use text::TokenSecret;
pub use throttle::{FAILURES_PER_MINUTE, Throttle};

use super::error::{AppError, Failure};
use super::project::Project;
use crate::app::authority::policy::PolicyError;
use crate::app::changes::proposal::Proposal;
use crate::definition::nearest;
use crate::log::{Actor, Change, EnvironmentName, Grant, Role, TokenId, Verb};

/// In which role a token's bearer acts.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum TokenRole {
    /// In that of the member who holds it; in none where no members are declared.
    #[default]
    OfHolder,
    /// In none: the token only reads.
    Reader,
    /// In this one, which must be the holder's where members are declared.
    Given(Role),
}

/// A token that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRequest {
    /// As whom its bearer acts.
    pub holder: Actor,
    /// In which role.
    pub role: TokenRole,
    /// What it lets its bearer do; what the role is for, if empty.
    pub verbs: BTreeSet<Verb>,
    /// Where; everywhere if empty.
    pub environments: BTreeSet<EnvironmentName>,
    /// From when on it is good for nothing.
    pub expires_at: Option<Timestamp>,
}

/// A token that is ready to be issued.
#[derive(Debug)]
pub struct NewToken {
    /// Its public name.
    pub id: TokenId,
    /// Its text, which nothing keeps.
    pub secret: TokenSecret,
    /// What it is good for.
    pub grant: Grant,
    /// What issuing it does.
    pub proposal: Proposal,
}

/// A token in one line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TokenLine<'p> {
    /// Its public name.
    pub token: &'p TokenId,
    /// As whom its bearer acts.
    pub holder: &'p Actor,
    /// In which role; none if it only reads.
    pub role: Option<Role>,
    /// What it lets its bearer do.
    pub verbs: &'p BTreeSet<Verb>,
    /// Where; everywhere if empty.
    pub environments: &'p BTreeSet<EnvironmentName>,
    /// When it was issued.
    pub issued: Timestamp,
    /// Who issued it.
    pub by: &'p Actor,
    /// From when on it is good for nothing.
    pub expires_at: Option<Timestamp>,
    /// Whether it is good for nothing now.
    pub expired: bool,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
}

/// Why tokens do not change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The role is not that of the member.
    #[error("{holder} is {member} and no {asked}, so a token cannot say so")]
    OtherRole {
        /// The member.
        holder: Actor,
        /// The role that the member has.
        member: Role,
        /// The role asked for.
        asked: Role,
    },
    /// More than the role is for.
    #[error("a token of {} has no use for {verb}", role.map_or_else(|| "a reader".to_owned(), |role| format!("role {role}")))]
    Verb {
        /// The role, if any.
        role: Option<Role>,
        /// What was asked for.
        verb: Verb,
    },
    /// It would never be good for anything.
    #[error("the token would expire at {at}, which is past")]
    Past {
        /// The time given.
        at: Timestamp,
    },
    /// No such token.
    #[error("there is no token {found}")]
    Unknown {
        /// The id given.
        found: TokenId,
        /// The id most likely meant.
        closest: Option<TokenId>,
    },
    /// The text is neither an id nor a token.
    #[error("that is neither a token nor a token's id")]
    Text,
}

impl Failure for TokenError {
    fn code(&self) -> &'static str {
        match self {
            Self::OtherRole { .. } => "other_role",
            Self::Verb { .. } => "bad_verb",
            Self::Past { .. } => "past_expiry",
            Self::Unknown { .. } => "unknown_token",
            Self::Text => "bad_token",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::OtherRole { .. } => {
                Some("make another member for it, such as ci: flag-admin member add ci ROLE".to_owned())
            }
            Self::Verb { role, .. } => {
                let verbs: Vec<&str> = allowed(*role).iter().map(|verb| verb.as_str()).collect();
                Some(format!("it may have: {}", verbs.join(", ")))
            }
            Self::Past { .. } => Some("give a span, such as --expires 90d".to_owned()),
            Self::Unknown { closest: Some(closest), .. } => Some(format!("did you mean {closest}?")),
            Self::Unknown { closest: None, .. } | Self::Text => Some("see them: flag-admin token list".to_owned()),
        }
    }
}

/// Returns everything that a token of a role can be good for.
const fn allowed(role: Option<Role>) -> &'static [Verb] {
    use Verb::{Kill, Publish, ReadConfig, ReadEval, WriteFlag};
    match role {
        None => &[ReadEval, ReadConfig],
        Some(Role::ReleaseManager) => &Verb::ALL,
        Some(Role::EngineeringLead) => &[ReadEval, ReadConfig, WriteFlag, Kill, Publish],
        Some(Role::Engineer) => &[ReadEval, ReadConfig, WriteFlag, Kill],
        Some(Role::EmergencyResponder) => &[ReadEval, ReadConfig, Kill],
    }
}

impl Project {
    /// Draws a token, and works out what issuing it does. It is good once the proposal is committed.
    pub fn propose_token(&self, environment: &EnvironmentName, request: &TokenRequest) -> Result<NewToken, AppError> {
        let TokenRequest { holder, environments, expires_at, .. } = request;
        let role = self.role_of_token(request)?;
        self.check_request(request, role)?;
        let verbs = match (request.verbs.is_empty(), role) {
            (false, _) => request.verbs.clone(),
            (true, None) => BTreeSet::from([Verb::ReadEval]),
            (true, Some(_)) => allowed(role).iter().copied().collect(),
        };
        let [id, first, second] = [self.ports.random.draw()?, self.ports.random.draw()?, self.ports.random.draw()?];
        let mut secret = [0_u8; 32];
        for (to, from) in secret.iter_mut().zip(first.iter().chain(&second)) {
            *to = *from;
        }
        let (secret, id, hash) = text::compose(role, &id, &secret).ok_or(TokenError::Text)?;
        let (holder, environments, expires_at) = (holder.clone(), environments.clone(), *expires_at);
        let grant = Grant { holder, role, verbs, environments, expires_at, hash };
        let change = Change::TokenIssued { id: id.clone(), grant: Box::new(grant.clone()) };
        let proposal = self.propose(environment, vec![change])?;
        Ok(NewToken { id, secret, grant, proposal })
    }

    /// Refuses a grant that no token could have been asked for with.
    pub(super) fn check_grant(&self, grant: &Grant) -> Result<(), AppError> {
        let Grant { holder, role, verbs, environments, .. } = grant;
        let request = TokenRequest {
            holder: holder.clone(),
            role: role.map_or(TokenRole::Reader, TokenRole::Given),
            verbs: verbs.clone(),
            environments: environments.clone(),
            expires_at: grant.expires_at,
        };
        self.check_request(&request, self.role_of_token(&request)?)
    }

    fn check_request(&self, request: &TokenRequest, role: Option<Role>) -> Result<(), AppError> {
        for name in &request.environments {
            self.environment(name)?;
        }
        if let Some(at) = request.expires_at.filter(|at| *at <= self.now()) {
            return Err(TokenError::Past { at }.into());
        }
        match request.verbs.iter().find(|verb| !allowed(role).contains(verb)) {
            Some(verb) => Err(TokenError::Verb { role, verb: *verb }.into()),
            None => Ok(()),
        }
    }

    fn role_of_token(&self, request: &TokenRequest) -> Result<Option<Role>, AppError> {
        let members = self.state.members();
        let holder = &request.holder;
        let given = match request.role {
            TokenRole::Reader => return Ok(None),
            TokenRole::OfHolder => None,
            TokenRole::Given(role) => Some(role),
        };
        if members.is_empty() {
            return Ok(given);
        }
        match (members.get(holder), given) {
            (Some(member), Some(asked)) if *member != asked => {
                Err(TokenError::OtherRole { holder: holder.clone(), member: *member, asked }.into())
            }
            (Some(member), _) => Ok(Some(*member)),
            (None, _) => {
                let managers = members.iter().filter(|(_, role)| **role == Role::ReleaseManager);
                let release_managers = managers.map(|(member, _)| member.clone()).collect();
                Err(PolicyError::NotAMember { actor: holder.clone(), release_managers }.into())
            }
        }
    }

    /// Works out what revoking a token does. It is named by its id, or given whole, as whoever finds a leaked one has it.
    pub fn propose_revocation(&self, environment: &EnvironmentName, token: &str) -> Result<Proposal, AppError> {
        let id = token.parse::<TokenId>().ok().or_else(|| text::parse(token).map(|presented| presented.id));
        let id = id.ok_or(TokenError::Text)?;
        let tokens = self.state.tokens();
        if !tokens.contains_key(&id) {
            let closest = nearest(id.as_str(), tokens.keys().map(TokenId::as_str)).and_then(|id| id.parse().ok());
            return Err(TokenError::Unknown { found: id, closest }.into());
        }
        self.propose(environment, vec![Change::TokenRevoked { id }])
    }

    /// Returns the tokens that were issued and not revoked, by holder, with when each was last used.
    pub fn tokens<'p>(&'p self, uses: &BTreeMap<TokenId, Timestamp>) -> Vec<TokenLine<'p>> {
        let now = self.now();
        let mut lines: Vec<TokenLine<'p>> = self
            .state
            .tokens()
            .iter()
            .map(|(token, state)| TokenLine {
                token,
                holder: &state.grant.holder,
                role: state.grant.role,
                verbs: &state.grant.verbs,
                environments: &state.grant.environments,
                issued: state.issued,
                by: &state.by,
                expires_at: state.grant.expires_at,
                expired: state.grant.expires_at.is_some_and(|at| at <= now),
                used_at: uses.get(token).copied(),
            })
            .collect();
        lines.sort_by_key(|line| (line.holder, line.issued, line.token));
        lines
    }
}
