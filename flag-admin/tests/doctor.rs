//! What `doctor` finds, and what it says to do.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::Sandbox;

fn published() -> Sandbox {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    sandbox
}

/// Returns what is not well, as check, health and message, without the sandbox's path.
#[track_caller]
fn unwell(sandbox: &Sandbox) -> Vec<(String, String, String)> {
    let run = sandbox.project(&["doctor", "--json"]);
    let report: Value = serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {}", run.err));
    let findings = report["findings"].as_array().unwrap();
    let is_error = findings.iter().any(|finding| finding["health"] == "error");
    assert_eq!((run.code, &report["healthy"]), (Some(i32::from(is_error)), &json!(!is_error)));
    let path = sandbox.path("").canonicalize().unwrap().display().to_string();
    let text = |value: &Value| value.as_str().unwrap().replace(&format!("{path}/"), "");
    findings
        .iter()
        .filter(|finding| finding["health"] != "ok")
        .inspect(|finding| assert!(finding["hint"].is_string(), "every complaint says what to do: {finding}"))
        .map(|finding| (text(&finding["check"]), text(&finding["health"]), text(&finding["message"])))
        .collect()
}

fn finding(check: &str, health: &str, message: &str) -> (String, String, String) {
    (check.to_owned(), health.to_owned(), message.to_owned())
}

/// The complaints of a new project: its keys lie there for anybody who may read the disk.
fn plain_keys() -> Vec<(String, String, String)> {
    ["root", "snapshot", "kill"]
        .map(|role| finding("key", "warning", &format!("{role} key flags/keys/{role}.pem is not encrypted")))
        .into()
}

#[test]
fn a_new_project_works_and_is_told_of_its_plain_keys() {
    let sandbox = published();
    assert_eq!(unwell(&sandbox), plain_keys());
    let text = sandbox.project(&["doctor"]);
    assert!(text.text().starts_with("ok       store     the log is whole, up to entry "), "{}", text.out);
}

#[test]
fn keys_under_a_passphrase_are_well_without_it_and_sign_with_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = published();
    sandbox.write("passphrase", "swordfish\n");
    let shown = sandbox.project(&["key", "encrypt", "snapshot", "--passphrase-file", "passphrase"]);
    assert!(shown.err.contains("passphrase file passphrase has mode 0644, expected 0600 or 0400"), "{}", shown.err);
    fs::set_permissions(sandbox.path("passphrase"), fs::Permissions::from_mode(0o600)).unwrap();
    for role in ["snapshot", "kill"] {
        sandbox.project(&["key", "encrypt", role, "--passphrase-file", "passphrase"]).text();
    }
    fs::rename(sandbox.path("flags/keys/root.pem"), sandbox.path("offline.pem")).unwrap();
    assert_eq!(unwell(&sandbox), []);

    let locked = sandbox.project(&["publish"]);
    assert!(locked.err.contains("is encrypted, and no passphrase was given\nhint: name a file"), "{}", locked.err);
    let mut wrong = sandbox.command(&["-C", "flags", "publish"]);
    let wrong = support::finished(wrong.env("FLAG_PASSPHRASE", "sword fish").spawn().unwrap());
    assert!(wrong.err.starts_with("error: the passphrase does not open snapshot key "), "{}", wrong.err);
    let mut right = sandbox.command(&["-C", "flags", "publish", "--json"]);
    let right = support::finished(right.env("FLAG_PASSPHRASE", "swordfish").spawn().unwrap());
    assert_eq!(right.json()["version"], json!(2), "what was refused spent no version");
    sandbox.project(&["key", "decrypt", "kill", "--passphrase-file", "passphrase"]).text();
    assert_eq!(unwell(&sandbox), [finding("key", "warning", "kill key flags/keys/kill.pem is not encrypted")]);
}

#[test]
fn keys_that_are_open_foreign_or_gone_are_found() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = published();
    sandbox.run(&["key", "new", "kill", "--out", "other.pem"]).text();
    fs::copy(sandbox.path("other.pem"), sandbox.path("flags/keys/kill.pem")).unwrap();
    fs::set_permissions(sandbox.path("flags/keys/root.pem"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_file(sandbox.path("flags/keys/snapshot.pem")).unwrap();
    assert_eq!(
        unwell(&sandbox),
        [
            finding("key", "error", "root key flags/keys/root.pem has mode 0644, expected 0600"),
            finding("key", "error", "there is no snapshot key at flags/keys/snapshot.pem"),
            finding("key", "error", "kill key flags/keys/kill.pem is not in root 1: clients refuse what it signs"),
        ]
    );
}

#[test]
fn a_place_that_lags_behind_or_was_tampered_with_is_found() {
    let sandbox = published();
    let place = sandbox.path("public/v1/snapshot.json");
    let old = fs::read(&place).unwrap();
    sandbox.project(&["publish"]).text();
    fs::write(&place, old).unwrap();
    fs::write(sandbox.path("public/v1/root/1.json"), "{}").unwrap();
    let found = unwell(&sandbox).split_off(3);
    assert_eq!(
        found,
        [
            finding("target", "error", "public holds another root 1 than the project"),
            finding("target", "error", "public holds snapshot 1 of production, but snapshot 2 was published since"),
        ]
    );
    fs::write(&place, "half of it").unwrap();
    let found = unwell(&sandbox);
    assert_eq!(found[4].2, "public holds a snapshot that cannot be read");
    fs::remove_dir_all(sandbox.path("public")).unwrap();
    let found = unwell(&sandbox);
    assert_eq!(found[4].2, "public holds no snapshot of production");
}

#[test]
fn a_broken_log_is_found_and_the_rest_is_looked_at_as_far_as_it_goes() {
    let sandbox = published();
    fs::write(sandbox.path("flags/log.sqlite"), "no database at all, but some text in its place").unwrap();
    let found = unwell(&sandbox);
    assert_eq!((found.len(), found[0].0.as_str(), found[0].1.as_str()), (1, "store", "error"), "{found:?}");
}
