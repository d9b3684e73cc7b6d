//! The dashboard on a real (pseudo-)terminal: it works, and leaves the terminal as it was.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    dead_code,
    unreachable_pub,
    reason = "a test stops at the first surprise, and shares its support with others"
)]

mod pty;
mod support;

use pty::{Pty, hang_up};
use support::Sandbox;

/// What the first frame shows.
const DRAWN: &str = "Flags 9";

fn open(sandbox: &Sandbox, environment: &[(&str, &str)]) -> Pty {
    let pty = Pty::start(&sandbox.path("flags"), &["dashboard", "--to", "../public"], environment);
    pty.wait_for(DRAWN);
    pty
}

#[test]
fn a_share_is_set_and_published_by_keys() {
    let sandbox = Sandbox::with_sample();
    let mut pty = open(&sandbox, &[]);
    pty.press("jr10");
    pty.wait_for("gain ");
    pty.press("\r");
    pty.wait_for("Reason (optional)");
    pty.press("first users\r");
    pty.wait_for("the share is 10%");
    pty.press("P");
    pty.wait_for("sign and publish");
    pty.press("\r");
    pty.wait_for("is published to");
    pty.press("q");
    let ended = pty.end();
    assert!(ended.status.success(), "{:?}", ended.status);
    ended.assert_terminal_given_back();
    let shown = sandbox.run(&["-C", "flags", "flag", "show", "command_history", "--json"]).json();
    assert_eq!(shown["share"], 10_000);
    let log = sandbox.run(&["-C", "flags", "log", "--limit", "3"]);
    assert!(
        log.text().contains("@alice increased rollout percentage: 0% → 10% (command_history) - first users"),
        "{log:?}"
    );
    sandbox.run(&["-C", "flags", "verify", "public/v1/snapshot.json"]).text();
}

#[test]
fn a_kill_reaches_the_folder_at_once() {
    let sandbox = Sandbox::with_sample();
    sandbox.run(&["-C", "flags", "publish", "--to", "public"]).text();
    let mut pty = open(&sandbox, &[]);
    pty.press("j!");
    pty.wait_for("signed by the");
    pty.press("incident\r");
    pty.wait_for("is killed, and clients get it from");
    pty.press("q");
    pty.end().assert_terminal_given_back();
    assert!(sandbox.path("public/v1/kills.json").is_file());
}

#[test]
fn changes_of_commands_appear() {
    let sandbox = Sandbox::with_sample();
    let mut pty = open(&sandbox, &[]);
    sandbox.run(&["-C", "flags", "rollout", "set", "enhanced_safety_v2", "75%", "--yes", "--as", "bob"]).text();
    pty.wait_for("@bob increased rollout percentage: 50% → 75% (enhanced_safety_v2)");
    pty.press("q");
    assert!(pty.end().status.success());
}

#[test]
fn signals_end_it_and_give_the_terminal_back() {
    for signal in ["TERM", "HUP", "INT"] {
        let sandbox = Sandbox::with_sample();
        let pty = open(&sandbox, &[]);
        pty.signal(signal);
        let ended = pty.end();
        assert!(!ended.status.success(), "{signal}");
        ended.assert_terminal_given_back();
    }
}

#[test]
fn it_stops_and_goes_on_with_the_terminal_in_order() {
    let sandbox = Sandbox::with_sample();
    let mut pty = open(&sandbox, &[]);
    pty.press("\u{1a}");
    pty.wait_for_code(pty::LEFT, 1);
    pty.signal("CONT");
    pty.wait_for_code(pty::ENTERED, 2);
    pty.wait_for(DRAWN);
    pty.press("q");
    let ended = pty.end();
    assert!(ended.status.success());
    ended.assert_terminal_given_back();
}

#[test]
fn it_follows_the_size_of_the_terminal() {
    let sandbox = Sandbox::with_sample();
    let mut pty = open(&sandbox, &[]);
    pty.resize(50, 12);
    pty.wait_for("needs 60x16, have 50x12");
    pty.resize(100, 30);
    pty.wait_for(DRAWN);
    pty.press("q");
    assert!(pty.end().status.success());
}

#[test]
fn no_color_sends_no_colour_and_still_marks_the_selection() {
    let sandbox = Sandbox::with_sample();
    let mut pty = open(&sandbox, &[("NO_COLOR", "1")]);
    pty.press("q");
    let output = pty.end().output;
    for code in output.split("\u{1b}[").skip(1).filter_map(|rest| rest.split_once('m').map(|(code, _)| code)) {
        if code.chars().all(|c| c.is_ascii_digit() || c == ';') {
            // Reset codes name the default colours, 39 and 49.
            let is_colour = |part: &str| matches!(part.parse::<u8>(), Ok(30..=38 | 40..=48 | 90..=107));
            assert!(!code.split(';').any(is_colour), "{code}");
        }
    }
    assert!(output.contains("\u{1b}[7m"), "{output:?}");
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let sandbox = Sandbox::with_sample();
    let stderr = "error: the dashboard needs a terminal\nhint: use \"flag-admin flag list\" or \"flag-admin log\"\n";
    for arguments in [&["-C", "flags"][..], &["-C", "flags", "dashboard"]] {
        let run = sandbox.run(arguments);
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (Some(2), "", stderr));
    }
    let run = sandbox.run(&["-C", "flags", "--json"]);
    let error: serde_json::Value = serde_json::from_str(&run.err).unwrap();
    assert_eq!((run.code, error["error"]["code"].as_str()), (Some(2), Some("no_terminal")));
}

#[test]
fn a_dumb_terminal_is_none() {
    let sandbox = Sandbox::with_sample();
    let ended = Pty::start(&sandbox.path("flags"), &[], &[("TERM", "dumb")]).end();
    assert_eq!(ended.status.exit_code(), 2);
    assert!(ended.output.starts_with("error: the dashboard needs a terminal\r\n"), "{:?}", ended.output);
}

#[test]
fn a_folder_without_a_project_leaves_the_terminal_alone() {
    let sandbox = Sandbox::empty();
    let ended = Pty::start(&sandbox.path(""), &[], &[]).end();
    assert_eq!(ended.status.exit_code(), 1);
    assert!(!ended.output.contains(pty::ENTERED), "{:?}", ended.output);
}

#[test]
fn the_program_ends_when_its_terminal_goes_away() {
    let sandbox = Sandbox::with_sample();
    let ended = hang_up(&sandbox.path("flags"), &["dashboard"], "command_history");
    assert!(ended.is_some(), "it goes on without a terminal");
}
