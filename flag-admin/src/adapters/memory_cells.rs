use std::collections::{BTreeMap, BTreeSet};

use flag_client::Day;
use flag_client::report::{Nonce, Report};
use flag_core::{FlagKey, Timestamp};

use crate::app::ports::{Added, CellStore, CellStoreError};
use crate::cells::{Cell, CellKey};
use crate::log::EnvironmentName;

/// Cells in memory, for tests and simulations. Nonces are kept for as long as it lives.
#[derive(Clone, Debug, Default)]
pub struct MemoryCells {
    cells: BTreeMap<(EnvironmentName, CellKey), Cell>,
    nonces: BTreeSet<Nonce>,
}

impl CellStore for MemoryCells {
    fn add_all(
        &mut self,
        environment: &EnvironmentName,
        reports: &[Report],
        _received: Timestamp,
    ) -> Result<Vec<Added>, CellStoreError> {
        let add = |report: &Report| {
            if !self.nonces.insert(report.nonce) {
                return Added::KnownAlready;
            }
            self.cells.entry((environment.clone(), CellKey::of(report))).or_default().add(report);
            Added::Counted
        };
        Ok(reports.iter().map(add).collect())
    }

    fn cells(
        &self,
        environment: &EnvironmentName,
        flag: &FlagKey,
        since: Day,
    ) -> Result<Vec<(CellKey, Cell)>, CellStoreError> {
        let of_flag = |(name, key): &(EnvironmentName, CellKey)| {
            name == environment && key.flag == *flag && key.day.days_since(since) >= 0
        };
        let cells = self.cells.iter().filter(|(key, _)| of_flag(key));
        Ok(cells.map(|((_, key), cell)| (key.clone(), cell.clone())).collect())
    }
}
