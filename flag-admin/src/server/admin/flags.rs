use axum::body::Body;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::body::{Media, read};
use super::call::Call;
use super::carry_out::{How, carry_out, told};
use super::share::ShareText;
use crate::app::{AppError, Direction, Enabled, LifeStage, Prune};
use crate::definition::Definitions;
use crate::log::{Change, Verb};
use crate::server::path::Path;
use crate::server::refusal::Refusal;

pub(super) async fn list(call: Call) -> Response {
    call.at(Verb::ReadConfig, |opened, call| told(opened.project.flags(&call.environment).map_err(AppError::from)?))
        .await
}

pub(super) async fn show(call: Call, Path(flag): Path<String>) -> Response {
    call.at(Verb::ReadConfig, move |opened, call| told(opened.project.flag_card(&call.environment, &flag)?)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rollout {
    share: ShareText,
    #[serde(default)]
    rule: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn rollout(call: Call, Path(flag): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let asked: Rollout = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    call.changing(move |opened, call| {
        let share = asked.share.read()?;
        let proposal = opened.project.propose_rollout(&call.environment, &flag, asked.rule.as_deref(), share)?;
        carry_out(opened, call, &proposal, &How { reason: asked.reason, dry_run: asked.dry_run })
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    enabled: bool,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn switch(call: Call, Path(flag): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let asked: Switch = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    call.changing(move |opened, call| {
        let enabled = if asked.enabled { Enabled::On } else { Enabled::Off };
        let proposal = opened.project.propose_enabled(&call.environment, &flag, enabled)?;
        carry_out(opened, call, &proposal, &How { reason: asked.reason, dry_run: asked.dry_run })
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    to: String,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn rename(call: Call, Path(flag): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let asked: Rename = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    call.changing(move |opened, call| {
        let proposal = opened.project.propose_rename(&call.environment, &flag, &asked.to)?;
        carry_out(opened, call, &proposal, &How { reason: asked.reason, dry_run: asked.dry_run })
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Promote {
    #[serde(default)]
    to: Option<String>,
    /// Back to an earlier stage.
    #[serde(default)]
    back: bool,
    /// Waives the checks that do not pass.
    #[serde(default)]
    despite: bool,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn promote(call: Call, Path(flag): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let asked: Promote = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    call.changing(move |opened, call| {
        let direction = match (asked.back, asked.despite) {
            (true, _) => Direction::Back,
            (false, true) => Direction::OnDespite,
            (false, false) => Direction::On,
        };
        let to: Option<LifeStage> =
            asked.to.as_deref().map(str::parse).transpose().map_err(|error: crate::app::StageError| {
                Refusal::new(axum::http::StatusCode::UNPROCESSABLE_ENTITY, "bad_stage", error.to_string())
            })?;
        let promotion = opened.project.propose_stage(&call.environment, &flag, to, direction)?;
        carry_out(opened, call, &promotion.proposal, &How { reason: asked.reason, dry_run: asked.dry_run })
    })
    .await
}

pub(super) async fn archive(call: Call, Path(flag): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let how: How = match read(&headers, body, Media::Json).await {
        Ok(how) => how,
        Err(refusal) => return refusal.into_response(),
    };
    call.changing(move |opened, call| {
        let proposal = opened.project.propose_archive(&call.environment, &flag)?;
        carry_out(opened, call, &proposal, &how)
    })
    .await
}

pub(super) async fn export(call: Call) -> Response {
    call.at(Verb::ReadConfig, |opened, call| {
        let definitions = opened.project.definitions(&call.environment).map_err(AppError::from)?;
        told(serde_json::json!({ "toml": definitions.to_toml() }))
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Apply {
    toml: String,
    /// Archives what the text does not name.
    #[serde(default)]
    prune: bool,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn apply(call: Call, headers: HeaderMap, body: Body) -> Response {
    let asked: Apply = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    call.changing(move |opened, call| {
        let definitions = Definitions::from_toml(&asked.toml, "toml")?;
        let prune = if asked.prune { Prune::Archive } else { Prune::Keep };
        let proposal = opened.project.propose_definitions(&call.environment, &definitions, prune)?;
        carry_out(opened, call, &proposal, &How { reason: asked.reason, dry_run: asked.dry_run })
    })
    .await
}

/// What somebody else made changes for, or asks about.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Submit {
    changes: Vec<Change>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn submit(call: Call, headers: HeaderMap, body: Body) -> Response {
    let asked: Submit = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    call.changing(move |opened, call| {
        let environment = match asked.changes.first() {
            // An environment that is made is what the rest is about.
            Some(Change::EnvironmentCreated { environment }) => environment.clone(),
            _ => call.environment.clone(),
        };
        let proposal = opened.project.propose_submitted(&environment, asked.changes)?;
        carry_out(opened, call, &proposal, &How { reason: asked.reason, dry_run: asked.dry_run })
    })
    .await
}
