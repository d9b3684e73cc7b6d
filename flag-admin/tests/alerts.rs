//! Alerts from outside: what is told, signed how, sent where, and how often.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![cfg(unix)]

#[path = "support/serving.rs"]
mod serving;
mod support;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{IpAddr, TcpListener};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flag_admin::adapters::{AlertReach, HttpAlertSender, ProjectFolder, SystemRandomness};
use flag_admin::app::ports::{AlertSendError, AlertSender, Clock};
use flag_admin::app::{Operator, Ports, Project, Settings};
use flag_admin::log::Role;
use flag_core::Timestamp;
use serde_json::{Value, json};
use serving::Serving;
use sha2::{Digest as _, Sha256};
use support::Sandbox;

/// A request that a receiver got.
struct Got {
    headers: Vec<(String, String)>,
    body: String,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

/// A receiver that answers with these statuses, one after the other and the last one for ever.
fn receiver(listener: TcpListener, statuses: &'static [u16]) -> Receiver<Got> {
    let (told, got) = channel();
    std::thread::spawn(move || {
        for (number, connection) in listener.incoming().enumerate() {
            let mut from = BufReader::new(connection.unwrap());
            let mut line = String::new();
            from.read_line(&mut line).unwrap();
            let mut headers = Vec::new();
            loop {
                let mut line = String::new();
                from.read_line(&mut line).unwrap();
                let Some((name, value)) = line.trim_end().split_once(": ") else { break };
                headers.push((name.to_ascii_lowercase(), value.to_owned()));
            }
            let length = headers.iter().find(|(name, _)| name == "content-length").unwrap().1.parse().unwrap();
            let mut body = vec![0; length];
            from.read_exact(&mut body).unwrap();
            let status = statuses[number.min(statuses.len() - 1)];
            let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            from.get_mut().write_all(answer.as_bytes()).unwrap();
            let _ = told.send(Got { headers, body: String::from_utf8(body).unwrap() });
        }
    });
    got
}

/// HMAC-SHA-256 as RFC 2104 writes it.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().to_vec()
}

fn verify(got: &Got, secret: &str) {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!("{}.{}.{}", got.header("webhook-id"), got.header("webhook-timestamp"), got.body);
    let expected = format!("v1,{}", STANDARD.encode(hmac(&key, signed.as_bytes())));
    assert!(got.header("webhook-signature").split(' ').any(|signature| signature == expected), "{:?}", got.headers);
}

fn served(sandbox: &Sandbox) -> Serving {
    Serving::start(sandbox, &["-C", "flags", "serve", "--public", "public", "--alerts-to-loopback"])
}

fn published() -> Sandbox {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    sandbox
}

#[test]
fn a_kill_and_its_end_are_told_signed_and_survive_a_restart() {
    let sandbox = published();
    // Somebody has the address, and nobody answers there yet.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/hook");
    let added = sandbox.project(&["alert", "add", "oncall", "webhook", &url, "--json"]).json();
    let secret = added["secret"].as_str().unwrap().to_owned();
    let first = served(&sandbox);
    sandbox.project(&["kill", "telemetry", "--reason", "privacy incident"]).text();
    first.logged("alert_not_arrived");
    drop(first);
    let waiting = sandbox.project(&["alert", "list", "--json"]).json();
    assert_eq!((&waiting[0]["waiting"], &waiting[0]["arrived"]), (&json!(1), &json!(0)), "{waiting}");

    let got = receiver(TcpListener::bind(address).unwrap(), &[204]);
    let _second = served(&sandbox);
    let alert = got.recv_timeout(Duration::from_secs(20)).unwrap();
    verify(&alert, &secret);
    let body: Value = serde_json::from_str(&alert.body).unwrap();
    assert_eq!((&body["type"], &body["data"]["alert"]["target"]), (&json!("kill.activated"), &json!("telemetry")));
    assert_eq!(body["data"]["text"], "@alice killed telemetry in production of caro: privacy incident");
    assert!(alert.header("webhook-id").starts_with("kill-activated-k-"));

    // With a second secret both count, so that the receiver may change over when it likes.
    let rotated = sandbox.project(&["alert", "add", "oncall", "webhook", &url, "--rotate", "--json"]).json();
    sandbox.project(&["unkill", "telemetry", "--reason", "fixed", "--yes"]).text();
    let lifted = got.recv_timeout(Duration::from_secs(20)).unwrap();
    verify(&lifted, &secret);
    verify(&lifted, rotated["secret"].as_str().unwrap());
    let body: Value = serde_json::from_str(&lifted.body).unwrap();
    assert_eq!(body["type"], "kill.lifted");
    assert!(body["data"]["text"].as_str().unwrap().contains("flag-admin kill report k-"), "{body}");
    assert!(got.recv_timeout(Duration::from_millis(1_500)).is_err(), "each is told once");
}

/// One receiver takes connections and says nothing, for as long as a try may take.
#[test]
fn a_receiver_that_says_nothing_delays_no_other() {
    let sandbox = published();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", silent.local_addr().unwrap());
    // Before the other one, by name and by time.
    sandbox.project(&["alert", "add", "archive", "webhook", &url]).text();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let got = receiver(listener, &[204]);
    sandbox.project(&["alert", "add", "oncall", "webhook", &url]).text();
    let _serving = served(&sandbox);
    for (number, arguments) in [
        &["kill", "telemetry", "--reason", "privacy incident"][..],
        &["unkill", "telemetry", "--reason", "fixed", "--yes"],
        &["kill", "telemetry", "--reason", "not fixed"],
    ]
    .into_iter()
    .enumerate()
    {
        sandbox.project(arguments).text();
        let alert = got.recv_timeout(Duration::from_secs(5));
        let alert = alert.unwrap_or_else(|_| panic!("{number}: nothing for five seconds"));
        let body: Value = serde_json::from_str(&alert.body).unwrap();
        let kind = if number == 1 { "kill.lifted" } else { "kill.activated" };
        assert_eq!(body["type"], kind, "in their order");
    }
    assert!(silent.accept().is_ok(), "the other one was tried as well");
}

#[test]
fn a_receiver_that_answers_410_is_left_alone() {
    let sandbox = published();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/services/secret", listener.local_addr().unwrap());
    let got = receiver(listener, &[200, 410, 200]);
    sandbox.project(&["alert", "add", "team", "slack", &url]).text();
    let test = |loopback: &[&str]| {
        let all: Vec<&str> = ["alert", "test", "team"].iter().chain(loopback).copied().collect();
        sandbox.project(&all)
    };
    assert_eq!(
        test(&[]).err,
        "error: the test did not arrive at team: the address may not be sent to: it is not https\n"
    );
    assert_eq!(test(&["--allow-loopback"]).text(), "the test arrived at team\n");
    let body: Value = serde_json::from_str(&got.recv().unwrap().body).unwrap();
    assert_eq!(body, json!({ "text": "caro: this is a test, and nothing happened" }));
    assert!(test(&["--allow-loopback"]).err.contains("the receiver answered 410, and is left alone from now on"));
    assert!(
        test(&["--allow-loopback"]).err.starts_with("error: team wants no alerts any more, since it answered 410\n")
    );
    let listed = sandbox.project(&["alert", "list"]).text().to_owned();
    assert!(!listed.contains("secret"), "{listed}");
    sandbox.project(&["alert", "add", "team", "slack", &url]).text();
    assert_eq!(test(&["--allow-loopback"]).text(), "the test arrived at team\n");
    sandbox.project(&["alert", "remove", "team", "--yes"]).text();
    assert_eq!(
        sandbox.project(&["alert", "list"]).text(),
        "alerts go nowhere; say where: flag-admin alert add NAME webhook URL\n"
    );
}

#[test]
fn a_timer_delivers_where_no_server_runs() {
    let sandbox = published();
    sandbox.project(&["alert", "add", "journal", "log", "--events", "kill.activated"]).text();
    assert_eq!(sandbox.project(&["alert", "deliver"]).text(), "nothing is due\n");
    sandbox.project(&["kill", "llm_backends", "--reason", "quality"]).text();
    let told = sandbox.project(&["alert", "deliver"]);
    assert!(told.err.starts_with("kill-activated-k-") && told.err.contains("\"reason\":\"quality\""), "{told:?}");
    assert_eq!(sandbox.project(&["alert", "deliver"]).text(), "nothing is due\n");
    for (arguments, message) in [
        (
            &["add", "a b", "log"][..],
            "error: \"a b\" is no name of a place, expected 1 to 64 characters of [A-Za-z0-9_-]\n",
        ),
        (&["add", "a", "log", "--events", "flood"], "error: \"flood\" is no kind of alert\n"),
        (
            &["add", "a", "webhook", "hooks.example"],
            "error: the address may not be sent to: it is no address\nhint: name one that begins with https://\n",
        ),
        (
            &["add", "a", "webhook", "http://hooks.example/flags"],
            "error: the address may not be sent to: it is not https\n",
        ),
        (&["add", "a", "slack", "file:///etc/passwd"], "error: the address may not be sent to: it is not https\n"),
        (
            &["add", "a", "slack", "https://u:p@hooks.example/"],
            "error: the address may not be sent to: it holds a user\n",
        ),
        (
            &["add", "a", "webhook", "https://169.254.169.254/"],
            "error: the address may not be sent to: its host is not on the public network\n",
        ),
        (&["test", "nobody"], "error: alerts go to no \"nobody\"\n"),
    ] {
        let all: Vec<&str> = ["alert"].iter().chain(arguments).copied().collect();
        assert!(sandbox.project(&all).err.starts_with(message), "{arguments:?}");
    }
}

/// In real processes, by the clock of a test.
#[test]
fn a_kill_of_more_than_a_day_is_escalated_to_a_receiver() {
    let sandbox = published();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let got = receiver(listener, &[204]);
    let added = sandbox.project(&["alert", "add", "oncall", "webhook", &url, "--json"]).json();
    sandbox.project(&["kill", "telemetry", "--reason", "privacy incident"]).text();
    let deliver = |hours: i64| {
        let now = flag_admin::adapters::SystemClock.now().saturating_add_millis(hours * 3_600_000).to_string();
        let mut command = sandbox.command(&["-C", "flags", "alert", "deliver", "--allow-loopback"]);
        let run = support::finished(command.env("FLAG_ADMIN_TEST_CLOCK", now).spawn().unwrap());
        assert_eq!(run.code, Some(0), "{run:?}");
        run.out
    };
    deliver(1);
    let kind = |got: &Got| serde_json::from_str::<Value>(&got.body).unwrap()["type"].clone();
    assert_eq!(kind(&got.recv_timeout(Duration::from_secs(20)).unwrap()), "kill.activated");
    assert_eq!(deliver(23), "nothing is due\n");
    deliver(25);
    let overdue = got.recv_timeout(Duration::from_secs(20)).unwrap();
    verify(&overdue, added["secret"].as_str().unwrap());
    assert_eq!(kind(&overdue), "kill.overdue");
    assert_eq!(deliver(26), "nothing is due\n", "it is told once");
}

#[test]
fn a_rollout_that_is_paused_and_taken_back_is_told_to_a_receiver() {
    let sandbox = published();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let got = receiver(listener, &[204]);
    let added = sandbox.project(&["alert", "add", "oncall", "webhook", &url, "--json"]).json();
    let _serving = served(&sandbox);
    sandbox.project(&["rollout", "set", "command_history", "0%", "--yes"]).text();
    sandbox.project(&["rollout", "start", "command_history", "--yes"]).text();
    let told = |arguments: &[&str]| {
        sandbox.project(arguments).text();
        let alert = got.recv_timeout(Duration::from_secs(20)).unwrap();
        verify(&alert, added["secret"].as_str().unwrap());
        serde_json::from_str::<Value>(&alert.body).unwrap()
    };
    let paused = told(&["rollout", "pause", "command_history", "--reason", "holidays", "--yes"]);
    assert_eq!(
        (&paused["type"], &paused["data"]["alert"]["flag"]),
        (&json!("rollout.paused"), &json!("command_history"))
    );
    let back = told(&["rollout", "abort", "command_history", "--reason", "wrong idea", "--yes"]);
    assert_eq!(back["type"], "rollout.rolled_back");
}

#[test]
fn settings_that_are_changed_by_many_at_once_keep_what_each_said() {
    let sandbox = published();
    std::thread::scope(|scope| {
        for number in 0..12 {
            let sandbox = &sandbox;
            scope.spawn(move || sandbox.project(&["alert", "add", &format!("sink-{number}"), "log"]).text().len());
        }
    });
    let listed = sandbox.project(&["alert", "list", "--json"]).json();
    assert_eq!(listed.as_array().unwrap().len(), 12, "{listed}");
}

/// A receiver of whom nothing is believed: it leads elsewhere, never stops talking, or says nothing.
#[test]
fn a_receiver_is_neither_followed_nor_listened_to_nor_waited_for() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    elsewhere.set_nonblocking(true).unwrap();
    let home = elsewhere.local_addr().unwrap();
    let answering = |answer: String, then: &'static [u8]| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut from = listener.accept().unwrap().0;
            let _ = from.read(&mut [0; 4096]);
            let _ = from.write_all(answer.as_bytes());
            while !then.is_empty() && from.write_all(then).is_ok() {}
            std::thread::sleep(Duration::from_secs(20));
        });
        url
    };
    let sender = HttpAlertSender::new(AlertReach::Loopback, Box::new(|_, _| {})).unwrap();
    let mut sender = sender.waiting_at_most(Duration::from_secs(2));
    let mut sent = |url: &str| sender.send(url, &[], &[], "{}");
    let redirect = format!("HTTP/1.1 307 X\r\nlocation: http://{home}/\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(sent(&answering(redirect, b"")).unwrap(), 307);
    assert_eq!(elsewhere.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody is led elsewhere");
    let endless = "HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n".to_owned();
    let begun = std::time::Instant::now();
    assert_eq!(sent(&answering(endless, b"5\r\nhello\r\n")).unwrap(), 200);
    assert!(begun.elapsed() < Duration::from_secs(2), "what it says is not read");
    let silence = sent(&answering(String::new(), b""));
    assert!(matches!(silence, Err(AlertSendError::Unreachable(_))), "{silence:?}");
    assert!(begun.elapsed() < Duration::from_secs(15));
}

/// A name is asked for once, so that its second answer gains nothing.
#[test]
fn a_name_that_answers_otherwise_the_second_time_gains_nothing() {
    let asked = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&asked);
    let resolve = move |_: &str| -> std::io::Result<Vec<IpAddr>> {
        let first = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        // A public address that leads nowhere, and then home.
        Ok(vec![if first { "192.88.98.1" } else { "127.0.0.1" }.parse().unwrap()])
    };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let sender = HttpAlertSender::new(AlertReach::Public, Box::new(|_, _| {})).unwrap();
    let mut sender = sender.resolving(Box::new(resolve)).waiting_at_most(Duration::from_millis(500));
    let sent = sender.send(&format!("https://rebinding.example:{port}/"), &[port], &[], "{}");
    assert!(matches!(sent, Err(AlertSendError::Unreachable(_))), "{sent:?}");
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 1);
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody connected");
}

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

#[test]
fn a_kill_of_more_than_a_day_is_told_again() {
    let sandbox = published();
    sandbox.project(&["kill", "telemetry", "--reason", "privacy incident"]).text();
    let folder = ProjectFolder::find(&sandbox.path("flags")).unwrap();
    let kinds = |hours: i64| {
        let now = flag_admin::adapters::SystemClock.now().saturating_add_millis(hours * 3_600_000);
        let ports = Ports {
            log: folder.log().unwrap(),
            keys: Box::new(folder.keys()),
            roots: Box::new(folder.roots()),
            clock: Box::new(At(now)),
            random: Box::new(SystemRandomness),
        };
        let operator = Operator { actor: "server".parse().unwrap(), role: Role::Engineer };
        let project = Project::open(ports, Settings::default(), operator).unwrap();
        let alerts = project.alerts(Timestamp::from_millis(0));
        alerts.iter().map(|alert| alert.kind.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(kinds(23), ["kill.activated"]);
    assert_eq!(kinds(25), ["kill.activated", "kill.overdue"]);
}

#[test]
fn alerts_go_to_the_public_network_and_nowhere_else() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    // A name that is not listed, a rebinding one among them, leads home.
    let resolve = |host: &str| -> std::io::Result<Vec<IpAddr>> {
        let addresses: &[&str] = match host {
            "mixed.example" => &["93.184.216.34", "10.0.0.1"],
            "metadata.example" => &["169.254.169.254"],
            "mapped.example" => &["::ffff:127.0.0.1"],
            "nat64.example" => &["64:ff9b::7f00:1"],
            "nothing.example" => &[],
            _ => &["127.0.0.1"],
        };
        Ok(addresses.iter().map(|address| address.parse().unwrap()).collect())
    };
    let mut sender =
        HttpAlertSender::new(AlertReach::Public, Box::new(|_, _| {})).unwrap().resolving(Box::new(resolve));
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.1",
        "0300.0250.0.1",
        "0.0.0.0",
        "0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.0.8",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[fc00::1]",
        "[fd12:3456::1]",
        "[fe80::1]",
        "[ff02::1]",
        "[64:ff9b::127.0.0.1]",
        "[2002:7f00:1::]",
        "[2001::1]",
        "[2001:db8::1]",
        "localhost",
        "localhost.",
        "rebinding.example",
        "mixed.example",
        "metadata.example",
        "mapped.example",
        "nat64.example",
        "nothing.example",
    ];
    assert!(hosts.len() >= 40);
    let mut refused = |url: &str, ports: &[u16]| match sender.send(url, ports, &[], "{}") {
        Err(AlertSendError::Refused { why }) => why,
        other => panic!("{url}: {other:?}"),
    };
    for host in hosts {
        let why = refused(&format!("https://{host}:{port}/"), &[port]);
        assert!(matches!(why, "its host is not on the public network" | "its host has no address"), "{host}: {why}");
    }
    for (url, why) in [
        (format!("http://93.184.216.34:{port}/"), "it is not https"),
        ("ftp://93.184.216.34/".to_owned(), "it is not https"),
        ("file:///etc/passwd".to_owned(), "it is not https"),
        ("https://user:secret@93.184.216.34/".to_owned(), "it holds a user"),
        ("https://93.184.216.34:22/".to_owned(), "its port is neither 443 nor one of those allowed"),
        ("//93.184.216.34/".to_owned(), "it is no address"),
    ] {
        assert_eq!(refused(&url, &[port]), why, "{url}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody connected");
}
