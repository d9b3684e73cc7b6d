//! The program from outside: the whole road, its JSON, and what it says to bad input.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::io::Write as _;
use std::process::Stdio;

use serde_json::{Value, json};
use support::{SAMPLE, Sandbox, finished, ids};

#[test]
fn the_whole_road_from_init_to_verify() {
    let sandbox = Sandbox::empty();
    let made = sandbox.run(&["init", "flags", "--project", "caro", "--json"]).json();
    assert_eq!(made["project"], "caro");
    assert_eq!(made["environments"], json!(["production"]));
    assert_eq!(made["head"]["seq"], 2);

    let planned = sandbox.project(&["plan", "-f", SAMPLE, "--json"]).json();
    assert_eq!((&planned["applied"], &planned["dry_run"]), (&json!(false), &json!(true)));
    let applied = sandbox.project(&["apply", "-f", SAMPLE, "--yes", "--json"]).json();
    assert_eq!(applied["applied"], true);
    assert_eq!(applied["plan"], planned["plan"], "what was planned is what was applied");

    let flags = sandbox.project(&["flag", "list", "--json"]).json();
    let phases: Vec<(&str, &str)> = flags
        .as_array()
        .unwrap()
        .iter()
        .map(|flag| (flag["flag"].as_str().unwrap(), flag["phase"].as_str().unwrap()))
        .collect();
    assert_eq!(
        phases,
        [
            ("command_execution", "full"),
            ("command_history", "targeted"),
            ("command_model_comparison", "experiment"),
            ("enhanced_safety_v2", "rolling"),
            ("llm_backends", "full"),
            ("mlx_backend", "targeted"),
            ("ollama_backend", "off"),
            ("telemetry", "full"),
            ("telemetry_cloud_sync", "rolling"),
        ]
    );

    let raised = sandbox
        .project(&[
            "rollout",
            "set",
            "enhanced_safety_v2",
            "75%",
            "--yes",
            "--as",
            "@charlie",
            "--reason",
            "it holds",
            "--json",
        ])
        .json();
    assert_eq!(
        raised["edits"],
        json!([{
            "subject": "flag", "name": "enhanced_safety_v2", "kind": "changed",
            "fields": [{"field": "flag.fallthrough.exposure", "before": 50_000, "after": 75_000}]
        }])
    );
    assert_eq!(raised["plan"]["flags"][0]["gained"], json!({"min": 2_500_000_000_u64, "max": 2_500_000_000_u64}));
    assert_eq!(raised["plan"]["flags"][0]["lost"], json!({"min": 0, "max": 0}));

    let published = sandbox.project(&["publish", "--to", "public", "--json"]).json();
    assert_eq!((&published["version"], &published["epoch"]), (&json!(1), &json!(1)));
    assert_eq!(published["audit_head"], raised["head"]);
    assert_eq!(published["documents"], json!(["v1/root/1.json", "v1/snapshot.json"]));
    let again = sandbox.project(&["publish", "--to", "public", "--json"]).json();
    assert_eq!(again["version"], 2, "a signing anew is a version anew");

    let verified = sandbox.project(&["verify", "public/v1/snapshot.json", "--json"]).json();
    assert_eq!(
        (&verified["version"], &verified["flags"], &verified["quarantined"]),
        (&json!(2), &json!(9), &json!([]))
    );
    let root = sandbox.path("flags/root/1.json");
    sandbox.run(&["verify", "public/v1/snapshot.json", "--root", root.to_str().unwrap()]).text();

    let line = sandbox.project(&["log", "--limit", "5"]);
    let line = line.text().lines().next().unwrap();
    let (time, told) = line.split_at("2026-01-15 14:32:01".len());
    assert!(time.bytes().all(|byte| byte.is_ascii_digit() || b"- :".contains(&byte)), "{time}");
    assert_eq!(told, " - @charlie increased rollout percentage: 50% → 75% (enhanced_safety_v2) - it holds");
    let audited = sandbox.project(&["audit", "verify", "--against", "public/v1/snapshot.json", "--json"]).json();
    assert_eq!(audited["entries"], 17);
    assert_eq!(audited["against"], again["audit_head"]);
}

#[test]
fn exported_definitions_applied_change_nothing() {
    let sandbox = Sandbox::with_sample();
    let exported = sandbox.project(&["export"]);
    sandbox.write("exported.toml", exported.text());
    let applied = sandbox.project(&["apply", "-f", "exported.toml", "--prune"]);
    assert_eq!(applied.text(), "nothing to change in production\n");
    assert_eq!(sandbox.project(&["export"]).text(), exported.text());
}

#[test]
fn why_tells_the_whole_contract() {
    let sandbox = Sandbox::with_sample();
    let mac = ["why", "mlx_backend", "--unit", "install-7", "--attr", "os=macos", "--attr", "arch=aarch64", "--json"];
    let answer = sandbox.project(&mac).json();
    assert_eq!(
        (&answer["flag"], &answer["unit"], &answer["variant"], &answer["value"], &answer["reason"], &answer["rule"]),
        (
            &json!("mlx_backend"),
            &json!("install-7"),
            &json!("on"),
            &json!(true),
            &json!("TARGETING_MATCH"),
            &json!("apple_silicon")
        )
    );
    assert_eq!(answer["pivot"]["test"]["attribute"], "os");
    assert_eq!(answer["open_feature_reason"], "TARGETING_MATCH");
    assert_eq!(answer["layers"].as_array().unwrap().last().unwrap()["outcome"], "decided");

    let off = sandbox.project(&["why", "telemetry_cloud_sync", "--unit", "install-7", "--json"]).json();
    assert_eq!((&off["reason"], &off["value"]), (&json!("NOT_OPTED_IN"), &json!(false)));
    let split = sandbox.project(&["why", "telemetry_cloud_sync", "--unit", "install-7", "--opted-in", "--json"]).json();
    let (bucket, share) = (split["bucket"].as_u64().unwrap(), split["share"].as_u64().unwrap());
    assert_eq!((&split["reason"], share), (&json!("SPLIT"), 25_000));
    assert_eq!(split["flips_at"], bucket + 1);
    assert_eq!(split["value"], bucket < share);
    let chosen = sandbox.project(&["why", "enhanced_safety_v2", "--unit", "u", "--opted-in", "--json"]).json();
    assert_eq!((&chosen["reason"], &chosen["value"]), (&json!("OVERRIDE"), &json!(true)));
    let nobody = sandbox.project(&["why", "enhanced_safety_v2", "--json"]).json();
    assert_eq!((&nobody["unit"], &nobody["bucket"], &nobody["flips_at"]), (&Value::Null, &Value::Null, &Value::Null));
}

#[test]
fn e21_why_answers_every_line_of_a_file_as_it_stands() {
    let sandbox = Sandbox::with_sample();
    let ask = |extra: &[&str], ids: &str| {
        let arguments: Vec<&str> =
            ["-C", "flags", "why", "enhanced_safety_v2", "--units", "-"].iter().chain(extra).copied().collect();
        let mut child = sandbox.command(&arguments).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(ids.as_bytes()).unwrap();
        let run = finished(child);
        run.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let lines = ask(&[], "install-7\n\nunknown\r\n é \nlast");
    let units: Vec<&str> = lines.iter().map(|line| line["unit"].as_str().unwrap()).collect();
    assert_eq!(units, ["install-7", "", "unknown", " é ", "last"]);
    let reasons: Vec<&str> = lines.iter().map(|line| line["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["SPLIT", "TARGETING_KEY_MISSING", "TARGETING_KEY_MISSING", "SPLIT", "SPLIT"]);
    assert!(lines.iter().all(|line| line.get("layers").is_none()));

    let whole = ask(&["--json"], "install-7\n");
    let single = sandbox.project(&["why", "enhanced_safety_v2", "--unit", "install-7", "--json"]).json();
    assert_eq!(whole, [single]);
}

#[test]
fn a_kill_reaches_clients_at_once_and_a_lifted_one_is_over() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    let killed =
        sandbox.project(&["kill", "telemetry", "--reason", "privacy incident", "--to", "public", "--json"]).json();
    assert_eq!(killed["published"]["targets"], json!(["telemetry"]));
    let lost: Vec<&str> =
        killed["plan"]["flags"].as_array().unwrap().iter().map(|plan| plan["flag"].as_str().unwrap()).collect();
    assert_eq!(lost, ["telemetry", "telemetry_cloud_sync"], "what depends on it goes with it");
    assert!(sandbox.path("public/v1/kills.json").is_file());
    assert_eq!(sandbox.project(&["why", "telemetry", "--json"]).json()["reason"], "KILLED");
    assert_eq!(sandbox.project(&["kills", "--json"]).json()[0]["reason"], "privacy incident");

    let refused = sandbox.project(&["unkill", "telemetry", "--reason", "fixed"]);
    assert_eq!(refused.code, Some(1), "un-killing asks");
    sandbox.project(&["unkill", "telemetry", "--reason", "fixed", "--yes"]).text();
    assert_eq!(sandbox.project(&["kills", "--json"]).json()[0]["state"], "watched");
    sandbox.project(&["publish", "--to", "public"]).text();
    assert!(!sandbox.path("public/v1/kills.json").exists());
    let snapshot = std::fs::read(sandbox.path("public/v1/snapshot.json")).unwrap();
    let envelope = flag_client::trust::Envelope::parse(&snapshot).unwrap();
    let payload: Value = serde_json::from_slice(envelope.document()).unwrap();
    assert_eq!(payload["lifted"], json!([killed_id(&sandbox)]));
    // A capability need not be a flag.
    sandbox.project(&["kill", "network", "--reason", "incident 12", "--unlisted", "--no-publish"]).text();
    assert_eq!(sandbox.project(&["kills", "--json"]).json()[0]["emergency"], false);
}

fn killed_id(sandbox: &Sandbox) -> String {
    let log = sandbox.project(&["log", "--json"]).json();
    let lines = log.as_array().unwrap().iter();
    let mut ids = lines.filter(|line| line["change"]["type"] == "kill_activated");
    ids.next().unwrap()["change"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn edited_weights_move_as_few_as_can_be() {
    let sandbox = Sandbox::with_project();
    let file = |control: u32, treatment: u32, more: &str| {
        format!(
            "[flags.model]\nkind = \"experiment\"\nvariants = {{ control = \"a\", treatment = \"b\"{} }}\noff_variant = \"control\"\n\
             rollout = \"100%\"\nweights = {{ control = \"{control}%\", treatment = \"{treatment}%\"{} }}\n",
            if more.is_empty() { "" } else { ", third = \"c\"" },
            more,
        )
    };
    sandbox.write("flags.toml", &file(50, 50, ""));
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    sandbox.write("flags.toml", &file(30, 40, ", third = \"30%\""));
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    let card = sandbox.project(&["flag", "show", "model", "--json"]).json();
    assert_eq!(
        card["definition"]["flag"]["fallthrough"]["allocation"],
        json!({"control": [[0, 30_000]], "treatment": [[50_000, 90_000]], "third": [[30_000, 50_000], [90_000, 100_000]]})
    );
    let again = sandbox.project(&["apply", "-f", "flags.toml"]);
    assert_eq!(again.text(), "nothing to change in production\n");
}

#[test]
fn setting_a_share_converts_a_flag_that_served_everyone() {
    let sandbox = Sandbox::with_project();
    sandbox.write("flags.toml", "[flags.search]\nserve = \"on\"\n[flags.words]\nvariants = { a = \"x\", b = \"y\" }\noff_variant = \"a\"\nserve = \"b\"\n");
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    let lowered = sandbox.project(&["rollout", "set", "search", "40%", "--yes", "--json"]).json();
    assert_eq!(lowered["plan"]["flags"][0]["lost"]["max"], 6_000_000_000_u64);
    let refused = sandbox.project(&["rollout", "set", "words", "40%", "--yes"]);
    assert_eq!(
        refused.err,
        "error: flag \"words\": the fallthrough serves variant \"b\" to everyone, not a split\n\
         hint: give words a rollout with weights in its definition, and apply that\n"
    );
}

#[test]
fn switched_off_is_off_and_the_log_says_it_in_the_words_of_old() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["flag", "disable", "enhanced_safety_v2", "--yes", "--as", "bob"]).text();
    let off = sandbox.project(&["why", "enhanced_safety_v2", "--unit", "u", "--json"]).json();
    assert_eq!((&off["reason"], &off["value"]), (&json!("DISABLED"), &json!(false)));
    sandbox.project(&["flag", "enable", "enhanced_safety_v2", "--yes", "--as", "bob"]).text();
    let log = sandbox.project(&["log", "--limit", "2", "--json"]).json();
    let told: Vec<&str> = log.as_array().unwrap().iter().map(|line| line["sentence"].as_str().unwrap()).collect();
    assert_eq!(told, ["disabled feature flag: enhanced_safety_v2", "enabled feature flag: enhanced_safety_v2"]);
}

#[test]
fn another_environment_and_another_project_are_not_published_over() {
    let sandbox = Sandbox::empty();
    sandbox.run(&["init", "flags", "--project", "caro", "--environments", "production,staging"]).text();
    sandbox.project(&["publish", "--to", "public"]).text();
    let run = sandbox.project(&["publish", "--to", "public", "--env", "staging"]);
    assert_eq!(
        run.err,
        "error: public holds environment \"production\" of project \"caro\", expected \"staging\" of \"caro\"\n\
         hint: publish each environment to a folder of its own\n"
    );
    sandbox.write("public/v1/snapshot.json", "half a fi");
    let run = sandbox.project(&["publish", "--to", "public"]);
    assert_eq!(
        run.err.lines().next().unwrap(),
        "error: public holds a snapshot that cannot be read: not strict JSON: byte 0: found 'h', expected an object"
    );
}

#[cfg(unix)]
#[test]
fn private_keys_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::with_project();
    let mode = |name: &str| std::fs::metadata(sandbox.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("flags/keys"), 0o700);
    for role in ["root", "snapshot", "kill"] {
        assert_eq!(mode(&format!("flags/keys/{role}.pem")), 0o600);
    }
    let key = sandbox.path("flags/keys/snapshot.pem");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let run = sandbox.project(&["publish", "--to", "public", "--json"]);
    let error: Value = serde_json::from_str(&run.err).unwrap();
    assert_eq!(error["error"]["code"], "key_unusable");
    assert!(error["error"]["message"].as_str().unwrap().ends_with("has mode 0644, expected 0600"), "{error}");
    assert!(!sandbox.path("public").exists());
    let log = std::fs::read(sandbox.path("flags/log.sqlite")).unwrap();
    let pem = std::fs::read_to_string(&key).unwrap();
    let secret = pem.lines().nth(1).unwrap();
    assert!(!log.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "no key is in the log");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let sandbox = Sandbox::with_sample();
    sandbox.write("ids", &ids(20_000));
    let mut child = sandbox.spawn(&["-C", "flags", "why", "enhanced_safety_v2", "--units", "ids"]);
    drop(child.stdout.take());
    let run = finished(child);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
}

#[test]
fn colours_come_only_when_asked_for() {
    let sandbox = Sandbox::with_sample();
    assert!(!sandbox.project(&["flag", "list"]).text().contains('\u{1b}'));
    assert!(sandbox.project(&["flag", "list", "--color", "always"]).text().contains("\u{1b}[1mmlx_backend\u{1b}[0m"));
    assert!(!sandbox.project(&["flag", "list", "--json", "--color", "always"]).text().contains('\u{1b}'));
}

#[test]
fn completions_and_help_answer_without_a_project() {
    let sandbox = Sandbox::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(sandbox.run(&["completions", shell]).text().contains("flag-admin"), "{shell}");
    }
    assert!(sandbox.run(&["--help"]).text().contains("Commands:"));
    assert!(sandbox.run(&["rollout", "set", "--help"]).text().contains("Examples:"));
}

/// More than the buffer of standard output holds.
fn many_flags() -> String {
    (0..300).fold(String::new(), |text, n| text + &format!("[flags.flag_{n}]\nrollout = \"5%\"\n"))
}

#[test]
fn a_change_that_needs_no_answer_is_made_though_nobody_reads() {
    let sandbox = Sandbox::with_project();
    sandbox.write("many.toml", &many_flags());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let child = sandbox.command(&["-C", "flags", "apply", "-f", "many.toml", "--yes"]).stdout(writer).spawn().unwrap();
    let run = finished(child);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""));
    assert_eq!(sandbox.project(&["flag", "list", "--json"]).json().as_array().unwrap().len(), 300);
}

#[test]
fn a_change_that_needs_an_answer_is_refused_where_its_plan_cannot_be_shown() {
    let sandbox = Sandbox::with_project();
    sandbox.write("many.toml", &many_flags());
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let run = finished(sandbox.command(&["-C", "flags", "apply", "-f", "many.toml"]).stdout(writer).spawn().unwrap());
    let refusal =
        "error: the plan could not be shown, so nothing was changed\nhint: run it with --yes to go on unseen\n";
    assert_eq!((run.code, run.err.as_str()), (Some(1), refusal));
    assert_eq!(sandbox.project(&["flag", "list", "--json"]).json(), serde_json::json!([]));
}

#[test]
fn a_plan_tells_users_who_opted_in_from_those_who_did_not() {
    let sandbox = Sandbox::with_project();
    sandbox.write("closed.toml", "[flags.cloud_sync]\nopt_in = \"required\"\nrollout = \"25%\"\n");
    sandbox.write("open.toml", "[flags.cloud_sync]\nrollout = \"25%\"\n");
    sandbox.project(&["apply", "-f", "closed.toml", "--yes"]).text();
    assert_eq!(
        sandbox.project(&["plan", "-f", "open.toml"]).text(),
        "flag cloud_sync changed\n  opt-in: required → none\n\
         \u{20}\u{20}gained 0% to 25%, lost 0%, moved 0% of units, by what they opted in to\n\
         \u{20}\u{20}\u{20}\u{20}where opted in: gained 0%, lost 0%, moved 0%\n\
         \u{20}\u{20}\u{20}\u{20}where not opted in: gained 25%, lost 0%, moved 0%\n\
         1 change to production, not applied\n"
    );
}

#[test]
fn what_a_file_says_cannot_act_on_the_terminal() {
    let sandbox = Sandbox::with_project();
    sandbox.write(
        "flags.toml",
        "[flags.dark]\nserve = \"on\"\n[flags.dark.documentation]\nowner = \"eve\\u001b[2J\\nall\"\n",
    );
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    let listed = sandbox.project(&["flag", "list"]);
    assert!(listed.text().contains("eve\\u{1b}[2J\\nall"), "{}", listed.out);
    assert_eq!(listed.out.lines().count(), 2);
}
