use flag_core::Share;
use flag_core::wire::Stage;

use super::exposure::exposure_of;
use super::{Change, EnvironmentState, FlagState};
use crate::definition::{is_earlier, stage_name};
use crate::rollout::{Event, Record};

/// Says what a change did, as the log prints it after who: `increased rollout percentage: 25% → 50% (telemetry_cloud_sync)`.
///
/// `before` is the environment as it was before the change.
pub fn sentence(change: &Change, before: Option<&EnvironmentState>) -> String {
    let flag_before = change.flag().and_then(|key| before.and_then(|before| before.flags.get(key)));
    match change {
        Change::ProjectCreated { project, environments } => {
            let environments: Vec<&str> = environments.iter().map(super::EnvironmentName::as_str).collect();
            format!("created project: {project} ({})", environments.join(", "))
        }
        Change::EnvironmentCreated { environment } => format!("created environment: {environment}"),
        Change::RootPublished { version, epoch, expires_at, .. } => {
            format!("published root: {version} (epoch {epoch}, expires {})", day(*expires_at))
        }
        Change::StateSealed { digest } => format!("sealed a checkpoint: {}", digest.short()),
        Change::MemberSet { member, role } => format!("made member: {member} ({role})"),
        Change::MemberRemoved { member } => format!("removed member: {member}"),
        Change::TokenIssued { id, grant } => {
            let role = grant.role.map_or_else(|| "reads only".to_owned(), |role| role.to_string());
            format!("issued token: {id} (for {}, {role})", grant.holder)
        }
        Change::TokenRevoked { id } => format!("revoked token: {id}"),
        Change::ApprovalsRequired { approvals: 0 } => "let changes go without approval".to_owned(),
        Change::ApprovalsRequired { approvals } => format!("required approvals of every change: {approvals}"),
        Change::ChangeRequested { changes, .. } => {
            let asked: Vec<String> = changes.iter().map(|change| sentence(change, before)).collect();
            format!("asked for approval: {}", asked.join("; "))
        }
        Change::ChangeApproved { request } => format!("approved request: {request}"),
        Change::ChangeRejected { request } => format!("rejected request: {request}"),
        Change::FlagCreated { key, .. } => format!("created feature flag: {key}"),
        Change::FlagChanged { key, definition } => {
            let after = &definition.flag;
            let mut toggled = flag_before.map(|before| before.definition.clone());
            if let Some(toggled) = &mut toggled {
                toggled.flag.enabled = after.enabled;
                toggled.flag.version = after.version;
            }
            let was_enabled = flag_before.is_none_or(|before| before.definition.flag.enabled);
            match (toggled.as_ref() == Some(&**definition) && was_enabled != after.enabled, after.enabled) {
                (true, true) => format!("enabled feature flag: {key}"),
                (true, false) => format!("disabled feature flag: {key}"),
                _ => format!("changed feature flag: {key}"),
            }
        }
        Change::FlagArchived { key } => format!("archived feature flag: {key}"),
        Change::FlagRenamed { from, to } => format!("renamed feature flag: {from} → {to}"),
        Change::StageSet { flag, stage, waived, .. } => staged(flag.as_str(), *stage, waived, flag_before),
        Change::RolloutSet { flag, rule, share } => rollout(flag.as_str(), rule.as_deref(), *share, flag_before),
        Change::RolloutStarted { flag, plan, record, .. } => {
            format!("started rollout: {flag} at {} ({} schedule)", record.state.share, plan.schedule.name())
        }
        Change::RolloutDecided { flag, exposes, record, .. } => decided(flag.as_str(), *exposes, record, before),
        Change::SignalRaised { flag, severity, affected: Some(affected) } => {
            format!("signalled {severity}: {flag}, affecting {affected}")
        }
        Change::SignalRaised { flag, severity, affected: None } => format!("signalled {severity}: {flag}"),
        Change::SignalCleared { flag, signal } => format!("cleared signal {signal}: {flag}"),
        Change::SegmentSet { name, .. } => format!("set segment: {name}"),
        Change::SegmentRemoved { name } => format!("removed segment: {name}"),
        Change::GroupSet { name, .. } => format!("set exclusion group: {name}"),
        Change::GroupRemoved { name } => format!("removed exclusion group: {name}"),
        Change::KillActivated { target, .. } => format!("enabled kill switch: {target}"),
        Change::KillExplained { target, .. } => format!("gave the reason for kill switch: {target}"),
        Change::KillLifted { target, .. } => format!("disabled kill switch: {target}"),
        Change::PublishStarted { version, .. } => format!("started to publish snapshot: {version}"),
        Change::Published { version, expires_at, .. } => {
            format!("published snapshot: {version} (expires {})", day(*expires_at))
        }
    }
}

fn staged(flag: &str, stage: Stage, waived: &[Box<str>], before: Option<&FlagState>) -> String {
    let to = stage_name(stage);
    let despite = if waived.is_empty() { String::new() } else { format!(", despite {}", waived.join(", ")) };
    let Some(from) = before.map(|before| before.definition.flag.stage).filter(|from| *from != stage) else {
        return format!("set stage: {to} ({flag}{despite})");
    };
    let verb = if is_earlier(from, stage) { "promoted" } else { "demoted" };
    format!("{verb} feature flag: {} → {to} ({flag}{despite})", stage_name(from))
}

fn rollout(flag: &str, rule: Option<&str>, share: flag_core::Share, before: Option<&FlagState>) -> String {
    let place = rule.map_or_else(|| flag.to_owned(), |rule| format!("{flag}, rule {rule}"));
    match before.and_then(|before| exposure_of(&before.definition.flag, rule).ok()) {
        Some(from) if from < share => format!("increased rollout percentage: {from} → {share} ({place})"),
        Some(from) if from > share => format!("decreased rollout percentage: {from} → {share} ({place})"),
        _ => format!("set rollout percentage: {share} ({place})"),
    }
}

fn decided(flag: &str, exposes: Option<Share>, record: &Record, before: Option<&EnvironmentState>) -> String {
    let (phase, why) = record.state.phase.words();
    let because = if why.is_empty() { String::new() } else { format!(", {}", why.replace('_', " ")) };
    let from = before.and_then(|before| before.rollouts.get(flag)).map(|rollout| rollout.state.share);
    match (record.event, exposes) {
        (Event::Resume, _) => format!("resumed rollout: {flag} at {}", record.state.share),
        (Event::Pause, _) => format!("paused rollout: {flag} at {}", record.state.share),
        (_, Some(share)) => {
            let from = from.map(|from| format!("{from} → ")).unwrap_or_default();
            format!(
                "{} rollout: {flag} {from}{share} ({}{because})",
                verb(record.event, phase),
                phase.replace('_', " ")
            )
        }
        (_, None) => format!("rollout of {flag}: {}{because} at {}", phase.replace('_', " "), record.state.share),
    }
}

const fn verb(event: Event, phase: &str) -> &'static str {
    match (event, phase.as_bytes()) {
        (_, b"rolled_back") => "took back",
        (Event::Back, _) => "moved back",
        _ => "advanced",
    }
}

fn day(time: flag_core::Timestamp) -> String {
    let (year, month, day) = time.date();
    format!("{year:04}-{month:02}-{day:02}")
}
