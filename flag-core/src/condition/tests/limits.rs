//! What is refused when a condition is compiled, and how it is said.

use super::*;

fn json(text: &str) -> wire::Condition {
    serde_json::from_str(text).unwrap()
}

fn exists() -> wire::Condition {
    wire::Condition::test("it", Operator::Exists, [])
}

/// A condition of this depth: negations around one test.
fn nested(depth: usize) -> wire::Condition {
    (1..depth).fold(exists(), |inner, _| wire::Condition::negated(inner))
}

#[test]
fn values_of_another_type_are_refused() {
    let table = [
        ("starts_with", "[5]", "value 0 of the test \"it\" starts_with is of type integer, expected text"),
        ("ends_with", r#"["a", null]"#, "value 1 of the test \"it\" ends_with is of type null, expected text"),
        ("contains", "[true]", "value 0 of the test \"it\" contains is of type bool, expected text"),
        (
            "starts_with_ignore_case",
            "[[]]",
            "value 0 of the test \"it\" starts_with_ignore_case is of type list, expected text",
        ),
        (
            "ends_with_ignore_case",
            "[{}]",
            "value 0 of the test \"it\" ends_with_ignore_case is of type object, expected text",
        ),
        (
            "contains_ignore_case",
            "[1.5]",
            "value 0 of the test \"it\" contains_ignore_case is of type float, expected text",
        ),
        ("greater", r#"["5"]"#, "value 0 of the test \"it\" greater is of type string, expected a number"),
        (
            "greater_or_equal",
            "[1, true]",
            "value 1 of the test \"it\" greater_or_equal is of type bool, expected a number",
        ),
        ("less", "[null]", "value 0 of the test \"it\" less is of type null, expected a number"),
        ("less_or_equal", "[[1]]", "value 0 of the test \"it\" less_or_equal is of type list, expected a number"),
        (
            "semver_equals",
            "[1]",
            "value 0 of the test \"it\" semver_equals is of type integer, expected text such as \"1.2.3\"",
        ),
        (
            "before",
            "[1.5]",
            "value 0 of the test \"it\" before is of type float, expected text in RFC 3339 or an integer of milliseconds",
        ),
        (
            "in_cidr",
            "[10]",
            "value 0 of the test \"it\" in_cidr is of type integer, expected text such as \"10.0.0.0/8\"",
        ),
    ];
    for (operator, values, message) in table {
        assert_eq!(refusal(&wire_test(operator, values), &[]), message);
    }
}

#[test]
fn values_that_cannot_be_read_are_refused_with_their_cause() {
    let table = [
        (
            "semver_greater",
            r#"["1.2.3", "latest"]"#,
            "value 1 of the test \"it\" semver_greater is \"latest\": not a semantic version: byte 0 is 'l', expected a digit",
        ),
        (
            "semver_caret",
            r#"["01.2"]"#,
            "value 0 of the test \"it\" semver_caret is \"01.2\": not a semantic version: the number at byte 0 has a leading \
             zero",
        ),
        (
            "after",
            r#"["2026-01-15"]"#,
            "value 0 of the test \"it\" after is \"2026-01-15\": not an RFC 3339 time: ends at byte 10, expected 'T' or a space",
        ),
        (
            "before",
            r#"["2026-01-15T14:32:01"]"#,
            "value 0 of the test \"it\" before is \"2026-01-15T14:32:01\": not an RFC 3339 time: ends at byte 19, expected 'Z' \
             or an offset such as '+01:00'",
        ),
        (
            "in_cidr",
            r#"["10.1.2.3/8"]"#,
            "value 0 of the test \"it\" in_cidr is \"10.1.2.3/8\": 10.1.2.3/8 has bits set below its prefix, expected \
             10.0.0.0/8",
        ),
        (
            "in_cidr",
            r#"["10.0.0.0/33"]"#,
            "value 0 of the test \"it\" in_cidr is \"10.0.0.0/33\": prefix length 33 is above 32",
        ),
    ];
    for (operator, values, message) in table {
        assert_eq!(refusal(&wire_test(operator, values), &[]), message);
    }
}

#[test]
fn a_test_without_values_is_refused_unless_its_operator_takes_none() {
    for (name, operator) in Operator::KNOWN {
        let compiled = compiled(&wire_test(name, "[]"), &[]);
        if *operator == Operator::Exists {
            assert!(compiled.is_ok());
        } else {
            let message = format!("the test \"it\" {name} has no values, expected at least one");
            assert_eq!(compiled.map(drop).map_err(|error| error.to_string()), Err(message));
        }
    }
    let without = json(r#"{"attribute": "it", "operator": "in"}"#);
    assert_eq!(refusal(&without, &[]), "the test \"it\" in has no values, expected at least one");
}

#[test]
fn e27_too_many_values_are_refused() {
    let numbers = |count: i64| wire::Condition::test("it", Operator::In, (0..count).map(Value::from));
    assert!(compiled(&numbers(100_000), &[]).is_ok());
    assert_eq!(refusal(&numbers(100_001), &[]), "the test \"it\" in has 100001 values, expected at most 100000");
}

#[test]
fn e27_a_value_that_is_too_long_is_refused() {
    let text = |length: usize| wire::Condition::test("it", Operator::In, ["a".into(), "x".repeat(length).into()]);
    assert!(compiled(&text(TEST_MAX_VALUE_BYTES), &[]).is_ok());
    assert_eq!(
        refusal(&text(TEST_MAX_VALUE_BYTES + 1), &[]),
        "value 1 of the test \"it\" in has 4097 bytes, expected at most 4096"
    );
}

#[test]
fn a_list_of_ten_thousand_values_is_searched_in_full() {
    let values = (0..10_000).map(|n| format!("user-{n}").into());
    let condition = wire::Condition::test("it", Operator::In, values);
    let numbers = wire::Condition::test("it", Operator::In, (0..10_000).map(|n| Value::from(2 * n)));
    for n in [0, 1, 8, 4_999, 9_999] {
        let attributes = Attributes::new().with("it", format!("user-{n}"));
        assert_eq!(judged(&condition, &[], &attributes), True, "user-{n}");
        assert_eq!(judged(&numbers, &[], &Attributes::new().with("it", 2 * n)), True, "{n}");
        assert_eq!(judged(&numbers, &[], &Attributes::new().with("it", 2 * n + 1)), False, "{n}");
    }
    for absent in ["user-10000", "user-", "User-1", ""] {
        assert_eq!(judged(&condition, &[], &Attributes::new().with("it", absent)), False, "{absent:?}");
    }
}

#[test]
fn a_condition_has_exactly_one_form() {
    let table = [
        ("{}", "a condition has 0 forms, expected exactly one of all, any, not, segment, attribute"),
        (
            r#"{"all": [], "any": []}"#,
            "a condition has 2 forms, expected exactly one of all, any, not, segment, attribute",
        ),
        (
            r#"{"all": [], "any": [], "not": {}, "segment": "s", "attribute": "it"}"#,
            "a condition has 5 forms, expected exactly one of all, any, not, segment, attribute",
        ),
        (
            r#"{"operator": "exists"}"#,
            "a condition has 0 forms, expected exactly one of all, any, not, segment, attribute",
        ),
        (r#"{"attribute": "it"}"#, "the test of attribute \"it\" has no operator"),
        (r#"{"all": [{}]}"#, "a condition has 0 forms, expected exactly one of all, any, not, segment, attribute"),
    ];
    for (condition, message) in table {
        assert_eq!(refusal(&json(condition), &[]), message);
    }
}

#[test]
fn e27_nesting_is_limited() {
    assert!(compiled(&nested(CONDITION_MAX_DEPTH), &[]).is_ok());
    assert_eq!(refusal(&nested(CONDITION_MAX_DEPTH + 1), &[]), "a condition is nested deeper than 16 levels");
    let wide = wire::Condition::any([exists(), wire::Condition::all([nested(CONDITION_MAX_DEPTH)])]);
    assert_eq!(refusal(&wide, &[]), "a condition is nested deeper than 16 levels");
}

#[test]
fn e27_size_is_limited() {
    let parts = |count| wire::Condition::any((0..count).map(|_| exists()));
    assert!(compiled(&parts(CONDITION_MAX_NODES - 1), &[]).is_ok());
    assert_eq!(refusal(&parts(CONDITION_MAX_NODES), &[]), "a condition has more than 4096 parts");
}

#[test]
fn e27_depth_and_size_follow_segments() {
    let half = wire::Condition::any((0..CONDITION_MAX_NODES / 2).map(|_| exists()));
    let twice = wire::Condition::any([wire::Condition::segment("half"), wire::Condition::segment("half")]);
    assert_eq!(refusal(&twice, &[("half", half)]), "a condition has more than 4096 parts");

    let deep = [("deep", nested(CONDITION_MAX_DEPTH - 1))];
    assert!(compiled(&wire::Condition::segment("deep"), &deep).is_ok());
    let deeper = wire::Condition::negated(wire::Condition::segment("deep"));
    assert_eq!(refusal(&deeper, &deep), "a condition is nested deeper than 16 levels");
}

#[test]
fn e27_a_segment_beyond_the_limits_is_named() {
    let segment = wire::Condition::segment("staff");
    assert_eq!(
        refusal(&segment, &[("staff", nested(CONDITION_MAX_DEPTH + 1))]),
        "segment \"staff\" is broken: a condition is nested deeper than 16 levels"
    );
    let wide = wire::Condition::all((0..CONDITION_MAX_NODES).map(|_| exists()));
    assert_eq!(
        refusal(&segment, &[("staff", wide)]),
        "segment \"staff\" is broken: a condition has more than 4096 parts"
    );
}

#[test]
fn e27_a_chain_of_segments_longer_than_the_stack_is_refused() {
    const LENGTH: usize = 50_000;
    let names: Vec<String> = (0..=LENGTH).map(|n| format!("s{n}")).collect();
    let links = names.windows(2).map(|pair| (&*pair[0], wire::Condition::segment(&*pair[1])));
    let segments: Vec<_> = links.chain([(&*names[LENGTH], exists())]).collect();
    // The last segment is 1 deep, so the one 16 before it is the first that is too deep. It is the one that is named.
    let broken = LENGTH - CONDITION_MAX_DEPTH;
    let message = format!("segment \"s{broken}\" is broken: a condition is nested deeper than 16 levels");
    assert_eq!(refusal(&wire::Condition::segment("s0"), &segments), message);
    assert_eq!(refusal(&wire::Condition::segment(&*names[broken]), &segments), message);
    let (_, compiled) = compiled(&wire::Condition::segment(&*names[broken + 2]), &segments).unwrap();
    assert_eq!(compiled.len(), CONDITION_MAX_DEPTH - 1);
}
