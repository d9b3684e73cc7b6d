use std::fmt;

use flag_client::{
    Attributes, Change, ClientError, Environment, FlagClient, FlagName, IdentitySource, Outcomes, Problem,
};

use crate::features_command::words;
use crate::host::{ENVIRONMENT_PREFIX, Glyphs};
use crate::{Host, HostPaths, KillSwitches, Platform, flags};

const INSTALL_ID_NAME: &str = "install-id";
const OUTCOMES_NAME: &str = "outcomes";

/// caro's features as they stand on this machine.
///
/// Reading one takes no lock and touches no disk. Changes by the user are on the disk when the call returns.
pub struct Features {
    client: FlagClient,
    paths: HostPaths,
    app_version: String,
    feedback_channels: Vec<String>,
    platform: Platform,
    glyphs: Glyphs,
}

impl Features {
    /// Opens the features kept at these paths. Never fails: what went wrong is in [`problems`](Self::problems), and the rest holds.
    pub fn open(paths: HostPaths, host: Host) -> Self {
        let environment = host.environment.unwrap_or_else(|| Environment::from_process(ENVIRONMENT_PREFIX));
        let identity = host.identity.unwrap_or_else(|| IdentitySource::File(paths.state_dir.join(INSTALL_ID_NAME)));
        let attributes = Attributes::from_iter([
            ("os", host.platform.os),
            ("arch", host.platform.arch),
            ("app_version", &host.app_version),
        ]);
        let outcomes = Outcomes::new().folder(paths.state_dir.join(OUTCOMES_NAME));
        let outcomes = outcomes.unless_killed(flags::TELEMETRY.key());
        let mut builder = host
            .client
            .declare(flags::declarations(host.platform))
            .user_file(&paths.config_file)
            .environment(environment)
            .identity(identity)
            .context_attributes(attributes)
            .outcomes(outcomes);
        if let Some(sidecar) = &paths.sidecar {
            builder = builder.sidecar(sidecar);
        }
        if let Some(system_file) = &paths.system_file {
            builder = builder.system_file(system_file);
        }
        Self {
            client: builder.open(),
            paths,
            app_version: host.app_version,
            feedback_channels: host.feedback_channels,
            platform: host.platform,
            glyphs: host.glyphs,
        }
    }

    /// Tells whether a feature is on. One that nobody knows is off.
    pub fn is_enabled(&self, feature: impl FlagName) -> bool {
        self.client.is_enabled(feature)
    }

    /// Returns the variant of a feature that this machine is served, such as `treatment`.
    pub fn variant(&self, feature: impl FlagName) -> Option<String> {
        self.client.variant(feature)
    }

    /// Tells whether a kill stands against a feature or capability, wherever it was set.
    pub fn is_killed(&self, target: impl FlagName) -> bool {
        self.client.is_killed(target.key())
    }

    /// Returns the kill switches as they stand now.
    pub fn kill_switches(&self) -> KillSwitches {
        KillSwitches::load(self)
    }

    /// Turns a feature on for this user, or opts them into its rollout.
    pub fn enable(&self, feature: impl FlagName) -> Result<Change, ClientError> {
        self.client.enable(feature)
    }

    /// Turns a feature off for this user.
    pub fn disable(&self, feature: impl FlagName) -> Result<Change, ClientError> {
        self.client.disable(feature)
    }

    /// Returns what went wrong and stopped nothing: a file that does not parse, a value that is none, a flag that nobody knows.
    pub fn problems(&self) -> Vec<Problem> {
        self.client.problems()
    }

    /// Returns the [`problems`](Self::problems) in words for users, a line each, for a host to say where it says warnings. What the crash
    /// quarantine holds back is none of them: `features list` tells of it.
    pub fn warnings(&self) -> Vec<String> {
        words::problems(self).into_iter().map(|problem| problem.lines().collect::<Vec<_>>().join(" ")).collect()
    }

    /// Returns the flag client itself.
    pub const fn client(&self) -> &FlagClient {
        &self.client
    }

    /// Returns where things are kept.
    pub const fn paths(&self) -> &HostPaths {
        &self.paths
    }

    /// Returns the platform that defaults were taken for.
    pub const fn platform(&self) -> Platform {
        self.platform
    }

    /// Returns the version of the program.
    pub fn app_version(&self) -> &str {
        &self.app_version
    }

    /// Returns the ways for users to say what they think of a feature.
    pub fn feedback_channels(&self) -> &[String] {
        &self.feedback_channels
    }

    pub(crate) const fn glyphs(&self) -> Glyphs {
        self.glyphs
    }
}

impl fmt::Debug for Features {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Features")
            .field("paths", &self.paths)
            .field("app_version", &self.app_version)
            .field("platform", &self.platform)
            .finish_non_exhaustive()
    }
}
