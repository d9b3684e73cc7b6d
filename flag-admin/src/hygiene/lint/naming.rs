//! Names: the pattern of keys, and the bad ones.

use std::collections::BTreeSet;

use flag_core::wire::{Kind, Stage};

use super::finding::Collector;
use super::rule::LintRule;

/// Words that fit any flag.
const VAGUE: &[&str] = &[
    "bar",
    "baz",
    "change",
    "experiment",
    "experimental",
    "feature",
    "fix",
    "flag",
    "foo",
    "hack",
    "improvement",
    "misc",
    "my",
    "new",
    "old",
    "other",
    "stuff",
    "switch",
    "temp",
    "temporary",
    "test",
    "thing",
    "tmp",
    "todo",
    "toggle",
    "update",
    "wip",
];
/// Words that name a plan for the flag rather than its feature, where they stand first or last.
const TEMPORARY: &[&str] = &["hack", "temp", "temporary", "test", "tmp", "todo", "wip"];

pub(super) fn check(collector: &mut Collector<'_>) {
    let definitions = collector.definitions;
    let owners: BTreeSet<String> = definitions
        .flags
        .iter()
        .filter_map(|(_, definition)| definition.documentation.owner.as_deref())
        .map(|owner| owner.trim().trim_start_matches('@').to_lowercase())
        .filter(|owner| !owner.is_empty())
        .collect();
    for (key, definition) in definitions.flags.iter() {
        let lower = key.to_lowercase();
        let words: Vec<&str> = lower.split(['_', '.', '-']).filter(|word| !word.is_empty()).collect();
        if let Some(message) = vague(key, &words) {
            collector.flag(LintRule::NamingVague, key, "", message);
        } else if let Some(message) = pattern(key, &words, definition.flag.kind) {
            collector.flag(LintRule::NamingPattern, key, "", message);
        }
        let personal = words.iter().find(|word| owners.contains(**word));
        if let Some(name) = personal.filter(|_| definition.flag.stage != Stage::Development) {
            let message =
                format!("{name:?} in the key {key:?} is the name of an owner, and the flag has left development");
            collector.flag(LintRule::NamingPersonal, key, "", message);
        }
    }
}

fn vague(key: &str, words: &[&str]) -> Option<String> {
    let is_number = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
    let says_nothing = |word: &&str| VAGUE.contains(word) || is_number(word) || is_version(word);
    if words.iter().all(says_nothing) {
        return Some(format!("the key {key:?} does not say what the flag switches"));
    }
    let ends = [words.first(), words.last()].into_iter().flatten();
    let word = ends.copied().find(|word| TEMPORARY.contains(word))?;
    Some(format!("{word:?} in the key {key:?} says what is planned with the flag, not what it switches"))
}

fn pattern(key: &str, words: &[&str], kind: Kind) -> Option<String> {
    let expected = "expected <domain>_<feature>, or <domain>_<feature>_v2";
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if let Some(found) = key.chars().find(|c| !is_plain(*c)) {
        return Some(format!("the key {key:?} holds {found:?}, {expected}"));
    }
    if key.contains("__") || key.starts_with('_') || key.ends_with('_') {
        return Some(format!("the key {key:?} has an empty word, {expected}"));
    }
    let (features, version) = match words.split_last() {
        Some((last, features)) if is_version(last) => (features, Some(last)),
        _ => (words, None),
    };
    if let Some(word) = features.iter().find(|word| is_version(word)) {
        return Some(format!("the version {word:?} does not stand last in the key {key:?}, {expected}"));
    }
    if let Some(word) = features.iter().find(|word| word.bytes().all(|byte| byte.is_ascii_digit())) {
        return Some(format!("the number {word:?} in the key {key:?} says nothing, {expected}"));
    }
    let enough = if kind == Kind::KillSwitch { 1 } else { 2 };
    // `safety_v2` is a feature with its version: the domain is what is missing.
    let found = features.len();
    (found < enough).then(|| {
        let version = version.map(|version| format!(" besides {version:?}")).unwrap_or_default();
        format!("the key {key:?} has {found} word{}{version}, {expected}", if found == 1 { "" } else { "s" })
    })
}

/// Tells whether a word is a version, `v2`.
fn is_version(word: &str) -> bool {
    word.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}
