use std::collections::BTreeMap;

use flag_core::wire::Flag;

use super::data::{Data, Group, Sample, Unit};
use super::design::proportions;
use crate::cells::{Cell, CellKey};
use crate::statistics::Arm;

/// Returns what reports say of each variant, over all days and steps of a rollout. A unit is a machine that came to a step; a metric is
/// measured once a machine and day.
///
/// `error_rate` and `slow_rate` are shares of a machine's uses, `success_rate` is what is left of errors; `crash_rate` counts reports with a
/// crash; `satisfaction_rate` is that of those who said something. Metrics of the host go by their own names.
pub fn of_cells(cells: &[(CellKey, Cell)]) -> Data {
    let mut sums: BTreeMap<Box<str>, Cell> = BTreeMap::new();
    let mut cautions = Vec::new();
    for (key, cell) in cells {
        let Some(variant) = &key.variant else { continue };
        if cell.is_sound() {
            sums.entry(variant.clone()).or_default().merge(cell);
        } else {
            cautions.push(format!("the sums of {variant} on {} contradict themselves and are left out", key.day));
        }
    }
    let reports: u64 = sums.values().map(|cell| cell.n).sum();
    let machines: u64 = sums.values().map(|cell| cell.first_in_stage).sum();
    if reports > machines {
        let several =
            "a machine that reports on several days counts once a day; intervals are a little too narrow for that";
        cautions.push(several.to_owned());
    }
    let groups = sums.into_iter().map(|(variant, cell)| (variant, group(&cell))).collect();
    Data { unit: Unit::ClientDay, groups, cautions }
}

/// Returns the chance of each variant among the machines that reported, by the split that was in force at each step.
pub fn proportions_of_cells(flag: &Flag, cells: &[(CellKey, Cell)]) -> Vec<(Box<str>, f64)> {
    let mut chances: BTreeMap<Box<str>, f64> = BTreeMap::new();
    for (key, cell) in cells.iter().filter(|(key, _)| key.variant.is_some()) {
        #[expect(clippy::cast_precision_loss, reason = "machines stay far below 2^53")]
        let machines = cell.first_in_stage as f64;
        for (variant, chance) in proportions(flag, key.step) {
            *chances.entry(variant).or_default() += machines * chance;
        }
    }
    let whole: f64 = chances.values().sum();
    chances.into_iter().filter(|_| whole > 0.0).map(|(variant, chance)| (variant, chance / whole)).collect()
}

fn group(cell: &Cell) -> Group {
    let mut metrics: BTreeMap<Box<str>, Sample> = BTreeMap::new();
    let shares = [
        ("crash_rate", cell.crashed, cell.n),
        ("satisfaction_rate", cell.fb_pos, cell.fb_pos.saturating_add(cell.fb_neg)),
    ];
    for (name, k, n) in shares {
        if let Ok(arm) = Arm::new(k, n) {
            metrics.insert(name.into(), Sample::Share(arm));
        }
    }
    let parts = [("error_rate", &cell.err_frac), ("slow_rate", &cell.slow_frac)];
    for (name, fractions) in parts.into_iter().chain(cell.metrics.iter().map(|(name, found)| (&**name, found))) {
        if let Some(sample) = sample(fractions.values()) {
            metrics.insert(name.into(), sample);
        }
    }
    if let Some(sample) = sample(cell.err_frac.values().map(|(value, times)| (1.0 - value, times))) {
        metrics.entry("success_rate".into()).or_insert(sample);
    }
    Group { units: cell.first_in_stage, metrics }
}

/// Returns fractions as shares where each is none or all.
fn sample(fractions: impl Iterator<Item = (f64, u64)>) -> Option<Sample> {
    let values: Vec<(f64, u64)> = fractions.collect();
    let is_yes = |value: f64| value >= 1.0;
    let sum =
        |counts: &dyn Fn(f64) -> bool| values.iter().filter(|(value, _)| counts(*value)).map(|(_, times)| times).sum();
    let (all, yes): (u64, u64) = (sum(&|_| true), sum(&is_yes));
    if all == 0 {
        return None;
    }
    if values.iter().all(|(value, _)| is_yes(*value) || *value <= 0.0) {
        return Arm::new(yes, all).ok().map(Sample::Share);
    }
    Some(Sample::Weighted(values))
}
