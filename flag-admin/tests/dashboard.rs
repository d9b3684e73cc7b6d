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

/// A newcomer's first sitting, from the demo to the log, by what the screen says alone.
#[test]
fn a_newcomer_finds_edits_publishes_undoes_kills_and_reads_it_in_the_log() {
    let sandbox = Sandbox::empty();
    let mut pty = Pty::start(&sandbox.path(""), &["demo", "project", "--units", "200"], &[]);
    pty.wait_for("Enter opens the dashboard");
    pty.press("\r");
    pty.wait_for("[1 Flags]");
    pty.press("/");
    pty.wait_for("keep");
    pty.press("safety\r");
    pty.wait_for("Flags 1 of");
    pty.press("\r");
    pty.wait_for("Flags › enhanced_safety_v2");
    pty.press("r25");
    pty.wait_for("lose 25%");
    pty.press("\r");
    pty.wait_for("Reason (optional)");
    pty.press("\r");
    pty.wait_for("the share is 25%");
    pty.press("P");
    pty.wait_for("sign and publish");
    pty.press("\r");
    pty.wait_for("is published to");
    pty.press("u");
    pty.wait_for("Take back entry");
    pty.press("\r");
    pty.wait_for("is undone");
    // Out of the flag, out of the filter.
    for (key, shown) in [("\u{1b}", "Flags 1 of"), ("\\", "Flags 9")] {
        pty.press(key);
        pty.wait_for(shown);
    }
    pty.press("/");
    pty.wait_for("keep");
    pty.press("llm\r");
    pty.wait_for("Flags 1 of");
    for (key, shown) in [("!", "Turn off"), ("1", "errors or crashes"), ("\r", "is killed")] {
        pty.press(key);
        pty.wait_for(shown);
    }
    pty.press("4");
    pty.wait_for("enabled kill switch: llm_backends");
    pty.wait_for("increased rollout percentage: 25% → 50% (enhanced_safety_v2)");
    pty.wait_for("decreased rollout percentage: 50% → 25% (enhanced_safety_v2)");
    pty.press("2");
    pty.wait_for("escalates in 23h59m");
    pty.press("q");
    let ended = pty.end();
    assert!(ended.status.success(), "{:?}", ended.status);
    ended.assert_terminal_given_back();
    // What the screen said is what the project and its folder hold.
    let shown = sandbox.run(&["-C", "project", "flag", "show", "enhanced_safety_v2", "--json"]).json();
    assert_eq!(shown["share"], 50_000);
    assert!(sandbox.run(&["-C", "project", "kill", "list"]).text().contains("llm_backends"));
    let kills = std::fs::read_to_string(sandbox.path("project/public/v1/kills.json")).unwrap();
    assert!(kills.contains("payload"), "{kills}");
    sandbox.run(&["-C", "project", "audit", "verify"]).text();
    sandbox.run(&["-C", "project", "verify", "project/public/v1/snapshot.json"]).text();
}

#[test]
fn the_passphrase_is_asked_for_where_it_is_needed_and_not_shown() {
    let sandbox = Sandbox::with_sample();
    let mut pty = Pty::start(&sandbox.path("flags"), &["key", "encrypt", "snapshot"], &[]);
    pty.wait_for("new passphrase for ");
    pty.press("swordfish\r");
    pty.wait_for("the same again: ");
    pty.press("swordfish\r");
    assert!(pty.end().status.success());
    let mut pty = open(&sandbox, &[]);
    pty.press("P");
    pty.wait_for("sign and publish");
    pty.press("\r");
    pty.wait_for("The key that signs snapshots is encrypted");
    pty.press("catfish\r");
    pty.wait_for("error:");
    pty.press("swordfish\r");
    pty.wait_for("is published to");
    pty.press("P\r");
    pty.wait_for("Snapshot 2 is published");
    pty.press("q");
    let ended = pty.end();
    assert!(!ended.output.contains("swordf") && !ended.output.contains("catfi"), "{:?}", ended.output);
}

#[test]
fn a_copied_command_reaches_the_terminal_and_a_session_is_kept_and_played() {
    let sandbox = Sandbox::with_sample();
    let folder = sandbox.path("");
    let mut pty = open(&sandbox, &[("TMPDIR", folder.to_str().unwrap())]);
    pty.press("jy");
    pty.wait_for("Copied: command_history.");
    assert!(pty.output().contains("\u{1b}]52;c;Y29tbWFuZF9oaXN0b3J5\u{7}"));
    pty.press("\u{5}");
    pty.wait_for("Written to");
    pty.press("q");
    pty.end().assert_terminal_given_back();
    let session = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let session = session.into_iter().find(|path| path.to_string_lossy().contains("flag-admin-session-")).unwrap();
    let arguments = ["dashboard", "--replay", session.to_str().unwrap()];
    let mut pty = Pty::start(&folder, &arguments, &[]);
    pty.wait_for("replay ");
    pty.wait_for("command_history");
    pty.press("q");
    let ended = pty.end();
    assert!(ended.status.success());
    ended.assert_terminal_given_back();
}

#[test]
fn lines_do_what_the_screen_does() {
    let sandbox = Sandbox::with_sample();
    let said = "list tele\nset command_history 25%\nyes\nkill llm_backends drill\nyes\nundo\nset x\nlog 2\npublish public\nshow command_history\nquit\n";
    let mut command = sandbox.command(&["-C", "flags", "dashboard", "--plain", "--to", "public"]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), said.as_bytes()).unwrap();
    let run = support::finished(child);
    let out = run.text();
    for expected in [
        "telemetry_cloud_sync: rolling, 25%",
        "gain 0% to 25%",
        "command_history: the share is 25% from the next snapshot on (P)",
        "llm_backends is killed",
        "which is lifted rather than undone",
        "error: expected: set FLAG SHARE",
        "enabled kill switch: llm_backends - drill",
        "is published to",
        "State      rolling",
    ] {
        assert!(out.contains(expected), "{expected:?} is not in {out}");
    }
    assert!(!out.contains('\u{1b}'), "{out:?}");
}

#[test]
fn a_configuration_gives_keys_and_colours_and_a_clash_is_said_before_anything_is_drawn() {
    let sandbox = Sandbox::with_sample();
    let file = sandbox.path("dashboard.toml");
    std::fs::write(&file, "theme = \"mono\"\n[keys]\nkill = [\"ctrl-k\"]\n").unwrap();
    let arguments = ["dashboard", "--config", file.to_str().unwrap()];
    let mut pty = Pty::start(&sandbox.path("flags"), &arguments, &[]);
    pty.wait_for("Ctrl-K kill");
    pty.press("q");
    pty.end().assert_terminal_given_back();
    std::fs::write(&file, "[keys]\nkill = [\"r\"]\n").unwrap();
    let ended = Pty::start(&sandbox.path("flags"), &arguments, &[]).end();
    assert_eq!(ended.status.exit_code(), 1);
    assert!(ended.output.contains("error: keys: r is both rollout and kill in Flags"), "{:?}", ended.output);
    assert!(!ended.output.contains(pty::ENTERED), "{:?}", ended.output);
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
fn fault_a_store_that_another_program_locks_holds_up_no_key_and_loses_no_change() {
    let sandbox = Sandbox::with_sample();
    let mut pty = open(&sandbox, &[]);
    pty.press("jr10");
    pty.wait_for("gain ");
    pty.press("\r");
    pty.wait_for("Reason (optional)");
    let lock = rusqlite::Connection::open(sandbox.path("flags/log.sqlite")).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    pty.press("\r");
    pty.wait_for("; keys go on working");
    pty.press("\u{1b}");
    pty.wait_for("It goes on");
    pty.press("4");
    pty.wait_for("[4 Audit]");
    lock.execute_batch("COMMIT").unwrap();
    drop(lock);
    pty.wait_for("the share is 10%");
    pty.press("\u{1b}q");
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
    let stderr = "error: the dashboard needs a terminal\n\
                  hint: use \"flag-admin flag list\", \"flag-admin log\" or \"flag-admin dashboard --plain\"\n";
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

/// Whether colours were sent: any but those that reset.
fn has_colour(output: &str) -> bool {
    let codes = output.split("\u{1b}[").skip(1).filter_map(|rest| rest.split_once('m').map(|(code, _)| code));
    let is_colour = |part: &str| matches!(part.parse::<u8>(), Ok(30..=38 | 40..=48 | 90..=107));
    codes.filter(|code| code.chars().all(|c| c.is_ascii_digit() || c == ';')).any(|code| code.split(';').any(is_colour))
}

#[test]
fn an_empty_no_color_counts_for_nothing_and_a_theme_that_is_asked_for_overrides_it() {
    let sandbox = Sandbox::with_sample();
    for (arguments, no_color, expected) in [
        (&["dashboard"][..], "", true),
        (&["dashboard", "--theme", "dark"], "1", true),
        (&["dashboard", "--theme", "cvd"], "1", true),
        (&["dashboard", "--theme", "light"], "1", true),
        (&["dashboard", "--theme", "mono"], "", false),
    ] {
        let mut pty = Pty::start(&sandbox.path("flags"), arguments, &[("NO_COLOR", no_color)]);
        pty.wait_for(DRAWN);
        pty.press("q");
        let output = pty.end().output;
        assert_eq!(has_colour(&output), expected, "{arguments:?}, NO_COLOR={no_color:?}: {output:?}");
        assert!(output.contains("\u{1b}[7m"), "the selection is marked: {output:?}");
    }
}

#[test]
fn the_mouse_is_left_alone_where_that_is_asked_for() {
    let sandbox = Sandbox::with_sample();
    for (arguments, expected) in [(&["dashboard"][..], true), (&["dashboard", "--no-mouse"], false)] {
        let mut pty = Pty::start(&sandbox.path("flags"), arguments, &[]);
        pty.wait_for(DRAWN);
        pty.press("q");
        let output = pty.end().output;
        assert_eq!(output.contains("\u{1b}[?1000h"), expected, "{arguments:?}: {output:?}");
    }
}

#[test]
fn the_environment_asks_for_lines_as_the_option_does() {
    let sandbox = Sandbox::with_sample();
    let mut pty = Pty::start(&sandbox.path("flags"), &["dashboard"], &[("FLAG_ADMIN_PLAIN", "1")]);
    pty.wait_for("caro");
    pty.press("show telemetry\rquit\r");
    let ended = pty.end();
    assert!(ended.status.success(), "{:?}", ended.status);
    assert!(ended.output.contains("State      full"), "{:?}", ended.output);
    assert!(!ended.output.contains(pty::ENTERED), "{:?}", ended.output);
}

#[test]
fn no_size_of_the_terminal_ends_it() {
    let sandbox = Sandbox::with_sample();
    let mut pty = open(&sandbox, &[]);
    let sizes = [(2, 1), (1, 2), (12, 3), (30, 10), (59, 16), (60, 16), (300, 100)];
    for (columns, rows) in sizes {
        pty.resize(columns, rows);
        pty.press("j");
    }
    // A key that comes while nothing is shown does nothing.
    pty.wait_for("Latest changes");
    pty.press("?");
    pty.wait_for("Keys: Flags");
    for (columns, rows) in sizes {
        pty.resize(columns, rows);
        pty.press("j");
    }
    pty.wait_for("Latest changes");
    pty.resize(100, 30);
    pty.wait_for("Keys: Flags");
    // Escape together with the key after it would be another key, so its work is waited for.
    pty.press("\u{1b}");
    pty.wait_for("q quit");
    pty.wait_for(DRAWN);
    pty.press("q");
    let ended = pty.end();
    assert!(ended.status.success(), "{:?}", ended.status);
    ended.assert_terminal_given_back();
}

#[test]
fn lines_begin_with_what_has_expired() {
    let sandbox = Sandbox::with_sample();
    sandbox.run(&["-C", "flags", "publish", "--to", "public"]).text();
    for (now, expected) in [(None, false), (Some("2040-01-01T00:00:00Z"), true)] {
        let mut command = sandbox.command(&["-C", "flags", "dashboard", "--plain"]);
        if let Some(now) = now {
            command.env("FLAG_ADMIN_TEST_CLOCK", now);
        }
        let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
        std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"quit\n").unwrap();
        let run = support::finished(child);
        let said = run.out.contains("EXPIRED  snapshot 1, ") && run.out.contains("until \"publish\" signs another");
        assert_eq!(said, expected, "{run:?}");
    }
}
