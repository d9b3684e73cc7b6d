//! What newcomers type first, and what they are told.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use support::Sandbox;

const FIRST_FLAGS: &str = "make one: flag-admin flag new KEY, or apply a file: flag-admin apply -f flags.toml\n";

#[test]
fn a_project_without_flags_says_how_to_come_by_some() {
    let sandbox = Sandbox::with_project();
    assert_eq!(sandbox.project(&["flag", "list"]).text(), format!("no flags in production; {FIRST_FLAGS}"));
    for arguments in [&["flag", "show", "mlx"][..], &["why", "mlx", "--unit", "u"], &["rollout", "set", "mlx", "5%"]] {
        let run = sandbox.project(arguments);
        let error = format!("error: flag \"mlx\" does not exist, and neither does any other yet\nhint: {FIRST_FLAGS}");
        assert_eq!((run.code, run.err), (Some(1), error), "{arguments:?}");
    }
}

#[test]
fn adding_and_creating_a_flag_are_making_one() {
    let sandbox = Sandbox::with_project();
    for (word, key) in [("new", "search_one"), ("add", "search_two"), ("create", "search_three")] {
        sandbox.project(&["flag", word, key, "--description", "Search", "--yes"]).text();
        sandbox.project(&["flag", "show", key]).text();
    }
}

#[test]
fn a_published_folder_is_verified_as_its_snapshot() {
    let sandbox = Sandbox::with_project();
    sandbox.project(&["publish", "--to", "public"]).text();
    let of_file = sandbox.project(&["verify", "public/v1/snapshot.json"]);
    for folder in ["public", "public/v1"] {
        assert_eq!(sandbox.project(&["verify", folder]), of_file, "{folder}");
        let with_root = sandbox.project(&["verify", folder, "--root", "public/v1/root/1.json"]);
        assert_eq!(with_root.text(), of_file.text());
    }
}
