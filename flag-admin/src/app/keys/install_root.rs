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
    /// Works out what [`install_root`](Self::install_root) would do, and refuses what it refuses.
    pub fn propose_root(&mut self, environment: &EnvironmentName, envelope: &[u8]) -> Result<InstalledRoot, AppError> {
        Ok(self.next_root(environment, envelope)?.installed)
    }

    /// Puts a root into force that was signed elsewhere, if clients would follow it: it is the very next one, and signed by the thresholds
    /// of the root before it and its own. Doing so again changes nothing, so that an interruption is made up for.
    pub fn install_root(
        &mut self,
        environment: &EnvironmentName,
        keeper: &mut dyn RootKeeper,
        envelope: &[u8],
    ) -> Result<InstalledRoot, AppError> {
        let NextRoot { installed, is_kept, change } = self.next_root(environment, envelope)?;
        // The same document with other signatures is no other root, and the one that is kept is good.
        if !is_kept {
            keeper.keep(installed.version, envelope)?;
        }
        if let Some(change) = change {
            self.append(environment, &[change], None)?;
        }
        Ok(installed)
    }

    fn next_root(&mut self, environment: &EnvironmentName, envelope: &[u8]) -> Result<NextRoot, AppError> {
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
        let is_new = in_force.is_none_or(|before| before.version < root.version);
        let change = is_new.then(|| Change::RootPublished {
            version: root.version,
            epoch: root.epoch,
            digest: Digest::of(signed.document()),
            expires_at: root.expires_at,
        });
        // Before a file is kept: whoever may not have it in the log may not have it in the folder.
        if let Some(change) = &change {
            self.check_change(change, self.state.environment(environment))?;
        }
        let installed = InstalledRoot {
            version: root.version,
            epoch: root.epoch,
            expires_at: root.expires_at,
            ends_epoch: in_force.is_some_and(|before| root.epoch > before.epoch),
        };
        Ok(NextRoot { installed, is_kept: root.version == held, change })
    }
}

/// What installing a root takes.
struct NextRoot {
    installed: InstalledRoot,
    is_kept: bool,
    /// What the log does not say yet.
    change: Option<Change>,
}
