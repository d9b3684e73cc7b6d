//! What the commands say where flags are published: rollouts, opting in, refusals, kills.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use flag_client::{Consent, Outcome, Recorded};
use serde_json::{Value, json};
use support::{Machine, flat, rollout};

/// The flags of a project in the middle of its rollouts.
fn flags() -> Value {
    let mut cloud_sync = rollout("beta", "required", 25_000);
    cloud_sync["prerequisites"] = json!([{ "flag": "telemetry", "variants": ["on"] }]);
    let switch = |kind: &str, serves: &str| {
        json!({
            "kind": kind, "stage": "ga", "variants": { "on": true, "off": false }, "off_variant": "off",
            "fallthrough": { "variant": serves },
        })
    };
    let mut critical = switch("release", "off");
    critical["critical"] = json!(true);
    json!({
        "telemetry": switch("kill_switch", "on"),
        "telemetry_cloud_sync": cloud_sync,
        "enhanced_safety_v2": rollout("beta", "allowed", 50_000),
        "command_history": rollout("internal", "none", 0),
        "ollama_backend": switch("ops", "off"),
        "sandbox_escape_check": critical,
        "command_model_comparison": {
            "kind": "experiment", "stage": "beta",
            "variants": { "control": "smollm-135m", "treatment": "qwen2-1.5b" }, "off_variant": "control",
            "fallthrough": {
                "exposure": 100_000, "otherwise": "control",
                "allocation": { "control": [[0, 50_000]], "treatment": [[50_000, 100_000]] },
            },
        },
    })
}

fn machine(install_id: &'static str) -> Machine {
    Machine::new().install_id(install_id).published(&flags(), &[])
}

/// Its bucket for telemetry_cloud_sync is 17397, inside 25%.
const INSIDE: &str = "install-3";
/// Its bucket is 46389, outside.
const OUTSIDE: &str = "install-1";

fn said(machine: &Machine, arguments: &str) -> String {
    flat(&machine.caro(arguments).unwrap().1)
}

fn refused(machine: &Machine, arguments: &str) -> String {
    flat(&machine.caro(arguments).unwrap_err())
}

#[test]
fn the_list_in_the_middle_of_rollouts() {
    let expected = "\
Features of caro 1.2.0

  Feature                   State    Stage     Decided by         You may
○ telemetry_cloud_sync      off      beta      needs your opt-in  opt in
    Syncs telemetry to the cloud, besides keeping it here
    rollout: 25%; expires: v1.3.0 (2026-05-01)
● enhanced_safety_v2        on       beta      rollout 50%        disable
    Checks commands against further safety patterns; may block more
    rollout: 50%; expires: v1.3.0 (2026-06-01)
○ command_history           off      internal  not rolled out
    Remembers the commands that were run, to search and repeat them
    rollout: 0%; expires: v1.3.0 (2026-06-01)
○ mlx_backend               off      ga        default            enable
    Runs models with MLX; needs Apple Silicon
○ ollama_backend            off      ga        published
    Runs models with your own Ollama
○ command_model_comparison  control  beta      experiment 100%
    Compares two models for turning prompts into commands
    rollout: 100%; expires: v1.3.0 (2026-06-01)
○ sandbox_escape_check      off      ga        published

Turn one on or off:  caro features enable FEATURE, caro features disable FEATURE
See what decides:    caro features why FEATURE
";
    assert_eq!(machine(OUTSIDE).caro("caro features list").unwrap().1, expected);
}

#[test]
fn opting_in_inside_the_rollout_turns_it_on() {
    let machine = machine(INSIDE);
    let expected = "You opted into telemetry_cloud_sync. \
                    It is on for this machine: you are in the 25% that have it. \
                    Your choice stands in HOME/.caro/config.toml:2";
    assert_eq!(said(&machine, "caro features enable telemetry_cloud_sync"), expected);
    assert!(machine.open().is_enabled("telemetry_cloud_sync"));
    let list = machine.caro("caro features list").unwrap().1;
    let row = "● telemetry_cloud_sync      on       beta      opt-in, 25%      opt out";
    assert!(list.lines().any(|line| line == row), "{list}");
}

#[test]
fn opting_in_outside_the_rollout_waits_for_it() {
    let machine = machine(OUTSIDE);
    let waits = "It is still off for this machine: not yet in the rollout (25%). \
                 It turns on by itself once the rollout is at 46.39%. \
                 Your choice stands in HOME/.caro/config.toml:2";
    let enable = "caro features enable telemetry_cloud_sync";
    assert_eq!(said(&machine, enable), format!("You opted into telemetry_cloud_sync. {waits}"));
    assert_eq!(said(&machine, enable), format!("You had already opted into telemetry_cloud_sync. {waits}"));
    let why = "\
telemetry_cloud_sync is off for this machine: not yet in the rollout (25%).
Syncs telemetry to the cloud, besides keeping it here.

Who was asked, strongest first:
✓ your choice (HOME/.caro/config.toml:2): on, you opted in, and the rollout decides
→ the published flags: off, and this decides (version 7)
  the built-in default: something stronger decided

The rollout is at 25%. This machine is in from 46.39% on.

See every step: caro features why telemetry_cloud_sync --verbose
";
    assert_eq!(said(&machine, "caro features why telemetry_cloud_sync"), flat(why));
    let steps = "
Step by step:
  kill: no kill stands against it
  enabled: the flag is enabled
  prerequisite telemetry: serves on, which is accepted
  override: opted in locally
  fallthrough: bucket 46389, share 25%: not exposed
  this machine's place: 46389 of 100000
";
    let verbose = said(&machine, "caro features why telemetry_cloud_sync --verbose");
    assert!(verbose.ends_with(&flat(steps)), "{verbose}");
    let forgotten = "telemetry_cloud_sync is still off: only those who opt in can have it.";
    assert_eq!(said(&machine, "caro features reset telemetry_cloud_sync"), forgotten);
}

#[test]
fn where_opting_in_is_enough_enabling_turns_it_on() {
    let machine = machine("install-2");
    assert!(!machine.open().is_enabled("enhanced_safety_v2"));
    let expected = "enhanced_safety_v2 is now on for this machine. Your choice stands in HOME/.caro/config.toml:2";
    assert_eq!(said(&machine, "caro features enable enhanced_safety_v2"), expected);
}

#[test]
fn what_a_user_may_not_change_is_refused_with_the_reason() {
    let machine = machine(OUTSIDE);
    for (arguments, expected) in [
        (
            "caro features enable command_history",
            "you cannot change command_history this way: caro's team decides it for everyone \
             hint: see what decides it with: caro features why command_history",
        ),
        (
            "caro features enable sandbox_escape_check",
            "you cannot change sandbox_escape_check this way: it is critical, and only caro's team can turn it on \
             hint: see what decides it with: caro features why sandbox_escape_check",
        ),
        (
            "caro features disable ollama_backend",
            "you cannot change ollama_backend this way: caro's team decides it for everyone \
             hint: see what decides it with: caro features why ollama_backend",
        ),
    ] {
        assert_eq!(refused(&machine, arguments), expected, "{arguments}");
    }
    assert!(!machine.config_file().exists());
}

#[test]
fn a_choice_in_the_file_that_is_not_obeyed_is_never_silent() {
    let machine = machine(OUTSIDE).config("[feature_flags.overrides]\ncommand_history = true\n");
    assert!(!machine.open().is_enabled("command_history"));
    let refusal =
        "! command_history: true in HOME/.caro/config.toml:2 is not obeyed, since caro's team decides it for everyone";
    for arguments in ["caro features list", "caro features why command_history"] {
        let text = said(&machine, arguments);
        assert!(text.contains(refusal), "{arguments}: {text}");
    }
    let why = said(&machine, "caro features why command_history");
    assert!(why.starts_with("command_history is off for this machine: its rollout has not begun."), "{why}");
}

#[test]
fn a_published_kill_is_shown_and_stays() {
    let machine = Machine::new().install_id(INSIDE).published(&flags(), &["telemetry", "enhanced_safety_v2"]);
    let features = machine.open();
    assert!(features.kill_switches().is_disabled("telemetry_disabled"));
    assert!(!features.is_enabled("enhanced_safety_v2"));
    let list = said(&machine, "caro features list");
    for note in [
        "! telemetry is switched off by a kill switch (the published flags)",
        "! enhanced_safety_v2 is switched off by a kill switch (the published flags)",
    ] {
        assert!(list.contains(note), "{list}");
    }
    let held = "telemetry stays disabled: by the published flags, not by you \
                hint: it ends where it was set; yours are the only ones you can turn off";
    assert_eq!(refused(&machine, "caro features kill-switch --disable telemetry"), held);
    let opted_in = "You opted into telemetry_cloud_sync. \
                    It is still off for this machine: it needs telemetry, which is switched off. \
                    Your choice stands in HOME/.caro/config.toml:2";
    assert_eq!(said(&machine, "caro features enable telemetry_cloud_sync"), opted_in);
    let enabled = "enhanced_safety_v2 stays off for this machine all the same: a kill switch holds it off. \
                   Your choice stands in HOME/.caro/config.toml:3";
    assert_eq!(said(&machine, "caro features enable enhanced_safety_v2"), enabled);
}

/// Published as `off`, as disabled for everyone, or as needing what is off: no kill stands, and the capability is away all the same.
#[test]
fn a_capability_that_is_published_as_off_is_switched_off() {
    let disabled = |flags: &mut Value| flags["telemetry"]["enabled"] = json!(false);
    let off = |flags: &mut Value| flags["telemetry"]["fallthrough"] = json!({ "variant": "off" });
    let needs = |flags: &mut Value| {
        flags["telemetry"]["prerequisites"] = json!([{ "flag": "ollama_backend", "variants": ["on"] }]);
    };
    for (publish, because) in [
        (&disabled as &dyn Fn(&mut Value), "it is switched off for everyone"),
        (&off, "it is published so for everyone"),
        (&needs, "it needs ollama_backend, which is off"),
    ] {
        let mut flags = flags();
        publish(&mut flags);
        let config = "[feature_flags.overrides]\ntelemetry = true\n";
        let machine = Machine::new().install_id(INSIDE).reports(Consent::Given).config(config).published(&flags, &[]);
        let features = machine.open();
        assert!(features.kill_switches().is_disabled("telemetry"), "{because}");
        assert!(!features.kill_switches().is_disabled("llm_backends"), "{because}");
        assert_eq!(features.client().record("enhanced_safety_v2", Outcome::Success, None), Recorded::Off);

        let list = said(&machine, "caro features list");
        assert!(list.contains(&format!("! telemetry is switched off: {because}")), "{list}");
        let switches = said(&machine, "caro features kill-switch");
        assert!(switches.contains("✗ telemetry disabled the published flags stops all of telemetry"), "{switches}");
        let json = machine.json("caro features kill-switch telemetry");
        assert_eq!(
            (&json["disabled"], &json["origins"], &json["because"]),
            (&json!(true), &json!([]), &json!(because))
        );
        let why = said(&machine, "caro features why telemetry");
        let state =
            format!("telemetry is switched off on this machine: {because}. This kill switch stops all of telemetry.");
        assert!(why.starts_with(&state), "{why}");
        assert!(why.contains("What is not yours ends where it was set."), "{why}");

        let stays = format!(
            "telemetry stays off: {because} \
             hint: no kill switch does it; see what decides it with: caro features why telemetry --verbose"
        );
        assert_eq!(refused(&machine, "caro features kill-switch --disable telemetry"), stays);
        said(&machine, "caro features kill-switch --enable telemetry");
        let lifted = format!("telemetry stays off, though no longer by your kill switch: {because}.");
        assert_eq!(said(&machine, "caro features kill-switch --disable telemetry"), lifted);
        let feedback = said(&machine, "caro features feedback enhanced_safety_v2 --good");
        assert!(feedback.starts_with("Nothing is noted, since telemetry is switched off."), "{feedback}");
    }
}

/// A user's own settings switch a capability off for that machine, and say where.
#[test]
fn a_capability_that_the_user_set_off_is_switched_off() {
    for section in ["feature_flags", "feature_flags.overrides"] {
        let machine = Machine::new().config(&format!("[{section}]\ntelemetry = false\n"));
        assert!(machine.open().kill_switches().telemetry_disabled, "{section}");
        let switches = said(&machine, "caro features kill-switch");
        assert!(switches.contains("✗ telemetry disabled HOME/.caro/config.toml:2"), "{section}: {switches}");
    }
}

#[test]
fn a_kill_that_others_hold_too_is_lifted_by_each_alone() {
    let config =
        "[feature_flags.overrides]\nenhanced_safety_v2 = true\n[feature_flags.kill_switches]\ntelemetry = true\n";
    let machine =
        Machine::new().install_id(INSIDE).config(config).published(&flags(), &["telemetry", "enhanced_safety_v2"]);
    let listed = "✗ telemetry disabled the published flags HOME/.caro/config.toml:4 stops all of telemetry";
    assert!(said(&machine, "caro features kill-switch").contains(listed));
    let why = "Who was asked, strongest first: \
               → the published flags: switches it off \
               your choice (HOME/.caro/config.toml:2): on, but something stronger decides \
               the published flags: version 7; something stronger decided \
               the built-in default: something stronger decided \
               See every step: caro features why enhanced_safety_v2 --verbose";
    let found = said(&machine, "caro features why enhanced_safety_v2");
    assert!(found.ends_with(why), "{found}");
    let answer = machine.json("caro features kill-switch --disable telemetry");
    assert_eq!(
        answer,
        json!({
            "changed": true, "name": "telemetry", "description": "All of telemetry", "disabled": true, "origins": [{ "layer": "snapshot" }],
        })
    );
    let held = "telemetry stays disabled: by the published flags, not by you";
    assert!(refused(&machine, "caro features kill-switch --disable telemetry").starts_with(held));
}

#[test]
fn lists_fit_into_80_columns_however_long_a_name_is() {
    let mut flags = flags();
    flags["a_feature_whose_name_is_as_long_as_a_name_of_a_feature_may_ever_be"] =
        rollout("deprecated", "required", 33_333);
    flags["editor"] = json!({
        "stage": "development", "off_variant": "the_plainest_editor_that_there_is",
        "variants": { "the_plainest_editor_that_there_is": "a", "other": "b" }, "fallthrough": { "variant": "other" },
    });
    let config = "[feature_flags.overrides]\neditor = \"the_plainest_editor_that_there_is\"\n";
    let machine = Machine::new().install_id(INSIDE).config(config).published(&flags, &[]);
    let list = machine.caro("caro features list").unwrap().1;
    assert!(list.lines().all(|line| line.chars().count() <= 80), "{list}");
    let long = "  a_feature_whose_name_is_as_long_as_a_name_of_a_feature_may_ever_be\n\
                ○                           off         deprecated   needs your opt-in  opt in\n";
    assert!(list.contains(long), "{list}");
    assert!(list.contains("○ editor                    the_plaine  development  config.toml:2"), "{list}");
}

#[test]
fn the_next_run_sees_each_published_kill_switch_alone() {
    for kills in [&[][..], &["telemetry"], &["llm_backends"], &["command_execution"]] {
        let machine = Machine::new().published(&flags(), kills);
        let switches = machine.open().kill_switches();
        for capability in ["telemetry", "llm_backends", "command_execution"] {
            assert_eq!(switches.is_disabled(capability), kills.contains(&capability), "{capability} with {kills:?}");
        }
    }
}
