//! `flag-admin serve` as clients and operators see it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![cfg(unix)]

#[path = "support/serving.rs"]
mod serving;
mod support;

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use serde_json::Value;
use serving::{Serving, raw};
use support::Sandbox;

/// A project that is published to `public`, and its server.
fn published() -> (Sandbox, Serving) {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    let serving = Serving::start(&sandbox, &["-C", "flags", "serve", "--public", "public"]);
    (sandbox, serving)
}

#[test]
fn documents_are_served_from_memory_with_etags() {
    let (sandbox, serving) = published();
    for (path, cached) in
        [("/v1/snapshot.json", "no-cache"), ("/v1/root/1.json", "public, max-age=31536000, immutable")]
    {
        let whole = serving.get(path, &[]);
        assert_eq!(whole.status, 200, "{path}");
        assert_eq!(whole.body, std::fs::read(sandbox.path(&format!("public{path}"))).unwrap());
        assert_eq!(whole.header("cache-control"), Some(cached));
        let etag = whole.header("etag").unwrap().to_owned();
        assert!(etag.starts_with('"') && etag.len() == 34, "{etag}");
        let known = serving.get(path, &[("if-none-match", &etag)]);
        assert_eq!((known.status, known.body.len(), known.header("etag")), (304, 0, Some(&*etag)));
        assert_eq!(serving.get(path, &[("if-none-match", "\"other\"")]).status, 200);
        let head = serving.ask("HEAD", path, &[], b"");
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), Some(&*whole.body.len().to_string()));
    }
    for absent in ["/v1/kills.json", "/v1/root/2.json", "/v1/root/01.json", "/v1/root/+1.json", "/v1/root/x", "/v1"] {
        let answer = serving.get(absent, &[]);
        assert_eq!(answer.status, 404, "{absent}");
        assert!(answer.json()["error"]["code"].is_string());
    }
    assert_eq!(serving.ask("DELETE", "/v1/snapshot.json", &[], b"").status, 405);
}

#[test]
fn health_and_readiness_tell_what_is_served() {
    let (_sandbox, serving) = published();
    assert_eq!(serving.get("/healthz", &[]).json()["status"], "ok");
    let ready = serving.get("/readyz", &[]).json();
    assert_eq!(
        (&ready["environment"], &ready["snapshot"], &ready["stale"]),
        (&"production".into(), &1.into(), &false.into())
    );
    let metrics = String::from_utf8(serving.get("/metrics", &[]).body).unwrap();
    assert!(metrics.contains("flag_snapshot_version 1\n"), "{metrics}");
    assert!(metrics.contains("flag_http_requests_total{route=\"/readyz\",status=\"2xx\"} 1\n"), "{metrics}");
}

#[test]
fn a_server_without_a_snapshot_is_not_ready() {
    let sandbox = Sandbox::with_project();
    let serving = Serving::start(&sandbox, &["-C", "flags", "serve", "--public", "public"]);
    let answer = serving.get("/readyz", &[]);
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["error"]["message"], "no snapshot of production is published");
    assert_eq!(serving.get("/v1/snapshot.json", &[]).status, 404);
    sandbox.project(&["publish", "--to", "public"]).text();
    serving.until("/readyz", |answer| answer.status == 200);
}

#[test]
fn whoever_listens_hears_of_a_kill_within_a_second() {
    let (sandbox, serving) = published();
    let mut stream = serving.stream("/v1/events", &[]);
    let opening = stream.until("\n\n");
    assert!(opening.contains("content-type: text/event-stream"), "{opening}");
    sandbox.project(&["kill", "telemetry_cloud_sync", "--reason", "incident", "--to", "public"]);
    let begun = Instant::now();
    let heard = stream.until("event: kills");
    assert!(begun.elapsed() < Duration::from_secs(1), "{heard}");
    assert_eq!(serving.get("/v1/kills.json", &[]).status, 200);
}

#[test]
fn whoever_resumes_is_told_what_was_missed() {
    let (sandbox, serving) = published();
    let mut stream = serving.stream("/v1/events", &[]);
    let opening = stream.until("\nid: ");
    let id = stream.line();
    assert!(!opening.contains("event:"), "{opening}");
    drop(stream);
    let mut resumed = serving.stream("/v1/events", &[("last-event-id", &id)]);
    resumed.until("\nid: ");
    sandbox.project(&["publish", "--to", "public"]).text();
    let told = resumed.until("event: snapshot");
    assert!(!told.contains("event: kills"), "{told}");
    let mut late = serving.stream("/v1/events", &[("last-event-id", &id)]);
    late.until("event: snapshot\n");
}

#[test]
fn fault_29_requests_in_flight_are_answered_before_the_end() {
    let (_sandbox, mut serving) = published();
    let mut waiting: Vec<_> = (0..100)
        .map(|_| {
            let mut connection = serving.connect();
            connection.write_all(b"GET /v1/snapshot.json HTTP/1.1\r\nhost: x\r\n").unwrap();
            connection
        })
        .collect();
    let mut listener = serving.stream("/v1/events", &[]);
    listener.until("\n\n");
    std::thread::sleep(Duration::from_millis(200));
    let begun = Instant::now();
    serving.terminate();
    for connection in &mut waiting {
        connection.write_all(b"\r\n").unwrap();
    }
    for mut connection in waiting {
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(serving.wait(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[test]
fn fault_30_connections_that_say_nothing_hold_up_nobody() {
    let (_sandbox, serving) = published();
    let halves: Vec<_> = (0..50)
        .map(|_| {
            let mut connection = serving.connect();
            connection.write_all(b"GET /v1/snapshot.json HTTP/1.1\r\nx-slow: ").unwrap();
            connection
        })
        .collect();
    let idle: Vec<_> = (0..200)
        .map(|_| {
            let mut connection = serving.connect();
            assert_eq!(raw(&mut connection, "GET", "/healthz", &[], b"").status, 200);
            connection
        })
        .collect();
    let begun = Instant::now();
    assert_eq!(serving.get("/v1/snapshot.json", &[]).status, 200);
    assert!(begun.elapsed() < Duration::from_secs(1));
    drop((halves, idle));
}

#[test]
fn fault_34_a_second_server_of_a_project_does_not_start() {
    let (sandbox, serving) = published();
    let begun = Instant::now();
    let second = sandbox.project(&["serve", "--public", "public", "--listen", "127.0.0.1:0"]);
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!((second.code, second.out.as_str()), (Some(1), ""));
    let said = format!("serve.lock is served already, by process {} at 127.0.0.1:0\n", serving.id());
    assert!(second.err.contains(&said), "{}", second.err);
    assert!(second.err.contains("hint: stop the other server"), "{}", second.err);
}

#[test]
fn a_server_keeps_what_it_serves_while_something_bad_is_published() {
    let (sandbox, serving) = published();
    let good = serving.get("/v1/snapshot.json", &[]).body;
    std::fs::write(sandbox.path("public/v1/snapshot.json"), b"{}").unwrap();
    let said = serving.logged("not_served");
    assert_eq!((&said["level"], &said["code"]), (&"error".into(), &"untrusted".into()), "{said}");
    assert_eq!(serving.get("/v1/snapshot.json", &[]).body, good);
    std::fs::write(sandbox.path("public/v1/snapshot.json"), &good).unwrap();
    assert_eq!(serving.get("/readyz", &[]).status, 200);
}

#[test]
fn other_machines_are_let_in_only_encrypted_or_on_purpose() {
    let sandbox = Sandbox::with_project();
    let refused = sandbox.project(&["serve", "--public", "public", "--listen", "0.0.0.0:0"]);
    assert_eq!(
        (refused.code, refused.err.as_str()),
        (
            Some(1),
            "error: 0.0.0.0:0 is an address that other machines reach, and connections would not be encrypted\n\
             hint: give --tls-cert FILE and --tls-key FILE, or say --insecure-http where a proxy encrypts\n"
        )
    );
    let serving = Serving::start(
        &sandbox,
        &["-C", "flags", "serve", "--public", "public", "--listen", "0.0.0.0:0", "--insecure-http"],
    );
    assert_eq!(serving.get("/healthz", &[]).status, 200);
}

#[test]
fn header_floods_are_refused() {
    let (_sandbox, serving) = published();
    let many = (0..100).map(|number| format!("x-{number}: y\r\n")).collect::<Vec<_>>().concat();
    let long = format!("x-long: {}\r\n", "y".repeat(64 * 1024));
    for flood in [many, long] {
        let mut connection = serving.connect();
        // The server may stop reading before all of it is written.
        let _ = connection.write_all(format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{flood}\r\n").as_bytes());
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431 "), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(serving.get("/healthz", &[]).status, 200);
}

/// `UPDATE_OPENAPI=1 cargo test -p flag-admin --test server openapi` writes it anew.
#[test]
#[expect(clippy::disallowed_methods, reason = "whoever changes the routes says so in the environment")]
fn the_openapi_document_is_the_one_that_is_checked_in() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
    let now = flag_admin::server::openapi_document();
    if std::env::var("UPDATE_OPENAPI").is_ok() {
        std::fs::write(path, format!("{now:#}\n")).unwrap();
    }
    let checked_in: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(now == checked_in, "the routes changed: write openapi.json anew");
    let (_sandbox, serving) = published();
    assert_eq!(serving.get("/openapi.json", &[]).json(), now);
}

#[test]
fn documents_come_packed_to_those_who_ask_and_each_form_has_its_own_etag() {
    let (sandbox, serving) = published();
    let file = std::fs::read(sandbox.path("public/v1/snapshot.json")).unwrap();
    let plain = serving.get("/v1/snapshot.json", &[]);
    let packed = serving.get("/v1/snapshot.json", &[("accept-encoding", "br, gzip")]);
    assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), (None, Some("gzip")));
    for answer in [&plain, &packed] {
        assert_eq!((answer.status, answer.header("vary")), (200, Some("accept-encoding")));
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    let mut unpacked = Vec::new();
    flate2::read::GzDecoder::new(&*packed.body).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == file && plain.body == file, "both are the document that is published");
    assert!(packed.body.len() * 2 < file.len(), "{} of {}", packed.body.len(), file.len());
    let (one, other) = (plain.header("etag").unwrap(), packed.header("etag").unwrap());
    assert_ne!(one, other);
    // Whoever holds either holds the document, whatever they accept now; a cache may have weakened the tag on its way.
    for (known, accepted) in [(one, "identity"), (one, "gzip"), (other, "identity"), (other, "gzip")] {
        for known in [known.to_owned(), format!("W/{known}")] {
            let again = serving.get("/v1/snapshot.json", &[("accept-encoding", accepted), ("if-none-match", &known)]);
            assert_eq!((again.status, again.header("etag")), (304, known.strip_prefix("W/").or(Some(&known))));
            assert_eq!((again.header("vary"), again.body.len()), (Some("accept-encoding"), 0));
        }
    }
    sandbox.project(&["flag", "disable", "ollama_backend", "--yes"]).text();
    sandbox.project(&["publish", "--to", "public"]).text();
    serving.until("/readyz", |ready| ready.json()["snapshot"] == 2);
    for known in [one, other] {
        assert_eq!(serving.get("/v1/snapshot.json", &[("if-none-match", known)]).status, 200);
    }
}

/// Whatever is asked, a scrape stays as long as it is: no path, flag, method or version that a stranger makes up is a label.
#[test]
fn strangers_make_no_series_of_metrics() {
    let (_sandbox, serving) = published();
    let series = || {
        let metrics = String::from_utf8(serving.get("/metrics", &[]).body).unwrap();
        let lines = metrics.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
        lines.map(|(series, _)| series.to_owned()).collect::<BTreeSet<_>>()
    };
    let ask = |number: u32| {
        for path in [
            format!("/made/up/{number}"),
            format!("/v1/root/{number}.json"),
            format!("/admin/v1/flags/flag-{number}"),
            format!("/v1/snapshot.json?{number}"),
        ] {
            serving.ask("PURGE", &path, &[], b"");
            serving.ask("GET", &path, &[("user-agent", &format!("program/{number}")), ("accept", "text/plain")], b"");
        }
        serving.post(&format!("/ofrep/v1/evaluate/flags/flag-{number}"), &[], "{}");
        serving.post("/v1/reports", &[], &format!("{{\"flag\":\"flag-{number}\"}}"));
    };
    // Each kind, and the scrape itself, so that what may be counted is there.
    (0..20).for_each(ask);
    series();
    let before = series();
    assert!(before.len() > 20, "{before:?}");
    (100..300).for_each(ask);
    assert_eq!(series().difference(&before).collect::<Vec<_>>(), Vec::<&String>::new());
}
