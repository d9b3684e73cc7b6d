use super::RolloutsError;
use crate::app::changes::proposal::Proposal;
use crate::app::error::AppError;
use crate::app::project::Project;
use crate::log::{Change, EnvironmentName};
use crate::rollout::{Rate, Severity};

impl Project {
    /// Works out what signalling a bug does: it is recorded under the name of whoever is at work, and a rollout of the flag hears of it at
    /// its next tick.
    pub fn propose_signal(
        &self,
        environment: &EnvironmentName,
        flag: &str,
        severity: Severity,
        affected: Option<Rate>,
    ) -> Result<Proposal, AppError> {
        let (key, _) = self.flag(environment, flag)?;
        self.propose(environment, vec![Change::SignalRaised { flag: key.clone(), severity, affected }])
    }

    /// Works out what clearing a signal does: a rollout that it stopped may be resumed.
    pub fn propose_signal_cleared(&self, environment: &EnvironmentName, signal: u64) -> Result<Proposal, AppError> {
        let signals = &self.environment(environment)?.signals;
        let stands = |(_, open): &(_, &Vec<crate::rollout::OpenSignal>)| open.iter().any(|open| open.id == signal);
        let (flag, _) = signals.iter().find(stands).ok_or(RolloutsError::UnknownSignal { signal })?;
        self.propose(environment, vec![Change::SignalCleared { flag: flag.clone(), signal }])
    }
}
