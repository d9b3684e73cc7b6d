use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Media, read};
use super::call::Call;
use super::carry_out::{How, carry_out, told};
use crate::app::ports::LogError;
use crate::app::{AppError, audit};
use crate::log::{StoredCheckpoint, Verb};
use crate::server::refusal::Refusal;

/// How many bytes of entries are answered at once, about.
const ROWS_BYTES: usize = 4 * 1024 * 1024;

pub(super) async fn log(call: Call) -> Response {
    let limit = match call.number("limit") {
        Ok(limit) => limit.and_then(|limit| usize::try_from(limit).ok()),
        Err(refusal) => return refusal.into_response(),
    };
    let is_of_one = call.text("environment").is_some();
    let needed = Verb::ReadConfig;
    let work = move |opened: &mut crate::server::desk::Opened, call: &Call| {
        let environment = is_of_one.then_some(&call.environment);
        told(opened.project.history(environment, limit).map_err(AppError::from)?)
    };
    if is_of_one { call.at(needed, work).await } else { call.of_project(needed, work).await }
}

pub(super) async fn verify(call: Call) -> Response {
    call.of_project(Verb::ReadConfig, |opened, _| {
        let log = opened.folder.log().map_err(AppError::from)?;
        told(audit(&*log, None)?)
    })
    .await
}

/// Answers entries as they are stored, for programs that prove and fold them: `[[seq, hash, base64]]`, and the head of the same moment.
/// Where more follow than fit, `head` is null.
pub(super) async fn rows(call: Call) -> Response {
    let after = match call.number("after") {
        Ok(after) => after.unwrap_or(0),
        Err(refusal) => return refusal.into_response(),
    };
    call.of_project(Verb::ReadConfig, move |opened, _| {
        let log = opened.folder.log().map_err(AppError::from)?;
        let mut rows: Vec<Value> = Vec::new();
        let mut bytes = 0;
        let mut is_cut = false;
        let ended = log.read(after, &mut |stored| {
            if bytes > ROWS_BYTES {
                is_cut = true;
                // Whatever stops the reading is not told: what was read is.
                return Err(LogError::NotAProject { place: String::new() });
            }
            bytes += stored.bytes.len();
            rows.push(json!([stored.seq, stored.hash, STANDARD.encode(&stored.bytes)]));
            Ok(())
        });
        match ended {
            Ok(head) => told(json!({ "rows": rows, "head": head })),
            Err(_) if is_cut => told(json!({ "rows": rows, "head": null })),
            Err(error) => Err(AppError::from(error).into()),
        }
    })
    .await
}

/// Answers the checkpoint that the log seals, if there is one.
pub(super) async fn checkpoint(call: Call) -> Response {
    call.of_project(Verb::ReadConfig, |opened, _| {
        let log = opened.folder.log().map_err(AppError::from)?;
        let kept = log.checkpoint().map_err(AppError::from)?;
        told(kept.as_ref().map(self::kept))
    })
    .await
}

/// Answers what the log comes to in the environments that the token is for, to those who may not see the entries of the others.
pub(super) async fn state(call: Call) -> Response {
    let first = call.caller.environments.first().cloned();
    let scope = call.caller.check(Verb::ReadConfig, first.as_ref());
    if let Err(error) = scope {
        return Refusal::from(error).into_response();
    }
    call.changing(|opened, call| {
        let caller = &call.caller;
        let state = opened.project.state();
        let all = state.environments().map(|(name, _)| name.clone()).collect();
        let seen = if caller.environments.is_empty() { &all } else { &caller.environments };
        let told = StoredCheckpoint::of(&state.only(seen, &caller.holder)).map_err(AppError::Seal)?;
        self::told(kept(&told))
    })
    .await
}

fn kept(kept: &StoredCheckpoint) -> Value {
    json!({ "seq": kept.seq, "digest": kept.digest, "bytes": STANDARD.encode(&kept.bytes) })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Undo {
    /// The entry; the last change of a flag, segment or group where absent.
    #[serde(default)]
    seq: Option<u64>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn undo(call: Call, headers: HeaderMap, body: Body) -> Response {
    let asked: Undo = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    call.changing(move |opened, call| {
        let undo = opened.project.propose_undo(&call.environment, asked.seq)?;
        let how = How { reason: Some(undo.reason(asked.reason.as_deref())), dry_run: asked.dry_run };
        carry_out(opened, call, &undo.proposal, &how)
    })
    .await
}
