//! How the commands are written, and what `--help` says.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use caro_integration::CommandError;
use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser as _};
use serde_json::{Value, json};
use support::Caro;

#[test]
fn clap_finds_no_fault_with_the_commands() {
    Caro::command().debug_assert();
}

#[test]
fn what_is_a_command_line_and_what_is_none() {
    for (arguments, expected) in [
        ("caro features list", None),
        ("caro features list --json", None),
        ("caro features enable telemetry_cloud_sync", None),
        ("caro features disable telemetry_cloud_sync --json", None),
        ("caro features reset", None),
        ("caro features reset telemetry_cloud_sync --kills --id", None),
        ("caro features why mlx_backend", None),
        ("caro features kill-switch", None),
        ("caro features kill-switch --enable telemetry_disabled", None),
        ("caro features kill-switch --disable telemetry", None),
        ("caro config feature --enable telemetry_cloud_sync", None),
        ("caro config feature --disable telemetry_cloud_sync --json", None),
        ("caro features ls", None),
        ("caro features killswitch --enable telemetry_disabled", None),
        ("caro features feedback command_history --good", None),
        ("caro features feedback command_history --bad --note --json", None),
        ("caro features report", None),
        ("caro features report --show --json", None),
        ("caro features report --send", None),
        ("caro features report --clear", None),
        ("caro features sync --json", None),
        ("caro features feedback command_history", Some(ErrorKind::MissingRequiredArgument)),
        ("caro features feedback --good", Some(ErrorKind::MissingRequiredArgument)),
        ("caro features feedback command_history --good --bad", Some(ErrorKind::ArgumentConflict)),
        ("caro features report --show --clear", Some(ErrorKind::ArgumentConflict)),
        ("caro features enable", Some(ErrorKind::MissingRequiredArgument)),
        ("caro features why", Some(ErrorKind::MissingRequiredArgument)),
        ("caro features kill-switch --enable a --disable b", Some(ErrorKind::ArgumentConflict)),
        ("caro config feature", Some(ErrorKind::MissingRequiredArgument)),
        ("caro config feature --enable a --disable b", Some(ErrorKind::ArgumentConflict)),
        ("caro features", None),
        ("caro features --json", None),
        ("caro features --json list", None),
        ("caro features why telemetry --verbose --json", None),
        ("caro features kill-switch telemetry", None),
        ("caro features kill-switch telemetry --enable a", Some(ErrorKind::ArgumentConflict)),
        ("caro features frobnicate", Some(ErrorKind::InvalidSubcommand)),
    ] {
        let found = Caro::try_parse_from(arguments.split(' ')).err().map(|error| error.kind());
        assert_eq!(found, expected, "{arguments}");
    }
}

#[test]
fn every_command_explains_itself_with_examples() {
    let mut caro = Caro::command();
    caro.build();
    let features = caro.find_subcommand("features").unwrap();
    let config = caro.find_subcommand("config").unwrap();
    let commands = features.get_subcommands().chain(config.get_subcommands());
    let commands: Vec<_> = commands.filter(|command| command.get_name() != "help").cloned().collect();
    let names: Vec<_> = commands.iter().map(clap::Command::get_name).collect();
    assert_eq!(
        names,
        ["list", "enable", "disable", "reset", "why", "kill-switch", "feedback", "report", "sync", "feature"]
    );
    for mut command in commands {
        let help = command.render_help().to_string();
        assert!(help.contains("\nExamples:\n  caro "), "{help}");
        assert!(help.contains("Write JSON instead of text"), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
    }
}

#[test]
fn the_help_of_enable() {
    let help = Caro::try_parse_from(["caro", "features", "enable", "--help"]).err().unwrap().to_string();
    let expected = "\
Turn a feature on for yourself, or opt into its rollout

Usage: caro features enable [OPTIONS] <FEATURE>

Arguments:
  <FEATURE>  The feature, as `caro features list` names it

Options:
      --json  Write JSON instead of text
  -h, --help  Print help

Examples:
  caro features enable telemetry_cloud_sync
  caro features enable command_history --json
";
    assert_eq!(help, expected);
}

#[test]
fn every_shell_completes_every_command() {
    use clap_complete::Shell;

    for shell in [Shell::Bash, Shell::Elvish, Shell::Fish, Shell::PowerShell, Shell::Zsh] {
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Caro::command(), "caro", &mut script);
        let script = String::from_utf8(script).unwrap();
        let words = [
            "features",
            "list",
            "enable",
            "disable",
            "reset",
            "why",
            "kill-switch",
            "feedback",
            "report",
            "sync",
            "feature",
            "good",
            "bad",
            "show",
            "send",
            "clear",
            "kills",
            "id",
            "json",
        ];
        for word in words {
            assert!(script.contains(word), "{shell} does not complete {word}");
        }
    }
}

#[test]
fn an_error_has_a_form_for_programs() {
    let unknown = |suggestion: Option<&str>| CommandError::UnknownFeature {
        feature: "mlx".to_owned(),
        suggestion: suggestion.map(str::to_owned),
    };
    for (error, expected) in [
        (
            unknown(Some("mlx_backend")),
            json!({ "code": "unknown_feature", "message": "no feature is named \"mlx\"", "hint": "did you mean mlx_backend?" }),
        ),
        (
            CommandError::Write(std::io::Error::other("the disk is full")),
            json!({ "code": "write", "message": "the answer could not be written: the disk is full", "hint": null }),
        ),
    ] {
        let found: Value = serde_json::from_str(&error.to_json()).unwrap();
        assert_eq!(found, json!({ "error": expected }));
    }
}
