//! Passphrases that are typed: asked for once a sitting, and never shown.
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

use pty::Pty;
use support::Sandbox;

fn start(sandbox: &Sandbox, arguments: &[&str]) -> Pty {
    Pty::start(&sandbox.path(""), arguments, &[])
}

#[test]
fn a_typed_passphrase_is_not_shown_and_opens_every_key_of_the_sitting() {
    let sandbox = Sandbox::empty();
    let mut pty = start(&sandbox, &["init", "flags", "--project", "caro", "--as", "alice"]);
    pty.wait_for("new passphrase for the project's keys (empty: none): ");
    pty.press("swordfisk\u{7f}h\r");
    pty.wait_for("the same again: ");
    pty.press("swordfish\r");
    let ended = pty.end();
    assert!(ended.status.success(), "{}", ended.output);
    assert!(ended.is_restored && !ended.output.contains("swordfis"), "{}", ended.output);
    assert!(!ended.output.contains("not encrypted"), "{}", ended.output);

    // The kill needs the emergency key, and the publication both: one question each.
    let kill = ["-C", "flags", "kill", "telemetry", "--unlisted", "--reason", "drill", "--to", "public"];
    let mut pty = start(&sandbox, &kill);
    pty.wait_for("passphrase for ");
    pty.press("swordfish\r");
    let ended = pty.end();
    assert!(ended.status.success(), "{}", ended.output);
    let mut pty = start(&sandbox, &["-C", "flags", "publish", "--to", "public"]);
    pty.wait_for("passphrase for ");
    pty.press("swordfish\r");
    let ended = pty.end();
    assert!(ended.status.success(), "{}", ended.output);
    assert_eq!(ended.output.matches("passphrase for ").count(), 1, "{}", ended.output);
}

#[test]
fn a_mistyped_passphrase_may_be_typed_again_and_escape_ends_the_asking() {
    let sandbox = Sandbox::with_project();
    let mut pty = start(&sandbox, &["-C", "flags", "key", "encrypt", "snapshot"]);
    pty.wait_for("new passphrase for ");
    pty.press("swordfish\r");
    pty.wait_for("the same again: ");
    pty.press("catfish\r");
    let ended = pty.end();
    assert!(ended.output.contains("error: the passphrases are not the same"), "{}", ended.output);
    sandbox.project(&["publish", "--to", "public"]).text();

    let mut pty = start(&sandbox, &["-C", "flags", "key", "encrypt", "snapshot"]);
    pty.wait_for("new passphrase for ");
    pty.press("swordfish\r");
    pty.wait_for("the same again: ");
    pty.press("swordfish\r");
    assert!(pty.end().status.success());

    let mut pty = start(&sandbox, &["-C", "flags", "publish"]);
    pty.wait_for("passphrase for ");
    pty.press("catfish\r");
    pty.wait_for_code("passphrase for ", 2);
    pty.press("swordfish\r");
    assert!(pty.end().status.success());

    let mut pty = start(&sandbox, &["-C", "flags", "publish"]);
    pty.wait_for("passphrase for ");
    pty.press("\u{1b}");
    let ended = pty.end();
    assert!(!ended.status.success() && ended.is_restored, "{}", ended.output);
    assert!(ended.output.contains("no passphrase was given"), "{}", ended.output);
}
