use flag_client::trust::{Envelope, Kill, KillsDocument, PayloadType, RoleName, SCHEMA};
use flag_core::FlagKey;
use serde::Serialize;

use crate::app::changes::proposal::Proposal;
use crate::app::error::{AppError, Failure};
use crate::app::ports::{Document, Publisher};
use crate::app::project::{Project, checked_reason};
use crate::definition::nearest;
use crate::log::{ActiveKill, Change, EnvironmentName, EnvironmentState};

/// Why a kill cannot be activated or lifted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KillError {
    /// The target is no name of a flag or capability.
    #[error("kill target {target:?}: {source}")]
    Target {
        /// The text given.
        target: Box<str>,
        /// What is wrong with it.
        #[source]
        source: flag_core::KeyError,
    },
    /// The target is no flag.
    #[error("flag {target:?} does not exist, so nothing would be killed")]
    NoFlag {
        /// The target.
        target: Box<str>,
        /// The flag it most likely means.
        closest: Option<Box<str>>,
    },
    /// The target is killed.
    #[error("{target:?} is killed already, by {by} since {since}")]
    AlreadyKilled {
        /// The target.
        target: Box<str>,
        /// Who killed it.
        by: crate::log::Actor,
        /// Since when.
        since: flag_core::Timestamp,
    },
    /// The target is not killed.
    #[error("{target:?} is not killed")]
    NotKilled {
        /// The target.
        target: Box<str>,
        /// The target it most likely means.
        closest: Option<Box<str>>,
    },
    /// There is no root whose epoch the document could bear.
    #[error("the project has no root")]
    NoRoot,
}

impl Failure for KillError {
    fn code(&self) -> &'static str {
        match self {
            Self::Target { .. } => "bad_target",
            Self::NoFlag { .. } => "no_flag",
            Self::AlreadyKilled { .. } => "already_killed",
            Self::NotKilled { .. } => "not_killed",
            Self::NoRoot => "no_root",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NotKilled { closest: Some(closest), .. } | Self::NoFlag { closest: Some(closest), .. } => {
                Some(format!("did you mean {closest:?}?"))
            }
            Self::NoFlag { closest: None, .. } => {
                Some("--unlisted kills a capability that is no flag of this environment".to_owned())
            }
            Self::AlreadyKilled { target, .. } => {
                Some(format!("publish it if clients do not know yet, or lift it: flag-admin unkill {target}"))
            }
            _ => None,
        }
    }
}

/// The kills document that was signed and published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignedKills {
    /// Where.
    pub place: String,
    /// What it turns off.
    pub targets: Vec<Box<str>>,
}

/// The reason of a kill that was activated without one. It is asked for later: `kill explain`.
pub const REASON_NOT_GIVEN: &str = "not given";

/// How a kill reaches clients.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum KillRoute {
    /// With the next snapshot.
    #[default]
    Snapshot,
    /// At once, in a document of the emergency key, and with every snapshot.
    Emergency,
}

/// What may be killed.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum KillScope {
    /// Flags of the environment, kill switches among them.
    #[default]
    Flags,
    /// Whatever the clients' code may know by that name.
    Anything,
}

impl Project {
    /// Works out what killing a flag or capability does. `telemetry_disabled` is another spelling of `telemetry`.
    pub fn propose_kill(
        &self,
        environment: &EnvironmentName,
        target: &str,
        route: KillRoute,
        scope: KillScope,
    ) -> Result<Proposal, AppError> {
        let state = self.environment(environment)?;
        target.parse::<FlagKey>().map_err(|source| KillError::Target { target: target.into(), source })?;
        let capability = target.strip_suffix("_disabled").filter(|stem| state.flags.contains_key(*stem));
        let target = if state.flags.contains_key(target) { target } else { capability.unwrap_or(target) };
        if scope == KillScope::Flags && !state.flags.contains_key(target) {
            let closest = nearest(target, state.flags.keys().map(FlagKey::as_str)).map(Into::into);
            return Err(KillError::NoFlag { target: target.into(), closest }.into());
        }
        if let Some(kill) = state.kill_of(target) {
            let (by, since) = (kill.by.clone(), kill.since);
            return Err(KillError::AlreadyKilled { target: target.into(), by, since }.into());
        }
        let drawn = self.ports.random.draw()?;
        let id = drawn.iter().fold(String::from("k-"), |id, byte| format!("{id}{byte:02x}")).into();
        let emergency = route == KillRoute::Emergency;
        self.propose(environment, vec![Change::KillActivated { id, target: target.into(), emergency }])
    }

    /// Works out what lifting every kill of a target does. A kill's id is never used again.
    pub fn propose_unkill(&self, environment: &EnvironmentName, target: &str) -> Result<Proposal, AppError> {
        let state = self.environment(environment)?;
        let lifts: Vec<Change> = state
            .kills
            .iter()
            .filter(|kill| *kill.target == *target)
            .map(|kill| Change::KillLifted { id: kill.id.clone(), target: kill.target.clone() })
            .collect();
        if lifts.is_empty() {
            let closest = nearest(target, state.kills.iter().map(|kill| &*kill.target)).map(Into::into);
            return Err(KillError::NotKilled { target: target.into(), closest }.into());
        }
        self.propose(environment, lifts)
    }

    /// Works out what giving a kill's reason does, by its id or target, after the kill.
    pub fn propose_explanation(&self, environment: &EnvironmentName, id_or_target: &str) -> Result<Proposal, AppError> {
        let state = self.environment(environment)?;
        let by_id = |kill: &&ActiveKill| *kill.id == *id_or_target;
        let ended = || state.ended.iter().map(|ended| &ended.kill);
        let kill = (state.kills.iter().find(by_id))
            .or_else(|| ended().find(by_id))
            .or_else(|| state.kill_of(id_or_target))
            .or_else(|| state.ended_kill_of(id_or_target).map(|ended| &ended.kill));
        let Some(kill) = kill else {
            let closest = nearest(id_or_target, state.kills.iter().map(|kill| &*kill.target)).map(Into::into);
            return Err(KillError::NotKilled { target: id_or_target.into(), closest }.into());
        };
        self.propose(environment, vec![Change::KillExplained { id: kill.id.clone(), target: kill.target.clone() }])
    }

    /// Checks a reason before anything is done with it.
    pub fn check_reason(reason: &str) -> Result<(), AppError> {
        checked_reason(reason)?;
        Ok(())
    }

    /// Signs the kills in force with the emergency key and publishes them, without a snapshot.
    pub fn publish_kills(
        &self,
        environment: &EnvironmentName,
        publisher: &mut dyn Publisher,
    ) -> Result<SignedKills, AppError> {
        let state = self.environment(environment)?;
        let envelope = self.sign_kills(environment, state)?;
        publisher.publish(Document::Kills, &envelope)?;
        let targets = state.kills.iter().map(|kill| kill.target.clone()).collect();
        Ok(SignedKills { place: publisher.place(), targets })
    }

    pub(in crate::app) fn sign_kills(
        &self,
        environment: &EnvironmentName,
        state: &EnvironmentState,
    ) -> Result<Vec<u8>, AppError> {
        let root = self.state.root().ok_or(KillError::NoRoot)?;
        let document = KillsDocument {
            schema: SCHEMA,
            project: self.state.project().as_str().to_owned(),
            environment: environment.as_str().to_owned(),
            epoch: root.epoch,
            issued_at: self.now(),
            kills: state.kills.iter().map(|kill| Kill { id: kill.id.clone(), target: kill.target.clone() }).collect(),
        };
        let payload = serde_json::to_vec(&document).map_err(AppError::Seal)?;
        let signer = self.ports.keys.signer(RoleName::Kill)?;
        Ok(Envelope::sign(PayloadType::Kills, payload, &[&*signer]).to_json())
    }
}
