use std::collections::BTreeMap;

use flag_core::{Share, Timestamp};
use serde::Serialize;

use super::super::gates::GateName;
use super::super::state::PauseReason;
use super::population::Population;

/// How a simulated rollout ended.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Everyone has the flag.
    Completed,
    /// A gate was breached, and it waits for somebody.
    Paused,
    /// The gates could not tell in time, and it waits for somebody.
    Inconclusive,
    /// Too little was reported, or not what it should, and it waits for somebody.
    NoEvidence,
    /// A gate was breached, and nobody has the flag.
    RolledBack,
    /// It was under way when the simulation ended.
    Unfinished,
}

impl Ending {
    pub(super) const fn paused(reason: &PauseReason) -> Self {
        match reason {
            PauseReason::Breached { .. } | PauseReason::Signal { .. } => Self::Paused,
            PauseReason::Inconclusive { .. } => Self::Inconclusive,
            _ => Self::NoEvidence,
        }
    }

    /// Tells whether an alarm ended it.
    pub const fn is_alarm(self) -> bool {
        matches!(self, Self::Paused | Self::RolledBack)
    }
}

/// What one simulated rollout came to.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// How it ended.
    pub ending: Ending,
    /// After how many hours.
    pub hours: f64,
    /// The gate that was breached first.
    pub gate: Option<GateName>,
    /// Reports of those exposed, over all steps.
    pub reports: u64,
    /// People whom an error or a crash hit while they had the flag, those who report and those who do not.
    pub harmed: f64,
    /// The share at the end of each day.
    pub shares: Vec<Share>,
}

impl RunResult {
    pub(super) fn new(share: Share) -> Self {
        Self { ending: Ending::Unfinished, hours: 0.0, gate: None, reports: 0, harmed: 0.0, shares: vec![share] }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub(super) fn saw(
        &mut self,
        now: Timestamp,
        start: Timestamp,
        share: Share,
        reports: u64,
        failed: u64,
        population: &Population,
    ) {
        self.reports = self.reports.saturating_add(reports);
        self.harmed += failed as f64 / population.reporting.value().max(1e-6);
        let day = usize::try_from(now.as_millis().saturating_sub(start.as_millis()) / 86_400_000).unwrap_or(0);
        while self.shares.len() <= day {
            self.shares.push(share);
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "rollouts are shorter than centuries")]
    pub(super) fn ended(mut self, ending: Ending, now: Timestamp, start: Timestamp, gate: Option<GateName>) -> Self {
        self.hours = now.as_millis().saturating_sub(start.as_millis()) as f64 / 3_600_000.0;
        let share = match ending {
            Ending::RolledBack => Some(Share::NOBODY),
            Ending::Completed => Some(Share::EVERYONE),
            _ => self.shares.last().copied(),
        };
        self.shares.extend(share);
        Self { ending, gate, ..self }
    }
}

/// The middle of some numbers, and their tenths.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
pub struct Quantiles {
    /// One in ten is below.
    pub p10: f64,
    /// Half are below.
    pub median: f64,
    /// Nine in ten are below.
    pub p90: f64,
}

impl Quantiles {
    /// Returns the quantiles of numbers; `None` of none.
    pub fn of(mut numbers: Vec<f64>) -> Option<Self> {
        numbers.sort_by(f64::total_cmp);
        let at = |tenths: usize| numbers.get((numbers.len().saturating_sub(1)) * tenths / 10).copied();
        Some(Self { p10: at(1)?, median: at(5)?, p90: at(9)? })
    }
}

/// What all runs of a simulation came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// How many runs there were.
    pub runs: usize,
    /// Whether the population keeps every limit.
    pub healthy: bool,
    /// How often each ending came.
    pub endings: BTreeMap<Ending, usize>,
    /// The part of the runs that an alarm stopped: false alarms where the population is healthy, detections where it is sick.
    pub alarmed: f64,
    /// Of a sick population, the part of the runs that ended with everyone having it.
    pub missed: Option<f64>,
    /// Hours until an alarm.
    pub hours_to_alarm: Option<Quantiles>,
    /// Reports of those exposed until an alarm.
    pub reports_to_alarm: Option<Quantiles>,
    /// Days until everyone has it.
    pub days_to_complete: Option<Quantiles>,
    /// People whom an error or a crash hit.
    pub harmed: Option<Quantiles>,
    /// How often each gate was breached first.
    pub gates: BTreeMap<String, usize>,
    /// The share at the end of each day, in percent: its quantiles over the runs.
    pub shares: Vec<Quantiles>,
}

/// Sums runs up.
#[expect(clippy::cast_precision_loss, reason = "there are fewer runs than 2^53")]
pub fn summarise(results: &[RunResult], healthy: bool) -> Outcome {
    let of = |keep: &dyn Fn(&&RunResult) -> bool, number: &dyn Fn(&RunResult) -> f64| {
        Quantiles::of(results.iter().filter(|result| keep(result)).map(number).collect())
    };
    let part = |keep: &dyn Fn(Ending) -> bool| {
        results.iter().filter(|result| keep(result.ending)).count() as f64 / results.len().max(1) as f64
    };
    let alarmed = |result: &&RunResult| result.ending.is_alarm();
    let (mut endings, mut gates) = (BTreeMap::new(), BTreeMap::new());
    for result in results {
        *endings.entry(result.ending).or_default() += 1;
        if let Some(gate) = &result.gate {
            *gates.entry(gate.to_string()).or_default() += 1;
        }
    }
    let days = results.iter().map(|result| result.shares.len()).max().unwrap_or(0);
    let share = |day: usize| {
        let at = |result: &RunResult| {
            let share = result.shares.get(day).or(result.shares.last()).copied().unwrap_or_default();
            f64::from(share.thousandths()) / 1_000.0
        };
        Quantiles::of(results.iter().map(at).collect())
    };
    Outcome {
        runs: results.len(),
        healthy,
        alarmed: part(&Ending::is_alarm),
        missed: (!healthy).then(|| part(&|ending| ending == Ending::Completed)),
        hours_to_alarm: of(&alarmed, &|result| result.hours),
        reports_to_alarm: of(&alarmed, &|result| result.reports as f64),
        days_to_complete: of(&|result| result.ending == Ending::Completed, &|result| result.hours / 24.0),
        harmed: of(&|_| true, &|result| result.harmed),
        shares: (0..days).filter_map(share).collect(),
        endings,
        gates,
    }
}
