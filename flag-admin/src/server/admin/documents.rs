use axum::body::{Body, to_bytes};
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::call::Call;
use super::carry_out::told;
use super::publish::place_of;
use crate::app::ports::{Document, Publication, Publisher, RootStore as _};
use crate::app::{AppError, ServingError, check_pushed};
use crate::log::Verb;
use crate::server::path::Path;
use crate::server::refusal::Refusal;

/// The longest document that is taken, in bytes: clients take none that is longer.
const DOCUMENT_MAX_BYTES: usize = 16 * 1024 * 1024;

fn named(text: &str) -> Result<Document, Refusal> {
    match text {
        "snapshot" => Ok(Document::Snapshot),
        "kills" => Ok(Document::Kills),
        root => {
            let version = root.strip_prefix("root-").and_then(|version| version.parse().ok());
            version.map(Document::Root).ok_or_else(|| {
                let message = format!("{text:?} is no document, expected snapshot, kills, or root-1 and the like");
                Refusal::new(StatusCode::NOT_FOUND, "no_such_document", message)
            })
        }
    }
}

impl From<ServingError> for Refusal {
    fn from(error: ServingError) -> Self {
        let status = match &error {
            ServingError::Trust { .. } | ServingError::Root(_) | ServingError::Content(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            ServingError::NoRoot => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::CONFLICT,
        };
        Self::of(status, &error)
    }
}

/// Answers a document as it is published, byte for byte.
pub(super) async fn show(call: Call, Path(document): Path<String>) -> Response {
    let document = match named(&document) {
        Ok(document) => document,
        Err(refusal) => return refusal.into_response(),
    };
    if let Err(error) = call.caller.check(Verb::Publish, Some(&call.environment)) {
        return Refusal::from(error).into_response();
    }
    let environment = call.environment.clone();
    let found = call.server.desk().ask(move |opened| {
        opened.project.environment(&environment).map_err(AppError::from)?;
        let place = opened.folder.publisher(&environment, &place_of(opened, &environment)?).map_err(AppError::from)?;
        Ok::<_, Refusal>(place.published(document).map_err(AppError::from)?)
    });
    match found.await {
        Err(error) => Refusal::from(error).into_response(),
        Ok(Err(refusal)) => refusal.into_response(),
        Ok(Ok(None)) => {
            Refusal::new(StatusCode::NOT_FOUND, "not_published", format!("{document} is not published")).into_response()
        }
        Ok(Ok(Some(bytes))) => {
            let mut response = Response::new(Body::from(bytes));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
    }
}

/// Takes in a signed document: the keys that signed it are elsewhere.
pub(super) async fn push(call: Call, Path(document): Path<String>, body: Body) -> Response {
    let document = match named(&document) {
        Ok(document) => document,
        Err(refusal) => return refusal.into_response(),
    };
    // Whoever may not publish is told so before anything is read.
    if let Err(error) = call.caller.check(Verb::Publish, Some(&call.environment)) {
        return Refusal::from(error).into_response();
    }
    match to_bytes(body, DOCUMENT_MAX_BYTES).await {
        Ok(bytes) => put(call, document, Some(bytes.to_vec())).await,
        Err(_) => {
            let message = format!("the body ended early, or is longer than {DOCUMENT_MAX_BYTES} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_long", message).into_response()
        }
    }
}

/// Takes the kills document away, once everything in it is over or in the snapshot.
pub(super) async fn withdraw(call: Call, Path(document): Path<String>) -> Response {
    match named(&document) {
        Ok(document) => put(call, document, None).await,
        Err(refusal) => refusal.into_response(),
    }
}

async fn put(call: Call, document: Document, bytes: Option<Vec<u8>>) -> Response {
    let server = call.server.clone();
    let done = call.at(Verb::Publish, move |opened, call| {
        call.check_head(opened, &[])?;
        let mut place = opened
            .folder
            .publisher(&call.environment, &place_of(opened, &call.environment)?)
            .map_err(AppError::from)?;
        let held = published(&place)?;
        let roots = opened.folder.roots().roots().map_err(AppError::from)?;
        let first_root = roots.first().map_or(&[][..], Vec::as_slice);
        let now = opened.project.now();
        check_pushed(&held, first_root, &call.environment, document, bytes.as_deref(), now)?;
        match &bytes {
            Some(bytes) => place.publish(document, bytes).map_err(AppError::from)?,
            None => place.withdraw(document).map_err(AppError::from)?,
        }
        told(json!({ "document": document.to_string(), "published": bytes.is_some(), "place": place.place() }))
    });
    let response = done.await;
    if response.status().is_success() {
        server.nudge().look().await;
    }
    response
}

fn published(place: &dyn Publisher) -> Result<Publication, Refusal> {
    let mut roots = Vec::new();
    while let Some(root) = place
        .published(Document::Root(u64::try_from(roots.len()).unwrap_or(u64::MAX).saturating_add(1)))
        .map_err(AppError::from)?
    {
        roots.push(root);
    }
    Ok(Publication {
        roots,
        kills: place.published(Document::Kills).map_err(AppError::from)?,
        snapshot: place.published(Document::Snapshot).map_err(AppError::from)?,
    })
}
