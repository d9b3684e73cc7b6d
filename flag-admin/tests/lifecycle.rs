//! The life of a flag from outside: made, edited, renamed, copied, promoted, archived; segments, groups and environments.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use serde_json::{Value, json};
use support::{Run, Sandbox, finished};

/// Returns the message and the hint of a refusal.
#[track_caller]
fn refusal(run: &Run) -> (&str, &str) {
    assert_eq!(run.code, Some(1), "{run:?}");
    let (error, hint) = run.err.split_once('\n').unwrap();
    (error.strip_prefix("error: ").unwrap(), hint.trim_end().trim_start_matches("hint: "))
}

/// Returns what the last changes did, in words.
fn told(sandbox: &Sandbox, number: &str) -> Vec<String> {
    let log = sandbox.project(&["log", "--limit", number]);
    log.text().lines().map(|line| line.split_once(" - ").unwrap().1.to_owned()).collect()
}

fn export(sandbox: &Sandbox) -> String {
    sandbox.project(&["export"]).text().to_owned()
}

#[test]
fn a_new_flag_comes_with_its_documentation_and_exposes_nobody() {
    let sandbox = Sandbox::with_project();
    let made = sandbox.project(&[
        "flag",
        "new",
        "history_search",
        "--description",
        "Search earlier commands",
        "--expires",
        "v1.4.0,2126-08-01",
        "--tag",
        "search",
        "--risk",
        "Privacy: commands may hold secrets",
        "--tracking",
        "#9",
        "--yes",
        "--json",
    ]);
    assert_eq!(made.json()["plan"]["flags"][0]["gained"], json!({"min": 0, "max": 0}));
    let card = sandbox.project(&["flag", "show", "history_search", "--json"]).json();
    assert_eq!((&card["stage"], &card["kind"], &card["share"]), (&json!("development"), &json!("release"), &json!(0)));
    assert_eq!((&card["exposed"], &card["stage_days"]), (&json!(false), &json!(0)));
    let documentation = &card["definition"]["documentation"];
    for (field, expected) in [
        ("title", json!("History Search")),
        ("description", json!("Search earlier commands")),
        ("owner", json!("@alice")),
        ("default", json!("off")),
        ("expires", json!({"version": "v1.4.0", "date": "2126-08-01"})),
        ("status", json!("In development")),
        ("metrics", json!([{"name": "error_rate", "target": "<5%"}, {"name": "crash_rate", "target": "<0.1%"}])),
        ("tags", json!(["search"])),
    ] {
        assert_eq!(documentation[field], expected, "{field}");
    }
    assert_eq!(told(&sandbox, "1"), ["@alice created feature flag: history_search"]);
    sandbox.project(&["undo", "--yes"]).text();
    assert_eq!(sandbox.project(&["flag", "list", "--json"]).json(), json!([]));
    assert_eq!(
        sandbox.project(&["flag", "list"]).text(),
        "no flags in production; make one: flag-admin flag new KEY, or apply a file: flag-admin apply -f flags.toml\n"
    );
}

#[test]
fn what_a_new_flag_may_not_be_is_refused() {
    let sandbox = Sandbox::with_sample();
    let taken = sandbox.project(&["flag", "new", "telemetry", "--yes"]);
    assert_eq!(refusal(&taken), ("flag \"telemetry\" exists already", "change it: flag-admin flag edit telemetry"));
    let bad = sandbox.project(&["flag", "new", "History", "--yes"]);
    assert_eq!(refusal(&bad).1, "new keys follow [a-z][a-z0-9_]*, such as telemetry_cloud_sync");
    let variants = ["flag", "new", "model_choice", "--variants", "small=1,large=2", "--off-variant", "smal", "--yes"];
    let error = sandbox.project(&variants);
    assert_eq!(error.code, Some(1));
    assert!(error.err.contains("did you mean \"small\"?"), "{}", error.err);
    let kind = sandbox.project(&["flag", "new", "a_flag", "--kind", "relase"]);
    assert_eq!(kind.code, Some(2));
    assert!(kind.err.contains("release"), "{}", kind.err);
}

#[test]
fn a_flag_does_not_begin_over_and_an_old_file_is_taken_with_a_word() {
    let sandbox = Sandbox::with_project();
    let run = |day: &str, arguments: &[&str]| {
        let all = [&["-C", "flags"], arguments, &["--yes"]].concat();
        let mut command = sandbox.command(&all);
        let run = finished(command.env("FLAG_ADMIN_TEST_CLOCK", format!("{day}T12:00:00Z")).spawn().unwrap());
        Run {
            err: run
                .err
                .lines()
                .filter(|line| !line.starts_with("warning"))
                .fold(String::new(), |all, line| all + line + "\n"),
            ..run
        }
    };
    let refused = run("2026-05-02", &["flag", "new", "history_search", "--expires", "2026-05-01"]);
    let told = (
        "flag \"history_search\" would expire on 2026-05-01, which is over: today is 2026-05-02",
        "name a day to come, six months from now at the most",
    );
    assert_eq!(refusal(&refused), told);
    run("2026-05-01", &["flag", "new", "history_search", "--expires", "2026-05-01"]).text();
    assert_eq!(refusal(&run("2026-05-02", &["flag", "edit", "history_search", "--expires", "v2.0,2026-05-01"])), told);
    // What stands is not asked about when something else is edited.
    run("2026-05-02", &["flag", "edit", "history_search", "--owner", "@bob"]).text();
    run("2026-05-02", &["flag", "edit", "history_search", "--expires", "2026-06-01"]).text();

    let old = "[flags.old_search.documentation]\nexpires = { date = \"2020-01-01\" }\n";
    sandbox.write("old.toml", old);
    run("2026-05-02", &["apply", "-f", "old.toml"]).text();
    let lint = run("2026-05-02", &["lint", "-f", "old.toml"]);
    assert!(lint.out.contains("\"old_search\" should be gone since 2020-01-01"), "{}", lint.out);
}

#[test]
fn an_experiment_has_the_variants_it_is_given() {
    let sandbox = Sandbox::with_project();
    let made = sandbox.project(&[
        "flag",
        "new",
        "model_choice",
        "--kind",
        "experiment",
        "--variants",
        "control=small,treatment=large",
        "--off-variant",
        "control",
        "--yes",
    ]);
    let made = made.text();
    assert!(
        made.ends_with("still to write: description, risks, tracking; flag-admin flag edit model_choice\n"),
        "{made}"
    );
    let flag = &sandbox.project(&["flag", "show", "model_choice", "--json"]).json()["definition"]["flag"];
    assert_eq!(flag["variants"], json!({"control": "small", "treatment": "large"}));
    assert_eq!((&flag["off_variant"], &flag["kind"]), (&json!("control"), &json!("experiment")));
}

#[test]
fn edits_are_fields_and_can_be_undone() {
    let sandbox = Sandbox::with_sample();
    let before = export(&sandbox);
    let edit =
        ["flag", "edit", "command_history", "--owner", "@dora", "--tag", "history", "--opt-in", "allowed", "--json"];
    let shown = sandbox.project(&[&edit[..], &["--dry-run"]].concat()).json();
    assert_eq!((&shown["applied"], &shown["dry_run"]), (&json!(false), &json!(true)));
    assert_eq!(export(&sandbox), before);
    let edited = sandbox.project(&[&edit[..], &["--yes"]].concat()).json();
    let fields: Vec<&str> =
        edited["edits"][0]["fields"].as_array().unwrap().iter().map(|field| field["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["flag.opt_in", "documentation.owner", "documentation.tags"]);
    let listed = sandbox.project(&["flag", "list", "--owner", "dora", "--tag", "history", "--json"]).json();
    assert_eq!((listed.as_array().unwrap().len(), &listed[0]["flag"]), (1, &json!("command_history")));
    sandbox.project(&["undo", "--yes"]).text();
    assert_eq!(export(&sandbox), before);
    let none = sandbox.project(&["flag", "edit", "command_history"]);
    assert_eq!(refusal(&none).0, "there is nothing to edit, and no terminal for an editor");
    let unknown = sandbox.project(&["flag", "edit", "comand_history", "--owner", "@x"]);
    assert_eq!(refusal(&unknown), ("flag \"comand_history\" does not exist", "did you mean \"command_history\"?"));
    let unasked = sandbox.project(&["flag", "edit", "command_history", "--owner", "@x"]);
    assert_eq!(refusal(&unasked).0, "this needs a confirmation, and there is no terminal to ask on");
}

#[test]
fn e10_a_rename_moves_nobody_and_flags_that_need_it_follow() {
    let sandbox = Sandbox::with_sample();
    let before = export(&sandbox);
    let evaluated = |flag: &str| {
        sandbox.write("ids.txt", &support::ids(50));
        let why = ["why", flag, "--units", "ids.txt", "--json"];
        let lines = sandbox.project(&why).text().to_owned();
        let variant = |line: &str| serde_json::from_str::<Value>(line).unwrap()["variant"].clone();
        lines.lines().map(variant).collect::<Vec<_>>()
    };
    let then = evaluated("enhanced_safety_v2");
    let renamed =
        sandbox.project(&["flag", "rename", "enhanced_safety_v2", "safety_enhanced_v2", "--yes", "--json"]).json();
    assert_eq!(renamed["plan"]["flags"], json!([]), "nobody gains, loses or moves");
    assert_eq!(
        renamed["edits"],
        json!([{
            "subject": "flag", "name": "safety_enhanced_v2", "kind": "changed",
            "fields": [{"field": "key", "before": "enhanced_safety_v2", "after": "safety_enhanced_v2"}]
        }])
    );
    assert_eq!(evaluated("safety_enhanced_v2"), then);
    assert_eq!(told(&sandbox, "1"), ["@alice renamed feature flag: enhanced_safety_v2 → safety_enhanced_v2"]);
    sandbox.project(&["undo", "--yes"]).text();
    assert_eq!(export(&sandbox), before, "and back again it is what it was");

    sandbox.project(&["flag", "rename", "telemetry", "telemetry_all", "--yes"]).text();
    let dependent = sandbox.project(&["flag", "show", "telemetry_cloud_sync"]);
    assert!(dependent.text().contains("  needs telemetry_all = on\n"), "{}", dependent.out);
    let needed = sandbox.project(&["flag", "show", "telemetry_all"]);
    assert!(needed.text().contains("  needed by telemetry_cloud_sync\n"), "{}", needed.out);
    sandbox.project(&["kill", "telemetry_all", "--reason", "drill"]).text();
    let killed = sandbox.project(&["flag", "rename", "telemetry_all", "telemetry", "--yes"]);
    let (message, hint) = refusal(&killed);
    assert!(message.starts_with("flag \"telemetry_all\" is killed by @alice since 20"), "{message}");
    assert_eq!(hint, "lift it first: flag-admin unkill telemetry_all --reason TEXT");
}

#[test]
fn an_edit_from_before_a_rename_is_overtaken_by_it() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["rollout", "set", "enhanced_safety_v2", "60%", "--yes"]).text();
    sandbox.project(&["flag", "rename", "enhanced_safety_v2", "safety_enhanced_v2", "--yes"]).text();
    let undo = sandbox.project(&["undo", "13", "--yes"]);
    let (message, hint) = refusal(&undo);
    let expected = "entry 13 cannot be undone: flag \"enhanced_safety_v2\" was changed since: @alice renamed feature flag: \
                    enhanced_safety_v2 → safety_enhanced_v2 (entry 14)";
    assert_eq!(message, expected);
    assert_eq!(hint, "undo the later ones first, the last one first: flag-admin undo 14");
    sandbox.project(&["undo", "14", "--yes"]).text();
    let share = sandbox.project(&["flag", "show", "enhanced_safety_v2", "--json"]).json()["share"].clone();
    assert_eq!(share, json!(60_000));
}

#[test]
fn e10_a_clone_draws_anew_unless_it_is_to_meet_the_same_units() {
    let sandbox = Sandbox::with_sample();
    let other =
        sandbox.project(&["flag", "clone", "enhanced_safety_v2", "enhanced_safety_v3", "--yes", "--json"]).json();
    assert_eq!(other["plan"]["flags"][0]["gained"], json!({"min": 0, "max": 0}));
    let same = ["flag", "clone", "enhanced_safety_v2", "enhanced_safety_v4", "--same-cohort", "--yes", "--json"];
    assert_eq!(sandbox.project(&same).json()["applied"], true);
    let flag = |key: &str| sandbox.project(&["flag", "show", key, "--json"]).json()["definition"].clone();
    let (new, old) = (flag("enhanced_safety_v3"), flag("enhanced_safety_v4"));
    assert_eq!((&new["flag"]["seed"], &old["flag"]["seed"]), (&Value::Null, &json!("enhanced_safety_v2")));
    let rules: Vec<&Value> = old["lint"]["allow"].as_array().unwrap().iter().map(|allowed| &allowed["rule"]).collect();
    assert_eq!(rules, ["shared-seed"]);
    let stages = [&new["flag"]["stage"], &old["flag"]["stage"]];
    assert_eq!(stages, [&Value::Null, &Value::Null], "development goes without saying");
}

#[test]
fn only_what_nobody_needs_or_uses_is_archived() {
    let sandbox = Sandbox::with_sample();
    let archive = |key: &str| sandbox.project(&["flag", "archive", key, "--yes"]);
    let needed = archive("telemetry");
    assert_eq!(refusal(&needed).0, "flag \"telemetry\" is needed by telemetry_cloud_sync");
    let used = archive("enhanced_safety_v2");
    assert_eq!(
        refusal(&used),
        (
            "flag \"enhanced_safety_v2\" was exposed and is at stage beta, expected deprecated, or never exposed",
            "deprecate it first: flag-admin flag promote enhanced_safety_v2 --to deprecated"
        )
    );
    // Off now, but it was on once.
    sandbox.project(&["rollout", "set", "ollama_backend", "1%", "--yes"]).text();
    sandbox.project(&["rollout", "set", "ollama_backend", "0%", "--yes"]).text();
    assert_eq!(archive("ollama_backend").code, Some(1));
    sandbox.project(&["flag", "new", "history_search", "--yes"]).text();
    archive("history_search").text();
    assert_eq!(told(&sandbox, "1"), ["@alice archived feature flag: history_search"]);
}

#[test]
fn a_flag_goes_on_where_the_checks_of_a_stage_pass() {
    let sandbox = Sandbox::with_project();
    sandbox.project(&["flag", "new", "history_search", "--description", "Search", "--yes"]).text();
    let early = sandbox.project(&["flag", "promote", "history_search", "--yes"]);
    let (message, hint) = refusal(&early);
    assert_eq!(
        message,
        "flag \"history_search\" is not ready: development → internal: documented: \"history_search\" is not documented: \
         risks, tracking missing; reachable: the team cannot get it, expected a rule, a share, opt_in or overridable"
    );
    assert_eq!(hint, "mend that, or let a release manager waive it: --force REASON");
    let details = sandbox.project(&["flag", "promote", "history_search", "--json"]);
    let details: Value = serde_json::from_str(&details.err).unwrap();
    assert_eq!(details["error"]["details"][0]["checks"][0]["name"], "documented");

    let mend =
        ["flag", "edit", "history_search", "--risk", "None", "--tracking", "#9", "--overridable", "true", "--yes"];
    sandbox.project(&mend).text();
    let promoted = sandbox.project(&["flag", "promote", "history_search", "--yes", "--json"]).json();
    assert_eq!((&promoted["applied"], &promoted["plan"]["flags"]), (&json!(true), &json!([])));
    assert_eq!(promoted["steps"][0]["to"], "internal");
    // What the documentation says of how it stands goes with it, there and back.
    let status = || {
        let card = sandbox.project(&["flag", "show", "history_search", "--json"]).json();
        card["definition"]["documentation"]["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status(), "Internal testing");
    let soak = sandbox.project(&["flag", "promote", "history_search", "--yes"]);
    let expected =
        "flag \"history_search\" is not ready: internal → beta: soak: 0 days at internal, expected 3 or more";
    assert_eq!(refusal(&soak).0, expected);
    let forced = sandbox.project(&["flag", "promote", "history_search", "--force", "the release is due", "--yes"]);
    assert!(forced.text().contains("  waived  soak: 0 days at internal"), "{}", forced.out);
    sandbox.project(&["flag", "promote", "history_search", "--back", "--reason", "data loss", "--yes"]).text();
    assert_eq!(
        told(&sandbox, "3"),
        [
            "@alice promoted feature flag: development → internal (history_search)",
            "@alice promoted feature flag: internal → beta (history_search, despite soak) - the release is due",
            "@alice demoted feature flag: beta → internal (history_search) - data loss",
        ]
    );
    assert_eq!(status(), "Internal testing");
    sandbox.project(&["undo", "--yes"]).text();
    assert_eq!(status(), "Beta testing");
    assert_eq!(sandbox.project(&["flag", "list", "--stage", "beta", "--json"]).json()[0]["flag"], "history_search");
    sandbox.project(&["flag", "edit", "history_search", "--status", "Waits for the lawyers", "--yes"]).text();
    sandbox.project(&["flag", "promote", "history_search", "--back", "--yes"]).text();
    assert_eq!(status(), "Waits for the lawyers", "an owner's own words stay");
    sandbox.project(&["flag", "promote", "history_search", "--force", "as before", "--yes"]).text();
    let order = sandbox.project(&["flag", "promote", "history_search", "--to", "internal", "--yes"]);
    assert_eq!(
        refusal(&order),
        (
            "flag \"history_search\" is at stage beta, so it cannot go on to internal",
            "go back: flag-admin flag promote history_search --to internal --back"
        )
    );
    let typo = sandbox.project(&["flag", "promote", "history_search", "--to", "betta"]);
    assert!(typo.err.contains("\"betta\" is no stage, did you mean \"beta\"?"), "{}", typo.err);
}

#[test]
fn segments_are_set_shown_and_removed_when_nothing_uses_them() {
    let sandbox = Sandbox::with_sample();
    let before = export(&sandbox);
    sandbox.project(&["segment", "set", "macs", "--attr", "os=macos", "--attr", "arch=aarch64", "--yes"]).text();
    let nested = "{ all = [{ segment = \"macs\" }, { not = { segment = \"team\" } }] }";
    sandbox.project(&["segment", "set", "outside", "--when", nested, "--yes"]).text();
    let listed = sandbox.project(&["segment", "list", "--json"]).json();
    let uses: Vec<(&Value, &Value, &Value)> =
        listed.as_array().unwrap().iter().map(|line| (&line["segment"], &line["flags"], &line["segments"])).collect();
    let (none, outside) = (json!([]), json!(["outside"]));
    assert_eq!(
        uses,
        [
            (&json!("macs"), &none, &outside),
            (&json!("outside"), &none, &none),
            (&json!("team"), &json!(["command_history"]), &outside),
        ]
    );
    let named = sandbox.project(&["segment", "remove", "team", "--yes"]);
    assert_eq!(
        refusal(&named),
        ("segment \"team\" is used by flag command_history, segment outside", "take it out of those rules first")
    );
    let typo = sandbox.project(&["segment", "show", "mcas"]);
    assert_eq!(refusal(&typo), ("segment \"mcas\" does not exist", "did you mean \"macs\"?"));
    let dangling = sandbox.project(&["segment", "set", "x", "--when", "{ segment = \"nobody\" }", "--yes"]);
    assert_eq!(dangling.code, Some(1), "{dangling:?}");
    for _ in 0..2 {
        sandbox.project(&["undo", "--yes"]).text();
        if export(&sandbox) == before {
            return;
        }
        sandbox.project(&["segment", "remove", "macs", "--yes"]).text();
    }
    assert_eq!(export(&sandbox), before);
}

#[test]
fn e14_a_group_is_shared_out_by_minimal_movement() {
    let sandbox = Sandbox::with_sample();
    let group = |arguments: &[&str]| sandbox.project(&[&["group"], arguments, &["--yes"]].concat());
    group(&["new", "trials", "--holdout", "10%"]).text();
    group(&["add", "trials", "enhanced_safety_v2"]).text();
    let slots = || {
        let shown = sandbox.project(&["group", "show", "trials", "--json"]).json();
        let slots = |member: &Value| (member["flag"].as_str().unwrap().to_owned(), member["slots"].clone());
        let members: Vec<_> = shown["flags"].as_array().unwrap().iter().map(slots).collect();
        (members, shown["free"].clone())
    };
    let safety = |slots: Value| ("enhanced_safety_v2".to_owned(), slots);
    assert_eq!(slots(), (vec![safety(json!([[0, 90_000]]))], json!(0)));
    // The newcomer takes the end of what the other had; nobody else moves.
    group(&["add", "trials", "command_model_comparison"]).text();
    let comparison = ("command_model_comparison".to_owned(), json!([[45_000, 90_000]]));
    assert_eq!(slots(), (vec![comparison.clone(), safety(json!([[0, 45_000]]))], json!(0)));
    let full = group(&["add", "trials", "ollama_backend", "--share", "10%"]);
    assert_eq!(refusal(&full).0, "10% of group \"trials\" is not free, 0% is");
    group(&["remove", "trials", "enhanced_safety_v2"]).text();
    assert_eq!(slots(), (vec![comparison], json!(45_000)));
    group(&["add", "trials", "ollama_backend", "--share", "10%"]).text();
    assert_eq!(slots().0[1], ("ollama_backend".to_owned(), json!([[35_000, 45_000]])));
    let twice = group(&["add", "trials", "ollama_backend"]);
    assert_eq!(refusal(&twice).0, "flag \"ollama_backend\" is in group \"trials\"");
    let used = group(&["remove", "trials"]);
    assert_eq!(refusal(&used).0, "group \"trials\" holds command_model_comparison, ollama_backend");
    let typo = group(&["remove", "trails"]);
    assert_eq!(refusal(&typo), ("group \"trails\" does not exist", "did you mean \"trials\"?"));
}

#[test]
fn environments_are_made_and_flags_copied_between_them() {
    let sandbox = Sandbox::with_sample();
    let made = sandbox.project(&["env", "new", "staging", "--from", "production", "--yes"]);
    made.text();
    let in_staging = |arguments: &[&str]| sandbox.project(&[&["--env", "staging"], arguments].concat());
    assert_eq!(in_staging(&["export"]).text(), export(&sandbox));
    let twice = sandbox.project(&["env", "new", "staging", "--yes"]);
    assert_eq!(refusal(&twice).0, "environment \"staging\" exists already");
    in_staging(&["rollout", "set", "enhanced_safety_v2", "75%", "--yes"]).text();
    let copied =
        sandbox.project(&["flag", "copy", "enhanced_safety_v2", "--from", "staging", "--yes", "--json"]).json();
    assert_eq!(
        copied["edits"][0]["fields"][0],
        json!({"field": "flag.fallthrough.exposure", "before": 50_000, "after": 75_000})
    );
    assert_eq!(in_staging(&["export"]).text(), export(&sandbox));
    let listed = sandbox.project(&["env", "list", "--json"]).json();
    let names: Vec<(&Value, &Value)> =
        listed.as_array().unwrap().iter().map(|line| (&line["environment"], &line["flags"])).collect();
    assert_eq!(names, [(&json!("production"), &json!(9)), (&json!("staging"), &json!(9))]);
    // An empty one gets the segments that its flags refer to.
    sandbox.project(&["env", "new", "canary", "--yes"]).text();
    sandbox.project(&["flag", "copy", "command_history", "--from", "production", "--env", "canary", "--yes"]).text();
    let segments = sandbox.project(&["segment", "list", "--env", "canary", "--json"]).json();
    assert_eq!(segments[0]["segment"], "team");
    let onto = sandbox.project(&["flag", "copy", "--from", "production"]);
    assert_eq!(onto.err, "error: production cannot be copied onto itself\n");
    sandbox.project(&["env", "set", "staging"]).text();
    assert!(sandbox.project(&["flag", "list", "--stage", "deprecated"]).text().contains("staging"));
}
