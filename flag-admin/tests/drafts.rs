//! Drafts from outside: changes that are gathered, looked at together, applied as one, and put onto a log that moved on.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use serde_json::{Value, json};
use support::Sandbox;

const FLAGS: &str = "\
    [flags.search]\nstage = \"beta\"\nserve = \"on\"\n\n\
    [flags.rank]\nstage = \"beta\"\nrollout = \"50%\"\nprerequisites = [{ flag = \"search\", variants = [\"on\"] }]\n\n\
    [flags.paste]\nstage = \"beta\"\nrollout = \"5%\"\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::with_project();
    sandbox.write("flags.toml", FLAGS);
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    sandbox
}

fn shares(sandbox: &Sandbox, arguments: &[&str]) -> Vec<Value> {
    let all: Vec<&str> = ["flag", "list", "--json"].iter().chain(arguments).copied().collect();
    let flags = sandbox.project(&all).json();
    flags.as_array().unwrap().iter().map(|flag| flag["share"].clone()).collect()
}

fn entries(sandbox: &Sandbox) -> usize {
    sandbox.project(&["log", "--json"]).json().as_array().unwrap().len()
}

#[test]
fn a_draft_gathers_changes_and_does_them_together() {
    let sandbox = sandbox();
    let before = entries(&sandbox);
    let added = sandbox.project(&["rollout", "set", "paste", "20%", "--draft"]);
    assert!(
        added
            .text()
            .ends_with("added 1 change to the draft of production, 1 change in all: flag-admin apply --draft\n")
    );
    sandbox.project(&["rollout", "set", "paste", "25%", "--draft"]).text();
    let joint = sandbox.project(&["rollout", "set", "search", "40%", "--draft"]);
    // What is planned is the whole of it: rank goes with search, by an independent lane.
    assert_eq!(
        joint.text(),
        "flag paste changed\n  rollout: 5% → 25%\n  gained 20%, lost 0%, moved 0% of units\n\
         flag search changed\n  serve: on → 40% (on 100%), others off\n  gained 0%, lost 60%, moved 0% of units\n\
         flag rank follows\n  gained 0%, lost 30%, moved 0% of units\n\
         added 1 change to the draft of production, 2 changes in all: flag-admin apply --draft\n"
    );
    assert_eq!(entries(&sandbox), before, "nothing is logged yet");
    assert_eq!(shares(&sandbox, &[]), [json!(5_000), json!(50_000), Value::Null]);
    assert_eq!(shares(&sandbox, &["--draft"]), [json!(25_000), json!(50_000), json!(40_000)], "as if it were applied");

    let listed = sandbox.project(&["draft", "list", "--json"]).json();
    assert_eq!(
        (&listed[0]["actor"], &listed[0]["changes"], listed.as_array().unwrap().len()),
        (&json!("alice"), &json!(2), 1)
    );
    let shown = sandbox.project(&["draft", "show", "--json"]).json();
    let planned = sandbox.project(&["plan", "--draft", "--json"]).json();
    assert_eq!(shown["plan"], planned["plan"]);
    let applied = sandbox.project(&["apply", "--draft", "--yes", "--reason", "tuning", "--json"]).json();
    assert_eq!((&applied["applied"], &applied["plan"]), (&json!(true), &planned["plan"]));
    assert_eq!(entries(&sandbox), before + 2);
    assert_eq!(
        sandbox.project(&["draft", "list"]).text(),
        "no drafts; begin one: flag-admin rollout set FLAG SHARE --draft\n"
    );
}

#[test]
fn drafts_are_each_persons_own() {
    let sandbox = sandbox();
    sandbox.project(&["rollout", "set", "paste", "20%", "--draft", "--as", "bob"]).text();
    let run = sandbox.project(&["apply", "--draft", "--yes"]);
    assert_eq!((run.code, run.err.lines().next()), (Some(1), Some("error: @alice has no draft of production")));
    sandbox.project(&["draft", "new"]).text();
    let run = sandbox.project(&["draft", "new", "--as", "bob"]);
    assert_eq!(run.err.lines().next(), Some("error: @bob has a draft of production already, with 1 changes"));
    sandbox.project(&["draft", "drop", "--yes", "--as", "bob"]).text();
    assert_eq!(sandbox.project(&["draft", "list", "--json"]).json()[0]["actor"], "alice");
}

#[test]
fn a_draft_of_a_world_that_moved_is_refused_and_rebased() {
    let sandbox = sandbox();
    sandbox.project(&["rollout", "set", "paste", "20%", "--draft"]).text();
    sandbox.project(&["rollout", "set", "rank", "60%", "--draft"]).text();
    sandbox.project(&["rollout", "set", "paste", "7%", "--yes", "--as", "bob"]).text();
    let run = sandbox.project(&["apply", "--draft", "--yes"]);
    let message = run.err.lines().next().unwrap();
    assert_eq!(run.code, Some(1));
    assert!(
        message.starts_with("error: the draft was made from entry 5 (")
            && message.ends_with("), and since then @bob increased rollout percentage: 5% → 7% (paste) (entry 6)"),
        "{message}"
    );
    let applied = sandbox.project(&["apply", "--draft", "--rebase", "--yes"]);
    let lines: Vec<&str> = applied.text().lines().collect();
    assert_eq!(lines[0], "since: @bob increased rollout percentage: 5% → 7% (paste) (entry 6)");
    assert_eq!(lines[1], "dropped from the draft: increased rollout percentage: 7% → 20% (paste)");
    assert!(lines[2].starts_with("the draft of production keeps 1 change, from entry 6 ("), "{}", lines[2]);
    assert_eq!(shares(&sandbox, &[]), [json!(7_000), json!(60_000), Value::Null]);
}

#[test]
fn publishing_does_not_move_the_world_of_a_draft() {
    let sandbox = sandbox();
    sandbox.project(&["rollout", "set", "paste", "20%", "--draft"]).text();
    sandbox.project(&["publish", "--to", "public"]).text();
    sandbox.project(&["apply", "--draft", "--yes"]).text();
    assert_eq!(shares(&sandbox, &[])[0], 20_000);
}

#[test]
fn what_no_draft_can_hold_is_refused() {
    let sandbox = sandbox();
    sandbox.project(&["rollout", "set", "paste", "20%", "--draft"]).text();
    let before = entries(&sandbox);
    let run = sandbox.project(&["kill", "paste", "--reason", "r", "--to", "public", "--draft"]);
    assert_eq!((run.code, run.err.lines().next()), (Some(1), Some("error: this cannot be put into a draft")));
    assert!(!sandbox.path("public/v1/kills.json").exists());
    for command in [
        &["root", "install", "next.json"][..],
        &["root", "rotate", "flags/root/1.json", "--out", "next.json"],
        &["adopt-kills", "found.json", "--reason", "r"],
        &["key", "list"],
        &["audit", "verify"],
        &["doctor"],
        &["env", "set", "production"],
    ] {
        let run = sandbox.project(&[command, &["--draft"]].concat());
        let error = "error: this cannot be put into a draft\nhint: run it without --draft\n";
        assert_eq!((run.code, &*run.err), (Some(1), error), "{command:?}");
    }
    assert!(!sandbox.path("next.json").exists());
    assert_eq!(entries(&sandbox), before);
}

#[test]
fn a_broken_draft_is_named_and_can_be_dropped() {
    let sandbox = sandbox();
    sandbox.project(&["draft", "new"]).text();
    sandbox.write("flags/drafts/alice@production.json", "{");
    let run = sandbox.project(&["plan", "--draft"]);
    assert_eq!(run.code, Some(1));
    assert!(run.err.contains("alice@production.json cannot be read"), "{}", run.err);
    let run = sandbox.project(&["rollout", "set", "paste", "20%", "--draft"]);
    assert_eq!(run.code, Some(1), "what cannot be read is not written over");
    sandbox.project(&["draft", "drop", "--yes"]).text();
    sandbox.project(&["rollout", "set", "paste", "20%", "--draft"]).text();
}
