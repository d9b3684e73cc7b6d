//! Forged, damaged and replayed snapshots against a client that has been running: what it held stays in force, each attempt is named, and
//! the next run serves the same.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use std::error::Error;
use std::fs;

use flag_client::trust::{Envelope, PayloadType, TrustFile, TrustState};
use flag_client::{Declaration, FlagClient, Remote, Timestamp};
use support::{DAY, Home, NOW, flag, root, sign, snapshot, snapshot_with};

const FLAG: &str = "command_history";

/// What somebody in the middle may put in the snapshot's place, and what becomes of it as the application's own bundle and as an answer of
/// the publisher. An older snapshot is no error in a bundle: applications are older than what they fetch.
struct Attempt {
    name: &'static str,
    snapshot: Vec<u8>,
    bundled: Option<&'static str>,
    #[cfg_attr(not(feature = "remote"), allow(dead_code, reason = "read where documents can be fetched"))]
    fetched: &'static str,
}

impl Attempt {
    fn refused(name: &'static str, snapshot: Vec<u8>, why: &'static str) -> Self {
        Self { name, snapshot, bundled: Some(why), fetched: why }
    }

    fn outdated(name: &'static str, snapshot: Vec<u8>, why: &'static str) -> Self {
        Self { name, snapshot, bundled: None, fetched: why }
    }
}

/// Version 9 of a project and environment, which turns the flag off, signed by the right key unless another is named.
fn version_nine(project: &str, environment: &str, expires_in_days: i64, by: &'static str) -> Vec<u8> {
    let (issued, expires) = (NOW.saturating_add_millis(-DAY), NOW.saturating_add_millis(expires_in_days * DAY));
    let payload = format!(
        r#"{{"schema":1,"project":"{project}","environment":"{environment}","epoch":1,"version":9,
            "issued_at":"{issued}","expires_at":"{expires}","flags":{{{}}}}}"#,
        flag(FLAG, false, "")
    );
    sign(PayloadType::Snapshot, &payload, by)
}

/// The same envelope with its content changed by a single bit.
fn with_one_flipped_bit() -> Vec<u8> {
    let mut forged = version_nine("caro", "production", 30, "snapshot");
    let at = forged.windows(5).position(|bytes| bytes == b"\"off\"").unwrap() + 1;
    forged[at] ^= 1;
    forged
}

/// A genuine version 9 that no client can read: a mistake of the publisher.
fn unreadable(members: &str) -> Vec<u8> {
    let payload = format!(
        r#"{{"schema":1,"project":"caro","environment":"production","epoch":1,"version":9,
            "issued_at":"2026-05-31T00:00:00Z","expires_at":"2026-07-01T00:00:00Z",{members}}}"#
    );
    sign(PayloadType::Snapshot, &payload, "snapshot")
}

const UNSIGNED: &str = "snapshot is signed by 0 of the 1 keys that role snapshot of root 1 demands";

fn attempts() -> Vec<Attempt> {
    let sound = version_nine("caro", "production", 30, "snapshot");
    let truncated = sound[..sound.len() / 2].to_vec();
    let unsigned = Envelope::sign(PayloadType::Snapshot, b"{}", &[]).to_json();
    let by_the_wrong_key = version_nine("caro", "production", 30, "kill");
    vec![
        Attempt::refused("one bit flipped", with_one_flipped_bit(), "snapshot envelope is malformed"),
        Attempt::refused("truncated", truncated, "snapshot envelope is malformed"),
        Attempt::refused("empty", Vec::new(), "snapshot envelope is malformed"),
        Attempt::refused("unsigned", unsigned, UNSIGNED),
        Attempt::refused("signed by the emergency key", by_the_wrong_key, UNSIGNED),
        Attempt::refused("signed by a stranger", version_nine("caro", "production", 30, "x"), UNSIGNED),
        Attempt::refused("a root in its place", root(1), "payload type is "),
        Attempt::refused(
            "another project",
            version_nine("other", "production", 30, "snapshot"),
            "snapshot is for project \"other\", expected \"caro\"",
        ),
        Attempt::refused(
            "another environment",
            version_nine("caro", "staging", 30, "snapshot"),
            "snapshot is for environment \"staging\", expected \"production\"",
        ),
        Attempt::outdated("a replay", snapshot(4, ""), "snapshot version 4 is below the held version 5"),
        Attempt::outdated(
            "another document of the same version",
            snapshot_with(5, "", r#","lifted":["k1"]"#),
            "snapshot version 5 differs from the held document of the same version",
        ),
    ]
}

/// The causes of an error in one line, itself left out.
fn causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |error: &&dyn Error| (*error).source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A home whose client has held version 5, which turns the flag on, since an earlier run.
fn home() -> Home {
    let home = Home::new();
    keep(&home, &snapshot(5, &flag(FLAG, true, "")));
    home
}

fn keep(home: &Home, snapshot: &[u8]) {
    let remote = home.remote(None);
    let mut state = TrustState::open(&remote.pinned_root, &remote.project, &remote.environment).unwrap();
    state.accept_snapshot(snapshot, NOW).unwrap();
    TrustFile::new(&remote.state_file).save(&mut state).unwrap();
}

fn open(remote: Remote) -> FlagClient {
    open_at(remote, NOW)
}

fn open_at(remote: Remote, now: Timestamp) -> FlagClient {
    FlagClient::builder().declare([Declaration::boolean(FLAG)]).remote(remote).clock(move || now).open()
}

/// Version 5 is in force, and was neither forgotten nor written anew.
fn holds_version_five(client: &FlagClient, name: &str) {
    assert!(client.is_enabled(FLAG), "{name}");
    let info = client.snapshot_info().unwrap();
    assert_eq!((info.version, info.stale), (5, false), "{name}");
}

#[test]
fn a_bundle_that_is_not_to_be_trusted_never_replaces_what_is_held() {
    for Attempt { name, snapshot, bundled, .. } in attempts() {
        let home = home();
        let stored = fs::read(home.path("state.json")).unwrap();
        let client = open(home.remote(Some(snapshot)));
        holds_version_five(&client, name);
        let problems = client.problems();
        match bundled {
            None => assert!(problems.is_empty(), "{name}: {problems:?}"),
            Some(why) => {
                let [problem] = &*problems else { panic!("{name}: {problems:?}") };
                assert_eq!(problem.to_string(), "the bundled snapshot is refused", "{name}");
                assert!(causes(problem).starts_with(why), "{name}: {}", causes(problem));
            }
        }
        client.reload();
        holds_version_five(&client, name);
        assert_eq!(fs::read(home.path("state.json")).unwrap(), stored, "{name}");
        let restarted = open(home.remote(None));
        holds_version_five(&restarted, name);
        assert!(restarted.problems().is_empty(), "{name}");
    }
}

/// Genuine documents that no client can read.
const UNREADABLE: [&str; 3] = [r#""segments":7,"flags":{}"#, r#""flags":null"#, r#""lifted":[]"#];

#[cfg(feature = "remote")]
#[test]
fn a_publishers_mistake_under_a_valid_signature_changes_nothing() {
    for members in UNREADABLE {
        let home = home();
        fs::create_dir_all(home.path("flags/v1")).unwrap();
        fs::write(home.path("flags/v1/snapshot.json"), unreadable(members)).unwrap();
        let remote = Remote { url: Some(home.path("flags").display().to_string()), ..home.remote(None) };
        let client = open(remote.clone());
        let error = client.sync().unwrap_err();
        let why = causes(&error);
        assert!(why.contains("it is signed and cannot be read: snapshot is malformed: "), "{members}: {why}");
        holds_version_five(&client, members);
        holds_version_five(&open(remote), members);
    }
}

#[test]
fn a_bundle_that_cannot_be_read_never_replaces_what_is_held() {
    for members in UNREADABLE {
        let home = home();
        let client = open(home.remote(Some(unreadable(members))));
        holds_version_five(&client, members);
        let [problem] = &*client.problems() else { panic!("{:?}", client.problems()) };
        assert_eq!(problem.to_string(), "the bundled snapshot cannot be read", "{members}");
    }
}

#[cfg(feature = "remote")]
#[test]
fn a_publisher_that_is_not_to_be_trusted_changes_nothing() {
    for Attempt { name, snapshot, fetched, .. } in attempts() {
        let home = home();
        fs::create_dir_all(home.path("flags/v1")).unwrap();
        fs::write(home.path("flags/v1/snapshot.json"), snapshot).unwrap();
        let remote = Remote { url: Some(home.path("flags").display().to_string()), ..home.remote(None) };
        let client = open(remote.clone());
        let error = client.sync().unwrap_err();
        assert_eq!(error.to_string(), "published flags were not refreshed", "{name}");
        let from = home.path("flags/v1/snapshot.json");
        let expected = format!("snapshot was not refreshed from {}: it is refused: {fetched}", from.display());
        assert!(causes(&error).starts_with(&expected), "{name}: {}", causes(&error));
        holds_version_five(&client, name);
        let restarted = open(remote);
        holds_version_five(&restarted, name);
        assert!(restarted.problems().is_empty(), "{name}");
    }
}

#[cfg(feature = "remote")]
#[test]
fn an_expired_document_is_refused_and_an_expiring_one_stays() {
    let home = home();
    fs::create_dir_all(home.path("flags/v1")).unwrap();
    let expired = version_nine("caro", "production", 0, "snapshot");
    fs::write(home.path("flags/v1/snapshot.json"), expired).unwrap();
    let url = Some(home.path("flags").display().to_string());
    let in_days = |days| {
        let remote = Remote { url: url.clone(), ..home.remote(None) };
        open_at(remote, NOW.saturating_add_millis(days * DAY))
    };
    let client = in_days(1);
    let why = causes(&client.sync().unwrap_err());
    assert!(why.contains("/v1/snapshot.json: it is refused: snapshot version 9 expired at "), "{why}");
    holds_version_five(&client, "after an expired document");
    let much_later = in_days(60);
    assert!(much_later.is_enabled(FLAG) && much_later.decision(FLAG).stale);
    // The clock is set back to before the last document was signed.
    let restarted = in_days(-300);
    assert!(restarted.is_enabled(FLAG));
}

#[test]
fn a_cache_with_any_bit_flipped_is_set_aside_and_the_bundle_serves() {
    let home = home();
    let sound = fs::read(home.path("state.json")).unwrap();
    let bundle = snapshot(3, &flag(FLAG, true, ""));
    for turn in 0..200 {
        let (at, bit) = (turn * sound.len() / 200, turn % 8);
        let mut damaged = sound.clone();
        damaged[at] ^= 1 << bit;
        fs::write(home.path("state.json"), &damaged).unwrap();
        let client = open(home.remote(Some(bundle.clone())));
        assert!(client.is_enabled(FLAG), "bit {bit} of byte {at}");
        assert_eq!(client.snapshot_info().unwrap().version, 3, "bit {bit} of byte {at}");
        assert_eq!(client.problems()[0].to_string(), "the cached snapshot cannot be used");
    }
    for length in [0, 1, sound.len() / 2, sound.len() - 1] {
        fs::write(home.path("state.json"), &sound[..length]).unwrap();
        let client = open(home.remote(Some(bundle.clone())));
        assert_eq!(client.snapshot_info().unwrap().version, 3, "{length} bytes");
        assert_eq!(client.problems().len(), 1, "{length} bytes");
    }
    fs::write(home.path("state.json"), &sound).unwrap();
    holds_version_five(&open(home.remote(Some(bundle))), "sound again");
}

#[cfg(unix)]
#[test]
fn a_link_in_the_caches_place_is_not_followed() {
    let home = home();
    fs::rename(home.path("state.json"), home.path("elsewhere.json")).unwrap();
    std::os::unix::fs::symlink(home.path("elsewhere.json"), home.path("state.json")).unwrap();
    let stored = fs::read(home.path("elsewhere.json")).unwrap();
    let client = open(home.remote(Some(snapshot(3, &flag(FLAG, true, "")))));
    assert_eq!(client.snapshot_info().unwrap().version, 3, "the bundle serves");
    let problem = &client.problems()[0];
    assert_eq!(problem.to_string(), "the cached snapshot cannot be used");
    assert_eq!(causes(problem), format!("{} is not a regular file", home.path("state.json").display()));
    assert_eq!(fs::read(home.path("elsewhere.json")).unwrap(), stored);
}

#[test]
fn a_bundle_serves_where_there_is_no_cache_and_writes_none() {
    let home = Home::new();
    let remote = Remote { state_file: home.path("not/yet/there/state.json"), ..home.remote(None) };
    let bundle = Remote { bundled_snapshot: Some(snapshot(3, &flag(FLAG, true, ""))), ..remote };
    let client = open(bundle);
    assert!(client.is_enabled(FLAG));
    assert_eq!((client.snapshot_info().unwrap().version, client.problems().len()), (3, 0));
    assert!(!home.path("not").exists(), "opening writes nothing");
}
