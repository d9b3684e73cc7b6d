use flag_client::Day;
use flag_client::report::{FormError, Report, parse};
use flag_core::{FlagKey, Timestamp};

use crate::app::error::Failure;
use crate::app::publishing::serving::Rules;

/// Reports of earlier days are refused: their books are closed, and clients drop them, too.
pub const REPORT_DAYS_MAX: i64 = 31;

/// Why a report is not counted. Nothing that a client may send counts for more than one report in one cell.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntakeError {
    /// It is none.
    #[error("the report cannot be read")]
    Form(#[from] FormError),
    /// It is about a flag that is not published.
    #[error("flag \"{flag}\" is not published here")]
    Flag {
        /// The flag.
        flag: FlagKey,
    },
    /// It is about a variant that the flag does not have.
    #[error("flag \"{flag}\" has no variant {found:?}")]
    Variant {
        /// The flag.
        flag: FlagKey,
        /// The variant.
        found: Box<str>,
    },
    /// It is about a day that is over for too long, or has not come.
    #[error("day {found} is not one of the {REPORT_DAYS_MAX} days up to today")]
    Day {
        /// The day.
        found: Day,
    },
}

impl IntakeError {
    /// Tells whether the report is longer than any is.
    pub const fn is_too_large(&self) -> bool {
        matches!(self, Self::Form(FormError::TooLarge { .. }))
    }
}

/// Reads a report as strictly as one that anybody may send has to be read: of a flag and a variant that are published, so that nobody
/// makes cells by making up names.
pub fn accept_report(rules: &Rules, bytes: &[u8], now: Timestamp) -> Result<Report, IntakeError> {
    let report = parse(bytes)?;
    let Some(flag) = rules.ruleset.flag(report.flag.as_str()) else {
        return Err(IntakeError::Flag { flag: report.flag });
    };
    if let Some(found) = &report.variant
        && !flag.variants().any(|(id, _)| *id == **found)
    {
        return Err(IntakeError::Variant { flag: report.flag, found: found.clone() });
    }
    // A machine's clock may be ahead of ours by a time zone.
    if !(-1..=REPORT_DAYS_MAX).contains(&Day::of(now).days_since(report.day)) {
        return Err(IntakeError::Day { found: report.day });
    }
    Ok(report)
}

impl Failure for IntakeError {
    fn code(&self) -> &'static str {
        match self {
            Self::Form(_) => "bad_report",
            Self::Flag { .. } => "unknown_flag",
            Self::Variant { .. } => "unknown_variant",
            Self::Day { .. } => "bad_day",
        }
    }
}
