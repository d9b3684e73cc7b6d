use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::desk::DeskError;
use crate::app::{Failure, with_causes};

/// An answer that says why not: `{"error": {"code", "message", "hint"}}`, as commands say it with `--json`.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// Its stable name.
    pub code: &'static str,
    /// What, where, found, expected.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What a program may want to know besides.
    pub details: Option<Box<serde_json::Value>>,
    /// In how many seconds it is worth trying again, at least 1.
    pub retry_after: Option<u32>,
}

#[derive(Serialize)]
struct Error<'r> {
    code: &'static str,
    message: &'r str,
    hint: Option<&'r str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'r serde_json::Value>,
}

impl Refusal {
    /// Returns a refusal without a hint.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), hint: None, details: None, retry_after: None }
    }

    /// Returns the refusal that a failure of the application comes to.
    pub fn of(status: StatusCode, failure: &impl Failure) -> Self {
        let (hint, details) = (failure.hint(), failure.details().map(Box::new));
        Self { hint, details, ..Self::new(status, failure.code(), with_causes(failure)) }
    }

    /// Returns this refusal with what to do about it.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// Returns this refusal with a time after which to try again.
    #[must_use]
    pub fn with_retry_after(self, seconds: u32) -> Self {
        Self { retry_after: Some(seconds.max(1)), ..self }
    }
}

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        Self::of(StatusCode::SERVICE_UNAVAILABLE, &error).with_retry_after(1)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, code, message, hint, details, retry_after } = self;
        let error = Error { code, message: &message, hint: hint.as_deref(), details: details.as_deref() };
        let mut response = json(status, &serde_json::json!({ "error": error }));
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Returns an answer of JSON that no cache keeps.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    // Texts, numbers and lists of them cannot fail to be written.
    let mut response = Response::new(Body::from(serde_json::to_vec(value).unwrap_or_default()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
