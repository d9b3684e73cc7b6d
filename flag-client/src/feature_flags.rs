//! The plain form: two maps over one file, for programs that need no more.

use std::collections::BTreeMap;
use std::path::Path;

use crate::decision::LocalValue;
use crate::local_file::{self, Edit, LocalFileError, Section, Setting};

/// Flags of one local file, without layers, permissions or kills: an override decides, else the flag's value, else it is off.
///
/// [`FlagClient`](crate::FlagClient) reads the same file and is what a program grows into.
///
/// ```
/// use flag_client::FeatureFlags;
/// let mut flags = FeatureFlags::default();
/// flags.flags.insert("mlx_backend".into(), true);
/// flags.disable("mlx_backend");
/// assert!(!flags.is_enabled("mlx_backend"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeatureFlags {
    /// `[feature_flags]`: whether each flag is on.
    pub flags: BTreeMap<String, bool>,
    /// `[feature_flags.overrides]`: what the user chose, which is stronger.
    pub overrides: BTreeMap<String, bool>,
}

impl FeatureFlags {
    /// Tells whether a flag is on: overrides, then flags, then off.
    pub fn is_enabled(&self, flag: &str) -> bool {
        self.overrides.get(flag).or_else(|| self.flags.get(flag)).copied().unwrap_or(false)
    }

    /// Turns a flag on by an override. Nothing is written before [`save`](Self::save).
    pub fn enable(&mut self, flag: &str) {
        self.overrides.insert(flag.to_owned(), true);
    }

    /// Turns a flag off by an override. Nothing is written before [`save`](Self::save).
    pub fn disable(&mut self, flag: &str) {
        self.overrides.insert(flag.to_owned(), false);
    }

    /// Reads a file. One that does not exist has no flags; values that are not `true` or `false` are left out.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LocalFileError> {
        let contents = local_file::read(path.as_ref())?;
        let switches = |settings: Vec<Setting>| {
            let switch = |setting: Setting| match setting.value {
                LocalValue::Switch(on) => Some((setting.key.into(), on)),
                LocalValue::Variant(_) => None,
            };
            settings.into_iter().filter_map(switch).collect()
        };
        Ok(Self { flags: switches(contents.base), overrides: switches(contents.overrides) })
    }

    /// Writes the flags into a file: comments, order, other sections and other values stay. Flags that were `true` or `false` in the file
    /// and are not here any more are removed. A file that cannot be parsed is not touched.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), LocalFileError> {
        let path = path.as_ref();
        let stored = Self::load(path)?;
        let tables =
            [(Section::Base, &self.flags, &stored.flags), (Section::Overrides, &self.overrides, &stored.overrides)];
        let mut edits = Vec::new();
        for (section, wanted, stored) in tables {
            let gone = stored.keys().filter(|key| !wanted.contains_key(*key));
            edits.extend(gone.map(|key| Edit::Remove { section, key: key.as_str().into() }));
            let changed = wanted.iter().filter(|(key, on)| stored.get(*key) != Some(on));
            edits.extend(changed.map(|(key, on)| Edit::Set { section, key: key.as_str().into(), value: (*on).into() }));
        }
        local_file::edit(path, &edits).map(drop)
    }
}
