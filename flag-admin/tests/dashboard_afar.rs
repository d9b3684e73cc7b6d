//! The dashboard on a project that a server holds, and on a server that hangs, refuses, fails or is gone.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    missing_docs,
    dead_code,
    unreachable_pub,
    reason = "a test stops at the first surprise, shares its support with others, and waits for a server"
)]

mod pty;
#[path = "support/serving.rs"]
mod serving;
mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

use pty::Pty;
use serving::Serving;
use support::Sandbox;

/// What stands between the dashboard and the server does with a request.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Mood {
    Pass,
    /// Nothing comes back until it passes again.
    Hang,
    Answer(u16),
    /// The connection ends without an answer.
    Hangup,
}

/// A server that does as it is told, in front of a real one.
struct Double {
    address: String,
    mood: Arc<Mutex<Mood>>,
}

impl Double {
    fn before(serving: &Arc<Serving>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, mood) = (listener.local_addr().unwrap().to_string(), Arc::new(Mutex::new(Mood::Pass)));
        // The threads never end: what they held on to would outlive the test, and its server with it.
        let (shared, real) = (Arc::clone(&mood), Arc::downgrade(serving));
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (mood, real) = (Arc::clone(&shared), Weak::clone(&real));
                thread::spawn(move || while answer(&connection, &mood, &real).is_some() {});
            }
        });
        Self { address, mood }
    }

    fn is_now(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Answers one request; none ends the connection.
fn answer(connection: &TcpStream, mood: &Mutex<Mood>, real: &Weak<Serving>) -> Option<()> {
    let mut from = BufReader::new(connection);
    let mut line = || {
        let mut line = String::new();
        let count = from.read_line(&mut line).ok()?;
        (count > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let (method, path) = (first.split(' ').next()?.to_owned(), first.split(' ').nth(1)?.to_owned());
    let mut headers = Vec::new();
    while let Some((name, value)) = line()?.split_once(": ") {
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    let mut waited = 0;
    let now = loop {
        match *mood.lock().unwrap() {
            Mood::Hang if waited < 1_000 => waited += 1,
            now => break now,
        }
        thread::sleep(Duration::from_millis(20));
    };
    let (status, body) = match now {
        Mood::Hangup | Mood::Hang => return None,
        Mood::Answer(status) => (status, b"not what you hoped for".to_vec()),
        Mood::Pass => {
            let kept: Vec<(&str, &str)> = headers
                .iter()
                .filter(|(name, _)| ["authorization", "content-type", "if-match"].contains(&name.as_str()))
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let answer = real.upgrade()?.ask(&method, &path, &kept, &body);
            (answer.status, answer.body)
        }
    };
    let head = format!("HTTP/1.1 {status} Told\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut to = connection;
    to.write_all(&[head.as_bytes(), &body].concat()).ok()
}

/// A dashboard on a project that a server holds, with a double between them.
struct Afar {
    sandbox: Sandbox,
    serving: Arc<Serving>,
    double: Double,
    token: String,
}

impl Afar {
    fn new() -> Self {
        let sandbox = Sandbox::with_sample();
        sandbox.project(&["member", "add", "bob", "engineering_lead", "--yes"]).text();
        sandbox.project(&["publish", "--to", "public"]).text();
        let serving = Arc::new(Serving::start(&sandbox, &["-C", "flags", "serve", "--public", "public"]));
        let double = Double::before(&serving);
        let issued = sandbox.project(&["token", "new", "alice", "--yes", "--json"]).json();
        let token = issued["secret"].as_str().unwrap().to_owned();
        Self { sandbox, serving, double, token }
    }

    fn open(&self) -> Pty {
        let url = self.double.url();
        let home = self.sandbox.path("home");
        let environment = [("FLAG_ADMIN_TOKEN", self.token.as_str()), ("HOME", home.to_str().unwrap())];
        let pty = Pty::start(&self.sandbox.path(""), &["--server", &url, "dashboard"], &environment);
        pty.wait_for("Flags 9");
        pty
    }
}

#[test]
fn a_flag_is_changed_published_and_killed_through_a_server() {
    let afar = Afar::new();
    let mut pty = afar.open();
    for (keys, shown) in [
        ("jr10", "gain "),
        ("\r", "Reason (optional)"),
        ("first users\r", "the share is 10%"),
        ("P", "signs it with its keys, and publishes it where it serves"),
        ("\r", "Snapshot 2 is published to http://127.0.0.1"),
        ("!", "Turn off command_history"),
        ("1\r", "command_history is killed, and clients get it from http://127.0.0.1"),
        ("u", "which is lifted rather than undone"),
    ] {
        pty.press(keys);
        pty.wait_for(shown);
    }
    pty.press("\u{1b}q");
    assert!(pty.end().status.success());
    let kills = afar.serving.get("/v1/kills.json", &[]);
    assert_eq!(kills.status, 200);
    let log = afar.sandbox.run(&["-C", "flags", "log", "--limit", "5"]);
    assert!(log.text().contains("@alice enabled kill switch: command_history - errors or crashes"), "{log:?}");
}

#[test]
fn fault_a_server_that_hangs_five_seconds_holds_up_no_key_and_loses_nothing() {
    let afar = Afar::new();
    let mut pty = afar.open();
    pty.press("jr25");
    pty.wait_for("gain ");
    pty.press("\r");
    pty.wait_for("Reason (optional)");
    afar.double.is_now(Mood::Hang);
    let hung = Instant::now();
    pty.press("\r");
    pty.wait_for("; keys go on working");
    pty.press("\u{1b}");
    pty.wait_for("It goes on");
    for (keys, shown) in [
        ("4", "[4 Audit]"),
        ("?", "Keys: Audit"),
        ("?", "entries, chain whole"),
        ("1", "Flags 9"),
        ("/tele", "Flags 2"),
    ] {
        pty.press(keys);
        pty.wait_for(shown);
    }
    assert!(hung.elapsed() < Duration::from_secs(5), "keys were held up: {:?}", hung.elapsed());
    pty.wait_for("for 4s");
    thread::sleep(Duration::from_secs(5).saturating_sub(hung.elapsed()));
    afar.double.is_now(Mood::Pass);
    pty.wait_for("command_history: the share is 25% from the next snapshot on");
    pty.press("\r");
    // Leaving does not wait for a server either.
    afar.double.is_now(Mood::Hang);
    pty.wait_for("waiting for the project's log");
    let left = Instant::now();
    pty.press("q");
    let ended = pty.end();
    assert!(left.elapsed() < Duration::from_secs(4), "{:?}", left.elapsed());
    assert!(ended.status.success());
    ended.assert_terminal_given_back();
}

#[test]
fn fault_a_server_that_refuses_fails_or_is_silent_is_told_apart_and_the_data_stay() {
    for (mood, said) in [
        (Mood::Answer(401), "it answered 401"),
        (Mood::Answer(409), "it answered 409"),
        (Mood::Answer(500), "it answered 500"),
        (Mood::Hangup, "cannot be read"),
    ] {
        let afar = Afar::new();
        let mut pty = afar.open();
        // While a change is confirmed.
        pty.press("jr25");
        pty.wait_for("gain ");
        pty.press("\r");
        pty.wait_for("Reason (optional)");
        afar.double.is_now(mood);
        pty.press("\r");
        pty.wait_for("error:");
        pty.wait_for("CANNOT BE READ");
        pty.press("\u{1b}\u{1b}\u{1b}");
        pty.wait_for(said);
        pty.wait_for("stale");
        pty.wait_for("enhanced_safety_v2");
        pty.press("j!");
        pty.wait_for("so nothing can be changed");
        afar.double.is_now(Mood::Pass);
        pty.wait_for("can be read again");
        pty.press("q");
        assert!(pty.end().status.success(), "{mood:?}");
    }
}

#[test]
fn fault_a_token_that_is_revoked_says_so_and_what_is_shown_stays() {
    let afar = Afar::new();
    let mut pty = afar.open();
    afar.sandbox.project(&["token", "revoke", &afar.token, "--yes"]).text();
    pty.wait_for("CANNOT BE READ");
    pty.wait_for("the token is not valid");
    pty.wait_for("command_history");
    pty.press("q");
    assert!(pty.end().status.success());
}
