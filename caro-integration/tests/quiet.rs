//! A run of a command line tool touches no network and starts no thread: shown by the calls that it makes to the system.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at the first surprise, and says loudly what it skips"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use caro_integration::{Features, Host, HostPaths, Remote};
use ed25519_dalek::{Signer as _, SigningKey};
use flag_client::trust::{Envelope, PayloadType, PublicKey, Role, RoleKey, Roles, RootDocument, Signer};
use serde_json::json;
use support::{Machine, rollout};

/// Where a started process writes its trace's marks.
const FOLDER: &str = "CARO_TEST_FOLDER";

/// Opening a file of this name marks the beginning of what counts, and of that name its end.
const MARKS: [&str; 2] = ["quiet-begins", "quiet-ends"];

struct Key(SigningKey);

impl Signer for Key {
    fn key_id(&self) -> &'static str {
        "test"
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// A remote that could be asked, at a name that a name server would have to be asked for.
fn remote(paths: &HostPaths) -> Remote {
    let key = Key(SigningKey::from_bytes(&[1; 32]));
    let public = PublicKey::from_bytes(key.0.verifying_key().as_bytes()).unwrap();
    let role = Role { threshold: 1, keys: vec![RoleKey { keyid: "test".to_owned(), public }] };
    let root = RootDocument {
        schema: 1,
        project: "caro".to_owned(),
        version: 1,
        epoch: 1,
        issued_at: "2026-01-01T00:00:00Z".parse().unwrap(),
        expires_at: "9000-01-01T00:00:00Z".parse().unwrap(),
        roles: Roles { root: role.clone(), snapshot: role.clone(), kill: role },
    };
    Remote {
        project: "caro".to_owned(),
        environment: "production".to_owned(),
        pinned_root: Envelope::sign(PayloadType::Root, serde_json::to_vec(&root).unwrap(), &[&key]).to_json(),
        state_file: paths.state_dir.join("published.json"),
        bundled_snapshot: None,
        url: Some("https://flags.example.org/caro".to_owned()),
    }
}

/// Everything that a run of caro may do with its features.
fn a_run_of_caro() {
    let flags = json!({ "telemetry_cloud_sync": rollout("beta", "required", 50_000) });
    let machine = Machine::new().published(&flags, &["telemetry"]).variable("CARO_FF_MLX_BACKEND", "0");
    let machine = machine.config("[feature_flags]\ncommand_history = true\n");
    let features: Features = machine.open();
    assert!(features.is_enabled("command_history"));
    assert!(features.client().is_killed("telemetry"));
    for command in ["features list", "features why telemetry_cloud_sync", "features enable telemetry_cloud_sync"] {
        machine.caro(&format!("caro {command}")).unwrap();
    }
    machine.caro("caro features kill-switch --enable llm_backends").unwrap();
    machine.caro("caro features reset").unwrap();
    features.client().reload();

    let paths = HostPaths::in_home(machine.home.path());
    let with_remote = Features::open(paths.clone(), Host::new("1.2.0").remote(remote(&paths)));
    assert!(with_remote.is_enabled("command_history"));
    assert!(with_remote.client().problems().is_empty());
    let _ = (with_remote.client().list(), with_remote.client().snapshot_info());
    with_remote.client().reload();
}

#[test]
#[ignore = "no test: the one below starts it as a process of its own, whose calls it looks at"]
fn work_of_a_started_process() {
    let Some((_, folder)) = std::env::vars().find(|(name, _)| name == FOLDER) else { return };
    let [begin, end] = MARKS.map(|mark| Path::new(&folder).join(mark));
    let _ = fs::read(begin);
    a_run_of_caro();
    let _ = fs::read(end);
}

#[test]
fn a_run_makes_no_socket_and_no_thread() {
    if Command::new("strace").arg("-V").stdout(Stdio::null()).status().is_err() {
        eprintln!("SKIPPED: there is no strace here, so nothing was shown about sockets and threads");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let status = Command::new("strace")
        .args(["-f", "-qq", "-e", "trace=%network,clone,clone3,fork,vfork,execve,open,openat", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "work_of_a_started_process", "--ignored", "--nocapture"])
        .env(FOLDER, folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    let text = fs::read_to_string(&trace).unwrap_or_default();
    if text.is_empty() {
        eprintln!("SKIPPED: strace may trace nothing here, so nothing was shown about sockets and threads");
        return;
    }
    assert!(status.success(), "{text}");
    let [begin, end] = MARKS.map(|mark| text.find(mark).expect("the process marks what counts"));
    let calls: Vec<&str> = text[begin..end].lines().skip(1).collect();
    let opened = calls.iter().filter(|line| line.contains("open")).count();
    assert!(opened > 3, "it read its files: {calls:#?}");
    let loud: Vec<_> = calls.iter().filter(|line| !line.contains(" open")).collect();
    assert!(loud.is_empty(), "neither sockets of any family nor threads nor processes, found {loud:#?}");
}
