use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use flag_client::trust::strict_json;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::carry_out::How;
use crate::server::body::{BODY_MAX_BYTES, is_json};
use crate::server::refusal::Refusal;
use crate::server::state::Server;

/// Which media types a body may have.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// JSON, or none said.
    Json,
    /// Whatever is said: `curl -d` says `application/x-www-form-urlencoded` of everything.
    Any,
}

/// What a change is told: what it is about, and how far it goes. It is read once it is known who calls.
pub(super) struct Order<T> {
    pub(super) what: T,
    pub(super) how: How,
}

impl<T: DeserializeOwned> FromRequest<Server> for Order<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, _: &Server) -> Result<Self, Refusal> {
        let (parts, body) = request.into_parts();
        let mut members: Map<String, Value> = read(&parts.headers, body, Media::Json).await?;
        let reason = members.remove("reason").unwrap_or_default();
        let dry_run = members.remove("dry_run").unwrap_or(Value::Bool(false));
        let how = How {
            reason: serde_json::from_value(reason).map_err(|_| bad("reason is no text"))?,
            dry_run: serde_json::from_value(dry_run).map_err(|_| bad("dry_run is neither true nor false"))?,
        };
        let what = serde_json::from_value(Value::Object(members));
        Ok(Self { what: what.map_err(|error| bad(format!("the body does not fit: {error}")))?, how })
    }
}

fn bad(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "bad_body", message)
}

/// Reads a body of JSON that has one meaning. An empty one is that of an empty object.
pub(super) async fn read<T: DeserializeOwned>(headers: &HeaderMap, body: Body, media: Media) -> Result<T, Refusal> {
    if media == Media::Json {
        check_media(headers)?;
    }
    let bytes = to_bytes(body, BODY_MAX_BYTES).await.map_err(|error| {
        let is_long =
            std::error::Error::source(&error).is_some_and(|source| source.to_string().contains("length limit"));
        if is_long {
            let message = format!("the body is longer than {BODY_MAX_BYTES} bytes");
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_long", message)
        } else {
            Refusal::new(StatusCode::BAD_REQUEST, "body_unreadable", "the body ended early")
        }
    })?;
    let text = if bytes.iter().all(u8::is_ascii_whitespace) {
        "{}"
    } else {
        strict_json::check(&bytes).map_err(|error| bad(format!("the body is no JSON that has one meaning: {error}")))?
    };
    serde_json::from_str(text).map_err(|error| {
        // What a body holds may be secret, and is not repeated; where it is wrong helps all the same.
        let what = error.to_string();
        if error.is_data() {
            bad(format!("the body does not fit: {what}"))
        } else {
            bad(format!("the body is no JSON: {what}"))
        }
    })
}

fn check_media(headers: &HeaderMap) -> Result<(), Refusal> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let text = String::from_utf8_lossy(value.as_bytes());
    if is_json(&text) {
        return Ok(());
    }
    let message = format!("the body is {:?}, expected JSON in UTF-8", text.chars().take(100).collect::<String>());
    let refusal = Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad_media_type", message);
    Err(refusal.with_hint("send it with Content-Type: application/json"))
}
