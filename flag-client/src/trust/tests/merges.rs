use super::*;
use crate::trust::Equivocation;

fn with_epoch_2(mut client: TrustState) -> TrustState {
    client.accept_root(&signed_root(&RootDocument { epoch: 2, ..root(2) }, &["r"]), NOW).unwrap();
    client
}

#[test]
fn newer_snapshot_wins_either_way() {
    for (ours, theirs) in [(3, 7), (7, 3), (7, 7)] {
        let mut client = client_with_snapshot(&snapshot(ours));
        assert_eq!(client.merge(client_with_snapshot(&snapshot(theirs))), []);
        assert_eq!(client.snapshot_version(), Some(7));
    }
}

#[test]
fn later_epoch_beats_higher_version() {
    let mut later = with_epoch_2(client());
    later.accept_snapshot(&signed_snapshot(&SnapshotHeader { epoch: 2, ..snapshot(1) }), NOW).unwrap();
    let mut earlier = client_with_snapshot(&snapshot(u64::MAX));
    assert_eq!(earlier.merge(later.clone()), []);
    assert_eq!((earlier.root().version, earlier.snapshot_version()), (2, Some(1)));
    assert_eq!(later.merge(client_with_snapshot(&snapshot(u64::MAX))), []);
    assert_eq!((later.root().version, later.snapshot_version()), (2, Some(1)));
}

#[test]
fn kills_and_lifted_ids_of_both_count() {
    let mut one = client_with_snapshot(&SnapshotHeader { kills: vec![kill("a")], ..snapshot(1) });
    one.accept_kills(&signed_kills(&kills(&["b", "c"])), NOW).unwrap();
    let mut other = client_with_snapshot(&SnapshotHeader { lifted: vec!["c".into()], ..snapshot(2) });
    other.accept_kills(&signed_kills(&kills(&["d"])), NOW).unwrap();
    for (mut into, from) in [(one.clone(), other.clone()), (other, one)] {
        into.merge(from);
        assert_eq!(active(&into), ["a", "b", "d"]);
        assert_eq!(into.snapshot_version(), Some(2));
    }
}

#[test]
fn two_snapshots_of_one_version_raise_an_alarm() {
    let mut ours = client_with_snapshot(&snapshot(7));
    let other = SnapshotHeader { kills: vec![kill("a")], ..snapshot(7) };
    let alarms = ours.merge(client_with_snapshot(&other));
    assert_eq!(alarms, [Equivocation { document: PayloadType::Snapshot, version: 7 }]);
    assert_eq!(alarms[0].to_string(), "snapshot version 7 differs from the one another process has stored");
    assert_eq!(ours.snapshot_header(), Some(&other), "the one stored first stands");
}

#[test]
fn parted_root_chains_raise_an_alarm_and_do_not_mix() {
    let mut ours = client();
    ours.accept_root(&signed_root(&root(2), &["r"]), NOW).unwrap();
    let mut theirs = client();
    let mut foreign = root(2);
    foreign.roles.snapshot = role(1, &["x"]);
    theirs.accept_root(&signed_root(&foreign, &["r"]), NOW).unwrap();
    let their_snapshot = SnapshotHeader { kills: vec![kill("a")], ..snapshot(9) };
    theirs.accept_snapshot(&signed(PayloadType::Snapshot, &their_snapshot, &["x"]), NOW).unwrap();
    theirs.accept_kills(&signed_kills(&kills(&["b"])), NOW).unwrap();
    assert_eq!(ours.merge(theirs), [Equivocation { document: PayloadType::Root, version: 2 }]);
    assert_eq!(ours.root(), &root(2));
    assert_eq!(ours.snapshot_version(), None);
    assert_eq!(active(&ours), ["a", "b"], "but a kill is never lost");
    assert!(client().restore(&ours.to_stored().unwrap()).is_ok());
}

#[test]
fn longer_chain_of_roots_is_taken() {
    let mut ours = client();
    let theirs = with_epoch_2(client());
    ours.merge(theirs.clone());
    assert_eq!(ours.root().version, 2);
    ours.accept_root(&signed_root(&RootDocument { epoch: 2, ..root(3) }, &["r"]), NOW).unwrap();
    ours.merge(theirs);
    assert_eq!(ours.root().version, 3);
}

#[test]
fn lower_bound_of_the_clock_is_the_later_one() {
    let short = SnapshotHeader { expires_at: NOW.saturating_add_millis(30 * MINUTE), ..snapshot(3) };
    let mut ours = client_with_snapshot(&short);
    let ahead = SnapshotHeader { issued_at: NOW.saturating_add_millis(40 * MINUTE), ..snapshot(2) };
    ours.merge(client_with_snapshot(&ahead));
    assert_eq!(ours.snapshot_version(), Some(3));
    assert!(ours.is_stale(NOW));
}
