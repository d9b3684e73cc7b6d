//! Time travel, undo, conflicts, notes, backup and restore, from outside.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use flag_admin::adapters::ProjectFolder;
use flag_admin::app::{Failure as _, Operator, Project};
use flag_admin::log::{EnvironmentName, Role};
use flag_core::Share;
use serde_json::{Value, json};
use support::Sandbox;

fn error_of(run: &support::Run) -> (&str, &str) {
    assert_eq!(run.code, Some(1), "{run:?}");
    let (error, hint) = run.err.split_once('\n').unwrap();
    (error.strip_prefix("error: ").unwrap(), hint.trim_end())
}

#[test]
fn the_flags_of_any_moment_can_be_seen() {
    let sandbox = Sandbox::with_sample();
    let then = sandbox.project(&["flag", "list", "--json"]).json();
    sandbox.project(&["rollout", "set", "ollama_backend", "10%", "--yes"]).text();
    sandbox.project(&["kill", "telemetry", "--reason", "drill"]).text();
    let past = sandbox.project(&["log", "--at", "12", "--json"]).json();
    assert_eq!(
        (&past["head"]["seq"], &past["environment"], &past["kills"]),
        (&json!(12), &json!("production"), &json!([]))
    );
    assert_eq!(past["flags"], then);
    assert_eq!(sandbox.project(&["log", "--at", "2", "--json"]).json()["flags"], json!([]));
    let now = sandbox.project(&["log", "--at", "14", "--json"]).json();
    assert_eq!(now["kills"][0]["target"], "telemetry");
    assert_eq!(now["flags"], sandbox.project(&["flag", "list", "--json"]).json());
    // By time, it is what the last entry until then left.
    let log = sandbox.project(&["log", "--json"]).json();
    let made = log[13]["time"].as_str().unwrap();
    assert_eq!(sandbox.project(&["log", "--at", made, "--json"]).json()["head"]["seq"], 14);
    assert_eq!(sandbox.project(&["log", "--at", "2999-01-01T00:00:00Z", "--json"]).json()["head"]["seq"], 14);
    let text = sandbox.project(&["log", "--at", "13"]);
    let mut lines = text.text().lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with("production after entry 13, at 20") && first.ends_with("(ollama_backend)"), "{first}");
    assert!(lines.next().unwrap().starts_with("FLAG "), "{}", text.out);

    let head = log[13]["hash"].as_str().unwrap()[..12].to_owned();
    let missing = sandbox.project(&["log", "--at", "40"]);
    assert_eq!(
        error_of(&missing),
        (
            &*format!("there is no entry 40: the log ends with entry 14 ({head})"),
            "hint: see the entries: flag-admin log --json"
        )
    );
    let early = sandbox.project(&["log", "--at", "2020-01-01T00:00:00Z"]);
    assert!(error_of(&early).0.starts_with("at 2020-01-01T00:00:00Z the project was not there yet: it was made at "));
    let bad = sandbox.project(&["log", "--at", "yesterday"]);
    assert_eq!(bad.code, Some(2));
    assert!(
        bad.err.contains("\"yesterday\" is no moment, expected an entry's number or an RFC 3339 time"),
        "{}",
        bad.err
    );
}

#[test]
fn undo_is_a_new_inverse_change() {
    let sandbox = Sandbox::with_sample();
    let listed = || {
        let mut flags = sandbox.project(&["flag", "list", "--json"]).json();
        for flag in flags.as_array_mut().unwrap() {
            for counted in ["version", "changed", "changed_by"] {
                flag.as_object_mut().unwrap().remove(counted);
            }
        }
        flags
    };
    let before = listed();
    let exported = sandbox.project(&["export"]);
    for change in [
        &["rollout", "set", "enhanced_safety_v2", "75%", "--yes"][..],
        &["flag", "disable", "telemetry_cloud_sync", "--yes"],
        &["apply", "-f", "new.toml", "--yes"],
    ] {
        sandbox.write("new.toml", "[flags.brand_new]\nstage = \"beta\"\nrollout = \"5%\"\n");
        sandbox.project(change).text();
        assert_ne!(listed(), before);
        let undone = sandbox.project(&["undo", "--yes", "--json"]).json();
        assert_eq!(undone["applied"], true, "{undone}");
        assert_eq!(listed(), before, "{change:?}");
        assert_eq!(sandbox.project(&["export"]).text(), exported.text());
    }
    let log = sandbox.project(&["log"]);
    let told: Vec<&str> = log.text().lines().skip(12).map(|line| line.split_once(" - ").unwrap().1).collect();
    assert_eq!(
        told,
        [
            "@alice increased rollout percentage: 50% → 75% (enhanced_safety_v2)",
            "@alice decreased rollout percentage: 75% → 50% (enhanced_safety_v2) - undo of entry 13",
            "@alice disabled feature flag: telemetry_cloud_sync",
            "@alice enabled feature flag: telemetry_cloud_sync - undo of entry 15",
            "@alice created feature flag: brand_new",
            "@alice archived feature flag: brand_new - undo of entry 17",
        ]
    );
    // An undo is undone as any other change, and says why if somebody does.
    let again = sandbox.project(&["undo", "18", "--yes", "--reason", "it was right"]);
    assert!(again.text().starts_with("undo of entry 18: "), "{}", again.out);
    let last = sandbox.project(&["log", "--limit", "1"]);
    assert!(last.text().ends_with(" - @alice created feature flag: brand_new - undo of entry 18: it was right\n"));
    let shown = sandbox.project(&["undo", "14", "--dry-run", "--json"]).json();
    assert_eq!((&shown["applied"], &shown["edits"][0]["name"]), (&json!(false), &json!("enhanced_safety_v2")));
    let unasked = sandbox.project(&["undo", "14"]);
    assert_eq!(error_of(&unasked).0, "this needs a confirmation, and there is no terminal to ask on");
}

#[test]
fn what_cannot_be_undone_is_refused_with_what_stands_against_it() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["rollout", "set", "ollama_backend", "10%", "--yes"]).text();
    sandbox.project(&["rollout", "set", "enhanced_safety_v2", "60%", "--yes"]).text();
    sandbox.project(&["rollout", "set", "ollama_backend", "20%", "--yes", "--as", "bob"]).text();
    sandbox.project(&["kill", "telemetry", "--reason", "drill"]).text();
    sandbox.project(&["unkill", "telemetry", "--reason", "over", "--yes"]).text();
    sandbox.project(&["publish", "--to", "public"]).text();
    let table: [(&[&str], &str, &str); 6] = [
        (
            &["undo", "13"],
            "entry 13 cannot be undone: flag \"ollama_backend\" was changed since: \
             @bob increased rollout percentage: 10% → 20% (ollama_backend) (entry 15)",
            "hint: undo the later ones first, the last one first: flag-admin undo 15",
        ),
        (
            &["undo", "16"],
            "entry 16 is a kill of \"telemetry\", which is lifted rather than undone",
            "hint: lift it: flag-admin unkill telemetry --reason TEXT",
        ),
        (
            &["undo"],
            "entry 17 lifted a kill of \"telemetry\" for ever: its id is never used again",
            "hint: kill it anew: flag-admin kill telemetry --reason TEXT",
        ),
        (&["undo", "19"], "entry 19 cannot be undone: \"published snapshot: 1 (expires ", ""),
        (
            &["undo", "1"],
            "entry 1 cannot be undone: \"created project: caro (production)\" is no edit of a flag, segment or group",
            "",
        ),
        (
            &["undo", "99"],
            "there is no entry 99: the log ends with entry 19 (",
            "hint: see the entries: flag-admin log --json",
        ),
    ];
    for (arguments, message, hint) in table {
        let run = sandbox.project(arguments);
        let (error, found) = error_of(&run);
        assert!(error.starts_with(message), "{arguments:?}: {error}");
        assert_eq!(found, hint, "{arguments:?}");
    }
    let overtaken: Value = serde_json::from_str(&sandbox.project(&["undo", "13", "--json"]).err).unwrap();
    assert_eq!(
        (&overtaken["error"]["code"], &overtaken["error"]["details"][0]["seq"]),
        (&json!("overtaken"), &json!(15))
    );
    // A change of another flag in between is in nobody's way.
    sandbox.project(&["undo", "14", "--yes"]).text();
    let empty = Sandbox::with_project();
    assert_eq!(error_of(&empty.project(&["undo"])).0, "nothing was changed in production, so there is nothing to undo");
}

#[test]
fn e32_a_moved_head_is_refused_with_what_the_others_did() {
    let sandbox = Sandbox::with_sample();
    let production = EnvironmentName::production();
    let open = |name: &str| -> Project {
        let operator = Operator { actor: name.parse().unwrap(), role: Role::ReleaseManager };
        ProjectFolder::find(&sandbox.path("flags")).unwrap().open(operator).unwrap()
    };
    let share = |percent| Share::from_percent(percent).unwrap();
    let mut late = open("alice");
    let same = late.propose_rollout(&production, "ollama_backend", None, share(20)).unwrap();
    let other = late.propose_rollout(&production, "enhanced_safety_v2", None, share(80)).unwrap();
    let mut first = open("bob");
    for (flag, percent) in [("ollama_backend", 10), ("mlx_backend", 5)] {
        let proposal = first.propose_rollout(&production, flag, None, share(percent)).unwrap();
        first.commit(&proposal, None).unwrap();
    }
    let (found, base) = (first.state().head(), same.base());
    let refused = late.commit(&same, None).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "the log has moved on: its head is entry {found}, expected entry {base}; since then \
             @bob increased rollout percentage: 0% → 10% (ollama_backend) (entry 13 - of the same flag \"ollama_backend\"); \
             @bob increased rollout percentage: 0% → 5% (mlx_backend) (entry 14)"
        )
    );
    let details = refused.details().unwrap();
    assert_eq!((&details["touching"], &details["since"][1]["seq"]), (&json!([13]), &json!(14)));
    assert_eq!(refused.code(), "head_moved");
    assert_eq!(refused.hint().unwrap(), "look at what they changed, and run the command again if it still holds");
    let apart = late.commit(&other, None).unwrap_err();
    assert_eq!(apart.hint().unwrap(), "none of that is about what you changed: run the command again");
    // The same after it has taken in what the others did.
    late.refresh().unwrap();
    assert_eq!(late.commit(&same, None).unwrap_err().to_string(), refused.to_string());
}

#[test]
fn a_note_commits_to_the_log_for_as_long_as_it_lives() {
    let sandbox = Sandbox::with_sample();
    let note = sandbox.project(&["audit", "checkpoint"]);
    assert!(note.text().starts_with("flag-admin/caro\n12\n"), "{}", note.out);
    sandbox.write("note.txt", note.text());
    let other = sandbox.project(&["audit", "checkpoint", "--key", "root", "--json"]).json();
    assert!(other["verifier_key"].as_str().unwrap().starts_with("flag-admin/caro+"));
    sandbox.write("root-note.txt", other["note"].as_str().unwrap());
    sandbox.project(&["rollout", "set", "ollama_backend", "10%", "--yes"]).text();
    for file in ["note.txt", "root-note.txt"] {
        let verified = sandbox.project(&["audit", "verify", "--against", file]);
        assert!(verified.text().ends_with("it holds entry 12 that the note was made from\n"), "{}", verified.out);
    }
    let stranger = Sandbox::with_sample();
    stranger.write("note.txt", note.text());
    let run = stranger.project(&["audit", "verify", "--against", "note.txt"]);
    assert_eq!(error_of(&run).0, "the note bears no signature by a key of the project");
    sandbox.write("forged.txt", &note.text().replace("\n12\n", "\n11\n"));
    let run = sandbox.project(&["audit", "verify", "--against", "forged.txt"]);
    assert!(error_of(&run).0.starts_with("the note's signature by key "), "{}", run.err);

    // The whole log rewritten by somebody who holds the keys is a whole log, but not the one of the note.
    for name in ["log.sqlite", "log.sqlite-wal", "log.sqlite-shm"] {
        let _ = std::fs::remove_file(sandbox.path("flags").join(name));
    }
    std::fs::copy(stranger.path("flags/log.sqlite"), sandbox.path("flags/log.sqlite")).unwrap();
    sandbox.project(&["audit", "verify"]).text();
    let run = sandbox.project(&["audit", "verify", "--against", "note.txt"]);
    let (error, _) = error_of(&run);
    assert!(
        error.starts_with("the note was made from entry 12 (") && error.contains("), but that entry is "),
        "{error}"
    );
}

#[test]
fn a_backup_gives_the_project_back_byte_for_byte() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["publish", "--to", "public"]).text();
    // A key that another took the place of, as after a rotation.
    for (from, to) in [("kill.pem", "kill-retired-1.pem"), ("kill.pub", "kill-retired-1.pub")] {
        std::fs::copy(sandbox.path("flags/keys").join(from), sandbox.path("flags/keys").join(to)).unwrap();
    }
    let log = sandbox.project(&["log", "--json"]).json();
    let exported = sandbox.project(&["export"]);
    let told = sandbox.project(&["backup", "plain.backup"]);
    assert!(
        told.text().ends_with("  without its private keys: keep them, or add them with --with-keys\n"),
        "{}",
        told.out
    );
    let plain = std::fs::read_to_string(sandbox.path("plain.backup")).unwrap();
    assert!(!plain.contains("PRIVATE KEY"));
    sandbox.project(&["backup", "keys.backup", "--with-keys"]).text();
    let full = std::fs::read_to_string(sandbox.path("keys.backup")).unwrap();
    assert_eq!(full.matches("BEGIN PRIVATE KEY").count(), 4);
    assert_eq!((plain.matches("BEGIN PUBLIC KEY").count(), full.matches("BEGIN PUBLIC KEY").count()), (4, 4));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |name: &str| std::fs::metadata(sandbox.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("plain.backup"), mode("keys.backup")), (0o600, 0o600));
    }
    let again = sandbox.project(&["backup", "plain.backup"]);
    assert_eq!(error_of(&again), ("plain.backup is there already", "hint: name a file that is not there yet"));

    let restored = sandbox.run(&["restore", "plain.backup", "plain"]);
    assert!(
        restored.text().ends_with("  without private keys: put them into keys/, mode 0600, to publish\n"),
        "{}",
        restored.out
    );
    sandbox.run(&["restore", "keys.backup", "full"]).text();
    for project in ["plain", "full"] {
        assert_eq!(sandbox.run(&["-C", project, "log", "--json"]).json(), log);
        assert_eq!(sandbox.run(&["-C", project, "export"]).text(), exported.text());
        sandbox.run(&["-C", project, "audit", "verify", "--against", "public/v1/snapshot.json"]).text();
        let settings = |project: &str| std::fs::read(sandbox.path(project).join("flag-admin.toml")).unwrap();
        assert_eq!(settings(project), settings("flags"));
    }
    let keys = |project: &str| {
        let files = std::fs::read_dir(sandbox.path(project).join("keys")).unwrap();
        let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
            .into_iter()
            .map(|name| (std::fs::read(sandbox.path(project).join("keys").join(&name)).unwrap(), name))
            .collect::<Vec<_>>()
    };
    assert_eq!(keys("full"), keys("flags"));
    let is_public = |name: &str| std::path::Path::new(name).extension().is_some_and(|extension| extension == "pub");
    let public: Vec<_> = keys("flags").into_iter().filter(|(_, name)| is_public(name)).collect();
    assert_eq!(keys("plain"), public, "whoever may read the backup sees which keys there were");
    assert_eq!(
        error_of(&sandbox.run(&["-C", "plain", "publish", "--to", "public"])).0.split(" at ").next(),
        Some("there is no snapshot key")
    );
    assert_eq!(sandbox.run(&["-C", "full", "publish", "--to", "public", "--json"]).json()["version"], 2);
    let taken = sandbox.run(&["restore", "keys.backup", "full"]);
    assert_eq!(error_of(&taken).0, "full is a project already");
}

#[test]
fn a_backup_that_names_private_keys_by_role_gives_them_back() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["backup", "new.backup", "--with-keys"]).text();
    let text = std::fs::read_to_string(sandbox.path("new.backup")).unwrap();
    let (header, entries) = text.split_once('\n').unwrap();
    let mut header: serde_json::Value = serde_json::from_str(header).unwrap();
    header.as_object_mut().unwrap().remove("public_keys").unwrap();
    let keys = std::mem::take(header["keys"].as_object_mut().unwrap());
    for (name, pem) in keys {
        header["keys"][name.strip_suffix(".pem").unwrap()] = pem;
    }
    sandbox.write("old.backup", &format!("{header}\n{entries}"));
    sandbox.run(&["restore", "old.backup", "old"]).text();
    for role in ["root", "snapshot", "kill"] {
        let key = |project: &str| std::fs::read(sandbox.path(project).join(format!("keys/{role}.pem"))).unwrap();
        assert_eq!(key("old"), key("flags"));
    }
    assert_eq!(sandbox.run(&["-C", "old", "publish", "--to", "public", "--json"]).json()["version"], 1);

    // A key under any other name is not left behind in silence.
    for name in ["alice.pem", "../root.pem", "snapshot.pub"] {
        header["keys"][name] = "x".into();
        sandbox.write("odd.backup", &format!("{header}\n{entries}"));
        let run = sandbox.run(&["restore", "odd.backup", "odd"]);
        let expected = format!(
            "the backup holds a key named {name:?}, expected a role's, such as \"snapshot.pem\" or \"kill-retired-1.pub\""
        );
        assert_eq!(error_of(&run).0, expected);
        assert!(!sandbox.path("odd").exists());
        header["keys"].as_object_mut().unwrap().remove(name);
    }
}

#[test]
fn a_backup_that_is_not_whole_makes_nothing() {
    let sandbox = Sandbox::with_sample();
    sandbox.project(&["backup", "sound.backup"]).text();
    let sound = std::fs::read_to_string(sandbox.path("sound.backup")).unwrap();
    let lines: Vec<&str> = sound.lines().collect();
    let without = |left_out: usize| {
        let kept = lines.iter().enumerate().filter(|(place, _)| *place != left_out).map(|(_, line)| *line);
        kept.fold(String::new(), |text, line| text + line + "\n")
    };
    let (last, end) = (lines.len() - 2, lines.len() - 1);
    let table = [
        (sound.replacen("alice", "mallo", 3), "log entry 1 is corrupt: it hashes to "),
        (without(4), "log entry 4 is corrupt: its bytes are of entry 5"),
        (without(last), "log entry 12 is corrupt: missing: the log ends before it, but its head is 12 ("),
        (without(end), "the backup ends after entry 12, before its last line"),
        (sound[..sound.len() / 2].to_owned(), "the backup ends after entry "),
        (sound.clone() + "{}\n", "the backup goes on after its last line"),
        (without(0), "line 1 of the backup is no header of a backup: "),
        (sound.replacen("\"flag_admin_backup\":1", "\"flag_admin_backup\":2", 1), "the backup has form 2, expected 1"),
        (
            sound.replacen("\"project\":\"caro\"", "\"project\":\"other\"", 1),
            "the backup is of project \"other\", but its log is of \"caro\"",
        ),
        (
            sound.replacen("\"roots\":[\"", "\"roots\":[\"AAAA", 1),
            "root 1 of the backup is not the one that its log names",
        ),
        (String::new(), "line 1 of the backup is no header of a backup: "),
    ];
    for (text, message) in table {
        sandbox.write("bad.backup", &text);
        let run = sandbox.run(&["restore", "bad.backup", "target"]);
        assert!(error_of(&run).0.starts_with(message), "{message}: {}", run.err);
        assert!(!sandbox.path("target").exists(), "{message}");
    }
    // Nor is one made of a log that is not whole.
    let raw = rusqlite::Connection::open(sandbox.path("flags/log.sqlite")).unwrap();
    raw.execute("DELETE FROM entries WHERE seq = 7", []).unwrap();
    let run = sandbox.project(&["backup", "bad2.backup"]);
    assert_eq!(error_of(&run).0, "log entry 7 is corrupt: stored under 8");
    assert!(!sandbox.path("bad2.backup").exists());
}
