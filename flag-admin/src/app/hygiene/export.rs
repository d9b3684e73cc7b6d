use crate::app::project::{Project, UnknownEnvironment};
use crate::definition::Definitions;
use crate::log::EnvironmentName;

impl Project {
    /// Returns an environment's flags, segments and groups as their owners write them. Applying them changes nothing.
    pub fn definitions(&self, environment: &EnvironmentName) -> Result<Definitions, UnknownEnvironment> {
        let state = self.environment(environment)?;
        Ok(Definitions {
            flags: state.flags.iter().map(|(key, flag)| (key.as_str().into(), flag.definition.clone())).collect(),
            segments: state.segments.iter().map(|(name, condition)| (name.clone(), condition.clone())).collect(),
            groups: state.groups.iter().map(|(name, group)| (name.clone(), group.clone())).collect(),
            ..Definitions::default()
        })
    }
}
