//! What is changed over the admin API besides kills and rollouts: flags, segments, groups, environments, signals.
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

#[test]
fn flags_are_made_edited_and_copied() {
    let office = Office::open();
    let bob = office.token(&["bob"]);
    let shown = office.done(&bob, "GET", "/admin/v1/flags/command_history", &Value::Null);
    let mut definition = shown["definition"].clone();
    definition["flag"]["stage"] = json!("development");
    let made = json!({ "key": "search_history", "definition": definition, "reason": "a sibling" });
    let planned = office.done(
        &bob,
        "POST",
        "/admin/v1/flags",
        &json!({ "key": "search_history", "definition": definition, "dry_run": true }),
    );
    assert_eq!((&planned["applied"], &planned["edits"][0]["kind"]), (&json!(false), &json!("added")));
    assert_eq!(office.done(&bob, "POST", "/admin/v1/flags", &made)["applied"], true);
    assert_eq!(office.refused(&bob, "POST", "/admin/v1/flags", &made), (409, "flag_exists".to_owned()));

    let patch = json!({ "definition": { "documentation": { "owner": "@search", "tracking": null } } });
    assert_eq!(office.done(&bob, "PATCH", "/admin/v1/flags/search_history", &patch)["edits"][0]["kind"], "changed");
    let edited = office.done(&bob, "GET", "/admin/v1/flags/search_history", &Value::Null)["definition"].clone();
    assert_eq!(edited["documentation"]["owner"], "@search");
    assert_eq!(edited["documentation"].get("tracking"), None);
    assert_eq!(edited["flag"]["variants"], definition["flag"]["variants"], "what is not named stays");
    for (patch, code) in [
        (json!({ "definition": { "flag": { "kind": "surprise" } } }), "bad_definitions"),
        (json!({ "definition": { "flag": { "off_variant": "nowhere" } } }), "broken_flag"),
    ] {
        assert_eq!(office.refused(&bob, "PATCH", "/admin/v1/flags/search_history", &patch), (422, code.to_owned()));
    }

    let cloned = json!({ "to": "search_memory", "same_cohort": true });
    office.done(&bob, "POST", "/admin/v1/flags/search_history/clone", &cloned);
    assert_eq!(office.done(&bob, "GET", "/admin/v1/flags/search_memory", &Value::Null)["stage"], "development");
}

#[test]
fn what_flags_share_is_set_and_removed() {
    let office = Office::open();
    let bob = office.token(&["bob"]);
    let condition = json!({ "attribute": "team", "operator": "eq", "values": ["core"] });
    let known = office.done(&bob, "GET", "/admin/v1/segments", &Value::Null);
    let condition = known[0].get("condition").cloned().unwrap_or(condition);
    let set = office.done(&bob, "PUT", "/admin/v1/segments/insiders", &json!({ "condition": condition }));
    assert_eq!((&set["edits"][0]["subject"], &set["edits"][0]["name"]), (&json!("segment"), &json!("insiders")));
    assert_eq!(office.done(&bob, "GET", "/admin/v1/segments/insiders", &Value::Null)["condition"], condition);
    office.done(&bob, "DELETE", "/admin/v1/segments/insiders", &Value::Null);
    assert_eq!(
        office.refused(&bob, "GET", "/admin/v1/segments/insiders", &Value::Null),
        (404, "unknown_segment".to_owned())
    );

    office.done(&bob, "PUT", "/admin/v1/groups/apart", &json!({ "holdout": "5%" }));
    office.done(&bob, "PUT", "/admin/v1/groups/apart/flags/command_history", &json!({ "share": "40%" }));
    let group = office.done(&bob, "GET", "/admin/v1/groups/apart", &Value::Null);
    assert_eq!((&group["holdout"], &group["flags"][0]["flag"]), (&json!(5_000), &json!("command_history")), "{group}");
    assert_eq!(office.refused(&bob, "DELETE", "/admin/v1/groups/apart", &Value::Null), (409, "group_used".to_owned()));
    office.done(&bob, "DELETE", "/admin/v1/groups/apart/flags/command_history", &Value::Null);
    office.done(&bob, "DELETE", "/admin/v1/groups/apart", &Value::Null);
    assert_eq!(office.refused(&bob, "GET", "/admin/v1/groups/apart", &Value::Null), (404, "unknown_group".to_owned()));
}

#[test]
fn environments_are_made_and_filled() {
    let office = Office::open();
    let (carol, bob) = (office.token(&["carol"]), office.token(&["bob"]));
    let staging = json!({ "name": "staging", "from": "production" });
    assert_eq!(office.refused(&bob, "POST", "/admin/v1/environments", &staging), (403, "token_verb".to_owned()));
    office.done(&carol, "POST", "/admin/v1/environments", &staging);
    let flags = office.done(&carol, "GET", "/admin/v1/flags?environment=staging", &Value::Null);
    assert!(flags.as_array().unwrap().len() > 5, "{flags}");
    office.done(&carol, "POST", "/admin/v1/environments", &json!({ "name": "canary" }));
    let copied = json!({ "from": "staging", "flags": ["telemetry"] });
    let copied = office.done(&carol, "POST", "/admin/v1/copy?environment=canary", &copied);
    assert_eq!(copied["edits"][0]["name"], "telemetry");
    // A token for one environment does not carry another's flags over.
    let narrow = office.token(&["bob", "--in", "canary"]);
    let refused = office.refused(&narrow, "POST", "/admin/v1/copy?environment=canary", &json!({ "from": "staging" }));
    assert_eq!(refused, (403, "token_environment".to_owned()));
}

#[test]
fn nothing_comes_along_with_a_new_environment_that_nobody_could_have_made() {
    let office = Office::open();
    let carol = office.token(&["carol"]);
    let made = json!({ "type": "environment_created", "environment": "staging" });
    for stowaway in [
        json!({ "type": "published", "version": 9, "epoch": 1, "digest": "0".repeat(64), "expires_at": "2030-01-01T00:00:00Z" }),
        json!({ "type": "root_published", "version": 9, "epoch": 9, "digest": "0".repeat(64), "expires_at": "2030-01-01T00:00:00Z" }),
        json!({ "type": "environment_created", "environment": "canary" }),
    ] {
        let changes = json!({ "changes": [made, stowaway] });
        let refused = office.refused(&carol, "POST", "/admin/v1/changes", &changes);
        assert_eq!(refused, (422, "not_submittable".to_owned()), "{stowaway}");
    }
}

#[test]
fn signals_are_raised_and_cleared() {
    let office = Office::open();
    let bob = office.token(&["bob"]);
    let signal = json!({ "flag": "command_history", "severity": "p0", "reason": "history lost on upgrade" });
    office.done(&bob, "POST", "/admin/v1/signals", &signal);
    let standing = office.done(&bob, "GET", "/admin/v1/signals", &Value::Null);
    assert_eq!((&standing[0]["flag"], &standing[0]["by"]), (&json!("command_history"), &json!("bob")), "{standing}");
    let clear = format!("/admin/v1/signals/{}/clear", standing[0]["id"]);
    office.done(&bob, "POST", &clear, &json!({ "reason": "fixed in 1.3.1" }));
    assert_eq!(office.done(&bob, "GET", "/admin/v1/signals", &Value::Null), json!([]));
    assert_eq!(office.refused(&bob, "POST", &clear, &Value::Null), (404, "unknown_signal".to_owned()));
    let reader = office.token(&["bob", "--can", "read-config"]);
    assert_eq!(office.refused(&reader, "POST", "/admin/v1/signals", &signal), (403, "token_verb".to_owned()));
}

#[test]
fn a_key_that_stands_twice_is_refused_wherever_it_stands() {
    let office = Office::open();
    let token = office.token(&["carol"]);
    let bearer = format!("Bearer {token}");
    for (method, path, body) in [
        ("POST", "/admin/kill-switches", r#"{"telemetry_disabled": true, "telemetry_disabled": true}"#),
        ("PUT", "/admin/v1/segments/x", r#"{"condition": {"attribute": "a", "attribute": "b"}}"#),
        ("PUT", "/admin/v1/groups/x", r#"{"dry_run": true, "dry_run": false}"#),
        ("PUT", "/admin/v1/groups/x", r#"{"dry_run": "yes"}"#),
        ("PUT", "/admin/v1/groups/x", r#"{"reason": 7}"#),
        ("PUT", "/admin/v1/groups/x", r#"{"surprise": 7}"#),
        ("DELETE", "/admin/v1/groups/x", r#"{"surprise": 7}"#),
    ] {
        let headers = [("authorization", &*bearer), ("content-type", "application/json")];
        let answer = office.serving.ask(method, path, &headers, body.as_bytes());
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &json!("bad_body")), "{body}");
    }
    assert_eq!(office.done(&token, "GET", "/admin/v1/kills", &Value::Null)["killed"], json!([]));
}
