//! What the program says to bad input: place, found, expected, and a way out. Nothing is left behind.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use serde_json::{Value, json};
use support::{SAMPLE, Sandbox};

/// Arguments, the exit code, and standard error: the whole of it, or its beginning where no line ends.
type Table<'t> = &'t [(&'t [&'t str], i32, &'t str)];

const EDITS: Table<'_> = &[
    (
        &["rollout", "set", "telemetry_cloud_synk", "10%"],
        1,
        "error: flag \"telemetry_cloud_synk\" does not exist\nhint: did you mean \"telemetry_cloud_sync\"?\n",
    ),
    (
        &["flag", "show", "nothing_like_it"],
        1,
        "error: flag \"nothing_like_it\" does not exist\nhint: list them: flag-admin flag list\n",
    ),
    (
        &["why", "mlx_backnd", "--unit", "u"],
        1,
        "error: flag \"mlx_backnd\" does not exist\nhint: did you mean \"mlx_backend\"?\n",
    ),
    (
        &["rollout", "set", "telemetry", "10%"],
        1,
        "error: flag \"telemetry\" is a kill switch, which has no rollout\n\
         hint: turn it off for everyone: flag-admin kill telemetry --reason TEXT\n",
    ),
    (
        &["rollout", "set", "command_history", "10%", "--rule", "nope"],
        1,
        "error: flag \"command_history\": it has no rule \"nope\"\nhint: its rules are: team\n",
    ),
    (
        &["rollout", "set", "enhanced_safety_v2", "80%"],
        1,
        "error: this needs a confirmation, and there is no terminal to ask on\n\
         hint: look at the plan with --dry-run, and run it with --yes\n",
    ),
    (
        &["rollout", "set", "enhanced_safety_v2", "101%"],
        2,
        "error: invalid value '101%' for '<SHARE>': share \"101%\" is above 100%\n\nFor more information, try '--help'.\n",
    ),
    (
        &["rollout", "set", "enhanced_safety_v2", "25.0001%"],
        2,
        "error: invalid value '25.0001%' for '<SHARE>': share \"25.0001%\" is finer than a thousandth of a percent, \
         expected at most 3 decimals\n\nFor more information, try '--help'.\n",
    ),
    (
        &["flag", "list", "--env", "staging"],
        1,
        "error: environment \"staging\" does not exist\nhint: the project has: production\n",
    ),
];

const FILES: Table<'_> = &[
    (
        &["apply", "-f", "broken.toml", "--yes"],
        1,
        "error: broken.toml:2:8: flags.a_flag.kind: unknown kind \"relase\", expected one of release, experiment, ops, \
         permission, kill_switch\n  hint: did you mean \"release\"?\n",
    ),
    (
        &["apply", "-f", "missing.toml", "--yes"],
        1,
        "error: missing.toml cannot be read: No such file or directory (os error 2)\n",
    ),
    (&["apply", "-f", "long.toml", "--yes"], 1, "error: long.toml is longer than 16777216 bytes\n"),
    (
        &["apply", "-f", "deep.toml", "--yes"],
        1,
        "error: deep.toml:1:85: not TOML: cannot recurse further; max recursion depth met\n\
         deep.toml:1:1005: not TOML: unclosed array, expected `]`\n",
    ),
    (&["apply", "-f", "latin.toml", "--yes"], 1, "error: latin.toml is not UTF-8 text: byte 5 begins no character\n"),
    (
        &["apply", "-f", "wide.toml", "--yes"],
        1,
        "error: flag key \"Team.Flag\" does not start with a lower-case letter [a-z]\n\
         hint: new keys follow [a-z][a-z0-9_]*, such as telemetry_cloud_sync\n",
    ),
    (
        &["apply", "-f", "seed.toml", "--yes"],
        1,
        "error: flag \"mlx_backend\": seed is \"another\", expected \"mlx_backend\" as when the flag was made\n\
         hint: it decides every unit's bucket; make a new flag to draw buckets anew\n",
    ),
    (
        &["apply", "-f", "type.toml", "--yes"],
        1,
        "error: flag \"mlx_backend\": variants are of type string, expected bool as hosts read them\n\
         hint: make a new flag for values of another type\n",
    ),
    (
        &["apply", "-f", "orphan.toml", "--yes"],
        1,
        "error: flag \"telemetry_cloud_sync\": prerequisite \"telemetry\" has no variant \"on\"\n",
    ),
    (
        &["apply", "-f", "dangling.toml", "--prune", "--yes", "--reason", "a\nb"],
        1,
        "error: the reason holds '\\n', expected one line of text\n",
    ),
];

const OTHERS: Table<'_> = &[
    (
        &["kill", "a b", "--reason", "x"],
        1,
        "error: kill target \"a b\": key \"a b\" holds ' ', expected only [A-Za-z0-9._-]\n",
    ),
    (
        &["kill", "telemtry", "--reason", "x"],
        1,
        "error: flag \"telemtry\" does not exist, so nothing would be killed\nhint: did you mean \"telemetry\"?\n",
    ),
    (
        &["publish", "--to", "flags"],
        1,
        "error: flags cannot be published to: the project's private keys lie in it\n\
         hint: publish to a folder of its own, such as --to public\n",
    ),
    (&["kill", "telemetry", "--reason", " "], 1, "error: the reason is empty, expected why the change is made\n"),
    (&["unkill", "telemetry", "--reason", "x", "--yes"], 1, "error: \"telemetry\" is not killed\n"),
    (
        &["verify", "flags/root/1.json"],
        1,
        "error: payload type is application/vnd.flag-core.root.v1+json, expected application/vnd.flag-core.snapshot.v1+json\n",
    ),
    (
        &["verify", "flags"],
        1,
        "error: flags is a folder that holds no published snapshot\n\
         hint: name the file, such as public/v1/snapshot.json, or publish one: flag-admin publish --to public\n",
    ),
    (&["verify", SAMPLE], 1, "error: snapshot is no signed document: not strict JSON: "),
    (&["init", "flags"], 1, "error: flags is a project already\nhint: use it: flag-admin -C flags flag list\n"),
    (&["init", "."], 1, "error: . is not empty\nhint: name a folder that is empty or not there yet\n"),
    (
        &["init", "other", "--environments", "production,production"],
        1,
        "error: environment \"production\" stands twice\n",
    ),
];

#[track_caller]
fn refused(sandbox: &Sandbox, table: Table<'_>) {
    let before = sandbox.project(&["log", "--json"]).json();
    for (arguments, code, err) in table {
        let run = sandbox.project(arguments);
        assert_eq!(run.code, Some(*code), "{arguments:?}: {run:?}");
        if err.ends_with('\n') {
            assert_eq!(run.err, *err, "{arguments:?}");
        } else {
            assert!(run.err.starts_with(err), "{arguments:?}: {}", run.err);
        }
    }
    assert_eq!(sandbox.project(&["log", "--json"]).json(), before, "what was refused left nothing behind");
}

#[test]
fn edits_that_do_not_fit() {
    refused(&Sandbox::with_sample(), EDITS);
}

#[test]
fn files_that_do_not_apply() {
    let sandbox = Sandbox::with_sample();
    sandbox.write("broken.toml", "[flags.a_flag]\nkind = \"relase\"\n");
    sandbox.write("dangling.toml", "[flags.a_flag]\nrollout = \"5%\"\n");
    sandbox.write("wide.toml", "[flags.\"Team.Flag\"]\nrollout = \"5%\"\n");
    sandbox.write("seed.toml", "[flags.mlx_backend]\nseed = \"another\"\nrollout = \"5%\"\n");
    sandbox.write(
        "type.toml",
        "[flags.mlx_backend]\nvariants = { on = \"yes\", off = \"no\" }\noff_variant = \"off\"\nserve = \"on\"\n",
    );
    sandbox.write("orphan.toml", "[flags.telemetry]\nkind = \"kill_switch\"\nvariants = { yes = true, off = false }\noff_variant = \"off\"\nserve = \"yes\"\n");
    std::fs::write(sandbox.path("latin.toml"), b"# caf\xe9\n").unwrap();
    std::fs::File::create(sandbox.path("long.toml")).unwrap().set_len(1 << 30).unwrap();
    sandbox.write("deep.toml", &format!("a = {}", "[".repeat(1_000)));
    refused(&sandbox, FILES);
}

#[test]
fn everything_else() {
    let sandbox = Sandbox::with_sample();
    refused(&sandbox, OTHERS);
    assert!(!sandbox.path("other").exists());
    let left = std::fs::read_dir(sandbox.path("."))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_str().unwrap().starts_with(".flag-admin"));
    assert_eq!(left.count(), 0, "a project that was not made leaves no folder");
}

#[test]
fn failures_are_json_where_json_is_asked_for() {
    let sandbox = Sandbox::with_sample();
    for (arguments, code, expected) in [
        (
            vec!["flag", "show", "mlx_backnd", "--json"],
            1,
            json!({"error": {"code": "unknown_flag", "message": "flag \"mlx_backnd\" does not exist", "hint": "did you mean \"mlx_backend\"?"}}),
        ),
        (
            vec!["rollout", "set", "mlx_backend", "-1", "--json"],
            2,
            json!({"error": {"code": "usage", "message": "invalid value '-1' for '<SHARE>': share \"-1\" is below 0%", "hint": "see flag-admin --help"}}),
        ),
        (
            vec!["rollout", "set", "mlx_backend", "-0.5%", "--json"],
            2,
            json!({"error": {"code": "usage", "message": "invalid value '-0.5%' for '<SHARE>': share \"-0.5%\" is below 0%", "hint": "see flag-admin --help"}}),
        ),
        (
            vec!["--json", "flag"],
            2,
            json!({"error": {"code": "usage", "message": "a subcommand is missing", "hint": "see flag-admin --help"}}),
        ),
        (
            vec!["verify", "nothing.json", "--json"],
            1,
            json!({"error": {"code": "no_such_file", "message": "nothing.json cannot be read: No such file or directory (os error 2)", "hint": null}}),
        ),
    ] {
        let run = sandbox.project(&arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(code), ""), "{arguments:?}");
        assert_eq!(serde_json::from_str::<Value>(&run.err).unwrap(), expected, "{arguments:?}");
    }
    let nowhere = Sandbox::empty();
    let run = nowhere.run(&["flag", "list"]);
    assert_eq!(
        (run.code, run.err.as_str()),
        (
            Some(1),
            "error: . is not in a project: there is no flag-admin.toml in it or above\n\
             hint: name the project's folder with -C DIR, or make one: flag-admin init DIR\n"
        )
    );
}
