//! What the dashboard shows of a project, as it stood at one head of its log.

use flag_core::{FlagKey, Share, Timestamp};

use super::msg::Trouble;
use super::trials::{self, ExperimentFacts, RolloutFacts};
use crate::app::{
    AppError, Draft, DraftError, FieldChange, HistoryLine, Instruments, KillCard, Project, Proposal, RolloutPhase,
};
use crate::definition::Definition;
use crate::log::{Change, EnvironmentName, PublishedSnapshot, Role, exposure_of, sentence};

/// A project at one head.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) project: String,
    pub(super) environment: EnvironmentName,
    pub(super) actor: String,
    /// What whoever is at work may change; none for one who is no member.
    pub(super) role: Option<Role>,
    /// The place of the last entry.
    pub(super) head: u64,
    pub(super) published: Option<PublishedSnapshot>,
    /// The version that the next snapshot gets.
    pub(super) next_version: u64,
    /// How many changes the last snapshot does not carry.
    pub(super) unpublished: u64,
    pub(super) snapshot_lifetime_days: u32,
    /// In order of their keys.
    pub(super) flags: Vec<FlagFacts>,
    /// Oldest first.
    pub(super) kills: Vec<KillFacts>,
    /// Newest first.
    pub(super) history: Vec<HistoryLine>,
    /// Rollouts that move by themselves.
    pub(super) rollouts: Vec<RolloutFacts>,
    pub(super) experiments: Vec<ExperimentFacts>,
    /// What whoever is at work gathers, and has not applied.
    pub(super) draft: Option<DraftFacts>,
    /// How many edits of the draft were made in this sitting, and can be taken back.
    pub(super) draft_edits: usize,
    /// What waits for another member's approval, oldest first.
    pub(super) requests: Vec<RequestFacts>,
    /// How many approvals every change needs here.
    pub(super) approvals: u8,
}

/// A draft at one head.
#[derive(Clone, Debug)]
pub(super) struct DraftFacts {
    /// The place of the entry that it was made from.
    pub(super) base: u64,
    /// Its changes in words, in order.
    pub(super) sentences: Vec<String>,
    /// What applying it would do, or why it cannot be applied.
    pub(super) outcome: Result<Box<Proposal>, Trouble>,
    /// Whether others changed its environment since it was made.
    pub(super) moved: bool,
    /// What of it goes, in words, where it is put onto the log as it stands: others changed the same.
    pub(super) lost: Vec<String>,
}

/// A request for approval.
#[derive(Clone, Debug)]
pub(super) struct RequestFacts {
    pub(super) number: u64,
    pub(super) by: String,
    pub(super) since: Timestamp,
    pub(super) reason: Option<String>,
    pub(super) sentences: Vec<String>,
}

/// What an entry of the log replaced, field by field.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct EntryFacts {
    pub(super) seq: u64,
    pub(super) fields: Vec<FieldChange>,
}

/// A flag at one head.
#[derive(Clone, Debug)]
pub(super) struct FlagFacts {
    pub(super) key: FlagKey,
    pub(super) phase: RolloutPhase,
    /// The share that its fallthrough exposes; none where a flag of many variants serves one of them.
    pub(super) share: Option<Share>,
    pub(super) definition: Definition,
    pub(super) created: Timestamp,
    pub(super) changed: Timestamp,
    pub(super) changed_by: String,
    /// What it should have done by now, in words.
    pub(super) overdue: Vec<String>,
}

/// A kill that stands.
#[derive(Clone, Debug)]
pub(super) struct KillFacts {
    pub(super) target: Box<str>,
    pub(super) since: Timestamp,
    pub(super) by: String,
    pub(super) reason: Option<String>,
    /// Whether the emergency key carries it besides the snapshot.
    pub(super) emergency: bool,
}

impl KillFacts {
    /// Returns how long it may stand before it is brought before whoever leads, in milliseconds.
    pub(super) const ESCALATION_MILLIS: i64 = KillCard::ESCALATION_HOURS * 3_600_000;

    /// Returns how long it stands, in milliseconds.
    pub(super) fn stands(&self, now: Timestamp) -> i64 {
        now.millis_since(self.since).max(0)
    }

    /// Returns how far it is on its way to whoever leads in thousandths, and what is left of it in milliseconds: below zero once it is over.
    pub(super) fn escalation(&self, now: Timestamp) -> (u32, i64) {
        let (stands, all) = (self.stands(now), Self::ESCALATION_MILLIS);
        let parts = u32::try_from(stands.saturating_mul(1_000) / all.max(1)).unwrap_or(u32::MAX).min(1_000);
        (parts, all.saturating_sub(stands))
    }
}

impl Facts {
    /// Gathers what is shown of an environment.
    pub(super) fn gather(
        project: &Project,
        environment: &EnvironmentName,
        draft: Option<&Draft>,
        instruments: &Instruments<'_>,
    ) -> Result<Self, AppError> {
        let state = project.environment(environment)?;
        let epoch = project.state().root().map_or(0, |root| root.epoch);
        let mut flags = Vec::with_capacity(state.flags.len());
        for line in project.flags(environment)? {
            let (key, flag) = project.flag(environment, line.flag.as_str())?;
            flags.push(FlagFacts {
                key: key.clone(),
                phase: line.phase,
                share: exposure_of(&flag.definition.flag, None).ok(),
                definition: flag.definition.clone(),
                created: flag.created,
                changed: line.changed,
                changed_by: line.changed_by.to_string(),
                overdue: line.overdue.iter().map(ToString::to_string).collect(),
            });
        }
        let kills = state
            .kills
            .iter()
            .map(|kill| KillFacts {
                target: kill.target.clone(),
                since: kill.since,
                by: kill.by.to_string(),
                reason: kill.reason.clone(),
                emergency: kill.emergency,
            })
            .collect();
        let requests = project.requests(environment)?;
        let requests = requests
            .into_iter()
            .map(|request| RequestFacts {
                number: request.request,
                by: request.by.to_string(),
                since: request.since,
                reason: request.reason.map(str::to_owned),
                sentences: request.sentences,
            })
            .collect();
        let mut history = project.history(Some(environment), None)?;
        history.reverse();
        Ok(Self {
            project: project.state().project().to_string(),
            environment: environment.clone(),
            actor: project.operator().actor.to_string(),
            role: project.role().ok(),
            head: project.state().head().seq,
            published: state.published,
            next_version: state.next_version(epoch),
            unpublished: state.unpublished,
            snapshot_lifetime_days: project.settings().snapshot_lifetime_days,
            flags,
            kills,
            history,
            draft: draft.filter(|draft| !draft.changes().is_empty()).map(|draft| DraftFacts::gather(project, draft)),
            rollouts: trials::rollouts(project, environment, instruments)?,
            experiments: trials::experiments(project, environment, instruments.cells)?,
            draft_edits: 0,
            requests,
            approvals: state.approvals_required,
        })
    }

    /// Returns the role of whoever is at work, in words.
    pub(super) fn role_name(&self) -> String {
        self.role.map_or_else(|| "no member".to_owned(), |role| role.to_string())
    }

    pub(super) fn flag(&self, key: &str) -> Option<&FlagFacts> {
        let place = self.flags.binary_search_by(|flag| flag.key.as_str().cmp(key)).ok()?;
        self.flags.get(place)
    }

    pub(super) fn kill_of(&self, target: &str) -> Option<&KillFacts> {
        self.kills.iter().find(|kill| *kill.target == *target)
    }

    /// Returns the rollout of a flag that moves by itself.
    pub(super) fn rollout_of(&self, key: &str) -> Option<&RolloutFacts> {
        self.rollouts.iter().find(|rollout| rollout.flag.as_str() == key)
    }

    /// Returns the last entry that the published snapshot was made from; 0 where nothing is published.
    pub(super) fn published_up_to(&self) -> u64 {
        let start =
            |line: &&HistoryLine| matches!(line.change, Change::PublishStarted { .. } | Change::Published { .. });
        self.history.iter().find(start).map_or(0, |line| line.seq)
    }

    /// Returns the changes that the last snapshot does not carry, newest first.
    pub(super) fn unpublished_changes(&self) -> impl Iterator<Item = &HistoryLine> {
        let unpublished = usize::try_from(self.unpublished).unwrap_or(usize::MAX);
        self.history.iter().filter(|line| line.environment.is_some() && !line.change.is_publication()).take(unpublished)
    }

    /// Returns the changes of a flag and the kills against it, newest first.
    pub(super) fn history_of<'f>(&'f self, key: &'f FlagKey) -> impl Iterator<Item = &'f HistoryLine> {
        self.history.iter().filter(move |line| match &line.change {
            Change::KillActivated { target, .. } | Change::KillLifted { target, .. } => **target == *key.as_str(),
            change => change.flag() == Some(key),
        })
    }
}

impl DraftFacts {
    fn gather(project: &Project, draft: &Draft) -> Self {
        let state = project.state().environment(draft.environment());
        let outcome = project.propose_draft(draft);
        let moved = matches!(outcome, Err(AppError::Draft(DraftError::Moved { .. })));
        let lost =
            if moved { project.rebase(draft).map(|rebased| rebased.dropped).unwrap_or_default() } else { Vec::new() };
        Self {
            base: draft.base().seq,
            sentences: draft.changes().iter().map(|change| sentence(change, state)).collect(),
            moved,
            lost: lost.iter().map(|change| sentence(change, state)).collect(),
            outcome: outcome.map(Box::new).map_err(|error| Trouble::of(&error)),
        }
    }
}

impl FlagFacts {
    pub(super) fn owner(&self) -> Option<&str> {
        self.definition.documentation.owner.as_deref()
    }

    pub(super) fn rules(&self) -> usize {
        self.definition.flag.rules.len()
    }
}
