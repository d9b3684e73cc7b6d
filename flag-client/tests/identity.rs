//! The installation's id: made when the first split needs it, one for all processes, private, replaceable.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use std::fs;
use std::thread;

use flag_client::{IdentitySource, ResetScope};
use support::{Home, flag, problems, rollout};

#[test]
fn no_id_is_made_before_a_split_needs_one() {
    let home = Home::new();
    let flags = [
        flag("mlx_backend", true, ""),
        rollout("telemetry_cloud_sync", 50_000, r#","opt_in":"required""#),
        rollout("command_history", 100_000, ""),
        rollout("prompt", 50_000, r#","unit":"team""#),
        rollout("enhanced_safety_v2", 50_000, ""),
        flag("dependent", true, r#","prerequisites":[{"flag":"enhanced_safety_v2","variants":["on","off"]}]"#),
    ];
    let client = home.builder_with(&flags.join(",")).open();
    for without in ["mlx_backend", "telemetry_cloud_sync", "command_history", "prompt", "no_such_flag"] {
        let _ = client.is_enabled(without);
        assert!(!home.path("install-id").exists(), "{without}");
    }
    assert!(client.is_enabled("dependent"));
    let id = home.read("install-id");
    assert!(id.len() == 33 && id.trim_end().bytes().all(|byte| byte.is_ascii_hexdigit()), "{id:?}");
    assert!(client.decision("enhanced_safety_v2").bucket.is_some());
    let again = home.builder_with(&flags.join(",")).open();
    assert_eq!(again.decision("enhanced_safety_v2").bucket, client.decision("enhanced_safety_v2").bucket);
    assert_eq!(home.read("install-id"), id);
}

#[test]
fn every_form_of_a_split_draws() {
    let forms = [
        "50000",
        r#"{"exposure":50000}"#,
        r#"{"exposure":50000,"otherwise":"off"}"#,
        r#"{"exposure":50000,"allocation":{"on":[[0,100000]]},"otherwise":"off"}"#,
        r#"{"exposure":100000,"allocation":{"on":[[0,50000]],"off":[[50000,100000]]}}"#,
    ];
    for form in forms {
        for flag in [
            format!(r#""mlx_backend":{{"fallthrough":{form}}}"#),
            format!(
                r#""mlx_backend":{{"rules":[{{"id":"r","when":{{"all":[]}},"serve":{form}}}],"fallthrough":"off"}}"#
            ),
        ] {
            let home = Home::new();
            let client = home.builder_with(&flag).open();
            assert!(client.decision("mlx_backend").bucket.is_some(), "{flag}");
            assert!(home.path("install-id").exists(), "{flag}");
        }
    }
}

#[test]
fn e18_without_an_id_a_split_serves_what_it_serves_to_everyone_else() {
    let home = Home::new();
    let path = home.write("folder", "a file where the folder should be").join("install-id");
    let client =
        home.builder_with(&rollout("mlx_backend", 99_999, "")).identity(IdentitySource::File(path.clone())).open();
    let decision = client.decision("mlx_backend");
    assert!(!decision.enabled);
    assert_eq!(decision.reason.as_str(), "TARGETING_KEY_MISSING");
    assert_eq!(problems(&client), ["the installation has no id"]);
    let none = home.builder_with(&rollout("mlx_backend", 99_999, "")).identity(IdentitySource::None).open();
    assert!(!none.is_enabled("mlx_backend"));
    assert!(problems(&none).is_empty());
}

#[test]
fn e19_a_blank_or_sentinel_id_counts_as_missing_and_is_replaced() {
    for text in ["", "  \n", "unknown\n", "null", "0\r\n"] {
        let home = Home::new();
        home.write("install-id", text);
        let client = home.builder_with(&rollout("mlx_backend", 50_000, "")).open();
        let _ = client.is_enabled("mlx_backend");
        assert_eq!(home.read("install-id").len(), 33, "{text:?}");
        assert!(problems(&client).is_empty());
    }
    let home = Home::new();
    let given =
        home.builder_with(&rollout("mlx_backend", 99_999, "")).identity(IdentitySource::Given("unknown".into()));
    assert_eq!(given.open().decision("mlx_backend").reason.as_str(), "TARGETING_KEY_MISSING");
}

#[test]
fn e21_a_trailing_line_break_is_no_part_of_the_id() {
    let bucket = |text: &str| {
        let home = Home::new();
        home.write("install-id", text);
        home.builder_with(&rollout("mlx_backend", 50_000, "")).open().decision("mlx_backend").bucket.unwrap()
    };
    assert_eq!(bucket("install-7\n"), bucket("install-7"));
    assert_eq!(bucket("install-7\r\n"), bucket("install-7"));
    assert_ne!(bucket("install-8"), bucket("install-7"));
}

#[test]
fn a_file_that_is_no_id_is_not_overwritten() {
    for text in ["[feature_flags]\n", "two words", "\u{feff}0123", &"a".repeat(200)] {
        let home = Home::new();
        home.write("install-id", text);
        let client = home.builder_with(&rollout("mlx_backend", 99_999, "")).open();
        assert!(!client.is_enabled("mlx_backend"));
        assert_eq!(home.read("install-id"), text);
        assert_eq!(problems(&client), ["the installation has no id"]);
    }
}

#[cfg(unix)]
#[test]
fn the_id_is_for_its_owner_alone_and_a_link_is_not_followed() {
    use std::os::unix::fs::{MetadataExt as _, symlink};
    let home = Home::new();
    let _ = home.builder_with(&rollout("mlx_backend", 50_000, "")).open().is_enabled("mlx_backend");
    assert_eq!(fs::metadata(home.path("install-id")).unwrap().mode() & 0o777, 0o600);
    let other = Home::new();
    symlink(home.path("install-id"), other.path("install-id")).unwrap();
    let client = other.builder_with(&rollout("mlx_backend", 99_999, "")).open();
    assert!(!client.is_enabled("mlx_backend"));
    assert_eq!(problems(&client), ["the installation has no id"]);
}

#[test]
fn e23_clients_that_start_at_once_end_with_one_id() {
    for _ in 0..20 {
        let home = Home::new();
        let buckets: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> = (0..4)
                .map(|_| {
                    let home = &home;
                    scope.spawn(move || {
                        home.builder_with(&rollout("mlx_backend", 50_000, "")).open().decision("mlx_backend").bucket
                    })
                })
                .collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(buckets[0].is_some());
        assert!(buckets.iter().all(|bucket| *bucket == buckets[0]), "{buckets:?}");
    }
}

#[test]
fn a_reset_draws_a_new_id_only_if_asked_to() {
    let home = Home::new();
    let client = home.builder_with(&rollout("mlx_backend", 50_000, "")).open();
    let _ = client.is_enabled("mlx_backend");
    let id = home.read("install-id");
    client.reset(None, ResetScope { kills: true, id: false }).unwrap();
    assert_eq!(home.read("install-id"), id);
    client.reset(None, ResetScope { kills: false, id: true }).unwrap();
    assert!(!home.path("install-id").exists());
    let _ = client.is_enabled("mlx_backend");
    assert_ne!(home.read("install-id"), id);
}

#[test]
fn a_client_of_published_flags_has_an_id_unless_told_otherwise() {
    let home = Home::new();
    let published = support::snapshot(1, &rollout("mlx_backend", 99_999, ""));
    let client = home.builder().remote(home.remote(Some(published))).open();
    assert!(client.decision("mlx_backend").bucket.is_some());
    assert_eq!(home.read("install-id").len(), 33, "beside the trust state");
    assert!(problems(&client).is_empty());
}
