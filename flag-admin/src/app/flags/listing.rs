use std::fmt;

use flag_core::wire::{Flag, Kind, OptIn, Serve, Stage};
use flag_core::{FlagKey, Share, Timestamp, Value};
use serde::Serialize;

use super::lifecycle::day_of;
use super::stage::{LifeStage, StageSpan, needed_by, whole_days};
use crate::app::error::AppError;
use crate::app::kills::kill::REASON_NOT_GIVEN;
use crate::app::project::{Project, UnknownEnvironment};
use crate::definition::{CivilDate, Definition};
use crate::log::{ActiveKill, Actor, EndedKill, EnvironmentName, EnvironmentState, FlagState};

const MILLIS_PER_MINUTE: i64 = 60_000;
const MILLIS_PER_HOUR: i64 = 60 * MILLIS_PER_MINUTE;

/// Where a flag's rollout is. Its word goes with every flag shown.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RolloutPhase {
    /// A kill stands against it.
    Killed,
    /// A part of the units is exposed.
    Rolling,
    /// Variants are compared.
    Experiment,
    /// Everyone is exposed, or gets one variant that is not the off variant.
    Full,
    /// Rules serve some, and whom no rule takes gets nothing.
    Targeted,
    /// Nobody is exposed.
    Off,
}

impl RolloutPhase {
    /// Returns the word shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Rolling => "rolling",
            Self::Experiment => "experiment",
            Self::Full => "full",
            Self::Targeted => "targeted",
            Self::Off => "off",
        }
    }

    fn of(flag: &Flag, killed: bool) -> Self {
        if killed {
            return Self::Killed;
        }
        if !flag.enabled {
            return Self::Off;
        }
        let Serve { variant, exposure, .. } = &flag.fallthrough;
        let nobody_else = || if serves_by_rules(flag) { Self::Targeted } else { Self::Off };
        match exposure {
            Some(Share::NOBODY) => nobody_else(),
            Some(_) if flag.kind == Kind::Experiment => Self::Experiment,
            Some(Share::EVERYONE) => Self::Full,
            Some(_) => Self::Rolling,
            None if *variant == Some(flag.off_variant.clone()) => nobody_else(),
            None => Self::Full,
        }
    }
}

/// Tells whether a rule gives anybody anything but the off variant.
fn serves_by_rules(flag: &Flag) -> bool {
    flag.rules.iter().any(|rule| match rule.serve.exposure {
        Some(share) => share != Share::NOBODY,
        None => rule.serve.variant.as_ref() != Some(&flag.off_variant),
    })
}

/// A flag in one line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FlagLine<'p> {
    /// Its key.
    pub flag: &'p FlagKey,
    /// What it is for.
    pub kind: Kind,
    /// Where it is in its life.
    pub stage: Stage,
    /// Where its rollout is.
    pub phase: RolloutPhase,
    /// The share that its fallthrough exposes, 0..=100_000; absent where it serves one variant.
    pub share: Option<Share>,
    /// How many rules come before the fallthrough.
    pub rules: usize,
    /// What a user's enabling means.
    pub opt_in: OptIn,
    /// Whether it decides at all.
    pub enabled: bool,
    /// Who answers for it.
    pub owner: Option<&'p str>,
    /// The log entry that last changed it.
    pub version: u64,
    /// When it was last changed.
    pub changed: Timestamp,
    /// Who last changed it.
    pub changed_by: &'p Actor,
    /// Words to find it by.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub tags: &'p [String],
    /// Since when it is at its stage.
    pub staged: Timestamp,
    /// What it should have done by now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overdue: Vec<Overdue>,
}

/// Something that a flag should have done by now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Overdue {
    /// It stays too long at its stage.
    Stage {
        /// For how many whole days it is there.
        days: u64,
        /// For how many it may be.
        most: u64,
    },
    /// The day by which it should have been gone is over.
    Expired {
        /// That day.
        day: CivilDate,
    },
}

impl fmt::Display for Overdue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stage { days, most } => write!(f, "{days} days at its stage, expected at most {most}"),
            Self::Expired { day } => write!(f, "should be gone since {day}"),
        }
    }
}

/// Everything about a flag.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FlagCard<'p> {
    /// What a list shows.
    #[serde(flatten)]
    pub line: FlagLine<'p>,
    /// When it was made.
    pub created: Timestamp,
    /// The definition.
    pub definition: &'p Definition,
    /// The kill that stands against it.
    pub kill: Option<KillCard<'p>>,
    /// The watch that is kept on it since its last kill was lifted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watch<'p>>,
    /// For how many whole days it is at its stage.
    pub stage_days: u64,
    /// How long it is meant to be there.
    pub stage_span: StageSpan,
    /// The flags that need it.
    pub needed_by: Vec<&'p FlagKey>,
    /// Whether it ever gave anybody anything but its off variant.
    pub exposed: bool,
}

/// A feature that is back after a kill, and is watched closely for a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Watch<'p> {
    /// The kill's own name.
    pub id: &'p str,
    /// What was off.
    pub target: &'p str,
    /// Since when it was off.
    pub since: Timestamp,
    /// When the kill was lifted.
    pub lifted: Timestamp,
    /// Who lifted it.
    pub by: &'p Actor,
    /// Why.
    pub reason: Option<&'p str>,
    /// Until when it is watched.
    pub until: Timestamp,
}

impl<'p> Watch<'p> {
    /// How long a feature is watched after its kill, in hours.
    pub const HOURS: i64 = 24;

    fn new(ended: &'p EndedKill) -> Self {
        let EndedKill { kill, lifted, by, reason } = ended;
        let until = lifted.saturating_add_millis(Self::HOURS * MILLIS_PER_HOUR);
        let (id, target) = (&*kill.id, &*kill.target);
        Self { id, target, since: kill.since, lifted: *lifted, by, reason: reason.as_deref(), until }
    }
}

/// A kill that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KillCard<'p> {
    /// Its own name.
    pub id: &'p str,
    /// What is off.
    pub target: &'p str,
    /// Since when.
    pub since: Timestamp,
    /// Who killed it.
    pub by: &'p Actor,
    /// Why.
    pub reason: Option<&'p str>,
    /// Whether the emergency key carries it besides the snapshot.
    pub emergency: bool,
}

impl KillCard<'_> {
    /// How long a kill may stand before it is brought before whoever leads, in hours.
    pub const ESCALATION_HOURS: i64 = 24;

    /// Returns for how many whole minutes the kill stands.
    pub fn minutes(&self, now: Timestamp) -> u64 {
        u64::try_from(now.millis_since(self.since) / MILLIS_PER_MINUTE).unwrap_or_default()
    }

    /// Tells whether nobody has said yet why it was killed.
    pub fn is_unexplained(&self) -> bool {
        self.reason.is_none_or(|reason| reason == REASON_NOT_GIVEN)
    }

    /// Tells whether the kill stands for so long that it is to be escalated.
    pub const fn is_overdue(&self, now: Timestamp) -> bool {
        now.millis_since(self.since) > Self::ESCALATION_HOURS * MILLIS_PER_HOUR
    }
}

impl<'p> KillCard<'p> {
    /// Returns the card of a kill.
    pub fn new(kill: &'p ActiveKill) -> Self {
        let ActiveKill { id, target, emergency, since, by, reason } = kill;
        Self { id, target, since: *since, by, reason: reason.as_deref(), emergency: *emergency }
    }
}

impl FlagCard<'_> {
    /// Returns the variants with their values, in order.
    pub fn variants(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.definition.flag.variants.iter()
    }
}

impl Project {
    /// Returns the flags of an environment in order of their keys.
    pub fn flags<'p>(&'p self, environment: &EnvironmentName) -> Result<Vec<FlagLine<'p>>, UnknownEnvironment> {
        Ok(flag_lines(self.environment(environment)?, self.now()))
    }

    /// Returns everything about one flag.
    pub fn flag_card<'p>(&'p self, environment: &EnvironmentName, key: &str) -> Result<FlagCard<'p>, AppError> {
        let state = self.environment(environment)?;
        let (key, flag) = self.flag(environment, key)?;
        let now = self.now();
        Ok(FlagCard {
            line: line(state, key, flag, now),
            watch: watches(state, now).into_iter().find(|watch| *watch.target == *key.as_str()),
            stage_days: whole_days(flag.staged, now),
            stage_span: LifeStage::of(flag.definition.flag.stage).span(),
            needed_by: needed_by(state, key),
            exposed: flag.exposed,
            created: flag.created,
            definition: &flag.definition,
            kill: state.kill_of(key.as_str()).map(KillCard::new),
        })
    }

    /// Returns what is watched closely since its kill was lifted, the last lifted first.
    pub fn watches<'p>(&'p self, environment: &EnvironmentName) -> Result<Vec<Watch<'p>>, UnknownEnvironment> {
        Ok(watches(self.environment(environment)?, self.now()))
    }

    /// Returns the kills that stand, oldest first.
    pub fn kills<'p>(&'p self, environment: &EnvironmentName) -> Result<Vec<KillCard<'p>>, UnknownEnvironment> {
        Ok(self.environment(environment)?.kills.iter().map(KillCard::new).collect())
    }
}

/// Returns the flags of an environment as of a time, in order of their keys.
pub(in crate::app) fn flag_lines(state: &EnvironmentState, now: Timestamp) -> Vec<FlagLine<'_>> {
    state.flags.iter().map(|(key, flag)| line(state, key, flag, now)).collect()
}

/// Returns the watches that are kept at a time, the last opened first; one for each target.
fn watches(state: &EnvironmentState, now: Timestamp) -> Vec<Watch<'_>> {
    let mut open: Vec<Watch<'_>> = Vec::new();
    for watch in state.ended.iter().rev().map(Watch::new).filter(|watch| watch.until > now) {
        // Killed anew, or listed for a later kill.
        let is_known = open.iter().any(|known| known.target == watch.target) || state.kill_of(watch.target).is_some();
        if !is_known {
            open.push(watch);
        }
    }
    open
}

fn overdue(flag: &FlagState, now: Timestamp) -> Vec<Overdue> {
    let mut found = Vec::new();
    let days = whole_days(flag.staged, now);
    // What has to stay in beta or in development for long says so by its kind or tag.
    let may_stay = matches!(flag.definition.flag.kind, Kind::KillSwitch | Kind::Ops)
        || flag.definition.documentation.tags.iter().any(|tag| tag == "platform");
    let most = LifeStage::of(flag.definition.flag.stage).span().most.filter(|most| days > *most && !may_stay);
    found.extend(most.map(|most| Overdue::Stage { days, most }));
    let day = flag.definition.documentation.expires.as_ref().and_then(|expires| expires.date.clone());
    let over = day.filter(|day| day_of(now).is_some_and(|today| *day < today));
    found.extend(over.map(|day| Overdue::Expired { day }));
    found
}

fn line<'p>(state: &EnvironmentState, key: &'p FlagKey, flag: &'p FlagState, now: Timestamp) -> FlagLine<'p> {
    let wire = &flag.definition.flag;
    FlagLine {
        flag: key,
        kind: wire.kind,
        stage: wire.stage,
        phase: RolloutPhase::of(wire, state.kill_of(key.as_str()).is_some()),
        share: wire.fallthrough.exposure,
        rules: wire.rules.len(),
        opt_in: wire.opt_in,
        enabled: wire.enabled,
        owner: flag.definition.documentation.owner.as_deref(),
        version: wire.version,
        changed: flag.changed,
        changed_by: &flag.changed_by,
        tags: &flag.definition.documentation.tags,
        staged: flag.staged,
        overdue: overdue(flag, now),
    }
}
