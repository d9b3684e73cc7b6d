use std::fmt;

use flag_core::{FlagKey, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};

use crate::app::flags::listing::{KillCard, Watch};
use crate::app::project::Project;
use crate::log::{EnvironmentName, EnvironmentState};
use crate::rollout::{Phase, RollbackCheck, Rollout};

const MILLIS_PER_HOUR: i64 = 3_600_000;

/// What an alert is of.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum AlertKind {
    /// Something was killed.
    #[serde(rename = "kill.activated")]
    KillActivated,
    /// A kill stands for more than a day: whoever leads should know.
    #[serde(rename = "kill.overdue")]
    KillOverdue,
    /// A kill was lifted: the feature is watched for a day.
    #[serde(rename = "kill.lifted")]
    KillLifted,
    /// A rollout was paused.
    #[serde(rename = "rollout.paused")]
    RolloutPaused,
    /// A rollout was rolled back.
    #[serde(rename = "rollout.rolled_back")]
    RolloutRolledBack,
    /// People still get a flag after it was rolled back.
    #[serde(rename = "rollout.rollback_failed")]
    RolloutRollbackFailed,
    /// A rollout is held, since what is reported makes no sense or stopped coming.
    #[serde(rename = "rollout.held")]
    RolloutHeld,
    /// A rollout reached everyone.
    #[serde(rename = "rollout.completed")]
    RolloutCompleted,
    /// Nothing happened: somebody tries out a sink.
    #[serde(rename = "test")]
    Test,
}

impl AlertKind {
    /// Returns the name that receivers tell it by.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KillActivated => "kill.activated",
            Self::KillOverdue => "kill.overdue",
            Self::KillLifted => "kill.lifted",
            Self::RolloutPaused => "rollout.paused",
            Self::RolloutRolledBack => "rollout.rolled_back",
            Self::RolloutRollbackFailed => "rollout.rollback_failed",
            Self::RolloutHeld => "rollout.held",
            Self::RolloutCompleted => "rollout.completed",
            Self::Test => "test",
        }
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something that people are told of.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Alert {
    /// Its own name, the same whoever works it out and however often.
    pub id: String,
    /// What it is of.
    pub kind: AlertKind,
    /// When it happened.
    pub at: Timestamp,
    /// What happened, in a sentence.
    pub text: String,
    /// What a program may want to know of it.
    pub data: Value,
}

impl Alert {
    /// Returns an alert that tries out a sink. `nonce` tells it from others.
    pub fn test(project: &Project, nonce: &str) -> Self {
        let name = project.state().project();
        Self {
            id: format!("test-{nonce}"),
            kind: AlertKind::Test,
            at: project.now(),
            text: format!("{name}: this is a test, and nothing happened"),
            data: json!({ "project": name }),
        }
    }
}

impl Project {
    /// Returns what there is to tell of everything that happened from a time on, oldest first.
    pub fn alerts(&self, from: Timestamp) -> Vec<Alert> {
        let now = self.now();
        let project = self.state.project().as_str();
        let mut alerts: Vec<Alert> = self
            .state
            .environments()
            .flat_map(|(name, state)| {
                let place = Place { project, environment: name };
                let mut alerts = of_kills(place, state, now);
                alerts.extend(of_rollouts(place, state));
                alerts
            })
            .filter(|alert| alert.at >= from)
            .collect();
        alerts.sort_by_key(|alert| alert.at);
        alerts
    }
}

#[derive(Copy, Clone)]
struct Place<'p> {
    project: &'p str,
    environment: &'p EnvironmentName,
}

fn of_kills(place: Place<'_>, state: &EnvironmentState, now: Timestamp) -> Vec<Alert> {
    let Place { project, environment } = place;
    let mut alerts = Vec::new();
    let kills = state.kills.iter().chain(state.ended.iter().map(|ended| &ended.kill));
    for kill in kills {
        let reason = kill.reason.as_deref().unwrap_or("not given");
        let asks = if KillCard::new(kill).is_unexplained() {
            format!("; say why: flag-admin kill explain {} --reason TEXT", kill.target)
        } else {
            String::new()
        };
        alerts.push(Alert {
            id: format!("kill-activated-{}", kill.id),
            kind: AlertKind::KillActivated,
            at: kill.since,
            text: format!("{} killed {} in {environment} of {project}: {reason}{asks}", kill.by, kill.target),
            data: json!({
                "project": project, "environment": environment, "kill": kill.id, "target": kill.target, "by": kill.by,
                "reason": kill.reason, "since": kill.since, "emergency": kill.emergency,
            }),
        });
    }
    for kill in state.kills.iter().filter(|kill| KillCard::new(kill).is_overdue(now)) {
        let hours = KillCard::ESCALATION_HOURS;
        alerts.push(Alert {
            id: format!("kill-overdue-{}", kill.id),
            kind: AlertKind::KillOverdue,
            at: kill.since.saturating_add_millis(hours.saturating_mul(MILLIS_PER_HOUR)),
            text: format!(
                "{} is killed in {environment} of {project} for more than {hours} h: bring it before whoever leads",
                kill.target
            ),
            data: json!({
                "project": project, "environment": environment, "kill": kill.id, "target": kill.target, "by": kill.by,
                "reason": kill.reason, "since": kill.since,
            }),
        });
    }
    for ended in &state.ended {
        let (kill, reason) = (&ended.kill, ended.reason.as_deref().unwrap_or("not given"));
        let until = ended.lifted.saturating_add_millis(Watch::HOURS.saturating_mul(MILLIS_PER_HOUR));
        alerts.push(Alert {
            id: format!("kill-lifted-{}", kill.id),
            kind: AlertKind::KillLifted,
            at: ended.lifted,
            text: format!(
                "{} lifted the kill of {} in {environment} of {project}: {reason}; watch it until {until}, and draft the \
                 post-mortem: flag-admin kill report {}",
                ended.by, kill.target, kill.id
            ),
            data: json!({
                "project": project, "environment": environment, "kill": kill.id, "target": kill.target, "by": ended.by,
                "reason": ended.reason, "since": kill.since, "lifted": ended.lifted, "watch_until": until,
            }),
        });
    }
    alerts
}

fn of_rollouts(place: Place<'_>, state: &EnvironmentState) -> Vec<Alert> {
    let told = state.rollouts.iter().flat_map(|(flag, rollout)| {
        let state = &rollout.state;
        let stopped = state.stopped_at.unwrap_or(state.decided);
        let said = match &state.phase {
            Phase::Paused(reason) => Some((AlertKind::RolloutPaused, stopped, format!("was paused: {reason}"))),
            Phase::RolledBack(reason) => {
                Some((AlertKind::RolloutRolledBack, state.exposed_at, format!("was rolled back: {reason}")))
            }
            Phase::Holding(reason) if state.phase.is_alarming() => {
                state.held_since.map(|since| (AlertKind::RolloutHeld, since, format!("is held: {reason}")))
            }
            Phase::Completed => {
                Some((AlertKind::RolloutCompleted, state.decided, "is complete: everyone has it".to_owned()))
            }
            _ => None,
        };
        let failed = rollout.check.filter(|check| check.has_failed() && matches!(state.phase, Phase::RolledBack(_)));
        let failed = failed.map(|check| {
            let RollbackCheck { still_exposed, were_exposed } = check;
            let text = format!(
                "was rolled back, and {still_exposed} of {were_exposed} units that were looked at still get the flag; look at \
                 its rules, or kill it: flag-admin kill {flag}"
            );
            (AlertKind::RolloutRollbackFailed, state.exposed_at, text)
        });
        [said, failed].into_iter().flatten().map(|told| of_rollout(place, flag, rollout, told))
    });
    told.collect()
}

fn of_rollout(
    place: Place<'_>,
    flag: &FlagKey,
    rollout: &Rollout,
    (kind, at, what): (AlertKind, Timestamp, String),
) -> Alert {
    let Place { project, environment } = place;
    Alert {
        id: format!("{}-{flag}-{}-{}", kind.as_str().replace(['.', '_'], "-"), rollout.began, at.as_millis()),
        kind,
        at,
        text: format!(
            "the rollout of {flag} in {environment} of {project} {what}; see flag-admin rollout status {flag}"
        ),
        data: json!({
            "project": project, "environment": environment, "flag": flag, "share": rollout.state.share,
            "step": rollout.state.step, "phase": rollout.state.phase, "at": at, "check": rollout.check,
        }),
    }
}
