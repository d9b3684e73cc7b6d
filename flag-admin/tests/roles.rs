//! Who may do what, from outside: roles, members, and approvals by a second person.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use serde_json::json;
use support::{Run, Sandbox};

const FLAGS: &str = "\
    [flags.young]\nstage = \"development\"\n\n\
    [flags.grown]\nstage = \"beta\"\nrollout = \"5%\"\n\n\
    [flags.vital]\nstage = \"beta\"\ncritical = true\nrollout = \"5%\"\n\n\
    [flags.telemetry]\nkind = \"kill_switch\"\nstage = \"ga\"\n\n\
    [flags.sync]\nstage = \"beta\"\nrollout = \"50%\"\nprerequisites = [{ flag = \"young\", variants = [\"on\", \"off\"] }]\n";

/// Returns a project of @alice with a flag of every sort, and a member in every role.
fn team() -> Sandbox {
    let sandbox = Sandbox::with_project();
    sandbox.write("flags.toml", FLAGS);
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    for (name, role) in [("lena", "engineering_lead"), ("emil", "engineer"), ("rosa", "emergency_responder")] {
        sandbox.project(&["member", "add", name, role, "--yes"]).text();
    }
    sandbox.project(&["member", "add", "bob", "release_manager", "--yes"]).text();
    sandbox
}

#[track_caller]
fn refused(run: &Run, message: &str) {
    assert_eq!((run.code, run.err.lines().next()), (Some(1), Some(message)), "{}", run.out);
}

#[test]
fn the_first_member_makes_the_owner_one_too() {
    let sandbox = Sandbox::with_project();
    assert_eq!(
        sandbox.project(&["member", "list"]).text(),
        "no members: whoever may use the project's keys is its release manager; \
         declare some: flag-admin member add NAME ROLE\n"
    );
    let added = sandbox.project(&["member", "add", "bob", "engineer", "--yes"]);
    assert_eq!(
        added.text(),
        "member @alice added\n  role: release_manager\nmember @bob added\n  role: engineer\n\
         applied 2 changes to production; the log ends with entry 4 ("
            .to_owned()
            + added.text().rsplit_once('(').unwrap().1
    );
    assert_eq!(
        sandbox.project(&["member", "list"]).text(),
        "MEMBER  ROLE\n@alice  release manager\n@bob    engineer\n"
    );
    refused(
        &sandbox.project(&["member", "remove", "alice", "--yes"]),
        "error: @alice is the last release manager, and the project needs one",
    );
    refused(
        &sandbox.project(&["member", "role", "alice", "engineer", "--yes"]),
        "error: @alice is the last release manager, and the project needs one",
    );
    let log = sandbox.project(&["log", "--limit", "1"]);
    assert!(log.text().ends_with(" - @alice made member: @bob (engineer)\n"), "{}", log.text());
}

#[test]
fn whoever_is_no_member_may_look_and_change_nothing() {
    let sandbox = team();
    sandbox.project(&["flag", "list", "--as", "mallory"]).text();
    let planned = sandbox.project(&["rollout", "set", "grown", "6%", "--dry-run", "--as", "mallory"]);
    assert!(planned.text().contains("not allowed: @mallory is no member of the project\n"), "{}", planned.text());
    let run = sandbox.project(&["rollout", "set", "grown", "6%", "--yes", "--as", "mallory"]);
    refused(&run, "error: @mallory is no member of the project");
    assert_eq!(run.err.lines().nth(1), Some("hint: name a member with --as NAME, or ask @alice or @bob to add you"));
    let publish = sandbox.project(&["publish", "--to", "public", "--as", "mallory"]);
    refused(&publish, "error: @mallory is no member of the project");
}

#[test]
fn each_role_reaches_as_far_as_the_table_says() {
    let everyone = ["alice", "lena", "emil", "rosa"];
    for (command, may) in [
        (&["rollout", "set", "young", "1%"][..], [true, true, true, false]),
        (&["rollout", "set", "grown", "6%"], [true, true, false, false]),
        (&["flag", "disable", "grown"], [true, true, false, false]),
        (&["flag", "rename", "grown", "older"], [true, true, false, false]),
        // "sync", a flag in beta, needs it, and is written anew.
        (&["flag", "rename", "young", "younger"], [true, true, false, false]),
        (&["flag", "rename", "telemetry", "telemetry_all"], [true, false, false, false]),
        (&["flag", "disable", "telemetry"], [true, false, false, false]),
        (&["kill", "young", "--reason", "r"], [true, true, true, true]),
        (&["kill", "grown", "--reason", "r"], [true, true, false, true]),
        (&["kill", "telemetry", "--reason", "r"], [true, false, false, true]),
        (&["kill", "elsewhere", "--unlisted", "--reason", "r"], [true, false, false, true]),
        (&["member", "add", "zoe", "engineer"], [true, false, false, false]),
    ] {
        let sandbox = team();
        for (name, may) in everyone.into_iter().zip(may) {
            let planned: Vec<&str> = command.iter().copied().chain(["--dry-run", "--json", "--as", name]).collect();
            let planned = sandbox.project(&planned).json();
            let verdict = planned["access"]["verdict"].as_str().unwrap_or("allowed");
            assert_eq!(verdict, if may { "allowed" } else { "refused" }, "{name}: {command:?}");
            if !may {
                let done: Vec<&str> = command.iter().copied().chain(["--yes", "--as", name]).collect();
                let run = sandbox.project(&done);
                refused(&run, &format!("error: {}", planned["access"]["refusal"].as_str().unwrap()));
            }
        }
    }
}

#[test]
fn a_refusal_says_who_may() {
    let sandbox = team();
    for (command, name, message) in [
        (
            &["rollout", "set", "grown", "6%"][..],
            "emil",
            "error: @emil is an engineer and may not change flag \"grown\", a flag past the development stage; \
             a release manager or an engineering lead may",
        ),
        (
            &["flag", "rename", "young", "younger"],
            "emil",
            "error: @emil is an engineer and may not rename flag \"young\", which flag \"sync\" needs, \
             a flag past the development stage; a release manager or an engineering lead may",
        ),
        (
            &["kill", "telemetry", "--reason", "r"],
            "lena",
            "error: @lena is an engineering lead and may not kill \"telemetry\", a kill switch; \
             a release manager or an emergency responder may",
        ),
        (
            &["flag", "disable", "grown"],
            "rosa",
            "error: @rosa is an emergency responder and may not change flag \"grown\", a flag past the development stage; \
             a release manager or an engineering lead may",
        ),
    ] {
        let all: Vec<&str> = command.iter().copied().chain(["--yes", "--as", name]).collect();
        refused(&sandbox.project(&all), message);
    }
    sandbox.project(&["kill", "telemetry", "--reason", "r", "--as", "rosa"]).text();
    let lift = ["unkill", "telemetry", "--reason", "r", "--yes", "--as", "rosa"];
    refused(
        &sandbox.project(&lift),
        "error: @rosa is an emergency responder and may not lift the kill of \"telemetry\", a kill switch; \
         a release manager may",
    );
}

#[test]
fn what_reaches_another_flag_is_an_edit_of_that_flag() {
    let sandbox = team();
    // sync, at beta, goes with young, at development: whoever may not change sync may not take young from under it.
    sandbox.write("young.toml", "[flags.young]\nstage = \"development\"\nserve = \"on\"\n");
    sandbox.project(&["apply", "-f", "young.toml", "--yes", "--as", "emil"]).text();
    sandbox.write(
        "flags.toml",
        "[flags.sync]\nstage = \"beta\"\nrollout = \"50%\"\nprerequisites = [{ flag = \"young\", variants = [\"on\"] }]\n\
         [flags.young]\nstage = \"development\"\nserve = \"on\"\n",
    );
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    refused(
        &sandbox.project(&["flag", "disable", "young", "--yes", "--as", "emil"]),
        "error: @emil is an engineer and may not change whom flag \"sync\" is served to, a flag past the development stage; \
         a release manager or an engineering lead may",
    );
}

#[test]
fn promoting_past_development_is_not_an_engineers() {
    let sandbox = team();
    sandbox.write("young.toml", "[flags.young]\nstage = \"internal\"\n");
    refused(
        &sandbox.project(&["apply", "-f", "young.toml", "--yes", "--as", "emil"]),
        "error: @emil is an engineer and may not change flag \"young\", a flag past the development stage; \
         a release manager or an engineering lead may",
    );
}

#[test]
fn a_critical_flag_needs_a_second_member_to_reach_anyone() {
    let sandbox = team();
    let asked = sandbox.project(&["rollout", "set", "vital", "10%", "--yes", "--as", "lena", "--reason", "it holds"]);
    let text = asked.text();
    assert!(
        text.contains("needs another member's approval: flag \"vital\" is critical, and somebody gains or moves\n")
    );
    let last = text.lines().last().unwrap();
    let request = last.strip_prefix("1 change to production wait for another member: flag-admin approve ").unwrap();
    assert_eq!(sandbox.project(&["flag", "list", "--json"]).json()[3]["share"], 5_000, "nothing is changed yet");

    let listed = sandbox.project(&["approve", "--list", "--json"]).json();
    assert_eq!(
        (&listed[0]["request"], &listed[0]["by"], &listed[0]["reason"], &listed[0]["sentences"]),
        (
            &json!(request.parse::<u64>().unwrap()),
            &json!("lena"),
            &json!("it holds"),
            &json!(["increased rollout percentage: 5% → 10% (vital)"])
        )
    );
    refused(
        &sandbox.project(&["approve", request, "--yes", "--as", "lena"]),
        &format!("error: request {request} is by @lena, and nobody approves their own"),
    );
    refused(
        &sandbox.project(&["approve", request, "--yes", "--as", "emil"]),
        "error: @emil is an engineer and may not change flag \"vital\", a flag past the development stage; \
         a release manager or an engineering lead may",
    );
    // What others change elsewhere does not get in the way.
    sandbox.project(&["rollout", "set", "grown", "6%", "--yes"]).text();
    sandbox.project(&["approve", request, "--yes", "--as", "bob"]).text();
    assert_eq!(sandbox.project(&["flag", "list", "--json"]).json()[3]["share"], 10_000);
    assert_eq!(sandbox.project(&["approve", "--list"]).text(), "no requests wait in production\n");
    let log = sandbox.project(&["log", "--limit", "2"]);
    let lines: Vec<&str> = log.text().lines().map(|line| &line["2026-01-15 14:32:01 - ".len()..]).collect();
    assert_eq!(
        lines,
        [
            format!("@bob approved request: {request} - request {request} by @lena; it holds"),
            format!("@bob increased rollout percentage: 5% → 10% (vital) - request {request} by @lena; it holds"),
        ]
    );
    refused(
        &sandbox.project(&["approve", request, "--yes", "--as", "alice"]),
        &format!("error: no request {request} waits in production"),
    );
    // Lowering reaches nobody who was not reached.
    let lowered = sandbox.project(&["rollout", "set", "vital", "1%", "--yes", "--as", "lena"]);
    assert!(lowered.text().contains("applied 1 change to production"), "{}", lowered.text());
    // That a flag is critical is not taken back alone either.
    sandbox.write("vital.toml", "[flags.vital]\nstage = \"beta\"\nrollout = \"1%\"\n");
    let planned = sandbox.project(&["plan", "-f", "vital.toml", "--json"]).json();
    assert_eq!(planned["access"], json!({"verdict": "needs_approval", "cause": {"no_longer_critical": "vital"}}));
}

#[test]
fn a_request_that_would_do_something_else_now_is_not_approved() {
    let sandbox = team();
    let asked = sandbox.project(&["rollout", "set", "vital", "10%", "--yes", "--json", "--as", "lena"]).json();
    let request = asked["request"].to_string();
    assert_eq!(asked["applied"], false);
    sandbox.project(&["rollout", "set", "vital", "1%", "--yes"]).text();
    let run = sandbox.project(&["approve", &request, "--yes", "--as", "bob"]);
    let seq = sandbox.project(&["log", "--limit", "1", "--json"]).json()[0]["seq"].clone();
    refused(
        &run,
        &format!(
            "error: request {request} would do something else now: \
             since then @alice decreased rollout percentage: 5% → 1% (vital) (entry {seq})"
        ),
    );
    sandbox.project(&["reject", &request, "--as", "lena"]).text();
    assert_eq!(sandbox.project(&["approve", "--list", "--json"]).json(), json!([]));
}

#[test]
fn an_environment_may_ask_for_two_people() {
    let sandbox = team();
    sandbox.project(&["approve", "--require", "1", "--yes"]).text();
    let asked = sandbox.project(&["rollout", "set", "grown", "1%", "--yes", "--json"]).json();
    assert_eq!(asked["access"], json!({"verdict": "needs_approval", "cause": "every_change"}));
    sandbox.project(&["approve", &asked["request"].to_string(), "--yes", "--as", "lena"]).text();
    assert_eq!(sandbox.project(&["flag", "list", "--json"]).json()[0]["share"], 1_000);
    // Killing stays quick; lifting and letting go of the rule take two.
    let killed = sandbox.project(&["kill", "grown", "--reason", "r", "--json"]).json();
    assert_eq!(killed["applied"], true);
    for command in [
        &["unkill", "grown", "--reason", "r"][..],
        &["approve", "--require", "0"],
        &["member", "add", "zoe", "release_manager"],
    ] {
        let all: Vec<&str> = command.iter().copied().chain(["--yes", "--json"]).collect();
        let asked = sandbox.project(&all).json();
        assert_eq!(asked["applied"], false, "{command:?}");
        assert!(asked["request"].is_u64(), "{command:?}");
    }
    refused(
        &sandbox.project(&["approve", "--require", "2", "--yes"]),
        "error: 2 approvals cannot be required, expected 0 or 1",
    );
    let alone = Sandbox::with_project();
    refused(
        &alone.project(&["approve", "--require", "1", "--yes"]),
        "error: production cannot require an approval: it takes two release managers, who alone may lift that, found 0",
    );
}

#[test]
fn a_debug_flag_goes_off_within_a_day_or_is_not_made() {
    let sandbox = Sandbox::with_project();
    sandbox.write("flags.toml", "[flags.trace_debug]\nrollout = \"1%\"\n");
    let run = sandbox.project(&["apply", "-f", "flags.toml", "--yes"]);
    let message = run.err.lines().next().unwrap();
    let expected = "error: flag \"trace_debug\" is a debug flag and never goes off, expected off_after at ";
    assert!(run.code == Some(1) && message.starts_with(expected), "{message}");
    let latest = message[expected.len()..].strip_suffix(" or before").unwrap();
    sandbox.write("flags.toml", &format!("[flags.trace_debug]\nrollout = \"1%\"\noff_after = \"{latest}\"\n"));
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    sandbox.write("flags.toml", "[flags.trace_debug]\nrollout = \"1%\"\noff_after = \"9999-01-01T00:00:00Z\"\n");
    let run = sandbox.project(&["apply", "-f", "flags.toml", "--yes"]);
    assert!(run.err.contains("is a debug flag and goes off at 9999-01-01T00:00:00Z, expected"), "{}", run.err);
}
