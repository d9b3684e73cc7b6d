use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::body::Order;
use super::call::Call;
use super::carry_out::{change, told};
use crate::log::{EnvironmentName, Verb};
use crate::server::refusal::Refusal;

pub(super) async fn list(call: Call) -> Response {
    let first = call.caller.environments.first().cloned();
    if let Err(error) = call.caller.check(Verb::ReadConfig, first.as_ref()) {
        return Refusal::from(error).into_response();
    }
    call.changing(|opened, call| {
        let seen = &call.caller.environments;
        let mut lines = opened.project.environments();
        lines.retain(|line| seen.is_empty() || seen.contains(line.environment));
        told(lines)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEnvironment {
    name: EnvironmentName,
    /// The environment whose flags, segments and groups it begins with.
    #[serde(default)]
    from: Option<EnvironmentName>,
}

pub(super) async fn make(call: Call, order: Order<NewEnvironment>) -> Response {
    let NewEnvironment { name, from } = order.what;
    change(call, order.how, move |opened, _| Ok(opened.project.propose_environment(&name, from.as_ref())?)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Copy {
    /// The environment to copy from; the query names the one to copy to.
    from: EnvironmentName,
    /// The flags; all of them where none is named.
    #[serde(default)]
    flags: Vec<String>,
}

pub(super) async fn copy(call: Call, order: Order<Copy>) -> Response {
    let Copy { from, flags } = order.what;
    change(call, order.how, move |opened, call| {
        // Whoever may not read it may not copy it, either.
        call.caller.check(Verb::ReadConfig, Some(&from))?;
        Ok(opened.project.propose_copy(&from, &call.environment, &flags)?)
    })
    .await
}
