use clap::Args;
use serde::Serialize;

use super::arguments::ChangeArguments;
use super::change::{Extent, carry_out, counted};
use super::plan_text;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, LOOK_FIRST, Meaning, Terminal, columns};
use crate::app::{Project, Proposal};
use crate::log::{EnvironmentName, Head};

#[derive(Debug, Args)]
pub(super) struct ApproveArguments {
    /// The request
    #[arg(required_unless_present_any = ["list", "require"])]
    pub(super) request: Option<u64>,
    /// List the requests that wait
    #[arg(long, conflicts_with_all = ["request", "require"])]
    pub(super) list: bool,
    /// Let every change of the environment need so many approvals, 0 or 1
    #[arg(long, value_name = "N", conflicts_with = "request")]
    pub(super) require: Option<u8>,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct RejectArguments {
    /// The request
    pub(super) request: u64,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

/// What became of a request.
#[derive(Serialize)]
struct Settled<'p> {
    request: u64,
    approved: bool,
    dry_run: bool,
    #[serde(flatten)]
    proposal: Option<&'p Proposal>,
    head: Head,
}

/// Lists what waits, says how many approvals are needed, or approves a request.
pub(super) fn approve(
    session: &Session,
    terminal: &mut Terminal<'_>,
    arguments: &ApproveArguments,
) -> Result<(), Stop> {
    let ApproveArguments { request, list: _, require, change } = arguments;
    let mut opened = session.open_logged()?;
    if let Some(approvals) = require {
        let proposal = opened.project.propose_approvals(&opened.environment, *approvals)?;
        return carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref());
    }
    let Some(request) = *request else {
        return list(&opened.project, &opened.environment, terminal);
    };
    if let Some(reason) = change.reason.as_deref() {
        Project::check_reason(reason)?;
    }
    let approval = opened.project.propose_approval(&opened.environment, request)?;
    let proposal = approval.proposal();
    if terminal.form() == Form::Text {
        terminal.line(format_args!("request {request} by {}", approval.by()))?;
        plan_text::print(terminal, proposal)?;
    }
    let approved = change.extent() != Extent::Show;
    let mut head = proposal.base();
    if approved {
        let changes = counted(proposal.changes().len(), "change");
        terminal.confirm(&format!("Approve and apply {changes} to {}?", opened.environment), LOOK_FIRST)?;
        head = opened.project.approve(&approval, change.reason.as_deref())?.head;
    }
    if terminal.form() == Form::Json {
        return terminal.json(&Settled { request, approved, dry_run: !approved, proposal: Some(proposal), head });
    }
    let environment = &opened.environment;
    if !approved {
        return terminal.line(format_args!("request {request}, not approved"));
    }
    terminal.line(format_args!(
        "approved request {request} and applied it to {environment}; the log ends with entry {head}"
    ))
}

/// Turns a request down, or takes it back.
pub(super) fn reject(session: &Session, terminal: &mut Terminal<'_>, arguments: &RejectArguments) -> Result<(), Stop> {
    let RejectArguments { request, change: ChangeArguments { dry_run, reason } } = arguments;
    let (request, dry_run) = (*request, *dry_run);
    let mut opened = session.open_logged()?;
    if let Some(reason) = reason {
        Project::check_reason(reason)?;
    }
    let by = opened.project.propose_rejection(&opened.environment, request)?;
    let head = if dry_run {
        opened.project.state().head()
    } else {
        opened.project.reject(&opened.environment, request, reason.as_deref())?.head
    };
    if terminal.form() == Form::Json {
        return terminal.json(&Settled { request, approved: false, dry_run, proposal: None, head });
    }
    if dry_run {
        return terminal.line(format_args!("request {request} by {by}, not rejected"));
    }
    terminal.line(format_args!("rejected request {request}; nothing was changed"))
}

fn list(project: &Project, environment: &EnvironmentName, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let requests = project.requests(environment)?;
    if terminal.form() == Form::Json {
        return terminal.json(&requests);
    }
    if requests.is_empty() {
        return terminal.line(format_args!("no requests wait in {environment}"));
    }
    let mut rows = vec![["REQUEST", "BY", "SINCE", "CHANGES"].map(str::to_owned).to_vec()];
    for line in &requests {
        rows.push(vec![
            terminal.paint(Meaning::Name, line.request),
            line.by.to_string(),
            line.since.to_string(),
            line.sentences.join("; "),
        ]);
    }
    columns(&rows).iter().try_for_each(|line| terminal.line(line))
}
