//! What the rooms of this program may not know: imports point down, and the use cases name no terminal, HTTP or SQL type.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the words that stand for what it may not name.
const ROOMS: &[(&str, &[&str])] = &[
    (
        "app",
        &[
            "clap",
            "ratatui",
            "crossterm",
            "rusqlite",
            "postgres",
            "reqwest",
            "axum",
            "hyper",
            "tokio",
            "object_store",
            "url",
            "crate::cli",
            "crate::tui",
            "crate::server",
            "crate::adapters",
        ],
    ),
    (
        "log",
        &[
            "clap",
            "ratatui",
            "crossterm",
            "rusqlite",
            "postgres",
            "crate::cli",
            "crate::tui",
            "crate::adapters",
            "crate::app",
            "std::fs",
        ],
    ),
    (
        "definition",
        &[
            "clap",
            "ratatui",
            "crossterm",
            "rusqlite",
            "postgres",
            "crate::cli",
            "crate::tui",
            "crate::adapters",
            "crate::app",
            "std::fs",
        ],
    ),
    (
        "hygiene",
        &[
            "clap",
            "ratatui",
            "crossterm",
            "rusqlite",
            "postgres",
            "crate::cli",
            "crate::tui",
            "crate::adapters",
            "crate::app",
            "std::fs",
            "std::thread",
        ],
    ),
    (
        "cells",
        &[
            "clap",
            "ratatui",
            "rusqlite",
            "postgres",
            "crate::cli",
            "crate::tui",
            "crate::adapters",
            "crate::app",
            "crate::log",
            "std::fs",
        ],
    ),
    (
        "statistics",
        &["clap", "ratatui", "postgres", "crate::cli", "crate::app", "crate::log", "crate::definition", "std::fs"],
    ),
    (
        "experiment",
        &[
            "clap",
            "ratatui",
            "crossterm",
            "postgres",
            "csv",
            "crate::cli",
            "crate::tui",
            "crate::adapters",
            "crate::app",
            "crate::log",
            "std::fs",
        ],
    ),
    ("adapters", &["clap", "ratatui", "crossterm", "axum", "crate::cli", "crate::tui", "crate::server"]),
    (
        "interop",
        &["clap", "ratatui", "axum", "rusqlite", "postgres", "crate::cli", "crate::tui", "crate::adapters", "std::fs"],
    ),
    ("server", &["clap", "ratatui", "crossterm", "rusqlite", "postgres", "crate::cli", "crate::tui"]),
    ("tui", &["clap", "rusqlite", "postgres", "crate::cli"]),
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// Whether a line of code uses a path that starts with a word: `word::...`, or `use word`.
fn names(line: &str, word: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = &code[at + word.len()..];
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_') && (after.starts_with("::") || after.starts_with(';'))
    })
}

#[test]
fn every_room_names_only_what_lies_below_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut broken = Vec::new();
    for (room, forbidden) in ROOMS {
        let files = sources(&root.join(room));
        assert!(!files.is_empty(), "{room} is empty");
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                for word in forbidden.iter().filter(|word| names(line, word)) {
                    broken.push(format!("{}:{}: {room} names {word}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_check_can_fail() {
    assert!(names("use rusqlite::Connection;", "rusqlite"));
    assert!(names("    let a: crate::tui::Model;", "crate::tui"));
    assert!(!names("// rusqlite::Connection is elsewhere", "rusqlite"));
    assert!(!names("let my_rusqlite::x;", "rusqlite"));
}

/// The tests whose names say which fault they show, each as a page would name it.
fn tests_of_faults() -> Vec<(u32, String)> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for folder in [
        "flag-core/src",
        "flag-core/tests",
        "flag-client/src",
        "flag-client/tests",
        "flag-admin/src",
        "flag-admin/tests",
    ] {
        for file in sources(&workspace.join(folder)) {
            let place = file.strip_prefix(&workspace).unwrap().to_str().unwrap().replace('\\', "/");
            for line in fs::read_to_string(&file).unwrap().lines() {
                let Some(name) = line.trim().strip_prefix("fn ").and_then(|rest| rest.split('(').next()) else {
                    continue;
                };
                let Some((_, number)) = name.split_once("fault_") else { continue };
                let Some(number) = number.get(..2).and_then(|number| number.parse().ok()) else { continue };
                found.push((number, format!("`{place}`: `{name}`")));
            }
        }
    }
    found
}

#[test]
fn every_fault_has_a_test_and_every_test_of_one_is_on_the_page() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("FAULTS.md")).unwrap();
    let tests = tests_of_faults();
    for number in 1..=37 {
        let row = page.lines().find(|line| line.starts_with(&format!("| {number} | "))).unwrap_or_default();
        let mut named: Vec<&str> =
            row.rsplit(" | ").next().unwrap_or_default().trim_end_matches(" |").split("<br>").collect();
        let mut found: Vec<&str> = tests.iter().filter(|(of, _)| *of == number).map(|(_, test)| &**test).collect();
        named.sort_unstable();
        found.sort_unstable();
        assert!(!found.is_empty(), "fault {number} has no test");
        assert_eq!(named, found, "fault {number} on the page and in the sources");
    }
}
