use flag_core::wire::OptIn;
use flag_core::{Attributes, ChoiceError, Context, Explanation, Layer, LocalChoice, Pivot, Ruleset, Timestamp, Value};
use serde::Serialize;

use super::rollout::unknown_flag;
use crate::app::error::AppError;
use crate::app::project::Project;
use crate::log::EnvironmentName;

/// What is asked about a flag, for any number of units.
#[derive(Clone, Debug)]
pub struct Question {
    flag: Box<str>,
    ruleset: Ruleset,
    attributes: Attributes,
    at: Timestamp,
}

/// Whether the users asked about opted in.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum OptedIn {
    /// They did not.
    #[default]
    No,
    /// They did: where a flag requires it they are eligible, where it allows it they get the on variant.
    Yes,
}

/// What a flag comes to for one unit, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Answer<'q> {
    /// The flag.
    pub flag: &'q str,
    /// The unit asked about, as it was given.
    pub unit: Option<&'q str>,
    /// The variant served.
    pub variant: Option<&'q str>,
    /// Its value.
    pub value: Option<&'q Value>,
    /// Why.
    pub reason: flag_core::Reason,
    /// OpenFeature's word for why.
    pub open_feature_reason: &'static str,
    /// The rule that served.
    pub rule: Option<&'q str>,
    /// The unit's bucket on lane 0, 0..=99_999.
    pub bucket: Option<u32>,
    /// The share that what served exposes, 0..=100_000.
    pub share: u32,
    /// The smallest share that exposes the unit, 0..=100_000.
    pub flips_at: Option<u32>,
    /// The log entry that last changed the flag.
    pub flag_version: u64,
    /// The first test whose other outcome would have changed the variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pivot: Option<Pivot>,
    /// Every layer tried. Left out of the short form.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub layers: Vec<Layer>,
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WhyError {
    /// The flag gives no variant that an opted-in user could choose.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
}

impl Project {
    /// Prepares to ask about a flag as the environment stands, published or not.
    pub fn question(
        &self,
        environment: &EnvironmentName,
        flag: &str,
        attributes: Attributes,
        opted_in: OptedIn,
        at: Timestamp,
    ) -> Result<Question, AppError> {
        let state = self.environment(environment)?;
        let mut ruleset = self.ruleset(environment)?;
        let Some((key, found)) = state.flags.get_key_value(flag) else {
            return Err(unknown_flag(state, flag).into());
        };
        if opted_in == OptedIn::Yes {
            let on = ruleset.flag(flag).and_then(|flag| flag.flag().on_variant()).map(Box::<str>::from);
            let chosen = on.filter(|_| found.definition.flag.opt_in == OptIn::Allowed);
            let choice = chosen.as_deref().map_or(LocalChoice::OptIn, LocalChoice::Variant);
            ruleset.choose(key.as_str(), choice).map_err(WhyError::from)?;
        }
        Ok(Question { flag: flag.into(), ruleset, attributes, at })
    }
}

impl Question {
    /// Answers for one unit; for nobody in particular without one.
    pub fn answer<'q>(&'q self, unit: Option<&'q str>) -> Answer<'q> {
        let context = unit.map_or_else(Context::anonymous, Context::new);
        let context = context.with_attributes(&self.attributes).at(self.at);
        let Explanation { decision, layers, bucket, share, flips_at, pivot } =
            self.ruleset.explain(&self.flag, &context);
        Answer {
            flag: &self.flag,
            unit,
            variant: decision.variant(),
            value: decision.value(),
            reason: decision.reason(),
            open_feature_reason: decision.reason().open_feature(),
            rule: decision.rule(),
            bucket: bucket.map(flag_core::Bucket::index),
            share: share.thousandths(),
            flips_at: flips_at.map(flag_core::Share::thousandths),
            flag_version: decision.flag_version(),
            pivot,
            layers,
        }
    }
}

impl Answer<'_> {
    /// Returns the answer without its layers and pivot, as it stands in a line of many.
    #[must_use]
    pub fn short(self) -> Self {
        Self { layers: Vec::new(), pivot: None, ..self }
    }
}
