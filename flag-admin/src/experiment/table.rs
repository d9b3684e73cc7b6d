//! Measurements as they come in rows: counts of each variant and metric, or one row a unit.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::data::{Data, Group, Sample, Unit};
use crate::statistics::{Arm, StatisticsError};

/// What the column of a metric from before the experiment is called: `before:latency_ms`.
const BEFORE: &str = "before:";
/// The names of the columns that count, in the form of counts.
const YES: [&str; 3] = ["successes", "k", "yes"];
const ALL: [&str; 3] = ["units", "n", "total"];

/// Why rows are no measurements.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// There is no column that tells the variant.
    #[error("the columns are {}, expected one called \"variant\"", told(columns))]
    NoVariant {
        /// The columns.
        columns: Vec<String>,
    },
    /// There is no column with a metric.
    #[error(
        "the columns are {}, expected a metric's besides \"variant\", or \"metric\", \"successes\" and \"units\"",
        told(columns)
    )]
    NoMetric {
        /// The columns.
        columns: Vec<String>,
    },
    /// Two columns have the same name.
    #[error("two columns are called {name:?}")]
    ColumnTwice {
        /// The name.
        name: String,
    },
    /// A row has more or fewer cells than there are columns.
    #[error("row {row} has {found} cells, expected {expected}")]
    Width {
        /// The row, from 1 on.
        row: u64,
        /// Its cells.
        found: usize,
        /// The columns.
        expected: usize,
    },
    /// A cell holds no number.
    #[error("row {row}: {column} is {found:?}, expected {expected}")]
    Cell {
        /// The row, from 1 on.
        row: u64,
        /// The column.
        column: String,
        /// The cell.
        found: String,
        /// What it may hold.
        expected: &'static str,
    },
    /// A variant's counts of a metric stand in two rows.
    #[error("row {row}: {metric:?} of variant {variant:?} was counted before")]
    CountedTwice {
        /// The row, from 1 on.
        row: u64,
        /// The metric.
        metric: String,
        /// The variant.
        variant: String,
    },
    /// Counts contradict themselves.
    #[error("row {row}: {source}")]
    Counts {
        /// The row, from 1 on.
        row: u64,
        /// Why.
        #[source]
        source: StatisticsError,
    },
    /// There is no row.
    #[error("there are no rows")]
    Empty,
}

fn told(columns: &[String]) -> String {
    if columns.is_empty() { "none".to_owned() } else { columns.join(", ") }
}

/// Takes in rows one by one, and forgets them: what is kept of a unit is its numbers.
#[derive(Debug)]
pub struct Reader {
    columns: Vec<String>,
    form: Form,
    row: u64,
    groups: BTreeMap<Box<str>, Collected>,
    counts: BTreeMap<Box<str>, Group>,
    /// The variant and the numbers of each unit, where rows name their unit: one may have several.
    units: BTreeMap<Box<str>, Seen>,
    mixed: u64,
    repeated: u64,
}

#[derive(Debug)]
enum Form {
    Counts { variant: usize, metric: usize, yes: usize, all: usize },
    Units { variant: usize, unit: Option<usize>, metrics: Vec<Column> },
}

#[derive(Clone, Debug)]
struct Column {
    place: usize,
    name: String,
    before: Option<usize>,
}

/// The units of a variant.
#[derive(Debug, Default)]
struct Collected {
    units: u64,
    /// The numbers of each metric, and those from before.
    columns: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Collected {
    fn add(&mut self, numbers: &[(Option<f64>, Option<f64>)]) {
        self.units = self.units.saturating_add(1);
        self.columns.resize_with(numbers.len(), Default::default);
        for ((values, befores), (value, before)) in self.columns.iter_mut().zip(numbers) {
            values.extend(value);
            // What was before is of use only beside a value.
            befores.extend(value.and(*before));
        }
    }
}

/// Returns what a column's numbers are: shares where each is a yes or a no.
fn sample(values: Vec<f64>, before: Vec<f64>, has_before: bool) -> Option<Sample> {
    let ones = values.iter().filter(|value| value.to_bits() == 1.0_f64.to_bits()).count() as u64;
    let zeros = values.iter().filter(|value| value.abs() <= 0.0).count() as u64;
    let all = values.len() as u64;
    if !has_before && ones.saturating_add(zeros) == all {
        return Arm::new(ones, all).ok().map(Sample::Share);
    }
    let before = (has_before && before.len() == values.len()).then_some(before);
    (all > 0).then_some(Sample::Numbers { values, before })
}

#[derive(Debug)]
struct Seen {
    variant: Box<str>,
    /// Sums and numbers of measurements, of each metric and of what was before.
    sums: Vec<[(f64, u32); 2]>,
    is_mixed: bool,
}

impl Reader {
    /// Looks at the names of the columns.
    pub fn new(columns: Vec<String>) -> Result<Self, TableError> {
        let columns: Vec<String> =
            columns.into_iter().map(|name| name.trim_start_matches('\u{feff}').trim().to_owned()).collect();
        for (place, name) in columns.iter().enumerate() {
            if columns.iter().take(place).any(|earlier| earlier == name) {
                return Err(TableError::ColumnTwice { name: name.clone() });
            }
        }
        let place = |name: &str| columns.iter().position(|column| column.eq_ignore_ascii_case(name));
        let Some(variant) = place("variant") else { return Err(TableError::NoVariant { columns }) };
        let one_of = |names: &[&str]| names.iter().find_map(|name| place(name));
        let form = match (place("metric"), one_of(&YES), one_of(&ALL)) {
            (Some(metric), Some(yes), Some(all)) => Form::Counts { variant, metric, yes, all },
            _ => {
                let unit = place("unit");
                let is_metric = |at: usize, name: &str| {
                    at != variant && Some(at) != unit && !name.starts_with(BEFORE) && !name.is_empty()
                };
                let metrics = columns.iter().enumerate().filter(|(at, name)| is_metric(*at, name));
                let column = |(at, name): (usize, &String)| {
                    let before = place(&format!("{BEFORE}{name}"));
                    Column { place: at, name: name.clone(), before }
                };
                Form::Units { variant, unit, metrics: metrics.map(column).collect() }
            }
        };
        if matches!(&form, Form::Units { metrics, .. } if metrics.is_empty()) {
            return Err(TableError::NoMetric { columns });
        }
        let (groups, counts, units) = Default::default();
        Ok(Self { columns, form, row: 0, groups, counts, units, mixed: 0, repeated: 0 })
    }

    /// Takes in one row.
    pub fn push<'c>(&mut self, cells: impl IntoIterator<Item = &'c str>) -> Result<(), TableError> {
        let cells: Vec<&str> = cells.into_iter().map(str::trim).collect();
        self.row = self.row.saturating_add(1);
        if cells.len() != self.columns.len() {
            return Err(TableError::Width { row: self.row, found: cells.len(), expected: self.columns.len() });
        }
        let cell = |place: usize| cells.get(place).copied().unwrap_or_default();
        match &self.form {
            Form::Counts { variant, metric, yes, all } => {
                let count = |place: usize| self.count(place, cell(place));
                let arm = Arm::new(count(*yes)?, count(*all)?);
                let arm = arm.map_err(|source| TableError::Counts { row: self.row, source })?;
                let group = self.counts.entry(cell(*variant).into()).or_default();
                group.units = group.units.max(arm.n());
                match group.metrics.entry(cell(*metric).into()) {
                    Entry::Vacant(place) => {
                        place.insert(Sample::Share(arm));
                        Ok(())
                    }
                    Entry::Occupied(_) => {
                        let (metric, variant) = (cell(*metric).to_owned(), cell(*variant).to_owned());
                        Err(TableError::CountedTwice { row: self.row, metric, variant })
                    }
                }
            }
            Form::Units { variant, unit, metrics } => {
                let mut numbers = Vec::with_capacity(metrics.len());
                for column in metrics {
                    let before = column.before.map(|place| self.number(place, cell(place))).transpose()?.flatten();
                    numbers.push((self.number(column.place, cell(column.place))?, before));
                }
                let (variant, unit) = (cell(*variant), unit.map(cell).filter(|unit| !unit.is_empty()));
                match unit {
                    None => self.groups.entry(variant.into()).or_default().add(&numbers),
                    Some(unit) => self.seen(unit.into(), variant, &numbers),
                }
                Ok(())
            }
        }
    }

    /// Notes one row of a unit that may have others.
    fn seen(&mut self, unit: Box<str>, variant: &str, numbers: &[(Option<f64>, Option<f64>)]) {
        let begun = || vec![[(0.0, 0); 2]; numbers.len()];
        let known = self.units.len();
        let seen =
            self.units.entry(unit).or_insert_with(|| Seen { variant: variant.into(), sums: begun(), is_mixed: false });
        if *seen.variant != *variant && !seen.is_mixed {
            seen.is_mixed = true;
            self.mixed = self.mixed.saturating_add(1);
        }
        for (sums, (value, before)) in seen.sums.iter_mut().zip(numbers) {
            for ((sum, times), number) in sums.iter_mut().zip([value, before]) {
                if let Some(number) = number {
                    *sum += number;
                    *times = times.saturating_add(1);
                }
            }
        }
        if self.units.len() == known {
            self.repeated = self.repeated.saturating_add(1);
        }
    }

    /// Returns what the rows come to.
    pub fn finish(mut self) -> Result<Data, TableError> {
        if self.row == 0 {
            return Err(TableError::Empty);
        }
        let mut cautions = Vec::new();
        if self.mixed > 0 {
            cautions.push(format!(
                "{} of {} units were seen in two variants and are left out",
                self.mixed,
                self.units.len()
            ));
        }
        if self.repeated > 0 {
            cautions.push(format!("{} further rows of units seen before are averaged with the first", self.repeated));
        }
        for seen in std::mem::take(&mut self.units).into_values().filter(|seen| !seen.is_mixed) {
            let mean = |(sum, times): (f64, u32)| (times > 0).then(|| sum / f64::from(times));
            let numbers: Vec<_> = seen.sums.iter().map(|[value, before]| (mean(*value), mean(*before))).collect();
            self.groups.entry(seen.variant).or_default().add(&numbers);
        }
        let mut groups = self.counts;
        if let Form::Units { metrics, .. } = &self.form {
            for (variant, Collected { units, columns }) in self.groups {
                let samples = metrics.iter().zip(columns);
                let samples = samples.filter_map(|(column, (values, before))| {
                    let sample = sample(values, before, column.before.is_some());
                    sample.map(|sample| (column.name.as_str().into(), sample))
                });
                groups.insert(variant, Group { units, metrics: samples.collect() });
            }
        }
        Ok(Data { unit: Unit::Unit, groups, cautions })
    }

    fn count(&self, place: usize, cell: &str) -> Result<u64, TableError> {
        cell.parse().map_err(|_| self.refused(place, cell, "a whole number"))
    }

    /// Reads a number. An empty cell is none.
    fn number(&self, place: usize, cell: &str) -> Result<Option<f64>, TableError> {
        match cell {
            "" => Ok(None),
            "true" | "TRUE" | "t" => Ok(Some(1.0)),
            "false" | "FALSE" | "f" => Ok(Some(0.0)),
            _ => match cell.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Some(number)),
                _ => Err(self.refused(place, cell, "a finite number, true, false or nothing")),
            },
        }
    }

    fn refused(&self, place: usize, cell: &str, expected: &'static str) -> TableError {
        let column = self.columns.get(place).cloned().unwrap_or_default();
        TableError::Cell { row: self.row, column, found: cell.to_owned(), expected }
    }
}
