//! Pages for users and maintainers, written from the declarations, so that they cannot drift from the code.
//!
//! ```
//! use flag_client::{Declaration, OptIn, Stage, docs};
//! const ALL: &[Declaration] = &[Declaration::boolean("telemetry_cloud_sync")
//!     .stage(Stage::Beta)
//!     .opt_in(OptIn::Required)
//!     .title("Telemetry Cloud Sync")
//!     .describe("Syncs telemetry to the cloud")
//!     .privacy("Zero PII, encrypted in transit")];
//! let page = docs::Page::of(ALL).enabled_by("caro features enable").to_string();
//! assert!(page.contains("**Enable**: `caro features enable telemetry_cloud_sync`"));
//! ```

use std::fmt;

use flag_core::wire::{Kind, OptIn, Stage};

use crate::declaration::{CodeDefault, Declaration, Metric, Milestone};

/// Returns the page of these flags in Markdown: a table of all, then a section each. [`Page`] sets the details.
pub fn markdown(flags: &[Declaration]) -> String {
    Page::of(flags).to_string()
}

/// The page of flags, in Markdown. `Display` writes it.
#[derive(Copy, Clone, Debug)]
#[must_use]
pub struct Page<'a> {
    flags: &'a [Declaration],
    command: Option<&'a str>,
    level: usize,
    audience: Audience,
}

/// Whom a page is for.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Audience {
    /// Users: what a feature does, whether they may turn it on, and what becomes of their data.
    #[default]
    Users,
    /// Maintainers: everything that is declared.
    Maintainers,
}

impl<'a> Page<'a> {
    /// Returns the page of these flags, for users, with headings from level 3 on.
    pub const fn of(flags: &'a [Declaration]) -> Self {
        Self { flags, command: None, level: 3, audience: Audience::Users }
    }

    /// Sets the command that turns a feature on when its key is put behind it.
    pub const fn enabled_by(self, command: &'a str) -> Self {
        Self { command: Some(command), ..self }
    }

    /// Sets the level of the page's headings, 1 to 5; those of single flags stand one below.
    pub const fn heading_level(self, level: usize) -> Self {
        Self { level, ..self }
    }

    /// Sets whom the page is for.
    pub const fn audience(self, audience: Audience) -> Self {
        Self { audience, ..self }
    }

    fn heading(&self, f: &mut fmt::Formatter<'_>, below: usize, text: impl fmt::Display) -> fmt::Result {
        let level = self.level.clamp(1, 5).saturating_add(below);
        writeln!(f, "{:#<level$} {text}\n", "")
    }

    fn section(&self, f: &mut fmt::Formatter<'_>, flag: &Declaration) -> fmt::Result {
        self.heading(f, 1, format_args!("{} ({})", Name(flag), stage(flag.stage)))?;
        if !flag.description.is_empty() {
            writeln!(f, "{}\n", Sentence(flag.description))?;
        }
        if let Some(command) = self.command.filter(|_| flag.is_open_to_users()) {
            item(f, "Enable", format_args!("`{command} {}`", flag.key))?;
        }
        let status = Text(flag.status.unwrap_or_else(|| stage(flag.stage)));
        match flag.rollout {
            Some(rollout) => item(f, "Status", format_args!("{status} ({})", Text(rollout)))?,
            None => item(f, "Status", status)?,
        }
        optional(f, "Privacy", flag.privacy)?;
        if self.audience == Audience::Maintainers {
            maintenance(f, flag)?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (switches, features): (Vec<_>, Vec<_>) =
            self.flags.iter().partition(|flag| matches!(flag.kind, Kind::KillSwitch));
        if !features.is_empty() {
            self.heading(f, 0, "Available features")?;
            table(f, &features)?;
            for flag in features {
                self.section(f, flag)?;
            }
        }
        if !switches.is_empty() {
            self.heading(f, 0, "Kill switches")?;
            writeln!(f, "On until an emergency takes them away.\n")?;
            for flag in switches {
                writeln!(f, "* **{}** (`{}`): {}", Name(flag), flag.key, Sentence(flag.description))?;
            }
        }
        Ok(())
    }
}

fn table(f: &mut fmt::Formatter<'_>, flags: &[&Declaration]) -> fmt::Result {
    writeln!(f, "| Feature | Key | Stage | Default | You may turn it on |\n| --- | --- | --- | --- | --- |")?;
    for flag in flags {
        let (name, stage, default, may) = (Name(flag), stage(flag.stage), Served(flag), may_enable(flag));
        writeln!(f, "| {name} | `{}` | {stage} | {default} | {may} |", flag.key)?;
    }
    writeln!(f)
}

/// What only maintainers need to know.
fn maintenance(f: &mut fmt::Formatter<'_>, flag: &Declaration) -> fmt::Result {
    item(f, "Default", Served(flag))?;
    for prerequisite in flag.prerequisites {
        item(f, "Needs", format_args!("`{}` = {}", prerequisite.flag, prerequisite.variants.join(" or ")))?;
    }
    optional(f, "Added", flag.added.map(Milestone::as_str))?;
    optional(f, "Expires", flag.expires.map(Milestone::as_str))?;
    list(f, "Risks", flag.risks.iter().map(|risk| (*risk).to_owned()))?;
    list(f, "Metrics to monitor", flag.metrics.iter().map(Metric::to_string))?;
    optional(f, "Rollback plan", flag.rollback)?;
    optional(f, "Owner", flag.owner)?;
    optional(f, "Tracking", flag.tracking)?;
    optional(f, "Tags", (!flag.tags.is_empty()).then(|| flag.tags.join(", ")).as_deref())
}

fn item(f: &mut fmt::Formatter<'_>, name: &str, text: impl fmt::Display) -> fmt::Result {
    writeln!(f, "- **{name}**: {text}")
}

fn optional(f: &mut fmt::Formatter<'_>, name: &str, text: Option<&str>) -> fmt::Result {
    text.map_or(Ok(()), |text| item(f, name, Text(text)))
}

fn list(f: &mut fmt::Formatter<'_>, name: &str, entries: impl ExactSizeIterator<Item = String>) -> fmt::Result {
    if entries.len() == 0 {
        return Ok(());
    }
    writeln!(f, "- **{name}**:")?;
    entries.into_iter().try_for_each(|entry| writeln!(f, "  - {}", Text(&entry)))
}

const fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Internal => "Internal",
        Stage::Beta => "Beta",
        Stage::Ga => "Generally available",
        Stage::Deprecated => "Deprecated",
        _ => "In development",
    }
}

const fn may_enable(flag: &Declaration) -> &'static str {
    match (flag.is_open_to_users(), flag.opt_in) {
        (false, _) => "no",
        (true, OptIn::Required) => "to take part in the rollout",
        (true, _) => "yes",
    }
}

/// The title of a flag, else its key.
struct Name<'a>(&'a Declaration);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.0.title.is_empty() { self.0.key } else { self.0.title };
        Text(name).fmt(f)
    }
}

/// The default of a flag: the note on it, else what the code serves.
struct Served<'a>(&'a Declaration);

impl fmt::Display for Served<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0.default_note, self.0.default) {
            (Some(note), _) => Text(note).fmt(f),
            (None, CodeDefault::Bool(on)) => f.write_str(if on { "on" } else { "off" }),
            (None, CodeDefault::Choice { default, .. }) => write!(f, "`{default}`"),
            (None, CodeDefault::Integer(number)) => number.fmt(f),
            (None, CodeDefault::Float(number)) => write!(f, "{number:?}"),
            (None, CodeDefault::Text(text) | CodeDefault::Object(text)) => write!(f, "`{}`", Code(text)),
        }
    }
}

/// Text that Markdown shows as it is, on one line.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '|' => write!(f, "\\{char}")?,
                '\n' | '\r' => f.write_str(" ")?,
                _ => write!(f, "{char}")?,
            }
        }
        Ok(())
    }
}

/// Text between back quotes, in a table or not.
struct Code<'a>(&'a str);

impl fmt::Display for Code<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '|' => f.write_str("\\|")?,
                '`' => f.write_str("'")?,
                '\n' | '\r' => f.write_str(" ")?,
                _ => write!(f, "{char}")?,
            }
        }
        Ok(())
    }
}

/// A description with a full stop behind it.
struct Sentence<'a>(&'a str);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Text(self.0).fmt(f)?;
        f.write_str(if self.0.is_empty() || self.0.ends_with(['.', '!', '?']) { "" } else { "." })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAGS: &[Declaration] = &[
        Declaration::boolean("cloud_sync")
            .stage(Stage::Beta)
            .opt_in(OptIn::Required)
            .prerequisites(&[crate::Prerequisite::on("telemetry")])
            .title("Cloud Sync")
            .describe("Syncs a|b to the <cloud>")
            .default_note("false (opt-in)")
            .added("v1.2.0 (2026-02-01)")
            .expires("v1.3.0")
            .status("Beta testing")
            .rollout("25% of users")
            .risks(&["Cost: servers"])
            .metrics(&[Metric::with_target("error rate", "<5%"), Metric::watched("adoption")])
            .rollback("Disable it")
            .privacy("Zero PII")
            .owner("@alice")
            .tracking("Issue #245")
            .tags(&["cloud", "privacy"]),
        Declaration::object("limits", r#"{"a|b":1}"#),
        Declaration::boolean("telemetry").kind(Kind::KillSwitch).default_on(true).describe("All of telemetry."),
    ];

    #[test]
    fn users_read_what_concerns_them() {
        let page = Page::of(FLAGS).enabled_by("caro features enable").to_string();
        assert_eq!(
            page,
            "\
### Available features

| Feature | Key | Stage | Default | You may turn it on |
| --- | --- | --- | --- | --- |
| Cloud Sync | `cloud_sync` | Beta | false (opt-in) | to take part in the rollout |
| limits | `limits` | In development | `{\"a\\|b\":1}` | no |

#### Cloud Sync (Beta)

Syncs a\\|b to the \\<cloud>.

- **Enable**: `caro features enable cloud_sync`
- **Status**: Beta testing (25% of users)
- **Privacy**: Zero PII

#### limits (In development)

- **Status**: In development

### Kill switches

On until an emergency takes them away.

* **telemetry** (`telemetry`): All of telemetry.
"
        );
    }

    #[test]
    fn maintainers_read_everything_that_is_declared() {
        let page = Page::of(&FLAGS[..1]).audience(Audience::Maintainers).heading_level(1).to_string();
        assert!(page.starts_with("# Available features\n"), "{page}");
        for line in [
            "- **Default**: false (opt-in)",
            "- **Needs**: `telemetry` = on",
            "- **Added**: v1.2.0 (2026-02-01)",
            "- **Expires**: v1.3.0",
            "- **Risks**:\n  - Cost: servers",
            "- **Metrics to monitor**:\n  - error rate (target: \\<5%)\n  - adoption",
            "- **Rollback plan**: Disable it",
            "- **Owner**: @alice",
            "- **Tracking**: Issue #245",
            "- **Tags**: cloud, privacy",
        ] {
            assert!(page.contains(&format!("{line}\n")), "{line}\n{page}");
        }
        assert!(!page.contains("Enable"), "no command was given");
    }

    #[test]
    fn no_flags_make_no_page() {
        assert_eq!(markdown(&[]), "");
    }
}
