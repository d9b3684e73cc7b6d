//! Where a kill comes from is told as it is, and one that hits nothing is no secret.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

mod support;

use flag_client::trust::{TrustFile, TrustState};
use flag_client::{Environment, Layer};
use support::{Home, NOW, flag, kills, problems, snapshot, snapshot_with};

const FLAGS: [&str; 3] = ["telemetry", "command_history", "mlx_backend"];

fn flags() -> String {
    FLAGS.map(|key| flag(key, true, "")).join(",")
}

/// The kills in force after these documents arrived in this order, and after a restart: target, layer, and the layer in words.
fn sources(snapshots: &[Vec<u8>], emergency: &[Vec<u8>]) -> Vec<(String, Layer, String)> {
    let home = Home::new();
    let remote = home.remote(None);
    let mut state = TrustState::open(&remote.pinned_root, "caro", "production").unwrap();
    for document in snapshots {
        state.accept_snapshot(document, NOW).unwrap();
    }
    for document in emergency {
        state.accept_kills(document, NOW).unwrap();
    }
    TrustFile::new(&remote.state_file).save(&mut state).unwrap();
    let client = home.builder().remote(remote).open();
    let kills = client.kills().into_iter();
    kills.map(|kill| (kill.target.into(), kill.origin.layer, kill.origin.to_string())).collect()
}

#[test]
fn a_kill_names_the_document_it_stands_in_or_that_it_was_published_earlier() {
    let killing = snapshot_with(1, &flags(), r#","kills":[{"id":"k1","target":"mlx_backend"}]"#);
    let silent = snapshot(2, &flags());
    let found = |target: &str, layer, words: &str| (target.to_owned(), layer, words.to_owned());
    let published = found("mlx_backend", Layer::Snapshot, "the published flags");
    assert_eq!(sources(std::slice::from_ref(&killing), &[]), [published]);
    let earlier = found("mlx_backend", Layer::EarlierKill, "a kill published earlier");
    assert_eq!(sources(&[killing.clone(), silent.clone()], &[]), std::slice::from_ref(&earlier));
    let emergency = [kills(&[("e1", "telemetry")])];
    let telemetry = found("telemetry", Layer::EmergencyKill, "an emergency kill");
    let mut both = sources(&[killing, silent.clone()], &emergency);
    both.sort_by(|left, right| left.0.cmp(&right.0));
    assert_eq!(both, [earlier, telemetry]);

    // Of many emergency documents the oldest are no longer held, and their kills stand.
    let many: Vec<Vec<u8>> = (0..20).map(|n| kills(&[(&format!("e{n}"), FLAGS[n % 3])])).collect();
    let layers: Vec<Layer> = sources(&[silent], &many).into_iter().map(|(_, layer, _)| layer).collect();
    let count = |wanted: Layer| layers.iter().filter(|layer| **layer == wanted).count();
    assert_eq!((layers.len(), count(Layer::EarlierKill), count(Layer::EmergencyKill)), (20, 4, 16));
}

#[test]
fn a_published_kill_that_hits_nothing_is_a_problem_and_stands() {
    let home = Home::new();
    let kills = r#","kills":[{"id":"k1","target":"telemtry"},{"id":"k2","target":"telemetry"}]"#;
    let client = home.builder().remote(home.remote(Some(snapshot_with(1, &flags(), kills)))).open();
    assert_eq!(problems(&client), [r#"the published flags: neither a flag nor a capability is named "telemtry""#]);
    assert!(client.is_killed("telemtry") && client.is_killed("telemetry"));
}

#[cfg(unix)]
#[test]
fn one_broken_byte_in_the_kill_variable_costs_no_sound_name() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    for (value, killed) in [
        (&b"mlx_backend,tele\xffmetry,command_history"[..], &["mlx_backend", "command_history"][..]),
        (b"\xff,mlx_backend", &["mlx_backend"]),
        (b"mlx_backend,\xc3", &["mlx_backend"]),
        (b"mlx_backend\xff", &[]),
        (b"\xff\xfe", &[]),
    ] {
        let environment = Environment::from_pairs("CARO", [("CARO_KILL", OsStr::from_bytes(value))]);
        let client = Home::new().builder().environment(environment).open();
        let found: Vec<String> = client.kills().into_iter().map(|kill| kill.target.into()).collect();
        assert_eq!(found, killed, "{value:?}");
        assert_eq!(problems(&client), ["CARO_KILL is not UTF-8"], "{value:?}");
        assert!(!client.is_enabled("mlx_backend") || killed.is_empty());
    }
}
