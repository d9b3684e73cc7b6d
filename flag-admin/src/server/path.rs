use axum::extract::{FromRequestParts, Path as Parameters};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;

/// The parameters of a path. What they cannot be does not exist, and that is said as every other refusal is.
pub(super) struct Path<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let found = Parameters::from_request_parts(parts, state).await;
        found.map(|Parameters(parameters)| Self(parameters)).map_err(|error| {
            let said = error.body_text();
            let why = said.strip_prefix("Invalid URL: ").unwrap_or(&said);
            Refusal::new(StatusCode::NOT_FOUND, "no_such_path", format!("there is nothing at this path: {why}"))
                .with_hint("see /openapi.json")
        })
    }
}
