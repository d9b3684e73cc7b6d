use axum::body::{Body, to_bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::server::body::{BODY_MAX_BYTES, is_json};
use crate::server::refusal::Refusal;

/// How deep its objects and arrays may nest.
const DEPTH_MAX: usize = 32;

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
    let text = std::str::from_utf8(&bytes).map_err(|_| bad("the body is not UTF-8".to_owned()))?;
    if depth(text) > DEPTH_MAX {
        return Err(bad(format!("the body nests deeper than {DEPTH_MAX} levels")));
    }
    let text = if text.trim().is_empty() { "{}" } else { text };
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

/// Returns how deep objects and arrays nest.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match (in_text, byte) {
            (true, _) if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (_, b'"') => in_text = !in_text,
            (false, b'{' | b'[') => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            (false, b'}' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_texts_do_not_nest() {
        for (text, expected) in [("", 0), ("{}", 1), ("[[{}]]", 3), (r#"{"a[[[":"\"[["}"#, 1), ("[", 1), ("]][", 1)] {
            assert_eq!(depth(text), expected, "{text}");
        }
    }
}
