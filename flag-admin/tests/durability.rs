//! What must survive: an altered file, two writers, and a program that is killed at any moment.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::path::Path;
use std::thread;
use std::time::Duration;

use flag_admin::adapters::ProjectFolder;
use flag_admin::app::Operator;
use flag_admin::log::{EnvironmentName, Role};
use flag_core::Share;
use rusqlite::Connection;
use serde_json::{Value, json};
use support::{Run, Sandbox, finished};

const LOG: &str = "flags/log.sqlite";

fn altered(path: &Path, statement: &str) {
    let connection = Connection::open(path).unwrap();
    assert_eq!(connection.execute(statement, []).unwrap(), 1, "{statement}");
}

#[test]
fn an_altered_entry_is_named_by_audit_and_refused_by_everything_else() {
    let flip = |column: &str, seq: u32| {
        // The last byte of the cell, with its lowest bit the other way.
        format!(
            "UPDATE entries SET {column} = CAST(substr({column}, 1, length({column}) - 1) || \
             CASE WHEN substr({column}, -1) = x'7d' THEN x'7c' ELSE x'7d' END AS BLOB) WHERE seq = {seq}"
        )
    };
    let table: Vec<(String, &str)> = vec![
        (flip("bytes", 1), "log entry 1 is corrupt: its bytes hash to "),
        (flip("bytes", 5), "log entry 5 is corrupt: its bytes hash to "),
        (flip("bytes", 12), "log entry 12 is corrupt: its bytes hash to "),
        (flip("hash", 7), "log entry 7 is corrupt: its bytes hash to "),
        (
            "UPDATE entries SET hash = x'00' WHERE seq = 7".into(),
            "log entry 7 is corrupt: its stored hash has 1 bytes, expected 32",
        ),
        ("DELETE FROM entries WHERE seq = 6".into(), "log entry 6 is corrupt: stored under 7"),
        (
            "DELETE FROM entries WHERE seq = 12".into(),
            "log entry 12 is corrupt: missing: the log ends before it, but its head is 12 (",
        ),
        ("UPDATE entries SET seq = 40 WHERE seq = 12".into(), "log entry 12 is corrupt: stored under 40"),
        ("UPDATE head SET seq = 11".into(), "log entry 12 is corrupt: it is the last and hashes to "),
        (
            flip("hash", 0).replace("entries", "head").replace("WHERE seq = 0", ""),
            "log entry 12 is corrupt: it is the last and hashes to ",
        ),
    ];
    for (statement, message) in table {
        let sandbox = Sandbox::with_sample();
        altered(&sandbox.path(LOG), &statement);
        for arguments in [&["audit", "verify"][..], &["flag", "list"], &["publish", "--to", "public"]] {
            let run = sandbox.project(arguments);
            assert_eq!(run.code, Some(1), "{statement} {arguments:?}");
            assert!(run.err.starts_with(&format!("error: {message}")), "{statement} {arguments:?}: {}", run.err);
        }
        assert!(!sandbox.path("public").exists());
    }
}

#[test]
fn an_entry_replaced_with_its_hash_is_named_by_the_next_one() {
    let sandbox = Sandbox::with_sample();
    let connection = Connection::open(sandbox.path(LOG)).unwrap();
    let bytes: Vec<u8> = connection.query_row("SELECT bytes FROM entries WHERE seq = 5", [], |row| row.get(0)).unwrap();
    let forged = String::from_utf8(bytes).unwrap().replace("alice", "mallo").into_bytes();
    let hash = *blake3::hash(&forged).as_bytes();
    connection.execute("UPDATE entries SET bytes = ?1, hash = ?2 WHERE seq = 5", (&forged, hash.as_slice())).unwrap();
    drop(connection);
    let run = sandbox.project(&["audit", "verify"]);
    assert!(run.err.starts_with("error: log entry 5 is corrupt: it hashes to "), "{}", run.err);
    assert!(run.err.contains(", but entry 6 was appended to "), "{}", run.err);
}

#[test]
fn a_log_cut_off_or_rewritten_shows_against_what_was_published() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    let other = Sandbox::with_project();
    std::fs::copy(other.path(LOG), sandbox.path(LOG)).unwrap();
    for leftover in ["flags/log.sqlite-wal", "flags/log.sqlite-shm"] {
        let _ = std::fs::remove_file(sandbox.path(leftover));
    }
    sandbox.project(&["audit", "verify"]).text();
    let run = sandbox.project(&["audit", "verify", "--against", "public/v1/snapshot.json"]);
    assert!(run.err.starts_with("error: the snapshot was made from entry 12 ("), "{}", run.err);
    assert!(run.err.contains("but the log ends with entry 2 ("), "{}", run.err);
}

#[test]
fn a_proposal_from_a_head_that_moved_is_refused_until_it_is_made_anew() {
    let sandbox = Sandbox::with_sample();
    let open = || {
        let operator = Operator { actor: "alice".parse().unwrap(), role: Role::ReleaseManager };
        ProjectFolder::find(&sandbox.path("flags")).unwrap().open(operator).unwrap()
    };
    let (mut one, mut other) = (open(), open());
    let production = EnvironmentName::production();
    let share = |percent| Share::from_percent(percent).unwrap();
    let first = one.propose_rollout(&production, "ollama_backend", None, share(10)).unwrap();
    let second = other.propose_rollout(&production, "ollama_backend", None, share(20)).unwrap();
    one.commit(&first, Some("first")).unwrap();
    let before = other.state().clone();
    let refused = other.commit(&second, Some("second")).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "the log has moved on: its head is entry {}, expected entry {}; since then @alice increased rollout \
             percentage: 0% → 10% (ollama_backend) (entry 13 - of the same flag \"ollama_backend\")",
            one.state().head(),
            second.base()
        )
    );
    assert_eq!(*other.state(), before);
    assert!(other.refresh().unwrap());
    assert_eq!(other.state(), one.state());
    assert!(!other.refresh().unwrap());
    let again = other.propose_rollout(&production, "ollama_backend", None, share(20)).unwrap();
    assert_eq!(other.commit(&again, None).unwrap().entries, 1);
    assert_eq!(other.history(None, Some(2)).unwrap()[0].reason.as_deref(), Some("first"));
}

#[test]
fn programs_that_write_at_once_lose_nothing_that_was_acknowledged() {
    let sandbox = Sandbox::with_sample();
    let targets: Vec<String> = (0..8).map(|number| format!("capability{number}")).collect();
    let writers: Vec<_> = targets
        .iter()
        .map(|target| sandbox.spawn(&["-C", "flags", "kill", target, "--unlisted", "--reason", "drill", "--json"]))
        .collect();
    let mut acknowledged = Vec::new();
    for (writer, target) in writers.into_iter().zip(&targets) {
        let run = finished(writer);
        if run.code == Some(0) {
            acknowledged.push(target.as_str());
        } else {
            let error: Value = serde_json::from_str(&run.err).unwrap();
            assert_eq!(error["error"]["code"], "head_moved", "{error}");
        }
    }
    assert!(!acknowledged.is_empty());
    let kills = sandbox.project(&["kills", "--json"]).json();
    let mut killed: Vec<&str> = kills.as_array().unwrap().iter().map(|kill| kill["target"].as_str().unwrap()).collect();
    killed.sort_unstable();
    assert_eq!(killed, acknowledged);
}

/// How often the program is killed: 25 times every day, 500 times every night.
#[expect(clippy::disallowed_methods, reason = "a test asks the environment how thorough it must be")]
fn turns() -> u64 {
    if std::env::var("FLAG_NIGHTLY").is_ok_and(|value| value == "1") { 500 } else { 25 }
}

/// Moments to kill the program at, spread over a run of it and a little beyond.
struct Moments {
    run: Duration,
    turn: u32,
}

impl Moments {
    /// Takes the length of a run from one that is let be.
    #[expect(clippy::disallowed_methods, reason = "it says when to kill; nothing is asserted of it")]
    fn of(run: impl FnOnce()) -> Self {
        let start = std::time::Instant::now();
        run();
        Self { run: start.elapsed(), turn: 0 }
    }

    fn next(&mut self) -> Duration {
        self.turn += 1;
        // 37 and 110 have no common factor, so that 110 different percentages come before one comes again.
        self.run * (self.turn * 37 % 110) / 100
    }
}

/// Runs the program and kills it after a while. Returns what it had acknowledged by then.
fn killed_after(sandbox: &Sandbox, arguments: &[&str], after: Duration) -> Option<Value> {
    let mut child = sandbox.spawn(arguments);
    thread::sleep(after);
    child.kill().unwrap();
    let Run { out, .. } = finished(child);
    out.ends_with('\n').then(|| serde_json::from_str(&out).unwrap())
}

#[test]
fn killed_at_any_moment_a_rollout_is_whole_or_not_there() {
    let sandbox = Sandbox::with_sample();
    let mut acknowledged = Vec::new();
    let mut moments = Moments::of(|| drop(sandbox.project(&["rollout", "set", "ollama_backend", "50%", "--yes"])));
    for turn in 0..turns() {
        let share = format!("{}%", 1 + turn % 40);
        let rollout = ["-C", "flags", "rollout", "set", "ollama_backend", &share, "--yes", "--json"];
        acknowledged
            .extend(killed_after(&sandbox, &rollout, moments.next()).filter(|answer| answer["applied"] == json!(true)));
    }
    // With time enough one is acknowledged on any machine.
    acknowledged.push(sandbox.project(&["rollout", "set", "ollama_backend", "99%", "--yes", "--json"]).json());
    sandbox.project(&["audit", "verify"]).text();
    let log = sandbox.project(&["log", "--json"]).json();
    for answer in &acknowledged {
        let head = &answer["head"];
        let entry = log.as_array().unwrap().iter().find(|line| line["seq"] == head["seq"]).unwrap();
        assert_eq!(entry["hash"], head["hash"]);
    }
}

#[test]
fn killed_at_any_moment_a_publication_is_whole_and_its_version_spent_once() {
    let sandbox = Sandbox::with_sample();
    let mut moments = Moments::of(|| drop(sandbox.project(&["publish", "--to", "public"])));
    let mut last = 1;
    let mut told = vec![1];
    for _ in 0..turns() {
        let publish = ["-C", "flags", "publish", "--to", "public", "--json"];
        let acknowledged = killed_after(&sandbox, &publish, moments.next());
        let held =
            sandbox.project(&["verify", "public/v1/snapshot.json", "--json"]).json()["version"].as_u64().unwrap();
        assert!(held >= last, "{held} after {last}");
        if let Some(version) = acknowledged.and_then(|answer| answer["version"].as_u64()) {
            assert_eq!(held, version);
            told.push(version);
        }
        last = held;
    }
    sandbox.project(&["audit", "verify", "--against", "public/v1/snapshot.json"]).text();
    let published = sandbox.project(&["publish", "--to", "public", "--json"]).json();
    let log = sandbox.project(&["log", "--json"]).json();
    let versions = |name: &str| -> Vec<u64> {
        let of = |line: &Value| {
            line["change"]["type"].as_str().filter(|kind| *kind == name).and(line["change"]["version"].as_u64())
        };
        log.as_array().unwrap().iter().filter_map(of).collect()
    };
    let expected: Vec<u64> = (1..=published["version"].as_u64().unwrap()).collect();
    assert_eq!(versions("publish_started"), expected, "no version is signed twice");
    let arrived = versions("published");
    assert!(arrived.is_sorted() && arrived.iter().all(|version| expected.contains(version)), "{arrived:?}");
    assert!(told.iter().all(|version| arrived.contains(version)), "{told:?} {arrived:?}");
}
