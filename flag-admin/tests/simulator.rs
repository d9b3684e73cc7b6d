//! The simulator, and what it proves of the default policy.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "a test reads how long it may take from the environment")]

use flag_admin::rollout::simulate::{Ending, Population, RunResult, Simulation, run, summarise};
use flag_admin::rollout::{Gates, Inconclusive, Plan, Rate, Schedule, Span};

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

/// A hundred reports a minute, of which those exposed have their share, and a look every half hour, or every minute where there is time
/// for it. The control group is on the limit in any case: beside it, four fifths of the limit of *no more often than control* are four fifths
/// of its rates.
fn at_limits(part: f64, runs: u64) -> Vec<RunResult> {
    let nightly = std::env::var("FLAG_NIGHTLY").is_ok_and(|value| value == "1");
    let mut plan = Plan::of(Schedule::named("standard").unwrap());
    // On the limit nothing can be shown. To see all seven steps' alarms, the rollout goes on all the same.
    plan.policy.on_inconclusive = Inconclusive::Proceed;
    plan.policy.max_soak = Span::hours(24);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let scaled = |millionths: f64| Rate::from_millionths((millionths * part) as u32);
    let population = Population {
        users: 1_440_000,
        reporting: rate("10%"),
        adoption: rate("100%"),
        error: scaled(50_000.0),
        control_error: rate("5%"),
        crash: scaled(1_000.0),
        responses: rate("10%"),
        negative: scaled(200_000.0),
        control_negative: rate("20%"),
        slow: scaled(50_000.0),
    };
    let look: Span = if nightly { "1m" } else { "30m" }.parse().unwrap();
    let simulation = Simulation { plan, population, look, days: 20 };
    let gates = Gates::of(&simulation.plan);
    let runs = if nightly { 400 } else { runs };
    (0..runs).map(|seed| run(&simulation, &gates, seed)).collect()
}

#[test]
fn rollouts_on_every_limit_are_stopped_by_false_alarms_at_most_once_in_24() {
    let results = at_limits(1.0, 48);
    let alarms = results.iter().filter(|result| result.ending.is_alarm()).count();
    let completed = results.iter().filter(|result| result.ending == Ending::Completed).count();
    assert_eq!(alarms + completed, results.len());
    // 4.2 % of 400 runs are 16; of the few runs of every day, two are as likely as not to be too many.
    let most = if results.len() == 400 { 16 } else { 5 };
    assert!(alarms <= most, "{alarms} of {}", results.len());
}

#[test]
fn rollouts_at_four_fifths_of_every_limit_are_not_stopped() {
    let results = at_limits(0.8, 48);
    let stopped = results.iter().filter(|result| result.ending != Ending::Completed).count();
    assert_eq!(stopped, 0, "of {}", results.len());
}

#[test]
fn a_sick_flag_is_caught_and_a_healthy_one_is_not() {
    let simulate = |population: Population| {
        let plan = Plan::of(Schedule::named("standard").unwrap());
        let simulation = Simulation { plan, population, look: Span::hours(6), days: 60 };
        let gates = Gates::of(&simulation.plan);
        let results: Vec<RunResult> = (0..40).map(|seed| run(&simulation, &gates, seed)).collect();
        summarise(&results, population.is_healthy(&simulation.plan))
    };
    let healthy = simulate(Population::healthy(200_000));
    assert!(healthy.healthy && healthy.missed.is_none());
    assert_eq!(healthy.endings.get(&Ending::Completed), Some(&40));
    assert!(healthy.days_to_complete.unwrap().median >= 12.0);
    let sick = simulate(Population { error: rate("30%"), ..Population::healthy(200_000) });
    assert_eq!((sick.healthy, sick.missed), (false, Some(0.0)));
    assert!((sick.alarmed - 1.0).abs() < 1e-9);
    assert!(sick.hours_to_alarm.unwrap().p90 <= 48.0, "{sick:?}");
    assert!(sick.harmed.unwrap().median < 200_000.0 * 0.01, "nobody beyond the first step");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let plan = Plan::of(Schedule::named("accelerated").unwrap());
    let population = Population { error: rate("4%"), ..Population::healthy(20_000) };
    let simulation = Simulation { plan, population, look: Span::hours(3), days: 30 };
    let gates = Gates::of(&simulation.plan);
    assert_eq!(run(&simulation, &gates, 9), run(&simulation, &gates, 9));
    assert_ne!(run(&simulation, &gates, 9), run(&simulation, &gates, 10));
}
