//! Recording how uses of flags end: by many at once, through every way a process can end, and without a say in any decision. The test
//! program starts itself as the other processes.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]
#![allow(clippy::disallowed_methods, reason = "started processes are told what to do by their environment, and exit")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use flag_client::{
    ClientBuilder, Consent, Declaration, Feedback, FlagClient, Measure, MetricValue, Outcome, Outcomes, Recorded,
    install_panic_hook,
};
use proptest::prelude::*;
use support::{Home, NOW, flag, problems, rollout};

const FOLDER: &str = "FLAG_CLIENT_TEST_OUTCOMES";
const TASK: &str = "FLAG_CLIENT_TEST_TASK";

const FLAG: &str = "command_history";

fn recording(folder: &Path) -> ClientBuilder {
    FlagClient::builder()
        .declare([Declaration::boolean(FLAG), Declaration::boolean("mlx_backend")])
        .outcomes(Outcomes::new().folder(folder))
        .reports(Consent::Given)
        .clock(|| NOW)
}

/// A number of the day's file, summed over its lines; of all flags.
fn sum(folder: &Path, number: &str) -> u64 {
    lines(folder).iter().filter_map(|line| line.get(number)?.as_u64()).sum()
}

fn lines(folder: &Path) -> Vec<serde_json::Value> {
    let text = fs::read(folder.join("cells-2026-06-01.jsonl")).unwrap_or_default();
    text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

fn start(folder: &Path, task: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "work_of_a_started_process", "--ignored", "--nocapture"])
        .envs([(FOLDER, folder.as_os_str()), (TASK, task.as_ref())])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// How many dots a process printed before it ended: one for each use that it was told is kept.
fn dots(process: &mut Child) -> u64 {
    let mut printed = Vec::new();
    process.stdout.take().unwrap().read_to_end(&mut printed).unwrap();
    process.wait().unwrap();
    u64::try_from(String::from_utf8(printed).unwrap().matches('*').count()).unwrap()
}

#[test]
#[ignore = "no test: the tests below start it as processes of their own"]
fn work_of_a_started_process() {
    let variable = |name: &str| std::env::var(name).ok();
    let (Some(folder), Some(task)) = (variable(FOLDER), variable(TASK)) else { return };
    let client = recording(Path::new(&folder)).open();
    let use_once = || {
        assert_eq!(client.record(FLAG, Outcome::Error, Some(Duration::from_millis(1))), Recorded::Kept);
    };
    match task.as_str() {
        "many" => thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..200).for_each(|_| use_once()));
            }
        }),
        "endless" => loop {
            use_once();
            // The test program itself prints no star.
            std::io::stdout().write_all(b"*").unwrap();
            std::io::stdout().flush().unwrap();
        },
        "exit" => {
            use_once();
            std::process::exit(0);
        }
        "panic" => {
            std::panic::set_hook(Box::new(|_| std::process::abort()));
            install_panic_hook();
            let _in_use = client.begin(FLAG);
            client.begin("mlx_backend").finish(Outcome::Success);
            drop(client.begin("mlx_backend"));
            panic!("on purpose");
        }
        other => panic!("no task {other}"),
    }
}

#[test]
fn nothing_is_recorded_unless_host_and_user_want_it() {
    let home = Home::new();
    let folder = home.path("outcomes");
    let nobody = home.builder_with(&flag(FLAG, true, "")).open();
    assert_eq!(nobody.record(FLAG, Outcome::Success, None), Recorded::Off);
    let without_consent = recording(&folder).reports(Consent::Withheld).open();
    assert_eq!(without_consent.record(FLAG, Outcome::Success, None), Recorded::Off);
    assert_eq!(without_consent.feedback(FLAG, Feedback::Good), Recorded::Off);
    assert_eq!(without_consent.begin(FLAG).finish(Outcome::Error), Recorded::Off);
    assert!(!folder.exists());
    assert!(!home.path("outcomes").exists(), "nor beside the state file");
    assert_eq!(recording(&folder).open().record(FLAG, Outcome::Success, None), Recorded::Kept);
    assert_eq!(sum(&folder, "calls"), 1);
}

#[test]
fn a_kill_of_the_capability_stops_recording_at_once_in_the_midst_of_a_use() {
    let home = Home::new();
    let folder = home.path("outcomes");
    let outcomes = || Outcomes::new().folder(&folder).unless_killed("telemetry");
    let client = recording(&folder).outcomes(outcomes()).user_file(home.path("config.toml")).open();
    let in_use = client.begin(FLAG);
    assert_eq!(client.record(FLAG, Outcome::Success, None), Recorded::Kept);
    client.kill("telemetry_disabled").unwrap();
    assert_eq!(in_use.finish(Outcome::Error), Recorded::Off);
    assert_eq!(client.record(FLAG, Outcome::Success, None), Recorded::Off);
    assert_eq!(client.feedback(FLAG, Feedback::Bad), Recorded::Off);
    assert_eq!(client.begin(FLAG).finish(Outcome::Error), Recorded::Off);
    assert_eq!((sum(&folder, "calls"), sum(&folder, "fb_neg")), (1, 0));
    // Killed from the start, and what is killed is something else.
    let next = || recording(&folder).user_file(home.path("config.toml"));
    assert_eq!(next().outcomes(outcomes()).open().record(FLAG, Outcome::Success, None), Recorded::Off);
    assert_eq!(next().open().record(FLAG, Outcome::Success, None), Recorded::Kept);
    client.unkill("telemetry").unwrap();
    assert_eq!(client.record(FLAG, Outcome::Success, None), Recorded::Kept);
}

#[test]
fn a_capability_that_is_off_without_a_kill_is_not_recorded_either() {
    let on = flag("telemetry", true, "");
    let off = flag("telemetry", false, "");
    let disabled = flag("telemetry", true, r#","enabled":false"#);
    let elsewhere = flag("another_capability", false, "");
    for (flags, expected) in
        [(&on, Recorded::Kept), (&off, Recorded::Off), (&disabled, Recorded::Off), (&elsewhere, Recorded::Kept)]
    {
        let home = Home::new();
        let outcomes = Outcomes::new().folder(home.path("outcomes")).unless_killed("telemetry");
        let flags = format!("{flags},{}", flag(FLAG, true, ""));
        let client = home.builder_with(&flags).reports(Consent::Given).outcomes(outcomes).open();
        assert_eq!(client.record(FLAG, Outcome::Success, None), expected, "{flags}");
        assert!(client.is_enabled(FLAG), "{flags}");
    }
}

/// What one run as the administrator leaves behind, the user can still read, write and lock.
#[cfg(unix)]
#[test]
fn what_the_administrator_makes_in_a_users_folder_is_the_users() {
    use std::os::unix::fs::{MetadataExt as _, chown};

    const USER: u32 = 65_534;
    let home = Home::new();
    let folder = home.path("of_the_user");
    fs::create_dir(&folder).unwrap();
    if chown(&folder, Some(USER), Some(USER)).is_err() {
        // Shown with `--nocapture`.
        println!("SKIPPED: only the administrator can give a folder away");
        return;
    }
    let remote = flag_client::Remote {
        state_file: folder.join("new").join("state.json"),
        ..home.remote(Some(support::snapshot(1, &rollout(FLAG, 50_000, ""))))
    };
    let client = recording(&folder.join("state").join("outcomes"))
        .user_file(folder.join("config.toml"))
        .remote(remote)
        .identity(flag_client::IdentitySource::File(folder.join("ids").join("install-id")))
        .crash_quarantine(flag_client::CrashQuarantine::default())
        .open();
    assert!(client.decision(FLAG).bucket.is_some());
    assert_eq!(client.record(FLAG, Outcome::Success, None), Recorded::Kept);
    client.kill("telemetry").unwrap();

    let mut made = Vec::new();
    let mut waiting = vec![folder.clone()];
    while let Some(next) = waiting.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (USER, USER), "{}", path.display());
            made.push(path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned());
            if metadata.is_dir() {
                waiting.push(path);
            }
        }
    }
    for name in [
        "config.toml",
        "config.toml.lock",
        "ids/install-id",
        "ids/install-id.lock",
        "new/state.json.quarantine",
        "new/state.json.quarantine.lock",
        "new/state.json.runs",
        "state/outcomes/lock",
        "state/outcomes/cells-2026-06-01.jsonl",
    ] {
        assert!(made.iter().any(|made| made == name), "{name} among {made:?}");
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_outcomes() {
    use std::os::unix::fs::PermissionsExt as _;

    let home = Home::new();
    let folder = home.path("outcomes");
    recording(&folder).open().record(FLAG, Outcome::Success, None);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for entry in fs::read_dir(&folder).unwrap() {
        assert_eq!(mode(&entry.unwrap().path()), 0o600);
    }
}

#[test]
fn a_day_is_summed_by_flag_variant_and_step() {
    let home = Home::new();
    let folder = home.path("outcomes");
    let published = [
        rollout("telemetry_cloud_sync", 100_000, ""),
        flag("command_history", false, ""),
        flag("mlx_backend", true, ""),
    ];
    let open = |kill: &[&str]| {
        let outcomes = Outcomes::new().slow_above("telemetry_cloud_sync", Duration::from_millis(1)).metric(
            "telemetry_cloud_sync",
            "synced",
            Measure::Ratio,
        );
        home.builder_with(&published.join(","))
            .outcomes(outcomes)
            .reports(Consent::Given)
            .kill(kill.iter().copied())
            .open()
    };
    let client = open(&[]);
    client.record("telemetry_cloud_sync", Outcome::Success, Some(Duration::from_millis(1)));
    client.record("telemetry_cloud_sync", Outcome::Crash, Some(Duration::from_micros(1_001)));
    client.record_metric("telemetry_cloud_sync", "synced", MetricValue::Ratio { numerator: 3, denominator: 4 });
    client.record("command_history", Outcome::Success, None);
    client.record("mlx_backend", Outcome::Success, None);
    client.record("enhanced_safety_v2", Outcome::Success, None);
    open(&["mlx_backend"]).feedback("mlx_backend", Feedback::Bad);
    let expected = [
        r#"{"calls":1,"flag":"telemetry_cloud_sync","lat":[[318,1]],"stage":100000,"timed":1,"variant":"on"}"#,
        r#"{"calls":1,"crashes":1,"errors":1,"flag":"telemetry_cloud_sync","lat":[[318,1]],"slow":1,"stage":100000,"timed":1,"variant":"on"}"#,
        r#"{"flag":"telemetry_cloud_sync","metrics":{"synced":{"parts":3,"whole":4}},"stage":100000,"variant":"on"}"#,
        r#"{"calls":1,"flag":"command_history","stage":0,"variant":"off"}"#,
        r#"{"calls":1,"flag":"mlx_backend","stage":100000,"variant":"on"}"#,
        r#"{"calls":1,"flag":"enhanced_safety_v2"}"#,
        r#"{"fb_neg":1,"flag":"mlx_backend"}"#,
    ];
    let expected = expected.map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    assert_eq!(lines(&folder), expected);
}

#[test]
fn a_published_limit_of_time_counts_before_the_hosts() {
    let home = Home::new();
    let folder = home.path("outcomes");
    let published = [flag("command_history", true, r#","slow_above_micros":5000"#), flag("mlx_backend", true, "")];
    let host = Duration::from_millis(1);
    let outcomes = Outcomes::new().slow_above("command_history", host).slow_above("mlx_backend", host);
    let client = home.builder_with(&published.join(",")).outcomes(outcomes).reports(Consent::Given).open();
    let took = Some(Duration::from_millis(3));
    let slow = |folder: &Path| sum(folder, "slow");
    client.record("command_history", Outcome::Success, took);
    assert_eq!(slow(&folder), 0, "3 ms are not slow where 5 ms are published");
    client.record("command_history", Outcome::Success, Some(Duration::from_micros(5_001)));
    assert_eq!(slow(&folder), 1);
    // Snapshots that publish none, as all did once, leave it to the host.
    client.record("mlx_backend", Outcome::Success, took);
    assert_eq!(slow(&folder), 2);
    let in_use = client.begin("command_history");
    std::thread::sleep(Duration::from_millis(6));
    in_use.finish(Outcome::Success);
    assert_eq!((slow(&folder), sum(&folder, "timed")), (3, 4));
}

#[test]
fn eight_processes_of_eight_threads_lose_nothing() {
    let home = Home::new();
    let folder = home.path("outcomes");
    let mut running: Vec<_> = (0..8).map(|_| start(&folder, "many")).collect();
    for process in &mut running {
        assert!(process.wait().unwrap().success());
    }
    assert_eq!((sum(&folder, "calls"), sum(&folder, "errors")), (8 * 8 * 200, 8 * 8 * 200));
    let size = fs::metadata(folder.join("cells-2026-06-01.jsonl")).unwrap().len();
    assert!(size < 200_000, "it was folded on the way: {size}");
}

#[test]
fn sixty_four_threads_lose_nothing() {
    let home = Home::new();
    let folder = home.path("outcomes");
    let client = recording(&folder).open();
    thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(client.record(FLAG, Outcome::Success, None), Recorded::Kept);
                }
            });
        }
    });
    assert_eq!(sum(&folder, "calls"), 64 * 50);
    assert_eq!(problems(&client), Vec::<String>::new());
}

#[test]
fn fault_23_what_is_kept_survives_a_kill_at_any_moment() {
    let home = Home::new();
    let folder = home.path("outcomes");
    let rounds = if std::env::var_os("FLAG_NIGHTLY").is_some() { 2_000_u64 } else { 40 };
    let mut kept = 0;
    for round in 0..rounds {
        let mut process = start(&folder, "endless");
        thread::sleep(Duration::from_micros(5_000 + round * 7_919 % 60_000));
        process.kill().unwrap();
        kept += dots(&mut process);
        let found = sum(&folder, "calls");
        assert!((kept..=kept + round + 1).contains(&found), "round {round}: {kept} kept, {found} found");
    }
    assert!(kept > rounds, "the processes were killed while they recorded: {kept}");
    let mut names: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names.retain(|name| name != "cells-2026-06-01.new");
    assert_eq!(names, ["cells-2026-06-01.jsonl", "lock"]);
}

#[test]
fn what_is_kept_survives_an_exit() {
    let home = Home::new();
    let folder = home.path("outcomes");
    for _ in 0..3 {
        assert!(start(&folder, "exit").wait().unwrap().success());
    }
    assert_eq!(sum(&folder, "calls"), 3);
}

#[test]
fn a_panic_is_a_crash_of_the_flags_in_use_even_if_it_aborts() {
    let home = Home::new();
    let folder = home.path("outcomes");
    assert!(!start(&folder, "panic").wait().unwrap().success());
    let of = |name: &str, number: &str| {
        let line = lines(&folder).into_iter().find(|line| line["flag"] == name).unwrap();
        line.get(number).and_then(serde_json::Value::as_u64).unwrap_or(0)
    };
    assert_eq!((of(FLAG, "calls"), of(FLAG, "errors"), of(FLAG, "crashes")), (1, 1, 1));
    assert_eq!((of("mlx_backend", "calls"), of("mlx_backend", "crashes")), (1, 0));
    assert_eq!(lines(&folder).len(), 2, "a use that is dropped records nothing");
}

#[test]
fn a_use_counts_once_with_or_without_the_hook() {
    let home = Home::new();
    let folder = home.path("outcomes");
    let client = recording(&folder).open();
    let beside = client.clone();
    assert!(
        thread::spawn(move || {
            let _in_use = beside.begin(FLAG);
            panic!("on purpose");
        })
        .join()
        .is_err()
    );
    assert_eq!((sum(&folder, "calls"), sum(&folder, "crashes")), (1, 1), "noted where it was dropped");
    assert_eq!(client.begin(FLAG).finish(Outcome::Success), Recorded::Kept);
    assert_eq!((sum(&folder, "calls"), sum(&folder, "crashes")), (2, 1));
}

#[test]
fn fault_24_a_disk_that_fails_is_one_problem_and_no_obstacle() {
    let home = Home::new();
    home.write("file", "");
    let client = recording(&home.path("file").join("outcomes")).open();
    for _ in 0..100 {
        assert_eq!(client.record(FLAG, Outcome::Success, None), Recorded::Lost);
        assert!(!client.is_enabled(FLAG));
    }
    assert_eq!(problems(&client), ["outcomes are lost"]);
    let nowhere = FlagClient::builder()
        .declare([Declaration::boolean(FLAG)])
        .outcomes(Outcomes::new())
        .reports(Consent::Given)
        .open();
    assert_eq!(nowhere.record(FLAG, Outcome::Success, None), Recorded::Lost);
    let cause = |client: &FlagClient| std::error::Error::source(&client.problems()[0]).unwrap().to_string();
    assert_eq!(
        cause(&nowhere),
        "outcomes have no folder, expected one beside a remote's state file or given by the application"
    );
    let lock = home.path("file").join("outcomes").join("lock");
    assert_eq!(cause(&client), format!("{} cannot be written", lock.display()));
}

#[cfg(target_os = "linux")]
#[test]
fn fault_24_a_full_disk_costs_what_does_not_fit_and_nothing_else() {
    let home = Home::new();
    let disk = home.path("disk");
    fs::create_dir(&disk).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&disk).status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: a full disk is not tested, since this user cannot mount one");
        return;
    }
    let folder = disk.join("outcomes");
    let client = recording(&folder).open();
    let kept = (0..3_000).filter(|_| client.record(FLAG, Outcome::Success, None) == Recorded::Kept).count();
    let found = sum(&folder, "calls");
    let seen = problems(&client);
    fs::write(disk.join("rest"), vec![0; 65_536]).unwrap_err();
    let full = client.record(FLAG, Outcome::Error, None);
    fs::remove_file(disk.join("rest")).unwrap();
    let after = client.record(FLAG, Outcome::Crash, None);
    let crashes = sum(&folder, "crashes");
    assert!(Command::new("umount").arg(&disk).status().unwrap().success());
    assert_eq!(found, u64::try_from(kept).unwrap());
    assert!(kept > 500 && seen.len() <= 1, "{kept}, {seen:?}");
    assert!(matches!(full, Recorded::Kept | Recorded::Lost), "{full:?}");
    assert!(after == Recorded::Lost || crashes == 1, "what is said to be kept is: {after:?}");
}

#[cfg(unix)]
#[test]
fn fault_26_a_link_is_not_followed() {
    let home = Home::new();
    let folder = home.path("outcomes");
    fs::create_dir(&folder).unwrap();
    let target = home.write("precious", "as it was");
    std::os::unix::fs::symlink(&target, folder.join("cells-2026-06-01.jsonl")).unwrap();
    let client = recording(&folder).open();
    assert_eq!(client.record(FLAG, Outcome::Success, None), Recorded::Lost);
    assert_eq!(home.read("precious"), "as it was");
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(client.record(FLAG, Outcome::Success, None), Recorded::Kept, "a folder that is gone is made again");
}

#[test]
fn a_broken_line_costs_itself_alone() {
    let home = Home::new();
    let folder = home.path("outcomes");
    let client = recording(&folder).open();
    client.record(FLAG, Outcome::Success, None);
    let file = folder.join("cells-2026-06-01.jsonl");
    let mut torn = fs::read(&file).unwrap();
    torn.extend(b"\n{\"flag\":\"command_history\",\"calls\":1,\"err");
    fs::write(&file, torn).unwrap();
    client.record(FLAG, Outcome::Error, None);
    assert_eq!((sum(&folder, "calls"), sum(&folder, "errors")), (2, 1));
}

#[test]
fn what_cannot_be_recorded_is_said_once_a_kind() {
    let home = Home::new();
    let client = recording(&home.path("outcomes")).open();
    for _ in 0..3 {
        assert_eq!(client.record("no_such_flag", Outcome::Success, None), Recorded::Lost);
        assert_eq!(client.record_metric(FLAG, "no_such_metric", MetricValue::Value(1.0)), Recorded::Lost);
    }
    let told: Vec<String> = client
        .problems()
        .iter()
        .map(|problem| {
            let causes = std::iter::successors(std::error::Error::source(problem), |error| error.source());
            causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
        })
        .collect();
    assert_eq!(
        told,
        [
            "an outcome is recorded for \"no_such_flag\", but no flag is named so",
            "metric \"no_such_metric\" of flag \"command_history\" is not recorded: it is not declared",
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Everything works the same with reports off.
    #[test]
    fn recording_has_no_say_in_any_decision(
        shares in proptest::collection::vec(0_u32..=100_000, 3), overrides in proptest::collection::vec(any::<Option<bool>>(), 3),
        uses in proptest::collection::vec((0_usize..3, 0_u8..4), 0..12), id in "[0-9a-f]{32}",
    ) {
        let home = Home::new();
        let keys = ["telemetry_cloud_sync", "enhanced_safety_v2", "command_history"];
        let published: Vec<String> =
            keys.iter().zip(&shares).map(|(key, share)| rollout(key, *share, r#","overridable":true"#)).collect();
        let lines: BTreeMap<_, _> = keys.iter().zip(&overrides).filter_map(|(key, on)| Some((key, (*on)?))).collect();
        let lines: Vec<String> = lines.iter().map(|(key, on)| format!("{key} = {on}")).collect();
        home.config(&format!("[feature_flags.overrides]\n{}\n", lines.join("\n")));
        home.write("install-id", &id);
        let builder = || home.builder_with(&published.join(","));
        let off = builder().open();
        let on = builder().outcomes(Outcomes::new()).reports(Consent::Given).open();
        for (flag, how) in uses {
            match how {
                0 => on.record(keys[flag], Outcome::Crash, Some(Duration::from_secs(9))),
                1 => on.feedback(keys[flag], Feedback::Bad),
                2 => on.begin(keys[flag]).finish(Outcome::Error),
                _ => on.record_metric(keys[flag], "undeclared", MetricValue::Value(0.5)),
            };
            prop_assert_eq!(off.list(), on.list());
        }
        on.reload();
        let said = |client: &FlagClient| serde_json::to_string(&client.list()).unwrap();
        prop_assert_eq!(said(&off), said(&on));
    }
}
