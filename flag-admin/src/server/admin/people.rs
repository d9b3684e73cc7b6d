use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use flag_core::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::body::{Media, read};
use super::call::Call;
use super::carry_out::{How, carry_out, told};
use crate::app::{AppError, Project, TokenRequest, TokenRole};
use crate::log::{Actor, EnvironmentName, NameError, Role, Verb};
use crate::server::path::Path;
use crate::server::refusal::Refusal;

pub(super) async fn whoami(call: Call) -> Response {
    call.changing(|opened, call| {
        let state = opened.project.state();
        let (caller, served) = (&call.caller, &call.environment);
        // Whoever may not see the environment that is served works in another.
        let environment =
            caller.environments.first().filter(|_| !caller.environments.contains(served)).unwrap_or(served);
        told(json!({ "project": state.project(), "environment": environment, "caller": caller, "head": state.head() }))
    })
    .await
}

pub(super) async fn members(call: Call) -> Response {
    call.of_project(Verb::ReadConfig, |opened, _| told(opened.project.members())).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Member {
    role: Role,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

fn actor(text: &str) -> Result<Actor, Refusal> {
    text.parse()
        .map_err(|error: NameError| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_actor", error.to_string()))
}

pub(super) async fn set_member(call: Call, Path(member): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let asked: Member = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    call.changing(move |opened, call| {
        let proposal = opened.project.propose_role(&call.environment, &actor(&member)?, asked.role)?;
        carry_out(opened, call, &proposal, &How { reason: asked.reason, dry_run: asked.dry_run })
    })
    .await
}

pub(super) async fn dismiss(call: Call, Path(member): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let how: How = match read(&headers, body, Media::Json).await {
        Ok(how) => how,
        Err(refusal) => return refusal.into_response(),
    };
    call.changing(move |opened, call| {
        let proposal = opened.project.propose_dismissal(&call.environment, &actor(&member)?)?;
        carry_out(opened, call, &proposal, &how)
    })
    .await
}

pub(super) async fn tokens(call: Call) -> Response {
    call.of_project(Verb::Admin, |opened, _| {
        let uses = opened.folder.token_uses().and_then(|uses| uses.uses()).map_err(AppError::from)?;
        told(opened.project.tokens(&uses))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewToken {
    holder: Actor,
    /// A role, or `reader`.
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    verbs: Vec<Verb>,
    #[serde(default)]
    environments: Vec<EnvironmentName>,
    /// 90 days from now where absent.
    #[serde(default)]
    expires_at: Option<Timestamp>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

/// How long a token is good where nobody says, in milliseconds: 90 days.
const USUAL_LIFE: i64 = 90 * 86_400_000;

pub(super) async fn issue(call: Call, headers: HeaderMap, body: Body) -> Response {
    let asked: NewToken = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    call.of_project(Verb::Admin, move |opened, call| {
        let role = match asked.role.as_deref() {
            None => TokenRole::OfHolder,
            Some("reader") => TokenRole::Reader,
            Some(role) => TokenRole::Given(role.parse().map_err(|error: crate::log::RoleError| {
                Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_role", error.to_string())
            })?),
        };
        let request = TokenRequest {
            holder: asked.holder,
            role,
            verbs: asked.verbs.into_iter().collect(),
            environments: asked.environments.into_iter().collect(),
            expires_at: asked.expires_at.or_else(|| Some(opened.project.now().saturating_add_millis(USUAL_LIFE))),
        };
        let token = opened.project.propose_token(&call.environment, &request)?;
        let how = How { reason: asked.reason, dry_run: asked.dry_run };
        let mut answer = carry_out(opened, call, &token.proposal, &how)?;
        answer["token"] = json!(token.id);
        if !how.dry_run {
            answer["secret"] = token.secret.expose().into();
        }
        Ok(answer)
    })
    .await
}

pub(super) async fn revoke(call: Call, Path(token): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let how: How = match read(&headers, body, Media::Json).await {
        Ok(how) => how,
        Err(refusal) => return refusal.into_response(),
    };
    call.changing(move |opened, call| {
        let proposal = opened.project.propose_revocation(&call.environment, &token)?;
        carry_out(opened, call, &proposal, &how)
    })
    .await
}

pub(super) async fn requests(call: Call) -> Response {
    call.at(Verb::ReadConfig, |opened, call| told(opened.project.requests(&call.environment)?)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Require {
    approvals: u8,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn require(call: Call, headers: HeaderMap, body: Body) -> Response {
    let asked: Require = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    call.changing(move |opened, call| {
        let proposal = opened.project.propose_approvals(&call.environment, asked.approvals)?;
        carry_out(opened, call, &proposal, &How { reason: asked.reason, dry_run: asked.dry_run })
    })
    .await
}

pub(super) async fn approve(call: Call, Path(request): Path<u64>, headers: HeaderMap, body: Body) -> Response {
    let how: How = match read(&headers, body, Media::Json).await {
        Ok(how) => how,
        Err(refusal) => return refusal.into_response(),
    };
    call.at(Verb::WriteFlag, move |opened, call| {
        if let Some(reason) = &how.reason {
            Project::check_reason(reason)?;
        }
        let approval = opened.project.propose_approval(&call.environment, request)?;
        let proposal = approval.proposal();
        call.caller.check_changes(&call.environment, proposal.changes())?;
        call.check_head(opened, proposal.changes())?;
        let mut head = proposal.base();
        if !how.dry_run {
            head = opened.project.approve(&approval, how.reason.as_deref())?.head;
        }
        let approved = !how.dry_run;
        told(json!({
            "request": request, "approved": approved, "dry_run": how.dry_run, "by": approval.by(),
            "plan": proposal.plan(), "edits": proposal.edits(), "head": head,
        }))
    })
    .await
}

pub(super) async fn reject(call: Call, Path(request): Path<u64>, headers: HeaderMap, body: Body) -> Response {
    let how: How = match read(&headers, body, Media::Json).await {
        Ok(how) => how,
        Err(refusal) => return refusal.into_response(),
    };
    call.at(Verb::WriteFlag, move |opened, call| {
        if let Some(reason) = &how.reason {
            Project::check_reason(reason)?;
        }
        let by = opened.project.propose_rejection(&call.environment, request)?;
        call.check_head(opened, &[])?;
        let head = if how.dry_run {
            opened.project.state().head()
        } else {
            opened.project.reject(&call.environment, request, how.reason.as_deref())?.head
        };
        told(json!({ "request": request, "approved": false, "dry_run": how.dry_run, "by": by, "head": head }))
    })
    .await
}
