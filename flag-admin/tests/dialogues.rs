//! What commands ask on a terminal, and what becomes of the answers.
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

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use pty::{Ended, Pty};
use serde_json::json;
use support::Sandbox;

fn start(sandbox: &Sandbox, arguments: &[&str], environment: &[(&str, &str)]) -> Pty {
    Pty::start(&sandbox.path(""), &[&["-C", "flags"], arguments].concat(), environment)
}

/// Answers questions in order, and waits for the end.
#[track_caller]
fn answered(mut pty: Pty, dialogue: &[(&str, &str)]) -> Ended {
    for (question, answer) in dialogue {
        pty.wait_for(question);
        pty.press(answer);
    }
    pty.end()
}

fn entries(sandbox: &Sandbox) -> usize {
    sandbox.project(&["log", "--json"]).json().as_array().unwrap().len()
}

#[test]
fn a_new_flag_is_asked_for_what_it_was_not_told() {
    let sandbox = Sandbox::with_project();
    let new = ["flag", "new", "history_search", "--tracking", "#9"];
    let ended = answered(
        start(&sandbox, &new, &[]),
        &[
            ("What does it do, in a sentence? ", "Search earlier commands\r"),
            ("Who answers for it? [@alice] ", "\r"),
            ("What may go wrong? ", "Privacy: commands may hold secrets\r"),
            ("Apply 1 change to production? [y/N] ", "y\r"),
        ],
    );
    assert!(ended.status.success(), "{}", ended.output);
    assert!(!ended.output.contains("still to write"), "{}", ended.output);
    let documentation =
        &sandbox.project(&["flag", "show", "history_search", "--json"]).json()["definition"]["documentation"];
    assert_eq!(
        (&documentation["description"], &documentation["owner"], &documentation["risks"]),
        (&json!("Search earlier commands"), &json!("@alice"), &json!(["Privacy: commands may hold secrets"]))
    );
}

#[test]
fn whoever_does_not_say_yes_changes_nothing() {
    let sandbox = Sandbox::with_sample();
    let before = entries(&sandbox);
    for answer in ["n\r", "\r", "no\r", "yess\r", "\u{4}"] {
        let set = ["rollout", "set", "ollama_backend", "10%"];
        let ended = answered(start(&sandbox, &set, &[]), &[("Apply 1 change to production? [y/N] ", answer)]);
        assert_eq!(ended.status.exit_code(), 1, "{answer:?}: {}", ended.output);
        assert!(ended.output.contains("error: nothing was changed"), "{answer:?}: {}", ended.output);
    }
    assert_eq!(entries(&sandbox), before);
}

#[test]
fn lifting_a_kill_takes_its_name_in_full() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["kill", "telemetry", "--reason", "drill"]).text();
    let before = entries(&sandbox);
    let unkill = ["unkill", "telemetry", "--reason", "over"];
    for typed in ["y\r", "telemetr\r", "\r"] {
        let ended = answered(start(&sandbox, &unkill, &[]), &[("Type telemetry to go on: ", typed)]);
        assert_eq!(ended.status.exit_code(), 1, "{typed:?}: {}", ended.output);
        let said = format!("error: {:?} is not \"telemetry\", so nothing was changed", typed.trim());
        assert!(ended.output.contains(&said), "{typed:?}: {}", ended.output);
    }
    assert_eq!(entries(&sandbox), before);
    let ended = answered(start(&sandbox, &unkill, &[]), &[("Type telemetry to go on: ", "telemetry\r")]);
    assert!(ended.status.success(), "{}", ended.output);
    assert_eq!(sandbox.project(&["kill", "list", "--json"]).json()[0]["state"], "watched");
}

/// Makes an editor out of a shell script, which gets the file as `$1`.
fn editor(sandbox: &Sandbox, script: &str) -> String {
    sandbox.write("editor.sh", &format!("#!/bin/sh\nset -e\n{script}\n"));
    fs::set_permissions(sandbox.path("editor.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    sandbox.path("editor.sh").display().to_string()
}

#[test]
fn a_flag_is_edited_as_its_owners_write_it() {
    let sandbox = Sandbox::with_sample();
    let edit = ["flag", "edit", "ollama_backend"];
    // The first time it is spoilt, which is told; the second time it is mended.
    let spoils = editor(
        &sandbox,
        "if [ -e spoilt ]; then sed -i 's/rolout = .*/rollout = \"7%\"/' \"$1\"\n\
         else touch spoilt; sed -i 's/^owner = .*/owner = \"@dora\"/; s/^rollout = .*/rolout = \"0%\"/' \"$1\"; fi",
    );
    let ended = answered(
        start(&sandbox, &edit, &[("EDITOR", &spoils), ("VISUAL", "")]),
        &[("Edit it again? [y/N] ", "y\r"), ("Apply 1 change to production? [y/N] ", "y\r")],
    );
    assert!(ended.status.success(), "{}", ended.output);
    assert!(ended.output.contains("rolout"), "what does not read is named: {}", ended.output);
    let card = sandbox.project(&["flag", "show", "ollama_backend", "--json"]).json();
    assert_eq!((&card["share"], &card["owner"]), (&json!(7_000), &json!("@dora")));

    let before = entries(&sandbox);
    for (script, said) in [
        ("exit 3", "failed, so nothing was changed"),
        (
            "sed -i 's/flags.ollama_backend/flags.other_backend/' \"$1\"",
            "the text defines other_backend, expected ollama_backend alone",
        ),
        ("true", "nothing to change"),
    ] {
        let ended = start(&sandbox, &edit, &[("VISUAL", &editor(&sandbox, script))]).end();
        assert!(ended.output.contains(said), "{script}: {}", ended.output);
    }
    let ended = start(&sandbox, &edit, &[("VISUAL", "/nowhere/editor")]).end();
    assert!(ended.output.contains("error: the flag cannot be edited: No such file"), "{}", ended.output);
    assert_eq!(entries(&sandbox), before);
}
