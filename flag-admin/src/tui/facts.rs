//! What the dashboard shows of a project, as it stood at one head of its log.

use flag_core::{FlagKey, Share, Timestamp};

use crate::app::{AppError, HistoryLine, Project, RolloutPhase};
use crate::definition::Definition;
use crate::log::{EnvironmentName, PublishedSnapshot, exposure_of};

/// A project at one head.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) project: String,
    pub(super) environment: EnvironmentName,
    pub(super) actor: String,
    pub(super) role: String,
    /// The place of the last entry.
    pub(super) head: u64,
    pub(super) published: Option<PublishedSnapshot>,
    /// The version that the next snapshot gets.
    pub(super) next_version: u64,
    /// How many changes the last snapshot does not carry.
    pub(super) unpublished: u64,
    pub(super) snapshot_lifetime_days: u32,
    /// In order of their keys.
    pub(super) flags: Vec<FlagFacts>,
    /// Oldest first.
    pub(super) kills: Vec<KillFacts>,
    /// Newest first.
    pub(super) history: Vec<HistoryLine>,
}

/// A flag at one head.
#[derive(Clone, Debug)]
pub(super) struct FlagFacts {
    pub(super) key: FlagKey,
    pub(super) phase: RolloutPhase,
    /// The share that its fallthrough exposes; none where a flag of many variants serves one of them.
    pub(super) share: Option<Share>,
    pub(super) definition: Definition,
    pub(super) created: Timestamp,
    pub(super) changed: Timestamp,
    pub(super) changed_by: String,
}

/// A kill that stands.
#[derive(Clone, Debug)]
pub(super) struct KillFacts {
    pub(super) target: Box<str>,
    pub(super) since: Timestamp,
    pub(super) by: String,
    pub(super) reason: Option<String>,
}

impl Facts {
    /// Gathers what is shown of an environment.
    pub(super) fn gather(project: &Project, environment: &EnvironmentName) -> Result<Self, AppError> {
        let state = project.environment(environment)?;
        let epoch = project.state().root().map_or(0, |root| root.epoch);
        let mut flags = Vec::with_capacity(state.flags.len());
        for line in project.flags(environment)? {
            let (key, flag) = project.flag(environment, line.flag.as_str())?;
            flags.push(FlagFacts {
                key: key.clone(),
                phase: line.phase,
                share: exposure_of(&flag.definition.flag, None).ok(),
                definition: flag.definition.clone(),
                created: flag.created,
                changed: line.changed,
                changed_by: line.changed_by.to_string(),
            });
        }
        let kills = state
            .kills
            .iter()
            .map(|kill| KillFacts {
                target: kill.target.clone(),
                since: kill.since,
                by: kill.by.to_string(),
                reason: kill.reason.clone(),
            })
            .collect();
        let mut history = project.history(Some(environment), None)?;
        history.reverse();
        Ok(Self {
            project: project.state().project().to_string(),
            environment: environment.clone(),
            actor: project.operator().actor.to_string(),
            role: project.operator().role.to_string(),
            head: project.state().head().seq,
            published: state.published,
            next_version: state.next_version(epoch),
            unpublished: state.unpublished,
            snapshot_lifetime_days: project.settings().snapshot_lifetime_days,
            flags,
            kills,
            history,
        })
    }

    pub(super) fn flag(&self, key: &FlagKey) -> Option<&FlagFacts> {
        self.flags.iter().find(|flag| flag.key == *key)
    }

    pub(super) fn kill_of(&self, target: &str) -> Option<&KillFacts> {
        self.kills.iter().find(|kill| *kill.target == *target)
    }

    /// Returns the changes that the last snapshot does not carry, newest first.
    pub(super) fn unpublished_changes(&self) -> impl Iterator<Item = &HistoryLine> {
        let unpublished = usize::try_from(self.unpublished).unwrap_or(usize::MAX);
        self.history.iter().filter(|line| line.environment.is_some() && !line.change.is_publication()).take(unpublished)
    }

    /// Returns the changes of a flag and the kills against it, newest first.
    pub(super) fn history_of<'f>(&'f self, key: &'f FlagKey) -> impl Iterator<Item = &'f HistoryLine> {
        use crate::log::Change;
        self.history.iter().filter(move |line| match &line.change {
            Change::KillActivated { target, .. } | Change::KillLifted { target, .. } => **target == *key.as_str(),
            change => change.flag() == Some(key),
        })
    }
}

impl FlagFacts {
    pub(super) fn owner(&self) -> Option<&str> {
        self.definition.documentation.owner.as_deref()
    }

    pub(super) fn rules(&self) -> usize {
        self.definition.flag.rules.len()
    }
}
