//! Does what the dashboard asks for, through the use cases.

use std::path::{Path, PathBuf};

use super::action::Action;
use super::effect::Effect;
use super::facts::Facts;
use super::msg::{Mover, Msg, Trouble};
use crate::app::ports::{Publisher, PublisherError};
use crate::app::{AppError, KillRoute, KillScope, Project, Proposal, SignedKills};
use crate::log::EnvironmentName;

/// Opens a folder to publish to.
pub type OpenPublisher = Box<dyn Fn(&Path) -> Result<Box<dyn Publisher>, PublisherError>>;

/// A project with what is needed to change and publish it.
pub(super) struct Desk {
    pub(super) project: Project,
    pub(super) environment: EnvironmentName,
    pub(super) open_publisher: OpenPublisher,
    /// The folder that kills are published to at once.
    pub(super) out: Option<PathBuf>,
}

impl Desk {
    pub(super) fn facts(&self) -> Result<Facts, AppError> {
        Facts::gather(&self.project, &self.environment)
    }

    /// Does one thing, and tells what came of it.
    pub(super) fn perform(&mut self, effect: Effect) -> Vec<Msg> {
        match effect {
            Effect::Propose(action) => {
                let outcome = self.propose(&action).map(Box::new).map_err(|error| Trouble::of(&error));
                vec![Msg::Proposed { action, outcome }]
            }
            Effect::Commit { action, proposal, reason } => self.commit(action, &proposal, reason.as_deref()),
            Effect::Publish { out } => self.publish(out),
            // The terminal's, not the project's.
            Effect::Repaint | Effect::Suspend | Effect::Quit => Vec::new(),
        }
    }

    /// Takes in what others changed.
    pub(super) fn look(&mut self) -> Option<Msg> {
        match self.project.refresh() {
            Ok(false) => None,
            Ok(true) => Some(self.moved(Mover::Others)),
            Err(error) => Some(Msg::Failed(Trouble::of(&error))),
        }
    }

    fn moved(&self, mover: Mover) -> Msg {
        match self.facts() {
            Ok(facts) => Msg::Moved(Box::new(facts), mover),
            Err(error) => Msg::Failed(Trouble::of(&error)),
        }
    }

    fn propose(&self, action: &Action) -> Result<Proposal, AppError> {
        match action {
            Action::Share { flag, rule, share } => {
                self.project.propose_rollout(&self.environment, flag.as_str(), rule.as_deref(), *share)
            }
            Action::Kill { flag, route } => {
                self.project.propose_kill(&self.environment, flag.as_str(), *route, KillScope::Flags)
            }
            Action::Unkill { flag } => self.project.propose_unkill(&self.environment, flag.as_str()),
        }
    }

    fn commit(&mut self, action: Action, proposal: &Proposal, reason: Option<&str>) -> Vec<Msg> {
        if let Err(error) = self.project.commit(proposal, reason) {
            let refused = Msg::Refused { action, trouble: Trouble::of(&error) };
            return self.look().into_iter().chain([refused]).collect();
        }
        let moved = self.moved(Mover::Us);
        let at_once = matches!(action, Action::Kill { route: KillRoute::Emergency, .. });
        let (sent, trouble) = match self.out.clone().filter(|_| at_once) {
            Some(out) => match self.publish_kills(&out) {
                Ok(sent) => (Some(sent), None),
                Err(trouble) => (None, Some(Msg::Failed(trouble))),
            },
            None => (None, None),
        };
        [moved, Msg::Committed { action, sent }].into_iter().chain(trouble).collect()
    }

    fn publish_kills(&self, out: &Path) -> Result<SignedKills, Trouble> {
        let mut publisher = (self.open_publisher)(out).map_err(|error| Trouble::of(&AppError::from(error)))?;
        self.project.publish_kills(&self.environment, &mut *publisher).map_err(|error| Trouble::of(&error))
    }

    fn publish(&mut self, out: PathBuf) -> Vec<Msg> {
        let result = (self.open_publisher)(&out)
            .map_err(AppError::from)
            .and_then(|mut publisher| self.project.publish(&self.environment, &mut *publisher));
        let moved = self.moved(Mover::Us);
        match result {
            Ok(published) => {
                self.out = Some(out.clone());
                vec![moved, Msg::Published { out, published }]
            }
            Err(error) => vec![moved, Msg::NotPublished(Trouble::of(&error))],
        }
    }
}
