use flag_core::{FlagKey, Plan, PlanWarning, Portion, Share};

use crate::app::error::Failure;

/// How far a plan may go before it is refused.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Whether drawing anybody's bucket anew is refused.
    pub reshuffle: bool,
    /// The largest share of units that may lose a flag, or may lose it at most where that depends on attributes.
    pub max_lose: Option<Share>,
}

/// A plan that goes too far.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// Buckets are drawn anew.
    #[error("flag \"{flag}\": seed or unit changes, so every bucket is drawn anew")]
    Reshuffled {
        /// The flag.
        flag: FlagKey,
    },
    /// Too many lose a flag.
    #[error("flag \"{flag}\": up to {found} lose it, expected at most {max}")]
    Loses {
        /// The flag.
        flag: FlagKey,
        /// How many lose it at most.
        found: Portion,
        /// How many may.
        max: Share,
    },
}

impl Failure for LimitError {
    fn code(&self) -> &'static str {
        match self {
            Self::Reshuffled { .. } => "reshuffles",
            Self::Loses { .. } => "loses_too_many",
        }
    }
}

/// One thousandth of a percent in units of a portion, 10⁻¹⁰ of the whole.
const UNITS_PER_THOUSANDTH: u64 = 100_000;

impl Limits {
    /// Refuses a plan that goes beyond the limits, by the first flag that does.
    pub fn check(&self, plan: &Plan) -> Result<(), LimitError> {
        for flag in &plan.flags {
            if self.reshuffle && flag.warnings.contains(&PlanWarning::Reshuffled) {
                return Err(LimitError::Reshuffled { flag: flag.flag.clone() });
            }
            let found = flag.lost.max;
            let goes_beyond = |max: &Share| found.units() > u64::from(max.thousandths()) * UNITS_PER_THOUSANDTH;
            if let Some(max) = self.max_lose.filter(goes_beyond) {
                return Err(LimitError::Loses { flag: flag.flag.clone(), found, max });
            }
        }
        Ok(())
    }
}
