//! LaunchDarkly: the evaluation crate of its server SDK, over a store behind a lock.

use std::collections::HashMap;
use std::sync::RwLock;

use launchdarkly_server_sdk_evaluation::{Context, ContextBuilder, Flag, FlagValue, Segment, Store, evaluate};
use serde_json::{Value, json};

use crate::product::{Held, Product};
use crate::work::{self, Kind, MINIMUM_VERSION, OS, Person, ROLLOUT_PERCENT, RULE_PERCENT, TEAMS};

/// The flags, behind the kind of lock that the SDK keeps its store behind. The SDK copies a flag out of it for each evaluation; here it is
/// borrowed, so that the evaluator is measured and not the store.
pub struct LaunchDarkly(RwLock<Flags>);

/// Flags by key.
#[derive(Clone)]
pub struct Flags(HashMap<String, Flag>);

impl Store for Flags {
    fn flag(&self, key: &str) -> Option<Flag> {
        self.0.get(key).cloned()
    }

    fn segment(&self, _key: &str) -> Option<Segment> {
        None
    }
}

fn rollout(percent: u32) -> Value {
    let on = percent * 1_000;
    json!({"rollout": {"variations": [{"variation": 0, "weight": on}, {"variation": 1, "weight": 100_000 - on}]}})
}

fn definition(flag: &work::Flag) -> Value {
    let (rules, fallthrough) = match flag.kind {
        Kind::Boolean => (json!([]), json!({"variation": 0})),
        Kind::Rollout => (json!([]), rollout(ROLLOUT_PERCENT)),
        Kind::Rule => {
            let mut rule = rollout(RULE_PERCENT);
            rule["id"] = json!("team");
            rule["trackEvents"] = json!(false);
            rule["clauses"] = json!([
                {"attribute": "os", "op": "in", "values": [OS], "negate": false},
                // It has no "at least": not below.
                {"attribute": "app_version", "op": "semVerLessThan", "values": [MINIMUM_VERSION], "negate": true},
                {"attribute": "team", "op": "in", "values": TEAMS, "negate": false},
            ]);
            (json!([rule]), json!({"variation": 1}))
        }
    };
    json!({"key": flag.key, "version": 7, "on": true, "targets": [], "rules": rules, "prerequisites": [],
        "fallthrough": fallthrough, "offVariation": 1, "variations": [true, false], "clientSide": false, "salt": flag.key})
}

impl Product for LaunchDarkly {
    const NAME: &'static str = "LaunchDarkly evaluation";
    const PACKAGE: Option<&'static str> = Some("launchdarkly-server-sdk-evaluation");
    const UNEQUAL: &'static str = "gives value and reason; the SDK's copy of the flag out of its store is left out";

    type Ready = Flags;
    type Context<'p> = Context;

    fn document(count: usize) -> Vec<u8> {
        let flags = work::flags(count);
        let flags: serde_json::Map<String, Value> =
            flags.iter().map(|flag| (flag.key.clone(), definition(flag))).collect();
        Value::Object(flags).to_string().into_bytes()
    }

    fn load(document: &[u8]) -> Flags {
        Flags(serde_json::from_slice(document).unwrap())
    }

    fn open(document: &[u8]) -> Self {
        Self(RwLock::new(Self::load(document)))
    }

    fn context(person: &Person) -> Context {
        ContextBuilder::new(&person.id)
            .set_string("os", person.os)
            .set_string("app_version", person.app_version)
            .set_string("team", person.team)
            .build()
            .unwrap()
    }

    fn context_of_id(id: &str) -> Context {
        ContextBuilder::new(id).build().unwrap()
    }

    fn is_on(&self, key: &str, context: &Context) -> bool {
        let flags = self.0.read().unwrap();
        let Some(flag) = flags.0.get(key) else { return false };
        matches!(evaluate(&*flags, flag, context, None).value, Some(FlagValue::Bool(true)))
    }
}

impl Held for LaunchDarkly {
    type Next = Flags;

    fn prepare(document: &[u8]) -> Flags {
        Self::load(document)
    }

    fn replace(&self, next: &Flags) {
        let next = next.clone();
        let before = std::mem::replace(&mut *self.0.write().unwrap(), next);
        drop(before);
    }
}
