use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;

use flag_core::{FlagKey, Timestamp};
use serde::Serialize;

use super::flags::{FlagLine, KillCard, flag_lines};
use super::project::{OpenError, Project, fold};
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
    pub(super) fn of(entry: &Entry, stored: &Stored, before: Option<&State>) -> Self {
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

impl Project {
    /// Returns the project as it was at a moment. The whole log is proved on the way.
    pub fn past(&self, moment: Moment) -> Result<Past, PastError> {
        let mut found: Option<Past> = None;
        let mut last: Option<HistoryLine> = None;
        let mut made = None;
        let state = fold(&*self.ports.log, |entry, stored, before| {
            made = made.or(Some(entry.time));
            let is_over = match moment {
                Moment::Entry(seq) => entry.seq.checked_sub(1) == Some(seq),
                // A clock may be set back: what counts is the last entry that bears an early enough time.
                Moment::Time(time) => entry.time > time && last.as_ref().is_some_and(|last| last.time <= time),
            };
            if let (true, Some(entry), Some(state)) = (is_over, &last, before) {
                found = Some(Past { entry: entry.clone(), state: state.clone() });
            }
            last = Some(HistoryLine::of(entry, stored, before));
        })?;
        let ends = last.filter(|last| match moment {
            Moment::Entry(seq) => last.seq == seq,
            Moment::Time(time) => last.time <= time,
        });
        let head = state.head();
        if let Some(entry) = ends {
            return Ok(Past { entry, state });
        }
        found.ok_or_else(|| match (moment, made) {
            (Moment::Entry(seq), _) => PastError::NoEntry { seq, head },
            (Moment::Time(time), made) => PastError::TooEarly { time, made: made.unwrap_or(time) },
        })
    }

    /// Returns the last changes, oldest first: all of them without a limit; of the project and of one environment where one is named.
    pub fn history(
        &self,
        environment: Option<&EnvironmentName>,
        limit: Option<usize>,
    ) -> Result<Vec<HistoryLine>, OpenError> {
        let mut lines = VecDeque::new();
        fold(&*self.ports.log, |entry, stored, before| {
            let concerns = match (environment, &entry.environment) {
                (Some(wanted), Some(changed)) => wanted == changed,
                _ => true,
            };
            if !concerns || limit == Some(0) {
                return;
            }
            if limit == Some(lines.len()) {
                lines.pop_front();
            }
            lines.push_back(HistoryLine::of(entry, stored, before));
        })?;
        Ok(lines.into())
    }
}
