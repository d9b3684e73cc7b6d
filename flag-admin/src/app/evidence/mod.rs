//! Where the evidence of rollouts and experiments comes from.

pub(super) mod experiments;
pub(super) mod intake;

use std::collections::BTreeMap;
use std::fmt;

use flag_client::Day;
use flag_core::{FlagKey, Share, Timestamp};

use crate::app::error::{AppError, with_causes};
use crate::app::ports::{CellStore, MetricSource, SourceQuestion};
use crate::app::project::Project;
use crate::cells::{Cell, CellKey};
use crate::log::{EnvironmentName, FlagState, exposure_of};
use crate::rollout::{
    Arms, DayArms, Event, Evidence, Fault, Phase, Plan, Rollout, Source, SourceReading, SourceValue, State,
};

/// Where the evidence of rollouts comes from.
#[derive(Copy, Clone)]
pub struct Instruments<'i> {
    /// What reports come to.
    pub cells: &'i dyn CellStore,
    /// Other systems.
    pub sources: &'i dyn MetricSource,
}

/// Instruments that are open.
pub struct OpenInstruments {
    /// What reports come to.
    pub cells: Box<dyn CellStore>,
    /// Other systems.
    pub sources: Box<dyn MetricSource>,
}

impl fmt::Debug for OpenInstruments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenInstruments").finish_non_exhaustive()
    }
}

impl OpenInstruments {
    /// Returns them for somebody to look at.
    pub fn lent(&self) -> Instruments<'_> {
        Instruments { cells: &*self.cells, sources: &*self.sources }
    }
}

/// What is to be asked of a source about a rollout as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Inquiry {
    /// The flag.
    pub flag: FlagKey,
    /// Whom to ask, for what.
    pub source: Source,
    /// The share that the flag exposes.
    pub share: Share,
    /// How long the step has lasted, in seconds.
    pub since_seconds: u64,
}

impl Inquiry {
    /// Returns it as a source takes it.
    pub const fn question(&self) -> SourceQuestion<'_> {
        SourceQuestion { flag: &self.flag, share: self.share, since_seconds: self.since_seconds }
    }
}

/// The days before a rollout whose reports tell how things are without the flag.
const BASELINE_DAYS: i64 = 7;
const DAY_MILLIS: i64 = 86_400_000;

impl Project {
    /// Gathers what is known of a rollout, for something that happens to it now. What cannot be had is a fault of the evidence, and no
    /// failure: a rollout that nobody can see is held, not forgotten.
    pub(in crate::app) fn evidence_of(
        &self,
        environment: &EnvironmentName,
        flag: &FlagKey,
        rollout: &Rollout,
        event: Event,
        instruments: &Instruments<'_>,
    ) -> Result<Evidence, AppError> {
        let state = self.environment(environment)?;
        let (_, held) = self.flag(environment, flag.as_str())?;
        let Rollout { plan, state: at, .. } = rollout;
        let today = Day::of(self.now());
        let since = if today.days_since(at.since) < 0 { today } else { at.since };
        let mut faults = Vec::new();
        let cells = instruments.cells.cells(environment, flag, since).unwrap_or_else(|error| {
            faults.push(Fault::Unreadable { why: with_causes(&error) });
            Vec::new()
        });
        // A report about a day to come is made up, or of a clock that runs fast.
        let cells: Vec<(CellKey, Cell)> = cells.into_iter().filter(|(key, _)| key.day.days_since(today) <= 1).collect();
        let control = control_variant(held, plan);
        let beyond = leads_to(plan, at, event).map(|share| sum(&cells, share, today, &control)).unwrap_or_default();
        let arms = sum(&cells, at.share, at.since, &control);
        let days = days(&cells, at, &control);
        let busiest_day = busiest_day(&cells, at, &control);
        let is_of_step = |key: &CellKey| key.step == Some(at.share) && key.variant.as_deref() != Some(&*control);
        let newest = cells.iter().filter(|(key, _)| is_of_step(key)).map(|(key, _)| key.day).max();
        let sources = self.ask(flag, plan, at, instruments, &mut faults);
        let wire = &held.definition.flag;
        let exposed = if wire.enabled { exposure_of(wire, plan.rule.as_deref()).ok() } else { Some(Share::NOBODY) };
        Ok(Evidence {
            // The histograms are for the limit of time of the next step.
            arms: Arms { treatment: Cell { lat: [].into(), ..arms.treatment }, control: arms.control },
            beyond: beyond.without_histograms(),
            days,
            busiest_day,
            newest,
            exposed,
            killed: state.kill_of(flag.as_str()).is_some(),
            published: state.published.is_some_and(|published| published.published_at >= at.exposed_at),
            signals: state.signals.get(flag).cloned().unwrap_or_default(),
            sources,
            faults,
        })
    }

    /// Returns what reports say of a flag before its rollout, and those that are of its first share already.
    pub(in crate::app) fn baseline_of(
        &self,
        environment: &EnvironmentName,
        flag: &FlagKey,
        plan: &Plan,
        instruments: &Instruments<'_>,
    ) -> Result<(Arms, Arms), AppError> {
        let (_, held) = self.flag(environment, flag.as_str())?;
        let now = self.now();
        let since = Day::of(now.saturating_add_millis(-BASELINE_DAYS * DAY_MILLIS));
        let cells =
            instruments.cells.cells(environment, flag, since).map_err(crate::app::rollouts::RolloutsError::from)?;
        let control = control_variant(held, plan);
        let mut baseline = Cell::default();
        cells
            .iter()
            .filter(|(key, _)| key.variant.as_deref() == Some(&*control))
            .for_each(|(_, cell)| baseline.merge(cell));
        let share = plan.schedule.step(0).map_or(Share::NOBODY, |step| step.share);
        let beyond = sum(&cells, share, Day::of(now), &control);
        Ok((Arms { treatment: Cell::default(), control: baseline }, beyond))
    }

    /// Returns what the sources of the rollouts of an environment are asked now.
    pub fn inquiries(&self, environment: &EnvironmentName) -> Result<Vec<Inquiry>, AppError> {
        let now = self.now();
        let of = |(flag, rollout): (&FlagKey, &Rollout)| {
            let (flag, share, since_seconds) = (flag.clone(), rollout.state.share, lasted(now, &rollout.state));
            let sources = rollout.plan.sources.clone().into_iter();
            sources.map(move |source| Inquiry { flag: flag.clone(), source, share, since_seconds })
        };
        Ok(self.environment(environment)?.rollouts.iter().flat_map(of).collect())
    }

    fn ask(
        &self,
        flag: &FlagKey,
        plan: &Plan,
        at: &State,
        instruments: &Instruments<'_>,
        faults: &mut Vec<Fault>,
    ) -> Vec<SourceReading> {
        let question = SourceQuestion { flag, share: at.share, since_seconds: lasted(self.now(), at) };
        let readings = plan.sources.iter().map(|source| {
            let value = match instruments.sources.read(source, &question) {
                SourceValue::Ratio { value } if !value.is_finite() => {
                    SourceValue::Unusable { why: format!("the ratio is {value}") }
                }
                SourceValue::Counts { bad, of } if bad > of => {
                    SourceValue::Unusable { why: format!("{bad} of {of} is more than all") }
                }
                value => value,
            };
            if let SourceValue::Unusable { why } = &value {
                faults.push(Fault::Source { metric: source.metric.clone(), why: why.clone() });
            }
            SourceReading { metric: source.metric.clone(), limit: source.limit, rollback: source.rollback, value }
        });
        readings.collect()
    }
}

/// Returns how long a step has lasted, in seconds.
fn lasted(now: Timestamp, at: &State) -> u64 {
    let millis = now.as_millis().saturating_sub(at.entered.as_millis());
    u64::try_from(millis / 1_000).unwrap_or(0).max(1)
}

/// Returns the variant of those who are not exposed.
fn control_variant(flag: &FlagState, plan: &Plan) -> Box<str> {
    let wire = &flag.definition.flag;
    let serve = match plan.rule.as_deref() {
        None => Some(&wire.fallthrough),
        Some(rule) => wire.rules.iter().find(|known| *known.id == *rule).map(|rule| &rule.serve),
    };
    serve.and_then(|serve| serve.otherwise.clone()).unwrap_or_else(|| wire.off_variant.clone())
}

/// Returns the share that a move would lead to, if it is not the one that is exposed.
fn leads_to(plan: &Plan, at: &State, event: Event) -> Option<Share> {
    let place = match event {
        Event::Back => at.step.checked_sub(1)?,
        Event::Resume => at.step,
        _ => at.step.saturating_add(1),
    };
    let share = plan.schedule.step(place)?.share;
    (share != at.share || matches!(at.phase, Phase::RolledBack(_))).then_some(share)
}

fn sum(cells: &[(CellKey, Cell)], share: Share, since: Day, control: &str) -> Arms {
    let mut arms = Arms::default();
    for (key, cell) in cells {
        let Some(variant) = key.variant.as_deref().filter(|_| key.step == Some(share)) else { continue };
        if key.day.days_since(since) < 0 {
            continue;
        }
        let arm = if variant == control { &mut arms.control } else { &mut arms.treatment };
        arm.merge(cell);
    }
    arms
}

/// Returns the most reports of those exposed about one day of a step.
fn busiest_day(cells: &[(CellKey, Cell)], at: &State, control: &str) -> u64 {
    let mut days: BTreeMap<Day, u64> = BTreeMap::new();
    for (key, cell) in cells {
        let is_exposed = key.variant.as_deref().is_some_and(|variant| variant != control);
        if is_exposed && key.step == Some(at.share) && key.day.days_since(at.since) >= 0 {
            let sum = days.entry(key.day).or_default();
            *sum = sum.saturating_add(cell.n);
        }
    }
    days.into_values().max().unwrap_or(0)
}

/// Returns the reports of the last days of a step that lasts, each by itself.
fn days(cells: &[(CellKey, Cell)], at: &State, control: &str) -> Vec<DayArms> {
    let began = Day::of(at.entered);
    let of_step = cells.iter().filter(|(key, _)| key.step == Some(at.share)).map(|(key, _)| key.day);
    let mut numbered: Vec<(Day, u32)> =
        of_step.filter_map(|day| Some((day, DayArms::number_of(day, began)?))).collect();
    numbered.sort_unstable();
    numbered.dedup();
    let last = numbered.len().saturating_sub(DayArms::LAST);
    let days = numbered.into_iter().skip(last).map(|(day, number)| {
        let of_day: Vec<(CellKey, Cell)> = cells.iter().filter(|(key, _)| key.day == day).cloned().collect();
        DayArms { day, number, arms: sum(&of_day, at.share, day, control).without_histograms() }
    });
    days.collect()
}
