use serde::Serialize;

use super::policy::{Action, Stake, Verdict, who_may};
use crate::app::changes::proposal::{Committed, Proposal};
use crate::app::error::AppError;
use crate::app::history::lines::HistoryLine;
use crate::app::project::Project;
use crate::log::{Actor, Change, EnvironmentName, PendingRequest, Role, sentence};

/// A request as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestLine<'p> {
    /// Its number: the entry of the log that asked.
    pub request: u64,
    /// Who asked.
    pub by: &'p Actor,
    /// When.
    pub since: flag_core::Timestamp,
    /// Why.
    pub reason: Option<&'p str>,
    /// What it would do, in words.
    pub sentences: Vec<String>,
}

/// A request with what its changes come to now.
#[derive(Clone, Debug)]
pub struct Approval {
    request: u64,
    by: Actor,
    reason: Option<String>,
    proposal: Proposal,
}

impl Approval {
    /// Returns what is approved.
    pub const fn proposal(&self) -> &Proposal {
        &self.proposal
    }

    /// Returns who asked.
    pub const fn by(&self) -> &Actor {
        &self.by
    }

    /// Returns the reason that the log gets: which request was approved, and why it was made.
    fn reason(&self, given: Option<&str>) -> String {
        let whose = format!("request {} by {}", self.request, self.by);
        [self.reason.as_deref(), given].into_iter().flatten().fold(whose, |text, reason| format!("{text}; {reason}"))
    }
}

/// Why a request is not settled, or approvals cannot be asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalError {
    /// No such request waits.
    #[error("no request {request} waits in {environment}")]
    Unknown {
        /// The number given.
        request: u64,
        /// The environment.
        environment: EnvironmentName,
        /// Those that wait.
        waiting: Vec<u64>,
    },
    /// Nobody approves their own.
    #[error("request {request} is by {by}, and nobody approves their own")]
    Own {
        /// The request.
        request: u64,
        /// Who asked.
        by: Actor,
    },
    /// Its changes would do something else now.
    #[error("request {request} would do something else now: {}", moved(since))]
    Moved {
        /// The request.
        request: u64,
        /// What was changed since it was made, oldest first.
        since: Vec<HistoryLine>,
    },
    /// Nobody could approve.
    #[error(
        "{environment} cannot require an approval: it takes two release managers, who alone may lift that, found {found}"
    )]
    TooFew {
        /// The environment.
        environment: EnvironmentName,
        /// How many there are.
        found: usize,
    },
    /// More approvals than are known.
    #[error("{found} approvals cannot be required, expected 0 or 1")]
    TooMany {
        /// The number given.
        found: u8,
    },
}

fn moved(since: &[HistoryLine]) -> String {
    match since {
        [] => "time has passed".to_owned(),
        lines => {
            let told: Vec<String> =
                lines.iter().map(|line| format!("{} {} (entry {})", line.actor, line.sentence, line.seq)).collect();
            format!("since then {}", told.join("; "))
        }
    }
}

impl ApprovalError {
    pub(in crate::app) const fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "no_request",
            Self::Own { .. } => "own_request",
            Self::Moved { .. } => "request_moved",
            Self::TooFew { .. } => "too_few_members",
            Self::TooMany { .. } => "bad_approvals",
        }
    }

    pub(in crate::app) fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { waiting, .. } if waiting.is_empty() => Some("none waits".to_owned()),
            Self::Unknown { waiting, .. } => {
                let waiting: Vec<String> = waiting.iter().map(ToString::to_string).collect();
                Some(format!("waiting: {}", waiting.join(", ")))
            }
            Self::Own { request, .. } => Some(format!("take it back: flag-admin reject {request}")),
            Self::Moved { request, .. } => {
                Some(format!("turn it down, and ask for it anew: flag-admin reject {request} --reason TEXT"))
            }
            Self::TooFew { .. } => Some("make somebody one: flag-admin member add NAME release_manager".to_owned()),
            Self::TooMany { .. } => None,
        }
    }
}

impl Project {
    /// Returns the requests that wait for approval, oldest first.
    pub fn requests<'p>(&'p self, environment: &EnvironmentName) -> Result<Vec<RequestLine<'p>>, AppError> {
        let state = self.environment(environment)?;
        let line = |(request, pending): (&u64, &'p PendingRequest)| RequestLine {
            request: *request,
            by: &pending.by,
            since: pending.since,
            reason: pending.reason.as_deref(),
            sentences: pending.changes.iter().map(|change| sentence(change, Some(state))).collect(),
        };
        Ok(state.requests.iter().map(line).collect())
    }

    /// Asks for an approval of what was proposed. Nothing changes but the log.
    pub(in crate::app) fn request(&mut self, proposal: &Proposal, reason: Option<&str>) -> Result<Committed, AppError> {
        let effect = proposal.effect().map_err(AppError::Seal)?;
        let change = Change::ChangeRequested { changes: proposal.changes().to_vec(), effect };
        let committed = self.append(proposal.environment(), &[change], reason)?;
        Ok(Committed { request: self.newest_request(proposal.environment()), ..committed })
    }

    fn newest_request(&self, environment: &EnvironmentName) -> Option<u64> {
        self.state.environment(environment)?.requests.keys().next_back().copied()
    }

    /// Works out what approving a request does: the very changes that were asked for, with the very effect that was shown. Refuses whoever
    /// asked, whoever could not make the changes, and a request that would do something else now.
    pub fn propose_approval(&self, environment: &EnvironmentName, request: u64) -> Result<Approval, AppError> {
        let PendingRequest { changes, effect, by, reason, .. } = self.pending(environment, request)?;
        self.role()?;
        if *by == self.operator.actor {
            return Err(ApprovalError::Own { request, by: by.clone() }.into());
        }
        let moved = || -> AppError {
            match self.changed_since(environment, request) {
                Ok(since) => ApprovalError::Moved { request, since }.into(),
                Err(error) => error,
            }
        };
        let proposal = self.propose(environment, changes.clone()).map_err(|_| moved())?;
        if let Verdict::Refused { refusal } = proposal.access() {
            return Err(refusal.clone().into());
        }
        if proposal.effect().map_err(AppError::Seal)? != *effect {
            return Err(moved());
        }
        Ok(Approval { request, by: by.clone(), reason: reason.clone(), proposal })
    }

    /// Appends the approval and the changes approved, all or none. Refuses if the log has moved on since.
    pub fn approve(&mut self, approval: &Approval, reason: Option<&str>) -> Result<Committed, AppError> {
        let proposal = &approval.proposal;
        self.check_base(proposal)?;
        let approved = Change::ChangeApproved { request: approval.request };
        let changes: Vec<Change> = [approved].into_iter().chain(proposal.changes().iter().cloned()).collect();
        self.append(proposal.environment(), &changes, Some(&approval.reason(reason)))
    }

    /// Tells whose request would be turned down, and refuses whoever may not.
    pub fn propose_rejection(&self, environment: &EnvironmentName, request: u64) -> Result<Actor, AppError> {
        let pending = self.pending(environment, request)?;
        let role = self.role()?;
        if pending.by != self.operator.actor && !who_may(Action::Edit, Stake::Feature).contains(&role) {
            match self.propose(environment, pending.changes.clone())?.access() {
                Verdict::Refused { refusal } => return Err(refusal.clone().into()),
                Verdict::Allowed | Verdict::NeedsApproval { .. } => {}
            }
        }
        Ok(pending.by.clone())
    }

    /// Turns a request down; whoever asked takes it back. Nothing changes but the log.
    pub fn reject(
        &mut self,
        environment: &EnvironmentName,
        request: u64,
        reason: Option<&str>,
    ) -> Result<Committed, AppError> {
        self.propose_rejection(environment, request)?;
        self.append(environment, &[Change::ChangeRejected { request }], reason)
    }

    /// Works out what it takes that every change of an environment needs so many approvals, 0 or 1.
    pub fn propose_approvals(&self, environment: &EnvironmentName, approvals: u8) -> Result<Proposal, AppError> {
        let state = self.environment(environment)?;
        if approvals > 1 {
            return Err(ApprovalError::TooMany { found: approvals }.into());
        }
        let may = who_may(Action::Govern, Stake::Project);
        let found = self.state.members().values().filter(|role: &&Role| may.contains(role)).count();
        if approvals > 0 && found < 2 {
            return Err(ApprovalError::TooFew { environment: environment.clone(), found }.into());
        }
        let change = Change::ApprovalsRequired { approvals };
        self.propose(environment, if state.approvals_required == approvals { Vec::new() } else { vec![change] })
    }

    fn pending(&self, environment: &EnvironmentName, request: u64) -> Result<&PendingRequest, AppError> {
        let state = self.environment(environment)?;
        let unknown = || ApprovalError::Unknown {
            request,
            environment: environment.clone(),
            waiting: state.requests.keys().copied().collect(),
        };
        state.requests.get(&request).ok_or_else(|| unknown().into())
    }
}
