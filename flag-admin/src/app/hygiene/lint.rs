use crate::app::project::{Project, UnknownEnvironment};
use crate::hygiene::lint::{LintFacts, LintReport, lint};
use crate::log::EnvironmentName;

impl Project {
    /// Holds the definitions of an environment against the rules of lint, as of a time.
    pub fn lint(
        &self,
        environment: &EnvironmentName,
        now: flag_core::Timestamp,
    ) -> Result<LintReport, UnknownEnvironment> {
        let state = self.environment(environment)?;
        let created = state.flags.iter().map(|(key, flag)| (key.clone(), flag.created)).collect();
        Ok(lint(&self.definitions(environment)?, &LintFacts { now, created }))
    }
}
