use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flag_client::{
    BuildKind, ClientBuilder, Consent, CrashQuarantine, Environment, FlagClient, IdentitySource, Precedence, Remote,
    Timestamp,
};

use crate::{Features, Platform};

/// The prefix of caro's environment variables: `CARO_FF_<FLAG>` and `CARO_KILL`.
pub const ENVIRONMENT_PREFIX: &str = "CARO";

const SIDECAR_NAME: &str = "features.toml";

/// Where caro keeps what concerns features.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPaths {
    /// caro's own configuration file. Its `[feature_flags]` is read, and written unless there is a sidecar.
    pub config_file: PathBuf,
    /// A file for features alone, read above `config_file` and written in its place. For a host whose own save drops what it does not know.
    pub sidecar: Option<PathBuf>,
    /// A file of the installation, read below `config_file` and never written.
    pub system_file: Option<PathBuf>,
    /// A folder for what must not travel with a synced configuration: the install id, the last snapshot.
    pub state_dir: PathBuf,
}

/// Why there are no paths.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathsError {
    /// The user has no home folder.
    #[error("no home folder found, expected one that holds .caro/config.toml")]
    NoHome,
}

impl HostPaths {
    /// Returns caro's paths for the user who runs this: `~/.caro/config.toml`, and `caro` in the folder that the platform keeps for state.
    pub fn of_user() -> Result<Self, PathsError> {
        let home = dirs::home_dir().ok_or(PathsError::NoHome)?;
        let state = dirs::state_dir().or_else(dirs::data_local_dir).map(|folder| folder.join("caro"));
        let paths = Self::in_home(&home);
        Ok(Self { state_dir: state.unwrap_or(paths.state_dir), ..paths })
    }

    /// Returns caro's paths in a home folder: `.caro/config.toml` and `.local/state/caro`.
    pub fn in_home(home: &Path) -> Self {
        Self {
            config_file: home.join(".caro").join("config.toml"),
            sidecar: None,
            system_file: None,
            state_dir: home.join(".local").join("state").join("caro"),
        }
    }

    /// Replaces the configuration file.
    #[must_use]
    pub fn with_config_file(self, config_file: impl Into<PathBuf>) -> Self {
        Self { config_file: config_file.into(), ..self }
    }

    /// Writes to `features.toml` beside the configuration file from now on.
    #[must_use]
    pub fn with_sidecar(self) -> Self {
        Self { sidecar: Some(self.config_file.with_file_name(SIDECAR_NAME)), ..self }
    }

    /// Reads the installation's file, too.
    #[must_use]
    pub fn with_system_file(self, system_file: impl Into<PathBuf>) -> Self {
        Self { system_file: Some(system_file.into()), ..self }
    }

    /// Returns the file that choices are written to.
    pub fn written_file(&self) -> &Path {
        self.sidecar.as_deref().unwrap_or(&self.config_file)
    }
}

/// What the signs in tables are made of.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// Circles and arrows.
    #[default]
    Unicode,
    /// For terminals that know no others.
    Ascii,
}

/// What features must know about the program that they are in.
pub struct Host {
    pub(crate) app_version: String,
    pub(crate) feedback_channels: Vec<String>,
    pub(crate) platform: Platform,
    pub(crate) glyphs: Glyphs,
    pub(crate) environment: Option<Environment>,
    pub(crate) identity: Option<IdentitySource>,
    /// What goes to the client as it is. Kept in its builder, so that what a host never asks for is not linked.
    pub(crate) client: ClientBuilder,
}

impl Host {
    /// Returns a host of this version: on the platform it was compiled for, a release, without remote flags.
    pub fn new(app_version: impl Into<String>) -> Self {
        Self {
            app_version: app_version.into(),
            feedback_channels: Vec::new(),
            platform: Platform::current(),
            glyphs: Glyphs::default(),
            environment: None,
            identity: None,
            client: FlagClient::builder(),
        }
    }

    /// Adds a way for users to say what they think of a feature, as shown below the list: `Discord: #feedback channel`.
    #[must_use]
    pub fn feedback_channel(mut self, text: impl Into<String>) -> Self {
        self.feedback_channels.push(text.into());
        self
    }

    /// Decides for another platform than the one this was compiled for.
    #[must_use]
    pub fn platform(self, platform: Platform) -> Self {
        Self { platform, ..self }
    }

    /// Makes tables of other signs.
    #[must_use]
    pub fn glyphs(self, glyphs: Glyphs) -> Self {
        Self { glyphs, ..self }
    }

    /// Takes these variables in place of the process's own.
    #[must_use]
    pub fn environment(self, environment: Environment) -> Self {
        Self { environment: Some(environment), ..self }
    }

    /// Says whether the snapshot or the user's base values win.
    #[must_use]
    pub fn precedence(self, precedence: Precedence) -> Self {
        Self { client: self.client.precedence(precedence), ..self }
    }

    /// Says what kind of build this is: in a development build the environment may turn on everything.
    #[must_use]
    pub fn build_kind(self, build_kind: BuildKind) -> Self {
        Self { client: self.client.build_kind(build_kind), ..self }
    }

    /// Takes the id that buckets are drawn from from elsewhere than the state folder.
    #[must_use]
    pub fn identity(self, identity: IdentitySource) -> Self {
        Self { identity: Some(identity), ..self }
    }

    /// Reads flags from signed snapshots, too. Without this, flags are what the user's files say.
    #[must_use]
    pub fn remote(self, remote: Remote) -> Self {
        Self { client: self.client.remote(remote), ..self }
    }

    /// Says whether the user agreed to anonymous reports, as they do to telemetry. Without this, or with [`Consent::Withheld`], nothing is
    /// recorded, kept or sent. No feature's state depends on it.
    #[must_use]
    pub fn reports(self, consent: Consent) -> Self {
        Self { client: self.client.reports(consent), ..self }
    }

    /// Takes features that were changed back to what they were, where caro crashes since. See [`flag_client::quarantine`] for what the
    /// program has to do.
    #[must_use]
    pub fn crash_quarantine(self, quarantine: CrashQuarantine) -> Self {
        Self { client: self.client.crash_quarantine(quarantine), ..self }
    }

    /// Tells the time otherwise than the system does, for tests.
    #[must_use]
    pub fn clock(self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { client: self.client.clock(clock), ..self }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("app_version", &self.app_version)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}

static FEATURES: OnceLock<Features> = OnceLock::new();

/// Opens the features of this process, once: whoever comes later gets what the first call opened.
pub fn init(paths: HostPaths, host: Host) -> &'static Features {
    FEATURES.get_or_init(|| Features::open(paths, host))
}

/// Returns the features of this process, once [`init`] was called.
pub fn features() -> Option<&'static Features> {
    FEATURES.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_home_folder_unless_the_host_says_otherwise() {
        let paths = HostPaths::in_home(Path::new("home"));
        assert_eq!(paths.config_file, Path::new("home/.caro/config.toml"));
        assert_eq!(paths.state_dir, Path::new("home/.local/state/caro"));
        assert_eq!(paths.written_file(), Path::new("home/.caro/config.toml"));
        assert_eq!((&paths.sidecar, &paths.system_file), (&None, &None));

        let paths = paths.with_config_file("etc/caro/config.toml").with_sidecar().with_system_file("usr/caro.toml");
        assert_eq!(paths.config_file, Path::new("etc/caro/config.toml"));
        assert_eq!(paths.written_file(), Path::new("etc/caro/features.toml"));
        assert_eq!(paths.system_file.as_deref(), Some(Path::new("usr/caro.toml")));
    }
}
