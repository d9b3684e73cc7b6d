//! Statsig: its whole client, given its configuration by an adapter in place of the one that fetches.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use statsig_rust::log_event_payload::LogEventRequest;
use statsig_rust::networking::ResponseData;
use statsig_rust::sdk_event_emitter::SdkEventEmitter;
use statsig_rust::{
    EventLoggingAdapter, FeatureGateEvaluationOptions, SpecStore, SpecsAdapter, SpecsSource, SpecsUpdate,
    SpecsUpdateListener, Statsig as Client, StatsigErr, StatsigOptions, StatsigRuntime, StatsigUser,
    StatsigUserBuilder,
};

use crate::product::{Held, Product};
use crate::work::{Flag, Kind, MINIMUM_VERSION, OS, Person, ROLLOUT_PERCENT, RULE_PERCENT, TEAMS, flags};

const KEY: &str = "secret-of-nobody";

/// A client and what gives it its configuration.
pub struct Statsig {
    client: Client,
    adapter: Arc<Given>,
    /// It takes no configuration that is not newer than the one in force.
    published: AtomicU64,
}

/// Hands over a configuration that is at hand.
struct Given {
    first: Vec<u8>,
    listener: OnceLock<Arc<dyn SpecsUpdateListener>>,
}

impl Given {
    fn hand_over(&self, document: Vec<u8>) -> Result<(), StatsigErr> {
        self.listener.get().unwrap().did_receive_specs_update(update(document))
    }
}

fn update(document: Vec<u8>) -> SpecsUpdate {
    let data = ResponseData::from_bytes(document);
    SpecsUpdate { data, source: SpecsSource::Bootstrap, received_at: 1, source_api: None }
}

#[async_trait]
impl SpecsAdapter for Given {
    fn initialize(&self, listener: Arc<dyn SpecsUpdateListener>) {
        assert!(self.listener.set(listener).is_ok());
    }

    async fn start(self: Arc<Self>, _runtime: &Arc<StatsigRuntime>) -> Result<(), StatsigErr> {
        self.hand_over(self.first.clone())
    }

    async fn shutdown(&self, _timeout: Duration, _runtime: &Arc<StatsigRuntime>) -> Result<(), StatsigErr> {
        Ok(())
    }

    async fn schedule_background_sync(self: Arc<Self>, _runtime: &Arc<StatsigRuntime>) -> Result<(), StatsigErr> {
        Ok(())
    }

    fn get_type_name(&self) -> String {
        "Given".to_owned()
    }
}

/// Forgets what it is told.
struct Nobody;

#[async_trait]
impl EventLoggingAdapter for Nobody {
    async fn start(&self, _runtime: &Arc<StatsigRuntime>) -> Result<(), StatsigErr> {
        Ok(())
    }

    async fn log_events(&self, _request: LogEventRequest) -> Result<bool, StatsigErr> {
        Ok(true)
    }

    async fn shutdown(&self) -> Result<(), StatsigErr> {
        Ok(())
    }

    fn should_schedule_background_flush(&self) -> bool {
        false
    }
}

fn definition(flag: &Flag) -> Value {
    let (percent, conditions) = match flag.kind {
        Kind::Boolean => (100, json!(["everyone"])),
        Kind::Rollout => (ROLLOUT_PERCENT, json!(["everyone"])),
        Kind::Rule => (RULE_PERCENT, json!(["os", "app_version", "team"])),
    };
    let rule = json!({"name": "on", "id": "on", "salt": flag.key, "idType": "userID", "passPercentage": percent,
        "conditions": conditions, "returnValue": true});
    json!({"type": "feature_gate", "entity": "feature_gate", "idType": "userID", "enabled": true, "salt": flag.key,
        "defaultValue": false, "rules": [rule]})
}

/// Gates share their conditions by name, as the product sends them.
fn conditions() -> Value {
    let of = |field: &str, operator: &str, value: Value| {
        json!({"type": "user_field", "field": field, "operator": operator, "targetValue": value,
            "additionalValues": {}, "idType": "userID"})
    };
    json!({
        "everyone": {"type": "public", "field": null, "operator": null, "targetValue": null, "additionalValues": {}, "idType": "userID"},
        "os": of("os", "any", json!([OS])),
        "app_version": of("appVersion", "version_gte", json!(MINIMUM_VERSION)),
        "team": of("team", "any", json!(TEAMS)),
    })
}

/// Returns a document with the time of its publishing in front.
fn published_at(time: u64, document: &[u8]) -> Vec<u8> {
    let mut dated = format!("{{\"time\":{time},").into_bytes();
    dated.extend_from_slice(&document[1..]);
    dated
}

impl Product for Statsig {
    const NAME: &'static str = "Statsig";
    const PACKAGE: Option<&'static str> = Some("statsig-rust");
    const UNEQUAL: &'static str = "a whole client, which counts each check even where nothing is logged; it remembers ten thousand hashes, \
        so that W2 and W3 look theirs up; W5 is its store alone; replacing parses, which cannot be done beforehand";

    type Ready = SpecStore;
    type Context<'p> = StatsigUser;

    fn document(count: usize) -> Vec<u8> {
        let flags = flags(count);
        let gates: Map<String, Value> = flags.iter().map(|flag| (flag.key.clone(), definition(flag))).collect();
        json!({"has_updates": true, "feature_gates": gates, "dynamic_configs": {}, "layer_configs": {},
            "condition_map": conditions(), "experiment_to_layer": {}, "response_format": "dcs-v2"})
        .to_string()
        .into_bytes()
    }

    fn load(document: &[u8]) -> SpecStore {
        let emitter = Arc::new(SdkEventEmitter::default());
        let store = SpecStore::new(KEY, String::new(), StatsigRuntime::get_runtime(), emitter, None);
        store.set_values(update(published_at(1, document))).unwrap();
        store
    }

    fn open(document: &[u8]) -> Self {
        let adapter = Arc::new(Given { first: published_at(1, document), listener: OnceLock::new() });
        let options = StatsigOptions {
            specs_adapter: Some(Arc::<Given>::clone(&adapter)),
            event_logging_adapter: Some(Arc::new(Nobody)),
            disable_network: Some(true),
            disable_all_logging: Some(true),
            disable_country_lookup: Some(true),
            disable_disk_access: Some(true),
            ..StatsigOptions::new()
        };
        let client = Client::new(KEY, Some(Arc::new(options)));
        StatsigRuntime::get_runtime().get_handle().unwrap().block_on(client.initialize()).unwrap();
        Self { client, adapter, published: AtomicU64::new(1) }
    }

    fn context(person: &Person) -> StatsigUser {
        let known = [("os", person.os), ("team", person.team)];
        StatsigUserBuilder::new_with_user_id(person.id.as_str())
            .app_version(Some(person.app_version.to_owned()))
            .custom_from_str_map(Some(
                known.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            ))
            .build()
    }

    fn context_of_id(id: &str) -> StatsigUser {
        StatsigUser::with_user_id(id)
    }

    fn is_on(&self, key: &str, user: &StatsigUser) -> bool {
        let unlogged = FeatureGateEvaluationOptions { disable_exposure_logging: true };
        self.client.check_gate_with_options(user, key, unlogged)
    }
}

impl Held for Statsig {
    type Next = Vec<u8>;

    fn prepare(document: &[u8]) -> Vec<u8> {
        document.to_vec()
    }

    fn replace(&self, next: &Vec<u8>) {
        let time = self.published.fetch_add(1, Ordering::Relaxed) + 1;
        self.adapter.hand_over(published_at(time, next)).unwrap();
    }
}
