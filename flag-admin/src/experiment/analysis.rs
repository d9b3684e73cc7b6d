use serde::Serialize;

use super::comparison::{Comparison, Effect, Kind, Looks, compare, room};
use super::data::{Data, Group, Unit};
use super::design::{ALPHA, Design, Watched};
use super::verdict::{Advice, Verdict};
use crate::definition::{Better, Practical, Scale};
use crate::statistics::contingency::{SRM_THRESHOLD, goodness_of_fit};
use crate::statistics::multiple::{Adjustment, adjusted};
use crate::statistics::{Interval, StatisticsError};

/// An experiment, decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Analysis {
    /// What was to be decided.
    pub design: Design,
    /// What it comes to.
    pub verdict: Verdict,
    /// What to do.
    pub advice: Advice,
    /// The variant that this means for everyone, if it means one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<Box<str>>,
    /// Both in sentences, for those who read no statistics.
    pub summary: Vec<String>,
    /// What one unit is.
    pub unit: Unit,
    /// How many units each variant has.
    pub groups: Vec<GroupLine>,
    /// Whether units were assigned as they should have been.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assignment: Option<Assignment>,
    /// The metric that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary: Option<Comparison>,
    /// Whether its improvement is worth having.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worth: Option<Worth>,
    /// What must not get worse.
    pub guardrails: Vec<GuardrailLine>,
    /// Everything else that was measured.
    pub others: Vec<Comparison>,
    /// What to bear in mind.
    pub cautions: Vec<String>,
}

/// How many units a variant has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupLine {
    /// The variant.
    pub variant: Box<str>,
    /// Its units.
    pub units: u64,
    /// How many it should have, of all that there are. None where the flag does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<f64>,
}

/// Whether units were assigned as they should have been.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Assignment {
    /// The chance of such counts if nothing is wrong.
    pub p: f64,
    /// Whether that is too small to believe.
    pub mismatch: bool,
}

/// Whether an improvement is worth having.
#[derive(Copy, Clone, Debug, PartialEq, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub struct Worth {
    /// The threshold.
    pub practical: Practical,
    /// The improvement on its scale, larger is better.
    pub improvement: Effect,
    /// Whether the best guess is above the threshold.
    pub reached: bool,
    /// Whether the whole interval is.
    pub assured: bool,
    /// Whether it lies between minus and plus the threshold for certain.
    pub equivalent: bool,
    /// Whether any improvement could be above the threshold.
    pub reachable: bool,
}

/// A metric that must not get worse, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GuardrailLine {
    /// What was declared.
    #[serde(flatten)]
    pub watched: Watched,
    /// What became of it.
    pub outcome: Outcome,
    /// The numbers, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// What became of a metric that must not get worse.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did not get worse by as much as the margin.
    NotWorse,
    /// It got worse, and perhaps by more than the margin.
    Worse,
    /// Neither is shown.
    NotShown,
    /// It was not measured.
    NoData,
}

/// Decides an experiment on data.
pub fn analyze(design: &Design, data: &Data) -> Analysis {
    let mut cautions: Vec<String> = design.swapped().into_iter().chain(data.cautions.iter().cloned()).collect();
    let (groups, assignment) = assignment(design, data, &mut cautions);
    let units = |variant: &str| data.groups.get(variant).map_or(0, |group| group.units);
    let smaller = units(&design.treatment).min(units(&design.control));
    let looks = if design.sequential { Looks::Any { tuned_to: design.units_needed() } } else { Looks::Once };
    let of = |variant: &str| data.groups.get(variant);
    let both = |metric: &str, better: Better| {
        let sample = |group: Option<&Group>| group.and_then(|group| group.metrics.get(metric)).cloned();
        let (t, c) = (sample(of(&design.treatment))?, sample(of(&design.control))?);
        Some(compare(metric, better, &t, &c, looks))
    };
    let primary = match both(&design.metric, design.better) {
        Some(Ok(comparison)) => Some(comparison),
        Some(Err(error)) => {
            cautions.push(unanswered(&design.metric, &error));
            None
        }
        None => None,
    };
    let worth = primary.as_ref().and_then(|primary| worth(design, primary));
    let guardrails: Vec<GuardrailLine> =
        design.guardrails.iter().map(|watched| guardrail(design, data, watched, looks, &mut cautions)).collect();
    let others = others(design, data, looks);
    if let Some(primary) = &primary {
        bear_in_mind(design, primary, worth.as_ref(), &mut cautions);
    }
    let verdict = verdict(
        design,
        data,
        &Evidence {
            assignment: assignment.as_ref(),
            primary: primary.as_ref(),
            worth: worth.as_ref(),
            guardrails: &guardrails,
            smaller,
        },
    );
    let advice = verdict.advice();
    let keep = match advice {
        Advice::Ship => Some(design.treatment.clone()),
        Advice::KeepControl => Some(design.control.clone()),
        Advice::KeepSimpler => Some(design.simpler.clone()),
        Advice::Wait | Advice::Investigate => None,
    };
    let mut analysis = Analysis {
        design: design.clone(),
        verdict,
        advice,
        keep,
        summary: Vec::new(),
        unit: data.unit,
        groups,
        assignment,
        primary,
        worth,
        guardrails,
        others,
        cautions,
    };
    analysis.summary = super::wording::summary(&analysis);
    analysis
}

impl Analysis {
    /// Tells whether the numbers may be looked at: not where units were assigned wrongly.
    pub fn is_shown(&self) -> bool {
        !matches!(self.verdict, Verdict::Withheld { .. })
    }
}

struct Evidence<'e> {
    assignment: Option<&'e Assignment>,
    primary: Option<&'e Comparison>,
    worth: Option<&'e Worth>,
    guardrails: &'e [GuardrailLine],
    smaller: u64,
}

/// The first of the verdicts that holds.
fn verdict(design: &Design, data: &Data, evidence: &Evidence<'_>) -> Verdict {
    if let Some(assignment) = evidence.assignment.filter(|assignment| assignment.mismatch) {
        return Verdict::Withheld { p: assignment.p };
    }
    let measured =
        |variant: &str| data.groups.get(variant).is_some_and(|group| group.metrics.contains_key(&*design.metric));
    if let Some(variant) = [&design.treatment, &design.control].into_iter().find(|variant| !measured(variant)) {
        return Verdict::NoData { variant: variant.clone(), metric: design.metric.clone() };
    }
    let Some(primary) = evidence.primary else {
        return Verdict::NotEnoughData { units: evidence.smaller, needed: design.units_needed() };
    };
    let measured = evidence.smaller.min(primary.control.n).min(primary.treatment.n);
    let improvement = primary.difference.improvement(design.better).value;
    let is_significant = primary.test.p < ALPHA;
    // One who may look at any time decides as soon as something is shown, but not on a handful.
    let needed = if design.sequential && is_significant { super::design::UNITS_MIN } else { design.units_needed() };
    if measured < needed {
        return Verdict::NotEnoughData { units: measured, needed };
    }
    if let Some(worse) = evidence.guardrails.iter().find(|line| line.outcome == Outcome::Worse) {
        return Verdict::RegressionFound { metric: worse.watched.metric.clone() };
    }
    let is_worth_it = evidence.worth.is_some_and(|worth| worth.reached);
    match (is_significant, improvement > 0.0) {
        (true, true) if is_worth_it => {
            match evidence.guardrails.iter().find(|line| line.outcome != Outcome::NotWorse) {
                None => Verdict::Ship,
                Some(line) => Verdict::GuardrailNotShown { metric: line.watched.metric.clone() },
            }
        }
        (true, false) => Verdict::KeepControl,
        (true, true) => Verdict::SignificantButSmall,
        (false, _) if evidence.worth.is_some_and(|worth| worth.equivalent) => Verdict::Equivalent,
        (false, _) => Verdict::Inconclusive,
    }
}

/// Holds the numbers of units against the chances that the flag's split gives.
fn assignment(design: &Design, data: &Data, cautions: &mut Vec<String>) -> (Vec<GroupLine>, Option<Assignment>) {
    let seen: Vec<(&Box<str>, u64)> = data.groups.iter().map(|(variant, group)| (variant, group.units)).collect();
    let chance =
        |variant: &str| design.proportions.iter().find(|(name, _)| **name == *variant).map(|(_, chance)| *chance);
    let compared = |variant: &str| variant == &*design.control || variant == &*design.treatment;
    for (variant, units) in &seen {
        if chance(variant).is_none() && !compared(variant) && *units > 0 {
            cautions.push(format!(
                "{units} {} are of variant {variant:?}, which the flag does not assign",
                data.unit.plural()
            ));
        }
    }
    let known = seen.iter().filter(|(variant, _)| chance(variant).is_some());
    let total: u64 = known.clone().map(|(_, units)| units).sum();
    let whole: f64 = known.filter_map(|(variant, _)| chance(variant)).sum();
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    let expected = |variant: &str| chance(variant).map(|chance| total as f64 * chance / whole);
    let lines = seen.iter().map(|(variant, units)| GroupLine {
        variant: (*variant).clone(),
        units: *units,
        expected: expected(variant),
    });
    let lines: Vec<GroupLine> = lines.collect();
    let (mut counts, mut chances) = (Vec::new(), Vec::new());
    for (variant, chance) in &design.proportions {
        // A variant that was not exported at all is no mismatch; one that is compared has to be there.
        if let Some(line) = lines.iter().find(|line| line.variant == *variant) {
            counts.push(line.units);
            chances.push(*chance);
        }
    }
    let assignment = match goodness_of_fit(&counts, &chances) {
        Ok(fit) => Some(Assignment { p: fit.p, mismatch: fit.p < SRM_THRESHOLD }),
        Err(_) if lines.is_empty() => None,
        Err(_) => {
            cautions.push("whether units were assigned in the right proportion cannot be told: the flag's split does not say what it should be".to_owned());
            None
        }
    };
    (lines, assignment)
}

/// Puts the improvement of the metric that decides on the scale of the threshold.
fn worth(design: &Design, primary: &Comparison) -> Option<Worth> {
    let practical = design.practical;
    let threshold = f64::from(practical.threshold.thousandths()) / 100_000.0;
    let improvement = match practical.scale {
        Scale::RelativeLift => primary.lift?.improvement(design.better),
        Scale::AbsolutePp => primary.difference.improvement(design.better),
        Scale::RelativeReductionOfFailures => primary.failures_gone?,
    };
    let within = Interval { low: -threshold, high: threshold };
    let most = most_possible(practical.scale, design.better, primary.kind, primary.control.value);
    Some(Worth {
        practical,
        improvement,
        reached: improvement.value > threshold,
        assured: improvement.interval.low > threshold,
        equivalent: improvement.interval_90.is_inside(within),
        reachable: most.is_none_or(|most| most > threshold),
    })
}

/// Returns the largest improvement that there can be from a baseline. None where nothing bounds it.
pub fn most_possible(scale: Scale, better: Better, kind: Kind, baseline: f64) -> Option<f64> {
    match (scale, better, kind) {
        (Scale::RelativeReductionOfFailures, ..) | (Scale::RelativeLift, Better::Lower, _) => Some(1.0),
        (Scale::RelativeLift, Better::Higher, Kind::Share) => (baseline > 0.0).then(|| 1.0 / baseline - 1.0),
        (Scale::AbsolutePp, Better::Higher, Kind::Share) => Some(1.0 - baseline),
        (Scale::AbsolutePp, Better::Lower, Kind::Share) => Some(baseline),
        (Scale::AbsolutePp | Scale::RelativeLift, _, Kind::Mean) => None,
    }
}

fn guardrail(
    design: &Design,
    data: &Data,
    watched: &Watched,
    looks: Looks,
    cautions: &mut Vec<String>,
) -> GuardrailLine {
    let sample = |variant: &str| data.groups.get(variant).and_then(|group| group.metrics.get(&*watched.metric));
    let (Some(t), Some(c)) = (sample(&design.treatment), sample(&design.control)) else {
        return GuardrailLine { watched: watched.clone(), outcome: Outcome::NoData, comparison: None };
    };
    let margin = f64::from(watched.margin.thousandths()) / 100_000.0;
    let judged = compare(&watched.metric, watched.better, t, c, looks).and_then(|comparison| {
        let improvement = comparison.difference.improvement(watched.better).interval_90;
        let is_worse = improvement.high < 0.0;
        let is_not_worse = match comparison.kind {
            Kind::Share => improvement.low > -margin,
            Kind::Mean => room(t.summary()?, c.summary()?, watched.better, margin)?.low > 0.0,
        };
        let outcome = match (is_not_worse, is_worse) {
            (true, _) => Outcome::NotWorse,
            (false, true) => Outcome::Worse,
            (false, false) => Outcome::NotShown,
        };
        Ok((outcome, comparison))
    });
    let (outcome, comparison) = match judged {
        Ok((outcome, comparison)) => (outcome, Some(comparison)),
        // Two groups in which nothing ever happened are as alike as can be, but nobody has shown how alike.
        Err(error) => {
            cautions.push(unanswered(&watched.metric, &error));
            (Outcome::NotShown, None)
        }
    };
    GuardrailLine { watched: watched.clone(), outcome, comparison }
}

/// Compares everything else, each p-value adjusted for the others.
fn others(design: &Design, data: &Data, looks: Looks) -> Vec<Comparison> {
    let (Some(t), Some(c)) = (data.groups.get(&design.treatment), data.groups.get(&design.control)) else {
        return Vec::new();
    };
    let is_declared =
        |metric: &str| metric == design.metric || design.guardrails.iter().any(|watched| watched.metric == metric);
    let mut found: Vec<Comparison> = t
        .metrics
        .iter()
        .filter(|(metric, _)| !is_declared(metric))
        .filter_map(|(metric, treatment)| {
            let better = Better::of(metric, &design.documented);
            compare(metric, better, treatment, c.metrics.get(metric)?, looks).ok()
        })
        .collect();
    let p_values: Vec<f64> = found.iter().map(|comparison| comparison.test.p).collect();
    if let Ok(adjusted) = adjusted(&p_values, Adjustment::Holm) {
        for (comparison, p) in found.iter_mut().zip(adjusted) {
            comparison.adjusted_p = Some(p);
        }
    }
    found
}

fn bear_in_mind(design: &Design, primary: &Comparison, worth: Option<&Worth>, cautions: &mut Vec<String>) {
    if design.units.is_none() {
        cautions.push(format!(
            "nobody planned how many units it takes: flag-admin experiment power {} tells, before it begins",
            design.flag
        ));
    }
    if let Some(wrong) = primary.wrong_test_p.filter(|wrong| (*wrong < ALPHA) != (primary.test.p < ALPHA)) {
        cautions.push(format!(
            "a goodness-of-fit test of the two counts alone, which is often taken for a comparison, would give p {}: it sees neither the failures nor the sizes of the groups, and is wrong here",
            super::wording::equals(wrong)
        ));
    }
    if worth.is_some_and(|worth| !worth.reachable) {
        cautions.push(format!(
            "no improvement can reach the threshold: from {} there is less than {} to win; declare another scale",
            super::wording::value(primary.kind, primary.control.value),
            super::wording::threshold(design.practical)
        ));
    }
    if let (Some(worth), Some(gone)) = (worth, primary.failures_gone)
        && design.practical.scale == Scale::RelativeLift
        && design.better == Better::Higher
        && !worth.reached
        && gone.value > f64::from(design.practical.threshold.thousandths()) / 100_000.0
    {
        cautions.push(format!(
            "seen as failures it is another picture: {} of them are gone ({}); which scale counts is declared before it begins",
            super::wording::percent(gone.value),
            super::wording::between(gone.interval)
        ));
    }
    if worth.is_none() {
        cautions.push(format!("the improvement has no value on the scale {}", design.practical.scale.as_str()));
    }
    if design.sequential && primary.kind == Kind::Mean {
        cautions
            .push("intervals of means that hold at every look do so once there are some hundreds of units".to_owned());
    }
}

fn unanswered(metric: &str, error: &StatisticsError) -> String {
    format!("{metric} cannot be compared: {error}")
}
