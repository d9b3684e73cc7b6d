//! Commands that work on a project which a server holds.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![cfg(unix)]

#[path = "support/serving.rs"]
mod serving;
mod support;

use serde_json::json;
use serving::Serving;
use support::{Run, Sandbox, finished};

struct Afar {
    sandbox: Sandbox,
    serving: Serving,
}

impl Afar {
    fn new() -> Self {
        let sandbox = Sandbox::with_sample();
        for (member, role) in [("bob", "engineering_lead"), ("eve", "emergency_responder")] {
            sandbox.project(&["member", "add", member, role, "--yes"]).text();
        }
        sandbox.project(&["publish", "--to", "public"]).text();
        let serving = Serving::start(&sandbox, &["-C", "flags", "serve", "--public", "public"]);
        Self { sandbox, serving }
    }

    fn token(&self, holder: &str) -> String {
        let issued = self.sandbox.project(&["token", "new", holder, "--yes", "--json"]).json();
        issued["secret"].as_str().unwrap().to_owned()
    }

    /// Runs a command against the server, in a folder that is no project.
    fn run(&self, token: &str, arguments: &[&str]) -> Run {
        let url = self.serving.url();
        let all: Vec<&str> = ["--server", &url].iter().chain(arguments).copied().collect();
        let mut command = self.sandbox.command(&all);
        command.env("FLAG_ADMIN_TOKEN", token).env("HOME", self.sandbox.path("home")).env_remove("XDG_STATE_HOME");
        finished(command.spawn().unwrap())
    }
}

#[test]
fn commands_answer_the_same_from_afar() {
    let afar = Afar::new();
    let token = afar.token("alice");
    for arguments in [
        &["flag", "list", "--json"][..],
        &["flag", "show", "telemetry", "--json"],
        &["export"],
        &["log", "--json"],
        &["member", "list"],
        &["why", "telemetry", "--unit", "install-7", "--json"],
        &["segment", "list", "--json"],
        &["env", "list", "--json"],
        &["kill", "list"],
        &["audit", "verify", "--json"],
    ] {
        let here = afar.sandbox.project(arguments);
        assert_eq!(afar.run(&token, arguments), here, "{arguments:?}");
        assert_eq!(here.code, Some(0), "{arguments:?}");
    }
}

#[test]
fn changes_from_afar_are_made_in_the_tokens_name() {
    let afar = Afar::new();
    let (alice, bob, eve) = (afar.token("alice"), afar.token("bob"), afar.token("eve"));
    let set = [
        "rollout",
        "set",
        "telemetry_cloud_sync",
        "35%",
        "--yes",
        "--json",
        "--reason",
        "from afar",
        "--as",
        "mallory",
    ];
    let done = afar.run(&bob, &set).json();
    assert_eq!(done["applied"], true);
    let last = afar.sandbox.project(&["log", "--limit", "1", "--json"]).json();
    assert_eq!(
        (&last[0]["actor"], &last[0]["role"], &last[0]["reason"], &last[0]["seq"]),
        (&json!("bob"), &json!("engineering_lead"), &json!("from afar"), &done["head"]["seq"])
    );
    assert_eq!(last[0]["hash"], done["head"]["hash"], "the command tells the head that the server sealed");
    // A kill goes out at once: the keys are with the server.
    afar.run(&eve, &["kill", "telemetry", "--reason", "incident"]).text();
    assert!(afar.sandbox.path("public/v1/kills.json").exists());
    let published = afar.run(&alice, &["publish", "--json"]).json();
    assert_eq!(published["version"], 2);
    // Drafts are one's own.
    afar.run(&bob, &["rollout", "set", "command_history", "7%", "--draft"]).text();
    afar.run(&bob, &["apply", "--draft", "--yes"]).text();
    let shown = afar.sandbox.project(&["flag", "show", "command_history", "--json"]).json();
    assert_eq!(shown["share"], 7_000);
    // Agreement works from afar, too.
    afar.sandbox.project(&["member", "add", "carol", "release_manager", "--yes"]).text();
    afar.sandbox.project(&["approve", "--require", "1", "--yes"]).text();
    let asked = afar.run(&bob, &["rollout", "set", "command_history", "8%", "--yes", "--json"]).json();
    let request = asked["request"].as_u64().unwrap().to_string();
    afar.run(&alice, &["approve", &request, "--yes"]).text();
    assert_eq!(afar.sandbox.project(&["flag", "show", "command_history", "--json"]).json()["share"], 8_000);
    afar.sandbox.project(&["audit", "verify"]).text();
}

#[test]
fn refusals_from_afar_say_what_is_wrong() {
    let afar = Afar::new();
    let (bob, eve) = (afar.token("bob"), afar.token("eve"));
    let url = afar.serving.url();
    let refused = afar.run(&bob, &["kill", "telemetry", "--reason", "incident"]);
    assert!(
        refused.err.contains("@bob is an engineering lead and may not kill \"telemetry\", a kill switch"),
        "{refused:?}"
    );
    let bad = afar.run("flagadmin_lead_nothing", &["flag", "list"]);
    assert_eq!(bad.err.lines().next().unwrap(), format!("error: {url} refused: the token is not valid"));
    let narrow = afar
        .sandbox
        .project(&["token", "new", "bob", "--can", "read-config", "--in", "production", "--yes", "--json"])
        .json();
    let narrow = narrow["secret"].as_str().unwrap();
    assert!(afar.run(narrow, &["flag", "list"]).text().contains("telemetry"));
    let log = afar.run(narrow, &["log"]);
    assert_ne!(log.code, Some(0), "{log:?}");
    assert!(log.err.contains("is for production, not for the whole project"), "{log:?}");
    let keys = afar.run(&eve, &["alert", "list"]);
    assert_eq!(
        keys.err,
        "error: alert is not done from afar: where alerts go, and their secrets, lie with the project\nhint: run it where the project lies, without --server\n"
    );
    for (server, message) in [
        ("http://127.0.0.1:1", "error: http://127.0.0.1:1 cannot be read: error sending request"),
        (
            "http://flags.example",
            "error: \"http://flags.example\" is another machine, and connections are not encrypted",
        ),
        ("flags", "error: \"flags\" is no address of a server"),
    ] {
        let mut command = afar.sandbox.command(&["--server", server, "flag", "list"]);
        let run = finished(command.env("FLAG_ADMIN_TOKEN", &bob).spawn().unwrap());
        assert!(run.err.starts_with(message), "{}", run.err);
        assert_eq!(run.code, Some(1));
    }
    let mut command = afar.sandbox.command(&["--server", &url, "flag", "list"]);
    let run = finished(command.env_remove("FLAG_ADMIN_TOKEN").spawn().unwrap());
    assert!(
        run.err.starts_with(&format!("error: there is no token for {url}\nhint: set FLAG_ADMIN_TOKEN")),
        "{}",
        run.err
    );
}
