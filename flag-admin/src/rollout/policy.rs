use serde::{Deserialize, Serialize};

use super::quantities::{Rate, Span};

/// What a rollout's gates demand, and which moves need somebody.
///
/// Every test is valid at every look: its alpha is the chance that it ever raises a false alarm at one step, even if the true rate lies
/// exactly on the limit. With seven steps and six gates that pause, the default of 0.1 % bounds the false pauses of a whole rollout by
/// 4.2 %.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// The chance of a false alarm, per step and gate.
    pub alpha: Rate,
    /// The chance that a rate on its limit is certified, per step and gate.
    pub certificate_alpha: Rate,
    /// The alpha of the second half of the latency gate, which guards against a slowdown of everything.
    pub guard_alpha: Rate,
    /// The alpha of the check that units were assigned as the shares say.
    pub assignment_alpha: Rate,
    /// The share of uses that fail, a mean over reports.
    pub error: Limits,
    /// The share of reports with a crash.
    pub crash: Limits,
    /// The crash rate that is certified before advancing. To certify the limit itself would take thousands of reports.
    pub crash_certified: Rate,
    /// The share of negative feedback among responses: the complement of the satisfaction demanded, and what takes it all back.
    pub negative: Limits,
    /// Fewer responses than this do not gate.
    pub min_responses: u64,
    /// The share of uses that may be slower than the limit of time: 5 % makes the limit one of the 95th percentile.
    pub slow: Rate,
    /// What the limit of time is, in percent of the control's 95th percentile.
    pub slow_percent_of_control: u32,
    /// A limit of time of its own, in milliseconds, in place of one that is taken from the control group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_above_millis: Option<u64>,
    /// Reports of the control group that a limit of time takes.
    pub min_baseline: u64,
    /// The ratio to the control's error rate that is alarming once it is certain that the rate is higher at all, in percent.
    pub error_ratio_percent: u32,
    /// The same of negative feedback.
    pub feedback_ratio_percent: u32,
    /// Negative responses that this takes, treatment and control together.
    pub min_negative: u64,
    /// A P1 signal that affects a larger share pauses.
    pub p1_affected: Rate,
    /// Reports that advancing takes.
    pub min_reports: u64,
    /// Machines that advancing takes.
    pub min_machines: u64,
    /// After how many days without reports the evidence is stale.
    pub stale_days: u32,
    /// How long a rollout is held for want of evidence before it pauses.
    pub max_hold: Span,
    /// How long a step may stay undecided.
    pub max_soak: Span,
    /// What becomes of a step that stays undecided.
    pub on_inconclusive: Inconclusive,
    /// Who takes a rollout back.
    pub rollback: RollbackBy,
    /// From this share on, every step needs somebody to agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask_from: Option<Rate>,
    /// The share that stays without the flag until the rollout is complete, as a control group at 100 %.
    pub holdout: Rate,
    /// Documented metrics that do not gate.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without_metrics: Vec<Box<str>>,
}

/// Two limits of a rate: the lower one pauses, the upper one takes back. Exactly on the limit is allowed.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// The rate above which a rollout pauses.
    pub pause: Rate,
    /// The rate above which it is taken back.
    pub rollback: Rate,
}

/// What becomes of a step that stays undecided.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inconclusive {
    /// The rollout pauses, and somebody decides.
    #[default]
    Pause,
    /// It goes on although its gates proved nothing.
    Proceed,
}

/// Who takes a rollout back.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RollbackBy {
    /// It goes to 0 % by itself, at once.
    #[default]
    Itself,
    /// It pauses where it is, and somebody decides. Kills and P0 signals take it back all the same.
    Person,
}

impl Default for Policy {
    fn default() -> Self {
        let rate = Rate::from_millionths;
        Self {
            alpha: rate(1_000),
            certificate_alpha: rate(50_000),
            guard_alpha: rate(50_000),
            assignment_alpha: rate(1_000),
            error: Limits { pause: rate(50_000), rollback: rate(200_000) },
            crash: Limits { pause: rate(1_000), rollback: rate(10_000) },
            crash_certified: rate(10_000),
            negative: Limits { pause: rate(200_000), rollback: rate(500_000) },
            min_responses: 20,
            slow: rate(50_000),
            slow_percent_of_control: 150,
            slow_above_millis: None,
            min_baseline: 1_000,
            error_ratio_percent: 150,
            feedback_ratio_percent: 300,
            min_negative: 10,
            p1_affected: rate(100_000),
            min_reports: 100,
            min_machines: 20,
            stale_days: 2,
            max_hold: Span::hours(72),
            max_soak: Span::hours(168),
            on_inconclusive: Inconclusive::Pause,
            rollback: RollbackBy::Itself,
            ask_from: None,
            holdout: rate(50_000),
            without_metrics: Vec::new(),
        }
    }
}

impl Policy {
    /// The smallest numbers of reports and machines that a policy may ask for: below them, single people could be told apart.
    pub(super) const FEWEST: u64 = 20;

    /// Returns the fields whose values no gate can work with, with what is expected of them.
    pub(super) fn unsound(&self) -> Option<(&'static str, &'static str)> {
        const PROPER: &str = "a rate above 0% and below 100%";
        let proper = [
            ("alpha", self.alpha),
            ("certificate_alpha", self.certificate_alpha),
            ("guard_alpha", self.guard_alpha),
            ("assignment_alpha", self.assignment_alpha),
            ("error.pause", self.error.pause),
            ("error.rollback", self.error.rollback),
            ("crash.pause", self.crash.pause),
            ("crash.rollback", self.crash.rollback),
            ("crash_certified", self.crash_certified),
            ("negative.pause", self.negative.pause),
            ("negative.rollback", self.negative.rollback),
            ("slow", self.slow),
        ];
        let improper = proper.into_iter().find(|(_, rate)| !rate.is_proper()).map(|(field, _)| (field, PROPER));
        let below = |limits: Limits| limits.rollback < limits.pause;
        let order = [("error", self.error), ("crash", self.crash), ("negative", self.negative)];
        let disordered = order.into_iter().find(|(_, limits)| below(*limits));
        let disordered =
            disordered.map(|(field, _)| (field, "a limit for rollback that is not below the one for pause"));
        let few = [("min_reports", self.min_reports), ("min_machines", self.min_machines)];
        let few = few.into_iter().find(|(_, number)| *number < Self::FEWEST).map(|(field, _)| (field, "at least 20"));
        let ratios = [
            ("error_ratio_percent", self.error_ratio_percent),
            ("feedback_ratio_percent", self.feedback_ratio_percent),
            ("slow_percent_of_control", self.slow_percent_of_control),
        ];
        let ratio = ratios.into_iter().find(|(_, percent)| *percent < 100).map(|(field, _)| (field, "at least 100"));
        improper.or(disordered).or(few).or(ratio)
    }
}
