//! Is the rate of one group larger than that of another, judged as both come in? Outages that both have, and tides of a day, cancel.
//!
//! Of all reports that say yes, one comes from the treatment with a chance that depends on the ratio of rates alone: the two counts become
//! one binomial count, and [`beta_binomial`](super::beta_binomial) tests it. Source: the conditional test of two Poisson rates, Przyborowski and
//! Wilenski 1940.

use super::beta::binomial_at_least;
use super::beta_binomial::{Prior, log_e_up_with};
use super::domain::{part_of, positive, real, within_unit};
use super::error::Result;

/// The counts of two groups: how many reports there are, and how many of them say yes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct TwoCounts {
    /// Reports of the treatment that say yes.
    pub k_treatment: u64,
    /// Reports of the treatment.
    pub n_treatment: u64,
    /// Reports of the control that say yes.
    pub k_control: u64,
    /// Reports of the control.
    pub n_control: u64,
}

impl TwoCounts {
    /// Returns the chance that a report that says yes is the treatment's if its rate is `ratio` times the control's.
    pub fn treatment_chance(&self, ratio: f64) -> Result<f64> {
        part_of("treatment reports", self.k_treatment, self.n_treatment)?;
        part_of("control reports", self.k_control, self.n_control)?;
        let treatment = positive("treatment reports", real(self.n_treatment))?;
        let control = positive("control reports", real(self.n_control))?;
        let weight = positive("the ratio", ratio)? * treatment / control;
        within_unit("the treatment's chance", weight / (1.0 + weight))
    }

    /// Returns the `n_opt` that suits these groups: 50, or 500 where the treatment is at most a fifth of the control.
    pub fn suitable_n_opt(&self) -> f64 {
        if real(self.n_treatment) > 0.2 * real(self.n_control) { 50.0 } else { 500.0 }
    }

    /// Returns ln E against *the treatment's rate is at most `ratio` times the control's*: large where it is more. Valid at every look as
    /// long as the groups keep their proportion.
    pub fn log_e(&self, ratio: f64, n_opt: f64) -> Result<f64> {
        let chance = self.treatment_chance(ratio)?;
        let all = self.k_treatment.saturating_add(self.k_control);
        log_e_up_with(self.k_treatment, all, chance, Prior::tuned(chance, n_opt)?)
    }

    /// Returns the chance of so many treatment reports that say yes, or more, if the rate were `ratio` times the control's. For one look.
    pub fn fixed_sample_p(&self, ratio: f64) -> Result<f64> {
        let chance = self.treatment_chance(ratio)?;
        binomial_at_least(self.k_treatment, self.k_treatment.saturating_add(self.k_control), chance)
    }

    /// Returns the ratio of the rates seen. None where the control has no report that says yes.
    pub fn ratio(&self) -> Option<f64> {
        let ratio = (real(self.k_treatment) / real(self.n_treatment)) / (real(self.k_control) / real(self.n_control));
        ratio.is_finite().then_some(ratio)
    }
}
