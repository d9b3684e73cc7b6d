use std::collections::BTreeMap;

use flag_core::wire::{Condition, Flag, Group, Kill, SCHEMA, Serve, Snapshot};
use flag_core::{FlagKey, Share, Timestamp};
use serde::{Deserialize, Serialize};

use super::exposure::{ExposureError, everyones_variant, set_exposure};
use super::{
    Actor, Change, ChangeSubject, Digest, Entry, EnvironmentName, Head, ProjectName, Role, Sealed, TokenId, TokenState,
};
use crate::definition::Definition;
use crate::rollout::{OpenSignal, Rollout};

/// What the changes of a log come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    project: ProjectName,
    environments: BTreeMap<EnvironmentName, EnvironmentState>,
    root: Option<RootInForce>,
    head: Head,
    /// Who may change what; nobody is declared in a project of one owner.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    members: BTreeMap<Actor, Role>,
    /// What the server may be used with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tokens: BTreeMap<TokenId, TokenState>,
}

/// The root whose keys count.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// The kills that are over, in the order they were lifted.
    pub ended: Vec<EndedKill>,
    /// The last snapshot that is known to stand where clients fetch it.
    pub published: Option<PublishedSnapshot>,
    /// How many changes that snapshot does not carry.
    pub unpublished: u64,
    /// Snapshots that were signed, and are not known to have arrived, oldest first.
    pub signed: Vec<SignedSnapshot>,
    /// How many approvals of others every change needs: 0 or 1.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub approvals_required: u8,
    /// Changes that wait for approval, by request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub requests: BTreeMap<u64, PendingRequest>,
    /// Rollouts that move by themselves, by flag: each flag's last one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rollouts: BTreeMap<FlagKey, Rollout>,
    /// Bugs that somebody signalled and nobody cleared, by flag, oldest first.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub signals: BTreeMap<FlagKey, Vec<OpenSignal>>,
    /// How many changes there were in all, publications not counted.
    changes: u64,
}

/// Changes that wait for approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PendingRequest {
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// The hash of the edits and the plan that they were shown to come to.
    pub effect: Digest,
    /// Who asked.
    pub by: Actor,
    /// When.
    pub since: Timestamp,
    /// Why.
    pub reason: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// A snapshot that was signed and whose arrival is not known.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedSnapshot {
    /// What was signed.
    pub snapshot: PublishedSnapshot,
    /// How many changes there were before it was signed.
    changes: u64,
}

/// How many snapshots that never arrived are remembered.
const SIGNED_MAX: usize = 64;

/// A flag with what the log knows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlagState {
    /// The whole of it. Its version is the place of the last change.
    pub definition: Definition,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub changed: Timestamp,
    /// Who last changed it.
    pub changed_by: Actor,
    /// Since when it is at its stage.
    pub staged: Timestamp,
    /// Since when everyone whom no rule takes gets what they get now.
    pub served: Timestamp,
    /// Whether it ever gave anybody anything but its off variant.
    pub exposed: bool,
    /// Since when everyone gets the same, which is not its off variant, without a break by an edit or a kill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_since: Option<Timestamp>,
}

/// A kill that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// A kill that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndedKill {
    /// The kill as it stood.
    pub kill: ActiveKill,
    /// When it was lifted.
    pub lifted: Timestamp,
    /// Who lifted it.
    pub by: Actor,
    /// Why.
    pub reason: Option<String>,
}

/// A snapshot that was published.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// An environment is made that is there.
    #[error("environment \"{environment}\" is created a second time")]
    EnvironmentTwice {
        /// The environment.
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
        /// `segment`, `group`, `kill`, `rollout` or `signal`.
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
    /// Somebody is removed who is no member.
    #[error("{member} is no member")]
    UnknownMember {
        /// Who.
        member: Actor,
    },
    /// A token's id is used again.
    #[error("token {id} is issued a second time")]
    TokenTwice {
        /// The id.
        id: TokenId,
    },
    /// A token is revoked that is not there.
    #[error("token {id} does not exist, or is revoked")]
    UnknownToken {
        /// The id.
        id: TokenId,
    },
    /// A request is approved or rejected that does not wait.
    #[error("request {request} does not exist, or is settled")]
    UnknownRequest {
        /// Its number.
        request: u64,
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
        let (members, tokens) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { project: project.clone(), environments, root: None, head, members, tokens })
    }

    /// Takes the next entry. An entry that does not fit changes nothing.
    pub fn apply(&mut self, entry: &Entry, head: Head) -> Result<(), FoldError> {
        match &entry.change {
            Change::ProjectCreated { .. } => return Err(FoldError::ProjectTwice),
            Change::RootPublished { version, epoch, digest, expires_at } => {
                self.root =
                    Some(RootInForce { version: *version, epoch: *epoch, digest: *digest, expires_at: *expires_at });
            }
            Change::StateSealed { .. } => {}
            Change::MemberSet { member, role } => {
                self.members.insert(member.clone(), *role);
            }
            Change::MemberRemoved { member } => {
                self.members.remove(member).ok_or_else(|| FoldError::UnknownMember { member: member.clone() })?;
            }
            Change::TokenIssued { id, grant } => {
                if self.tokens.contains_key(id) {
                    return Err(FoldError::TokenTwice { id: id.clone() });
                }
                let (grant, by) = ((**grant).clone(), entry.actor.clone());
                self.tokens.insert(id.clone(), TokenState { grant, issued: entry.time, by });
            }
            Change::TokenRevoked { id } => {
                self.tokens.remove(id).ok_or_else(|| FoldError::UnknownToken { id: id.clone() })?;
            }
            Change::EnvironmentCreated { environment } => {
                if self.environments.contains_key(environment) {
                    return Err(FoldError::EnvironmentTwice { environment: environment.clone() });
                }
                self.environments.insert(environment.clone(), EnvironmentState::default());
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

    /// Returns who may change what. Nobody is declared in a project of one owner.
    pub const fn members(&self) -> &BTreeMap<Actor, Role> {
        &self.members
    }

    /// Returns the tokens that were issued and not revoked.
    pub const fn tokens(&self) -> &BTreeMap<TokenId, TokenState> {
        &self.tokens
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
            Change::ProjectCreated { .. }
            | Change::EnvironmentCreated { .. }
            | Change::RootPublished { .. }
            | Change::StateSealed { .. }
            | Change::MemberSet { .. }
            | Change::MemberRemoved { .. }
            | Change::TokenIssued { .. }
            | Change::TokenRevoked { .. } => return Ok(()),
            Change::ApprovalsRequired { approvals } => {
                self.approvals_required = *approvals;
                return Ok(());
            }
            Change::ChangeRequested { changes, effect } => {
                let request = PendingRequest {
                    changes: changes.clone(),
                    effect: *effect,
                    by: entry.actor.clone(),
                    since: entry.time,
                    reason: entry.reason.clone(),
                };
                self.requests.insert(entry.seq, request);
                return Ok(());
            }
            Change::ChangeApproved { request } | Change::ChangeRejected { request } => {
                let unknown = || FoldError::UnknownRequest { request: *request };
                self.requests.remove(request).ok_or_else(unknown)?;
                return Ok(());
            }
            Change::FlagCreated { key, definition } => self.create(entry, key, definition)?,
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
            Change::RolloutStarted { .. }
            | Change::RolloutDecided { .. }
            | Change::SignalRaised { .. }
            | Change::SignalCleared { .. } => return self.apply_rollout(entry),
            Change::FlagRenamed { from, to } => self.rename(entry, from, to)?,
            Change::StageSet { flag: key, stage, status, .. } => {
                self.flag_mut(key)?.edit(entry, |definition| {
                    definition.flag.stage = *stage;
                    if let Some(status) = status {
                        definition.documentation.status = Some(status.to_string());
                    }
                    Ok(())
                })?;
            }
            Change::FlagArchived { key } => {
                let flag = self.flags.remove(key).ok_or_else(|| FoldError::UnknownFlag { flag: key.clone() })?;
                self.archived.insert(key.clone(), flag);
                self.rollouts.remove(key);
                self.signals.remove(key);
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
            Change::KillActivated { id, target, emergency } => self.kill(entry, id, target, *emergency)?,
            Change::KillExplained { id, .. } => return self.explain(entry, id),
            Change::KillLifted { id, .. } => self.lift(entry, id)?,
            Change::PublishStarted { version, epoch, digest, expires_at } => {
                let signed = self.sign(entry.time, *version, *epoch, *digest, *expires_at)?;
                if self.signed.len() >= SIGNED_MAX {
                    self.signed.remove(0);
                }
                self.signed.push(signed);
                return Ok(());
            }
            Change::Published { version, epoch, digest, expires_at } => {
                return self.arrive(entry.time, *version, *epoch, *digest, *expires_at);
            }
        }
        self.count_change();
        if let Some(ChangeSubject::Flag(key)) = entry.change.subject() {
            self.settle(key, entry.time);
        }
        Ok(())
    }

    pub(super) const fn count_change(&mut self) {
        self.unpublished = self.unpublished.saturating_add(1);
        self.changes = self.changes.saturating_add(1);
    }

    /// Notes since when everyone gets the same of a flag that was changed or killed, or whose kill was lifted.
    pub(super) fn settle(&mut self, key: &str, time: Timestamp) {
        let is_killed = self.kill_of(key).is_some();
        if let Some(flag) = self.flags.get_mut(key) {
            let is_full = !is_killed && everyones_variant(&flag.definition.flag).is_some();
            flag.full_since = is_full.then(|| flag.full_since.unwrap_or(time));
        }
    }

    /// Takes note of a snapshot that stands where clients fetch it.
    fn arrive(
        &mut self,
        time: Timestamp,
        version: u64,
        epoch: u64,
        digest: Digest,
        expires_at: Timestamp,
    ) -> Result<(), FoldError> {
        let is_it = |signed: &SignedSnapshot| {
            let PublishedSnapshot { version: v, epoch: e, digest: d, .. } = signed.snapshot;
            (v, e, d) == (version, epoch, digest)
        };
        let signed = match self.signed.iter().position(is_it) {
            Some(place) => self.signed.remove(place),
            None => self.sign(time, version, epoch, digest, expires_at)?,
        };
        let place = |snapshot: PublishedSnapshot| (snapshot.epoch, snapshot.version);
        // Two publishers may arrive in another order than they signed in; clients keep the later version.
        if self.published.is_none_or(|held| place(held) < place(signed.snapshot)) {
            self.published = Some(signed.snapshot);
            self.unpublished = self.changes.saturating_sub(signed.changes);
        }
        Ok(())
    }

    fn sign(
        &self,
        published_at: Timestamp,
        version: u64,
        epoch: u64,
        digest: Digest,
        expires_at: Timestamp,
    ) -> Result<SignedSnapshot, FoldError> {
        let next = self.next_version(epoch);
        if version != next {
            return Err(FoldError::Version { found: version, last: next.saturating_sub(1) });
        }
        let snapshot = PublishedSnapshot { version, epoch, digest, published_at, expires_at };
        Ok(SignedSnapshot { snapshot, changes: self.changes })
    }

    /// Returns the version of the next snapshot signed in an epoch.
    pub fn next_version(&self, epoch: u64) -> u64 {
        let signed = self.signed.iter().map(|signed| signed.snapshot);
        let versions = signed.chain(self.published).filter(|snapshot| snapshot.epoch == epoch);
        versions.map(|snapshot| snapshot.version).max().map_or(1, |last| last.saturating_add(1))
    }

    /// Returns the kill that stands against a target, the oldest first where there are several.
    pub fn kill_of(&self, target: &str) -> Option<&ActiveKill> {
        self.kills.iter().find(|kill| *kill.target == *target)
    }

    /// Returns the last kill of a target that is over.
    pub fn ended_kill_of(&self, target: &str) -> Option<&EndedKill> {
        self.ended.iter().rev().find(|ended| *ended.kill.target == *target)
    }

    fn create(&mut self, entry: &Entry, key: &FlagKey, definition: &Definition) -> Result<(), FoldError> {
        if self.flags.contains_key(key) {
            return Err(FoldError::FlagTwice { flag: key.clone() });
        }
        let mut flag = FlagState::new(definition.clone(), entry.time, entry.actor.clone());
        flag.definition.flag.version = entry.seq;
        flag.exposed |= self.archived.remove(key).is_some_and(|archived| archived.exposed);
        self.flags.insert(key.clone(), flag);
        Ok(())
    }

    fn kill(&mut self, entry: &Entry, id: &str, target: &str, emergency: bool) -> Result<(), FoldError> {
        if self.lifted.iter().any(|lifted| **lifted == *id) || self.kills.iter().any(|kill| *kill.id == *id) {
            return Err(FoldError::KillTwice { id: id.into() });
        }
        let (since, by, reason) = (entry.time, entry.actor.clone(), entry.reason.clone());
        self.kills.push(ActiveKill { id: id.into(), target: target.into(), emergency, since, by, reason });
        Ok(())
    }

    fn explain(&mut self, entry: &Entry, id: &str) -> Result<(), FoldError> {
        let stands = self.kills.iter_mut().find(|kill| *kill.id == *id);
        let ended = self.ended.iter_mut().map(|ended| &mut ended.kill).find(|kill| *kill.id == *id);
        let unknown = || FoldError::Unknown { what: "kill", name: id.into() };
        stands.or(ended).ok_or_else(unknown)?.reason.clone_from(&entry.reason);
        Ok(())
    }

    fn lift(&mut self, entry: &Entry, id: &str) -> Result<(), FoldError> {
        let unknown = || FoldError::Unknown { what: "kill", name: id.into() };
        let place = self.kills.iter().position(|kill| *kill.id == *id).ok_or_else(unknown)?;
        let kill = self.kills.remove(place);
        self.lifted.push(id.into());
        let (lifted, by, reason) = (entry.time, entry.actor.clone(), entry.reason.clone());
        self.ended.push(EndedKill { kill, lifted, by, reason });
        Ok(())
    }

    fn rename(&mut self, entry: &Entry, from: &FlagKey, to: &FlagKey) -> Result<(), FoldError> {
        if self.flags.contains_key(to) {
            return Err(FoldError::FlagTwice { flag: to.clone() });
        }
        let mut flag = self.flags.remove(from).ok_or_else(|| FoldError::UnknownFlag { flag: from.clone() })?;
        flag.edit(entry, |definition| {
            let seed = definition.flag.seed.take().unwrap_or_else(|| from.as_str().into());
            definition.flag.seed = (*seed != *to.as_str()).then_some(seed);
            Ok::<(), FoldError>(())
        })?;
        self.archived.remove(to);
        self.flags.insert(to.clone(), flag);
        self.rename_rollout(from, to);
        for dependent in self.flags.values_mut() {
            if dependent.definition.flag.prerequisites.iter().any(|needed| needed.flag == *from) {
                dependent.edit(entry, |definition| {
                    let needed = definition.flag.prerequisites.iter_mut().filter(|needed| needed.flag == *from);
                    needed.for_each(|needed| needed.flag = to.clone());
                    Ok::<(), FoldError>(())
                })?;
            }
        }
        Ok(())
    }

    pub(super) fn flag_mut(&mut self, key: &FlagKey) -> Result<&mut FlagState, FoldError> {
        self.flags.get_mut(key).ok_or_else(|| FoldError::UnknownFlag { flag: key.clone() })
    }
}

impl FlagState {
    /// Returns the state of a flag that is made.
    pub fn new(definition: Definition, created: Timestamp, by: Actor) -> Self {
        let exposed = is_exposing(&definition.flag);
        let (changed, staged, served) = (created, created, created);
        let full_since = everyones_variant(&definition.flag).map(|_| created);
        Self { definition, created, changed, changed_by: by, staged, served, exposed, full_since }
    }

    pub(super) fn edit<E>(
        &mut self,
        entry: &Entry,
        change: impl FnOnce(&mut Definition) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = &self.definition.flag;
        let (was_enabled, served_before, stage_before) = (before.enabled, before.fallthrough.clone(), before.stage);
        let everyones_before = everyones_variant(before).map(Box::<str>::from);
        change(&mut self.definition)?;
        let flag = &self.definition.flag;
        if flag.stage != stage_before {
            self.staged = entry.time;
        }
        if (flag.enabled, &flag.fallthrough) != (was_enabled, &served_before) {
            self.served = entry.time;
        }
        // Another variant for everyone is a new beginning.
        if everyones_variant(flag) != everyones_before.as_deref() {
            self.full_since = None;
        }
        self.exposed |= is_exposing(flag);
        self.definition.flag.version = entry.seq;
        self.changed = entry.time;
        self.changed_by = entry.actor.clone();
        Ok(())
    }
}

/// Tells whether a flag gives anybody anything but its off variant.
fn is_exposing(flag: &Flag) -> bool {
    let gives = |serve: &Serve| match (&serve.variant, serve.exposure) {
        (Some(variant), _) => *variant != flag.off_variant,
        (None, share) => share.is_some_and(|share| share != Share::NOBODY),
    };
    flag.enabled && (gives(&flag.fallthrough) || flag.rules.iter().any(|rule| gives(&rule.serve)))
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
