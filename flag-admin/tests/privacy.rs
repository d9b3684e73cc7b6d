//! No identifier of a user is in what a server writes, counts, tells or keeps, whatever it was asked for that user.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![cfg(unix)]

#[path = "support/serving.rs"]
mod serving;
mod support;

use std::fs;
use std::path::Path;

use serde_json::json;
use serving::Serving;
use support::Sandbox;

const USER: &str = "user-7f3a";
const MAIL: &str = "grace.hopper@navy.example";
const ADDRESS: &str = "203.0.113.77";

const FLAGS: &str = r#"
[flags.half]
rollout = "50%"

[flags.team]
serve = "off"
[[flags.team.rules]]
id = "team"
when = { attribute = "mail", operator = "ends_with", values = ["navy.example"] }
serve = "on"
"#;

/// Everything under a folder, a file each.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn no_identifier_is_in_a_log_a_metric_an_event_a_report_or_a_file() {
    let sandbox = Sandbox::with_project();
    sandbox.write("flags.toml", FLAGS);
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    sandbox.project(&["publish", "--to", "store://"]).text();
    let mut serving = Serving::start(&sandbox, &["-C", "flags", "serve"]);

    let context = json!({ "context": { "targetingKey": USER, "mail": MAIL, "address": ADDRESS } }).to_string();
    let forwarded = [("x-forwarded-for", ADDRESS), ("x-user", USER)];
    assert_eq!(serving.post("/ofrep/v1/evaluate/flags/team", &forwarded, &context).json()["variant"], "on");
    assert_eq!(serving.post("/ofrep/v1/evaluate/flags", &forwarded, &context).status, 200);
    // What is refused is not repeated either: a key, a path, a query and bodies that are wrong.
    assert_eq!(serving.post(&format!("/ofrep/v1/evaluate/flags/{USER}"), &[], &context).status, 404);
    assert_eq!(serving.get(&format!("/nowhere/{USER}?mail={MAIL}"), &forwarded).status, 404);
    assert_eq!(serving.post("/ofrep/v1/evaluate/flags/team", &[], &format!("{{\"context\": \"{MAIL}\"}}")).status, 400);
    let report = json!({ "unit": USER, "mail": MAIL }).to_string();
    assert!((400..500).contains(&serving.post("/v1/reports", &forwarded, &report).status));

    let metrics = serving.get("/metrics", &[]);
    assert!(String::from_utf8_lossy(&metrics.body).contains("ofrep"), "nothing was counted");
    serving.terminate();
    assert_eq!(serving.wait(), Some(0));
    let log = format!("{:?}", serving.lines());
    let mut said = vec![("the log".to_owned(), log.into_bytes()), ("the metrics".to_owned(), metrics.body)];
    files(&sandbox.path("flags"), &mut said);
    assert!(!serving.lines().is_empty() && said.len() > 4, "{} places", said.len());
    let tells = |word: &str| said.iter().filter(|(_, text)| String::from_utf8_lossy(text).contains(word)).count();
    assert!(tells("navy.example") > 0, "the rule's value is in no file: this looks in the wrong places");
    for (place, text) in &said {
        let text = String::from_utf8_lossy(text);
        for id in [USER, MAIL, ADDRESS] {
            assert!(!text.contains(id), "{place} tells {id}");
        }
    }
}
