use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use flag_client::Day;
use flag_core::{Share, Timestamp};
use serde::Deserialize;

use super::body::Order;
use super::call::Call;
use super::carry_out::{How, change, told};
use super::rollouts::{cells, since};
use super::share::ShareText;
use crate::app::{AppError, Conclusion, ExperimentError, Insistence};
use crate::experiment::{Analysis, Choices};
use crate::log::Verb;
use crate::server::desk::Opened;
use crate::server::path::Path;
use crate::server::refusal::Refusal;

pub(super) async fn list(call: Call) -> Response {
    call.at(Verb::ReadConfig, |opened, call| told(opened.project.experiments(&call.environment)?)).await
}

fn analysis(opened: &Opened, call: &Call, flag: &str, choices: &Choices, since: Day) -> Result<Analysis, Refusal> {
    let design = opened.project.experiment(&call.environment, flag, choices)?;
    let cells = cells(opened).map_err(ExperimentError::from).map_err(AppError::from)?;
    Ok(opened.project.analyze_reports(&call.environment, design, &*cells, since)?)
}

/// Compares what anonymous reports say; `?metric=`, `control=`, `treatment=`, `sequential=true` and `since=` choose.
pub(super) async fn analyze(call: Call, Path(flag): Path<String>) -> Response {
    let since = match since(&call) {
        Ok(since) => since,
        Err(refusal) => return refusal.into_response(),
    };
    let choices = Choices {
        control: call.text("control").map(Into::into),
        treatment: call.text("treatment").map(Into::into),
        metric: call.text("metric").map(str::to_owned),
        sequential: call.text("sequential") == Some("true"),
    };
    call.at(Verb::ReadConfig, move |opened, call| told(analysis(opened, call, &flag, &choices, since)?)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Conclude {
    conclusion: Word,
    /// With `ship`, the share of units that get the treatment first.
    #[serde(default)]
    share: Option<ShareText>,
    /// Decides against the verdict; needs a reason.
    #[serde(default)]
    anyway: bool,
    #[serde(default)]
    control: Option<Box<str>>,
    #[serde(default)]
    treatment: Option<Box<str>>,
    #[serde(default)]
    metric: Option<String>,
    #[serde(default)]
    sequential: bool,
    /// Of reports, those from this day on.
    #[serde(default)]
    since: Option<Day>,
}

#[derive(Copy, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Ship,
    Keep,
}

pub(super) async fn conclude(call: Call, Path(flag): Path<String>, order: Order<Conclude>) -> Response {
    let Conclude { conclusion, share, anyway, control, treatment, metric, sequential, since } = order.what;
    let usual = "experiment: concluded by what reports say".to_owned();
    let is_explained = order.how.reason.is_some();
    let how = How { reason: Some(order.how.reason.unwrap_or(usual)), ..order.how };
    change(call, how, move |opened, call| {
        if anyway && !is_explained {
            let message = "deciding against the verdict takes a reason";
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "no_reason", message));
        }
        call.caller.check(Verb::ReadConfig, Some(&call.environment))?;
        let choices = Choices { control, treatment, metric, sequential };
        let since = since.unwrap_or_else(|| Day::of(Timestamp::from_millis(0)));
        let analysis = analysis(opened, call, &flag, &choices, since)?;
        let share = share.map_or(Ok(Share::EVERYONE), |share| share.read())?;
        let conclusion = match conclusion {
            Word::Ship => Conclusion::Ship(share),
            Word::Keep => Conclusion::Keep,
        };
        let insistence = if anyway { Insistence::Anyway } else { Insistence::ByVerdict };
        Ok(opened.project.propose_conclusion(&call.environment, &analysis, conclusion, insistence)?)
    })
    .await
}
