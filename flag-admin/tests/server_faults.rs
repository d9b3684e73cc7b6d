//! Faults of the machine that a server runs on, and of those who administer it at the same time.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![cfg(target_os = "linux")]

#[path = "support/disk.rs"]
mod disk;
#[path = "support/serving.rs"]
mod serving;
mod support;

use std::io::{Read as _, Write as _};
use std::process::Command;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use disk::SmallDisk;
use serde_json::{Value, json};
use serving::{Answer, Serving, raw};
use support::Sandbox;

/// How often a server is killed: 25 times every day, 500 times every night.
fn turns() -> u32 {
    if std::env::var("FLAG_NIGHTLY").is_ok_and(|value| value == "1") { 500 } else { 25 }
}

/// Returns a token that may do everything.
fn manager(sandbox: &Sandbox, project: &str) -> String {
    let issue = ["-C", project, "token", "new", "ci", "--role", "release_manager", "--yes", "--json"];
    format!("Bearer {}", sandbox.run(&issue).json()["secret"].as_str().unwrap())
}

fn post(serving: &Serving, bearer: &str, path: &str, more: &[(&str, &str)], body: &Value) -> Answer {
    let headers: Vec<_> = [("authorization", bearer)].iter().chain(more).copied().collect();
    serving.post(path, &headers, &body.to_string())
}

/// Asks for a publication and kills the server after a while. Returns the version that was acknowledged by then.
fn killed_while_publishing(serving: Serving, bearer: &str, after: Duration) -> Option<u64> {
    let mut connection = serving.connect();
    let head = format!(
        "POST /admin/v1/publish HTTP/1.1\r\nhost: x\r\nauthorization: {bearer}\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    connection.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(after);
    // With SIGKILL: nothing is tidied up.
    drop(serving);
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let body: Value = serde_json::from_str(body).ok()?;
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    body["version"].as_u64()
}

#[test]
fn fault_28_a_server_killed_while_it_publishes_loses_nothing_that_it_acknowledged() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    let bearer = manager(&sandbox, "flags");
    let start = || Serving::start(&sandbox, &["-C", "flags", "serve", "--public", "public"]);
    let served = |serving: &Serving| serving.get("/readyz", &[]).json()["snapshot"].as_u64();
    let stored = || sandbox.project(&["verify", "public/v1/snapshot.json", "--json"]).json()["version"].as_u64();
    // Each attempt spends a version, so that none is signed twice.
    let attempted = || {
        let log = sandbox.project(&["log", "--json"]).json();
        let last = log.as_array().unwrap().iter().rfind(|line| line["change"]["type"] == "publish_started").cloned();
        last.and_then(|line| line["change"]["version"].as_u64())
    };
    let whole = {
        let serving = start();
        let begun = Instant::now();
        assert_eq!(post(&serving, &bearer, "/admin/v1/publish", &[], &json!({})).status, 200);
        begun.elapsed()
    };
    let (mut last, mut told) = (Some(2), 0);
    for turn in 0..turns() {
        let serving = start();
        assert_eq!(served(&serving), last, "what is stored is served after the restart");
        // 37 and 130 have no common factor, so that every part of a publication has its turn, and a little beyond.
        let acknowledged = killed_while_publishing(serving, &bearer, whole * (turn * 37 % 130) / 100);
        // It is signed by the right keys, and the old one or the new one.
        let (held, attempted) = (stored(), attempted());
        if acknowledged.is_some() {
            assert_eq!((held, attempted), (acknowledged, acknowledged), "what was acknowledged is there");
            told += 1;
        }
        assert!(held == last || (held == attempted && held > last), "{held:?} after {last:?}, attempted {attempted:?}");
        last = held;
    }
    assert!(told > 0, "nothing was ever acknowledged");
    sandbox.project(&["audit", "verify", "--against", "public/v1/snapshot.json"]).text();
    let next = post(&start(), &bearer, "/admin/v1/publish", &[], &json!({})).json();
    assert!(next["version"].as_u64() > last, "{next}");
}

#[test]
fn fault_31_a_full_disk_refuses_changes_and_every_read_goes_on() {
    let sandbox = Sandbox::with_sample();
    let Some(disk) = SmallDisk::mounted(sandbox.path("disk"), "3m") else { return };
    sandbox.project(&["backup", "sample.backup", "--with-keys"]).text();
    sandbox.run(&["restore", "sample.backup", "disk/flags"]).text();
    sandbox.run(&["-C", "disk/flags", "publish", "--to", "disk/public"]).text();
    let bearer = manager(&sandbox, "disk/flags");
    let serving = Serving::start(&sandbox, &["-C", "disk/flags", "serve"]);
    let over = AtomicBool::new(false);
    let (reads, refused) = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut connection = serving.connect();
            let mut reads = 0;
            while !over.load(Ordering::Relaxed) {
                assert_eq!(raw(&mut connection, "GET", "/v1/snapshot.json", &[], b"").status, 200);
                let evaluated = raw(&mut connection, "POST", "/ofrep/v1/evaluate/flags", &[], b"{}");
                assert_eq!(evaluated.status, 200);
                reads += 1;
            }
            reads
        });
        let mut filler = std::fs::File::create(disk.at.join("filler")).unwrap();
        while filler.write_all(&[0; 512]).is_ok() {}
        let mut refused = Vec::new();
        for turn in 0..200 {
            // What is left of the log's own file takes in a few entries more.
            let change = json!({ "share": format!("{}%", 1 + turn % 40), "reason": "x".repeat(900) });
            for (path, body) in [("/admin/v1/flags/ollama_backend/rollout", &change), ("/admin/v1/publish", &json!({}))]
            {
                let answer = post(&serving, &bearer, path, &[], body);
                if answer.status != 200 {
                    refused.push((answer.status, answer.json()["error"]["message"].as_str().unwrap().to_owned()));
                }
            }
            if refused.len() > 10 {
                break;
            }
        }
        std::thread::sleep(Duration::from_millis(200));
        over.store(true, Ordering::Relaxed);
        drop(filler);
        (reader.join().unwrap(), refused)
    });
    assert!(reads > 10, "{reads}");
    assert!(refused.len() > 10, "the disk is full: {refused:?}");
    for (status, message) in &refused {
        assert!(matches!(status, 507 | 500) && message.contains("cannot be written"), "{status} {message}");
    }
    assert!(refused.iter().any(|(status, _)| *status == 507), "{refused:?}");
    // With room on the disk the same server goes on.
    std::fs::remove_file(disk.at.join("filler")).unwrap();
    assert_eq!(post(&serving, &bearer, "/admin/v1/publish", &[], &json!({})).status, 200);
    sandbox.run(&["-C", "disk/flags", "audit", "verify", "--against", "disk/public/v1/snapshot.json"]).text();
}

#[test]
fn fault_32_of_two_who_publish_from_the_same_base_one_wins() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    let bearer = manager(&sandbox, "flags");
    let serving = Serving::start(&sandbox, &["-C", "flags", "serve", "--public", "public"]);
    for turn in 0..10 {
        let seen = serving.get("/admin/v1/flags", &[("authorization", &bearer)]);
        let base = seen.header("etag").unwrap();
        let ready = Barrier::new(2);
        let mut answers: Vec<Answer> = std::thread::scope(|scope| {
            let publish = || {
                ready.wait();
                post(&serving, &bearer, "/admin/v1/publish", &[("if-match", base)], &json!({}))
            };
            let both = [scope.spawn(publish), scope.spawn(publish)];
            both.map(|one| one.join().unwrap()).into()
        });
        answers.sort_by_key(|answer| answer.status);
        assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [200, 412]);
        assert_eq!(answers[0].json()["version"], json!(turn + 2));
        assert_eq!(answers[1].json()["error"]["code"], "head_moved");
    }
    let log = sandbox.project(&["log", "--json"]).json();
    let published = log.as_array().unwrap().iter().filter(|line| line["change"]["type"] == "published").count();
    assert_eq!(published, 11, "nobody's publication but the winners'");
}

/// The soak itself, for as long as a test may take; half an hour of it is `tests/soak/run.py PROGRAM`.
#[test]
fn fault_33_a_busy_server_answers_everything_and_stays_as_it_is() {
    let seconds = if std::env::var("FLAG_NIGHTLY").is_ok_and(|value| value == "1") { "1800" } else { "8" };
    let soak = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/soak/run.py");
    let Ok(run) = Command::new("python3").args([soak, env!("CARGO_BIN_EXE_flag-admin"), seconds, "200"]).output()
    else {
        // Written past the harness, which swallows what passing tests print.
        let _ = writeln!(std::io::stderr(), "SKIPPED: no python3: nothing was soaked");
        return;
    };
    let (said, complaints) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{said}{complaints}");
    assert!(
        said.lines().any(|line| line.starts_with("answers {200: ") && line.contains("publications failed 0")),
        "{said}"
    );
}

/// A source of a rollout takes connections and says nothing. Whoever looks at rollouts waits for it; a kill does not, nor does anything else.
#[test]
fn fault_a_source_that_says_nothing_holds_up_no_kill() {
    let sandbox = Sandbox::with_sample();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let file = sandbox.path("flags/flag-admin.toml");
    let settings = std::fs::read_to_string(&file).unwrap();
    let listed = format!("{settings}\n[sources]\nmetrics = \"http://{}\"\n", silent.local_addr().unwrap());
    std::fs::write(&file, listed).unwrap();
    sandbox.write(
        "plan.toml",
        "[[sources]]\nmetric = \"http\"\nsource = \"promql\"\nfrom = \"metrics\"\nquery = \"errors\"\nlimit = \"5%\"\n",
    );
    let plan = sandbox.path("plan.toml");
    sandbox.project(&["rollout", "set", "command_history", "0%", "--yes"]).text();
    sandbox.project(&["rollout", "start", "command_history", "--plan", plan.to_str().unwrap(), "--yes"]).text();
    sandbox.project(&["publish", "--to", "public"]).text();
    let bearer = manager(&sandbox, "flags");
    let serving = Serving::start(&sandbox, &["-C", "flags", "serve", "--public", "public"]);
    let headers = [("authorization", &*bearer)];
    std::thread::scope(|scope| {
        let looking: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (Instant::now(), serving.get("/admin/v1/rollouts", &headers), Instant::now())))
            .collect();
        // The server's own look has begun as well.
        std::thread::sleep(Duration::from_millis(500));
        for round in 0..4 {
            let (path, reason) = ("/admin/v1/kills", json!({ "target": "telemetry", "reason": "privacy incident" }));
            let begun = Instant::now();
            let answer = if round % 2 == 0 {
                post(&serving, &bearer, path, &[], &reason)
            } else {
                let lift = json!({ "reason": "a drill" });
                post(&serving, &bearer, "/admin/v1/kills/telemetry/lift", &[], &lift)
            };
            assert_eq!(answer.status, 200, "{}", answer.json());
            assert!(begun.elapsed() < Duration::from_secs(2), "round {round}: {:?}", begun.elapsed());
        }
        for looked in looking {
            let (begun, answer, ended) = looked.join().unwrap();
            assert_eq!(answer.status, 200);
            let body = answer.json().to_string();
            assert!(body.contains("no answer within 5 s"), "the source was asked: {body}");
            assert!(ended - begun < Duration::from_secs(12), "all four wait once: {:?}", ended - begun);
        }
    });
}
