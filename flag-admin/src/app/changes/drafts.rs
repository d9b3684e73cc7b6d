use serde::{Deserialize, Serialize};

use super::proposal::Proposal;
use crate::app::error::AppError;
use crate::app::history::lines::HistoryLine;
use crate::app::ports::Cause;
use crate::app::project::Project;
use crate::log::{Actor, Change, EnvironmentName, Head, ProjectName};

/// The form of drafts that this version writes and reads.
const DRAFT_SCHEMA: u32 = 1;

/// Changes that somebody gathers, and has not applied: one draft a person and environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// The form.
    schema: u32,
    /// The project.
    project: ProjectName,
    /// The environment that it changes.
    environment: EnvironmentName,
    /// Whose it is.
    actor: Actor,
    /// The head of the log that it was made from.
    base: Head,
    /// The changes, in order.
    changes: Vec<Change>,
}

/// Keeps drafts, so that they survive the program.
pub trait DraftStore {
    /// Returns somebody's draft.
    fn draft(&self, environment: &EnvironmentName, actor: &Actor) -> Result<Option<Draft>, DraftStoreError>;

    /// Keeps a draft in place of the last one of the same person and environment.
    fn keep(&mut self, draft: &Draft) -> Result<(), DraftStoreError>;

    /// Drops somebody's draft, if there is one.
    fn remove(&mut self, environment: &EnvironmentName, actor: &Actor) -> Result<(), DraftStoreError>;

    /// Returns every draft, in order of environment and name.
    fn drafts(&self) -> Result<Vec<Draft>, DraftStoreError>;
}

/// Why drafts cannot be kept or found.
#[derive(Debug, thiserror::Error)]
#[error("draft {place} cannot be {action}")]
pub struct DraftStoreError {
    /// Where.
    pub place: String,
    /// `read`, `written` or `removed`.
    pub action: &'static str,
    /// Why.
    #[source]
    pub source: Cause,
}

/// Why a draft cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DraftError {
    /// There is none.
    #[error("{actor} has no draft of {environment}")]
    None {
        /// Whose was asked for.
        actor: Actor,
        /// Of which environment.
        environment: EnvironmentName,
    },
    /// There is one already.
    #[error("{actor} has a draft of {environment} already, with {changes} changes")]
    Exists {
        /// Whose it is.
        actor: Actor,
        /// Of which environment.
        environment: EnvironmentName,
        /// How many changes it has.
        changes: usize,
    },
    /// It is of another project, person or environment, or of a form that this version does not know.
    #[error("the draft is not {actor}'s of {environment} in project {project}, in form {DRAFT_SCHEMA}")]
    Foreign {
        /// Who is at work.
        actor: Actor,
        /// The environment.
        environment: EnvironmentName,
        /// The project.
        project: ProjectName,
    },
    /// The environment was changed since it was made.
    #[error("the draft was made from entry {base}, and since then {}", told(since))]
    Moved {
        /// The head that it was made from.
        base: Head,
        /// What was changed, oldest first.
        since: Vec<HistoryLine>,
        /// The places of those changes that are of the same flag, segment or group as one of the draft.
        touching: Vec<u64>,
    },
    /// Something is to be done that a draft cannot hold.
    #[error("this cannot be put into a draft")]
    Looking,
}

fn told(since: &[HistoryLine]) -> String {
    let lines: Vec<String> =
        since.iter().map(|line| format!("{} {} (entry {})", line.actor, line.sentence, line.seq)).collect();
    lines.join("; ")
}

impl DraftError {
    pub(in crate::app) const fn code(&self) -> &'static str {
        match self {
            Self::None { .. } => "no_draft",
            Self::Exists { .. } => "draft_exists",
            Self::Foreign { .. } => "foreign_draft",
            Self::Moved { .. } => "draft_moved",
            Self::Looking => "not_draftable",
        }
    }

    pub(in crate::app) fn hint(&self) -> String {
        match self {
            Self::None { .. } => "add to one: flag-admin rollout set FLAG SHARE --draft".to_owned(),
            Self::Exists { .. } => "look at it: flag-admin draft show; or drop it: flag-admin draft drop".to_owned(),
            Self::Foreign { .. } => "drop it: flag-admin draft drop".to_owned(),
            Self::Moved { touching, .. } if touching.is_empty() => {
                "none of that is about what the draft changes: flag-admin draft rebase".to_owned()
            }
            Self::Moved { .. } => {
                "keep the edits that nobody else made: flag-admin draft rebase drops the others".to_owned()
            }
            Self::Looking => "run it without --draft".to_owned(),
        }
    }
}

impl Draft {
    /// Returns an empty draft of whoever is at work, from the log as it stands.
    pub fn new(project: &Project, environment: &EnvironmentName) -> Self {
        Self {
            schema: DRAFT_SCHEMA,
            project: project.logged_state().project().clone(),
            environment: environment.clone(),
            actor: project.operator().actor.clone(),
            base: project.logged_state().head(),
            changes: Vec::new(),
        }
    }

    /// Returns the changes, in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Returns whose it is.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Returns the environment that it changes.
    pub const fn environment(&self) -> &EnvironmentName {
        &self.environment
    }

    /// Returns the head of the log that it was made from.
    pub const fn base(&self) -> Head {
        self.base
    }

    /// Adds changes. One that says the whole of a thing anew takes the place of the one before it.
    pub fn add(&mut self, changes: &[Change]) {
        for change in changes {
            let Some(last) = self.changes.iter_mut().rev().find(|earlier| meets(earlier, change)) else {
                self.changes.push(change.clone());
                continue;
            };
            match (&mut *last, change) {
                (Change::FlagCreated { definition, .. }, Change::FlagChanged { definition: anew, .. }) => {
                    definition.clone_from(anew);
                }
                (Change::RolloutSet { rule, .. }, Change::RolloutSet { rule: anew, .. }) if rule == anew => {
                    last.clone_from(change);
                }
                (Change::FlagChanged { .. }, Change::FlagChanged { .. })
                | (Change::SegmentSet { .. }, Change::SegmentSet { .. })
                | (Change::GroupSet { .. }, Change::GroupSet { .. }) => last.clone_from(change),
                _ => self.changes.push(change.clone()),
            }
        }
    }

    fn touches(&self, line: &HistoryLine) -> bool {
        self.changes.iter().any(|change| meets(change, &line.change))
    }
}

/// Tells whether two changes are of the same thing.
fn meets(one: &Change, other: &Change) -> bool {
    one.subject().is_some_and(|subject| other.concerns(subject))
        || other.subject().is_some_and(|subject| one.concerns(subject))
}

/// What became of a draft that was made from an earlier log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rebased {
    /// The draft, from the log as it stands.
    pub draft: Draft,
    /// The changes that were dropped, since somebody else changed the same flag, segment or group.
    pub dropped: Vec<Change>,
    /// What others changed, oldest first.
    pub since: Vec<HistoryLine>,
}

impl Project {
    /// Looks at the project as if a draft were applied, until [`Project::look_away`]. Nothing can be committed meanwhile. Refuses a draft
    /// that was made from another state of its environment.
    pub fn look_at(&mut self, draft: &Draft) -> Result<(), AppError> {
        self.look_away();
        self.check_current(draft)?;
        let imagined = self.imagine(&draft.environment, &draft.changes, &mut Vec::new())?;
        self.logged = Some(Box::new(std::mem::replace(&mut self.state, imagined)));
        Ok(())
    }

    /// Looks at the project as it is.
    pub fn look_away(&mut self) {
        if let Some(logged) = self.logged.take() {
            self.state = *logged;
        }
    }

    /// Returns what the log comes to, also while a draft is looked at.
    pub fn logged_state(&self) -> &crate::log::State {
        self.logged.as_deref().unwrap_or(&self.state)
    }

    /// Works out what a whole draft would do, as one. Refuses if its environment was changed since.
    pub fn propose_draft(&self, draft: &Draft) -> Result<Proposal, AppError> {
        self.check_current(draft)?;
        self.propose(&draft.environment, draft.changes.clone())
    }

    /// Puts a draft onto the log as it stands, without those of its changes that are of the same thing as somebody else's.
    pub fn rebase(&self, draft: &Draft) -> Result<Rebased, AppError> {
        self.check_own(draft)?;
        let since = self.changed_since(&draft.environment, draft.base.seq)?;
        let is_lost = |change: &&Change| since.iter().any(|line| meets(change, &line.change));
        let (dropped, changes): (Vec<&Change>, Vec<&Change>) = draft.changes.iter().partition(is_lost);
        let changes: Vec<Change> = changes.into_iter().cloned().collect();
        let dropped = dropped.into_iter().cloned().collect();
        // Whatever no longer fits, such as a rollout of a flag that is gone, is said rather than kept.
        self.imagine(&draft.environment, &changes, &mut Vec::new())?;
        let draft = Draft { base: self.logged_state().head(), changes, ..draft.clone() };
        Ok(Rebased { draft, dropped, since })
    }

    fn check_own(&self, draft: &Draft) -> Result<(), AppError> {
        let state = self.logged_state();
        let known = state.environment(&draft.environment).is_some();
        if draft.schema == DRAFT_SCHEMA
            && draft.project == *state.project()
            && draft.actor == self.operator.actor
            && draft.base.seq <= state.head().seq
            && known
        {
            return Ok(());
        }
        let (actor, environment) = (self.operator.actor.clone(), draft.environment.clone());
        Err(DraftError::Foreign { actor, environment, project: state.project().clone() }.into())
    }

    fn check_current(&self, draft: &Draft) -> Result<(), AppError> {
        self.check_own(draft)?;
        if draft.base == self.logged_state().head() {
            return Ok(());
        }
        let since = self.changed_since(&draft.environment, draft.base.seq)?;
        if since.is_empty() {
            return Ok(());
        }
        let touching = since.iter().filter(|line| draft.touches(line)).map(|line| line.seq).collect();
        Err(DraftError::Moved { base: draft.base, since, touching }.into())
    }
}
