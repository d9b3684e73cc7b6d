use flag_client::Day;
use flag_core::wire::{Entries, Kind, Range, Serve};
use flag_core::{EVERYONE, FlagKey, Share};
use serde::Serialize;

use crate::app::changes::proposal::Proposal;
use crate::app::error::{AppError, Failure};
use crate::app::flags::lifecycle::day_of;
use crate::app::ports::{CellStore, CellStoreError};
use crate::app::project::Project;
use crate::experiment::{
    Advice, Analysis, Choices, Design, DesignError, Verdict, analyze, of_cells, proportions, proportions_of_cells,
};
use crate::log::{Change, EnvironmentName};

/// Reports come the day after, and machines are not on every day.
const STALE_DAYS: i64 = 3;

/// Why an experiment is not concluded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExperimentError {
    /// The flag is none.
    #[error(transparent)]
    Design(#[from] DesignError),
    /// The verdict says something else.
    #[error("the verdict is {:?}, which does not say to give everyone {variant:?}", verdict.headline())]
    Against {
        /// The flag.
        flag: FlagKey,
        /// The variant asked for.
        variant: Box<str>,
        /// What the data say.
        verdict: Verdict,
    },
    /// What reports say cannot be read.
    #[error(transparent)]
    Cells(#[from] CellStoreError),
    /// The flag has no split that could end.
    #[error("flag \"{flag}\" has no split")]
    NoSplit {
        /// The flag.
        flag: FlagKey,
    },
}

impl Failure for ExperimentError {
    fn code(&self) -> &'static str {
        match self {
            Self::Design(DesignError::Undeclared { .. }) => "no_experiment",
            Self::Design(_) => "bad_experiment",
            Self::Against { .. } => "against_verdict",
            Self::Cells(_) => "storage",
            Self::NoSplit { .. } => "not_a_split",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Design(DesignError::Undeclared { flag }) => format!(
                "name a metric with --metric, or declare it: experiment.metric = \"success_rate\" in [flags.{flag}.documentation]"
            ),
            Self::Design(DesignError::OtherMetric { .. }) => {
                "what decides is declared before the data are seen; change the definition if that was a mistake"
                    .to_owned()
            }
            Self::Design(DesignError::ManyVariants { others, .. }) => {
                format!("name it: --treatment {}", others.first().map_or("NAME", |name| name))
            }
            Self::Cells(_) => "see whether the store can be read: flag-admin doctor".to_owned(),
            Self::Design(_) => "see the flag: flag-admin flag show KEY".to_owned(),
            Self::Against { .. } => {
                "look at it: flag-admin experiment analyze; to decide otherwise, say why: --anyway --reason TEXT"
                    .to_owned()
            }
            Self::NoSplit { flag } => format!("give everyone a variant in its definition: flag-admin flag edit {flag}"),
        })
    }
}

/// An experiment among others.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExperimentLine {
    /// The flag.
    pub flag: FlagKey,
    /// Whether it decides at all.
    pub enabled: bool,
    /// The share of units that take part.
    pub exposure: Option<Share>,
    /// The chances of the variants.
    pub proportions: Vec<(Box<str>, f64)>,
    /// What is to be decided, if it is declared.
    pub design: Option<Design>,
    /// Why it cannot be analysed as it is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// How an experiment ends.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// So large a share gets the treatment.
    Ship(Share),
    /// Everyone who takes part gets the control.
    Keep,
}

/// Whether a conclusion has to be what the verdict says.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Insistence {
    /// It has to be.
    ByVerdict,
    /// Somebody decides otherwise, and says why.
    Anyway,
}

impl Project {
    /// Returns the experiments of an environment: flags of that kind, and those that declare one.
    pub fn experiments(&self, environment: &EnvironmentName) -> Result<Vec<ExperimentLine>, AppError> {
        let flags = &self.environment(environment)?.flags;
        let is_one = |definition: &crate::definition::Definition| {
            definition.flag.kind == Kind::Experiment || definition.documentation.experiment.is_some()
        };
        let line = |(key, flag): (&FlagKey, &crate::log::FlagState)| {
            let definition = &flag.definition;
            let design = Design::of(key, definition, &Choices::default());
            let problem = design.as_ref().err().map(ToString::to_string);
            ExperimentLine {
                flag: key.clone(),
                enabled: definition.flag.enabled,
                exposure: definition.flag.fallthrough.exposure,
                proportions: proportions(&definition.flag, None),
                design: design.ok(),
                problem,
            }
        };
        Ok(flags.iter().filter(|(_, flag)| is_one(&flag.definition)).map(line).collect())
    }

    /// Returns what an experiment is to decide.
    pub fn experiment(&self, environment: &EnvironmentName, flag: &str, choices: &Choices) -> Result<Design, AppError> {
        let (key, flag) = self.flag(environment, flag)?;
        Ok(Design::of(key, &flag.definition, choices).map_err(ExperimentError::from)?)
    }

    /// Decides an experiment by what anonymous reports say, from a day on. How many units each variant should have follows from the
    /// flag's split at the steps that were reported.
    pub fn analyze_reports(
        &self,
        environment: &EnvironmentName,
        mut design: Design,
        cells: &dyn CellStore,
        since: Day,
    ) -> Result<Analysis, AppError> {
        let (key, flag) = self.flag(environment, design.flag.as_str())?;
        let cells = cells.cells(environment, key, since).map_err(ExperimentError::from)?;
        design.proportions = proportions_of_cells(&flag.definition.flag, &cells);
        let mut data = of_cells(&cells);
        let last = cells.iter().map(|(key, _)| key.day).max();
        let ago = last.map(|last| (last, Day::of(self.now()).days_since(last))).filter(|(_, ago)| *ago > STALE_DAYS);
        if let Some((last, ago)) = ago {
            data.cautions.push(format!("the last reports are of {last}, {ago} days ago"));
        }
        Ok(analyze(&design, &data))
    }

    /// Works out what ending an experiment does: everyone gets one of its variants. Splits stay splits, so that consent, exclusion and
    /// holdouts keep their say.
    pub fn propose_conclusion(
        &self,
        environment: &EnvironmentName,
        analysis: &Analysis,
        conclusion: Conclusion,
        insistence: Insistence,
    ) -> Result<Proposal, AppError> {
        let design = &analysis.design;
        let (key, flag) = self.flag(environment, design.flag.as_str())?;
        let winner = match conclusion {
            Conclusion::Ship(_) => &design.treatment,
            Conclusion::Keep => &design.control,
        };
        // Keeping what there is harms nobody, unless it is the data that cannot be trusted.
        let agrees = match conclusion {
            Conclusion::Ship(_) => analysis.keep.as_ref() == Some(winner),
            Conclusion::Keep => analysis.advice != Advice::Ship,
        };
        if !agrees && insistence == Insistence::ByVerdict {
            let (flag, variant, verdict) = (key.clone(), winner.clone(), analysis.verdict.clone());
            return Err(ExperimentError::Against { flag, variant, verdict }.into());
        }
        let mut definition = Box::new(flag.definition.clone());
        definition.flag.version = 0;
        let wire = &mut definition.flag;
        let serves = wire.rules.iter_mut().map(|rule| &mut rule.serve).chain([&mut wire.fallthrough]);
        let mut ended = 0_usize;
        for serve in serves.filter(|serve| takes_part(serve, &design.treatment)) {
            serve.allocation = Some(Entries::from_iter([(winner.clone(), vec![Range { from: 0, to: EVERYONE }])]));
            if let Conclusion::Ship(share) = conclusion {
                serve.exposure = Some(share);
            }
            ended += 1;
        }
        if ended == 0 {
            return Err(ExperimentError::NoSplit { flag: key.clone() }.into());
        }
        let day = day_of(self.now()).map(|day| format!(" ({})", day.as_str())).unwrap_or_default();
        definition.documentation.status = Some(format!("Experiment concluded: {winner}{day}"));
        self.propose(environment, vec![Change::FlagChanged { key: key.clone(), definition }])
    }
}

/// Tells whether a split gives anybody a variant.
fn takes_part(serve: &Serve, variant: &str) -> bool {
    serve.allocation.as_ref().is_some_and(|allocation| allocation.find(variant).is_some())
}
