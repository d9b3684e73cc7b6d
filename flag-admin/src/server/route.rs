use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get};
use tokio::time::{Instant, timeout};

use super::body::BODY_MAX_BYTES;
use super::metrics::Metrics;
use super::refusal::Refusal;
use super::state::Server;
use super::{admin, documents, events, health, metrics, ofrep, openapi, reports};
use crate::app::ofrep::EVENTS;

/// How long a request with a body may take: to arrive, and to be answered. Publishing to an object store may take a minute.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);

/// A path, what handles it, and what is said of it in `openapi.json`.
pub(super) struct Route {
    /// With parameters in braces, as OpenAPI and the router have them.
    pub(super) path: &'static str,
    pub(super) handler: MethodRouter<Server>,
    pub(super) operations: Vec<Operation>,
}

/// What a method does at a path.
#[derive(Debug)]
pub(super) struct Operation {
    /// In lower case.
    pub(super) method: &'static str,
    /// One word for generated clients.
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) access: Access,
    /// The media type of the request's body, and the schema it has, if it has one.
    pub(super) body: Option<(&'static str, &'static str)>,
    /// Status, what it says, and the media type and schema of its body if it has one.
    pub(super) answers: Vec<Answer>,
}

/// Who may ask.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody.
    Open,
    /// Whoever has a token that reaches so far.
    Token,
}

/// One way an operation answers.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) says: &'static str,
    pub(super) body: Option<(&'static str, &'static str)>,
}

pub(super) const JSON: &str = "application/json";

pub(super) const fn says(status: u16, says: &'static str) -> Answer {
    Answer { status, says, body: None }
}

pub(super) const fn gives(status: u16, says: &'static str, media: &'static str, schema: &'static str) -> Answer {
    Answer { status, says, body: Some((media, schema)) }
}

/// Returns an operation that everybody may ask for.
fn read(id: &'static str, tag: &'static str, summary: &'static str, answers: Vec<Answer>) -> Operation {
    Operation { method: "get", id, tag, summary, access: Access::Open, body: None, answers }
}

fn document() -> Vec<Answer> {
    vec![
        gives(200, "The document, with a strong ETag", JSON, "Envelope"),
        says(304, "It is the one that If-None-Match names"),
        gives(404, "None is published", JSON, "Error"),
    ]
}

/// Returns every route.
pub(super) fn table() -> Vec<Route> {
    let mut routes = vec![
        Route {
            path: "/v1/root/{version}",
            handler: get(documents::root),
            operations: vec![read(
                "root",
                "documents",
                "A signed root by version, such as /v1/root/1.json",
                document(),
            )],
        },
        Route {
            path: documents::SNAPSHOT,
            handler: get(documents::snapshot),
            operations: vec![read("snapshot", "documents", "The signed snapshot in force", document())],
        },
        Route {
            path: documents::KILLS,
            handler: get(documents::kills),
            operations: vec![read("kills", "documents", "The kills of the emergency key", document())],
        },
        Route {
            path: "/v1/events",
            handler: get(events::events),
            operations: vec![read(
                "events",
                "documents",
                "Says that something newer is published, and never what: events root, kills and snapshot",
                vec![gives(200, "A stream of events", "text/event-stream", "Events")],
            )],
        },
    ];
    routes.extend(evaluation());
    routes.extend([
        Route {
            path: "/healthz",
            handler: get(health::healthz),
            operations: vec![read(
                "healthz",
                "operation",
                "Whether the process is alive",
                vec![gives(200, "It is", JSON, "Status")],
            )],
        },
        Route {
            path: "/readyz",
            handler: get(health::readyz),
            operations: vec![read(
                "readyz",
                "operation",
                "Whether requests should be sent here",
                vec![gives(200, "They should", JSON, "Status"), gives(503, "They should not", JSON, "Error")],
            )],
        },
        Route {
            path: "/metrics",
            handler: get(metrics::metrics),
            operations: vec![read(
                "metrics",
                "operation",
                "Counters for Prometheus",
                vec![gives(200, "Text in its exposition format", "text/plain", "Text")],
            )],
        },
        Route {
            path: "/openapi.json",
            handler: get(openapi::openapi),
            operations: vec![read(
                "openapi",
                "operation",
                "This document",
                vec![gives(200, "OpenAPI 3.1", JSON, "Document")],
            )],
        },
    ]);
    routes.extend(admin::routes());
    routes
}

fn evaluation() -> [Route; 4] {
    let post = |id, tag, summary, body, answers| {
        vec![Operation { method: "post", id, tag, summary, access: Access::Open, body: Some((JSON, body)), answers }]
    };
    let bad = |status, says| gives(status, says, JSON, "EvaluationFailure");
    [
        Route {
            path: "/v1/reports",
            handler: axum::routing::post(reports::reports),
            operations: post(
                "report",
                "reports",
                "Takes in one anonymous report, once",
                "Report",
                vec![
                    says(204, "It is kept, or was before"),
                    gives(408, "It did not arrive in time", JSON, "Error"),
                    gives(413, "It is too large", JSON, "Error"),
                    gives(415, "It is no JSON in UTF-8", JSON, "Error"),
                    gives(422, "It is no report of a flag and a step that are published", JSON, "Error"),
                    gives(429, "Too many came from this address: see Retry-After", JSON, "Error"),
                    gives(503, "It cannot be kept: see Retry-After", JSON, "Error"),
                ],
            ),
        },
        Route {
            path: EVENTS,
            handler: get(events::evaluations),
            operations: vec![read(
                "evaluationEvents",
                "ofrep",
                "Says when to evaluate again: {\"type\": \"refetchEvaluation\"}",
                vec![gives(200, "A stream of events", "text/event-stream", "Events")],
            )],
        },
        Route {
            path: ofrep::FLAG,
            handler: axum::routing::post(ofrep::single),
            operations: post(
                "evaluateFlag",
                "ofrep",
                "Evaluates one flag (OFREP 0.3.0)",
                "EvaluationRequest",
                vec![
                    gives(200, "Its value", JSON, "Evaluation"),
                    bad(400, "It cannot be evaluated"),
                    bad(404, "There is no such flag"),
                    bad(408, "The body did not arrive in time"),
                    bad(413, "The body is too large"),
                    bad(415, "The body is no JSON in UTF-8"),
                    bad(429, "Too many came from this address: see Retry-After"),
                    bad(503, "Nothing is published, or too many large bodies arrive: see Retry-After"),
                ],
            ),
        },
        Route {
            path: ofrep::FLAGS,
            handler: axum::routing::post(ofrep::bulk),
            operations: post(
                "evaluateFlags",
                "ofrep",
                "Evaluates every flag (OFREP 0.3.0); the ETag is that of the answer",
                "EvaluationRequest",
                vec![
                    gives(200, "Their values", JSON, "BulkEvaluation"),
                    says(304, "The answer is the one that If-None-Match names"),
                    bad(400, "The context cannot be read"),
                    bad(408, "The body did not arrive in time"),
                    bad(413, "The body is too large"),
                    bad(415, "The body is no JSON in UTF-8"),
                    bad(429, "Too many came from this address: see Retry-After"),
                    bad(503, "Nothing is published, or too many large bodies arrive: see Retry-After"),
                ],
            ),
        },
    ]
}

/// Returns the paths of every route.
pub(super) fn paths() -> impl Iterator<Item = &'static str> {
    table().into_iter().map(|route| route.path)
}

/// Returns what answers every request.
pub(super) fn router(server: &Server) -> Router {
    let mut router = Router::new();
    for route in table() {
        router = router.route(route.path, route.handler);
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(not_allowed)
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(middleware::from_fn_with_state(server.clone(), observed))
        .with_state(server.clone())
}

async fn not_found() -> Response {
    Refusal::new(StatusCode::NOT_FOUND, "no_such_path", "there is nothing at this path")
        .with_hint("see /openapi.json")
        .into_response()
}

async fn not_allowed() -> Response {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not know this method")
        .with_hint("see /openapi.json")
        .into_response()
}

/// Counts each answer under its route, and adds what every answer carries.
async fn observed(State(server): State<Server>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let timer = Metrics::begin();
    // A body that arrives byte by byte holds a place for as long as it likes, unless somebody looks at the clock.
    let answered = if method == Method::GET {
        Ok(next.run(request).await)
    } else {
        timeout(REQUEST_TIMEOUT, next.run(request)).await
    };
    let response = answered.unwrap_or_else(|_| {
        let refusal = Refusal::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the request took too long");
        refusal.into_response()
    });
    finished(&server, timer, path.as_ref().map_or("", MatchedPath::as_str), response)
}

/// Counts an answer under its route, and adds what every answer carries.
pub(super) fn finished(server: &Server, begun: Instant, route: &str, mut response: Response) -> Response {
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    server.metrics().answered(begun, route, response.status());
    response
}
