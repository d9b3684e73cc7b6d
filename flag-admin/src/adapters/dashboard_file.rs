use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::app::Failure;

/// What one person wants of the dashboard: `flag-admin/dashboard.toml` where the system keeps configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DashboardFile {
    /// The name of a theme; found out where absent.
    pub theme: Option<String>,
    /// Whether ASCII characters alone are drawn.
    pub ascii: bool,
    /// Whether the mouse is left to the terminal.
    pub no_mouse: bool,
    /// Keys in place of those of some commands.
    pub keys: BTreeMap<String, Vec<String>>,
}

/// Why a configuration of the dashboard cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DashboardFileError {
    /// It cannot be read.
    #[error("dashboard configuration {place} cannot be read")]
    Unreadable {
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is no TOML of the form expected.
    #[error("dashboard configuration {place}: {}", source.message())]
    Form {
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: toml::de::Error,
    },
}

impl Failure for DashboardFileError {
    fn code(&self) -> &'static str {
        "bad_dashboard_file"
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Form { .. } => Some("expected such as: theme = \"light\" and [keys] kill = [\"ctrl-k\"]".to_owned()),
        }
    }
}

impl DashboardFile {
    /// Reads the file named, else the one in the user's configuration. Where that does not exist, nothing is wanted.
    pub fn find(named: Option<&Path>) -> Result<Self, DashboardFileError> {
        let Some(path) = named.map(Path::to_path_buf).or_else(default_path) else { return Ok(Self::default()) };
        let place = path.display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).map_err(|source| DashboardFileError::Form { place, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => Ok(Self::default()),
            Err(source) => Err(DashboardFileError::Unreadable { place, source }),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the adapter that reads where configurations are kept")]
fn default_path() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let configurations = folder("XDG_CONFIG_HOME")
        .or_else(|| folder("APPDATA"))
        .or_else(|| folder("HOME").map(|home| home.join(".config")))?;
    Some(configurations.join("flag-admin").join("dashboard.toml"))
}

/// Tells whether the environment says that the terminal's background is light, as some terminals do.
#[expect(clippy::disallowed_methods, reason = "this is the adapter that reads the environment")]
pub fn is_on_light_background() -> bool {
    let colours = std::env::var("COLORFGBG").unwrap_or_default();
    matches!(colours.rsplit(';').next(), Some("7" | "15"))
}
