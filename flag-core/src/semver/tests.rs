#![allow(clippy::unwrap_used, reason = "a test that cannot build its input has failed")]

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

use proptest::prelude::*;

use super::*;

fn version(text: &str) -> Version<'_> {
    Version::parse(text).unwrap()
}

/// `^1.2` and the like.
fn requirement(text: &str) -> VersionRequirement {
    let operators = [
        VersionOperator::GreaterOrEqual,
        VersionOperator::LessOrEqual,
        VersionOperator::Equal,
        VersionOperator::Greater,
        VersionOperator::Less,
        VersionOperator::Caret,
        VersionOperator::Tilde,
    ];
    let split = |operator: VersionOperator| Some((operator, text.strip_prefix(&operator.to_string())?));
    let (operator, version) = operators.into_iter().find_map(split).unwrap();
    VersionRequirement::new(operator, version).unwrap()
}

fn assert_ascending(versions: &[&str]) {
    for (i, a) in versions.iter().enumerate() {
        for (j, b) in versions.iter().enumerate() {
            assert_eq!(version(a).cmp(&version(b)), i.cmp(&j), "{a} against {b}");
        }
    }
}

#[test]
fn e34_order_of_the_specification() {
    assert_ascending(&[
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "2.0.0",
        "2.1.0",
        "2.1.1",
    ]);
}

#[test]
fn e34_numbers_compare_as_numbers() {
    assert_ascending(&["0.9.9", "0.9.10", "0.10.0", "1.2.3", "1.24.3", "1.100.0", "9.0.0", "10.0.0"]);
}

#[test]
fn e34_prerelease_sorts_before_release() {
    assert_ascending(&["1.2.2", "1.2.3-0", "1.2.3-rc.1", "1.2.3", "1.2.4-0", "1.2.4"]);
}

#[test]
fn prerelease_identifiers_compare_by_kind_then_value() {
    assert_ascending(&[
        "1.0.0-0",
        "1.0.0-1",
        "1.0.0-9",
        "1.0.0-10",
        "1.0.0-10.0",
        "1.0.0-10.a",
        "1.0.0--",
        "1.0.0--1",
        "1.0.0-0a",
        "1.0.0-1-0",
        "1.0.0-RC",
        "1.0.0-a",
        "1.0.0-a.0",
        "1.0.0-a-",
        "1.0.0-a0",
        "1.0.0-rc",
    ]);
}

#[test]
fn numbers_of_any_length_compare() {
    let long = |digit: &str| digit.repeat(500);
    let texts = [
        "18446744073709551614.0.0".to_string(),
        "18446744073709551615.0.0".to_string(),
        "18446744073709551616.0.0-9999999999999999999".to_string(),
        "18446744073709551616.0.0-18446744073709551616".to_string(),
        "18446744073709551616.0.0-18446744073709551617".to_string(),
        "18446744073709551616.0.0".to_string(),
        "18446744073709551616.0.1".to_string(),
        "18446744073709551616.18446744073709551616.9999999999999999999".to_string(),
        "18446744073709551616.18446744073709551616.10000000000000000000".to_string(),
        format!("{}.0.0", long("8")),
        format!("{}.0.0", long("9")),
        format!("1{}.0.0", long("0")),
    ];
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_ascending(&["9999999999999999999", "10000000000000000000"]);
    assert_ascending(&texts);
}

#[test]
fn e34_same_precedence_is_equal() {
    let table = [
        ("1.0.0+a", "1.0.0+b"),
        ("1.0.0+001", "1.0.0"),
        ("1.0.0-rc.1+a", "1.0.0-rc.1"),
        ("1.0.0+--", "1.0.0+a.b-c.0"),
        ("v1.0.0", "1.0.0"),
        ("V1.0.0", "1.0.0"),
        ("v1", "1.0.0"),
        ("1", "1.0.0"),
        ("1.2", "1.2.0"),
        ("1.2-beta", "1.2.0-beta"),
        ("1+build", "1.0.0"),
        ("0", "0.0.0"),
    ];
    for (a, b) in table {
        assert_eq!(version(a), version(b));
        assert_eq!(version(a).cmp(&version(b)), Ordering::Equal, "{a} against {b}");
        assert_eq!(VersionRequirement::new(VersionOperator::Equal, a).unwrap().matches_text(b), Some(true), "{a}, {b}");
    }
}

#[test]
fn e34_what_is_no_version_is_refused() {
    let table = [
        ("", "ends at byte 0, expected a digit"),
        ("v", "ends at byte 1, expected a digit"),
        ("vv1", "byte 1 is 'v', expected a digit"),
        ("latest", "byte 0 is 'l', expected a digit"),
        (" 1.0.0", "byte 0 is ' ', expected a digit"),
        ("1.0.0 ", "byte 5 is ' ', expected a digit, '-', '+' or the end"),
        ("-1.0.0", "byte 0 is '-', expected a digit"),
        ("+1.0.0", "byte 0 is '+', expected a digit"),
        ("1.", "ends at byte 2, expected a digit"),
        ("1.0.", "ends at byte 4, expected a digit"),
        ("1..0", "byte 2 is '.', expected a digit"),
        ("1.x", "byte 2 is 'x', expected a digit"),
        ("1.*", "byte 2 is '*', expected a digit"),
        ("1x", "byte 1 is 'x', expected a digit, '.', '-', '+' or the end"),
        ("1.0.0.0", "byte 5 is '.', expected a digit, '-', '+' or the end"),
        ("1.0.0beta", "byte 5 is 'b', expected a digit, '-', '+' or the end"),
        ("1.0.0-", "ends at byte 6, expected a letter, a digit or '-'"),
        ("1.0.0-a..b", "byte 8 is '.', expected a letter, a digit or '-'"),
        ("1.0.0-a.", "ends at byte 8, expected a letter, a digit or '-'"),
        ("1.0.0-a_b", "byte 7 is '_', expected a letter, a digit, '-', '.', '+' or the end"),
        ("1.0.0-é", "byte 6 is 'é', expected a letter, a digit or '-'"),
        ("1.0.0+", "ends at byte 6, expected a letter, a digit or '-'"),
        ("1.0.0+a+b", "byte 7 is '+', expected a letter, a digit, '-', '.' or the end"),
        ("1.0.١", "byte 4 is '١', expected a digit"),
        ("01.0.0", "the number at byte 0 has a leading zero"),
        ("v1.00.0", "the number at byte 3 has a leading zero"),
        ("1.0.00", "the number at byte 4 has a leading zero"),
        ("000000000000000000000000", "the number at byte 0 has a leading zero"),
        ("1.0.0-rc.01", "the number at byte 9 has a leading zero"),
    ];
    for (text, expected) in table {
        let error = Version::parse(text).unwrap_err();
        assert_eq!(error.to_string(), format!("not a semantic version: {expected}"), "{text:?}");
        assert_eq!(VersionRequirement::new(VersionOperator::Caret, text), Err(error));
        assert_eq!(requirement(">=0").matches_text(text), None, "{text:?}");
    }
}

#[test]
fn prints_all_three_numbers() {
    let table = [
        ("v1", "1.0.0"),
        ("1.2+b", "1.2.0"),
        ("1.2.3-rc.1+b", "1.2.3-rc.1"),
        ("18446744073709551616", "18446744073709551616.0.0"),
    ];
    for (text, expected) in table {
        assert_eq!(version(text).to_string(), expected);
    }
}

#[test]
fn e34_comparisons_go_by_precedence() {
    let table = [
        ("=1.2", "1.2.0", true),
        ("=1.2", "1.2.1", false),
        ("=1.2", "1.2.0-rc.1", false),
        (">1", "1.0.0", false),
        (">1", "1.0.1", true),
        (">1.2.3", "1.2.3+build", false),
        (">1.2.3-rc.1", "1.2.3", true),
        (">=1.2.0", "1.2.0", true),
        (">=1.2.0", "1.2.0-rc.1", false),
        (">=1.2.0", "1.3.0-alpha", true),
        (">=1.2.0-rc.1", "1.2.0-rc.2", true),
        ("<2.0.0", "2.0.0-alpha", true),
        ("<2.0.0", "2.0.0", false),
        ("<=2", "2.0.0", true),
        ("<=2", "2.0.1", false),
        ("<=2", "2.0.0-alpha", true),
        (">=9.0.0", "10.0.0", true),
    ];
    for (text, version, expected) in table {
        assert_eq!(requirement(text).matches_text(version), Some(expected), "{version} against {text}");
    }
}

#[test]
fn e34_ranges_start_and_stop() {
    // A range, the newest version before it, two in it (the first and the last), and the oldest after it.
    let big = "18446744073709551616";
    let (wide, before, first, last, after) = (
        format!("^{big}.1"),
        format!("{big}.0.99"),
        format!("{big}.1.0"),
        format!("{big}.99.99"),
        "18446744073709551617.0.0-0".to_string(),
    );
    let table = [
        ("^1.2.3", "1.2.3-rc.1", "1.2.3", "1.99.99", "2.0.0-0"),
        ("^1.2", "1.2.0-rc.1", "1.2.0", "1.99.99", "2.0.0-alpha"),
        ("^1", "1.0.0-rc.1", "1.0.0", "1.99.99", "2.0.0-0"),
        ("^1.0.0", "0.99.99", "1.0.0", "1.99.99", "2.0.0"),
        ("^0.2.3", "0.2.2", "0.2.3", "0.2.99", "0.3.0-0"),
        ("^0.2", "0.1.99", "0.2.0", "0.2.99", "0.3.0-0"),
        ("^0.0.3", "0.0.2", "0.0.3", "0.0.3", "0.0.4-0"),
        ("^0.0.0", "0.0.0-0", "0.0.0", "0.0.0", "0.0.1-0"),
        ("^0.0", "0.0.0-0", "0.0.0", "0.0.99", "0.1.0-0"),
        ("^0", "0.0.0-0", "0.0.0", "0.99.99", "1.0.0-0"),
        ("^1.2.3-beta.2", "1.2.3-beta.1", "1.2.3-beta.2", "1.99.99-alpha", "2.0.0-beta.2"),
        ("^0.0.3-beta", "0.0.3-alpha", "0.0.3-beta", "0.0.3", "0.0.4-beta"),
        ("^v1.2+build", "1.1.99", "1.2.0", "1.99.99", "2.0.0-0"),
        ("~1.2.3", "1.2.2", "1.2.3", "1.2.99", "1.3.0-0"),
        ("~1.2", "1.1.99", "1.2.0", "1.2.99", "1.3.0-0"),
        ("~1", "0.99.99", "1.0.0", "1.99.99", "2.0.0-0"),
        ("~0.2.3", "0.2.2", "0.2.3", "0.2.99", "0.3.0-0"),
        ("~0.0.3", "0.0.2", "0.0.3", "0.0.99", "0.1.0-0"),
        ("~0", "0.0.0-0", "0.0.0", "0.99.99", "1.0.0-0"),
        ("~1.2.3-beta.2", "1.2.3-beta.1", "1.2.3-beta.2", "1.2.99-alpha", "1.3.0-beta.2"),
        (&wide, &before, &first, &last, &after),
    ];
    for (text, before, first, last, after) in table {
        for (version, expected) in [(before, false), (first, true), (last, true), (after, false)] {
            assert_eq!(requirement(text).matches_text(version), Some(expected), "{version} against {text}");
        }
    }
}

#[test]
fn pre_release_is_told_apart() {
    for (text, expected) in [("1.0.0-0", true), ("1-a+b", true), ("1.0.0", false), ("1.0.0+a-b", false)] {
        assert_eq!(version(text).is_pre_release(), expected, "{text}");
    }
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[0-3]", 1 => "0|[1-9][0-9]{0,30}"]
}

fn pre_release() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), r"-(0|[1-9][0-9]{0,25}|[0-9]{0,2}[a-cA-C-][0-9a-c-]{0,2})(\.([0-2]|[a-c])){0,2}"]
}

fn full_version() -> impl Strategy<Value = String> {
    (number(), number(), number(), pre_release(), "|\\+[0-9a-c-]{1,3}")
        .prop_map(|(major, minor, patch, pre_release, build)| format!("{major}.{minor}.{patch}{pre_release}{build}"))
}

proptest! {
    #[test]
    fn order_is_total(a in full_version(), b in full_version(), c in full_version()) {
        let (a, b, c) = (version(&a), version(&b), version(&c));
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a.cmp(&b).is_eq(), a == b);
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
    }

    #[test]
    fn printed_version_reads_back(text in full_version()) {
        let printed = version(&text).to_string();
        prop_assert_eq!(version(&printed), version(&text));
        prop_assert_eq!(printed.as_str(), text.split('+').next().unwrap());
    }

    #[test]
    fn comparisons_agree_with_the_order(a in full_version(), b in full_version()) {
        let order = version(&a).cmp(&version(&b));
        let fulfils = |operator| VersionRequirement::new(operator, &b).unwrap().matches_text(&a).unwrap();
        prop_assert_eq!(fulfils(VersionOperator::Equal), order.is_eq());
        prop_assert_eq!(fulfils(VersionOperator::Greater), order.is_gt());
        prop_assert_eq!(fulfils(VersionOperator::GreaterOrEqual), order.is_ge());
        prop_assert_eq!(fulfils(VersionOperator::Less), order.is_lt());
        prop_assert_eq!(fulfils(VersionOperator::LessOrEqual), order.is_le());
    }

    #[test]
    fn ranges_are_their_two_bounds(
        (major, minor, patch) in (0..3_u8, 0..3_u8, 0..3_u8),
        given in 1..=3_usize,
        text in full_version(),
    ) {
        let numbers = [major, minor, patch].map(|number| number.to_string());
        let partial = numbers.get(..given).unwrap().join(".");
        let [major, minor, patch] = [major, minor, patch].map(u64::from);
        let (minor, patch) = (if given > 1 { minor } else { 0 }, if given > 2 { patch } else { 0 });
        let stop = |numbers: [u64; 3]| { let [a, b, c] = numbers; format!("{a}.{b}.{c}-0") };
        let tilde = if given == 1 { stop([major.wrapping_add(1), 0, 0]) } else { stop([major, minor.wrapping_add(1), 0]) };
        let caret = match (major, minor, given) {
            (1.., ..) | (_, _, 1) => stop([major.wrapping_add(1), 0, 0]),
            (_, 1.., _) | (_, _, 2) => stop([major, minor.wrapping_add(1), 0]),
            _ => stop([major, minor, patch.wrapping_add(1)]),
        };
        let start = version(&partial);
        for (operator, stop) in [(VersionOperator::Caret, caret), (VersionOperator::Tilde, tilde)] {
            let expected = start <= version(&text) && version(&text) < version(&stop);
            let requirement = VersionRequirement::new(operator, &partial).unwrap();
            prop_assert_eq!(requirement.matches_text(&text), Some(expected), "{} against {:?}", text, requirement);
        }
    }

    #[test]
    fn any_text_has_an_answer(text in "[v0-9a.+-]{0,16}|.{0,16}") {
        if let Ok(version) = Version::parse(&text) {
            prop_assert_eq!(requirement(">=0.0.0-0").matches(&version), true);
            let printed = version.to_string();
            prop_assert_eq!(Version::parse(&printed), Ok(version));
        }
    }
}
