//! A dry run: every command that changes something has one, and it changes nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use support::Sandbox;

/// What has no dry run, since it changes nothing that is there: it reads, prints, makes one new file, or stays and is a program of its own.
const WITHOUT: &[&str] = &[
    "alert-list",
    // Sending is what it is asked for, and a test says so itself.
    "alert-test",
    "audit-checkpoint",
    "audit-log",
    "audit-verify",
    "backup",
    // Without --out these three print what they would write.
    "codegen",
    "docs",
    "man",
    "completions",
    "dashboard",
    "demo",
    "doctor",
    "draft-list",
    "draft-show",
    "env-list",
    "experiment-analyze",
    "experiment-list",
    "experiment-power",
    "export",
    "flag-list",
    "flag-show",
    "group-list",
    "group-show",
    "key-list",
    "key-new",
    "kill-explain",
    "kill-list",
    "kill-report",
    "kills",
    "lint",
    "log",
    "member-list",
    "plan",
    "refs",
    "rollout-replay",
    "rollout-status",
    "root-key-new",
    "root-show",
    "segment-list",
    "segment-show",
    "serve",
    "signal-list",
    "simulate",
    "stale",
    "token-list",
    "verify",
    "why",
];

/// A dry run of every command that changes something. None of them needs `--yes`: nothing is asked where nothing is done.
const DRY_RUNS: &[(&str, &[&str])] = &[
    ("adopt-kills", &["adopt-kills", "found/v1/kills.json", "--reason", "stolen key"]),
    ("alert-add", &["alert", "add", "oncall", "webhook", "https://hooks.example/flags"]),
    ("alert-deliver", &["alert", "deliver"]),
    ("alert-remove", &["alert", "remove", "journal"]),
    ("apply", &["apply", "-f", "changed.toml"]),
    ("approve", &["approve", "REQUEST", "--env", "staging"]),
    ("draft-drop", &["draft", "drop"]),
    ("draft-new", &["draft", "new", "--as", "bob"]),
    ("draft-rebase", &["draft", "rebase"]),
    ("env-new", &["env", "new", "nightly"]),
    ("env-set", &["env", "set", "staging"]),
    ("experiment-conclude", &["experiment", "conclude", "command_model_comparison", "--keep"]),
    ("flag-archive", &["flag", "archive", "ollama_backend"]),
    ("flag-clone", &["flag", "clone", "ollama_backend", "ollama_backend_v2"]),
    ("flag-copy", &["flag", "copy", "ollama_backend", "--from", "production", "--env", "staging"]),
    ("flag-disable", &["flag", "disable", "ollama_backend"]),
    ("flag-edit", &["flag", "edit", "ollama_backend", "--owner", "@bob"]),
    ("flag-enable", &["flag", "enable", "held_back"]),
    ("flag-new", &["flag", "new", "shell_prompt"]),
    ("flag-promote", &["flag", "promote", "held_back", "--force", "release 1.2 is due"]),
    ("flag-rename", &["flag", "rename", "held_back", "held_forth"]),
    ("group-add", &["group", "add", "first_look", "ollama_backend"]),
    ("group-new", &["group", "new", "second_look"]),
    ("group-remove", &["group", "remove", "first_look", "held_back"]),
    ("import-flagd", &["import", "flagd", "flagd.json"]),
    ("init", &["init", "elsewhere"]),
    ("key-decrypt", &["key", "decrypt", "snapshot"]),
    ("key-encrypt", &["key", "encrypt", "snapshot"]),
    ("key-use", &["key", "use", "snapshot", "flags/keys/snapshot.pem"]),
    ("kill", &["kill", "ollama_backend", "--reason", "drill"]),
    ("member-add", &["member", "add", "carol", "engineer"]),
    ("member-remove", &["member", "remove", "bob"]),
    ("member-role", &["member", "role", "bob", "engineer"]),
    ("publish", &["publish", "--to", "public"]),
    ("reject", &["reject", "REQUEST", "--env", "staging"]),
    ("restore", &["restore", "caro.backup", "restored"]),
    ("rollout-abort", &["rollout", "abort", "running"]),
    ("rollout-advance", &["rollout", "advance", "running"]),
    ("rollout-back", &["rollout", "back", "running"]),
    ("rollout-pause", &["rollout", "pause", "running"]),
    ("rollout-resume", &["rollout", "resume", "paused", "--reason", "fixed"]),
    ("rollout-set", &["rollout", "set", "ollama_backend", "7%"]),
    ("rollout-tick", &["rollout", "tick"]),
    ("rollout-watch", &["rollout", "watch", "--times", "1"]),
    ("rollout-start", &["rollout", "start", "ollama_backend"]),
    (
        "root-init",
        &[
            "root",
            "init",
            "--project",
            "x",
            "--threshold",
            "1",
            "--keys",
            "flags/keys/root.pub",
            "--snapshot-key",
            "flags/keys/snapshot.pub",
            "--kill-key",
            "flags/keys/kill.pub",
            "--out",
            "root-1.json",
        ],
    ),
    ("root-install", &["root", "install", "root-2.json"]),
    ("root-rotate", &["root", "rotate", "flags/root/1.json", "--days", "80", "--out", "root-3.json"]),
    ("root-sign", &["root", "sign", "unsigned.json", "--key", "flags/keys/root.pem"]),
    ("segment-remove", &["segment", "remove", "unused"]),
    ("segment-set", &["segment", "set", "testers", "--attr", "team=core"]),
    ("signal-clear", &["signal", "clear", "SIGNAL"]),
    ("signal-raise", &["signal", "raise", "ollama_backend", "p1", "--affected", "1%", "--reason", "slow"]),
    ("token-new", &["token", "new", "alice"]),
    ("token-revoke", &["token", "revoke", "TOKEN"]),
    ("undo", &["undo"]),
    ("unkill", &["unkill", "killed", "--reason", "drill"]),
];

#[test]
fn every_command_that_changes_something_has_a_dry_run() {
    let sandbox = Sandbox::empty();
    sandbox.run(&["man", "--out", "man"]).text();
    let pages: BTreeMap<String, String> = fs::read_dir(sandbox.path("man"))
        .unwrap()
        .map(|page| page.unwrap().path())
        .map(|page| (page.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(page).unwrap()))
        .collect();
    let (mut with, mut without) = (BTreeSet::new(), BTreeSet::new());
    for (name, page) in &pages {
        let is_group = pages.keys().any(|other| other.starts_with(&format!("{name}-")));
        let name = name.trim_start_matches("flag-admin-");
        // As an option: examples name it as well.
        if page.contains(r"\fB\-\-dry\-run\fR") {
            with.insert(name);
        } else if !is_group {
            without.insert(name);
        }
    }
    assert_eq!(without, WITHOUT.iter().copied().collect());
    assert_eq!(with, DRY_RUNS.iter().map(|(name, _)| *name).collect());
}

/// Returns what every file in a folder holds, but for the database, which says whom it is read by.
fn held(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        if path.is_dir() {
            files.insert(format!("{name}/"), Vec::new());
            files.extend(held(&path));
        } else if !name.contains("log.sqlite") {
            files.insert(name, fs::read(path).unwrap());
        }
    }
    files
}

const MORE: &str = r#"
[flags.held_back]
enabled = false
[flags.running]
stage = "beta"
rollout = "0%"
[flags.paused]
stage = "beta"
rollout = "0%"
[flags.killed]
stage = "beta"
rollout = "5%"
"#;

const FLAGD: &str =
    r#"{"flags":{"from_flagd":{"state":"ENABLED","variants":{"on":true,"off":false},"defaultVariant":"off"}}}"#;

/// Returns a project with something of everything, and what stands for names in the dry runs above.
fn furnished() -> (Sandbox, [(&'static str, String); 3]) {
    let sandbox = Sandbox::with_sample();
    sandbox.write("more.toml", MORE);
    sandbox.write("changed.toml", &MORE.replace("5%", "6%"));
    sandbox.write("flagd.json", FLAGD);
    let done = |arguments: &[&str]| sandbox.project(&[arguments, &["--yes", "--json"]].concat()).json();
    done(&["apply", "-f", "more.toml"]);
    for flag in ["running", "paused"] {
        done(&["rollout", "start", flag]);
    }
    done(&["rollout", "pause", "paused"]);
    done(&["env", "new", "staging"]);
    done(&["publish", "--to", "public"]);
    // A kill that only whoever stole the keys knows of.
    done(&["backup", "stolen.backup", "--with-keys"]);
    sandbox.run(&["restore", "stolen.backup", "stolen"]).text();
    sandbox.run(&["-C", "stolen", "kill", "running", "--reason", "prank", "--to", "found"]).text();
    done(&["kill", "killed", "--reason", "drill", "--to", "public"]);
    done(&["segment", "set", "unused", "--attr", "team=core"]);
    done(&["group", "new", "first_look"]);
    done(&["group", "add", "first_look", "held_back"]);
    done(&["signal", "raise", "ollama_backend", "p1", "--affected", "5%", "--reason", "slow"]);
    done(&["alert", "add", "journal", "log"]);
    done(&["member", "add", "bob", "release_manager"]);
    let token = done(&["token", "new", "alice"])["token"].as_str().unwrap().to_owned();
    done(&["approve", "--require", "1", "--env", "staging"]);
    let request = done(&["flag", "new", "asked_for", "--env", "staging", "--as", "bob"])["request"].to_string();
    let signal = done(&["signal", "list"])[0]["id"].to_string();
    done(&["rollout", "set", "telemetry_cloud_sync", "30%"]);
    done(&["rollout", "set", "ollama_backend", "9%", "--draft"]);
    done(&["backup", "caro.backup"]);
    done(&["root", "rotate", "flags/root/1.json", "--days", "80", "--out", "unsigned.json"]);
    fs::copy(sandbox.path("unsigned.json"), sandbox.path("root-2.json")).unwrap();
    done(&["root", "sign", "root-2.json", "--key", "flags/keys/root.pem", "--from", "flags/root/1.json"]);
    (sandbox, [("REQUEST", request), ("TOKEN", token), ("SIGNAL", signal)])
}

#[test]
fn a_dry_run_changes_nothing() {
    let (sandbox, names) = furnished();
    let stand = || {
        let logged = ["audit verify", "alert list", "token list"]
            .map(|asked| sandbox.project(&[&asked.split(' ').collect::<Vec<_>>(), &["--json"][..]].concat()).json());
        (logged, held(&sandbox.path("")))
    };
    let before = stand();
    for (name, arguments) in DRY_RUNS {
        let meant = |word: &&'static str| names.iter().find(|(name, _)| name == word).map_or(*word, |(_, name)| name);
        let mut all: Vec<&str> = arguments.iter().map(meant).collect();
        all.push("--dry-run");
        for form in [&[][..], &["--json"]] {
            let run = sandbox.project(&[&all, form].concat());
            if *name == "rollout-advance" {
                // No gate is skipped, and no dry run says that one would be.
                assert!(run.err.contains("has not passed its gates"), "{}", run.err);
                continue;
            }
            assert_eq!((run.code, &*run.err), (Some(0), ""), "{name}: {}", run.out);
            assert!(!run.out.is_empty(), "{name} says nothing");
        }
        assert_eq!(stand(), before, "{name}");
    }
}
