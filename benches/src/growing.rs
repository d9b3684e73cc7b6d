//! Flags that grow: many rules, and conditions with many values.

use flag_core::Attributes;
use serde_json::{Value, json};

use crate::{ENVIRONMENT, PROJECT};

/// The one flag of these snapshots.
pub const KEY: &str = "checkout_growing_0000000";

fn snapshot(rules: &[Value]) -> Vec<u8> {
    let flag = json!({"version": 7, "kind": "release", "variants": {"on": true, "off": false}, "off_variant": "off", "rules": rules,
        "fallthrough": {"variant": "off"}});
    json!({"schema": 1, "project": PROJECT, "environment": ENVIRONMENT, "epoch": 1, "version": 1, "issued_at": "2026-01-15T00:00:00Z",
        "expires_at": "2027-01-15T00:00:00Z", "flags": {KEY: flag}})
    .to_string()
    .into_bytes()
}

fn rule(id: &str, values: &[String]) -> Value {
    json!({"id": id, "when": {"attribute": "customer", "operator": "in", "values": values}, "serve": {"variant": "on"}})
}

/// Returns the snapshot of a flag with this many rules, each of which is for one customer: `customer_0000` and so on.
pub fn with_rules(rules: usize) -> Vec<u8> {
    let rules: Vec<Value> =
        (0..rules).map(|number| rule(&format!("rule_{number}"), &[format!("customer_{number:04}")])).collect();
    snapshot(&rules)
}

/// Returns the snapshot of a flag with a rule for all of these customers.
pub fn with_list(customers: &[String]) -> Vec<u8> {
    snapshot(&[rule("list", customers)])
}

/// Returns what is known of a customer.
pub fn customer(name: &str) -> Attributes {
    Attributes::new().with("customer", name)
}
