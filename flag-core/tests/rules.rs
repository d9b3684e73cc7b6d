//! Rules through a whole evaluation: unknown conditions, types of values, and what is equal to what.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

mod document;

use document::{compile, ruleset, switch};
use flag_core::{AccessError, Attributes, Context, LayerOutcome, Reason, Ruleset, Truth, Value, ValueType};

/// A flag that is on where the condition holds.
fn on_where(condition: &str) -> Ruleset {
    let body = format!(
        r#""rules": [{{"id": "r", "when": {condition}, "serve": {{"variant": "on"}}}}], "fallthrough": {{"variant": "off"}}"#
    );
    ruleset(&switch("f", &body), "")
}

fn with(json: &str) -> Attributes {
    let object: Value = serde_json::from_str(json).unwrap();
    let Value::Object(object) = object else { panic!("{json} is no object") };
    object.fields().map(|(name, value)| (name, value.clone())).collect()
}

fn is_on(ruleset: &Ruleset, attributes: &str) -> bool {
    let attributes = with(attributes);
    ruleset.evaluate("f", &Context::anonymous().with_attributes(&attributes)).bool().unwrap()
}

/// A flag whose only variant has this value.
fn constant(value: &str) -> Ruleset {
    ruleset(
        &format!(r#""f": {{"variants": {{"v": {value}}}, "off_variant": "v", "fallthrough": {{"variant": "v"}}}}"#),
        "",
    )
}

#[test]
fn the_first_rule_that_matches_serves() {
    let rule = |id: &str, plan: &str, variant: &str| {
        format!(
            r#"{{"id": "{id}", "when": {{"attribute": "plan", "operator": "in", "values": [{plan}]}},
                "serve": {{"variant": "{variant}"}}}}"#
        )
    };
    let rules = [rule("first", r#""team""#, "off"), rule("second", r#""team", "pro""#, "on")].join(",");
    let ruleset = ruleset(&switch("f", &format!(r#""rules": [{rules}], "fallthrough": {{"variant": "off"}}"#)), "");
    for (plan, rule, variant, reason) in [
        ("team", Some("first"), "off", Reason::TargetingMatch),
        ("pro", Some("second"), "on", Reason::TargetingMatch),
        ("free", None, "off", Reason::Default),
    ] {
        let attributes = Attributes::new().with("plan", plan);
        let decision = ruleset.evaluate("f", &Context::anonymous().with_attributes(&attributes));
        assert_eq!((decision.rule(), decision.variant(), decision.reason()), (rule, Some(variant), reason), "{plan}");
    }
}

#[test]
fn e25_a_rule_that_cannot_be_told_is_skipped_and_so_is_its_negation() {
    let newer = r#"{"attribute": "plan", "operator": "sounds_like", "values": ["team"]}"#;
    let negated = format!(r#"{{"not": {newer}}}"#);
    let deep = format!(r#"{{"all": [{{"not": {{"any": [{newer}, {{"attribute": "x", "operator": "exists"}}]}}}}]}}"#);
    for condition in [newer, &negated, &deep] {
        let ruleset = on_where(condition);
        for attributes in [r#"{"plan": "team"}"#, r#"{"plan": 5}"#, r#"{"plan": null}"#, "{}"] {
            assert!(!is_on(&ruleset, attributes), "{condition} of {attributes}");
        }
        let attributes = with(r#"{"plan": "team"}"#);
        let explanation = ruleset.explain("f", &Context::anonymous().with_attributes(&attributes));
        let layer = explanation.layers.iter().find(|layer| layer.layer == "rule").unwrap();
        assert_eq!((layer.outcome, &*layer.detail), (LayerOutcome::Skipped, "cannot be told"));
        assert_eq!(layer.tests[0].truth, Truth::Unknown);
        assert_eq!(explanation.decision.reason(), Reason::Default);
    }
}

#[test]
fn e25_what_decides_without_the_unknown_part_still_decides() {
    let newer = r#"{"attribute": "plan", "operator": "sounds_like", "values": ["team"]}"#;
    let beta = r#"{"attribute": "beta", "operator": "equals", "values": [true]}"#;
    let any = on_where(&format!(r#"{{"any": [{newer}, {beta}]}}"#));
    assert!(is_on(&any, r#"{"plan": "team", "beta": true}"#));
    assert!(!is_on(&any, r#"{"plan": "team", "beta": false}"#));
    let none_of_both = on_where(&format!(r#"{{"not": {{"all": [{newer}, {beta}]}}}}"#));
    assert!(is_on(&none_of_both, r#"{"plan": "team", "beta": false}"#));
    assert!(!is_on(&none_of_both, r#"{"plan": "team", "beta": true}"#));
}

#[test]
fn e25_fields_of_a_newer_schema_are_ignored_unless_required() {
    let body = r#""fallthrough": {"variant": "on", "weight": 3}, "colour": "green", "variants_v2": [1]"#;
    assert_eq!(ruleset(&switch("f", body), "").evaluate("f", &Context::anonymous()).bool(), Ok(true));
    let needing = compile(&switch("f", &format!(r#"{body}, "requires": ["colours"]"#)), "");
    assert_eq!(needing.evaluate("f", &Context::anonymous()).reason(), Reason::ParseError);
}

#[test]
fn e30_nothing_is_coerced() {
    let equals = |value: &str| on_where(&format!(r#"{{"attribute": "a", "operator": "equals", "values": [{value}]}}"#));
    let table = [
        ("5", "5", true),
        ("5", "5.0", true),
        ("5", r#""5""#, false),
        ("true", "1", false),
        ("true", r#""true""#, false),
        ("null", "null", true),
        ("null", "{}", false),
        ("null", "false", false),
        (r#""""#, "null", false),
        ("0", "false", false),
    ];
    for (value, attribute, expected) in table {
        assert_eq!(is_on(&equals(value), &format!(r#"{{"a": {attribute}}}"#)), expected, "{attribute} equals {value}");
    }
    assert!(!is_on(&equals("null"), "{}"));
}

#[test]
fn e30_not_in_of_a_missing_attribute_holds() {
    let not_in = on_where(r#"{"not": {"attribute": "a", "operator": "in", "values": ["x", "y"]}}"#);
    for (attributes, expected) in [
        ("{}", true),
        (r#"{"a": null}"#, true),
        (r#"{"a": []}"#, true),
        (r#"{"a": ["z"]}"#, true),
        (r#"{"a": "x"}"#, false),
        (r#"{"a": ["z", "x"]}"#, false),
    ] {
        assert_eq!(is_on(&not_in, attributes), expected, "{attributes}");
    }
}

#[test]
fn e31_numbers_are_read_without_loss_or_not_at_all() {
    let mismatch = |found, expected| AccessError::Type { flag: "f".into(), found, expected };
    let integers = [
        ("7", Ok(7)),
        ("7.0", Ok(7)),
        ("2.5", Err(mismatch(ValueType::Float, ValueType::Integer))),
        ("9000000000", Ok(9_000_000_000)),
        ("9e9", Ok(9_000_000_000)),
        ("1e300", Err(mismatch(ValueType::Float, ValueType::Integer))),
        ("9007199254740993", Ok(9_007_199_254_740_993)),
    ];
    for (value, expected) in integers {
        assert_eq!(constant(value).evaluate("f", &Context::anonymous()).integer(), expected, "{value}");
    }
    let floats = [
        ("2.5", Ok(2.5)),
        ("7", Ok(7.0)),
        ("9007199254740992", Ok(9_007_199_254_740_992.0)),
        ("9007199254740993", Err(mismatch(ValueType::Integer, ValueType::Float))),
    ];
    for (value, expected) in floats {
        assert_eq!(constant(value).evaluate("f", &Context::anonymous()).float(), expected, "{value}");
    }
}

#[test]
fn e32_false_zero_empty_text_and_an_empty_object_are_values() {
    let nobody = Context::anonymous();
    let of_false = constant("false");
    assert_eq!(of_false.evaluate("f", &nobody).bool(), Ok(false));
    assert!(!of_false.evaluate("f", &nobody).bool_or(true));
    assert_eq!(constant("0").evaluate("f", &nobody).integer(), Ok(0));
    assert_eq!(constant("0.0").evaluate("f", &nobody).float(), Ok(0.0));
    assert_eq!(constant(r#""""#).evaluate("f", &nobody).string(), Ok(""));
    assert_eq!(constant("{}").evaluate("f", &nobody).value(), Some(&Value::Object(flag_core::Object::default())));
}

#[test]
fn e33_a_value_of_another_type_is_an_error_and_the_default_stands() {
    let nobody = Context::anonymous();
    let text = constant(r#""true""#);
    let decision = text.evaluate("f", &nobody);
    assert_eq!(decision.bool().unwrap_err().to_string(), "flag \"f\" is of type string, expected bool without loss");
    assert!(decision.bool_or(true) && !decision.bool_or(false));
    assert_eq!(
        decision.integer().unwrap_err().to_string(),
        "flag \"f\" is of type string, expected integer without loss"
    );
    let number = constant("1");
    assert_eq!(
        number.evaluate("f", &nobody).string().unwrap_err().to_string(),
        "flag \"f\" is of type integer, expected string without loss"
    );
    assert!(number.evaluate("f", &nobody).bool_or(true));
}

#[test]
fn e33_without_a_flag_the_default_stands_and_the_reason_is_told() {
    let ruleset = compile(r#""broken": {}"#, "");
    for (key, reason, message) in [
        ("broken", Reason::ParseError, "no value: PARSE_ERROR"),
        ("absent", Reason::FlagNotFound, "no value: FLAG_NOT_FOUND"),
    ] {
        let decision = ruleset.evaluate(key, &Context::new("install-8"));
        assert_eq!(decision.reason(), reason);
        assert_eq!(decision.bool().unwrap_err().to_string(), message);
        assert!(decision.bool_or(true) && !decision.bool_or(false));
        assert_eq!((decision.variant(), decision.flag_version()), (None, 0));
    }
}

#[test]
fn e34_versions_are_told_apart_by_precedence() {
    let since = on_where(r#"{"attribute": "version", "operator": "semver_greater_or_equal", "values": ["2.1"]}"#);
    for (version, expected) in [
        ("2.1.0", true),
        ("v2.1", true),
        ("2.1.0+mac.1", true),
        ("2.10.0", true),
        ("2.1.0-rc.1", false),
        ("2.0.9", false),
        ("3", true),
        ("3.0.0-alpha", true),
        ("nightly", false),
    ] {
        assert_eq!(is_on(&since, &format!(r#"{{"version": "{version}"}}"#)), expected, "{version}");
    }
}

#[cfg(feature = "regex")]
#[test]
fn e35_a_pattern_that_is_not_text_never_matches_everything() {
    let table = ["[5]", "[null]", r#"["("]"#, "[]"];
    for values in table {
        let body = format!(
            r#""rules": [{{"id": "r", "when": {{"attribute": "a", "operator": "matches", "values": {values}}},
                          "serve": {{"variant": "on"}}}}], "fallthrough": {{"variant": "off"}}"#
        );
        let ruleset = compile(&switch("f", &body), "");
        assert_eq!(ruleset.evaluate("f", &Context::anonymous()).reason(), Reason::ParseError, "{values}");
    }
    let digits = on_where(r#"{"attribute": "a", "operator": "matches", "values": ["^[0-9]+$"]}"#);
    assert!(is_on(&digits, r#"{"a": "42"}"#));
    assert!(!is_on(&digits, r#"{"a": 42}"#));
    assert!(!is_on(&digits, r#"{"a": "x"}"#));
}

#[test]
fn attributes_are_found_by_name_first_and_then_by_path() {
    let team = on_where(r#"{"attribute": "user.plan", "operator": "equals", "values": ["team"]}"#);
    assert!(is_on(&team, r#"{"user": {"plan": "team"}}"#));
    assert!(is_on(&team, r#"{"user.plan": "team"}"#));
    assert!(!is_on(&team, r#"{"user.plan": "free", "user": {"plan": "team"}}"#));
    assert!(!is_on(&team, r#"{"user": "team"}"#));
    let unit = on_where(r#"{"attribute": "unit", "operator": "in", "values": ["install-8"]}"#);
    assert_eq!(unit.evaluate("f", &Context::new("install-8")).bool(), Ok(true));
    assert_eq!(unit.evaluate("f", &Context::new("install-9")).bool(), Ok(false));
    assert_eq!(unit.evaluate("f", &Context::anonymous()).bool(), Ok(false));
}
