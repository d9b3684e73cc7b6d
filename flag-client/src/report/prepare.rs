//! One day's sums become reports.

use std::collections::BTreeMap;

use super::chance::Chance;
use super::form::{MAX_METRICS, Report, VERSION};
use crate::outcomes::{Cell, CellKey, Cells, Day, Step};

/// Returns a day's reports. `is_first` is told of each flag and step, and says whether it is the first report of that.
///
/// A flag may have been decided in two ways at one step of one day, when its user reset something. Then the way with more uses counts, as
/// there is at most one report a flag, step and day.
pub(super) fn reports(
    day: Day,
    cells: Cells,
    mut is_first: impl FnMut(&CellKey) -> bool,
    chance: &mut Chance<'_>,
) -> Result<Vec<Report>, getrandom::Error> {
    let mut one_each: BTreeMap<(flag_core::FlagKey, Option<Step>), (CellKey, Cell)> = BTreeMap::new();
    for (key, cell) in cells {
        let place = (key.flag.clone(), key.step);
        if one_each.get(&place).is_none_or(|(_, known)| known.calls < cell.calls) {
            one_each.insert(place, (key, cell));
        }
    }
    let mut reports = Vec::with_capacity(one_each.len());
    for (key, cell) in one_each.into_values() {
        let first = is_first(&key);
        reports.push(report(day, key, &cell, first, chance)?);
    }
    chance.shuffle(&mut reports)?;
    Ok(reports)
}

fn report(
    day: Day,
    key: CellKey,
    cell: &Cell,
    first_in_stage: bool,
    chance: &mut Chance<'_>,
) -> Result<Report, getrandom::Error> {
    let mut metrics = BTreeMap::new();
    for (name, sum) in cell.metrics.iter().take(MAX_METRICS) {
        metrics.extend(chance.sixteenths(sum.parts, sum.whole)?.map(|part| (name.clone(), part)));
    }
    Ok(Report {
        v: VERSION,
        flag: key.flag,
        variant: key.variant,
        step: key.step.map(|step| step.0),
        day,
        first_in_stage,
        had_error: cell.errors > 0,
        crashed: cell.crashes > 0,
        err_frac: chance.sixteenths(cell.errors, cell.calls)?,
        slow_frac: chance.sixteenths(cell.slow, cell.timed)?,
        lat: chance.sample(&cell.lat)?,
        fb_pos: cell.fb_pos > 0,
        fb_neg: cell.fb_neg > 0,
        metrics,
        nonce: chance.nonce()?,
    })
}
