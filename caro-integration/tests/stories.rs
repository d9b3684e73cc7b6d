//! The stories of caro's rollout strategy, told with the example program: each runs it as a user would, and looks at what is on the disk.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::{env, fs, thread};

use caro_integration::Environment;
use serde_json::{Value, json};
use support::{Machine, flat, rollout, served};

/// Its bucket for `telemetry_cloud_sync` is 17397: inside 25%.
const EARLY: &str = "install-3";
/// Its bucket is 46389: outside 25%, inside 50%.
const LATER: &str = "install-1";

/// The example program, built if it is not yet.
fn program() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "-p", "caro-integration", "--example", "caro", "--locked", "--offline"]);
        cargo.args(["--message-format", "json-render-diagnostics"]).current_dir(env!("CARGO_MANIFEST_DIR"));
        if cfg!(feature = "remote") {
            cargo.args(["--features", "remote"]);
        }
        // Where this test was built, the example is built already.
        let target = env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
        let output = cargo.arg("--target-dir").arg(target).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages = output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok());
        let mut built = messages.filter_map(|message: Value| Some(message["executable"].as_str()?.to_owned()));
        PathBuf::from(built.next_back().unwrap())
    };
    PROGRAM.get_or_init(build).clone()
}

/// Somebody who uses the program.
struct User {
    machine: Machine,
    published: Vec<String>,
    variables: Vec<(&'static str, &'static str)>,
}

impl User {
    fn new() -> Self {
        Self { machine: Machine::new(), published: Vec::new(), variables: Vec::new() }
    }

    /// A user with this install id.
    fn with_id(id: &str) -> Self {
        let user = Self::new();
        fs::create_dir_all(user.machine.state()).unwrap();
        fs::write(user.machine.state().join("install-id"), id).unwrap();
        user
    }

    /// Brings the user a snapshot with these flags and kills, as an update of the program would.
    fn receives(&mut self, version: u64, flags: &Value, kills: &[&str]) {
        let (root, snapshot) = self.machine.files_of(version, flags, kills);
        let path = |path: PathBuf| path.into_os_string().into_string().unwrap();
        self.published = vec!["--root".to_owned(), path(root), "--snapshot".to_owned(), path(snapshot)];
    }

    fn sets(&mut self, name: &'static str, value: &'static str) {
        self.variables.push((name, value));
    }

    /// Runs `caro ARGUMENTS` and returns what it says, or what it complains about, line breaks apart.
    fn caro(&self, arguments: &str) -> Result<String, String> {
        let (status, said, complained) = self.streams(arguments);
        if status == 0 { Ok(flat(&said)) } else { Err(flat(&complained)) }
    }

    /// Runs `caro ARGUMENTS`, which has to do its work, and returns what it says and the lines of its warnings.
    fn warned(&self, arguments: &str) -> (String, Vec<String>) {
        let (status, said, warnings) = self.streams(arguments);
        assert_eq!(status, 0, "{arguments}: {warnings}");
        (flat(&said), warnings.lines().map(str::to_owned).collect())
    }

    /// Runs `caro ARGUMENTS` and returns its exit code and what it writes to both streams.
    fn streams(&self, arguments: &str) -> (i32, String, String) {
        let mut program = Command::new(program());
        program.env_remove("CARO_KILL").arg("--home").arg(self.machine.home.path()).args(&self.published);
        program.envs(self.variables.iter().copied());
        let output = program.args(arguments.split(' ')).output().unwrap();
        let home = self.machine.home.path().display().to_string();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().replace(&home, "HOME");
        let (said, complained) = (text(&output.stdout), text(&output.stderr));
        let status = output.status.code().unwrap_or(-1);
        assert!(matches!(status, 0 | 1), "{arguments}: {status} {complained}");
        (status, said, complained)
    }

    fn says(&self, arguments: &str) -> String {
        self.caro(arguments).unwrap()
    }

    fn is_on(&self, feature: &str) -> bool {
        let why: Value = serde_json::from_str(&self.says(&format!("features why {feature} --json"))).unwrap();
        why["decision"]["enabled"].as_bool().unwrap()
    }

    /// How many events are kept on the machine, and how many arrived in the cloud.
    fn telemetry(&self) -> (usize, usize) {
        let rows =
            |name: &str| fs::read_to_string(self.machine.state().join(name)).map_or(0, |text| text.lines().count());
        (rows("telemetry.jsonl"), rows("cloud.jsonl"))
    }
}

const SHOWN: &str = "Command: ls -la Backend: embedded, model of the control group Telemetry: ";

#[test]
fn telemetry_stays_on_the_machine_without_cloud_sync() {
    let user = User::new();
    assert_eq!(user.says("run list files"), format!("{SHOWN}kept on this machine."));
    assert_eq!(user.telemetry(), (1, 0));
}

#[test]
fn telemetry_reaches_the_cloud_with_cloud_sync() {
    let user = User::new();
    user.says("features enable telemetry_cloud_sync");
    assert_eq!(user.says("run list files"), format!("{SHOWN}kept on this machine and synced."));
    assert_eq!(user.telemetry(), (1, 1));
}

#[test]
fn telemetry_falls_back_to_the_machine_while_the_cloud_is_away_and_nothing_is_lost() {
    let user = User::new();
    user.says("features enable telemetry_cloud_sync");
    let later = format!("{SHOWN}kept on this machine, to be synced later (the cloud is unavailable).");
    for kept in 1..=3 {
        assert_eq!(user.says("run list files --cloud down"), later);
        assert_eq!(user.telemetry(), (kept, 0));
    }
    let all = format!("{SHOWN}kept on this machine and synced, with 3 that waited.");
    assert_eq!(user.says("run list files"), all);
    assert_eq!(user.telemetry(), (4, 4));
}

#[test]
fn eight_programs_at_once_keep_eight_events_and_none_of_them_reaches_the_cloud_later() {
    let user = User::with_id(EARLY);
    let kept = (format!("{SHOWN}kept on this machine."), Vec::new());
    thread::scope(|scope| {
        let runs = [(); 8].map(|()| scope.spawn(|| user.warned("run list files")));
        assert!(runs.into_iter().all(|run| run.join().unwrap() == kept));
    });
    assert_eq!(user.telemetry(), (8, 0));
    user.says("features enable telemetry_cloud_sync");
    assert_eq!(user.says("run list files"), format!("{SHOWN}kept on this machine and synced."));
    assert_eq!(user.telemetry(), (9, 1));
}

#[test]
fn a_damaged_note_of_what_is_synced_stops_nothing_and_syncs_nothing_from_before_the_opt_in() {
    for note in ["", "\0\0", "1x"] {
        let user = User::new();
        let settled = user.machine.state().join("telemetry.settled");
        user.says("run list files");
        fs::write(&settled, note).unwrap();
        let kept = (format!("{SHOWN}kept on this machine."), Vec::new());
        assert_eq!(user.warned("run list files"), kept, "{note:?}");
        fs::write(&settled, note).unwrap();
        user.says("features enable telemetry_cloud_sync");
        let synced = (format!("{SHOWN}kept on this machine and synced."), Vec::new());
        assert_eq!(user.warned("run list files"), synced, "{note:?}");
        assert_eq!(user.telemetry(), (3, 1), "{note:?}");
    }
}

#[test]
fn telemetry_that_cannot_be_kept_is_one_warning_and_the_command_counts() {
    let user = User::with_id(EARLY);
    fs::create_dir_all(user.machine.state().join("telemetry.jsonl")).unwrap();
    let (said, warnings) = user.warned("run show the date --execute");
    assert!(said.starts_with("Command: date Backend: embedded"), "{said}");
    assert!(!said.contains("Telemetry:"), "{said}");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("Warning: telemetry is not kept: "), "{warnings:?}");
    let blocked = user.caro("run delete everything").unwrap_err();
    assert!(blocked.ends_with("Error: \"rm -rf /\" is blocked: it deletes everything"), "{blocked}");
}

#[cfg(unix)]
#[test]
fn in_a_home_that_nobody_may_write_the_command_runs_all_the_same() {
    use std::os::unix::fs::PermissionsExt as _;

    let user = User::with_id(EARLY);
    let allow = |mode: u32| {
        for folder in [user.machine.state(), user.machine.home.path().to_owned()] {
            fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    allow(0o500);
    if fs::write(user.machine.state().join("probe"), "").is_ok() {
        eprintln!(
            "SKIPPED: whoever runs this may write everywhere, so nothing was shown about a home that is read-only"
        );
    } else {
        let (said, warnings) = user.warned("run show the date --execute");
        assert!(said.starts_with("Command: date Backend: embedded"), "{said}");
        assert_eq!(warnings, ["Warning: telemetry is not kept: Permission denied (os error 13)"]);
    }
    allow(0o700);
}

#[test]
fn a_run_says_in_a_line_each_what_is_wrong_with_the_flags() {
    let mut user = User::with_id(EARLY);
    user.receives(1, &json!({ "telemetry": served("kill_switch", "on") }), &[]);
    assert_eq!(user.warned("run list files").1, [""; 0]);
    fs::write(user.machine.state().join("published.json"), "{").unwrap();
    user.machine = user.machine.config("[feature_flags.kill_switches\ntelemetry = true\n");
    let (said, warnings) = user.warned("run list files");
    assert!(said.starts_with(SHOWN), "{said}");
    let expected = [
        "Warning: the cached snapshot cannot be used: HOME/.local/state/caro/published.json is damaged, kept as \
         HOME/.local/state/caro/published.json.corrupt: the checksum does not match",
        "Warning: a file is left out whole: HOME/.caro/config.toml:1:29: unclosed table, expected `]`",
    ];
    assert_eq!(warnings, expected);
}

#[test]
fn a_privacy_incident_is_met_with_a_kill_switch_of_the_users_own() {
    let user = User::new();
    user.says("features enable telemetry_cloud_sync");
    user.says("run list files");
    user.says("features kill-switch --enable telemetry_disabled");
    assert_eq!(user.says("run list files"), format!("{SHOWN}disabled by a kill switch."));
    assert_eq!(user.telemetry(), (1, 1));
    assert!(!user.is_on("telemetry_cloud_sync"), "what needs telemetry is off with it");
    user.says("features kill-switch --disable telemetry_disabled");
    user.says("run list files");
    assert_eq!(user.telemetry(), (2, 2));
}

#[test]
fn a_published_kill_switch_stops_telemetry_for_everyone() {
    let mut user = User::new();
    user.says("features enable telemetry_cloud_sync");
    let flags = json!({ "telemetry": served("kill_switch", "on"), "telemetry_cloud_sync": rollout("beta", "allowed", 100_000) });
    user.receives(1, &flags, &[]);
    user.says("run list files");
    assert_eq!(user.telemetry(), (1, 1));
    user.receives(2, &flags, &["telemetry"]);
    assert_eq!(user.says("run list files"), format!("{SHOWN}disabled by a kill switch."));
    assert_eq!(user.telemetry(), (1, 1));
    let held = user.caro("features kill-switch --disable telemetry").unwrap_err();
    assert!(held.starts_with("Error: telemetry stays disabled: by the published flags, not by you"), "{held}");
}

#[test]
fn a_quality_incident_takes_the_language_models_away_and_a_safety_incident_running_commands() {
    let mut user = User::new();
    user.sets("CARO_KILL", "llm_backends");
    let error = user.caro("run list files").unwrap_err();
    assert!(error.starts_with("Error: language models are switched off by the kill switch llm_backends"), "{error}");

    let user = User::new();
    assert!(user.says("run show the date --execute").starts_with("Command: date"));
    user.says("features kill-switch --enable command_execution_disabled");
    let error = user.caro("run show the date --execute").unwrap_err();
    assert!(
        error.starts_with("Error: running commands is switched off by the kill switch command_execution"),
        "{error}"
    );
    assert!(user.says("run show the date").starts_with("Command: date"), "showing one goes on");
}

#[test]
fn the_team_tests_a_feature_that_nobody_else_sees() {
    let flags = json!({ "command_history": rollout("internal", "none", 0) });
    let mut everyone = User::new();
    everyone.receives(1, &flags, &[]);
    let refused = everyone.caro("features enable command_history").unwrap_err();
    assert!(refused.starts_with("Error: you cannot change command_history this way"), "{refused}");

    let team = User::new();
    team.says("features enable command_history");
    assert_eq!(team.machine.config_text(), "[feature_flags.overrides]\ncommand_history = true\n");
    assert!(team.is_on("command_history"));
}

#[test]
fn during_the_beta_users_opt_in_and_the_rollout_reaches_them_one_after_the_other() {
    let beta = |share: u32| json!({ "telemetry": served("kill_switch", "on"), "telemetry_cloud_sync": rollout("beta", "required", share) });
    let (mut early, mut later, mut outside) = (User::with_id(EARLY), User::with_id(LATER), User::with_id(EARLY));
    for user in [&mut early, &mut later, &mut outside] {
        user.receives(1, &beta(25_000), &[]);
        assert!(!user.is_on("telemetry_cloud_sync"), "nobody has it who did not ask for it");
    }
    assert!(early.says("features enable telemetry_cloud_sync").contains("It is on for this machine"));
    let waits = later.says("features enable telemetry_cloud_sync");
    assert!(waits.contains("It turns on by itself once the rollout is at 46.39%"), "{waits}");
    for user in [&mut early, &mut later, &mut outside] {
        user.receives(2, &beta(50_000), &[]);
    }
    assert_eq!([&early, &later, &outside].map(|user| user.is_on("telemetry_cloud_sync")), [true, true, false]);
    assert!(early.says("run list files").ends_with("kept on this machine and synced."));
}

#[test]
fn in_general_availability_it_is_on_for_everyone_who_does_not_opt_out() {
    let mut user = User::new();
    let mut flag = served("release", "on");
    flag["opt_in"] = json!("allowed");
    user.receives(1, &json!({ "telemetry": served("kill_switch", "on"), "telemetry_cloud_sync": flag }), &[]);
    assert!(user.says("run list files").ends_with("kept on this machine and synced."));
    user.says("features disable telemetry_cloud_sync");
    assert!(user.says("run list files").ends_with("kept on this machine."));
    assert_eq!(user.telemetry(), (2, 1));
}

#[test]
fn a_rollback_reaches_those_who_had_the_feature() {
    let mut user = User::with_id(EARLY);
    user.receives(1, &json!({ "enhanced_safety_v2": rollout("beta", "none", 100_000) }), &[]);
    let blocked = user.caro("run open up all files").unwrap_err();
    assert_eq!(blocked, "Error: \"chmod -R 777 .\" is blocked: it lets everyone change the files");
    user.receives(2, &json!({ "enhanced_safety_v2": rollout("beta", "none", 0) }), &[]);
    assert!(user.says("run open up all files").starts_with("Command: chmod -R 777 ."));
    let blocked = user.caro("run delete everything").unwrap_err();
    assert_eq!(blocked, "Error: \"rm -rf /\" is blocked: it deletes everything");
}

#[test]
fn models_are_compared_without_a_user_changing_sides() {
    let comparison = json!({
        "kind": "experiment", "stage": "beta",
        "variants": { "control": "smollm-135m", "treatment": "qwen2-1.5b" }, "off_variant": "control",
        "fallthrough": {
            "exposure": 100_000, "otherwise": "control",
            "allocation": { "control": [[0, 50_000]], "treatment": [[50_000, 100_000]] },
        },
    });
    let mut groups = Vec::new();
    for number in 0..8 {
        let mut user = User::with_id(&format!("install-{number}"));
        user.receives(1, &json!({ "command_model_comparison": comparison }), &[]);
        let first = user.says("run list files");
        assert_eq!(user.says("run list files"), first, "the same group at every run");
        groups.push(first.contains("treatment"));
    }
    assert!(groups.contains(&true) && groups.contains(&false), "{groups:?}");
}

#[test]
fn a_retired_feature_in_an_old_file_is_named_and_stops_nothing() {
    let mut user = User::new();
    user.machine =
        user.machine.config("[feature_flags.overrides]\nconfidence_refinement = true\nollama_backend = true\n");
    let list = user.says("features list");
    assert!(list.contains("! HOME/.caro/config.toml:2: no feature is named \"confidence_refinement\""), "{list}");
    assert!(user.says("run list files").contains("Backend: ollama"));
}

#[test]
fn in_an_emergency_with_a_broken_file_the_environment_still_kills() {
    let mut user = User::new();
    user.machine = user.machine.config("[feature_flags\n");
    let error = user.caro("features kill-switch --enable telemetry").unwrap_err();
    let expected = "Error: telemetry is not switched off: HOME/.caro/config.toml:1:15: unclosed table, expected `]` \
                    hint: set CARO_KILL=telemetry to switch it off all the same; correct the file there and try again";
    assert_eq!(error, expected);
    user.sets("CARO_KILL", "telemetry");
    assert_eq!(user.says("run list files"), format!("{SHOWN}disabled by a kill switch."));
}

#[test]
fn the_environment_turns_a_feature_on_for_one_run() {
    let mut user = User::new();
    assert!(!user.is_on("command_history"));
    user.sets("CARO_FF_COMMAND_HISTORY", "1");
    assert!(user.is_on("command_history"));
    user.variables.clear();
    assert!(!user.is_on("command_history"));
}

#[cfg(feature = "remote")]
#[test]
fn a_kill_arrives_by_sync_and_holds_at_the_next_run() {
    let mut user = User::new();
    let folder = user.machine.home.path().join("published");
    let flags = json!({ "telemetry": served("kill_switch", "on") });
    let publish = |user: &User, version: u64, kills: &[&str]| {
        fs::create_dir_all(folder.join("v1")).unwrap();
        let (root, snapshot) = user.machine.files_of(version, &flags, kills);
        fs::copy(snapshot, folder.join("v1/snapshot.json")).unwrap();
        root
    };
    let root = publish(&user, 1, &[]);
    let url = format!("file://{}", folder.display());
    user.published = vec!["--root".into(), root.into_os_string().into_string().unwrap(), "--snapshot-url".into(), url];
    assert_eq!(user.says("run list files"), format!("{SHOWN}kept on this machine."));
    let fetched = "Fetched version 1 of the published flags, of 2026-02-10T12:00:00Z. Nothing changes on this machine.";
    assert_eq!(user.says("features sync"), fetched);
    publish(&user, 2, &["telemetry"]);
    let fetched = "Fetched version 2 of the published flags, of 2026-02-10T12:00:00Z. telemetry is now switched off.";
    assert_eq!(user.says("features sync"), fetched);
    assert_eq!(user.says("run list files"), format!("{SHOWN}disabled by a kill switch."));
    let nothing = "Nothing new: version 2 of the published flags, of 2026-02-10T12:00:00Z, is in force.";
    assert_eq!(user.says("features sync"), nothing);
}

#[test]
fn what_the_stories_run_is_the_library_that_tests_use() {
    let user = User::new();
    user.says("features enable command_history");
    let host = caro_integration::Host::new("1.2.0").environment(Environment::default());
    let paths = caro_integration::HostPaths::in_home(user.machine.home.path());
    assert!(caro_integration::Features::open(paths, host).is_enabled("command_history"));
}
