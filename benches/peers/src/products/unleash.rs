//! Unleash: its engine as its own clients use it.

use std::collections::HashMap;

use serde_json::{Value, json};
use unleash_yggdrasil::{ClientFeatures, Context, EngineState, UpdateMessage};

use crate::product::{Held, Product};
use crate::work::{Flag, Kind, MINIMUM_VERSION, OS, Person, ROLLOUT_PERCENT, RULE_PERCENT, TEAMS, flags};

/// The engine, which swaps its compiled state inside.
pub struct Unleash(EngineState);

fn rollout(flag: &Flag, percent: u32) -> Value {
    json!({"name": "flexibleRollout",
        "parameters": {"rollout": percent.to_string(), "stickiness": "userId", "groupId": flag.key}})
}

fn strategy(flag: &Flag) -> Value {
    match flag.kind {
        Kind::Boolean => json!({"name": "default"}),
        Kind::Rollout => rollout(flag, ROLLOUT_PERCENT),
        Kind::Rule => {
            let mut strategy = rollout(flag, RULE_PERCENT);
            strategy["constraints"] = json!([
                {"contextName": "os", "operator": "IN", "values": [OS]},
                {"contextName": "app_version", "operator": "SEMVER_GTE", "value": MINIMUM_VERSION},
                {"contextName": "team", "operator": "IN", "values": TEAMS},
            ]);
            strategy
        }
    }
}

fn context(id: &str, properties: Option<HashMap<String, String>>) -> Context {
    Context {
        user_id: Some(id.to_owned()),
        session_id: None,
        environment: None,
        app_name: None,
        current_time: None,
        remote_address: None,
        properties,
    }
}

impl Product for Unleash {
    const NAME: &'static str = "Unleash yggdrasil";
    const PACKAGE: Option<&'static str> = Some("unleash-yggdrasil");
    const UNEQUAL: &'static str = "gives a bare bool without a reason";

    type Ready = EngineState;
    type Context<'p> = Context;

    fn document(count: usize) -> Vec<u8> {
        let features: Vec<Value> = flags(count)
            .iter()
            .map(|flag| json!({"name": flag.key, "enabled": true, "strategies": [strategy(flag)]}))
            .collect();
        json!({"version": 2, "features": features}).to_string().into_bytes()
    }

    fn load(document: &[u8]) -> EngineState {
        let engine = EngineState::default();
        let warnings = engine.take_state(UpdateMessage::FullResponse(Self::prepare(document)));
        assert!(warnings.is_none());
        engine
    }

    fn open(document: &[u8]) -> Self {
        Self(Self::load(document))
    }

    fn context(person: &Person) -> Context {
        let known = [("os", person.os), ("app_version", person.app_version), ("team", person.team)];
        context(&person.id, Some(known.map(|(name, value)| (name.to_owned(), value.to_owned())).into()))
    }

    fn context_of_id(id: &str) -> Context {
        context(id, None)
    }

    fn is_on(&self, key: &str, context: &Context) -> bool {
        self.0.is_enabled(key, context, &None)
    }
}

impl Held for Unleash {
    type Next = ClientFeatures;

    fn prepare(document: &[u8]) -> ClientFeatures {
        serde_json::from_slice(document).unwrap()
    }

    /// Compiles inside, which cannot be done beforehand.
    fn replace(&self, next: &ClientFeatures) {
        self.0.take_state(UpdateMessage::FullResponse(next.clone()));
    }
}
