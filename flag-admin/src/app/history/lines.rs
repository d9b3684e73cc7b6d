use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use flag_core::{FlagKey, Timestamp};
use serde::Serialize;

use super::walk::{Reader, walk};
use crate::app::error::Failure;
use crate::app::flags::listing::{FlagLine, KillCard, flag_lines};
use crate::app::project::{OpenError, Project};
use crate::log::{
    Actor, Change, Digest, Entry, EnvironmentName, EnvironmentState, Head, Role, State, Stored, sentence,
};

/// One change as the log tells it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryLine {
    /// Its place in the log.
    pub seq: u64,
    /// When.
    pub time: Timestamp,
    /// Who.
    pub actor: Actor,
    /// In which role.
    pub role: Role,
    /// The environment changed; the whole project where absent.
    pub environment: Option<EnvironmentName>,
    /// What was done, in words.
    pub sentence: String,
    /// Why.
    pub reason: Option<String>,
    /// The flag changed, if it is one flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<FlagKey>,
    /// The edit itself.
    pub change: Change,
    /// The hash of the entry's bytes.
    pub hash: Digest,
}

impl fmt::Display for HistoryLine {
    /// Prints `2026-01-15 14:32:01 - @alice enabled feature flag: telemetry_cloud_sync`, in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.time.to_string();
        let (date, clock) = time.split_once('T').unwrap_or((&time, ""));
        let clock: String = clock.chars().take("00:00:00".len()).collect();
        write!(f, "{date} {clock} - {} {}", self.actor, self.sentence)?;
        if let Some(reason) = &self.reason {
            write!(f, " - {reason}")?;
        }
        Ok(())
    }
}

impl HistoryLine {
    /// Tells an entry. `before` is the state that it was appended to.
    pub(in crate::app) fn of(entry: &Entry, stored: &Stored, before: Option<&State>) -> Self {
        let before = entry.environment.as_ref().and_then(|name| before.and_then(|state| state.environment(name)));
        Self {
            seq: entry.seq,
            time: entry.time,
            actor: entry.actor.clone(),
            role: entry.role,
            environment: entry.environment.clone(),
            sentence: sentence(&entry.change, before),
            reason: entry.reason.clone(),
            flag: entry.change.flag().cloned(),
            change: entry.change.clone(),
            hash: stored.hash,
        }
    }
}

/// A moment in the life of a project.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Right after the entry at this place.
    Entry(u64),
    /// At this time: after the last entry that bears it or an earlier one.
    Time(Timestamp),
}

/// A text that names no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no moment, expected an entry's number or an RFC 3339 time such as 2026-01-15T14:32:01Z")]
pub struct MomentError {
    /// The text given.
    pub found: String,
}

impl FromStr for Moment {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let moment = if is_number { text.parse().ok().map(Self::Entry) } else { text.parse().ok().map(Self::Time) };
        moment.ok_or_else(|| MomentError { found: text.to_owned() })
    }
}

/// Why there is no past to show.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PastError {
    /// The log cannot be read, or is corrupt.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no such entry.
    #[error("there is no entry {seq}: the log ends with entry {head}")]
    NoEntry {
        /// The place given.
        seq: u64,
        /// The head of the log.
        head: Head,
    },
    /// There was no project yet.
    #[error("at {time} the project was not there yet: it was made at {made}")]
    TooEarly {
        /// The time given.
        time: Timestamp,
        /// When the project was made.
        made: Timestamp,
    },
}

impl Failure for PastError {
    fn code(&self) -> &'static str {
        match self {
            Self::Open(error) => error.code(),
            Self::NoEntry { .. } => "no_entry",
            Self::TooEarly { .. } => "too_early",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Open(error) => error.hint(),
            Self::NoEntry { .. } | Self::TooEarly { .. } => Some("see the entries: flag-admin log --json".to_owned()),
        }
    }
}

/// A project as it was.
#[derive(Clone, Debug)]
pub struct Past {
    /// The last change until then.
    pub entry: HistoryLine,
    /// What the log came to.
    pub state: State,
}

/// One environment as it was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PastEnvironment<'p> {
    /// The last entry until then.
    pub head: Head,
    /// When it was appended.
    pub time: Timestamp,
    /// The environment.
    pub environment: &'p EnvironmentName,
    /// Its flags in order of their keys.
    pub flags: Vec<FlagLine<'p>>,
    /// What was killed, oldest first.
    pub kills: Vec<KillCard<'p>>,
}

impl Past {
    /// Returns an environment as it was.
    pub fn environment<'p>(&'p self, name: &'p EnvironmentName, state: &'p EnvironmentState) -> PastEnvironment<'p> {
        PastEnvironment {
            head: self.state.head(),
            time: self.entry.time,
            environment: name,
            flags: flag_lines(state, self.entry.time),
            kills: state.kills.iter().map(KillCard::new).collect(),
        }
    }
}

/// Looks for a moment.
struct PastReader {
    moment: Moment,
    made: Option<Timestamp>,
    /// The last entry that belongs to the moment's past, as far as was read.
    last: Option<HistoryLine>,
    /// Whether entries came after that one.
    is_over: bool,
    found: Option<Past>,
}

impl PastReader {
    const fn new(moment: Moment) -> Self {
        Self { moment, made: None, last: None, is_over: false, found: None }
    }
}

impl Reader for PastReader {
    fn read(&mut self, entry: &Entry, stored: &Stored, before: Option<&State>) {
        self.made = self.made.or(Some(entry.time));
        let belongs = match self.moment {
            Moment::Entry(seq) => entry.seq == seq,
            // A clock may be set back: what counts is the last entry that bears an early enough time.
            Moment::Time(time) => entry.time <= time,
        };
        if belongs {
            self.last = Some(HistoryLine::of(entry, stored, before));
            self.is_over = false;
            return;
        }
        if let (Some(entry), Some(state), false) = (&self.last, before, self.is_over) {
            self.found = Some(Past { entry: entry.clone(), state: state.clone() });
        }
        self.is_over = true;
    }

    fn is_satisfied(&self, head: u64) -> bool {
        self.last.is_some() || matches!(self.moment, Moment::Entry(seq) if seq > head)
    }
}

/// Takes in the last lines.
struct LastReader<'w> {
    /// The environment that they are of, or of the project.
    environment: Option<&'w EnvironmentName>,
    limit: Option<usize>,
    lines: VecDeque<HistoryLine>,
}

impl Reader for LastReader<'_> {
    fn read(&mut self, entry: &Entry, stored: &Stored, before: Option<&State>) {
        let concerns = match (self.environment, &entry.environment) {
            (Some(wanted), Some(changed)) => wanted == changed,
            _ => true,
        };
        if !concerns || self.limit == Some(0) {
            return;
        }
        if self.limit == Some(self.lines.len()) {
            self.lines.pop_front();
        }
        self.lines.push_back(HistoryLine::of(entry, stored, before));
    }

    fn is_satisfied(&self, _: u64) -> bool {
        self.limit.is_some_and(|limit| self.lines.len() >= limit)
    }
}

/// Takes in the lines after an entry that are wanted.
struct SinceReader<W> {
    seq: u64,
    is_wanted: W,
    /// The first entry read.
    first: Option<u64>,
    lines: Vec<HistoryLine>,
}

impl<W: Fn(&Entry) -> bool> Reader for SinceReader<W> {
    fn read(&mut self, entry: &Entry, stored: &Stored, before: Option<&State>) {
        self.first = self.first.or(Some(entry.seq));
        if entry.seq > self.seq && (self.is_wanted)(entry) {
            self.lines.push(HistoryLine::of(entry, stored, before));
        }
    }

    fn is_satisfied(&self, _: u64) -> bool {
        self.first.is_some_and(|first| first.saturating_sub(1) <= self.seq)
    }
}

impl Project {
    /// Returns the project as it was at a moment.
    pub fn past(&self, moment: Moment) -> Result<Past, PastError> {
        let (state, reader) = walk(&*self.ports.log, || PastReader::new(moment))?;
        let head = state.head();
        match (reader.last, reader.found, reader.is_over) {
            (Some(entry), _, false) => Ok(Past { entry, state }),
            (Some(_), Some(found), true) => Ok(found),
            _ => Err(match moment {
                Moment::Entry(seq) => PastError::NoEntry { seq, head },
                Moment::Time(time) => PastError::TooEarly { time, made: reader.made.unwrap_or(time) },
            }),
        }
    }

    /// Returns the last changes, oldest first: all of them without a limit; of the project and of one environment where one is named. Of a
    /// few thousand changes or less no more than the end of the log is read.
    pub fn history(
        &self,
        environment: Option<&EnvironmentName>,
        limit: Option<usize>,
    ) -> Result<Vec<HistoryLine>, OpenError> {
        let (_, reader) = walk(&*self.ports.log, || LastReader { environment, limit, lines: VecDeque::new() })?;
        Ok(reader.lines.into())
    }

    /// Returns the changes after an entry that are wanted, oldest first.
    pub(in crate::app) fn lines_since(
        &self,
        seq: u64,
        is_wanted: impl Fn(&Entry) -> bool + Copy,
    ) -> Result<Vec<HistoryLine>, OpenError> {
        let (_, reader) = walk(&*self.ports.log, || SinceReader { seq, is_wanted, first: None, lines: Vec::new() })?;
        Ok(reader.lines)
    }
}
