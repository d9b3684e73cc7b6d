use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// The largest body, in bytes.
pub(super) const BODY_MAX_BYTES: usize = 1024 * 1024;

/// The largest body that needs no room of its own, in bytes. Evaluations and reports are a few hundred bytes long.
pub(super) const SMALL_BYTES: usize = 16 * 1024;

/// How many larger bodies are taken in at once. Connections are many, so that this is what bounds their memory.
const LARGE_AT_ONCE: usize = 32;

/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(20);

/// Why a body is not looked at.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unread {
    #[error("the body has more than {max} bytes")]
    TooLarge { max: usize },
    #[error("the body did not arrive")]
    Broken,
    #[error("the body did not arrive within {} seconds", ARRIVAL.as_secs())]
    Late,
    #[error("{LARGE_AT_ONCE} bodies of more than {SMALL_BYTES} bytes are being taken in already")]
    Busy,
    #[error("the body is {found:?}, expected application/json in UTF-8")]
    MediaType { found: String },
}

impl Unread {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken => StatusCode::BAD_REQUEST,
            Self::Late => StatusCode::REQUEST_TIMEOUT,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::MediaType { .. } => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }

    /// Returns in how many seconds it is worth trying again, where it is.
    pub(super) const fn retry_after(&self) -> Option<u32> {
        match self {
            Self::Busy => Some(1),
            _ => None,
        }
    }
}

/// Where large bodies find room.
#[derive(Debug)]
pub(super) struct Room(Semaphore);

impl Default for Room {
    fn default() -> Self {
        Self(Semaphore::new(LARGE_AT_ONCE))
    }
}

/// A body that has arrived, and the room that it takes.
pub(super) struct Arrived<'r> {
    pub(super) bytes: Bytes,
    _room: Option<SemaphorePermit<'r>>,
}

/// Returns a body that says it is JSON, or says nothing, of so many bytes at most.
pub(super) async fn json<'r>(
    room: &'r Room,
    headers: &HeaderMap,
    body: Body,
    max: usize,
) -> Result<Arrived<'r>, Unread> {
    let media = headers.get(CONTENT_TYPE).map(|media| String::from_utf8_lossy(media.as_bytes()));
    if let Some(found) = media.filter(|media| !is_json(media)) {
        return Err(Unread::MediaType { found: found.chars().take(100).collect() });
    }
    // What says that it is too large is refused before it is sent.
    if body.size_hint().lower() > u64::try_from(max).unwrap_or(u64::MAX) {
        return Err(Unread::TooLarge { max });
    }
    timeout(ARRIVAL, arrival(room, body, max)).await.unwrap_or(Err(Unread::Late))
}

async fn arrival(room: &Room, mut body: Body, max: usize) -> Result<Arrived<'_>, Unread> {
    let mut held = None;
    let mut parts: Vec<Bytes> = Vec::new();
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(part) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        length = length.saturating_add(part.len());
        if length > max {
            return Err(Unread::TooLarge { max });
        }
        if length > SMALL_BYTES && held.is_none() {
            held = Some(room.0.try_acquire().map_err(|_| Unread::Busy)?);
        }
        parts.push(part);
    }
    let bytes = match parts.len() {
        // Nearly every body is one part, which needs no copy.
        0 | 1 => parts.pop().unwrap_or_default(),
        _ => parts.concat().into(),
    };
    Ok(Arrived { bytes, _room: held })
}

pub(super) fn is_json(media: &str) -> bool {
    let mut parts = media.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
    is_json
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                matches!(value.trim().trim_matches('"').to_ascii_lowercase().as_str(), "utf-8" | "utf8" | "us-ascii")
            }
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_told_by_its_media_type() {
        for (media, expected) in [
            ("application/json", true),
            ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json; profile=x", true),
            ("application/json; charset=utf-16", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("", false),
        ] {
            assert_eq!(is_json(media), expected, "{media:?}");
        }
    }
}
