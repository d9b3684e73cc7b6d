//! What the use cases need of the world. Adapters implement it; tests do so in memory.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use flag_client::Day;
use flag_client::report::Report;
use flag_client::trust::{RoleName, Signer};
use flag_core::{FlagKey, Timestamp};

use crate::cells::{Cell, CellKey};
use crate::log::{ChainError, EnvironmentName, Head, Sealed, Stored, StoredCheckpoint, TokenId};
use crate::rollout::{Source, SourceValue};

/// The cause of a failure that only an adapter knows the type of.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// Keeps the entries of one project's log, and its head apart from them.
pub trait LogStore {
    /// Returns the head as it is stored.
    fn head(&self) -> Result<Head, LogError>;

    /// Calls `each` with the rows after the place `after`, in order, until one call fails; and returns the head of the same moment.
    fn read(&self, after: u64, each: &mut dyn FnMut(Stored) -> Result<(), LogError>) -> Result<Head, LogError>;

    /// Appends all entries or none, and only if the head still is `expected`. What was appended survives a loss of power from then on.
    fn append(&mut self, expected: Head, entries: &[Sealed]) -> Result<(), LogError>;

    /// Refuses where nothing could be appended, as to a file that may only be read, or that another program holds. Nothing is written.
    fn check_writable(&self) -> Result<(), LogError> {
        Ok(())
    }

    /// Returns what the log comes to, as far as it is told, where the entries are not for whoever asks: nothing of it can be proved.
    fn told_state(&self) -> Result<Option<StoredCheckpoint>, LogError> {
        Ok(None)
    }

    /// Tells whether what is appended is sealed anew by whoever keeps the log, as a server does: then it is to be read again.
    fn seals_itself(&self) -> bool {
        false
    }

    /// Returns the last checkpoint kept beside the entries, if there is one. Nothing about it is proved.
    fn checkpoint(&self) -> Result<Option<StoredCheckpoint>, LogError> {
        self.checkpoint_before(u64::MAX)
    }

    /// Returns the last checkpoint kept of an entry before a place, if there is one. Nothing about it is proved.
    fn checkpoint_before(&self, seq: u64) -> Result<Option<StoredCheckpoint>, LogError> {
        let _ = seq;
        Ok(None)
    }

    /// Keeps a checkpoint, and the one before it, as the last ones; none removes all. A store may keep none at all.
    fn keep_checkpoint(&mut self, checkpoint: Option<&StoredCheckpoint>) -> Result<(), LogError> {
        let _ = checkpoint;
        Ok(())
    }
}

/// A store that takes in a whole log: for a new project, a restore, or a move from another store.
pub trait LogTarget: LogStore {
    /// Fills an empty log with the entries that `next` gives until it gives none, all of them or none. Returns the head.
    fn fill(&mut self, next: &mut dyn FnMut() -> Result<Option<Sealed>, LogError>) -> Result<Head, LogError>;
}

/// Alerts on their way: kept until each arrived, or was given up.
pub trait Outbox {
    /// Puts an alert in for a sink, unless it was put in before. Returns whether it was new.
    fn put(&mut self, sink: &str, alert: &str, body: &str, at: Timestamp) -> Result<bool, LogError>;

    /// Takes the alert that is due the longest, of one sink or of all, so that nobody else gets it before `until`. Nothing goes to a sink that
    /// is gone.
    fn claim(&mut self, sink: Option<&str>, now: Timestamp, until: Timestamp) -> Result<Option<Outgoing>, LogError>;

    /// Writes down what became of a try.
    fn settle(&mut self, outgoing: &Outgoing, outcome: OutboxOutcome, why: Option<&str>) -> Result<(), LogError>;

    /// Lets alerts go to a sink again whose receiver wanted no more.
    fn revive(&mut self, sink: &str) -> Result<(), LogError>;

    /// Forgets everything of a sink.
    fn forget(&mut self, sink: &str) -> Result<(), LogError>;

    /// Returns how many alerts of each sink arrived, wait and were given up, and what was last said against one.
    fn tallies(&self) -> Result<BTreeMap<String, OutboxTally>, LogError>;

    /// Returns how each alert of each sink stands, by sink and alert.
    fn standing(&self) -> Result<BTreeMap<(String, String), OutboxStanding>, LogError>;
}

/// How an alert stands with a sink.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum OutboxStanding {
    /// It is tried at this time or later.
    Waits(Timestamp),
    /// It arrived, or was given up.
    Settled,
    /// The receiver wants no more, of this or anything.
    Gone,
}

/// An alert on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The sink it goes to.
    pub sink: String,
    /// Its name.
    pub alert: String,
    /// What is said.
    pub body: String,
    /// How often it was tried in vain.
    pub tries: u32,
}

/// What became of a try.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum OutboxOutcome {
    /// It arrived.
    Arrived,
    /// It is tried again.
    Again(Timestamp),
    /// It is not tried again.
    GivenUp,
    /// The receiver wants no more, of this or anything.
    Gone,
}

/// How a sink's alerts fare.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct OutboxTally {
    /// How many arrived.
    pub arrived: u64,
    /// How many wait.
    pub waiting: u64,
    /// How many were given up.
    pub given_up: u64,
    /// Whether the receiver wants no more.
    pub gone: bool,
    /// What was last said against one that did not arrive.
    pub trouble: Option<String>,
}

/// Sends alerts over the network.
pub trait AlertSender {
    /// Posts a body, and returns the status of the answer. Ports besides 443 must be allowed.
    fn send(
        &mut self,
        url: &str,
        allow_ports: &[u16],
        headers: &[(&str, String)],
        body: &str,
    ) -> Result<u16, AlertSendError>;

    /// Tells an alert where the program tells what happens.
    fn log(&mut self, alert: &str, body: &str);
}

/// Why an alert was not sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AlertSendError {
    /// The address is none that alerts may go to.
    #[error("the address may not be sent to: {why}")]
    Refused {
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is no answer.
    #[error("the receiver does not answer")]
    Unreachable(#[source] Cause),
}

/// Remembers when tokens were last used. It decides nothing, so that losing it costs no more than the dates.
pub trait TokenUses {
    /// Returns when each token was last used, as far as it is known.
    fn uses(&self) -> Result<BTreeMap<TokenId, Timestamp>, LogError>;

    /// Notes that a token was used.
    fn note_use(&mut self, token: &TokenId, at: Timestamp) -> Result<(), LogError>;
}

/// Why the log cannot be read or appended to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// Somebody else appended first.
    #[error("the log has moved on: its head is entry {found}, expected entry {expected}")]
    HeadMoved {
        /// The head that the change was made from.
        expected: Head,
        /// The head found.
        found: Head,
    },
    /// Another program holds the log for longer than is waited.
    #[error("{place} is locked by another program, waited {} s", waited.as_secs())]
    Locked {
        /// The log.
        place: String,
        /// For how long it was waited.
        waited: Duration,
    },
    /// An entry was altered, or is missing.
    #[error(transparent)]
    Corrupt(#[from] ChainError),
    /// There is no log.
    #[error("{place} is not a project's log")]
    NotAProject {
        /// Where it was looked for.
        place: String,
    },
    /// The log was made by a newer version of the program.
    #[error("{place} has form {found}, expected at most {expected}")]
    Newer {
        /// The log.
        place: String,
        /// The number of its form.
        found: i32,
        /// The newest form that this version knows.
        expected: i32,
    },
    /// A server that keeps the log does not do what was asked.
    #[error("{place} refused: {message}")]
    Refused {
        /// The server.
        place: String,
        /// The status of its answer.
        status: u16,
        /// Why, in its words.
        message: String,
        /// What to do about it, in its words.
        hint: Option<String>,
    },
    /// A log is to be filled that has entries.
    #[error("{place} holds a log already, which ends with entry {head}")]
    NotEmpty {
        /// The log.
        place: String,
        /// Its head.
        head: Head,
    },
    /// The storage failed.
    #[error("{place} cannot be {action}")]
    Storage {
        /// The log.
        place: String,
        /// `opened`, `read` or `written`.
        action: &'static str,
        /// What the storage says.
        #[source]
        source: Cause,
    },
}

/// Holds the private keys of a project.
pub trait KeyStore {
    /// Returns what signs in a role.
    fn signer(&self, role: RoleName) -> Result<Box<dyn Signer>, KeyError>;
}

/// Why a private key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no such key here.
    #[error("there is no {role} key at {place}")]
    Missing {
        /// Whose key.
        role: RoleName,
        /// Where it was looked for.
        place: String,
    },
    /// Others may read the key.
    #[error("{role} key {place} has mode {found:04o}, expected 0600")]
    Exposed {
        /// Whose key.
        role: RoleName,
        /// Where it is.
        place: String,
        /// Its permissions.
        found: u32,
    },
    /// The key is encrypted, and nobody gave a passphrase.
    #[error("{role} key {place} is encrypted, and no passphrase was given")]
    Encrypted {
        /// Whose key.
        role: RoleName,
        /// Where it is.
        place: String,
    },
    /// The passphrase does not open the key.
    #[error("the passphrase does not open {role} key {place}")]
    WrongPassphrase {
        /// Whose key.
        role: RoleName,
        /// Where it is.
        place: String,
    },
    /// The key cannot be read.
    #[error("{role} key {place} cannot be read")]
    Unreadable {
        /// Whose key.
        role: RoleName,
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// The key cannot be written.
    #[error("{role} key {place} cannot be written")]
    Unwritable {
        /// Whose key.
        role: RoleName,
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: Cause,
    },
}

/// Holds the signed roots of a project.
pub trait RootStore {
    /// Returns the envelopes of all roots, from version 1 on, without gaps.
    fn roots(&self) -> Result<Vec<Vec<u8>>, RootStoreError>;
}

/// Takes in signed roots.
pub trait RootKeeper {
    /// Keeps the envelope of a root. One that is there already must be the same, byte for byte.
    fn keep(&mut self, version: u64, envelope: &[u8]) -> Result<(), RootStoreError>;
}

/// Why the roots cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootStoreError {
    /// There is none.
    #[error("there is no root at {place}")]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// Another root of the same version is there.
    #[error("{place} holds another root of the same version")]
    Taken {
        /// Where it is.
        place: String,
    },
    /// A root cannot be kept.
    #[error("root {place} cannot be written")]
    Unwritable {
        /// Where it should be.
        place: String,
        /// Why.
        #[source]
        source: Cause,
    },
    /// A root cannot be read.
    #[error("root {place} cannot be read")]
    Unreadable {
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: Cause,
    },
}

/// One of the documents that clients fetch.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// A root, by version.
    Root(u64),
    /// The snapshot in force.
    Snapshot,
    /// The kills of the emergency key.
    Kills,
}

impl fmt::Display for Document {
    /// Prints the path below what is published.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(version) => write!(f, "v1/root/{version}.json"),
            Self::Snapshot => f.write_str("v1/snapshot.json"),
            Self::Kills => f.write_str("v1/kills.json"),
        }
    }
}

/// A place from which clients fetch documents. While one is held, no other publishes the same project.
pub trait Publisher {
    /// Returns a document as it is published now.
    fn published(&self, document: Document) -> Result<Option<Vec<u8>>, PublisherError>;

    /// Puts a document in place of the published one, whole or not at all.
    fn publish(&mut self, document: Document, bytes: &[u8]) -> Result<(), PublisherError>;

    /// Takes a document away, if it is published.
    fn withdraw(&mut self, document: Document) -> Result<(), PublisherError>;

    /// Returns the place in words.
    fn place(&self) -> String;
}

/// Why a document cannot be published.
#[derive(Debug, thiserror::Error)]
#[error("{place} cannot be {action}")]
pub struct PublisherError {
    /// Where.
    pub place: String,
    /// `opened`, `read`, `written`, `locked` or `removed`.
    pub action: &'static str,
    /// Why.
    #[source]
    pub source: Cause,
}

/// The documents of one environment as they are published.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Publication {
    /// The roots, from version 1 on.
    pub roots: Vec<Vec<u8>>,
    /// The kills of the emergency key.
    pub kills: Option<Vec<u8>>,
    /// The snapshot.
    pub snapshot: Option<Vec<u8>>,
}

/// Reads what is published, again and again.
pub trait Shelf: Send {
    /// Returns what is published, or nothing if it is what was returned last.
    fn look(&mut self) -> Result<Option<Publication>, PublisherError>;

    /// Waits until something may have changed, at most for so long.
    fn wait(&mut self, at_most: Duration);

    /// Returns how long to wait before the next look, where waiting is nothing but letting time go by.
    fn pause(&self) -> Option<Duration> {
        None
    }

    /// Returns the place in words.
    fn place(&self) -> String;
}

/// Says which of several servers of a project does what only one of them should.
pub trait Lease: Send {
    /// Takes the lease, or holds on to it. Returns whether it is held.
    fn hold(&mut self) -> Result<bool, LogError>;
}

/// Tells the time.
pub trait Clock {
    /// Returns the time now.
    fn now(&self) -> Timestamp;
}

/// Draws random bytes.
pub trait Randomness {
    /// Returns 16 random bytes, fit for names that are never to meet again.
    fn draw(&self) -> Result<[u8; 16], RandomnessError>;
}

/// The system has no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct RandomnessError(#[source] pub Cause);

/// Keeps what anonymous reports come to, and forgets the reports.
pub trait CellStore {
    /// Adds reports to their cells, each at most once, and tells what became of each: its nonce is remembered for 48 hours, so that a
    /// report that is sent again counts once. A report's cell and nonce are kept together or not at all.
    fn add_all(
        &mut self,
        environment: &EnvironmentName,
        reports: &[Report],
        received: Timestamp,
    ) -> Result<Vec<Added>, CellStoreError>;

    /// Adds one report to its cell, as [`add_all`](Self::add_all) does.
    fn add(
        &mut self,
        environment: &EnvironmentName,
        report: &Report,
        received: Timestamp,
    ) -> Result<Added, CellStoreError> {
        let added = self.add_all(environment, std::slice::from_ref(report), received)?;
        Ok(added.first().copied().unwrap_or(Added::KnownAlready))
    }

    /// Returns the cells of a flag from a day on, in the order of their keys.
    fn cells(
        &self,
        environment: &EnvironmentName,
        flag: &FlagKey,
        since: Day,
    ) -> Result<Vec<(CellKey, Cell)>, CellStoreError>;
}

/// What became of a report.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// It was added to its cell.
    Counted,
    /// It had been added before.
    KnownAlready,
}

/// Why cells cannot be read or added to.
#[derive(Debug, thiserror::Error)]
#[error("{place} cannot be {action}")]
pub struct CellStoreError {
    /// Where the cells are.
    pub place: String,
    /// `opened`, `read` or `written`.
    pub action: &'static str,
    /// What the storage says.
    #[source]
    pub source: Cause,
}

/// Asks other systems how a feature does.
pub trait MetricSource {
    /// Returns the answer of a source. What cannot be had, or makes no sense, is [`SourceValue::Unusable`]: never a number.
    fn read(&self, source: &Source, question: &SourceQuestion<'_>) -> SourceValue;

    /// Tells whether a source may be asked at all. Whoever plans a rollout names one, and does not say where to connect to.
    fn is_listed(&self, source: &Source) -> bool;
}

/// What a source is asked about.
#[derive(Copy, Clone, Debug)]
pub struct SourceQuestion<'q> {
    /// The flag.
    pub flag: &'q FlagKey,
    /// The share that it exposes.
    pub share: flag_core::Share,
    /// How long the step has lasted, in seconds.
    pub since_seconds: u64,
}

/// Knows no other system.
#[derive(Copy, Clone, Debug, Default)]
pub struct NoSources;

impl MetricSource for NoSources {
    fn read(&self, _source: &Source, _question: &SourceQuestion<'_>) -> SourceValue {
        SourceValue::Unusable { why: "no source can be asked here".to_owned() }
    }

    fn is_listed(&self, _source: &Source) -> bool {
        false
    }
}
