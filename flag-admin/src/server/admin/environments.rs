use axum::response::Response;
use serde::Deserialize;

use super::body::Order;
use super::call::Call;
use super::carry_out::{change, told};
use crate::log::{EnvironmentName, Verb};

pub(super) async fn list(call: Call) -> Response {
    call.of_project(Verb::ReadConfig, |opened, _| told(opened.project.environments())).await
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
