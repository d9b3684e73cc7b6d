//! flagd: the engine of its in-process provider.

use std::collections::HashMap;
use std::sync::RwLock;

use flagd_evaluation_engine::{FeatureFlag, FlagParser, Operator};
use open_feature::EvaluationContext;
use serde_json::{Map, Value, json};

use crate::product::{Held, Product};
use crate::work::{Flag, Kind, MINIMUM_VERSION, OS, Person, ROLLOUT_PERCENT, RULE_PERCENT, TEAMS, flags};

type Flags = HashMap<String, FeatureFlag>;

/// The engine, and the flags behind the kind of lock that its provider keeps them behind. There is no compiled form: each evaluation
/// gives the engine a rule as text.
pub struct Flagd {
    operator: Operator,
    flags: RwLock<Flags>,
}

fn fraction(percent: u32) -> Value {
    json!({"fractional": [["on", percent], ["off", 100 - percent]]})
}

fn definition(flag: &Flag) -> Value {
    let mut definition = json!({"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"});
    match flag.kind {
        Kind::Boolean => definition["defaultVariant"] = json!("on"),
        Kind::Rollout => definition["targeting"] = fraction(ROLLOUT_PERCENT),
        Kind::Rule => {
            let conditions = json!({"and": [
                {"==": [{"var": "os"}, OS]},
                {"sem_ver": [{"var": "app_version"}, ">=", MINIMUM_VERSION]},
                {"in": [{"var": "team"}, TEAMS]},
            ]});
            definition["targeting"] = json!({"if": [conditions, fraction(RULE_PERCENT), "off"]});
        }
    }
    definition
}

impl Product for Flagd {
    const NAME: &'static str = "flagd engine";
    const PACKAGE: Option<&'static str> = Some("flagd-evaluation-engine");
    const UNEQUAL: &'static str = "gives the variant without a reason; it parses and compiles a rule for each evaluation, which no caller can spare it";

    type Ready = Flags;
    type Context<'p> = EvaluationContext;

    fn document(count: usize) -> Vec<u8> {
        let flags = flags(count);
        let flags: Map<String, Value> = flags.iter().map(|flag| (flag.key.clone(), definition(flag))).collect();
        json!({"flags": flags}).to_string().into_bytes()
    }

    fn load(document: &[u8]) -> Flags {
        FlagParser::parse_string(str::from_utf8(document).unwrap()).unwrap().flags
    }

    fn open(document: &[u8]) -> Self {
        Self { operator: Operator::new(), flags: RwLock::new(Self::load(document)) }
    }

    fn context(person: &Person) -> EvaluationContext {
        Self::context_of_id(&person.id)
            .with_custom_field("os", person.os)
            .with_custom_field("app_version", person.app_version)
            .with_custom_field("team", person.team)
    }

    fn context_of_id(id: &str) -> EvaluationContext {
        EvaluationContext::default().with_targeting_key(id)
    }

    fn is_on(&self, key: &str, context: &EvaluationContext) -> bool {
        let flags = self.flags.read().unwrap();
        let Some(flag) = flags.get(key).filter(|flag| flag.state == "ENABLED") else { return false };
        let targeted =
            flag.targeting.is_some().then(|| self.operator.apply(key, &flag.get_targeting(), context).ok().flatten());
        let variant = targeted.flatten();
        let variant = variant.as_ref().unwrap_or(&flag.default_variant);
        flag.variants.get(variant).and_then(Value::as_bool).unwrap_or(false)
    }
}

impl Held for Flagd {
    type Next = Flags;

    fn prepare(document: &[u8]) -> Flags {
        Self::load(document)
    }

    fn replace(&self, next: &Flags) {
        let next = next.clone();
        let before = std::mem::replace(&mut *self.flags.write().unwrap(), next);
        drop(before);
    }
}
