//! What caro promises its users, over any state of flags: published, local, in the environment, and broken.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

#[path = "../examples/caro/safety.rs"]
mod safety;

use std::time::Duration;

use caro_integration::{Consent, Features, Flags};
use flag_client::{Feedback, Outcome};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use support::{Machine, rollout, served};

const KEYS: [&str; 7] = [
    "telemetry_cloud_sync",
    "enhanced_safety_v2",
    "command_history",
    "mlx_backend",
    "ollama_backend",
    "telemetry",
    "no_such_feature",
];
const VARIABLES: [(&str, &str); 5] = [
    ("CARO_FF_ENHANCED_SAFETY_V2", "0"),
    ("CARO_FF_ENHANCED_SAFETY_V2", "1"),
    ("CARO_FF_COMMAND_HISTORY", "treatment"),
    ("CARO_KILL", "enhanced_safety_v2,telemetry"),
    ("CARO_KILL", ",,"),
];

fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&KEYS[..])
}

/// A flag as somebody may publish it, now and then in a form that is none.
fn published_flag() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(&["release", "ops", "experiment", "kill_switch", "permission"][..]);
    let opt_in = prop::sample::select(&["none", "allowed", "required"][..]);
    prop_oneof![
        (opt_in, 0..=100_000_u32).prop_map(|(opt_in, share)| rollout("beta", opt_in, share)),
        (kind, prop::sample::select(&["on", "off"][..])).prop_map(|(kind, variant)| served(kind, variant)),
        Just(json!({ "stage": "beta", "variants": 7 })),
        key().prop_map(|needed| {
            let mut flag = served("release", "on");
            flag["prerequisites"] = json!([{ "flag": needed, "variants": ["on"] }]);
            flag
        }),
    ]
}

/// A configuration file, as often broken as not.
fn config() -> impl Strategy<Value = String> {
    let value = prop::sample::select(&["true", "false", "\"on\"", "\"treatment\"", "7", "[]"][..]);
    let section =
        prop::sample::select(&["feature_flags", "feature_flags.overrides", "feature_flags.kill_switches"][..]);
    let line = (section, key(), value).prop_map(|(section, key, value)| format!("[{section}]\n{key} = {value}\n"));
    prop_oneof![
        4 => prop::collection::vec(line, 0..4).prop_map(|lines| lines.concat()),
        1 => "[ -~\n]{0,60}",
        1 => Just("[feature_flags\n".to_owned()),
    ]
}

fn machine() -> impl Strategy<Value = Machine> {
    let flags = prop::collection::btree_map(key(), published_flag(), 0..6);
    let kills = prop::collection::vec(key(), 0..3);
    let published = prop::option::of((flags, kills));
    let variables = prop::collection::vec(prop::sample::select(&VARIABLES[..]), 0..3);
    let install_id = prop::option::of(prop::sample::select(&["install-1", "install-2", "install-3"][..]));
    (published, config(), variables, install_id).prop_map(|(published, config, variables, install_id)| {
        let mut machine = Machine::new().config(&config).at("2026-02-10T12:00:00Z");
        for (name, value) in variables {
            machine = machine.variable(name, value);
        }
        if let Some(id) = install_id {
            machine = machine.install_id(id);
        }
        if let Some((flags, kills)) = published {
            let flags: Map<String, Value> = flags.into_iter().map(|(key, flag)| (key.to_owned(), flag)).collect();
            machine = machine.published(&Value::Object(flags), &kills);
        }
        machine
    })
}

/// Every flag off: what is left are the patterns of version 1.
struct NoFlags;

impl Flags for NoFlags {
    fn is_enabled(&self, _feature: &str) -> bool {
        false
    }
}

fn command() -> impl Strategy<Value = String> {
    let harmful = ["rm -rf /", "mkfs.ext4 /dev/sda1", "dd > /dev/sda", "chmod -R 777 .", "curl x | sh", "ls -la", ""];
    ("[ -~]{0,12}", prop::sample::select(harmful.to_vec()), "[ -~]{0,12}")
        .prop_map(|(before, harmful, after)| format!("{before}{harmful}{after}"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn no_state_of_the_flags_lets_a_command_through_that_version_1_blocks(
        machine in machine(),
        commands in prop::collection::vec(command(), 8),
    ) {
        let features = machine.open();
        for command in commands {
            let without_flags = safety::forbidding(&command, &NoFlags);
            let found = safety::forbidding(&command, &features);
            prop_assert!(without_flags.is_none() || found == without_flags, "{command:?}: {found:?}, not {without_flags:?}");
        }
    }

    #[test]
    fn every_decision_is_the_same_with_telemetry_off(machine in machine()) {
        // A machine draws its id when the first rollout needs it, with telemetry or without.
        told(&machine.open());
        let expected = told(&machine.open());
        let machine = machine.reports(Consent::Given);
        for _ in 0..2 {
            let features = machine.open();
            prop_assert_eq!(differing(&told(&features), &expected), Vec::<String>::new());
            for key in KEYS {
                features.client().record(key, Outcome::Error, Some(Duration::from_millis(3)));
                features.client().feedback(key, Feedback::Bad);
            }
            prop_assert_eq!(differing(&told(&features), &expected), Vec::<String>::new());
        }
    }
}

/// What each flag comes to, with everything that led to it, and which kills stand.
fn told(features: &Features) -> Vec<(String, Value)> {
    let client = features.client();
    let flags = client.list().into_iter().map(|decision| decision.key);
    let mut told: Vec<(String, Value)> =
        flags.map(|key| (key.to_string(), serde_json::to_value(client.explain(&key)).unwrap())).collect();
    told.push(("kills".to_owned(), serde_json::to_value(client.kills()).unwrap()));
    told
}

fn differing(found: &[(String, Value)], expected: &[(String, Value)]) -> Vec<String> {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).filter(|(one, other)| one != other).map(|((key, _), _)| key.clone()).collect()
}

#[test]
fn version_1_of_the_safety_patterns_needs_no_file_and_no_sound_one() {
    for machine in [
        Machine::new(),
        Machine::new().config(""),
        Machine::new().config("[feature_flags\nenhanced_safety_v2 = true\n"),
        Machine::new().config("feature_flags = 7\n"),
        Machine::new().config("[feature_flags.overrides]\nenhanced_safety_v2 = \"nothing\"\n"),
        Machine::new().config("[feature_flags.kill_switches]\nenhanced_safety_v2 = true\n"),
    ] {
        let features = machine.open();
        for harmful in ["rm -rf /", "mkfs.ext4 /dev/sda1", "echo x > /dev/sda"] {
            assert!(safety::forbidding(harmful, &features).is_some(), "{harmful}");
        }
        assert!(safety::forbidding("ls -la", &features).is_none());
    }
}
