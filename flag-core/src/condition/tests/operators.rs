//! Every operator, as a table.

use super::*;

const EQUALITY: &[Row] = &[
    (r#""team""#, "equals", r#"["team"]"#, True),
    (r#""Team""#, "equals", r#"["team"]"#, False),
    (r#""team ""#, "equals", r#"["team"]"#, False),
    (r#""team""#, "in", r#"["free", "team"]"#, True),
    (r#""pro""#, "in", r#"["free", "team"]"#, False),
    (r#""i""#, "in", r#"["a", "b", "c", "d", "e", "f", "g", "h", "i"]"#, True),
    (r#""j""#, "in", r#"["a", "b", "c", "d", "e", "f", "g", "h", "i"]"#, False),
    ("5", "equals", "[5]", True),
    ("5.0", "equals", "[5]", True),
    ("5", "in", "[4, 5.0]", True),
    ("9007199254740993", "equals", "[9007199254740992.0]", False),
    ("0", "equals", "[-0.0]", True),
    ("true", "equals", "[true]", True),
    ("false", "equals", "[true]", False),
    ("null", "equals", "[null]", True),
    (r#"{"a": 1}"#, "equals", r#"[{"a": 1}]"#, True),
    (r#"{"a": 1}"#, "equals", r#"[{"a": 2}]"#, False),
];

const NO_COERCION: &[Row] = &[
    ("5", "equals", r#"["5"]"#, False),
    (r#""5""#, "equals", "[5]", False),
    ("true", "equals", "[1]", False),
    ("1", "equals", "[true]", False),
    (r#""true""#, "equals", "[true]", False),
    ("true", "in", r#"["true", 1]"#, False),
    ("{}", "equals", "[null]", False),
    ("null", "equals", "[{}]", False),
    ("null", "equals", "[false, 0]", False),
    ("null", "equals", r#"["", "null"]"#, False),
    (r#""""#, "equals", "[null]", False),
    ("0", "equals", "[false]", False),
];

/// A missing attribute makes a test false, a null one is present, and an empty list has no element to match.
const NOTHING: &[Row] = &[
    (MISSING, "exists", "[]", False),
    ("null", "exists", "[]", True),
    ("[]", "exists", "[]", True),
    ("false", "exists", "[]", True),
    (r#""""#, "exists", "[]", True),
    (MISSING, "equals", "[null]", False),
    (MISSING, "in", r#"["a"]"#, False),
    ("[]", "in", r#"["a"]"#, False),
    ("[]", "equals", "[[]]", False),
    ("null", "in", r#"["a"]"#, False),
    (MISSING, "starts_with", r#"[""]"#, False),
    ("[]", "starts_with", r#"[""]"#, False),
    ("null", "starts_with", r#"[""]"#, Unknown),
    (MISSING, "greater", "[0]", False),
    ("null", "greater", "[0]", Unknown),
    (MISSING, "semver_less", r#"["1.0.0"]"#, False),
    (MISSING, "before", "[0]", False),
    (MISSING, "in_cidr", r#"["0.0.0.0/0"]"#, False),
];

const LISTS: &[Row] = &[
    (r#"["free", "team"]"#, "equals", r#"["team"]"#, True),
    (r#"["free", "pro"]"#, "equals", r#"["team"]"#, False),
    (r#"["free", 5]"#, "in", "[5]", True),
    (r#"[["a"], "b"]"#, "equals", r#"[["a"]]"#, True),
    (r#"["beta-1", "x"]"#, "starts_with", r#"["beta"]"#, True),
    ("[1, 20]", "greater", "[10]", True),
    ("[1, 2]", "greater", "[10]", False),
    // One element that can be told is enough; without one, the list is as unknown as its elements.
    (r#"["x", 20]"#, "greater", "[10]", True),
    (r#"["x", 2]"#, "greater", "[10]", Unknown),
    (r#"["1.0.0", "3.0.0"]"#, "semver_greater", r#"["2.0.0"]"#, True),
    (r#"["::1", "10.0.0.1"]"#, "in_cidr", r#"["10.0.0.0/8"]"#, True),
    ("[0, 2000]", "after", "[1000]", True),
];

const NUMBERS: &[Row] = &[
    ("6", "greater", "[5]", True),
    ("5", "greater", "[5]", False),
    ("5.5", "greater", "[5]", True),
    ("5", "greater_or_equal", "[5.0]", True),
    ("4", "greater_or_equal", "[5]", False),
    ("4", "less", "[5]", True),
    ("5", "less", "[5]", False),
    ("5", "less_or_equal", "[5]", True),
    ("5.000001", "less_or_equal", "[5]", False),
    // One of the values is enough.
    ("7", "greater", "[10, 5]", True),
    ("9007199254740993", "greater", "[9007199254740992.0]", True),
    ("9223372036854775807", "less", "[1e300]", True),
    ("-0.0", "less", "[0]", False),
    (r#""6""#, "greater", "[5]", Unknown),
    ("true", "less", "[5]", Unknown),
];

const VERSIONS: &[Row] = &[
    (r#""1.2.3""#, "semver_equals", r#"["1.2.3"]"#, True),
    (r#""v1.2""#, "semver_equals", r#"["1.2.0"]"#, True),
    (r#""1.2.3+mac""#, "semver_equals", r#"["1.2.3+linux"]"#, True),
    (r#""1.2.3-rc.1""#, "semver_equals", r#"["1.2.3"]"#, False),
    (r#""1.10.0""#, "semver_greater", r#"["1.9.0"]"#, True),
    (r#""1.9.0""#, "semver_greater", r#"["1.9.0"]"#, False),
    (r#""2.0.0""#, "semver_greater", r#"["2.0.0-rc.1"]"#, True),
    (r#""2.0.0-rc.1""#, "semver_greater_or_equal", r#"["2.0.0"]"#, False),
    (r#""2.0.0""#, "semver_greater_or_equal", r#"["v2"]"#, True),
    (r#""2.0.0-beta.2""#, "semver_less", r#"["2.0.0-beta.11"]"#, True),
    (r#""2.0.0""#, "semver_less", r#"["2.0.0"]"#, False),
    (r#""2.0.0""#, "semver_less_or_equal", r#"["2.0.0"]"#, True),
    (r#""2.0.1""#, "semver_less_or_equal", r#"["2"]"#, False),
    (r#""1.9.0""#, "semver_caret", r#"["1.2"]"#, True),
    (r#""2.0.0-alpha""#, "semver_caret", r#"["1.2"]"#, False),
    (r#""0.3.0""#, "semver_caret", r#"["0.2.3"]"#, False),
    (r#""1.2.9""#, "semver_tilde", r#"["1.2.3"]"#, True),
    (r#""1.3.0""#, "semver_tilde", r#"["1.2.3"]"#, False),
    (r#""4.1.0""#, "semver_caret", r#"["2", "4"]"#, True),
    (r#""nightly""#, "semver_greater", r#"["1.0.0"]"#, Unknown),
    ("1", "semver_greater", r#"["1.0.0"]"#, Unknown),
];

const TIMES: &[Row] = &[
    (r#""2026-01-15T14:32:00Z""#, "before", r#"["2026-01-15T14:32:01Z"]"#, True),
    (r#""2026-01-15T14:32:01Z""#, "before", r#"["2026-01-15T14:32:01Z"]"#, False),
    (r#""2026-01-15T14:32:02Z""#, "after", r#"["2026-01-15T14:32:01Z"]"#, True),
    (r#""2026-01-15T14:32:01Z""#, "after", r#"["2026-01-15T14:32:01Z"]"#, False),
    // One instant, written in two offsets, and in milliseconds.
    (r#""2026-01-15T15:32:01+01:00""#, "after", r#"["2026-01-15T14:32:01Z"]"#, False),
    (r#""2026-01-15T15:32:01+01:00""#, "before", r#"["2026-01-15T14:32:01Z"]"#, False),
    ("1768487520999", "before", r#"["2026-01-15T14:32:01Z"]"#, True),
    ("1768487521001", "after", "[1768487521000]", True),
    // Never seconds: this is January 1970.
    ("1768487521", "before", r#"["1970-02-01T00:00:00Z"]"#, True),
    (r#""2026-01-15t14:32:00.5z""#, "before", r#"["2026-01-15 14:32:01Z"]"#, True),
    // A leap second is the first instant of the next second.
    (r#""2016-12-31T23:59:60Z""#, "before", r#"["2017-01-01T00:00:00Z"]"#, False),
    (r#""2026-01-15T14:32:01""#, "before", r#"["2027-01-01T00:00:00Z"]"#, Unknown),
    (r#""2026-01-15""#, "before", r#"["2027-01-01T00:00:00Z"]"#, Unknown),
    ("1768487521000.0", "before", r#"["2027-01-01T00:00:00Z"]"#, Unknown),
    ("true", "after", "[0]", Unknown),
];

const NETWORKS: &[Row] = &[
    (r#""10.1.2.3""#, "in_cidr", r#"["10.0.0.0/8"]"#, True),
    (r#""11.0.0.1""#, "in_cidr", r#"["10.0.0.0/8"]"#, False),
    (r#""::ffff:10.1.2.3""#, "in_cidr", r#"["10.0.0.0/8"]"#, True),
    (r#""10.1.2.3""#, "in_cidr", r#"["::ffff:10.0.0.0/104"]"#, True),
    (r#""10.1.2.3""#, "in_cidr", r#"["::/0"]"#, False),
    (r#""2001:db8::1""#, "in_cidr", r#"["10.0.0.0/8", "2001:db8::/32"]"#, True),
    (r#""192.168.0.7""#, "in_cidr", r#"["192.168.0.7"]"#, True),
    (r#""10.1.2.3:80""#, "in_cidr", r#"["10.0.0.0/8"]"#, Unknown),
    (r#""010.1.2.3""#, "in_cidr", r#"["10.0.0.0/8"]"#, Unknown),
    ("167772161", "in_cidr", r#"["10.0.0.0/8"]"#, Unknown),
];

/// An operator of a newer version is unknown whatever it is asked, and so is its negation.
const NEWER: &[Row] = &[
    (MISSING, "sounds_like", r#"["a"]"#, Unknown),
    (r#""a""#, "sounds_like", r#"["a"]"#, Unknown),
    (r#"["a"]"#, "sounds_like", r#"["a"]"#, Unknown),
    ("null", "sounds_like", "[]", Unknown),
    (r#""a""#, "Equals", r#"["a"]"#, Unknown),
];

#[test]
fn equality_is_of_type_and_worth() {
    assert_rows(EQUALITY);
}

#[test]
fn e30_equality_does_not_coerce() {
    assert_rows(NO_COERCION);
}

#[test]
fn e30_missing_null_and_an_empty_list_differ() {
    assert_rows(NOTHING);
}

#[test]
fn a_list_matches_when_an_element_does() {
    assert_rows(LISTS);
}

#[test]
fn e31_numbers_compare_without_rounding() {
    assert_rows(NUMBERS);
}

#[test]
fn e34_versions_compare_by_precedence() {
    assert_rows(VERSIONS);
}

#[test]
fn e39_times_are_instants() {
    assert_rows(TIMES);
}

#[test]
fn networks_hold_addresses_of_their_family() {
    assert_rows(NETWORKS);
}

#[test]
fn e25_a_newer_operator_is_unknown_and_so_is_its_negation() {
    assert_rows(NEWER);
}

#[test]
fn every_operator_stands_in_a_table_true_and_false() {
    let tables = [EQUALITY, NOTHING, NUMBERS, VERSIONS, TIMES, NETWORKS, texts::TEXTS, texts::PATTERNS];
    for (name, _) in Operator::KNOWN {
        for expected in [True, False] {
            let tested = tables.iter().any(|table| table.iter().any(|row| row.1 == *name && row.3 == expected));
            assert!(tested, "no row has {name} {expected:?}");
        }
    }
}
