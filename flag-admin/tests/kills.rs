//! Kill switches from outside: killed at once, lifted with care, watched, and reported on.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use flag_admin::adapters::ProjectFolder;
use flag_admin::app::{KillCard, Operator, Watch};
use flag_admin::log::Role;
use flag_core::Timestamp;
use serde_json::{Value, json};
use support::Sandbox;

const HOUR: i64 = 3_600_000;

#[test]
fn the_kill_switches_of_the_strategy_are_in_the_sample() {
    let sandbox = Sandbox::with_sample();
    let listed = sandbox.project(&["flag", "list", "--kind", "kill_switch", "--json"]).json();
    let keys: Vec<&str> = listed.as_array().unwrap().iter().map(|flag| flag["flag"].as_str().unwrap()).collect();
    assert_eq!(keys, ["command_execution", "llm_backends", "telemetry"]);
    for key in keys {
        sandbox.project(&["kill", &format!("{key}_disabled"), "--reason", "drill"]).text();
    }
    let kills = sandbox.project(&["kill", "list", "--json"]).json();
    let killed: Vec<(&Value, &Value, &Value)> =
        kills.as_array().unwrap().iter().map(|kill| (&kill["target"], &kill["state"], &kill["escalate"])).collect();
    let (state, escalate) = (json!("killed"), json!(false));
    assert_eq!(
        killed,
        [
            (&json!("command_execution"), &state, &escalate),
            (&json!("llm_backends"), &state, &escalate),
            (&json!("telemetry"), &state, &escalate),
        ]
    );
}

#[test]
fn killing_is_quick_and_unkilling_is_not() {
    let sandbox = Sandbox::with_sample();
    // Nobody is asked.
    sandbox.project(&["kill", "telemetry", "--reason", "privacy incident"]).text();
    let unsure = sandbox.project(&["unkill", "telemetry", "--reason", "fixed"]);
    assert_eq!(unsure.code, Some(1));
    assert!(
        unsure.err.starts_with("error: this needs a confirmation, and there is no terminal to ask on"),
        "{unsure:?}"
    );
    assert_eq!(sandbox.project(&["kill", "list", "--json"]).json()[0]["target"], "telemetry");
    for (command, expected) in [
        (&["unkill", "telemetry"][..], "--reason <TEXT>"),
        (&["kill", "telemetry"], "--reason <TEXT>"),
        (&["kill"], "<TARGET>"),
    ] {
        let refused = sandbox.project(command);
        assert_eq!(refused.code, Some(2), "{command:?}");
        assert!(refused.err.contains(expected), "{}", refused.err);
    }
    let lifted = sandbox.project(&["unkill", "telemetry", "--reason", "fixed", "--yes"]);
    assert!(lifted.text().contains("watch it closely until 20"), "{}", lifted.out);
}

#[test]
fn what_was_killed_is_watched_for_a_day() {
    let sandbox = Sandbox::with_sample();
    assert_eq!(sandbox.project(&["kill", "list"]).text(), "nothing is killed in production\n");
    sandbox.project(&["kill", "telemetry", "--reason", "privacy incident"]).text();
    sandbox.project(&["unkill", "telemetry", "--reason", "fixed", "--yes", "--as", "bob"]).text();
    let listed = sandbox.project(&["kill", "list", "--json"]).json();
    assert_eq!(
        (&listed[0]["state"], &listed[0]["by"], &listed[0]["reason"]),
        (&json!("watched"), &json!("bob"), &json!("fixed"))
    );
    let time = |field: &str| listed[0][field].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert_eq!(time("until").millis_since(time("lifted")), Watch::HOURS * HOUR);
    let shown = sandbox.project(&["flag", "show", "telemetry"]);
    assert!(shown.text().contains(": kill lifted by @bob\n"), "{}", shown.out);
    // Killed anew, it is no longer back.
    sandbox.project(&["kill", "telemetry", "--reason", "again"]).text();
    let listed = sandbox.project(&["kill", "list", "--json"]).json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["state"]), (1, &json!("killed")));
}

#[test]
fn a_kill_of_more_than_a_day_is_escalated() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["kill", "telemetry", "--reason", "privacy incident"]).text();
    let folder = ProjectFolder::find(&sandbox.path("flags")).unwrap();
    let operator = Operator { actor: "alice".parse().unwrap(), role: Role::ReleaseManager };
    let project = folder.open(operator).unwrap();
    let kills = project.kills(&"production".parse().unwrap()).unwrap();
    let kill: &KillCard<'_> = &kills[0];
    for (millis, minutes, is_overdue) in [
        (0, 0, false),
        (59_999, 0, false),
        (90 * 60_000, 90, false),
        (24 * HOUR, 1_440, false),
        (24 * HOUR + 1, 1_440, true),
        // A clock that was set back is no reason to escalate.
        (-HOUR, 0, false),
    ] {
        let now = kill.since.saturating_add_millis(millis);
        assert_eq!((kill.minutes(now), kill.is_overdue(now)), (minutes, is_overdue), "{millis} ms");
    }
}

#[test]
fn a_report_drafts_the_post_mortem() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["kill", "telemetry", "--reason", "leak <b>of</b> ids | urgent", "--as", "bob"]).text();
    sandbox.project(&["rollout", "set", "ollama_backend", "10%", "--yes"]).text();
    let open = sandbox.project(&["kill", "report", "telemetry"]);
    assert!(open.text().contains("\n| Lifted | not yet |\n"), "{}", open.out);
    sandbox.project(&["unkill", "telemetry", "--reason", "fixed", "--yes"]).text();
    let report = sandbox.project(&["kill", "report", "telemetry", "--json"]).json();
    assert_eq!((&report["by"], &report["dependents"]), (&json!("bob"), &json!(["telemetry_cloud_sync"])));
    let id = report["id"].as_str().unwrap();
    let text = sandbox.project(&["kill", "report", id]).text().to_owned();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "# Post-mortem: telemetry killed in production");
    for line in [
        "| Why | leak &lt;b>of&lt;/b> ids \\| urgent |",
        "| How it reached clients | with the next snapshot |",
        "| Why it was lifted | fixed |",
        "| Off for | 0 min |",
        "| Went off with it | telemetry_cloud_sync |",
        "| Error rate | no data | no data | no data |",
        "## Timeline",
        "## What will prevent it",
    ] {
        assert!(lines.contains(&line), "{line}\n{text}");
    }
    assert!(text.contains("@alice increased rollout percentage: 0% → 10% (ollama_backend)"), "{text}");
    let unknown = sandbox.project(&["kill", "report", "telemtry"]);
    assert_eq!(unknown.err, "error: there was no kill \"telemtry\" in production\nhint: did you mean \"telemetry\"?\n");
}

#[test]
fn a_kill_goes_at_once_to_where_the_environment_was_published() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    let killed = sandbox.project(&["kill", "telemetry", "--reason", "privacy incident", "--json"]).json();
    assert_eq!(killed["published"]["targets"], json!(["telemetry"]));
    assert!(sandbox.path("public/v1/kills.json").exists());
    let held = sandbox.project(&["kill", "llm_backends", "--reason", "quality", "--no-publish", "--json"]).json();
    assert_eq!(held["published"], Value::Null);
    // Without the emergency key the kill is logged all the same, and says that it did not go out.
    let keys = sandbox.path("flags/keys");
    for file in std::fs::read_dir(&keys).unwrap() {
        let file = file.unwrap().path();
        if file.file_name().is_some_and(|name| name.to_string_lossy().contains("kill")) {
            std::fs::remove_file(file).unwrap();
        }
    }
    let logged = sandbox.project(&["kill", "command_execution", "--reason", "safety"]);
    assert!(logged.text().contains("warning: not published to "), "{}", logged.out);
    assert_eq!(sandbox.project(&["kill", "list", "--json"]).json().as_array().unwrap().len(), 3);
}
