//! The declarations against the definitions that their owners publish: what both say must be the same.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;

use caro_integration::{Platform, flags};
use flag_client::{CodeDefault, Declaration, FlagClient, Milestone};
use serde_json::{Value, json};

/// The definitions by key, as they are written.
fn definitions() -> BTreeMap<String, toml::Table> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../flag-admin/sample/flags.toml");
    let text = std::fs::read_to_string(file).unwrap();
    let document: toml::Table = text.parse().unwrap();
    let flags = document["flags"].as_table().unwrap();
    flags.iter().map(|(key, flag)| (key.clone(), flag.as_table().unwrap().clone())).collect()
}

/// What a definition says of a flag, with the defaults of what it leaves out.
fn defined(flag: &toml::Table) -> Value {
    let text = |key: &str, default: &str| flag.get(key).map_or(default, |value| value.as_str().unwrap()).to_owned();
    let switch = |key: &str| flag.get(key).is_some_and(|value| value.as_bool().unwrap());
    json!({
        "kind": text("kind", "release"), "stage": text("stage", "development"), "opt_in": text("opt_in", "none"),
        "overridable": switch("overridable"), "critical": switch("critical"),
    })
}

fn declared(flag: &Declaration) -> Value {
    json!({
        "kind": flag.kind, "stage": flag.stage, "opt_in": flag.opt_in,
        "overridable": flag.overridable, "critical": flag.critical,
    })
}

#[test]
fn declarations_and_definitions_agree() {
    let definitions = definitions();
    let declarations = flags::declarations(Platform::current());
    let keys = |keys: Vec<&str>| {
        let mut keys = keys;
        keys.sort_unstable();
        keys.join(" ")
    };
    let declared_keys = keys(declarations.iter().map(|flag| flag.key).collect());
    assert_eq!(declared_keys, keys(definitions.keys().map(String::as_str).collect()));
    for declaration in &declarations {
        assert_eq!(declared(declaration), defined(&definitions[declaration.key]), "{}", declaration.key);
    }
}

#[test]
fn expiry_dates_variants_and_kill_switches_agree() {
    let definitions = definitions();
    for declaration in flags::declarations(Platform::current()) {
        let definition = &definitions[declaration.key];
        let expires = definition["documentation"].get("expires").map(|expires| expires["date"].as_str().unwrap());
        assert_eq!(declaration.expires.and_then(Milestone::date), expires, "{}", declaration.key);
        let variants = definition
            .get("variants")
            .map(|variants| variants.as_table().unwrap().keys().map(String::as_str).collect::<Vec<_>>());
        let choices = match declaration.default {
            CodeDefault::Choice { variants, .. } => Some(variants.to_vec()),
            _ => None,
        };
        assert_eq!(choices, variants, "{}", declaration.key);
        let is_kill_switch = definition.get("kind").and_then(toml::Value::as_str) == Some("kill_switch");
        assert_eq!(flags::KILL_SWITCHES.contains(&declaration.key), is_kill_switch, "{}", declaration.key);
    }
}

#[test]
fn prerequisites_and_what_is_noted_agree() {
    let definitions = definitions();
    for declaration in flags::ALL {
        let definition = &definitions[declaration.key];
        let needs =
            definition.get("prerequisites").map(|needs| serde_json::to_value(needs).unwrap()).unwrap_or(json!({}));
        let declared = declaration.prerequisites.iter().map(|needed| (needed.flag, needed.variants));
        assert_eq!(json!(declared.collect::<BTreeMap<_, _>>()), needs, "{}", declaration.key);
        let documentation = definition["documentation"].as_table().unwrap();
        let text = |key: &str| documentation.get(key).map(|value| value.as_str().unwrap());
        let added = &documentation["added"];
        let came = declaration.added.unwrap();
        assert_eq!(came.version(), added["version"].as_str(), "{}", declaration.key);
        assert_eq!(came.date(), added["date"].as_str(), "{}", declaration.key);
        assert_eq!(declaration.owner, text("owner"), "{}", declaration.key);
        if let Some(title) = text("title") {
            assert_eq!(declaration.title, title, "{}", declaration.key);
        }
        assert_eq!(declaration.tracking, text("tracking"), "{}", declaration.key);
        assert_eq!(declaration.default_note, text("default"), "{}", declaration.key);
        let tags =
            documentation.get("tags").map(|tags| tags.as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()));
        assert_eq!(declaration.tags, tags.into_iter().flatten().collect::<Vec<_>>(), "{}", declaration.key);
    }
}

#[test]
fn every_flag_is_documented_for_users_and_maintainers() {
    for flag in flags::ALL {
        assert!(!flag.title.is_empty() && !flag.description.is_empty(), "{}", flag.key);
        assert!(flag.owner.is_some() && flag.added.is_some() && flag.tracking.is_some(), "{}", flag.key);
        assert!(flag.rollback.is_some() && flag.privacy.is_some() && flag.default_note.is_some(), "{}", flag.key);
        let is_watched = !flag.risks.is_empty() && !flag.metrics.is_empty();
        assert!(is_watched || flags::KILL_SWITCHES.contains(&flag.key), "{}", flag.key);
    }
}

#[test]
fn the_default_of_mlx_depends_on_the_platform() {
    let default = |platform| {
        let declarations = flags::declarations(platform);
        declarations.iter().find(|flag| flag.key == flags::MLX_BACKEND.key()).unwrap().default
    };
    assert_eq!(default(Platform::APPLE_SILICON), CodeDefault::Bool(true));
    assert_eq!(default(Platform { os: "linux", arch: "aarch64" }), CodeDefault::Bool(false));
    assert_eq!(default(Platform::current()), flags::MLX_BACKEND.declaration().default);
}

#[test]
fn killing_telemetry_stops_its_sync_without_any_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "[feature_flags.overrides]\ntelemetry_cloud_sync = true\n").unwrap();
    let sync_with = |kills: &[&str]| {
        let builder = FlagClient::builder().declare(flags::ALL).user_file(&config);
        let flags = builder.kill(kills.iter().copied()).open();
        (flags.is_enabled(flags::TELEMETRY), flags.is_enabled(flags::TELEMETRY_CLOUD_SYNC))
    };
    assert_eq!(sync_with(&[]), (true, true));
    assert_eq!(sync_with(&["telemetry"]), (false, false));
    assert_eq!(sync_with(&["telemetry_disabled"]), (false, false));
}
