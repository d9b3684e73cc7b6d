#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

use flag_core::wire::Snapshot;
use flag_core::{Attributes, Context, Ruleset, Value};
use serde_json::{Value as Json, json};

use super::{export, import};
use crate::definition::Definitions;

fn ruleset(definitions: &Definitions) -> Ruleset {
    let flags: serde_json::Map<String, Json> = definitions
        .flags
        .iter()
        .map(|(key, definition)| (key.to_owned(), serde_json::to_value(&definition.flag).unwrap()))
        .collect();
    let snapshot = json!({
        "schema": 1, "project": "p", "environment": "e", "epoch": 1, "version": 1,
        "issued_at": "2026-01-01T00:00:00Z", "expires_at": "2026-02-01T00:00:00Z", "flags": flags,
    });
    let parsed = Snapshot::from_json(snapshot.to_string().as_bytes()).unwrap();
    let ruleset = Ruleset::from_parsed(&parsed);
    assert_eq!(ruleset.quarantined().map(|(key, error)| format!("{key}: {error}")).collect::<Vec<_>>(), [""; 0]);
    ruleset
}

fn one(targeting: &Json) -> Json {
    json!({ "flags": { "a_flag": {
        "state": "ENABLED",
        "variants": { "red": "r", "blue": "b", "green": "g" },
        "defaultVariant": "red",
        "targeting": targeting,
    } } })
}

/// Evaluates an imported flag for attributes.
fn variant(targeting: &Json, attributes: &Json) -> String {
    let imported = import(&one(targeting).to_string(), "flags.json").unwrap();
    assert_eq!(imported.refused, [], "{targeting}");
    let ruleset = ruleset(&imported.definitions);
    let given: Attributes = attributes
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.as_str(), serde_json::from_value::<Value>(value.clone()).unwrap()))
        .collect();
    let context = Context::new("u1").with_attributes(&given);
    ruleset.evaluate("a_flag", &context).variant().unwrap().to_owned()
}

#[test]
fn conditions_mean_what_they_mean_in_json_logic() {
    let email = json!({ "var": ["email"] });
    for (condition, attributes, expected) in [
        (json!({ "in": ["@faas.com", email] }), json!({ "email": "a@faas.com" }), true),
        (json!({ "in": ["@faas.com", email] }), json!({}), false),
        (json!({ "in": [{ "var": "plan" }, ["team", "gold"]] }), json!({ "plan": "gold" }), true),
        (json!({ "==": [{ "var": "age" }, 5] }), json!({ "age": "5" }), true),
        (json!({ "===": [{ "var": "age" }, 5] }), json!({ "age": "5" }), false),
        (json!({ "!=": [{ "var": "plan" }, "team"] }), json!({}), true),
        (json!({ "==": [{ "var": "plan" }, null] }), json!({}), true),
        (json!({ "==": ["team", { "var": "plan" }] }), json!({ "plan": "team" }), true),
        (json!({ "<": [{ "var": "age" }, 18] }), json!({ "age": 17 }), true),
        (json!({ "<": [{ "var": "age" }, 18] }), json!({}), true),
        (json!({ ">": [{ "var": "age" }, 18] }), json!({}), false),
        (json!({ ">=": [18, { "var": "age" }] }), json!({ "age": 18 }), true),
        (json!({ "<": [1, { "var": "age" }, 3] }), json!({ "age": 2 }), true),
        (json!({ "<": [1, { "var": "age" }, 3] }), json!({ "age": 3 }), false),
        (json!({ "starts_with": [email, "a"] }), json!({ "email": "ab" }), true),
        (json!({ "ends_with": [email, "a"] }), json!({ "email": "ab" }), false),
        (json!({ "sem_ver": [{ "var": "v" }, "^", "1.2.0"] }), json!({ "v": "1.9.0" }), true),
        (json!({ "sem_ver": [{ "var": "v" }, "!=", "1.2.0"] }), json!({ "v": "1.2.0" }), false),
        (json!({ "sem_ver": [{ "var": "v" }, "~", "1.2.0"] }), json!({ "v": "1.3.0" }), false),
        (
            json!({ "and": [{ "==": [email, "a"] }, { "!": [{ "==": [{ "var": "b" }, 1] }] }] }),
            json!({ "email": "a" }),
            true,
        ),
        (json!({ "or": [{ "==": [email, "a"] }, { "==": [email, "b"] }] }), json!({ "email": "b" }), true),
        (json!({ "==": [{ "var": "user.plan" }, "team"] }), json!({ "user": { "plan": "team" } }), true),
        (json!({ "==": [{ "var": "targetingKey" }, "u1"] }), json!({}), true),
    ] {
        let found = variant(&json!({ "if": [condition, "blue", "green"] }), &attributes);
        assert_eq!(found == "blue", expected, "{condition} {attributes}");
    }
}

#[test]
fn chains_and_branches_within_branches_keep_their_order() {
    let is = |name: &str, value: i32| json!({ "===": [{ "var": name }, value] });
    let nested = json!({ "if": [
        is("a", 1), { "if": [is("b", 1), "blue", is("b", 2), "green", null] },
        is("a", 2), "green",
        "blue",
    ] });
    for (a, b, expected) in [(1, 1, "blue"), (1, 2, "green"), (1, 3, "red"), (2, 1, "green"), (3, 1, "blue")] {
        assert_eq!(variant(&nested, &json!({ "a": a, "b": b })), expected, "{a} {b}");
    }
    assert_eq!(variant(&json!({ "if": [is("a", 1), "blue"] }), &json!({})), "red");
    assert_eq!(variant(&json!({}), &json!({})), "red");
}

#[test]
fn fractions_become_splits_and_say_that_people_are_drawn_anew() {
    let targeting = json!({ "fractional": [
        { "cat": [{ "var": "$flagd.flagKey" }, { "var": "email" }] }, ["red", 1], ["blue"], ["green", 1],
    ] });
    let imported = import(&one(&targeting).to_string(), "flags.json").unwrap();
    assert_eq!(imported.refused, []);
    let report = serde_json::to_value(&imported.flags[0]).unwrap();
    assert_eq!(
        report["reshuffled"],
        json!([{
            "place": "fallthrough",
            "before": [["red", 1], ["blue", 1], ["green", 1]],
            "after": [["red", 33_333], ["blue", 33_334], ["green", 33_333]],
        }])
    );
    let definition = imported.definitions.flags.find("a_flag").unwrap();
    assert_eq!(definition.flag.unit.as_deref(), Some("email"));
}

#[test]
fn a_fraction_beside_the_default_becomes_a_rollout_of_the_other() {
    for (parts, share) in [
        (json!([["blue", 25], ["red", 75]]), 25_000),
        (json!([["red", 2], ["blue", 1]]), 33_333),
        (json!([["blue", 0], ["red", 1]]), 0),
    ] {
        let imported = import(&one(&json!({ "fractional": parts })).to_string(), "flags.json").unwrap();
        let fallthrough = &imported.definitions.flags.find("a_flag").unwrap().flag.fallthrough;
        assert_eq!(fallthrough.exposure.map(flag_core::Share::thousandths), Some(share), "{parts}");
        assert_eq!(fallthrough.otherwise.as_deref(), Some("red"));
        let report = serde_json::to_value(&imported.flags[0]).unwrap();
        let after = report["reshuffled"][0]["after"].as_array().unwrap();
        assert!(
            after.contains(&json!(["blue", share])) && after.contains(&json!(["red", 100_000 - share])),
            "{report}"
        );
    }
}

#[test]
fn what_cannot_be_said_is_refused_by_name() {
    for (targeting, reason) in [
        (json!({ "if": [{ "%": [{ "var": "n" }, 2] }, "blue"] }), "the operator \"%\" with 2 arguments"),
        (json!({ "if": [{ "==": [{ "var": ["n", 1] }, 2] }, "blue"] }), "a var with a default value"),
        (json!({ "if": [{ "==": [{ "var": "$flagd.timestamp" }, 2] }, "blue"] }), "the var $flagd.timestamp"),
        (json!({ "if": [{ "$ref": "nobody" }, "blue"] }), "evaluator \"nobody\", which the file does not have"),
        (json!({ "if": [true, "blue"] }), "true as a condition"),
        (json!({ "if": [{ "==": [{ "var": "n" }, 2] }, "pink"] }), "variant \"pink\", which the flag does not have"),
        (
            json!({ "fractional": [["red", { "var": "n" }]] }),
            "a fraction [\"red\",{\"var\":\"n\"}], expected [VARIANT, WEIGHT]",
        ),
        (json!({ "fractional": [["red", 0]] }), "fractions that come to nothing"),
        (json!({ "cat": ["re", "d"] }), "the targeting \"cat\""),
    ] {
        let imported = import(&one(&targeting).to_string(), "flags.json").unwrap();
        assert_eq!(imported.refused[0].reason, reason);
        assert!(imported.definitions.flags.is_empty());
        let off = imported.off.flags.find("a_flag").unwrap();
        assert!(!off.flag.enabled);
    }
    for (flag, reason) in [
        (json!({ "state": "ENABLED", "variants": {}, "defaultVariant": "x" }), "it has no variants"),
        (
            json!({ "state": "ENABLED", "variants": { "on": true }, "defaultVariant": null }),
            "it has no default variant: the default of the code cannot be served",
        ),
        (
            json!({ "state": "ON", "variants": { "on": true }, "defaultVariant": "on" }),
            "its state is neither ENABLED nor DISABLED",
        ),
    ] {
        let imported = import(&json!({ "flags": { "a_flag": flag } }).to_string(), "flags.json").unwrap();
        assert_eq!(imported.refused[0].reason, reason);
    }
    assert_eq!(
        import("{}", "x.json").unwrap_err().to_string(),
        "x.json has no object \"flags\", expected flagd's flag definitions"
    );
}

#[test]
fn evaluators_are_read_where_they_are_referred_to_and_may_not_go_in_circles() {
    let file = |evaluators: &Json| {
        let mut file = one(&json!({ "if": [{ "$ref": "team" }, "blue"] }));
        file["$evaluators"] = evaluators.clone();
        import(&file.to_string(), "flags.json").unwrap()
    };
    assert_eq!(file(&json!({ "team": { "in": ["@x", { "var": "email" }] } })).refused, []);
    let circle = file(&json!({ "team": { "$ref": "team" } }));
    assert_eq!(circle.refused[0].reason, "evaluators that refer to each other");
}

#[test]
fn what_is_exported_comes_back_the_same() {
    let text = r#"
[flags.plain]
serve = "on"

[flags.team]
serve = "off"
[[flags.team.rules]]
id = "team"
when = { all = [{ attribute = "plan", operator = "equals", values = ["team"] }, { not = { attribute = "age", operator = "less", values = [18] } }] }
serve = "on"

[flags.half]
rollout = "50%"

[flags.beta_only]
prerequisites = { plain = ["on"] }
serve = "on"

[flags.net]
serve = "off"
[[flags.net.rules]]
id = "net"
when = { attribute = "ip", operator = "in_cidr", values = ["10.0.0.0/8"] }
serve = "on"
"#;
    let definitions = Definitions::from_toml(text, "flags.toml").unwrap();
    let exported = export(&definitions, |_| false);
    let refused: Vec<(&str, &str)> =
        exported.refused.iter().map(|refused| (refused.flag.as_str(), refused.reason.as_str())).collect();
    assert_eq!(
        refused,
        [
            ("beta_only", "it has prerequisites, for which flagd has no words"),
            ("net", "it tests by in_cidr, for which flagd has no words"),
        ]
    );
    let back = import(&exported.document.to_string(), "flags.json").unwrap();
    assert_eq!(back.refused, []);
    let (before, after) = (ruleset(&definitions), ruleset(&back.definitions));
    for (plan, age) in [("team", 20), ("team", 10), ("free", 20)] {
        let attributes = Attributes::new().with("plan", plan).with("age", age);
        for unit in ["u1", "u2", "u3", "u4"] {
            let context = Context::new(unit).with_attributes(&attributes);
            for flag in ["plain", "team"] {
                assert_eq!(before.evaluate(flag, &context).variant(), after.evaluate(flag, &context).variant());
            }
        }
    }
    let half = &back.flags.iter().find(|flag| flag.flag == "half").unwrap().reshuffled[0];
    assert_eq!(half.after, [("on".to_owned(), 50_000), ("off".to_owned(), 50_000)]);
}
