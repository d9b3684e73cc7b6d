//! Shares of two groups: is one larger, and by how much?

use super::contingency::{Fit, fit_to};
use super::domain::real;
use super::error::{Result, StatisticsError};
use super::interval::{Interval, Tails};
use super::normal::{normal_upper, two_sided};
use super::proportion::Arm;

/// Two groups that are compared.
#[derive(Copy, Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct TwoProportions {
    /// The group that gets what is new.
    pub treatment: Arm,
    /// The group that it is compared with.
    pub control: Arm,
}

/// Whether half a unit is taken off each deviation.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// Yates' correction.
    Yates,
    /// None.
    None,
}

impl TwoProportions {
    /// Returns the treatment's share less the control's.
    pub fn difference(&self) -> f64 {
        self.treatment.share() - self.control.share()
    }

    /// Returns the ratio of the shares less 1. None where the control's share is 0.
    pub fn lift(&self) -> Option<f64> {
        (self.control.k() > 0).then(|| self.treatment.share() / self.control.share() - 1.0)
    }

    /// Returns the effect size 2 asin √p − 2 asin √q. Source: J. Cohen 1988.
    pub fn cohen_h(&self) -> f64 {
        cohen_h(self.treatment.share(), self.control.share())
    }

    /// Returns the smallest number of units that a cell of the 2 × 2 table is expected to have if the shares are the same.
    pub fn least_expected(&self) -> f64 {
        let (t, c) = (self.treatment, self.control);
        let n = real(t.n()) + real(c.n());
        let (yes, no) = (real(t.k()) + real(c.k()), real(t.rest()) + real(c.rest()));
        yes.min(no) * real(t.n()).min(real(c.n())) / n
    }

    /// Returns Pearson's χ² of the 2 × 2 table. Source: K. Pearson 1900; F. Yates 1934.
    pub fn chi_square(&self, continuity: Continuity) -> Result<Fit> {
        let (t, c) = (self.treatment, self.control);
        let n = real(t.n()) + real(c.n());
        let (yes, no) = (real(t.k()) + real(c.k()), real(t.rest()) + real(c.rest()));
        if yes <= 0.0 || no <= 0.0 {
            return Err(StatisticsError::NoVariation { name: "the units" });
        }
        let cells = [(t.k(), yes, t.n()), (t.rest(), no, t.n()), (c.k(), yes, c.n()), (c.rest(), no, c.n())];
        let sum = cells.iter().map(|(found, column, row)| {
            let expected = column * real(*row) / n;
            let off = (real(*found) - expected).abs();
            let off = if continuity == Continuity::Yates { off - off.min(0.5) } else { off };
            off * off / expected
        });
        fit_to(sum.sum(), 1.0)
    }

    /// Returns z with the pooled share's variance, and its chances.
    pub fn pooled_z(&self) -> Result<(f64, Tails)> {
        let (t, c) = (self.treatment, self.control);
        let (n_t, n_c) = (real(t.n()), real(c.n()));
        let pooled = (real(t.k()) + real(c.k())) / (n_t + n_c);
        let variance = pooled * (1.0 - pooled) * (1.0 / n_t + 1.0 / n_c);
        if variance <= 0.0 {
            return Err(StatisticsError::NoVariation { name: "the units" });
        }
        let z = self.difference() / variance.sqrt();
        let tails = Tails { two_sided: 2.0 * normal_upper(z.abs()), greater: normal_upper(z), less: normal_upper(-z) };
        Ok((z, tails))
    }

    /// Returns the chances of the table seen, or one further off, given how many have the property in all. Exact for any size; of the two
    /// sides, tables count that are no likelier than the one seen (up to a relative 10⁻⁷). Source: R. A. Fisher 1935.
    pub fn fisher(&self) -> Tails {
        let (t, c) = (self.treatment, self.control);
        let all = u128::from(t.k()) + u128::from(c.k());
        let (n_t, n_c) = (u128::from(t.n()), u128::from(c.n()));
        let (first, last) = (all.saturating_sub(n_c), all.min(n_t));
        let mode = ((n_t + 1) * (all + 1) / (n_t + n_c + 2)).clamp(first, last);
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
        let ratio_up = |x: u128| ((all - x) as f64 * (n_t - x) as f64) / ((x + 1) as f64 * (n_c + x + 1 - all) as f64);
        // Relative to the likeliest table, both ways until nothing is left.
        let mut weights = vec![(mode, 1.0)];
        let mut weight = 1.0;
        for x in mode..last {
            weight *= ratio_up(x);
            if weight <= 0.0 {
                break;
            }
            weights.push((x + 1, weight));
        }
        weight = 1.0;
        for x in (first..mode).rev() {
            weight /= ratio_up(x);
            if weight <= 0.0 {
                break;
            }
            weights.push((x, weight));
        }
        let seen = u128::from(t.k());
        let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let own = weights.iter().find(|(x, _)| *x == seen).map_or(0.0, |(_, weight)| *weight);
        let chance = |counts: &dyn Fn(u128, f64) -> bool| {
            let counted = weights.iter().filter(|(x, weight)| counts(*x, *weight)).map(|(_, weight)| weight);
            (counted.sum::<f64>() / total).min(1.0)
        };
        Tails {
            two_sided: chance(&|_, weight| weight <= own * (1.0 + 1e-7)),
            greater: chance(&|x, _| x >= seen),
            less: chance(&|x, _| x <= seen),
        }
    }

    /// Returns the interval of the difference at 1 − `alpha`, of both groups' Wilson intervals. Source: R. G. Newcombe 1998 (method 10).
    pub fn newcombe(&self, alpha: f64) -> Result<Interval> {
        let (t, c) = (self.treatment.wilson(alpha)?, self.control.wilson(alpha)?);
        let (p, q) = (self.treatment.share(), self.control.share());
        let down = (p - t.low).hypot(c.high - q);
        let up = (t.high - p).hypot(q - c.low);
        Ok(Interval { low: self.difference() - down, high: self.difference() + up })
    }

    /// Returns the interval of the ratio of the shares at 1 − `alpha`. None where a share is 0. Source: D. Katz et al. 1978.
    pub fn ratio_interval(&self, alpha: f64) -> Result<Option<Interval>> {
        let z = two_sided(alpha)?;
        let (t, c) = (self.treatment, self.control);
        if t.k() == 0 || c.k() == 0 {
            return Ok(None);
        }
        // A share of 1 would count as known for certain.
        if t.rest() == 0 || c.rest() == 0 {
            return self.ratio_interval_of_ends(alpha).map(Some);
        }
        let middle = libm::log(t.share() / c.share());
        let part = |arm: Arm| (1.0 - arm.share()) / real(arm.k());
        let half = z * (part(t) + part(c)).sqrt();
        Ok(Some(Interval { low: libm::exp(middle - half), high: libm::exp(middle + half) }))
    }
}

impl TwoProportions {
    /// Returns the interval of the ratio of two shares from both groups' Wilson intervals. Source: A. Donner and G. Y. Zou 2012.
    fn ratio_interval_of_ends(&self, alpha: f64) -> Result<Interval> {
        let (t, c) = (self.treatment.wilson(alpha)?, self.control.wilson(alpha)?);
        let (p, q) = (self.treatment.share(), self.control.share());
        let end = |ours: f64, theirs: f64, sign: f64| {
            let below = theirs * (2.0 * q - theirs);
            let root = (p * p * q * q - ours * (2.0 * p - ours) * below).max(0.0).sqrt();
            (p * q + sign * root) / below
        };
        Ok(Interval { low: end(t.low, c.high, -1.0), high: end(t.high, c.low, 1.0) })
    }
}

/// Returns the effect size between two shares.
pub(super) fn cohen_h(p: f64, q: f64) -> f64 {
    2.0 * (libm::asin(p.sqrt()) - libm::asin(q.sqrt()))
}
