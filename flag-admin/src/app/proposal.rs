use std::collections::BTreeMap;
use std::fmt;

use flag_core::{Plan, PlanOptions, plan};
use serde::Serialize;

use super::compile::compile_edited;
use super::difference::{FieldChange, difference};
use super::error::AppError;
use super::project::Project;
use crate::log::{Change, Digest, ENTRY_SCHEMA, Entry, EnvironmentName, EnvironmentState, FlagState, Head, State};

/// What a set of changes will do, before they are done: the edits, and exactly who gains, loses or moves.
#[derive(Clone, Debug, Serialize)]
pub struct Proposal {
    base: Head,
    environment: EnvironmentName,
    edits: Vec<Edit>,
    plan: Plan,
    #[serde(skip)]
    changes: Vec<Change>,
}

/// One thing that changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edit {
    /// What it is.
    pub subject: Subject,
    /// Its name.
    pub name: Box<str>,
    /// Whether it comes, changes or goes.
    pub kind: EditKind,
    /// The fields that change. Empty for what comes or goes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
}

/// What an edit is of.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Subject {
    /// A flag.
    Flag,
    /// A segment.
    Segment,
    /// An exclusion group.
    Group,
    /// A kill, named by its target.
    Kill,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "flag",
            Self::Segment => "segment",
            Self::Group => "group",
            Self::Kill => "kill",
        })
    }
}

/// Whether something comes, changes or goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EditKind {
    /// It is new.
    Added,
    /// It changes.
    Changed,
    /// It goes. A flag is archived.
    Removed,
}

/// What a commit came to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Committed {
    /// The head of the log after it.
    pub head: Head,
    /// How many entries were appended.
    pub entries: usize,
}

impl Proposal {
    /// Returns the head that the proposal was made from.
    pub const fn base(&self) -> Head {
        self.base
    }

    /// Returns the environment that it changes.
    pub const fn environment(&self) -> &EnvironmentName {
        &self.environment
    }

    /// Returns what changes.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// Returns who gains, loses or moves.
    pub const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Returns the changes to append.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Tells whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

impl Project {
    /// Works out what changes would do to an environment. Refuses those that would break a flag.
    pub fn propose(&self, environment: &EnvironmentName, changes: Vec<Change>) -> Result<Proposal, AppError> {
        let before = self.environment(environment)?;
        let after = self.imagine(environment, &changes)?;
        let after = after.environment(environment).unwrap_or(before);
        let old = self.ruleset(environment)?;
        let new = compile_edited(self.state.project(), environment, &old, after)?;
        let options = PlanOptions { now: Some(self.now()), population: None };
        Ok(Proposal {
            base: self.state.head(),
            environment: environment.clone(),
            edits: edits(before, after)?,
            plan: plan(&old, &new, &options),
            changes,
        })
    }

    /// Returns the state as it would be after changes.
    fn imagine(&self, environment: &EnvironmentName, changes: &[Change]) -> Result<State, AppError> {
        let mut state = self.state.clone();
        let time = self.now();
        for change in changes {
            let head = Head { seq: state.head().seq.saturating_add(1), hash: Digest::GENESIS };
            let entry = Entry {
                schema: ENTRY_SCHEMA,
                seq: head.seq,
                time,
                actor: self.operator.actor.clone(),
                role: self.operator.role,
                environment: Some(environment.clone()),
                change: change.clone(),
                reason: None,
                prev: Digest::GENESIS,
            };
            state.apply(&entry, head).map_err(AppError::Unfit)?;
        }
        Ok(state)
    }
}

fn edits(before: &EnvironmentState, after: &EnvironmentState) -> Result<Vec<Edit>, AppError> {
    fn flag(flag: &FlagState) -> Result<serde_json::Value, serde_json::Error> {
        let mut flag = flag.definition.clone();
        flag.flag.version = 0;
        serde_json::to_value(&flag)
    }
    fn kills(state: &EnvironmentState) -> BTreeMap<&str, &str> {
        state.kills.iter().map(|kill| (&*kill.target, &*kill.target)).collect()
    }
    let mut edits = Vec::new();
    compare(Subject::Segment, &before.segments, &after.segments, serde_json::to_value, &mut edits)?;
    compare(Subject::Group, &before.groups, &after.groups, serde_json::to_value, &mut edits)?;
    compare(Subject::Flag, &before.flags, &after.flags, flag, &mut edits)?;
    compare(Subject::Kill, &kills(before), &kills(after), serde_json::to_value, &mut edits)?;
    Ok(edits)
}

fn compare<'s, K: Ord + AsRef<str>, T: 's>(
    subject: Subject,
    before: &'s BTreeMap<K, T>,
    after: &'s BTreeMap<K, T>,
    form: impl Fn(&'s T) -> Result<serde_json::Value, serde_json::Error>,
    edits: &mut Vec<Edit>,
) -> Result<(), AppError> {
    let edit = |name: &K, kind, fields| Edit { subject, name: name.as_ref().into(), kind, fields };
    for (name, thing) in after {
        let Some(old) = before.get(name) else {
            edits.push(edit(name, EditKind::Added, Vec::new()));
            continue;
        };
        let fields = difference(&form(old).map_err(AppError::Seal)?, &form(thing).map_err(AppError::Seal)?);
        if !fields.is_empty() {
            edits.push(edit(name, EditKind::Changed, fields));
        }
    }
    edits.extend(
        before.keys().filter(|name| !after.contains_key(*name)).map(|name| edit(name, EditKind::Removed, Vec::new())),
    );
    Ok(())
}
