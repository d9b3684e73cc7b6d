//! Does what the dashboard asks for, through the use cases.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use flag_core::wire::Kind;

use super::action::Action;
use super::effect::{DraftTurn, Effect, PublishTo};
use super::facts::{EntryFacts, Facts};
use super::msg::{Mover, Msg, Reach, Trouble};
use super::screens::explain::Explained;
use crate::app::ports::{CellStore, MetricSource, Publisher, PublisherError};
use crate::app::{
    AppError, Committed, Draft, DraftStore, Failure, Instruments, KillRoute, KillScope, OptedIn, Project, Proposal,
    SignedKills, Undo, difference,
};
use crate::log::EnvironmentName;
use crate::rollout::Plan;

/// Opens a folder to publish to.
pub type OpenPublisher = Box<dyn Fn(&Path) -> Result<Box<dyn Publisher>, PublisherError>>;

/// Notes where an environment was published to, so that the next sitting knows.
pub type RememberTarget = Box<dyn Fn(&Path)>;

/// Opens the keys with a passphrase, for the whole sitting.
pub type Unlock = Box<dyn Fn(String) -> Result<(), Box<dyn Failure>>>;

/// A server that holds the project and publishes it: the keys are with it.
pub struct Afar {
    /// Where it is.
    pub place: String,
    /// Has it publish the environment. Returns the version of the snapshot.
    pub publish: Box<dyn Fn() -> Result<u64, AppError>>,
    /// Says why it did not publish the last kill at once, if it did not.
    pub held_kill: Box<dyn Fn() -> Option<String>>,
}

/// A project with what is needed to change and publish it.
pub(super) struct Desk {
    pub(super) project: Project,
    pub(super) environment: EnvironmentName,
    pub(super) open_publisher: OpenPublisher,
    pub(super) remember_target: RememberTarget,
    pub(super) unlock: Unlock,
    pub(super) drafts: Box<dyn DraftStore>,
    pub(super) cells: Box<dyn CellStore>,
    pub(super) sources: Box<dyn MetricSource>,
    /// The folder that kills are published to at once.
    pub(super) out: Option<PathBuf>,
    pub(super) trail: Trail,
    /// The server that holds the project, where one does.
    pub(super) afar: Option<Afar>,
    /// How often in a row the log was found as it was.
    pub(super) idle: u32,
}

/// After how many looks at an unchanged log reports are read again: they come without a change of it.
const READ_REPORTS_EVERY: u32 = 15;

/// The draft as it was before each edit of this sitting, and as it was before each that was taken back.
#[derive(Debug, Default)]
pub(super) struct Trail {
    before: Vec<Option<Draft>>,
    after: Vec<Option<Draft>>,
}

impl Desk {
    pub(super) fn facts(&self) -> Result<Facts, AppError> {
        let draft = self.drafts.draft(&self.environment, &self.project.operator().actor)?;
        let mut facts = Facts::gather(&self.project, &self.environment, draft.as_ref(), &self.instruments())?;
        facts.draft_edits = self.trail.before.len();
        Ok(facts)
    }

    /// Does one thing, and tells what came of it.
    pub(super) fn perform(&mut self, effect: Effect) -> Vec<Msg> {
        let mut msgs = self.answer(effect);
        msgs.push(Msg::Finished);
        msgs
    }

    fn answer(&mut self, effect: Effect) -> Vec<Msg> {
        match effect {
            Effect::Propose(action) => {
                let outcome = self.propose(&action).map(Box::new).map_err(|error| Trouble::of(&error));
                vec![Msg::Proposed { action, outcome }]
            }
            Effect::Commit { action, proposal, reason } => self.commit(action, &proposal, reason.as_deref()),
            Effect::Keep { proposal } => self.edit_draft(|desk, draft| desk.added(draft, &proposal)),
            Effect::TurnDraft(turn) => self.turn_draft(turn),
            Effect::DropDraft => {
                self.edit_draft(|_, _| Ok((None, "The draft is dropped; u brings it back".to_owned())))
            }
            Effect::RebaseDraft => self.edit_draft(Self::rebased),
            Effect::Publish { to: PublishTo::Folder(out) } => self.publish(out),
            Effect::Publish { to: PublishTo::Server } => self.publish_afar(),
            Effect::SendKills => match self.out.clone().map(|out| self.publish_kills(&out)) {
                Some(Ok(sent)) => {
                    vec![Msg::Told(format!("The kills are signed, and clients get them from {}", sent.place))]
                }
                Some(Err(trouble)) => vec![Msg::Failed(trouble)],
                None => Vec::new(),
            },
            Effect::Unlock(secret) => {
                vec![Msg::Unlocked((self.unlock)(secret.0).map_err(|failure| Trouble::of_dyn(&*failure)))]
            }
            Effect::Explain { flag, unit, attributes } => {
                let now = self.project.now();
                let question = self.project.question(&self.environment, flag.as_str(), attributes, OptedIn::No, now);
                let answer = question.map(|question| Explained::of(&question.answer(unit.as_deref())));
                let outcome = answer.map_err(|error| Trouble::of(&error));
                vec![Msg::Explained { flag, outcome }]
            }
            Effect::Simulate { schedule } => vec![Msg::Simulated(Box::new(super::simulation::play(schedule)))],
            Effect::Inspect { seq } => vec![Msg::Inspected(self.inspect(seq))],
            // The terminal's, not the project's.
            Effect::Copy(_) | Effect::SaveSession | Effect::Repaint | Effect::Suspend | Effect::Quit => Vec::new(),
        }
    }

    /// Takes in what others changed.
    pub(super) fn look(&mut self) -> Msg {
        match self.project.refresh() {
            Ok(false) => self.look_at_reports(),
            Ok(true) => self.moved(Mover::Others),
            Err(error) => Msg::Lost(Trouble::of(&error)),
        }
    }

    /// Reads what reports came to from time to time, where somebody waits for them.
    fn look_at_reports(&mut self) -> Msg {
        self.idle = self.idle.saturating_add(1);
        let is_waited_for = self.project.environment(&self.environment).is_ok_and(|state| {
            let mut flags = state.flags.values();
            !state.rollouts.is_empty() || flags.any(|flag| flag.definition.flag.kind == Kind::Experiment)
        });
        if self.idle < READ_REPORTS_EVERY || !is_waited_for {
            return Msg::Seen;
        }
        self.idle = 0;
        self.moved(Mover::Others)
    }

    fn instruments(&self) -> Instruments<'_> {
        Instruments { cells: &*self.cells, sources: &*self.sources }
    }

    fn moved(&self, mover: Mover) -> Msg {
        match self.facts() {
            Ok(facts) => Msg::Moved(Box::new(facts), mover),
            Err(error) => Msg::Lost(Trouble::of(&error)),
        }
    }

    fn propose(&self, action: &Action) -> Result<Proposal, AppError> {
        let (project, environment) = (&self.project, &self.environment);
        match action {
            Action::Share { flag, rule, share } => {
                project.propose_rollout(environment, flag.as_str(), rule.as_deref(), *share)
            }
            Action::Kill { flag, route } => project.propose_kill(environment, flag.as_str(), *route, KillScope::Flags),
            Action::Unkill { target } => project.propose_unkill(environment, target),
            Action::Undo { line } => Ok(project.propose_undo(environment, Some(line.seq))?.proposal),
            Action::Start { flag, schedule } => {
                let plan = Plan::of(schedule.clone());
                project.propose_rollout_start(environment, flag.as_str(), plan, &self.instruments())
            }
            Action::Move { flag, event } => {
                project.propose_rollout_move(environment, flag.as_str(), *event, &self.instruments())
            }
            Action::Apply => project.propose_draft(&self.draft()?.unwrap_or_else(|| Draft::new(project, environment))),
            Action::Approve { request } => Ok(project.propose_approval(environment, *request)?.proposal().clone()),
            Action::Reject { .. } | Action::Drop => project.propose(environment, Vec::new()),
            Action::Rebase => {
                let draft = self.draft()?.unwrap_or_else(|| Draft::new(project, environment));
                project.propose_draft(&project.rebase(&draft)?.draft)
            }
        }
    }

    fn commit(&mut self, action: Action, proposal: &Proposal, reason: Option<&str>) -> Vec<Msg> {
        let committed = match self.committed(&action, proposal, reason) {
            Ok(committed) => committed,
            Err(error) => {
                let refused = Msg::Refused { action, trouble: Trouble::of(&error) };
                return vec![self.look(), refused];
            }
        };
        let mut trouble = None;
        if action == Action::Apply {
            self.trail.note(self.draft().ok().flatten());
            let actor = self.project.operator().actor.clone();
            let removed = self.drafts.remove(&self.environment, &actor).map_err(AppError::from);
            trouble = removed.err().map(|error| Msg::Failed(Trouble::of(&error)));
        }
        let moved = self.moved(Mover::Us);
        let at_once = matches!(action, Action::Kill { route: KillRoute::Emergency, .. });
        let mut reach = self.reach_from_afar(&action);
        if let Some(out) = self.out.clone().filter(|_| at_once) {
            match self.publish_kills(&out) {
                Ok(signed) => reach = Reach::Served { place: signed.place },
                // A key that is locked can be opened, and the kill is carried then.
                Err(failed) if failed.is_locked() => trouble = Some(Msg::Failed(failed)),
                Err(failed) => reach = Reach::Held { why: failed.message },
            }
        }
        [moved, Msg::Committed { action, committed, reach }].into_iter().chain(trouble).collect()
    }

    /// Returns how the server that holds the project carries what was done.
    fn reach_from_afar(&self, action: &Action) -> Reach {
        match (&self.afar, action) {
            (Some(afar), Action::Kill { .. }) => match (afar.held_kill)() {
                Some(why) => Reach::Held { why },
                None => Reach::Served { place: afar.place.clone() },
            },
            _ => Reach::NextSnapshot,
        }
    }

    fn committed(&mut self, action: &Action, proposal: &Proposal, reason: Option<&str>) -> Result<Committed, AppError> {
        match action {
            Action::Undo { line } => {
                let undo = Undo { undone: (**line).clone(), proposal: proposal.clone() };
                self.project.commit(proposal, Some(&undo.reason(reason)))
            }
            Action::Approve { request } => {
                let approval = self.project.propose_approval(&self.environment, *request)?;
                self.project.approve(&approval, reason)
            }
            Action::Reject { request } => self.project.reject(&self.environment, *request, reason),
            _ => self.project.commit(proposal, reason),
        }
    }

    fn draft(&self) -> Result<Option<Draft>, AppError> {
        Ok(self.drafts.draft(&self.environment, &self.project.operator().actor)?)
    }

    /// Keeps what becomes of the draft, and what it was before.
    fn edit_draft(
        &mut self,
        edit: impl FnOnce(&Self, Option<Draft>) -> Result<(Option<Draft>, String), AppError>,
    ) -> Vec<Msg> {
        let edited = self.draft().and_then(|before| {
            let (after, told) = edit(self, before.clone())?;
            self.store_draft(after.as_ref())?;
            Ok((before, told))
        });
        match edited {
            Ok((before, told)) => {
                self.trail.note(before);
                vec![self.moved(Mover::Us), Msg::Drafted(told)]
            }
            Err(error) => vec![Msg::NotDrafted(Trouble::of(&error))],
        }
    }

    fn store_draft(&mut self, draft: Option<&Draft>) -> Result<(), AppError> {
        match draft {
            Some(draft) => self.drafts.keep(draft)?,
            None => {
                let actor = self.project.operator().actor.clone();
                self.drafts.remove(&self.environment, &actor)?;
            }
        }
        Ok(())
    }

    fn added(&self, draft: Option<Draft>, proposal: &Proposal) -> Result<(Option<Draft>, String), AppError> {
        let mut draft = draft.unwrap_or_else(|| Draft::new(&self.project, &self.environment));
        draft.add(proposal.changes());
        // What cannot be done together is not kept together.
        self.project.propose_draft(&draft)?;
        let count = draft.changes().len();
        let told = format!("Kept in the draft, {count} in all: 6 shows and applies it, u takes the edit back");
        Ok((Some(draft), told))
    }

    fn rebased(&self, draft: Option<Draft>) -> Result<(Option<Draft>, String), AppError> {
        let draft = draft.unwrap_or_else(|| Draft::new(&self.project, &self.environment));
        let rebased = self.project.rebase(&draft)?;
        let (kept, dropped) = (rebased.draft.changes().len(), rebased.dropped.len());
        let told = format!("The draft stands on the log as it is now: {kept} kept, {dropped} dropped");
        Ok((Some(rebased.draft), told))
    }

    fn turn_draft(&mut self, turn: DraftTurn) -> Vec<Msg> {
        let Ok(now) = self.draft() else { return vec![self.moved(Mover::Us)] };
        let (from, to) = match turn {
            DraftTurn::Back => (&mut self.trail.before, &mut self.trail.after),
            DraftTurn::Again => (&mut self.trail.after, &mut self.trail.before),
        };
        let Some(then) = from.pop() else {
            return vec![Msg::Told("There is no edit of a draft to make again".to_owned())];
        };
        to.push(now);
        if let Err(error) = self.store_draft(then.as_ref()) {
            return vec![Msg::Failed(Trouble::of(&error))];
        }
        let told = match turn {
            DraftTurn::Back => "The edit of the draft is taken back; Ctrl-R makes it again",
            DraftTurn::Again => "The edit of the draft is made again",
        };
        vec![self.moved(Mover::Us), Msg::Drafted(told.to_owned())]
    }

    fn inspect(&self, seq: u64) -> EntryFacts {
        let around = self.project.flag_around(&self.environment, seq).unwrap_or_default();
        let form = |definition: Option<crate::definition::Definition>| {
            let value = definition.and_then(|definition| serde_json::to_value(definition).ok());
            value.unwrap_or_else(|| serde_json::Value::Object(serde_json::Map::new()))
        };
        let mut fields = difference(&form(around.before), &form(around.after));
        // The log counts versions by itself.
        fields.retain(|field| !field.field.ends_with("version"));
        EntryFacts { seq, fields }
    }

    fn publish_kills(&self, out: &Path) -> Result<SignedKills, Trouble> {
        let mut publisher = (self.open_publisher)(out).map_err(|error| Trouble::of(&AppError::from(error)))?;
        self.project.publish_kills(&self.environment, &mut *publisher).map_err(|error| Trouble::of(&error))
    }

    /// Returns the server that holds the project.
    pub(super) fn server_place(&self) -> Option<Rc<str>> {
        self.afar.as_ref().map(|afar| afar.place.as_str().into())
    }

    fn publish_afar(&mut self) -> Vec<Msg> {
        let Some(afar) = &self.afar else { return Vec::new() };
        let (result, place) = ((afar.publish)(), afar.place.clone());
        // What the server wrote into the log is not known here yet.
        let news = match self.project.refresh() {
            Ok(_) => self.moved(Mover::Us),
            Err(error) => Msg::Lost(Trouble::of(&error)),
        };
        let outcome = match result {
            Ok(version) => Msg::Published { to: PublishTo::Server, version, place },
            Err(error) => Msg::NotPublished(Trouble::of(&error)),
        };
        vec![news, outcome]
    }

    fn publish(&mut self, out: PathBuf) -> Vec<Msg> {
        let result = (self.open_publisher)(&out)
            .map_err(AppError::from)
            .and_then(|mut publisher| self.project.publish(&self.environment, &mut *publisher));
        let moved = self.moved(Mover::Us);
        match result {
            Ok(published) => {
                (self.remember_target)(&out);
                self.out = Some(out.clone());
                let (version, place) = (published.version, published.place);
                vec![moved, Msg::Published { to: PublishTo::Folder(out), version, place }]
            }
            Err(error) => vec![moved, Msg::NotPublished(Trouble::of(&error))],
        }
    }
}

impl Trail {
    fn note(&mut self, before: Option<Draft>) {
        self.before.push(before);
        self.after.clear();
    }
}
