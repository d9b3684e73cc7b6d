use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::body::Order;
use super::call::Call;
use super::carry_out::{Nothing, change, told};
use crate::app::AppError;
use crate::log::Verb;
use crate::rollout::{Rate, Severity};
use crate::server::path::Path;
use crate::server::refusal::Refusal;

pub(super) async fn list(call: Call) -> Response {
    call.at(Verb::ReadConfig, |opened, call| {
        let signals = &opened.project.environment(&call.environment).map_err(AppError::from)?.signals;
        let lines = signals.iter().flat_map(|(flag, open)| open.iter().map(move |signal| (flag, signal)));
        let lines: Result<Vec<Value>, Refusal> = lines
            .map(|(flag, signal)| {
                let mut line = serde_json::Map::from_iter([("flag".to_owned(), told(flag)?)]);
                if let Value::Object(members) = told(signal)? {
                    line.extend(members);
                }
                Ok(Value::Object(line))
            })
            .collect();
        told(lines?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Signal {
    flag: String,
    severity: Severity,
    /// The share of those exposed whom it affects.
    #[serde(default)]
    affected: Option<Rate>,
}

pub(super) async fn raise(call: Call, order: Order<Signal>) -> Response {
    let Signal { flag, severity, affected } = order.what;
    change(call, order.how, move |opened, call| {
        Ok(opened.project.propose_signal(&call.environment, &flag, severity, affected)?)
    })
    .await
}

pub(super) async fn clear(call: Call, Path(signal): Path<u64>, order: Order<Nothing>) -> Response {
    change(call, order.how, move |opened, call| Ok(opened.project.propose_signal_cleared(&call.environment, signal)?))
        .await
}
