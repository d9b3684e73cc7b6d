use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use flag_core::{Timestamp, Value};
use serde::Deserialize;

use super::body::Order;
use super::call::Call;
use super::carry_out::told;
use crate::app::{AppError, Moment, MomentError, OptedIn};
use crate::log::Verb;
use crate::server::path::Path;
use crate::server::refusal::Refusal;

pub(super) async fn lint(call: Call) -> Response {
    call.at(Verb::ReadConfig, |opened, call| {
        let now = opened.project.now();
        told(opened.project.lint(&call.environment, now).map_err(AppError::from)?)
    })
    .await
}

pub(super) async fn stale(call: Call) -> Response {
    call.at(Verb::ReadConfig, |opened, call| told(opened.project.stale(&call.environment, opened.project.now())?)).await
}

/// Answers the flags and kills as they were at `?at=`: an entry, or a time.
pub(super) async fn past(call: Call) -> Response {
    let moment = call
        .text("at")
        .unwrap_or_default()
        .parse()
        .map_err(|error: MomentError| Refusal::new(StatusCode::BAD_REQUEST, "bad_query", error.to_string()));
    let moment: Moment = match moment {
        Ok(moment) => moment,
        Err(refusal) => return refusal.into_response(),
    };
    call.at(Verb::ReadConfig, move |opened, call| {
        let past = opened.project.past(moment).map_err(AppError::from)?;
        match past.state.environment(&call.environment) {
            Some(state) => told(past.environment(&call.environment, state)),
            None => told(None::<()>),
        }
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    /// The unit's id; nobody in particular where absent.
    #[serde(default)]
    unit: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, Value>,
    #[serde(default)]
    opted_in: bool,
    #[serde(default)]
    at: Option<Timestamp>,
}

/// Answers what a flag comes to for a unit, and why. Nothing of it is logged or kept.
pub(super) async fn why(call: Call, Path(flag): Path<String>, order: Order<Why>) -> Response {
    let Why { unit, attributes, opted_in, at } = order.what;
    call.at(Verb::ReadConfig, move |opened, call| {
        let opted_in = if opted_in { OptedIn::Yes } else { OptedIn::No };
        let at = at.unwrap_or_else(|| opened.project.now());
        let attributes = attributes.into_iter().collect();
        let question = opened.project.question(&call.environment, &flag, attributes, opted_in, at)?;
        told(question.answer(unit.as_deref()))
    })
    .await
}
