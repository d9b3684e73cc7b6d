use axum::body::{Body, to_bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use flag_client::trust::strict_json;
use serde::de::DeserializeOwned;

use crate::server::body::{BODY_MAX_BYTES, is_json};
use crate::server::refusal::Refusal;

/// Which media types a body may have.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Media {
    /// JSON, or none said.
    Json,
    /// Whatever is said: `curl -d` says `application/x-www-form-urlencoded` of everything.
    Any,
}

/// Reads a body of JSON. An empty one is that of an empty object.
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
    let bad = |message: String| Refusal::new(StatusCode::BAD_REQUEST, "bad_body", message);
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
