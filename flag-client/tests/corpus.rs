//! The seeds of the fuzz targets, and thousands of damaged forms of each, through the readers that the targets read them with.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    unreachable_pub,
    reason = "tests stop at the first surprise"
)]

use std::fs;

use damaged::read;
use flag_client::report::{parse, parse_spool};
use flag_client::trust::{Envelope, PayloadType};

use signing::{NOW, client, signed};
use support::Home;

#[path = "../../flag-core/tests/damaged/mod.rs"]
mod damaged;
/// The keys of the fuzz targets.
#[path = "../fuzz/fuzz_targets/signing.rs"]
mod signing;
mod support;

#[test]
fn fault_36_damaged_snapshots_change_nothing_unless_they_are_whole() {
    let mut seeds_accepted = 0;
    read("snapshot_document", |bytes| {
        if let Ok(envelope) = Envelope::parse(bytes) {
            assert_eq!(Envelope::parse(&envelope.to_json()).unwrap(), envelope);
        }
        assert!(client().accept_snapshot(bytes, NOW).is_err(), "nobody signed it");
        let mut state = client();
        let accepted = state.accept_snapshot(&signed(PayloadType::Snapshot, bytes), NOW).is_ok();
        assert_eq!(state.snapshot_version().is_some(), accepted);
        seeds_accepted += usize::from(accepted);
        accepted
    });
    assert!(seeds_accepted > 0, "every seed was refused");
}

#[test]
fn fault_36_damaged_roots_leave_a_root_that_can_be_fulfilled() {
    let accepted = read("root_document", |bytes| {
        assert!(client().accept_root(bytes, NOW).is_err(), "nobody signed it");
        let mut state = client();
        let accepted = state.accept_root(&signed(PayloadType::Root, bytes), NOW).is_ok();
        assert!(state.root().validate().is_ok());
        assert_eq!(state.root().version, if accepted { 2 } else { 1 });
        accepted
    });
    assert!(accepted > 0, "every seed was refused");
}

#[test]
fn fault_36_damaged_kills_lift_none() {
    const KNOWN: &[u8] = br#"{"schema":1,"project":"p","environment":"e","epoch":1,"issued_at":0,"kills":[{"id":"k1","target":"telemetry"}]}"#;
    let known = signed(PayloadType::Kills, KNOWN);
    let accepted = read("kills_document", |bytes| {
        let mut state = client();
        state.accept_kills(&known, NOW).unwrap();
        let accepted = state.accept_kills(&signed(PayloadType::Kills, bytes), NOW).is_ok();
        assert!(state.active_kills().iter().any(|kill| &*kill.id == "k1"), "the kill is lost");
        accepted
    });
    assert!(accepted > 0, "every seed was refused");
}

#[test]
fn fault_36_damaged_reports_are_kept_or_dropped_whole() {
    read("report_spool", |bytes| {
        if let Ok(report) = parse(bytes) {
            assert_eq!(parse(&report.to_json()).unwrap(), report);
        }
        let kept = parse_spool(bytes);
        assert_eq!(parse_spool(&kept), kept);
        !kept.is_empty()
    });
}

#[test]
fn fault_36_damaged_local_files_are_never_overwritten() {
    let home = Home::new();
    let changed = read("local_file", |bytes| {
        // What stands around the text says what to change, to the target.
        let text = bytes.get(3..).and_then(|rest| rest.split_last()).map_or(&[][..], |(_, text)| text);
        fs::write(home.path("config.toml"), text).unwrap();
        let client = home.builder().open();
        let done = client.enable("command_history").is_ok();
        let after = fs::read(home.path("config.toml")).unwrap();
        assert!(done || after == text, "what could not be changed was written: {:?}", String::from_utf8_lossy(text));
        done
    });
    assert!(changed > 0, "no file could be changed");
}
