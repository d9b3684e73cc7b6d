//! Many listeners at one server, several servers over one database, and what happens to them when one of those goes.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![allow(clippy::print_stdout, reason = "figures are told beside the limits they keep, with --nocapture")]
#![cfg(target_os = "linux")]

#[path = "support/postgres.rs"]
mod postgres;
mod pty;
#[path = "support/resident.rs"]
mod resident;
#[path = "support/serving.rs"]
mod serving;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use postgres::Cluster;
use pty::Pty;
use resident::resident;
use serving::{Serving, raw};
use support::{SAMPLE, Sandbox, finished};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Opens a stream of events and says when it is open, and when it hears of a kill.
async fn listen(address: String, heard: mpsc::UnboundedSender<Option<Instant>>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /v1/events HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut read = Vec::new();
    let mut is_open = false;
    loop {
        if stream.read_buf(&mut read).await.unwrap() == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&read);
        if !is_open && text.contains("\nid: ") {
            is_open = true;
            heard.send(None).unwrap();
        }
        if text.contains("event: kills") {
            heard.send(Some(tokio::time::Instant::now().into_std())).unwrap();
            // The stream stays open until the test is over.
            std::future::pending::<()>().await;
        }
    }
}

/// `kill` is given a server's address and a token.
fn listeners_hear_of_a_kill(count: usize, memory_kilobytes: u64, kill: fn(&Sandbox, &str, &str)) {
    let limit = flag_admin::adapters::raise_descriptor_limit();
    assert!(limit > count as u64 + 100, "{limit} descriptors are too few for {count} listeners");
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "store://"]).text();
    let serving = Serving::start(&sandbox, &["-C", "flags", "serve"]);
    let url = serving.url();
    let token = token(&sandbox);
    let address = url.trim_start_matches("http://").to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (late, slowest, held) = runtime.block_on(async {
        let (told, mut heard) = mpsc::unbounded_channel();
        for _ in 0..count {
            tokio::spawn(listen(address.clone(), told.clone()));
        }
        for _ in 0..count {
            assert_eq!(heard.recv().await.unwrap(), None);
        }
        let held = resident(serving.id());
        let killing = std::thread::spawn(move || {
            kill(&sandbox, &url, &token);
            (Instant::now(), sandbox)
        });
        let mut moments = Vec::new();
        for _ in 0..count {
            moments.push(heard.recv().await.unwrap().unwrap());
        }
        // The clock starts when the kill is acknowledged: before that the command signs and waits for the disk.
        let (killed, _sandbox) = killing.join().unwrap();
        let waits: Vec<Duration> = moments.iter().map(|heard| heard.saturating_duration_since(killed)).collect();
        let late = waits.iter().filter(|waited| **waited > Duration::from_secs(1)).count();
        (late, waits.into_iter().max().unwrap(), held)
    });
    let slowest = slowest.as_millis();
    println!("{count} listeners take {held} kB; the last heard of the kill {slowest} ms after it was acknowledged");
    assert!(late * 100 <= count, "{late} of {count} heard later than a second");
    assert!(held <= memory_kilobytes, "{count} listeners take {held} kB, expected at most {memory_kilobytes}");
}

/// Kills where the project lies.
fn kill_here(sandbox: &Sandbox, _: &str, _: &str) {
    sandbox.project(&["kill", "telemetry_cloud_sync", "--reason", "incident"]).text();
}

/// Kills from another machine, which has nothing but the server's address and a token.
fn kill_from_afar(sandbox: &Sandbox, url: &str, token: &str) {
    let arguments = ["--server", url, "kill", "telemetry_cloud_sync", "--reason", "incident"];
    let mut command = sandbox.command(&arguments);
    command.env("FLAG_ADMIN_TOKEN", token).env("HOME", sandbox.path("home")).env_remove("XDG_STATE_HOME");
    finished(command.spawn().unwrap()).text();
}

/// Kills with the keys of a dashboard on another machine, which has nothing but the server's address and a token.
fn kill_in_dashboard(sandbox: &Sandbox, url: &str, token: &str) {
    let home = sandbox.path("home");
    let environment = [("FLAG_ADMIN_TOKEN", token), ("HOME", home.to_str().unwrap())];
    let mut pty = Pty::start(&sandbox.path(""), &["--server", url, "dashboard"], &environment);
    pty.wait_for("Flags 9");
    pty.press("j!");
    pty.wait_for("Turn off command_history");
    pty.press("1\r");
    pty.wait_for("command_history is killed, and clients get it from");
    pty.press("\u{1b}q");
    assert!(pty.end().status.success());
}

fn token(sandbox: &Sandbox) -> String {
    let issued = sandbox.project(&["token", "new", "alice", "--role", "release_manager", "--yes", "--json"]).json();
    issued["secret"].as_str().unwrap().to_owned()
}

#[test]
fn a_thousand_listeners_hear_of_a_kill_within_a_second() {
    listeners_hear_of_a_kill(1_000, 100_000, kill_here);
}

#[test]
fn a_kill_from_another_machine_reaches_a_thousand_listeners_within_a_second() {
    listeners_hear_of_a_kill(1_000, 100_000, kill_from_afar);
}

#[test]
fn a_kill_in_the_dashboard_of_another_machine_reaches_a_thousand_listeners_within_a_second() {
    listeners_hear_of_a_kill(1_000, 100_000, kill_in_dashboard);
}

/// The same with as many as one process is meant for: `cargo test -p flag-admin --test server_scale -- --ignored`.
#[test]
#[ignore = "ten thousand connections take a while on a small machine"]
fn ten_thousand_listeners_hear_of_a_kill_within_a_second() {
    listeners_hear_of_a_kill(10_000, 200_000, kill_here);
}

/// Asks for the snapshot again and again until told to stop. Returns how many answers there were, and how many were none.
fn reading(serving: &Arc<Serving>, stop: &Arc<AtomicBool>) -> std::thread::JoinHandle<(usize, usize)> {
    let (serving, stop) = (Arc::clone(serving), Arc::clone(stop));
    std::thread::spawn(move || {
        let (mut answers, mut failures) = (0, 0);
        let mut connection = serving.connect();
        while !stop.load(Ordering::Relaxed) {
            let answer = raw(&mut connection, "GET", "/v1/snapshot.json", &[], b"");
            answers += 1;
            failures += usize::from(answer.status != 200);
            std::thread::sleep(Duration::from_millis(2));
        }
        (answers, failures)
    })
}

fn leads(serving: &Serving) -> bool {
    String::from_utf8(serving.get("/metrics", &[]).body).unwrap().contains("\nflag_leader 1\n")
}

fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn replicas_share_a_database_and_outlive_each_other_and_it() {
    let Some(cluster) = Cluster::start() else { return };
    let store = cluster.database();
    let sandbox = Sandbox::empty();
    sandbox.run(&["init", "flags", "--project", "caro", "--as", "alice", "--store", &store]).text();
    sandbox.project(&["apply", "-f", SAMPLE, "--yes"]).text();
    sandbox.project(&["publish", "--to", "store://"]).text();
    let first = Serving::start(&sandbox, &["-C", "flags", "serve"]);
    eventually("the first server does not lead", || leads(&first));
    let second = Arc::new(Serving::start(&sandbox, &["-C", "flags", "serve"]));
    assert!(!leads(&second), "one leads");

    // Both hear of what is published, by either program.
    let mut streams = [first.stream("/v1/events", &[]), second.stream("/v1/events", &[])];
    for stream in &mut streams {
        stream.until("\n\n");
    }
    sandbox.project(&["kill", "telemetry_cloud_sync", "--reason", "incident"]).text();
    let begun = Instant::now();
    for stream in &mut streams {
        stream.until("event: kills");
    }
    assert!(begun.elapsed() < Duration::from_secs(1));
    let id = streams[0].line() + &streams[0].line();
    let id = id.trim_start_matches("id: ").to_owned();
    drop(streams);

    // One is killed: the other leads, and whoever listened to the first resumes at the second with nothing to be told.
    drop(first);
    eventually("nobody leads", || leads(&second));
    let mut resumed = second.stream("/v1/events", &[("last-event-id", &id)]);
    resumed.until("\nid: ");
    assert_eq!(resumed.line(), id);

    // The database is restarted under load: documents are served all the while, and no change that was acknowledged is lost.
    let stop = Arc::new(AtomicBool::new(false));
    let readers = reading(&second, &stop);
    let acknowledged = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut acknowledged_shares = Vec::new();
            for share in 1..=12 {
                let share = format!("{share}%");
                let run =
                    sandbox.project(&["rollout", "set", "enhanced_safety_v2", &share, "--yes", "--reason", &share]);
                if run.code == Some(0) {
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                    acknowledged_shares.push(share);
                }
            }
            acknowledged_shares
        });
        eventually("nothing is acknowledged", || acknowledged.load(Ordering::Relaxed) > 2);
        cluster.restart();
        let acknowledged = writer.join().unwrap();
        let log = sandbox.project(&["log", "--json"]).json();
        let reasons: Vec<&str> = log.as_array().unwrap().iter().filter_map(|line| line["reason"].as_str()).collect();
        for share in &acknowledged {
            assert!(reasons.contains(&share.as_str()), "{share} is lost: {reasons:?}");
        }
    });
    stop.store(true, Ordering::Relaxed);
    let (answers, failures) = readers.join().unwrap();
    assert!(answers > 50, "{answers}");
    assert_eq!(failures, 0, "of {answers}");

    // And it hears of what is published from then on.
    sandbox.project(&["publish", "--to", "store://"]).text();
    second.until("/readyz", |ready| ready.json()["snapshot"] == 2);
    eventually("nobody leads after the restart", || leads(&second));
}

#[test]
fn a_hundred_clients_that_poll_are_current_within_their_interval() {
    clients_that_poll_hear_of_a_kill(kill_here);
}

#[test]
fn a_kill_from_another_machine_reaches_a_hundred_clients_that_poll_within_their_interval() {
    clients_that_poll_hear_of_a_kill(kill_from_afar);
}

#[test]
fn a_kill_in_the_dashboard_of_another_machine_reaches_a_hundred_clients_that_poll_within_their_interval() {
    clients_that_poll_hear_of_a_kill(kill_in_dashboard);
}

fn clients_that_poll_hear_of_a_kill(kill: fn(&Sandbox, &str, &str)) {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "store://"]).text();
    let serving = Arc::new(Serving::start(&sandbox, &["-C", "flags", "serve"]));
    let interval = Duration::from_millis(500);
    let clients: Vec<_> = (0..100)
        .map(|_| {
            let serving = Arc::clone(&serving);
            std::thread::spawn(move || {
                let mut connection = serving.connect();
                while raw(&mut connection, "GET", "/v1/kills.json", &[], b"").status != 200 {
                    std::thread::sleep(interval);
                }
                Instant::now()
            })
        })
        .collect();
    kill(&sandbox, &serving.url(), &token(&sandbox));
    let acknowledged = Instant::now();
    for client in clients {
        let waited = client.join().unwrap().saturating_duration_since(acknowledged);
        assert!(waited <= interval + Duration::from_secs(1), "{waited:?}");
    }
}
