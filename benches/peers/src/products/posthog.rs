//! PostHog: the local evaluation of its SDK.

use std::collections::HashMap;

use posthog_rs::{FlagCache, FlagValue, LocalEvaluationResponse, LocalEvaluator};
use serde_json::{Value, json};

use crate::product::{Held, Product};
use crate::work::{Flag, Kind, MINIMUM_VERSION, OS, Person, ROLLOUT_PERCENT, RULE_PERCENT, TEAMS, flags};

/// The evaluator over its cache, which its poller fills.
pub struct PostHog {
    evaluator: LocalEvaluator,
    no_groups: HashMap<String, String>,
    no_group_properties: HashMap<String, HashMap<String, Value>>,
}

/// Somebody, as the evaluator wants them described.
pub struct Described<'p> {
    id: &'p str,
    properties: HashMap<String, Value>,
}

fn groups(kind: Kind) -> Value {
    let group = |percent: u32, properties: Value| json!([{"properties": properties, "rollout_percentage": percent}]);
    match kind {
        // With a percentage of 100 it would hash the id to find that everyone is within.
        Kind::Boolean => json!([{"properties": [], "rollout_percentage": null}]),
        Kind::Rollout => group(ROLLOUT_PERCENT, json!([])),
        Kind::Rule => group(
            RULE_PERCENT,
            json!([
                {"key": "os", "operator": "exact", "value": [OS], "type": "person"},
                {"key": "app_version", "operator": "semver_gte", "value": MINIMUM_VERSION, "type": "person"},
                {"key": "team", "operator": "exact", "value": TEAMS, "type": "person"},
            ]),
        ),
    }
}

fn definition(flag: &Flag) -> Value {
    json!({"key": flag.key, "active": true, "filters": {"groups": groups(flag.kind)}})
}

fn is_on(value: &FlagValue) -> bool {
    matches!(value, FlagValue::Boolean(true))
}

impl Product for PostHog {
    const NAME: &'static str = "PostHog local";
    const PACKAGE: Option<&'static str> = Some("posthog-rs");
    const UNEQUAL: &'static str = "gives the value without a reason; its client wraps more around this";

    type Ready = FlagCache;
    type Context<'p> = Described<'p>;

    fn document(count: usize) -> Vec<u8> {
        let flags: Vec<Value> = flags(count).iter().map(definition).collect();
        json!({"flags": flags, "group_type_mapping": {}, "cohorts": {}}).to_string().into_bytes()
    }

    fn load(document: &[u8]) -> FlagCache {
        let cache = FlagCache::new();
        cache.update(Self::prepare(document));
        cache
    }

    fn open(document: &[u8]) -> Self {
        Self {
            evaluator: LocalEvaluator::new(Self::load(document)),
            no_groups: HashMap::new(),
            no_group_properties: HashMap::new(),
        }
    }

    fn context(person: &Person) -> Described<'_> {
        let known = [("os", person.os), ("app_version", person.app_version), ("team", person.team)];
        let properties = known.map(|(name, value)| (name.to_owned(), Value::from(value))).into();
        Described { id: &person.id, properties }
    }

    fn context_of_id(id: &str) -> Described<'_> {
        Described { id, properties: HashMap::new() }
    }

    fn is_on(&self, key: &str, context: &Described<'_>) -> bool {
        self.evaluator
            .evaluate_flag(key, context.id, &context.properties, &self.no_groups, &self.no_group_properties)
            .is_ok_and(|value| value.as_ref().is_some_and(is_on))
    }
}

impl Held for PostHog {
    type Next = LocalEvaluationResponse;

    fn prepare(document: &[u8]) -> LocalEvaluationResponse {
        serde_json::from_slice(document).unwrap()
    }

    fn replace(&self, next: &LocalEvaluationResponse) {
        self.evaluator.cache().update(next.clone());
    }
}
