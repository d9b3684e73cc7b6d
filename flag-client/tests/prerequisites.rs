//! Prerequisites that the application declares: they hold without a snapshot, and beside one.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use std::error::Error as _;

use flag_client::{Declaration, FlagClient, Prerequisite, Problem, Reason, flags};
use support::{Home, NOW, flag, problems, rollout};

flags! {
    /// Every flag of these tests.
    const ALL: &[Declaration];

    /// Syncs telemetry to the cloud
    const CLOUD_SYNC: bool = "telemetry_cloud_sync" { default: true, overridable, prerequisites: &[TELEMETRY.on()] }

    /// All of telemetry
    const TELEMETRY: bool = "telemetry" { default: true }

    /// Syncs at night
    const NIGHT_SYNC: bool = "night_sync" { default: true, prerequisites: &[CLOUD_SYNC.on()] }
}

fn states(flags: &FlagClient) -> (bool, bool, bool) {
    (flags.is_enabled(TELEMETRY), flags.is_enabled(CLOUD_SYNC), flags.is_enabled(NIGHT_SYNC))
}

#[test]
fn killing_a_capability_takes_down_what_depends_on_it_without_a_snapshot() {
    let home = Home::new();
    let builder = || FlagClient::builder().declare(ALL).user_file(home.path("config.toml")).clock(|| NOW);
    assert_eq!(states(&builder().open()), (true, true, true));
    for (config, name) in [
        ("[feature_flags.kill_switches]\ntelemetry_disabled = true\n", "a kill"),
        ("[feature_flags]\ntelemetry = false\n", "a base value"),
        ("[feature_flags.overrides]\ntelemetry = false\ntelemetry_cloud_sync = true\n", "overrides"),
        (
            "[feature_flags.kill_switches]\ntelemetry = true\n[feature_flags]\ntelemetry_cloud_sync = true\n",
            "a kill and a base value",
        ),
    ] {
        home.config(config);
        let flags = builder().open();
        assert_eq!(states(&flags), (false, false, false), "{name}");
        assert_eq!(flags.decision(CLOUD_SYNC).reason, Reason::PrerequisiteFailed, "{name}");
        assert_eq!(problems(&flags), [""; 0], "{name}");
    }
    home.config("");
    assert_eq!(states(&builder().kill(["telemetry"]).force(CLOUD_SYNC, true).open()), (false, true, true), "test code");
}

#[test]
fn a_flag_that_no_snapshot_has_may_depend_on_one_that_is_published() {
    let home = Home::new();
    let client = |flags: &str| {
        let builder = FlagClient::builder().declare(ALL).user_file(home.path("config.toml")).clock(|| NOW);
        builder.remote(home.remote(Some(support::snapshot(1, flags)))).identity(home.identity()).open()
    };
    assert_eq!(states(&client(&flag("telemetry", true, ""))), (true, true, true));
    assert_eq!(states(&client(&flag("telemetry", false, ""))), (false, false, false));
    let chain = format!(
        "{},{}",
        flag("telemetry", true, r#","prerequisites":[{"flag":"consent","variants":["on"]}]"#),
        flag("consent", false, "")
    );
    assert_eq!(states(&client(&chain)), (false, false, false), "what the published flag depends on counts, too");

    let open = flag("telemetry", true, r#","overridable":true"#);
    assert_eq!(states(&client(&open)), (true, true, true));
    home.config("[feature_flags.overrides]\ntelemetry = false\n");
    assert_eq!(states(&client(&open)), (false, false, false), "an override of the published flag counts, too");
    home.config("[feature_flags.kill_switches]\ntelemetry = true\n");
    assert_eq!(states(&client(&open)), (false, false, false), "and a kill");
}

#[test]
fn a_split_that_a_local_flag_depends_on_draws_an_id() {
    let home = Home::new();
    let flags = rollout("telemetry", 99_999, "");
    let builder =
        FlagClient::builder().declare(ALL).clock(|| NOW).remote(home.remote(Some(support::snapshot(1, &flags))));
    let client = builder.identity(home.identity()).open();
    assert!(client.is_enabled(NIGHT_SYNC) == client.is_enabled(TELEMETRY));
    assert!(home.path("install-id").exists());
}

#[test]
fn a_published_flag_brings_its_own_prerequisites() {
    let home = Home::new();
    let flags = format!("{},{}", flag("telemetry", false, ""), flag("telemetry_cloud_sync", true, ""));
    let client =
        FlagClient::builder().declare(ALL).clock(|| NOW).remote(home.remote(Some(support::snapshot(1, &flags)))).open();
    assert_eq!(states(&client), (false, true, true));
}

#[test]
fn prerequisites_that_do_not_hold_together_switch_off_only_their_own_flag() {
    const BROKEN: [Declaration; 6] = [
        Declaration::boolean("dangling").default_on(true).overridable().prerequisites(&[Prerequisite::on("nowhere")]),
        Declaration::boolean("no_variant").default_on(true).prerequisites(&[Prerequisite::new("sound", &["blue"])]),
        Declaration::boolean("behind").default_on(true).prerequisites(&[Prerequisite::on("dangling")]),
        Declaration::boolean("loop_a").default_on(true).prerequisites(&[Prerequisite::on("loop_b")]),
        Declaration::boolean("loop_b").default_on(true).prerequisites(&[Prerequisite::on("loop_a")]),
        Declaration::boolean("sound").default_on(true),
    ];
    let home = Home::new();
    home.config("[feature_flags.overrides]\ndangling = true\n");
    let flags = FlagClient::builder().declare(BROKEN).user_file(home.path("config.toml")).open();
    let reasons: Vec<_> =
        flags.list().iter().map(|flag| format!("{} {} {}", flag.key, flag.enabled, flag.reason)).collect();
    assert_eq!(
        reasons,
        [
            "dangling false PARSE_ERROR",
            "no_variant false PARSE_ERROR",
            "behind false PREREQUISITE_FAILED",
            "loop_a false PARSE_ERROR",
            "loop_b false PARSE_ERROR",
            "sound true DEFAULT",
        ]
    );
    let mut found: Vec<_> = flags
        .problems()
        .iter()
        .map(|problem| {
            assert!(matches!(problem, Problem::Prerequisites { .. }), "{problem:?}");
            format!("{problem}: {}", problem.source().unwrap())
        })
        .collect();
    found.sort_unstable();
    let off =
        |flag: &str, why: &str| format!("declared flag {flag:?} is off, as its prerequisites cannot be checked: {why}");
    assert_eq!(
        found,
        [
            off("dangling", r#"prerequisite "nowhere" does not exist"#),
            off("loop_a", "prerequisites form a cycle: loop_a -> loop_b -> loop_a"),
            off("loop_b", "prerequisites form a cycle: loop_b -> loop_a -> loop_b"),
            off("no_variant", r#"prerequisite "sound" has no variant "blue""#),
        ]
    );
}
