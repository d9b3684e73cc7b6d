use flag_client::Day;
use flag_client::report::Report;
use flag_core::{FlagKey, Share};
use serde::{Deserialize, Serialize};

/// What the reports of one cell have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CellKey {
    /// The flag.
    pub flag: FlagKey,
    /// The variant that the published flag assigned. `None` where something of the machine decided instead.
    pub variant: Option<Box<str>>,
    /// The step of the rollout, named by the exposure share in force. `None` where there is no variant.
    pub step: Option<Share>,
    /// The day that the reports are about, in UTC.
    pub day: Day,
}

impl CellKey {
    /// Returns the cell that a report belongs to.
    pub fn of(report: &Report) -> Self {
        Self { flag: report.flag.clone(), variant: report.variant.clone(), step: report.step, day: report.day }
    }
}
