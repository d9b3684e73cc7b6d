use std::path::PathBuf;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::body::{Media, read};
use super::call::Call;
use super::carry_out::told;
use crate::app::{AppError, Refreshed};
use crate::log::{EnvironmentName, Verb};
use crate::server::desk::Opened;
use crate::server::refusal::Refusal;

/// Returns where an environment is published: the place that is served, or for another environment where it was published to last.
pub(super) fn place_of(opened: &Opened, environment: &EnvironmentName) -> Result<PathBuf, Refusal> {
    if *environment == opened.environment {
        return Ok(opened.public.clone());
    }
    opened.folder.remembered_target(environment).ok_or_else(|| {
        let message = format!("{environment} was not published yet, so it is not known where to");
        Refusal::new(StatusCode::CONFLICT, "no_target", message)
            .with_hint("publish it once where the project lies: flag-admin publish --to PLACE")
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Publish {
    /// Signs the last snapshot anew if it expires soon, and changes nothing else.
    #[serde(default)]
    refresh: bool,
}

pub(super) async fn publish(call: Call, headers: HeaderMap, body: Body) -> Response {
    let asked: Publish = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    let server = call.server.clone();
    let response = call.at(Verb::Publish, move |opened, call| {
        // Before anything is asked of the place; another server may still be first.
        call.check_head(opened, &[])?;
        let place = place_of(opened, &call.environment)?;
        let mut place = opened.folder.publisher(&call.environment, &place).map_err(AppError::from)?;
        if !asked.refresh {
            return told(match call.expected {
                Some(expected) => opened.project.publish_from(&call.environment, expected, &mut place)?,
                None => opened.project.publish(&call.environment, &mut place)?,
            });
        }
        match opened.project.refresh_published(&call.environment, &mut place, None)? {
            Refreshed::Published(published) => told(published),
            Refreshed::NotDue { version, expires_at } => {
                told(serde_json::json!({ "refreshed": false, "version": version, "expires_at": expires_at }))
            }
        }
    });
    let response = response.await;
    if response.status().is_success() {
        server.nudge().look().await;
    }
    response
}
