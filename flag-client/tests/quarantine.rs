//! A program that crashes after its published flags changed: each run is a client of its own over the files that the last one left.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

mod support;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};

use flag_client::trust::{PayloadType, TrustFile, TrustState};
use flag_client::{
    Blame, ClientBuilder, CrashQuarantine, Declaration, FlagClient, Layer, LayerVerdict, Reason, UnendedRuns,
    install_panic_hook,
};
use support::{Home, NOW, flag, problems, sign, snapshot, snapshot_with};

const KEYS: [&str; 4] = ["flag_a", "flag_b", "flag_c", "flag_d"];

const QUARANTINE: CrashQuarantine = CrashQuarantine { crashes: 3, clean_runs: 4, unended: UnendedRuns::AreClean };

fn builder(home: &Home) -> ClientBuilder {
    FlagClient::builder()
        .declare(KEYS.map(Declaration::boolean))
        .remote(home.remote(None))
        .clock(|| NOW)
        .crash_quarantine(QUARANTINE)
}

fn open(home: &Home) -> FlagClient {
    builder(home).open()
}

/// Puts a snapshot into the cache, as a refresh would.
fn publish(home: &Home, snapshot: &[u8]) {
    let remote = home.remote(None);
    let mut state = TrustState::open(&remote.pinned_root, &remote.project, &remote.environment).unwrap();
    state.accept_snapshot(snapshot, NOW).unwrap();
    TrustFile::new(&remote.state_file).save(&mut state).unwrap();
}

fn all(on: bool) -> String {
    KEYS.map(|key| flag(key, on, "")).join(",")
}

/// A home that has seen version 41 with all flags off, and since holds version 42 with all flags on.
fn changed() -> Home {
    let home = Home::new();
    publish(&home, &snapshot(41, &all(false)));
    drop(open(&home));
    publish(&home, &snapshot(42, &all(true)));
    home
}

/// A panic that the program does not survive. Here it does, so that the test goes on.
fn crash(client: FlagClient) {
    install_panic_hook();
    let crashed = catch_unwind(AssertUnwindSafe(|| panic!("on purpose")));
    assert!(crashed.is_err());
    drop(client);
}

/// One run of a program that crashes where one of these flags is on.
fn run(home: &Home, culprits: &[&str]) -> FlagClient {
    let client = open(home);
    if culprits.iter().any(|culprit| client.is_enabled(culprit)) {
        crash(client.clone());
    }
    client
}

fn enabled(client: &FlagClient) -> String {
    KEYS.iter().filter(|key| client.is_enabled(key)).copied().collect::<Vec<_>>().join(" ")
}

/// A panic is everyone's, so only one test at a time may have one.
fn alone() -> std::sync::MutexGuard<'static, ()> {
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[test]
fn the_culprit_is_narrowed_down_and_held_back_until_it_changes() {
    let _alone = alone();
    let home = changed();
    let in_force: Vec<String> = (0..9).map(|_| enabled(&run(&home, &["flag_c"]))).collect();
    let expected = [
        // Three crashes.
        "flag_a flag_b flag_c flag_d",
        "flag_a flag_b flag_c flag_d",
        "flag_a flag_b flag_c flag_d",
        // Everything held back, and it works.
        "",
        // The first half is not it; of the second half, the first one is.
        "flag_a flag_b",
        "flag_a flag_b flag_c",
        // Then the one that waited is tried, and cleared.
        "flag_a flag_b flag_d",
        "flag_a flag_b flag_d",
        "flag_a flag_b flag_d",
    ];
    assert_eq!(in_force, expected);

    let client = open(&home);
    let held = client.decision("flag_c").held_back.unwrap();
    assert_eq!((held.crashes, held.since, held.good, held.blame), (4, 42, Some(41), Blame::Culprit));
    let why = "held back: crashed 4 times since snapshot 42; the definition of snapshot 41 is in force";
    assert_eq!(problems(&client), [format!("flag \"flag_c\" is {why}")]);
    let explained = client.explain("flag_c");
    let tried = explained.layers.iter().find(|tried| tried.layer == Layer::Snapshot).unwrap();
    assert_eq!((tried.outcome, &*tried.detail), (LayerVerdict::HeldBack, why));
    assert!(explained.to_string().contains(why), "{explained}");
    let json = serde_json::to_value(client.decision("flag_c")).unwrap();
    assert_eq!(json["held_back"]["blame"], "culprit");
    assert!(serde_json::to_value(client.decision("flag_a")).unwrap().get("held_back").is_none());
    drop(client);

    // Another flag's change lets it wait on.
    publish(
        &home,
        &snapshot(
            43,
            &[flag("flag_a", false, ""), all(true)[all(true).find("\"flag_b").unwrap()..].to_owned()].join(","),
        ),
    );
    assert_eq!(enabled(&run(&home, &[])), "flag_b flag_d");
    // Its own releases it.
    publish(&home, &snapshot(44, &all(true).replace(r#""flag_c":{"#, r#""flag_c":{"overridable":true,"#)));
    assert_eq!(enabled(&run(&home, &[])), "flag_a flag_b flag_c flag_d");
}

#[test]
fn while_suspects_are_held_back_it_says_until_when() {
    let _alone = alone();
    let home = changed();
    (0..3).for_each(|_| drop(run(&home, &["flag_a"])));
    let client = open(&home);
    let why = "held back: crashed 3 times since snapshot 42; the definition of snapshot 41 is in force until the culprit is known";
    assert_eq!(client.decision("flag_b").held_back.unwrap().to_string(), why);
    assert_eq!(client.problems().len(), 4);
    client.reload();
    assert_eq!(enabled(&client), "", "one run sees one state");
}

#[test]
fn crashes_without_a_change_and_after_clean_runs_hold_nothing_back() {
    let _alone = alone();
    let home = Home::new();
    publish(&home, &snapshot(41, &all(true)));
    // The first look finds a snapshot in force that it did not see change.
    (0..5).for_each(|_| drop(run(&home, &["flag_a"])));
    assert_eq!(enabled(&open(&home)), "flag_a flag_b flag_c flag_d");
    let home = changed();
    (0..5).for_each(|_| drop(run(&home, &[])));
    (0..9).for_each(|_| drop(run(&home, &["flag_a"])));
    assert_eq!(enabled(&open(&home)), "flag_a flag_b flag_c flag_d");
    // What has shown itself good is what the next change falls back to.
    publish(&home, &snapshot(43, &all(true).replace(r#""flag_a":{"#, r#""flag_a":{"overridable":true,"#)));
    (0..3).for_each(|_| crash(open(&home)));
    let held = open(&home).decision("flag_a").held_back.unwrap();
    assert_eq!((held.since, held.good), (43, Some(42)));
}

#[test]
fn crashes_that_go_on_without_the_changes_clear_them() {
    let _alone = alone();
    let home = changed();
    (0..6).for_each(|_| crash(open(&home)));
    let client = open(&home);
    assert_eq!(enabled(&client), "flag_a flag_b flag_c flag_d");
    assert!(client.problems().is_empty());
}

#[test]
fn a_first_snapshot_falls_back_to_what_was_without_it() {
    let _alone = alone();
    let home = Home::new();
    drop(open(&home));
    publish(&home, &snapshot(1, &all(true)));
    (0..3).for_each(|_| drop(run(&home, &["flag_d"])));
    let client = open(&home);
    let decision = client.decision("flag_a");
    assert_eq!((decision.enabled, decision.origin.layer), (false, Layer::CodeDefault));
    let why = "held back: crashed 3 times since snapshot 1; the local default is in force until the culprit is known";
    assert_eq!(decision.held_back.unwrap().to_string(), why);
}

/// Neither by falling back, nor around a prerequisite, nor by a flag that is switched off or turned down.
#[test]
fn nothing_that_is_off_comes_back_on() {
    let _alone = alone();
    let telemetry = |on| flag("telemetry", on, r#","kind":"kill_switch""#);
    let on = |more: &str| flag("flag_a", true, more);
    let share = |share: u32| support::rollout("flag_a", share, "");
    let needs = r#","prerequisites":[{"flag":"telemetry","variants":["on"]}]"#;
    let table = [
        (
            "killed",
            [on(""), telemetry(true)],
            [on(r#","overridable":true"#), telemetry(true)],
            r#","kills":[{"id":"k1","target":"flag_a"}]"#,
            Reason::Killed,
        ),
        ("disabled", [on(""), telemetry(true)], [on(r#","enabled":false"#), telemetry(true)], "", Reason::Disabled),
        (
            "its capability killed",
            [on(""), telemetry(true)],
            [on(needs), telemetry(true)],
            r#","kills":[{"id":"k1","target":"telemetry"}]"#,
            Reason::PrerequisiteFailed,
        ),
        (
            "its capability off",
            [on(needs), telemetry(true)],
            [on(&format!(r#"{needs},"overridable":true"#)), telemetry(false)],
            "",
            Reason::PrerequisiteFailed,
        ),
        (
            "ended",
            [on(""), telemetry(true)],
            [on(r#","off_after":"2026-05-01T00:00:00Z""#), telemetry(true)],
            "",
            Reason::Expired,
        ),
        ("0 % of 100 %", [share(100_000), telemetry(true)], [share(0), telemetry(true)], "", Reason::Split),
        ("off for on", [on(""), telemetry(true)], [flag("flag_a", false, ""), telemetry(true)], "", Reason::Static),
        ("10 % of 100 %", [share(100_000), telemetry(true)], [share(10_000), telemetry(true)], "", Reason::Split),
    ];
    for (name, before, after, more, reason) in table {
        let home = Home::new();
        // Its bucket is not among the first ten percent.
        fs::write(home.path("install-id"), "unit").unwrap();
        publish(&home, &snapshot(41, &before.join(",")));
        let client = open(&home);
        assert!(client.is_enabled("flag_a"), "{name}");
        drop(client);
        publish(&home, &snapshot_with(42, &after.join(","), more));
        (0..3).for_each(|_| crash(open(&home)));
        let client = open(&home);
        assert!(!client.is_enabled("flag_a"), "{name}");
        assert_eq!(client.decision("flag_a").reason, reason, "{name}");
    }
}

#[test]
fn a_flag_falls_back_with_the_segments_and_the_group_of_its_time() {
    let _alone = alone();
    let flags = r#""flag_a":{"fallthrough":{"variant":"off"},"rules":[{"id":"r","when":{"segment":"mine"},"serve":{"variant":"on"}}]},
        "flag_b":{"fallthrough":{"exposure":100000,"otherwise":"off"},"group":{"name":"g","slots":[[0,100000]]}},
        "flag_c":{"fallthrough":{"variant":"off"},"rules":[{"id":"r","when":{"not":{"segment":"mine"}},"serve":{"variant":"on"}}],"enabled":false}"#;
    let with = |os: &str, holdout: u32| {
        format!(
            r#","segments":{{"mine":{{"attribute":"os","operator":"equals","values":["{os}"]}}}},"groups":{{"g":{{"holdout":{holdout}}}}}"#
        )
    };
    let home = Home::new();
    let open = || {
        let attributes = [("os", flag_client::Value::from("linux"))].into_iter().collect();
        builder(&home).context_attributes(attributes).identity(flag_client::IdentitySource::Given("unit".into())).open()
    };
    publish(&home, &snapshot_with(41, flags, &with("linux", 0)));
    assert_eq!(enabled(&open()), "flag_a flag_b");
    publish(&home, &snapshot_with(42, flags, &with("macos", 100_000)));
    let client = open();
    assert_eq!(enabled(&client), "");
    crash(client);
    (0..2).for_each(|_| crash(open()));
    assert_eq!(enabled(&open()), "flag_a flag_b");
}

#[test]
fn a_plain_exit_and_runs_that_go_on_are_no_crashes() {
    let _alone = alone();
    let home = changed();
    // All of them run at once.
    let running: Vec<FlagClient> = (0..8).map(|_| open(&home)).collect();
    for client in &running {
        assert_eq!(enabled(client), "flag_a flag_b flag_c flag_d");
    }
    assert_eq!(enabled(&open(&home)), "flag_a flag_b flag_c flag_d");
    assert_eq!(fs::read_dir(home.path("state.json.runs")).unwrap().count(), 9);
    drop(running);
    assert_eq!(enabled(&open(&home)), "flag_a flag_b flag_c flag_d");
    assert_eq!(fs::read_dir(home.path("state.json.runs")).unwrap().count(), 1, "the others were counted");
}

#[test]
fn a_host_that_announces_each_end_has_crashed_where_it_did_not() {
    let _alone = alone();
    let home = changed();
    let open =
        || builder(&home).crash_quarantine(CrashQuarantine { unended: UnendedRuns::AreCrashes, ..QUARANTINE }).open();
    for _ in 0..2 {
        drop(open());
        open().end_run();
        drop(open().run_guard());
    }
    assert_eq!(enabled(&open()), "flag_a flag_b flag_c flag_d", "two crashes so far, the third one goes on");
    let last = open();
    assert_eq!(enabled(&last), "", "the third one");
    last.end_run();
    last.end_run();
}

/// Names the folder of the trust state for a started process, and how it ends.
const FOLDER: &str = "FLAG_CLIENT_QUARANTINE_FOLDER";
const END: &str = "FLAG_CLIENT_QUARANTINE_END";

#[test]
#[ignore = "no test: the test below starts it as processes of their own, which end in every way"]
#[allow(clippy::disallowed_methods, reason = "how a process exits is what is tested")]
fn work_of_a_started_process() {
    let variable = |name: &str| std::env::vars().find(|(known, _)| known == name).map(|(_, value)| value);
    let (Some(folder), Some(end)) = (variable(FOLDER), variable(END)) else { return };
    let remote = flag_client::Remote { state_file: Path::new(&folder).join("state.json"), ..Home::new().remote(None) };
    let unended = if end.contains("announced") { UnendedRuns::AreCrashes } else { UnendedRuns::AreClean };
    let builder = FlagClient::builder().remote(remote).clock(|| NOW);
    let client = builder.crash_quarantine(CrashQuarantine { unended, ..QUARANTINE }).open();
    match end.as_str() {
        "exit" | "exit announced by nobody" => std::process::exit(1),
        "abort" | "abort announced by nobody" => std::process::abort(),
        "panic" => {
            install_panic_hook();
            panic!("on purpose");
        }
        "end and exit, announced" => {
            client.end_run();
            std::process::exit(1);
        }
        other => unreachable!("{other}"),
    }
}

#[test]
fn each_end_of_a_process_is_told_from_the_others() {
    let _alone = alone();
    let table = [
        ("exit", false),
        ("abort", false),
        ("panic", true),
        ("exit announced by nobody", true),
        ("abort announced by nobody", true),
        ("end and exit, announced", false),
    ];
    for (end, is_crash) in table {
        let home = changed();
        for _ in 0..3 {
            let status = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "work_of_a_started_process", "--ignored", "--nocapture"])
                .envs([(FOLDER, home.folder().as_os_str()), (END, end.as_ref())])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert!(!status.success(), "{end}: {status}");
        }
        assert_eq!(enabled(&open(&home)).is_empty(), is_crash, "{end}");
    }
}

#[test]
fn what_a_revoked_key_signed_is_not_fallen_back_to() {
    let _alone = alone();
    let home = changed();
    (0..3).for_each(|_| crash(open(&home)));
    assert_eq!(enabled(&open(&home)), "");
    // Forged by somebody who can write here: as good only in name.
    fs::write(home.path("state.json.good"), sign(PayloadType::Snapshot, "{}", "kill")).unwrap();
    let client = open(&home);
    assert_eq!(enabled(&client), "flag_a flag_b flag_c flag_d");
    let error = client.problems().into_iter().next().unwrap();
    assert_eq!(error.to_string(), "the crash quarantine does not work as it should");
    let source = std::error::Error::source(&error).unwrap();
    assert_eq!(source.to_string(), "the last good snapshot does not verify");
}

#[test]
fn damaged_foreign_and_missing_files_stop_nothing() {
    let _alone = alone();
    let table = [
        ("", "is damaged", ""),
        ("{", "is damaged", ""),
        (r#"{"schema":1}"#, "is damaged", ""),
        (r#"{"schema":2,"more":[]}"#, "has schema 2, expected 1", "let alone"),
    ];
    for (text, message, let_alone) in table {
        let home = changed();
        (0..3).for_each(|_| crash(open(&home)));
        drop(open(&home));
        let file = home.write("state.json.quarantine", text);
        let client = open(&home);
        assert_eq!(enabled(&client), "flag_a flag_b flag_c flag_d", "{text}");
        let found: Vec<String> = client
            .problems()
            .iter()
            .filter_map(|problem| std::error::Error::source(problem).map(ToString::to_string))
            .collect();
        assert_eq!(found, [format!("{} {message}", file.display())], "{text}");
        assert_eq!(home.path("state.json.quarantine.corrupt").exists(), let_alone.is_empty());
        assert_eq!(home.read("state.json.quarantine") == text, !let_alone.is_empty());
        drop(client);
        if let_alone.is_empty() {
            // What was good is still known, so three more crashes find their way back.
            (0..3).for_each(|_| crash(open(&home)));
            assert_eq!(enabled(&open(&home)), "");
        }
    }
}

#[test]
fn without_being_asked_it_keeps_nothing() {
    let _alone = alone();
    let home = changed();
    for name in ["state.json.quarantine", "state.json.good", "state.json.trial"] {
        let _ = fs::remove_file(home.path(name));
    }
    fs::remove_dir_all(home.path("state.json.runs")).unwrap();
    let before = fs::read_dir(home.folder()).unwrap().count();
    let client = FlagClient::builder().remote(home.remote(None)).clock(|| NOW).open();
    client.end_run();
    drop(client.run_guard());
    assert_eq!(fs::read_dir(home.folder()).unwrap().count(), before);
}

#[cfg(unix)]
#[test]
fn its_files_are_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let _alone = alone();
    let home = changed();
    let _client = open(&home);
    let run = fs::read_dir(home.path("state.json.runs")).unwrap().next().unwrap().unwrap().path();
    for path in [home.path("state.json.quarantine"), home.path("state.json.good"), home.path("state.json.trial"), run] {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
}
