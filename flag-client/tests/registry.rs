//! Typed flags: what the macro makes of a declaration, and what a flag gives when what is published does not fit.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use std::collections::BTreeMap;

use flag_client::{
    CodeDefault, Declaration, DeclarationError, FlagClient, Kind, Metric, Milestone, Object, OptIn, Prerequisite,
    Problem, Reason, Stage, ValueType, choices, flags,
};
use proptest::prelude::*;
use serde::Deserialize;
use support::{Home, problems};

choices! {
    /// How answers are worded.
    pub enum Style {
        /// As they come.
        Plain = "plain",
        /// In few words.
        Terse = "terse",
    }
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Limits {
    per_minute: u32,
    burst: Option<u32>,
    by_plan: BTreeMap<String, f64>,
}

flags! {
    /// Every flag of these tests.
    const ALL: &[Declaration];

    /// Keeps anonymous counts
    /// in the cloud
    const SYNC: bool = "telemetry_cloud_sync" {
        default: false,
        kind: Kind::Release,
        stage: Stage::Beta,
        opt_in: OptIn::Required,
        overridable,
        critical,
        prerequisites: &[TELEMETRY.on(), STYLE.serves(&[Style::Terse.id()])],
        title: "Cloud Sync",
        owner: "@alice",
        added: "v1.2.0 (2026-02-01)",
        default_note: "false (opt-in)",
        expires: "2026-05-01",
        status: "Beta testing",
        rollout: "25%",
        risks: &["Cost: servers"],
        metrics: &[Metric::with_target("error rate", "<5%")],
        rollback: "Disable it",
        privacy: "Zero PII",
        tracking: "Issue #245",
        tags: &["cloud"],
    }

    /// All of telemetry
    const TELEMETRY: bool = "telemetry" { default: true, kind: Kind::KillSwitch }

    /// How answers are worded
    const STYLE: Style = "prompt_style" { default: Style::Terse.id() }

    /// How many commands are kept
    const KEPT: u16 = "commands_kept" { default: 500 }

    /// How large a log may grow
    const LOG_BYTES: i64 = "log_bytes" { default: -1 }

    /// How eager suggestions are
    const EAGERNESS: f64 = "eagerness" { default: 0.5 }

    /// What stands before a command
    const PROMPT: String = "prompt_text" { default: "$ " }

    /// How often one may ask
    const LIMITS: Object<Limits> = "limits" { default: r#"{"per_minute": 60}"# }
}

/// A client whose snapshot has these flags.
fn published(home: &Home, flags: &str) -> FlagClient {
    FlagClient::builder()
        .declare(ALL)
        .remote(home.remote(Some(support::snapshot(7, flags))))
        .clock(|| support::NOW)
        .open()
}

/// A flag that serves one value to everyone.
fn serving(key: &str, value: &str) -> String {
    format!(
        r#""{key}":{{"version":9,"variants":{{"it":{value}}},"off_variant":"it","fallthrough":{{"variant":"it"}}}}"#
    )
}

#[test]
fn the_macro_declares_what_is_written() {
    let sync = SYNC.declaration();
    assert_eq!(sync.key, "telemetry_cloud_sync");
    assert_eq!(sync.description, "Keeps anonymous counts in the cloud");
    assert_eq!(sync.default, CodeDefault::Bool(false));
    assert_eq!((sync.kind, sync.stage, sync.opt_in), (Kind::Release, Stage::Beta, OptIn::Required));
    assert!(sync.overridable && sync.critical);
    let needs = [Prerequisite::on("telemetry"), Prerequisite::new("prompt_style", &["terse"])];
    assert_eq!(sync.prerequisites, needs);
    assert_eq!(sync.added.and_then(Milestone::version), Some("v1.2.0"));
    assert_eq!(sync.expires.and_then(Milestone::date), Some("2026-05-01"));
    assert_eq!(sync.metrics.iter().map(Metric::to_string).collect::<Vec<_>>(), ["error rate (target: <5%)"]);
    assert_eq!((sync.title, sync.owner, sync.tags), ("Cloud Sync", Some("@alice"), &["cloud"][..]));
    let keys: Vec<_> = ALL.iter().map(|flag| flag.key).collect();
    let expected = "telemetry_cloud_sync telemetry prompt_style commands_kept log_bytes eagerness prompt_text limits";
    assert_eq!(keys.join(" "), expected);
    assert_eq!(size_of_val(&SYNC), size_of::<usize>());
}

#[test]
fn without_a_snapshot_every_type_gives_its_code_default() {
    let flags = FlagClient::builder().declare(ALL).open();
    assert_eq!(problems(&flags), [""; 0]);
    assert!(!flags.get(SYNC) && flags.get(TELEMETRY));
    assert_eq!(flags.get(STYLE), Style::Terse);
    assert_eq!((flags.get(KEPT), flags.get(LOG_BYTES), flags.get(EAGERNESS)), (500, -1, 0.5));
    assert_eq!(flags.get(PROMPT), "$ ");
    assert_eq!(flags.get(LIMITS), Limits { per_minute: 60, ..Limits::default() });
    let evaluation = flags.evaluate(KEPT);
    assert_eq!((evaluation.reason, evaluation.open_feature_reason()), (Reason::Default, "DEFAULT"));
}

#[test]
fn a_flag_that_the_client_was_not_told_of_gives_its_code_default() {
    let flags = FlagClient::builder().open();
    assert!(flags.is_enabled(TELEMETRY) && flags.get(TELEMETRY), "a typed flag knows its default");
    assert!(!flags.is_enabled("telemetry"), "a bare key does not");
    assert!(flags.is_enabled(STYLE), "terse is not what it serves when it is off");
    assert_eq!((flags.get(KEPT), flags.get(STYLE)), (500, Style::Terse));
    let evaluation = flags.evaluate(KEPT);
    assert_eq!(evaluation.error.as_ref().unwrap().code(), "FLAG_NOT_FOUND");
    assert_eq!(evaluation.open_feature_reason(), "ERROR");
    let killed = FlagClient::builder().kill(["telemetry", "prompt_style"]).open();
    assert!(!killed.is_enabled(TELEMETRY) && !killed.get(TELEMETRY), "a kill is stronger than a default");
    assert_eq!(killed.get(STYLE), Style::Plain);
    assert_eq!(killed.evaluate(TELEMETRY).open_feature_reason(), "DISABLED");
}

#[test]
fn published_values_arrive_in_their_types() {
    let home = Home::new();
    let flags = published(
        &home,
        &[
            serving("commands_kept", "7"),
            serving("log_bytes", "9007199254740993"),
            serving("eagerness", "0.25"),
            serving("prompt_text", "\"\""),
            serving("limits", r#"{"per_minute":5,"burst":null,"by_plan":{"team":1.5}}"#),
            r#""prompt_style":{"variants":{"plain":"a","terse":"b"},"off_variant":"terse","fallthrough":{"variant":"plain"}}"#.to_owned(),
        ]
        .join(","),
    );
    assert_eq!(problems(&flags), [""; 0]);
    assert_eq!((flags.get(KEPT), flags.get(LOG_BYTES), flags.get(EAGERNESS)), (7, 9_007_199_254_740_993, 0.25));
    assert_eq!(flags.get(PROMPT), "", "e32: an empty text is a value");
    let by_plan = BTreeMap::from([("team".to_owned(), 1.5)]);
    assert_eq!(flags.get(LIMITS), Limits { per_minute: 5, burst: None, by_plan });
    assert_eq!(flags.get(STYLE), Style::Plain, "a choice goes by its id, whatever its value");
    let evaluation = flags.evaluate(KEPT);
    assert_eq!((evaluation.flag_version, evaluation.variant.as_deref()), (9, Some("it")));
    assert!(evaluation.error.is_none() && !evaluation.stale);
}

#[test]
fn e31_a_number_that_does_not_fit_is_a_type_mismatch() {
    let home = Home::new();
    for (value, message) in [
        ("65536", r#"flag "commands_kept" is 65536, which is out of the range of u16"#),
        ("-1", r#"flag "commands_kept" is -1, which is out of the range of u16"#),
        ("9000000000", r#"flag "commands_kept" is 9000000000, which is out of the range of u16"#),
    ] {
        let evaluation = published(&home, &serving("commands_kept", value)).evaluate(KEPT);
        assert_eq!(evaluation.value, 500, "{value}");
        let error = evaluation.error.unwrap();
        assert_eq!((error.to_string().as_str(), error.code()), (message, "TYPE_MISMATCH"));
    }
}

#[test]
fn e33_a_value_of_another_type_gives_the_code_default_and_a_problem() {
    let home = Home::new();
    for (key, value) in [
        ("commands_kept", "3.5"),
        ("commands_kept", "\"7\""),
        ("eagerness", "true"),
        ("prompt_text", "7"),
        ("limits", "\"{}\""),
        ("telemetry", "1"),
        ("prompt_style", "{}"),
    ] {
        let flags = published(&home, &serving(key, value));
        assert_eq!((flags.get(KEPT), flags.get(EAGERNESS), flags.get(PROMPT)), (500, 0.5, "$ ".to_owned()));
        assert_eq!((flags.get(LIMITS).per_minute, flags.get(TELEMETRY), flags.get(STYLE)), (60, true, Style::Terse));
        let found: Vec<Problem> = flags.problems();
        assert!(matches!(&found[..], [Problem::TypeMismatch { flag, .. }] if **flag == *key), "{found:?}");
    }
}

#[test]
fn an_object_of_another_form_gives_the_code_default_and_says_what_does_not_fit() {
    let home = Home::new();
    let flags = published(&home, &serving("limits", r#"{"per_minute":"many"}"#));
    let evaluation = flags.evaluate(LIMITS);
    assert_eq!(evaluation.value, Limits { per_minute: 60, ..Limits::default() });
    assert_eq!((evaluation.open_feature_reason(), evaluation.variant.as_deref()), ("ERROR", Some("it")));
    let error = evaluation.error.unwrap();
    assert_eq!(
        (error.to_string().as_str(), error.code()),
        (r#"flag "limits" holds an object of another form"#, "TYPE_MISMATCH")
    );
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(source, r#"invalid type: string "many", expected u32"#);
}

#[test]
fn a_variant_that_the_code_does_not_know_gives_the_code_default() {
    let home = Home::new();
    let loud = r#""prompt_style":{"variants":{"loud":"x","terse":"y"},"off_variant":"terse","fallthrough":{"variant":"loud"}}"#;
    let evaluation = published(&home, loud).evaluate(STYLE);
    assert_eq!(evaluation.value, Style::Terse);
    let message = r#"flag "prompt_style" serves variant "loud", expected one of ["plain", "terse"]"#;
    assert_eq!(evaluation.error.unwrap().to_string(), message);
}

#[test]
fn declarations_that_do_not_hold_together_are_left_out() {
    const NEEDS: Declaration = Declaration::boolean("limits").prerequisites(&[Prerequisite::on("no such key")]);
    let declare = |flag: Declaration| problems(&FlagClient::builder().declare([flag]).open());
    let object = |json| declare(Declaration::object("limits", json));
    assert_eq!(object("[1]"), [r#"flag "limits" has a default that is no JSON object: line 1, column 1"#]);
    assert_eq!(object("{\n x}"), [r#"flag "limits" has a default that is no JSON object: line 2, column 2"#]);
    assert_eq!(declare(NEEDS), [r#"flag "limits" has a prerequisite without a valid key"#]);
    let error = DeclarationError::Twice { flag: "limits" };
    assert_eq!(declare(Declaration::boolean("limits")), [""; 0]);
    assert_eq!(error.to_string(), r#"flag "limits" is declared twice"#);
    assert_eq!(CodeDefault::Object("{}").value_type(), ValueType::Object);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// E31 as a law: a whole number arrives as it is or not at all.
    #[test]
    fn e31_whole_numbers_arrive_unchanged_or_not_at_all(number in any::<i64>()) {
        let home = Home::new();
        let flags = [serving("log_bytes", &number.to_string()), serving("commands_kept", &(number >> 40).to_string())];
        let client = published(&home, &flags.join(","));
        prop_assert_eq!(client.get(LOG_BYTES), number);
        prop_assert_eq!(client.get(KEPT), u16::try_from(number >> 40).unwrap_or(500));
    }
}
