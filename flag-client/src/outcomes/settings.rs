use std::path::{Path, PathBuf};
use std::time::Duration;

use super::metric::Measure;
use crate::builder::Remote;

/// What a host records of its flags' use, and where.
///
/// ```
/// use std::time::Duration;
/// use flag_client::{Measure, Outcomes};
/// let outcomes = Outcomes::new()
///     .slow_above("ollama_backend", Duration::from_secs(2))
///     .metric("command_model_comparison", "suggestions_accepted", Measure::Ratio);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Outcomes {
    folder: Option<PathBuf>,
    metrics: Vec<(Box<str>, Box<str>, Measure)>,
    limits: Vec<(Box<str>, Duration)>,
    capability: Option<Box<str>>,
}

impl Outcomes {
    /// Returns settings without metrics and limits, which keep outcomes in a folder `outcomes` beside a remote's state file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the folder. It belongs to this client alone, and into the machine's state, not into a configuration that is synced.
    pub fn folder(mut self, path: impl Into<PathBuf>) -> Self {
        self.folder = Some(path.into());
        self
    }

    /// Declares a metric of a flag, by a name of 1 to 128 characters of `[A-Za-z0-9._-]`. Reports tell of 16 metrics
    /// a flag, the first by name. Of two of one name the later one stands.
    pub fn metric(mut self, flag: impl Into<Box<str>>, name: impl Into<Box<str>>, measure: Measure) -> Self {
        let (flag, name) = (flag.into(), name.into());
        self.metrics.retain(|(known, known_name, _)| *known != flag || *known_name != name);
        self.metrics.push((flag, name, measure));
        self
    }

    /// Sets the time above which a use of a flag's feature is slow, where the snapshot publishes none with the flag: a rollout that gates on
    /// time does. Without either, reports of the flag say nothing about slow uses; how long uses took they say all the same.
    pub fn slow_above(mut self, flag: impl Into<Box<str>>, time: Duration) -> Self {
        let flag = flag.into();
        self.limits.retain(|(known, _)| *known != flag);
        self.limits.push((flag, time));
        self
    }

    /// Names the capability that recording and reports are part of, such as `telemetry`. Of two calls the later one stands.
    ///
    /// While a kill of it stands, of whatever layer, nothing is recorded, and reports are neither made nor sent; nor while a flag of that
    /// name is off on this machine, however that came about. What was recorded before stays on the disk: it is reported once the
    /// capability is back, unless it is too old by then, and
    /// [`clear_reports`](crate::FlagClient::clear_reports) removes it at any time.
    pub fn unless_killed(mut self, capability: impl Into<Box<str>>) -> Self {
        self.capability = Some(capability.into());
        self
    }

    pub(crate) fn capability(&self) -> Option<&str> {
        self.capability.as_deref()
    }

    pub(crate) fn find_metric(&self, flag: &str, name: &str) -> Option<Measure> {
        self.metrics.iter().find(|(of, known, _)| **of == *flag && **known == *name).map(|(_, _, measure)| *measure)
    }

    pub(crate) fn limit(&self, flag: &str) -> Option<Duration> {
        self.limits.iter().find(|(of, _)| **of == *flag).map(|(_, time)| *time)
    }

    pub(crate) fn folder_beside(&self, remote: Option<&Remote>) -> Option<PathBuf> {
        let beside = |remote: &Remote| remote.state_file.with_file_name("outcomes");
        self.folder.as_deref().map(Path::to_owned).or_else(|| remote.map(beside))
    }
}
