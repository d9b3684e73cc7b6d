//! A dry run: every command that changes something has one, and it changes nothing.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use support::{SAMPLE, Sandbox};

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
    "rollout-watch",
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
    ("adopt-kills", &["adopt-kills", "public"]),
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
    ("experiment-conclude", &["experiment", "conclude", "history_search", "--keep"]),
    ("flag-archive", &["flag", "archive", "ollama_backend"]),
    ("flag-clone", &["flag", "clone", "ollama_backend", "ollama_backend_v2"]),
    ("flag-copy", &["flag", "copy", "ollama_backend", "--to", "staging"]),
    ("flag-disable", &["flag", "disable", "ollama_backend"]),
    ("flag-edit", &["flag", "edit", "ollama_backend", "--set", "documentation.owner=@bob"]),
    ("flag-enable", &["flag", "enable", "held_back"]),
    ("flag-new", &["flag", "new", "shell_prompt"]),
    ("flag-promote", &["flag", "promote", "held_back"]),
    ("flag-rename", &["flag", "rename", "held_back", "held_forth"]),
    ("group-add", &["group", "add", "first_look", "ollama_backend"]),
    ("group-new", &["group", "new", "second_look"]),
    ("group-remove", &["group", "remove", "first_look", "held_back"]),
    ("import-flagd", &["import", "flagd", "flagd.json", "--apply"]),
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
    ("rollout-resume", &["rollout", "resume", "paused"]),
    ("rollout-set", &["rollout", "set", "ollama_backend", "7%"]),
    ("rollout-start", &["rollout", "start", "ollama_backend", "--schedule", "standard"]),
    ("root-init", &["root", "init", "--project", "x", "--threshold", "1", "--keys", "flags/keys/root.pub",
        "--snapshot-key", "flags/keys/snapshot.pub", "--kill-key", "flags/keys/kill.pub", "--out", "root-1.json"]),
    ("root-install", &["root", "install", "root-2.json"]),
    ("root-rotate", &["root", "rotate", "flags/root/1.json", "--days", "80", "--out", "root-3.json"]),
    ("root-sign", &["root", "sign", "unsigned.json", "--key", "flags/keys/root.pem"]),
    ("segment-remove", &["segment", "remove", "unused"]),
    ("segment-set", &["segment", "set", "testers", "--unit", "b"]),
    ("signal-clear", &["signal", "clear", "SIGNAL"]),
    ("signal-raise", &["signal", "raise", "ollama_backend", "--reason", "slow"]),
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
    for (name, page) in pages.iter().filter(|(name, _)| !pages.keys().any(|other| other.starts_with(&format!("{name}-")))) {
        let name = name.trim_start_matches("flag-admin-");
        if page.contains(r"\-\-dry\-run") { with.insert(name) } else { without.insert(name) };
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
