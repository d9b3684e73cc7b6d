use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::body::{self, SMALL_BYTES};
use super::intake::IntakeFailure;
use super::metrics::Intake;
use super::refusal::Refusal;
use super::state::{Peer, Server};
use crate::app::ports::Added;
use crate::app::{Failure as _, accept_report, with_causes};

/// Takes in one report. It is acknowledged once it is kept, and the acknowledgement is the same for one that was sent before.
pub(super) async fn reports(
    State(server): State<Server>,
    Extension(Peer(address)): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match take_in(&server, address, &headers, body).await {
        Ok(intake) => {
            server.metrics().reported(intake);
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err((intake, refusal)) => {
            server.metrics().reported(intake);
            refusal.into_response()
        }
    }
}

async fn take_in(
    server: &Server,
    address: std::net::IpAddr,
    headers: &HeaderMap,
    body: Body,
) -> Result<Intake, (Intake, Refusal)> {
    let taken = server.report_limit().map_or(Ok(()), |limit| limit.take(address, server.now()));
    if let Err(seconds) = taken {
        let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too_many_reports", "too many reports from here");
        return Err((Intake::Limited, refusal.with_retry_after(seconds)));
    }
    let invalid = |status, code, message: String| (Intake::Invalid, Refusal::new(status, code, message));
    let body = body::json(server.room(), headers, body, SMALL_BYTES)
        .await
        .map_err(|unread| invalid(unread.status(), "bad_body", unread.to_string()))?;
    let now = server.now();
    let (report, is_published_step) = {
        let held = server.served();
        let Some(rules) = &held.rules else {
            let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "not_published", "no snapshot is published");
            return Err((Intake::Failed, refusal.with_retry_after(60)));
        };
        let report = accept_report(rules, &body.bytes, now).map_err(|error| {
            let status =
                if error.is_too_large() { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::UNPROCESSABLE_ENTITY };
            invalid(status, error.code(), with_causes(&error))
        })?;
        let is_published_step = report.step.is_some_and(|step| rules.has_step(&report.flag, step));
        (report, is_published_step)
    };
    match server.intake().add(report, is_published_step, now).await {
        Ok(Added::Counted) => Ok(Intake::Counted),
        Ok(Added::KnownAlready) => Ok(Intake::Resent),
        Err(error @ IntakeFailure::Steps { .. }) => {
            Err((Intake::Invalid, Refusal::of(StatusCode::UNPROCESSABLE_ENTITY, &error)))
        }
        Err(error) => {
            let refusal = Refusal::of(StatusCode::SERVICE_UNAVAILABLE, &error).with_retry_after(30);
            Err((Intake::Failed, refusal))
        }
    }
}
