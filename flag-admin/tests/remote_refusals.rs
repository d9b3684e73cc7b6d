//! What commands say of a server that refuses, or of what stands in front of it: every status comes with what to do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![cfg(unix)]

mod support;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use support::{Sandbox, finished};

/// Answers every request the same.
fn answering(answer: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = answer.to_owned();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut from = BufReader::new(connection.unwrap());
            let mut line = String::new();
            while from.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let _ = from.get_mut().write_all(answer.as_bytes());
        }
    });
    url
}

fn of(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

#[test]
fn every_refusal_says_what_to_do() {
    let sandbox = Sandbox::empty();
    let said = r#"{"error":{"code":"token_verb","message":"token fa1 does not allow kill","hint":"use another"}}"#;
    for (answer, message, hint) in [
        (
            of("401 Unauthorized", "", "<html>"),
            "it answered 401 Unauthorized",
            "see whether FLAG_ADMIN_TOKEN is whole, and neither expired nor revoked",
        ),
        (
            of("403 Forbidden", "", ""),
            "it answered 403 Forbidden",
            "use a token that allows it, or have one issued: flag-admin token new HOLDER --can VERBS",
        ),
        (of("403 Forbidden", "", said), "token fa1 does not allow kill", "use another"),
        (
            of("404 Not Found", "", ""),
            "it answered 404 Not Found",
            "see whether it is the address of flag-admin serve, without a path",
        ),
        (
            of("409 Conflict", "", ""),
            "it answered 409 Conflict",
            "look at \"flag-admin log\" and run the command again",
        ),
        (
            of("412 Precondition Failed", "", ""),
            "it answered 412 Precondition Failed",
            "look at \"flag-admin log\" and run the command again",
        ),
        (
            of("413 Payload Too Large", "", ""),
            "it answered 413 Payload Too Large",
            "send less at once, such as fewer flags in one file",
        ),
        (
            of("429 Too Many Requests", "", ""),
            "it answered 429 Too Many Requests",
            "too much was asked for; try again later",
        ),
        (
            of("429 Too Many Requests", "retry-after: 7\r\n", ""),
            "it answered 429 Too Many Requests",
            "too much was asked for; try again in 7 s",
        ),
        (
            of("429 Too Many Requests", "retry-after: 7\r\n", said),
            "token fa1 does not allow kill",
            "use another; or try again in 7 s",
        ),
        (
            of("500 Internal Server Error", "", "oops"),
            "it answered 500 Internal Server Error",
            "see the server's log, and whether its disk is full",
        ),
        (
            of("502 Bad Gateway", "", ""),
            "it answered 502 Bad Gateway",
            "try again later; see whether the server runs: its /readyz",
        ),
        (
            of("503 Service Unavailable", "retry-after: 30\r\n", ""),
            "it answered 503 Service Unavailable",
            "try again in 30 s; see whether the server runs: its /readyz",
        ),
        (
            of("302 Found", "location: https://elsewhere.example/\r\n", ""),
            "it answered 302 Found",
            "name the address that it leads to: redirects are not followed with a token",
        ),
    ] {
        let url = answering(&answer);
        let mut command = sandbox.command(&["--server", &url, "flag", "list"]);
        command.env("FLAG_ADMIN_TOKEN", "flagadmin_manager_x").env("HOME", sandbox.path("home"));
        let run = finished(command.spawn().unwrap());
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{answer}");
        assert_eq!(run.err, format!("error: {url} refused: {message}\nhint: {hint}\n"));
    }
}

#[test]
fn a_server_that_answers_nonsense_is_no_project() {
    let sandbox = Sandbox::empty();
    for (answer, message) in [
        (of("200 OK", "", "<html>welcome</html>"), "cannot be read: the answer is no JSON"),
        (of("200 OK", "", "[]"), "cannot be read: invalid length 0, expected struct Whoami"),
        (of("200 OK", "", "{}"), "cannot be read: missing field `project`"),
    ] {
        let url = answering(&answer);
        let mut command = sandbox.command(&["--server", &url, "flag", "list"]);
        command.env("FLAG_ADMIN_TOKEN", "flagadmin_manager_x").env("HOME", sandbox.path("home"));
        let run = finished(command.spawn().unwrap());
        assert!(run.err.starts_with(&format!("error: {url} {message}")), "{run:?}");
    }
}
