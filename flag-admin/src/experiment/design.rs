use flag_core::wire::{Flag, Serve};
use flag_core::{FlagKey, Share};
use serde::Serialize;

use crate::definition::{Better, Definition, Experiment, Guardrail, Metric, Practical};

/// Each variant has to have this many units before anybody decides, however many were planned.
pub const UNITS_MIN: u64 = 1_000;
/// The two-sided chance of error of the metric that decides.
pub const ALPHA: f64 = 0.05;

/// An experiment with everything that its declaration leaves out filled in.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Design {
    /// The flag.
    pub flag: FlagKey,
    /// What is believed, and would be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hypothesis: Option<String>,
    /// The variant that is compared with.
    pub control: Box<str>,
    /// The variant that is tried.
    pub treatment: Box<str>,
    /// The metric that decides.
    pub metric: String,
    /// Which way it is better.
    pub better: Better,
    /// The least improvement that is worth having.
    pub practical: Practical,
    /// The metric as it was declared to be before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Share>,
    /// How many units each variant is planned to have, if it was planned.
    pub units: Option<u64>,
    /// The variant to keep when there is no difference worth having.
    pub simpler: Box<str>,
    /// What must not get worse.
    pub guardrails: Vec<Watched>,
    /// Whether it may be decided at any look.
    pub sequential: bool,
    /// The chances of the variants that the flag assigns, if its split says so.
    pub proportions: Vec<(Box<str>, f64)>,
    /// What everyone gets when the flag is off.
    #[serde(skip)]
    pub off_variant: Box<str>,
    /// The metrics that were documented, for the direction of those nobody declared.
    #[serde(skip)]
    pub documented: Vec<Metric>,
}

/// A metric that must not get worse, and which way that is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Watched {
    /// The metric.
    pub metric: String,
    /// Which way it is better.
    pub better: Better,
    /// How much worse it may not get.
    pub margin: Share,
}

/// What is asked for instead of what was declared.
#[derive(Clone, Debug, Default)]
pub struct Choices {
    /// The variant that is compared with.
    pub control: Option<Box<str>>,
    /// The variant that is tried.
    pub treatment: Option<Box<str>>,
    /// The metric that decides, where none was declared.
    pub metric: Option<String>,
    /// Whether it may be decided at any look.
    pub sequential: bool,
}

/// Why a flag is no experiment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DesignError {
    /// Nobody declared a metric.
    #[error("flag \"{flag}\" declares no experiment")]
    Undeclared {
        /// The flag.
        flag: FlagKey,
    },
    /// Another metric is asked for than the one that was to decide.
    #[error("flag \"{flag}\" was to be decided by {declared:?}, not by {found:?}")]
    OtherMetric {
        /// The flag.
        flag: FlagKey,
        /// What was declared before it began.
        declared: String,
        /// What is asked for.
        found: String,
    },
    /// The flag has no such variant.
    #[error("flag \"{flag}\" has no variant {found:?}, expected one of {}", known.join(", "))]
    UnknownVariant {
        /// The flag.
        flag: FlagKey,
        /// The name given.
        found: Box<str>,
        /// Its variants.
        known: Vec<Box<str>>,
    },
    /// Control and treatment are the same.
    #[error("flag \"{flag}\" would compare variant {variant:?} with itself")]
    SameVariant {
        /// The flag.
        flag: FlagKey,
        /// The variant.
        variant: Box<str>,
    },
    /// The flag has more than two variants, and nobody said which is tried.
    #[error("flag \"{flag}\" has {} variants besides the control {control:?}, expected to be told which is tried", others.len())]
    ManyVariants {
        /// The flag.
        flag: FlagKey,
        /// The control.
        control: Box<str>,
        /// The others.
        others: Vec<Box<str>>,
    },
}

impl Design {
    /// Fills in what a flag's declaration leaves out.
    pub fn of(flag: &FlagKey, definition: &Definition, choices: &Choices) -> Result<Self, DesignError> {
        let documented = &definition.documentation.metrics;
        let declared = definition.documentation.experiment.as_ref();
        let experiment = match (declared, &choices.metric) {
            (Some(experiment), Some(metric)) if *metric != experiment.metric => {
                let (declared, found) = (experiment.metric.clone(), metric.clone());
                return Err(DesignError::OtherMetric { flag: flag.clone(), declared, found });
            }
            (Some(experiment), _) => experiment.clone(),
            (None, Some(metric)) => Experiment { metric: metric.clone(), ..Experiment::default() },
            (None, None) => return Err(DesignError::Undeclared { flag: flag.clone() }),
        };
        let wire = &definition.flag;
        let known = |name: Box<str>| match wire.variants.find(&name) {
            Some(_) => Ok(name),
            None => {
                let known = wire.variants.names().map(Into::into).collect();
                Err(DesignError::UnknownVariant { flag: flag.clone(), found: name, known })
            }
        };
        let control = choices.control.clone().or(experiment.control).unwrap_or_else(|| wire.off_variant.clone());
        let control = known(control)?;
        let treatment = match choices.treatment.clone().or(experiment.treatment) {
            Some(treatment) => known(treatment)?,
            None => {
                let others: Vec<Box<str>> =
                    wire.variants.names().filter(|name| **name != *control).map(Into::into).collect();
                match others.as_slice() {
                    [only] => only.clone(),
                    _ => return Err(DesignError::ManyVariants { flag: flag.clone(), control, others }),
                }
            }
        };
        if control == treatment {
            return Err(DesignError::SameVariant { flag: flag.clone(), variant: control });
        }
        let simpler = experiment.simpler.map_or_else(|| Ok(control.clone()), known)?;
        let better = |named: Option<Better>, metric: &str| named.unwrap_or_else(|| Better::of(metric, documented));
        let watched = |Guardrail { metric, better: named, margin }: Guardrail| Watched {
            better: better(named, &metric),
            metric,
            margin,
        };
        Ok(Self {
            flag: flag.clone(),
            hypothesis: experiment.hypothesis,
            better: better(experiment.better, &experiment.metric),
            metric: experiment.metric,
            practical: experiment.practical,
            baseline: experiment.baseline,
            units: experiment.units,
            simpler,
            guardrails: experiment.guardrails.into_iter().map(watched).collect(),
            sequential: experiment.sequential || choices.sequential,
            proportions: proportions(wire, None),
            off_variant: wire.off_variant.clone(),
            documented: documented.clone(),
            control,
            treatment,
        })
    }

    /// Tells if control and treatment look the wrong way round: what is tried is what everyone gets when the flag is off.
    pub(super) fn swapped(&self) -> Option<String> {
        (self.treatment == self.off_variant).then(|| {
            format!(
                "{} is what everyone gets when the flag is off, and is tried here: are the two swapped?",
                self.treatment
            )
        })
    }

    /// Returns how many units each variant has to have before anybody decides.
    pub fn units_needed(&self) -> u64 {
        self.units.unwrap_or_default().max(UNITS_MIN)
    }
}

/// All buckets of a lane.
const WHOLE: f64 = 100_000.0;

/// Returns the chance of each variant by a flag's fallthrough, at a share of its own or the one given. Nothing where rules decide too: what
/// share of units they are for is not known.
pub fn proportions(flag: &Flag, exposure: Option<Share>) -> Vec<(Box<str>, f64)> {
    let Serve { variant: None, exposure: Some(held), allocation: Some(allocation), otherwise } = &flag.fallthrough
    else {
        return Vec::new();
    };
    if !flag.rules.is_empty() {
        return Vec::new();
    }
    let exposed = f64::from(exposure.unwrap_or(*held).thousandths()) / WHOLE;
    let otherwise = otherwise.as_deref().unwrap_or(&flag.off_variant);
    let chance = |variant: &str| {
        let width: u32 = allocation.find(variant).into_iter().flatten().map(|range| range.to - range.from).sum();
        let rest = if variant == otherwise { 1.0 - exposed } else { 0.0 };
        exposed * f64::from(width) / WHOLE + rest
    };
    flag.variants.names().map(|name| (name.into(), chance(name))).filter(|(_, chance)| *chance > 0.0).collect()
}
