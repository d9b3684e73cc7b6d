//! Snapshots for tests, written as the JSON of what a test is about.

#![allow(dead_code, reason = "each test file takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

use flag_core::Ruleset;
use flag_core::wire::Snapshot;

/// The JSON of a snapshot with these flags, and with further fields such as `"segments": {...}`.
pub(crate) fn json(flags: &str, further: &str) -> String {
    let comma = if further.is_empty() { "" } else { ", " };
    format!(
        r#"{{"schema": 1, "project": "caro", "environment": "test", "epoch": 1, "version": 1,
            "issued_at": "2026-01-15T14:32:01Z", "expires_at": "2026-02-15T14:32:01Z", "flags": {{{flags}}}{comma}{further}}}"#
    )
}

/// The snapshot of these flags, none of them malformed.
pub(crate) fn snapshot(flags: &str, further: &str) -> Snapshot {
    let parsed = Snapshot::from_json(json(flags, further).as_bytes()).unwrap();
    assert_eq!(parsed.malformed, []);
    parsed.snapshot
}

/// The ruleset of these flags, some of which may be quarantined.
pub(crate) fn compile(flags: &str, further: &str) -> Ruleset {
    Ruleset::from_json(json(flags, further).as_bytes()).unwrap()
}

/// The ruleset of these flags, none of which is quarantined.
pub(crate) fn ruleset(flags: &str, further: &str) -> Ruleset {
    let ruleset = compile(flags, further);
    let quarantined: Vec<String> = ruleset.quarantined().map(|(key, error)| format!("{key}: {error}")).collect();
    assert_eq!(quarantined, [""; 0]);
    ruleset
}

/// The JSON of a boolean flag with variants `on` and `off`, of which `off` is served when it is off; `body` holds its other fields.
pub(crate) fn switch(key: &str, body: &str) -> String {
    format!(r#""{key}": {{"variants": {{"on": true, "off": false}}, "off_variant": "off", {body}}}"#)
}

/// The JSON of a boolean flag that is rolled out to so many thousandths of a percent.
pub(crate) fn rollout(key: &str, exposure: u32) -> String {
    switch(key, &format!(r#""fallthrough": {}"#, split(exposure)))
}

/// The JSON of a serve that exposes so many thousandths of a percent to `on`.
pub(crate) fn split(exposure: u32) -> String {
    format!(r#"{{"exposure": {exposure}, "allocation": {{"on": [[0, 100000]]}}, "otherwise": "off"}}"#)
}
