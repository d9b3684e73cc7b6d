//! GrowthBook: the evaluator of its SDK, behind the lock of its client.

use std::sync::RwLock;

use growthbook_rust::dto::GrowthBookResponse;
use growthbook_rust::growthbook::GrowthBook as Evaluator;
use growthbook_rust::model_public::{GrowthBookAttribute, GrowthBookAttributeValue};
use serde_json::{Map, Value, json};

use crate::product::{Held, Product};
use crate::work::{Flag, Kind, MINIMUM_VERSION, OS, Person, ROLLOUT_PERCENT, RULE_PERCENT, TEAMS, flags};

/// The evaluator, behind the kind of lock that its client keeps it behind. The client copies all flags out of it for each evaluation; here
/// they are borrowed, so that the evaluator is measured and not the copying.
pub struct GrowthBook(RwLock<Evaluator>);

fn rule(percent: u32) -> Value {
    json!({"force": true, "coverage": f64::from(percent) / 100.0, "hashAttribute": "id"})
}

fn definition(flag: &Flag) -> Value {
    match flag.kind {
        Kind::Boolean => json!({"defaultValue": true}),
        Kind::Rollout => json!({"defaultValue": false, "rules": [rule(ROLLOUT_PERCENT)]}),
        Kind::Rule => {
            let mut rule = rule(RULE_PERCENT);
            rule["condition"] = json!({"os": OS, "app_version": {"$vgte": MINIMUM_VERSION}, "team": {"$in": TEAMS}});
            json!({"defaultValue": false, "rules": [rule]})
        }
    }
}

fn attribute(key: &str, value: &str) -> GrowthBookAttribute {
    GrowthBookAttribute::new(key.to_owned(), GrowthBookAttributeValue::String(value.to_owned()))
}

impl Product for GrowthBook {
    const NAME: &'static str = "GrowthBook";
    const PACKAGE: Option<&'static str> = Some("growthbook-rust");
    const UNEQUAL: &'static str =
        "gives value, source and experiment; its client's copy of all flags for each evaluation is left out";

    type Ready = Evaluator;
    type Context<'p> = Option<Vec<GrowthBookAttribute>>;

    fn document(count: usize) -> Vec<u8> {
        let flags = flags(count);
        let features: Map<String, Value> = flags.iter().map(|flag| (flag.key.clone(), definition(flag))).collect();
        json!({"features": features}).to_string().into_bytes()
    }

    fn load(document: &[u8]) -> Evaluator {
        let response: GrowthBookResponse = serde_json::from_slice(document).unwrap();
        Evaluator {
            forced_variations: response.forced_variations,
            features: response.features.unwrap(),
            attributes: None,
            sticky_bucket_service: None,
            saved_groups: [].into(),
        }
    }

    fn open(document: &[u8]) -> Self {
        Self(RwLock::new(Self::load(document)))
    }

    fn context(person: &Person) -> Self::Context<'_> {
        let known =
            [("id", person.id.as_str()), ("os", person.os), ("app_version", person.app_version), ("team", person.team)];
        Some(known.map(|(key, value)| attribute(key, value)).into())
    }

    fn context_of_id(id: &str) -> Self::Context<'_> {
        Some(vec![attribute("id", id)])
    }

    fn is_on(&self, key: &str, context: &Self::Context<'_>) -> bool {
        self.0.read().unwrap().check(key, context).on
    }
}

impl Held for GrowthBook {
    type Next = Evaluator;

    fn prepare(document: &[u8]) -> Evaluator {
        Self::load(document)
    }

    fn replace(&self, next: &Evaluator) {
        let next = next.clone();
        let before = std::mem::replace(&mut *self.0.write().unwrap(), next);
        drop(before);
    }
}
