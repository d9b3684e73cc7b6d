//! Who may do what: one table, and the one door that every change goes through.

use std::fmt;

use flag_core::wire::{Flag, Kind, Stage};
use flag_core::{FlagKey, Timestamp};
use serde::Serialize;

use crate::definition::Definition;
use crate::log::{Actor, Change, EnvironmentState, Role};
use crate::rollout::{Event, Phase, Record};

/// How long a debug or admin flag may serve anything but its off variant, in hours.
pub const DEBUG_FLAG_HOURS: u32 = 24;

const MILLIS_PER_HOUR: i64 = 3_600_000;

/// What somebody does.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Makes, edits, rolls out, promotes or archives.
    Edit,
    /// Turns something off, stronger than everything.
    Kill,
    /// Lifts a kill.
    Lift,
    /// Signs a snapshot for clients.
    Publish,
    /// Says who may do what: members, roots, environments, approvals.
    Govern,
    /// Asks for, gives or refuses an approval. Whose approval counts, what is approved decides.
    Agree,
}

/// What it is done to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Stake {
    /// A flag at the development stage that is no kill switch.
    DevelopmentFlag,
    /// A flag at a later stage that is no kill switch.
    Feature,
    /// A kill switch, whatever its stage.
    KillSwitch,
    /// A capability that is no flag of the environment.
    Capability,
    /// A segment or an exclusion group: flags of any stage may depend on it.
    Shared,
    /// The project or an environment as a whole.
    Project,
}

impl fmt::Display for Stake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DevelopmentFlag => "a flag at the development stage",
            Self::Feature => "a flag past the development stage",
            Self::KillSwitch => "a kill switch",
            Self::Capability => "a capability that is no flag",
            Self::Shared => "shared by flags",
            Self::Project => "of the whole project",
        })
    }
}

impl Stake {
    /// Returns what is at stake in an edit of a flag.
    pub const fn of(flag: &Flag) -> Self {
        match (flag.kind, flag.stage) {
            (Kind::KillSwitch, _) => Self::KillSwitch,
            (_, Stage::Development) => Self::DevelopmentFlag,
            _ => Self::Feature,
        }
    }
}

/// Returns the roles that may do something, the one that may most first. Nobody else may.
pub const fn who_may(action: Action, stake: Stake) -> &'static [Role] {
    use Role::{EmergencyResponder, Engineer, EngineeringLead, ReleaseManager};
    match (action, stake) {
        (Action::Edit, Stake::DevelopmentFlag) => &[ReleaseManager, EngineeringLead, Engineer],
        (Action::Edit, Stake::Feature | Stake::Shared) | (Action::Publish, _) => &[ReleaseManager, EngineeringLead],
        (Action::Edit, Stake::KillSwitch | Stake::Capability | Stake::Project) | (Action::Lift | Action::Govern, _) => {
            &[ReleaseManager]
        }
        (Action::Kill, Stake::DevelopmentFlag) => &[ReleaseManager, EngineeringLead, Engineer, EmergencyResponder],
        (Action::Kill, Stake::Feature) => &[ReleaseManager, EngineeringLead, EmergencyResponder],
        (Action::Kill, _) => &[ReleaseManager, EmergencyResponder],
        (Action::Agree, _) => &Role::ALL,
    }
}

/// What becomes of a set of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verdict {
    /// They are made at once.
    #[default]
    Allowed,
    /// They wait until another member approves.
    NeedsApproval {
        /// Why.
        cause: ApprovalCause,
    },
    /// They are not made.
    Refused {
        /// Why.
        refusal: PolicyError,
    },
}

impl Verdict {
    /// Tells whether the changes are made at once.
    pub fn is_allowed(&self) -> bool {
        *self == Self::Allowed
    }
}

/// Why changes need another member's approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ApprovalCause {
    /// Every change of the environment does.
    EveryChange,
    /// A critical flag is served to people who did not have it.
    Critical(FlagKey),
    /// A flag would no longer be critical.
    NoLongerCritical(FlagKey),
}

impl fmt::Display for ApprovalCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EveryChange => f.write_str("every change here needs one"),
            Self::Critical(flag) => write!(f, "flag \"{flag}\" is critical, and somebody gains or moves"),
            Self::NoLongerCritical(flag) => write!(f, "flag \"{flag}\" would no longer be critical"),
        }
    }
}

/// Why somebody may not do something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{actor} is {} and may not {what}, {stake}; {} may", with_article(*role), either(may))]
pub struct Refusal {
    /// Who.
    pub actor: Actor,
    /// In which role.
    pub role: Role,
    /// What they may not do, in words.
    pub what: String,
    /// What it would be done to, in words.
    pub stake: String,
    /// Who may.
    pub may: Vec<Role>,
}

/// Why a change is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Somebody's role does not reach so far.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The project has members, and this is none of them.
    #[error("{actor} is no member of the project")]
    NotAMember {
        /// Who.
        actor: Actor,
        /// The release managers, who can make them one.
        release_managers: Vec<Actor>,
    },
    /// A debug or admin flag that would not go off by itself in time.
    #[error(
        "flag \"{flag}\" is a debug flag and {}, expected off_after at {latest} or before",
        found.map_or_else(|| "never goes off".to_owned(), |found| format!("goes off at {found}"))
    )]
    DebugFlag {
        /// The flag.
        flag: FlagKey,
        /// When it goes off.
        found: Option<Timestamp>,
        /// When it has to be off.
        latest: Timestamp,
    },
}

impl Serialize for PolicyError {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PolicyError {
    pub(in crate::app) const fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "not_allowed",
            Self::NotAMember { .. } => "not_a_member",
            Self::DebugFlag { .. } => "debug_flag",
        }
    }

    pub(in crate::app) fn hint(&self) -> String {
        match self {
            Self::Refused(_) => "see who is what: flag-admin member list".to_owned(),
            Self::NotAMember { release_managers, .. } => {
                let names: Vec<String> = release_managers.iter().map(ToString::to_string).collect();
                format!("name a member with --as NAME, or ask {} to add you", names.join(" or "))
            }
            Self::DebugFlag { latest, .. } => format!("set off_after = \"{latest}\" in its definition"),
        }
    }
}

/// Something that changes demand a role for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::app) struct Demand {
    action: Action,
    stake: Stake,
    /// What is done, in words.
    what: String,
}

impl Demand {
    /// Returns what a change demands in the light of a state: that before it, or that after it.
    pub(in crate::app) fn of(change: &Change, state: Option<&EnvironmentState>) -> Self {
        let at_stake = |key: &str| {
            let flag = state.and_then(|state| state.flags.get(key).or_else(|| state.archived.get(key)));
            flag.map(|flag| Stake::of(&flag.definition.flag))
        };
        let (action, touched, what) = match change {
            Change::KillActivated { target, .. } => {
                (Action::Kill, at_stake(target).unwrap_or(Stake::Capability), format!("kill {target:?}"))
            }
            // Whoever may kill may say why.
            Change::KillExplained { target, .. } => (
                Action::Kill,
                at_stake(target).unwrap_or(Stake::Capability),
                format!("give the reason for the kill of {target:?}"),
            ),
            Change::KillLifted { target, .. } => {
                (Action::Lift, at_stake(target).unwrap_or(Stake::Capability), format!("lift the kill of {target:?}"))
            }
            Change::SegmentSet { name, .. } | Change::SegmentRemoved { name } => {
                (Action::Edit, Stake::Shared, format!("change segment {name:?}"))
            }
            Change::GroupSet { name, .. } | Change::GroupRemoved { name } => {
                (Action::Edit, Stake::Shared, format!("change group {name:?}"))
            }
            // Flags that need it are written anew: whoever renames it edits them as well.
            Change::FlagRenamed { from, to } => {
                let (touched, whose) = renamed(from, to, state);
                (Action::Edit, touched, format!("rename flag \"{from}\"{whose}"))
            }
            Change::PublishStarted { .. } | Change::Published { .. } => {
                (Action::Publish, Stake::Project, "publish a snapshot".to_owned())
            }
            Change::ChangeRequested { .. } | Change::ChangeApproved { .. } | Change::ChangeRejected { .. } => {
                (Action::Agree, Stake::Project, "take part in approvals".to_owned())
            }
            Change::SignalRaised { flag, severity, .. } => (
                Action::Kill,
                at_stake(flag.as_str()).unwrap_or(Stake::Feature),
                format!("signal {severity} of flag \"{flag}\""),
            ),
            Change::RolloutDecided { flag, record, .. } if is_retreat(record) => (
                Action::Kill,
                at_stake(flag.as_str()).unwrap_or(Stake::Feature),
                format!("hold or take back the rollout of flag \"{flag}\""),
            ),
            Change::StateSealed { .. } => (Action::Agree, Stake::Project, "seal a checkpoint".to_owned()),
            Change::MemberSet { .. } | Change::MemberRemoved { .. } => {
                (Action::Govern, Stake::Project, "change members".to_owned())
            }
            Change::TokenIssued { .. } => (Action::Govern, Stake::Project, "issue a token".to_owned()),
            // A token that leaked is taken back as quickly as anything is killed, by whoever kills.
            Change::TokenRevoked { .. } => (Action::Kill, Stake::Project, "revoke a token".to_owned()),
            Change::ApprovalsRequired { .. } => {
                (Action::Govern, Stake::Project, "change how many approvals are needed".to_owned())
            }
            change => match change.flag() {
                // Before it is made, a flag is as it will be.
                Some(key) => (
                    Action::Edit,
                    at_stake(key.as_str()).unwrap_or(Stake::DevelopmentFlag),
                    format!("change flag \"{key}\""),
                ),
                None => (Action::Govern, Stake::Project, "change the project".to_owned()),
            },
        };
        Self { action, stake: touched, what }
    }

    /// Returns what an effect on a flag demands, whichever change has it.
    pub(in crate::app) fn of_effect(key: &FlagKey, flag: &Flag) -> Self {
        Self { action: Action::Edit, stake: Stake::of(flag), what: format!("change whom flag \"{key}\" is served to") }
    }

    /// Tells whether two members have to agree where an environment asks for that. Killing is quick.
    pub(in crate::app) const fn is_agreed_on(&self) -> bool {
        matches!(self.action, Action::Edit | Action::Lift | Action::Govern)
    }

    /// Returns the roles that meet the demand.
    pub(in crate::app) const fn may(&self) -> &'static [Role] {
        who_may(self.action, self.stake)
    }

    /// Refuses a role that does not meet the demand.
    pub(in crate::app) fn check(&self, actor: &Actor, role: Role) -> Result<(), Refusal> {
        let may = self.may();
        if may.contains(&role) {
            return Ok(());
        }
        let (actor, what, stake) = (actor.clone(), self.what.clone(), self.stake.to_string());
        Err(Refusal { actor, role, what, stake, may: may.to_vec() })
    }
}

/// Returns what is at stake in giving a flag another key, in the light of a state in which it has either: the most among it and the flags
/// that need it. In words, the flag whose stake that is, if it is another.
fn renamed(from: &FlagKey, to: &FlagKey, state: Option<&EnvironmentState>) -> (Stake, String) {
    let weight = |stake: Stake| match stake {
        Stake::DevelopmentFlag => 0,
        Stake::Feature => 1,
        _ => 2,
    };
    let Some(state) = state else { return (Stake::DevelopmentFlag, String::new()) };
    let own = [from, to].into_iter().find_map(|key| state.flags.get(key));
    let mut most = (own.map_or(Stake::DevelopmentFlag, |flag| Stake::of(&flag.definition.flag)), String::new());
    for key in [from, to] {
        for dependent in crate::app::flags::stage::needed_by(state, key) {
            let Some(flag) = state.flags.get(dependent) else { continue };
            let touched = Stake::of(&flag.definition.flag);
            if weight(touched) > weight(most.0) {
                most = (touched, format!(", which flag \"{dependent}\" needs"));
            }
        }
    }
    most
}

/// Tells whether a decision about a rollout exposes nobody who was not exposed, and commits nobody to do so later: stopping is as quick as
/// killing.
pub(in crate::app) fn is_retreat(record: &Record) -> bool {
    !matches!(record.event, Event::Start | Event::Advance | Event::Resume)
        && matches!(record.state.phase, Phase::Holding(_) | Phase::Paused(_) | Phase::RolledBack(_))
}

/// Tells whether a flag is one for debugging or administration: by its tags, or by a word of its key.
pub fn is_debug_flag(key: &str, definition: &Definition) -> bool {
    let is_word = |word: &str| ["debug", "admin", "backdoor"].iter().any(|name| word.eq_ignore_ascii_case(name));
    definition.documentation.tags.iter().any(|tag| is_word(tag)) || key.split(['_', '.', '-']).any(is_word)
}

/// Refuses a debug flag that does not go off within [`DEBUG_FLAG_HOURS`]. A kill switch only ever turns things off.
pub(in crate::app) fn check_debug_flag(
    key: &FlagKey,
    definition: &Definition,
    now: Timestamp,
) -> Result<(), PolicyError> {
    let flag = &definition.flag;
    if !is_debug_flag(key.as_str(), definition) || flag.kind == Kind::KillSwitch || !flag.enabled {
        return Ok(());
    }
    let latest = now.saturating_add_millis(i64::from(DEBUG_FLAG_HOURS).saturating_mul(MILLIS_PER_HOUR));
    match flag.off_after {
        Some(off) if off <= latest => Ok(()),
        found => Err(PolicyError::DebugFlag { flag: key.clone(), found, latest }),
    }
}

fn with_article(role: Role) -> String {
    let article = if matches!(role, Role::ReleaseManager) { "a" } else { "an" };
    format!("{article} {role}")
}

fn either(roles: &[Role]) -> String {
    let names: Vec<String> = roles.iter().map(|role| with_article(*role)).collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => "nobody".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVELOPMENT: Stake = Stake::DevelopmentFlag;

    #[test]
    fn the_table_row_by_row() {
        use Action::{Agree, Edit, Govern, Kill, Lift, Publish};
        use Stake::{Capability, Feature, KillSwitch, Project, Shared};
        // Who may: release manager, engineering lead, engineer, emergency responder.
        for (action, stake, expected) in [
            (Edit, DEVELOPMENT, [true, true, true, false]),
            (Edit, Feature, [true, true, false, false]),
            (Edit, KillSwitch, [true, false, false, false]),
            (Edit, Shared, [true, true, false, false]),
            (Edit, Project, [true, false, false, false]),
            (Kill, DEVELOPMENT, [true, true, true, true]),
            (Kill, Feature, [true, true, false, true]),
            (Kill, KillSwitch, [true, false, false, true]),
            (Kill, Capability, [true, false, false, true]),
            (Lift, DEVELOPMENT, [true, false, false, false]),
            (Lift, Feature, [true, false, false, false]),
            (Lift, KillSwitch, [true, false, false, false]),
            (Lift, Capability, [true, false, false, false]),
            (Publish, Project, [true, true, false, false]),
            (Govern, Project, [true, false, false, false]),
            (Agree, Project, [true, true, true, true]),
        ] {
            assert_eq!(Role::ALL.map(|role| who_may(action, stake).contains(&role)), expected, "{action:?} {stake:?}");
        }
    }

    #[test]
    fn a_refusal_says_who_may() {
        let demand = Demand { action: Action::Kill, stake: Stake::KillSwitch, what: "kill \"telemetry\"".to_owned() };
        let actor: Actor = "eve".parse().unwrap();
        assert_eq!(
            demand.check(&actor, Role::EngineeringLead).unwrap_err().to_string(),
            "@eve is an engineering lead and may not kill \"telemetry\", a kill switch; \
             a release manager or an emergency responder may"
        );
        assert_eq!(demand.check(&actor, Role::EmergencyResponder), Ok(()));
    }

    #[test]
    fn debug_flags_go_off_within_a_day() {
        let now = Timestamp::from_millis(1_768_487_521_000);
        let in_hours = |hours: i64| Some(now.saturating_add_millis(hours * MILLIS_PER_HOUR));
        let definition = |off_after: Option<Timestamp>, tag: &str, enabled: bool| {
            let text = format!("[flags.f]\nenabled = {enabled}\ndocumentation.tags = [{tag:?}]\n");
            let definitions = crate::definition::Definitions::from_toml(&text, "f").unwrap();
            let mut definition = definitions.flags.find("f").unwrap().clone();
            definition.flag.off_after = off_after;
            definition
        };
        for (key, tag, enabled, off_after, holds) in [
            ("sync", "", true, None, true),
            ("sync", "debug", true, None, false),
            ("sync", "Admin", true, None, false),
            ("sync_debug", "", true, None, false),
            ("debugger_ui", "", true, None, true),
            ("sync", "debug", true, in_hours(24), true),
            ("sync", "debug", true, in_hours(25), false),
            ("sync", "debug", true, in_hours(-1), true),
            ("sync", "debug", false, None, true),
        ] {
            let checked = check_debug_flag(&key.parse().unwrap(), &definition(off_after, tag, enabled), now);
            assert_eq!(checked.is_ok(), holds, "{key} {tag} {off_after:?}");
        }
        assert_eq!(
            check_debug_flag(&"sync".parse().unwrap(), &definition(None, "debug", true), now).unwrap_err().to_string(),
            "flag \"sync\" is a debug flag and never goes off, expected off_after at 2026-01-16T14:32:01Z or before"
        );
    }
}
