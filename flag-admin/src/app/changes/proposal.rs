use std::collections::BTreeMap;
use std::fmt;

use flag_core::{Plan, PlanOptions, Ruleset, plan};
use serde::Serialize;

use super::compile::{BrokenRuleset, compile_edited};
use super::difference::{FieldChange, difference};
use super::reach::reached;
use crate::app::authority::access::Case;
use crate::app::authority::policy::{Demand, Verdict};
use crate::app::error::AppError;
use crate::app::project::Project;
use crate::log::{
    Actor, Change, Digest, ENTRY_SCHEMA, Entry, EnvironmentName, EnvironmentState, FlagState, Grant, Head, Role, State,
    TokenId, TokenState, bare_snapshot,
};

/// What a set of changes will do, before they are done: the edits, and exactly who gains, loses or moves.
#[derive(Clone, Debug, Serialize)]
pub struct Proposal {
    base: Head,
    environment: EnvironmentName,
    edits: Vec<Edit>,
    plan: Plan,
    #[serde(skip_serializing_if = "Verdict::is_allowed")]
    access: Verdict,
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
    /// A member of the project.
    Member,
    /// A token, named by its id.
    Token,
    /// The environment as a whole.
    Environment,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "flag",
            Self::Segment => "segment",
            Self::Group => "group",
            Self::Kill => "kill",
            Self::Member => "member",
            Self::Token => "token",
            Self::Environment => "environment",
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
    /// The request that the changes wait in, where they need another member's approval: nothing is changed until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<u64>,
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

    /// Returns what becomes of it: whether whoever is at work may make the changes, or who may.
    pub const fn access(&self) -> &Verdict {
        &self.access
    }

    /// Returns the hash of what it is shown to do: the edits and the plan, not who may make them.
    pub(in crate::app) fn effect(&self) -> Result<Digest, serde_json::Error> {
        serde_json::to_vec(&(&self.environment, &self.edits, &self.plan)).map(|bytes| Digest::of(&bytes))
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
        let begun = EnvironmentState::default();
        let begins =
            |change: &Change| matches!(change, Change::EnvironmentCreated { environment: new } if new == environment);
        let before = if changes.iter().any(begins) { &begun } else { self.environment(environment)? };
        let mut demands = Vec::new();
        let after = self.imagine(environment, &changes, &mut demands)?;
        let mut of_project = member_edits(self.state.members(), after.members());
        of_project.extend(token_edits(self.state.tokens(), after.tokens()));
        let after = after.environment(environment).unwrap_or(before);
        // A flag that is renamed is planned as if it had always gone by its new key: it is the same flag, and draws the same buckets.
        let renames: Vec<Change> =
            changes.iter().filter(|change| matches!(change, Change::FlagRenamed { .. })).cloned().collect();
        let under_new_keys =
            if renames.is_empty() { None } else { Some(self.imagine(environment, &renames, &mut Vec::new())?) };
        let known = under_new_keys.as_ref().and_then(|state| state.environment(environment)).unwrap_or(before);
        let plan = self.plan_of(environment, known, after)?;
        let access = if changes.is_empty() {
            Verdict::Allowed
        } else {
            self.judge(&Case { changes: &changes, demands: &demands, before, after, plan: &plan })
        };
        let edits =
            rename_edits(&renames).into_iter().chain(of_project).chain(edits(environment, known, after)?).collect();
        Ok(Proposal { base: self.state.head(), environment: environment.clone(), edits, plan, access, changes })
    }

    /// Works out who gains, loses or moves. Refuses flags that the edit breaks.
    fn plan_of(
        &self,
        environment: &EnvironmentName,
        before: &EnvironmentState,
        after: &EnvironmentState,
    ) -> Result<Plan, BrokenRuleset> {
        let part = reached(before, after);
        let (before, after) = part.as_ref().map_or((before, after), |(before, after)| (before, after));
        let old = Ruleset::compile(&bare_snapshot(self.state.project(), environment, before));
        let new = compile_edited(self.state.project(), environment, &old, after)?;
        let options = PlanOptions { now: Some(self.now()), population: self.population };
        Ok(plan(&old, &new, &options))
    }

    /// Returns the state as it would be after changes, and notes what role each demands.
    pub(in crate::app) fn imagine(
        &self,
        environment: &EnvironmentName,
        changes: &[Change],
        demands: &mut Vec<Demand>,
    ) -> Result<State, AppError> {
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
            demands.push(Demand::of(change, state.environment(environment)));
            state.apply(&entry, head).map_err(AppError::Unfit)?;
            demands.push(Demand::of(change, state.environment(environment)));
        }
        Ok(state)
    }
}

/// Tells who comes, goes or gets another role.
fn member_edits(before: &BTreeMap<Actor, Role>, after: &BTreeMap<Actor, Role>) -> Vec<Edit> {
    let edit = |member: &Actor, was: Option<Role>, is: Option<Role>| Edit {
        subject: Subject::Member,
        name: member.to_string().into(),
        kind: match (was, is) {
            (None, _) => EditKind::Added,
            (_, None) => EditKind::Removed,
            _ => EditKind::Changed,
        },
        fields: is
            .map(|is| FieldChange {
                field: "role".to_owned(),
                before: was.map(|was| was.as_str().into()),
                after: Some(is.as_str().into()),
            })
            .into_iter()
            .collect(),
    };
    let set = after.iter().filter(|(member, role)| before.get(*member) != Some(*role));
    let gone = before.iter().filter(|(member, _)| !after.contains_key(*member));
    set.map(|(member, role)| edit(member, before.get(member).copied(), Some(*role)))
        .chain(gone.map(|(member, role)| edit(member, Some(*role), None)))
        .collect()
}

/// Tells which tokens come or go.
fn token_edits(before: &BTreeMap<TokenId, TokenState>, after: &BTreeMap<TokenId, TokenState>) -> Vec<Edit> {
    let edit = |id: &TokenId, kind, fields| Edit { subject: Subject::Token, name: id.as_str().into(), kind, fields };
    let field =
        |field: &str, after: String| FieldChange { field: field.to_owned(), before: None, after: Some(after.into()) };
    let issued = after.iter().filter(|(id, _)| !before.contains_key(*id)).map(|(id, token)| {
        let Grant { holder, verbs, environments, .. } = &token.grant;
        let verbs: Vec<&str> = verbs.iter().map(|verb| verb.as_str()).collect();
        let environments: Vec<&str> = environments.iter().map(EnvironmentName::as_str).collect();
        let mut fields = vec![field("holder", holder.to_string()), field("may", verbs.join(", "))];
        fields.extend((!environments.is_empty()).then(|| field("environments", environments.join(", "))));
        edit(id, EditKind::Added, fields)
    });
    let revoked = before.keys().filter(|id| !after.contains_key(*id));
    issued.chain(revoked.map(|id| edit(id, EditKind::Removed, Vec::new()))).collect()
}

/// Tells what goes by another key.
fn rename_edits(renames: &[Change]) -> Vec<Edit> {
    let edit = |change: &Change| match change {
        Change::FlagRenamed { from, to } => Some(Edit {
            subject: Subject::Flag,
            name: to.as_str().into(),
            kind: EditKind::Changed,
            fields: vec![FieldChange {
                field: "key".to_owned(),
                before: Some(from.as_str().into()),
                after: Some(to.as_str().into()),
            }],
        }),
        _ => None,
    };
    renames.iter().filter_map(edit).collect()
}

fn edits(name: &EnvironmentName, before: &EnvironmentState, after: &EnvironmentState) -> Result<Vec<Edit>, AppError> {
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
    if before.approvals_required != after.approvals_required {
        let (was, is) = (before.approvals_required.into(), after.approvals_required.into());
        let field = FieldChange { field: "approvals".to_owned(), before: Some(was), after: Some(is) };
        let (subject, kind) = (Subject::Environment, EditKind::Changed);
        edits.push(Edit { subject, name: name.as_str().into(), kind, fields: vec![field] });
    }
    Ok(edits)
}

fn compare<'s, K: Ord + AsRef<str>, T: PartialEq + 's>(
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
        if old == thing {
            continue;
        }
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
