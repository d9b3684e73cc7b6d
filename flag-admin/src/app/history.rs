use std::collections::VecDeque;
use std::fmt;

use flag_core::{FlagKey, Timestamp};
use serde::Serialize;

use super::project::{OpenError, Project, fold};
use crate::log::{Actor, Change, Digest, EnvironmentName, Role, sentence};

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

impl Project {
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
            let before = entry.environment.as_ref().and_then(|name| before.and_then(|state| state.environment(name)));
            if limit == Some(lines.len()) {
                lines.pop_front();
            }
            lines.push_back(HistoryLine {
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
            });
        })?;
        Ok(lines.into())
    }
}
