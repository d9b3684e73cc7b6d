use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use flag_client::trust::RoleName;
use serde::Deserialize;
use serde_json::{Value, json};

use super::body::{Media, read};
use super::call::Call;
use super::carry_out::{How, carry_out, make, permit, told};
use super::publish::place_of;
use crate::adapters::PublishPlace;
use crate::app::ports::KeyStore as _;
use crate::app::{AppError, KillError, KillRoute, KillScope, Project, REASON_NOT_GIVEN, Verdict, with_causes};
use crate::log::Verb;
use crate::server::desk::Opened;
use crate::server::log::Level;
use crate::server::path::Path;
use crate::server::refusal::Refusal;
use crate::server::state::Server;

pub(super) async fn list(call: Call) -> Response {
    call.at(Verb::ReadConfig, |opened, call| {
        let now = opened.project.now();
        let kills = opened.project.kills(&call.environment).map_err(AppError::from)?;
        let standing: Result<Vec<Value>, Refusal> = kills
            .iter()
            .map(|kill| {
                let mut line = told(kill)?;
                line["minutes"] = kill.minutes(now).into();
                line["escalate"] = kill.is_overdue(now).into();
                line["unexplained"] = kill.is_unexplained().into();
                Ok(line)
            })
            .collect();
        told(json!({ "killed": standing?, "watched": opened.project.watches(&call.environment).map_err(AppError::from)? }))
    })
    .await
}

pub(super) async fn report(call: Call, Path(kill): Path<String>) -> Response {
    call.at(Verb::ReadConfig, move |opened, call| {
        let report = opened.project.kill_report(&call.environment, &kill)?;
        let markdown = report.to_string();
        let mut told = told(report)?;
        told["markdown"] = markdown.into();
        Ok(told)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kill {
    target: String,
    #[serde(default)]
    reason: Option<String>,
    /// Kills it even if it is no flag of the environment.
    #[serde(default)]
    unlisted: bool,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn kill(call: Call, headers: HeaderMap, body: Body) -> Response {
    let asked: Kill = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    let server = call.server.clone();
    let response = call.at(Verb::Kill, move |opened, call| {
        let scope = if asked.unlisted { KillScope::Anything } else { KillScope::Flags };
        let how = How { reason: asked.reason.or_else(|| Some(REASON_NOT_GIVEN.to_owned())), dry_run: asked.dry_run };
        let mut place = emergency_place(opened, call);
        let proposed = opened.project.propose_kill(&call.environment, &asked.target, route(&place), scope);
        let mut told = carry_out(opened, call, &proposed.map_err(as_json)?, &how)?;
        if !how.dry_run {
            told["published"] = send(opened, call, &mut place);
        }
        Ok(told)
    });
    seen(&server, response.await).await
}

/// Answers of a kill once it is served here, too.
async fn seen(server: &Server, response: Response) -> Response {
    if response.status().is_success() {
        server.nudge().look().await;
    }
    response
}

/// What the seed of this project writes: `{"telemetry_disabled": true}`, whatever media type curl says it has. Several may be named, and a
/// reason given; without one it is asked for later.
pub(super) async fn switches(call: Call, headers: HeaderMap, body: Body) -> Response {
    let asked: BTreeMap<String, Value> = match read(&headers, body, Media::Any).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    let server = call.server.clone();
    let response = call.at(Verb::Kill, move |opened, call| {
        let Switches { targets, reason } = Switches::of(&asked)?;
        let mut place = emergency_place(opened, call);
        let route = route(&place);
        let how = How { reason: Some(reason.clone()), dry_run: false };
        // All that can be refused is refused before the first is killed.
        let mut already = Vec::new();
        let mut killed = Vec::new();
        for target in targets {
            match opened.project.propose_kill(&call.environment, target, route, KillScope::Flags) {
                Err(AppError::Kill(KillError::AlreadyKilled { target, .. })) => already.push(target),
                proposed => {
                    let proposal = proposed.map_err(as_json)?;
                    permit(call, &proposal, &how)?;
                    call.check_head(opened, proposal.changes())?;
                    if let Verdict::Refused { refusal } = proposal.access() {
                        return Err(AppError::from(refusal.clone()).into());
                    }
                    killed.push(target);
                }
            }
        }
        let (mut done, mut failed) = (Vec::new(), None);
        for target in killed {
            let proposed = opened.project.propose_kill(&call.environment, target, route, KillScope::Flags);
            let told = proposed.map_err(Refusal::from).and_then(|proposal| make(opened, &proposal, &how));
            match told {
                Ok(told) => done.push(told["edits"][0]["name"].clone()),
                // What was killed before that reaches clients all the same.
                Err(refusal) => {
                    failed = Some(refusal);
                    break;
                }
            }
        }
        let published = send(opened, call, &mut place);
        if let Some(refusal) = failed {
            return Err(if done.is_empty() {
                refusal
            } else {
                refusal.with_hint(format!("killed before that: {}; ask for the rest again", Value::from(done)))
            });
        }
        let asks = (reason == REASON_NOT_GIVEN && !done.is_empty())
            .then(|| "say why: flag-admin kill explain TARGET --reason TEXT".to_owned());
        Ok(json!({ "killed": done, "already": already, "reason": reason, "published": published, "asks": asks }))
    });
    seen(&server, response.await).await
}

struct Switches<'b> {
    targets: Vec<&'b str>,
    reason: String,
}

impl<'b> Switches<'b> {
    fn of(body: &'b BTreeMap<String, Value>) -> Result<Self, Refusal> {
        let bad = |message: String| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_kill_switch", message);
        let mut targets = Vec::new();
        let mut reason = REASON_NOT_GIVEN.to_owned();
        for (name, value) in body {
            match value {
                Value::Bool(true) => targets.push(name.as_str()),
                Value::Bool(false) => {
                    let refusal = bad(format!("{name:?} is false, and lifting a kill takes a reason"));
                    return Err(refusal.with_hint("POST /admin/v1/kills/{target}/lift with {\"reason\": TEXT}"));
                }
                Value::String(text) if name == "reason" => reason.clone_from(text),
                _ => return Err(bad(format!("{name:?} is neither true nor a reason"))),
            }
        }
        if targets.is_empty() {
            return Err(bad("no kill switch is named".to_owned()).with_hint("such as {\"telemetry_disabled\": true}"));
        }
        Project::check_reason(&reason)?;
        Ok(Self { targets, reason })
    }
}

/// Where kills are published at once, or why not.
type EmergencyPlace = Result<PublishPlace, String>;

fn emergency_place(opened: &Opened, call: &Call) -> EmergencyPlace {
    let place = place_of(opened, &call.environment).map_err(|refusal| refusal.message)?;
    opened.folder.keys().signer(RoleName::Kill).map_err(|error| with_causes(&error))?;
    opened.folder.publisher(&call.environment, &place).map_err(|error| with_causes(&error))
}

const fn route(place: &EmergencyPlace) -> KillRoute {
    match place {
        Ok(_) => KillRoute::Emergency,
        Err(_) => KillRoute::Snapshot,
    }
}

/// Says in the words of a request what a command would be told to add.
fn as_json(error: AppError) -> Refusal {
    let refusal = Refusal::from(error);
    match refusal.code {
        "no_flag" => refusal.with_hint(
            "a capability that is no flag of this environment is killed by POST /admin/v1/kills with {\"target\": NAME, \"unlisted\": true}",
        ),
        _ => refusal,
    }
}

/// Publishes the kills in force. What keeps them from it is told; the log has them, and the next snapshot carries them.
fn send(opened: &Opened, call: &Call, place: &mut EmergencyPlace) -> Value {
    let sent = match place {
        Ok(place) => opened.project.publish_kills(&call.environment, place).map_err(|error| with_causes(&error)),
        Err(why) => Err(why.clone()),
    };
    match sent {
        Ok(sent) => json!(sent),
        Err(why) => {
            call.server.log().line(Level::Error, "kill_not_published", [("message", why.as_str().into())]);
            json!({ "place": null, "why": why })
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Because {
    reason: String,
    #[serde(default)]
    dry_run: bool,
}

pub(super) async fn lift(call: Call, Path(target): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let asked: Because = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    call.at(Verb::Kill, move |opened, call| {
        let proposal = opened.project.propose_unkill(&call.environment, &target)?;
        carry_out(opened, call, &proposal, &How { reason: Some(asked.reason), dry_run: asked.dry_run })
    })
    .await
}

pub(super) async fn explain(call: Call, Path(kill): Path<String>, headers: HeaderMap, body: Body) -> Response {
    let asked: Because = match read(&headers, body, Media::Json).await {
        Ok(asked) => asked,
        Err(refusal) => return refusal.into_response(),
    };
    call.at(Verb::Kill, move |opened, call| {
        let proposal = opened.project.propose_explanation(&call.environment, &kill)?;
        carry_out(opened, call, &proposal, &How { reason: Some(asked.reason), dry_run: asked.dry_run })
    })
    .await
}
