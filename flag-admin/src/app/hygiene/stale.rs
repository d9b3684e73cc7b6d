use flag_core::Timestamp;

use crate::app::error::AppError;
use crate::app::history::lines::{Moment, PastError};
use crate::app::project::Project;
use crate::hygiene::{StaleFlag, stale};
use crate::log::EnvironmentName;

impl Project {
    /// Returns the flags of an environment that are stale as of a time, by what the log says of their lives until then.
    pub fn stale(&self, environment: &EnvironmentName, at: Timestamp) -> Result<Vec<StaleFlag>, AppError> {
        let now = self.environment(environment)?;
        if at >= self.now() {
            return Ok(stale(now, at));
        }
        match self.past(Moment::Time(at)) {
            Ok(past) => Ok(past.state.environment(environment).map_or_else(Vec::new, |then| stale(then, at))),
            Err(PastError::TooEarly { .. }) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}
