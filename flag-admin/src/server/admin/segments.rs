use axum::response::Response;
use flag_core::wire::Condition;
use serde::Deserialize;

use super::body::Order;
use super::call::Call;
use super::carry_out::{Nothing, change, told};
use crate::app::AppError;
use crate::log::Verb;
use crate::server::path::Path;

pub(super) async fn list(call: Call) -> Response {
    call.at(Verb::ReadConfig, |opened, call| told(opened.project.segments(&call.environment).map_err(AppError::from)?))
        .await
}

pub(super) async fn show(call: Call, Path(segment): Path<String>) -> Response {
    call.at(Verb::ReadConfig, move |opened, call| told(opened.project.segment(&call.environment, &segment)?)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Segment {
    /// As definitions have it.
    condition: Condition,
}

pub(super) async fn set(call: Call, Path(segment): Path<String>, order: Order<Segment>) -> Response {
    let condition = order.what.condition;
    change(call, order.how, move |opened, call| {
        Ok(opened.project.propose_segment(&call.environment, &segment, condition)?)
    })
    .await
}

pub(super) async fn remove(call: Call, Path(segment): Path<String>, order: Order<Nothing>) -> Response {
    change(call, order.how, move |opened, call| {
        Ok(opened.project.propose_segment_removal(&call.environment, &segment)?)
    })
    .await
}
