use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::Deserialize;
use toml_edit::{DocumentMut, InlineTable};

use super::store::StoreUrl;
use crate::app::{DEFAULT_SNAPSHOT_LIFETIME_DAYS, Settings, Sink};
use crate::log::{Actor, EnvironmentName, ProjectName};

/// The longest a snapshot may be set to live, in days.
const LIFETIME_MAX_DAYS: u32 = 3_650;

/// What stands in a project's `flag-admin.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsFile {
    /// The project, as its log has it.
    pub project: ProjectName,
    /// How many days after its signing a snapshot is stale, 1..=3650.
    #[serde(default = "default_lifetime")]
    pub snapshot_lifetime_days: u32,
    /// The environment that commands change where they name none.
    #[serde(default = "EnvironmentName::production")]
    pub environment: EnvironmentName,
    /// Who changes things where a command does not say; the system's user where absent.
    #[serde(default)]
    pub actor: Option<Actor>,
    /// Where the log is kept; the SQLite file beside the settings where absent.
    #[serde(default)]
    pub store: Option<StoreUrl>,
    /// Where each environment was published to last, which is where it goes where a command names no place.
    #[serde(default)]
    pub publish_to: BTreeMap<EnvironmentName, String>,
    /// Where alerts go, by name.
    #[serde(default)]
    pub alerts: BTreeMap<String, Sink>,
    /// Where the systems are that rollouts may ask, by the names that their plans have.
    #[serde(default)]
    pub sources: BTreeMap<String, String>,
}

/// Why a settings file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// It cannot be read.
    #[error("{place} cannot be read")]
    Unreadable {
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no TOML, or has a member that means nothing here.
    #[error("{place}:{line}:{column}: {message}")]
    Form {
        /// Where it is.
        place: String,
        /// The line, from 1 on.
        line: usize,
        /// The column, from 1 on.
        column: usize,
        /// What was found, and what was expected.
        message: String,
    },
    /// Snapshots would live for no time, or for too long.
    #[error("{place}: snapshot_lifetime_days is {found}, expected 1 to {LIFETIME_MAX_DAYS}")]
    Lifetime {
        /// Where it is.
        place: String,
        /// The number given.
        found: u32,
    },
    /// What should say where a source is, does not.
    #[error(
        "{place}: sources.{name} is no address, expected such as \"http://127.0.0.1:9090\" or \"postgres://reader@HOST/DATABASE\""
    )]
    Source {
        /// Where it is.
        place: String,
        /// The source.
        name: String,
    },
}

const fn default_lifetime() -> u32 {
    DEFAULT_SNAPSHOT_LIFETIME_DAYS
}

impl SettingsFile {
    /// Reads a settings file.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let place = path.display().to_string();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(source) => return Err(SettingsError::Unreadable { place, source }),
        };
        Self::parse(&text, &place)
    }

    /// Reads the text of a settings file. `place` is the name that errors give.
    pub fn parse(text: &str, place: &str) -> Result<Self, SettingsError> {
        let settings: Self = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let last = before.rsplit('\n').next().unwrap_or_default();
            SettingsError::Form {
                place: place.to_owned(),
                line: before.matches('\n').count().saturating_add(1),
                column: last.chars().count().saturating_add(1),
                message: error.message().lines().collect::<Vec<_>>().join(" "),
            }
        })?;
        if !(1..=LIFETIME_MAX_DAYS).contains(&settings.snapshot_lifetime_days) {
            return Err(SettingsError::Lifetime { place: place.to_owned(), found: settings.snapshot_lifetime_days });
        }
        let is_address = |address: &str| {
            let is_web = address.starts_with("http://") || address.starts_with("https://");
            if is_web { address.parse::<reqwest::Url>().is_ok() } else { address.parse::<StoreUrl>().is_ok() }
        };
        if let Some((name, _)) = settings.sources.iter().find(|(_, address)| !is_address(address)) {
            return Err(SettingsError::Source { place: place.to_owned(), name: name.clone() });
        }
        Ok(settings)
    }

    /// Returns the text of a new project's settings file.
    pub fn text(project: &ProjectName, environment: &EnvironmentName, store: Option<&StoreUrl>) -> String {
        let store = store.map_or_else(
            || String::from("# store = \"postgres://alice@localhost/flags\"\n"),
            |store| format!("store = {}\n", toml::Value::from(store.to_string())),
        );
        format!(
            "# Settings of this project. Its flags live in the log beside this file: \"flag-admin export\" prints them.\n\
             project = \"{project}\"\n\
             \n\
             # The environment that commands change where they name none with --env.\n\
             environment = \"{environment}\"\n\
             \n\
             # How many days after its signing a snapshot is stale. Clients keep a stale snapshot, and say so.\n\
             snapshot_lifetime_days = {DEFAULT_SNAPSHOT_LIFETIME_DAYS}\n\
             \n\
             # Who changes things where a command does not say with --as; else the user of the system.\n\
             # actor = \"alice\"\n\
             \n\
             # Where the log is kept, if not in log.sqlite beside this file. A password is taken from PGPASSWORD.\n\
             {store}"
        )
    }

    /// Returns the text of settings with the place that an environment is published to. Everything else in them stays, comments too.
    pub(super) fn with_target(
        text: &str,
        place: &str,
        environment: &EnvironmentName,
        target: &str,
    ) -> Result<String, SettingsError> {
        Self::parse(text, place)?;
        // It was just read as TOML.
        let mut document: DocumentMut = text.parse().unwrap_or_default();
        // In one line: below the head of a table, settings that follow would become its own.
        let targets = document.entry("publish_to").or_insert_with(|| toml_edit::value(InlineTable::new()));
        if let Some(targets) = targets.as_table_like_mut() {
            targets.insert(environment.as_str(), toml_edit::value(target));
        }
        Ok(document.to_string())
    }

    /// Returns the text of settings with the environment that commands change where they name none. Everything else in them stays.
    pub(super) fn with_environment(
        text: &str,
        place: &str,
        environment: &EnvironmentName,
    ) -> Result<String, SettingsError> {
        Self::parse(text, place)?;
        // It was just read as TOML.
        let mut document: DocumentMut = text.parse().unwrap_or_default();
        if let Some(value) = document.get_mut("environment").and_then(toml_edit::Item::as_value_mut) {
            let decor = value.decor().clone();
            *value = environment.as_str().into();
            *value.decor_mut() = decor;
        } else {
            document.insert("environment", toml_edit::value(environment.as_str()));
        }
        Ok(document.to_string())
    }

    /// Returns the text of settings with a place that alerts go to, or without it. Everything else in them stays.
    pub(super) fn with_sink(text: &str, place: &str, name: &str, sink: Option<&Sink>) -> Result<String, SettingsError> {
        Self::parse(text, place)?;
        // It was just read as TOML.
        let mut document: DocumentMut = text.parse().unwrap_or_default();
        let mut table = toml_edit::Table::new();
        table.set_implicit(true);
        let alerts = document.entry("alerts").or_insert_with(|| toml_edit::Item::Table(table));
        if let Some(alerts) = alerts.as_table_like_mut() {
            match sink {
                None => {
                    alerts.remove(name);
                }
                Some(sink) => {
                    // A sink is text, numbers and lists of them.
                    let written = toml::to_string(sink).unwrap_or_default();
                    let written: DocumentMut = written.parse().unwrap_or_default();
                    alerts.insert(name, toml_edit::Item::Table(written.as_table().clone()));
                }
            }
        }
        Ok(document.to_string())
    }

    /// Returns what use cases need of it.
    pub const fn settings(&self) -> Settings {
        Settings { snapshot_lifetime_days: self.snapshot_lifetime_days }
    }
}
