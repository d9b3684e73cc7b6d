use super::*;
use crate::trust::{Change, TrustError, Warning};

fn refusal(held: &RootDocument, bytes: &[u8]) -> String {
    let mut client = open(held);
    let error = client.accept_root(bytes, NOW).unwrap_err();
    assert_eq!(client.root(), held);
    explain(error)
}

/// A root of that version whose root key is `q` instead of `r`.
fn rotated(version: u64) -> RootDocument {
    let mut document = root(version);
    document.roles.root = role(1, &["q"]);
    document
}

fn with_epoch(version: u64, epoch: u64) -> RootDocument {
    RootDocument { epoch, ..root(version) }
}

#[test]
fn next_root_signed_by_both_thresholds_is_accepted() {
    let mut client = client();
    let accepted = client.accept_root(&signed_root(&rotated(2), &["r", "q"]), NOW).unwrap();
    assert_eq!(accepted.change, Change::Root { version: 2, epoch: 1 });
    assert_eq!(client.root(), &rotated(2));
}

#[test]
fn root_signed_only_by_old_keys() {
    let message = "root is signed by 0 of the 1 keys that role root of root 2 demands";
    assert_eq!(refusal(&root(1), &signed_root(&rotated(2), &["r"])), message);
}

#[test]
fn root_signed_only_by_new_keys() {
    let message = "root is signed by 0 of the 1 keys that role root of root 1 demands";
    assert_eq!(refusal(&root(1), &signed_root(&rotated(2), &["q"])), message);
}

#[test]
fn old_threshold_of_two_met_by_one_key() {
    let mut held = root(1);
    held.roles.root = role(2, &["r", "p"]);
    let pinned = signed_root(&held, &["r", "p"]);
    let mut client = TrustState::open(&pinned, "caro", "production").unwrap();
    let message = "root is signed by 1 of the 2 keys that role root of root 1 demands";
    assert_eq!(explain(client.accept_root(&signed_root(&root(2), &["r"]), NOW).unwrap_err()), message);
    client.accept_root(&signed_root(&root(2), &["p", "r"]), NOW).unwrap();
}

#[test]
fn root_skips_a_version() {
    assert_eq!(refusal(&root(1), &signed_root(&root(3), &["r"])), "root version 3 skips version 2");
    assert_eq!(
        refusal(&root(1), &signed_root(&root(u64::MAX), &["r"])),
        "root version 18446744073709551615 skips version 2"
    );
}

#[test]
fn root_after_the_last_version_does_not_exist() {
    let held = root(u64::MAX);
    assert_eq!(
        refusal(&held, &signed_root(&root(1), &["r"])),
        "root version 1 is below the held version 18446744073709551615"
    );
}

#[test]
fn three_roots_are_walked_in_one_go() {
    let mut client = client();
    let chain =
        [signed_root(&root(2), &["r"]), signed_root(&rotated(3), &["r", "q"]), signed_root(&rotated(4), &["q"])];
    assert_eq!(client.accept_roots(&chain, NOW).unwrap().change, Change::Root { version: 4, epoch: 1 });
    assert_eq!(client.root(), &rotated(4));
}

#[test]
fn walk_ends_at_a_refused_step_and_keeps_the_ones_before() {
    let mut client = client();
    let chain = [signed_root(&root(2), &["r"]), signed_root(&root(4), &["r"])];
    assert_eq!(explain(client.accept_roots(&chain, NOW).unwrap_err()), "root version 4 skips version 3");
    assert_eq!(client.root().version, 2);
}

#[test]
fn endless_chain_of_roots() {
    let chain: Vec<Vec<u8>> = (2..=66).map(|version| signed_root(&root(version), &["r"])).collect();
    let mut client = client();
    let message = "65 roots are above the limit of 64 for one refresh";
    assert_eq!(explain(client.accept_roots(&chain, NOW).unwrap_err()), message);
    assert_eq!(client.root().version, 1);
    client.accept_roots(&chain[..64], NOW).unwrap();
    assert_eq!(client.root().version, 65);
}

#[test]
fn older_root_replayed() {
    assert_eq!(refusal(&root(5), &signed_root(&root(4), &["r"])), "root version 4 is below the held version 5");
}

#[test]
fn same_root_again_is_not_modified() {
    let mut client = client();
    let accepted = client.accept_root(&signed_root(&root(1), &["r"]), NOW).unwrap();
    assert_eq!(accepted.change, Change::NotModified);
}

#[test]
fn same_root_version_other_bytes() {
    let mut other = root(1);
    other.expires_at = NOW.saturating_add_millis(1000 * DAY);
    let error = client().accept_root(&signed_root(&other, &["r"]), NOW).unwrap_err();
    assert!(error.is_alarm());
    assert_eq!(explain(error), "root version 1 differs from the held document of the same version");
}

#[test]
fn root_of_an_earlier_epoch() {
    let message = "root is of epoch 1, but root 1 is of epoch 2";
    assert_eq!(refusal(&with_epoch(1, 2), &signed_root(&with_epoch(2, 1), &["r"])), message);
}

#[test]
fn epoch_may_stay_or_grow() {
    let mut client = client();
    client.accept_root(&signed_root(&with_epoch(2, 1), &["r"]), NOW).unwrap();
    client.accept_root(&signed_root(&with_epoch(3, 9), &["r"]), NOW).unwrap();
    assert_eq!((client.root().version, client.root().epoch), (3, 9));
}

#[test]
fn root_of_another_project() {
    let foreign = RootDocument { project: "other".to_owned(), ..root(2) };
    assert_eq!(refusal(&root(1), &signed_root(&foreign, &["r"])), "root is for project \"other\", expected \"caro\"");
    let pinned = signed_root(&root(1), &["r"]);
    let message = "root is for project \"caro\", expected \"other\"";
    assert_eq!(explain(TrustState::open(&pinned, "other", "production").unwrap_err()), message);
}

#[test]
fn roots_that_could_not_govern() {
    let a_key = root(2).roles.kill.keys.remove(0);
    let crowd = Role { threshold: 1, keys: vec![a_key; 17] };
    let roles = |change: &dyn Fn(&mut Roles)| {
        let mut document = root(2);
        change(&mut document.roles);
        document
    };
    let table = [
        (RootDocument { version: 0, ..root(2) }, "version 0 is below 1"),
        (roles(&|roles| roles.root.threshold = 0), "role root: threshold 0 is below 1"),
        (roles(&|roles| roles.kill.threshold = 0), "role kill: threshold 0 is below 1"),
        (roles(&|roles| roles.snapshot.threshold = 2), "role snapshot: threshold 2 is above its 1 distinct keys"),
        (roles(&|roles| roles.kill = role(2, &["k1", "k2"])), "role kill: threshold 2 is above its 1 distinct keys"),
        (roles(&|roles| roles.kill = crowd.clone()), "role kill: 17 keys are above the limit of 16"),
    ];
    for (document, message) in table {
        assert_eq!(refusal(&root(1), &signed_root(&document, &["r"])), format!("root is invalid: {message}"));
    }
}

#[test]
fn root_that_lists_a_weak_key() {
    let genuine = serde_json::to_string(&root(2)).unwrap();
    let key = root(2).roles.snapshot.keys[0].public.to_string();
    let weak = genuine.replace(&key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let message = refusal(&root(1), &signed_bytes(PayloadType::Root, weak.as_bytes(), &["r"]));
    assert!(
        message.starts_with("root payload is malformed: public key is a weak point of small order at line 1 column ")
    );
}

#[test]
fn root_of_a_later_schema() {
    let later = RootDocument { schema: 2, ..root(2) };
    assert_eq!(refusal(&root(1), &signed_root(&later, &["r"])), "root schema 2 is not the known schema 1");
    let unlike = br#"{"schema":2,"delegations":{}}"#;
    let message = "root schema 2 is not the known schema 1";
    assert_eq!(refusal(&root(1), &signed_bytes(PayloadType::Root, unlike, &["r"])), message);
}

#[test]
fn pinned_root_must_bear_its_own_signatures() {
    let error = TrustState::open(&signed_root(&root(1), &["q"]), "caro", "production").unwrap_err();
    assert!(matches!(error, TrustError::BelowThreshold { .. }));
    assert_eq!(explain(error), "root is signed by 0 of the 1 keys that role root of root 1 demands");
}

#[test]
fn expired_root_accepts_newer_roots_and_kills_but_no_snapshots() {
    let expired = RootDocument { expires_at: NOW.saturating_add_millis(-DAY), ..root(1) };
    let mut client = open(&expired);
    assert!(client.is_root_expired(NOW));
    let message = "root version 1 expired at 2026-05-31T00:00:00Z and accepts no new snapshots at 2026-06-01T00:00:00Z";
    assert_eq!(explain(client.accept_snapshot(&signed_snapshot(&snapshot(1)), NOW).unwrap_err()), message);
    client.accept_kills(&signed_kills(&kills(&["x"])), NOW).unwrap();
    assert_eq!(active(&client), ["x"]);
    client.accept_root(&signed_root(&root(2), &["r"]), NOW).unwrap();
    assert!(!client.is_root_expired(NOW));
    client.accept_snapshot(&signed_snapshot(&snapshot(1)), NOW).unwrap();
}

#[test]
fn chain_is_walked_through_an_expired_root() {
    let expired = RootDocument { expires_at: NOW.saturating_add_millis(-DAY), ..root(2) };
    let mut client = client();
    client.accept_roots(&[signed_root(&expired, &["r"]), signed_root(&root(3), &["r"])], NOW).unwrap();
    assert_eq!(client.root().version, 3);
}

#[test]
fn withheld_root_ends_snapshots_at_its_expiry_and_keeps_the_values() {
    let mut client = client_with_snapshot(&snapshot(1));
    let before = NOW.saturating_add_millis(90 * DAY - 1);
    let after = NOW.saturating_add_millis(90 * DAY + 6 * MINUTE);
    let late = |version| SnapshotHeader { expires_at: NOW.saturating_add_millis(200 * DAY), ..snapshot(version) };
    assert!(!client.is_root_expired(before));
    client.accept_snapshot(&signed_snapshot(&late(2)), before).unwrap();
    assert!(client.is_root_expired(after));
    assert!(matches!(client.accept_snapshot(&signed_snapshot(&late(3)), after), Err(TrustError::RootExpired { .. })));
    assert_eq!(client.snapshot_version(), Some(2));
    let again = client.accept_snapshot(&signed_snapshot(&late(2)), after).unwrap();
    assert_eq!(again.change, Change::NotModified, "the held snapshot is no new one");
}

#[test]
fn root_issued_ahead_of_a_wrong_clock_is_accepted_with_a_warning() {
    let now = Timestamp::from_millis(0);
    let accepted = client().accept_root(&signed_root(&root(2), &["r"]), now).unwrap();
    let warning = Warning::IssuedAhead { document: PayloadType::Root, issued_at: root(2).issued_at, now };
    assert_eq!(accepted.warnings, [warning]);
    assert_eq!(
        warning.to_string(),
        "root was issued at 2026-02-21T00:00:00Z, but the local clock says 1970-01-01T00:00:00Z"
    );
}
