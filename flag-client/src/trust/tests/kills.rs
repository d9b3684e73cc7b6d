use proptest::prelude::*;

use super::*;
use crate::trust::{Change, MAX_KILLS, MAX_LIFTED, Warning};

fn lifting(version: u64, ids: &[&str]) -> SnapshotHeader {
    SnapshotHeader { lifted: ids.iter().map(|id| (*id).into()).collect(), ..snapshot(version) }
}

fn killing(version: u64, ids: &[&str]) -> SnapshotHeader {
    SnapshotHeader { kills: kills(ids).kills, ..snapshot(version) }
}

fn client_with_kills(ids: &[&str]) -> TrustState {
    let mut client = client();
    client.accept_kills(&signed_kills(&kills(ids)), NOW).unwrap();
    client
}

fn refusal(document: &KillsDocument) -> String {
    let mut client = client_with_kills(&["held"]);
    let error = client.accept_kills(&signed_kills(document), NOW).unwrap_err();
    assert_eq!(active(&client), ["held"]);
    explain(error)
}

#[test]
fn kills_add_up() {
    let mut client = client_with_kills(&["a"]);
    let accepted = client.accept_kills(&signed_kills(&kills(&["b", "a", "c"])), NOW).unwrap();
    assert_eq!(accepted.change, Change::Kills { added: 2 });
    assert_eq!(active(&client), ["a", "b", "c"]);
}

#[test]
fn absence_never_lifts() {
    let mut client = client_with_kills(&["a", "b"]);
    let accepted = client.accept_kills(&signed_kills(&kills(&[])), NOW).unwrap();
    assert_eq!(accepted.change, Change::NotModified);
    client.accept_kills(&signed_kills(&kills(&["b", "c"])), NOW).unwrap();
    assert_eq!(active(&client), ["a", "b", "c"]);
}

#[test]
fn kill_survives_a_snapshot_that_does_not_name_it() {
    let mut client = client_with_kills(&["a"]);
    client.accept_snapshot(&signed_snapshot(&killing(1, &["b"])), NOW).unwrap();
    client.accept_snapshot(&signed_snapshot(&snapshot(2)), NOW).unwrap();
    client.accept_snapshot(&signed_snapshot(&snapshot(3)), NOW).unwrap();
    assert_eq!(active(&client), ["a", "b"]);
}

#[test]
fn kill_survives_older_snapshot() {
    let mut client = client_with_snapshot(&killing(2, &["a"]));
    client.accept_snapshot(&signed_snapshot(&snapshot(1)), NOW).unwrap_err();
    assert_eq!(active(&client), ["a"]);
}

#[test]
fn kill_survives_expiry_and_epochs() {
    let mut client = client_with_kills(&["a"]);
    client.accept_snapshot(&signed_snapshot(&killing(1, &["b"])), NOW).unwrap();
    let bumped = RootDocument { epoch: 2, roles: Roles { kill: role(1, &["j"]), ..root(2).roles }, ..root(2) };
    client.accept_root(&signed_root(&bumped, &["r"]), NOW.saturating_add_millis(80 * DAY)).unwrap();
    assert_eq!(active(&client), ["a", "b"]);
    client.accept_snapshot(&signed_snapshot(&SnapshotHeader { epoch: 2, ..snapshot(1) }), NOW).unwrap();
    assert_eq!(active(&client), ["a", "b"]);
}

#[test]
fn snapshot_lifts_what_it_lists() {
    let mut client = client_with_kills(&["a", "b"]);
    client.accept_snapshot(&signed_snapshot(&killing(1, &["c"])), NOW).unwrap();
    client.accept_snapshot(&signed_snapshot(&lifting(2, &["a", "c"])), NOW).unwrap();
    assert_eq!(active(&client), ["b"]);
    assert_eq!(client.lifted_kills().collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn lifted_kill_cannot_be_replayed() {
    let mut client = client_with_kills(&["a"]);
    client.accept_snapshot(&signed_snapshot(&lifting(1, &["a"])), NOW).unwrap();
    // Later snapshots need not repeat it for this client.
    client.accept_snapshot(&signed_snapshot(&snapshot(2)), NOW).unwrap();
    let accepted = client.accept_kills(&signed_kills(&kills(&["a"])), NOW).unwrap();
    assert_eq!(accepted.change, Change::NotModified);
    assert!(active(&client).is_empty());
    client.accept_kills(&signed_kills(&kills(&["a", "b"])), NOW).unwrap();
    assert_eq!(active(&client), ["b"]);
}

#[test]
fn id_lifted_before_its_kill_arrives() {
    let mut client = client_with_snapshot(&lifting(1, &["a"]));
    client.accept_kills(&signed_kills(&kills(&["a"])), NOW).unwrap();
    assert!(active(&client).is_empty());
}

#[test]
fn snapshot_that_lists_an_id_as_killed_and_lifted() {
    let both = SnapshotHeader { kills: vec![kill("a")], ..lifting(1, &["a"]) };
    assert!(active(&client_with_snapshot(&both)).is_empty());
}

#[test]
fn one_id_with_two_targets_kills_both() {
    let mut client = client_with_kills(&["a"]);
    let mut other = kills(&["a"]);
    other.kills[0].target = "capability:telemetry".into();
    client.accept_kills(&signed_kills(&other), NOW).unwrap();
    let targets: Vec<&str> = client.active_kills().into_iter().map(|kill| &*kill.target).collect();
    assert_eq!(targets, ["capability:telemetry", "flag:a"]);
}

#[test]
fn kills_of_the_wrong_place_or_epoch() {
    let table = [
        (
            KillsDocument { project: "other".to_owned(), ..kills(&["x"]) },
            "kills is for project \"other\", expected \"caro\"",
        ),
        (
            KillsDocument { environment: "staging".to_owned(), ..kills(&["x"]) },
            "kills is for environment \"staging\", expected \"production\"",
        ),
        (KillsDocument { epoch: 0, ..kills(&["x"]) }, "kills is of epoch 0, but root 1 is of epoch 1"),
        (KillsDocument { schema: 7, ..kills(&["x"]) }, "kills schema 7 is not the known schema 1"),
    ];
    for (document, message) in table {
        assert_eq!(refusal(&document), message);
    }
}

#[test]
fn kills_of_an_epoch_whose_root_is_withheld() {
    let mut client = client();
    client.accept_kills(&signed_kills(&KillsDocument { epoch: 2, ..kills(&["a"]) }), NOW).unwrap();
    assert_eq!(active(&client), ["a"]);
}

#[test]
fn kills_signed_by_the_snapshot_key() {
    let bytes = signed(PayloadType::Kills, &kills(&["x"]), &["s"]);
    let message = "kills is signed by 0 of the 1 keys that role kill of root 1 demands";
    assert_eq!(explain(client().accept_kills(&bytes, NOW).unwrap_err()), message);
}

#[test]
fn emergency_key_can_do_nothing_but_kill() {
    let mut client = client_with_kills(&["a"]);
    // Members of a snapshot in a kills document have no meaning.
    let mut payload = serde_json::to_value(kills(&["b"])).unwrap();
    payload["lifted"] = serde_json::json!(["a"]);
    payload["version"] = serde_json::json!(99);
    client.accept_kills(&signed(PayloadType::Kills, &payload, &["k"]), NOW).unwrap();
    assert_eq!(active(&client), ["a", "b"]);
    client.accept_snapshot(&signed(PayloadType::Snapshot, &snapshot(1), &["k"]), NOW).unwrap_err();
    assert_eq!(client.snapshot_version(), None);
}

#[test]
fn emergency_key_cannot_expire_snapshots() {
    let mut client = client_with_snapshot(&snapshot(1));
    let ahead = KillsDocument { issued_at: NOW.saturating_add_millis(1_000_000 * DAY), ..kills(&["a"]) };
    let accepted = client.accept_kills(&signed_kills(&ahead), NOW).unwrap();
    let warning = Warning::IssuedAhead { document: PayloadType::Kills, issued_at: ahead.issued_at, now: NOW };
    assert_eq!(accepted.warnings, [warning]);
    assert!(!client.is_stale(NOW));
    client.accept_snapshot(&signed_snapshot(&snapshot(2)), NOW).unwrap();
}

#[test]
fn kill_arrives_under_any_clock() {
    for millis in [i64::MIN, -1, 0, NOW.as_millis() - DAY, NOW.as_millis() + DAY, i64::MAX] {
        let mut client = client_with_snapshot(&snapshot(1));
        let now = Timestamp::from_millis(millis);
        client.accept_kills(&signed_kills(&kills(&["a"])), now).unwrap();
        assert_eq!(active(&client), ["a"], "{now}");
        assert!(client.snapshot_payload().is_some());
    }
}

#[test]
fn more_documents_than_are_held_lose_no_kill() {
    let mut client = client();
    let ids: Vec<String> = (10..60).map(|i| format!("kill_{i}")).collect();
    for id in &ids {
        client.accept_kills(&signed_kills(&kills(&[id])), NOW).unwrap();
    }
    assert_eq!(active(&client), ids);
    assert_eq!(client.kills_documents.len(), 16);
    client.accept_snapshot(&signed_snapshot(&lifting(1, &["kill_10", "kill_59"])), NOW).unwrap();
    assert_eq!(active(&client), ids[1..49]);
}

#[test]
fn growing_document_takes_the_place_of_its_beginnings() {
    let mut client = client();
    for ids in [&["a"][..], &["a", "b"], &["a", "b", "c"]] {
        client.accept_kills(&signed_kills(&kills(ids)), NOW).unwrap();
    }
    assert_eq!(client.kills_documents.len(), 1);
    assert_eq!(active(&client), ["a", "b", "c"]);
}

#[test]
fn flood_of_kills_is_refused() {
    let many = |from: usize, to: usize| -> KillsDocument {
        let kills_list = (from..to).map(|i| Kill { id: i.to_string().into(), target: "t".into() }).collect();
        KillsDocument { kills: kills_list, ..kills(&[]) }
    };
    let mut client = client();
    client.accept_kills(&signed_kills(&many(0, MAX_KILLS)), NOW).unwrap();
    let message = "kills would bring the kills in force to 10001, above the limit of 10000";
    assert_eq!(explain(client.accept_kills(&signed_kills(&many(0, MAX_KILLS + 1)), NOW).unwrap_err()), message);
    let message = "snapshot would bring the kills in force to 10001, above the limit of 10000";
    assert_eq!(explain(client.accept_snapshot(&signed_snapshot(&killing(1, &["a"])), NOW).unwrap_err()), message);
    let exchange = SnapshotHeader { kills: vec![kill("a")], ..lifting(1, &["77"]) };
    client.accept_snapshot(&signed_snapshot(&exchange), NOW).unwrap();
    assert_eq!(client.active_kills().len(), MAX_KILLS);
}

#[test]
fn flood_of_lifted_ids_ends_with_its_epoch() {
    let mut client = client_with_kills(&["a", "b"]);
    let junk = SnapshotHeader { lifted: (1..MAX_LIFTED).map(|i| i.to_string().into()).collect(), ..snapshot(1) };
    client.accept_snapshot(&signed_snapshot(&junk), NOW).unwrap();
    client.accept_snapshot(&signed_snapshot(&lifting(2, &["a"])), NOW).unwrap();
    let message = "snapshot would bring the lifted kill ids to 100001, above the limit of 100000";
    assert_eq!(explain(client.accept_snapshot(&signed_snapshot(&lifting(3, &["b"])), NOW).unwrap_err()), message);
    client.accept_root(&signed_root(&RootDocument { epoch: 2, ..root(2) }, &["r"]), NOW).unwrap();
    assert_eq!(client.lifted_kills().collect::<Vec<_>>(), ["a"], "a held document names it still");
    client.accept_snapshot(&signed_snapshot(&SnapshotHeader { epoch: 2, ..lifting(1, &["b"]) }), NOW).unwrap();
    assert!(active(&client).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// In whatever order documents arrive, a kill is in force if and only if it came and was not lifted.
    #[test]
    fn order_of_arrival_does_not_matter(
        documents in prop::collection::vec(prop::collection::btree_set("[a-f]", 0..4), 0..6),
        lifted in prop::collection::btree_set("[a-f]", 0..3),
        at in 0_usize..7,
    ) {
        let mut client = client();
        let lifted_ids: Vec<&str> = lifted.iter().map(String::as_str).collect();
        let mut snapshot_bytes = Some(signed_snapshot(&lifting(1, &lifted_ids)));
        for (index, ids) in documents.iter().enumerate() {
            if index >= at {
                if let Some(bytes) = snapshot_bytes.take() {
                    client.accept_snapshot(&bytes, NOW).unwrap();
                }
            }
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            client.accept_kills(&signed_kills(&kills(&ids)), NOW).unwrap();
        }
        if let Some(bytes) = snapshot_bytes.take() {
            client.accept_snapshot(&bytes, NOW).unwrap();
        }
        let expected: std::collections::BTreeSet<&String> = documents.iter().flatten().filter(|id| !lifted.contains(*id)).collect();
        prop_assert_eq!(active(&client), expected.into_iter().map(String::as_str).collect::<Vec<_>>());
    }
}
