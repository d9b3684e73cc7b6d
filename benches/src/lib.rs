//! The work that is measured: flags, people and documents, the same in every run.
//!
//! 100 flags with keys of 24 bytes: 50 boolean, 30 with a 25 % rollout, 20 with a rule of three conditions (os equals, semver at least, team
//! among three) and a 50 % rollout. 1,024 distinct ids in the form of UUIDs. All of it is drawn from blake3, so no run differs from another.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a benchmark stops at the first surprise")]

pub mod growing;
pub mod plot;
pub mod readers;
pub mod signed;

use flag_core::Attributes;
use flag_core::wire::Snapshot;
use serde_json::{Value, json};

/// The project of every snapshot.
pub const PROJECT: &str = "shop";
/// Its environment.
pub const ENVIRONMENT: &str = "production";

/// How many people the rows evaluate for in turn.
pub const PEOPLE: usize = 1_024;

/// Returns the key of the boolean flag with this number, 24 bytes long.
pub fn boolean_key(number: usize) -> String {
    format!("checkout_boolean_{number:07}")
}

/// Returns the key of the rollout flag with this number, 24 bytes long.
pub fn rollout_key(number: usize) -> String {
    format!("checkout_rollout_{number:07}")
}

/// Returns the key of the flag with a rule with this number, 24 bytes long.
pub fn rule_key(number: usize) -> String {
    format!("checkout_withrule{number:07}")
}

/// Returns the ids of the people: version 4 UUIDs drawn from blake3.
pub fn people(count: usize) -> Vec<String> {
    (0..count)
        .map(|number| {
            let hash = blake3::hash(&number.to_le_bytes()).to_hex();
            format!("{}-{}-4{}-8{}-{}", &hash[..8], &hash[8..12], &hash[13..16], &hash[17..20], &hash[20..32])
        })
        .collect()
}

/// Returns attributes that the rule of [`rule_key`] flags matches.
pub fn attributes() -> Attributes {
    Attributes::new().with("os", "linux").with("app_version", "2.4.1").with("team", "payments")
}

fn rollout(percent: u32) -> Value {
    json!({"exposure": percent * 1_000, "allocation": {"on": [[0, 100_000]]}, "otherwise": "off"})
}

fn flag(fallthrough: &Value) -> Value {
    json!({"version": 7, "kind": "release", "stage": "beta", "variants": {"on": true, "off": false}, "off_variant": "off",
        "fallthrough": fallthrough})
}

fn flag_with_rule() -> Value {
    let mut flag = flag(&json!({"variant": "off"}));
    flag["rules"] = json!([{"id": "team", "serve": rollout(50), "when": {"all": [
        {"attribute": "os", "operator": "equals", "values": ["linux"]},
        {"attribute": "app_version", "operator": "semver_greater_or_equal", "values": ["2.1.0"]},
        {"attribute": "team", "operator": "in", "values": ["checkout", "payments", "search"]},
    ]}}]);
    flag
}

/// Returns the JSON of a snapshot with this many flags, in the proportions of the workload, as it is published.
pub fn snapshot_json(flags: usize) -> Vec<u8> {
    let keyed = (0..flags).map(|number| match number % 10 {
        0..5 => (boolean_key(number), flag(&json!({"variant": "on"}))),
        5..8 => (rollout_key(number), flag(&rollout(25))),
        _ => (rule_key(number), flag_with_rule()),
    });
    let flags: serde_json::Map<String, Value> = keyed.collect();
    let snapshot = json!({"schema": 1, "project": PROJECT, "environment": ENVIRONMENT, "epoch": 1, "version": 1,
        "issued_at": "2026-01-15T00:00:00Z", "expires_at": "2027-01-15T00:00:00Z", "flags": flags});
    // Through the wire types, so that it is the form that is published.
    let mut published = Snapshot::from_json(snapshot.to_string().as_bytes()).unwrap().snapshot;
    published.compact();
    serde_json::to_vec(&published).unwrap()
}

/// Returns where the flags of the three kinds stand in a snapshot of 100 flags: one of each.
pub const SAMPLE: [usize; 3] = [10, 15, 18];

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeDoctests;
