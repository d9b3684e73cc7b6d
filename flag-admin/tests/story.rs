//! The whole story of a flag in a real shell: ceremony, stages, kill, rotated key, time travel, undo, backup and restore.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use support::path_with_program;
use tempfile::TempDir;

#[test]
fn the_story_holds_in_a_real_shell() {
    let folder = TempDir::new().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("bash")
        .arg(here.join("tests/story.sh"))
        .arg(here.join("sample/flags.toml"))
        .arg(folder.path())
        .env("PATH", path_with_program())
        .env("NO_COLOR", "1")
        .env("FLAG_PASSPHRASE", "correct horse battery staple")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((output.status.code(), &*out), (Some(0), "the story holds\n"), "{err}");
}

#[test]
fn a_clock_that_cannot_be_stopped_is_refused() {
    let output = Command::new(env!("CARGO_BIN_EXE_flag-admin"))
        .args(["completions", "bash"])
        .env("FLAG_ADMIN_TEST_CLOCK", "yesterday")
        .output()
        .unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: FLAG_ADMIN_TEST_CLOCK is \"yesterday\", expected an RFC 3339 time such as 2026-01-15T14:32:01Z\n\
         hint: unset FLAG_ADMIN_TEST_CLOCK\n"
    );
}
