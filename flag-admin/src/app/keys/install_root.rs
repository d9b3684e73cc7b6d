use flag_client::trust::{TrustError, TrustState};
use flag_core::Timestamp;
use serde::Serialize;

use super::ceremony::{CeremonyError, read};
use crate::app::error::{AppError, Failure};
use crate::app::ports::{RootKeeper, RootStoreError};
use crate::app::project::Project;
use crate::log::{Change, Digest, EnvironmentName};

/// Why a root cannot be installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallRootError {
    /// It is no root.
    #[error(transparent)]
    Ceremony(#[from] CeremonyError),
    /// Clients would not follow it.
    #[error("clients would refuse the root")]
    Refused(#[source] TrustError),
    /// The project is further on.
    #[error("root {found} is older than the project's root {held}")]
    Outdated {
        /// The version found.
        found: u64,
        /// The version in force.
        held: u64,
    },
}

impl Failure for InstallRootError {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(_) => "not_trusted",
            Self::Outdated { .. } => "outdated_root",
            Self::Ceremony(error) => error.code(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(TrustError::BelowThreshold { .. }) => {
                Some("see whose signatures it lacks: flag-admin root show FILE --from BEFORE".to_owned())
            }
            Self::Refused(_) | Self::Outdated { .. } => None,
            Self::Ceremony(error) => error.hint(),
        }
    }
}

/// A root that is in force in the project from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct InstalledRoot {
    /// Its version.
    pub version: u64,
    /// Its epoch.
    pub epoch: u64,
    /// From when on it accepts no new snapshots.
    pub expires_at: Timestamp,
    /// Whether it ended the epoch before: every snapshot published so far is refused from then on.
    pub ends_epoch: bool,
}

impl Project {
    /// Puts a root into force that was signed elsewhere, if clients would follow it: it is the very next one, and signed by the thresholds
    /// of the root before it and its own. Doing so again changes nothing, so that an interruption is made up for.
    pub fn install_root(
        &mut self,
        environment: &EnvironmentName,
        keeper: &mut dyn RootKeeper,
        envelope: &[u8],
    ) -> Result<InstalledRoot, AppError> {
        self.refresh()?;
        let now = self.now();
        let (signed, root) = read("the root", envelope).map_err(InstallRootError::from)?;
        let roots = self.ports.roots.roots()?;
        let first = roots.first().ok_or(RootStoreError::Missing { place: "root 1".to_owned() })?;
        let mut trust = TrustState::open(first, self.state.project().as_str(), environment.as_str())
            .map_err(InstallRootError::Refused)?;
        for known in roots.iter().skip(1) {
            trust.accept_root(known, now).map_err(InstallRootError::Refused)?;
        }
        let held = trust.root().version;
        if root.version < held {
            return Err(InstallRootError::Outdated { found: root.version, held }.into());
        }
        trust.accept_root(envelope, now).map_err(InstallRootError::Refused)?;
        let in_force = self.state.root().copied();
        let installed = InstalledRoot {
            version: root.version,
            epoch: root.epoch,
            expires_at: root.expires_at,
            ends_epoch: in_force.is_some_and(|before| root.epoch > before.epoch),
        };
        // The same document with other signatures is no other root, and the one that is kept is good.
        if root.version > held {
            keeper.keep(root.version, envelope)?;
        }
        if in_force.is_none_or(|before| before.version < root.version) {
            let change = Change::RootPublished {
                version: root.version,
                epoch: root.epoch,
                digest: Digest::of(signed.document()),
                expires_at: root.expires_at,
            };
            self.append(environment, &[change], None)?;
        }
        Ok(installed)
    }
}
