//! Evidence that makes no sense: a rollout is held and says why. It neither goes on nor goes back.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod fleet;
mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use flag_admin::adapters::Sources;
use flag_admin::app::Instruments;
use flag_admin::app::ports::{Added, CellStore, CellStoreError, MetricSource, NoSources, SourceQuestion};
use flag_admin::cells::{Cell, CellKey};
use flag_admin::log::EnvironmentName;
use flag_admin::rollout::{Event, PauseReason, Phase, Plan, Schedule, Source, SourceKind, SourceValue};
use flag_client::Day;
use flag_client::report::{Report, parse};
use flag_core::{FlagKey, Share, Timestamp};
use fleet::{Fleet, Health, listed};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn standard() -> Plan {
    Plan::of(Schedule::named("standard").unwrap())
}

/// A rollout at its first step, a day old, which would go on if it were not for what is wrong.
fn ready(plan: Plan) -> Fleet {
    let mut fleet = Fleet::new("[flags.search]\n", 45_000);
    fleet.start("search", plan);
    fleet.live_a_day("search", Health { error: 0.01, control_error: 0.01, ..Health::default() });
    fleet.pass(DAY);
    fleet
}

fn tick_with(fleet: &mut Fleet, cells: &dyn CellStore, sources: &dyn MetricSource) -> String {
    let instruments = Instruments { cells, sources };
    let ticked = fleet.project.tick_rollouts(&fleet.environment, &instruments).unwrap();
    assert_eq!(fleet.share("search"), Share::from_percent(1).unwrap(), "nobody gains it and nobody loses it");
    ticked[0].after.phase.to_string()
}

fn tick(fleet: &mut Fleet) -> String {
    let cells = fleet.cells.clone();
    tick_with(fleet, &cells, &NoSources)
}

/// A source that answers the same for ever.
struct Always(SourceValue);

impl MetricSource for Always {
    fn read(&self, _source: &Source, _question: &SourceQuestion<'_>) -> SourceValue {
        self.0.clone()
    }

    fn is_listed(&self, _source: &Source) -> bool {
        true
    }
}

fn asking(url: &str) -> Plan {
    let kind = SourceKind::Promql { from: url.into(), query: "errors".into(), total: None };
    let source = Source { metric: "http".into(), kind, limit: "5%".parse().unwrap(), rollback: None };
    Plan { sources: vec![source], ..standard() }
}

#[test]
fn what_is_ready_goes_on_where_nothing_is_wrong() {
    let mut fleet = ready(standard());
    fleet.tick();
    assert_eq!(fleet.share("search"), Share::from_percent(5).unwrap());
}

#[test]
fn e49_no_data_holds() {
    let mut fleet = Fleet::new("[flags.search]\n", 10);
    fleet.start("search", standard());
    fleet.pass(DAY);
    let held = "holding: nobody has reported at this step; reports of a day come on the next one";
    assert_eq!(tick(&mut fleet), held);
}

#[test]
fn e49_stale_data_holds() {
    let mut fleet = ready(standard());
    let day = Day::of(Timestamp::from_millis(fleet.clock.0.get() - DAY));
    fleet.pass(3 * DAY);
    assert_eq!(tick(&mut fleet), format!("holding: the last report is about {day}"));
}

#[test]
fn e49_nan_holds() {
    let mut fleet = ready(asking("http://127.0.0.1:9"));
    let cells = fleet.cells.clone();
    for (value, why) in [(f64::NAN, "the ratio is NaN"), (f64::INFINITY, "the ratio is inf")] {
        let said = tick_with(&mut fleet, &cells, &Always(SourceValue::Ratio { value }));
        assert_eq!(said, format!("holding: source \"http\": {why}"));
    }
}

#[test]
fn e49_zero_denominators_hold() {
    let mut fleet = ready(asking("http://127.0.0.1:9"));
    let cells = fleet.cells.clone();
    for nothing in [SourceValue::Counts { bad: 0, of: 0 }, SourceValue::Nothing] {
        assert_eq!(tick_with(&mut fleet, &cells, &Always(nothing)), "holding: not shown yet: source http");
    }
    let more = tick_with(&mut fleet, &cells, &Always(SourceValue::Counts { bad: 3, of: 2 }));
    assert_eq!(more, "holding: source \"http\": 3 of 2 is more than all");
}

#[test]
fn e49_counts_that_go_backwards_hold() {
    let mut fleet = Fleet::new("[flags.search]\n", 40_000);
    fleet.start("search", standard());
    fleet.live_a_day("search", Health { error: 0.1, control_error: 0.1, ..Health::default() });
    fleet.pass(DAY);
    fleet.tick();
    assert!(matches!(fleet.phase("search"), Phase::Paused(PauseReason::Breached { .. })));
    fleet.act("search", Event::Resume).unwrap();
    // What was counted until the resumption is lost with the store.
    fleet.cells = flag_admin::adapters::MemoryCells::default();
    assert_eq!(tick(&mut fleet), "holding: counts of reports are smaller than they were");
}

/// Reports of a host that mixed up its variants.
struct Swapped<'c>(&'c dyn CellStore);

impl CellStore for Swapped<'_> {
    fn add_all(
        &mut self,
        _environment: &EnvironmentName,
        _reports: &[Report],
        _received: Timestamp,
    ) -> Result<Vec<Added>, CellStoreError> {
        Ok(Vec::new())
    }

    fn cells(
        &self,
        environment: &EnvironmentName,
        flag: &FlagKey,
        since: Day,
    ) -> Result<Vec<(CellKey, Cell)>, CellStoreError> {
        let swap = |(key, cell): (CellKey, Cell)| {
            let variant = key.variant.map(|variant| if *variant == *"on" { "off".into() } else { "on".into() });
            (CellKey { variant, ..key }, cell)
        };
        Ok(self.0.cells(environment, flag, since)?.into_iter().map(swap).collect())
    }
}

#[test]
fn e51_control_and_treatment_swapped_hold() {
    let mut fleet = ready(standard());
    let cells = fleet.cells.clone();
    let said = tick_with(&mut fleet, &Swapped(&cells), &NoSources);
    assert_eq!(said, "holding: not as many machines have it as the share says");
}

#[test]
fn e51_one_client_with_a_million_events_is_one_report_and_sent_again_it_is_still_one() {
    let mut fleet = ready(standard());
    let (environment, now) = (fleet.environment.clone(), Timestamp::from_millis(fleet.clock.0.get()));
    let day = Day::of(Timestamp::from_millis(fleet.clock.0.get() - DAY));
    // A report has no room for more than *everything failed*, however often that was.
    let rest = r#""first_in_stage":0,"had_error":1,"crashed":0,"err_frac":16,"slow_frac":null,"lat":[],"fb_pos":0,"fb_neg":0,"metrics":{}"#;
    let nonce = "f".repeat(32);
    let text =
        format!(r#"{{"v":1,"flag":"search","variant":"on","stage":1000,"day":"{day}",{rest},"nonce":"{nonce}"}}"#);
    let report = parse(text.as_bytes()).unwrap();
    let (mut counted, sent) = (0, vec![report; 10_000]);
    for _ in 0..100 {
        let added = fleet.cells.add_all(&environment, &sent, now).unwrap();
        counted += added.iter().filter(|added| **added == Added::Counted).count();
    }
    assert_eq!(counted, 1);
    fleet.tick();
    assert_eq!(fleet.share("search"), Share::from_percent(5).unwrap(), "one machine holds nobody up");
}

#[test]
fn e40_a_clock_that_jumps_holds() {
    let mut fleet = ready(standard());
    fleet.pass(-2 * HOUR);
    let soaking = tick(&mut fleet);
    assert!(soaking.starts_with("holding: the step lasts until "), "{soaking}");
    let last = fleet.project.rollout(&fleet.environment, "search").unwrap().1.state.decided;
    fleet.pass(-6 * HOUR);
    assert_eq!(tick(&mut fleet), format!("holding: the clock is behind the last decision, made at {last}"));
    // A year ahead, what was reported is a year old, and was held for a year.
    fleet.pass(365 * DAY);
    let stale = tick(&mut fleet);
    assert!(stale.starts_with("paused: held for too long: the last report is about "), "{stale}");
}

#[test]
fn e49_a_source_that_times_out_or_answers_garbage_holds() {
    // It takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let plan = asking(&format!("http://{}", silent.local_addr().unwrap()));
    let mut fleet = ready(plan.clone());
    let cells = fleet.cells.clone();
    let said = tick_with(&mut fleet, &cells, &listed(&plan));
    assert_eq!(said, "holding: source \"http\": no answer within 5 s");

    let garbage = TcpListener::bind("127.0.0.1:0").unwrap();
    let plan = asking(&format!("http://{}", garbage.local_addr().unwrap()));
    let mut fleet = ready(plan.clone());
    std::thread::spawn(move || {
        let (mut connection, _) = garbage.accept().unwrap();
        let _ = connection.read(&mut [0; 4_096]);
        let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n{\"status\"");
    });
    let cells = fleet.cells.clone();
    let said = tick_with(&mut fleet, &cells, &listed(&plan));
    assert_eq!(said, "holding: source \"http\": its answer is not that of a Prometheus server");

    // Settings that no longer list it.
    let said = tick_with(&mut fleet, &cells, &Sources::default());
    assert_eq!(said, "holding: source \"http\": the project's settings do not list it");
}
