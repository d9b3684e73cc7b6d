use flag_core::Share;
use flag_core::wire::{Flag, Kind, OptIn};
use serde::Serialize;

use super::client::Outcome;

/// A flag in the table of what simulated installations get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// The flag.
    pub flag: String,
    /// The share that its fallthrough exposes, 0..=100_000; absent where it serves one variant.
    pub share: Option<Share>,
    /// How many rules come before the fallthrough.
    pub rules: usize,
    /// How many installations do not get its off variant.
    pub exposed: u64,
    /// How many installations could: all, or those that opted in where that is required.
    pub units: u64,
    /// How many installations get which variant.
    pub variants: Vec<Count>,
    /// What to know where observed and set share are not alike.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// How many installations get a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Count {
    /// The variant.
    pub variant: String,
    /// How many.
    pub units: u64,
}

/// How many installations there are.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Population {
    pub(super) units: u64,
    pub(super) opted_in: u64,
}

impl Observed {
    pub(super) fn new(outcome: Outcome, flag: &Flag, population: Population) -> Self {
        let asks = flag.opt_in == OptIn::Required;
        let units = if asks { population.opted_in } else { population.units };
        let note = if asks {
            Some(format!("of the {units} who opted in"))
        } else if !flag.rules.is_empty() {
            Some("rules come first".to_owned())
        } else if flag.kind == Kind::Experiment {
            Some("the off variant takes part".to_owned())
        } else {
            None
        };
        Self {
            flag: outcome.flag,
            share: flag.fallthrough.exposure,
            rules: flag.rules.len(),
            exposed: outcome.exposed,
            units,
            variants: outcome.variants.into_iter().map(|(variant, units)| Count { variant, units }).collect(),
            note,
        }
    }

    /// Returns the observed share as a percentage with two decimals, cut off.
    pub fn observed(&self) -> String {
        percent(self.exposed, self.units)
    }

    /// Returns the counts in words: `off 7500, on 2500`.
    pub fn counts(&self) -> String {
        self.variants.iter().map(|count| format!("{} {}", count.variant, count.units)).collect::<Vec<_>>().join(", ")
    }
}

fn percent(part: u64, whole: u64) -> String {
    let hundredths = u128::from(part).saturating_mul(10_000).checked_div(u128::from(whole)).unwrap_or(0);
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observed_shares_are_cut_off_and_never_divide_by_zero() {
        for (part, whole, expected) in
            [(0, 0, "0.00%"), (1, 3, "33.33%"), (2, 3, "66.66%"), (5, 5, "100.00%"), (1, 100_000, "0.00%")]
        {
            assert_eq!(percent(part, whole), expected);
        }
    }
}
