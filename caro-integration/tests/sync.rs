//! What `caro features sync` says where nothing comes of it: what, where, why, and what to do.
#![cfg(feature = "remote")]
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};
use support::{Machine, flat, served};

fn flags() -> Value {
    json!({ "command_history": served("release", "on") })
}

fn machine(url: &str) -> Machine {
    Machine::new().published(&flags(), &[]).fetching_from(url)
}

/// Returns the address of a server that answers each request so.
fn server(status_line: &'static str, headers: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            while lines.next().is_some_and(|line| !line.is_empty()) {}
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status_line}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n");
            let _ = (&stream).write_all((head + body).as_bytes());
        }
    });
    url
}

/// What the command says, with `URL` for the server's address.
fn refused(machine: &Machine, url: &str) -> String {
    flat(&machine.caro("caro features sync").unwrap_err().replace(url, "URL"))
}

#[test]
fn each_answer_of_a_server_is_told_with_what_to_do() {
    let holds = "what was fetched before still holds";
    let proxy = format!(
        "the server, or a proxy on the way, does not answer as it should; {holds}; if it lasts, tell caro's team"
    );
    let theirs = format!("the trouble is the server's, not yours; {holds}; try again later");
    let denied = format!("the server does not let this caro in, or no longer; {holds}; if it lasts, tell caro's team");
    let status = |status: &str| format!("the server answered with status {status}");
    for (line, headers, body, why, hint) in [
        ("409 Conflict", "", "", status("409 (Conflict)"), proxy.clone()),
        ("412 Precondition Failed", "", "", status("412 (Precondition Failed)"), proxy.clone()),
        ("418 I'm a teapot", "", "", status("418 (I'm a teapot)"), proxy),
        ("401 Unauthorized", "", "", status("401 (Unauthorized)"), denied),
        (
            "429 Too Many Requests",
            "",
            "",
            status("429 (Too Many Requests)"),
            format!("this machine or its network asks too often; {holds}; try again later"),
        ),
        ("500 Oops", "", "", status("500 (Internal Server Error)"), theirs.clone()),
        ("503 Busy", "", "", status("503 (Service Unavailable)"), theirs.clone()),
        ("599 Odd", "", "", status("599"), theirs),
        (
            "302 Found",
            "location: http://login.hotel.example/\r\n",
            "",
            "the server redirects to login.hotel.example, which is not followed".to_owned(),
            format!("a network that wants you to sign in first does that: open a browser, then try again; {holds}"),
        ),
    ] {
        let url = server(line, headers, body);
        let machine = machine(&url);
        let expected = format!(
            "published flags were not refreshed: root was not refreshed from URL/v1/root/2.json: {why} hint: {hint}"
        );
        assert_eq!(refused(&machine, &url), expected, "{line}");
        assert!(machine.open().is_enabled("command_history"), "{line}");
    }
}

#[test]
fn a_page_where_flags_should_be_is_told_for_what_it_is() {
    let url = server("200 OK", "content-type: text/html\r\n", "<html>welcome to the hotel</html>");
    let found = refused(&machine(&url), &url);
    let hint = "hint: that is no document of published flags: a wrong address, or a network that wants you to sign in \
                first, answers so; what was fetched before still holds";
    assert!(found.starts_with("published flags were not refreshed: root was not refreshed from URL/v1/root/2.json: it is refused: root envelope is malformed: "), "{found}");
    assert!(found.ends_with(hint), "{found}");
}

#[test]
fn what_is_set_up_wrongly_is_told_without_a_request() {
    let correct = "hint: correct the address that caro is set up to fetch from; what was fetched before still holds";
    for (url, expected) in [
        ("ftp://flags.example.org", "the remote's url has scheme \"ftp\", expected https or file"),
        ("http://flags.example.org", "http to host \"flags.example.org\" is not encrypted, expected https"),
        ("https://", "the remote's url is malformed: empty host"),
    ] {
        assert_eq!(refused(&machine(url), "\0"), format!("{expected} {correct}"), "{url}");
    }
    let nowhere = Machine::new().published(&flags(), &[]);
    let expected = "the remote has no url hint: this caro has no place set up to fetch published flags from";
    assert_eq!(refused(&nowhere, "\0"), expected);
    let none = "no remote is set up hint: this caro has no place set up to fetch published flags from";
    assert_eq!(refused(&Machine::new(), "\0"), none);
}

#[test]
fn nobody_at_the_address_is_told_with_what_to_look_at() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let found = refused(&machine(&url), &url);
    let what =
        "published flags were not refreshed: root was not refreshed from URL/v1/root/2.json: the connection failed: ";
    let hint =
        "hint: see that this machine is online and the server's name is right; what was fetched before still holds";
    assert!(found.starts_with(what) && found.ends_with(hint), "{found}");
}

/// Fetches from a folder what the machine was not to be given: the flags in force stay, and the user hears what is wrong with it.
#[test]
fn each_document_that_is_refused_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    let held = machine(&url);
    let publish = |version: u64| {
        let (root, snapshot) = held.files_of(version, &json!({}), &[]);
        fs::create_dir_all(folder.path().join("v1").join("root")).unwrap();
        fs::copy(root, folder.path().join("v1/root/1.json")).unwrap();
        fs::copy(snapshot, folder.path().join("v1/snapshot.json")).unwrap();
    };
    let holds = "what was fetched before still holds";
    publish(6);
    let expected = format!(
        "snapshot version 6 is below the held version 7 hint: somewhere on the way an old copy is kept; {holds}, and is newer; \
         if it lasts, tell caro's team"
    );
    let found = refused(&held, "\0");
    assert!(found.ends_with(&expected), "{found}");
    publish(7);
    let found = refused(&held, "\0");
    let expected = format!(
        "snapshot version 7 differs from the held document of the same version \
         hint: do not trust that place for now: nothing of it was taken over; {holds}; tell caro's team"
    );
    assert!(found.ends_with(&expected), "{found}");
    publish(8);
    let snapshot = folder.path().join("v1/snapshot.json");
    let changed = fs::read_to_string(&snapshot).unwrap().replace("\"version\":8", "\"version\":9");
    fs::write(&snapshot, changed).unwrap();
    let found = refused(&held, "\0");
    let expected = format!(
        "hint: it was signed, and changed on its way or where it lies: nothing of it was taken over; {holds}; \
         if it lasts, tell caro's team"
    );
    assert!(found.contains("content is not the one signed: found ") && found.ends_with(&expected), "{found}");
    fs::remove_file(snapshot).unwrap();
    let found = refused(&held, "\0");
    let expected = format!("there is none hint: nothing is published there: is the address right? {holds}");
    assert!(found.ends_with(&expected), "{found}");
    assert!(held.open().is_enabled("command_history"));
}

#[test]
fn what_cannot_be_kept_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", folder.path().display());
    let machine = machine(&url);
    let (_, snapshot) = machine.files_of(8, &flags(), &[]);
    fs::create_dir_all(folder.path().join("v1")).unwrap();
    fs::copy(snapshot, folder.path().join("v1/snapshot.json")).unwrap();
    fs::create_dir_all(machine.state().join("published.json")).unwrap();
    let expected = "the trusted documents cannot be kept: HOME/.local/state/caro/published.json is not a regular file \
                    hint: what was fetched cannot be kept for the next run; \
                    move what stands there out of the way and try again";
    assert_eq!(refused(&machine, "\0"), expected);
}
