//! Those who mean a server ill: bodies that nobody should read, and connections that hold on to it. Others are answered all the while.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![cfg(target_os = "linux")]

#[path = "support/resident.rs"]
mod resident;
#[path = "support/serving.rs"]
mod serving;
mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use resident::resident;
use serving::Serving;
use support::Sandbox;

const SINGLE: &str = "/ofrep/v1/evaluate/flags/telemetry";
const BULK: &str = "/ofrep/v1/evaluate/flags";
const REPORTS: &str = "/v1/reports";
const ROLLOUT: &str = "/admin/v1/flags/ollama_backend/rollout";
const SWITCHES: &str = "/admin/kill-switches";

/// A project that is published to its own store, its server, and a token that may do everything.
fn serving() -> (Sandbox, Serving, String) {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "store://"]).text();
    let issued = sandbox.project(&["token", "new", "ci", "--role", "release_manager", "--yes", "--json"]).json();
    let serving = Serving::start(&sandbox, &["-C", "flags", "serve"]);
    (sandbox, serving, format!("Bearer {}", issued["secret"].as_str().unwrap()))
}

/// Whatever else goes on, a document and an evaluation are there within a second.
#[track_caller]
fn others_are_answered(serving: &Serving) {
    let begun = Instant::now();
    assert_eq!(serving.get("/v1/snapshot.json", &[]).status, 200);
    assert_eq!(serving.post(SINGLE, &[], r#"{"context":{"targetingKey":"u"}}"#).status, 200);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

fn connections(serving: &Serving) -> u64 {
    let metrics = String::from_utf8(serving.get("/metrics", &[]).body).unwrap();
    metrics.lines().find_map(|line| line.strip_prefix("flag_connections ")).unwrap().parse().unwrap()
}

#[test]
fn hostile_bodies_get_the_status_that_says_what_is_wrong() {
    let (_sandbox, serving, bearer) = serving();
    let deep = format!("{{\"context\":{{\"a\":{}1{}}}}}", "[".repeat(40), "]".repeat(40));
    let abyss = "[".repeat(900_000);
    let huge = format!("{{\"context\":{{\"a\":\"{}\"}}}}", "x".repeat(1_100_000));
    let table: &[(&str, &[u8], &[u16])] = &[
        ("deep", deep.as_bytes(), &[400, 400, 422, 400, 400]),
        ("an abyss", abyss.as_bytes(), &[400, 400, 413, 400, 400]),
        ("huge", huge.as_bytes(), &[413, 413, 413, 413, 413]),
        ("a key twice", br#"{"share":"1%","share":"2%","context":{"a":1,"a":2}}"#, &[400, 400, 422, 400, 400]),
        ("a kill twice", br#"{"telemetry":true,"telemetry":"no","telemetry":true}"#, &[400, 400, 422, 400, 400]),
        ("half a surrogate", br#"{"context":{"a":"\ud800"},"reason":"\udead"}"#, &[400, 400, 422, 400, 400]),
        ("no UTF-8", b"{\"context\":{\"a\":\"\xff\"},\"reason\":\"\xff\"}", &[400, 400, 422, 400, 400]),
        ("a byte order mark", b"\xef\xbb\xbf{}", &[400, 400, 422, 400, 400]),
        ("half an object", br#"{"context":{"#, &[400, 400, 422, 400, 400]),
        ("two objects", b"{}{}", &[400, 400, 422, 400, 400]),
        ("a list", b"[]", &[400, 400, 422, 400, 400]),
        ("a number that is none", br#"{"context":{"a":1e999}}"#, &[400, 400, 422, 400, 400]),
    ];
    for (name, body, statuses) in table {
        for (path, status) in [SINGLE, BULK, REPORTS, ROLLOUT, SWITCHES].iter().zip(*statuses) {
            let headers = [("authorization", &*bearer), ("content-type", "application/json")];
            let answer = serving.ask("POST", path, &headers, body);
            let text = String::from_utf8(answer.body.clone()).unwrap();
            assert_eq!(answer.status, *status, "{name} at {path}: {text}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{name} at {path}");
            let said = answer.json();
            let message = said["errorDetails"].as_str().or_else(|| said["error"]["message"].as_str()).unwrap();
            assert!(!message.is_empty() && message.len() < 500, "{name} at {path}: {message}");
        }
    }
    for media in ["application/json; charset=utf-16", "application/json; charset=iso-8859-1", "text/html", "x"] {
        for path in [SINGLE, BULK, REPORTS, ROLLOUT] {
            let headers = [("authorization", &*bearer), ("content-type", media)];
            assert_eq!(serving.ask("POST", path, &headers, b"{}").status, 415, "{media} at {path}");
        }
    }
    others_are_answered(&serving);
    // Nothing of it was done.
    let headers = [("authorization", &*bearer)];
    assert_eq!(serving.get("/admin/v1/kills", &headers).json()["killed"], serde_json::json!([]));
}

#[test]
fn a_body_that_says_it_is_huge_is_refused_before_it_is_sent() {
    let (_sandbox, serving, _) = serving();
    for path in [SINGLE, BULK, REPORTS] {
        let mut connection = serving.connect();
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 10000000000\r\n\r\n");
        connection.write_all(head.as_bytes()).unwrap();
        let mut start = [0; 12];
        connection.read_exact(&mut start).unwrap();
        assert_eq!(&start, b"HTTP/1.1 413", "{path}");
    }
}

#[test]
fn bodies_that_come_in_pieces_without_end_are_refused_at_the_limit() {
    let (_sandbox, serving, _) = serving();
    for path in [SINGLE, BULK, REPORTS] {
        let mut connection = serving.connect();
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
        connection.write_all(head.as_bytes()).unwrap();
        let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
        // The server stops reading before all of it is written.
        for _ in 0..400 {
            if connection.write_all(chunk.as_bytes()).is_err() {
                break;
            }
        }
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 413 "), "{}", String::from_utf8_lossy(&answer));
    }
    others_are_answered(&serving);
}

/// Sends most of a large body, and then nothing. Returns none where the server answers instead of reading.
fn withheld(serving: &Serving) -> TcpStream {
    let mut connection = serving.connect();
    let head = format!("POST {BULK} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n");
    let _ = connection.write_all(&[head.as_bytes(), &vec![b' '; 900_000]].concat());
    connection
}

#[test]
fn large_bodies_that_never_end_take_bounded_memory() {
    let (_sandbox, serving, _) = serving();
    others_are_answered(&serving);
    let before = resident(serving.id());
    let mut held: Vec<TcpStream> = (0..400).map(|_| withheld(&serving)).collect();
    let after = resident(serving.id());
    others_are_answered(&serving);
    assert!(after < before + 100_000, "{before} kB before, {after} kB after");
    // Those for whom there was no room are told when to come again.
    let mut answer = Vec::new();
    let _ = held.last_mut().unwrap().read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.is_empty() || (answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1\r\n")));
    drop(held);
    // Once they are gone there is room again.
    let large = format!("{{\"context\":{{\"a\":\"{}\"}}}}", "x".repeat(500_000));
    let begun = Instant::now();
    while serving.post(BULK, &[], &large).status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn clients_that_read_nothing_take_bounded_memory() {
    let (_sandbox, serving, _) = serving();
    others_are_answered(&serving);
    let before = resident(serving.id());
    let asked = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2_000);
    let held: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut connection = serving.connect();
            connection.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
            let _ = connection.write_all(asked.as_bytes());
            connection
        })
        .collect();
    others_are_answered(&serving);
    let after = resident(serving.id());
    assert!(after < before + 32_000, "{before} kB before, {after} kB after");
    drop(held);
}

#[test]
fn a_flood_of_headers_is_answered_431() {
    let (_sandbox, serving, _) = serving();
    let many = (0..100).map(|number| format!("x-{number}: y\r\n")).collect::<Vec<_>>().concat();
    let long = format!("x-long: {}\r\n", "y".repeat(17_000));
    let path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(17_000));
    for (flood, expected) in [
        (format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{many}\r\n"), "HTTP/1.1 431 "),
        (format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{long}\r\n"), "HTTP/1.1 431 "),
        (path, "HTTP/1.1 431 "),
    ] {
        let answer = || {
            let mut connection = serving.connect();
            let _ = connection.write_all(flood.as_bytes());
            let mut answer = Vec::new();
            let _ = connection.read_to_end(&mut answer);
            String::from_utf8(answer).unwrap()
        };
        // A connection that is closed while more arrives may lose the answer that was sent, though not each time.
        let told = (0..50).map(|_| answer()).find(|answer| !answer.is_empty());
        assert!(told.as_ref().is_some_and(|answer| answer.starts_with(expected)), "{told:?}");
    }
    // One that never ends is cut off, and takes no more than the limit.
    let before = resident(serving.id());
    let mut endless = serving.connect();
    endless.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n").unwrap();
    let line = format!("x-more: {}\r\n", "y".repeat(8_000));
    assert!((0..10_000).any(|_| endless.write_all(line.as_bytes()).is_err()), "it is read without end");
    assert!(resident(serving.id()) < before + 8_000);
    others_are_answered(&serving);
}

#[test]
fn connections_that_say_or_read_nothing_are_given_up() {
    let (_sandbox, serving, _) = serving();
    let half_open: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut connection = serving.connect();
            connection.write_all(b"GET /v1/snapshot.json HTTP/1.1\r\nx-slow: ").unwrap();
            connection
        })
        .collect();
    let silent: Vec<TcpStream> = (0..20).map(|_| serving.connect()).collect();
    let withheld: Vec<TcpStream> = (0..20).map(|_| withheld(&serving)).collect();
    let asked = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2_000);
    let unread: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut connection = serving.connect();
            connection.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
            let _ = connection.write_all(asked.as_bytes());
            connection
        })
        .collect();
    assert!(connections(&serving) > 60);
    others_are_answered(&serving);
    let begun = Instant::now();
    while connections(&serving) > 1 {
        assert!(begun.elapsed() < Duration::from_secs(60), "{} are still open", connections(&serving));
        std::thread::sleep(Duration::from_millis(500));
    }
    drop((half_open, silent, withheld, unread));
}
