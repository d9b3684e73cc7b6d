use serde::Serialize;

use super::super::plan::Plan;
use super::super::quantities::Rate;

/// A population that uses a feature, and what the feature does to it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Population {
    /// How many people there are.
    pub users: u64,
    /// The share of them that reports on a day: who used it, and agreed to reports.
    pub reporting: Rate,
    /// The share that has fetched a new share after a day. The others come the day after, evenly.
    pub adoption: Rate,
    /// The share of reports with an error, with the flag.
    pub error: Rate,
    /// The same without it.
    pub control_error: Rate,
    /// The share of reports with a crash, with the flag.
    pub crash: Rate,
    /// The share of reports with a response.
    pub responses: Rate,
    /// The share of responses that are negative, with the flag.
    pub negative: Rate,
    /// The same without it.
    pub control_negative: Rate,
    /// The share of reports with a use above the limit of time.
    pub slow: Rate,
}

impl Population {
    /// A population that is well: half of what the default policy allows, and less.
    pub const fn healthy(users: u64) -> Self {
        let rate = Rate::from_millionths;
        Self {
            users,
            reporting: rate(200_000),
            adoption: rate(800_000),
            error: rate(20_000),
            control_error: rate(20_000),
            crash: rate(0),
            responses: rate(50_000),
            negative: rate(100_000),
            control_negative: rate(100_000),
            slow: rate(20_000),
        }
    }

    /// Tells whether every rate keeps the limits of a plan: then whatever stops the rollout is a false alarm.
    pub fn is_healthy(&self, plan: &Plan) -> bool {
        let policy = &plan.policy;
        self.error <= policy.error.pause
            && self.crash <= policy.crash.pause
            && self.negative <= policy.negative.pause
            && self.slow <= policy.slow
            && self.error <= self.control_error.max(policy.error.pause)
            && f64::from(policy.error_ratio_percent) / 100.0 * self.control_error.value() >= self.error.value()
    }
}
