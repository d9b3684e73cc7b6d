//! Remote evaluation as OpenFeature's clients ask for it, and reports as ours send them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![cfg(unix)]

#[path = "support/serving.rs"]
mod serving;
mod support;

use std::time::Duration;

use serde_json::{Value, json};
use serving::{Answer, Serving, raw};
use support::Sandbox;

const FLAGS: &str = r#"
[flags.plain]
serve = "on"

[flags.half]
rollout = "50%"

[flags.team]
serve = "off"
[[flags.team.rules]]
id = "team"
when = { attribute = "plan", operator = "equals", values = ["team"] }
serve = "on"

[flags.ratio]
variants = { low = 3.0, high = 7.5 }
off_variant = "low"
serve = "low"

[flags.count]
variants = { few = 3, many = 7 }
off_variant = "few"
serve = "many"

[flags.shape]
variants = { square = { sides = 4 }, none = { sides = 0 } }
off_variant = "none"
serve = "square"

[flags.switched]
enabled = false
serve = "on"
"#;

/// A project of those flags, published to its own store, and its server.
fn serving() -> (Sandbox, Serving) {
    let sandbox = Sandbox::with_project();
    sandbox.write("flags.toml", FLAGS);
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    sandbox.project(&["publish", "--to", "store://"]).text();
    let serving = Serving::start(&sandbox, &["-C", "flags", "serve"]);
    (sandbox, serving)
}

fn single(serving: &Serving, key: &str, context: &Value) -> Answer {
    let body = json!({ "context": context }).to_string();
    serving.post(&format!("/ofrep/v1/evaluate/flags/{key}"), &[], &body)
}

#[test]
fn one_flag_is_answered_with_all_that_clients_insist_on() {
    let (_sandbox, serving) = serving();
    for (key, context, reason, variant, value) in [
        ("plain", json!({}), "STATIC", "on", "true"),
        ("team", json!({ "targetingKey": "u", "plan": "team" }), "TARGETING_MATCH", "on", "true"),
        ("team", json!({ "targetingKey": "u" }), "DEFAULT", "off", "false"),
        ("half", json!({}), "DEFAULT", "off", "false"),
        ("ratio", json!({}), "STATIC", "low", "3.0"),
        ("count", json!({}), "STATIC", "many", "7"),
        ("shape", json!({}), "STATIC", "square", "{\"sides\":4}"),
        ("switched", json!({}), "DISABLED", "off", "false"),
    ] {
        let answer = single(&serving, key, &context);
        let text = String::from_utf8(answer.body.clone()).unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{text}");
        let start = format!("{{\"key\":\"{key}\",\"reason\":\"{reason}\",\"variant\":\"{variant}\",\"value\":{value},");
        assert!(text.starts_with(&start), "{text}\n{start}");
    }
    let split = single(&serving, "half", &json!({ "targetingKey": "u1" })).json();
    assert_eq!(split["reason"], "SPLIT");
}

#[test]
fn the_server_decides_as_the_command_does() {
    let (sandbox, serving) = serving();
    for unit in ["u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8"] {
        let why = sandbox.project(&["why", "half", "--unit", unit, "--json"]).json();
        assert_eq!(single(&serving, "half", &json!({ "targetingKey": unit })).json()["variant"], why["variant"]);
    }
}

#[test]
fn failures_name_their_flag_and_what_is_wrong() {
    let (_sandbox, serving) = serving();
    let absent = single(&serving, "nothing", &json!({}));
    assert_eq!(absent.status, 404);
    assert_eq!(
        absent.json(),
        json!({ "key": "nothing", "errorCode": "FLAG_NOT_FOUND", "errorDetails": "flag \"nothing\" does not exist" })
    );
    let deep = format!("{{\"context\":{{\"a\":{}{}}}}}", "[".repeat(40), "]".repeat(40));
    for (body, status, code) in [
        ("nonsense", 400, "PARSE_ERROR"),
        ("{\"context\":{\"a\":1,\"a\":2}}", 400, "PARSE_ERROR"),
        ("{\"context\":{\"a\":\"\\udead\"}}", 400, "PARSE_ERROR"),
        (&deep, 400, "PARSE_ERROR"),
        ("{\"context\":[]}", 400, "INVALID_CONTEXT"),
    ] {
        for (path, key) in
            [("/ofrep/v1/evaluate/flags/plain", json!("plain")), ("/ofrep/v1/evaluate/flags", Value::Null)]
        {
            let answer = serving.post(path, &[], body);
            let said = answer.json();
            assert_eq!((answer.status, &said["errorCode"], &said["key"]), (status, &json!(code), &key), "{body}");
            assert!(said["errorDetails"].as_str().is_some_and(|details| !details.is_empty()));
        }
    }
    let huge = format!("{{\"context\":{{\"a\":\"{}\"}}}}", "x".repeat(1_100_000));
    assert_eq!(serving.post("/ofrep/v1/evaluate/flags/plain", &[], &huge).status, 413);
    for (media, status) in
        [("application/json; charset=utf-8", 200), ("application/json; charset=utf-16", 415), ("text/plain", 415)]
    {
        let answer = serving.ask("POST", "/ofrep/v1/evaluate/flags/plain", &[("content-type", media)], b"{}");
        assert_eq!(answer.status, status, "{media}");
    }
    assert_eq!(serving.ask("GET", "/ofrep/v1/evaluate/flags/plain", &[], b"").status, 405);
    let odd = serving.post("/ofrep/v1/evaluate/flags/a%22%7Bb", &[], "{}");
    assert_eq!((odd.status, &odd.json()["key"]), (404, &json!("a\"{b")));
}

#[test]
fn a_key_that_is_no_text_is_no_flag() {
    let (_sandbox, serving) = serving();
    for key in ["no%ffe", "%ff", "%"] {
        let answer = serving.post(&format!("/ofrep/v1/evaluate/flags/{key}"), &[], "{}");
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/json")), "{key}");
        let details = format!("flag {key:?} does not exist");
        assert_eq!(answer.json(), json!({ "key": key, "errorCode": "FLAG_NOT_FOUND", "errorDetails": details }));
    }
}

#[test]
fn a_bulk_answer_is_tagged_by_what_it_says() {
    let (sandbox, serving) = serving();
    let bulk = |context: &Value, known: Option<&str>| {
        let headers: Vec<(&str, &str)> = known.iter().map(|known| ("if-none-match", *known)).collect();
        let path = "/ofrep/v1/evaluate/flags?flagConfigEtag=x&flagConfigLastModified=1";
        serving.post(path, &headers, &json!({ "context": context }).to_string())
    };
    let free = bulk(&json!({ "targetingKey": "u1" }), None);
    assert_eq!(free.status, 200);
    let keys: Vec<Value> = free.json()["flags"].as_array().unwrap().iter().map(|flag| flag["key"].clone()).collect();
    assert_eq!(keys.len(), 7, "{keys:?}");
    let tag = free.header("etag").unwrap().to_owned();
    let again = bulk(&json!({ "targetingKey": "u1" }), Some(&tag));
    assert_eq!((again.status, again.body.len()), (304, 0));
    let team = bulk(&json!({ "targetingKey": "u1", "plan": "team" }), Some(&tag));
    assert_eq!(team.status, 200, "another context must not be told that nothing changed");
    sandbox.project(&["flag", "disable", "plain", "--yes"]).text();
    sandbox.project(&["publish", "--to", "store://"]).text();
    serving.until("/readyz", |ready| ready.json()["snapshot"] == 2);
    assert_eq!(bulk(&json!({ "targetingKey": "u1" }), Some(&tag)).status, 200, "the flags changed");
}

#[test]
fn a_kill_is_obeyed_at_once() {
    let (sandbox, serving) = serving();
    assert_eq!(single(&serving, "plain", &json!({})).json()["value"], true);
    let mut stream = serving.stream("/v1/events", &[]);
    stream.until("\n\n");
    sandbox.project(&["kill", "plain", "--reason", "incident"]);
    stream.until("event: kills");
    let killed = single(&serving, "plain", &json!({})).json();
    assert_eq!(
        (&killed["value"], &killed["reason"], &killed["metadata"]["detail"]),
        (&json!(false), &json!("DISABLED"), &json!("KILLED"))
    );
}

#[test]
fn before_anything_is_published_clients_are_told_to_wait() {
    let sandbox = Sandbox::with_project();
    let serving = Serving::start(&sandbox, &["-C", "flags", "serve"]);
    for path in ["/ofrep/v1/evaluate/flags/x", "/ofrep/v1/evaluate/flags"] {
        let answer = serving.post(path, &[], "{}");
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
        assert_eq!(answer.json()["errorCode"], "PROVIDER_NOT_READY");
    }
}

fn today() -> String {
    let now = std::process::Command::new("date").args(["-u", "+%Y-%m-%d"]).output().unwrap();
    String::from_utf8(now.stdout).unwrap().trim().to_owned()
}

fn report(flag: &str, variant: &str, day: &str, nonce: u32) -> String {
    format!(
        "{{\"v\":1,\"flag\":\"{flag}\",\"variant\":\"{variant}\",\"stage\":50000,\"day\":\"{day}\",\"first_in_stage\":1,\
         \"had_error\":0,\"crashed\":0,\"err_frac\":0,\"slow_frac\":null,\"lat\":[[318,3]],\"fb_pos\":0,\"fb_neg\":0,\
         \"metrics\":{{}},\"nonce\":\"{nonce:032x}\"}}"
    )
}

#[test]
fn a_report_counts_once_and_only_for_what_is_published() {
    let (sandbox, serving) = serving();
    let day = today();
    for (body, status) in [
        (report("half", "on", &day, 1), 204),
        (report("half", "on", &day, 1), 204),
        (report("half", "off", &day, 2), 204),
        (report("nothing", "on", &day, 3), 422),
        (report("half", "maybe", &day, 4), 422),
        (report("half", "on", "2020-01-01", 5), 422),
        ("{}".to_owned(), 422),
        (format!("{}{}", report("half", "on", &day, 6), " ".repeat(9_000)), 413),
    ] {
        let answer = serving.post("/v1/reports", &[], &body);
        assert_eq!(answer.status, status, "{body} {}", String::from_utf8_lossy(&answer.body));
    }
    let metrics = String::from_utf8(serving.get("/metrics", &[]).body).unwrap();
    for line in ["counted\"} 2", "resent\"} 1", "invalid\"} 5"] {
        assert!(metrics.contains(&format!("flag_reports_total{{result=\"{line}\n")), "{line}: {metrics}");
    }
    let log = rusqlite::Connection::open(sandbox.path("flags/log.sqlite")).unwrap();
    let sums: Vec<String> = log
        .prepare("SELECT sums FROM cells ORDER BY part")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let sums: Vec<Value> = sums.iter().map(|sums| serde_json::from_str(sums).unwrap()).collect();
    assert_eq!(sums.iter().map(|sums| &sums["n"]).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn an_address_that_sends_too_many_reports_waits() {
    let (_sandbox, serving) = serving();
    let mut connection = serving.connect();
    let limited = (0..2_000).find_map(|_| {
        let answer = raw(&mut connection, "POST", "/v1/reports", &[("content-type", "application/json")], b"{}");
        (answer.status == 429).then_some(answer)
    });
    let seconds: u32 = limited.expect("never limited").header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds));
}

#[test]
fn a_client_that_sends_its_body_byte_by_byte_holds_up_nobody() {
    use std::io::Write as _;
    let (_sandbox, serving) = serving();
    let slow: Vec<_> = (0..50)
        .map(|_| {
            let mut connection = serving.connect();
            let head = "POST /ofrep/v1/evaluate/flags HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\n\r\n{";
            connection.write_all(head.as_bytes()).unwrap();
            connection
        })
        .collect();
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(single(&serving, "plain", &json!({})).status, 200);
    drop(slow);
}

#[test]
fn an_address_that_asks_for_too_many_evaluations_waits_a_whole_number_of_seconds() {
    let sandbox = Sandbox::with_project();
    sandbox.write("flags.toml", FLAGS);
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    sandbox.project(&["publish", "--to", "store://"]).text();
    let serving = Serving::start(&sandbox, &["-C", "flags", "serve", "--evaluations-per-second", "2"]);
    let mut limited = None;
    for path in ["/ofrep/v1/evaluate/flags/plain", "/ofrep/v1/evaluate/flags"].iter().cycle().take(60) {
        let answer = serving.post(path, &[], "{}");
        // Never 401 or 403, which some clients take for the end.
        assert!(matches!(answer.status, 200 | 429), "{}", answer.status);
        if answer.status == 429 {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.expect("never limited");
    let seconds: u32 = limited.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&seconds), "{seconds}");
    let said = limited.json();
    assert_eq!(
        (&said["errorCode"], &said["errorDetails"]),
        (&json!("GENERAL"), &json!("too many evaluations from this address"))
    );
    // Documents are not evaluations, and reports have a limit of their own.
    assert_eq!(serving.get("/v1/snapshot.json", &[]).status, 200);
    std::thread::sleep(Duration::from_secs(u64::from(seconds)) + Duration::from_millis(100));
    assert_eq!(single(&serving, "plain", &json!({})).status, 200);
}

fn cells(sandbox: &Sandbox) -> Vec<(String, String)> {
    let log = rusqlite::Connection::open(sandbox.path("flags/log.sqlite")).unwrap();
    let mut rows = log.prepare("SELECT part, sums FROM cells ORDER BY part").unwrap();
    rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
}

#[test]
fn one_report_moves_one_cell_and_steps_that_are_made_up_run_out() {
    let (sandbox, serving) = serving();
    let day = today();
    let at_step = |step: u32, nonce: u32| {
        report("half", "on", &day, nonce).replace("\"stage\":50000", &format!("\"stage\":{step}"))
    };
    for nonce in 0..40 {
        let before = cells(&sandbox);
        // Every other one is sent again, as by a client that heard no answer.
        assert_eq!(serving.post("/v1/reports", &[], &at_step(nonce % 7, nonce / 2)).status, 204);
        let after = cells(&sandbox);
        let moved = after.iter().filter(|cell| !before.contains(cell)).count();
        assert!(moved <= 1 && after.len() - before.len() <= moved, "{moved} moved by one");
        assert!(nonce % 2 == 0 || moved == 0, "what is sent again moves nothing");
    }
    let refused: Vec<Answer> = (100..200)
        .map(|number| serving.post("/v1/reports", &[], &at_step(number, 1_000 + number)))
        .filter(|answer| answer.status != 204)
        .collect();
    assert!(!refused.is_empty(), "steps never run out");
    assert_eq!(refused[0].status, 422);
    assert_eq!(
        refused[0].json()["error"]["message"],
        format!("reports of flag \"half\" name more than 64 steps of {day} that are not published")
    );
    assert!(cells(&sandbox).len() <= 64, "{}", cells(&sandbox).len());
    // The step that is published has room whatever strangers made up, also after a restart.
    drop(serving);
    let serving = Serving::start(&sandbox, &["-C", "flags", "serve"]);
    assert_eq!(serving.post("/v1/reports", &[], &at_step(99_999, 2_000)).status, 422);
    assert_eq!(serving.post("/v1/reports", &[], &at_step(50_000, 2_001)).status, 204);
}

/// Numbers of few machines are nobody's business, also beside a rollout that is decided by them.
#[test]
fn what_few_machines_reported_is_not_shown_beside_a_rollout() {
    const FEW: u32 = 19;
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["rollout", "set", "command_history", "0%", "--yes"]).text();
    sandbox.project(&["rollout", "start", "command_history", "--yes"]).text();
    sandbox.project(&["publish", "--to", "public"]).text();
    let token = sandbox.project(&["token", "new", "ci", "--role", "release_manager", "--yes", "--json"]).json();
    let bearer = format!("Bearer {}", token["secret"].as_str().unwrap());
    let serving = Serving::start(&sandbox, &["-C", "flags", "serve", "--public", "public"]);
    let day = today();
    let send = |nonce: u32| {
        let report = report("command_history", "on", &day, nonce).replace("\"stage\":50000", "\"stage\":1000");
        assert_eq!(serving.post("/v1/reports", &[], &report).status, 204);
    };
    let shown = |path: &str| {
        let answer = serving.get(path, &[("authorization", &*bearer)]);
        assert_eq!(answer.status, 200, "{}", answer.json());
        let answer = answer.json();
        let status = answer.as_array().map_or(&answer, |all| &all[0]).clone();
        let read = status["readings"].as_array().unwrap().iter().filter(|reading| reading["n"] != 0).count();
        let n = &status["evidence"]["arms"]["treatment"]["n"];
        (n.as_u64().unwrap_or(0), status["evidence"]["busiest_day"].as_u64().unwrap_or(0), read > 0)
    };
    let paths = ["/admin/v1/rollouts", "/admin/v1/flags/command_history/rollout"];
    (0..FEW).for_each(send);
    for path in paths {
        assert_eq!(shown(path), (0, 0, false), "{path}");
    }
    send(FEW);
    for path in paths {
        assert_eq!(shown(path), (20, 20, true), "{path}");
    }
}

/// Who has no id is in no split, here as in the SDK: that is a decision and no error, so that programs in all languages get the same value.
#[test]
fn a_context_without_a_targeting_key_is_decided_and_told_so() {
    let (_sandbox, serving) = serving();
    let answer = single(&serving, "half", &json!({}));
    let body = answer.json();
    assert_eq!((answer.status, &body["value"], &body["variant"]), (200, &json!(false), &json!("off")), "{body}");
    assert_eq!((&body["reason"], &body["metadata"]["detail"]), (&json!("DEFAULT"), &json!("TARGETING_KEY_MISSING")));
}

#[test]
fn a_server_that_evaluates_for_tokens_answers_nobody_else() {
    let sandbox = Sandbox::with_project();
    sandbox.write("flags.toml", FLAGS);
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    sandbox.project(&["publish", "--to", "store://"]).text();
    let token = |can: &str| {
        let new = ["token", "new", "ci", "--role", "release_manager", "--can", can, "--yes", "--json"];
        sandbox.project(&new).json()
    };
    let (good, other) = (token("read-eval"), token("read-config"));
    let secret = |token: &Value| token["secret"].as_str().unwrap().to_owned();
    let bearer = format!("Bearer {}", secret(&good));
    let serving = Serving::start(&sandbox, &["-C", "flags", "serve", "--evaluate-for-tokens"]);
    for path in ["/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/plain"] {
        let status = |headers: &[(&str, &str)]| serving.post(path, headers, "{}").status;
        assert_eq!(status(&[]), 401, "{path}");
        assert_eq!(status(&[("x-api-key", "guess")]), 401, "{path}");
        assert_eq!(status(&[("authorization", "Bearer guess"), ("x-api-key", &secret(&good))]), 401, "{path}");
        assert_eq!(status(&[("x-api-key", &secret(&other))]), 403, "{path}");
        assert_eq!(status(&[("x-api-key", &secret(&good))]), 200, "{path}");
        assert_eq!(status(&[("authorization", &bearer)]), 200, "{path}");
    }
    // Documents are for every client.
    assert_eq!(serving.get("/v1/snapshot.json", &[]).status, 200);
    sandbox.project(&["token", "revoke", good["token"].as_str().unwrap(), "--yes"]).text();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(serving.post("/ofrep/v1/evaluate/flags/plain", &[("authorization", &bearer)], "{}").status, 401);
}
