use std::{fs, path::Path};

use tempfile::TempDir;

use super::*;
use crate::trust::{Loaded, TrustFile, TrustFileError};

/// A client with something of everything: a chain of roots, a snapshot, kills held and carried, a lifted id.
fn veteran() -> TrustState {
    let mut client = client_with_snapshot(&SnapshotHeader { kills: vec![kill("carried")], ..snapshot(7) });
    client.accept_kills(&signed_kills(&kills(&["emergency", "lifted"])), NOW).unwrap();
    client.accept_root(&signed_root(&root(2), &["r"]), NOW).unwrap();
    let header = SnapshotHeader { kills: vec![kill("present")], lifted: vec!["lifted".into()], ..snapshot(8) };
    client.accept_snapshot(&signed_snapshot(&header), NOW).unwrap();
    client
}

const VETERANS_KILLS: [&str; 3] = ["carried", "emergency", "present"];

fn file(folder: &TempDir) -> TrustFile {
    TrustFile::new(folder.path().join("trust.json"))
}

fn stored(folder: &TempDir) -> Vec<u8> {
    fs::read(folder.path().join("trust.json")).unwrap()
}

fn saved(state: &mut TrustState) -> TempDir {
    let folder = TempDir::new().unwrap();
    assert!(file(&folder).save(state).unwrap().written);
    folder
}

fn assert_shipped(state: &TrustState) {
    assert_eq!((state.root().version, state.snapshot_version()), (1, None));
    assert!(active(state).is_empty());
}

/// The problem's message, with the folder's path left out.
fn problem(loaded: Loaded, folder: &Path) -> String {
    assert_shipped(&loaded.state);
    explain(loaded.problem.unwrap()).replace(&format!("{}/", folder.display()), "")
}

#[test]
fn state_survives_a_restart() {
    let mut before = veteran();
    let folder = saved(&mut before);
    let loaded = file(&folder).load(client());
    assert!(loaded.problem.is_none() && loaded.dropped_snapshot.is_none());
    let mut after = loaded.state;
    assert_eq!(after.root(), before.root());
    assert_eq!(after.snapshot_payload(), before.snapshot_payload());
    assert_eq!(active(&after), VETERANS_KILLS);
    assert_eq!(after.lifted_kills().collect::<Vec<_>>(), ["lifted"]);
    assert_eq!(after.to_stored().unwrap(), before.to_stored().unwrap());
    let message = "snapshot version 7 is below the held version 8";
    assert_eq!(explain(after.accept_snapshot(&signed_snapshot(&snapshot(7)), NOW).unwrap_err()), message);
    after.accept_kills(&signed_kills(&kills(&["lifted"])), NOW).unwrap();
    assert_eq!(active(&after), VETERANS_KILLS);
}

#[test]
fn missing_file_is_no_problem() {
    let folder = TempDir::new().unwrap();
    let loaded = file(&folder).load(client());
    assert!(loaded.problem.is_none());
    assert_shipped(&loaded.state);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "loading leaves nothing behind");
}

#[test]
fn clock_set_back_over_a_restart_does_not_unexpire() {
    let ahead = SnapshotHeader { issued_at: NOW.saturating_add_millis(60 * MINUTE), ..snapshot(1) };
    let folder = saved(&mut client_with_snapshot(&ahead));
    let mut state = file(&folder).load(client()).state;
    let expired = SnapshotHeader { expires_at: NOW, ..snapshot(2) };
    assert!(state.accept_snapshot(&signed_snapshot(&expired), NOW).is_err());
}

#[test]
fn file_truncated_at_every_byte() {
    let (bytes, shipped) = (veteran().to_stored().unwrap(), client());
    for length in 0..bytes.len() {
        assert!(shipped.clone().restore(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn file_with_one_flipped_bit() {
    let (bytes, shipped) = (veteran().to_stored().unwrap(), client());
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(shipped.clone().restore(&flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn damaged_file_is_kept_and_the_shipped_root_serves() {
    let folder = saved(&mut veteran());
    let mut damaged = stored(&folder);
    damaged[100] ^= 1;
    fs::write(folder.path().join("trust.json"), &damaged).unwrap();
    let message = problem(file(&folder).load(client()), folder.path());
    assert_eq!(message, "trust.json is damaged, kept as trust.json.corrupt: the checksum does not match");
    assert_eq!(fs::read(folder.path().join("trust.json.corrupt")).unwrap(), damaged);
    assert!(!folder.path().join("trust.json").exists());
    assert!(file(&folder).load(client()).problem.is_none());
    assert!(file(&folder).save(&mut veteran()).unwrap().written);
    assert_eq!(active(&file(&folder).load(client()).state), VETERANS_KILLS);
}

#[test]
fn damaged_file_found_by_a_save_is_kept_too() {
    let folder = saved(&mut veteran());
    fs::write(folder.path().join("trust.json"), b"garbage").unwrap();
    let saved = file(&folder).save(&mut veteran()).unwrap();
    assert!(saved.written);
    assert!(matches!(saved.problem, Some(TrustFileError::Damaged { kept_as: Some(_), .. })));
    assert_eq!(fs::read(folder.path().join("trust.json.corrupt")).unwrap(), b"garbage");
}

/// Stores a state after a change to its JSON, with a checksum that fits.
fn tampered(folder: &TempDir, change: impl FnOnce(&mut serde_json::Value)) {
    let mut json: serde_json::Value = serde_json::from_slice(&veteran().to_stored().unwrap()).unwrap();
    json.as_object_mut().unwrap().remove("checksum");
    change(&mut json);
    let bytes = super::super::stored_form::with_checksum(serde_json::to_vec(&json).unwrap());
    fs::write(folder.path().join("trust.json"), bytes).unwrap();
}

#[test]
fn tampered_documents_do_not_verify() {
    let envelope = |payload_type, payload: &[u8], ids: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&signed_bytes(payload_type, payload, ids)).unwrap()
    };
    let snapshot_9 = serde_json::to_vec(&snapshot(9)).unwrap();
    let forged_snapshot = envelope(PayloadType::Snapshot, &snapshot_9, &["x"]);
    let staging = SnapshotHeader { environment: "staging".to_owned(), ..snapshot(9) };
    let staging = envelope(PayloadType::Snapshot, &serde_json::to_vec(&staging).unwrap(), &["s"]);
    let forged_root = envelope(PayloadType::Root, &serde_json::to_vec(&root(2)).unwrap(), &["x"]);
    let skipping_root = envelope(PayloadType::Root, &serde_json::to_vec(&root(3)).unwrap(), &["r"]);
    let forged_kills = envelope(PayloadType::Kills, &serde_json::to_vec(&kills(&["x"])).unwrap(), &["s"]);
    let swapped = envelope(PayloadType::Kills, &snapshot_9, &["s"]);
    let table = [
        ("/snapshot", forged_snapshot, "snapshot is signed by 0 of the 1 keys that role snapshot of root 2 demands"),
        ("/snapshot", staging, "snapshot is for environment \"staging\", expected \"production\""),
        (
            "/snapshot",
            swapped,
            "payload type is application/vnd.flag-core.kills.v1+json, expected application/vnd.flag-core.snapshot.v1+json",
        ),
        ("/roots/1", forged_root, "root is signed by 0 of the 1 keys that role root of root 1 demands"),
        ("/roots/1", skipping_root, "root version 3 skips version 2"),
        ("/kills/0", forged_kills, "kills is signed by 0 of the 1 keys that role kill of root 2 demands"),
    ];
    for (place, forgery, message) in table {
        let folder = TempDir::new().unwrap();
        tampered(&folder, |json| *json.pointer_mut(place).unwrap() = forgery);
        let expected =
            format!("trust.json is damaged, kept as trust.json.corrupt: a stored document does not verify: {message}");
        assert_eq!(problem(file(&folder).load(client()), folder.path()), expected, "{place}");
    }
}

#[test]
fn state_of_another_client_is_neither_used_nor_touched() {
    let table: [(&str, serde_json::Value, &str); 3] = [
        ("schema", 2.into(), "schema 2 is not the known schema 1"),
        ("project", "other".into(), "the state is for other/production, expected caro/production"),
        ("environment", "staging".into(), "the state is for caro/staging, expected caro/production"),
    ];
    for (member, value, message) in table {
        let folder = TempDir::new().unwrap();
        tampered(&folder, |json| json[member] = value);
        let before = stored(&folder);
        let expected = format!("trust.json belongs to another client: {message}");
        assert_eq!(problem(file(&folder).load(client()), folder.path()), expected);
        assert!(matches!(file(&folder).save(&mut client()), Err(TrustFileError::Foreign { .. })));
        assert_eq!(stored(&folder), before);
    }
}

#[test]
fn newly_shipped_root_from_the_chain_keeps_the_state() {
    let folder = saved(&mut veteran());
    let loaded = file(&folder).load(open(&root(2)));
    assert!(loaded.problem.is_none());
    assert_eq!((loaded.state.root().version, loaded.state.snapshot_version()), (2, Some(8)));
    assert_eq!(active(&loaded.state), VETERANS_KILLS);
}

#[test]
fn newly_shipped_root_drops_a_snapshot_of_revoked_keys_but_no_kill() {
    let folder = saved(&mut veteran());
    let mut replaced = root(3);
    replaced.roles = Roles { root: role(1, &["r"]), snapshot: role(1, &["t"]), kill: role(1, &["j"]) };
    let loaded = file(&folder).load(open(&replaced));
    assert!(loaded.problem.is_none());
    let message = "snapshot is signed by 0 of the 1 keys that role snapshot of root 3 demands";
    assert_eq!(explain(loaded.dropped_snapshot.unwrap()), message);
    assert_eq!((loaded.state.root().version, loaded.state.snapshot_version()), (3, None));
    assert_eq!(active(&loaded.state), VETERANS_KILLS);
}

#[test]
fn roots_before_the_shipped_one_have_no_say() {
    // Anyone can add a signature to a genuine root. Here root 3 also bears that of a made-up root 2, whose snapshot is stored.
    let shipped = open(&root(3));
    let mut made_up = root(2);
    made_up.roles = Roles { root: role(1, &["x"]), snapshot: role(1, &["x"]), kill: role(1, &["x"]) };
    let folder = TempDir::new().unwrap();
    tampered(&folder, |json| {
        json["roots"] = serde_json::json!([
            serde_json::from_slice::<serde_json::Value>(&signed_root(&made_up, &["x"])).unwrap(),
            serde_json::from_slice::<serde_json::Value>(&signed_root(&root(3), &["x", "r"])).unwrap(),
        ]);
        json["snapshot"] = serde_json::from_slice(&signed(PayloadType::Snapshot, &snapshot(99), &["x"])).unwrap();
    });
    let loaded = file(&folder).load(shipped);
    assert_eq!(loaded.state.snapshot_version(), None);
    assert!(matches!(loaded.problem, Some(TrustFileError::Damaged { .. })));
}

#[test]
fn rotation_within_an_epoch_keeps_the_held_snapshot_over_a_restart() {
    let mut client = client_with_snapshot(&snapshot(7));
    let mut rotated = root(2);
    rotated.roles.snapshot = role(1, &["t"]);
    client.accept_root(&signed_root(&rotated, &["r"]), NOW).unwrap();
    let folder = saved(&mut client);
    let mut state = file(&folder).load(super::client()).state;
    assert_eq!((state.root().version, state.snapshot_version()), (2, Some(7)));
    assert!(state.accept_snapshot(&signed_snapshot(&snapshot(8)), NOW).is_err(), "but the old key signs nothing new");
}

#[test]
fn epoch_bump_with_the_old_snapshot_survives_a_restart() {
    let mut client = client_with_snapshot(&snapshot(u64::MAX));
    client.accept_kills(&signed_kills(&kills(&["a"])), NOW).unwrap();
    client.accept_root(&signed_root(&RootDocument { epoch: 2, ..root(2) }, &["r"]), NOW).unwrap();
    let folder = saved(&mut client);
    let mut state = file(&folder).load(super::client()).state;
    assert_eq!(state.snapshot_version(), Some(u64::MAX));
    assert!(state.is_stale(NOW));
    assert_eq!(active(&state), ["a"]);
    state.accept_snapshot(&signed_snapshot(&SnapshotHeader { epoch: 2, ..snapshot(1) }), NOW).unwrap();
    assert_eq!(state.snapshot_version(), Some(1));
}

#[test]
fn save_never_goes_back_in_version() {
    let folder = saved(&mut client_with_snapshot(&snapshot(9)));
    let mut late = client_with_snapshot(&snapshot(3));
    late.accept_kills(&signed_kills(&kills(&["a"])), NOW).unwrap();
    assert!(file(&folder).save(&mut late).unwrap().written);
    assert_eq!(late.snapshot_version(), Some(9), "the saver learns what is newer");
    let state = file(&folder).load(client()).state;
    assert_eq!(state.snapshot_version(), Some(9));
    assert_eq!(active(&state), ["a"]);
}

#[test]
fn save_of_what_is_stored_writes_nothing() {
    let mut state = veteran();
    let folder = saved(&mut state);
    assert!(!file(&folder).save(&mut state).unwrap().written);
    assert!(!file(&folder).save(&mut client()).unwrap().written);
}

#[test]
fn savers_at_the_same_time_lose_nothing() {
    let folder = TempDir::new().unwrap();
    std::thread::scope(|scope| {
        for saver in 0..4_u64 {
            let file = file(&folder);
            scope.spawn(move || {
                for round in 0..10_u64 {
                    let version = round * 4 + saver + 1;
                    let mut state = client_with_snapshot(&snapshot(version));
                    let id = format!("kill_{version:02}");
                    state.accept_kills(&signed_kills(&kills(&[&id])), NOW).unwrap();
                    file.save(&mut state).unwrap();
                    let stored = file.load(client());
                    assert!(stored.problem.is_none());
                    assert!(stored.state.snapshot_version() >= Some(version));
                    assert!(active(&stored.state).contains(&id.as_str()));
                }
            });
        }
    });
    let state = file(&folder).load(client()).state;
    assert_eq!(state.snapshot_version(), Some(40));
    assert_eq!(state.active_kills().len(), 40);
}

#[test]
fn half_written_file_of_a_crash_is_ignored() {
    let mut state = veteran();
    let folder = saved(&mut state);
    fs::write(folder.path().join("trust.json.new"), b"{\"schema\":1,").unwrap();
    let mut loaded = file(&folder).load(client());
    assert!(loaded.problem.is_none());
    loaded.state.accept_kills(&signed_kills(&kills(&["z"])), NOW).unwrap();
    assert!(file(&folder).save(&mut loaded.state).unwrap().written);
    assert!(!folder.path().join("trust.json.new").exists());
    assert_eq!(active(&file(&folder).load(client()).state), ["carried", "emergency", "present", "z"]);
}

#[test]
fn failed_write_leaves_the_old_file() {
    let folder = saved(&mut veteran());
    let before = stored(&folder);
    fs::create_dir(folder.path().join("trust.json.new")).unwrap();
    let mut state = client_with_snapshot(&snapshot(99));
    let error = file(&folder).save(&mut state).unwrap_err();
    let message = format!("writing {} failed", folder.path().join("trust.json.new").display());
    assert_eq!(error.to_string(), message);
    assert_eq!(stored(&folder), before);
    assert_eq!(state.snapshot_version(), Some(99), "the state serves from memory");
}

#[test]
fn folder_removed_at_run_time() {
    let folder = saved(&mut veteran());
    let file = file(&folder);
    let lock = folder.path().join("trust.json.lock");
    drop(folder);
    let mut state = veteran();
    assert_eq!(file.save(&mut state).unwrap_err().to_string(), format!("locking {} failed", lock.display()));
    assert_eq!(state.snapshot_version(), Some(8));
    assert!(file.load(client()).problem.is_none());
}

#[test]
fn held_lock_does_not_hang_a_save() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("trust.json.lock");
    let mut lock = fd_lock::RwLock::new(fs::File::create(&path).unwrap());
    let _guard = lock.write().unwrap();
    let error = file(&folder).save(&mut veteran()).unwrap_err();
    assert_eq!(error.to_string(), format!("{} is locked by another process", path.display()));
}

#[test]
fn folder_in_place_of_the_file() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("trust.json")).unwrap();
    assert_eq!(problem(file(&folder).load(client()), folder.path()), "trust.json is not a regular file");
    assert!(matches!(file(&folder).save(&mut veteran()), Err(TrustFileError::NotAFile { .. })));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn symlink_in_place_of_the_file_is_not_followed() {
        let elsewhere = saved(&mut veteran());
        let target = elsewhere.path().join("trust.json");
        let before = stored(&elsewhere);
        let folder = TempDir::new().unwrap();
        symlink(&target, folder.path().join("trust.json")).unwrap();
        assert_eq!(problem(file(&folder).load(client()), folder.path()), "trust.json is not a regular file");
        assert!(matches!(
            file(&folder).save(&mut client_with_snapshot(&snapshot(99))),
            Err(TrustFileError::NotAFile { .. })
        ));
        assert_eq!(fs::read(target).unwrap(), before);
    }

    #[test]
    fn symlink_in_place_of_the_new_file_is_not_followed() {
        let folder = TempDir::new().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, b"precious").unwrap();
        symlink(&victim, folder.path().join("trust.json.new")).unwrap();
        assert!(file(&folder).save(&mut veteran()).unwrap().written);
        assert_eq!(fs::read(victim).unwrap(), b"precious");
        assert!(fs::symlink_metadata(folder.path().join("trust.json")).unwrap().is_file());
    }

    #[test]
    fn symlink_in_place_of_the_lock_is_not_followed() {
        let folder = TempDir::new().unwrap();
        symlink(folder.path().join("victim"), folder.path().join("trust.json.lock")).unwrap();
        assert!(matches!(file(&folder).save(&mut veteran()), Err(TrustFileError::NotAFile { .. })));
        assert!(!folder.path().join("victim").exists());
    }

    #[test]
    fn files_are_the_owners_alone() {
        let folder = saved(&mut veteran());
        for name in ["trust.json", "trust.json.lock"] {
            let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }
}
