//! The admin API as programs see it: who gets in, what is done in whose name, and what is refused.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![cfg(unix)]

#[path = "support/office.rs"]
mod office;
#[path = "support/serving.rs"]
mod serving;
mod support;

use std::process::Command;

use flag_client::{Declaration, FlagClient, Remote};
use office::Office;
use serde_json::{Value, json};
use tempfile::TempDir;

fn client(office: &Office, home: &TempDir) -> FlagClient {
    let remote = Remote {
        project: "caro".to_owned(),
        environment: "production".to_owned(),
        pinned_root: std::fs::read(office.sandbox.path("public/v1/root/1.json")).unwrap(),
        state_file: home.path().join("trust.json"),
        bundled_snapshot: None,
        url: Some(office.serving.url()),
    };
    let client =
        FlagClient::builder().declare([Declaration::boolean("telemetry").default_on(true)]).remote(remote).open();
    client.sync().unwrap();
    client
}

#[test]
fn a_kill_switch_is_flipped_as_the_strategy_writes_it() {
    let office = Office::open();
    let token = office.token(&["eve"]);
    let home = TempDir::new().unwrap();
    assert!(client(&office, &home).is_enabled("telemetry"));
    let curl = Command::new("curl")
        .args(["-sS", "-X", "POST", &format!("{}/admin/kill-switches", office.serving.url())])
        .args(["-H", &format!("Authorization: Bearer {token}"), "-d", r#"{"telemetry_disabled": true}"#])
        .output();
    let answer: Value = match curl {
        Ok(output) => serde_json::from_slice(&output.stdout).unwrap(),
        // The very bytes that curl sends.
        Err(_) => {
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", &*bearer), ("content-type", "application/x-www-form-urlencoded")];
            office.serving.ask("POST", "/admin/kill-switches", &headers, br#"{"telemetry_disabled": true}"#).json()
        }
    };
    assert_eq!((&answer["killed"], &answer["reason"]), (&json!(["telemetry"]), &json!("not given")), "{answer}");
    assert_eq!(answer["published"]["targets"], json!(["telemetry"]));
    // Once it is answered it is served, and the next run of a program obeys.
    assert_eq!(office.serving.get("/v1/kills.json", &[]).status, 200);
    assert!(!client(&office, &home).is_enabled("telemetry"));
    let log = office.sandbox.project(&["log", "--limit", "1", "--json"]).json();
    assert_eq!(
        (&log[0]["actor"], &log[0]["role"], &log[0]["sentence"], &log[0]["reason"]),
        (&json!("eve"), &json!("emergency_responder"), &json!("enabled kill switch: telemetry"), &json!("not given"))
    );
    // Again is no failure, and the reason is asked for until it is given.
    let again = office.done(&token, "POST", "/admin/kill-switches", &json!({ "telemetry_disabled": true }));
    assert_eq!((&again["killed"], &again["already"]), (&json!([]), &json!(["telemetry"])));
    let listed = office.sandbox.project(&["kill", "list"]).text().to_owned();
    assert!(listed.contains("flag-admin kill explain telemetry --reason TEXT"), "{listed}");
    office.done(&token, "PUT", "/admin/v1/kills/telemetry/reason", &json!({ "reason": "privacy incident 12" }));
    let kills = office.done(&token, "GET", "/admin/v1/kills", &Value::Null);
    assert_eq!(
        (&kills["killed"][0]["reason"], &kills["killed"][0]["unexplained"]),
        (&json!("privacy incident 12"), &json!(false))
    );
    let report = office.done(&token, "GET", "/admin/v1/kills/telemetry/report", &Value::Null);
    assert!(report["markdown"].as_str().unwrap().starts_with("# Post-mortem: telemetry killed in production\n"));
}

#[test]
fn kill_switches_refuse_what_they_would_have_to_guess() {
    let office = Office::open();
    let token = office.token(&["eve"]);
    for (body, code, message) in [
        (json!({}), "bad_kill_switch", "no kill switch is named"),
        (
            json!({ "telemetry_disabled": false }),
            "bad_kill_switch",
            "\"telemetry_disabled\" is false, and lifting a kill takes a reason",
        ),
        (json!({ "telemetry_disabled": 1 }), "bad_kill_switch", "\"telemetry_disabled\" is neither true nor a reason"),
        (
            json!({ "telemetry_disabled": true, "telemtry_disabled": true }),
            "no_flag",
            "flag \"telemtry_disabled\" does not exist, so nothing would be killed",
        ),
        (
            json!({ "telemetry_disabled": true, "reason": "" }),
            "bad_reason",
            "the reason is empty, expected why the change is made",
        ),
    ] {
        let error = office.ask(&token, "POST", "/admin/kill-switches", &body).json()["error"].clone();
        assert_eq!((error["code"].as_str().unwrap(), error["message"].as_str().unwrap()), (code, message), "{body}");
    }
    assert_eq!(office.done(&token, "GET", "/admin/v1/kills", &Value::Null)["killed"], json!([]));
}

/// Every operation that takes a token, with something in place of parameters.
fn guarded(office: &Office) -> Vec<(String, String)> {
    let document = office.serving.get("/openapi.json", &[]).json();
    let mut found = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            if operation.get("security").is_some() {
                let path: String = path
                    .split('/')
                    .map(|part| if part.starts_with('{') { "1" } else { part })
                    .collect::<Vec<_>>()
                    .join("/");
                found.push((method.to_uppercase(), path));
            }
        }
    }
    found
}

#[test]
fn bad_credentials_get_nowhere() {
    let office = Office::open();
    let (good, revoked) = (office.token(&["bob"]), office.token(&["bob"]));
    office.sandbox.project(&["token", "revoke", &revoked, "--yes"]).text();
    let guarded = guarded(&office);
    assert!(guarded.len() >= 35, "{guarded:?}");
    let bad = [
        None,
        Some("Bearer".to_owned()),
        Some("Basic Ym9iOnNlY3JldA==".to_owned()),
        Some("Bearer x".to_owned()),
        Some(format!("Bearer {}", good.replace("_lead_", "_manager_"))),
        Some(format!("Bearer {}", &good[..good.len() - 1])),
        Some(format!("Bearer {revoked}")),
    ];
    let mut answers = std::collections::BTreeSet::new();
    let mut tries = 0;
    for (method, path) in &guarded {
        for header in &bad {
            let headers: Vec<(&str, &str)> = header.iter().map(|value| ("authorization", value.as_str())).collect();
            // Nothing of such a body is looked at.
            let answer = office.serving.ask(method, path, &headers, b"{{{{ no JSON");
            let error = answer.json()["error"].clone();
            tries += 1;
            let expected = if tries <= 10 { 401 } else { 429 };
            assert_eq!(answer.status, expected, "{method} {path} {header:?}");
            if expected == 401 {
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
                answers.insert((header.is_some(), error["code"].as_str().unwrap().to_owned()));
            } else {
                let seconds: u32 = answer.header("retry-after").unwrap().parse().unwrap();
                assert!((1..=60).contains(&seconds), "{seconds}");
            }
        }
    }
    // Whoever has something wrong is not told what.
    assert_eq!(answers.into_iter().collect::<Vec<_>>(), [(false, "no_token".into()), (true, "bad_token".into())]);
    // Somebody else's failures lock nobody out.
    assert_eq!(office.done(&good, "GET", "/admin/v1/whoami", &Value::Null)["caller"]["holder"], "bob");
    let twice = office.ask_with(&good, "GET", "/admin/v1/whoami", &[("authorization", "Bearer x")], &Value::Null);
    assert_eq!(twice.status, 429);
}

#[test]
fn a_token_that_expired_is_told_so_and_let_in_nowhere() {
    let office = Office::open();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let end = flag_core::Timestamp::from_millis(i64::try_from(now).unwrap() + 3_000).to_string();
    let token = office.token(&["bob", "--expires", &end]);
    office.done(&token, "GET", "/admin/v1/whoami", &Value::Null);
    let begun = std::time::Instant::now();
    while office.ask(&token, "GET", "/admin/v1/whoami", &Value::Null).status == 200 {
        assert!(begun.elapsed() < std::time::Duration::from_secs(10), "it is good for ever");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    for (method, path) in [("GET", "/admin/v1/whoami"), ("POST", "/admin/kill-switches")] {
        let body = json!({ "telemetry_disabled": true });
        assert_eq!(office.refused(&token, method, path, &body), (401, "token_expired".into()), "{path}");
    }
    assert_eq!(office.sandbox.project(&["kills", "--json"]).json(), json!([]));
}

#[test]
fn a_token_reaches_as_far_as_it_and_its_holder_do() {
    let office = Office::open();
    let (lead, engineer) = (office.token(&["bob"]), office.token(&["ci", "--can", "read-config,write-flag"]));
    let reader = office.token(&["carol", "--can", "read-config", "--in", "production"]);
    let rollout = json!({ "share": "50%" });
    for (token, method, path, body, expected) in [
        (&engineer, "POST", "/admin/v1/flags/telemetry_cloud_sync/rollout", &rollout, (403, "not_allowed")),
        (&reader, "POST", "/admin/v1/flags/telemetry_cloud_sync/rollout", &rollout, (403, "token_verb")),
        (&reader, "GET", "/admin/v1/members", &Value::Null, (403, "token_environment")),
        (&engineer, "POST", "/admin/v1/kills", &json!({ "target": "telemetry" }), (403, "token_verb")),
        (&lead, "POST", "/admin/v1/kills", &json!({ "target": "telemetry" }), (403, "not_allowed")),
        (&lead, "PUT", "/admin/v1/members/mallory", &json!({ "role": "engineer" }), (403, "token_verb")),
        (&lead, "GET", "/admin/v1/tokens", &Value::Null, (403, "token_verb")),
        (&lead, "GET", "/admin/v1/flags/nowhere", &Value::Null, (404, "unknown_flag")),
        (&lead, "GET", "/admin/v1/flags?environment=nowhere", &Value::Null, (404, "unknown_environment")),
        (&lead, "GET", "/admin/v1/flags?environment=a%20b", &Value::Null, (400, "bad_query")),
    ] {
        let (status, code) = office.refused(token, method, path, body);
        assert_eq!((status, code.as_str()), expected, "{method} {path}");
    }
    let done = office.done(
        &lead,
        "POST",
        "/admin/v1/flags/telemetry_cloud_sync/rollout",
        &json!({ "share": 40_000, "reason": "on time" }),
    );
    assert_eq!((&done["applied"], &done["edits"][0]["name"]), (&json!(true), &json!("telemetry_cloud_sync")));
    assert!(done["plan"]["flags"].is_array());
    let last = office.done(&lead, "GET", "/admin/v1/log?limit=1", &Value::Null);
    assert_eq!(
        (&last[0]["actor"], &last[0]["role"], &last[0]["reason"]),
        (&json!("bob"), &json!("engineering_lead"), &json!("on time"))
    );
    let used = office.sandbox.project(&["token", "list", "--json"]).json();
    assert!(used.as_array().unwrap().iter().any(|token| token["holder"] == "bob" && token["used_at"].is_string()));
}

#[test]
fn fault_32_of_two_who_changed_the_same_state_one_is_told() {
    let office = Office::open();
    let (bob, carol) = (office.token(&["bob"]), office.token(&["carol"]));
    let seen = office.ask(&bob, "GET", "/admin/v1/flags", &Value::Null).header("etag").unwrap().to_owned();
    let path = "/admin/v1/flags/telemetry_cloud_sync/rollout";
    let first = office.ask_with(&bob, "POST", path, &[("if-match", &seen)], &json!({ "share": "30%" }));
    assert_eq!(first.status, 200, "{}", first.json());
    let second = office.ask_with(&carol, "POST", path, &[("if-match", &seen)], &json!({ "share": "60%" }));
    let error = second.json()["error"].clone();
    assert_eq!((second.status, &error["code"]), (412, &json!("head_moved")), "{error}");
    assert_eq!(
        (&error["details"]["since"][0]["actor"], error["details"]["touching"].as_array().unwrap().len()),
        (&json!("bob"), 1)
    );
    assert!(error["message"].as_str().unwrap().contains("of the same flag \"telemetry_cloud_sync\""), "{error}");
    let current = first.header("etag").unwrap();
    assert_eq!(office.ask_with(&carol, "POST", path, &[("if-match", current)], &json!({ "share": "60%" })).status, 200);
    for bad in ["x", "\"1\"", "\"1-zz\"", "W/\"1-00\""] {
        assert_eq!(
            office.ask_with(&carol, "POST", path, &[("if-match", bad)], &json!({ "share": "61%" })).status,
            400,
            "{bad}"
        );
    }
}

#[test]
fn hostile_bodies_are_refused_with_the_right_status() {
    let office = Office::open();
    let token = office.token(&["carol"]);
    let bearer = format!("Bearer {token}");
    let post = |media: &str, body: &[u8]| {
        office.serving.ask(
            "POST",
            "/admin/v1/definitions",
            &[("authorization", &bearer), ("content-type", media)],
            body,
        )
    };
    let deep = format!("{{\"toml\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let long = format!("{{\"toml\":\"{}\"}}", "x".repeat(1024 * 1024));
    for (media, body, status, code) in [
        ("application/json", "{\"toml\":".as_bytes(), 400, "bad_body"),
        ("application/json", b"{\"toml\":\"\",\"toml\":\"\"}", 400, "bad_body"),
        ("application/json", b"{\"toml\":\"\",\"extra\":1}", 400, "bad_body"),
        ("application/json", b"{\"toml\":\"\\ud800\"}", 400, "bad_body"),
        ("application/json", b"{\"toml\":\"\xff\"}", 400, "bad_body"),
        ("application/json", b"\xef\xbb\xbf{\"toml\":\"\"}", 400, "bad_body"),
        ("application/json", b"[]", 400, "bad_body"),
        ("application/json", deep.as_bytes(), 400, "bad_body"),
        ("application/json", long.as_bytes(), 413, "body_too_long"),
        ("application/json; charset=utf-16", b"{}", 415, "bad_media_type"),
        ("text/plain", b"{}", 415, "bad_media_type"),
        ("application/json", b"{\"toml\":\"[flags\"}", 422, "bad_definitions"),
        ("application/json; charset=UTF-8", b"{\"toml\":\"[flags.X]\"}", 422, "refused_definition"),
    ] {
        let answer = post(media, body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str().unwrap()),
            (status, code),
            "{media} {shown}"
        );
    }
    // What no use case makes is not taken from others either.
    for change in [
        json!({ "type": "state_sealed", "digest": "0".repeat(64) }),
        json!({ "type": "change_approved", "request": 1 }),
        json!({ "type": "published", "version": 9, "epoch": 1, "digest": "0".repeat(64), "expires_at": "2030-01-01T00:00:00Z" }),
    ] {
        let (status, code) = office.refused(&token, "POST", "/admin/v1/changes", &json!({ "changes": [change] }));
        assert_eq!((status, code.as_str()), (422, "not_submittable"));
    }
    let removals: Vec<Value> =
        ["carol", "alice"].iter().map(|who| json!({ "type": "member_removed", "member": who })).collect();
    let lonely = office.refused(&token, "POST", "/admin/v1/changes", &json!({ "changes": removals }));
    assert_eq!(lonely, (409, "last_release_manager".to_owned()));
    assert_eq!(office.serving.get("/healthz", &[]).status, 200);
}

#[test]
fn everything_that_a_command_does_can_be_asked_for() {
    let office = Office::open();
    let (carol, bob) = (office.token(&["carol"]), office.token(&["bob"]));
    let export = office.done(&bob, "GET", "/admin/v1/definitions", &Value::Null);
    let shown = office.sandbox.project(&["export", "--json"]).json();
    assert_eq!(export, shown);
    let toml = "[flags.search_v2]\nrollout = \"5%\"\n";
    let planned = office.done(&bob, "POST", "/admin/v1/definitions", &json!({ "toml": toml, "dry_run": true }));
    assert_eq!((&planned["applied"], &planned["dry_run"]), (&json!(false), &json!(true)));
    assert_eq!(office.ask(&bob, "GET", "/admin/v1/flags/search_v2", &Value::Null).status, 404);
    office.done(&bob, "POST", "/admin/v1/definitions", &json!({ "toml": toml }));
    office.done(&bob, "PUT", "/admin/v1/flags/search_v2/enabled", &json!({ "enabled": false }));
    office.done(&bob, "POST", "/admin/v1/undo", &Value::Null);
    office.done(&bob, "POST", "/admin/v1/flags/search_v2/rename", &json!({ "to": "search_v3" }));
    let change = json!({ "type": "rollout_set", "flag": "search_v3", "share": 10_000 });
    let draft = office.done(&bob, "POST", "/admin/v1/draft", &json!({ "changes": [change] }));
    assert_eq!(draft["proposal"]["edits"][0]["name"], "search_v3");
    office.done(&bob, "POST", "/admin/v1/draft/apply", &json!({ "reason": "drafted" }));
    assert_eq!(office.refused(&bob, "GET", "/admin/v1/draft", &Value::Null), (404, "no_draft".to_owned()));
    // Two people agree.
    office.done(&carol, "PUT", "/admin/v1/approvals", &json!({ "approvals": 1 }));
    let asked = office.done(&bob, "POST", "/admin/v1/flags/search_v3/rollout", &json!({ "share": "20%" }));
    let request = asked["request"].as_u64().unwrap();
    assert_eq!(asked["applied"], false);
    let approve = format!("/admin/v1/requests/{request}/approve");
    assert_eq!(office.refused(&bob, "POST", &approve, &Value::Null), (403, "own_request".to_owned()));
    let reject = format!("/admin/v1/requests/{request}/reject");
    let dry = office.done(&carol, "POST", &reject, &json!({ "dry_run": true }));
    assert_eq!((&dry["dry_run"], &dry["by"]), (&json!(true), &json!("bob")));
    assert_eq!(office.done(&carol, "POST", &approve, &json!({ "reason": "agreed" }))["approved"], true);
    let shown = office.done(&bob, "GET", "/admin/v1/flags/search_v3", &Value::Null);
    assert_eq!(shown["share"], 20_000);
    let published = office.done(&carol, "POST", "/admin/v1/publish", &Value::Null);
    assert_eq!(published["version"], 2);
    assert_eq!(office.serving.get("/readyz", &[]).json()["snapshot"], 2);
    for path in ["segments", "groups", "environments", "members", "requests", "log", "kills"] {
        assert!(office.ask(&bob, "GET", &format!("/admin/v1/{path}"), &Value::Null).status == 200, "{path}");
    }
    let report = office.done(&bob, "GET", "/admin/v1/audit", &Value::Null);
    assert!(report["entries"].as_u64().unwrap() > 20, "{report}");
    assert_eq!(office.sandbox.project(&["audit", "verify", "--json"]).json()["entries"], report["entries"]);
}

#[test]
fn a_revoked_token_is_refused_at_the_next_call() {
    let office = Office::open();
    let (carol, bob) = (office.token(&["carol"]), office.token(&["bob"]));
    let issued = office.done(&carol, "POST", "/admin/v1/tokens", &json!({ "holder": "ci", "verbs": ["read-config"] }));
    let secret = issued["secret"].as_str().unwrap();
    assert_eq!(office.done(secret, "GET", "/admin/v1/whoami", &Value::Null)["caller"]["verbs"], json!(["read-config"]));
    office.done(&carol, "DELETE", &format!("/admin/v1/tokens/{}", issued["token"].as_str().unwrap()), &Value::Null);
    assert_eq!(office.ask(secret, "GET", "/admin/v1/whoami", &Value::Null).status, 401);
    // By a command, past the server.
    office.sandbox.project(&["token", "revoke", &bob, "--yes"]).text();
    assert_eq!(office.ask(&bob, "GET", "/admin/v1/whoami", &Value::Null).status, 401);
    office.sandbox.project(&["member", "remove", "carol", "--yes"]).text();
    assert_eq!(office.refused(&carol, "GET", "/admin/v1/whoami", &Value::Null), (403, "token_role".to_owned()));
}

#[test]
fn a_path_that_cannot_be_read_leads_nowhere_and_says_so_in_json() {
    let office = Office::open();
    let carol = office.token(&["carol"]);
    for (method, path) in [
        ("GET", "/admin/v1/flags/%ff"),
        ("POST", "/admin/v1/requests/first/approve"),
        ("POST", "/admin/v1/flags/command_history/rollout/fly"),
        ("DELETE", "/admin/v1/segments/%c3%28"),
        ("GET", "/v1/root/%ff.json"),
    ] {
        let answer = office.ask(&carol, method, path, &Value::Null);
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/json")), "{path}");
        let error = &answer.json()["error"];
        assert_eq!(error["code"], "no_such_path", "{path}");
        assert!(error["message"].as_str().unwrap().starts_with("there is nothing at this path: "), "{path}: {error}");
    }
}

#[test]
fn several_kill_switches_are_flipped_from_one_head_or_none_is() {
    let office = Office::open();
    let carol = office.token(&["carol"]);
    let tag = |answer: &serving::Answer| answer.header("etag").unwrap().to_owned();
    let stale = tag(&office.ask(&carol, "GET", "/admin/v1/flags", &Value::Null));
    office.done(&carol, "POST", "/admin/v1/flags/command_history/rollout", &json!({ "share": "3%" }));
    let current = tag(&office.ask(&carol, "GET", "/admin/v1/flags", &Value::Null));
    let both = json!({ "telemetry_disabled": true, "mlx_backend": true });
    let flip =
        |head: &str, body: &Value| office.ask_with(&carol, "POST", "/admin/kill-switches", &[("if-match", head)], body);
    assert_eq!(flip(&stale, &both).status, 412);
    let unknown = flip(&current, &json!({ "telemetry_disabled": true, "zebra": true }));
    assert_eq!(unknown.status, 404);
    assert_eq!(
        unknown.json()["error"]["hint"],
        "a capability that is no flag of this environment is killed by POST /admin/v1/kills with \
         {\"target\": NAME, \"unlisted\": true}"
    );
    assert_eq!(office.done(&carol, "GET", "/admin/v1/kills", &Value::Null)["killed"], json!([]));
    let flipped = flip(&current, &both);
    assert_eq!((flipped.status, &flipped.json()["killed"]), (200, &json!(["mlx_backend", "telemetry"])));
}
