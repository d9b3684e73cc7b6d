use flag_core::wire::{Kind, Serve};
use flag_core::{FlagKey, Share};

use crate::app::changes::proposal::Proposal;
use crate::app::error::{AppError, Failure};
use crate::app::project::Project;
use crate::definition::nearest;
use crate::log::{Change, EnvironmentName, EnvironmentState, ExposureError, FlagState, exposure_of};

/// How an environment comes by its first flags.
pub(crate) const FIRST_FLAGS: &str =
    "make one: flag-admin flag new KEY, or apply a file: flag-admin apply -f flags.toml";

/// Why a flag's rollout cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RolloutError {
    /// There is no such flag.
    #[error("flag {found:?} does not exist")]
    UnknownFlag {
        /// The key given.
        found: Box<str>,
        /// The key it most likely means.
        closest: Option<FlagKey>,
    },
    /// There are no flags at all.
    #[error("flag {found:?} does not exist, and neither does any other yet")]
    NoFlags {
        /// The key given.
        found: Box<str>,
    },
    /// Its share cannot be set.
    #[error("flag \"{flag}\": {source}")]
    Exposure {
        /// The flag.
        flag: FlagKey,
        /// Why.
        #[source]
        source: ExposureError,
    },
    /// A kill switch has no rollout: it is on until it is killed.
    #[error("flag \"{flag}\" is a kill switch, which has no rollout")]
    KillSwitch {
        /// The flag.
        flag: FlagKey,
    },
}

impl Failure for RolloutError {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownFlag { .. } | Self::NoFlags { .. } => "unknown_flag",
            Self::Exposure { source: ExposureError::NoRule { .. }, .. } => "unknown_rule",
            Self::Exposure { source: ExposureError::NotASplit { .. }, .. } => "not_a_split",
            Self::KillSwitch { .. } => "kill_switch",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::UnknownFlag { closest: Some(closest), .. } => format!("did you mean \"{closest}\"?"),
            Self::UnknownFlag { closest: None, .. } => "list them: flag-admin flag list".to_owned(),
            Self::NoFlags { .. } => FIRST_FLAGS.to_owned(),
            Self::Exposure { source: ExposureError::NoRule { known, .. }, .. } if known.is_empty() => {
                "the flag has no rules; leave --rule out to set the fallthrough".to_owned()
            }
            Self::Exposure { source: ExposureError::NoRule { known, .. }, .. } => {
                format!("its rules are: {}", known.join(", "))
            }
            Self::Exposure { source: ExposureError::NotASplit { .. }, flag } => {
                format!("give {flag} a rollout with weights in its definition, and apply that")
            }
            Self::KillSwitch { flag } => format!("turn it off for everyone: flag-admin kill {flag} --reason TEXT"),
        })
    }
}

impl Project {
    /// Works out what setting a share does: of the split of a rule, or of the fallthrough. Who gets which variant among the exposed stays
    /// as it is. A boolean flag that serves one variant to everyone becomes a split.
    pub fn propose_rollout(
        &self,
        environment: &EnvironmentName,
        flag: &str,
        rule: Option<&str>,
        share: Share,
    ) -> Result<Proposal, AppError> {
        let (key, flag) = self.flag(environment, flag)?;
        let wire = &flag.definition.flag;
        if wire.kind == Kind::KillSwitch {
            return Err(RolloutError::KillSwitch { flag: key.clone() }.into());
        }
        let held = exposure_of(wire, rule).map_err(|source| RolloutError::Exposure { flag: key.clone(), source })?;
        let is_split = |serve: &Serve| serve.exposure.is_some();
        let stands = rule.map_or_else(
            || is_split(&wire.fallthrough),
            |id| wire.rules.iter().any(|rule| *rule.id == *id && is_split(&rule.serve)),
        );
        let change = Change::RolloutSet { flag: key.clone(), rule: rule.map(Into::into), share };
        self.propose(environment, if held == share && stands { Vec::new() } else { vec![change] })
    }

    /// Works out what turning a whole flag on or off does. Off, it serves its off variant to everyone.
    pub fn propose_enabled(
        &self,
        environment: &EnvironmentName,
        flag: &str,
        enabled: Enabled,
    ) -> Result<Proposal, AppError> {
        let (key, flag) = self.flag(environment, flag)?;
        let mut definition = Box::new(flag.definition.clone());
        definition.flag.enabled = enabled == Enabled::On;
        definition.flag.version = 0;
        let unchanged = definition.flag.enabled == flag.definition.flag.enabled;
        let change = Change::FlagChanged { key: key.clone(), definition };
        self.propose(environment, if unchanged { Vec::new() } else { vec![change] })
    }

    /// Returns a flag of an environment.
    pub fn flag(&self, environment: &EnvironmentName, key: &str) -> Result<(&FlagKey, &FlagState), AppError> {
        let state = self.environment(environment)?;
        state.flags.get_key_value(key).ok_or_else(|| unknown_flag(state, key).into())
    }
}

/// Whether a flag decides at all.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Enabled {
    /// Its rules and its fallthrough decide.
    On,
    /// Everyone gets its off variant.
    Off,
}

pub(in crate::app) fn unknown_flag(state: &EnvironmentState, found: &str) -> RolloutError {
    if state.flags.is_empty() {
        return RolloutError::NoFlags { found: found.into() };
    }
    let closest = nearest(found, state.flags.keys().map(FlagKey::as_str));
    let closest = state.flags.keys().find(|key| Some(key.as_str()) == closest).cloned();
    RolloutError::UnknownFlag { found: found.into(), closest }
}
