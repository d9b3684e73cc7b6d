//! A rollout with nothing simulated: a server, programs that use its flags and report, and the days that pass between.
//!
//! The test program starts itself as the programs. All go by the time that the test names: a day takes as long as its processes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![allow(clippy::disallowed_methods, reason = "started processes are told what to do by their environment")]
#![cfg(all(unix, debug_assertions))]

#[path = "support/serving.rs"]
mod serving;
mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flag_admin::app::ports::Clock as _;
use flag_client::{Consent, Declaration, FlagClient, IdentitySource, Outcome, Outcomes, Recorded, Remote, Timestamp};
use serde_json::{Value, json};
use serving::Serving;
use support::Sandbox;

const HEALTHY: &str = "search_ranking";
const SICK: &str = "search_index";
const FLAGS: [&str; 2] = [HEALTHY, SICK];

/// Eight programs of 40 installations each: a quarter of them are machines enough to decide on.
const PROGRAMS: usize = 8;
const INSTALLATIONS: usize = 40;

/// What a small fleet can show: 80 reports cannot tell 2 % errors from 5 %, but from 10 %, and 30 % from those.
const PLAN: &str = r#"
[schedule]
name = "small fleet"
soak = "24h"
steps = [{ share = 25, after = "0h" }, { share = 50, after = "1d" }, { share = 100, after = "2d" }]

[policy]
min_reports = 20
error = { pause = "10%", rollback = "10%" }
crash_certified = "10%"
"#;

const HOUR: i64 = 3_600_000;

/// What a started program is told.
const TOLD: &str = "FLAG_ADMIN_TEST_PROGRAM";

#[test]
#[ignore = "no test: the test below starts it as processes of their own"]
fn work_of_a_started_program() {
    let Ok(told) = std::env::var(TOLD) else { return };
    let told: Value = serde_json::from_str(&told).unwrap();
    let text = |name: &str| told[name].as_str().unwrap();
    let now: Timestamp = text("now").parse().unwrap();
    let folder = Path::new(text("folder"));
    for number in told["from"].as_u64().unwrap()..told["to"].as_u64().unwrap() {
        let home = folder.join(number.to_string());
        std::fs::create_dir_all(&home).unwrap();
        let client = FlagClient::builder()
            .declare(FLAGS.map(Declaration::boolean))
            .remote(Remote {
                project: "caro".to_owned(),
                environment: "production".to_owned(),
                pinned_root: std::fs::read(text("root")).unwrap(),
                state_file: home.join("trust.json"),
                bundled_snapshot: None,
                url: Some(text("url").to_owned()),
            })
            .identity(IdentitySource::Given(format!("installation-{number}")))
            .outcomes(Outcomes::new())
            .reports(Consent::Given)
            .clock(move || now)
            .open();
        client.sync().unwrap();
        let sent = client.send_reports().unwrap();
        assert_eq!((sent.refused, sent.left), (0, 0), "{sent:?}");
        for flag in FLAGS.into_iter().filter(|_| told["uses"] == true) {
            let has = client.is_enabled(flag);
            // Ten uses a day; of the sick flag's feature three in ten fail, and one in a hundred of anything else.
            for used in 0..10 {
                let fails = (has && flag == SICK && used < 3) || (number * 10 + used) % 100 == 99;
                let outcome = if fails { Outcome::Error } else { Outcome::Success };
                assert_eq!(client.record(flag, outcome, Some(Duration::from_millis(20))), Recorded::Kept);
            }
            println!("has {flag} {has}");
        }
    }
}

/// A fleet, its server, and the hour.
struct World {
    sandbox: Sandbox,
    begun: i64,
    serving: Option<Serving>,
}

impl World {
    fn new() -> Self {
        let sandbox = Sandbox::with_project();
        sandbox.write("flags.toml", &FLAGS.map(|flag| format!("[flags.{flag}]\n")).concat());
        sandbox.write("plan.toml", PLAN);
        sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
        // Nine o'clock of the next day: entries of the log follow each other.
        let day = 24 * HOUR;
        let begun = (flag_admin::adapters::SystemClock.now().as_millis() / day + 1) * day + 9 * HOUR;
        Self { sandbox, begun, serving: None }
    }

    fn time(&self, hours: i64) -> String {
        Timestamp::from_millis(self.begun + hours * HOUR).to_string()
    }

    /// Runs a command at an hour, while no server runs.
    fn run(&self, hours: i64, arguments: &[&str]) -> String {
        let all: Vec<&str> = ["-C", "flags"].iter().chain(arguments).copied().collect();
        let mut command = self.sandbox.command(&all);
        command.env("FLAG_ADMIN_TEST_CLOCK", self.time(hours));
        let run = support::finished(command.spawn().unwrap());
        assert_eq!(run.code, Some(0), "{arguments:?}: {}{}", run.out, run.err);
        run.out
    }

    /// Starts the server anew at an hour. It ticks at once.
    fn serve(&mut self, hours: i64) {
        self.serving = None;
        let mut arguments = vec!["-C", "flags", "serve", "--public", "public", "--alerts-to-loopback"];
        arguments.extend(["--listen", "127.0.0.1:0", "--json"]);
        let mut command = self.sandbox.command(&arguments);
        command.env("FLAG_ADMIN_TEST_CLOCK", self.time(hours));
        let serving = Serving::of(command.spawn().unwrap());
        let now = self.time(hours);
        let is_fresh = |snapshot: &Value| *snapshot["expires_at"].as_str().unwrap() > *now;
        serving.until("/v1/snapshot.json", |answer| is_fresh(&answer.json()["content"]));
        self.serving = Some(serving);
    }

    /// Waits until a flag is published so.
    fn until(&self, flag: &str, is_so: impl Fn(&Value) -> bool) {
        let serving = self.serving.as_ref().unwrap();
        serving.until("/v1/snapshot.json", |answer| is_so(&answer.json()["content"]["flags"][flag]));
    }

    /// Lets every program sync and use both features. Returns how many installations have each.
    fn live(&self, hours: i64) -> [usize; 2] {
        self.programs(hours, true)
    }

    /// Lets every program send what it has to report.
    fn report(&self, hours: i64) {
        self.programs(hours, false);
    }

    fn programs(&self, hours: i64, uses: bool) -> [usize; 2] {
        let url = self.serving.as_ref().unwrap().url();
        let started: Vec<Child> = (0..PROGRAMS)
            .map(|program| {
                let told = json!({
                    "url": url, "now": self.time(hours), "folder": self.sandbox.path("installations"),
                    "root": self.sandbox.path("flags/root/1.json"),
                    "from": program * INSTALLATIONS, "to": (program + 1) * INSTALLATIONS,
                    "uses": uses,
                });
                Command::new(std::env::current_exe().unwrap())
                    .args(["--exact", "work_of_a_started_program", "--ignored", "--nocapture"])
                    .env(TOLD, told.to_string())
                    .stdout(Stdio::piped())
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        let mut have = [0; 2];
        for program in started {
            let output = program.wait_with_output().unwrap();
            let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{out}{err}");
            for (count, flag) in have.iter_mut().zip(FLAGS) {
                *count += out.matches(&format!("has {flag} true")).count();
            }
        }
        have
    }

    fn phase(&self, hours: i64, flag: &str) -> (String, u64) {
        let status: Value = serde_json::from_str(&self.run(hours, &["rollout", "status", flag, "--json"])).unwrap();
        let state = &status["state"];
        (state["phase"]["phase"].as_str().unwrap().to_owned(), state["share"].as_u64().unwrap() / 1_000)
    }
}

/// Takes what is posted, and answers that all is well.
fn receiver() -> (String, Arc<Mutex<Vec<Value>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let got: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&got);
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut from = BufReader::new(connection.unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                from.read_line(&mut line).unwrap();
                if let Some((_, told)) = line.to_ascii_lowercase().split_once("content-length: ") {
                    length = told.trim().parse().unwrap();
                }
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            from.read_exact(&mut body).unwrap();
            kept.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
            let _ = from.get_mut().write_all(b"HTTP/1.1 204 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        }
    });
    (url, got)
}

/// Waits for an alert, and returns what it says.
#[track_caller]
fn told(got: &Mutex<Vec<Value>>, kind: &str) -> String {
    for _ in 0..1_000 {
        if let Some(alert) = got.lock().unwrap().iter().find(|alert| alert["type"] == kind) {
            return alert["data"]["text"].as_str().unwrap().to_owned();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nobody told of {kind}: {:?}", got.lock().unwrap());
}

#[test]
fn a_healthy_flag_reaches_everyone_and_a_sick_one_is_taken_back_by_processes_alone() {
    let mut world = World::new();
    let all = PROGRAMS * INSTALLATIONS;
    let (hook, got) = receiver();
    world.run(0, &["alert", "add", "oncall", "webhook", &hook, "--json"]);
    for flag in FLAGS {
        world.run(0, &["rollout", "start", flag, "--plan", "plan.toml", "--reason", "1.3 is out", "--yes"]);
    }
    world.run(0, &["publish", "--to", "public"]);

    // The first day: a quarter has each.
    world.serve(1);
    let have = world.live(1);
    assert!(have.iter().all(|has| (60..105).contains(has)), "{have:?}");

    // The second day brings the first one's reports, and the next tick decides on them.
    world.serve(24);
    world.report(24);
    world.serve(25);
    world.until(SICK, |flag| flag["fallthrough"] == 0);
    world.until(HEALTHY, |flag| flag["fallthrough"] == 50_000);
    let have = world.live(25);
    assert!((135..185).contains(&have[0]), "half has the healthy one: {have:?}");
    assert_eq!(have[1], 0, "nobody has the sick one");
    let text = told(&got, "rollout.rolled_back");
    assert!(text.contains(&format!("{SICK} in production of caro was rolled back: exceeded: error rate")), "{text}");

    // And so on, until everyone has the healthy one, the control group included.
    world.serve(48);
    world.report(48);
    world.serve(49);
    world.until(HEALTHY, |flag| flag["fallthrough"] == 100_000);
    let have = world.live(49);
    assert!((all * 9 / 10..all).contains(&have[0]) && have[1] == 0, "{have:?}");
    world.serve(72);
    world.report(72);
    world.serve(73);
    world.until(HEALTHY, |flag| flag["holdout"].is_null());
    assert_eq!(world.live(73), [all, 0]);
    world.serving = None;
    assert_eq!(world.phase(74, HEALTHY), ("completed".to_owned(), 100));
    assert_eq!(world.phase(74, SICK), ("rolled_back".to_owned(), 0));
    let log = world.run(74, &["log"]);
    for line in [
        "started rollout: search_index at 25% (small fleet schedule) - 1.3 is out",
        "took back rollout: search_index 25% → 0%",
        "search_ranking 25% → 50%",
        "search_ranking 50% → 100%",
        "rollout of search_ranking: completed at 100%",
    ] {
        assert!(log.contains(line), "{line}\n{log}");
    }
    for flag in FLAGS {
        let replayed = world.run(74, &["rollout", "replay", flag]);
        assert!(replayed.contains("come out as the log says, to the last bit"), "{replayed}");
    }
    world.run(74, &["audit", "verify"]);
}
