use std::collections::BTreeSet;

use flag_core::wire::{Condition, Flag};
use flag_core::{FlagKey, KeyError, Place, Share, Timestamp};

use super::stage::{LifeStage, StageStep, needed_by};
use crate::app::changes::apply::Prune;
use crate::app::changes::proposal::Proposal;
use crate::app::error::{AppError, Failure};
use crate::app::project::Project;
use crate::definition::{Allowance, CivilDate, Definition, Definitions, Milestone, is_stage_status, stage_status};
use crate::log::{Actor, Change, EnvironmentName, EnvironmentState, Role};

/// Why a flag does not go on in its life.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LifecycleError {
    /// The new key is not one.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is a flag of that key.
    #[error("flag \"{flag}\" exists already")]
    Exists {
        /// The key.
        flag: FlagKey,
    },
    /// The day on which the flag should be gone is over before it begins.
    #[error("flag \"{flag}\" would expire on {day}, which is over: today is {today}")]
    Expired {
        /// The flag.
        flag: String,
        /// The day given.
        day: CivilDate,
        /// The day it is, in UTC.
        today: CivilDate,
    },
    /// A kill stands against the flag, and clients know it by the key that would go.
    #[error("flag \"{flag}\" is killed by {by} since {since}, and a kill goes by the key")]
    Killed {
        /// The flag.
        flag: FlagKey,
        /// Who killed it.
        by: Actor,
        /// Since when.
        since: Timestamp,
    },
    /// Other flags need the flag.
    #[error("flag \"{flag}\" is needed by {}", joined(by))]
    Needed {
        /// The flag.
        flag: FlagKey,
        /// The flags that need it.
        by: Vec<FlagKey>,
    },
    /// The flag is in use.
    #[error("flag \"{flag}\" was exposed and is at stage {stage}, expected deprecated, or never exposed")]
    InUse {
        /// The flag.
        flag: FlagKey,
        /// Its stage.
        stage: LifeStage,
    },
    /// The stage lies in the other direction, or is the one the flag is at.
    #[error("flag \"{flag}\" is at stage {from}, so it cannot go {} to {to}", if *.back { "back" } else { "on" })]
    Order {
        /// The flag.
        flag: FlagKey,
        /// Its stage.
        from: LifeStage,
        /// The stage asked for.
        to: LifeStage,
        /// Whether it was to go back.
        back: bool,
    },
    /// Checks of a stage do not pass.
    #[error("flag \"{flag}\" is not ready: {}", failures(steps))]
    NotReady {
        /// The flag.
        flag: FlagKey,
        /// Every step with all its checks.
        steps: Vec<StageStep>,
    },
    /// Checks are waived by release managers alone.
    #[error("checks are waived by a release manager, not by a member who is {found}")]
    WaivedBy {
        /// Who asked.
        found: Role,
    },
    /// There is an environment of that name.
    #[error("environment \"{environment}\" exists already")]
    EnvironmentExists {
        /// Its name.
        environment: EnvironmentName,
    },
    /// An environment is copied onto itself.
    #[error("{environment} cannot be copied onto itself")]
    SameEnvironment {
        /// The environment.
        environment: EnvironmentName,
    },
}

fn joined(keys: &[FlagKey]) -> String {
    keys.iter().map(FlagKey::as_str).collect::<Vec<_>>().join(", ")
}

fn failures(steps: &[StageStep]) -> String {
    let failed = |step: &StageStep| {
        let told: Vec<String> = step
            .checks
            .iter()
            .filter(|check| !check.passed)
            .map(|check| format!("{}: {}", check.name, check.told))
            .collect();
        (!told.is_empty()).then(|| format!("{} → {}: {}", step.from, step.to, told.join("; ")))
    };
    steps.iter().filter_map(failed).collect::<Vec<_>>().join("; ")
}

impl Failure for LifecycleError {
    fn code(&self) -> &'static str {
        match self {
            Self::Key(_) => "bad_key",
            Self::Exists { .. } => "flag_exists",
            Self::Expired { .. } => "expired",
            Self::Killed { .. } => "killed",
            Self::Needed { .. } => "needed",
            Self::InUse { .. } => "in_use",
            Self::Order { .. } => "stage_order",
            Self::NotReady { .. } => "not_ready",
            Self::WaivedBy { .. } => "not_allowed",
            Self::EnvironmentExists { .. } => "environment_exists",
            Self::SameEnvironment { .. } => "same_environment",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Key(_) => "new keys follow [a-z][a-z0-9_]*, such as telemetry_cloud_sync".to_owned(),
            Self::Exists { flag } => format!("change it: flag-admin flag edit {flag}"),
            Self::Expired { .. } => "name a day to come, six months from now at the most".to_owned(),
            Self::Killed { flag, .. } => format!("lift it first: flag-admin unkill {flag} --reason TEXT"),
            Self::Needed { .. } => "take the prerequisite out of those first".to_owned(),
            Self::InUse { flag, .. } => {
                format!("deprecate it first: flag-admin flag promote {flag} --to deprecated")
            }
            Self::Order { flag, from, to, .. } if to > from => {
                format!("leave --back out: flag-admin flag promote {flag} --to {to}")
            }
            Self::Order { flag, from, to, .. } if to < from => {
                format!("go back: flag-admin flag promote {flag} --to {to} --back")
            }
            Self::Order { .. } => "see its stage: flag-admin flag show KEY".to_owned(),
            Self::NotReady { steps, .. } => {
                let mut failed = steps.iter().flat_map(|step| &step.checks).filter(|check| !check.passed);
                if failed.all(|check| check.waivable) {
                    "mend that, or let a release manager waive it: --force REASON".to_owned()
                } else {
                    "mend that first".to_owned()
                }
            }
            Self::EnvironmentExists { environment } => {
                format!("copy flags into it: flag-admin flag copy --from NAME --env {environment}")
            }
            Self::WaivedBy { .. } | Self::SameEnvironment { .. } => return None,
        })
    }

    fn details(&self) -> Option<serde_json::Value> {
        match self {
            Self::NotReady { steps, .. } => serde_json::to_value(steps).ok(),
            _ => None,
        }
    }
}

/// Whom a copy of a flag exposes.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Cohort {
    /// A draw of its own, nobody at first.
    #[default]
    New,
    /// The same units as the original, at the same shares.
    Same,
}

impl Project {
    /// Works out what making a flag does.
    pub fn propose_flag(
        &self,
        environment: &EnvironmentName,
        key: &str,
        definition: Definition,
    ) -> Result<Proposal, AppError> {
        let key = self.new_key(environment, key)?;
        self.propose(environment, vec![Change::FlagCreated { key, definition: Box::new(definition) }])
    }

    /// Refuses a day on which a flag should be gone that is over. A definition that comes as a whole may name one, as from a file of flags
    /// made long ago: there lint says so.
    pub fn check_expiry(&self, flag: &str, expires: Option<&Milestone>) -> Result<(), LifecycleError> {
        let (day, today) = (expires.and_then(|expires| expires.date.as_ref()), day_of(self.now()));
        match day.zip(today) {
            Some((day, today)) if *day < today => {
                Err(LifecycleError::Expired { flag: flag.to_owned(), day: day.clone(), today })
            }
            _ => Ok(()),
        }
    }

    /// Works out what giving a flag another key does. It keeps its seed, so nobody moves; flags that need it follow.
    pub fn propose_rename(&self, environment: &EnvironmentName, from: &str, to: &str) -> Result<Proposal, AppError> {
        let (from, _) = self.flag(environment, from)?;
        let to = self.new_key(environment, to)?;
        if let Some(kill) = self.environment(environment)?.kill_of(from.as_str()) {
            let (by, since) = (kill.by.clone(), kill.since);
            return Err(LifecycleError::Killed { flag: from.clone(), by, since }.into());
        }
        self.propose(environment, vec![Change::FlagRenamed { from: from.clone(), to }])
    }

    /// Works out what copying a flag under another key does. The copy is in development, and in no exclusion group: its slots are taken.
    pub fn propose_clone(
        &self,
        environment: &EnvironmentName,
        original: &str,
        key: &str,
        cohort: Cohort,
    ) -> Result<Proposal, AppError> {
        let (original, flag) = self.flag(environment, original)?;
        let key = self.new_key(environment, key)?;
        let mut definition = Box::new(flag.definition.clone());
        let Definition { flag, documentation, lint } = &mut *definition;
        flag.version = 0;
        flag.stage = flag_core::wire::Stage::Development;
        flag.group = None;
        match cohort {
            Cohort::New => {
                flag.seed = None;
                lint.allow.retain(|allowance| allowance.rule != "shared-seed");
                if flag.fallthrough.exposure.is_some() {
                    flag.fallthrough.exposure = Some(Share::NOBODY);
                }
            }
            Cohort::Same => {
                flag.seed.get_or_insert_with(|| original.as_str().into());
                if lint.allowance("shared-seed").is_none() {
                    let reason = format!("the same units as {original}, on purpose");
                    lint.allow.push(Allowance { rule: "shared-seed".to_owned(), reason });
                }
            }
        }
        documentation.added = day_of(self.now()).map(|date| Milestone { version: None, date: Some(date) });
        documentation.reviewed = None;
        if documentation.status.as_deref().is_some_and(is_stage_status) {
            documentation.status = Some(stage_status(flag.stage).to_owned());
        }
        self.propose(environment, vec![Change::FlagCreated { key, definition }])
    }

    /// Works out what taking a flag out does. Clients then use their code's default, so it must be on its way out, or never have been in.
    pub fn propose_archive(&self, environment: &EnvironmentName, key: &str) -> Result<Proposal, AppError> {
        let (key, flag) = self.flag(environment, key)?;
        let by: Vec<FlagKey> = needed_by(self.environment(environment)?, key).into_iter().cloned().collect();
        if !by.is_empty() {
            return Err(LifecycleError::Needed { flag: key.clone(), by }.into());
        }
        let stage = LifeStage::of(flag.definition.flag.stage);
        if flag.exposed && stage != LifeStage::Deprecated {
            return Err(LifecycleError::InUse { flag: key.clone(), stage }.into());
        }
        self.propose(environment, vec![Change::FlagArchived { key: key.clone() }])
    }

    /// Works out what making flags of an environment what they are in another does, all of them where none is named. Segments and groups
    /// that they refer to come along where the environment has none of that name.
    pub fn propose_copy(
        &self,
        from: &EnvironmentName,
        to: &EnvironmentName,
        keys: &[String],
    ) -> Result<Proposal, AppError> {
        if from == to {
            return Err(LifecycleError::SameEnvironment { environment: from.clone() }.into());
        }
        let source = self.environment(from)?;
        let target = self.environment(to)?;
        let mut definitions = Definitions::default();
        if keys.is_empty() {
            let all = source.flags.iter();
            all.for_each(|(key, flag)| definitions.flags.insert(key.as_str(), flag.definition.clone()));
        }
        for key in keys {
            let (key, flag) = self.flag(from, key)?;
            definitions.flags.insert(key.as_str(), flag.definition.clone());
        }
        let mut fixed = Vec::new();
        for (key, definition) in definitions.flags.iter() {
            fixed.push((key.into(), Place::Fallthrough));
            fixed.extend(definition.flag.rules.iter().map(|rule| (key.into(), Place::Rule(rule.id.clone()))));
            if let Some(membership) = &definition.flag.group
                && !target.groups.contains_key(&membership.name)
                && let Some(group) = source.groups.get(&membership.name)
            {
                definitions.groups.insert(membership.name.clone(), group.clone());
            }
        }
        let mut segments = BTreeSet::new();
        for (_, definition) in definitions.flags.iter() {
            segments_of_flag(&definition.flag, source, &mut segments);
        }
        for name in segments {
            if let (Some(condition), false) = (source.segments.get(name), target.segments.contains_key(name)) {
                definitions.segments.insert(name, condition.clone());
            }
        }
        definitions.fixed = fixed;
        self.propose_definitions(to, &definitions, Prune::Keep)
    }

    fn new_key(&self, environment: &EnvironmentName, key: &str) -> Result<FlagKey, AppError> {
        let key = FlagKey::new_flag(key).map_err(LifecycleError::from)?;
        if self.environment(environment)?.flags.contains_key(&key) {
            return Err(LifecycleError::Exists { flag: key }.into());
        }
        Ok(key)
    }
}

/// Returns the day of a time in UTC.
pub(in crate::app) fn day_of(time: Timestamp) -> Option<CivilDate> {
    let (year, month, day) = time.date();
    format!("{year:04}-{month:02}-{day:02}").parse().ok()
}

/// Collects the segments that a flag refers to, through other segments too.
fn segments_of_flag<'s>(flag: &'s Flag, state: &'s EnvironmentState, found: &mut BTreeSet<&'s str>) {
    flag.rules.iter().for_each(|rule| segments_of(&rule.when, state, found));
}

fn segments_of<'s>(condition: &'s Condition, state: &'s EnvironmentState, found: &mut BTreeSet<&'s str>) {
    for name in segment_names(condition) {
        if found.insert(name)
            && let Some(inner) = state.segments.get(name)
        {
            segments_of(inner, state, found);
        }
    }
}

/// Returns the segments that a condition names itself, in order.
pub(in crate::app) fn segment_names(condition: &Condition) -> Vec<&str> {
    let mut names: Vec<&str> = condition.segment.as_deref().into_iter().collect();
    let lists = [&condition.all, &condition.any];
    let parts = lists.into_iter().flatten().flatten().chain(condition.not.as_deref());
    parts.for_each(|part| names.extend(segment_names(part)));
    names
}
