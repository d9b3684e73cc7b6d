//! What users are told where a feature cannot do what they want of it, and about kill switches.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use caro_integration::Platform;
use clap::Parser as _;
use support::{Caro, Machine, flat};

fn said(machine: &Machine, arguments: &str) -> String {
    flat(&machine.caro(arguments).unwrap().1)
}

#[test]
fn features_without_more_are_listed() {
    let machine = Machine::new();
    assert_eq!(said(&machine, "caro features"), said(&machine, "caro features list"));
    assert_eq!(machine.json("caro features"), machine.json("caro features list"));
}

#[test]
fn mlx_without_apple_silicon_is_warned_of_wherever_it_shows() {
    let warning =
        "mlx_backend has no effect here: MLX needs a Mac with Apple Silicon. caro uses its embedded model instead";
    let intel_mac = Platform { os: "macos", arch: "x86_64" };
    for (machine, expected) in [
        (Machine::new(), Some(warning)),
        (Machine::new().platform(intel_mac), Some(warning)),
        (Machine::new().platform(Platform::APPLE_SILICON), None),
    ] {
        let answer = machine.json("caro features enable mlx_backend");
        assert_eq!(answer["without_effect"].as_str(), expected);
        for arguments in
            ["caro features", "caro features enable mlx_backend", "caro features why mlx_backend", "caro features list"]
        {
            assert_eq!(said(&machine, arguments).contains(&format!("! {warning}")), expected.is_some(), "{arguments}");
        }
        let disabled = said(&machine, "caro features disable mlx_backend");
        assert!(!disabled.contains("no effect"), "{disabled}");
    }
    let with_ollama = Machine::new().config("[feature_flags.overrides]\nollama_backend = true\nmlx_backend = true\n");
    assert!(said(&with_ollama, "caro features list").contains("caro uses Ollama instead"));
}

#[test]
fn a_kill_switch_tells_what_it_stops_and_how_to_undo_it() {
    let machine = Machine::new();
    let working = "\
telemetry is working on this machine: nothing switches it off.
This kill switch stops all of telemetry.

Stop it at once:  caro features kill-switch --enable telemetry
Undo that:        caro features kill-switch --disable telemetry
";
    let every_step = "\nSee every step:  caro features why telemetry --verbose\n";
    assert_eq!(machine.caro("caro features kill-switch telemetry").unwrap().1, working);
    for name in ["telemetry", "telemetry_disabled"] {
        let why = machine.caro(&format!("caro features why {name}")).unwrap().1;
        assert_eq!(why, format!("{working}{every_step}"));
    }
    assert_eq!(machine.json("caro features why telemetry")["decision"]["enabled"], true);

    let killed = "telemetry is switched off on this machine: by your kill switches (HOME/.caro/config.toml:2). \
                  This kill switch stops all of telemetry. Off with it: telemetry_cloud_sync. \
                  Undo yours: caro features kill-switch --disable telemetry";
    said(&machine, "caro features kill-switch --enable telemetry");
    assert_eq!(said(&machine, "caro features kill-switch telemetry"), killed);

    let elsewhere = Machine::new().variable("CARO_KILL", "telemetry,mlx_backend");
    let held = "telemetry is switched off on this machine: by the environment (CARO_KILL). \
                This kill switch stops all of telemetry. Off with it: telemetry_cloud_sync. \
                What is not yours ends where it was set.";
    assert_eq!(said(&elsewhere, "caro features kill-switch telemetry"), held);
    let feature = "mlx_backend is switched off on this machine: by the environment (CARO_KILL). \
                   What is not yours ends where it was set.";
    assert_eq!(said(&elsewhere, "caro features kill-switch mlx_backend"), feature);
    let untouched = "command_history is a feature, and no kill switch stands against it on this machine.";
    assert!(said(&elsewhere, "caro features kill-switch command_history").starts_with(untouched));
}

#[test]
fn what_is_off_for_want_of_another_feature_names_it() {
    let machine = Machine::new().variable("CARO_KILL", "telemetry");
    let list = machine.caro("caro features list").unwrap().1;
    let row = "○ telemetry_cloud_sync      off      beta      needs telemetry  enable";
    assert!(list.lines().any(|line| line == row), "{list}");
    let why = "\
telemetry_cloud_sync is off for this machine: it needs telemetry, which is switched off.
Syncs telemetry to the cloud, besides keeping it here.
Who was asked, strongest first:
the published flags: there are none on this machine
→ the built-in default: off for want of telemetry
See about telemetry: caro features why telemetry
See every step: caro features why telemetry_cloud_sync --verbose";
    assert_eq!(said(&machine, "caro features why telemetry_cloud_sync"), flat(why));
    let why = machine.json("caro features why telemetry_cloud_sync");
    assert_eq!(why["decision"]["failed_prerequisite"], "telemetry");
}

#[test]
fn a_build_offers_the_network_only_where_it_has_one() {
    let help = |arguments: &str| Caro::try_parse_from(arguments.split(' ')).err().unwrap().to_string();
    let (features, report) = (help("caro features --help"), help("caro features report --help"));
    let remote = cfg!(feature = "remote");
    assert_eq!(features.contains("\n  sync "), remote, "{features}");
    assert_eq!(report.contains("--send"), remote, "{report}");
    assert_eq!(report.contains("Send"), remote, "{report}");
    // Whoever asks all the same is told why not.
    if !remote {
        let machine = Machine::new();
        let error = "this caro uses no network: it fetches nothing and sends nothing hint: published flags and reports \
                     need a caro that is built with the feature `remote`";
        for arguments in ["caro features sync", "caro features report --send"] {
            assert_eq!(flat(&machine.caro(arguments).unwrap_err()), error);
        }
    }
}
