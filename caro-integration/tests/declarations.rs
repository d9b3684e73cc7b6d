//! The declarations against the definitions that their owners publish: what both say must be the same.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;

use caro_integration::{Platform, flags};
use flag_client::{CodeDefault, Declaration};
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
        assert_eq!(declaration.expires, expires, "{}", declaration.key);
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
