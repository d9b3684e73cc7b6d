//! The user's file: its form, which of its values win, and what an edit leaves alone.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::fs;

use caro_integration::{Outcome, Platform};
use support::{LINUX, Machine, flat};

const COMMENTED: &str = "\
# caro's settings
[general]
model = \"smollm-135m\"   # small, and fast enough

[feature_flags]
# Format: feature_name = true/false
telemetry_cloud_sync = false
enhanced_safety_v2 = false
command_history = false
mlx_backend = true  # Enabled by default for Apple Silicon users

# Override specific features
[feature_flags.overrides]
# Can be set by user or by remote config (future)
command_history = true # asked for by me

[safety]
level = 'strict'
";

/// Returns the lines that only one of two texts has, `-` before those of the first and `+` before those of the second.
fn difference(before: &str, after: &str) -> Vec<String> {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let same = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let rest = before.len().min(after.len()) - same;
    let same_end =
        before.iter().rev().zip(after.iter().rev()).take(rest).take_while(|(one, other)| one == other).count();
    let gone = before[same..before.len() - same_end].iter().map(|line| format!("-{line}"));
    let come = after[same..after.len() - same_end].iter().map(|line| format!("+{line}"));
    gone.chain(come).collect()
}

#[test]
fn enabling_adds_one_line_and_changes_no_other() {
    let machine = Machine::new().config(COMMENTED);
    let (outcome, _) = machine.caro("caro features enable enhanced_safety_v2").unwrap();
    assert_eq!(outcome, Outcome::Changed);
    assert_eq!(difference(COMMENTED, &machine.config_text()), ["+enhanced_safety_v2 = true"]);
    assert!(machine.open().is_enabled("enhanced_safety_v2"));
}

#[test]
fn disabling_what_was_chosen_changes_that_line_alone_and_keeps_its_comment() {
    let machine = Machine::new().config(COMMENTED);
    machine.caro("caro features disable command_history").unwrap();
    let changed = ["-command_history = true # asked for by me", "+command_history = false # asked for by me"];
    assert_eq!(difference(COMMENTED, &machine.config_text()), changed);
    assert!(!machine.open().is_enabled("command_history"));
}

#[test]
fn enabling_twice_touches_the_file_once() {
    let machine = Machine::new().config(COMMENTED);
    let file = machine.config_file();
    let before = fs::metadata(&file).unwrap().modified().unwrap();
    let (outcome, text) = machine.caro("caro features enable command_history").unwrap();
    assert_eq!(outcome, Outcome::Unchanged);
    assert_eq!(
        text,
        "command_history is on for this machine already.\nYour choice stands in HOME/.caro/config.toml:15\n"
    );
    assert_eq!(machine.config_text(), COMMENTED);
    assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), before);
}

#[test]
fn overrides_beat_flags_which_beat_defaults() {
    let off_by_default = ["", "[feature_flags]\n", "[feature_flags.overrides]\n"];
    for config in off_by_default {
        assert!(!Machine::new().config(config).open().is_enabled("command_history"), "{config}");
    }
    for (flag, overridden, expected) in [
        (Some(true), None, true),
        (Some(false), None, false),
        (None, Some(true), true),
        (None, Some(false), false),
        (Some(true), Some(false), false),
        (Some(false), Some(true), true),
    ] {
        let line = |value: Option<bool>| value.map(|value| format!("command_history = {value}\n")).unwrap_or_default();
        let config = format!("[feature_flags]\n{}[feature_flags.overrides]\n{}", line(flag), line(overridden));
        assert_eq!(Machine::new().config(&config).open().is_enabled("command_history"), expected, "{config}");
    }
    assert!(!Machine::new().open().is_enabled("nobody_knows_this"));
}

#[test]
fn defaults_are_those_of_the_platform() {
    let intel_mac = Platform { os: "macos", arch: "x86_64" };
    let linux_arm = Platform { os: "linux", arch: "aarch64" };
    for (platform, mlx) in [(Platform::APPLE_SILICON, true), (intel_mac, false), (linux_arm, false), (LINUX, false)] {
        let features = Machine::new().platform(platform).open();
        assert_eq!(features.is_enabled("mlx_backend"), mlx, "{platform:?}");
        for flag in ["telemetry_cloud_sync", "enhanced_safety_v2", "command_history", "ollama_backend"] {
            assert!(!features.is_enabled(flag), "{flag} on {platform:?}");
        }
        assert_eq!(features.variant("command_model_comparison").as_deref(), Some("control"));
    }
}

#[test]
fn the_first_choice_makes_the_file() {
    let machine = Machine::new();
    machine.caro("caro features enable command_history").unwrap();
    assert_eq!(machine.config_text(), "[feature_flags.overrides]\ncommand_history = true\n");
}

#[test]
fn with_a_sidecar_the_configuration_is_read_and_never_written() {
    let machine = Machine::new().config(COMMENTED).sidecar();
    assert!(machine.open().is_enabled("command_history"));
    let (_, text) = machine.caro("caro features disable command_history").unwrap();
    assert_eq!(
        text,
        "command_history is now off for this machine.\nYour choice stands in HOME/.caro/features.toml:2\n"
    );
    assert!(!machine.open().is_enabled("command_history"));
    assert_eq!(machine.config_text(), COMMENTED);
}

#[test]
fn a_file_that_does_not_parse_is_named_and_never_overwritten() {
    let broken = "[feature_flags\ncommand_history = true\n";
    let machine = Machine::new().config(broken);
    assert!(!machine.open().is_enabled("command_history"));
    let error = machine.caro("caro features enable command_history").unwrap_err();
    let expected = "\
nothing was changed: HOME/.caro/config.toml:1:15: unclosed table, expected `]`
hint: correct the file there and try again";
    assert_eq!(error, expected);
    let left_out = "! a file is left out whole: HOME/.caro/config.toml:1:15: unclosed table, expected `]`";
    for arguments in ["caro features list", "caro features why command_history"] {
        let (_, text) = machine.caro(arguments).unwrap();
        assert!(flat(&text).contains(left_out), "{text}");
    }
    assert_eq!(machine.config_text(), broken);
}

#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_written_is_left_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let machine = Machine::new().config(COMMENTED);
    fs::set_permissions(machine.config_file(), fs::Permissions::from_mode(0o444)).unwrap();
    let error = machine.caro("caro features disable command_history").unwrap_err();
    let expected = "\
nothing was changed: HOME/.caro/config.toml is read-only
hint: allow writing to that file and try again";
    assert_eq!(error, expected);
    assert_eq!(machine.config_text(), COMMENTED);
}

#[cfg(unix)]
#[test]
fn whatever_stands_in_the_files_place_is_told_with_what_to_do() {
    let folder = Machine::new();
    fs::create_dir_all(folder.config_file()).unwrap();
    let large = Machine::new().config(&"# long\n".repeat(600_000));
    let no_text = Machine::new().config("");
    fs::write(no_text.config_file(), b"a = \"\xff\"\n").unwrap();
    let no_folder = Machine::new();
    fs::write(no_folder.config_file().parent().unwrap(), "").unwrap();
    for (machine, what, hint) in [
        (folder, "config.toml is not a regular file", "move what stands there out of the way and try again"),
        (
            large,
            "config.toml has 4200000 bytes, above the limit of 4194304",
            "no configuration is that large: is it the right file?",
        ),
        (no_text, "config.toml:1:6: not UTF-8", "correct the file there and try again"),
        (
            no_folder,
            "config.toml cannot be read: Not a directory (os error 20)",
            "see that the disk is sound, has room, and is yours to write",
        ),
    ] {
        let error = machine.caro("caro features enable command_history").unwrap_err();
        assert_eq!(error, format!("nothing was changed: HOME/.caro/{what}\nhint: {hint}"));
    }
}

#[test]
fn a_reset_takes_away_what_choices_brought_and_nothing_else() {
    let before = "[general]\nmodel = \"smollm-135m\"\n";
    let machine = Machine::new().config(before);
    for arguments in ["caro features enable command_history", "caro features kill-switch --enable telemetry"] {
        machine.caro(arguments).unwrap();
    }
    assert_eq!(machine.caro("caro features reset --kills").unwrap().0, Outcome::Changed);
    assert_eq!(machine.config_text(), before);
    assert_eq!(machine.caro("caro features reset --kills").unwrap().0, Outcome::Unchanged);
    let machine = Machine::new().config(COMMENTED);
    machine.caro("caro features reset").unwrap();
    assert_eq!(difference(COMMENTED, &machine.config_text()), ["-command_history = true # asked for by me"]);
}

#[test]
fn kill_switches_of_the_file_in_both_spellings() {
    for (line, expected) in [
        ("telemetry_disabled = true", true),
        ("telemetry = true", true),
        ("telemetry_disabled = false", false),
        ("telemetry = false", false),
    ] {
        let machine = Machine::new().config(&format!("[feature_flags.kill_switches]\n{line}\n"));
        let kills = machine.open().kill_switches();
        assert_eq!(kills.telemetry_disabled, expected, "{line}");
        assert_eq!(kills.is_disabled("telemetry"), expected, "{line}");
        assert!(!kills.llm_backends_disabled && !kills.command_execution_disabled, "{line}");
    }
}
