//! How often gates that pause err, and how soon they tell: computed exactly, so that no test hangs on a seed.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::cast_precision_loss, reason = "tests of small counts")]

use flag_admin::cells::{Cell, UNITS};
use flag_admin::rollout::{Arms, Evidence, GateName, Gates, Level, Plan, Schedule, Standing};

/// Reports of which some had nothing but errors, or a crash, as the gate is about.
fn evidence(gate: &GateName, yes: u64, n: u64) -> Evidence {
    let mut treatment = Cell { n, first_in_stage: n, ..Cell::default() };
    match gate {
        GateName::Crash => treatment.crashed = yes,
        GateName::Satisfaction => (treatment.fb_neg, treatment.fb_pos) = (yes, n - yes),
        _ => {
            treatment.err_frac.add(UNITS, yes);
            treatment.err_frac.add(0, n - yes);
        }
    }
    Evidence { arms: Arms { treatment, control: Cell::default() }, published: true, ..Evidence::default() }
}

/// A gate of the default policy, and the fewest bad reports that raise its alarm, after each number of reports.
struct Alarm {
    fewest: Vec<usize>,
}

impl Alarm {
    fn of(gate: &GateName, level: Level, reports: usize) -> Self {
        let gates = Gates::of(&Plan::of(Schedule::named("standard").unwrap()));
        let is_raised = |yes: usize, n: usize| {
            let evidence = evidence(gate, yes as u64, n as u64);
            let readings = if level == Level::Pause { gates.pause(&evidence) } else { gates.rollback(&evidence) };
            let reading = readings.iter().find(|reading| reading.gate == *gate);
            reading.is_some_and(|reading| reading.standing == Standing::Breached)
        };
        // More good reports are never worse, so that the fewest bad ones never become fewer.
        let mut fewest = 1;
        let fewest = (1..=reports).map(|n| {
            while fewest <= n && !is_raised(fewest, n) {
                fewest += 1;
            }
            fewest
        });
        Self { fewest: fewest.collect() }
    }

    /// Returns the chance that the alarm was ever raised, after each number of reports, somebody looking after each one: the distribution
    /// of how many are bad, less what has crossed the bound, report by report.
    fn chances(&self, rate: f64) -> Vec<f64> {
        let mut silent = vec![1.0];
        let mut raised = 0.0;
        let after = |fewest: &usize| {
            let mut next = vec![0.0; silent.len() + 1];
            for (bad, chance) in silent.iter().enumerate() {
                next[bad] += chance * (1.0 - rate);
                next[bad + 1] += chance * rate;
            }
            raised += next.drain((*fewest).min(next.len())..).sum::<f64>();
            silent.clone_from(&next);
            raised
        };
        self.fewest.iter().map(after).collect()
    }

    fn ever(&self, rate: f64) -> f64 {
        self.chances(rate).last().copied().unwrap()
    }

    /// Returns after how many reports half of the alarms have come.
    fn median(&self, rate: f64) -> usize {
        self.chances(rate).iter().take_while(|chance| **chance < 0.5).count() + 1
    }
}

#[test]
fn a_rate_on_its_limit_is_stopped_within_alpha_and_one_at_four_fifths_hardly_ever() {
    let mut at_four_fifths = 0.0;
    for (gate, limit, reports) in
        [(GateName::Error, 0.05, 3_000), (GateName::Crash, 0.001, 12_000), (GateName::Satisfaction, 0.2, 1_000)]
    {
        let alarm = Alarm::of(&gate, Level::Pause, reports);
        let (on_limit, below) = (alarm.ever(limit), alarm.ever(0.8 * limit));
        assert!((1e-4..1e-3).contains(&on_limit), "{gate}: {on_limit}");
        assert!(below < 1e-5, "{gate}: {below}");
        at_four_fifths += below;
    }
    // Slow uses have the limit of errors. Seven steps of 400 rollouts: with nine chances in ten, not one is stopped.
    assert!(at_four_fifths * 4.0 / 3.0 * 7.0 * 400.0 < 0.1, "{at_four_fifths}");
}

#[test]
fn a_sick_flag_is_told_soon() {
    let pause = Alarm::of(&GateName::Error, Level::Pause, 1_500);
    // The figure of the specification for twice the limit is 390, give or take a fifth.
    for (rate, most) in [(0.10, 390), (0.20, 70), (0.30, 32), (1.0, 5)] {
        assert!(pause.median(rate) <= most, "{rate}: {}", pause.median(rate));
    }
    assert!(pause.median(0.10) >= 312);
    let rollback = Alarm::of(&GateName::Error, Level::Rollback, 400);
    for (rate, most) in [(0.30, 260), (0.40, 75), (0.60, 26)] {
        assert!(rollback.median(rate) <= most, "{rate}: {}", rollback.median(rate));
    }
    let crash = Alarm::of(&GateName::Crash, Level::Pause, 4_000);
    assert!(crash.median(0.005) <= 2_300, "{}", crash.median(0.005));
}

#[test]
fn three_crashes_among_the_first_ten_reports_stop_nothing() {
    for (level, fewest) in [(Level::Pause, 4), (Level::Rollback, 5)] {
        assert_eq!(Alarm::of(&GateName::Crash, level, 10).fewest.last(), Some(&fewest), "{level:?}");
    }
}
