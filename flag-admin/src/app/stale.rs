use flag_core::Timestamp;

use super::error::AppError;
use super::project::{Project, fold};
use crate::hygiene::{Lives, StaleFlag};
use crate::log::EnvironmentName;

impl Project {
    /// Returns the flags of an environment that are stale as of a time, by what the log says of their lives until then.
    pub fn stale(&self, environment: &EnvironmentName, now: Timestamp) -> Result<Vec<StaleFlag>, AppError> {
        self.environment(environment)?;
        let mut lives = Lives::default();
        fold(&*self.ports.log, |entry, _, _| {
            if entry.environment.as_ref() == Some(environment) && entry.time <= now {
                lives.observe(entry.time, &entry.change);
            }
        })?;
        Ok(lives.stale(now))
    }
}
