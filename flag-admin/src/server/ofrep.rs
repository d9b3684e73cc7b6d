use std::net::IpAddr;

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Extension, Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;

use super::admin::admit_to_evaluate;
use super::body::{self, BODY_MAX_BYTES, Unread};
use super::documents::matches;
use super::state::{Peer, Server};
use crate::app::ofrep::{Asked, BadRequest, EvaluationFailure, Outcome, evaluate};
use crate::app::with_causes;
use crate::log::Digest;

/// Where every flag is evaluated.
pub(super) const FLAGS: &str = "/ofrep/v1/evaluate/flags";
/// Where one flag is evaluated.
pub(super) const FLAG: &str = "/ofrep/v1/evaluate/flags/{key}";

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// An answer is about one user, so no shared cache keeps it; the client's own asks whether it still is the one.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Why nothing was evaluated, as the protocol says it. It has no key where every flag was asked for.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'r> {
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'r str>,
    error_code: &'static str,
    error_details: String,
}

/// Evaluates one flag.
pub(super) async fn single(
    State(server): State<Server>,
    Extension(peer): Extension<Peer>,
    key: Result<Path<String>, PathRejection>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    // A key that is no text is told as it was written: there is no such flag.
    let written = || uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let key = key.map_or_else(|_| written(), |Path(key)| key);
    evaluate_one(&server, peer, &key, &headers, body).await
}

pub(super) async fn evaluate_one(
    server: &Server,
    Peer(address): Peer,
    key: &str,
    headers: &HeaderMap,
    body: Body,
) -> Response {
    if let Err(refusal) = admit(server, address, headers).await {
        return refusal;
    }
    let asked = match read(server, address, headers, body).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.answer(Some(key)),
    };
    let held = server.served();
    let Some(rules) = &held.rules else { return Refused::nothing_published().answer(Some(key)) };
    server.metrics().evaluated(1);
    match evaluate(rules, key, &asked, server.now()) {
        outcome @ Outcome::Evaluated(_) => answer(StatusCode::OK, &outcome),
        Outcome::Failed(failure) => answer(status(&failure), &failure),
    }
}

/// Evaluates every flag. The ETag is that of the answer, so it changes with the flags and with the context alike: a client keeps its tag
/// when only its context changes, and must not be told that nothing did.
pub(super) async fn bulk(
    State(server): State<Server>,
    Extension(Peer(address)): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if let Err(refusal) = admit(&server, address, &headers).await {
        return refusal;
    }
    let asked = match read(&server, address, &headers, body).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.answer(None),
    };
    let held = server.served();
    let Some(rules) = &held.rules else { return Refused::nothing_published().answer(None) };
    let text = rules.bulk(&asked, server.now());
    server.metrics().evaluated(u64::try_from(rules.ruleset.flags().count()).unwrap_or(u64::MAX));
    let name: String = Digest::of(&text).to_string().chars().take(32).collect();
    let etag = HeaderValue::try_from(format!("\"{name}\"")).unwrap_or(HeaderValue::from_static("\"\""));
    let is_known = matches(&headers, &etag);
    let mut response = Response::new(if is_known { Body::empty() } else { Body::from(text) });
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        response.headers_mut().insert(CONTENT_TYPE, JSON);
    }
    response.headers_mut().insert(ETAG, etag);
    response.headers_mut().insert(CACHE_CONTROL, PRIVATE);
    response
}

/// Why a request is not answered.
struct Refused {
    status: StatusCode,
    code: &'static str,
    details: String,
    retry_after: Option<u32>,
}

impl Refused {
    fn new(status: StatusCode, code: &'static str, details: impl Into<String>) -> Self {
        Self { status, code, details: details.into(), retry_after: None }
    }

    /// A client must not take this for "no": 401 and 403 would end some of them for good.
    fn nothing_published() -> Self {
        let refused = Self::new(StatusCode::SERVICE_UNAVAILABLE, "PROVIDER_NOT_READY", "no snapshot is published");
        Self { retry_after: Some(5), ..refused }
    }

    fn too_many(seconds: u32) -> Self {
        let refused = Self::new(StatusCode::TOO_MANY_REQUESTS, "GENERAL", "too many evaluations from this address");
        Self { retry_after: Some(seconds), ..refused }
    }

    fn answer(self, key: Option<&str>) -> Response {
        let Self { status, code, details, retry_after } = self;
        let mut response = answer(status, &Failure { key, error_code: code, error_details: details });
        if let Some(seconds) = retry_after {
            // Whole seconds: the other form of the header makes a client raise an error and go on asking.
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Unread> for Refused {
    fn from(unread: Unread) -> Self {
        let code = match unread {
            Unread::Late | Unread::Busy => "GENERAL",
            _ => "PARSE_ERROR",
        };
        Self { retry_after: unread.retry_after(), ..Self::new(unread.status(), code, unread.to_string()) }
    }
}

impl From<BadRequest> for Refused {
    fn from(error: BadRequest) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.error_code(), with_causes(&error))
    }
}

/// Lets in who may ask, which is everybody unless the server was told to ask for tokens: what is decided from is published to all clients.
async fn admit(server: &Server, address: IpAddr, headers: &HeaderMap) -> Result<(), Response> {
    if !server.evaluates_for_tokens() {
        return Ok(());
    }
    admit_to_evaluate(server, address, headers).await.map_err(IntoResponse::into_response)
}

async fn read(server: &Server, address: IpAddr, headers: &HeaderMap, body: Body) -> Result<Asked, Refused> {
    if let Some(limit) = server.evaluation_limit() {
        limit.take(address, server.now()).map_err(Refused::too_many)?;
    }
    let body = body::json(server.room(), headers, body, BODY_MAX_BYTES).await?;
    Ok(Asked::from_json(&body.bytes)?)
}

fn status(failure: &EvaluationFailure<'_>) -> StatusCode {
    match failure.error_code {
        "FLAG_NOT_FOUND" => StatusCode::NOT_FOUND,
        _ => StatusCode::BAD_REQUEST,
    }
}

fn answer(status: StatusCode, value: &impl Serialize) -> Response {
    let text = serde_json::to_vec(value).unwrap_or_else(|_| json!({}).to_string().into());
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response.headers_mut().insert(CACHE_CONTROL, PRIVATE);
    response
}
