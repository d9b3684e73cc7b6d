//! What a user may change, where it is written, and what becomes of the rest of the file.
#![allow(missing_docs, clippy::unwrap_used, reason = "tests stop at the first surprise")]

mod support;

use std::fs;

use flag_client::{Effect, Environment, FlagClient, IdentitySource, Layer, Permission, Refusal, ResetScope};
use support::{Home, flag, kills, problems, rollout, snapshot_with};

const CONFIG: &str = "\
# caro's settings
[llm]
model = \"small\"  # fast

[feature_flags]
# Format: feature_name = true/false
mlx_backend = true  # Apple Silicon

[feature_flags.overrides]
# Can be set by user

[ui]
colour = true
";

#[test]
fn enable_changes_exactly_one_line_of_a_commented_file() {
    let home = Home::new();
    home.config(CONFIG);
    let client = home.builder().open();
    assert!(client.enable("command_history").unwrap().written);
    assert!(client.is_enabled("command_history"));
    let expected = CONFIG.replace("overrides]\n", "overrides]\ncommand_history = true\n");
    assert_eq!(home.read("config.toml"), expected);
    assert!(client.disable("command_history").unwrap().written);
    assert!(!client.is_enabled("command_history"));
    assert_eq!(home.read("config.toml"), expected.replace("history = true", "history = false"));
    assert!(client.reset(Some("command_history"), ResetScope::default()).unwrap().written);
    assert_eq!(home.read("config.toml"), CONFIG);
}

#[test]
fn a_change_that_is_none_does_not_touch_the_file() {
    let home = Home::new();
    home.config("[feature_flags.overrides]\ncommand_history = true\n");
    let before = fs::metadata(home.path("config.toml")).unwrap().modified().unwrap();
    let client = home.builder().open();
    for change in [
        client.enable("command_history"),
        client.set("command_history", "true"),
        client.reset(Some("mlx_backend"), ResetScope::default()),
        client.unkill("telemetry"),
    ] {
        assert!(!change.unwrap().written);
    }
    assert_eq!(fs::metadata(home.path("config.toml")).unwrap().modified().unwrap(), before);
    assert!(!home.path("config.toml.lock").exists());
}

#[test]
fn the_first_change_makes_folder_and_file() {
    let home = Home::new();
    let path = home.path("a/b/config.toml");
    let client = FlagClient::builder().declare(support::ALL).user_file(&path).open();
    assert!(!client.reset(None, ResetScope::default()).unwrap().written);
    assert!(!path.exists());
    client.set("prompt_style", "terse").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "[feature_flags.overrides]\nprompt_style = \"terse\"\n");
    assert_eq!(client.variant("prompt_style").as_deref(), Some("terse"));
}

#[test]
fn opting_in_makes_eligible_and_the_split_decides() {
    let home = Home::new();
    let open = |share: u32| {
        home.builder_with(&rollout("telemetry_cloud_sync", share, r#","opt_in":"required""#))
            .identity(IdentitySource::Given("install-7".into()))
            .open()
    };
    let client = open(25_000);
    assert_eq!(client.decision("telemetry_cloud_sync").reason.as_str(), "NOT_OPTED_IN");
    assert_eq!(client.decision("telemetry_cloud_sync").may_enable, Permission::OptsIn);
    client.enable("telemetry_cloud_sync").unwrap();
    let decision = client.decision("telemetry_cloud_sync");
    assert_eq!(decision.chosen.as_ref().unwrap().effect, Effect::OptsIn);
    assert_eq!(decision.reason.as_str(), "SPLIT");
    assert_eq!(decision.origin.layer, Layer::Snapshot);
    assert_eq!(decision.share.unwrap().to_string(), "25%");
    let bucket = decision.bucket.unwrap();
    assert_eq!(decision.enabled, bucket.index() < 25_000);
    assert!(open(bucket.index() + 1).is_enabled("telemetry_cloud_sync"));
    assert!(!open(bucket.index()).is_enabled("telemetry_cloud_sync"));
    let explained = client.explain("telemetry_cloud_sync");
    assert_eq!(explained.layers[0].detail, "opted in; the published split decides");
    client.disable("telemetry_cloud_sync").unwrap();
    assert_eq!(client.decision("telemetry_cloud_sync").reason.as_str(), "OVERRIDE");
}

#[test]
fn a_refused_change_is_not_written_and_a_refused_line_is_visible() {
    let home = Home::new();
    let flags = [flag("mlx_backend", true, r#","kind":"ops""#), flag("execution_guard", false, r#","critical":true"#)];
    let client = home.builder_with(&flags.join(",")).open();
    let refused = |change: Result<flag_client::Change, flag_client::ClientError>| change.unwrap_err().to_string();
    assert_eq!(
        refused(client.disable("mlx_backend")),
        "flag \"mlx_backend\" stays as it is: only its publisher can change it"
    );
    assert_eq!(
        refused(client.enable("execution_guard")),
        "flag \"execution_guard\" stays as it is: it is critical, and only its publisher can turn it on"
    );
    assert_eq!(
        refused(client.set("prompt_style", "loud")),
        "flag \"prompt_style\" stays as it is: it has no variant \"loud\", expected \"plain\", \"terse\", \"chatty\""
    );
    assert_eq!(refused(client.enable("no_such_flag")), "no flag is named \"no_such_flag\"");
    assert_eq!(refused(client.kill(" ")), "\" \" cannot be killed, expected the name of a flag or capability");
    assert!(!home.path("config.toml").exists());
    assert_eq!(
        refused(FlagClient::builder().declare(support::ALL).open().enable("command_history")),
        "the change cannot be kept: the application has no file for it"
    );

    home.config("[feature_flags.overrides]\nmlx_backend = false\nno_such_flag = true\n");
    client.reload();
    let decision = client.decision("mlx_backend");
    assert!(decision.enabled);
    let refused = decision.refused.unwrap();
    assert_eq!((refused.why, refused.origin.place.unwrap().line), (Refusal::NotOverridable, 2));
    let file = home.path("config.toml").display().to_string();
    assert_eq!(problems(&client), [format!("{file}:3:16: no flag is named \"no_such_flag\"")]);
}

#[test]
fn a_refused_variable_lets_the_override_below_it_through() {
    let home = Home::new();
    home.config("[feature_flags.overrides]\nprompt_style = \"terse\"\n");
    let environment = Environment::from_pairs("CARO", [("CARO_FF_PROMPT_STYLE", "loud")]);
    let client = home.builder().environment(environment).open();
    let decision = client.decision("prompt_style");
    assert_eq!(decision.variant.as_deref(), Some("terse"));
    assert_eq!(decision.origin.layer, Layer::UserOverride);
    assert_eq!(decision.refused.unwrap().origin.layer, Layer::Environment);
}

#[test]
fn kills_are_the_union_of_every_layer() {
    let home = Home::new();
    home.config("[feature_flags.kill_switches]\ntelemetry_disabled = true\ncommand_execution = false\n");
    let system = home.write("system.toml", "[feature_flags.kill_switches]\nupdates = true\n");
    let bundle = snapshot_with(1, &flag("mlx_backend", true, ""), r#","kills":[{"id":"k1","target":"mlx_backend"}]"#);
    let client = home
        .builder()
        .remote(home.remote(Some(bundle)))
        .system_file(system)
        .environment(Environment::from_pairs("CARO", [("CARO_KILL", "llm_backends_disabled, telemetry,,")]))
        .kill(["prompt_style"])
        .force("mlx_backend", true)
        .open();
    let found: Vec<_> = client.kills().into_iter().map(|kill| (kill.target.to_string(), kill.origin.layer)).collect();
    let expected = [
        ("prompt_style", Layer::CommandLine),
        ("llm_backends", Layer::Environment),
        ("telemetry", Layer::Environment),
        ("mlx_backend", Layer::Snapshot),
        ("telemetry", Layer::UserKill),
        ("updates", Layer::SystemKill),
    ];
    assert_eq!(found, expected.map(|(target, layer)| (target.to_owned(), layer)));
    for target in
        ["telemetry", "telemetry_disabled", "llm_backends", "llm_backends_disabled", "updates", "prompt_style"]
    {
        assert!(client.is_killed(target), "{target}");
    }
    assert!(!client.is_killed("command_execution"));
    assert!(!client.is_enabled("mlx_backend"), "a kill beats test code");
    assert_eq!(client.decision("mlx_backend").origin.layer, Layer::Snapshot);
    assert_eq!(client.decision("mlx_backend").reason.as_str(), "KILLED");
    assert_eq!(client.decision("telemetry").reason.as_str(), "KILLED", "a capability that is no flag");
}

#[test]
fn a_user_lifts_their_own_kill_and_no_other() {
    let home = Home::new();
    let client = home.builder().open();
    client.kill("telemetry_disabled").unwrap();
    assert_eq!(home.read("config.toml"), "[feature_flags.kill_switches]\ntelemetry_disabled = true\n");
    assert!(client.is_killed("telemetry"));
    assert!(!client.kill("telemetry").unwrap().written, "one spelling is enough");
    client.reset(None, ResetScope::default()).unwrap();
    assert!(client.is_killed("telemetry"), "a reset keeps kills");
    assert!(client.unkill("telemetry").unwrap().written);
    assert!(!client.is_killed("telemetry"));
    client.kill("telemetry").unwrap();
    client.kill("command_history").unwrap();
    client.reset(Some("telemetry_disabled"), ResetScope { kills: true, id: false }).unwrap();
    assert!(!client.is_killed("telemetry"));
    assert!(client.is_killed("command_history"));
    client.reset(None, ResetScope { kills: true, id: false }).unwrap();
    assert!(client.kills().is_empty());

    let bundle = snapshot_with(1, "", r#","kills":[{"id":"k1","target":"telemetry_disabled"}]"#);
    let variable = Environment::from_pairs("CARO", [("CARO_KILL", "telemetry")]);
    let client = home.builder().remote(home.remote(Some(bundle))).environment(variable).open();
    client.kill("telemetry").unwrap();
    let change = client.unkill("telemetry_disabled").unwrap();
    assert!(change.written && !home.read("config.toml").contains("telemetry"), "the user's own kill is gone");
    let holders: Vec<_> = change.still_killed_by.iter().map(|kill| (&*kill.target, kill.origin.layer)).collect();
    assert_eq!(holders, [("telemetry", Layer::Environment), ("telemetry", Layer::Snapshot)]);
    assert!(client.is_killed("telemetry"));
    let error = client.unkill("telemetry_disabled").unwrap_err().to_string();
    assert_eq!(
        error,
        "\"telemetry\" stays off: it is killed by the environment (CARO_KILL) and by the published flags"
    );
    home.config("[feature_flags.kill_switches]\ntelemetry = false\n");
    assert!(client.unkill("telemetry").is_err(), "a switch that is off is no kill to lift");
    assert_eq!(home.read("config.toml"), "[feature_flags.kill_switches]\ntelemetry = false\n");
}

#[test]
fn an_emergency_kill_stands_without_a_snapshot_and_in_every_precedence() {
    use flag_client::Precedence;
    use flag_client::trust::{TrustFile, TrustState};
    let home = Home::new();
    let remote = home.remote(None);
    let mut state = TrustState::open(&remote.pinned_root, "caro", "production").unwrap();
    state.accept_kills(&kills(&[("k9", "command_history")]), support::NOW).unwrap();
    TrustFile::new(&remote.state_file).save(&mut state).unwrap();
    home.config("[feature_flags.overrides]\ncommand_history = true\n");
    for precedence in [Precedence::RemoteOverLocal, Precedence::LocalOverRemote, Precedence::LocalOnly] {
        let client = home.builder().remote(remote.clone()).precedence(precedence).open();
        assert!(!client.is_enabled("command_history"), "{precedence:?}");
        assert_eq!(client.kills()[0].origin.layer, Layer::EmergencyKill);
    }
}

#[test]
fn a_file_that_cannot_be_parsed_is_never_overwritten_and_costs_nothing_else() {
    let home = Home::new();
    let broken = "[feature_flags]\ncommand_history = true\n[feature_flags.overrides\n";
    home.config(broken);
    let system = home.write("system.toml", "[feature_flags]\nenhanced_safety_v2 = true\n");
    let client = home.builder().system_file(system).open();
    assert!(client.is_enabled("enhanced_safety_v2") && client.is_enabled("mlx_backend"));
    assert!(!client.is_enabled("command_history"));
    let message = format!("{}:3:25: unclosed table, expected `]`", home.path("config.toml").display());
    assert_eq!(problems(&client), std::slice::from_ref(&message));
    for change in [
        client.enable("command_history"),
        client.reset(None, ResetScope::default()),
        client.kill("telemetry"),
        client.unkill("telemetry"),
    ] {
        assert_eq!(change.unwrap_err().to_string(), message);
    }
    assert_eq!(home.read("config.toml"), broken);
}

#[test]
fn e46_a_file_broken_while_the_program_runs_goes_on_saying_what_it_said() {
    let home = Home::new();
    home.config("[feature_flags]\nmlx_backend = false\n[feature_flags.kill_switches]\ntelemetry = true\n");
    let client = home.builder().open();
    assert!(client.is_killed("telemetry") && !client.is_enabled("mlx_backend"));
    home.config("[feature_flags]\nmlx_backend = false\n[feature_flags.kill_swit");
    client.reload();
    assert!(client.is_killed("telemetry") && !client.is_enabled("mlx_backend"));
    assert_eq!(problems(&client).len(), 1, "{:?}", problems(&client));
    home.config("[feature_flags]\n");
    client.reload();
    assert!(!client.is_killed("telemetry") && client.is_enabled("mlx_backend"));
    assert!(problems(&client).is_empty());
}

#[test]
fn kill_switches_of_a_broken_file_are_made_out_from_the_start() {
    let home = Home::new();
    home.config(
        "[feature_flags]\nmlx_backend = false\n[feature_flags.kill_switches]\ntelemetry = true\nllm = false\noops\n",
    );
    let client = home.builder().open();
    assert!(client.is_killed("telemetry") && !client.is_killed("llm"));
    assert!(client.is_enabled("mlx_backend"), "only what switches off is made out");
    assert_eq!(problems(&client).len(), 1, "{:?}", problems(&client));
}

#[test]
fn a_kill_switch_of_another_type_is_on_unless_it_says_off() {
    for (value, killed) in
        [("\"true\"", true), ("1", true), ("[]", true), ("\"false\"", false), ("0", false), ("\"\"", false)]
    {
        let home = Home::new();
        home.config(&format!("[feature_flags.kill_switches]\ntelemetry = {value}\n"));
        let client = home.builder().open();
        assert_eq!(client.is_killed("telemetry"), killed, "{value}");
        assert_eq!(problems(&client).len(), 1, "{value}");
    }
}

#[test]
fn other_junk_in_a_files_place_is_a_problem() {
    let home = Home::new();
    let path = home.path("config.toml");
    let shown = path.display();
    fs::create_dir(&path).unwrap();
    assert_eq!(problems(&home.builder().open()), [format!("{shown} is not a regular file")]);
    assert_eq!(
        home.builder().open().enable("command_history").unwrap_err().to_string(),
        format!("{shown} is not a regular file")
    );
    fs::remove_dir(&path).unwrap();
    fs::write(&path, b"a = 1\nb = \"\xff\"\n").unwrap();
    assert_eq!(problems(&home.builder().open()), [format!("{shown}:2:6: not UTF-8")]);
    fs::write(&path, vec![b'#'; 4 * 1024 * 1024 + 1]).unwrap();
    assert_eq!(problems(&home.builder().open()), [format!("{shown} has 4194305 bytes, above the limit of 4194304")]);
}

#[test]
fn overrides_in_a_system_file_have_no_effect() {
    let home = Home::new();
    let system = home.write("system.toml", "[feature_flags.overrides]\ncommand_history = true\n");
    let client = home.builder().system_file(&system).open();
    assert!(!client.is_enabled("command_history"));
    let message =
        format!("{}:2:19: the override of \"command_history\" has no effect in a system file", system.display());
    assert_eq!(problems(&client), [message]);
}

#[test]
fn a_base_value_of_an_unknown_flag_works_and_is_a_problem() {
    let home = Home::new();
    home.config("[feature_flags]\nhandmade = true\nprompt_style = \"loud\"\nshade = \"dark\"\n");
    let client = home.builder().open();
    assert!(client.is_enabled("handmade") && client.is_enabled("shade"));
    assert_eq!(client.variant("shade").as_deref(), Some("dark"));
    assert_eq!(client.variant("prompt_style").as_deref(), Some("plain"));
    let file = home.path("config.toml").display().to_string();
    let mut found = problems(&client);
    found.sort();
    assert_eq!(
        found,
        [
            format!("{file}:2:12: no flag is named \"handmade\""),
            format!(
                "{file}:3:16: flag \"prompt_style\": it has no variant \"loud\", expected \"plain\", \"terse\", \"chatty\""
            ),
            format!("{file}:4:9: no flag is named \"shade\""),
        ]
    );
    assert_eq!(client.decision("handmade").may_enable, Permission::Refused(Refusal::NotDeclared));
    client.disable("handmade").unwrap();
    assert!(!client.is_enabled("handmade"));
}

#[cfg(unix)]
#[test]
fn a_linked_configuration_stays_a_link_and_permissions_stay() {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
    let home = Home::new();
    fs::create_dir(home.path("dotfiles")).unwrap();
    let target = home.write("dotfiles/caro.toml", "# mine\n");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("dotfiles/link.toml", home.path("config.toml")).unwrap();
    symlink("caro.toml", home.path("dotfiles/link.toml")).unwrap();
    let client = home.builder().open();
    client.enable("command_history").unwrap();
    assert!(fs::symlink_metadata(home.path("config.toml")).unwrap().file_type().is_symlink());
    assert_eq!(home.read("dotfiles/caro.toml"), "# mine\n\n[feature_flags.overrides]\ncommand_history = true\n");
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o777, 0o640);
    assert!(!home.path("config.toml.lock").exists(), "the lock stands beside the file itself");

    fs::remove_file(&target).unwrap();
    client.reload();
    client.enable("command_history").unwrap();
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o777, 0o600, "a link to nothing is followed as well");

    symlink("round.toml", home.path("round.toml")).unwrap();
    let round = FlagClient::builder().declare(support::ALL).user_file(home.path("round.toml")).open();
    assert!(round.enable("command_history").is_err());
}

#[cfg(unix)]
#[test]
fn a_file_or_folder_that_may_not_be_written_is_left_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let path = home.write("config.toml", "# locked\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    let client = home.builder().open();
    assert_eq!(client.enable("command_history").unwrap_err().to_string(), format!("{} is read-only", path.display()));
    assert_eq!(home.read("config.toml"), "# locked\n");
    assert!(!client.is_enabled("command_history"));

    let no_folder = FlagClient::builder().declare(support::ALL).user_file(path.join("config.toml")).open();
    let error = no_folder.enable("command_history").unwrap_err().to_string();
    assert_eq!(error, format!("{} cannot be read", path.join("config.toml").display()));
    assert!(no_folder.is_enabled("mlx_backend"));
}

#[cfg(unix)]
#[test]
fn a_file_left_by_a_crash_or_planted_as_a_link_is_no_obstacle() {
    use std::os::unix::fs::symlink;
    let home = Home::new();
    home.config("# mine\n");
    let victim = home.write("victim", "precious");
    symlink(&victim, home.path("config.toml.new")).unwrap();
    let client = home.builder().open();
    client.enable("command_history").unwrap();
    assert_eq!(home.read("victim"), "precious");
    symlink(&victim, home.path("other.toml.lock")).unwrap();
    let other = FlagClient::builder().declare(support::ALL).user_file(home.path("other.toml")).open();
    assert_eq!(
        other.enable("command_history").unwrap_err().to_string(),
        format!("{} is not a regular file", home.path("other.toml.lock").display())
    );
}
