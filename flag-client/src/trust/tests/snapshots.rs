use super::*;
use crate::trust::{Change, TrustError, Warning};

fn refusal(held: u64, header: &SnapshotHeader) -> String {
    let mut client = client_with_snapshot(&snapshot(held));
    let error = client.accept_snapshot(&signed_snapshot(header), NOW).unwrap_err();
    assert_eq!(client.snapshot_header(), Some(&snapshot(held)));
    explain(error)
}

fn expiring(version: u64, millis_from_now: i64) -> SnapshotHeader {
    SnapshotHeader { expires_at: NOW.saturating_add_millis(millis_from_now), ..snapshot(version) }
}

fn issued(version: u64, millis_from_now: i64) -> SnapshotHeader {
    SnapshotHeader { issued_at: NOW.saturating_add_millis(millis_from_now), ..snapshot(version) }
}

/// Gives the client root 2, which begins epoch 2.
fn begin_epoch_2(client: &mut TrustState) {
    client.accept_root(&signed_root(&RootDocument { epoch: 2, ..root(2) }, &["r"]), NOW).unwrap();
}

fn of_epoch_2(version: u64) -> SnapshotHeader {
    SnapshotHeader { epoch: 2, ..snapshot(version) }
}

#[test]
fn newer_version_replaces_the_held_one() {
    let mut client = client_with_snapshot(&snapshot(7));
    let accepted = client.accept_snapshot(&signed_snapshot(&snapshot(9)), NOW).unwrap();
    assert_eq!(accepted.change, Change::Snapshot { epoch: 1, version: 9 });
    assert_eq!(accepted.warnings, []);
    assert_eq!(client.snapshot_payload().unwrap(), serde_json::to_vec(&snapshot(9)).unwrap());
}

#[test]
fn document_is_kept_byte_for_byte() {
    let text =
        serde_json::to_string(&snapshot(1)).unwrap().replacen('{', "{\n \"flags\" : [ {\"key\":\"\\u0061\"} ],", 1);
    let mut client = client();
    client.accept_snapshot(&signed_bytes(PayloadType::Snapshot, text.as_bytes(), &["s"]), NOW).unwrap();
    assert_eq!(client.snapshot_payload(), Some(text.as_bytes()));
    let spaced = signed_bytes(PayloadType::Snapshot, format!("\n {text}\n").as_bytes(), &["s"]);
    assert_eq!(
        client.accept_snapshot(&spaced, NOW).unwrap().change,
        Change::NotModified,
        "what is around it does not count"
    );
}

#[test]
fn older_version_replayed() {
    assert_eq!(refusal(7, &snapshot(6)), "snapshot version 6 is below the held version 7");
    assert_eq!(refusal(7, &snapshot(0)), "snapshot version 0 is below the held version 7");
}

#[test]
fn same_version_same_bytes_is_not_modified() {
    let mut client = client_with_snapshot(&snapshot(7));
    let again = client.accept_snapshot(&signed_snapshot(&snapshot(7)), NOW).unwrap();
    assert_eq!(again.change, Change::NotModified);
    let long_after = NOW.saturating_add_millis(1000 * DAY);
    let again = client.accept_snapshot(&signed_snapshot(&snapshot(7)), long_after).unwrap();
    assert_eq!(again.change, Change::NotModified, "what is held already is not new, however old");
}

#[test]
fn same_version_other_bytes() {
    let mut client = client_with_snapshot(&snapshot(7));
    let error = client.accept_snapshot(&signed_snapshot(&expiring(7, 2 * DAY)), NOW).unwrap_err();
    assert!(error.is_alarm());
    assert_eq!(explain(error), "snapshot version 7 differs from the held document of the same version");
    assert_eq!(client.snapshot_header(), Some(&snapshot(7)));
}

#[test]
fn snapshot_of_staging_replayed_at_production() {
    let staging = SnapshotHeader { environment: "staging".to_owned(), ..snapshot(8) };
    assert_eq!(refusal(7, &staging), "snapshot is for environment \"staging\", expected \"production\"");
}

#[test]
fn snapshot_of_another_project() {
    let foreign = SnapshotHeader { project: "Caro".to_owned(), ..snapshot(8) };
    assert_eq!(refusal(7, &foreign), "snapshot is for project \"Caro\", expected \"caro\"");
}

#[test]
fn snapshot_of_an_epoch_no_root_has_begun() {
    assert_eq!(refusal(7, &of_epoch_2(8)), "snapshot is of epoch 2, but root 1 is of epoch 1");
}

#[test]
fn snapshot_of_an_ended_epoch() {
    let mut client = client();
    begin_epoch_2(&mut client);
    let error = client.accept_snapshot(&signed_snapshot(&snapshot(8)), NOW).unwrap_err();
    assert_eq!(explain(error), "snapshot is of epoch 1, but root 2 is of epoch 2");
}

#[test]
fn version_u64_max_then_epoch_bump() {
    let mut client = client_with_snapshot(&snapshot(u64::MAX));
    let message = "snapshot version 8 is below the held version 18446744073709551615";
    assert_eq!(explain(client.accept_snapshot(&signed_snapshot(&snapshot(8)), NOW).unwrap_err()), message);
    begin_epoch_2(&mut client);
    assert_eq!(client.snapshot_version(), Some(u64::MAX), "the last known values stay");
    assert!(client.is_stale(NOW), "but an ended epoch is stale");
    client.accept_snapshot(&signed_snapshot(&of_epoch_2(1)), NOW).unwrap();
    assert_eq!(client.snapshot_version(), Some(1));
    assert!(!client.is_stale(NOW));
}

#[test]
fn expired_document_is_refused() {
    let message = "snapshot version 8 expired at 2026-05-31T00:00:00Z, before 2026-06-01T00:00:00Z";
    assert_eq!(refusal(7, &expiring(8, -DAY)), message);
}

#[test]
fn expiry_is_judged_with_a_tolerance_of_five_minutes() {
    let mut client = client();
    client.accept_snapshot(&signed_snapshot(&expiring(1, -5 * MINUTE)), NOW).unwrap();
    assert!(client.is_stale(NOW), "accepted, but not as fresh");
    assert!(client.accept_snapshot(&signed_snapshot(&expiring(2, -5 * MINUTE - 1)), NOW).is_err());
}

#[test]
fn document_that_expires_before_it_is_issued() {
    let mut odd = expiring(8, 20 * MINUTE);
    odd.issued_at = NOW.saturating_add_millis(30 * MINUTE);
    let mut client = client();
    client.accept_snapshot(&signed_snapshot(&odd), NOW).unwrap();
    assert!(client.is_stale(NOW), "its own issue is an instant known to have passed");
}

#[test]
fn held_snapshot_expires_and_stays() {
    let client = client_with_snapshot(&snapshot(7));
    let expiry = snapshot(7).expires_at;
    assert!(!client.is_stale(expiry.saturating_add_millis(-1)));
    assert!(client.is_stale(expiry));
    assert_eq!(client.snapshot_payload().unwrap(), serde_json::to_vec(&snapshot(7)).unwrap());
}

#[test]
fn client_without_a_snapshot_is_not_stale() {
    assert!(!client().is_stale(NOW));
    assert_eq!(client().snapshot_payload(), None);
}

#[test]
fn clock_set_back_does_not_unexpire() {
    let mut client = client();
    client.accept_snapshot(&signed_snapshot(&expiring(1, MINUTE)), NOW).unwrap();
    client.accept_snapshot(&signed_snapshot(&issued(2, 60 * MINUTE)), NOW).unwrap();
    let set_back = NOW.saturating_add_millis(-10 * DAY);
    let message = "snapshot version 3 expired at 2026-06-01T00:01:00Z, before 2026-06-01T01:00:00Z";
    assert_eq!(explain(client.accept_snapshot(&signed_snapshot(&expiring(3, MINUTE)), set_back).unwrap_err()), message);
    let short_lived = SnapshotHeader { issued_at: NOW.saturating_add_millis(60 * MINUTE), ..expiring(4, 59 * MINUTE) };
    client.accept_snapshot(&signed_snapshot(&short_lived), NOW).unwrap();
    assert!(client.is_stale(Timestamp::from_millis(0)));
}

#[test]
fn clock_is_never_before_the_build_nor_the_root() {
    let past = Timestamp::from_millis(0);
    let old = SnapshotHeader { issued_at: Timestamp::from_millis(0), ..expiring(1, -101 * DAY) };
    let message = "snapshot version 1 expired at 2026-02-20T00:00:00Z, before 2026-02-21T00:00:00Z";
    assert_eq!(explain(client().accept_snapshot(&signed_snapshot(&old), past).unwrap_err()), message);
    let mut built_later = client().with_build_time(NOW);
    let message = "snapshot version 1 expired at 2026-05-31T00:00:00Z, before 2026-06-01T00:00:00Z";
    assert_eq!(explain(built_later.accept_snapshot(&signed_snapshot(&expiring(1, -DAY)), past).unwrap_err()), message);
}

#[test]
fn dead_clock_battery_warns_and_accepts() {
    let now = Timestamp::from_millis(0);
    let accepted = client().accept_snapshot(&signed_snapshot(&snapshot(1)), now).unwrap();
    assert_eq!(accepted.change, Change::Snapshot { epoch: 1, version: 1 });
    let issued_at = snapshot(1).issued_at;
    assert_eq!(accepted.warnings, [Warning::IssuedAhead { document: PayloadType::Snapshot, issued_at, now }]);
}

#[test]
fn five_minutes_ahead_is_no_warning() {
    let accept = |millis| client().accept_snapshot(&signed_snapshot(&issued(1, millis)), NOW).unwrap().warnings.len();
    assert_eq!(accept(5 * MINUTE), 0);
    assert_eq!(accept(5 * MINUTE + 1), 1);
}

#[test]
fn time_signed_centuries_ahead_ends_with_its_epoch() {
    let mut client = client();
    let poison = SnapshotHeader { expires_at: Timestamp::from_millis(i64::MAX), ..issued(1, 1_000_000 * DAY) };
    client.accept_snapshot(&signed_snapshot(&poison), NOW).unwrap();
    assert!(matches!(client.accept_snapshot(&signed_snapshot(&snapshot(2)), NOW), Err(TrustError::RootExpired { .. })));
    begin_epoch_2(&mut client);
    client.accept_snapshot(&signed_snapshot(&of_epoch_2(1)), NOW).unwrap();
    assert!(!client.is_stale(NOW));
}

#[test]
fn snapshot_of_a_later_schema() {
    assert_eq!(refusal(7, &SnapshotHeader { schema: 2, ..snapshot(8) }), "snapshot schema 2 is not the known schema 1");
}

#[test]
fn checks_are_made_in_their_order() {
    // Each header fails its own check and every one after it.
    let worst = SnapshotHeader {
        schema: 2,
        project: "other".to_owned(),
        environment: "staging".to_owned(),
        epoch: 3,
        version: 1,
        ..expiring(1, -DAY)
    };
    let right_project = SnapshotHeader { project: "caro".to_owned(), ..worst.clone() };
    let right_environment = SnapshotHeader { environment: "production".to_owned(), ..right_project.clone() };
    let right_epoch = SnapshotHeader { epoch: 1, ..right_environment.clone() };
    let right_version = SnapshotHeader { version: 8, ..right_epoch.clone() };
    let right_expiry = SnapshotHeader { expires_at: snapshot(8).expires_at, ..right_version.clone() };
    let table = [
        (&worst, "snapshot is for project \"other\", expected \"caro\""),
        (&right_project, "snapshot is for environment \"staging\", expected \"production\""),
        (&right_environment, "snapshot is of epoch 3, but root 1 is of epoch 1"),
        (&right_epoch, "snapshot version 1 is below the held version 7"),
        (&right_version, "snapshot version 8 expired at 2026-05-31T00:00:00Z, before 2026-06-01T00:00:00Z"),
        (&right_expiry, "snapshot schema 2 is not the known schema 1"),
    ];
    for (header, message) in table {
        assert_eq!(refusal(7, header), message);
    }
}

#[test]
fn bundled_snapshot_serves_stale_rather_than_not_at_all() {
    let mut client = client();
    let old = expiring(3, -100 * DAY);
    let accepted = client.accept_bundled_snapshot(&signed_snapshot(&old)).unwrap();
    assert_eq!(accepted.change, Change::Snapshot { epoch: 1, version: 3 });
    assert!(client.is_stale(NOW));
}

#[test]
fn bundled_snapshot_never_replaces_a_newer_one() {
    let mut client = client_with_snapshot(&snapshot(7));
    for version in [6, 7] {
        let accepted = client.accept_bundled_snapshot(&signed_snapshot(&snapshot(version))).unwrap();
        assert_eq!(accepted.change, Change::NotModified);
    }
    assert_eq!(client.snapshot_version(), Some(7));
}

#[test]
fn bundled_snapshot_serves_after_its_root_was_replaced() {
    let mut client = client();
    let mut rotated = RootDocument { epoch: 2, ..root(2) };
    rotated.roles.snapshot = role(1, &["t"]);
    client.accept_root(&signed_root(&rotated, &["r"]), NOW).unwrap();
    client.accept_bundled_snapshot(&signed_snapshot(&snapshot(900))).unwrap();
    assert_eq!(client.snapshot_version(), Some(900));
    assert!(client.is_stale(NOW));
    let current = signed(PayloadType::Snapshot, &of_epoch_2(1), &["t"]);
    client.accept_snapshot(&current, NOW).unwrap();
    client.accept_bundled_snapshot(&signed_snapshot(&snapshot(900))).unwrap();
    assert_eq!(client.snapshot_version(), Some(1));
}

#[test]
fn bundled_snapshot_must_be_signed() {
    let forged = signed(PayloadType::Snapshot, &snapshot(3), &["x"]);
    let message = "snapshot is signed by 0 of the 1 keys that role snapshot of root 1 demands";
    assert_eq!(explain(client().accept_bundled_snapshot(&forged).unwrap_err()), message);
}
