use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use flag_core::wire::{Flag, Kill, SCHEMA, Snapshot};
use flag_core::{FlagKey, Timestamp};
use serde::{Deserialize, Serialize};

use super::environment_state::EnvironmentState;
use super::flag_state::FlagState;
use super::fold_error::FoldError;
use super::{Actor, Change, Digest, Entry, EnvironmentName, Head, ProjectName, Role, Sealed, TokenId, TokenState};
use crate::rollout::Phase;

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

    /// Returns as much of it as whoever may see these environments alone needs to work in them: no others, no tokens, and of the members
    /// themselves and those they could ask.
    #[must_use]
    pub fn only(&self, environments: &BTreeSet<EnvironmentName>, holder: &Actor) -> Self {
        let mut state = self.clone();
        state.environments.retain(|name, _| environments.contains(name));
        state.members.retain(|member, role| member == holder || *role == Role::ReleaseManager);
        state.tokens.clear();
        state
    }

    /// Returns the last entry taken.
    pub const fn head(&self) -> Head {
        self.head
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
        flags: state.flags.iter().map(|(key, flag)| (key.as_str().into(), published(key, flag, state))).collect(),
        segments: state.segments.iter().map(|(name, condition)| (name.clone(), condition.clone())).collect(),
        groups: state.groups.iter().map(|(name, group)| (name.clone(), group.clone())).collect(),
        kills: state.kills.iter().map(|kill| Kill { id: kill.id.clone(), target: kill.target.clone() }).collect(),
        lifted: state.lifted.clone(),
    }
}

/// Returns a flag as clients get it: with the limit of time that its rollout froze as its step began, so that all of them count alike.
fn published(key: &FlagKey, flag: &FlagState, state: &EnvironmentState) -> Flag {
    let rollout = state.rollouts.get(key).filter(|rollout| !matches!(rollout.state.phase, Phase::Completed));
    let micros = rollout.and_then(|rollout| rollout.state.slow_above_micros);
    let slow_above_micros = micros.and_then(|micros| u32::try_from(micros).ok()).and_then(NonZeroU32::new);
    Flag { slow_above_micros, ..flag.definition.flag.clone() }
}
