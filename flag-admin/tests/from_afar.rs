//! Every command with `--server`: it works, or says why it does not.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]
#![allow(clippy::disallowed_methods, clippy::format_push_string, reason = "what waits for a server looks at the clock")]
#![cfg(unix)]

#[path = "support/serving.rs"]
mod serving;
mod support;

use std::collections::BTreeSet;

use serving::Serving;
use support::{Run, SAMPLE, Sandbox, finished};

/// What a command is expected to do.
#[derive(Debug)]
enum Expected {
    /// It has commands below it, and is none itself.
    Group,
    /// It is done: these arguments, after the command's own words.
    Done(&'static [&'static str]),
    /// It is done by somebody else, who is told the first request that waits.
    Decided(&'static [&'static str]),
    /// It says that it is not done from afar, and why.
    Refused(&'static [&'static str], &'static str),
}

use Expected::{Decided, Done, Group, Refused};

/// Every command, in an order in which they can be done one after the other.
const COMMANDS: &[(&str, Expected)] = &[
    ("", Group),
    ("flag", Group),
    ("flag list", Done(&[])),
    ("lint", Done(&[])),
    ("flag show", Done(&["telemetry"])),
    ("flag new", Done(&["search_history", "--description", "Remembers what was searched for", "--yes"])),
    ("flag edit", Done(&["search_history", "--owner", "@search", "--yes"])),
    ("flag rename", Done(&["search_history", "search_memory", "--yes"])),
    ("flag clone", Done(&["search_memory", "search_recall", "--yes"])),
    ("flag disable", Done(&["search_recall", "--yes"])),
    ("flag enable", Done(&["search_recall", "--yes"])),
    ("flag promote", Done(&["search_recall", "--force", "a trial", "--yes"])),
    ("env", Group),
    ("env new", Done(&["staging", "--from", "production", "--yes"])),
    ("env list", Done(&[])),
    ("env set", Refused(&["staging"], "it is a setting of the project's folder")),
    ("flag copy", Done(&["search_recall", "--from", "staging", "--yes"])),
    ("flag archive", Done(&["search_recall", "--yes"])),
    ("segment", Group),
    ("segment set", Done(&["insiders", "--attr", "team=core", "--yes"])),
    ("segment list", Done(&[])),
    ("segment show", Done(&["insiders"])),
    ("segment remove", Done(&["insiders", "--yes"])),
    ("group", Group),
    ("group new", Done(&["apart", "--holdout", "5%", "--yes"])),
    ("group add", Done(&["apart", "search_memory", "--share", "40%", "--yes"])),
    ("group list", Done(&[])),
    ("group show", Done(&["apart"])),
    ("group remove", Done(&["apart", "search_memory", "--yes"])),
    ("undo", Done(&["--yes"])),
    ("rollout", Group),
    ("rollout set", Done(&["command_history", "0%", "--yes"])),
    ("rollout start", Done(&["command_history", "--yes"])),
    ("rollout status", Done(&["command_history"])),
    ("rollout tick", Done(&["--publish"])),
    ("rollout pause", Done(&["command_history", "--yes", "--reason", "holidays"])),
    ("rollout resume", Done(&["command_history", "--yes", "--reason", "back"])),
    ("rollout replay", Done(&["command_history"])),
    ("rollout advance", Refused(&["command_history", "--yes"], "step 1 has not passed its gates")),
    ("rollout back", Done(&["command_history", "--yes"])),
    ("rollout start", Done(&["command_history", "--schedule", "cautious", "--yes"])),
    ("rollout abort", Done(&["command_history", "--yes", "--reason", "wrong idea"])),
    ("rollout watch", Refused(&[], "the server watches by itself")),
    ("signal", Group),
    ("signal raise", Done(&["command_history", "p0", "--yes", "--reason", "history lost"])),
    ("signal list", Done(&[])),
    ("signal clear", Refused(&["1", "--yes"], "signal 1 does not exist, or is cleared")),
    ("experiment", Group),
    ("experiment list", Done(&[])),
    ("experiment analyze", Done(&["command_model_comparison"])),
    ("experiment power", Done(&["command_model_comparison", "--baseline", "94%"])),
    ("experiment conclude", Done(&["command_model_comparison", "--keep", "--yes"])),
    ("plan", Done(&["-f", SAMPLE])),
    ("apply", Done(&["-f", SAMPLE, "--yes"])),
    ("export", Done(&[])),
    ("export", Done(&["flagd", "--partial"])),
    ("import", Group),
    ("import flagd", Done(&["flagd.json", "--yes"])),
    ("draft", Group),
    ("draft new", Done(&[])),
    ("draft show", Done(&[])),
    ("draft list", Done(&[])),
    ("draft rebase", Done(&[])),
    ("draft drop", Done(&["--yes"])),
    ("kill", Done(&["telemetry", "--reason", "incident"])),
    ("kill list", Done(&[])),
    ("kills", Done(&[])),
    ("kill report", Done(&["telemetry"])),
    ("kill explain", Done(&["telemetry", "--reason", "privacy incident 12"])),
    ("unkill", Done(&["telemetry", "--reason", "fixed", "--yes"])),
    ("publish", Done(&[])),
    ("verify", Done(&["public", "--root", "public/v1/root/1.json"])),
    ("why", Done(&["telemetry", "--unit", "install-7"])),
    ("log", Done(&["--limit", "3"])),
    ("audit", Group),
    ("audit log", Done(&[])),
    ("audit verify", Done(&[])),
    ("audit checkpoint", Refused(&[], "it is signed by a private key")),
    ("stale", Done(&[])),
    ("refs", Done(&["--path", "."])),
    ("codegen", Done(&[])),
    ("docs", Done(&[])),
    ("member", Group),
    ("member list", Done(&[])),
    ("member add", Done(&["dave", "release_manager", "--yes"])),
    ("member role", Done(&["dave", "engineer", "--yes"])),
    ("member remove", Done(&["dave", "--yes"])),
    ("token", Group),
    ("token new", Done(&["bob", "--yes"])),
    ("token list", Done(&[])),
    ("token revoke", Refused(&["fa1234567890", "--yes"], "there is no token")),
    ("approve", Decided(&["--yes"])),
    ("reject", Decided(&["--yes"])),
    ("dashboard", Done(&["--plain"])),
    ("init", Refused(&["elsewhere"], "it makes a project of a folder")),
    ("demo", Refused(&[], "it makes a project of its own")),
    ("restore", Refused(&["x.backup", "elsewhere"], "it makes a project of a folder")),
    ("backup", Refused(&["x.backup"], "it copies roots and keys besides the log")),
    ("serve", Refused(&[], "it is the server")),
    ("root", Group),
    (
        "root init",
        Refused(
            &[
                "--project",
                "caro",
                "--threshold",
                "1",
                "--keys",
                "a",
                "--snapshot-key",
                "b",
                "--kill-key",
                "c",
                "--out",
                "root.json",
            ],
            "roots are signed on files",
        ),
    ),
    ("root install", Refused(&["root.json"], "roots are signed on files")),
    ("root key", Group),
    ("root key new", Refused(&["alice.pem"], "roots are signed on files")),
    ("root rotate", Refused(&["root.json", "--out", "next.json"], "roots are signed on files")),
    ("root show", Refused(&["root.json"], "roots are signed on files")),
    ("root sign", Refused(&["root.json", "--key", "alice.pem"], "roots are signed on files")),
    ("key", Group),
    ("key list", Refused(&[], "private keys never travel")),
    ("key new", Refused(&["snapshot", "--out", "new.pem"], "private keys never travel")),
    ("key use", Refused(&["snapshot", "new.pem"], "private keys never travel")),
    ("key encrypt", Refused(&["snapshot"], "private keys never travel")),
    ("key decrypt", Refused(&["snapshot"], "private keys never travel")),
    ("adopt-kills", Refused(&["kills.json", "--reason", "x"], "it looks at the project's own roots")),
    ("doctor", Refused(&[], "it looks at keys, clock and store")),
    ("alert", Group),
    ("alert list", Refused(&[], "where alerts go, and their secrets, lie with the project")),
    ("alert add", Refused(&["x", "log"], "where alerts go, and their secrets, lie with the project")),
    ("alert remove", Refused(&["x"], "where alerts go, and their secrets, lie with the project")),
    ("alert test", Refused(&["x"], "where alerts go, and their secrets, lie with the project")),
    ("alert deliver", Refused(&[], "where alerts go, and their secrets, lie with the project")),
    ("simulate", Refused(&["--users", "1000"], "it looks at no project")),
    ("completions", Refused(&["bash"], "it is about this machine's shell")),
    ("man", Refused(&[], "it is about this program")),
];

/// Returns every command by its words, as the program describes itself.
fn described(sandbox: &Sandbox) -> BTreeSet<String> {
    let pages = sandbox.run(&["man", "--out", "man", "--json"]).json();
    let known: BTreeSet<String> = COMMANDS.iter().map(|(words, _)| words.replace(' ', "-")).collect();
    let name = |page: &serde_json::Value| {
        let page = std::path::Path::new(page.as_str().unwrap()).file_stem().unwrap().to_str().unwrap().to_owned();
        page.trim_start_matches("flag-admin").trim_start_matches('-').to_owned()
    };
    let found: BTreeSet<String> = pages["pages"].as_array().unwrap().iter().map(name).collect();
    assert_eq!(found.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "nobody says what these do");
    assert_eq!(known.difference(&found).collect::<Vec<_>>(), Vec::<&String>::new(), "these are no commands");
    found
}

struct Afar {
    sandbox: Sandbox,
    serving: Serving,
    token: String,
    other: String,
}

impl Afar {
    fn new() -> Self {
        let sandbox = Sandbox::with_sample();
        for (member, role) in [("bob", "engineering_lead"), ("carol", "release_manager")] {
            sandbox.project(&["member", "add", member, role, "--yes"]).text();
        }
        sandbox.project(&["publish", "--to", "public"]).text();
        sandbox.write("flagd.json", r#"{"flags": {"dark_theme": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off"}}}"#);
        let serving = Serving::start(&sandbox, &["-C", "flags", "serve", "--public", "public"]);
        let issued = |holder: &str| {
            let issued = sandbox.project(&["token", "new", holder, "--yes", "--json"]).json();
            issued["secret"].as_str().unwrap().to_owned()
        };
        let (token, other) = (issued("alice"), issued("carol"));
        Self { sandbox, serving, token, other }
    }

    fn run(&self, token: &str, words: &[&str]) -> Run {
        let url = self.serving.url();
        let all: Vec<&str> = ["--server", &url].iter().chain(words).copied().collect();
        let mut command = self.sandbox.command(&all);
        command.env("FLAG_ADMIN_TOKEN", token).env("HOME", self.sandbox.path("home")).env_remove("XDG_STATE_HOME");
        finished(command.spawn().unwrap())
    }
}

#[test]
fn every_command_works_from_afar_or_says_why_not() {
    let afar = Afar::new();
    described(&afar.sandbox);
    let mut wrong = Vec::new();
    for (words, expected) in COMMANDS {
        let words: Vec<&str> = words.split_whitespace().collect();
        let with =
            |arguments: &[&'static str]| words.iter().copied().chain(arguments.iter().copied()).collect::<Vec<_>>();
        let (run, is_right) = match expected {
            Group => continue,
            Done(arguments) => {
                let run = afar.run(&afar.token, &with(arguments));
                let is_right = run.code == Some(0) && run.err.is_empty();
                (run, is_right)
            }
            Decided(arguments) => {
                afar.run(&afar.token, &["approve", "--require", "1", "--yes"]);
                let share = format!("{}%", words[0].len());
                let set = ["rollout", "set", "mlx_backend", &share, "--yes", "--json"];
                let asked = afar.run(&afar.token, &set).json();
                let request = asked["request"].to_string();
                let mut all = with(arguments);
                all.insert(1, &request);
                let run = afar.run(&afar.other, &all);
                let is_right = run.code == Some(0) && run.err.is_empty();
                (run, is_right)
            }
            Refused(arguments, why) => {
                let run = afar.run(&afar.token, &with(arguments));
                let is_right = run.code == Some(1) && run.err.contains(why);
                (run, is_right)
            }
        };
        if !is_right {
            wrong.push(format!("{words:?}: {run:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    afar.sandbox.project(&["audit", "verify"]).text();
}
