use flag_core::wire::{Condition, Group};

use super::proposal::Proposal;
use crate::app::error::{AppError, Failure};
use crate::app::history::lines::HistoryLine;
use crate::app::history::walk::{Reader, walk};
use crate::app::project::Project;
use crate::definition::Definition;
use crate::log::{
    Change, ChangeSubject, Entry, EnvironmentName, EnvironmentState, Head, State, Stored, exposure_of, set_exposure,
};

/// A change to be taken back, and the proposal that does so.
#[derive(Clone, Debug)]
pub struct Undo {
    /// The change.
    pub undone: HistoryLine,
    /// The inverse change. It is made and logged as any other.
    pub proposal: Proposal,
}

impl Undo {
    /// Returns the reason that the log gets: which change is undone, and why if somebody says so.
    pub fn reason(&self, given: Option<&str>) -> String {
        let seq = self.undone.seq;
        given.map_or_else(|| format!("undo of entry {seq}"), |given| format!("undo of entry {seq}: {}", given.trim()))
    }
}

/// Why a change cannot be undone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UndoError {
    /// There is no such entry.
    #[error("there is no entry {seq}: the log ends with entry {head}")]
    NoEntry {
        /// The place given.
        seq: u64,
        /// The head of the log.
        head: Head,
    },
    /// Nothing was changed yet.
    #[error("nothing was changed in {environment}, so there is nothing to undo")]
    Nothing {
        /// The environment.
        environment: EnvironmentName,
    },
    /// The entry is of another environment.
    #[error("entry {seq} is of {}, expected of {expected}", found.as_ref().map_or("the project", EnvironmentName::as_str))]
    OtherEnvironment {
        /// Its place.
        seq: u64,
        /// The environment it is of; the whole project where absent.
        found: Option<EnvironmentName>,
        /// The environment that the command is for.
        expected: EnvironmentName,
    },
    /// The entry is no edit that could be taken back.
    #[error("entry {seq} cannot be undone: \"{sentence}\" is no edit of a flag, segment or group")]
    Final {
        /// Its place.
        seq: u64,
        /// What it did.
        sentence: String,
    },
    /// The entry activated a kill.
    #[error("entry {seq} is a kill of {target:?}, which is lifted rather than undone")]
    Kill {
        /// Its place.
        seq: u64,
        /// What is off.
        target: Box<str>,
    },
    /// The entry lifted a kill.
    #[error("entry {seq} lifted a kill of {target:?} for ever: its id is never used again")]
    Lift {
        /// Its place.
        seq: u64,
        /// What was off.
        target: Box<str>,
    },
    /// Later changes are of the same thing.
    #[error("entry {seq} cannot be undone: {}", overtaken(subject, later))]
    Overtaken {
        /// Its place.
        seq: u64,
        /// What it is of.
        subject: String,
        /// The later changes, oldest first.
        later: Vec<HistoryLine>,
    },
}

impl Failure for UndoError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoEntry { .. } => "no_entry",
            Self::Nothing { .. } => "nothing_to_undo",
            Self::OtherEnvironment { .. } => "other_environment",
            Self::Final { .. } | Self::Kill { .. } | Self::Lift { .. } => "not_undoable",
            Self::Overtaken { .. } => "overtaken",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoEntry { .. } => Some("see the entries: flag-admin log --json".to_owned()),
            Self::Nothing { .. } | Self::Final { .. } => None,
            Self::OtherEnvironment { found, .. } => {
                found.as_ref().map(|found| format!("name its environment: --env {found}"))
            }
            Self::Kill { target, .. } => Some(format!("lift it: flag-admin unkill {target} --reason TEXT")),
            Self::Lift { target, .. } => Some(format!("kill it anew: flag-admin kill {target} --reason TEXT")),
            Self::Overtaken { later, .. } => later
                .last()
                .map(|last| format!("undo the later ones first, the last one first: flag-admin undo {}", last.seq)),
        }
    }
}

fn overtaken(subject: &str, later: &[HistoryLine]) -> String {
    let told: Vec<String> =
        later.iter().map(|line| format!("{} {} (entry {})", line.actor, line.sentence, line.seq)).collect();
    format!("{subject} was changed since: {}", told.join("; "))
}

/// What a change replaced.
enum Before {
    Flag(Option<Box<Definition>>),
    Segment(Option<Condition>),
    Group(Option<Group>),
}

struct Candidate {
    line: HistoryLine,
    before: Before,
    later: Vec<HistoryLine>,
}

/// Looks for the change to be taken back, and for what came after it.
struct UndoReader<'w> {
    environment: &'w EnvironmentName,
    seq: Option<u64>,
    candidate: Option<Candidate>,
    /// The entry asked for, if it is no candidate, and whether it is of the environment.
    elsewhere: Option<(HistoryLine, bool)>,
}

impl Reader for UndoReader<'_> {
    fn read(&mut self, entry: &Entry, stored: &Stored, state: Option<&State>) {
        let is_here = entry.environment.as_ref() == Some(self.environment);
        let subject = entry.change.subject().filter(|_| is_here);
        let is_wanted = self.seq.map_or(subject.is_some(), |seq| seq == entry.seq);
        let before = state.and_then(|state| state.environment(self.environment));
        match (is_wanted, subject, before) {
            (true, Some(subject), Some(before)) => {
                let (line, before) = (HistoryLine::of(entry, stored, state), Before::of(subject, before));
                self.candidate = Some(Candidate { line, before, later: Vec::new() });
            }
            (true, ..) => self.elsewhere = Some((HistoryLine::of(entry, stored, state), is_here)),
            (false, Some(subject), _) => {
                if let Some(candidate) = &mut self.candidate
                    && (candidate.line.change.concerns(subject)
                        || candidate.line.change.subject().is_some_and(|own| entry.change.concerns(own)))
                {
                    candidate.later.push(HistoryLine::of(entry, stored, state));
                }
            }
            (false, ..) => {}
        }
    }

    fn is_satisfied(&self, head: u64) -> bool {
        self.candidate.is_some() || self.elsewhere.is_some() || self.seq.is_some_and(|seq| seq > head)
    }
}

impl Project {
    /// Works out what takes a change back: the entry at a place, or the environment's last change of a flag, segment or group.
    ///
    /// Refuses where later changes are of the same thing, since undoing the earlier one would undo those as well.
    pub fn propose_undo(&self, environment: &EnvironmentName, seq: Option<u64>) -> Result<Undo, AppError> {
        self.environment(environment)?;
        let (state, UndoReader { candidate, elsewhere, .. }) =
            walk(&*self.ports.log, || UndoReader { environment, seq, candidate: None, elsewhere: None })?;
        let head = state.head();
        let Some(Candidate { line, before, later }) = candidate else {
            return Err(match (seq, elsewhere) {
                (Some(seq), Some((line, false))) if line.environment.is_some() => {
                    UndoError::OtherEnvironment { seq, found: line.environment, expected: environment.clone() }
                }
                (Some(seq), Some((line, _))) => UndoError::Final { seq, sentence: line.sentence },
                (Some(seq), None) => UndoError::NoEntry { seq, head },
                (None, _) => UndoError::Nothing { environment: environment.clone() },
            }
            .into());
        };
        let (seq, subject) = (line.seq, line.change.subject().map(|subject| subject.to_string()));
        match &line.change {
            Change::KillActivated { target, .. } => return Err(UndoError::Kill { seq, target: target.clone() }.into()),
            Change::KillLifted { target, .. } => return Err(UndoError::Lift { seq, target: target.clone() }.into()),
            _ if !later.is_empty() => {
                return Err(UndoError::Overtaken { seq, subject: subject.unwrap_or_default(), later }.into());
            }
            _ => {}
        }
        let inverse = inverse(&line.change, before, self.environment(environment)?)
            .ok_or_else(|| UndoError::Final { seq, sentence: line.sentence.clone() })?;
        Ok(Undo { proposal: self.propose(environment, vec![inverse])?, undone: line })
    }
}

impl Before {
    fn of(subject: ChangeSubject<'_>, state: &EnvironmentState) -> Self {
        match subject {
            ChangeSubject::Flag(key) => Self::Flag(state.flags.get(key).map(|flag| Box::new(flag.definition.clone()))),
            ChangeSubject::Segment(name) => Self::Segment(state.segments.get(name).cloned()),
            ChangeSubject::Group(name) => Self::Group(state.groups.get(name).cloned()),
        }
    }
}

/// Returns the change that puts back what was there before, if there is one.
fn inverse(change: &Change, before: Before, now: &EnvironmentState) -> Option<Change> {
    Some(match (change, before) {
        (Change::FlagCreated { key, .. }, _) => Change::FlagArchived { key: key.clone() },
        (Change::FlagArchived { key }, Before::Flag(Some(definition))) => {
            Change::FlagCreated { key: key.clone(), definition: unnumbered(definition) }
        }
        (Change::FlagChanged { key, .. }, Before::Flag(Some(definition))) => {
            Change::FlagChanged { key: key.clone(), definition: unnumbered(definition) }
        }
        (Change::FlagRenamed { from, to }, _) => Change::FlagRenamed { from: to.clone(), to: from.clone() },
        (Change::StageSet { flag, .. }, Before::Flag(Some(definition))) => {
            let status = definition.documentation.status.as_deref().map(Into::into);
            Change::StageSet { flag: flag.clone(), stage: definition.flag.stage, waived: Vec::new(), status }
        }
        (Change::RolloutSet { flag: key, rule, .. }, Before::Flag(Some(definition))) => {
            let definition = unnumbered(definition);
            let mut restored = unnumbered(Box::new(now.flags.get(key)?.definition.clone()));
            // Said as a share wherever a share is all that changed.
            match exposure_of(&definition.flag, rule.as_deref()) {
                Ok(share)
                    if set_exposure(&mut restored.flag, rule.as_deref(), share).is_ok() && restored == definition =>
                {
                    Change::RolloutSet { flag: key.clone(), rule: rule.clone(), share }
                }
                _ => Change::FlagChanged { key: key.clone(), definition },
            }
        }
        (Change::SegmentSet { name, .. } | Change::SegmentRemoved { name }, Before::Segment(Some(condition))) => {
            Change::SegmentSet { name: name.clone(), condition }
        }
        (Change::SegmentSet { name, .. }, _) => Change::SegmentRemoved { name: name.clone() },
        (Change::GroupSet { name, .. } | Change::GroupRemoved { name }, Before::Group(Some(group))) => {
            Change::GroupSet { name: name.clone(), group }
        }
        (Change::GroupSet { name, .. }, _) => Change::GroupRemoved { name: name.clone() },
        _ => return None,
    })
}

/// The log counts versions: the place of the inverse change is known only when it is appended.
fn unnumbered(mut definition: Box<Definition>) -> Box<Definition> {
    definition.flag.version = 0;
    definition
}
