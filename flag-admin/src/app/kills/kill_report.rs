use std::fmt;

use flag_core::{FlagKey, Timestamp};
use serde::Serialize;

use crate::app::error::{AppError, Failure};
use crate::app::flags::stage::needed_by;
use crate::app::history::lines::HistoryLine;
use crate::app::history::walk::{Reader, walk};
use crate::app::project::Project;
use crate::definition::nearest;
use crate::log::{Actor, EndedKill, Entry, EnvironmentName, State, Stored};

const MILLIS_PER_MINUTE: i64 = 60_000;
const MILLIS_PER_DAY: i64 = 24 * 60 * MILLIS_PER_MINUTE;

/// What is known of a kill, for a post-mortem: its Markdown is a draft, with a place for everything that the log does not know.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KillReport {
    /// The environment.
    pub environment: EnvironmentName,
    /// The kill's own name.
    pub id: Box<str>,
    /// What was off.
    pub target: Box<str>,
    /// Who killed it.
    pub by: Actor,
    /// Why.
    pub reason: Option<String>,
    /// Since when it was off.
    pub since: Timestamp,
    /// How it ended, if it did.
    pub lifted: Option<Lifted>,
    /// For how many whole minutes it was off, until now if it is.
    pub minutes: u64,
    /// Whether the emergency key carried it to clients besides the snapshot.
    pub emergency: bool,
    /// The flags that went off with it, since they need it.
    pub dependents: Vec<FlagKey>,
    /// What changed in the environment from a day before the kill to a day after its end, oldest first.
    pub changes: Vec<HistoryLine>,
}

/// How a kill ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lifted {
    /// When.
    pub at: Timestamp,
    /// Who lifted it.
    pub by: Actor,
    /// Why.
    pub reason: Option<String>,
}

/// Why there is nothing to report on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KillReportError {
    /// There was no such kill.
    #[error("there was no kill {found:?} in {environment}")]
    Unknown {
        /// The id or target given.
        found: Box<str>,
        /// The environment.
        environment: EnvironmentName,
        /// The target that it most likely means.
        closest: Option<Box<str>>,
    },
}

impl Failure for KillReportError {
    fn code(&self) -> &'static str {
        "unknown_kill"
    }

    fn hint(&self) -> Option<String> {
        let Self::Unknown { closest, .. } = self;
        Some(closest.as_ref().map_or_else(
            || "see what was killed: flag-admin kill list".to_owned(),
            |closest| format!("did you mean {closest:?}?"),
        ))
    }
}

/// Takes in what changed around a kill.
struct TimelineReader<'w> {
    environment: &'w EnvironmentName,
    from: Timestamp,
    until: Timestamp,
    /// Whether what was read reaches back to before all of it.
    begins: bool,
    lines: Vec<HistoryLine>,
}

impl Reader for TimelineReader<'_> {
    fn read(&mut self, entry: &Entry, stored: &Stored, before: Option<&State>) {
        self.begins |= entry.time < self.from;
        let concerns = entry.environment.as_ref().is_none_or(|changed| changed == self.environment);
        if concerns && entry.time >= self.from && entry.time <= self.until {
            self.lines.push(HistoryLine::of(entry, stored, before));
        }
    }

    fn is_satisfied(&self, _: u64) -> bool {
        self.begins
    }
}

impl Project {
    /// Returns what is known of a kill, by its id, or by its target: the kill of it that stands, else the last one that stood.
    pub fn kill_report(&self, environment: &EnvironmentName, id_or_target: &str) -> Result<KillReport, AppError> {
        let state = self.environment(environment)?;
        let by_id = |id: &str| *id == *id_or_target;
        let active = state.kills.iter().find(|kill| by_id(&kill.id));
        let ended = state.ended.iter().find(|ended| by_id(&ended.kill.id));
        let found = match (active, ended) {
            (Some(active), _) => Some((active, None)),
            (None, Some(ended)) => Some((&ended.kill, Some(ended))),
            (None, None) => state
                .kill_of(id_or_target)
                .map(|kill| (kill, None))
                .or_else(|| state.ended_kill_of(id_or_target).map(|ended| (&ended.kill, Some(ended)))),
        };
        let Some((kill, ended)) = found else {
            let ended = state.ended.iter().map(|ended| &*ended.kill.target);
            let closest = nearest(id_or_target, state.kills.iter().map(|kill| &*kill.target).chain(ended));
            let (found, closest) = (id_or_target.into(), closest.map(Into::into));
            return Err(KillReportError::Unknown { found, environment: environment.clone(), closest }.into());
        };
        let lifted = ended.map(|EndedKill { lifted, by, reason, .. }| Lifted {
            at: *lifted,
            by: by.clone(),
            reason: reason.clone(),
        });
        let end = lifted.as_ref().map_or_else(|| self.now(), |lifted| lifted.at);
        let from = kill.since.saturating_add_millis(-MILLIS_PER_DAY);
        let until = end.saturating_add_millis(MILLIS_PER_DAY);
        let (_, reader) =
            walk(&*self.ports.log, || TimelineReader { environment, from, until, begins: false, lines: Vec::new() })?;
        let dependents = kill.target.parse().map(|key: FlagKey| needed_by(state, &key).into_iter().cloned().collect());
        Ok(KillReport {
            environment: environment.clone(),
            id: kill.id.clone(),
            target: kill.target.clone(),
            by: kill.by.clone(),
            reason: kill.reason.clone(),
            since: kill.since,
            minutes: u64::try_from(end.millis_since(kill.since) / MILLIS_PER_MINUTE).unwrap_or_default(),
            lifted,
            emergency: kill.emergency,
            dependents: dependents.unwrap_or_default(),
            changes: reader.lines,
        })
    }
}

impl fmt::Display for KillReport {
    /// Prints the draft of a post-mortem in Markdown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { environment, id, target, by, since, emergency, .. } = self;
        let why = |reason: &Option<String>| reason.as_deref().map_or_else(|| "no reason given".to_owned(), plain);
        writeln!(f, "# Post-mortem: {} killed in {environment}\n", plain(target))?;
        writeln!(f, "| | |\n|---|---|")?;
        writeln!(f, "| Kill | `{id}` |")?;
        writeln!(f, "| What | {} |", plain(target))?;
        writeln!(f, "| Killed | {since} by {by} |")?;
        writeln!(f, "| Why | {} |", why(&self.reason))?;
        let route = if *emergency { "at once, by the emergency key" } else { "with the next snapshot" };
        writeln!(f, "| How it reached clients | {route} |")?;
        match &self.lifted {
            Some(Lifted { at, by, reason }) => {
                writeln!(f, "| Lifted | {at} by {by} |\n| Why it was lifted | {} |", why(reason))?;
                writeln!(f, "| Off for | {} |", duration(self.minutes))?;
            }
            None => writeln!(f, "| Lifted | not yet |\n| Off for | {} so far |", duration(self.minutes))?,
        }
        let dependents: Vec<&str> = self.dependents.iter().map(FlagKey::as_str).collect();
        let dependents = if dependents.is_empty() { "no flag needs it".to_owned() } else { dependents.join(", ") };
        writeln!(f, "| Went off with it | {dependents} |")?;
        writeln!(f, "\n## What happened\n\n_To be written: what users saw, and how it was noticed._")?;
        writeln!(
            f,
            "\n## Timeline\n\nEverything that changed in {environment} from a day before to a day after, in UTC.\n"
        )?;
        for line in &self.changes {
            writeln!(f, "- {}", plain(&line.to_string()))?;
        }
        writeln!(f, "\n## Numbers\n\nNo metrics are at hand here; fill in what was measured.\n")?;
        writeln!(f, "| | before | during | after |\n|---|---|---|---|")?;
        for metric in ["Error rate", "Crash rate", "Users affected"] {
            writeln!(f, "| {metric} | no data | no data | no data |")?;
        }
        writeln!(f, "\n## Why it happened\n\n_To be written: the cause, and why nothing stopped it earlier._")?;
        writeln!(f, "\n## What will prevent it\n\n_To be written: each action with an owner and a day._")
    }
}

/// Returns a text that Markdown shows as it is.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => plain.push_str("&lt;"),
            '|' | '*' | '`' | '[' | ']' | '\\' => plain.extend(['\\', c]),
            c if c.is_control() => plain.push(' '),
            c => plain.push(c),
        }
    }
    plain
}

fn duration(minutes: u64) -> String {
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h {minutes} min"),
    }
}
