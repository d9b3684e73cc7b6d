//! Disks that are full, fail, vanish or hold junk, and processes that are killed while they write: what is in force stays, what is on the
//! disk is the old file or the new one, and what went wrong is said once.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

mod support;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use flag_client::trust::{TrustFile, TrustState};
use flag_client::{ClientBuilder, Declaration, FlagClient, Problem, Remote};
use support::{Home, NOW, flag, kills, numbers, root, snapshot, times, until_changed};

const FLAG: &str = "command_history";

/// Names the folder that a started process works in, and what it does.
const FOLDER: &str = "FLAG_CLIENT_DISK_FOLDER";
const TASK: &str = "FLAG_CLIENT_DISK_TASK";

fn remote(folder: &Path) -> Remote {
    Remote { state_file: folder.join("state.json"), ..Home::new().remote(None) }
}

fn builder(folder: &Path) -> ClientBuilder {
    let known = [Declaration::boolean(FLAG).overridable(), Declaration::boolean("other").overridable()];
    FlagClient::builder().declare(known).user_file(folder.join("config.toml")).remote(remote(folder)).clock(|| NOW)
}

fn load(folder: &Path) -> flag_client::trust::Loaded {
    TrustFile::new(folder.join("state.json")).load(TrustState::open(&root(1), "caro", "production").unwrap())
}

/// Takes in a snapshot that turns the flag on and is as long as told, and keeps it.
fn save(folder: &Path, version: u64, padding: usize) -> Result<bool, flag_client::trust::TrustFileError> {
    let mut state = load(folder).state;
    let more = format!(r#","overridable":true,"more":"{}""#, "x".repeat(padding));
    // Another process may hold a newer one by now.
    let _ = state.accept_snapshot(&snapshot(version, &flag(FLAG, true, &more)), NOW);
    TrustFile::new(folder.join("state.json")).save(&mut state).map(|saved| saved.written)
}

fn started(folder: &Path, task: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    tell(&mut command, folder, task);
    command
}

fn tell(command: &mut Command, folder: &Path, task: &str) {
    command
        .args(["--exact", "work_of_a_started_process", "--ignored", "--nocapture"])
        .envs([(FOLDER, folder.as_os_str()), (TASK, task.as_ref())])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
}

fn told(error: &dyn Error) -> String {
    let all = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
    all.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[test]
#[ignore = "no test: the tests below start it as processes of their own, which they kill or whose disk fails"]
fn work_of_a_started_process() {
    let variable = |name: &str| std::env::vars().find(|(known, _)| known == name).map(|(_, value)| value);
    let (Some(folder), Some(task)) = (variable(FOLDER), variable(TASK)) else { return };
    let folder = Path::new(&folder);
    match task.split_once(' ').unwrap_or((&task, "")) {
        ("saving", from) => {
            for version in from.parse::<u64>().unwrap().. {
                save(folder, version, 0).unwrap();
            }
        }
        ("save", many) => {
            for number in numbers().take(many.parse().unwrap()) {
                save(folder, u64::from(number % 1_000), 0).unwrap();
            }
        }
        ("edit", answer) => {
            let client = builder(folder).open();
            let error = client.disable(FLAG).expect_err("the disk fails");
            assert!(client.is_enabled(FLAG), "what is in force stays");
            fs::write(answer, told(&error)).unwrap();
        }
        ("keep", answer) => {
            let error = save(folder, 7, 0).expect_err("the disk fails");
            fs::write(answer, told(&error)).unwrap();
        }
        (other, _) => unreachable!("{other}"),
    }
}

fn kill(mut process: Child) {
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn fault_23_a_cache_survives_a_kill_at_any_moment() {
    let home = Home::new();
    save(home.folder(), 1, 0).unwrap();
    let (mut held, mut grown) = (1, 0);
    for (round, number) in numbers().take(times(100, 2_000)).enumerate() {
        let before = fs::read(home.path("state.json")).unwrap();
        let process = started(home.folder(), &format!("saving {held}")).spawn().unwrap();
        // Every other one is killed at any moment of its life, those between while they save.
        if round % 2 == 1 {
            until_changed(&home.path("state.json"), &before);
        }
        thread::sleep(Duration::from_micros(u64::from(number % 40_000)));
        kill(process);
        let loaded = load(home.folder());
        assert!(loaded.problem.is_none(), "{:?}", loaded.problem);
        let version = loaded.state.snapshot_version().unwrap();
        assert!(version >= held, "{version} after {held}");
        assert!(!home.path("state.json.corrupt").exists());
        grown += u32::from(version > held);
        held = version;
    }
    assert!(grown > 10, "the processes were killed while they saved: {grown}");
}

#[test]
fn fault_25_no_part_of_a_cache_and_no_flipped_bit_is_accepted() {
    let home = Home::new();
    save(home.folder(), 5, 0).unwrap();
    let sound = fs::read(home.path("state.json")).unwrap();
    let refused = |bytes: &[u8], what: &dyn std::fmt::Display| {
        fs::write(home.path("state.json"), bytes).unwrap();
        let loaded = load(home.folder());
        assert_eq!(loaded.state.snapshot_version(), None, "{what}");
        assert!(loaded.problem.unwrap().to_string().contains("is damaged"), "{what}");
    };
    for length in 0..sound.len() {
        refused(&sound[..length], &format_args!("{length} bytes"));
    }
    for number in numbers().take(times(2_000, 10_000)) {
        let bit = number as usize % (sound.len() * 8);
        let mut damaged = sound.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        refused(&damaged, &format_args!("bit {bit}"));
    }
    fs::write(home.path("state.json"), &sound).unwrap();
    assert_eq!(load(home.folder()).state.snapshot_version(), Some(5));
}

#[test]
fn fault_26_without_a_place_to_write_it_runs_from_memory() {
    let home = Home::new();
    // A file where the folder should be: not even an administrator can write below it.
    let file = home.write("file", "");
    let nowhere = file.join("state");
    let bundle = Remote { bundled_snapshot: Some(snapshot(3, &flag(FLAG, true, ""))), ..remote(&nowhere) };
    let client = builder(&nowhere).remote(bundle).open();
    assert!(client.is_enabled(FLAG), "the bundle serves");
    client.reload();
    assert!(client.is_enabled(FLAG) && client.disable(FLAG).is_err());
    let error = save(&nowhere, 4, 0).unwrap_err();
    assert!(
        told(&error).starts_with(&format!("locking {} failed", nowhere.join("state.json.lock").display())),
        "{error}"
    );
    assert_eq!(home.read("file"), "");
}

#[test]
fn fault_26_a_folder_that_goes_at_run_time_takes_nothing_with_it() {
    let home = Home::new();
    let folder = home.path("state");
    fs::create_dir(&folder).unwrap();
    save(&folder, 5, 0).unwrap();
    let client = builder(&folder).open();
    fs::remove_dir_all(&folder).unwrap();
    for _ in 0..2 {
        assert!(client.is_enabled(FLAG));
        assert_eq!(client.snapshot_info().unwrap().version, 5);
        client.reload();
    }
    client.disable(FLAG).unwrap();
    assert!(!client.is_enabled(FLAG), "a change makes the folder anew");
}

#[cfg(unix)]
#[test]
fn fault_26_a_link_in_a_files_place_is_not_followed() {
    for name in ["state.json", "state.json.new", "state.json.lock"] {
        let home = Home::new();
        let victim = home.write("victim", "precious");
        std::os::unix::fs::symlink(&victim, home.path(name)).unwrap();
        // A link in place of the new file is put away; the others are refused.
        assert_eq!(save(home.folder(), 5, 0).is_ok(), name == "state.json.new", "{name}");
        assert_eq!(home.read("victim"), "precious", "{name}");
    }
}

#[test]
fn fault_27_eight_processes_share_a_cache_that_never_goes_back() {
    let home = Home::new();
    save(home.folder(), 1, 0).unwrap();
    let mut state = load(home.folder()).state;
    state.accept_kills(&kills(&[("k1", "other")]), NOW).unwrap();
    TrustFile::new(home.path("state.json")).save(&mut state).unwrap();
    let each = times(25, 1_250);
    let mut running: Vec<Child> =
        (0..8).map(|_| started(home.folder(), &format!("save {each}")).spawn().unwrap()).collect();
    let mut held = 1;
    while running.iter_mut().any(|process| process.try_wait().unwrap().is_none()) {
        let loaded = load(home.folder());
        assert!(loaded.problem.is_none(), "{:?}", loaded.problem);
        let version = loaded.state.snapshot_version().unwrap();
        assert!(version >= held, "{version} after {held}");
        assert_eq!(loaded.state.active_kills().len(), 1, "a kill is never lost");
        held = version;
    }
    assert!(running.into_iter().all(|mut process| process.wait().unwrap().success()));
    let highest = numbers().take(each).map(|number| u64::from(number % 1_000)).max().unwrap();
    assert_eq!(load(home.folder()).state.snapshot_version(), Some(highest));
}

/// What needs more of the machine than every machine gives.
#[cfg(target_os = "linux")]
mod linux {
    #![allow(clippy::print_stderr, reason = "a test that was left out says so")]

    use super::*;

    /// A disk of 64 KiB, gone with the value.
    struct SmallDisk {
        home: Home,
    }

    impl SmallDisk {
        fn new() -> Option<Self> {
            let home = Home::new();
            fs::create_dir(home.path("disk")).unwrap();
            let mount = Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
                .arg(home.path("disk"))
                .stderr(Stdio::null())
                .status();
            mount.is_ok_and(|status| status.success()).then_some(Self { home })
        }

        /// Leaves no byte free.
        fn fill(&self) {
            let file = self.home.path("disk/filler");
            let _ = fs::write(file, vec![0; 128 * 1024]);
        }
    }

    impl Drop for SmallDisk {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(self.home.path("disk")).status();
        }
    }

    #[test]
    fn fault_24_a_full_disk_leaves_the_old_files_and_the_decisions() {
        let Some(disk) = SmallDisk::new() else {
            eprintln!("LEFT OUT: a small disk cannot be mounted without an administrator's rights");
            return;
        };
        let folder = disk.home.path("disk");
        let config = "[feature_flags]\n# mine\nother = true\n";
        fs::write(folder.join("config.toml"), config).unwrap();
        save(&folder, 5, 0).unwrap();
        let quarantined = || builder(&folder).crash_quarantine(flag_client::CrashQuarantine::default()).open();
        drop(quarantined());
        let stored = fs::read(folder.join("state.json")).unwrap();
        disk.fill();

        let client = quarantined();
        let full = "No space left on device (os error 28)";
        let problems = client.problems();
        assert!(
            problems.len() <= 1 && problems.iter().all(|problem| matches!(problem, Problem::Quarantine(_))),
            "{problems:?}"
        );
        let error = told(&client.disable(FLAG).unwrap_err());
        assert!(error.ends_with(full), "{error}");
        assert!(client.is_enabled(FLAG));
        // Longer than the room that is left in the blocks of the old file.
        let error = told(&save(&folder, 6, 16 * 1024).unwrap_err());
        assert!(error.starts_with("writing ") && error.ends_with(full), "{error}");
        assert_eq!(fs::read(folder.join("state.json")).unwrap(), stored);
        assert_eq!(fs::read_to_string(folder.join("config.toml")).unwrap(), config);
        for leftover in ["state.json.new", "config.toml.new", "state.json.corrupt"] {
            assert!(!folder.join(leftover).exists(), "{leftover}");
        }

        fs::remove_file(folder.join("filler")).unwrap();
        client.disable(FLAG).unwrap();
        assert!(!client.is_enabled(FLAG));
        save(&folder, 6, 16 * 1024).unwrap();
        assert_eq!(load(&folder).state.snapshot_version(), Some(6));
    }

    #[test]
    fn fault_24_a_failing_disk_leaves_the_old_files_and_the_decisions() {
        if !Command::new("strace")
            .args(["-qq", "true"])
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
        {
            eprintln!("LEFT OUT: there is no strace, or it may not trace");
            return;
        }
        let table = [
            ("edit", "config.toml.new", "write"),
            ("edit", "config.toml.new", "fsync"),
            ("edit", "config.toml.new", "rename,renameat,renameat2"),
            ("edit", "config.toml.lock", "openat"),
            ("keep", "state.json.new", "write"),
            ("keep", "state.json.new", "fsync"),
            ("keep", "state.json.new", "rename,renameat,renameat2"),
            ("keep", "state.json.lock", "openat"),
        ];
        for (task, file, calls) in table {
            let home = Home::new();
            let config = "[feature_flags]\n# mine\nother = true\n";
            home.write("config.toml", config);
            save(home.folder(), 5, 0).unwrap();
            let stored = fs::read(home.path("state.json")).unwrap();
            let answer = Home::new();
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-o", "/dev/null", "-P"]).arg(home.path(file));
            command.args(["-e", &format!("inject={calls}:error=EIO")]).arg(std::env::current_exe().unwrap());
            tell(&mut command, home.folder(), &format!("{task} {}", answer.path("answer").display()));
            assert!(command.status().unwrap().success(), "{task} {calls}");
            let error = answer.read("answer");
            assert!(error.ends_with("Input/output error (os error 5)"), "{task} {calls}: {error}");
            assert_eq!(home.read("config.toml"), config, "{task} {calls}");
            assert_eq!(fs::read(home.path("state.json")).unwrap(), stored, "{task} {calls}");
            assert!(!home.path("config.toml.new").exists() && !home.path("state.json.new").exists(), "{task} {calls}");
        }
    }
}
