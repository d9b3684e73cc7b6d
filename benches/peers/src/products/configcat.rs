//! ConfigCat: its whole client, given its flags as local overrides.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as Polled, Poll, Waker};

use arc_swap::ArcSwap;
use configcat::{Client, Config, OverrideBehavior, OverrideDataSource, PollingMode, Setting, User};
use serde_json::{Map, Value, json};

use crate::product::{Held, Product};
use crate::work::{Flag, Kind, MINIMUM_VERSION, OS, Person, ROLLOUT_PERCENT, RULE_PERCENT, TEAMS, flags};

/// A client. What it has in force can be replaced by what it fetches alone, so another client takes its place; inside it swaps in the same
/// way.
pub struct ConfigCat(ArcSwap<Client>);

struct Given(Config);

impl OverrideDataSource for Given {
    fn settings(&self) -> &HashMap<String, Setting> {
        &self.0.settings
    }
}

const IS_ONE_OF: u32 = 0;
const SEMVER_AT_LEAST: u32 = 9;

fn percentages(percent: u32) -> Value {
    json!([{"p": percent, "v": {"b": true}}, {"p": 100 - percent, "v": {"b": false}}])
}

fn definition(flag: &Flag) -> Value {
    match flag.kind {
        Kind::Boolean => json!({"t": 0, "v": {"b": true}}),
        Kind::Rollout => json!({"t": 0, "v": {"b": false}, "p": percentages(ROLLOUT_PERCENT)}),
        Kind::Rule => {
            let conditions = json!([
                {"u": {"a": "os", "c": IS_ONE_OF, "l": [OS]}},
                {"u": {"a": "app_version", "c": SEMVER_AT_LEAST, "s": MINIMUM_VERSION}},
                {"u": {"a": "team", "c": IS_ONE_OF, "l": TEAMS}},
            ]);
            json!({"t": 0, "v": {"b": false}, "r": [{"c": conditions, "p": percentages(RULE_PERCENT)}]})
        }
    }
}

fn client(config: Config) -> Client {
    Client::builder("0000000000000000000000/0000000000000000000000")
        .overrides(Box::new(Given(config)), OverrideBehavior::LocalOnly)
        .polling_mode(PollingMode::Manual)
        .offline(true)
        .build()
        .unwrap()
}

/// Returns what comes of something that waits for nothing.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Polled::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("a client that is offline waits for nothing"),
    }
}

impl Product for ConfigCat {
    const NAME: &'static str = "ConfigCat";
    const PACKAGE: Option<&'static str> = Some("configcat");
    const UNEQUAL: &'static str = "a whole client, which takes the user by value and gives details; W5 is its JSON alone, without the client around it";

    type Ready = Config;
    type Context<'p> = User;

    fn document(count: usize) -> Vec<u8> {
        let flags = flags(count);
        let settings: Map<String, Value> = flags.iter().map(|flag| (flag.key.clone(), definition(flag))).collect();
        json!({"p": {"u": "https://localhost", "r": 0, "s": "salt"}, "f": settings}).to_string().into_bytes()
    }

    fn load(document: &[u8]) -> Config {
        serde_json::from_slice(document).unwrap()
    }

    fn open(document: &[u8]) -> Self {
        Self(ArcSwap::new(Self::prepare(document)))
    }

    fn context(person: &Person) -> User {
        Self::context_of_id(&person.id)
            .custom("os", person.os)
            .custom("app_version", person.app_version)
            .custom("team", person.team)
    }

    fn context_of_id(id: &str) -> User {
        User::new(id)
    }

    fn is_on(&self, key: &str, user: &User) -> bool {
        at_once(self.0.load().get_value(key, false, Some(user.clone())))
    }
}

impl Held for ConfigCat {
    type Next = Arc<Client>;

    fn prepare(document: &[u8]) -> Arc<Client> {
        Arc::new(client(Self::load(document)))
    }

    fn replace(&self, next: &Arc<Client>) {
        self.0.store(Arc::clone(next));
    }
}
