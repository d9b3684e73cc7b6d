//! Two servers over one PostgreSQL: writes through either, while either is killed and the database restarted.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![cfg(target_os = "linux")]

#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/serving.rs"]
mod serving;
mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::{Duration, Instant, SystemTime};

use postgres::Cluster;
use serde_json::json;
use serving::Serving;
use support::{SAMPLE, Sandbox, finished};

const ROLLOUT: &str = "/admin/v1/flags/enhanced_safety_v2/rollout";

/// A project in a database, published, and a token that may do everything.
fn shared(cluster: &Cluster) -> (Sandbox, String) {
    let sandbox = Sandbox::empty();
    sandbox.run(&["init", "flags", "--project", "caro", "--as", "alice", "--store", &cluster.database()]).text();
    sandbox.project(&["apply", "-f", SAMPLE, "--yes"]).text();
    sandbox.project(&["publish", "--to", "store://"]).text();
    let issue = ["token", "new", "ci", "--role", "release_manager", "--yes", "--json"];
    let issued = sandbox.project(&issue).json();
    (sandbox, format!("Bearer {}", issued["secret"].as_str().unwrap()))
}

fn replica(sandbox: &Sandbox) -> Serving {
    Serving::start(sandbox, &["-C", "flags", "serve"])
}

/// Returns what came back of a request: nothing, or a part, where the replica went away meanwhile.
fn asked(serving: &Serving, request: &str) -> Vec<u8> {
    let mut answer = Vec::new();
    if let Ok(mut connection) = TcpStream::connect(serving.url().trim_start_matches("http://")) {
        let _ = connection.set_read_timeout(Some(Duration::from_secs(20)));
        let _ = connection.write_all(request.as_bytes());
        let _ = connection.read_to_end(&mut answer);
    }
    answer
}

/// Changes a share through one replica. Returns whether that was acknowledged; a replica that goes away meanwhile acknowledges nothing.
fn change(serving: &Serving, bearer: &str, reason: &str, share: usize) -> bool {
    let body = json!({ "share": format!("{share}%"), "reason": reason }).to_string();
    let length = body.len();
    let request = format!(
        "POST {ROLLOUT} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {bearer}\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    let answer = asked(serving, &request);
    // What another writer set already is no change, and no entry.
    let answer = String::from_utf8_lossy(&answer);
    answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"applied\":true") && answer.ends_with('}')
}

#[test]
fn no_write_that_a_replica_acknowledged_is_lost_whatever_is_killed() {
    let Some(cluster) = Cluster::start() else { return };
    let (sandbox, bearer) = shared(&cluster);
    let replicas = [RwLock::new(Some(replica(&sandbox))), RwLock::new(Some(replica(&sandbox)))];
    let (over, written) = (AtomicBool::new(false), AtomicUsize::new(0));
    let acknowledged = Mutex::new(Vec::new());
    let reads = std::thread::scope(|scope| {
        let (replicas, over, written, acknowledged) = (&replicas, &over, &written, &acknowledged);
        let bearer = &bearer;
        for (number, replica) in replicas.iter().enumerate() {
            scope.spawn(move || {
                for turn in 0.. {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    let reason = format!("write {number} {turn}");
                    let held = replica.read().unwrap();
                    if held.as_ref().is_some_and(|serving| change(serving, bearer, &reason, 1 + turn % 90)) {
                        acknowledged.lock().unwrap().push(reason);
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                    drop(held);
                    std::thread::sleep(Duration::from_millis(5));
                }
            });
        }
        let readers: Vec<_> = replicas
            .iter()
            .map(|replica| {
                scope.spawn(move || {
                    let mut reads = 0;
                    while !over.load(Ordering::Relaxed) {
                        if let Some(serving) = &*replica.read().unwrap() {
                            let request = "GET /v1/snapshot.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
                            let answer = asked(serving, request);
                            // A replica that is gone answers nothing; one that answers has the snapshot.
                            assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 200 "));
                            reads += usize::from(!answer.is_empty());
                        }
                        std::thread::sleep(Duration::from_millis(5));
                    }
                    reads
                })
            })
            .collect();
        let some_more = || {
            let (before, begun) = (written.load(Ordering::Relaxed), Instant::now());
            while written.load(Ordering::Relaxed) < before + 5 {
                assert!(begun.elapsed() < Duration::from_secs(30), "nothing is acknowledged any more");
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        some_more();
        // The one that leads, then the other: each with SIGKILL, each comes back.
        for killed in replicas {
            let process = killed.read().unwrap().as_ref().unwrap().id();
            let kill = std::process::Command::new("kill").args(["-KILL", &process.to_string()]).status().unwrap();
            assert!(kill.success());
            *killed.write().unwrap() = None;
            some_more();
            *killed.write().unwrap() = Some(replica(&sandbox));
            some_more();
        }
        cluster.restart();
        some_more();
        over.store(true, Ordering::Relaxed);
        readers.into_iter().map(|reader| reader.join().unwrap()).sum::<usize>()
    });
    assert!(reads > 100, "{reads}");
    let log = sandbox.project(&["log", "--json"]).json();
    let reasons: Vec<&str> = log.as_array().unwrap().iter().filter_map(|line| line["reason"].as_str()).collect();
    for reason in acknowledged.lock().unwrap().iter() {
        assert!(reasons.contains(&reason.as_str()), "{reason} is lost of {}", reasons.len());
    }
    sandbox.project(&["audit", "verify"]).text();
}

#[test]
fn a_token_that_one_replica_revokes_is_refused_by_the_other_at_once() {
    let Some(cluster) = Cluster::start() else { return };
    let (sandbox, bearer) = shared(&cluster);
    let (one, other) = (replica(&sandbox), replica(&sandbox));
    let issued = sandbox.project(&["token", "new", "ops", "--role", "release_manager", "--yes", "--json"]).json();
    let leaked = format!("Bearer {}", issued["secret"].as_str().unwrap());
    let whoami = |bearer: &str| other.get("/admin/v1/whoami", &[("authorization", bearer)]).status;
    assert_eq!(whoami(&leaked), 200);
    let path = format!("/admin/v1/tokens/{}", issued["token"].as_str().unwrap());
    assert_eq!(one.ask("DELETE", &path, &[("authorization", &bearer)], b"").status, 200);
    let begun = Instant::now();
    while whoami(&leaked) != 401 {
        assert!(begun.elapsed() < Duration::from_secs(1), "it is still taken");
    }
    assert_eq!(whoami(&bearer), 200);
}

#[test]
fn fault_32_of_two_who_publish_what_they_saw_through_two_replicas_one_is_told_to_look_again() {
    let Some(cluster) = Cluster::start() else { return };
    let (sandbox, bearer) = shared(&cluster);
    let replicas = [replica(&sandbox), replica(&sandbox)];
    for round in 0..5 {
        let share = format!("{{\"share\":\"{}%\"}}", 10 + round);
        let set = replicas[0].ask("POST", ROLLOUT, &[("authorization", &bearer)], share.as_bytes());
        assert_eq!(set.status, 200, "{}", String::from_utf8_lossy(&set.body));
        let state = replicas[1].get("/admin/v1/flags", &[("authorization", &bearer)]);
        let seen = state.header("etag").unwrap().to_owned();
        let start = std::sync::Barrier::new(2);
        let publish = |replica: &Serving| {
            start.wait();
            let headers = [("authorization", bearer.as_str()), ("if-match", seen.as_str())];
            replica.ask("POST", "/admin/v1/publish", &headers, b"{}").status
        };
        let mut answers = std::thread::scope(|scope| {
            let running = replicas.each_ref().map(|replica| scope.spawn(|| publish(replica)));
            running.map(|running| running.join().unwrap())
        });
        answers.sort_unstable();
        assert!(answers[0] == 200 && [409, 412].contains(&answers[1]), "round {round}: {answers:?}");
    }
}

/// A replica that signs by a clock of days ago leads at first; the two others go by the true one.
#[test]
fn what_the_leader_signs_anew_before_it_expires_every_replica_serves() {
    let Some(cluster) = Cluster::start() else { return };
    let store = cluster.database();
    let sandbox = Sandbox::empty();
    let days_ago =
        (SystemTime::now() - Duration::from_secs(25 * 86_400)).duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let then = flag_core::Timestamp::from_millis(days_ago.as_millis().try_into().unwrap()).to_string();
    let earlier = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command.env("FLAG_ADMIN_TEST_CLOCK", &then);
        command
    };
    for arguments in [
        &["init", "flags", "--project", "caro", "--as", "alice", "--store", &store][..],
        &["-C", "flags", "apply", "-f", SAMPLE, "--yes"],
        &["-C", "flags", "publish", "--to", "store://"],
    ] {
        let run = finished(earlier(arguments).spawn().unwrap());
        assert_eq!(run.code, Some(0), "{arguments:?} {run:?}");
    }
    let serve = ["-C", "flags", "serve", "--listen", "127.0.0.1:0", "--json"];
    let first = Serving::of(earlier(&serve).spawn().unwrap());
    first.until("/metrics", |answer| text(answer).contains("\nflag_leader 1\n"));
    let others = [replica(&sandbox), replica(&sandbox)];
    let expiry = |serving: &Serving| {
        serving.get("/v1/snapshot.json", &[]).json()["content"]["expires_at"].as_str().unwrap().to_owned()
    };
    let before = expiry(&first);
    for other in &others {
        assert_eq!((other.get("/readyz", &[]).json()["snapshot"].as_u64(), expiry(other)), (Some(1), before.clone()));
    }
    drop(first);
    let [one, other] = &others;
    let etags = others.each_ref().map(|other| {
        other.until("/readyz", |ready| ready.json()["snapshot"] == 2);
        other.get("/v1/snapshot.json", &[]).header("etag").unwrap().to_owned()
    });
    assert_eq!(etags[0], etags[1]);
    assert_eq!(expiry(one), expiry(other));
    assert!(expiry(one) > before, "{before}");
    let leaders = others.iter().filter(|other| text(&other.get("/metrics", &[])).contains("\nflag_leader 1\n"));
    assert_eq!(leaders.count(), 1);
}

fn text(answer: &serving::Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}
