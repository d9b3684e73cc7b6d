//! Which layer decides: one table of everything that can stand above everything else.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use flag_client::{BuildKind, Environment, FlagClient, Layer, LayerVerdict, Precedence, Reason, Timestamp};
use proptest::prelude::*;
use support::{ALL, DAY, Home, NOW, flag, problems, rollout, snapshot, snapshot_with};

/// What each layer says about `command_history`, which is overridable. A dash is silence.
struct Case {
    name: &'static str,
    /// kill, test code, environment, override, snapshot, base, system base, declared default (always off)
    layers: [&'static str; 7],
    precedence: Precedence,
    expected: (bool, Layer, Reason),
}

fn client_of(case: &Case, home: &Home) -> FlagClient {
    let [kill, forced, variable, chosen, published, base, system] = case.layers;
    let tables = [("feature_flags", base), ("feature_flags.overrides", chosen), ("feature_flags.kill_switches", kill)];
    let spoken = tables.into_iter().filter(|(_, value)| *value != "-");
    let lines: Vec<_> = spoken.map(|(table, value)| format!("[{table}]\ncommand_history = {value}\n")).collect();
    home.config(&lines.concat());
    let mut builder = match published {
        "-" => home.builder(),
        state => home.builder_with(&flag("command_history", state == "on", r#","overridable":true"#)),
    };
    if system != "-" {
        let text = format!("[feature_flags]\ncommand_history = {system}\n");
        builder = builder.system_file(home.write("system.toml", &text));
    }
    if variable != "-" {
        builder = builder.environment(Environment::from_pairs("CARO", [("CARO_FF_COMMAND_HISTORY", variable)]));
    }
    if forced != "-" {
        builder = builder.force("command_history", forced == "true");
    }
    builder.precedence(case.precedence).open()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn the_stronger_layer_decides() {
    use Layer::{CodeDefault, Environment, Snapshot, SystemBase, TestCode, UserBase, UserKill, UserOverride};
    use Precedence::{LocalOnly, LocalOverRemote, RemoteOverLocal};
    let case = |name, layers, precedence, expected| Case { name, layers, precedence, expected };
    let table = [
        case(
            "kill",
            ["true", "true", "1", "true", "on", "true", "true"],
            RemoteOverLocal,
            (false, UserKill, Reason::Killed),
        ),
        case(
            "no kill",
            ["false", "true", "0", "false", "off", "false", "-"],
            RemoteOverLocal,
            (true, TestCode, Reason::Forced),
        ),
        case(
            "test code",
            ["-", "false", "1", "true", "on", "true", "true"],
            RemoteOverLocal,
            (false, TestCode, Reason::Forced),
        ),
        case(
            "env",
            ["-", "-", "0", "true", "on", "true", "true"],
            RemoteOverLocal,
            (false, Environment, Reason::Override),
        ),
        case(
            "env on",
            ["-", "-", "TRUE", "false", "off", "-", "-"],
            RemoteOverLocal,
            (true, Environment, Reason::Override),
        ),
        case(
            "env variant",
            ["-", "-", "on", "false", "off", "-", "-"],
            RemoteOverLocal,
            (true, Environment, Reason::Override),
        ),
        case(
            "env empty",
            ["-", "-", "", "true", "off", "-", "-"],
            RemoteOverLocal,
            (true, UserOverride, Reason::Override),
        ),
        case(
            "override",
            ["-", "-", "-", "false", "on", "true", "true"],
            RemoteOverLocal,
            (false, UserOverride, Reason::Override),
        ),
        case(
            "override on",
            ["-", "-", "-", "true", "off", "false", "-"],
            RemoteOverLocal,
            (true, UserOverride, Reason::Override),
        ),
        case(
            "override variant",
            ["-", "-", "-", "\"on\"", "off", "-", "-"],
            RemoteOverLocal,
            (true, UserOverride, Reason::Override),
        ),
        case(
            "snapshot",
            ["-", "-", "-", "-", "on", "false", "false"],
            RemoteOverLocal,
            (true, Snapshot, Reason::Static),
        ),
        case(
            "snapshot off",
            ["-", "-", "-", "-", "off", "true", "true"],
            RemoteOverLocal,
            (false, Snapshot, Reason::Static),
        ),
        case("base", ["-", "-", "-", "-", "-", "true", "false"], RemoteOverLocal, (true, UserBase, Reason::Static)),
        case(
            "base variant",
            ["-", "-", "-", "-", "-", "\"on\"", "false"],
            RemoteOverLocal,
            (true, UserBase, Reason::Static),
        ),
        case(
            "system base",
            ["-", "-", "-", "-", "-", "-", "true"],
            RemoteOverLocal,
            (true, SystemBase, Reason::Static),
        ),
        case("default", ["-", "-", "-", "-", "-", "-", "-"], RemoteOverLocal, (false, CodeDefault, Reason::Default)),
        case(
            "local first",
            ["-", "-", "-", "-", "off", "true", "false"],
            LocalOverRemote,
            (true, UserBase, Reason::Static),
        ),
        case(
            "local first, system",
            ["-", "-", "-", "-", "on", "-", "false"],
            LocalOverRemote,
            (false, SystemBase, Reason::Static),
        ),
        case(
            "local first, override",
            ["-", "-", "-", "false", "on", "true", "-"],
            LocalOverRemote,
            (false, UserOverride, Reason::Override),
        ),
        case(
            "local first, silent",
            ["-", "-", "-", "-", "on", "-", "-"],
            LocalOverRemote,
            (true, Snapshot, Reason::Static),
        ),
        case("local only", ["-", "-", "-", "-", "on", "-", "-"], LocalOnly, (false, CodeDefault, Reason::Default)),
        case("local only, base", ["-", "-", "-", "-", "off", "true", "-"], LocalOnly, (true, UserBase, Reason::Static)),
    ];
    for case in table {
        let home = Home::new();
        let client = client_of(&case, &home);
        let decision = client.decision("command_history");
        let found = (decision.enabled, decision.origin.layer, decision.reason);
        assert_eq!(found, case.expected, "{}: {:?}", case.name, problems(&client));
        assert_eq!(client.is_enabled("command_history"), decision.enabled, "{}", case.name);
        assert_eq!(client.variant("command_history"), decision.variant, "{}", case.name);
        assert_eq!(problems(&client), Vec::<String>::new(), "{}", case.name);
    }
}

#[test]
fn origins_name_line_and_column() {
    let home = Home::new();
    home.config(
        "# mine\n[feature_flags]\nmlx_backend = false\n\n[feature_flags.overrides]\n  command_history = true\n",
    );
    let client = home.builder().open();
    let place = |flag: &str| client.decision(flag).origin.place.map(|place| (place.line, place.column));
    assert_eq!(place("mlx_backend"), Some((3, 15)));
    assert_eq!(place("command_history"), Some((6, 21)));
    assert_eq!(place("enhanced_safety_v2"), None);
    let origin = client.decision("command_history").origin.to_string();
    assert_eq!(origin, format!("{}:6:21", home.path("config.toml").display()));
}

#[test]
fn a_sidecar_is_stronger_than_the_users_file_in_every_section() {
    let home = Home::new();
    home.config("[feature_flags]\nmlx_backend = true\n[feature_flags.overrides]\ncommand_history = true\n");
    let sidecar = "[feature_flags]\nmlx_backend = false\n[feature_flags.overrides]\ncommand_history = false\n";
    let client = home.builder().sidecar(home.write("features.toml", sidecar)).open();
    assert!(!client.is_enabled("mlx_backend"));
    assert!(!client.is_enabled("command_history"));
    let enabled = client.enable("command_history").unwrap();
    assert_eq!(enabled.file, home.path("features.toml"));
    assert!(client.is_enabled("command_history"));
    assert!(home.read("config.toml").contains("command_history = true"));
    client.reset(None, flag_client::ResetScope::default()).unwrap();
    assert!(!client.is_enabled("command_history"), "both files are reset");
    assert_eq!(client.decision("command_history").origin.layer, Layer::CodeDefault);
}

#[test]
fn a_flag_of_the_snapshot_needs_no_declaration() {
    let home = Home::new();
    let client = home.builder_with(&flag("static_matcher", true, "")).open();
    assert!(client.is_enabled("static_matcher"));
    let decision = client.decision("static_matcher");
    assert!(!decision.declared);
    assert_eq!(decision.origin.layer, Layer::Snapshot);
    let keys: Vec<_> = client.list().into_iter().map(|decision| decision.key).collect();
    assert_eq!(keys.len(), 7);
    assert_eq!(&*keys[6], "static_matcher");
}

#[test]
fn e26_a_broken_flag_serves_the_local_default_and_the_others_live() {
    let home = Home::new();
    home.config("[feature_flags]\ncommand_history = true\n");
    let flags = [
        r#""mlx_backend":{"variants":{"on":true,"off":false},"off_variant":"gone","fallthrough":{"variant":"off"}}"#
            .to_owned(),
        r#""command_history":7"#.to_owned(),
        r#""elsewhere":{"variants":[]}"#.to_owned(),
        flag("enhanced_safety_v2", true, ""),
    ];
    let client = home.builder_with(&flags.join(",")).open();
    let found = |key: &str| {
        let decision = client.decision(key);
        (decision.enabled, decision.reason, decision.origin.layer)
    };
    assert_eq!(found("mlx_backend"), (true, Reason::ParseError, Layer::CodeDefault));
    assert_eq!(found("command_history"), (true, Reason::ParseError, Layer::UserBase));
    assert_eq!(found("elsewhere"), (false, Reason::ParseError, Layer::CodeDefault));
    assert_eq!(found("enhanced_safety_v2"), (true, Reason::Static, Layer::Snapshot));
    assert_eq!(found("no_such_flag"), (false, Reason::FlagNotFound, Layer::CodeDefault));
    let texts = problems(&client);
    for broken in ["mlx_backend", "command_history", "elsewhere"] {
        assert!(texts.contains(&format!("published flag {broken:?} is left out")), "{texts:?}");
    }
    client.disable("mlx_backend").unwrap();
    assert!(!client.is_enabled("mlx_backend"), "opting out works for a broken flag as well");
}

#[test]
fn e33_a_flag_of_another_type_never_reaches_the_code() {
    let home = Home::new();
    let text = r#""mlx_backend":{"variants":{"a":"x","b":"y"},"off_variant":"a","fallthrough":{"variant":"b"}}"#;
    let client = home.builder_with(text).open();
    let decision = client.decision("mlx_backend");
    assert_eq!(decision.value, Some(flag_client::Value::Bool(true)));
    assert_eq!(decision.origin.layer, Layer::CodeDefault);
    assert_eq!(
        problems(&client),
        ["published flag \"mlx_backend\" is of type string, but the application declares type bool"]
    );
}

#[test]
fn e41_an_expired_snapshot_keeps_its_values_and_says_so() {
    let home = Home::new();
    home.config("[feature_flags]\ncommand_history = true\n");
    let flags = [
        flag("enhanced_safety_v2", true, ""),
        flag("mlx_backend", false, r#","default_on_expiry":true"#),
        flag("command_history", false, r#","default_on_expiry":true"#),
        flag("undeclared", true, r#","default_on_expiry":true"#),
    ];
    let bundle = snapshot_with(1, &flags.join(","), r#","kills":[{"id":"k1","target":"prompt_style"}]"#);
    let later = NOW.saturating_add_millis(90 * DAY);
    let open = |now: Timestamp| home.builder().remote(home.remote(Some(bundle.clone()))).clock(move || now).open();
    let found = |client: &FlagClient, key: &str| {
        let decision = client.decision(key);
        (decision.enabled, decision.stale, decision.origin.layer)
    };
    let fresh = open(NOW);
    assert_eq!(found(&fresh, "enhanced_safety_v2"), (true, false, Layer::Snapshot));
    assert_eq!(found(&fresh, "mlx_backend"), (false, false, Layer::Snapshot));
    assert!(!fresh.snapshot_info().unwrap().stale);

    let stale = open(later);
    assert_eq!(found(&stale, "enhanced_safety_v2"), (true, true, Layer::Snapshot));
    assert_eq!(found(&stale, "mlx_backend"), (true, false, Layer::CodeDefault));
    assert_eq!(found(&stale, "command_history"), (true, false, Layer::UserBase));
    assert_eq!(found(&stale, "undeclared"), (false, false, Layer::CodeDefault));
    assert!(stale.is_killed("prompt_style"), "kills stay");
    let info = stale.snapshot_info().unwrap();
    assert_eq!((info.version, info.epoch, info.stale), (1, 1, true));
}

#[test]
fn a_tampered_or_foreign_bundle_leaves_everything_else_in_force() {
    let home = Home::new();
    home.config("[feature_flags]\ncommand_history = true\n");
    let mut bundle = snapshot(1, &flag("command_history", false, ""));
    let at = bundle.iter().position(|byte| *byte == b'J').unwrap();
    bundle[at] = b'K';
    let client = home.builder().remote(home.remote(Some(bundle))).open();
    assert!(client.is_enabled("command_history"));
    assert_eq!(problems(&client), ["the bundled snapshot is refused"]);
    assert!(client.snapshot_info().is_none());

    let mut remote = home.remote(Some(snapshot(1, &flag("command_history", false, ""))));
    remote.pinned_root = b"{}".to_vec();
    let client = home.builder().remote(remote).open();
    assert!(client.is_enabled("command_history"));
    assert_eq!(problems(&client), ["the pinned root cannot be used"]);
}

#[test]
fn environment_variables_find_their_flag_or_are_problems() {
    let home = Home::new();
    let variables = [
        ("CARO_FF_PROMPT_STYLE", "terse"),
        ("CARO_FF_PROMT_STYLE", "terse"),
        ("CARO_FF_A_B", "1"),
        ("CARO_FF_", "1"),
        ("OTHER_FF_MLX_BACKEND", "0"),
    ];
    let flags = [flag("a.b", false, ""), flag("a-b", false, "")].join(",");
    let environment = Environment::from_pairs("CARO", variables);
    let client = home.builder_with(&flags).environment(environment).open();
    assert_eq!(client.variant("prompt_style").as_deref(), Some("terse"));
    assert!(client.is_enabled("mlx_backend"));
    assert_eq!(client.decision("prompt_style").origin.to_string(), "CARO_FF_PROMPT_STYLE");
    assert_eq!(
        problems(&client),
        ["CARO_FF_A_B fits the flags a-b, a.b", "CARO_FF_PROMT_STYLE: no flag is named \"promt_style\"",]
    );
}

#[test]
fn the_environment_needs_permission_but_in_development_builds() {
    let home = Home::new();
    let flags = [
        flag("execution_guard", false, r#","critical":true"#),
        rollout("telemetry_cloud_sync", 0, r#","opt_in":"required""#),
    ];
    let pairs = [("CARO_FF_EXECUTION_GUARD", "1"), ("CARO_FF_TELEMETRY_CLOUD_SYNC", "1")];
    let open = |kind| {
        let environment = Environment::from_pairs("CARO", pairs);
        home.builder_with(&flags.join(",")).environment(environment).build_kind(kind).open()
    };
    let client = open(BuildKind::Release);
    let decision = client.decision("execution_guard");
    assert!(!decision.enabled);
    let refused = decision.refused.unwrap();
    assert_eq!(refused.why.to_string(), "it is critical, and only its publisher can turn it on");
    assert_eq!(refused.origin.to_string(), "CARO_FF_EXECUTION_GUARD");
    assert!(!client.is_enabled("telemetry_cloud_sync"), "eligible, but nobody is exposed");
    let client = open(BuildKind::Development);
    assert!(client.is_enabled("execution_guard"));
    assert!(client.is_enabled("telemetry_cloud_sync"));
}

#[test]
fn explain_lists_the_layers_strongest_first() {
    let home = Home::new();
    home.config("[feature_flags]\nexecution_guard = true\n[feature_flags.overrides]\nexecution_guard = true\n");
    let text = rollout("execution_guard", 25_000, r#","critical":true"#);
    let client = home.builder_with(&text).identity(flag_client::IdentitySource::Given("install-7".into())).open();
    let explanation = client.explain("execution_guard");
    let layers: Vec<_> = explanation
        .layers
        .iter()
        .map(|tried| (tried.layer, serde_json::to_value(tried.outcome).unwrap(), tried.detail.as_str()))
        .collect();
    assert_eq!(
        layers,
        [
            (Layer::UserOverride, "refused".into(), "it is critical, and only its publisher can turn it on"),
            (Layer::Snapshot, "decided".into(), "version 1"),
            (Layer::UserBase, "refused".into(), "it is critical, and only its publisher can turn it on"),
            (Layer::CodeDefault, "overruled".into(), "something stronger decided"),
        ]
    );
    let bucket = explanation.bucket.unwrap();
    assert_eq!(explanation.share.unwrap().to_string(), "25%");
    assert_eq!(explanation.flips_at.unwrap().thousandths(), bucket.index() + 1);
    assert_eq!(explanation.evaluation.last().unwrap().layer, "fallthrough");
    assert_eq!(explanation.decision, client.decision("execution_guard"));
}

/// What became of each layer, and what it says about that.
fn verdicts(client: &FlagClient, flag: &str) -> Vec<(Layer, LayerVerdict, String)> {
    client.explain(flag).layers.into_iter().map(|tried| (tried.layer, tried.outcome, tried.detail)).collect()
}

#[test]
fn under_a_kill_nothing_else_decides() {
    use LayerVerdict::{Decided, Overruled};
    let home = Home::new();
    home.config(
        "[feature_flags]\ntelemetry_cloud_sync = true\n[feature_flags.overrides]\ntelemetry_cloud_sync = true\n",
    );
    let text = rollout("telemetry_cloud_sync", 100_000, r#","opt_in":"required""#);
    let bundle = snapshot_with(1, &text, r#","kills":[{"id":"k1","target":"telemetry_cloud_sync"}]"#);
    let bare = home.builder().kill(["telemetry_cloud_sync"]);
    let local_kill = home.builder_with(&text).kill(["telemetry_cloud_sync"]);
    let published_kill = home.builder().remote(home.remote(Some(bundle)));
    let stands = (Layer::UserOverride, Overruled, "something stronger stands above it".to_owned());
    let published = (Layer::Snapshot, Overruled, "version 1; something stronger decided".to_owned());
    let below = [
        (Layer::UserBase, Overruled, "something stronger decided".to_owned()),
        (Layer::CodeDefault, Overruled, "something stronger decided".to_owned()),
    ];
    for (builder, killer, published) in [
        (bare, Layer::CommandLine, (Layer::Snapshot, LayerVerdict::Silent, "there is no snapshot".to_owned())),
        (local_kill, Layer::CommandLine, published.clone()),
        (published_kill, Layer::Snapshot, published),
    ] {
        let client = builder.open();
        let kill = (killer, Decided, "killed".to_owned());
        let expected: Vec<_> = [kill, stands.clone(), published].into_iter().chain(below.clone()).collect();
        assert_eq!(verdicts(&client, "telemetry_cloud_sync"), expected);
    }
}

#[test]
fn an_opt_in_counts_only_where_a_split_is_reached() {
    let home = Home::new();
    home.config("[feature_flags.overrides]\ntelemetry_cloud_sync = true\n");
    for (more, expected) in [
        ("", LayerVerdict::OptedIn),
        (r#","enabled":false"#, LayerVerdict::Overruled),
        (r#","off_after":"2026-01-01T00:00:00Z""#, LayerVerdict::Overruled),
        (r#","prerequisites":[{"flag":"mlx_backend","variants":["on"]}]"#, LayerVerdict::Overruled),
    ] {
        let sync = rollout("telemetry_cloud_sync", 100_000, &format!(r#","opt_in":"required"{more}"#));
        let client = home.builder_with(&format!("{sync},{}", flag("mlx_backend", false, ""))).open();
        let found = verdicts(&client, "telemetry_cloud_sync");
        assert_eq!((found[0].0, found[0].1), (Layer::UserOverride, expected), "{more}");
        assert_eq!((found[1].0, found[1].1), (Layer::Snapshot, LayerVerdict::Decided), "{more}");
    }
}

#[test]
fn what_nobody_here_mentions_is_told_from_what_nobody_knows() {
    let home = Home::new();
    let broken = r#""broken":{"variants":{}}"#;
    let published = flag("remote_only", true, "");
    let bundle = snapshot_with(1, &format!("{broken},{published}"), r#","kills":[{"id":"k1","target":"telemetry"}]"#);
    let client = home.builder().remote(home.remote(Some(bundle))).open();
    for (key, outcome, detail) in [
        ("remote_only", LayerVerdict::Decided, "version 1"),
        ("broken", LayerVerdict::Refused, "broken in version 1"),
        ("nobody_knows", LayerVerdict::Silent, "nothing to serve in version 1"),
        ("telemetry", LayerVerdict::Silent, "nothing to serve in version 1"),
    ] {
        let found = verdicts(&client, key).into_iter().rfind(|(layer, ..)| *layer == Layer::Snapshot);
        assert_eq!(found, Some((Layer::Snapshot, outcome, detail.to_owned())), "{key}");
    }
}

#[test]
fn a_decision_reads_as_snake_case_json() {
    let home = Home::new();
    home.config("[feature_flags.overrides]\ncommand_history = true\n");
    let client = home.builder().open();
    let json = serde_json::to_value(client.decision("command_history")).unwrap();
    let file = home.path("config.toml").display().to_string();
    let expected = serde_json::json!({
        "key": "command_history", "enabled": true, "variant": "on", "value": true, "reason": "OVERRIDE", "stale": false,
        "origin": {"layer": "user_override", "place": {"file": file, "line": 2, "column": 19}},
        "chosen": {
            "origin": {"layer": "user_override", "place": {"file": file, "line": 2, "column": 19}},
            "wanted": true, "effect": "chooses"
        },
        "refused": null, "declared": true, "kind": "release", "stage": "development", "opt_in": "none", "critical": false,
        "may_enable": "allowed", "may_disable": "allowed", "bucket": null, "share": null
    });
    assert_eq!(json, expected);
}

#[test]
fn declarations_that_do_not_hold_together_are_left_out() {
    use flag_client::Declaration;
    let client = FlagClient::builder()
        .declare([
            Declaration::boolean("Bad"),
            Declaration::boolean("twice").default_on(true),
            Declaration::boolean("twice"),
            Declaration::choice("style_of", &["a"]).default_variant("z"),
            Declaration::float("ratio", f64::NAN),
            Declaration::integer("limit", 7),
            Declaration::text("greeting", "hello"),
        ])
        .open();
    assert!(client.is_enabled("twice"));
    assert_eq!(client.declarations().len(), 3);
    assert_eq!(client.decision("limit").value, Some(7.into()));
    assert_eq!(client.decision("greeting").value, Some("hello".into()));
    assert_eq!(
        problems(&client),
        [
            "declared flag has no valid key",
            "flag \"twice\" is declared twice",
            "flag \"style_of\" has no variant \"z\" to serve by default",
            "flag \"ratio\" has a default that is not a finite number",
        ]
    );
}

#[test]
fn what_the_code_calls_critical_is_turned_on_by_nothing_local() {
    let home = Home::new();
    home.config("[feature_flags]\nexecution_guard = true\n[feature_flags.overrides]\nexecution_guard = true\n");
    let system = home.write("system.toml", "[feature_flags]\nexecution_guard = true\n");
    let published = flag("execution_guard", false, r#","overridable":true"#);
    for precedence in [Precedence::RemoteOverLocal, Precedence::LocalOverRemote, Precedence::LocalOnly] {
        for builder in [home.builder(), home.builder_with(&published)] {
            let client = builder.system_file(&system).precedence(precedence).open();
            assert!(!client.is_enabled("execution_guard"), "{precedence:?}");
            assert!(client.enable("execution_guard").is_err());
            let base = problems(&client)
                .into_iter()
                .filter(|text| text.ends_with("only its publisher can turn it on"))
                .count();
            assert_eq!(base, 2, "{:?}", problems(&client));
        }
    }
}

#[test]
fn a_kill_that_is_lifted_and_listed_at_once_is_lifted() {
    let home = Home::new();
    let more = r#","kills":[{"id":"k1","target":"mlx_backend"}],"lifted":["k1"]"#;
    let bundle = snapshot_with(1, &flag("mlx_backend", true, ""), more);
    let client = home.builder().remote(home.remote(Some(bundle))).open();
    assert!(client.kills().is_empty());
    assert!(client.is_enabled("mlx_backend"));
}

proptest! {
    #[test]
    fn junk_beside_a_flag_never_changes_it(key in "[a-z]{2,12}", value in "[a-z0-9\"\\[\\]{}=.]{0,12}", file in "\\PC{0,40}") {
        let home = Home::new();
        let line = format!("{key} = {value}\n");
        home.config(&format!("[feature_flags.overrides]\n{line}[feature_flags.kill_switches]\n{line}"));
        let system = home.write("system.toml", &file);
        let client = home.builder_with(&flag("mlx_backend", false, "")).system_file(system).open();
        prop_assert!(!client.is_enabled("mlx_backend"));
        prop_assert_eq!(client.decision("mlx_backend").origin.layer, Layer::Snapshot);
        prop_assert_eq!(client.list().len(), ALL.len());
    }
}
