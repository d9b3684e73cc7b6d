use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use flag_client::Day;
use flag_core::{FlagKey, Share, Timestamp};
use serde::Deserialize;

use super::body::Order;
use super::call::Call;
use super::carry_out::{change, told};
use crate::app::ports::{CellStore, CellStoreError};
use crate::app::{AppError, Instruments, Proposal, RolloutStatus, RolloutsError};
use crate::cells::{Cell, SHOWN_FROM};
use crate::log::{Change, EnvironmentName, Verb};
use crate::rollout::{Event, GateName, Plan};
use crate::server::desk::Opened;
use crate::server::path::Path;
use crate::server::refusal::Refusal;
use crate::server::sources::Answers;

/// Opens what reports come to.
pub(super) fn cells(opened: &Opened) -> Result<Box<dyn CellStore>, CellStoreError> {
    opened.folder.cells()()
}

fn failed(error: impl Into<RolloutsError>) -> Refusal {
    AppError::from(error.into()).into()
}

/// Returns what other systems say of the rollouts that a call is about.
async fn answers(call: &Call) -> Result<Arc<Answers>, Refusal> {
    Ok(call.server.asking().answers(call.server.desk(), &call.environment).await?)
}

fn status(
    opened: &Opened,
    environment: &EnvironmentName,
    flag: &str,
    answers: &Answers,
) -> Result<RolloutStatus, Refusal> {
    let cells = cells(opened).map_err(failed)?;
    let instruments = Instruments { cells: &*cells, sources: answers };
    Ok(without_small_cells(opened.project.rollout_status(environment, flag, &instruments)?))
}

/// Takes out what reports say of few machines: who reads it might know whose they are. What is decided knows them all.
fn without_small_cells(mut status: RolloutStatus) -> RolloutStatus {
    let evidence = &mut status.evidence;
    let arms = [&mut evidence.arms, &mut evidence.beyond].into_iter();
    let all = arms.chain(evidence.days.iter_mut().map(|day| &mut day.arms));
    let cells = all.flat_map(|arms| [&mut arms.treatment, &mut arms.control]);
    cells.filter(|cell| cell.n < SHOWN_FROM).for_each(|cell| *cell = Cell::default());
    if evidence.busiest_day < SHOWN_FROM {
        evidence.busiest_day = 0;
    }
    if evidence.arms.treatment.n < SHOWN_FROM {
        status.readings.retain(|reading| matches!(reading.gate, GateName::Source(_)));
    }
    status
}

pub(super) async fn list(call: Call) -> Response {
    let answers = match answers(&call).await {
        Ok(answers) => answers,
        Err(refusal) => return refusal.into_response(),
    };
    call.at(Verb::ReadConfig, move |opened, call| {
        let state = opened.project.environment(&call.environment).map_err(AppError::from)?;
        let flags: Vec<FlagKey> = state.rollouts.keys().cloned().collect();
        let all: Result<Vec<RolloutStatus>, Refusal> =
            flags.iter().map(|flag| status(opened, &call.environment, flag.as_str(), &answers)).collect();
        told(all?)
    })
    .await
}

pub(super) async fn show(call: Call, Path(flag): Path<String>) -> Response {
    let answers = match answers(&call).await {
        Ok(answers) => answers,
        Err(refusal) => return refusal.into_response(),
    };
    call.at(Verb::ReadConfig, move |opened, call| told(status(opened, &call.environment, &flag, &answers)?)).await
}

/// Answers what reports come to: sums over many machines, and nothing about few.
pub(super) async fn counts(call: Call, Path(flag): Path<String>) -> Response {
    let since = match since(&call) {
        Ok(since) => since,
        Err(refusal) => return refusal.into_response(),
    };
    call.at(Verb::ReadConfig, move |opened, call| {
        let (key, _) = opened.project.flag(&call.environment, &flag)?;
        let cells = cells(opened).and_then(|cells| cells.cells(&call.environment, key, since));
        let mut cells = cells.map_err(failed)?;
        cells.retain(|(_, cell)| cell.n >= SHOWN_FROM);
        told(cells)
    })
    .await
}

/// Returns the day from which on reports count, which the query may give.
pub(super) fn since(call: &Call) -> Result<Day, Refusal> {
    let Some(text) = call.text("since") else { return Ok(Day::of(Timestamp::from_millis(0))) };
    text.parse().map_err(|_| {
        let message = format!("since is {text:?}, expected a day such as 2026-01-15");
        Refusal::new(StatusCode::BAD_REQUEST, "bad_query", message)
    })
}

pub(super) async fn replay(call: Call, Path(flag): Path<String>) -> Response {
    call.at(Verb::ReadConfig, move |opened, call| {
        told(opened.project.replay_rollout(&call.environment, &flag, None)?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    /// A schedule by its name.
    #[serde(default)]
    schedule: Option<String>,
    /// Schedule, policy and sources as a file has them.
    #[serde(default)]
    toml: Option<String>,
    /// The same in the log's own form.
    #[serde(default)]
    plan: Option<Box<Plan>>,
    /// The rule whose split is rolled out, rather than the fallthrough's.
    #[serde(default)]
    rule: Option<Box<str>>,
    /// Documented metrics that are no gates of this rollout.
    #[serde(default)]
    without_metrics: Vec<Box<str>>,
}

/// What a decision was shown to do. What is known may have changed since; then it is not made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shown {
    /// The share that the flag exposes afterwards, where that changes.
    exposes: Option<Share>,
}

impl Start {
    fn plan(self) -> Result<Plan, Refusal> {
        let plan = match (self.plan, self.toml, self.schedule) {
            (Some(plan), None, None) => Ok(*plan),
            (None, Some(toml), None) => Plan::from_toml(&toml, "toml"),
            (None, None, schedule) => Plan::schedule_named(schedule.as_deref().unwrap_or("standard")).map(Plan::of),
            _ => {
                let message = "schedule, toml and plan are three ways to say one thing, expected one of them";
                return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_plan", message));
            }
        };
        let mut plan = plan.map_err(failed)?;
        plan.rule = self.rule.or(plan.rule);
        plan.policy.without_metrics.extend(self.without_metrics);
        Ok(plan)
    }
}

pub(super) async fn start(call: Call, Path(flag): Path<String>, order: Order<Start>) -> Response {
    let asked = order.what;
    change(call, order.how, move |opened, call| {
        let plan = asked.plan()?;
        let (cells, sources) = (cells(opened).map_err(failed)?, opened.folder.sources());
        let instruments = Instruments { cells: &*cells, sources: &sources };
        Ok(opened.project.propose_rollout_start(&call.environment, &flag, plan, &instruments)?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Move {
    #[serde(default)]
    shown: Option<Shown>,
}

pub(super) async fn step(call: Call, Path((flag, event)): Path<(String, Event)>, order: Order<Move>) -> Response {
    let (shown, is_explained) = (order.what.shown, order.how.reason.is_some());
    let answers = match answers(&call).await {
        Ok(answers) => answers,
        Err(refusal) => return refusal.into_response(),
    };
    change(call, order.how, move |opened, call| {
        if event == Event::Resume && !is_explained {
            let message = "resuming a rollout takes a reason";
            return Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "no_reason", message)
                .with_hint("say what makes it safe now, such as {\"reason\": \"fixed in 1.3.1\"}"));
        }
        let cells = cells(opened).map_err(failed)?;
        let instruments = Instruments { cells: &*cells, sources: &*answers };
        let proposal = opened.project.propose_rollout_move(&call.environment, &flag, event, &instruments)?;
        as_shown(proposal, shown.as_ref())
    })
    .await
}

/// Refuses what comes out otherwise than somebody was shown.
fn as_shown(proposal: Proposal, shown: Option<&Shown>) -> Result<Proposal, Refusal> {
    let exposes = proposal.changes().iter().find_map(|change| match change {
        Change::RolloutDecided { exposes, .. } => Some(*exposes),
        _ => None,
    });
    match (shown, exposes) {
        (Some(shown), Some(exposes)) if shown.exposes != exposes => {
            let share = |share: Option<Share>| share.map_or_else(|| "as much as before".to_owned(), |s| s.to_string());
            let message = format!(
                "what is known has changed: the flag would expose {}, and not {} as was shown",
                share(exposes),
                share(shown.exposes)
            );
            Err(Refusal::new(StatusCode::CONFLICT, "evidence_moved", message)
                .with_hint("look again, and decide anew: flag-admin rollout status"))
        }
        _ => Ok(proposal),
    }
}
