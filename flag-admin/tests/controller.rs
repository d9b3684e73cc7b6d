//! The controller, on every sequence of events that chance can think of.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "a test reads how long it may take from the environment")]

use flag_admin::cells::{Cell, UNITS};
use flag_admin::rollout::{
    Arms, Decision, Effect, Event, Evidence, Fault, Gates, HoldReason, Inconclusive, Level, MoveError, OpenSignal,
    PauseReason, Phase, Plan, Rate, Schedule, Severity, Standing, State, begin, decide,
};
use flag_client::Day;
use flag_core::{Share, Timestamp};
use proptest::prelude::*;

const START: i64 = 1_780_304_400_000;
const HOUR: i64 = 3_600_000;

fn time(hours: i64) -> Timestamp {
    Timestamp::from_millis(START + hours * HOUR)
}

fn gates() -> Gates {
    Gates::of(&Plan::of(Schedule::named("standard").unwrap()))
}

fn started(gates: &Gates) -> State {
    begin(gates, time(0), &Arms::default(), &Arms::default()).state
}

fn cell(n: u64, errors: u64) -> Cell {
    let mut cell = Cell { n, first_in_stage: n, had_error: errors, ..Cell::default() };
    cell.err_frac.add(UNITS, errors);
    cell.err_frac.add(0, n - errors);
    cell
}

fn seen(state: &State, n: u64, errors: u64, now: Timestamp) -> Evidence {
    Evidence {
        arms: Arms { treatment: cell(n, errors), control: Cell::default() },
        newest: (n > 0).then(|| Day::of(now)),
        exposed: Some(state.share),
        published: true,
        ..Evidence::default()
    }
}

fn signal(severity: Severity, affected: Option<&str>) -> OpenSignal {
    OpenSignal {
        id: 7,
        severity,
        affected: affected.map(|affected| affected.parse::<Rate>().unwrap()),
        by: "alice".parse().unwrap(),
        since: time(0),
        reason: None,
    }
}

fn tick(gates: &Gates, state: &State, evidence: &Evidence, hours: i64) -> Decision {
    decide(gates, state, Event::Tick, evidence, time(hours)).unwrap()
}

#[test]
fn a_healthy_step_waits_for_soak_and_schedule_and_goes_on() {
    let gates = gates();
    let state = started(&gates);
    let held = tick(&gates, &state, &seen(&state, 2_000, 20, time(20)), 20);
    assert_eq!((held.rule, held.state.phase), (5, Phase::Holding(HoldReason::Soaking { until: time(24) })));
    let next = tick(&gates, &state, &seen(&state, 2_000, 20, time(24)), 24);
    assert_eq!((next.rule, next.state.step, next.state.share), (6, 1, "5%".parse().unwrap()));
    assert_eq!(next.effects, [Effect::Expose { share: "5%".parse().unwrap() }]);
    // The third step is due three days after the start, however healthy the second is.
    let state = next.state;
    let waits = tick(&gates, &state, &seen(&state, 2_000, 20, time(50)), 50);
    assert_eq!(waits.state.phase, Phase::Holding(HoldReason::NotDue { at: time(72) }));
}

#[test]
fn e42_after_a_long_sleep_one_step_is_taken_and_no_gate_is_skipped() {
    let gates = gates();
    let state = started(&gates);
    let woken = tick(&gates, &state, &seen(&state, 5_000, 50, time(24 * 60)), 24 * 60);
    assert_eq!(woken.state.step, 1);
    let again = tick(&gates, &woken.state, &seen(&woken.state, 5_000, 50, time(24 * 60)), 24 * 60);
    assert_eq!(again.state.step, 1);
    assert!(matches!(again.state.phase, Phase::Holding(HoldReason::Soaking { .. })));
}

#[test]
fn e42_an_approval_is_waited_for_and_never_given_by_time() {
    let text = "[schedule]\nsteps = [{ share = 1, after = \"0h\" }, { share = 50, after = \"1d\", approval = true }]\n";
    let gates = Gates::of(&Plan::from_toml(text, "plan.toml").unwrap());
    let state = started(&gates);
    for hours in [25, 100, 150] {
        let waits = tick(&gates, &state, &seen(&state, 2_000, 20, time(hours)), hours);
        assert_eq!(waits.state.phase, Phase::Holding(HoldReason::NeedsApproval));
    }
    // Agreed to too early, it is kept until the gates are passed.
    let early = decide(&gates, &state, Event::Advance, &seen(&state, 10, 0, time(2)), time(2)).unwrap();
    assert!(early.state.approved && early.state.step == 0);
    let moved = tick(&gates, &early.state, &seen(&early.state, 2_000, 20, time(25)), 25);
    assert_eq!((moved.state.step, moved.state.approved), (1, false));
}

#[test]
fn a_person_may_hurry_but_not_past_a_gate() {
    let gates = gates();
    let state = State { step: 1, share: "5%".parse().unwrap(), ..started(&gates) };
    let few = seen(&state, 30, 0, time(30));
    let refused = decide(&gates, &state, Event::Advance, &few, time(30)).unwrap_err();
    assert_eq!(refused, MoveError::NotReady { step: 2, why: "too_few" });
    assert_eq!(refused.to_string(), "step 2 has not passed its gates (too_few), and no gate is skipped");
    let enough = seen(&state, 2_000, 20, time(30));
    assert_eq!(decide(&gates, &state, Event::Advance, &enough, time(30)).unwrap().state.step, 2, "before it is due");
}

#[test]
fn rules_are_tried_in_their_order() {
    let gates = gates();
    let state = started(&gates);
    let sick = seen(&state, 1_000, 500, time(2));
    for (evidence, rule) in [
        (Evidence { killed: true, ..sick.clone() }, 1),
        (Evidence { signals: vec![signal(Severity::P0, None)], ..sick.clone() }, 1),
        (Evidence { published: false, ..sick.clone() }, 2),
        (Evidence { newest: None, ..seen(&state, 0, 0, time(2)) }, 3),
        (seen(&state, 1_000, 120, time(2)), 4),
        (Evidence { signals: vec![signal(Severity::P1, Some("11%"))], ..seen(&state, 1_000, 5, time(2)) }, 4),
        (Evidence { signals: vec![signal(Severity::P1, Some("10%"))], ..seen(&state, 1_000, 5, time(2)) }, 5),
        (seen(&state, 1_000, 5, time(2)), 5),
    ] {
        assert_eq!(tick(&gates, &state, &evidence, 2).rule, rule, "{evidence:?}");
    }
    assert_eq!(tick(&gates, &state, &seen(&state, 1_000, 45, time(30)), 30).rule, 7);
}

#[test]
fn a_p1_that_affects_many_pauses_a_step_that_nobody_reports_on() {
    let gates = gates();
    let state = started(&gates);
    let unreadable = vec![Fault::Unreadable { why: "gone".to_owned() }];
    let silent = Evidence { signals: vec![signal(Severity::P1, Some("11%"))], ..seen(&state, 0, 0, time(2)) };
    let unpublished = Evidence { published: false, ..silent.clone() };
    let faulty = Evidence { faults: unreadable, ..silent.clone() };
    for evidence in [silent.clone(), unpublished, faulty] {
        let paused = tick(&gates, &state, &evidence, 2);
        let reason = PauseReason::Signal { id: 7, severity: Severity::P1 };
        assert_eq!((paused.rule, paused.state.phase), (4, Phase::Paused(reason)));
    }
    let narrow = Evidence { signals: vec![signal(Severity::P1, Some("10%"))], ..silent };
    assert_eq!(tick(&gates, &state, &narrow, 2).state.phase, Phase::Holding(HoldReason::NoData));
}

#[test]
fn people_are_told_when_reports_stop_making_sense_and_not_while_they_are_on_their_way() {
    let gates = gates();
    let state = started(&gates);
    let silent = seen(&state, 0, 0, time(1));
    let waits = tick(&gates, &state, &silent, 1);
    assert_eq!((waits.effects.as_slice(), waits.state.phase.is_alarming()), (&[][..], false));
    let faulty = Evidence { faults: vec![Fault::Contradiction], ..silent };
    let told = tick(&gates, &waits.state, &faulty, 2);
    assert_eq!(told.effects, [Effect::Notify { phase: "holding", why: "fault" }]);
    assert!(told.state.phase.is_alarming());
    assert!(tick(&gates, &told.state, &faulty, 3).effects.is_empty(), "once");
}

#[test]
fn e49_nonsense_moves_nothing_forward_or_back() {
    let gates = gates();
    let state = State { decided: time(30), ..started(&gates) };
    let sick = seen(&state, 1_000, 900, time(30));
    let fault = |fault: Fault| Phase::Holding(HoldReason::Fault { fault });
    let mut contradictory = sick.clone();
    contradictory.arms.treatment.had_error = 10;
    let newest = Day::of(time(24 * 9));
    for (evidence, hours, phase) in [
        (contradictory, 30, fault(Fault::Contradiction)),
        (sick.clone(), 20, fault(Fault::ClockWentBack { last: time(30) })),
        (Evidence { newest: Some(newest), ..sick.clone() }, 30, fault(Fault::FutureReports { newest })),
        (
            Evidence { faults: vec![Fault::Unreadable { why: "gone".to_owned() }], ..sick.clone() },
            30,
            fault(Fault::Unreadable { why: "gone".to_owned() }),
        ),
        (Evidence { arms: Arms::default(), newest: None, ..sick.clone() }, 30, Phase::Holding(HoldReason::NoData)),
    ] {
        let decision = tick(&gates, &state, &evidence, hours);
        assert_eq!((decision.rule, decision.state.phase, decision.state.share), (3, phase, state.share));
        assert!(decision.state.alarms.is_empty());
    }
    let resumed = State { before: sick.arms.clone(), ..state.clone() };
    let fewer = seen(&state, 500, 5, time(30));
    assert_eq!(tick(&gates, &resumed, &fewer, 30).state.phase, fault(Fault::CountsWentBack));
    let old = Evidence { newest: Some(Day::of(time(-24 * 4))), ..seen(&state, 1_000, 5, time(30)) };
    assert!(matches!(tick(&gates, &state, &old, 30).state.phase, Phase::Holding(HoldReason::Stale { .. })));
}

#[test]
fn e49_a_source_that_does_not_answer_holds_but_hides_no_disaster() {
    let gates = gates();
    let state = started(&gates);
    let silent = Fault::Source { metric: "http".into(), why: "no answer within 5 s".to_owned() };
    let healthy = Evidence { faults: vec![silent.clone()], ..seen(&state, 5_000, 20, time(30)) };
    assert_eq!(
        tick(&gates, &state, &healthy, 30).state.phase,
        Phase::Holding(HoldReason::Fault { fault: silent.clone() })
    );
    let sick = Evidence { faults: vec![silent], ..seen(&state, 5_000, 2_500, time(30)) };
    assert_eq!(tick(&gates, &state, &sick, 30).rule, 2);
}

#[test]
fn e40_a_clock_that_leaps_ahead_takes_one_step_at_most() {
    let gates = gates();
    let state = started(&gates);
    let evidence = seen(&state, 5_000, 20, time(25));
    let leapt = tick(&gates, &state, &evidence, 24 * 365);
    assert!(matches!(leapt.state.phase, Phase::Holding(HoldReason::Stale { .. })), "its reports are a year old by now");
}

#[test]
fn an_undecided_step_pauses_unless_somebody_chose_otherwise() {
    let mut plan = Plan::of(Schedule::named("standard").unwrap());
    for (choice, step) in [(Inconclusive::Pause, 0), (Inconclusive::Proceed, 1)] {
        plan.policy.on_inconclusive = choice;
        let gates = Gates::of(&plan);
        let state = started(&gates);
        // 4.5 % errors are neither above 5 % nor certainly below.
        let before = tick(&gates, &state, &seen(&state, 1_000, 45, time(167)), 167);
        assert!(matches!(before.state.phase, Phase::Holding(HoldReason::Undecided { .. })));
        let after = tick(&gates, &state, &seen(&state, 1_000, 45, time(168)), 168);
        assert_eq!((after.rule, after.state.step), (7, step));
        assert_eq!(matches!(after.state.phase, Phase::Paused(PauseReason::Inconclusive { .. })), step == 0);
    }
}

#[test]
fn a_pause_shifts_what_is_due_and_how_long_a_step_has_lasted() {
    let gates = gates();
    let state = started(&gates);
    let evidence = |state: &State, hours| seen(state, 2_000, 20, time(hours));
    let paused = decide(&gates, &state, Event::Pause, &evidence(&state, 10), time(10)).unwrap().state;
    assert_eq!(tick(&gates, &paused, &evidence(&paused, 40), 40).state, paused, "time does not end a pause");
    let resumed = decide(&gates, &paused, Event::Resume, &evidence(&paused, 110), time(110)).unwrap().state;
    assert_eq!((resumed.started, resumed.entered), (time(100), time(100)));
    assert!(matches!(
        tick(&gates, &resumed, &evidence(&resumed, 120), 120).state.phase,
        Phase::Holding(HoldReason::Soaking { .. })
    ));
}

#[test]
fn going_back_takes_the_last_step_first() {
    let gates = gates();
    let state = State { step: 2, share: "10%".parse().unwrap(), ..started(&gates) };
    let evidence = seen(&state, 0, 0, time(1));
    let back = decide(&gates, &state, Event::Back, &evidence, time(1)).unwrap();
    assert_eq!((back.state.step, back.state.share.to_string().as_str()), (1, "5%"));
    assert_eq!(back.state.phase, Phase::Paused(PauseReason::Person));
    let first = State { step: 0, ..state };
    let out = decide(&gates, &first, Event::Back, &evidence, time(1)).unwrap();
    assert_eq!(out.state.share, Share::NOBODY);
}

/// What happens next in a made-up history.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a thing that may be so at the same time")]
struct Happening {
    event: Event,
    hours: i64,
    reports: u64,
    errors_percent: u64,
    killed: bool,
    p0: bool,
    published: bool,
    fault: bool,
    taken_over: bool,
}

fn happening() -> impl Strategy<Value = Happening> {
    let event = prop_oneof![
        12 => Just(Event::Tick),
        1 => Just(Event::Advance),
        1 => Just(Event::Back),
        1 => Just(Event::Pause),
        3 => Just(Event::Resume),
        1 => Just(Event::Abort),
    ];
    let rare = prop::bool::weighted(0.03);
    let healthy = prop_oneof![6 => 0_u64..3, 1 => 0_u64..100];
    (
        event,
        -10_i64..80,
        prop_oneof![0_u64..50, 500_u64..20_000],
        healthy,
        (rare, rare),
        prop::bool::weighted(0.95),
        rare,
        rare,
    )
        .prop_map(|(event, hours, reports, errors_percent, (killed, p0), published, fault, taken_over)| {
            Happening { event, hours, reports, errors_percent, killed, p0, published, fault, taken_over }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if std::env::var("FLAG_NIGHTLY").is_ok_and(|value| value == "1") { 20_000 } else { 400 }, ..ProptestConfig::default() })]
    #[test]
    fn no_history_skips_a_gate_or_forgets_an_alarm(happenings in prop::collection::vec(happening(), 1..60)) {
        let gates = gates();
        let mut state = started(&gates);
        let mut hours = 0;
        for happening in happenings {
            hours += happening.hours;
            let now = time(hours);
            let errors = happening.reports * happening.errors_percent / 100;
            let mut evidence = seen(&state, happening.reports, errors, now);
            evidence.killed = happening.killed;
            evidence.published = happening.published;
            if happening.p0 {
                evidence.signals.push(signal(Severity::P0, None));
            }
            if happening.fault {
                evidence.faults.push(Fault::Unreadable { why: "gone".to_owned() });
            }
            if happening.taken_over {
                evidence.exposed = Some("42%".parse().unwrap());
            }
            let Ok(decision) = decide(&gates, &state, happening.event, &evidence, now) else { continue };
            let again = decide(&gates, &state, happening.event, &evidence, now).unwrap();
            prop_assert_eq!(&decision, &again, "the same inputs give the same decision");
            let next = &decision.state;

            // Every share is that of its step, or nobody's.
            let steps = gates.plan().schedule.steps();
            prop_assert!(next.step < steps.len());
            let is_back = matches!(next.phase, Phase::RolledBack(_));
            prop_assert_eq!(next.share, if is_back { Share::NOBODY } else { steps[next.step].share });
            // An alarm is latched for ever.
            prop_assert!(next.alarms.starts_with(&state.alarms));
            // Forward goes one step at a time, with data, after the soak, with every gate shown and none breached.
            if next.step > state.step {
                prop_assert_eq!(next.step, state.step + 1);
                prop_assert!(matches!(happening.event, Event::Tick | Event::Advance));
                prop_assert!(!state.phase.is_stopped());
                prop_assert!(evidence.arms.treatment.n >= 100 && happening.published && !happening.fault);
                prop_assert!(now.as_millis() - state.entered.as_millis() >= 24 * HOUR);
                prop_assert!(decision.readings.iter().all(|reading| reading.standing != Standing::Breached));
                let shown = |reading: &flag_admin::rollout::Reading| {
                    reading.level != Level::Proceed || reading.standing == Standing::Shown
                };
                prop_assert!(decision.readings.iter().all(shown));
                prop_assert!(!happening.killed && !happening.p0 && !happening.taken_over);
            }
            // Nobody is exposed by anything but a step forward or somebody's resumption.
            if next.share > state.share {
                prop_assert!(next.step > state.step || happening.event == Event::Resume);
            }
            // What stopped goes on for nobody but a person, and never over a kill or a P0.
            if state.phase.is_stopped() && !next.phase.is_stopped() {
                prop_assert_eq!(happening.event, Event::Resume);
                prop_assert!(!happening.killed && !happening.p0);
            }
            if matches!(state.phase, Phase::RolledBack(_)) && happening.event == Event::Tick {
                prop_assert_eq!(next, &state);
            }
            if happening.event == Event::Tick && (happening.killed || happening.p0) && !matches!(state.phase, Phase::Completed) {
                prop_assert!(is_back);
            }
            state = decision.state;
        }
    }
}
