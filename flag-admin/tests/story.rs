//! The whole story of a flag in a real shell: ceremony, stages, kill, rotated key, time travel, undo, backup and restore.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

#[test]
fn the_story_holds_in_a_real_shell() {
    let folder = TempDir::new().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = Path::new(env!("CARGO_BIN_EXE_flag-admin"));
    let output = Command::new("bash")
        .arg(here.join("tests/story.sh"))
        .arg(here.join("sample/flags.toml"))
        .arg(folder.path())
        .env("PATH", path_with(program.parent().unwrap()))
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

#[expect(clippy::disallowed_methods, reason = "a test finds the programs that it runs")]
fn path_with(folder: &Path) -> std::ffi::OsString {
    let before = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(folder.to_owned()).chain(std::env::split_paths(&before))).unwrap()
}
