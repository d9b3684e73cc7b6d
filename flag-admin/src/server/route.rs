use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get};

use super::metrics::Metrics;
use super::refusal::Refusal;
use super::state::Server;
use super::{documents, events, health, metrics, openapi};

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
            path: "/v1/snapshot.json",
            handler: get(documents::snapshot),
            operations: vec![read("snapshot", "documents", "The signed snapshot in force", document())],
        },
        Route {
            path: "/v1/kills.json",
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
    routes
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
    let mut response = next.run(request).await;
    response.headers_mut().insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    server.metrics().answered(timer, path.as_ref().map_or("", MatchedPath::as_str), &method, response.status());
    response
}
