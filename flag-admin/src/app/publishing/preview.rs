use flag_core::wire::Snapshot;
use flag_core::{Plan, PlanOptions, Ruleset, plan};
use serde::Serialize;

use super::publish::{PublishError, refuse_broken};
use crate::app::error::AppError;
use crate::app::ports::Publisher;
use crate::app::project::Project;
use crate::log::EnvironmentName;

/// What publishing would do to those who fetch from a place. Nothing is signed, written or spent for it.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// Where.
    pub place: String,
    /// The version that the snapshot would have.
    pub version: u64,
    /// The version that stands there; none where nothing does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<u64>,
    /// How many flags it would have.
    pub flags: usize,
    /// How many kills it would have.
    pub kills: usize,
    /// Who gains, loses or moves once clients have fetched it.
    pub plan: Plan,
}

impl Project {
    /// Works out what publishing to a place would do: against the snapshot that stands there, whoever put it there.
    pub fn preview_publication(
        &self,
        environment: &EnvironmentName,
        publisher: &dyn Publisher,
    ) -> Result<Preview, AppError> {
        let root = self.usable_root()?;
        let version = self.environment(environment)?.next_version(root.epoch);
        let standing = self.check_published(environment, publisher, (root.epoch, version))?;
        let place = publisher.place();
        let before = match standing {
            Some(standing) => {
                let parsed = Snapshot::from_json(&standing.document);
                Some(parsed.map_err(|source| PublishError::Content { place: place.clone(), source })?.snapshot)
            }
            None => None,
        };
        let snapshot = self.snapshot_of(environment)?;
        let after = Ruleset::compile(&snapshot);
        refuse_broken(&after)?;
        let known = before.as_ref().map(Ruleset::compile).unwrap_or_default();
        let options = PlanOptions { now: Some(self.now()), population: self.population };
        Ok(Preview {
            place,
            version,
            replaces: before.map(|snapshot| snapshot.version),
            flags: snapshot.flags.len(),
            kills: snapshot.kills.len(),
            plan: plan(&known, &after, &options),
        })
    }
}
