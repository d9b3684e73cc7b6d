//! What the layers of this machine say, flag by flag, before anybody judges it.

use std::collections::BTreeMap;

use crate::builder::ClientBuilder;
use crate::decision::{Layer, LocalValue, Origin};
use crate::environment::variable_of;
use crate::local_file::{Contents, KillSetting, Setting};
use crate::problem::Problem;

/// Whose file it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum FileOwner {
    /// The user's, or the sidecar beside it.
    User,
    /// The machine's.
    System,
}

/// What local layers say about one flag, strongest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) forced: Option<LocalValue>,
    pub(crate) overrides: Vec<(Origin, LocalValue)>,
    pub(crate) base: Vec<(Origin, LocalValue)>,
}

/// Everything that local layers say.
#[derive(Debug, Default)]
pub(crate) struct LocalLayers {
    pub(crate) settings: BTreeMap<Box<str>, Settings>,
    /// Kills as they are spelled.
    pub(crate) kills: Vec<(Box<str>, Origin)>,
    pub(crate) problems: Vec<Problem>,
}

impl LocalLayers {
    /// Takes what the host, the environment and the files say. Files come strongest first. `known` are the flags of snapshot and code.
    pub(crate) fn gather<'k>(
        host: &ClientBuilder,
        files: Vec<(FileOwner, Contents)>,
        known: &(impl Iterator<Item = &'k str> + Clone),
    ) -> Self {
        let mut layers = Self::default();
        for (flag, value) in host.forced.list() {
            layers.of(&flag).forced = Some(value);
        }
        layers.kills.extend(host.kills.iter().map(|target| (target.clone(), Origin::of(Layer::CommandLine))));
        for (variable, target) in &host.environment.kills {
            layers.kills.push((target.clone(), Origin::variable(variable)));
        }
        for variable in &host.environment.unreadable {
            layers.problems.push(Problem::VariableEncoding { variable: variable.clone() });
        }
        layers.take_variables(host, &files, known);
        for (owner, contents) in files {
            layers.take_file(owner, contents);
        }
        layers
    }

    fn of(&mut self, flag: &str) -> &mut Settings {
        self.settings.entry(flag.into()).or_default()
    }

    fn take_variables<'k>(
        &mut self,
        host: &ClientBuilder,
        files: &[(FileOwner, Contents)],
        known: &(impl Iterator<Item = &'k str> + Clone),
    ) {
        for variable in &host.environment.flags {
            let origin = Origin::variable(&variable.name);
            let suffix = variable_of(&variable.suffix);
            let mut fitting: Vec<&str> = Vec::new();
            let local = files.iter().flat_map(|(_, contents)| &contents.base).map(|setting| &*setting.key);
            let known = known.clone().map(|key| -> &str { key });
            for key in known.chain(local).filter(|key| variable_of(key) == suffix) {
                if let Err(at) = fitting.binary_search(&key) {
                    fitting.insert(at, key);
                }
            }
            match *fitting {
                [] => {
                    let flag = variable.suffix.to_ascii_lowercase().into();
                    self.problems.push(Problem::UnknownFlag { origin, flag });
                }
                [flag] => self.of(flag).overrides.push((origin, LocalValue::Variant(variable.value.clone()))),
                _ => {
                    let flags = fitting.join(", ").into();
                    self.problems.push(Problem::AmbiguousVariable { variable: variable.name.clone(), flags });
                }
            }
        }
    }

    fn take_file(&mut self, owner: FileOwner, contents: Contents) {
        let (base, kill) = match owner {
            FileOwner::User => (Layer::UserBase, Layer::UserKill),
            FileOwner::System => (Layer::SystemBase, Layer::SystemKill),
        };
        for Setting { key, value, place } in contents.base {
            self.of(&key).base.push((Origin::at(base, place), value));
        }
        for Setting { key, value, place } in contents.overrides {
            match owner {
                FileOwner::User => self.of(&key).overrides.push((Origin::at(Layer::UserOverride, place), value)),
                FileOwner::System => self.problems.push(Problem::SystemOverride { place, flag: key }),
            }
        }
        let kills = contents.kills.into_iter().filter(|setting| setting.killed);
        self.kills.extend(kills.map(|KillSetting { key, place, .. }| (key, Origin::at(kill, place))));
        self.problems.extend(contents.problems);
    }
}
