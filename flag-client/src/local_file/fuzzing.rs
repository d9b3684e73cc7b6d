//! Reading and editing a file's text without the file, for the fuzz targets.

use std::path::Path;

use super::edit::{Edit, apply};
use super::{Section, read};

/// Returns every setting of a text as `section.key = value`, unless it is not TOML.
pub fn settings(text: &str) -> Option<Vec<String>> {
    let contents = read::parse(Path::new("config.toml"), text).ok()?;
    let base = contents.base.iter().map(|one| format!("base.{:?} = {}", one.key, one.value));
    let overrides = contents.overrides.iter().map(|one| format!("overrides.{:?} = {}", one.key, one.value));
    let kills = contents.kills.iter().map(|one| format!("kills.{:?} = {}", one.key, one.killed));
    Some(base.chain(overrides).chain(kills).collect())
}

/// Returns the text with an override set, or without it, unless that is refused.
pub fn edited(text: &str, key: &str, value: Option<bool>) -> Option<String> {
    let (section, key) = (Section::Overrides, key.into());
    let edit = match value {
        Some(on) => Edit::Set { section, key, value: on.into() },
        None => Edit::Remove { section, key },
    };
    apply(Path::new("config.toml"), text, &[edit]).ok()
}
