//! `flag-admin demo`: it tells the truth, and leaves a project that works.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    dead_code,
    unreachable_pub,
    reason = "a test stops at the first surprise, and shares its support with others"
)]

#[cfg(unix)]
mod pty;
mod support;

use support::Sandbox;

#[test]
fn it_walks_through_a_rollout_and_a_kill_and_the_numbers_are_the_same_every_time() {
    let sandbox = Sandbox::empty();
    let run = sandbox.run(&["demo", "sample", "--units", "3000"]);
    let folder = std::path::absolute(sandbox.path("sample")).unwrap();
    let text = run.text().replace(&folder.display().to_string(), "DIR");
    insta::assert_snapshot!("demo", text);
}

#[test]
fn its_json_is_one_object_and_observed_shares_are_near_the_set_ones() {
    let sandbox = Sandbox::empty();
    let done = sandbox.run(&["demo", "sample", "--json"]).json();
    assert_eq!((&done["units"], done["steps"].as_array().unwrap().len()), (&10_000.into(), 11));
    for flag in done["flags"].as_array().unwrap() {
        let counted: u64 =
            flag["variants"].as_array().unwrap().iter().map(|count| count["units"].as_u64().unwrap()).sum();
        assert_eq!(counted, 10_000, "{flag}");
        let (units, exposed) = (flag["units"].as_u64().unwrap(), flag["exposed"].as_u64().unwrap());
        if let (Some(share), 0, None | Some("telemetry_cloud_sync")) =
            (flag["share"].as_u64(), flag["rules"].as_u64().unwrap(), flag["note"].as_str().and(flag["flag"].as_str()))
        {
            // Two percent of a population of thousands are more than four standard deviations.
            let expected = units * share / 100_000;
            assert!(exposed.abs_diff(expected) <= units / 50, "{flag}");
        }
    }
}

#[test]
fn the_project_it_leaves_works_with_every_command() {
    let sandbox = Sandbox::empty();
    sandbox.run(&["demo", "sample", "--units", "10"]).text();
    assert_eq!(sandbox.run(&["-C", "sample", "flag", "list", "--json"]).json().as_array().unwrap().len(), 9);
    sandbox.run(&["-C", "sample", "audit", "verify"]).text();
    sandbox.run(&["-C", "sample", "verify", "sample/public/v1/snapshot.json"]).text();
    let log = sandbox.run(&["-C", "sample", "log"]);
    for told in ["increased rollout percentage: 5% → 25% (command_history)", "enabled kill switch: telemetry - a drill"]
    {
        assert!(log.text().contains(told), "{told}");
    }
}

#[test]
fn it_makes_a_folder_of_its_own_unless_told() {
    let sandbox = Sandbox::empty();
    let output = sandbox.command(&["demo", "--units", "1", "--json"]).env("TMPDIR", sandbox.path("")).output().unwrap();
    let done: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let folder = std::path::Path::new(done["folder"].as_str().unwrap());
    assert!(folder.starts_with(sandbox.path("")) && folder.join("log.sqlite").is_file(), "{}", folder.display());
}

#[test]
fn what_it_cannot_do_it_refuses_with_a_way_on() {
    let sandbox = Sandbox::empty();
    std::fs::create_dir(sandbox.path("full")).unwrap();
    sandbox.write("full/notes.txt", "mine");
    let run = sandbox.run(&["demo", "full"]);
    assert_eq!(
        (run.code, run.err.as_str()),
        (Some(1), "error: full is not empty\nhint: name a folder that is empty or not there yet\n")
    );
    assert_eq!(sandbox.run(&["demo", "new", "--units", "0"]).code, Some(2));
    assert!(!sandbox.path("new").exists());
}

#[cfg(unix)]
#[test]
fn on_a_terminal_it_opens_the_dashboard() {
    let sandbox = Sandbox::empty();
    let mut pty = pty::Pty::start(&sandbox.path(""), &["demo", "sample", "--units", "100"], &[]);
    pty.wait_for("Enter opens the dashboard");
    pty.press("\r");
    pty.wait_for("Flags 9");
    pty.press("q");
    let ended = pty.end();
    assert!(ended.status.success());
    ended.assert_terminal_given_back();
}
