//! What a host records of its flags' use: kept on this machine a day at a time, for anonymous reports that the user consented to.
//!
//! Nothing here takes part in a decision.

mod assignment;
mod cell;
mod day;
mod day_files;
mod error;
mod in_use;
mod latency;
mod metric;
mod outcome;
mod recorder;
mod settings;

use std::time::Duration;

pub(crate) use cell::{Cell, CellKey, Cells, MAX_VARIANT, Step, is_metric_name};
pub use day::{Day, DayError};
pub(crate) use day_files::{DayFiles, Wait, remove_file};
pub use error::OutcomeError;
pub(crate) use in_use::CrashWatch;
pub use in_use::Use;
pub(crate) use latency::LAST_INDEX;
pub use metric::{Measure, MetricError, MetricValue};
pub use outcome::{Consent, Feedback, Outcome, Recorded};
pub(crate) use recorder::Recorder;
pub use settings::Outcomes;

use self::assignment::assignment;
use crate::client::FlagClient;

/// Recording. It is off unless the host turned it on ([`ClientBuilder::outcomes`](crate::ClientBuilder::outcomes)) and the user
/// consented ([`ClientBuilder::reports`](crate::ClientBuilder::reports)), and while a kill stands against it
/// ([`Outcomes::unless_killed`]); decisions are the same either way.
///
/// Everything is on the disk when a method returns, so that a host may end its process at any time. It takes some tens of microseconds.
impl FlagClient {
    /// Records how one use of a flag's feature ended, and how long it took if that is known. Uses without the feature are worth recording,
    /// too: they are what it is compared with.
    pub fn record(&self, flag: &str, outcome: Outcome, took: Option<Duration>) -> Recorded {
        self.recording(flag, |recorder, key| recorder.keep(&key, &Cell::of_use(outcome, took, self.slow_above(flag))))
    }

    /// Records one measurement of a metric that the host declared ([`Outcomes::metric`]).
    pub fn record_metric(&self, flag: &str, metric: &str, value: MetricValue) -> Recorded {
        self.recording(flag, |recorder, key| {
            let declared = match recorder.settings().find_metric(flag, metric) {
                None => Err(MetricError::Undeclared),
                Some(_) if !is_metric_name(metric) => Err(MetricError::Name),
                Some(declared) => Ok(declared),
            };
            match declared.and_then(|declared| declared.measure(value)) {
                Ok(measured) => recorder.keep(&key, &Cell::of_metric(metric, measured)),
                Err(source) => {
                    let (flag, metric) = (flag.into(), metric.into());
                    recorder.lost(OutcomeError::Metric { flag, metric, source })
                }
            }
        })
    }

    /// Records what the user says about a flag's feature.
    pub fn feedback(&self, flag: &str, feedback: Feedback) -> Recorded {
        self.recording(flag, |recorder, key| recorder.keep(&key, &Cell::of_feedback(feedback)))
    }

    /// Begins a use of a flag's feature, which a panic until its end counts against.
    ///
    /// ```
    /// use flag_client::{Declaration, FlagClient, Outcome};
    /// # let flags = FlagClient::builder().declare([Declaration::boolean("command_history")]).open();
    /// let in_use = flags.begin("command_history");
    /// // ... the feature does its work ...
    /// in_use.finish(Outcome::Success);
    /// ```
    pub fn begin(&self, flag: &str) -> Use {
        let Some((recorder, watch)) = self.recorder() else { return Use::unrecorded() };
        if recorder.is_off() {
            return Use::unrecorded();
        }
        match assignment(&self.in_force(), flag) {
            Some(key) => watch.begin(key, self.slow_above(flag)),
            None => {
                recorder.lost(OutcomeError::UnknownFlag { flag: flag.into() });
                Use::unrecorded()
            }
        }
    }

    /// Returns the time above which a use is slow: what was published with the flag counts before what the host set, since those who
    /// compare reports need one limit for all of them.
    fn slow_above(&self, flag: &str) -> Option<Duration> {
        let published = self.in_force().flag(flag).and_then(|flag| flag.flag().slow_above());
        let (recorder, _) = self.recorder()?;
        published.or_else(|| recorder.settings().limit(flag))
    }

    fn recording(&self, flag: &str, work: impl FnOnce(&Recorder, CellKey) -> Recorded) -> Recorded {
        let Some((recorder, _)) = self.recorder() else { return Recorded::Off };
        if recorder.is_off() {
            return Recorded::Off;
        }
        match assignment(&self.in_force(), flag) {
            Some(key) => work(recorder, key),
            None => recorder.lost(OutcomeError::UnknownFlag { flag: flag.into() }),
        }
    }
}
