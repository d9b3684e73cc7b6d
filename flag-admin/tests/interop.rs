//! Other products' files, as the commands take them in and write them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use serde_json::{Value, json};
use support::Sandbox;

/// flagd's file of two flags, of which one says what we have no words for.
fn flagd() -> String {
    json!({ "flags": {
        "welcome_banner": {
            "state": "ENABLED",
            "variants": { "on": true, "off": false },
            "defaultVariant": "off",
            "targeting": { "if": [
                { "ends_with": [{ "var": "email" }, "@example.com"] }, "on",
                { "fractional": [["on", 25], ["off", 75]] },
            ] },
        },
        "even_numbers": {
            "state": "ENABLED",
            "variants": { "on": true, "off": false },
            "defaultVariant": "off",
            "targeting": { "if": [{ "==": [{ "%": [{ "var": "n" }, 2] }, 0] }, "on"] },
        },
    } })
    .to_string()
}

#[test]
fn what_cannot_be_said_is_refused_and_nothing_is_imported() {
    let sandbox = Sandbox::with_project();
    sandbox.write("flags.json", &flagd());
    let refused = sandbox.project(&["import", "flagd", "flags.json", "--yes", "--json"]);
    assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""));
    let error: Value = serde_json::from_str(&refused.err).unwrap();
    let found = &error["error"]["details"]["refused"];
    assert_eq!(found[0]["flag"], "even_numbers", "{error}");
    assert!(found[0]["reason"].as_str().is_some_and(|reason| reason.contains("expected {\"var\": NAME}")), "{error}");
    assert_eq!(sandbox.project(&["flag", "list", "--json"]).json().as_array().unwrap().len(), 0);
    let report = sandbox.project(&["import", "flagd", "flags.json", "--report"]);
    assert_eq!(report.code, Some(1));
    let report: Value = serde_json::from_str(&report.out).unwrap();
    assert_eq!(report["flags"][0]["reshuffled"][0]["after"], json!([["on", 25_000], ["off", 75_000]]));
}

#[test]
fn a_part_is_imported_on_purpose_and_the_rest_is_off() {
    let sandbox = Sandbox::with_project();
    sandbox.write("flags.json", &flagd());
    let done = sandbox.project(&["import", "flagd", "flags.json", "--partial", "--yes", "--reason", "move"]);
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert!(done.out.contains("even_numbers: imported as off: "), "{}", done.out);
    assert!(
        done.out.contains("welcome_banner: fallthrough: users are drawn anew, on 25.000 %, off 75.000 %"),
        "{}",
        done.out
    );
    let why = |flag: &str, attribute: &str| {
        let arguments = ["why", flag, "--unit", "u1", "--attr", attribute, "--json"];
        sandbox.project(&arguments).json()["variant"].as_str().unwrap().to_owned()
    };
    assert_eq!(why("welcome_banner", "email=a@example.com"), "on");
    assert_eq!(why("even_numbers", "n=2"), "off");
}

#[test]
fn what_is_exported_to_flagd_can_be_imported_again() {
    let sandbox = Sandbox::with_project();
    sandbox.write(
        "flags.toml",
        "[flags.half]\nrollout = \"50%\"\n\n[flags.asked]\nopt_in = \"required\"\nrollout = \"10%\"\n",
    );
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    let refused = sandbox.project(&["export", "flagd"]);
    assert_eq!(
        (refused.code, refused.err.as_str()),
        (
            Some(1),
            "error: 1 flag cannot be exported:\n  asked: it has opt-in, for which flagd has no words\n\
             hint: change them, or leave them off with --partial\n"
        )
    );
    let exported = sandbox.project(&["export", "flagd", "--partial"]).json();
    assert_eq!(exported["flags"]["half"]["targeting"], json!({ "fractional": [["on", 50_000], ["off", 50_000]] }));
    sandbox.write("flags.json", &exported.to_string());
    sandbox.run(&["init", "other", "--project", "other", "--as", "alice"]).text();
    let back = sandbox.run(&["-C", "other", "import", "flagd", "flags.json", "--yes"]);
    assert_eq!(back.code, Some(0), "{}", back.err);
}

#[test]
fn a_flag_that_is_killed_is_exported_as_off() {
    let sandbox = Sandbox::with_project();
    sandbox
        .write("flags.toml", "[flags.sync]\nserve = \"on\"\n\n[flags.asked]\nserve = \"on\"\nopt_in = \"required\"\n");
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    sandbox.project(&["kill", "sync", "--reason", "incident"]).text();
    sandbox.project(&["kill", "asked", "--reason", "incident"]).text();
    // What cannot be said of a flag that decides need not be said of one that is killed.
    let run = sandbox.project(&["export", "flagd"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let exported: Value = serde_json::from_str(&run.out).unwrap();
    let off = json!({ "state": "ENABLED", "variants": { "on": true, "off": false }, "defaultVariant": "off" });
    assert_eq!(exported["flags"], json!({ "asked": off, "sync": off }));
    assert_eq!(
        run.err,
        "warning: asked and sync are killed, so the file turns them off for everyone; export again once that is over\n"
    );
}
