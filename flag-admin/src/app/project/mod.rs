//! The project: opened on its adapters, changed through one door, made, kept, looked over.

pub(super) mod backup;
pub(super) mod doctor;
pub(super) mod environment;
pub(super) mod init;

use std::fmt;

use flag_core::Timestamp;
use serde::Serialize;

use crate::app::authority::policy::Verdict;
use crate::app::changes::drafts::DraftError;
use crate::app::changes::proposal::{Committed, Proposal};
use crate::app::error::{AppError, Failure};
use crate::app::ports::{Clock, KeyStore, LogError, LogStore, Randomness, RootStore};
use crate::log::{
    Actor, Chain, Change, CheckpointError, Digest, ENTRY_SCHEMA, Entry, EnvironmentName, EnvironmentState, FoldError,
    Head, Role, Sealed, State, Stored, StoredCheckpoint,
};

/// How long a snapshot lives where nothing signs it anew by itself.
pub const DEFAULT_SNAPSHOT_LIFETIME_DAYS: u32 = 30;

/// The longest reason, in characters.
const REASON_MAX: usize = 1_000;

/// What a project is set to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many days after its signing a snapshot is stale.
    pub snapshot_lifetime_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { snapshot_lifetime_days: DEFAULT_SNAPSHOT_LIFETIME_DAYS }
    }
}

/// Who is at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Operator {
    /// Their name.
    pub actor: Actor,
    /// What they may change.
    pub role: Role,
}

/// The world as a project needs it.
pub struct Ports {
    /// The log.
    pub log: Box<dyn LogStore>,
    /// The private keys.
    pub keys: Box<dyn KeyStore>,
    /// The signed roots.
    pub roots: Box<dyn RootStore>,
    /// The clock.
    pub clock: Box<dyn Clock>,
    /// The random source.
    pub random: Box<dyn Randomness>,
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports").finish_non_exhaustive()
    }
}

/// A project, opened: what its log comes to, and what can be done with it.
#[derive(Debug)]
pub struct Project {
    pub(in crate::app) ports: Ports,
    pub(in crate::app) settings: Settings,
    pub(in crate::app) operator: Operator,
    pub(in crate::app) state: State,
    /// The state that the log comes to, while a draft is looked at as if it were applied.
    pub(in crate::app) logged: Option<Box<State>>,
    /// The entry of the last checkpoint sealed, as far as is known.
    checkpoint: u64,
    /// How many units plans are for, if somebody says so.
    pub(in crate::app) population: Option<u64>,
}

/// After how many entries a new checkpoint is sealed. Walking so many takes a start a few hundredths of a second.
const CHECKPOINT_ENTRIES: u64 = 10_000;

/// Why a project cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Its log cannot be read, or is corrupt.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What is told of it cannot be read.
    #[error("what is told of the project cannot be read")]
    Told(#[source] CheckpointError),
    /// Its log has no entries.
    #[error("the project's log is empty")]
    Empty,
    /// An entry is whole, but does not fit the entries before it.
    #[error("log entry {seq} does not fit the entries before it")]
    Unfit {
        /// Its place.
        seq: u64,
        /// Why.
        #[source]
        source: FoldError,
    },
}

impl Failure for OpenError {
    fn code(&self) -> &'static str {
        match self {
            Self::Log(error) => error.code(),
            Self::Empty => "not_a_project",
            Self::Unfit { .. } => "log_corrupt",
            Self::Told(_) => "other_version",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Log(error) => error.hint(),
            Self::Told(_) => Some("use the version of flag-admin that the server runs".to_owned()),
            Self::Empty | Self::Unfit { .. } => None,
        }
    }
}

/// A reason that cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReasonError {
    /// Nothing but white space.
    #[error("the reason is empty, expected why the change is made")]
    Empty,
    /// Longer than a log line bears.
    #[error("the reason has {found} characters, expected at most {REASON_MAX}")]
    TooLong {
        /// Its length in characters.
        found: usize,
    },
    /// A line break or another control character.
    #[error("the reason holds {found:?}, expected one line of text")]
    Control {
        /// The character.
        found: char,
    },
}

/// An environment that the project does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("environment \"{found}\" does not exist")]
pub struct UnknownEnvironment {
    /// The name given.
    pub found: EnvironmentName,
    /// The environments of the project.
    pub known: Vec<EnvironmentName>,
}

impl Project {
    /// Opens the project whose log this is. Every entry is proved on the way, but for those before a checkpoint that is the log's own:
    /// [`audit`](super::audit()) proves those, and the checkpoint.
    pub fn open(ports: Ports, settings: Settings, operator: Operator) -> Result<Self, OpenError> {
        if let Some(state) = told(&*ports.log)? {
            return Ok(Self { ports, settings, operator, state, logged: None, checkpoint: 0, population: None });
        }
        if let Ok(Some(kept)) = ports.log.checkpoint()
            && let Some(state) = resume(&*ports.log, &kept, |_, _, _| {})
        {
            let checkpoint = kept.seq;
            return Ok(Self { ports, settings, operator, state, logged: None, checkpoint, population: None });
        }
        let mut sealed: Option<(State, Digest)> = None;
        let state = fold(&*ports.log, |entry, _, before| {
            if let (Change::StateSealed { digest }, Some(before)) = (&entry.change, before) {
                sealed = Some((before.clone(), *digest));
            }
        })?;
        let mut project = Self { ports, settings, operator, state, logged: None, checkpoint: 0, population: None };
        // What was kept did not hold, or there is none.
        if let Ok(Some(_)) = project.ports.log.checkpoint() {
            let _ = project.ports.log.keep_checkpoint(None);
        }
        // The log seals a checkpoint that is lost, as after a restore, or that another version made.
        if let Some((state, digest)) = sealed
            && let Ok(checkpoint) = StoredCheckpoint::of(&state)
            && checkpoint.digest == digest
        {
            project.keep_checkpoint(&checkpoint);
        }
        Ok(project)
    }

    /// Keeps a checkpoint that the log seals. It saves time and nothing else: that it cannot be kept, as in a folder that may only be read,
    /// is no failure of what was asked for.
    fn keep_checkpoint(&mut self, checkpoint: &StoredCheckpoint) {
        self.checkpoint = checkpoint.seq;
        let _ = self.ports.log.keep_checkpoint(Some(checkpoint));
    }

    /// Takes in what others appended since. Returns whether there was anything.
    pub fn refresh(&mut self) -> Result<bool, OpenError> {
        let before = self.state.head();
        // Whoever looks often finds nothing most of the time.
        if self.ports.log.head()? == before {
            return Ok(false);
        }
        if let Some(state) = told(&*self.ports.log)? {
            self.state = state;
            return Ok(self.state.head() != before);
        }
        let mut unfit = None;
        let mut next = self.state.clone();
        let mut chain = Chain::after(before);
        let head = self.ports.log.read(before.seq, &mut |stored| {
            let entry = chain.follow(&stored)?;
            if unfit.is_none() {
                unfit =
                    next.apply(&entry, chain.head()).err().map(|source| OpenError::Unfit { seq: entry.seq, source });
            }
            Ok(())
        })?;
        chain.finish(head).map_err(LogError::from)?;
        unfit.map_or(Ok(()), Err)?;
        self.state = next;
        Ok(self.state.head() != before)
    }

    /// Returns what the log comes to.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Returns who is at work.
    pub const fn operator(&self) -> &Operator {
        &self.operator
    }

    /// Lets somebody else be at work from now on. Returns who was.
    pub fn hand_over(&mut self, operator: Operator) -> Operator {
        std::mem::replace(&mut self.operator, operator)
    }

    /// Returns what the project is set to.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Plans for this many units from now on, where it is not known how many there are: a share that may be nobody of so many is told.
    pub const fn plan_for(&mut self, population: u64) {
        self.population = Some(population);
    }

    /// Returns the time now.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Returns an environment by name.
    pub fn environment(&self, name: &EnvironmentName) -> Result<&EnvironmentState, UnknownEnvironment> {
        self.state.environment(name).ok_or_else(|| UnknownEnvironment {
            found: name.clone(),
            known: self.state.environments().map(|(name, _)| name.clone()).collect(),
        })
    }

    /// Appends what was proposed, or, where another member has to approve it, a request for that. Refuses what whoever is at work may not
    /// do, and if the log has moved on since: what the proposal said may no longer be so.
    pub fn commit(&mut self, proposal: &Proposal, reason: Option<&str>) -> Result<Committed, AppError> {
        self.check_base(proposal)?;
        match proposal.access() {
            Verdict::Allowed => self.append(proposal.environment(), proposal.changes(), reason),
            Verdict::Refused { refusal } => Err(refusal.clone().into()),
            Verdict::NeedsApproval { .. } => self.request(proposal, reason),
        }
    }

    /// Refuses a proposal if the log has moved on since it was made.
    pub(in crate::app) fn check_base(&self, proposal: &Proposal) -> Result<(), AppError> {
        if self.logged.is_some() {
            return Err(DraftError::Looking.into());
        }
        let found = self.ports.log.head().map_err(OpenError::from)?;
        if proposal.base() != found || proposal.base() != self.state.head() {
            return Err(self.conflict(proposal.changes(), proposal.base(), found));
        }
        Ok(())
    }

    /// Seals changes onto the head and appends them all, or none.
    pub(in crate::app) fn append(
        &mut self,
        environment: &EnvironmentName,
        changes: &[Change],
        reason: Option<&str>,
    ) -> Result<Committed, AppError> {
        if self.logged.is_some() {
            return Err(DraftError::Looking.into());
        }
        let reason = reason.map(checked_reason).transpose()?;
        let time = self.ports.clock.now();
        let expected = self.state.head();
        let mut next = self.state.clone();
        let mut sealed: Vec<Sealed> = Vec::with_capacity(changes.len());
        for change in changes {
            self.check_change(change, next.environment(environment))?;
            sealed.push(self.seal(&mut next, time, environment, change.clone(), reason)?);
            self.check_change(change, next.environment(environment))?;
        }
        let mut checkpoint = None;
        if next.head().seq.saturating_sub(self.checkpoint) >= CHECKPOINT_ENTRIES {
            let written = StoredCheckpoint::of(&next).map_err(AppError::Seal)?;
            let change = Change::StateSealed { digest: written.digest };
            sealed.push(self.seal(&mut next, time, environment, change, None)?);
            checkpoint = Some(written);
        }
        match self.ports.log.append(expected, &sealed) {
            Err(LogError::HeadMoved { expected, found }) => return Err(self.conflict(changes, expected, found)),
            appended => appended?,
        }
        if self.ports.log.seals_itself() {
            self.refresh()?;
            return Ok(Committed { head: self.state.head(), entries: changes.len(), request: None });
        }
        self.state = next;
        if let Some(checkpoint) = checkpoint {
            self.keep_checkpoint(&checkpoint);
        }
        Ok(Committed { head: self.state.head(), entries: changes.len(), request: None })
    }

    /// Makes the entry of a change that goes onto a state, and takes it into that state.
    fn seal(
        &self,
        onto: &mut State,
        time: Timestamp,
        environment: &EnvironmentName,
        change: Change,
        reason: Option<&str>,
    ) -> Result<Sealed, AppError> {
        let Head { seq, hash } = onto.head();
        let entry = Entry {
            schema: ENTRY_SCHEMA,
            seq: seq.saturating_add(1),
            time,
            actor: self.operator.actor.clone(),
            role: self.role()?,
            environment: (!change.is_of_project()).then(|| environment.clone()),
            change,
            reason: reason.map(str::to_owned),
            prev: hash,
        };
        let entry = Sealed::new(entry).map_err(AppError::Seal)?;
        onto.apply_sealed(&entry).map_err(AppError::Unfit)?;
        Ok(entry)
    }
}

/// Returns what the log comes to where that is told, and not proved.
fn told(log: &dyn LogStore) -> Result<Option<State>, OpenError> {
    let Some(told) = log.told_state()? else { return Ok(None) };
    Ok(Some(told.state().map_err(OpenError::Told)?))
}

/// Goes on from a checkpoint, if the log seals it: the entry it is of stands there with the same hash, the next entry names the hash of its
/// bytes, and everything after follows. Shows each entry after it to `seen`, with the state before it. Whatever is wrong is found by
/// folding the whole log.
pub(in crate::app) fn resume(
    log: &dyn LogStore,
    checkpoint: &StoredCheckpoint,
    mut seen: impl FnMut(&Entry, &Stored, &State),
) -> Option<State> {
    let mut state = checkpoint.state().ok()?;
    let bound = state.head();
    let mut chain = None;
    let mut fits = true;
    let head = log
        .read(bound.seq.checked_sub(1)?, &mut |stored| {
            let Some(chain) = &mut chain else {
                fits &= stored.seq == bound.seq && stored.hash == bound.hash && Digest::of(&stored.bytes) == bound.hash;
                chain = Some(Chain::after(bound));
                return Ok(());
            };
            let entry = chain.follow(&stored)?;
            let seals = Change::StateSealed { digest: checkpoint.digest };
            fits &= entry.seq != bound.seq.saturating_add(1) || entry.change == seals;
            seen(&entry, &stored, &state);
            fits &= state.apply(&entry, chain.head()).is_ok();
            Ok(())
        })
        .ok()?;
    fits &= state.head() != bound;
    (fits && chain?.finish(head).is_ok()).then_some(state)
}

/// Folds a whole log, proving each entry, and shows each to `seen` with the state before it.
pub(in crate::app) fn fold(
    log: &dyn LogStore,
    mut seen: impl FnMut(&Entry, &Stored, Option<&State>),
) -> Result<State, OpenError> {
    let mut state: Option<State> = None;
    let mut unfit = None;
    let mut chain = Chain::new();
    let head = log.read(0, &mut |stored| {
        let entry = chain.follow(&stored)?;
        seen(&entry, &stored, state.as_ref());
        let folded = match &mut state {
            Some(state) => state.apply(&entry, chain.head()),
            None => State::begin(&entry, chain.head()).map(|begun| state = Some(begun)),
        };
        if let (Err(source), None) = (folded, &unfit) {
            unfit = Some(OpenError::Unfit { seq: entry.seq, source });
        }
        Ok(())
    })?;
    // A corrupt entry further on matters more than one that does not fit, so the whole chain was walked first.
    chain.finish(head).map_err(LogError::from)?;
    unfit.map_or(Ok(()), Err)?;
    state.ok_or(OpenError::Empty)
}

/// Returns a reason without white space around it.
pub(in crate::app) fn checked_reason(reason: &str) -> Result<&str, ReasonError> {
    let reason = reason.trim();
    if let Some(found) = reason.chars().find(|c| c.is_control()) {
        return Err(ReasonError::Control { found });
    }
    match reason.chars().count() {
        0 => Err(ReasonError::Empty),
        found if found > REASON_MAX => Err(ReasonError::TooLong { found }),
        _ => Ok(reason),
    }
}
