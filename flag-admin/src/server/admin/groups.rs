use axum::response::Response;
use flag_core::Share;
use flag_core::wire::Group;
use serde::Deserialize;

use super::body::Order;
use super::call::Call;
use super::carry_out::{Nothing, change, told};
use super::share::ShareText;
use crate::app::AppError;
use crate::log::Verb;
use crate::server::path::Path;

pub(super) async fn list(call: Call) -> Response {
    call.at(Verb::ReadConfig, |opened, call| told(opened.project.groups(&call.environment).map_err(AppError::from)?))
        .await
}

pub(super) async fn show(call: Call, Path(group): Path<String>) -> Response {
    call.at(Verb::ReadConfig, move |opened, call| told(opened.project.group(&call.environment, &group)?)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewGroup {
    /// The share of units that is in none of its flags.
    #[serde(default)]
    holdout: Option<ShareText>,
    /// The attribute that is bucketed.
    #[serde(default)]
    unit: Option<String>,
}

pub(super) async fn make(call: Call, Path(name): Path<String>, order: Order<NewGroup>) -> Response {
    let NewGroup { holdout, unit } = order.what;
    change(call, order.how, move |opened, call| {
        let holdout = holdout.map_or(Ok(Share::NOBODY), |share| share.read())?;
        let group = Group { seed: None, unit: unit.map(Into::into), holdout };
        Ok(opened.project.propose_group(&call.environment, &name, group)?)
    })
    .await
}

pub(super) async fn remove(call: Call, Path(group): Path<String>, order: Order<Nothing>) -> Response {
    change(call, order.how, move |opened, call| Ok(opened.project.propose_group_removal(&call.environment, &group)?))
        .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Membership {
    /// The share of the group that the flag gets; where absent the group is shared out evenly.
    #[serde(default)]
    share: Option<ShareText>,
}

pub(super) async fn bring(
    call: Call,
    Path((group, flag)): Path<(String, String)>,
    order: Order<Membership>,
) -> Response {
    let share = order.what.share;
    change(call, order.how, move |opened, call| {
        let share = share.map(|share| share.read()).transpose()?;
        Ok(opened.project.propose_member(&call.environment, &group, &flag, share)?)
    })
    .await
}

pub(super) async fn take(call: Call, Path((group, flag)): Path<(String, String)>, order: Order<Nothing>) -> Response {
    change(call, order.how, move |opened, call| {
        Ok(opened.project.propose_member_removal(&call.environment, &group, &flag)?)
    })
    .await
}
