use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::refusal::{Refusal, json as answer};
use super::state::Server;

/// Says that the process is alive.
pub(super) async fn healthz() -> Response {
    answer(StatusCode::OK, &json!({ "status": "ok" }))
}

/// Says whether requests should be sent here: something is published, and the server is not about to stop.
pub(super) async fn readyz(State(server): State<Server>) -> Response {
    let unready = |code, message: &str| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, code, message);
    if server.stopping().is_asked() {
        return unready("stopping", "the server is stopping").into_response();
    }
    let held = server.served();
    let Some(rules) = &held.rules else {
        let message = format!("no snapshot of {} is published", server.environment());
        return unready("not_published", &message)
            .with_hint("publish one: flag-admin publish, to the place that is served")
            .into_response();
    };
    answer(
        StatusCode::OK,
        &json!({
            "status": "ok",
            "environment": server.environment(),
            "epoch": rules.epoch,
            "snapshot": rules.version,
            "issued_at": rules.issued_at,
            "expires_at": rules.expires_at,
            "stale": rules.is_stale(server.now()),
            "root": held.root_version,
            "kills": held.kills_in_force,
        }),
    )
}
