//! Everything a host tells the client before it opens.

use std::borrow::Borrow;
use std::path::PathBuf;
use std::sync::Arc;

use flag_core::{Attributes, Timestamp};

use crate::client::FlagClient;
use crate::decision::LocalValue;
use crate::declaration::Declaration;
use crate::environment::Environment;
use crate::forced::Forced;
use crate::hook::{EvaluationHook, Hooks};
use crate::identity::IdentitySource;
use crate::outcomes::{Consent, Outcomes};
use crate::published::Documents;
use crate::quarantine::{CrashQuarantine, MakeQuarantine, Quarantine};

/// The published flags of one environment of one project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// The project.
    pub project: String,
    /// The environment of the project, `production` as a rule.
    pub environment: String,
    /// The root that the application ships: the bytes of its envelope.
    pub pinned_root: Vec<u8>,
    /// The file that keeps the trusted documents between runs.
    pub state_file: PathBuf,
    /// A snapshot that the application ships: the bytes of its envelope.
    pub bundled_snapshot: Option<Vec<u8>>,
    /// Where documents are published: an `https` URL (`http` for loopback hosts only), a `file` URL or a folder's path.
    pub url: Option<String>,
}

/// Whether published flags or the base values of local files are stronger. Overrides and kills stand above both.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precedence {
    /// The snapshot decides; base values are for flags it does not have.
    #[default]
    RemoteOverLocal,
    /// Base values decide; the snapshot is for flags they do not name.
    LocalOverRemote,
    /// The snapshot decides nothing and is never fetched. Kills that were published before stay in force.
    LocalOnly,
}

/// Who a build is for.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildKind {
    /// For users: environment variables are under the same permission as user overrides.
    #[default]
    Release,
    /// For developers: environment variables choose any variant of any flag.
    Development,
}

pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Gathers what a [`FlagClient`] needs.
#[must_use]
pub struct ClientBuilder {
    pub(crate) declarations: Vec<Declaration>,
    pub(crate) user_file: Option<PathBuf>,
    pub(crate) sidecar: Option<PathBuf>,
    pub(crate) system_file: Option<PathBuf>,
    pub(crate) remote: Option<Remote>,
    /// Stands with `remote`.
    pub(crate) documents: Option<Documents>,
    pub(crate) environment: Environment,
    pub(crate) precedence: Precedence,
    pub(crate) build_kind: BuildKind,
    /// Set by the host, or chosen when the client opens.
    identity: Option<IdentitySource>,
    pub(crate) attributes: Attributes,
    pub(crate) kills: Vec<Box<str>>,
    pub(crate) forced: Forced,
    pub(crate) clock: Clock,
    pub(crate) hooks: Hooks,
    pub(crate) quarantine: Option<MakeQuarantine>,
    pub(crate) outcomes: Option<Outcomes>,
    pub(crate) consent: Consent,
    #[cfg(feature = "remote")]
    pub(crate) sync_deadline: std::time::Duration,
    #[cfg(feature = "remote")]
    pub(crate) bearer_token: Option<crate::fetch::BearerToken>,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            declarations: Vec::new(),
            user_file: None,
            sidecar: None,
            system_file: None,
            remote: None,
            documents: None,
            environment: Environment::default(),
            precedence: Precedence::default(),
            build_kind: BuildKind::default(),
            identity: None,
            attributes: Attributes::new(),
            kills: Vec::new(),
            forced: Forced::default(),
            clock: Arc::new(crate::clock::system_time),
            hooks: Hooks::default(),
            quarantine: None,
            outcomes: None,
            consent: Consent::default(),
            #[cfg(feature = "remote")]
            sync_deadline: crate::fetch::DEADLINE,
            #[cfg(feature = "remote")]
            bearer_token: None,
        }
    }

    /// Adds flags that the application knows.
    pub fn declare(mut self, flags: impl IntoIterator<Item = impl Borrow<Declaration>>) -> Self {
        self.declarations.extend(flags.into_iter().map(|flag| *flag.borrow()));
        self
    }

    /// Sets the user's file. Changes are written to it, unless there is a sidecar.
    pub fn user_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.user_file = Some(path.into());
        self
    }

    /// Sets a file beside the user's that changes are written to instead. What it says is stronger than the user's file.
    pub fn sidecar(mut self, path: impl Into<PathBuf>) -> Self {
        self.sidecar = Some(path.into());
        self
    }

    /// Sets a file of the machine, for base values and kills. It is never written.
    pub fn system_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.system_file = Some(path.into());
        self
    }

    /// Sets where published flags come from. Without it there are none.
    pub fn remote(mut self, remote: Remote) -> Self {
        self.remote = Some(remote);
        self.documents = Some(Documents::READ);
        self
    }

    /// Sets the environment variables that count; none if not set.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets whether published flags or local base values are stronger.
    pub fn precedence(mut self, precedence: Precedence) -> Self {
        self.precedence = precedence;
        self
    }

    /// Sets who the build is for.
    pub fn build_kind(mut self, kind: BuildKind) -> Self {
        self.build_kind = kind;
        self
    }

    /// Sets where the installation's id comes from. Not set, it is the file `install-id` beside the trust state of a
    /// [`remote`](Self::remote), and none without a remote. Without an id, splits serve what they serve to those not exposed.
    pub fn identity(mut self, source: IdentitySource) -> Self {
        self.identity = Some(source);
        self
    }

    /// Sets the facts that published conditions may test, such as `os`, `arch` and the application's version.
    pub fn context_attributes(mut self, attributes: Attributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// Adds kills from the host's command line.
    pub fn kill<T: Into<Box<str>>>(mut self, targets: impl IntoIterator<Item = T>) -> Self {
        self.kills.extend(targets.into_iter().map(Into::into));
        self
    }

    /// Forces a flag's state from test code: stronger than everything but a kill, and under no permission.
    pub fn force(self, flag: impl Into<Box<str>>, value: impl Into<LocalValue>) -> Self {
        self.forced.add(flag.into(), value.into());
        self
    }

    /// Sets the clock; the system's if not set. It is read when the client opens, reloads and syncs.
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Turns recording on: how uses of flags end, for reports. Without it, and without the user's consent to [`reports`](Self::reports),
    /// nothing is recorded. No decision depends on it.
    pub fn outcomes(mut self, outcomes: Outcomes) -> Self {
        self.outcomes = Some(outcomes);
        self
    }

    /// Sets whether the user agreed to anonymous reports; they did not if not set. Without consent nothing is recorded, kept or sent.
    pub fn reports(mut self, consent: Consent) -> Self {
        self.consent = consent;
        self
    }

    /// Adds something that is told of evaluations. Without any, they cost nothing more.
    pub fn hook(mut self, hook: impl EvaluationHook) -> Self {
        self.hooks.add(hook);
        self
    }

    /// Sets how long one [`sync`](FlagClient::sync) may take in all; 10 seconds if not set.
    #[cfg(feature = "remote")]
    pub fn sync_deadline(mut self, time: std::time::Duration) -> Self {
        self.sync_deadline = time;
        self
    }

    /// Sets the token that opens a private remote. It is sent to the remote's own host and to no other.
    #[cfg(feature = "remote")]
    pub fn bearer_token(mut self, token: crate::fetch::BearerToken) -> Self {
        self.bearer_token = Some(token);
        self
    }

    /// Turns the crash quarantine on: flags that changed before the program began to crash go back to their last good definition. It
    /// keeps its files beside the trust state of a [`remote`](Self::remote), and does nothing without one. See
    /// [`quarantine`](crate::quarantine) for what counts as a crash, and what a host must do.
    pub fn crash_quarantine(mut self, quarantine: CrashQuarantine) -> Self {
        self.quarantine = Some(Box::new(move |trust_state| Box::new(Quarantine::new(quarantine, trust_state))));
        self
    }

    /// Returns where the installation's id comes from.
    pub(crate) fn identity_source(&self) -> IdentitySource {
        let beside = |remote: &Remote| IdentitySource::File(remote.state_file.with_file_name("install-id"));
        self.identity.clone().or_else(|| self.remote.as_ref().map(beside)).unwrap_or_default()
    }

    /// Opens the client. Never fails: what went wrong stands in [`FlagClient::problems`], and everything else is in force.
    ///
    /// Reads local files, and nothing else: no network, no thread.
    pub fn open(self) -> FlagClient {
        FlagClient::open(self)
    }
}
