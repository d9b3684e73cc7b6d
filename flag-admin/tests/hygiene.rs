//! Lint, stale, refs, codegen, docs and man from outside.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use support::{SAMPLE, Sandbox};

/// A time at which nothing in the sample has expired.
const SPRING: &str = "2026-03-01T00:00:00Z";

#[test]
fn lint_of_a_file_names_lines_and_fails_on_errors() {
    let sandbox = Sandbox::empty();
    sandbox.write("flags.toml", "[flags.new_feature]\nkind = \"ops\"\n");
    let run = sandbox.run(&["lint", "-f", "flags.toml", "--at", SPRING]);
    assert_eq!(run.code, Some(1));
    assert_eq!(
        run.out,
        "flags.toml:1:1: error: the key \"new_feature\" does not say what the flag switches [naming-vague]\n\
         flags.toml:1:1: error: \"new_feature\" is not documented: description, added, default, status, rollout, risks, metrics, rollback, \
         tracking missing [missing-documentation]\n\
         flags.toml:1:1: error: \"new_feature\" has no owner, expected documentation.owner = \"@name\" [missing-owner]\n"
    );
    assert!(
        run.err.starts_with("error: lint found 3 errors and 0 warnings\nhint: flag-admin lint --explain RULE"),
        "{}",
        run.err
    );
}

#[test]
fn warnings_fail_only_where_they_are_denied() {
    let sandbox = Sandbox::empty();
    let sample = fs::read_to_string(SAMPLE).unwrap();
    sandbox.write("flags.toml", &(sample + "\n[segments.nobody]\nattribute = \"os\"\noperator = \"exists\"\n"));
    let arguments = ["lint", "-f", "flags.toml", "--at", SPRING];
    let warned = sandbox.run(&arguments);
    assert!(
        warned.text().ends_with("warning: nothing names the segment \"nobody\" [unused-segment]\n"),
        "{}",
        warned.out
    );
    let denied = sandbox.run(&[&arguments[..], &["--deny", "warnings", "--json"]].concat());
    assert_eq!(denied.code, Some(1));
    let answer: Value = serde_json::from_str(&denied.out).unwrap();
    assert_eq!(
        (&answer["findings"][0]["rule"], &answer["findings"][0]["severity"]),
        (&json!("unused-segment"), &json!("warning"))
    );
    assert!(answer["findings"][0]["line"].as_u64().unwrap() > 240);
    let error: Value = serde_json::from_str(&denied.err).unwrap();
    assert_eq!(error["error"]["message"], "lint found 0 errors and 1 warning");

    // A segment has no place for an allowance of its own: whoever runs lint says why.
    let allow = ["--deny", "warnings", "--allow", "unused-segment=staging uses it"];
    let allowed = sandbox.run(&[&arguments[..], &allow].concat());
    assert_eq!(allowed.text(), "nothing to mend, 1 allowed with a reason\n");
    let sarif = sandbox.run(&[&arguments[..], &allow, &["--sarif"]].concat()).json();
    let suppression = json!([{"kind": "external", "status": "accepted", "justification": "staging uses it"}]);
    assert_eq!(sarif["runs"][0]["results"][0]["suppressions"], suppression);
    let idle = sandbox.run(&[&arguments[..], &["--allow", "unused-group=none yet"]].concat());
    assert!(
        idle.text().contains("no segment and no group needs to be allowed \"unused-group\" [unused-allowance]"),
        "{}",
        idle.out
    );
    for (given, message) in [
        ("unused-segmant=x", "lint has no rule \"unused-segmant\", did you mean \"unused-segment\"?"),
        ("unused-segment", "expected unused-segment=REASON"),
    ] {
        let run = sandbox.run(&[&arguments[..], &["--allow", given]].concat());
        assert!(run.code == Some(2) && run.err.contains(message), "{}", run.err);
    }
}

#[test]
fn lint_of_a_project_keeps_what_its_log_allows() {
    let sandbox = Sandbox::with_sample();
    assert_eq!(sandbox.project(&["lint", "--at", SPRING]).text(), "nothing to mend\n");
    sandbox.write(
        "more.toml",
        "[flags.history]\nkind = \"ops\"\n[flags.history.lint]\nallow = [{ rule = \"naming-pattern\", reason = \"users know it\" }]\n",
    );
    sandbox.run(&["-C", "flags", "apply", "-f", "more.toml", "--yes"]).text();
    let exported = sandbox.project(&["export"]).text().to_owned();
    assert!(
        exported
            .contains("[flags.history.lint]\nallow = [{ rule = \"naming-pattern\", reason = \"users know it\" }]\n"),
        "{exported}"
    );
    sandbox.write("exported.toml", &exported);
    let again = sandbox.run(&["-C", "flags", "apply", "-f", "exported.toml", "--dry-run"]);
    assert_eq!(again.text(), "nothing to change in production\n");
    let linted = sandbox.project(&["lint", "--at", SPRING, "--json"]);
    let answer: Value = serde_json::from_str(&linted.out).unwrap();
    assert_eq!(answer["allowed"][0]["rule"], "naming-pattern");
    assert_eq!(answer["allowed"][0]["allowed"], "users know it");
    assert_eq!(answer["file"], Value::Null);
    let sarif = sandbox.project(&["lint", "--at", SPRING, "--sarif"]);
    assert_eq!(sarif.code, Some(1));
    let log: Value = serde_json::from_str(&sarif.out).unwrap();
    assert_eq!(
        log["runs"][0]["results"][0]["locations"][0]["logicalLocations"][0]["fullyQualifiedName"],
        "flags.history.documentation"
    );
    sandbox.run(&["-C", "flags", "publish", "--to", "public"]).text();
    let snapshot = fs::read_to_string(sandbox.path("public/v1/snapshot.json")).unwrap();
    assert!(
        !snapshot.contains("users know it") && !snapshot.contains("naming-pattern"),
        "what lint is told stays here"
    );
}

#[test]
fn rules_are_listed_and_explained() {
    let sandbox = Sandbox::empty();
    let rules = sandbox.run(&["lint", "--rules", "--json"]).json();
    assert!(rules.as_array().unwrap().iter().any(|rule| rule["rule"] == "shadowed-rule"));
    let explained = sandbox.run(&["lint", "--explain", "shared-seed"]);
    assert!(
        explained.text().starts_with("shared-seed (error): two flags that draw the same buckets\n  With one seed, "),
        "{}",
        explained.out
    );
    let unknown = sandbox.run(&["lint", "--explain", "shared-sede"]);
    assert_eq!(
        (unknown.code, &*unknown.err),
        (Some(1), "error: lint has no rule \"shared-sede\"\nhint: did you mean \"shared-seed\"?\n")
    );
}

#[test]
fn stale_flags_come_with_what_to_do() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["rollout", "set", "command_history", "100%", "--yes"]).text();
    let fresh = sandbox.project(&["stale", "--at", "2026-01-01T00:00:00Z"]);
    assert_eq!(fresh.text(), "no flag of production is stale\n");
    // The log bears the time of this run, so the flag is long done in the last year that has a text.
    let stale = sandbox.project(&["stale", "--at", "9999-01-01T00:00:00Z", "--json"]).json();
    let stale = stale.as_array().unwrap();
    let history = stale.iter().find(|flag| flag["flag"] == "command_history").unwrap();
    assert_eq!(history["owner"], "@charlie");
    assert_eq!(history["reasons"][0]["reason"], "full");
    assert_eq!(history["commit_message"], "feat: Make command_history permanent, remove feature flag");
    let telemetry = stale.iter().find(|flag| flag["flag"] == "telemetry").unwrap();
    assert_eq!(telemetry["reasons"].as_array().unwrap().len(), 1, "a kill switch is only to be reviewed");
    assert_eq!(telemetry["commit_message"], Value::Null);
    let told = sandbox.project(&["stale", "--at", "9999-01-01T00:00:00Z"]);
    assert!(
        told.text().contains("\n  [ ] commit: feat: Make command_history permanent, remove feature flag\n"),
        "{}",
        told.out
    );
}

#[test]
fn refs_tell_file_line_and_column() {
    let sandbox = Sandbox::with_sample();
    fs::create_dir_all(sandbox.path("code/src/deep")).unwrap();
    fs::create_dir_all(sandbox.path("code/target/debug")).unwrap();
    sandbox.write("code/Cargo.toml", "");
    sandbox.write("code/src/flags.rs", "pub const HISTORY: &str = \"command_history\";\n");
    sandbox.write(
        "code/src/deep/main.rs",
        "fn main() {\n    on(crate::flags::HISTORY);\n    flags.is_enabled(\"telemtry\");\n}\n",
    );
    sandbox.write("code/src/broken.rs", "fn main( {\n");
    sandbox.write("code/target/debug/built.rs", "fn f() { on(\"command_history\"); }\n");
    let found = sandbox.run(&["-C", "flags", "refs", "command_history", "--path", "code"]);
    assert_eq!(
        found.text(),
        "command_history\n  code/src/deep/main.rs:2:22: constant\n  code/src/flags.rs:1:11: declaration\nskipped code/src/broken.rs: no Rust: \
         line 1: unexpected end of input, expected `(`\n2 files read, 0 flags without a use\n"
            .replace("unexpected end of input, expected `(`", &skipped_because(&found.out))
    );
    let all = sandbox.run(&["-C", "flags", "refs", "--path", "code", "--json"]).json();
    assert_eq!(all["files"], 2);
    let unused = all["flags"].as_array().unwrap().iter().filter(|flag| flag["used"] == false).count();
    assert_eq!(unused, 8);
    assert_eq!(all["unknown"][0]["closest"], "telemetry");
    let unknown = sandbox.run(&["-C", "flags", "refs", "--unknown", "--path", "code"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.out.starts_with("code/src/deep/main.rs:3:22: unknown flag \"telemtry\", did you mean \"telemetry\"?\n"),
        "{}",
        unknown.out
    );
    assert!(unknown.err.starts_with("error: the code has 1 use of flags that do not exist\n"), "{}", unknown.err);
    let none = sandbox.run(&["-C", "flags", "refs", "comand_history", "--path", "code"]);
    assert_eq!(none.err, "error: flag \"comand_history\" does not exist\nhint: did you mean \"command_history\"?\n");
    let nowhere = sandbox.run(&["-C", "flags", "refs", "--path", "nowhere"]);
    assert!(nowhere.err.starts_with("error: nowhere cannot be read: "), "{}", nowhere.err);
}

/// Returns the parser's own words, which are not ours to fix.
fn skipped_because(out: &str) -> String {
    let line = out.lines().find(|line| line.starts_with("skipped ")).unwrap();
    line.split_once("line 1: ").unwrap().1.to_owned()
}

#[test]
fn the_integration_uses_the_flags_of_the_sample() {
    let code = Path::new(env!("CARGO_MANIFEST_DIR")).join("../caro-integration");
    let found = Sandbox::empty().run(&["refs", "-f", SAMPLE, "--path", code.to_str().unwrap(), "--json"]).json();
    assert_eq!(found["skipped"], json!([]));
    for flag in found["flags"].as_array().unwrap() {
        assert!(!flag["references"].as_array().unwrap().is_empty(), "{} is not in the code", flag["flag"]);
    }
}

#[test]
fn generated_constants_compile_and_are_kept_up_to_date() {
    let sandbox = Sandbox::with_sample();
    let written = sandbox.run(&["-C", "flags", "codegen", "--out", "flags.rs"]);
    assert_eq!(written.text(), "flags.rs written\n");
    let again = sandbox.run(&["-C", "flags", "codegen", "--out", "flags.rs"]);
    assert_eq!(again.text(), "flags.rs is up to date\n");
    let from_file = sandbox.run(&["codegen", "-f", SAMPLE, "--out", "flags.rs", "--check"]);
    assert_eq!(from_file.text(), "flags.rs is up to date\n", "file and project give the same");
    sandbox.write("lib.rs", "//! Flags.\n#![deny(missing_docs, warnings)]\ninclude!(\"flags.rs\");\n");
    let compiled = Command::new("rustc")
        .args(["--edition", "2024", "--crate-type", "lib", "--emit", "metadata", "-o", "flags.rmeta", "lib.rs"])
        .current_dir(sandbox.path(""))
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let code = fs::read_to_string(sandbox.path("flags.rs")).unwrap();
    sandbox.write("flags.rs", &code.replace("/// **Owner**: @charlie\n", ""));
    let stale = sandbox.run(&["-C", "flags", "codegen", "--out", "flags.rs", "--check"]);
    assert_eq!(stale.code, Some(1));
    assert!(stale.out.contains("\n+/// **Owner**: @charlie\n"), "{}", stale.out);
    assert_eq!(stale.err, "error: flags.rs is not what the definitions give\nhint: run the command without --check\n");
    let missing = sandbox.run(&["-C", "flags", "codegen", "--out", "none.rs", "--check", "--json"]);
    assert_eq!(missing.code, Some(1));
    assert_eq!(serde_json::from_str::<Value>(&missing.out).unwrap()["up_to_date"], false);
    assert!(!sandbox.path("none.rs").exists(), "a check writes nothing");
}

#[test]
fn users_and_release_notes_are_written_from_the_log() {
    let sandbox = Sandbox::with_sample();
    let section = sandbox.project(&["docs", "--feedback", "Email: feedback@example.com"]);
    for line in [
        "#### Telemetry Cloud Sync (Beta)\nEnable cloud sync for telemetry data.\n\n**Enable**: `caro features enable telemetry_cloud_sync`\n\
         **Status**: Beta (25% rollout)\n**Privacy**: Zero PII, encrypted in transit\n",
        "### Options\n\n#### Mlx Backend (Generally available)\n",
        "### Providing Feedback\n\nTry experimental features and share feedback:\n- Email: feedback@example.com\n",
    ] {
        assert!(section.text().contains(line), "{line}\n{}", section.out);
    }
    sandbox.run(&["-C", "flags", "publish", "--to", "public"]).text();
    sandbox.project(&["rollout", "set", "enhanced_safety_v2", "100%", "--yes"]).text();
    sandbox.project(&["rollout", "set", "telemetry_cloud_sync", "50%", "--yes"]).text();
    sandbox.run(&["-C", "flags", "publish", "--to", "public"]).text();
    let notes = sandbox.project(&["docs", "--release-notes", "v1..v2", "--json"]).json();
    assert_eq!(
        notes["markdown"],
        "## What's New\n\n### Now for everyone\n\n- **Enhanced Safety Patterns v2**: More comprehensive command safety validation.\n\n\
         ### For more or fewer users\n\n- **Telemetry Cloud Sync**: 25% \u{2192} 50%\n"
    );
    let open = sandbox.run(&["-C", "flags", "docs", "--release-notes", "v1..", "--out", "notes.md"]);
    assert_eq!(open.text(), "notes.md written\n");
    assert_eq!(json!(fs::read_to_string(sandbox.path("notes.md")).unwrap()), notes["markdown"]);
    for (span, code, message) in [
        ("v2..v1", 1, "error: the span ends with entry "),
        ("v7..", 1, "error: no snapshot of version 7 was published to environment \"production\"\n"),
        ("1000..", 1, "error: there is no entry 1000: the log ends with entry "),
        ("v1", 2, "error: invalid value 'v1' for '--release-notes <FROM..TO>': \"v1\" is no span, expected FROM..TO\n"),
    ] {
        let refused = sandbox.project(&["docs", "--release-notes", span]);
        assert_eq!(refused.code, Some(code), "{}", refused.err);
        assert!(refused.err.starts_with(message), "{}", refused.err);
    }
}

#[test]
fn every_command_has_a_manual_page_and_completions_are_json_too() {
    let sandbox = Sandbox::empty();
    let page = sandbox.run(&["man"]);
    assert!(page.text().contains(".TH flag-admin 1"), "{}", page.out);
    let written = sandbox.run(&["man", "--out", "pages", "--json"]).json();
    let pages: Vec<&str> = written["pages"].as_array().unwrap().iter().map(|page| page.as_str().unwrap()).collect();
    for page in ["pages/flag-admin.1", "pages/flag-admin-lint.1", "pages/flag-admin-rollout-set.1"] {
        assert!(pages.contains(&page), "{pages:?}");
        assert!(fs::read_to_string(sandbox.path(page)).unwrap().contains(".SH NAME"), "{page}");
    }
    let completions = sandbox.run(&["completions", "bash", "--json"]).json();
    assert_eq!(completions["shell"], "bash");
    assert!(completions["script"].as_str().unwrap().contains("flag-admin"));
    assert!(sandbox.run(&["completions", "zsh"]).text().starts_with("#compdef flag-admin"));
}
