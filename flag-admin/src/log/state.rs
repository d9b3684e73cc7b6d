use std::collections::BTreeMap;

use flag_core::wire::{Condition, Group, Kill, SCHEMA, Snapshot};
use flag_core::{FlagKey, Timestamp};

use super::exposure::{ExposureError, set_exposure};
use super::{Actor, Change, Digest, Entry, EnvironmentName, Head, ProjectName, Sealed};
use crate::definition::Definition;

/// What the changes of a log come to.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    project: ProjectName,
    environments: BTreeMap<EnvironmentName, EnvironmentState>,
    root: Option<RootInForce>,
    head: Head,
}

/// The root whose keys count.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct RootInForce {
    /// Its version.
    pub version: u64,
    /// Its epoch.
    pub epoch: u64,
    /// The hash of its payload.
    pub digest: Digest,
    /// From when on it accepts no new snapshots.
    pub expires_at: Timestamp,
}

/// What the changes of one environment come to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EnvironmentState {
    /// The flags by key.
    pub flags: BTreeMap<FlagKey, FlagState>,
    /// Flags that were taken out, as they last were.
    pub archived: BTreeMap<FlagKey, FlagState>,
    /// Named conditions.
    pub segments: BTreeMap<Box<str>, Condition>,
    /// Exclusion groups.
    pub groups: BTreeMap<Box<str>, Group>,
    /// What is off, in the order it was killed.
    pub kills: Vec<ActiveKill>,
    /// The ids of kills that are over, oldest first.
    pub lifted: Vec<Box<str>>,
    /// The last snapshot signed.
    pub published: Option<PublishedSnapshot>,
    /// How many changes the last snapshot signed does not carry.
    pub unpublished: u64,
}

/// A flag with what the log knows of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FlagState {
    /// The whole of it. Its version is the place of the last change.
    pub definition: Definition,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub changed: Timestamp,
    /// Who last changed it.
    pub changed_by: Actor,
}

/// A kill that stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveKill {
    /// Its own name.
    pub id: Box<str>,
    /// What is off.
    pub target: Box<str>,
    /// Whether the emergency key carries it besides the snapshot.
    pub emergency: bool,
    /// Since when.
    pub since: Timestamp,
    /// Who killed it.
    pub by: Actor,
    /// Why.
    pub reason: Option<String>,
}

/// A snapshot that was signed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct PublishedSnapshot {
    /// Its version.
    pub version: u64,
    /// Its epoch.
    pub epoch: u64,
    /// The hash of its payload.
    pub digest: Digest,
    /// When it was signed.
    pub published_at: Timestamp,
    /// From when on it is stale.
    pub expires_at: Timestamp,
}

/// Why an entry does not fit the entries before it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FoldError {
    /// The log does not begin with the project.
    #[error("the log begins with {found}, expected project_created")]
    NoProject {
        /// The change found.
        found: &'static str,
    },
    /// The project begins twice.
    #[error("the project is created a second time")]
    ProjectTwice,
    /// A change of an environment names none.
    #[error("{change} names no environment")]
    NoEnvironment {
        /// The change.
        change: &'static str,
    },
    /// An environment that the project does not have.
    #[error("environment \"{environment}\" does not exist")]
    UnknownEnvironment {
        /// The environment named.
        environment: EnvironmentName,
    },
    /// A flag is made that is there.
    #[error("flag \"{flag}\" is created a second time")]
    FlagTwice {
        /// The flag.
        flag: FlagKey,
    },
    /// A flag is changed that is not there.
    #[error("flag \"{flag}\" does not exist")]
    UnknownFlag {
        /// The flag.
        flag: FlagKey,
    },
    /// A share is set where none can be.
    #[error("flag \"{flag}\": {source}")]
    Exposure {
        /// The flag.
        flag: FlagKey,
        /// Why.
        #[source]
        source: ExposureError,
    },
    /// Something is removed, or lifted, that is not there.
    #[error("{what} {name:?} does not exist")]
    Unknown {
        /// `segment`, `group` or `kill`.
        what: &'static str,
        /// Its name.
        name: Box<str>,
    },
    /// A kill's id is used again.
    #[error("kill id {id:?} is used a second time")]
    KillTwice {
        /// The id.
        id: Box<str>,
    },
    /// A version of a snapshot does not grow.
    #[error("snapshot version {found} does not follow version {last}")]
    Version {
        /// The version found.
        found: u64,
        /// The last version of the epoch.
        last: u64,
    },
}

impl State {
    /// Returns the state after a log's first entry.
    pub fn begin(entry: &Entry, head: Head) -> Result<Self, FoldError> {
        let Change::ProjectCreated { project, environments } = &entry.change else {
            return Err(FoldError::NoProject { found: entry.change.name() });
        };
        let environments = environments.iter().map(|name| (name.clone(), EnvironmentState::default())).collect();
        Ok(Self { project: project.clone(), environments, root: None, head })
    }

    /// Takes the next entry. An entry that does not fit changes nothing.
    pub fn apply(&mut self, entry: &Entry, head: Head) -> Result<(), FoldError> {
        match &entry.change {
            Change::ProjectCreated { .. } => return Err(FoldError::ProjectTwice),
            Change::RootPublished { version, epoch, digest, expires_at } => {
                self.root =
                    Some(RootInForce { version: *version, epoch: *epoch, digest: *digest, expires_at: *expires_at });
            }
            change => {
                let name = entry.environment.as_ref().ok_or(FoldError::NoEnvironment { change: change.name() })?;
                let environment = self
                    .environments
                    .get_mut(name)
                    .ok_or_else(|| FoldError::UnknownEnvironment { environment: name.clone() })?;
                environment.apply(entry)?;
            }
        }
        self.head = head;
        Ok(())
    }

    /// Takes an entry that was just sealed.
    pub fn apply_sealed(&mut self, sealed: &Sealed) -> Result<(), FoldError> {
        self.apply(sealed.entry(), sealed.head())
    }

    /// Returns the project's name.
    pub const fn project(&self) -> &ProjectName {
        &self.project
    }

    /// Returns an environment by name.
    pub fn environment(&self, name: &EnvironmentName) -> Option<&EnvironmentState> {
        self.environments.get(name)
    }

    /// Returns the environments by name.
    pub fn environments(&self) -> impl ExactSizeIterator<Item = (&EnvironmentName, &EnvironmentState)> {
        self.environments.iter()
    }

    /// Returns the root whose keys count.
    pub const fn root(&self) -> Option<&RootInForce> {
        self.root.as_ref()
    }

    /// Returns the last entry taken.
    pub const fn head(&self) -> Head {
        self.head
    }
}

impl EnvironmentState {
    fn apply(&mut self, entry: &Entry) -> Result<(), FoldError> {
        let unknown = |what, name: &str| FoldError::Unknown { what, name: name.into() };
        match &entry.change {
            Change::ProjectCreated { .. } | Change::RootPublished { .. } => return Ok(()),
            Change::FlagCreated { key, definition } => {
                if self.flags.contains_key(key) {
                    return Err(FoldError::FlagTwice { flag: key.clone() });
                }
                let mut flag = FlagState {
                    definition: (**definition).clone(),
                    created: entry.time,
                    changed: entry.time,
                    changed_by: entry.actor.clone(),
                };
                flag.definition.flag.version = entry.seq;
                self.archived.remove(key);
                self.flags.insert(key.clone(), flag);
            }
            Change::FlagChanged { key, definition } => {
                self.flag_mut(key)?.edit(entry, |flag| {
                    *flag = (**definition).clone();
                    Ok(())
                })?;
            }
            Change::RolloutSet { flag: key, rule, share } => {
                self.flag_mut(key)?
                    .edit(entry, |definition| set_exposure(&mut definition.flag, rule.as_deref(), *share))
                    .map_err(|source| FoldError::Exposure { flag: key.clone(), source })?;
            }
            Change::FlagArchived { key } => {
                let flag = self.flags.remove(key).ok_or_else(|| FoldError::UnknownFlag { flag: key.clone() })?;
                self.archived.insert(key.clone(), flag);
            }
            Change::SegmentSet { name, condition } => {
                self.segments.insert(name.clone(), condition.clone());
            }
            Change::SegmentRemoved { name } => {
                self.segments.remove(name).ok_or_else(|| unknown("segment", name))?;
            }
            Change::GroupSet { name, group } => {
                self.groups.insert(name.clone(), group.clone());
            }
            Change::GroupRemoved { name } => {
                self.groups.remove(name).ok_or_else(|| unknown("group", name))?;
            }
            Change::KillActivated { id, target, emergency } => {
                if self.lifted.contains(id) || self.kills.iter().any(|kill| kill.id == *id) {
                    return Err(FoldError::KillTwice { id: id.clone() });
                }
                self.kills.push(ActiveKill {
                    id: id.clone(),
                    target: target.clone(),
                    emergency: *emergency,
                    since: entry.time,
                    by: entry.actor.clone(),
                    reason: entry.reason.clone(),
                });
            }
            Change::KillLifted { id, .. } => {
                let place = self.kills.iter().position(|kill| kill.id == *id).ok_or_else(|| unknown("kill", id))?;
                self.kills.remove(place);
                self.lifted.push(id.clone());
            }
            Change::Published { version, epoch, digest, expires_at } => {
                let next = self.next_version(*epoch);
                if *version != next {
                    return Err(FoldError::Version { found: *version, last: next.saturating_sub(1) });
                }
                self.published = Some(PublishedSnapshot {
                    version: *version,
                    epoch: *epoch,
                    digest: *digest,
                    published_at: entry.time,
                    expires_at: *expires_at,
                });
                self.unpublished = 0;
                return Ok(());
            }
        }
        self.unpublished = self.unpublished.saturating_add(1);
        Ok(())
    }

    /// Returns the version of the next snapshot signed in an epoch.
    pub fn next_version(&self, epoch: u64) -> u64 {
        match self.published {
            Some(last) if last.epoch == epoch => last.version.saturating_add(1),
            _ => 1,
        }
    }

    /// Returns the kill that stands against a target, the oldest first where there are several.
    pub fn kill_of(&self, target: &str) -> Option<&ActiveKill> {
        self.kills.iter().find(|kill| *kill.target == *target)
    }

    fn flag_mut(&mut self, key: &FlagKey) -> Result<&mut FlagState, FoldError> {
        self.flags.get_mut(key).ok_or_else(|| FoldError::UnknownFlag { flag: key.clone() })
    }
}

impl FlagState {
    fn edit<E>(&mut self, entry: &Entry, change: impl FnOnce(&mut Definition) -> Result<(), E>) -> Result<(), E> {
        change(&mut self.definition)?;
        self.definition.flag.version = entry.seq;
        self.changed = entry.time;
        self.changed_by = entry.actor.clone();
        Ok(())
    }
}

/// Returns what an environment would publish, but for version, epoch and times, which are 0 until it is signed.
pub fn bare_snapshot(project: &ProjectName, name: &EnvironmentName, state: &EnvironmentState) -> Snapshot {
    Snapshot {
        schema: SCHEMA,
        project: project.as_str().into(),
        environment: name.as_str().into(),
        epoch: 0,
        version: 0,
        issued_at: Timestamp::default(),
        expires_at: Timestamp::default(),
        audit_head: None,
        flags: state.flags.iter().map(|(key, flag)| (key.as_str().into(), flag.definition.flag.clone())).collect(),
        segments: state.segments.iter().map(|(name, condition)| (name.clone(), condition.clone())).collect(),
        groups: state.groups.iter().map(|(name, group)| (name.clone(), group.clone())).collect(),
        kills: state.kills.iter().map(|kill| Kill { id: kill.id.clone(), target: kill.target.clone() }).collect(),
        lifted: state.lifted.clone(),
    }
}
