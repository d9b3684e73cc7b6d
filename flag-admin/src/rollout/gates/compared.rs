//! Treatment beside control: of all reports that say yes, the part that comes from treatment.

use flag_core::Share;

use super::super::evidence::Arms;
use super::super::policy::Policy;
use super::super::quantities::Rate;
use super::reading::{GateName, Level, Reading, Standing};
use super::within_unit;
use crate::cells::Cell;
use crate::statistics::beta_binomial::{log_e_down, log_e_up};

/// Reads the alarm that errors are more frequent than in the control group, and by how much is alarming.
pub(super) fn error_ratio(policy: &Policy, treatment: &Cell, control: &Cell, margin: f64) -> Option<Reading> {
    let sides = Sides::of(treatment.had_error, treatment.n, control.had_error, control.n)?;
    Some(sides.alarm(GateName::ErrorRatio, policy.error_ratio_percent, (policy.alpha, margin), 1))
}

/// Reads the same of negative feedback.
pub(super) fn feedback_ratio(policy: &Policy, treatment: &Cell, control: &Cell, margin: f64) -> Option<Reading> {
    let sides = Sides::of(treatment.fb_neg, treatment.n, control.fb_neg, control.n)?;
    Some(sides.alarm(
        GateName::FeedbackRatio,
        policy.feedback_ratio_percent,
        (policy.alpha, margin),
        policy.min_negative,
    ))
}

/// Tells whether reports of slow uses are more frequent in treatment than in control.
pub(super) fn is_slow_more_often(policy: &Policy, treatment: &Cell, control: &Cell) -> bool {
    let (slow, slow_control) = (treatment.slow_frac.above_none(), control.slow_frac.above_none());
    let sides = Sides::of(slow, treatment.slow_frac.reports(), slow_control, control.slow_frac.reports());
    sides.is_some_and(|sides| sides.log_e() >= -libm::log(policy.guard_alpha.value()))
}

/// Tells whether more or fewer machines are exposed than the share says. Where the control group never reports there is nothing to compare.
pub(super) fn is_assignment_broken(policy: &Policy, share: Share, arms: &Arms) -> bool {
    let exposed = arms.treatment.first_in_stage;
    let all = exposed.saturating_add(arms.control.first_in_stage);
    let expected = (f64::from(share.thousandths()) / f64::from(Share::EVERYONE.thousandths()))
        .min(policy.holdout.complement().value());
    if arms.control.n == 0 || arms.treatment.n == 0 || !within_unit(expected) {
        return false;
    }
    // Two tests share the alpha.
    let threshold = -libm::log(policy.assignment_alpha.value() / 2.0);
    let tests = [log_e_up(exposed, all, expected, 500.0), log_e_down(exposed, all, expected, 500.0)];
    tests.into_iter().any(|log_e| log_e.is_ok_and(|log_e| log_e >= threshold))
}

/// How many of how many, twice.
struct Sides {
    yes: u64,
    of: u64,
    yes_control: u64,
    of_control: u64,
}

#[expect(clippy::cast_precision_loss, reason = "counts of reports stay far below 2^53")]
impl Sides {
    /// None where a side is empty.
    fn of(yes: u64, of: u64, yes_control: u64, of_control: u64) -> Option<Self> {
        (of > 0 && of_control > 0).then_some(Self { yes, of, yes_control, of_control })
    }

    /// Returns ln E against *treatment says yes at most as often as control*. Under equality each yes is of treatment with probability
    /// `w / (1 + w)`, where `w` is the ratio of the numbers of reports.
    fn log_e(&self) -> f64 {
        let w = self.of as f64 / self.of_control as f64;
        let n_opt = if w > 0.2 { 50.0 } else { 500.0 };
        log_e_up(self.yes, self.yes.saturating_add(self.yes_control), w / (1.0 + w), n_opt).unwrap_or(0.0)
    }

    /// Returns the ratio of the rates; infinite where control never says yes.
    fn ratio(&self) -> f64 {
        let (rate, control) = (self.yes as f64 / self.of as f64, self.yes_control as f64 / self.of_control as f64);
        if self.yes == 0 { 0.0 } else { rate / control }
    }

    fn alarm(&self, gate: GateName, percent: u32, (alpha, margin): (Rate, f64), fewest: u64) -> Reading {
        let all = self.yes.saturating_add(self.yes_control);
        let is_high = self.ratio() >= f64::from(percent) / 100.0 && all >= fewest;
        // What is not high enough needs no test.
        let log_e = if is_high { self.log_e() } else { 0.0 };
        let standing =
            if is_high && log_e >= margin - libm::log(alpha.value()) { Standing::Breached } else { Standing::Clear };
        let mean = Some(self.ratio()).filter(|ratio| ratio.is_finite());
        let limit = Rate::from_millionths(1_000_000);
        Reading {
            gate,
            level: Level::Pause,
            n: all,
            mean,
            log_e: Some(log_e),
            limit,
            alpha: Some(alpha),
            needs: None,
            day: None,
            standing,
        }
    }
}
