//! What is tried on a part of the units: rollouts that move by themselves, and experiments, with what reports say of them.

use flag_client::Day;
use flag_core::{FlagKey, Share, Timestamp};

use super::msg::Trouble;
use crate::app::ports::CellStore;
use crate::app::{AppError, ExperimentLine, Instruments, Project};
use crate::cells::SHOWN_FROM;
use crate::experiment::Analysis;
use crate::log::EnvironmentName;
use crate::rollout::{GateName, Level, Reading, Rollout, Span, Standing, Step};

/// A rollout that moves by itself.
#[derive(Clone, Debug)]
pub(super) struct RolloutFacts {
    pub(super) flag: FlagKey,
    pub(super) schedule: String,
    pub(super) steps: Vec<Step>,
    /// The place of its step, from 0 on.
    pub(super) step: usize,
    pub(super) share: Share,
    pub(super) phase: String,
    pub(super) standing: Running,
    pub(super) by: String,
    pub(super) entered: Timestamp,
    /// How long a step lasts at least.
    pub(super) soak: String,
    pub(super) least: Span,
    pub(super) gates: Result<Gates, Trouble>,
}

/// Whether a rollout moves.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Running {
    On,
    Stopped,
    Over,
}

/// What the gates of a rollout read.
#[derive(Clone, Debug)]
pub(super) enum Gates {
    /// They ask other systems, which are not asked for each look.
    Elsewhere,
    /// So few reports that none is shown.
    TooFew,
    /// Reports with the flag and without it, and a line for each gate: what, decides, found, limit, verdict.
    Read { with: u64, without: u64, lines: Vec<[String; 5]> },
}

/// An experiment.
#[derive(Clone, Debug)]
pub(super) struct ExperimentFacts {
    pub(super) line: ExperimentLine,
    pub(super) analysis: Option<Result<Box<Analysis>, Trouble>>,
}

/// Gathers the rollouts of an environment.
pub(super) fn rollouts(
    project: &Project,
    environment: &EnvironmentName,
    instruments: &Instruments<'_>,
) -> Result<Vec<RolloutFacts>, AppError> {
    let state = project.environment(environment)?;
    Ok(state
        .rollouts
        .iter()
        .map(|(flag, rollout)| rollout_of(project, environment, flag, rollout, instruments))
        .collect())
}

fn rollout_of(
    project: &Project,
    environment: &EnvironmentName,
    flag: &FlagKey,
    rollout: &Rollout,
    instruments: &Instruments<'_>,
) -> RolloutFacts {
    let Rollout { plan, state, by, .. } = rollout;
    let (mut phase, mut gates) = (state.phase.words(), Ok(Gates::Elsewhere));
    // Other systems take their time; whoever looks at a screen does not wait for them.
    if plan.sources.is_empty() {
        match project.rollout_status(environment, flag.as_str(), instruments) {
            Ok(status) => {
                phase = status.next.words();
                let (with, without) = (status.evidence.arms.treatment.n, status.evidence.arms.control.n);
                gates = Ok(if with < SHOWN_FROM {
                    Gates::TooFew
                } else {
                    Gates::Read { with, without, lines: status.readings.iter().map(gate).collect() }
                });
            }
            Err(error) => gates = Err(Trouble::of(&error)),
        }
    }
    let (word, why) = (phase.0.replace('_', " "), phase.1.replace('_', " "));
    RolloutFacts {
        flag: flag.clone(),
        schedule: plan.schedule.name().to_owned(),
        steps: plan.schedule.steps().to_vec(),
        step: state.step,
        share: state.share,
        standing: match state.phase.words().0 {
            "completed" => Running::Over,
            "paused" | "rolled_back" => Running::Stopped,
            _ => Running::On,
        },
        phase: if why.is_empty() { word } else { format!("{word}: {why}") },
        by: by.to_string(),
        entered: state.entered,
        soak: plan.schedule.soak().to_string(),
        least: plan.schedule.soak(),
        gates,
    }
}

fn gate(reading: &Reading) -> [String; 5] {
    let is_ratio = matches!(reading.gate, GateName::ErrorRatio | GateName::FeedbackRatio);
    let found = match reading.mean {
        None => "-".to_owned(),
        Some(ratio) if is_ratio => format!("x{ratio:.2}"),
        Some(mean) => format!("{:.2}%", mean * 100.0),
    };
    let limit = if is_ratio { "-".to_owned() } else { reading.limit.to_string() };
    let verdict = match reading.standing {
        Standing::Breached => "exceeded",
        Standing::Clear => "no alarm",
        Standing::Shown => "shown",
        Standing::Open => "open",
        Standing::Unmeasured => "not measured",
    };
    let decides = match reading.level {
        Level::Rollback => "take back",
        Level::Pause => "pause",
        Level::Proceed => "go on",
    };
    [reading.gate.to_string(), decides.to_owned(), found, limit, verdict.to_owned()]
}

/// Gathers the experiments of an environment.
pub(super) fn experiments(
    project: &Project,
    environment: &EnvironmentName,
    cells: &dyn CellStore,
) -> Result<Vec<ExperimentFacts>, AppError> {
    let ever = Day::of(Timestamp::from_millis(0));
    let facts = |line: ExperimentLine| {
        let analysis = line.design.clone().map(|design| {
            let analysis = project.analyze_reports(environment, design, cells, ever);
            analysis.map(Box::new).map_err(|error| Trouble::of(&error))
        });
        ExperimentFacts { line, analysis }
    };
    Ok(project.experiments(environment)?.into_iter().map(facts).collect())
}

/// Returns a part of a whole in thousandths of a percent, for a bar.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what fits; a chance is never so exact as its bar"
)]
pub(super) fn thousandths(part: f64) -> u32 {
    (part.clamp(0.0, 1.0) * 100_000.0).round() as u32
}
