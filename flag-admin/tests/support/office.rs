//! A server with members and their tokens, and what is asked of its admin API.

use serde_json::Value;

use crate::serving::{Answer, Serving};
use crate::support::Sandbox;

/// A project with members, published and served, and their tokens.
pub struct Office {
    pub sandbox: Sandbox,
    pub serving: Serving,
}

impl Office {
    pub fn open() -> Self {
        let sandbox = Sandbox::with_sample();
        for (member, role) in [
            ("bob", "engineering_lead"),
            ("eve", "emergency_responder"),
            ("ci", "engineer"),
            ("carol", "release_manager"),
        ] {
            sandbox.project(&["member", "add", member, role, "--yes"]).text();
        }
        sandbox.project(&["publish", "--to", "public"]).text();
        let serving = Serving::start(&sandbox, &["-C", "flags", "serve", "--public", "public"]);
        Self { sandbox, serving }
    }

    pub fn token(&self, arguments: &[&str]) -> String {
        let all: Vec<&str> = ["token", "new"].iter().chain(arguments).chain(&["--yes", "--json"]).copied().collect();
        self.sandbox.project(&all).json()["secret"].as_str().unwrap().to_owned()
    }

    pub fn ask(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        self.ask_with(token, method, path, &[], body)
    }

    pub fn ask_with(&self, token: &str, method: &str, path: &str, more: &[(&str, &str)], body: &Value) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("authorization", &*bearer), ("content-type", "application/json")];
        headers.extend(more);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.serving.ask(method, path, &headers, body.as_bytes())
    }

    #[track_caller]
    pub fn done(&self, token: &str, method: &str, path: &str, body: &Value) -> Value {
        let answer = self.ask(token, method, path, body);
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()
    }

    #[track_caller]
    pub fn refused(&self, token: &str, method: &str, path: &str, body: &Value) -> (u16, String) {
        let answer = self.ask(token, method, path, body);
        (answer.status, answer.json()["error"]["code"].as_str().unwrap().to_owned())
    }
}
