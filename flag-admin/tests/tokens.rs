//! Tokens from outside: issued once, good for what they say, revoked at once.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::collections::BTreeMap;

use flag_admin::adapters::{ProjectFolder, SystemRandomness};
use flag_admin::app::ports::Clock;
use flag_admin::app::{Caller, CredentialError, Operator, Ports, Project, Settings};
use flag_admin::log::{Change, Role, Verb};
use flag_core::Timestamp;
use serde_json::{Value, json};
use support::Sandbox;

fn issue(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    let all: Vec<&str> = ["token", "new"].iter().chain(arguments).chain(&["--yes", "--json"]).copied().collect();
    sandbox.project(&all).json()
}

fn opened(sandbox: &Sandbox) -> Project {
    let operator = Operator { actor: "server".parse().unwrap(), role: Role::Engineer };
    ProjectFolder::find(&sandbox.path("flags")).unwrap().open(operator).unwrap()
}

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn opened_at(sandbox: &Sandbox, now: Timestamp) -> Project {
    let folder = ProjectFolder::find(&sandbox.path("flags")).unwrap();
    let ports = Ports {
        log: folder.log().unwrap(),
        keys: Box::new(folder.keys()),
        roots: Box::new(folder.roots()),
        clock: Box::new(At(now)),
        random: Box::new(SystemRandomness),
    };
    let operator = Operator { actor: "server".parse().unwrap(), role: Role::Engineer };
    Project::open(ports, Settings::default(), operator).unwrap()
}

fn caller(project: &Project, issued: &Value) -> Result<Caller, CredentialError> {
    project.authenticate(issued["secret"].as_str().unwrap())
}

fn with_members() -> Sandbox {
    let sandbox = Sandbox::with_sample();
    for (member, role) in [("bob", "engineering_lead"), ("eve", "emergency_responder"), ("ci", "engineer")] {
        sandbox.project(&["member", "add", member, role, "--yes"]).text();
    }
    sandbox
}

#[test]
fn a_token_is_shown_once_and_its_secret_kept_nowhere() {
    let sandbox = with_members();
    let shown = sandbox.project(&["token", "new", "bob", "--yes", "--reason", "laptop"]).text().to_owned();
    let secret = shown.lines().find(|line| line.starts_with("flagadmin_lead_")).unwrap().to_owned();
    assert!(shown.contains("this is the only time that token "), "{shown}");
    let random = secret.split('_').nth(3).unwrap();
    assert_eq!(random.len(), 43);
    for file in std::fs::read_dir(sandbox.path("flags")).unwrap() {
        let Ok(bytes) = std::fs::read(file.unwrap().path()) else { continue };
        assert!(!bytes.windows(43).any(|window| window == random.as_bytes()));
    }
    let log = sandbox.project(&["log", "--json"]).json();
    let last = log.as_array().unwrap().last().unwrap();
    assert!(last["sentence"].as_str().unwrap().ends_with(" (for @bob, engineering lead)"), "{last}");
    assert_eq!(last["reason"], "laptop");
    let listed = sandbox.project(&["token", "list", "--json"]).json();
    assert_eq!(
        (&listed[0]["holder"], &listed[0]["role"], &listed[0]["by"], &listed[0]["used_at"]),
        (&json!("bob"), &json!("engineering_lead"), &json!("alice"), &Value::Null)
    );
    assert!(!listed.to_string().contains(random));
}

#[test]
fn a_token_proves_its_holder_until_it_is_revoked() {
    let sandbox = with_members();
    let issued = issue(&sandbox, &["ci", "--can", "read-config,write-flag", "--in", "production"]);
    let mut project = opened(&sandbox);
    let found = caller(&project, &issued).unwrap();
    assert_eq!((found.holder.as_str(), found.role), ("ci", Some(Role::Engineer)));
    let production = "production".parse().unwrap();
    assert_eq!(found.check(Verb::WriteFlag, Some(&production)), Ok(()));
    let token = issued["token"].as_str().unwrap();
    for (verb, environment, message) in [
        (Verb::Kill, Some("production"), "does not allow kill, it allows read-config, write-flag"),
        (Verb::WriteFlag, Some("staging"), "is for production, not for staging"),
        (Verb::ReadConfig, None, "is for production, not for the whole project"),
    ] {
        let environment = environment.map(|name| name.parse().unwrap());
        let refused = found.check(verb, environment.as_ref()).unwrap_err().to_string();
        assert_eq!(refused, format!("token {token} {message}"));
    }
    let kill = Change::KillActivated { id: "k-1".into(), target: "telemetry".into(), emergency: false };
    assert!(found.check_changes(&production, &[kill]).is_err());

    // Pasted whole, as whoever finds a leaked one has it; and by somebody who otherwise only kills.
    let secret = issued["secret"].as_str().unwrap();
    sandbox.project(&["token", "revoke", secret, "--yes", "--as", "eve", "--reason", "leaked"]).text();
    assert!(caller(&project, &issued).is_ok());
    project.refresh().unwrap();
    assert_eq!(caller(&project, &issued), Err(CredentialError::Invalid));
    let again = sandbox.project(&["token", "revoke", token, "--yes"]);
    assert_eq!(again.err, format!("error: there is no token {token}\nhint: see them: flag-admin token list\n"));
    assert_eq!(
        sandbox.project(&["token", "list"]).text(),
        "no tokens; issue one: flag-admin token new HOLDER --can VERBS\n"
    );
}

#[test]
fn an_unknown_id_and_a_bad_secret_get_the_same_answer() {
    let sandbox = with_members();
    let (first, second) = (issue(&sandbox, &["bob"]), issue(&sandbox, &["eve"]));
    sandbox.project(&["token", "revoke", second["token"].as_str().unwrap(), "--yes"]).text();
    let project = opened(&sandbox);
    let good = first["secret"].as_str().unwrap();
    let revoked = second["secret"].as_str().unwrap();
    for bad in ["", "x", "Bearer", &good[1..], &good[..good.len() - 1], &good.replace("lead", "manager"), revoked] {
        assert_eq!(project.authenticate(bad), Err(CredentialError::Invalid), "{bad}");
    }
    let other = issue(&with_members(), &["bob"]);
    assert_eq!(caller(&project, &other), Err(CredentialError::Invalid));
    assert!(caller(&project, &first).is_ok());
}

#[test]
fn an_expired_token_says_so_to_who_has_it_alone() {
    let sandbox = with_members();
    let issued = issue(&sandbox, &["bob", "--expires", "1d"]);
    let token = issued["token"].as_str().unwrap();
    let end: Timestamp = issued["expires_at"].as_str().unwrap().parse().unwrap();
    let before = opened_at(&sandbox, end.saturating_add_millis(-1));
    assert!(caller(&before, &issued).is_ok());
    let after = opened_at(&sandbox, end);
    assert_eq!(caller(&after, &issued).unwrap_err().to_string(), format!("token {token} expired at {end}"));
    // Whoever has another secret is not told that there was such a token.
    let other = issue(&sandbox, &["bob", "--expires", "1d"]);
    let (good, longer) = (issued["secret"].as_str().unwrap(), other["secret"].as_str().unwrap());
    let mixed = good.replace(token, other["token"].as_str().unwrap());
    assert_eq!(after.authenticate(&mixed), Err(CredentialError::Invalid));
    assert!(longer.len() == good.len());
    assert!(after.tokens(&BTreeMap::new()).iter().all(|line| line.expired));
    let past = sandbox.project(&["token", "new", "bob", "--expires", "2020-01-01T00:00:00Z", "--yes"]);
    assert_eq!(
        past.err,
        "error: the token would expire at 2020-01-01T00:00:00Z, which is past\nhint: give a span, such as --expires 90d\n"
    );
}

#[test]
fn a_token_cannot_say_more_than_its_holder_may() {
    let sandbox = with_members();
    for (arguments, message) in [
        (
            &["new", "bob", "--role", "release_manager"][..],
            "error: @bob is engineering lead and no release manager, so a token cannot say so\n",
        ),
        (&["new", "ci", "--can", "publish"], "error: a token of role engineer has no use for publish\n"),
        (&["new", "site", "--role", "reader", "--can", "kill"], "error: a token of a reader has no use for kill\n"),
        (&["new", "mallory"], "error: @mallory is no member of the project\n"),
        (&["new", "bob", "--in", "nowhere"], "error: environment \"nowhere\" does not exist\n"),
        (&["revoke", "what"], "error: that is neither a token nor a token's id\n"),
    ] {
        let all: Vec<&str> = ["token"].iter().chain(arguments).chain(&["--yes"]).copied().collect();
        let refused = sandbox.project(&all);
        assert!(refused.err.starts_with(message), "{arguments:?}: {}", refused.err);
        assert_eq!((refused.code, refused.out.as_str()), (Some(1), ""), "{arguments:?}");
    }
    let by_lead = sandbox.project(&["token", "new", "bob", "--as", "bob", "--yes"]);
    assert!(
        by_lead.err.starts_with("error: @bob is an engineering lead and may not issue a token, of the whole project; "),
        "{}",
        by_lead.err
    );
    let unsure = sandbox.project(&["token", "new", "bob"]);
    assert_eq!((unsure.code, unsure.out.contains("flagadmin_")), (Some(1), false));
    let shown = sandbox.project(&["token", "new", "bob", "--dry-run", "--json"]).json();
    assert_eq!((&shown["dry_run"], &shown["issued"], &shown["secret"]), (&json!(true), &json!(false), &Value::Null));
}

#[test]
fn a_token_follows_its_holder() {
    let sandbox = with_members();
    let issued = issue(&sandbox, &["bob"]);
    let mut project = opened(&sandbox);
    let bob = caller(&project, &issued).unwrap();
    assert_eq!(project.check_holder(&bob), Ok(()));
    sandbox.project(&["member", "role", "bob", "engineer", "--yes"]).text();
    project.refresh().unwrap();
    let token = issued["token"].as_str().unwrap();
    assert_eq!(
        project.check_holder(&bob).unwrap_err().to_string(),
        format!("token {token} was issued to @bob as engineering lead, who is engineer now")
    );
    sandbox.project(&["member", "remove", "bob", "--yes"]).text();
    project.refresh().unwrap();
    assert_eq!(
        project.check_holder(&bob).unwrap_err().to_string(),
        format!("token {token} was issued to @bob as engineering lead, who is no member now")
    );
}

#[test]
fn a_project_of_one_owner_issues_tokens_too() {
    let sandbox = Sandbox::with_sample();
    let (manager, reader) = (issue(&sandbox, &["ci", "--role", "release_manager"]), issue(&sandbox, &["site"]));
    let project = opened(&sandbox);
    let manager = caller(&project, &manager).unwrap();
    assert_eq!((manager.role, manager.verbs.len()), (Some(Role::ReleaseManager), 6));
    assert_eq!(manager.operator().role, Role::ReleaseManager);
    let reader = caller(&project, &reader).unwrap();
    assert_eq!((reader.role, reader.verbs.into_iter().collect::<Vec<_>>()), (None, vec![Verb::ReadEval]));
}
