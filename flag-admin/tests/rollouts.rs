//! Rollouts that move by themselves, on the reports of a fleet.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod fleet;
mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;

use flag_admin::app::Ticked;
use flag_admin::rollout::{Event, GateName, HoldReason, PauseReason, Phase, Plan, RollbackReason, Schedule, Severity};
use flag_core::Share;
use fleet::{Fleet, Health};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn standard() -> Plan {
    Plan::of(Schedule::named("standard").unwrap())
}

#[test]
fn a_healthy_flag_walks_from_one_percent_to_everyone_by_itself() {
    let mut fleet = Fleet::new("[flags.search]\n", 20_000);
    fleet.start("search", standard());
    let mut shares = vec![fleet.share("search")];
    for _ in 0..24 {
        fleet.live_a_day("search", Health { error: 0.01, control_error: 0.01, ..Health::default() });
        for _ in 0..4 {
            fleet.pass(6 * HOUR);
            fleet.tick();
        }
        if shares.last() != Some(&fleet.share("search")) {
            shares.push(fleet.share("search"));
        }
    }
    let expected = [1, 5, 10, 25, 50, 75, 100].map(|percent| Share::from_percent(percent).unwrap());
    assert_eq!(shares, expected, "{:?}", fleet.phase("search"));
    assert_eq!(fleet.phase("search"), Phase::Completed);
    assert_eq!(fleet.exposed_units("search"), 20_000, "the holdout is released");
    let replayed = fleet.project.replay_rollout(&fleet.environment, "search", None).unwrap();
    assert_eq!(replayed.differing, 0);
    assert!(replayed.steps.len() > 14, "{}", replayed.steps.len());
}

#[test]
fn e43_schedulers_beside_each_other_one_with_a_clock_behind_take_each_step_once() {
    let mut fleet = Fleet::new("[flags.search]\n", 20_000);
    fleet.start("search", standard());
    // Each looks at the log for itself, and knows nothing of what the others decided since it looked last.
    let mut schedulers = [fleet.scheduler(0), fleet.scheduler(0), fleet.scheduler(-HOUR)];
    let (mut shares, mut too_late) = (vec![fleet.share("search")], 0);
    for _ in 0..26 {
        fleet.live_a_day("search", Health { error: 0.01, control_error: 0.01, ..Health::default() });
        for turn in 0..4 {
            fleet.pass(6 * HOUR);
            for number in 0..3 {
                too_late += usize::from(fleet.tick_by(&mut schedulers[(turn + number) % 3]));
            }
        }
        fleet.project.refresh().unwrap();
        if shares.last() != Some(&fleet.share("search")) {
            shares.push(fleet.share("search"));
        }
    }
    let expected = [1, 5, 10, 25, 50, 75, 100].map(|percent| Share::from_percent(percent).unwrap());
    assert_eq!(shares, expected, "{:?}", fleet.phase("search"));
    assert_eq!(fleet.phase("search"), Phase::Completed);
    assert!(too_late > 0, "they never met");
    assert_eq!(fleet.project.replay_rollout(&fleet.environment, "search", None).unwrap().differing, 0);
}

#[test]
fn a_sick_flag_is_taken_back_within_one_tick_of_the_evidence() {
    let mut fleet = Fleet::new("[flags.search]\n", 40_000);
    fleet.start("search", standard());
    assert!(fleet.exposed_units("search") > 300);
    fleet.live_a_day("search", Health { error: 0.3, crash: 0.0, ..Health::default() });
    fleet.pass(DAY);
    let head = fleet.project.state().head();
    let foreseen = fleet.foresee();
    assert_eq!((fleet.project.state().head(), foreseen[0].recorded), (head, false), "looking does nothing");
    let ticked = fleet.tick();
    let foretold = |ticked: &Ticked| (ticked.after.phase.clone(), ticked.after.share, ticked.rule, ticked.check);
    assert_eq!(foretold(&foreseen[0]), foretold(&ticked[0]));
    assert_eq!(fleet.phase("search"), Phase::RolledBack(RollbackReason::Breached { gates: vec![GateName::Error] }));
    assert_eq!((ticked[0].rule, ticked[0].exposes), (2, Some(Share::NOBODY)));
    let check = ticked[0].check.unwrap();
    assert!(check.were_exposed > 0);
    assert_eq!(check.still_exposed, 0);
    assert_eq!(fleet.exposed_units("search"), 0);

    // Good news does not bring it back.
    for _ in 0..5 {
        fleet.live_a_day("search", Health::default());
        fleet.pass(DAY);
        assert!(fleet.tick().is_empty());
    }
    assert_eq!(fleet.exposed_units("search"), 0);
    assert_eq!(fleet.project.replay_rollout(&fleet.environment, "search", None).unwrap().differing, 0);
}

#[test]
fn resuming_readmits_the_same_people() {
    let mut fleet = Fleet::new("[flags.search]\n", 5_000);
    fleet.start("search", Plan::of(Schedule::named("accelerated").unwrap()));
    let first = fleet.exposed("search");
    fleet.act("search", Event::Abort).unwrap();
    assert!(fleet.exposed("search").is_empty());
    fleet.pass(DAY);
    fleet.act("search", Event::Resume).unwrap();
    assert_eq!(fleet.exposed("search"), first);
    assert_eq!(fleet.phase("search"), Phase::Ramping);
}

#[test]
fn a_second_try_goes_on_with_machines_that_know_the_share_already() {
    let mut fleet = Fleet::new("[flags.search]\n", 10_000);
    fleet.start("search", Plan::of(Schedule::named("accelerated").unwrap()));
    fleet.live_a_day("search", Health { error: 0.3, ..Health::default() });
    fleet.pass(DAY);
    fleet.tick();
    assert!(matches!(fleet.phase("search"), Phase::RolledBack(_)));
    fleet.act("search", Event::Resume).unwrap();
    // None of them says again that it is new to a tenth.
    fleet.pass(DAY);
    fleet.live_a_day("search", Health::default());
    fleet.pass(DAY);
    fleet.tick();
    assert_eq!((fleet.phase("search"), fleet.share("search")), (Phase::Ramping, Share::from_percent(50).unwrap()));
}

#[test]
fn the_control_group_of_a_try_that_was_taken_back_is_released_by_the_one_that_completes() {
    let mut fleet = Fleet::new("[flags.search]\n", 6_000);
    let accelerated = || Plan::of(Schedule::named("accelerated").unwrap());
    fleet.start("search", accelerated());
    fleet.act("search", Event::Abort).unwrap();
    fleet.start("search", accelerated());
    for _ in 0..4 {
        fleet.live_a_day("search", Health::default());
        fleet.pass(DAY);
        fleet.tick();
    }
    assert_eq!((fleet.phase("search"), fleet.exposed_units("search")), (Phase::Completed, 6_000));
}

#[test]
fn e50_a_breach_while_a_rollout_is_paused_takes_it_back() {
    let mut fleet = Fleet::new("[flags.search]\n", 40_000);
    fleet.start("search", standard());
    fleet.act("search", Event::Pause).unwrap();
    fleet.live_a_day("search", Health { error: 0.5, ..Health::default() });
    fleet.pass(DAY);
    fleet.tick();
    assert_eq!(fleet.phase("search"), Phase::RolledBack(RollbackReason::Breached { gates: vec![GateName::Error] }));
}

#[test]
fn e52_a_rollback_that_does_nothing_is_told() {
    // A rule goes on serving what the rollout took back.
    let flags = "[flags.search]\nrules = [{ id = \"all\", when = { not = { attribute = \"never\", operator = \"exists\" } }, serve = \"on\" }]\n";
    let mut fleet = Fleet::new(flags, 100);
    fleet.start("search", standard());
    fleet.signal("search", Severity::P0);
    let ticked = fleet.tick();
    let check = ticked[0].check.unwrap();
    assert_eq!((check.were_exposed, check.still_exposed), (1_000, 1_000));
    let told = alerts(&fleet);
    assert_eq!(told[0].0, "rollout.rolled_back");
    let text = "the rollout of search in production of caro was rolled back, and 1000 of 1000 units that were looked at \
                still get the flag; look at its rules, or kill it: flag-admin kill search; see flag-admin rollout status search";
    assert_eq!(told[1], ("rollout.rollback_failed", text.to_owned()));
    assert_eq!(fleet.project.replay_rollout(&fleet.environment, "search", None).unwrap().differing, 0);
}

/// What there is to tell, oldest first.
fn alerts(fleet: &Fleet) -> Vec<(&'static str, String)> {
    let alerts = fleet.project.alerts(flag_core::Timestamp::from_millis(0));
    alerts.into_iter().map(|alert| (alert.kind.as_str(), alert.text)).collect()
}

#[test]
fn a_rollback_that_somebody_asked_for_is_checked_as_well() {
    let mut fleet = Fleet::new("[flags.search]\n", 100);
    fleet.start("search", standard());
    fleet.act("search", Event::Abort).unwrap();
    let check = fleet.project.rollout(&fleet.environment, "search").unwrap().1.check.unwrap();
    assert!(check.were_exposed > 0 && !check.has_failed(), "{check:?}");
    // Readmitted, nobody is rolled back any more.
    fleet.act("search", Event::Resume).unwrap();
    assert_eq!(fleet.project.rollout(&fleet.environment, "search").unwrap().1.check, None);
    assert_eq!(alerts(&fleet), []);
}

#[test]
fn the_limit_of_time_that_a_step_froze_is_published_with_the_flag() {
    let mut fleet = Fleet::new("[flags.search]\n", 2_000);
    let health = Health { latency: 100, ..Health::default() };
    fleet.live_a_day("search", health);
    fleet.pass(DAY);
    fleet.start("search", standard());
    let frozen = fleet.project.rollout(&fleet.environment, "search").unwrap().1.state.slow_above_micros.unwrap();
    // The place 420 of the histogram ends at 2^(421 / 32) microseconds, and the limit is half above.
    assert_eq!(frozen, 13_693);
    let published = |fleet: &Fleet| {
        let text = std::fs::read_to_string(fleet.sandbox.path("public/v1/snapshot.json")).unwrap();
        let snapshot: serde_json::Value = serde_json::from_str(&text).unwrap();
        snapshot["content"]["flags"]["search"]["slow_above_micros"].clone()
    };
    assert_eq!(published(&fleet), frozen);
    // The definition is its owner's, and says nothing of it.
    let (_, held) = fleet.project.flag(&fleet.environment, "search").unwrap();
    assert_eq!(held.definition.flag.slow_above_micros, None);
    let mut unmeasured = Fleet::new("[flags.search]\n", 10);
    unmeasured.start("search", standard());
    assert_eq!(published(&unmeasured), serde_json::Value::Null);
}

#[test]
fn what_begins_on_the_sixth_day_of_a_step_pauses_it_when_only_a_timer_looks() {
    // Cautious steps last for a week. Each tick is one of a timer: nothing is kept between them but the log.
    let mut fleet = Fleet::new("[flags.search]\n", 40_000);
    fleet.start("search", Plan::of(Schedule::named("cautious").unwrap()));
    let good = Health { error: 0.005, control_error: 0.005, ..Health::default() };
    for _ in 0..5 {
        fleet.live_a_day("search", good);
        fleet.pass(DAY);
        fleet.tick();
        assert!(!fleet.phase("search").is_stopped(), "{}", fleet.phase("search"));
    }
    // Of everyone, so that no comparison with the control group sees it.
    fleet.live_a_day("search", Health { error: 0.12, control_error: 0.12, ..good });
    fleet.pass(DAY);
    fleet.tick();
    assert_eq!(fleet.phase("search"), Phase::Paused(PauseReason::Breached { gates: vec![GateName::Error] }));
    let (_, rollout) = fleet.project.rollout(&fleet.environment, "search").unwrap();
    assert_eq!(rollout.state.alarms.len(), 1);
    assert_eq!(fleet.project.replay_rollout(&fleet.environment, "search", None).unwrap().differing, 0);
}

#[test]
fn a_pause_is_told_once_however_long_it_lasts() {
    let mut fleet = Fleet::new("[flags.search]\n", 20_000);
    fleet.start("search", standard());
    fleet.live_a_day("search", Health { error: 0.1, ..Health::default() });
    fleet.pass(DAY);
    fleet.tick();
    let ids = |fleet: &Fleet| -> Vec<String> {
        fleet.project.alerts(flag_core::Timestamp::from_millis(0)).into_iter().map(|alert| alert.id).collect()
    };
    let (first, told) = (ids(&fleet), alerts(&fleet));
    assert_eq!((told.len(), told[0].0), (1, "rollout.paused"));
    assert!(told[0].1.contains("was paused: exceeded: error rate"), "{told:?}");
    for _ in 0..3 {
        fleet.live_a_day("search", Health { error: 0.06, ..Health::default() });
        fleet.pass(DAY);
        fleet.tick();
    }
    assert_eq!(ids(&fleet), first, "more reports are no other pause");
}

#[test]
fn a_p0_takes_a_rollout_back_at_once_and_it_stays_back_until_it_is_cleared() {
    let mut fleet = Fleet::new("[flags.search]\n", 100);
    fleet.start("search", standard());
    let signal = fleet.signal("search", Severity::P0);
    fleet.tick();
    assert_eq!(fleet.phase("search"), Phase::RolledBack(RollbackReason::Signal { id: signal }));
    let error = fleet.act("search", Event::Resume).unwrap_err();
    assert_eq!(error, format!("flag \"search\": signal {signal} (P0) stands"));
    let cleared = fleet.project.propose_signal_cleared(&fleet.environment, signal).unwrap();
    fleet.project.commit(&cleared, None).unwrap();
    fleet.act("search", Event::Resume).unwrap();
    assert_eq!(fleet.share("search"), Share::from_percent(1).unwrap());
}

#[test]
fn a_kill_takes_a_rollout_back() {
    let mut fleet = Fleet::new("[flags.search]\n", 100);
    fleet.start("search", standard());
    fleet.kill("search");
    fleet.tick();
    assert_eq!(fleet.phase("search"), Phase::RolledBack(RollbackReason::Killed));
}

#[test]
fn e49_nobody_reports_and_the_rollout_is_held_and_then_paused() {
    let mut fleet = Fleet::new("[flags.search]\n", 100);
    fleet.start("search", standard());
    fleet.pass(HOUR);
    fleet.tick();
    assert_eq!(fleet.phase("search"), Phase::Holding(HoldReason::NoData));
    fleet.pass(2 * DAY);
    fleet.tick();
    assert_eq!(fleet.phase("search"), Phase::Holding(HoldReason::NoData));
    fleet.pass(2 * DAY);
    fleet.tick();
    let held = Box::new(HoldReason::NoData);
    assert_eq!(fleet.phase("search"), Phase::Paused(PauseReason::NoEvidence { held }));
    assert_eq!(fleet.share("search"), Share::from_percent(1).unwrap(), "nobody loses or gains it for want of data");
}

#[test]
fn a_share_that_is_not_published_gathers_no_evidence() {
    let mut fleet = Fleet::new("[flags.search]\n", 100);
    fleet.start_unpublished("search", standard());
    fleet.pass(HOUR);
    fleet.tick();
    assert_eq!(fleet.phase("search"), Phase::Holding(HoldReason::NotPublished));
}

#[test]
fn a_share_that_is_set_by_hand_pauses_the_rollout() {
    let mut fleet = Fleet::new("[flags.search]\n", 100);
    fleet.start("search", standard());
    let share = Share::from_percent(60).unwrap();
    let proposal = fleet.project.propose_rollout(&fleet.environment, "search", None, share).unwrap();
    fleet.project.commit(&proposal, None).unwrap();
    fleet.tick();
    assert_eq!(fleet.phase("search"), Phase::Paused(PauseReason::ChangedElsewhere { found: Some(share) }));
    fleet.act("search", Event::Resume).unwrap();
    assert_eq!(fleet.share("search"), Share::from_percent(1).unwrap());
}

#[test]
fn a_second_rollout_does_not_start_beside_the_first() {
    let mut fleet = Fleet::new("[flags.search]\n", 100);
    fleet.start("search", standard());
    let error = fleet.try_start("search", standard()).unwrap_err();
    assert_eq!(error, "flag \"search\" has a rollout already, which is ramping");
}

/// The whole story in real processes: one project, one command a step, and the clock of a test.
#[test]
fn the_commands_tell_the_story_of_a_sick_flag() {
    let fleet = Fleet::new("[flags.search]\n", 0);
    let begun = fleet.clock.0.get();
    let run = |hours: i64, arguments: &[&str]| {
        let now = flag_core::Timestamp::from_millis(begun + hours * HOUR).to_string();
        let all: Vec<&str> = ["-C", "flags"].iter().chain(arguments).copied().collect();
        let mut command = fleet.sandbox.command(&all);
        command.env("FLAG_ADMIN_TEST_CLOCK", &now);
        let run = support::finished(command.spawn().unwrap());
        assert_eq!(run.code, Some(0), "{arguments:?}: {}{}", run.out, run.err);
        run.out
    };
    let out = run(0, &["rollout", "status"]);
    assert_eq!(out, "no rollout moves by itself in production; start one: flag-admin rollout start FLAG\n");
    run(0, &["rollout", "start", "search", "--reason", "1.3 is out", "--yes"]);
    run(0, &["publish", "--to", "public"]);
    let out = run(1, &["rollout", "tick"]);
    assert!(out.contains("holding: nobody has reported at this step"), "{out}");

    // Three hundred installations of a day, a third of which saw nothing but errors.
    let folder = flag_admin::adapters::ProjectFolder::find(&fleet.sandbox.path("flags")).unwrap();
    let mut cells = folder.cells()().unwrap();
    let day = flag_client::Day::of(flag_core::Timestamp::from_millis(begun));
    for number in 0..300 {
        let failed = u8::from(number % 3 == 0);
        let text = format!(
            r#"{{"v":1,"flag":"search","variant":"on","stage":1000,"day":"{day}","first_in_stage":1,"had_error":{failed},"crashed":0,"err_frac":{},"slow_frac":null,"lat":[],"fb_pos":0,"fb_neg":0,"metrics":{{}},"nonce":"{number:032x}"}}"#,
            failed * 16
        );
        let report = flag_client::report::parse(text.as_bytes()).unwrap();
        cells.add(&fleet.environment, &report, flag_core::Timestamp::from_millis(begun + DAY)).unwrap();
    }
    let out = run(25, &["rollout", "status", "search"]);
    assert!(out.contains("rolled back: exceeded: error rate (at the next tick)"), "{out}");
    let out = run(25, &["rollout", "tick", "--publish"]);
    assert!(out.contains("1% → 0%  rolled back: exceeded: error rate"), "{out}");
    assert!(out.contains("none has it any more") && out.contains("published snapshot 2"), "{out}");
    let out = run(26, &["log"]);
    assert!(out.contains("took back rollout: search 1% → 0% (rolled back, breached)"), "{out}");
    let out = run(26, &["rollout", "replay", "search"]);
    assert!(out.contains("all 3 come out as the log says, to the last bit"), "{out}");
    fleet.sandbox.write("lax.toml", "[policy]\nerror = { pause = \"50%\", rollback = \"60%\" }\n");
    let lax = fleet.sandbox.path("lax.toml");
    let out = run(26, &["rollout", "replay", "search", "--policy", lax.to_str().unwrap()]);
    assert!(out.contains("other policy: holding"), "{out}");
    let out = run(26, &["rollout", "status", "search", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(status["state"]["phase"]["phase"], "rolled_back");
}

#[test]
fn a_database_that_a_plan_names_is_not_sent_the_password_of_the_log() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("postgres://reader@{}/telemetry", listener.local_addr().unwrap());
    let plan = "[[sources]]\nmetric = \"events\"\nsource = \"sql\"\nfrom = \"telemetry\"\n\
         query = \"error_rate\"\nlimit = \"5%\"\n";
    let (heard, told) = mpsc::channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let (mut connection, mut startup, mut answer) = (connection.unwrap(), [0; 4_096], [0; 4_096]);
            assert!(connection.read(&mut startup).unwrap() > 0);
            // The server of the protocol asks for a password in clear.
            connection.write_all(&[b'R', 0, 0, 0, 8, 0, 0, 0, 3]).unwrap();
            let length = connection.read(&mut answer).unwrap();
            heard.send(answer[..length].to_vec()).unwrap();
        }
    });
    let fleet = Fleet::new("[flags.search]\n", 0);
    fleet.sandbox.write("plan.toml", plan);
    list_source(&fleet.sandbox, "telemetry", &address);
    let now = flag_core::Timestamp::from_millis(fleet.clock.0.get()).to_string();
    let plan = fleet.sandbox.path("plan.toml");
    let plan = plan.to_str().unwrap();
    for arguments in [
        ["rollout", "start", "search", "--plan", plan, "--reason", "1.3 is out", "--yes"].as_slice(),
        &["rollout", "status", "search"],
    ] {
        let all: Vec<&str> = ["-C", "flags"].iter().chain(arguments).copied().collect();
        let mut command = fleet.sandbox.command(&all);
        command.env("FLAG_ADMIN_TEST_CLOCK", &now).env("PGPASSWORD", "of the log");
        let run = support::finished(command.spawn().unwrap());
        assert_eq!(run.code, Some(0), "{arguments:?}: {}{}", run.out, run.err);
    }
    let sent = told.recv_timeout(std::time::Duration::from_secs(10)).unwrap();
    assert_eq!(String::from_utf8_lossy(&sent), "", "what was sent to a server that asked for a password");
}

/// Writes into a project's settings where a source is.
fn list_source(sandbox: &support::Sandbox, name: &str, address: &str) {
    let file = sandbox.path("flags/flag-admin.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{settings}\n[sources]\n{name} = \"{address}\"\n")).unwrap();
}

/// Whoever may start a rollout must not make the machine that decides it connect to whatever they like.
#[test]
fn a_plan_does_not_say_where_to_connect_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let fleet = Fleet::new("[flags.search]\n", 0);
    let now = flag_core::Timestamp::from_millis(fleet.clock.0.get()).to_string();
    let run = |source: &str| {
        let plan = format!("[[sources]]\nmetric = \"http\"\n{source}\nquery = \"errors\"\nlimit = \"5%\"\n");
        fleet.sandbox.write("plan.toml", &plan);
        let plan = fleet.sandbox.path("plan.toml");
        let all = ["-C", "flags", "rollout", "start", "search", "--plan", plan.to_str().unwrap(), "--yes"];
        let mut command = fleet.sandbox.command(&all);
        command.env("FLAG_ADMIN_TEST_CLOCK", &now);
        let run = support::finished(command.spawn().unwrap());
        (run.code, run.err)
    };
    let unlisted = |kind: &str, from: &str| {
        format!(
            "error: source \"http\": the project's settings list no {kind} as {from}\nhint: say in the plan: from = \"NAME\""
        )
    };
    for (source, expected) in [
        (format!("source = \"promql\"\nurl = \"{address}\""), unlisted("Prometheus server", "that address")),
        ("source = \"promql\"\nfrom = \"metrics\"".to_owned(), unlisted("Prometheus server", "\"metrics\"")),
        ("source = \"sql\"\nfrom = \"metrics\"".to_owned(), unlisted("database", "\"metrics\"")),
    ] {
        let (code, said) = run(&source);
        assert!(code == Some(1) && said.contains(&expected), "{source}: {code:?} {said}");
    }
    assert!(listener.accept().is_err(), "somebody connected");
    list_source(&fleet.sandbox, "metrics", &address);
    let (code, said) = run("source = \"sql\"\nfrom = \"metrics\"");
    assert!(code == Some(1) && said.contains(&unlisted("database", "\"metrics\"")), "{said}");
    // By its name, and as plans of old logs have it.
    for source in ["from = \"metrics\"".to_owned(), format!("url = \"{address}\"")] {
        let (code, said) = run(&format!("source = \"promql\"\n{source}"));
        assert!(code == Some(0) || said.contains("has a rollout already"), "{code:?} {said}");
    }
}

#[test]
fn settings_that_list_a_source_without_an_address_say_which() {
    let fleet = Fleet::new("[flags.search]\n", 0);
    list_source(&fleet.sandbox, "metrics", "127.0.0.1:9090");
    let run = support::finished(fleet.sandbox.command(&["-C", "flags", "flag", "list"]).spawn().unwrap());
    assert_eq!(run.code, Some(1));
    let expected = "sources.metrics is no address, expected such as \"http://127.0.0.1:9090\" or \"postgres://reader@HOST/DATABASE\"";
    assert!(run.err.contains(expected), "{}", run.err);
}
