use serde::Serialize;

use super::Project;
use crate::app::changes::proposal::Proposal;
use crate::app::error::AppError;
use crate::app::flags::lifecycle::LifecycleError;
use crate::log::{Change, EnvironmentName, EnvironmentState, PublishedSnapshot};

/// An environment in one line of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnvironmentLine<'p> {
    /// Its name.
    pub environment: &'p EnvironmentName,
    /// How many flags it has.
    pub flags: usize,
    /// How many kills stand in it.
    pub kills: usize,
    /// The last snapshot that is known to stand where its clients fetch it.
    pub published: Option<PublishedSnapshot>,
    /// How many changes that snapshot does not carry.
    pub unpublished: u64,
}

impl Project {
    /// Returns the environments by name.
    pub fn environments(&self) -> Vec<EnvironmentLine<'_>> {
        self.state().environments().map(|(environment, state)| line(environment, state)).collect()
    }

    /// Works out what making an environment does: an empty one, or one with the flags, segments and groups of another. Kills do not come
    /// along, since nobody was killed there.
    pub fn propose_environment(
        &self,
        environment: &EnvironmentName,
        from: Option<&EnvironmentName>,
    ) -> Result<Proposal, AppError> {
        if self.state().environment(environment).is_some() {
            return Err(LifecycleError::EnvironmentExists { environment: environment.clone() }.into());
        }
        let mut changes = vec![Change::EnvironmentCreated { environment: environment.clone() }];
        if let Some(from) = from {
            let source = self.environment(from)?;
            let segments = source.segments.iter();
            changes.extend(
                segments
                    .map(|(name, condition)| Change::SegmentSet { name: name.clone(), condition: condition.clone() }),
            );
            let groups = source.groups.iter();
            changes.extend(groups.map(|(name, group)| Change::GroupSet { name: name.clone(), group: group.clone() }));
            changes.extend(source.flags.iter().map(|(key, flag)| {
                let mut definition = Box::new(flag.definition.clone());
                definition.flag.version = 0;
                Change::FlagCreated { key: key.clone(), definition }
            }));
        }
        self.propose(environment, changes)
    }
}

fn line<'p>(environment: &'p EnvironmentName, state: &EnvironmentState) -> EnvironmentLine<'p> {
    EnvironmentLine {
        environment,
        flags: state.flags.len(),
        kills: state.kills.len(),
        published: state.published,
        unpublished: state.unpublished,
    }
}
