//! What cannot be compiled: each broken flag is quarantined alone, with a reason that says what is wrong with it.

mod document;

use std::collections::BTreeSet;
use std::error::Error;

use document::{compile, json, split, switch};
use flag_core::wire::Snapshot;
use flag_core::{Context, FlagError, Reason, Ruleset};

/// A flag key, its JSON, and why it is quarantined.
struct Case {
    key: &'static str,
    flag: String,
    message: String,
}

/// A boolean flag whose other fields are `body`.
fn case(body: &str, message: &str) -> Case {
    Case { key: "broken", flag: switch("broken", body), message: message.to_owned() }
}

/// A flag in full.
fn whole(flag: &str, message: &str) -> Case {
    Case { key: "broken", flag: format!(r#""broken": {flag}"#), message: message.to_owned() }
}

/// A flag whose fallthrough is this serve.
fn serving(serve: &str, message: &str) -> Case {
    case(&format!(r#""fallthrough": {serve}"#), message)
}

/// A flag whose fallthrough is a split by this allocation.
fn allocating(allocation: &str, message: &str) -> Case {
    serving(&format!(r#"{{"exposure": 50000, "allocation": {allocation}, "otherwise": "off"}}"#), message)
}

fn in_group(membership: &str, message: &str) -> Case {
    case(&format!(r#""group": {membership}, "fallthrough": {{"variant": "on"}}"#), message)
}

fn needing(prerequisites: &str, message: &str) -> Case {
    case(&format!(r#""prerequisites": [{prerequisites}], "fallthrough": {{"variant": "on"}}"#), message)
}

const SOUND: &str = r#""fallthrough": {"variant": "on"}"#;
const GROUPS: &str = r#""groups": {"prices": {}, "by_org": {"unit": "org"}, "odd": {"holdout": -1}}, "segments": {"circle": {"segment": "circle"}, "odd": 5}"#;

fn repeated(count: usize, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(", ")
}

fn forms() -> Vec<Case> {
    let deep = format!("{}0{}", r#"{"a": "#.repeat(16), "}".repeat(16));
    let long = "k".repeat(129);
    vec![
        Case {
            key: "not a key",
            flag: switch("not a key", SOUND),
            message: r#"key "not a key" holds ' ', expected only [A-Za-z0-9._-]"#.to_owned(),
        },
        Case {
            key: "",
            flag: switch("", SOUND),
            message: "a key is empty, expected 1 to 128 characters of [A-Za-z0-9._-]".to_owned(),
        },
        case(
            &format!(r#""requires": ["quantum"], {SOUND}"#),
            r#"requires feature "quantum", which this version does not know"#,
        ),
        case(&format!(r#""bucketing": 2, {SOUND}"#), "bucketing version is 2, expected 1"),
        case(&format!(r#""bucketing": 0, {SOUND}"#), "bucketing version is 0, expected 1"),
        case(&format!(r#""seed": "", {SOUND}"#), "seed has 0 bytes, expected 1 to 128"),
        case(&format!(r#""seed": "{long}", {SOUND}"#), "seed has 129 bytes, expected 1 to 128"),
        case(&format!(r#""unit": "", {SOUND}"#), "unit has 0 bytes, expected 1 to 128"),
        whole(
            &format!(r#"{{"variants": {{"{long}": true}}, "off_variant": "x", "fallthrough": {{"variant": "x"}}}}"#),
            "a variant id has 129 bytes, expected 1 to 128",
        ),
        case(
            &format!(r#""rules": [{{"id": "", "when": {{"all": []}}, "serve": {{"variant": "on"}}}}], {SOUND}"#),
            "a rule id has 0 bytes, expected 1 to 128",
        ),
        whole(
            r#"{"variants": {}, "off_variant": "off", "fallthrough": {"variant": "off"}}"#,
            "has no variants, expected at least one",
        ),
        whole(
            r#"{"variants": {"a": 1, "b": "1"}, "off_variant": "a", "fallthrough": {"variant": "a"}}"#,
            r#"variant "b" is of type string, expected integer as the other variants are"#,
        ),
        whole(
            r#"{"variants": {"a": 1, "b": 1.5}, "off_variant": "a", "fallthrough": {"variant": "a"}}"#,
            r#"variant "b" is of type float, expected integer as the other variants are"#,
        ),
        whole(
            r#"{"variants": {"a": null}, "off_variant": "a", "fallthrough": {"variant": "a"}}"#,
            r#"variant "a" is of type null, expected a bool, string, integer, float or object"#,
        ),
        whole(
            r#"{"variants": {"a": [1]}, "off_variant": "a", "fallthrough": {"variant": "a"}}"#,
            r#"variant "a" is of type list, expected a bool, string, integer, float or object"#,
        ),
        whole(
            &format!(r#"{{"variants": {{"a": {deep}}}, "off_variant": "a", "fallthrough": {{"variant": "a"}}}}"#),
            r#"variant "a" is nested deeper than 16 levels"#,
        ),
        whole(
            r#"{"variants": {"on": true}, "off_variant": "off", "fallthrough": {"variant": "on"}}"#,
            r#"off_variant serves variant "off", which the flag does not have"#,
        ),
        case(
            &format!(r#""rules": [{{"id": "r", "when": {{"all": []}}, "serve": {{"variant": "blue"}}}}], {SOUND}"#),
            r#"rule "r" serves variant "blue", which the flag does not have"#,
        ),
        case(
            &format!(
                r#""rules": [{{"id": "r", "when": {{"all": []}}, "serve": {{"variant": "on"}}}},
                             {{"id": "r", "when": {{"all": []}}, "serve": {{"variant": "on"}}}}], {SOUND}"#
            ),
            r#"rule "r" stands twice"#,
        ),
    ]
}

fn serves() -> Vec<Case> {
    let neither = "fallthrough is neither a variant nor a split, expected either variant alone or exposure";
    let no_blue = r#"fallthrough serves variant "blue", which the flag does not have"#;
    let gap =
        |at: u32| format!("fallthrough: buckets from {at} belong to no range, expected ranges that cover 0..100000");
    vec![
        serving("{}", neither),
        serving(r#"{"variant": "on", "exposure": 50000}"#, neither),
        serving(r#"{"variant": "on", "otherwise": "off"}"#, neither),
        serving(r#"{"otherwise": "off"}"#, neither),
        serving(r#"{"allocation": {"on": [[0, 100000]]}, "otherwise": "off"}"#, neither),
        whole(
            r#"{"variants": {"a": 1, "b": 2, "off": 3}, "fallthrough": {"exposure": 50000}}"#,
            "fallthrough splits without allocation, expected one, since no single variant means on",
        ),
        serving(r#"{"variant": "blue"}"#, no_blue),
        serving(r#"{"exposure": 0, "allocation": {"on": [[0, 100000]]}, "otherwise": "blue"}"#, no_blue),
        allocating(r#"{"blue": [[0, 100000]]}"#, no_blue),
        allocating(r#"{"blue": []}"#, no_blue),
        allocating("{}", "fallthrough: no ranges, expected at least one"),
        allocating(r#"{"on": []}"#, "fallthrough: no ranges, expected at least one"),
        allocating(r#"{"on": [[0, 99999]]}"#, &gap(99_999)),
        allocating(r#"{"on": [[1, 100000]]}"#, &gap(0)),
        allocating(r#"{"on": [[0, 40000]], "off": [[60000, 100000]]}"#, &gap(40_000)),
        allocating(
            r#"{"on": [[0, 60000]], "off": [[40000, 100000]]}"#,
            "fallthrough: buckets from 40000 belong to two ranges",
        ),
        allocating(r#"{"on": [[0, 100000], [0, 100000]]}"#, "fallthrough: buckets from 0 belong to two ranges"),
        allocating(r#"{"on": [[0, 100001]]}"#, "fallthrough: range [0, 100001] ends above 100000"),
        allocating(r#"{"on": [[0, 50000], [50000, 50000]]}"#, "fallthrough: range [50000, 50000] is empty or reversed"),
        allocating(r#"{"on": [[70000, 30000]]}"#, "fallthrough: range [70000, 30000] is empty or reversed"),
    ]
}

fn limits() -> Vec<Case> {
    let always = r#"{"variant": "on"}"#;
    let variants = repeated(257, |n| format!(r#""v{n}": {n}"#));
    let rules = repeated(1_001, |n| format!(r#"{{"id": "r{n}", "when": {{"all": []}}, "serve": {always}}}"#));
    let prerequisites = repeated(65, |_| r#"{"flag": "sound", "variants": ["on"]}"#.to_owned());
    let ranges = repeated(1_025, |n| format!("[{n}, {}]", if n == 1_024 { 100_000 } else { n + 1 }));
    vec![
        whole(
            &format!(r#"{{"variants": {{{variants}}}, "off_variant": "v0", "fallthrough": {{"variant": "v0"}}}}"#),
            "has 257 variants, expected at most 256",
        ),
        case(&format!(r#""rules": [{rules}], {SOUND}"#), "has 1001 rules, expected at most 1000"),
        needing(&prerequisites, "has 65 prerequisites, expected at most 64"),
        allocating(&format!(r#"{{"on": [{ranges}]}}"#), "has 1025 ranges, expected at most 1024"),
        in_group(&format!(r#"{{"name": "prices", "slots": [{ranges}]}}"#), "has 1025 slots, expected at most 1024"),
    ]
}

fn references() -> Vec<Case> {
    let rule =
        |when: &str| format!(r#""rules": [{{"id": "r", "when": {when}, "serve": {{"variant": "on"}}}}], {SOUND}"#);
    vec![
        case(&rule("{}"), r#"rule "r" has a broken condition"#),
        case(&rule(r#"{"segment": "absent"}"#), r#"rule "r" has a broken condition"#),
        needing(r#"{"flag": "absent", "variants": ["on"]}"#, r#"prerequisite "absent" does not exist"#),
        needing(r#"{"flag": "sound", "variants": ["blue"]}"#, r#"prerequisite "sound" has no variant "blue""#),
        needing(
            r#"{"flag": "sound", "variants": ["on"]}, {"flag": "broken", "variants": ["on"]}"#,
            "prerequisites form a cycle: broken -> broken",
        ),
        in_group(r#"{"name": "absent", "slots": [[0, 1]]}"#, r#"exclusion group "absent" does not exist"#),
        in_group(
            r#"{"name": "odd", "slots": [[0, 1]]}"#,
            r#"exclusion group "odd" is malformed: invalid value: integer `-1`, expected u64"#,
        ),
        in_group(
            r#"{"name": "by_org", "slots": [[0, 1]]}"#,
            r#"exclusion group "by_org" is bucketed by org, the flag by unit"#,
        ),
        in_group(r#"{"name": "prices", "slots": []}"#, r#"exclusion group "prices": no ranges, expected at least one"#),
        in_group(
            r#"{"name": "prices", "slots": [[5, 5]]}"#,
            r#"exclusion group "prices": range [5, 5] is empty or reversed"#,
        ),
        in_group(
            r#"{"name": "prices", "slots": [[0, 9], [8, 20]]}"#,
            r#"exclusion group "prices": buckets from 8 belong to two ranges"#,
        ),
        in_group(
            r#"{"name": "prices", "slots": [[0, 200000]]}"#,
            r#"exclusion group "prices": range [0, 200000] ends above 100000"#,
        ),
    ]
}

/// Flags that do not even have a flag's form.
fn malformed() -> Vec<Case> {
    let at = |message: &str| format!("malformed: {message}");
    let nots = 200;
    let deep =
        format!(r#"{{"rules": [{{"id": "r", "when": {}{{}}{}}}]}}"#, r#"{"not": "#.repeat(nots), "}".repeat(nots));
    vec![
        whole(&deep, &at("recursion limit exceeded")),
        whole("{}", &at("missing field `fallthrough`")),
        whole("5", &at("invalid type: integer `5`, expected a flag")),
        whole("null", &at("invalid type: null, expected a flag")),
        whole(r#"{"variants": 1}"#, &at("invalid type: integer `1`, expected an object")),
        whole(r#"{"variants": {"on": true, "on": false}}"#, &at(r#""on" stands twice"#)),
        whole(
            r#"{"kind": "quantum"}"#,
            &at(
                "unknown variant `quantum`, expected one of `release`, `experiment`, `ops`, `permission`, `kill_switch`",
            ),
        ),
        whole(r#"{"fallthrough": {"exposure": 100001}}"#, &at("share 100001 is above 100000 thousandths of a percent")),
        whole(r#"{"fallthrough": {"exposure": 12.5}}"#, &at("invalid type: floating point `12.5`, expected u64")),
        whole(r#"{"fallthrough": {"exposure": "25%"}}"#, &at("invalid type: string \"25%\", expected u64")),
        whole(r#"{"fallthrough": {"exposure": -1}}"#, &at("invalid value: integer `-1`, expected u64")),
        whole(r#"{"off_after": "2026-01-15"}"#, &at("not an RFC 3339 time: ends at byte 10, expected 'T' or a space")),
        whole(
            r#"{"prerequisites": [{"flag": "a b", "variants": []}]}"#,
            &at("key \"a b\" holds ' ', expected only [A-Za-z0-9._-]"),
        ),
        whole(
            r#"{"variants": {"a": 18446744073709551615}}"#,
            &at("number 18446744073709551615 is above the largest integer, 9223372036854775807"),
        ),
    ]
}

/// A message without the line and column, which are the JSON reader's to say.
fn what(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or_default()
}

fn assert_alone(ruleset: &Ruleset, key: &str, message: &str) {
    let quarantined: Vec<(&str, String)> = ruleset.quarantined().map(|(key, error)| (key, error.to_string())).collect();
    assert_eq!(quarantined.iter().map(|(key, message)| (*key, what(message))).collect::<Vec<_>>(), [(key, message)]);
    let context = Context::new("install-8");
    assert_eq!(ruleset.evaluate(key, &context).reason(), Reason::ParseError, "{key}");
    assert_eq!(ruleset.evaluate("sound", &context).bool(), Ok(true));
    assert_eq!(ruleset.evaluate("absent", &context).reason(), Reason::FlagNotFound);
    assert_eq!(ruleset.flags().map(|flag| flag.key().to_string()).collect::<Vec<_>>(), ["sound", "sound_as_well"]);
    let layers = ruleset.explain(key, &context).layers;
    assert_eq!(what(&layers[0].detail), format!("the flag cannot be compiled: {message}"));
}

fn assert_cases(cases: &[Case]) {
    for Case { key, flag, message } in cases {
        // Between two sound flags, so that neither what comes before nor what comes after is touched.
        let flags = [switch("sound", SOUND), flag.clone(), switch("sound_as_well", SOUND)].join(",");
        assert_alone(&compile(&flags, GROUPS), key, message);
    }
}

#[test]
fn e26_a_flag_of_broken_form_is_quarantined_alone() {
    assert_cases(&malformed());
}

#[test]
fn e26_a_flag_that_does_not_hold_together_is_quarantined_alone() {
    assert_cases(&forms());
}

#[test]
fn e05_ranges_that_do_not_cover_the_lane_are_refused() {
    assert_cases(&serves());
}

#[test]
fn e26_a_reference_that_leads_nowhere_is_quarantined_alone() {
    assert_cases(&references());
}

#[test]
fn e27_limits_are_kept() {
    assert_cases(&limits());
}

#[test]
fn e05_slots_of_two_flags_overlap_and_both_are_quarantined() {
    let member = |key: &str, slots: &str| {
        switch(key, &format!(r#""group": {{"name": "prices", "slots": {slots}}}, "fallthrough": {}"#, split(100_000)))
    };
    let flags =
        [member("a", "[[0, 50]]"), member("b", "[[10, 20]]"), member("c", "[[40, 60]]"), member("d", "[[60, 70]]")];
    let ruleset = compile(&flags.join(","), GROUPS);
    let quarantined: Vec<String> = ruleset.quarantined().map(|(key, error)| format!("{key}: {error}")).collect();
    assert_eq!(
        quarantined,
        [
            r#"a: exclusion group "prices": slot 10 also belongs to flag "b""#,
            r#"b: exclusion group "prices": slot 10 also belongs to flag "a""#,
            r#"c: exclusion group "prices": slot 40 also belongs to flag "a""#,
        ]
    );
    assert!(ruleset.flag("d").is_some());
}

#[test]
fn a_broken_condition_carries_its_cause() {
    let rule = |when: &str| {
        switch("broken", &format!(r#""rules": [{{"id": "r", "when": {when}, "serve": {{"variant": "on"}}}}], {SOUND}"#))
    };
    let table = [
        (r#"{"segment": "absent"}"#, r#"segment "absent" does not exist"#),
        (r#"{"segment": "circle"}"#, r#"segment "circle" refers to itself"#),
        (r#"{"segment": "odd"}"#, r#"segment "odd" is malformed: invalid type: integer `5`, expected a condition"#),
        (
            r#"{"attribute": "a", "operator": "in", "values": []}"#,
            r#"the test "a" in has no values, expected at least one"#,
        ),
    ];
    for (when, message) in table {
        let flags = [rule(when), format!(r#""malformed": {{}}, {}"#, switch("sound", SOUND))].join(",");
        let ruleset = compile(&flags, GROUPS);
        let (_, error) = ruleset.quarantined().find(|(key, _)| *key == "broken").unwrap();
        assert_eq!(what(&error.source().unwrap().to_string()), message);
        assert!(ruleset.flag("sound").is_some());
    }
}

#[test]
fn every_way_to_be_quarantined_is_tested() {
    let cases = [forms(), serves(), limits(), references(), malformed()];
    let flags: Vec<Ruleset> = cases
        .iter()
        .flatten()
        .map(|case| compile(&[switch("sound", SOUND), case.flag.clone()].join(","), GROUPS))
        .collect();
    let name = |error: &FlagError| {
        let debug = format!("{error:?}");
        debug.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned()
    };
    let seen: BTreeSet<String> = flags.iter().flat_map(Ruleset::quarantined).map(|(_, error)| name(error)).collect();
    // `PrerequisiteQuarantined`, `PrerequisiteDepth`, `PrerequisiteCost` and `GroupOverlap` take several flags: they have tests of
    // their own, here and in `prerequisites.rs`.
    let alone = [
        "Allocation",
        "BucketingVersion",
        "Condition",
        "GroupSlots",
        "GroupUnit",
        "Key",
        "Length",
        "Malformed",
        "MalformedGroup",
        "NoAllocation",
        "NoGroup",
        "NoPrerequisite",
        "NoVariant",
        "NoVariants",
        "PrerequisiteCycle",
        "PrerequisiteVariant",
        "RuleTwice",
        "ServeForm",
        "TooMany",
        "UnknownFeature",
        "VariantDepth",
        "VariantForm",
        "VariantType",
    ];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), alone);
}

#[test]
fn a_document_that_is_no_snapshot_is_refused_whole() {
    let table = [
        (String::new(), "snapshot is malformed", "EOF while parsing a value"),
        ("5".to_owned(), "snapshot is malformed", "invalid type: integer `5`, expected a snapshot"),
        (r#"{"schema": 1}"#.to_owned(), "snapshot is malformed", "missing field `project`"),
        (r#"{"schema": 2}"#.to_owned(), "snapshot has schema 2, expected 1", ""),
        (json("", "").replace(r#""schema": 1"#, r#""schema": 7"#), "snapshot has schema 7, expected 1", ""),
        (json("", "") + "x", "snapshot is malformed", "trailing characters"),
        (
            json("", r#""kills": [{"id": 5, "target": "f"}]"#),
            "snapshot is malformed",
            "invalid type: integer `5`, expected a string",
        ),
        (
            json(&[switch("twice", SOUND), switch("twice", SOUND)].join(","), ""),
            "snapshot is malformed",
            r#""twice" stands twice"#,
        ),
    ];
    for (document, message, cause) in table {
        let error = Snapshot::from_json(document.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), message, "{document}");
        let source = error.source().map(ToString::to_string).unwrap_or_default();
        assert_eq!(what(&source), cause, "{document}");
    }
}

#[test]
fn e27_too_many_flags_are_refused_whole() {
    let least = r#"{"variants":{"a":1},"off_variant":"a","fallthrough":{"variant":"a"}}"#;
    let flags = repeated(200_001, |n| format!(r#""f{n}":{least}"#));
    let error = Snapshot::from_json(json(&flags, "").as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "snapshot has 200001 flags, expected at most 200000");
}

#[test]
fn e27_deep_json_is_not_followed_to_the_end_of_the_stack() {
    for (open, close) in [("[", "]"), (r#"{"not":"#, "}")] {
        let deep = format!("{}0{}", open.repeat(100_000), close.repeat(100_000));
        let flags = [switch("deep", &format!(r#""rules": [{deep}], {SOUND}"#)), switch("sound", SOUND)].join(",");
        let ruleset = compile(&flags, &format!(r#""segments": {{"deep": {deep}}}"#));
        assert_eq!(ruleset.quarantined().map(|(key, _)| key).collect::<Vec<_>>(), ["deep"]);
        assert!(ruleset.flag("sound").is_some());
        let outside = json("", &format!(r#""lifted": {deep}"#));
        assert_eq!(Snapshot::from_json(outside.as_bytes()).unwrap_err().to_string(), "snapshot is malformed");
    }
}

/// A flag whose rule has so many patterns.
fn matching(key: &str, patterns: usize) -> String {
    let values = repeated(patterns, |_| r#""a""#.to_owned());
    let test = format!(r#"{{"attribute": "os", "operator": "matches", "values": [{values}]}}"#);
    switch(key, &format!(r#""rules": [{{"id": "r", "when": {test}, "serve": "on"}}], {SOUND}"#))
}

/// The same in the segment `os` as well. What stands after the rule makes the document's reader begin this flag again.
fn matching_again(key: &str, patterns: usize) -> String {
    let rule = matching(key, patterns).replace(r#""when": {"#, r#""when": {"all": [{"segment": "os"}, {"#);
    rule.replace(r#"]}, "serve": "on"}"#, r#"]}]}, "serve": "on"}"#).replace(SOUND, &format!(r#""later": 1, {SOUND}"#))
}

#[test]
fn e27_regular_expressions_are_counted_over_the_whole_ruleset() {
    let refused = r#"the test "os" matches takes the ruleset above 1000 regular expressions"#;
    let segments = format!(
        r#""segments": {{"os": {{"attribute": "os", "operator": "matches", "values": [{}]}}}}"#,
        repeated(600, |_| r#""a""#.to_owned())
    );
    let cases = [
        (vec![matching("first", 1_000)], String::new(), vec![]),
        (vec![matching("first", 1_000), matching("second", 1)], String::new(), vec!["second"]),
        (vec![matching_again("first", 400), matching("second", 1)], segments.clone(), vec!["second"]),
        // The segment is compiled for the first of them, and once.
        (vec![matching_again("first", 200), matching_again("second", 200)], segments.clone(), vec![]),
        (vec![matching_again("first", 200), matching_again("second", 201)], segments, vec!["second"]),
    ];
    for (flags, segments, expected) in cases {
        // Segments first, as they are published, so that the document is compiled as it is read.
        let comma = if segments.is_empty() { "" } else { "," };
        let document = json(&flags.join(","), "").replace(r#""flags""#, &format!(r#"{segments}{comma}"flags""#));
        let parsed = Snapshot::from_json(document.as_bytes()).unwrap();
        for ruleset in [Ruleset::from_json(document.as_bytes()).unwrap(), Ruleset::from_parsed(&parsed)] {
            let found: Vec<(&str, String)> = ruleset
                .quarantined()
                .map(|(key, error)| (key, error.source().map(ToString::to_string).unwrap_or_default()))
                .collect();
            let expected: Vec<(&str, String)> = expected.iter().map(|key| (*key, refused.to_owned())).collect();
            assert_eq!(found, expected);
        }
    }
}
