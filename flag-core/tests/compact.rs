//! What a published flag leaves out, and that it means the same without it.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use flag_core::wire::Snapshot;
use flag_core::{Context, Ruleset};

fn snapshot(flag: &str) -> Snapshot {
    let json = format!(
        r#"{{"schema": 1, "project": "p", "environment": "e", "epoch": 1, "version": 1,
            "issued_at": "2026-01-15T00:00:00Z", "expires_at": "2026-02-15T00:00:00Z", "flags": {{"f": {flag}}}}}"#
    );
    Snapshot::from_json(json.as_bytes()).unwrap().snapshot
}

/// Flags in full, and what they are published as.
const FLAGS: &[(&str, &str)] = &[
    (
        r#"{"version": 7, "kind": "release", "stage": "development", "enabled": true, "variants": {"on": true, "off": false},
            "off_variant": "off", "fallthrough": {"exposure": 25000, "allocation": {"on": [[0, 100000]]}, "otherwise": "off"}}"#,
        r#"{"version":7,"fallthrough":25000}"#,
    ),
    (
        r#"{"variants": {"off": false, "on": true}, "off_variant": "off", "fallthrough": {"variant": "on"}}"#,
        r#"{"version":0,"fallthrough":"on"}"#,
    ),
    (
        r#"{"variants": {"small": "a", "large": "b"}, "off_variant": "small",
            "fallthrough": {"exposure": 100000, "allocation": {"large": [[0, 100000]]}, "otherwise": "small"}}"#,
        r#"{"version":0,"variants":{"small":"a","large":"b"},"off_variant":"small","fallthrough":100000}"#,
    ),
    (
        r#"{"enabled": false, "variants": {"a": 1, "b": 2, "c": 3}, "off_variant": "a",
            "fallthrough": {"exposure": 50000, "allocation": {"b": [[0, 100000]]}, "otherwise": "c"}}"#,
        r#"{"version":0,"enabled":false,"variants":{"a":1,"b":2,"c":3},"off_variant":"a","fallthrough":{"exposure":50000,"allocation":{"b":[[0,100000]]},"otherwise":"c"}}"#,
    ),
    (
        r#"{"fallthrough": {"exposure": 50000, "allocation": {"off": [[0, 100000]]}, "otherwise": "on"}}"#,
        r#"{"version":0,"fallthrough":{"exposure":50000,"allocation":{"off":[[0,100000]]},"otherwise":"on"}}"#,
    ),
];

#[test]
fn a_compact_flag_decides_as_the_full_one_does() {
    for (full, expected) in FLAGS {
        let mut compact = snapshot(full);
        compact.flags.find_mut("f").unwrap().compact();
        let printed = serde_json::to_string(compact.flags.find("f").unwrap()).unwrap();
        assert_eq!(printed, *expected, "{full}");
        let (full, compact) = (Ruleset::compile(&snapshot(full)), Ruleset::compile(&snapshot(&printed)));
        assert_eq!(compact.quarantined().count(), 0, "{printed}");
        for unit in (0..500).map(|n| format!("install-{n}")) {
            let context = Context::new(&unit);
            assert_eq!(full.evaluate("f", &context).variant(), compact.evaluate("f", &context).variant(), "{printed}");
        }
    }
}

#[test]
fn compacting_twice_changes_nothing_more() {
    for (full, _) in FLAGS {
        let mut once = snapshot(full);
        once.flags.find_mut("f").unwrap().compact();
        let mut twice = once.clone();
        twice.flags.find_mut("f").unwrap().compact();
        assert_eq!(once, twice);
    }
}
