//! The operators on text, with and without regard to case, and by pattern.

use super::*;

pub(super) const TEXTS: &[Row] = &[
    (r#""caro-cli""#, "starts_with", r#"["caro"]"#, True),
    (r#""caro-cli""#, "starts_with", r#"["Caro"]"#, False),
    (r#""caro-cli""#, "starts_with", r#"["x", "ca"]"#, True),
    (r#""caro""#, "starts_with", r#"[""]"#, True),
    (r#""ca""#, "starts_with", r#"["caro"]"#, False),
    (r#""kim@example.com""#, "ends_with", r#"["@example.com"]"#, True),
    (r#""kim@example.com ""#, "ends_with", r#"["@example.com"]"#, False),
    (r#""kim@example.com""#, "contains", r#"["@exam"]"#, True),
    (r#""kim@example.com""#, "contains", r#"["@EXAM"]"#, False),
    (r#""Caro-CLI""#, "starts_with_ignore_case", r#"["caRO"]"#, True),
    (r#""Caro-CLI""#, "starts_with_ignore_case", r#"["cli"]"#, False),
    (r#""Kim@Example.COM""#, "ends_with_ignore_case", r#"["@example.com"]"#, True),
    (r#""Kim@Example.COM""#, "ends_with_ignore_case", r#"["@example.org"]"#, False),
    (r#""Kim@Example.COM""#, "contains_ignore_case", r#"["EXAMPLE"]"#, True),
    (r#""Kim@Example.COM""#, "contains_ignore_case", r#"["examples"]"#, False),
    ("5", "starts_with", r#"["5"]"#, Unknown),
    ("true", "contains_ignore_case", r#"["true"]"#, Unknown),
    ("{}", "ends_with", r#"["}"]"#, Unknown),
];

/// Without the feature the table has the rows that are still told, so that every operator stands in one.
pub(super) const PATTERNS: &[Row] = &[
    (r#""install-7""#, "matches", r#"["^install-[0-9]+$"]"#, True),
    (r#""install-x""#, "matches", r#"["^install-[0-9]+$"]"#, False),
    // Found anywhere unless anchored, and in one of several patterns.
    (r#""my install-7 here""#, "matches", r#"["x+y", "install-[0-9]"]"#, True),
    (r#""a\nb""#, "matches", r#"["a.b"]"#, False),
    (r#""INSTALL""#, "matches", r#"["(?i)install"]"#, True),
    ("7", "matches", r#"["7"]"#, Unknown),
];

const UNICODE: &[Row] = &[
    // Equality is of bytes: no folding, no normal form.
    (r#""\u00e9""#, "equals", r#"["e\u0301"]"#, False),
    (r#""\u00df""#, "equals", r#"["ss"]"#, False),
    (r#""\ufeffkim""#, "equals", r#"["kim"]"#, False),
    (r#""kim\n""#, "equals", r#"["kim"]"#, False),
    (r#""\u00c9t\u00e9""#, "starts_with_ignore_case", r#"["\u00e9T\u00c9"]"#, True),
    (r#""E\u0301""#, "contains_ignore_case", r#"["\u00e9"]"#, False),
    (r#""STRASSE""#, "ends_with_ignore_case", r#"["stra\u00dfe"]"#, True),
    (r#""stra\u00dfe""#, "starts_with_ignore_case", r#"["STRASS"]"#, True),
    (r#""\u039f\u03a3""#, "ends_with_ignore_case", r#"["\u03bf\u03c2"]"#, True),
    (r#""\u03bf\u03c3""#, "contains_ignore_case", r#"["\u03a3"]"#, True),
    (r#""\u0130""#, "contains_ignore_case", r#"["i"]"#, True),
    (r#""I""#, "starts_with_ignore_case", r#"["\u0131"]"#, True),
    // A letter may fold to several, of which the value need not begin or end with the first or last.
    (r#""\u00dfa""#, "contains_ignore_case", r#"["sa"]"#, True),
    (r#""\u00dfa""#, "ends_with_ignore_case", r#"["sa"]"#, True),
    (r#""a\u00df""#, "starts_with_ignore_case", r#"["as"]"#, True),
    (r#""\ufb03""#, "contains_ignore_case", r#"["FI"]"#, True),
];

#[test]
fn texts_are_searched() {
    assert_rows(TEXTS);
}

#[test]
fn e21_case_folds_by_unicode_and_nothing_is_normalised() {
    assert_rows(UNICODE);
}

#[test]
fn e22_nothing_is_trimmed() {
    assert_rows(&[
        (r#"" kim""#, "in", r#"["kim"]"#, False),
        (r#""kim\u00a0""#, "equals", r#"["kim"]"#, False),
        (r#""kim""#, "in", r#"["kim "]"#, False),
        (r#"" kim""#, "starts_with_ignore_case", r#"["kim"]"#, False),
    ]);
}

#[cfg(feature = "regex")]
#[test]
fn e35_patterns_are_searched() {
    assert_rows(PATTERNS);
}

#[cfg(not(feature = "regex"))]
#[test]
fn e35_without_the_feature_a_pattern_is_unknown_and_not_false() {
    for (attribute, operator, values, _) in PATTERNS {
        assert_eq!(judged(&wire_test(operator, values), &[], &attributes(attribute)), Unknown, "{attribute} {values}");
    }
}

#[cfg(feature = "regex")]
#[test]
fn e35_fault_37_a_catastrophic_pattern_takes_linear_time() {
    // A backtracking engine takes 2^10,240 steps.
    let attributes = Attributes::new().with("it", format!("{}b", "a".repeat(10 * 1024)));
    assert_eq!(judged(&wire_test("matches", r#"["^(a+)+$", "^(a|a)*$"]"#), &[], &attributes), False);
}

#[cfg(feature = "regex")]
#[test]
fn e35_fault_37_patterns_that_are_not_or_grow_too_large_are_refused() {
    let table = [
        (
            r#"["("]"#,
            "value 0 of the test \"it\" matches is \"(\": regex parse error:\n    (\n    ^\nerror: unclosed group",
        ),
        (
            r#"["a", "(?=b)"]"#,
            "value 1 of the test \"it\" matches is \"(?=b)\": regex parse error:\n    (?=b)\n    ^^^\nerror: look-around, \
             including look-ahead and look-behind, is not supported",
        ),
        (
            r#"["(\\w{1000}){1000}"]"#,
            "value 0 of the test \"it\" matches is \"(\\\\w{1000}){1000}\": Compiled regex exceeds size limit of 65536 bytes.",
        ),
        ("[5]", "value 0 of the test \"it\" matches is of type integer, expected text of a regular expression"),
        ("[null]", "value 0 of the test \"it\" matches is of type null, expected text of a regular expression"),
    ];
    for (values, message) in table {
        assert_eq!(refusal(&wire_test("matches", values), &[]), message, "{values}");
    }
}
