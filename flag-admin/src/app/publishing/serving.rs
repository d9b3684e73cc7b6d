use std::collections::{BTreeMap, BTreeSet};

use flag_client::trust::{RootDocument, TrustError, TrustState};
use flag_core::wire::{self, Snapshot, SnapshotError};
use flag_core::{FlagKey, Ruleset, Share, Timestamp};

use super::verify::{VerifyError, unverified};
use crate::app::error::Failure;
use crate::app::ports::Publication;
use crate::log::{Digest, EnvironmentName};

/// What a server hands out and decides by: documents that were verified by the very steps of a client.
#[derive(Debug)]
pub struct Serving {
    /// The documents, byte for byte as they are published.
    pub publication: Publication,
    /// The snapshot among them, ready to decide.
    pub rules: Option<Rules>,
    /// The root in force.
    pub root_version: u64,
    /// How many kills stand, whichever document they are from.
    pub kills: usize,
}

/// A snapshot that decides, the emergency key's kills included.
#[derive(Debug)]
pub struct Rules {
    /// The flags.
    pub ruleset: Ruleset,
    /// The snapshot's epoch.
    pub epoch: u64,
    /// The snapshot's version.
    pub version: u64,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// From when on it is stale.
    pub expires_at: Timestamp,
    /// The exposure shares of each flag's splits.
    steps: BTreeMap<Box<str>, BTreeSet<Share>>,
    /// Names what decides: it changes with the snapshot and with every kill.
    pub fingerprint: Digest,
}

/// Why documents are not served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServingError {
    /// There is no root to begin with.
    #[error("the project has no root")]
    NoRoot,
    /// The first root is no root.
    #[error(transparent)]
    Root(#[from] VerifyError),
    /// A document would be refused by clients.
    #[error("the published {document} would be refused by clients")]
    Trust {
        /// Which.
        document: &'static str,
        /// Why.
        #[source]
        source: TrustError,
    },
    /// Another root of the same version is published.
    #[error("another root {version} is published")]
    OtherRoot {
        /// Its version.
        version: u64,
    },
    /// Kills that were signed since would be lost.
    #[error("the kills document was signed at {found}, and the published one at {published}")]
    OlderKills {
        /// When it was signed.
        found: Timestamp,
        /// When the published one was.
        published: Timestamp,
    },
    /// Nothing else carries the kills of the document.
    #[error("the kills document holds {standing} kills that stand, and that no snapshot carries")]
    KillsStand {
        /// How many.
        standing: usize,
    },
    /// Clients cannot do without it.
    #[error("{document} cannot be taken away")]
    Needed {
        /// Which.
        document: String,
    },
    /// The snapshot's content is none.
    #[error(transparent)]
    Content(#[from] SnapshotError),
}

impl Serving {
    /// Returns nothing to serve, as before anything was published.
    pub fn nothing() -> Self {
        Self { publication: Publication::default(), rules: None, root_version: 0, kills: 0 }
    }

    /// Verifies what is published, from the project's own first root on.
    ///
    /// That a snapshot or a root has expired is for clients to judge: they have their own clocks, and keep what they hold.
    pub fn verified(
        publication: Publication,
        first_root: &[u8],
        environment: &EnvironmentName,
        now: Timestamp,
    ) -> Result<Self, ServingError> {
        if first_root.is_empty() {
            return Err(ServingError::NoRoot);
        }
        let refused = |document: &'static str| move |source| ServingError::Trust { document, source };
        let first: RootDocument = unverified("root", first_root)?;
        let mut trust = TrustState::open(first_root, &first.project, environment.as_str()).map_err(refused("root"))?;
        for root in &publication.roots {
            let document: RootDocument = unverified("root", root)?;
            if document.version > trust.root().version {
                trust.accept_root(root, now).map_err(refused("root"))?;
            }
        }
        if let Some(snapshot) = &publication.snapshot {
            trust.accept_bundled_snapshot(snapshot).map_err(refused("snapshot"))?;
        }
        if let Some(kills) = &publication.kills {
            trust.accept_kills(kills, now).map_err(refused("kills document"))?;
        }
        let targets: BTreeSet<&str> = trust.active_kills().into_iter().map(|kill| &*kill.target).collect();
        let rules = match (trust.snapshot_payload(), trust.snapshot_header()) {
            (Some(payload), Some(header)) => {
                let parsed = Snapshot::from_json(payload)?;
                let mut ruleset = Ruleset::from_parsed(&parsed);
                let mut named = payload.to_vec();
                for target in &targets {
                    ruleset.kill(target);
                    named.extend(target.as_bytes());
                    named.push(0);
                }
                let steps = parsed.snapshot.flags.iter().map(|(key, flag)| (key.into(), steps_of(flag))).collect();
                Some(Rules {
                    ruleset,
                    steps,
                    epoch: header.epoch,
                    version: header.version,
                    issued_at: header.issued_at,
                    expires_at: header.expires_at,
                    fingerprint: Digest::of(&named),
                })
            }
            _ => None,
        };
        Ok(Self { rules, root_version: trust.root().version, kills: targets.len(), publication })
    }
}

/// Returns the shares that a flag's reports may name as their step while it is published so.
fn steps_of(flag: &wire::Flag) -> BTreeSet<Share> {
    let serves = flag.rules.iter().map(|rule| &rule.serve).chain([&flag.fallthrough]);
    serves.filter_map(|serve| serve.exposure).chain([Share::NOBODY, Share::EVERYONE]).collect()
}

impl Rules {
    /// Tells whether a flag is published with this step.
    pub fn has_step(&self, flag: &FlagKey, step: Share) -> bool {
        self.steps.get(flag.as_str()).is_some_and(|steps| steps.contains(&step))
    }

    /// Tells whether clients call the snapshot stale.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}

impl Failure for ServingError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoRoot => "no_root",
            Self::Root(_) | Self::Content(_) => "bad_document",
            Self::Trust { .. } => "untrusted",
            Self::OtherRoot { .. } | Self::OlderKills { .. } | Self::KillsStand { .. } => "published_already",
            Self::Needed { .. } => "needed",
        }
    }
}
