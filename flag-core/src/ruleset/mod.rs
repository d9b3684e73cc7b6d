mod flag_reader;
mod groups;
mod index;
mod prerequisites;
mod stream;

use alloc::boxed::Box;
use alloc::vec::Vec;

use hashbrown::HashSet;

use self::index::Index;

use crate::bucket::Hasher;
use crate::condition::Condition;
use crate::error::FlagError;
use crate::evaluate::FlagRef;
use crate::flag::{self, Choice, Compiler, Flag};
use crate::wire::{self, FlagForm, Malformed, Parsed, Snapshot, SnapshotError};

/// The deepest chain of prerequisites.
pub const PREREQUISITE_MAX_DEPTH: usize = 16;
/// The most evaluations that one decision may take, prerequisites included.
pub const PREREQUISITE_MAX_COST: usize = 1_024;

/// A snapshot's flags, compiled and ready to evaluate. Broken flags are quarantined, each with its reason; the others live.
///
/// ```
/// use flag_core::{Context, Ruleset};
/// let ruleset = Ruleset::from_json(br#"{
///     "schema": 1, "project": "caro", "environment": "production", "epoch": 1, "version": 1,
///     "issued_at": "2026-01-15T14:32:01Z", "expires_at": "2026-02-15T14:32:01Z",
///     "flags": {"command_history": {
///         "variants": {"on": true, "off": false}, "off_variant": "off",
///         "fallthrough": {"exposure": 25000, "allocation": {"on": [[0, 100000]]}, "otherwise": "off"}
///     }}
/// }"#)?;
/// let decision = ruleset.evaluate("command_history", &Context::new("install-8"));
/// assert_eq!(decision.bucket().map(|bucket| bucket.index()), Some(13_125));
/// assert!(decision.bool_or(false));
/// # Ok::<(), flag_core::wire::SnapshotError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Ruleset {
    pub(crate) slots: Box<[Slot]>,
    index: Index,
    pub(crate) segments: Box<[Condition]>,
    /// Targets of kills that are no flag here, or a quarantined one.
    killed: HashSet<Box<str>>,
    pub(crate) hasher: Hasher,
}

/// A flag, or why there is none.
#[derive(Clone, Debug)]
pub(crate) enum Slot {
    Live(Flag),
    Quarantined(Box<(Box<str>, FlagError)>),
}

impl Slot {
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Live(flag) => flag.key.as_str(),
            Self::Quarantined(quarantined) => &quarantined.0,
        }
    }

    fn flag(&self) -> Option<&Flag> {
        if let Self::Live(flag) = self { Some(flag) } else { None }
    }

    fn flag_mut(&mut self) -> Option<&mut Flag> {
        if let Self::Live(flag) = self { Some(flag) } else { None }
    }

    /// Takes the flag out of use, for this reason instead of one it may have had before.
    fn quarantine(&mut self, reason: FlagError) {
        match self {
            Self::Live(flag) => *self = Self::Quarantined(Box::new((flag.key.as_str().into(), reason))),
            Self::Quarantined(quarantined) => quarantined.1 = reason,
        }
    }
}

/// Flags that were compiled each by itself, before they are held against each other.
struct Candidates {
    slots: Vec<Slot>,
    /// What flags want of others, by their places, which ascend.
    prerequisites: Vec<(usize, Vec<wire::Prerequisite>)>,
}

impl Candidates {
    fn with_capacity(flags: usize) -> Self {
        Self { slots: Vec::with_capacity(flags), prerequisites: Vec::new() }
    }

    /// Compiles a flag in its published form.
    fn compile(&mut self, mut key: Box<str>, mut wire: FlagForm, compiler: &mut Compiler<'_>) {
        let served = wire.take_served();
        let slot = match flag::compile(&mut key, &mut wire, served, compiler) {
            Ok(flag) => Slot::Live(flag),
            Err(reason) => Slot::Quarantined(Box::new((key, reason))),
        };
        self.push(slot, wire.prerequisites);
    }

    fn push(&mut self, slot: Slot, prerequisites: Vec<wire::Prerequisite>) {
        if !prerequisites.is_empty() {
            self.prerequisites.push((self.slots.len(), prerequisites));
        }
        self.slots.push(slot);
    }

    fn malformed(&mut self, flag: Malformed) {
        let reason = FlagError::Malformed { message: flag.message };
        self.slots.push(Slot::Quarantined(Box::new((flag.key, reason))));
    }
}

/// What the user of this machine chose for one flag. Whether they may is decided by the client before it gives this.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocalChoice<'a> {
    /// They opted in: for a flag whose opt-in is required they are eligible for its splits.
    OptIn,
    /// They chose this variant.
    Variant(&'a str),
    /// Test code chose this variant: it beats everything but a kill.
    Forced(&'a str),
}

/// Why a [`LocalChoice`] cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChoiceError {
    /// There is no such flag, or it is quarantined.
    #[error("flag {flag:?} does not exist")]
    NoFlag {
        /// The key given.
        flag: Box<str>,
    },
    /// The flag has no such variant.
    #[error("flag {flag:?} has no variant {variant:?}")]
    NoVariant {
        /// The flag.
        flag: Box<str>,
        /// The id given.
        variant: Box<str>,
    },
}

impl Ruleset {
    /// Reads and compiles a snapshot's JSON.
    pub fn from_json(bytes: &[u8]) -> Result<Self, SnapshotError> {
        match stream::compile(bytes) {
            Some(ruleset) => Ok(ruleset),
            None => Snapshot::from_json(bytes).map(Self::build),
        }
    }

    /// Compiles a snapshot that was read, its malformed flags quarantined.
    pub fn from_parsed(parsed: &Parsed) -> Self {
        Self::build(parsed.clone())
    }

    /// Compiles a snapshot. What does not hold together is quarantined, not refused.
    pub fn compile(snapshot: &Snapshot) -> Self {
        Self::build(snapshot.clone().into())
    }

    fn build(parsed: Parsed) -> Self {
        let Parsed { snapshot, malformed, malformed_segments, malformed_groups } = parsed;
        let Snapshot { flags, segments, groups, kills, .. } = snapshot;
        let mut compiler = Compiler::new(&segments, &groups).with_malformed(&malformed_segments, &malformed_groups);
        let mut candidates = Candidates::with_capacity(flags.len());
        // A document cannot have two flags of one key; where a caller made one up, the first stands.
        let mut keys = HashSet::new();
        for (key, wire) in flags.into_iter().filter(|(key, _)| keys.insert(key.clone())) {
            candidates.compile(key, wire.into(), &mut compiler);
        }
        for flag in malformed.into_iter().filter(|flag| keys.insert(flag.key.clone())) {
            candidates.malformed(flag);
        }
        let segments = compiler.segments.into_compiled();
        Self::assemble(candidates, segments, &kills).unwrap_or_default()
    }

    /// Puts compiled flags together, unless two have one key.
    fn assemble(candidates: Candidates, segments: Box<[Condition]>, kills: &[wire::Kill]) -> Option<Self> {
        let Candidates { mut slots, prerequisites } = candidates;
        groups::quarantine_overlaps(&mut slots);
        prerequisites::resolve(&mut slots, prerequisites);
        let slots = slots.into_boxed_slice();
        let index = Index::new(&slots).ok()?;
        let mut ruleset = Self { slots, index, segments, ..Self::default() };
        for kill in kills {
            ruleset.kill(&kill.target);
        }
        Some(ruleset)
    }

    /// Returns the flag of this key, unless there is none or it is quarantined.
    #[inline]
    pub fn flag(&self, key: &str) -> Option<FlagRef<'_>> {
        match self.index.find(&self.slots, key)? {
            (_, Slot::Live(flag)) => Some(FlagRef::new(self, flag)),
            _ => None,
        }
    }

    /// Returns all flags that are not quarantined, in the order of the snapshot.
    pub fn flags(&self) -> impl Iterator<Item = FlagRef<'_>> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Live(flag) => Some(FlagRef::new(self, flag)),
            Slot::Quarantined(_) => None,
        })
    }

    /// Returns the keys of quarantined flags, each with its reason.
    pub fn quarantined(&self) -> impl Iterator<Item = (&str, &FlagError)> {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Live(_) => None,
            Slot::Quarantined(quarantined) => Some((&*quarantined.0, &quarantined.1)),
        })
    }

    /// Turns a flag or capability off, stronger than everything. A kill of something that is no flag here is kept all the same.
    pub fn kill(&mut self, target: &str) {
        if let Some(flag) = self.flag_mut(target) {
            flag.killed = true;
        } else {
            self.killed.insert(target.into());
        }
    }

    /// Tells whether a kill stands against a flag or capability.
    pub fn is_killed(&self, target: &str) -> bool {
        self.killed.contains(target) || self.flag(target).is_some_and(|flag| flag.is_killed())
    }

    /// Takes what the user of this machine chose for a flag.
    pub fn choose(&mut self, key: &str, choice: LocalChoice<'_>) -> Result<(), ChoiceError> {
        let Some(flag) = self.flag_mut(key) else { return Err(ChoiceError::NoFlag { flag: key.into() }) };
        let index = |flag: &Flag, variant: &str| {
            flag.index_of(variant).ok_or_else(|| ChoiceError::NoVariant { flag: key.into(), variant: variant.into() })
        };
        flag.choice = match choice {
            LocalChoice::OptIn => Choice::OptedIn,
            LocalChoice::Variant(variant) => Choice::Chosen(index(flag, variant)?),
            LocalChoice::Forced(variant) => Choice::Forced(index(flag, variant)?),
        };
        Ok(())
    }

    /// Takes back what the user of this machine chose, for decisions about somebody else. What test code forced stays.
    pub fn forget_choices(&mut self) {
        for flag in self.slots.iter_mut().filter_map(Slot::flag_mut) {
            if !matches!(flag.choice, Choice::Forced(_)) {
                flag.choice = Choice::None;
            }
        }
    }

    pub(crate) fn slot(&self, place: u32) -> Option<&Slot> {
        usize::try_from(place).ok().and_then(|place| self.slots.get(place))
    }

    pub(crate) fn find(&self, key: &str) -> Option<&Slot> {
        self.index.find(&self.slots, key).map(|(_, slot)| slot)
    }

    fn flag_mut(&mut self, key: &str) -> Option<&mut Flag> {
        let (place, _) = self.index.find(&self.slots, key)?;
        match usize::try_from(place).ok().and_then(|place| self.slots.get_mut(place))? {
            Slot::Live(flag) => Some(flag),
            Slot::Quarantined(_) => None,
        }
    }
}
