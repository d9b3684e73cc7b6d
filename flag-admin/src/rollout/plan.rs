use serde::{Deserialize, Serialize};

use super::policy::Policy;
use super::quantities::Rate;
use super::schedule::Schedule;
use crate::definition::{Documentation, Target, TargetUnit};

/// How a rollout goes: its schedule, what its gates demand, and where evidence comes from besides reports. It is kept in the log as it was
/// when the rollout started, so that a later edit of a file changes no decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The steps.
    pub schedule: Schedule,
    /// What the gates demand.
    #[serde(default)]
    pub policy: Policy,
    /// Documented metrics that gate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricGate>,
    /// Where evidence comes from besides reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// The rule whose split is rolled out; the fallthrough where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Box<str>>,
}

/// A metric with a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricGate {
    /// Its name as reports and sources have it.
    pub metric: Box<str>,
    /// The target as it is documented.
    pub target: Target,
    /// The largest share of what the target does not want: 5 % for `>95%`. None where the target is no share, which no report can prove.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Rate>,
}

/// Another system that knows how a feature does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What it measures: `error_rate`, `crash_rate`, or a name of one's own.
    pub metric: Box<str>,
    /// Where it is asked.
    #[serde(flatten)]
    pub kind: SourceKind,
    /// The rate above which the rollout pauses.
    pub limit: Rate,
    /// The rate above which it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rate>,
}

/// How a source is asked. `{flag}`, `{share}` and `{since}`, the seconds since the step began, are filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SourceKind {
    /// A Prometheus server, or what answers as one does.
    Promql {
        /// Its name in the project's settings, which say where it is. Older logs have an address, `http://127.0.0.1:9090`, which is asked if
        /// the settings list it.
        #[serde(alias = "url")]
        from: Box<str>,
        /// The query of what went wrong, or of a ratio where there is no `total`.
        query: Box<str>,
        /// The query of everything counted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<Box<str>>,
    },
    /// A PostgreSQL database. The query answers with one row of two numbers, what went wrong and everything counted, or of
    /// one ratio.
    Sql {
        /// Its name in the project's settings, which say where it is. Older logs have an address, `postgres://...`, which is asked if the
        /// settings list it.
        #[serde(alias = "url")]
        from: Box<str>,
        /// The query, or one of `error_rate`, `slow_rate` and `not_adopted` for the tables that these know.
        query: Box<str>,
    },
}

impl SourceKind {
    /// Returns what names the system that is asked.
    pub const fn from(&self) -> &str {
        match self {
            Self::Promql { from, .. } | Self::Sql { from, .. } => from,
        }
    }
}

/// Why a text is no plan of a rollout.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// It is not TOML of the form.
    #[error("{file} is no rollout plan: {}", source.message())]
    Toml {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// There is no schedule of the name.
    #[error("schedule {found:?} does not exist, expected standard, accelerated or cautious")]
    UnknownSchedule {
        /// The name given.
        found: Box<str>,
    },
    /// A value that no gate can work with.
    #[error("policy: {field} is not {expected}")]
    Policy {
        /// The field.
        field: &'static str,
        /// What is expected of it.
        expected: &'static str,
    },
    /// A limit that no test can be made against.
    #[error("source {metric:?}: the limit {found} can never be exceeded, or always is")]
    SourceLimit {
        /// What it measures.
        metric: Box<str>,
        /// Its limit.
        found: Rate,
    },
}

/// A plan as a file has it.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    schedule: Option<WrittenSchedule>,
    policy: Policy,
    sources: Vec<Source>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenSchedule {
    Named(Box<str>),
    Whole(Schedule),
}

impl Plan {
    /// Returns the plan of a schedule with the default policy.
    pub fn of(schedule: Schedule) -> Self {
        Self { schedule, policy: Policy::default(), metrics: Vec::new(), sources: Vec::new(), rule: None }
    }

    /// Reads a plan from TOML: `schedule` is a name or a table, `[policy]` says what differs from the default, `[[sources]]` name other
    /// systems. `file` is the name that errors give.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, PlanError> {
        let written: Written = toml::from_str(text)
            .map_err(|source| PlanError::Toml { file: file.to_owned(), source: Box::new(source) })?;
        let schedule = match written.schedule {
            None => Self::schedule_named("standard")?,
            Some(WrittenSchedule::Named(name)) => Self::schedule_named(&name)?,
            Some(WrittenSchedule::Whole(schedule)) => schedule,
        };
        let plan = Self { policy: written.policy, sources: written.sources, ..Self::of(schedule) };
        plan.check().map(|()| plan)
    }

    /// Returns the schedule of a name.
    pub fn schedule_named(name: &str) -> Result<Schedule, PlanError> {
        Schedule::named(name).ok_or_else(|| PlanError::UnknownSchedule { found: name.into() })
    }

    /// Refuses what no gate can work with.
    pub fn check(&self) -> Result<(), PlanError> {
        if let Some((field, expected)) = self.policy.unsound() {
            return Err(PlanError::Policy { field, expected });
        }
        let limits =
            self.sources.iter().flat_map(|source| [Some(source.limit), source.rollback].map(|limit| (source, limit)));
        for (source, limit) in limits {
            if let Some(found) = limit.filter(|limit| !limit.is_proper()) {
                return Err(PlanError::SourceLimit { metric: source.metric.clone(), found });
            }
        }
        Ok(())
    }

    /// Takes the targets that a flag's documentation names as gates. The targets of the error rate and the crash rate tighten the limits
    /// that there are anyway; a target in milliseconds is the limit of time that 95 % of the uses keep.
    #[must_use]
    pub fn with_documented(mut self, documentation: &Documentation) -> Self {
        for metric in &documentation.metrics {
            let Some(target) = &metric.target else { continue };
            let name = metric_name(&metric.name);
            if self.policy.without_metrics.iter().any(|without| metric_name(without) == name) {
                continue;
            }
            let limit = limit_of(target);
            match (&*name, limit) {
                ("error_rate", Some(limit)) => self.policy.error.pause = self.policy.error.pause.min(limit),
                ("crash_rate", Some(limit)) => self.policy.crash.pause = self.policy.crash.pause.min(limit),
                (_, None) if target.unit() == TargetUnit::Milliseconds && !target.comparison().wants_high() => {
                    let millis = u64::try_from(target.millionths() / 1_000_000).unwrap_or(0).max(1);
                    let known = self.policy.slow_above_millis.unwrap_or(u64::MAX);
                    self.policy.slow_above_millis = Some(millis.min(known));
                }
                _ => {
                    let gate = MetricGate { metric: name, target: target.clone(), limit };
                    // A plan may have been completed before.
                    if !self.metrics.contains(&gate) {
                        self.metrics.push(gate);
                    }
                }
            }
        }
        self
    }
}

/// Returns the name by which reports know a documented metric: `Sync success rate` is `sync_success_rate`.
pub(super) fn metric_name(documented: &str) -> Box<str> {
    let words = documented.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-')));
    let words: Vec<String> = words.filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
    words.join("_").into()
}

/// Returns the largest share of the unwanted that a target permits.
fn limit_of(target: &Target) -> Option<Rate> {
    let millionths = match target.unit() {
        TargetUnit::Percent => target.millionths() / 100,
        TargetUnit::Plain => target.millionths(),
        _ => return None,
    };
    let rate =
        u32::try_from(millionths).ok().filter(|millionths| *millionths <= 1_000_000).map(Rate::from_millionths)?;
    let limit = if target.comparison().wants_high() { rate.complement() } else { rate };
    limit.is_proper().then_some(limit)
}
