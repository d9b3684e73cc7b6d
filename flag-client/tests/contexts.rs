//! Flags of others than this installation, and what hooks are told.
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "tests stop at the first surprise")]

mod support;

use std::sync::{Arc, Mutex};

use flag_client::{
    Attributes, Context, Environment, EvaluationEvent, EvaluationHook, FlagClient, IdentitySource, flags,
};
use support::{DAY, Home, NOW, flag, rollout, snapshot};

flags! {
    /// Every flag of these tests.
    const ALL: &[Declaration];

    /// Syncs telemetry to the cloud
    const SYNC: bool = "telemetry_cloud_sync" { default: false }

    /// Remembers commands
    const HISTORY: bool = "command_history" { default: true, overridable }

    /// How many
    const COUNT: i64 = "count" { default: 5 }
}

const TEAM: &str = r#","rules":[{"id":"team","when":{"attribute":"plan","operator":"equals","values":["team"]},"serve":{"variant":"on"}}]"#;

fn builder(home: &Home, flags: &str) -> flag_client::ClientBuilder {
    let builder = FlagClient::builder().declare(ALL).user_file(home.path("config.toml")).clock(|| NOW);
    builder.remote(home.remote(Some(snapshot(4, flags)))).identity(IdentitySource::Given("installation".to_owned()))
}

#[test]
fn a_context_has_its_own_unit_and_attributes() {
    let home = Home::new();
    let published = format!("{},{}", rollout("telemetry_cloud_sync", 50_000, ""), flag("command_history", false, TEAM));
    let flags = builder(&home, &published).context_attributes(Attributes::new().with("plan", "team")).open();
    assert!(flags.is_enabled(HISTORY), "the installation's own attributes");
    let exposed =
        (0..200).filter(|user| flags.for_context(Context::new(&format!("user-{user}"))).is_enabled(SYNC)).count();
    assert!((60..140).contains(&exposed), "{exposed} of 200 at 50%");
    let attributes = Attributes::new().with("plan", "team");
    let (free, team) = (Context::new("user-7"), Context::new("user-7").with_attributes(&attributes));
    assert!(!flags.for_context(free).is_enabled(HISTORY), "attributes of the installation are not the user's");
    assert!(flags.for_context(team).get(HISTORY));
    assert_eq!(flags.for_context(team).variant("command_history").as_deref(), Some("on"));
    assert!(!flags.for_context(Context::anonymous()).is_enabled(SYNC), "nobody is not exposed");
    assert_eq!(format!("{:?}", flags.for_context(team)), "ContextFlags { flags: 3, .. }");
}

#[test]
fn choices_of_this_machine_are_not_made_for_others_and_kills_are() {
    let home = Home::new();
    let published = format!(
        "{},{}",
        rollout("telemetry_cloud_sync", 100_000, r#","opt_in":"required""#),
        flag("command_history", true, r#","overridable":true"#),
    );
    home.config("[feature_flags.overrides]\ntelemetry_cloud_sync = true\ncommand_history = false\n");
    let flags = builder(&home, &published).open();
    let user = Context::new("user-7");
    assert!(flags.is_enabled(SYNC) && !flags.is_enabled(HISTORY));
    let of_user = flags.for_context(user);
    assert!(!of_user.is_enabled(SYNC), "nobody opts in for somebody else");
    assert!(of_user.is_enabled(HISTORY), "nor out");

    let variable = Environment::from_pairs("CARO", [("CARO_FF_COMMAND_HISTORY", "0")]);
    let flags = builder(&home, &published).environment(variable).open();
    assert!(!flags.is_enabled(HISTORY) && flags.for_context(user).is_enabled(HISTORY));
    let flags = builder(&home, &published).kill(["command_history"]).force("command_history", true).open();
    assert!(!flags.for_context(user).is_enabled(HISTORY), "a kill is for everyone");
    let flags = builder(&home, &published).force("command_history", false).open();
    assert!(!flags.for_context(user).is_enabled(HISTORY), "and so is what test code forces");
}

#[test]
fn a_context_sees_one_state_of_the_flags() {
    let home = Home::new();
    let flags = builder(&home, &flag("command_history", true, "")).open();
    let before = flags.for_context(Context::new("user-7"));
    home.config("[feature_flags.kill_switches]\ncommand_history = true\n");
    flags.reload();
    assert!(before.is_enabled(HISTORY));
    assert!(!flags.for_context(Context::new("user-7")).is_enabled(HISTORY));
}

#[test]
fn a_context_without_a_time_is_at_the_clients() {
    let home = Home::new();
    let until = |days: i64| format!(r#","off_after":"{}""#, NOW.saturating_add_millis(days * DAY));
    for (days, on) in [(1, true), (-1, false)] {
        let flags = builder(&home, &flag("command_history", true, &until(days))).open();
        assert_eq!(flags.for_context(Context::new("user-7")).is_enabled(HISTORY), on, "{days}");
    }
    let flags = builder(&home, &flag("command_history", true, &until(1))).open();
    let later = Context::new("user-7").at(NOW.saturating_add_millis(2 * DAY));
    assert!(!flags.for_context(later).is_enabled(HISTORY), "its own time counts");
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl EvaluationHook for Heard {
    fn evaluated(&self, event: &EvaluationEvent<'_>) {
        let version = event.snapshot.map_or(0, |snapshot| snapshot.version);
        self.0.lock().unwrap().push(format!(
            "{} {} {} {} {version}",
            event.flag,
            event.variant.unwrap_or("-"),
            event.open_feature_reason(),
            event.error.unwrap_or("-")
        ));
    }
}

#[test]
fn a_hook_is_told_of_every_evaluation_and_of_nothing_else() {
    let home = Home::new();
    let heard = Heard::default();
    let published = format!(
        "{},{}",
        rollout("telemetry_cloud_sync", 100_000, ""),
        r#""count":{"variants":{"it":"many"},"off_variant":"it","fallthrough":{"variant":"it"}}"#
    );
    let flags = builder(&home, &published).hook(heard.clone()).open();
    assert!(heard.0.lock().unwrap().is_empty(), "opening evaluates nothing");
    assert!(flags.is_enabled(SYNC));
    assert!(!flags.is_enabled("no_such_flag"));
    assert_eq!(flags.get(COUNT), 5);
    assert_eq!(flags.variant("command_history").as_deref(), Some("on"));
    assert_eq!(flags.evaluate(SYNC).variant.as_deref(), Some("on"));
    assert!(flags.for_context(Context::new("user-7")).is_enabled(SYNC));
    let _ = (flags.list(), flags.explain(SYNC), flags.decision(SYNC));
    let heard = heard.0.lock().unwrap();
    assert_eq!(
        heard[..],
        [
            "telemetry_cloud_sync on SPLIT - 4",
            "no_such_flag - ERROR FLAG_NOT_FOUND 4",
            "count default DEFAULT - 4",
            "command_history on DEFAULT - 4",
            "telemetry_cloud_sync on SPLIT - 4",
            "telemetry_cloud_sync on SPLIT - 4",
        ]
    );
    for word in ["installation", "user-7"] {
        assert!(!heard.concat().contains(word), "no identifier is told: {heard:?}");
    }
}

#[test]
fn a_hook_ends_with_its_client_whatever_threads_have_read() {
    let home = Home::new();
    let heard = Heard::default();
    let flags = builder(&home, &flag("command_history", true, "")).hook(heard.clone()).open();
    flags.is_enabled("command_history");
    let of_user = flags.for_context(Context::new("user-7"));
    of_user.is_enabled("command_history");
    drop(flags);
    assert!(Arc::strong_count(&heard.0) > 1, "what was asked for a context tells it still");
    drop(of_user);
    assert_eq!(Arc::strong_count(&heard.0), 1);
}

#[test]
fn a_hook_that_panics_changes_nothing_and_keeps_nobody_from_hearing() {
    struct Panics;
    impl EvaluationHook for Panics {
        fn evaluated(&self, _: &EvaluationEvent<'_>) {
            std::panic::panic_any(PanicsWhenDropped);
        }
    }
    struct PanicsWhenDropped;
    impl Drop for PanicsWhenDropped {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let home = Home::new();
    let heard = Heard::default();
    let flags = builder(&home, &flag("command_history", true, "")).hook(Panics).hook(heard.clone()).open();
    for _ in 0..3 {
        assert!(flags.is_enabled(HISTORY) && flags.get(HISTORY));
    }
    assert_eq!(heard.0.lock().unwrap().len(), 6);
}
