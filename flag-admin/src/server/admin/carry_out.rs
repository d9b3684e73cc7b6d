use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::call::Call;
use crate::app::{AppError, Project, Proposal, Verdict};
use crate::log::Head;
use crate::server::desk::Opened;
use crate::server::refusal::Refusal;

/// What every change takes besides.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct How {
    /// Why, for the log.
    pub(super) reason: Option<String>,
    /// Shows what would be done, and does nothing.
    pub(super) dry_run: bool,
}

/// What is told to a change that needs to be told nothing more.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// What became of a proposal, as commands tell it with `--json`.
#[derive(Serialize)]
struct Outcome<'p> {
    applied: bool,
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<u64>,
    #[serde(flatten)]
    proposal: &'p Proposal,
    head: Head,
}

/// Writes an answer. Nothing that is answered fails to be written.
pub(super) fn told(value: impl Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|error| AppError::Seal(error).into())
}

/// Does what is proposed, if the token reaches so far, and says so.
pub(super) fn carry_out(opened: &mut Opened, call: &Call, proposal: &Proposal, how: &How) -> Result<Value, Refusal> {
    permit(call, proposal, how)?;
    call.check_head(opened, proposal.changes())?;
    make(opened, proposal, how)
}

/// Refuses what the token does not reach, and a reason that is none.
pub(super) fn permit(call: &Call, proposal: &Proposal, how: &How) -> Result<(), Refusal> {
    if let Some(reason) = &how.reason {
        Project::check_reason(reason)?;
    }
    call.caller.check_changes(proposal.environment(), proposal.changes())?;
    Ok(())
}

/// Does what is proposed and permitted, and says so. The head is not looked at: of several changes that one call makes, the first moves it.
pub(super) fn make(opened: &mut Opened, proposal: &Proposal, how: &How) -> Result<Value, Refusal> {
    let goes_on = !how.dry_run && !proposal.is_empty();
    if let (true, Verdict::Refused { refusal }) = (goes_on, proposal.access()) {
        return Err(AppError::from(refusal.clone()).into());
    }
    let committed = if goes_on { Some(opened.project.commit(proposal, how.reason.as_deref())?) } else { None };
    let head = committed.map_or(proposal.base(), |committed| committed.head);
    let request = committed.and_then(|committed| committed.request);
    told(Outcome { applied: goes_on && request.is_none(), dry_run: how.dry_run, request, proposal, head })
}

/// Works out a change in the caller's name, and does it as far as is asked.
pub(super) async fn change(
    call: Call,
    how: How,
    propose: impl FnOnce(&Opened, &Call) -> Result<Proposal, Refusal> + Send + 'static,
) -> Response {
    call.changing(move |opened, call| {
        let proposal = propose(opened, call)?;
        carry_out(opened, call, &proposal, &how)
    })
    .await
}
