//! Flags as documented constants, for the code that asks for them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use flag_core::wire::Kind;

use crate::definition::{Definition, Definitions, Documentation, Metric, Milestone};

/// The constant that lists every key.
const ALL: &str = "ALL_FLAGS";
/// A line of documentation is broken after this many characters.
const WIDTH: usize = 116;

/// Why no constants can be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodegenError {
    /// Two keys that differ only in what a constant's name cannot hold.
    #[error("flags {first:?} and {second:?} would both be the constant {constant}")]
    SameConstant {
        /// The one.
        first: Box<str>,
        /// The other.
        second: Box<str>,
        /// The constant.
        constant: Box<str>,
    },
    /// A key whose constant is the list of all keys, or no name.
    #[error("flag {flag:?} would be the constant {constant}, which is taken")]
    Taken {
        /// The flag.
        flag: Box<str>,
        /// The constant.
        constant: Box<str>,
    },
}

/// Returns the name of a flag's constant: `telemetry_cloud_sync` is `TELEMETRY_CLOUD_SYNC`.
pub fn constant_of(key: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let name: String = key.chars().map(letter).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// Returns a Rust module with a documented constant for each flag, in order of the keys. The same definitions give the same text.
pub fn rust(definitions: &Definitions) -> Result<String, CodegenError> {
    let flags: BTreeMap<&str, &Definition> = definitions.flags.iter().collect();
    let mut named: BTreeMap<String, &str> = BTreeMap::new();
    for key in flags.keys().copied() {
        let constant = constant_of(key);
        if constant == ALL || constant.trim_matches('_').is_empty() {
            return Err(CodegenError::Taken { flag: key.into(), constant: constant.into() });
        }
        if let Some(first) = named.get(&constant) {
            return Err(CodegenError::SameConstant {
                first: (*first).into(),
                second: key.into(),
                constant: constant.into(),
            });
        }
        named.insert(constant, key);
    }
    let mut code =
        String::from("// Written by `flag-admin codegen` from the definitions. Edit those and run it again.\n");
    for (key, definition) in &flags {
        code.push('\n');
        for line in documented(key, definition) {
            let space = if line.is_empty() { "" } else { " " };
            let _ = writeln!(code, "///{space}{line}");
        }
        let _ = writeln!(code, "pub const {}: &str = {key:?};", constant_of(key));
    }
    let _ = write!(code, "\n/// The keys of all flags, in order.\npub const {ALL}: &[&str] = &[");
    for key in flags.keys() {
        let _ = write!(code, "\n    {},", constant_of(key));
    }
    code.push_str(if flags.is_empty() { "];\n" } else { "\n];\n" });
    Ok(code)
}

/// Returns the lines of a flag's documentation, in the order in which flags are documented.
fn documented(key: &str, definition: &Definition) -> Vec<String> {
    let Documentation { description, owner, default, status, rollout, rollback, privacy, note, tracking, .. } =
        &definition.documentation;
    let Documentation { added, expires, risks, metrics, .. } = &definition.documentation;
    let what = if definition.flag.kind == Kind::KillSwitch { "Kill switch" } else { "Feature flag" };
    let said = |name: &str, text: Option<&str>| {
        let text = text.map(one_line).filter(|text| !text.is_empty());
        text.map(|text| wrapped(&format!("**{name}**: {text}"), "")).unwrap_or_default()
    };
    let text = |name: &str, text: &Option<String>| said(name, text.as_deref());
    let list = |name: &str, items: Vec<String>| {
        let items = items.iter().flat_map(|item| wrapped(&format!("- {}", one_line(item)), "  "));
        if items.clone().next().is_none() {
            Vec::new()
        } else {
            [format!("**{name}**:")].into_iter().chain(items).collect()
        }
    };
    let note_on_expiry = if definition.flag.kind == Kind::Release { " - should be default by then" } else { "" };
    let expires = expires.as_ref().and_then(milestone).map(|expires| format!("{expires}{note_on_expiry}"));
    let paragraphs: [Vec<String>; 8] = [
        vec![format!("{what}: `{key}`")],
        text("Description", description),
        [
            said("Added", added.as_ref().and_then(milestone).as_deref()),
            text("Default", default),
            said("Expires", expires.as_deref()),
        ]
        .concat(),
        [text("Status", status), text("Rollout", rollout)].concat(),
        list("Risks", risks.clone()),
        list("Metrics to Monitor", metrics.iter().map(metric).collect()),
        [text("Rollback Plan", rollback)].concat(),
        [text("Privacy", privacy), text("Note", note), text("Owner", owner), text("Tracking", tracking)].concat(),
    ];
    let mut lines: Vec<String> = Vec::new();
    for paragraph in paragraphs.into_iter().filter(|paragraph| !paragraph.is_empty()) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(paragraph);
    }
    lines
}

/// Returns `v1.2.0 (2026-02-01)`, or the part of it that is there.
fn milestone(milestone: &Milestone) -> Option<String> {
    match (&milestone.version, &milestone.date) {
        (Some(version), Some(date)) => Some(format!("{version} ({date})")),
        (Some(version), None) => Some(version.clone()),
        (None, Some(date)) => Some(date.to_string()),
        (None, None) => None,
    }
}

/// Returns `Sync success rate (target: >95%)`.
fn metric(metric: &Metric) -> String {
    let words = metric.name.replace(['_', '-', '.'], " ");
    let mut letters = words.chars();
    let name: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    metric.target.as_ref().map_or_else(|| name.clone(), |target| format!("{name} (target: {target})"))
}

/// Returns a text on one line: a line break would end the comment.
fn one_line(text: &str) -> String {
    let visible = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(visible).collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Breaks a text into lines between words, those after the first indented.
fn wrapped(text: &str, indent: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("{indent}{word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(text: &str) -> String {
        rust(&Definitions::from_toml(text, "f.toml").unwrap()).unwrap()
    }

    #[test]
    fn a_flag_is_documented_as_its_owners_wrote() {
        let sample = generated(include_str!("../../sample/flags.toml"));
        let (_, rest) = sample.split_once("/// Feature flag: `telemetry_cloud_sync`").unwrap();
        assert_eq!(
            rest.split("\n\n").next().unwrap(),
            "
///
/// **Description**: Enable cloud sync for telemetry data
///
/// **Added**: v1.2.0 (2026-02-01)
/// **Default**: false (opt-in)
/// **Expires**: v1.3.0 (2026-05-01) - should be default by then
///
/// **Status**: Beta testing
/// **Rollout**: 25% of opted-in users (2026-02-10)
///
/// **Risks**:
/// - Privacy: Ensure no PII in synced data
/// - Performance: Additional network latency
/// - Cost: Backend infrastructure costs
///
/// **Metrics to Monitor**:
/// - Sync success rate (target: >95%)
/// - Sync latency (target: <500ms)
/// - Error rate (target: <5%)
///
/// **Rollback Plan**: Disable flag remotely, local-only fallback
///
/// **Privacy**: Zero PII, encrypted in transit
/// **Owner**: @alice
/// **Tracking**: Issue #245
pub const TELEMETRY_CLOUD_SYNC: &str = \"telemetry_cloud_sync\";"
        );
    }

    #[test]
    fn constants_come_in_order_of_the_keys_and_nothing_ends_a_comment() {
        let evil = "[flags.b_two]\n[flags.a-One]\ndocumentation.description = \"ends\\n*/ fn evil() {}\\u0085 x\"\n[flags.1st]\n";
        assert_eq!(
            generated(evil),
            "// Written by `flag-admin codegen` from the definitions. Edit those and run it again.\n\n\
             /// Feature flag: `1st`\npub const _1ST: &str = \"1st\";\n\n\
             /// Feature flag: `a-One`\n///\n/// **Description**: ends */ fn evil() {} x\npub const A_ONE: &str = \"a-One\";\n\n\
             /// Feature flag: `b_two`\npub const B_TWO: &str = \"b_two\";\n\n\
             /// The keys of all flags, in order.\npub const ALL_FLAGS: &[&str] = &[\n    _1ST,\n    A_ONE,\n    B_TWO,\n];\n"
        );
    }

    #[test]
    fn keys_that_would_be_one_constant_are_refused() {
        for (text, message) in [
            ("[flags.a_b]\n[flags.a-b]", "flags \"a-b\" and \"a_b\" would both be the constant A_B"),
            ("[flags.all_flags]", "flag \"all_flags\" would be the constant ALL_FLAGS, which is taken"),
            ("[flags.\"..\"]", "flag \"..\" would be the constant __, which is taken"),
        ] {
            let error = rust(&Definitions::from_toml(text, "f.toml").unwrap()).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }
}
