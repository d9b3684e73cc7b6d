//! Gates: what counts of reports prove, and what they do not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use flag_admin::cells::{Cell, UNITS};
use flag_admin::definition::Documentation;
use flag_admin::rollout::simulate::Chance;
use flag_admin::rollout::{
    Arms, DayArms, Evidence, GateName, Gates, Level, Plan, Rate, Reading, Schedule, SourceReading, SourceValue,
    Standing, State, begin,
};
use flag_client::Day;
use flag_core::Timestamp;

fn plan() -> Plan {
    Plan::of(Schedule::named("standard").unwrap())
}

fn state(gates: &Gates) -> State {
    begin(gates, Timestamp::from_millis(1_780_304_400_000), &Arms::default(), &Arms::default()).state
}

/// So many reports, of which so many had nothing but errors.
fn cell(n: u64, errors: u64) -> Cell {
    let mut cell = Cell { n, first_in_stage: n, had_error: errors, ..Cell::default() };
    cell.err_frac.add(UNITS, errors);
    cell.err_frac.add(0, n - errors);
    cell
}

fn evidence(treatment: Cell, control: Cell) -> Evidence {
    Evidence { arms: Arms { treatment, control }, published: true, ..Evidence::default() }
}

fn standing(readings: &[Reading], gate: &GateName) -> Option<Standing> {
    readings.iter().find(|reading| reading.gate == *gate).map(|reading| reading.standing)
}

#[test]
fn twelve_reports_prove_little() {
    let gates = Gates::of(&plan());
    // Twelve clean reports may well be of a feature that fails one time in ten.
    let clean = gates.proceed(&evidence(cell(12, 0), Cell::default()));
    assert_eq!(standing(&clean, &GateName::Error), Some(Standing::Open));
    for (errors, expected) in [(5, Standing::Clear), (8, Standing::Breached)] {
        let readings = gates.pause(&evidence(cell(12, errors), Cell::default()));
        assert_eq!(standing(&readings, &GateName::Error), Some(expected), "{errors} of 12");
    }
}

#[test]
fn nothing_is_proved_by_nothing() {
    let gates = Gates::of(&plan());
    let state = state(&gates);
    let nothing = Evidence::default();
    let readings = gates.all(&state, &nothing);
    assert!(readings.iter().all(|reading| reading.standing == Standing::Unmeasured), "{readings:?}");
}

#[test]
fn a_rate_is_certified_once_enough_reports_are_clean() {
    let gates = Gates::of(&plan());
    let first = |gate: GateName| {
        let shown =
            |n: u64| standing(&gates.proceed(&evidence(cell(n, 0), Cell::default())), &gate) == Some(Standing::Shown);
        (1..1_000).find(|n| shown(*n))
    };
    assert_eq!(first(GateName::Error), Some(75));
    assert_eq!(first(GateName::Crash), Some(381));
    let readings = gates.proceed(&evidence(cell(100, 0), Cell::default()));
    let crash = readings.iter().find(|reading| reading.gate == GateName::Crash).unwrap();
    let needs = crash.needs.unwrap();
    assert!((200..420).contains(&needs), "281 more are needed, {needs} estimated");
}

#[test]
fn errors_that_control_has_as_well_raise_no_alarm_of_the_ratio() {
    let gates = Gates::of(&plan());
    for (treatment, control, expected) in [
        (cell(1_000, 40), cell(9_000, 360), Standing::Clear),
        (cell(1_000, 40), cell(9_000, 90), Standing::Breached),
        (cell(1_000, 40), cell(9_000, 300), Standing::Clear),
        (cell(1_000, 0), cell(9_000, 0), Standing::Clear),
    ] {
        let readings = gates.pause(&evidence(treatment, control));
        assert_eq!(standing(&readings, &GateName::ErrorRatio), Some(expected));
    }
    // Without a control group there is nothing to compare with.
    let readings = gates.pause(&evidence(cell(1_000, 40), Cell::default()));
    assert_eq!(standing(&readings, &GateName::ErrorRatio), None);
}

#[test]
fn a_slowdown_of_everything_is_not_blamed_on_the_flag() {
    let gates = Gates::of(&plan());
    let slow = |n: u64, slow: u64| {
        let mut cell = cell(n, 0);
        cell.slow_frac.add(UNITS, slow);
        cell.slow_frac.add(0, n - slow);
        cell
    };
    for (control, expected) in [(slow(9_000, 1_800), Standing::Clear), (slow(9_000, 300), Standing::Breached)] {
        let readings = gates.pause(&evidence(slow(1_000, 200), control));
        assert_eq!(standing(&readings, &GateName::Latency), Some(expected));
    }
}

#[test]
fn few_responses_do_not_gate() {
    let gates = Gates::of(&plan());
    let negative = |responses: u64| {
        let cell = Cell { fb_neg: responses, ..cell(1_000, 0) };
        standing(&gates.rollback(&evidence(cell, Cell::default())), &GateName::Satisfaction)
    };
    assert_eq!((negative(19), negative(20)), (None, Some(Standing::Breached)));
}

#[test]
fn what_begins_late_in_a_long_step_is_seen_in_the_day_that_it_began_on() {
    let gates = Gates::of(&plan());
    let began = Day::of(Timestamp::from_millis(1_780_304_400_000));
    let on = |days: i64| Day::of(Timestamp::from_millis(1_780_304_400_000 + days * 86_400_000));
    assert_eq!(
        [0, 2, 3, 4, 9].map(|days| DayArms::number_of(on(days), began)),
        [None, None, Some(1), Some(2), Some(7)]
    );
    // Five days of 2 % errors, and a sixth of 15 %: of all of them 4.2 %, which is within the limit.
    let day = DayArms { day: on(5), number: 3, arms: Arms { treatment: cell(1_000, 150), control: Cell::default() } };
    let step = evidence(cell(6_000, 250), Cell::default());
    assert!(gates.pause(&step).iter().all(|reading| reading.standing != Standing::Breached));
    let seen = gates.pause(&Evidence { days: vec![day.clone()], ..step.clone() });
    let alarm = seen.iter().find(|reading| reading.standing == Standing::Breached).unwrap();
    assert_eq!((&alarm.gate, alarm.level, alarm.day), (&GateName::Error, Level::Pause, Some(on(5))));
    // A day like the others says nothing.
    let usual = DayArms { arms: Arms { treatment: cell(1_000, 20), control: Cell::default() }, ..day };
    assert_eq!(gates.pause(&Evidence { days: vec![usual], ..step.clone() }), gates.pause(&step));
}

#[test]
fn all_days_of_a_step_share_half_of_its_alpha() {
    let spent = |number: u32| {
        let day = DayArms { day: Day::of(Timestamp::from_millis(0)), number, arms: Arms::default() };
        (-day.margin()).exp()
    };
    let all: f64 = (1..=10_000).map(spent).sum();
    assert!(all < 0.5 && all > 0.499, "{all}");
    assert!((spent(1) - 0.25).abs() < 1e-12);
}

#[test]
fn e51_one_sick_machine_is_one_report() {
    let gates = Gates::of(&plan());
    // A million failed uses of one machine are one report of which everything failed.
    let readings = gates.pause(&evidence(cell(500, 1), Cell::default()));
    assert_eq!(standing(&readings, &GateName::Error), Some(Standing::Clear));
}

#[test]
fn e51_control_and_treatment_swapped_show_as_a_broken_assignment() {
    let gates = Gates::of(&plan());
    let state = State { share: "10%".parse().unwrap(), ..state(&gates) };
    let right = evidence(cell(1_000, 0), cell(9_000, 0));
    let swapped = evidence(cell(9_000, 0), cell(1_000, 0));
    assert!(!gates.is_assignment_broken(&state, &right));
    assert!(gates.is_assignment_broken(&state, &swapped));
    // A host that records nothing without the flag has no control group, and no broken assignment.
    assert!(!gates.is_assignment_broken(&state, &evidence(cell(9_000, 0), Cell::default())));
}

#[test]
fn documented_targets_are_gates() {
    let documentation: Documentation = serde_json::from_value(serde_json::json!({
        "metrics": [
            { "name": "Sync success rate", "target": ">95%" },
            { "name": "Sync latency", "target": "<500ms" },
            { "name": "Error rate", "target": "<2%" },
            { "name": "Mood" },
        ]
    }))
    .unwrap();
    let plan = plan().with_documented(&documentation);
    assert_eq!(plan.policy.error.pause.to_string(), "2%");
    assert_eq!(plan.policy.slow_above_millis, Some(500));
    assert_eq!(plan.metrics.len(), 1);
    assert_eq!(plan.metrics[0].limit.unwrap().to_string(), "5%");
    let gates = Gates::of(&plan);
    let name = GateName::Metric("sync_success_rate".into());
    let measured = |successes: u64| {
        let mut cell = cell(1_000, 0);
        let fractions = cell.metrics.entry("sync_success_rate".into()).or_default();
        fractions.add(UNITS, successes);
        fractions.add(0, 1_000 - successes);
        evidence(cell, Cell::default())
    };
    assert_eq!(standing(&gates.pause(&measured(850)), &name), Some(Standing::Breached));
    assert_eq!(standing(&gates.proceed(&measured(990)), &name), Some(Standing::Shown));
    let unmeasured = gates.proceed(&evidence(cell(1_000, 0), Cell::default()));
    assert_eq!(standing(&unmeasured, &name), Some(Standing::Unmeasured));
}

#[test]
fn counts_of_other_systems_are_tested_and_bare_ratios_guarantee_nothing() {
    let gates = Gates::of(&plan());
    let read = |value: SourceValue| {
        let limit: Rate = "5%".parse().unwrap();
        let source = SourceReading { metric: "http_errors".into(), limit, rollback: None, value };
        let evidence = Evidence { sources: vec![source], ..evidence(cell(100, 0), Cell::default()) };
        let readings = gates.pause(&evidence);
        let reading = readings.into_iter().find(|reading| matches!(reading.gate, GateName::Source(_))).unwrap();
        (reading.standing, reading.is_guaranteed())
    };
    assert_eq!(read(SourceValue::Counts { bad: 3, of: 12 }), (Standing::Clear, true));
    assert_eq!(read(SourceValue::Counts { bad: 300, of: 1_200 }), (Standing::Breached, true));
    assert_eq!(read(SourceValue::Ratio { value: 0.06 }), (Standing::Breached, false));
    assert_eq!(read(SourceValue::Ratio { value: 0.05 }), (Standing::Clear, false));
    for value in [
        SourceValue::Nothing,
        SourceValue::Ratio { value: f64::NAN },
        SourceValue::Counts { bad: 0, of: 0 },
        SourceValue::Counts { bad: 2, of: 1 },
        SourceValue::Unusable { why: "no connection".to_owned() },
    ] {
        assert_eq!(read(value).0, Standing::Unmeasured);
    }
    assert!(gates.proceed(&Evidence::default()).iter().all(|reading| reading.level == Level::Proceed));
}

/// The figure of the specification: at alpha 0.1 % and twice the limit, half of the alarms come within 390 reports.
#[test]
fn twice_the_limit_is_caught_after_a_median_of_390_reports() {
    let gates = Gates::of(&plan());
    let mut delays: Vec<u64> = (0..120)
        .map(|seed| {
            let mut chance = Chance::new(seed * 7_919);
            let mut errors = 0;
            (1..20_000_u64)
                .find(|n| {
                    errors += chance.binomial(1, 0.10);
                    // Between an error and the next the evidence only falls.
                    let readings = gates.pause(&evidence(cell(*n, errors), Cell::default()));
                    standing(&readings, &GateName::Error) == Some(Standing::Breached)
                })
                .unwrap()
        })
        .collect();
    delays.sort_unstable();
    let median = delays[delays.len() / 2];
    assert!((312..=468).contains(&median), "{median}");
}
