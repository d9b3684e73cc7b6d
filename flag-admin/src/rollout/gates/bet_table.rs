use super::super::quantities::Rate;
use super::reading::{GateName, Level, Reading, Standing};
use crate::cells::{Fractions, UNITS};
use crate::statistics::bets::Bets;

const PLACES: usize = UNITS as usize + 1;

/// Bets against one limit, with what each of the seventeen fractions that a report can hold adds to the logarithm of its capital.
#[derive(Clone, Debug)]
pub(super) struct BetTable {
    limit: Rate,
    alpha: Rate,
    /// `ln(1/alpha)`.
    threshold: f64,
    /// None against a limit that is none: then nothing is ever proved.
    bets: Option<Bets>,
    gains: Vec<[f64; PLACES]>,
}

impl BetTable {
    /// Bets that a rate is above its limit. An alarm takes more than a few failures, however bold the bet.
    pub(super) fn above(limit: Rate, alpha: Rate) -> Self {
        Self::of(limit, alpha, Bets::above_wary_of_few(limit.value()).ok())
    }

    /// Bets that a rate is below its limit.
    pub(super) fn below(limit: Rate, alpha: Rate) -> Self {
        Self::of(limit, alpha, Bets::below(limit.value()).ok())
    }

    fn of(limit: Rate, alpha: Rate, bets: Option<Bets>) -> Self {
        let mut gains = vec![[0.0; PLACES]; bets.as_ref().map_or(0, Bets::len)];
        for (place, sixteenths) in (0..=UNITS).enumerate() {
            let value = f64::from(sixteenths) / f64::from(UNITS);
            let sums = bets.as_ref().and_then(|bets| bets.sums(&[(value, 1)]).ok()).unwrap_or_default();
            for (stake, gain) in gains.iter_mut().zip(sums) {
                if let Some(held) = stake.get_mut(place) {
                    *held = gain;
                }
            }
        }
        Self { limit, alpha, threshold: -libm::log(alpha.value()), bets, gains }
    }

    /// Returns ln E after reports: 0 where there is none.
    #[expect(clippy::cast_precision_loss, reason = "counts of reports stay far below 2^53")]
    fn log_e(&self, reports: &Fractions) -> f64 {
        let Some(bets) = &self.bets else { return 0.0 };
        let capital = |gains: &[f64; PLACES]| {
            let held = reports.pairs().filter_map(|(place, count)| Some(gains.get(usize::from(place))? * count as f64));
            held.sum()
        };
        let sums: Vec<f64> = self.gains.iter().map(capital).collect();
        bets.capital(&sums)
    }

    /// Reads an alarm: it is raised once the limit is exceeded beyond doubt. `margin` is how much more evidence that takes than alpha says,
    /// as a logarithm.
    pub(super) fn alarm(&self, gate: GateName, level: Level, reports: &Fractions, margin: f64) -> Reading {
        let log_e = self.log_e(reports);
        let standing = match reports.reports() {
            0 => Standing::Unmeasured,
            _ if log_e >= self.threshold + margin => Standing::Breached,
            _ => Standing::Clear,
        };
        self.reading(gate, level, reports, log_e, standing)
    }

    /// Reads a certificate: given once the rate is below the limit beyond doubt, and the mean keeps a limit of its own.
    pub(super) fn certificate(&self, gate: GateName, reports: &Fractions, mean_limit: Rate) -> Reading {
        let log_e = self.log_e(reports);
        let keeps = reports.mean().is_some_and(|mean| mean <= mean_limit.value());
        let standing = match reports.reports() {
            0 => Standing::Unmeasured,
            _ if keeps && log_e >= self.threshold => Standing::Shown,
            _ => Standing::Open,
        };
        let needs = (standing != Standing::Shown).then(|| self.needs(reports)).flatten();
        Reading { needs, ..self.reading(gate, Level::Proceed, reports, log_e, standing) }
    }

    fn reading(&self, gate: GateName, level: Level, reports: &Fractions, log_e: f64, standing: Standing) -> Reading {
        Reading {
            gate,
            level,
            n: reports.reports(),
            mean: reports.mean(),
            log_e: Some(log_e),
            limit: self.limit,
            alpha: Some(self.alpha),
            needs: None,
            day: None,
            standing,
        }
    }

    /// Estimates how many more reports like those so far it takes, from the bet that gains most on them; reports without a failure if
    /// there is none yet.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate"
    )]
    fn needs(&self, reports: &Fractions) -> Option<u64> {
        let n = reports.reports();
        let growth = |gains: &[f64; PLACES]| match n {
            0 => gains.first().copied().unwrap_or(0.0),
            n => {
                let gained =
                    reports.pairs().filter_map(|(place, count)| Some(gains.get(usize::from(place))? * count as f64));
                gained.sum::<f64>() / n as f64
            }
        };
        let best = self.gains.iter().map(growth).fold(0.0, f64::max);
        let all = (self.threshold + libm::log(self.gains.len().max(1) as f64)) / best;
        (best > 0.0 && all < 1e12).then(|| (libm::ceil(all) as u64).saturating_sub(n).max(1))
    }
}
