//! The whole road: from a definition, through a published folder, to what real clients decide.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::fs;

use flag_client::{Declaration, FlagClient, Remote};
use serde_json::Value;
use support::Sandbox;
use tempfile::TempDir;

const INSTALLATIONS: usize = 200;

/// An installation that was never run: it draws its own id when a split needs one.
fn installation(sandbox: &Sandbox) -> (TempDir, FlagClient) {
    let home = TempDir::new().unwrap();
    let remote = Remote {
        project: "caro".to_owned(),
        environment: "production".to_owned(),
        pinned_root: fs::read(sandbox.path("public/v1/root/1.json")).unwrap(),
        state_file: home.path().join("trust.json"),
        bundled_snapshot: None,
        url: Some(sandbox.path("public").display().to_string()),
    };
    let client = FlagClient::builder().declare([Declaration::boolean("search")]).remote(remote).open();
    (home, client)
}

#[test]
fn each_installation_decides_as_the_project_says_from_rollout_to_kill() {
    let sandbox = Sandbox::with_project();
    sandbox.write("flags.toml", "[flags.search]\nrollout = \"60%\"\n");
    sandbox.project(&["apply", "-f", "flags.toml", "--yes"]).text();
    sandbox.project(&["publish", "--to", "public"]).text();
    let installations: Vec<(TempDir, FlagClient)> = (0..INSTALLATIONS).map(|_| installation(&sandbox)).collect();
    let exposed = || {
        let enabled = |(_, client): &&(TempDir, FlagClient)| {
            client.sync().unwrap();
            client.is_enabled("search")
        };
        installations.iter().filter(enabled).count()
    };

    let on = exposed();
    assert!((90..=150).contains(&on), "{on} of {INSTALLATIONS} at 60 %, which is 120 give or take seven");
    let ids: Vec<String> =
        installations.iter().map(|(home, _)| fs::read_to_string(home.path().join("install-id")).unwrap()).collect();
    sandbox.write("units", &ids.concat());
    let said = sandbox.project(&["why", "search", "--units", "units", "--json"]);
    for ((_, client), line) in installations.iter().zip(said.text().lines()) {
        let said: Value = serde_json::from_str(line).unwrap();
        let decision = client.decision("search");
        assert_eq!(said["bucket"], decision.bucket.unwrap().index(), "{line}");
        assert_eq!(said["variant"] == "on", decision.enabled, "{line}");
    }

    sandbox.project(&["rollout", "set", "search", "100%", "--yes"]).text();
    sandbox.project(&["publish", "--to", "public"]).text();
    assert_eq!(exposed(), INSTALLATIONS);
    sandbox.project(&["kill", "search", "--reason", "it is slow", "--yes"]).text();
    sandbox.project(&["publish", "--to", "public"]).text();
    assert_eq!(exposed(), 0);
}
