//! What tokens reach: every scope against every kind of call, over the admin API and through commands.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![cfg(unix)]

#[path = "support/office.rs"]
mod office;
#[path = "support/serving.rs"]
mod serving;
mod support;

use office::Office;
use serde_json::{Value, json};
use support::{Run, finished};

fn run(office: &Office, token: &str, arguments: &[&str]) -> Run {
    let url = office.serving.url();
    let all: Vec<&str> = ["--server", &url].iter().chain(arguments).copied().collect();
    let mut command = office.sandbox.command(&all);
    command.env("FLAG_ADMIN_TOKEN", token).env("HOME", office.sandbox.path("home")).env_remove("XDG_STATE_HOME");
    finished(command.spawn().unwrap())
}

fn open() -> Office {
    let office = Office::open();
    office.sandbox.project(&["env", "new", "staging", "--from", "production", "--yes"]).text();
    office
}

/// A call that changes nothing, or nothing for long, and the verb that it takes.
type Row = (&'static str, &'static str, &'static str, Value);

fn calls(environment: &str) -> Vec<(String, Row)> {
    let at = |path: &str| format!("{path}?environment={environment}");
    let dry = json!({ "dry_run": true });
    vec![
        (at("/admin/v1/flags"), ("read-config", "GET", "", Value::Null)),
        (at("/admin/v1/flags/command_history"), ("read-config", "GET", "", Value::Null)),
        (at("/admin/v1/segments"), ("read-config", "GET", "", Value::Null)),
        (at("/admin/v1/kills"), ("read-config", "GET", "", Value::Null)),
        (at("/admin/v1/log"), ("read-config", "GET", "", Value::Null)),
        (at("/admin/v1/definitions"), ("read-config", "GET", "", Value::Null)),
        (at("/admin/v1/experiments"), ("read-config", "GET", "", Value::Null)),
        (at("/admin/v1/rollouts"), ("read-config", "GET", "", Value::Null)),
        (at("/admin/v1/lint"), ("read-config", "GET", "", Value::Null)),
        (
            at("/admin/v1/flags/command_history/rollout"),
            ("write-flag", "POST", "", json!({ "share": "3%", "dry_run": true })),
        ),
        (
            at("/admin/v1/signals"),
            ("write-flag", "POST", "", json!({ "flag": "command_history", "severity": "p0", "dry_run": true })),
        ),
        (at("/admin/v1/groups/apart"), ("write-flag", "PUT", "", dry)),
        (at("/admin/v1/kills"), ("kill", "POST", "", json!({ "target": "command_history", "dry_run": true }))),
    ]
}

#[test]
fn a_token_does_what_its_verbs_say_where_its_environments_say() {
    let office = open();
    let mut wrong = Vec::new();
    for verbs in ["read-config", "write-flag", "kill", "read-config,write-flag"] {
        for scope in ["production", "staging", ""] {
            let mut asked = vec!["carol", "--can", verbs];
            if !scope.is_empty() {
                asked.extend(["--in", scope]);
            }
            let token = office.token(&asked);
            for environment in ["production", "staging"] {
                for (path, (needed, method, _, body)) in calls(environment) {
                    let answer = office.ask(&token, method, &path, &body);
                    let allowed = verbs.split(',').any(|verb| verb == needed);
                    let code = answer.json()["error"]["code"].as_str().unwrap_or("").to_owned();
                    let expected = match (allowed, scope.is_empty() || scope == environment) {
                        (true, true) => (200, ""),
                        (false, _) => (403, "token_verb"),
                        (true, false) => (403, "token_environment"),
                    };
                    if (answer.status, code.as_str()) != expected {
                        wrong.push(format!("{verbs} in {scope:?}: {method} {path}: {} {code}", answer.status));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_of_the_whole_project_takes_a_token_for_the_whole_project() {
    let office = open();
    let narrow = office.token(&["carol", "--in", "staging"]);
    let whole = office.token(&["carol"]);
    for (method, path, body) in [
        ("GET", "/admin/v1/log", Value::Null),
        ("GET", "/admin/v1/log/rows", Value::Null),
        ("GET", "/admin/v1/log/checkpoint", Value::Null),
        ("GET", "/admin/v1/audit", Value::Null),
        ("GET", "/admin/v1/members", Value::Null),
        ("GET", "/admin/v1/tokens", Value::Null),
        ("PUT", "/admin/v1/members/mallory", json!({ "role": "engineer", "dry_run": true })),
        ("POST", "/admin/v1/tokens", json!({ "holder": "carol", "dry_run": true })),
        ("POST", "/admin/v1/environments", json!({ "name": "canary", "dry_run": true })),
    ] {
        assert_eq!(office.refused(&narrow, method, path, &body), (403, "token_environment".to_owned()), "{path}");
        assert_eq!(office.ask(&whole, method, path, &body).status, 200, "{path}");
    }
}

#[test]
fn commands_work_with_a_token_for_one_environment() {
    let office = open();
    let token = office.token(&["carol", "--in", "staging"]);
    // The environment need not be named: it is the one that the token is for.
    let set = ["rollout", "set", "command_history", "7%", "--yes", "--json"];
    assert_eq!(run(&office, &token, &set).json()["environment"], "staging");
    assert_eq!(run(&office, &token, &["flag", "show", "command_history", "--json"]).json()["share"], 7_000);
    let elsewhere = office.sandbox.project(&["flag", "show", "command_history", "--json"]).json();
    assert_ne!(elsewhere["share"], 7_000);
    let environments = run(&office, &token, &["env", "list", "--json"]).json();
    assert_eq!((environments.as_array().unwrap().len(), &environments[0]["environment"]), (1, &json!("staging")));
    for arguments in [
        &["flag", "list"][..],
        &["segment", "list"],
        &["export"],
        &["why", "telemetry", "--unit", "install-7"],
        &["kill", "list"],
        &["lint"],
        &["signal", "raise", "command_history", "p0", "--reason", "history lost", "--yes"],
        &["signal", "list"],
        &["rollout", "status"],
        &["experiment", "list"],
        &["flag", "disable", "command_history", "--draft"],
        &["apply", "--draft", "--yes"],
        &["kill", "command_history", "--reason", "incident"],
        &["unkill", "command_history", "--reason", "fixed", "--yes"],
    ] {
        let run = run(&office, &token, arguments);
        assert_eq!(run.code, Some(0), "{arguments:?} {run:?}");
    }
    // Nothing of what it is not for is told, and nothing done.
    let other = run(&office, &token, &["--env", "production", "flag", "list"]);
    assert!(other.err.starts_with("error: environment \"production\" does not exist\n"), "{other:?}");
    for arguments in [&["log"][..], &["audit", "verify"], &["undo", "--yes"], &["token", "list"]] {
        let run = run(&office, &token, arguments);
        assert!(run.err.contains("is for staging, not for the whole project"), "{arguments:?} {run:?}");
        assert!(
            run.err.contains("\nhint: use a token that does, or have one issued: flag-admin token new HOLDER"),
            "{run:?}"
        );
    }
    let members = run(&office, &token, &["member", "add", "mallory", "engineer", "--yes"]);
    assert!(members.err.contains("is for staging, not for the whole project"), "{members:?}");
    let state = office.done(&token, "GET", "/admin/v1/state", &Value::Null);
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, state["bytes"].as_str().unwrap());
    let told: Value = serde_json::from_slice(&bytes.unwrap()).unwrap();
    let names: Vec<&str> = told["state"]["environments"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["staging"]);
    assert_eq!(told["state"].get("tokens"), None);
    assert_eq!(told["state"]["members"], json!({ "alice": "release_manager", "carol": "release_manager" }));
}

/// Every operation that changes something, with a body that it takes, made from a head that is no longer the last.
#[test]
fn every_write_made_from_another_head_is_refused() {
    let office = open();
    let token = office.token(&["carol"]);
    let stale = office.ask(&token, "GET", "/admin/v1/flags", &Value::Null).header("etag").unwrap().to_owned();
    let definition = office.done(&token, "GET", "/admin/v1/flags/command_history", &Value::Null)["definition"].clone();
    office.done(&token, "PUT", "/admin/v1/groups/held", &json!({}));
    office.done(&token, "PUT", "/admin/v1/segments/held", &json!({ "condition": { "segment": "team" } }));
    office.done(&token, "POST", "/admin/v1/kills", &json!({ "target": "enhanced_safety_v2", "reason": "incident" }));
    office.done(&token, "POST", "/admin/v1/signals", &json!({ "flag": "mlx_backend", "severity": "p0" }));
    let signal = office.done(&token, "GET", "/admin/v1/signals", &Value::Null)[0]["id"].clone();
    office.done(&token, "POST", "/admin/v1/flags", &json!({ "key": "unused", "definition": definition }));
    office.done(&token, "POST", "/admin/v1/definitions", &json!({ "toml": "[flags.spare]\nrollout = \"0%\"\n" }));
    office.done(&token, "PUT", "/admin/v1/groups/joined", &json!({}));
    office.done(&token, "PUT", "/admin/v1/groups/joined/flags/unused", &json!({ "share": "10%" }));
    office.done(
        &token,
        "POST",
        "/admin/v1/draft",
        &json!({ "changes": [{ "type": "rollout_set", "flag": "command_history", "share": 9_000 }] }),
    );
    let issued = office.done(&token, "POST", "/admin/v1/tokens", &json!({ "holder": "bob" }))["token"].clone();
    office.done(&token, "POST", "/admin/v1/flags/spare/rollout/start", &json!({ "schedule": "cautious" }));
    // The last, since from now on changes are asked for.
    office.done(&token, "PUT", "/admin/v1/approvals", &json!({ "approvals": 1 }));
    let asked = office.sandbox.project(&["rollout", "set", "mlx_backend", "7%", "--yes", "--json"]).json();
    let request = asked["request"].as_u64().unwrap();
    let writes = [
        ("POST", "/admin/v1/flags".to_owned(), json!({ "key": "another", "definition": definition })),
        (
            "PATCH",
            "/admin/v1/flags/command_history".into(),
            json!({ "definition": { "documentation": { "owner": "@x" } } }),
        ),
        ("POST", "/admin/v1/flags/command_history/clone".into(), json!({ "to": "command_memory" })),
        ("POST", "/admin/v1/flags/command_history/rollout".into(), json!({ "share": "3%" })),
        ("PUT", "/admin/v1/flags/command_history/enabled".into(), json!({ "enabled": false })),
        ("POST", "/admin/v1/flags/command_history/rename".into(), json!({ "to": "command_memory" })),
        ("POST", "/admin/v1/flags/unused/promote".into(), json!({ "despite": true, "reason": "a trial" })),
        ("POST", "/admin/v1/flags/spare/archive".into(), Value::Null),
        ("POST", "/admin/v1/copy".into(), json!({ "from": "staging" })),
        ("PUT", "/admin/v1/segments/others".into(), json!({ "condition": { "segment": "team" } })),
        ("DELETE", "/admin/v1/segments/held".into(), Value::Null),
        ("PUT", "/admin/v1/groups/others".into(), Value::Null),
        ("DELETE", "/admin/v1/groups/held".into(), Value::Null),
        ("PUT", "/admin/v1/groups/held/flags/command_history".into(), json!({ "share": "10%" })),
        ("DELETE", "/admin/v1/groups/joined/flags/unused".into(), Value::Null),
        ("POST", "/admin/v1/environments".into(), json!({ "name": "canary" })),
        ("POST", "/admin/v1/signals".into(), json!({ "flag": "mlx_backend", "severity": "p0" })),
        ("POST", format!("/admin/v1/signals/{signal}/clear"), Value::Null),
        ("POST", "/admin/v1/flags/unused/rollout/start".into(), Value::Null),
        ("POST", "/admin/v1/definitions".into(), json!({ "toml": "[flags.third]\nrollout = \"5%\"\n" })),
        (
            "POST",
            "/admin/v1/changes".into(),
            json!({ "changes": [{ "type": "rollout_set", "flag": "command_history", "share": 9_000 }] }),
        ),
        (
            "POST",
            "/admin/v1/draft".into(),
            json!({ "changes": [{ "type": "rollout_set", "flag": "command_history", "share": 8_000 }] }),
        ),
        ("DELETE", "/admin/v1/draft".into(), Value::Null),
        ("POST", "/admin/v1/draft/apply".into(), Value::Null),
        ("POST", "/admin/v1/flags/spare/rollout/pause".into(), json!({ "reason": "holidays" })),
        (
            "POST",
            "/admin/v1/experiments/command_model_comparison/conclude".into(),
            json!({ "conclusion": "keep", "anyway": true, "reason": "a trial" }),
        ),
        ("PUT", "/admin/v1/documents/snapshot".into(), json!({})),
        ("DELETE", "/admin/v1/documents/kills".into(), Value::Null),
        ("POST", format!("/admin/v1/requests/{request}/approve"), Value::Null),
        ("POST", format!("/admin/v1/requests/{request}/reject"), Value::Null),
        ("POST", "/admin/v1/publish".into(), Value::Null),
        ("POST", "/admin/v1/kills".into(), json!({ "target": "mlx_backend" })),
        ("POST", "/admin/kill-switches".into(), json!({ "telemetry_disabled": true })),
        ("POST", "/admin/v1/kills/enhanced_safety_v2/lift".into(), json!({ "reason": "fixed" })),
        ("PUT", "/admin/v1/kills/enhanced_safety_v2/reason".into(), json!({ "reason": "known" })),
        ("PUT", "/admin/v1/members/dave".into(), json!({ "role": "engineer" })),
        ("DELETE", "/admin/v1/members/bob".into(), Value::Null),
        ("POST", "/admin/v1/tokens".into(), json!({ "holder": "bob" })),
        ("DELETE", format!("/admin/v1/tokens/{}", issued.as_str().unwrap()), Value::Null),
        ("PUT", "/admin/v1/approvals".into(), json!({ "approvals": 1 })),
        ("POST", "/admin/v1/undo".into(), Value::Null),
    ];
    let before = office.done(&token, "GET", "/admin/v1/whoami", &Value::Null)["head"].clone();
    let mut wrong = Vec::new();
    for (method, path, body) in &writes {
        let answer = office.ask_with(&token, method, path, &[("if-match", &stale)], body);
        let error = answer.json()["error"]["code"].clone();
        if (answer.status, &error) != (412, &json!("head_moved")) {
            wrong.push(format!("{method} {path}: {}", answer.json()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(office.done(&token, "GET", "/admin/v1/whoami", &Value::Null)["head"], before, "nothing was done");
    let tried: Vec<(&str, &str)> = writes.iter().map(|(method, path, _)| (*method, path.as_str())).collect();
    let forgotten = described_writes_besides(&tried, &office.serving.get("/openapi.json", &[]).json());
    assert_eq!(forgotten, ["POST /admin/v1/flags/{flag}/why"], "all but what changes nothing is tried");
}

/// Returns method and path of every operation of those who administer, but for reads and for what was tried.
fn described_writes_besides(tried: &[(&str, &str)], description: &Value) -> Vec<String> {
    let paths = description["paths"].as_object().unwrap().iter().filter(|(path, _)| path.starts_with("/admin/"));
    let all = paths.flat_map(|(path, item)| {
        item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path)).collect::<Vec<_>>()
    });
    all.filter(|(method, path)| method != "GET" && !tried.iter().any(|(tried, at)| tried == method && is_at(path, at)))
        .map(|(method, path)| format!("{method} {path}"))
        .collect()
}

/// Tells whether a path is one that a path with parameters describes.
fn is_at(described: &str, path: &str) -> bool {
    let (described, path): (Vec<_>, Vec<_>) = (described.split('/').collect(), path.split('/').collect());
    described.len() == path.len()
        && described.iter().zip(&path).all(|(part, given)| part.starts_with('{') || part == given)
}
