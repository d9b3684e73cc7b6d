//! What the network and whoever answers on it can do to a client that asks once. The numbers are those of the list of faults that the
//! client must survive; `FLAG_NIGHTLY=1` in the environment runs them with the counts of a night.
#![cfg(feature = "remote")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod server;
mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flag_client::{FlagClient, Reason, SyncError};
use server::{Reply, Server, is_nightly, nowhere, open, remote, told};
use support::{DAY, Home, NOW, flag, kills, problems, snapshot};

/// What a machine that does other things too may need for something that takes milliseconds.
const SLACK: Duration = Duration::from_secs(2);

#[expect(clippy::disallowed_methods, reason = "deadlines are kept in real time")]
fn time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    (work(), start.elapsed())
}

/// A home whose cache holds version 1, which turns `command_history` on.
fn cached() -> Home {
    let (home, server) = (Home::new(), Server::start());
    server.snapshot(snapshot(1, &flag("command_history", true, "")));
    open(&home, &server.url).sync().unwrap();
    home
}

fn holds_version_one(client: &FlagClient) -> bool {
    client.is_enabled("command_history") && client.snapshot_info().is_some_and(|info| info.version == 1)
}

/// How long a client takes to open from its cache is measured by `cargo bench -p benches --bench client -- client/open`.
#[test]
fn fault_01_with_a_cache_a_server_that_refuses_connections_is_not_missed() {
    let home = cached();
    let url = nowhere();
    let (client, opening) = time(|| open(&home, &url));
    assert!(opening < SLACK, "{opening:?}");
    assert!(client.sync().is_err());
    assert!(holds_version_one(&client));
    assert!(!client.decision("command_history").stale);
    let late = home.builder().remote(remote(&home, &url)).clock(|| NOW.saturating_add_millis(90 * DAY)).open();
    assert!(holds_version_one(&late));
    assert!(late.decision("command_history").stale);
    assert!(problems(&late).is_empty());
}

#[test]
fn fault_02_without_a_cache_there_are_the_defaults_of_the_code() {
    let home = Home::new();
    let (client, opening) = time(|| open(&home, &nowhere()));
    assert!(opening < SLACK, "{opening:?}");
    assert!(client.sync().is_err());
    for (flag, on) in [("command_history", false), ("mlx_backend", true), ("execution_guard", false)] {
        let decision = client.decision(flag);
        assert_eq!((decision.enabled, decision.reason), (on, Reason::Default), "{flag}");
    }
}

#[test]
fn fault_03_while_a_server_says_nothing_flags_are_decided() {
    let (home, server) = (cached(), Server::start());
    for path in ["root/2.json", "kills.json", "snapshot.json"] {
        server.on(path, Reply::Silence);
    }
    let deadline = Duration::from_millis(500);
    let client = home.builder().remote(remote(&home, &server.url)).sync_deadline(deadline).open();
    let (asking, decided) = (AtomicBool::new(true), AtomicI64::new(0));
    let (result, took) = thread::scope(|scope| {
        scope.spawn(|| {
            while asking.load(Ordering::Relaxed) {
                assert!(client.is_enabled("command_history"));
                decided.fetch_add(1, Ordering::Relaxed);
            }
        });
        let outcome = time(|| client.sync());
        asking.store(false, Ordering::Relaxed);
        outcome
    });
    let message = told(&result.unwrap_err());
    assert!(message.ends_with("/v1/root/2.json: it did not arrive before the deadline"), "{message}");
    assert!(took >= deadline && took < deadline + SLACK, "{took:?}");
    assert!(decided.into_inner() > 1_000);
}

#[test]
fn fault_04_a_byte_now_and_then_does_not_move_the_deadline() {
    let (home, server) = (cached(), Server::start());
    for path in ["root/2.json", "kills.json", "snapshot.json"] {
        server.on(path, Reply::Drip);
    }
    let deadline = Duration::from_secs(if is_nightly() { 10 } else { 1 });
    let client = home.builder().remote(remote(&home, &server.url)).sync_deadline(deadline).open();
    let (result, took) = time(|| client.sync());
    assert!(result.is_err());
    assert!(took >= deadline && took < deadline + SLACK, "{took:?}");
    assert!(holds_version_one(&client));
}

#[test]
fn fault_05_a_document_cut_anywhere_is_no_document() {
    let (home, server) = (cached(), Server::start());
    let client = open(&home, &server.url);
    let next = snapshot(2, &flag("command_history", false, ""));
    let step = if is_nightly() { 1 } else { 97 };
    for sent in (0..next.len()).step_by(step) {
        server.on("snapshot.json", Reply::Truncated(next.clone(), sent));
        let message = told(&client.sync().unwrap_err());
        assert!(message.contains("/v1/snapshot.json: it could not be read to its end"), "{sent}: {message}");
        assert!(holds_version_one(&client), "{sent}");
    }
    server.snapshot(next);
    client.sync().unwrap();
    assert!(!client.is_enabled("command_history"));
}

#[test]
fn fault_08_a_server_that_asks_to_be_left_alone_is_left_alone() {
    let (home, server) = (cached(), Server::start());
    let clock = Arc::new(AtomicI64::new(0));
    let open = || {
        let clock = Arc::clone(&clock);
        let now = move || NOW.saturating_add_millis(clock.load(Ordering::Relaxed));
        home.builder().remote(remote(&home, &server.url)).clock(now).open()
    };
    let client = open();
    let asks =
        |after: &str| server.on("root/2.json", Reply::Answer(429, format!("retry-after: {after}\r\n"), Vec::new()));
    let until = |client: &FlagClient| match client.sync() {
        Err(SyncError::TooEarly { until }) => until.millis_since(NOW),
        other => panic!("{other:?}"),
    };
    asks("5");
    let message = told(&client.sync().unwrap_err());
    assert!(message.ends_with("/v1/root/2.json: the server answered with status 429 (Too Many Requests)"), "{message}");
    assert_eq!(server.requests(), ["/v1/root/2.json"], "the other documents are not asked for");

    for now in [0, 1, 4_999] {
        clock.store(now, Ordering::Relaxed);
        assert_eq!(until(&client), 5_000);
        assert_eq!(until(&open()), 5_000, "the next run knows it too");
    }
    let refused = client.sync().unwrap_err().to_string();
    assert_eq!(refused, "the server asked to be left alone until 2026-06-01T00:00:05Z");
    assert_eq!(server.requests(), Vec::<String>::new());
    assert!(holds_version_one(&client));

    clock.store(5_000, Ordering::Relaxed);
    asks("1000000000");
    assert!(client.sync().is_err());
    assert_eq!(until(&client), 5_000 + 3_600_000, "an hour at most");
    clock.store(-DAY, Ordering::Relaxed);
    asks("Sun, 31 May 2026 00:01:00 GMT");
    assert!(matches!(client.sync(), Err(SyncError::Document { .. })), "a clock that was set back frees");
    assert_eq!(until(&client), -DAY + 60_000);

    clock.store(DAY, Ordering::Relaxed);
    server.on("root/2.json", Reply::Status(404)).snapshot(snapshot(2, &flag("command_history", false, "")));
    client.sync().unwrap();
    client.sync().unwrap();
    assert!(!client.is_enabled("command_history"));
}

#[test]
fn fault_08_a_wait_that_cannot_be_kept_on_the_disk_is_kept_in_memory() {
    let (home, server) = (Home::new(), Server::start());
    let blocked = home.write("blocked", "a file where a folder should be");
    let remote = flag_client::Remote { state_file: blocked.join("state.json"), ..remote(&home, &server.url) };
    let client = home.builder().remote(remote).open();
    server.on("root/2.json", Reply::Answer(503, "retry-after: 60\r\n".to_owned(), Vec::new()));
    assert!(client.sync().is_err());
    assert!(matches!(client.sync(), Err(SyncError::TooEarly { .. })));
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn fault_12_whatever_the_clock_says_a_kill_arrives_and_nothing_expired_comes_back() {
    let (home, server) = (Home::new(), Server::start());
    let clock = Arc::new(AtomicI64::new(0));
    let now = Arc::clone(&clock);
    let client = home
        .builder()
        .remote(remote(&home, &server.url))
        .clock(move || NOW.saturating_add_millis(now.load(Ordering::Relaxed)))
        .open();
    let since_1970 = -NOW.as_millis();
    for (version, offset) in (1_u64..).zip([0, -DAY, DAY, since_1970, i64::MAX, 0, i64::MIN, 50 * 365 * DAY]) {
        // The clock jumps while documents are fetched too: half of the way it is elsewhere.
        clock.store(offset, Ordering::Relaxed);
        let (id, target) = (format!("k{version}"), format!("target_{version}"));
        server.on("kills.json", Reply::Document(kills(&[(&id, &target)]), None));
        server.on("snapshot.json", Reply::Document(snapshot(version, &flag("command_history", true, "")), None));
        let jump = Arc::clone(&clock);
        let jumping = thread::spawn(move || jump.store(offset / 2, Ordering::Relaxed));
        let _ = client.sync();
        jumping.join().unwrap();
        assert!(client.is_killed(&target), "at {offset}");
        assert!(client.is_enabled("command_history"), "at {offset}");
    }
    let held = client.snapshot_info().unwrap().version;
    clock.store(since_1970, Ordering::Relaxed);
    let expired = {
        let (issued, expires) = (NOW.saturating_add_millis(-9 * DAY), NOW.saturating_add_millis(-2 * DAY));
        let payload = format!(
            r#"{{"schema":1,"project":"caro","environment":"production","epoch":1,"version":99,
                "issued_at":"{issued}","expires_at":"{expires}","flags":{{{}}}}}"#,
            flag("command_history", false, "")
        );
        support::sign(flag_client::trust::PayloadType::Snapshot, &payload, "snapshot")
    };
    server.on("snapshot.json", Reply::Document(expired, None));
    let message = told(&client.sync().unwrap_err());
    assert!(message.contains("snapshot version 99 expired at"), "{message}");
    assert_eq!(client.snapshot_info().unwrap().version, held);
}

/// Names what a started process asks for, and where it may write.
const URL: &str = "FLAG_CLIENT_TEST_URL";
const FOLDER: &str = "FLAG_CLIENT_TEST_FOLDER";

#[cfg(target_os = "linux")]
#[test]
#[ignore = "no test: the one below starts it as a process of its own, whose memory it looks at"]
fn work_of_a_started_process() {
    let variable = |name: &str| std::env::vars().find(|(known, _)| known == name).map(|(_, value)| value);
    let (Some(url), Some(folder)) = (variable(URL), variable(FOLDER)) else { return };
    let resident = || -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let remote = flag_client::Remote {
        project: "caro".to_owned(),
        environment: "production".to_owned(),
        pinned_root: support::root(1),
        state_file: format!("{folder}/state.json").into(),
        bundled_snapshot: None,
        url: Some(url),
    };
    let client = FlagClient::builder().remote(remote).clock(|| NOW).sync_deadline(Duration::from_secs(10)).open();
    let before = resident();
    let (result, took) = time(|| client.sync());
    let grown = resident() - before;
    fs::write(format!("{folder}/found"), format!("{grown} {} {}", took.as_millis(), told(&result.unwrap_err())))
        .unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn fault_13_what_is_too_large_is_refused_without_being_held() {
    const MOST_KIB: u64 = 32 * 1024;
    let mut bomb = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    bomb.extend_from_slice(&[0; 4_096]);
    let table = [
        (Reply::Announced(16 * 1024 * 1024 + 1), "it is larger than 4194304 bytes"),
        (Reply::Endless, "it is larger than 4194304 bytes"),
        (Reply::Answer(200, String::new(), vec![b' '; 16 * 1024 * 1024 + 1]), "it is larger than 4194304 bytes"),
        (
            Reply::Answer(200, "content-encoding: gzip\r\n".to_owned(), bomb.clone()),
            "it is encoded as \"gzip\", expected no encoding",
        ),
        // Without saying so it is junk like any other.
        (Reply::Answer(200, String::new(), bomb), "it is refused: snapshot envelope is malformed"),
    ];
    for (reply, expected) in table {
        let (home, server) = (Home::new(), Server::start());
        server.on("snapshot.json", reply);
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "work_of_a_started_process", "--ignored", "--nocapture"])
            .envs([(URL, server.url.as_ref()), (FOLDER, home.folder().as_os_str())])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
        let found = home.read("found");
        let (grown, rest) = found.split_once(' ').unwrap();
        let (took, message) = rest.split_once(' ').unwrap();
        assert!(message.contains(expected), "{message}");
        assert!(grown.parse::<u64>().unwrap() <= MOST_KIB, "{grown} KiB more for {expected}");
        assert!(took.parse::<u64>().unwrap() < 5_000, "{took} ms for {expected}");
    }
}
