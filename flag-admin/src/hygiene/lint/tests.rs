//! What lint says, rule by rule, in its exact words, and what it keeps silent about.

mod laws;

use super::*;

/// The definitions that ship with the program.
pub(super) const SAMPLE: &str = include_str!("../../../sample/flags.toml");
/// What a flag needs to be quiet.
const DOCUMENTED: &str = "description = \"d\"\nowner = \"@zed\"\nadded = { date = \"2026-02-01\" }\ndefault = \"false\"\nexpires = { date = \
                          \"2026-05-01\" }\nstatus = \"s\"\nrollout = \"r\"\nrisks = [\"r\"]\nrollback = \"r\"\ntracking = \"t\"\n";
const METRICS: &str = "metrics = [{ name = \"error_rate\", target = \"<5%\" }]\n";

fn facts(now: &str) -> LintFacts {
    LintFacts { now: now.parse().unwrap(), created: BTreeMap::new() }
}

fn report(text: &str) -> LintReport {
    lint(&Definitions::from_toml(text, "f.toml").unwrap(), &facts("2026-03-01T12:00:00Z"))
}

/// Returns the findings as `rule place: message`.
fn findings(text: &str) -> Vec<String> {
    report(text).findings.iter().map(|one| format!("{} {}: {}", one.rule, one.place, one.message)).collect()
}

/// Returns a documented flag with these lines.
fn flag(key: &str, lines: &str) -> String {
    format!("[flags.{key}]\n{lines}\n[flags.{key}.documentation]\n{DOCUMENTED}{METRICS}\n")
}

/// Returns a flag with rules whose conditions these are. Each serves `on`.
fn rules(conditions: &[&str]) -> String {
    let rule =
        |(index, condition): (usize, &&str)| format!("{{ id = \"r{index}\", when = {condition}, serve = \"on\" }}");
    let rules: Vec<String> = conditions.iter().enumerate().map(rule).collect();
    flag("cloud_sync", &format!("rules = [{}]", rules.join(", ")))
}

#[test]
fn the_sample_has_nothing_to_mend() {
    assert_eq!(
        lint(&Definitions::from_toml(SAMPLE, "f.toml").unwrap(), &facts("2026-03-01T00:00:00Z")),
        LintReport::default()
    );
}

#[test]
fn bad_names_are_told_and_good_ones_are_not() {
    for key in [
        "telemetry_cloud_sync",
        "enhanced_safety_v2",
        "mlx_backend",
        "command_history",
        "latency_test_runner",
        "a_b_c_v12",
    ] {
        assert_eq!(findings(&flag(key, "")), [""; 0], "{key}");
    }
    assert_eq!(findings(&flag("telemetry", "kind = \"kill_switch\"")), [""; 0], "a capability has one word");
    for (key, finding) in [
        ("new_feature", "naming-vague flags.new_feature: the key \"new_feature\" does not say what the flag switches"),
        (
            "experiment_123",
            "naming-vague flags.experiment_123: the key \"experiment_123\" does not say what the flag switches",
        ),
        ("temp_fix", "naming-vague flags.temp_fix: the key \"temp_fix\" does not say what the flag switches"),
        (
            "alice_test",
            "naming-vague flags.alice_test: \"test\" in the key \"alice_test\" says what is planned with the flag, not what it switches",
        ),
        (
            "history",
            "naming-pattern flags.history: the key \"history\" has 1 word, expected <domain>_<feature>, or <domain>_<feature>_v2",
        ),
        (
            "safety_v2",
            "naming-pattern flags.safety_v2: the key \"safety_v2\" has 1 word besides \"v2\", expected <domain>_<feature>, or <domain>_<feature>_v2",
        ),
        (
            "safety_v2_checks",
            "naming-pattern flags.safety_v2_checks: the version \"v2\" does not stand last in the key \"safety_v2_checks\", expected <domain>_<feature>, or <domain>_<feature>_v2",
        ),
        (
            "Cloud-Sync",
            "naming-pattern flags.Cloud-Sync: the key \"Cloud-Sync\" holds 'C', expected <domain>_<feature>, or <domain>_<feature>_v2",
        ),
        (
            "cloud_7_sync",
            "naming-pattern flags.cloud_7_sync: the number \"7\" in the key \"cloud_7_sync\" says nothing, expected <domain>_<feature>, or <domain>_<feature>_v2",
        ),
    ] {
        assert_eq!(findings(&flag(key, "")), [finding], "{key}");
    }
    assert_eq!(
        findings(&flag("zed_playground", "stage = \"beta\"")),
        [
            "naming-personal flags.zed_playground: \"zed\" in the key \"zed_playground\" is the name of an owner, and the flag has left development"
        ]
    );
    assert_eq!(findings(&flag("zed_playground", "stage = \"development\"")), [""; 0]);
}

#[test]
fn personal_data_is_told_and_never_repeated() {
    for (lines, finding) in [
        (
            "variants = { on = \"mail alice@example.com\", off = \"\" }",
            "pii-in-value flags.cloud_sync.variants.on: the value of the variant \"on\" holds an e-mail address",
        ),
        (
            "variants = { on = \"+49 151 2345678\", off = \"\" }",
            "pii-in-value flags.cloud_sync.variants.on: the value of the variant \"on\" holds a telephone number",
        ),
        (
            "variants = { on = \"4111 1111 1111 1111\", off = \"\" }",
            "pii-in-value flags.cloud_sync.variants.on: the value of the variant \"on\" holds a payment card number",
        ),
        (
            "variants = { on = \"192.168.7.13\", off = \"\" }",
            "pii-in-value flags.cloud_sync.variants.on: the value of the variant \"on\" holds a single IP address",
        ),
        (
            "variants = { \"bob@example.com\" = true, off = false }",
            "pii-in-name flags.cloud_sync.variants: the name of a variant holds an e-mail address",
        ),
        (
            "rules = [{ id = \"r\", when = { attribute = \"user.email\", operator = \"ends_with\", values = [\"@example.com\"] }, serve = \"on\" }]",
            "pii-in-attribute flags.cloud_sync.rules[0].when: rule \"r\": the attribute \"user.email\" is personal data",
        ),
        (
            "rules = [{ id = \"r\", when = { attribute = \"unit\", operator = \"in\", values = [\"install-7\"] }, serve = \"on\" }]",
            "pii-in-value flags.cloud_sync.rules[0].when: rule \"r\": the attribute \"unit\" is held against ids of single units",
        ),
    ] {
        let told = findings(&flag("cloud_sync", lines));
        assert_eq!(told, [finding], "{lines}");
        assert!(!told[0].contains("alice@") && !told[0].contains("bob@") && !told[0].contains("4111"), "{told:?}");
    }
    for value in [
        "1.2.3",
        "127.0.0.1",
        "10.0.0.0/8",
        "4111 1111 1111 1112",
        "2026-02-01",
        "@alice",
        "a@b",
        "https://example.com",
        "20260201120000",
    ] {
        let lines = format!("variants = {{ on = \"{value}\", off = \"\" }}");
        assert_eq!(findings(&flag("cloud_sync", &lines)), [""; 0], "{value}");
    }
}

#[test]
fn documentation_owner_and_expiry_are_required() {
    assert_eq!(
        findings("[flags.cloud_sync]"),
        [
            "missing-documentation flags.cloud_sync.documentation: \"cloud_sync\" is not documented: description, added, default, status, \
             rollout, risks, metrics, rollback, tracking missing",
            "missing-owner flags.cloud_sync.documentation: \"cloud_sync\" has no owner, expected documentation.owner = \"@name\"",
            "missing-expiry flags.cloud_sync.documentation.expires: \"cloud_sync\" does not expire, expected documentation.expires = { date = \
             \"...\" }",
        ]
    );
    let expires = |date: &str, lines: &str| findings(&flag("cloud_sync", lines).replace("2026-05-01", date));
    assert_eq!(
        expires("2026-08-02", ""),
        [
            "expiry-too-far flags.cloud_sync.documentation.expires: \"cloud_sync\" expires on 2026-08-02, expected 2026-08-01 at the latest, \
          six months after 2026-02-01"
        ]
    );
    assert_eq!(expires("2026-08-01", ""), [""; 0]);
    assert_eq!(expires("2030-01-01", "kind = \"ops\""), [""; 0], "an operational switch may stay");
    let platform = flag("cloud_sync", "").replace("2026-05-01", "2030-01-01") + "tags = [\"platform\"]\n";
    assert_eq!(findings(&platform), [""; 0], "a platform's flag may stay");
    assert_eq!(
        expires("2026-02-28", ""),
        ["expired flags.cloud_sync.documentation.expires: \"cloud_sync\" should be gone since 2026-02-28"]
    );
    assert_eq!(expires("2026-03-01", ""), [""; 0], "its last day is not over");
    let versioned =
        flag("cloud_sync", "").replace("expires = { date = \"2026-05-01\" }", "expires = { version = \"v1.3.0\" }");
    assert_eq!(
        findings(&versioned),
        [
            "missing-expiry flags.cloud_sync.documentation.expires: \"cloud_sync\" expires with \"v1.3.0\", expected a date as well"
        ]
    );
}

#[test]
fn the_log_says_when_a_flag_was_made_where_nobody_wrote_it_down() {
    let text = flag("cloud_sync", "").replace("added = { date = \"2026-02-01\" }", "added = { version = \"v1\" }");
    let definitions = Definitions::from_toml(&text, "f.toml").unwrap();
    let mut facts = facts("2026-03-01T12:00:00Z");
    assert_eq!(lint(&definitions, &facts).findings, []);
    facts.created.insert("cloud_sync".parse().unwrap(), "2025-10-31T00:00:00Z".parse().unwrap());
    assert_eq!(lint(&definitions, &facts).findings[0].rule, LintRule::ExpiryTooFar);
}

#[test]
fn back_doors_close_within_a_day() {
    let told = |off: &str| findings(&flag("net_debug", off));
    assert_eq!(told("off_after = 2026-03-02T12:00:00Z"), [""; 0]);
    assert_eq!(
        told(""),
        [
            "debug-deadline flags.net_debug.off_after: \"debug\" flag \"net_debug\" has no off_after, expected one within 24 hours"
        ]
    );
    assert_eq!(
        told("off_after = 2026-03-02T12:00:01Z"),
        [
            "debug-deadline flags.net_debug.off_after: \"debug\" flag \"net_debug\" is off after 2026-03-02T12:00:01Z, expected \
          2026-03-02T12:00:00Z at the latest, in 24 hours"
        ]
    );
}

const MAC: &str = "{ attribute = \"os\", operator = \"equals\", values = [\"macos\"] }";
const LINUX: &str = "{ attribute = \"os\", operator = \"equals\", values = [\"linux\"] }";
const UNIX: &str = "{ attribute = \"os\", operator = \"in\", values = [\"linux\", \"macos\"] }";

fn test(attribute: &str, operator: &str, value: &str) -> String {
    format!("{{ attribute = \"{attribute}\", operator = \"{operator}\", values = [{value}] }}")
}

fn all(parts: &[&str]) -> String {
    format!("{{ all = [{}] }}", parts.join(", "))
}

fn any(parts: &[&str]) -> String {
    format!("{{ any = [{}] }}", parts.join(", "))
}

fn not(part: &str) -> String {
    format!("{{ not = {part} }}")
}

#[test]
fn rules_that_are_never_reached_are_told() {
    for (earlier, later) in [
        (UNIX.to_owned(), MAC.to_owned()),
        (MAC.to_owned(), MAC.to_owned()),
        ("{ all = [] }".to_owned(), LINUX.to_owned()),
        (not("{ any = [] }"), LINUX.to_owned()),
        (any(&[MAC, LINUX]), UNIX.replace(", \"macos\"", "")),
        (MAC.to_owned(), all(&[&test("arch", "equals", "\"x86\""), MAC])),
        (test("age", "greater", "18"), test("age", "greater", "20")),
        (test("age", "less_or_equal", "2.5"), test("age", "less", "2")),
        (test("age", "greater", "18"), test("age", "equals", "30, 40.5")),
        (test("v", "semver_greater_or_equal", "\"1.2\""), test("v", "semver_caret", "\"1.3.0\"")),
        (test("v", "semver_caret", "\"1\""), test("v", "semver_tilde", "\"1.4\"")),
        (test("t", "after", "\"2026-01-01T00:00:00Z\""), test("t", "after", "1790000000000")),
        (test("name", "starts_with", "\"ab\""), test("name", "starts_with", "\"abc\"")),
        (test("name", "contains", "\"b\""), test("name", "ends_with", "\"abc\"")),
        (test("name", "matches", "\"^a+$\""), test("name", "in", "\"a\", \"aaa\"")),
        ("{ attribute = \"os\", operator = \"exists\" }".to_owned(), MAC.to_owned()),
        (not(MAC), not(UNIX)),
        (any(&[MAC, &not(MAC)]), LINUX.to_owned()),
    ] {
        let expected = "shadowed-rule flags.cloud_sync.rules[1]: rule \"r1\" is never reached: rule \"r0\" takes everyone it is for";
        assert_eq!(findings(&rules(&[&earlier, &later])), [expected], "{earlier} before {later}");
    }
}

#[test]
fn rules_that_may_be_reached_are_not_told() {
    for (earlier, later) in [
        (MAC.to_owned(), UNIX.to_owned()),
        (MAC.to_owned(), LINUX.to_owned()),
        (test("age", "greater", "20"), test("age", "greater", "18")),
        (test("age", "greater", "20"), test("age", "greater_or_equal", "20")),
        // A test of text is unknown of a number, and so is its negation.
        (any(&[&test("v", "starts_with", "\"a\""), &not(&test("v", "starts_with", "\"a\""))]), LINUX.to_owned()),
        (not(&test("v", "starts_with", "\"abc\"")), not(&test("v", "starts_with", "\"ab\""))),
        // 2.0.0-alpha is not in ^1.2, and not above 2.
        (test("v", "semver_greater", "\"2\""), test("v", "semver_greater", "\"1.9.9\"")),
        (test("v", "semver_less", "\"2.0.0\""), test("v", "semver_less", "\"2.0.1\"")),
        (test("t", "after", "1"), test("t", "equals", "2.0")),
        (all(&[MAC, &test("arch", "equals", "\"x86\"")]), MAC.to_owned()),
        ("{ any = [] }".to_owned(), LINUX.to_owned()),
    ] {
        let told = findings(&rules(&[&earlier, &later]));
        assert!(!told.iter().any(|one| one.starts_with("shadowed-rule")), "{earlier} before {later}: {told:?}");
    }
    let split = rules(&[MAC, MAC]).replacen("serve = \"on\"", "serve = { rollout = \"100%\" }", 1);
    assert_eq!(findings(&split), [""; 0], "a split passes on whoever it cannot place");
}

#[test]
fn a_rollout_behind_a_rule_for_everyone_is_told() {
    let text = rules(&["{ all = [] }"]).replace("rules = ", "rollout = \"5%\"\nrules = ");
    assert_eq!(
        findings(&text),
        ["shadowed-rule flags.cloud_sync.rollout: the rollout is never reached: rule \"r0\" takes everyone"]
    );
}

#[test]
fn conditions_that_never_hold_are_told() {
    for condition in [
        "{ any = [] }".to_owned(),
        all(&[MAC, &not(MAC)]),
        all(&[MAC, &not(UNIX)]),
        all(&[MAC, &not("{ attribute = \"os\", operator = \"exists\" }")]),
        not("{ all = [] }"),
        all(&[&test("age", "greater", "5"), &not(&test("age", "greater", "3"))]),
        all(&[&any(&[MAC, LINUX]), &not(UNIX)]),
    ] {
        let expected = "unsatisfiable-rule flags.cloud_sync.rules[0].when: the condition of rule \"r0\" never holds";
        assert_eq!(findings(&rules(&[&condition])), [expected], "{condition}");
    }
}

#[test]
fn tests_that_only_a_list_passes_are_told_as_that() {
    for (attribute, condition) in [
        ("os", all(&[MAC, LINUX])),
        ("age", all(&[&test("age", "greater", "5"), &test("age", "less", "3")])),
        ("age", all(&[&test("age", "greater", "5"), &test("age", "less_or_equal", "5")])),
        ("age", all(&[&test("age", "equals", "5"), &test("age", "greater", "5")])),
        ("age", all(&[&test("age", "greater", "5"), &test("age", "starts_with", "\"5\"")])),
        ("v", all(&[&test("v", "semver_caret", "\"1.2\""), &test("v", "semver_greater_or_equal", "\"2.0.0-0\"")])),
        (
            "v",
            all(&[
                &test("v", "semver_less", "\"1.0.0\""),
                &test("v", "semver_greater", "\"1.0.0-rc.1\""),
                &test("v", "semver_tilde", "\"2\""),
            ]),
        ),
        (
            "t",
            all(&[&test("t", "before", "\"2026-01-01T00:00:00Z\""), &test("t", "after", "\"2026-01-01T00:00:00Z\"")]),
        ),
        ("name", all(&[&test("name", "in", "\"abc\", \"abd\""), &test("name", "ends_with", "\"x\"")])),
        ("os", any(&[&all(&[MAC, LINUX]), "{ any = [] }"])),
    ] {
        let expected = format!(
            "conflicting-tests flags.cloud_sync.rules[0].when: no single value of {attribute:?} passes all its tests in rule \"r0\": it \
             matches only where {attribute:?} is a list"
        );
        assert_eq!(findings(&rules(&[&condition])), [expected], "{condition}");
    }
    for condition in [
        all(&[&test("age", "greater", "5"), &test("age", "less", "6")]),
        all(&[&test("v", "semver_less", "\"1.0.0\""), &test("v", "semver_greater", "\"1.0.0-rc.1\"")]),
        all(&[&test("v", "semver_greater", "\"1.0.0\""), &test("v", "semver_less", "\"1.0.1\"")]),
        all(&[&test("v", "semver_equals", "\"1.0.0\""), &not(&test("v", "equals", "\"1.0.0\""))]),
        all(&[&test("t", "before", "11"), &test("t", "after", "9")]),
        all(&[&test("name", "starts_with", "\"a\""), &test("name", "starts_with", "\"b\"")]),
        any(&[MAC, &all(&[MAC, LINUX])]),
        all(&[&test("age", "greater", "9007199254740993"), &test("age", "less", "9007199254740995")]),
    ] {
        assert_eq!(findings(&rules(&[&condition])), [""; 0], "{condition}");
    }
}

#[test]
fn segments_are_followed() {
    let text = rules(&["{ segment = \"mac\" }", MAC])
        + "[segments.mac]\nattribute = \"os\"\noperator = \"in\"\nvalues = [\"macos\", \"darwin\"]\n";
    assert_eq!(
        findings(&text),
        ["shadowed-rule flags.cloud_sync.rules[1]: rule \"r1\" is never reached: rule \"r0\" takes everyone it is for"]
    );
    let unused = rules(&[MAC]) + "[segments.mac]\nattribute = \"os\"\noperator = \"exists\"\n[groups.g]\n";
    assert_eq!(
        findings(&unused),
        [
            "unused-segment segments.mac: nothing names the segment \"mac\"",
            "unused-group groups.g: no flag is in the group \"g\""
        ]
    );
}

#[test]
fn targets_that_nothing_or_everything_meets_are_told() {
    for (metrics, rule, message) in [
        (
            "{ name = \"ok_rate\", target = \">100%\" }",
            "unreachable-threshold",
            "metric \"ok_rate\" is never \">100%\": a rate is from 0% to 100%",
        ),
        (
            "{ name = \"bad_rate\", target = \"<0%\" }",
            "unreachable-threshold",
            "metric \"bad_rate\" is never \"<0%\": a rate is from 0% to 100%",
        ),
        (
            "{ name = \"latency\", target = \"<0ms\" }",
            "unreachable-threshold",
            "metric \"latency\" is never \"<0ms\": a duration is at least 0",
        ),
        (
            "{ name = \"ok_rate\", target = \">=0%\" }",
            "idle-threshold",
            "metric \"ok_rate\" is always \">=0%\": a rate is from 0% to 100%",
        ),
        (
            "{ name = \"bad_rate\", target = \"<=100%\" }",
            "idle-threshold",
            "metric \"bad_rate\" is always \"<=100%\": a rate is from 0% to 100%",
        ),
        (
            "{ name = \"x\", target = \">5\" }, { name = \"x\", target = \"<5\" }",
            "unreachable-threshold",
            "metric \"x\" cannot be both \">5\" and \"<5\"",
        ),
    ] {
        let text = flag("cloud_sync", "").replace("{ name = \"error_rate\", target = \"<5%\" }", metrics);
        let at = usize::from(metrics.contains("}, {"));
        assert_eq!(
            findings(&text),
            [format!("{rule} flags.cloud_sync.documentation.metrics[{at}].target: {message}")],
            "{metrics}"
        );
    }
    for metrics in [
        "{ name = \"ok_rate\", target = \">=100%\" }",
        "{ name = \"bad_rate\", target = \"<=0%\" }",
        "{ name = \"speedup\", target = \">110%\" }",
        "{ name = \"size_change\", target = \"<-5%\" }",
        "{ name = \"x\", target = \">=5\" }, { name = \"x\", target = \"<=5\" }",
        "{ name = \"x\", target = \">5\" }, { name = \"y\", target = \"<5\" }",
    ] {
        let text = flag("cloud_sync", "").replace("{ name = \"error_rate\", target = \"<5%\" }", metrics);
        assert_eq!(findings(&text), [""; 0], "{metrics}");
    }
    assert_eq!(
        findings(&flag("cloud_sync", "rollout = \"96%\"\nholdout = \"5%\"")),
        ["unreachable-share flags.cloud_sync.rollout: fallthrough exposes 96%, and a holdout of 5% leaves less"]
    );
    assert_eq!(findings(&flag("cloud_sync", "rollout = \"95%\"\nholdout = \"5%\"")), [""; 0]);
}

#[test]
fn one_seed_for_two_flags_is_refused_unless_they_say_so() {
    let two = flag("cloud_sync", "") + &flag("cloud_login", "seed = \"cloud_sync\"");
    assert_eq!(
        findings(&two),
        [
            "shared-seed flags.cloud_login.seed: \"cloud_login\" and \"cloud_sync\" draw the same buckets, from the seed \"cloud_sync\""
        ]
    );
    let said = two.clone()
        + "[flags.cloud_login.lint]\nallow = [{ rule = \"shared-seed\", reason = \"the same users test both\" }]\n";
    let report = report(&said);
    assert_eq!(report.findings, []);
    assert_eq!(report.allowed[0].allowed.as_deref(), Some("the same users test both"));
    let other_unit = flag("cloud_sync", "") + &flag("cloud_login", "seed = \"cloud_sync\"\nunit = \"account\"");
    assert_eq!(findings(&other_unit), [""; 0], "other units are drawn elsewhere");
    let three = flag("a_one", "seed = \"s\"") + &flag("b_two", "seed = \"s\"") + &flag("c_three", "seed = \"own\"");
    assert_eq!(
        findings(&three),
        ["shared-seed flags.b_two.seed: \"b_two\" and \"a_one\" draw the same buckets, from the seed \"s\""]
    );
}

#[test]
fn e31_whole_numbers_beyond_a_double_are_told() {
    let told = |number: &str| findings(&flag("cloud_sync", &format!("variants = {{ on = {number}, off = 0 }}")));
    assert_eq!(told("9007199254740991"), [""; 0]);
    assert_eq!(
        told("9007199254740992"),
        [
            "integer-beyond-double flags.cloud_sync.variants.on: the value of the variant \"on\" holds 9007199254740992, expected at most \
          9007199254740991"
        ]
    );
}

#[test]
fn critical_flags_offer_no_choice() {
    assert_eq!(
        findings(&flag("cloud_sync", "critical = true\noverridable = true")),
        ["idle-override flags.cloud_sync.overridable: \"cloud_sync\" is critical, so overridable does nothing"]
    );
}

#[test]
fn allowances_are_judged_too() {
    let allow = |rule: &str| {
        flag("history", "")
            + &format!("[flags.history.lint]\nallow = [{{ rule = \"{rule}\", reason = \"users know it\" }}]\n")
    };
    assert_eq!(findings(&allow("naming-pattern")), [""; 0]);
    assert_eq!(
        findings(&allow("naming-patern"))[1..],
        [
            "unknown-lint-rule flags.history.lint.allow[0].rule: lint has no rule \"naming-patern\", did you mean \"naming-pattern\"?"
        ]
    );
    assert_eq!(
        findings(&allow("expired"))[1..],
        ["unused-allowance flags.history.lint.allow[0].rule: \"history\" does not need to be allowed \"expired\""]
    );
    assert_eq!(findings(&allow("unused-allowance")).len(), 2, "what lint says of allowances cannot be allowed");
}

#[test]
fn sarif_has_the_form_that_code_hosts_read() {
    let text = flag("new_feature", "")
        + &flag("history", "")
        + "[flags.history.lint]\nallow = [{ rule = \"naming-pattern\", reason = \"old\" }]\n";
    let (definitions, places) = Definitions::from_toml_with_places(&text, "my flags.toml").unwrap();
    let report = lint(&definitions, &facts("2026-03-01T00:00:00Z"));
    let log = serde_json::to_value(sarif(&report, Some(("my flags.toml", &places)))).unwrap();
    assert_eq!((log["version"].as_str(), log["runs"].as_array().map(Vec::len)), (Some("2.1.0"), Some(1)));
    let run = &log["runs"][0];
    let described = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(run["tool"]["driver"]["name"], "flag-admin");
    assert_eq!(described.len(), LintRule::ALL.len());
    for rule in described {
        assert!(["error", "warning"].contains(&rule["defaultConfiguration"]["level"].as_str().unwrap()));
        assert!(rule["shortDescription"]["text"].is_string() && rule["fullDescription"]["text"].is_string());
    }
    let results = run["results"].as_array().unwrap();
    let told: Vec<_> = results
        .iter()
        .map(|one| {
            let index = usize::try_from(one["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(described[index]["id"], one["ruleId"]);
            let physical = &one["locations"][0]["physicalLocation"];
            assert_eq!(physical["artifactLocation"]["uri"], "my%20flags.toml");
            let line = physical["region"]["startLine"].as_u64().unwrap();
            (
                one["ruleId"].as_str().unwrap(),
                one["level"].as_str().unwrap(),
                line,
                one["suppressions"].as_array().unwrap().len(),
            )
        })
        .collect();
    let at =
        |key: &str| u64::try_from(text[..text.find(&format!("[flags.{key}]")).unwrap()].lines().count()).unwrap() + 1;
    assert_eq!(
        told,
        [("naming-vague", "error", at("new_feature"), 0), ("naming-pattern", "warning", at("history"), 1)]
    );
    assert_eq!(results[1]["suppressions"][0]["justification"], "old");
}
