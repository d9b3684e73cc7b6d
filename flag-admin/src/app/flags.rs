use flag_core::wire::{Flag, Kind, OptIn, Serve, Stage};
use flag_core::{FlagKey, Share, Timestamp, Value};
use serde::Serialize;

use super::error::AppError;
use super::project::{Project, UnknownEnvironment};
use crate::definition::Definition;
use crate::log::{ActiveKill, Actor, EnvironmentName, EnvironmentState, FlagState};

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
        match exposure {
            Some(Share::NOBODY) => Self::Off,
            Some(_) if flag.kind == Kind::Experiment => Self::Experiment,
            Some(Share::EVERYONE) => Self::Full,
            Some(_) => Self::Rolling,
            None if *variant == Some(flag.off_variant.clone()) => Self::Off,
            None => Self::Full,
        }
    }
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
        Ok(flag_lines(self.environment(environment)?))
    }

    /// Returns everything about one flag.
    pub fn flag_card<'p>(&'p self, environment: &EnvironmentName, key: &str) -> Result<FlagCard<'p>, AppError> {
        let state = self.environment(environment)?;
        let (key, flag) = self.flag(environment, key)?;
        Ok(FlagCard {
            line: line(state, key, flag),
            created: flag.created,
            definition: &flag.definition,
            kill: state.kill_of(key.as_str()).map(KillCard::new),
        })
    }

    /// Returns the kills that stand, oldest first.
    pub fn kills<'p>(&'p self, environment: &EnvironmentName) -> Result<Vec<KillCard<'p>>, UnknownEnvironment> {
        Ok(self.environment(environment)?.kills.iter().map(KillCard::new).collect())
    }
}

/// Returns the flags of an environment in order of their keys.
pub(super) fn flag_lines(state: &EnvironmentState) -> Vec<FlagLine<'_>> {
    state.flags.iter().map(|(key, flag)| line(state, key, flag)).collect()
}

fn line<'p>(state: &EnvironmentState, key: &'p FlagKey, flag: &'p FlagState) -> FlagLine<'p> {
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
    }
}
