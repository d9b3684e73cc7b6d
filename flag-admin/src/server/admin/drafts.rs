use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::json;

use super::body::{Media, read};
use super::call::Call;
use super::carry_out::{How, carry_out, told};
use crate::app::{AppError, Draft, DraftError, DraftStore as _};
use crate::log::{Change, Verb};
use crate::server::desk::Opened;
use crate::server::refusal::Refusal;

/// Returns the caller's own draft.
fn kept(opened: &Opened, call: &Call) -> Result<Draft, Refusal> {
    let (actor, environment) = (call.caller.holder.clone(), call.environment.clone());
    let draft = opened.folder.drafts().draft(&environment, &actor).map_err(AppError::from)?;
    Ok(draft.ok_or(AppError::Draft(DraftError::None { actor, environment }))?)
}

fn shown(opened: &Opened, draft: &Draft) -> Result<serde_json::Value, Refusal> {
    let proposal = opened.project.propose_draft(draft)?;
    told(json!({ "base": draft.base(), "changes": draft.changes(), "proposal": proposal }))
}

pub(super) async fn show(call: Call) -> Response {
    call.at(Verb::ReadConfig, |opened, call| shown(opened, &kept(opened, call)?)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Add {
    changes: Vec<Change>,
}

pub(super) async fn add(call: Call, headers: HeaderMap, body: Body) -> Response {
    let asked: Add = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    call.at(Verb::WriteFlag, move |opened, call| {
        let draft = opened.folder.drafts().draft(&call.environment, &call.caller.holder).map_err(AppError::from)?;
        let mut draft = draft.unwrap_or_else(|| Draft::new(&opened.project, &call.environment));
        draft.add(&asked.changes);
        call.caller.check_changes(&call.environment, draft.changes())?;
        call.check_head(opened, draft.changes())?;
        opened.project.propose_submitted(&call.environment, draft.changes().to_vec())?;
        let answer = shown(opened, &draft)?;
        opened.folder.drafts().keep(&draft).map_err(AppError::from)?;
        Ok(answer)
    })
    .await
}

pub(super) async fn discard(call: Call) -> Response {
    call.at(Verb::WriteFlag, |opened, call| {
        let dropped = kept(opened, call)?.changes().len();
        call.check_head(opened, &[])?;
        opened.folder.drafts().remove(&call.environment, &call.caller.holder).map_err(AppError::from)?;
        told(json!({ "dropped": dropped }))
    })
    .await
}

pub(super) async fn apply(call: Call, headers: HeaderMap, body: Body) -> Response {
    let how: How = match read(&headers, body, Media::Json).await {
        Ok(how) => how,
        Err(refusal) => return refusal.into_response(),
    };
    call.changing(move |opened, call| {
        let draft = kept(opened, call)?;
        let proposal = opened.project.propose_draft(&draft)?;
        let answer = carry_out(opened, call, &proposal, &how)?;
        if !how.dry_run {
            opened.folder.drafts().remove(draft.environment(), draft.actor()).map_err(AppError::from)?;
        }
        Ok(answer)
    })
    .await
}
