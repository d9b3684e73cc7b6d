//! What the commands say to a user without published flags.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod support;

use std::io::{self, Write};

use caro_integration::{
    CommandError, Environment, Features, FeaturesAction, FeaturesCommand, Glyphs, Host, HostPaths, Outcome, Output,
    Platform, features, init,
};
use serde_json::json;
use support::{LINUX, Machine, flat};
use tempfile::TempDir;

const LIST: FeaturesCommand = FeaturesCommand { action: None, output: Output { json: false } };

fn said(machine: &Machine, arguments: &str) -> String {
    machine.caro(arguments).unwrap().1
}

/// What a command comes to and says, or its error with the hint.
type Said<'t> = Result<(Outcome, &'t str), &'t str>;

/// Runs commands one after the other on one machine and compares what each came to and said, line breaks apart.
fn conversation(machine: &Machine, turns: &[(&str, Said<'_>)]) {
    for (arguments, expected) in turns {
        let found = machine.caro(arguments).map(|(outcome, text)| (outcome, flat(&text))).map_err(|text| flat(&text));
        assert_eq!(found, expected.map(|(outcome, text)| (outcome, flat(text))).map_err(flat), "{arguments}");
    }
}

#[test]
fn the_list_on_a_fresh_machine() {
    let expected = "\
Features of caro 1.2.0

  Feature                   State    Stage     Decided by  You may
○ telemetry_cloud_sync      off      beta      default     enable
    Syncs telemetry to the cloud, besides keeping it here
    planned rollout: 25% of opted-in users; expires: v1.3.0 (2026-05-01)
○ enhanced_safety_v2        off      beta      default     enable
    Checks commands against further safety patterns; may block more
    planned rollout: 50% of users; expires: v1.3.0 (2026-06-01)
○ command_history           off      internal  default     enable
    Remembers the commands that were run, to search and repeat them
    planned rollout: the team since 2026-02-05; expires: v1.3.0 (2026-06-01)
○ mlx_backend               off      ga        default     enable
    Runs models with MLX; needs Apple Silicon
    planned rollout: every Mac with Apple Silicon
○ ollama_backend            off      ga        default     enable
    Runs models with your own Ollama
    planned rollout: whoever turns it on
○ command_model_comparison  control  beta      default     enable
    Compares two models for turning prompts into commands
    planned rollout: half of the users each; expires: v1.3.0 (2026-06-01)

Turn one on or off:  caro features enable FEATURE, caro features disable FEATURE
See what decides:    caro features why FEATURE
";
    let machine = Machine::new();
    assert_eq!(said(&machine, "caro features list"), expected);
    assert!(!machine.config_file().exists(), "looking changes nothing");
    assert!(!HostPaths::in_home(machine.home.path()).state_dir.exists(), "looking draws no install id");
}

#[test]
fn the_list_shows_who_decided_and_what_went_wrong() {
    let config = "\
[feature_flags]
ollama_backend = true
[feature_flags.overrides]
command_history = true
mlx_backend = \"fast\"
dark_mode = true
[feature_flags.kill_switches]
llm_backends_disabled = true
";
    let machine = Machine::new()
        .config(config)
        .platform(Platform::APPLE_SILICON)
        .variable("CARO_FF_TELEMETRY_CLOUD_SYNC", "1")
        .variable("CARO_KILL", "enhanced_safety_v2");
    let text = said(&machine, "caro features list");
    for line in [
        "● telemetry_cloud_sync      on       beta      environment    disable",
        "✗ enhanced_safety_v2        off      beta      kill switch",
        "● command_history           on       internal  config.toml:4  disable",
        "● mlx_backend               on       ga        default        disable",
        "● ollama_backend            on       ga        config.toml:2  disable",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    let notes = "\
! enhanced_safety_v2 is switched off by a kill switch (CARO_KILL)
! llm_backends is switched off by a kill switch (HOME/.caro/config.toml:8)
! mlx_backend: \"fast\" in HOME/.caro/config.toml:5 is not obeyed, since it can be \"on\" or \"off\", but not \"fast\"

Problems, which stop nothing else:
! HOME/.caro/config.toml:6: no feature is named \"dark_mode\"

Turn one on or off:";
    assert!(flat(&text).contains(&flat(notes)), "{text}");
}

#[test]
fn choosing_and_forgetting() {
    conversation(
        &Machine::new(),
        &[
            (
                "caro features enable command_history",
                Ok((
                    Outcome::Changed,
                    "command_history is now on for this machine. Your choice stands in HOME/.caro/config.toml:2",
                )),
            ),
            (
                "caro config feature --disable command_history",
                Ok((
                    Outcome::Changed,
                    "command_history is now off for this machine. Your choice stands in HOME/.caro/config.toml:2",
                )),
            ),
            (
                "caro features disable command_history",
                Ok((
                    Outcome::Unchanged,
                    "command_history is off for this machine already. Your choice stands in HOME/.caro/config.toml:2",
                )),
            ),
            (
                "caro config feature --enable command_model_comparison",
                Ok((
                    Outcome::Changed,
                    "command_model_comparison is now treatment for this machine. \
                     Your choice stands in HOME/.caro/config.toml:3",
                )),
            ),
            (
                "caro features reset command_model_comparison",
                Ok((Outcome::Changed, "command_model_comparison is now control: that is the default.")),
            ),
            (
                "caro features reset command_model_comparison",
                Ok((Outcome::Unchanged, "Nothing to forget: you chose nothing for this feature.")),
            ),
            ("caro features reset", Ok((Outcome::Changed, "command_history is still off: that is the default."))),
            ("caro features reset", Ok((Outcome::Unchanged, "Nothing to forget: you chose nothing."))),
            (
                "caro features reset --id",
                Ok((Outcome::Changed, "The install id is gone; a new one is drawn when it is needed.")),
            ),
        ],
    );
}

#[test]
fn names_that_nobody_knows() {
    conversation(
        &Machine::new(),
        &[
            (
                "caro features enable telemtry_cloud_sync",
                Err("no feature is named \"telemtry_cloud_sync\" hint: did you mean telemetry_cloud_sync?"),
            ),
            (
                "caro features why dark_mode",
                Err("no feature is named \"dark_mode\" hint: caro features list shows every feature"),
            ),
            ("caro features why telemetyr", Err("no feature is named \"telemetyr\" hint: did you mean telemetry?")),
            (
                "caro features reset mlx-backend",
                Err("no feature is named \"mlx-backend\" hint: did you mean mlx_backend?"),
            ),
            (
                "caro features disable telemetry",
                Err("\"telemetry\" is a kill switch, expected a feature \
                     hint: stop it with: caro features kill-switch --enable telemetry, allow it again with --disable telemetry"),
            ),
            (
                "caro features kill-switch --enable telemetri_disabled",
                Err("no kill switch is named \"telemetri_disabled\" hint: did you mean telemetry?"),
            ),
            (
                "caro features kill-switch --disable everything",
                Err("no kill switch is named \"everything\" hint: caro features kill-switch shows every kill switch"),
            ),
        ],
    );
}

#[test]
fn kill_switches_from_on_to_off() {
    let machine = Machine::new();
    let working = "  Kill switch        State    Disabled by
● telemetry          working
    stops all of telemetry
● llm_backends       working
    stops every language model
● command_execution  working
    stops running commands

Nothing is switched off. In an emergency:
caro features kill-switch --enable NAME
";
    assert_eq!(said(&machine, "caro features kill-switch"), working);
    let back = "This kill switch stops all of telemetry. Off with it: telemetry_cloud_sync. \
                Back to normal with: caro features kill-switch --disable telemetry";
    let on = format!("telemetry is disabled on this machine from now on (HOME/.caro/config.toml:2). {back}");
    let already = format!("telemetry is disabled on this machine already (HOME/.caro/config.toml:2). {back}");
    let listed = "Kill switch State Disabled by ✗ telemetry disabled HOME/.caro/config.toml:2 stops all of telemetry \
                  ● llm_backends working stops every language model ● command_execution working stops running commands \
                  Turn yours off with: caro features kill-switch --disable NAME";
    conversation(
        &machine,
        &[
            ("caro features kill-switch --enable telemetry_disabled", Ok((Outcome::Changed, &on))),
            ("caro features kill-switch --enable telemetry", Ok((Outcome::Unchanged, &already))),
        ],
    );
    assert_eq!(machine.config_text(), "[feature_flags.kill_switches]\ntelemetry = true\n");
    assert!(machine.open().kill_switches().telemetry_disabled);
    conversation(
        &machine,
        &[
            ("caro features kill-switch", Ok((Outcome::Shown, listed))),
            ("caro features reset", Ok((Outcome::Unchanged, "Nothing to forget: you chose nothing."))),
            (
                "caro features kill-switch --disable telemetry_disabled",
                Ok((Outcome::Changed, "telemetry is working again on this machine.")),
            ),
            (
                "caro features kill-switch --disable telemetry",
                Ok((Outcome::Unchanged, "telemetry was not disabled: nothing to do.")),
            ),
        ],
    );
    assert!(!machine.open().kill_switches().telemetry_disabled);
}

#[test]
fn the_list_of_kill_switches_says_what_could_not_be_read() {
    let machine = Machine::new().config("[feature_flags.kill_switches\ntelemetry = true\n");
    let listed = "Kill switch State Disabled by ● telemetry working stops all of telemetry \
                  ● llm_backends working stops every language model ● command_execution working stops running commands \
                  Problems, which stop nothing else: \
                  ! a file is left out whole: HOME/.caro/config.toml:1:29: unclosed table, expected `]` \
                  Nothing that can be read is switched off. In an emergency: caro features kill-switch --enable NAME";
    conversation(&machine, &[("caro features kill-switch", Ok((Outcome::Shown, listed)))]);
    let problem = "a file is left out whole: HOME/.caro/config.toml:1:29: unclosed table, expected `]`";
    let home = machine.home.path().display().to_string();
    let warnings: Vec<_> = machine.open().warnings().iter().map(|line| line.replace(&home, "HOME")).collect();
    assert_eq!(warnings, [problem]);
    let told: Vec<_> = machine.json("caro features kill-switch")["problems"].as_array().unwrap().clone();
    assert_eq!(told.len(), 1);
    assert!(Machine::new().open().warnings().is_empty());
}

#[test]
fn a_reset_keeps_kill_switches_unless_it_is_asked_for_them() {
    let config = "\
[feature_flags.overrides]
command_history = true
[feature_flags.kill_switches]
telemetry_disabled = true
";
    let machine = Machine::new().config(config);
    let answer = machine.json("caro features reset");
    assert_eq!((&answer["forgotten"], &answer["kills_lifted"]), (&json!(["command_history"]), &json!([])));
    assert!(machine.open().kill_switches().telemetry_disabled);
    conversation(
        &machine,
        &[("caro features reset --kills", Ok((Outcome::Changed, "telemetry is no longer switched off.")))],
    );
    assert!(!machine.open().kill_switches().telemetry_disabled);
}

#[test]
fn a_kill_from_elsewhere_is_not_the_users_to_lift() {
    let machine = Machine::new()
        .config("[feature_flags.kill_switches]\ntelemetry_disabled = true\n")
        .variable("CARO_KILL", "telemetry");
    conversation(
        &machine,
        &[
            (
                "caro features kill-switch --disable telemetry",
                Ok((
                    Outcome::Changed,
                    "telemetry stays disabled, though no longer by you, but by the environment (CARO_KILL).",
                )),
            ),
            (
                "caro features kill-switch --disable telemetry",
                Err("telemetry stays disabled: by the environment (CARO_KILL), not by you \
                     hint: it ends where it was set; yours are the only ones you can turn off"),
            ),
            (
                "caro features kill-switch --enable telemetry",
                Ok((
                    Outcome::Changed,
                    "telemetry is disabled on this machine from now on (CARO_KILL, HOME/.caro/config.toml:2). \
                     This kill switch stops all of telemetry. Off with it: telemetry_cloud_sync.",
                )),
            ),
        ],
    );
}

#[test]
fn the_environment_stands_above_a_choice_and_is_named() {
    let machine = Machine::new().variable("CARO_FF_COMMAND_HISTORY", "0");
    let why = "\
command_history is off for this machine: CARO_FF_COMMAND_HISTORY says so.
Remembers the commands that were run, to search and repeat them.

Who was asked, strongest first:
→ the environment (CARO_FF_COMMAND_HISTORY): off, and this decides
  your choice (HOME/.caro/config.toml:2): on, but something stronger decides
  the published flags: there are none on this machine
  the built-in default: something stronger decided

Step by step:
  kill: no kill stands against it
  enabled: the flag is enabled
  override: chosen locally: off
";
    conversation(
        &machine,
        &[
            (
                "caro features enable command_history",
                Ok((
                    Outcome::Changed,
                    "command_history stays off for this machine all the same: CARO_FF_COMMAND_HISTORY says so. \
                     Your choice stands in HOME/.caro/config.toml",
                )),
            ),
            ("caro features why command_history --verbose", Ok((Outcome::Shown, why))),
        ],
    );
}

#[test]
fn every_json_answer_has_its_members() {
    let machine = Machine::new();
    let members = |arguments: &str| {
        let answer = machine.json(arguments);
        // Whether members keep their order depends on what else is built: another crate may ask serde_json for it.
        let members: std::collections::BTreeSet<&str> =
            answer.as_object().unwrap().keys().map(String::as_str).collect();
        members.into_iter().collect::<Vec<_>>().join(" ")
    };
    for (arguments, expected) in [
        ("caro features list", "features kill_switches problems snapshot"),
        ("caro features enable command_history", "changed decision feature without_effect"),
        ("caro features disable command_history", "changed decision feature without_effect"),
        ("caro config feature --enable command_history", "changed decision feature without_effect"),
        ("caro features why command_history", "bucket decision evaluation flips_at layers pivot share"),
        ("caro features reset", "changed decisions forgotten kills_lifted new_install_id"),
        ("caro features kill-switch --enable telemetry", "changed description disabled name origins"),
        ("caro features kill-switch", "kill_switches problems"),
        ("caro features kill-switch llm_backends", "description disabled name origins"),
        ("caro features why llm_backends", "bucket decision evaluation flips_at layers pivot share"),
        ("caro features kill-switch --disable telemetry", "changed description disabled name origins"),
        ("caro features feedback command_history --good", "channels feature feedback recorded"),
        ("caro features report", "consent reports"),
        ("caro features report --show", "consent reports"),
        ("caro features report --clear", "removed"),
    ] {
        assert_eq!(members(arguments), expected, "{arguments}");
    }
    let list = machine.json("caro features list");
    let telemetry = json!({ "name": "telemetry", "description": "All of telemetry", "disabled": false, "origins": [] });
    assert_eq!(list["kill_switches"][0], telemetry);
    let first = &list["features"][0];
    let told = [&first["key"], &first["title"], &first["enabled"], &first["stage"], &first["reason"]];
    assert_eq!(json!(told), json!(["telemetry_cloud_sync", "Telemetry Cloud Sync", false, "beta", "DEFAULT"]));
}

#[test]
fn a_host_adds_its_feedback_channels_and_chooses_its_signs() {
    let home = TempDir::new().unwrap();
    let host = Host::new("1.2.0")
        .platform(LINUX)
        .environment(Environment::default())
        .glyphs(Glyphs::Ascii)
        .feedback_channel("Discord: #feedback channel")
        .feedback_channel("Email: feedback@caro.sh");
    let features = Features::open(HostPaths::in_home(home.path()), host);
    let mut out = Vec::new();
    assert_eq!(LIST.run(&features, &mut out).unwrap(), Outcome::Shown);
    let text = String::from_utf8(out).unwrap();
    assert!(text.is_ascii(), "{text}");
    assert!(text.contains("\n- mlx_backend               off      ga        default     enable\n"), "{text}");
    let feedback = "Tell us about it:    Discord: #feedback channel\n                     Email: feedback@caro.sh\n";
    assert!(text.ends_with(feedback), "{text}");
}

struct Gone(io::ErrorKind);

impl Write for Gone {
    fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_went_away_is_no_error_and_the_change_is_made() {
    let machine = Machine::new();
    let features = machine.open();
    let action = Some(FeaturesAction::Enable { feature: "command_history".to_owned() });
    let enable = FeaturesCommand { action, output: Output::default() };
    assert_eq!(enable.run(&features, &mut Gone(io::ErrorKind::BrokenPipe)).unwrap(), Outcome::Changed);
    assert!(machine.open().is_enabled("command_history"));
    let error = LIST.run(&features, &mut Gone(io::ErrorKind::PermissionDenied)).unwrap_err();
    assert!(matches!(error, CommandError::Write(_)));
    assert_eq!(error.with_hint(), "the answer could not be written: permission denied");
}

#[test]
fn the_first_to_initialise_decides_for_the_process() {
    assert!(features().is_none());
    let (first, second) = (Machine::new(), Machine::new());
    let host = || Host::new("1.2.0").environment(Environment::default());
    let opened = init(HostPaths::in_home(first.home.path()), host());
    let again = init(HostPaths::in_home(second.home.path()), host());
    assert!(std::ptr::eq(opened, again) && std::ptr::eq(opened, features().unwrap()));
    assert_eq!(again.paths().config_file, first.config_file());
}
