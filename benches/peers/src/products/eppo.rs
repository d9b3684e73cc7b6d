//! Eppo: the core that its SDKs are built from.

use std::sync::Arc;

use chrono::Utc;
use eppo_core::configuration_store::ConfigurationStore;
use eppo_core::eval::get_assignment;
use eppo_core::ufc::{AssignmentValue, UniversalFlagConfig, VariationType};
use eppo_core::{Attributes, Configuration, SdkMetadata, Str};
use serde_json::{Value, json};

use crate::product::{Held, Product};
use crate::work::{Flag, Kind, MINIMUM_VERSION, OS, Person, ROLLOUT_PERCENT, RULE_PERCENT, TEAMS, flags};

const SHARDS: u32 = 10_000;

/// The store that holds its configuration.
pub struct Eppo(ConfigurationStore);

/// Somebody, as the core wants them described.
pub struct Subject {
    key: Str,
    attributes: Arc<Attributes>,
}

fn allocation(flag: &Flag, percent: u32, rules: &Value) -> Value {
    let shards = match percent {
        100 => json!([]),
        percent => json!([{"salt": flag.key, "ranges": [{"start": 0, "end": percent * SHARDS / 100}]}]),
    };
    // Nothing is logged by any product here.
    json!({"key": "on", "rules": rules, "splits": [{"variationKey": "on", "shards": shards}], "doLog": false})
}

fn definition(flag: &Flag) -> Value {
    let allocation = match flag.kind {
        Kind::Boolean => allocation(flag, 100, &json!([])),
        Kind::Rollout => allocation(flag, ROLLOUT_PERCENT, &json!([])),
        Kind::Rule => {
            let conditions = json!([
                {"attribute": "os", "operator": "ONE_OF", "value": [OS]},
                {"attribute": "app_version", "operator": "GTE", "value": MINIMUM_VERSION},
                {"attribute": "team", "operator": "ONE_OF", "value": TEAMS},
            ]);
            allocation(flag, RULE_PERCENT, &json!([{"conditions": conditions}]))
        }
    };
    json!({"key": flag.key, "enabled": true, "variationType": "BOOLEAN", "totalShards": SHARDS,
        "variations": {"on": {"key": "on", "value": true}, "off": {"key": "off", "value": false}},
        "allocations": [allocation]})
}

impl Product for Eppo {
    const NAME: &'static str = "Eppo core";
    const PACKAGE: Option<&'static str> = Some("eppo_core");
    const UNEQUAL: &'static str =
        "gives the value; reads the clock each time, as its own evaluator does; keeps the JSON beside what it compiled";

    type Ready = Configuration;
    type Context<'p> = Subject;

    fn document(count: usize) -> Vec<u8> {
        let flags = flags(count);
        let flags: serde_json::Map<String, Value> =
            flags.iter().map(|flag| (flag.key.clone(), definition(flag))).collect();
        json!({"createdAt": "2026-01-15T00:00:00Z", "format": "SERVER", "environment": {"name": "production"}, "flags": flags})
            .to_string()
            .into_bytes()
    }

    fn load(document: &[u8]) -> Configuration {
        let metadata = SdkMetadata { name: "peers", version: "0.0.0" };
        Configuration::from_server_response(UniversalFlagConfig::from_json(metadata, document.to_vec()).unwrap(), None)
    }

    fn open(document: &[u8]) -> Self {
        let store = ConfigurationStore::new();
        store.set_configuration(Self::prepare(document));
        Self(store)
    }

    fn context(person: &Person) -> Subject {
        let known = [("os", person.os), ("app_version", person.app_version), ("team", person.team)];
        let attributes = known.into_iter().map(|(name, value)| (name.into(), value.into())).collect::<Attributes>();
        Subject { key: Str::from(person.id.as_str()), attributes: Arc::new(attributes) }
    }

    fn context_of_id(id: &str) -> Subject {
        Subject { key: Str::from(id), attributes: Arc::default() }
    }

    fn is_on(&self, key: &str, subject: &Subject) -> bool {
        let configuration = self.0.get_configuration();
        let expected = Some(VariationType::Boolean);
        let found =
            get_assignment(configuration.as_deref(), key, &subject.key, &subject.attributes, expected, Utc::now());
        matches!(found, Ok(Some(assignment)) if matches!(assignment.value, AssignmentValue::Boolean(true)))
    }
}

impl Held for Eppo {
    type Next = Arc<Configuration>;

    fn prepare(document: &[u8]) -> Arc<Configuration> {
        Arc::new(Self::load(document))
    }

    fn replace(&self, next: &Arc<Configuration>) {
        self.0.set_configuration(Arc::clone(next));
    }
}
