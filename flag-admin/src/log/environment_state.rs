use std::collections::BTreeMap;

use flag_core::wire::{Condition, Group};
use flag_core::{FlagKey, Timestamp};
use serde::{Deserialize, Serialize};

use super::exposure::{everyones_variant, set_exposure};
use super::flag_state::FlagState;
use super::fold_error::FoldError;
use super::{Actor, Change, ChangeSubject, Digest, Entry};
use crate::definition::Definition;
use crate::rollout::{OpenSignal, Rollout};

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

impl EnvironmentState {
    /// Takes the next entry of the environment.
    pub(super) fn apply(&mut self, entry: &Entry) -> Result<(), FoldError> {
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
            Change::ApprovalsRequired { .. }
            | Change::ChangeRequested { .. }
            | Change::ChangeApproved { .. }
            | Change::ChangeRejected { .. } => return self.agree(entry),
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

    /// Takes what is part of agreeing on changes: it changes nothing that is published.
    fn agree(&mut self, entry: &Entry) -> Result<(), FoldError> {
        match &entry.change {
            Change::ApprovalsRequired { approvals } => {
                self.approvals_required = *approvals;
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
            }
            Change::ChangeApproved { request } | Change::ChangeRejected { request } => {
                let unknown = || FoldError::UnknownRequest { request: *request };
                self.requests.remove(request).ok_or_else(unknown)?;
            }
            _ => {}
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
