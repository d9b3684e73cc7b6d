use flag_core::wire::{Condition, Group};
use flag_core::{FlagKey, Share, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Digest, EnvironmentName, ProjectName};
use crate::definition::Definition;

/// One audited edit. JSON names the edit in `type`; what an edit means never changes, a new meaning gets a new name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Change {
    /// The project begins.
    ProjectCreated {
        /// Its name.
        project: ProjectName,
        /// Its environments.
        environments: Vec<EnvironmentName>,
    },
    /// A root was signed: from now on its keys count.
    RootPublished {
        /// Its version, from 1 on.
        version: u64,
        /// Its epoch: a later one starts the versions of snapshots anew.
        epoch: u64,
        /// The hash of its payload.
        digest: Digest,
        /// From when on it accepts no new snapshots.
        expires_at: Timestamp,
    },
    /// A flag was made.
    FlagCreated {
        /// Its key.
        key: FlagKey,
        /// The whole of it.
        definition: Box<Definition>,
    },
    /// A flag was edited.
    FlagChanged {
        /// Its key.
        key: FlagKey,
        /// The whole of it, after the edit.
        definition: Box<Definition>,
    },
    /// A flag was taken out: clients use their code's default.
    FlagArchived {
        /// Its key.
        key: FlagKey,
    },
    /// A split exposes another share of units. A flag that served one variant to everyone serves its on variant to that share instead.
    RolloutSet {
        /// The flag.
        flag: FlagKey,
        /// The rule whose split it is; the fallthrough where absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<Box<str>>,
        /// The share exposed from now on.
        share: Share,
    },
    /// A segment was made or edited.
    SegmentSet {
        /// Its name.
        name: Box<str>,
        /// Whom it holds.
        condition: Condition,
    },
    /// A segment was removed.
    SegmentRemoved {
        /// Its name.
        name: Box<str>,
    },
    /// An exclusion group was made or edited.
    GroupSet {
        /// Its name.
        name: Box<str>,
        /// The whole of it.
        group: Group,
    },
    /// An exclusion group was removed.
    GroupRemoved {
        /// Its name.
        name: Box<str>,
    },
    /// A flag or capability is off, stronger than everything.
    KillActivated {
        /// The kill's own name, never used again.
        id: Box<str>,
        /// What is off.
        target: Box<str>,
        /// Whether the emergency key carries it to clients besides the snapshot.
        #[serde(default, skip_serializing_if = "is_false")]
        emergency: bool,
    },
    /// A kill is over, for ever.
    KillLifted {
        /// The kill's name.
        id: Box<str>,
        /// What was off.
        target: Box<str>,
    },
    /// A snapshot was signed. Its version is spent, whether or not its file came to be.
    Published {
        /// Its version, one more than any before in its epoch.
        version: u64,
        /// Its epoch.
        epoch: u64,
        /// The hash of its payload.
        digest: Digest,
        /// From when on it is stale.
        expires_at: Timestamp,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
const fn is_false(value: &bool) -> bool {
    !*value
}

impl Change {
    /// Tells whether the change concerns the whole project rather than one environment.
    pub const fn is_of_project(&self) -> bool {
        matches!(self, Self::ProjectCreated { .. } | Self::RootPublished { .. })
    }

    /// Returns the flag changed, if it is one flag.
    pub const fn flag(&self) -> Option<&FlagKey> {
        match self {
            Self::FlagCreated { key, .. } | Self::FlagChanged { key, .. } | Self::FlagArchived { key } => Some(key),
            Self::RolloutSet { flag, .. } => Some(flag),
            _ => None,
        }
    }

    /// Returns the name of the edit as JSON has it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ProjectCreated { .. } => "project_created",
            Self::RootPublished { .. } => "root_published",
            Self::FlagCreated { .. } => "flag_created",
            Self::FlagChanged { .. } => "flag_changed",
            Self::FlagArchived { .. } => "flag_archived",
            Self::RolloutSet { .. } => "rollout_set",
            Self::SegmentSet { .. } => "segment_set",
            Self::SegmentRemoved { .. } => "segment_removed",
            Self::GroupSet { .. } => "group_set",
            Self::GroupRemoved { .. } => "group_removed",
            Self::KillActivated { .. } => "kill_activated",
            Self::KillLifted { .. } => "kill_lifted",
            Self::Published { .. } => "published",
        }
    }
}
