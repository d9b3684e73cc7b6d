//! What users read about flags: the section of a README, and what is new.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flag_core::wire::{Flag, Kind, OptIn, Stage};
use flag_core::{FlagKey, Share};

use crate::definition::{Definition, Documentation};
use crate::log::{EnvironmentState, exposure_of};

/// Whose flags are documented, and where users say what they think.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience {
    /// The program's name as users type it, `caro`.
    pub program: String,
    /// Where feedback goes, a line each: `GitHub: Open an issue with "feedback" label`.
    pub feedback: Vec<String>,
}

/// Returns the section of a README on the features that users may choose, in Markdown.
pub fn user_section<'d>(flags: impl IntoIterator<Item = (&'d str, &'d Definition)>, audience: &Audience) -> String {
    let flags: BTreeMap<&str, &Definition> = flags.into_iter().filter(|(_, flag)| is_a_choice(&flag.flag)).collect();
    let program = &audience.program;
    let mut page = format!(
        "## Experimental Features\n\n{} includes experimental features that you can opt into. These features are under active development \
         and may change.\n\n### Available Features\n",
        title_of_words(program)
    );
    let (settled, experimental): (Vec<_>, Vec<_>) =
        flags.into_iter().partition(|(_, flag)| flag.flag.stage == Stage::Ga);
    if experimental.is_empty() {
        page.push_str("\nThere are none at the moment.\n");
    }
    for (key, flag) in experimental {
        feature(&mut page, key, flag, program);
    }
    if !settled.is_empty() {
        page.push_str("\n### Options\n");
        for (key, flag) in settled {
            feature(&mut page, key, flag, program);
        }
    }
    let _ = write!(
        page,
        "\n### Managing Features\n\n```bash\n# List all features\n{program} features list\n\n# Enable a feature\n{program} features enable \
         <feature_name>\n\n# Disable a feature\n{program} features disable <feature_name>\n\n# Reset to defaults\n{program} features reset\n```\n"
    );
    if !audience.feedback.is_empty() {
        page.push_str("\n### Providing Feedback\n\nTry experimental features and share feedback:\n");
        for line in &audience.feedback {
            let _ = writeln!(page, "- {}", one_line(line));
        }
    }
    page
}

/// Tells whether users may turn a flag on or off for themselves, and are meant to know.
fn is_a_choice(flag: &Flag) -> bool {
    let is_out = matches!(flag.stage, Stage::Beta | Stage::Ga);
    let is_offered = flag.opt_in != OptIn::None || flag.overridable;
    is_out && is_offered && !flag.critical && flag.kind != Kind::KillSwitch
}

fn feature(page: &mut String, key: &str, definition: &Definition, program: &str) {
    let documentation = &definition.documentation;
    let (title, stage) = (title(key, documentation), stage(definition.flag.stage));
    let _ = writeln!(page, "\n#### {title} ({stage})");
    if let Some(description) = documentation.description.as_deref() {
        let _ = writeln!(page, "{}", sentence(description));
    }
    let share = exposure_of(&definition.flag, None).ok().filter(|_| definition.flag.enabled);
    let rollout = share.filter(|share| !matches!(*share, Share::NOBODY | Share::EVERYONE));
    let rollout = rollout.map(|share| format!(" ({share} rollout)")).unwrap_or_default();
    let _ = write!(page, "\n**Enable**: `{program} features enable {key}`\n**Status**: {stage}{rollout}\n");
    for (name, text) in [("Privacy", &documentation.privacy), ("Note", &documentation.note)] {
        if let Some(text) = text.as_deref() {
            let _ = writeln!(page, "**{name}**: {}", one_line(text));
        }
    }
}

/// Returns what users notice of the changes between two states, in Markdown.
pub fn release_notes(before: Option<&EnvironmentState>, after: &EnvironmentState, audience: &Audience) -> String {
    let program = &audience.program;
    let known = |key: &FlagKey| {
        before.and_then(|before| before.flags.get(key)).filter(|flag| is_visible(&flag.definition.flag))
    };
    let mut sections: [(&str, Vec<String>); 6] = [
        ("New", Vec::new()),
        ("Now for everyone", Vec::new()),
        ("For more or fewer users", Vec::new()),
        ("Switched off", Vec::new()),
        ("Back again", Vec::new()),
        ("Removed", Vec::new()),
    ];
    let mut note = |section: &str, line: String| {
        if let Some((_, lines)) = sections.iter_mut().find(|(name, _)| *name == section) {
            lines.push(line);
        }
    };
    for (key, flag) in after.flags.iter().filter(|(_, flag)| is_visible(&flag.definition.flag)) {
        let definition = &flag.definition;
        let name = format!("**{}**", title(key.as_str(), &definition.documentation));
        let told = definition.documentation.description.as_deref().map(|text| format!(": {}", sentence(text)));
        let told = told.unwrap_or_default();
        let is_killed = after.kill_of(key.as_str()).is_some();
        let was_killed = before.is_some_and(|before| before.kill_of(key.as_str()).is_some());
        let share = reach(definition);
        match known(key) {
            _ if is_killed && !was_killed => note("Switched off", format!("{name}{told}")),
            _ if is_killed => {}
            _ if was_killed => note("Back again", format!("{name}{told}")),
            // A capability that can be killed is nothing new to users.
            None if definition.flag.kind == Kind::KillSwitch => {}
            None => {
                let enable = format!(" Turn it on: `{program} features enable {key}`.");
                let enable = if is_a_choice(&definition.flag) { enable } else { String::new() };
                note("New", format!("{name}{told}{enable}"));
            }
            Some(was) => {
                let from = reach(&was.definition);
                match (from, share) {
                    (from, share) if from == share => {}
                    (_, Share::EVERYONE) => note("Now for everyone", format!("{name}{told}")),
                    (_, Share::NOBODY) => note("Switched off", format!("{name}{told}")),
                    (from, share) => note("For more or fewer users", format!("{name}: {from} \u{2192} {share}")),
                }
            }
        }
    }
    if let Some(before) = before {
        let gone = before.flags.iter().filter(|(key, flag)| {
            is_visible(&flag.definition.flag)
                && !after.flags.get(*key).is_some_and(|now| is_visible(&now.definition.flag))
        });
        for (key, flag) in gone {
            let name = title(key.as_str(), &flag.definition.documentation);
            // What everyone had when its flag went stays, as a part of the program.
            let became = if reach(&flag.definition) == Share::EVERYONE { "Now for everyone" } else { "Removed" };
            let permanent = if became == "Removed" { "" } else { ": it is now a part of the program" };
            note(became, format!("**{name}**{permanent}"));
        }
    }
    let mut page = String::from("## What's New\n");
    for (name, lines) in sections.iter().filter(|(_, lines)| !lines.is_empty()) {
        let _ = write!(page, "\n### {name}\n\n");
        for line in lines {
            let _ = writeln!(page, "- {line}");
        }
    }
    if sections.iter().all(|(_, lines)| lines.is_empty()) {
        page.push_str("\nNothing that users would notice.\n");
    }
    page
}

/// Tells whether users may meet a flag.
const fn is_visible(flag: &Flag) -> bool {
    matches!(flag.stage, Stage::Beta | Stage::Ga | Stage::Deprecated)
}

/// Returns the share of users whom a flag exposes besides its rules.
fn reach(definition: &Definition) -> Share {
    if !definition.flag.enabled {
        return Share::NOBODY;
    }
    exposure_of(&definition.flag, None).unwrap_or(Share::NOBODY)
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Development => "Development",
        Stage::Internal => "Internal",
        Stage::Beta => "Beta",
        Stage::Ga => "Generally available",
        Stage::Deprecated => "Deprecated",
        _ => "Unknown",
    }
}

/// Returns what users call a flag: its title, else the words of its key.
fn title(key: &str, documentation: &Documentation) -> String {
    documentation.title.as_deref().map_or_else(|| title_of_words(key), one_line)
}

/// Returns `Telemetry Cloud Sync` of `telemetry_cloud_sync`. Versions stay small.
fn title_of_words(key: &str) -> String {
    let word = |word: &str| {
        let is_version = word.strip_prefix('v').is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()));
        let mut letters = word.chars();
        let first = letters.next().into_iter();
        if is_version { word.to_owned() } else { first.flat_map(char::to_uppercase).chain(letters).collect() }
    };
    key.split(['_', '-', '.']).filter(|word| !word.is_empty()).map(word).collect::<Vec<_>>().join(" ")
}

/// Returns a text on one line, with a full stop.
fn sentence(text: &str) -> String {
    let text = one_line(text);
    if text.is_empty() || text.ends_with(['.', '!', '?']) { text } else { format!("{text}.") }
}

/// Returns a text on one line, in which nothing opens an HTML element.
fn one_line(text: &str) -> String {
    let visible: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Definitions;
    use crate::log::{Actor, FlagState};

    fn audience() -> Audience {
        Audience { program: "caro".into(), feedback: vec!["GitHub: Open an issue with \"feedback\" label".into()] }
    }

    fn state(text: &str) -> EnvironmentState {
        let definitions = Definitions::from_toml(text, "f.toml").unwrap();
        let flag = |(key, definition): (&str, &Definition)| {
            let made = flag_core::Timestamp::default();
            let state = FlagState::new(definition.clone(), made, "alice".parse::<Actor>().unwrap());
            (key.parse().unwrap(), state)
        };
        let mut state = EnvironmentState::default();
        state.flags = definitions.flags.iter().map(flag).collect();
        state
    }

    #[test]
    fn users_read_what_they_may_choose() {
        let text = "
            [flags.telemetry_cloud_sync]
            stage = \"beta\"
            opt_in = \"required\"
            rollout = \"25%\"
            [flags.telemetry_cloud_sync.documentation]
            description = \"Sync your telemetry data to the cloud\"
            privacy = \"Zero PII, <b>encrypted</b>\\n in transit\"
            [flags.enhanced_safety_v2]
            stage = \"beta\"
            opt_in = \"allowed\"
            documentation = { title = \"Enhanced Safety Patterns v2\", note = \"May block more commands\" }
            [flags.ollama_backend]
            kind = \"ops\"
            stage = \"ga\"
            overridable = true
            [flags.command_history]
            stage = \"internal\"
            overridable = true
            [flags.telemetry]
            kind = \"kill_switch\"
            stage = \"ga\"
            overridable = true
        ";
        let definitions = Definitions::from_toml(text, "f.toml").unwrap();
        assert_eq!(
            user_section(definitions.flags.iter(), &audience()),
            "## Experimental Features\n\nCaro includes experimental features that you can opt into. These features are under active \
             development and may change.\n\n### Available Features\n\n\
             #### Enhanced Safety Patterns v2 (Beta)\n\n**Enable**: `caro features enable enhanced_safety_v2`\n**Status**: Beta\n\
             **Note**: May block more commands\n\n\
             #### Telemetry Cloud Sync (Beta)\nSync your telemetry data to the cloud.\n\n**Enable**: `caro features enable \
             telemetry_cloud_sync`\n**Status**: Beta (25% rollout)\n**Privacy**: Zero PII, &lt;b>encrypted&lt;/b> in transit\n\n\
             ### Options\n\n#### Ollama Backend (Generally available)\n\n**Enable**: `caro features enable ollama_backend`\n\
             **Status**: Generally available\n\n\
             ### Managing Features\n\n```bash\n# List all features\ncaro features list\n\n# Enable a feature\ncaro features enable \
             <feature_name>\n\n# Disable a feature\ncaro features disable <feature_name>\n\n# Reset to defaults\ncaro features reset\n```\n\n\
             ### Providing Feedback\n\nTry experimental features and share feedback:\n- GitHub: Open an issue with \"feedback\" label\n"
        );
    }

    #[test]
    fn release_notes_tell_what_users_notice() {
        let before = state(
            "[flags.a_rising]\nstage = \"beta\"\nrollout = \"25%\"\n[flags.b_full]\nstage = \"beta\"\nrollout = \"50%\"\n[flags.c_gone]\nstage \
             = \"beta\"\nrollout = \"5%\"\n[flags.d_permanent]\nstage = \"ga\"\nserve = \"on\"\n[flags.e_off]\nstage = \"beta\"\nrollout = \
             \"5%\"\n[flags.f_secret]\n[flags.g_same]\nstage = \"beta\"\n[flags.h_internal]\nstage = \"internal\"\n",
        );
        let after = state(
            "[flags.a_rising]\nstage = \"beta\"\nrollout = \"50%\"\n[flags.b_full]\nstage = \"ga\"\nrollout = \"100%\"\n[flags.e_off]\nstage = \
             \"beta\"\nenabled = false\nrollout = \"5%\"\n[flags.g_same]\nstage = \"beta\"\n[flags.h_internal]\nstage = \"beta\"\nopt_in = \
             \"allowed\"\ndocumentation.description = \"Remembers commands\"\n",
        );
        assert_eq!(
            release_notes(Some(&before), &after, &audience()),
            "## What's New\n\n### New\n\n- **H Internal**: Remembers commands. Turn it on: `caro features enable h_internal`.\n\n\
             ### Now for everyone\n\n- **B Full**\n- **D Permanent**: it is now a part of the program\n\n\
             ### For more or fewer users\n\n- **A Rising**: 25% \u{2192} 50%\n\n### Switched off\n\n- **E Off**\n\n### Removed\n\n- **C Gone**\n"
        );
        assert_eq!(
            release_notes(Some(&after), &after, &audience()),
            "## What's New\n\nNothing that users would notice.\n"
        );
    }
}
