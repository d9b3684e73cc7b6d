use std::fmt;

use serde::Serialize;

use crate::app::error::AppError;
use crate::app::history::lines::HistoryLine;
use crate::app::ports::LogError;
use crate::app::project::Project;
use crate::log::{Chain, Change, Entry, EnvironmentName, Head};

/// How many changes of others a message tells; all of them stand in [`Conflict::since`].
const TOLD: usize = 5;

/// Somebody else appended first: what they did, and whether it is about the same things.
#[derive(Debug, PartialEq, Serialize)]
pub struct Conflict {
    /// The head that the change was made from.
    pub expected: Head,
    /// The head found.
    pub found: Head,
    /// The changes in between, oldest first.
    pub since: Vec<HistoryLine>,
    /// The places of those that are of a flag, segment or group that the refused change is of, too.
    pub touching: Vec<u64>,
}

impl std::error::Error for Conflict {}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, found, since, touching } = self;
        write!(f, "the log has moved on: its head is entry {found}, expected entry {expected}")?;
        for (place, line) in since.iter().take(TOLD).enumerate() {
            f.write_str(if place == 0 { "; since then " } else { "; " })?;
            let same = match line.change.subject().filter(|_| touching.contains(&line.seq)) {
                Some(subject) => format!(" - of the same {subject}"),
                None => String::new(),
            };
            write!(f, "{} {} (entry {}{same})", line.actor, line.sentence, line.seq)?;
        }
        match since.len().saturating_sub(TOLD) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl Project {
    /// Finds out what others did since a head that changes were made from. Gives the error to refuse them with.
    pub(in crate::app) fn conflict(&self, changes: &[Change], expected: Head, found: Head) -> AppError {
        match self.since(expected) {
            Ok(since) => {
                let subjects: Vec<_> = changes.iter().filter_map(Change::subject).collect();
                let is_touching = |line: &&HistoryLine| subjects.iter().any(|subject| line.change.concerns(*subject));
                let touching = since.iter().filter(is_touching).map(|line| line.seq).collect();
                AppError::Conflict(Box::new(Conflict { expected, found, since, touching }))
            }
            Err(error) => error,
        }
    }

    /// Refuses changes that were made from another head than the project's, and tells what happened since.
    pub fn check_head(&self, expected: Head, changes: &[Change]) -> Result<(), AppError> {
        let found = self.state.head();
        if expected == found { Ok(()) } else { Err(self.conflict(changes, expected, found)) }
    }

    /// Returns the changes of an environment after an entry that are part of what it publishes, oldest first.
    pub(in crate::app) fn changed_since(
        &self,
        environment: &EnvironmentName,
        seq: u64,
    ) -> Result<Vec<HistoryLine>, AppError> {
        let is_wanted = |entry: &Entry| {
            let is_here = entry.environment.as_ref() == Some(environment);
            is_here && !entry.change.is_publication() && !entry.change.is_agreement()
        };
        Ok(self.lines_since(seq, is_wanted)?)
    }

    /// Returns the changes after a head, oldest first.
    fn since(&self, head: Head) -> Result<Vec<HistoryLine>, AppError> {
        if head != self.state.head() {
            return Ok(self.lines_since(head.seq, |_| true)?);
        }
        let mut lines = Vec::new();
        let mut state = self.state.clone();
        let mut chain = Chain::after(head);
        let end = self.ports.log.read(head.seq, &mut |stored| {
            let entry = chain.follow(&stored)?;
            lines.push(HistoryLine::of(&entry, &stored, Some(&state)));
            // An entry that does not fit is told all the same; opening the project names it.
            let _ = state.apply(&entry, chain.head());
            Ok(())
        })?;
        chain.finish(end).map_err(LogError::from)?;
        Ok(lines)
    }
}
