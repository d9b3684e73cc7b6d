use flag_core::wire::{Entries, Group, Membership, Range};
use flag_core::{AllocationError, EVERYONE, FlagKey, Share, reallocate};
use serde::Serialize;

use crate::app::changes::proposal::Proposal;
use crate::app::error::{AppError, Failure};
use crate::app::project::{Project, UnknownEnvironment};
use crate::definition::nearest;
use crate::log::{Change, EnvironmentName, EnvironmentState};

/// An exclusion group, and who owns which part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupLine<'p> {
    /// Its name.
    pub group: &'p str,
    /// What its slots are drawn from; the name where absent.
    pub seed: Option<&'p str>,
    /// The attribute that is bucketed; the context's own unit where absent.
    pub unit: Option<&'p str>,
    /// The share that is in none of its flags.
    pub holdout: Share,
    /// Its flags in order of their keys.
    pub flags: Vec<GroupMember<'p>>,
    /// The share that nobody owns.
    pub free: Share,
}

/// A flag of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GroupMember<'p> {
    /// Its key.
    pub flag: &'p FlagKey,
    /// The share of the group that it owns.
    pub share: Share,
    /// The slots that it owns.
    pub slots: &'p [Range],
}

/// Why a group cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// There is no such group.
    #[error("group {found:?} does not exist")]
    Unknown {
        /// The name given.
        found: Box<str>,
        /// The group that it most likely means.
        closest: Option<Box<str>>,
    },
    /// There is a group of that name.
    #[error("group {group:?} exists already")]
    Exists {
        /// Its name.
        group: Box<str>,
    },
    /// Flags are in it.
    #[error("group {group:?} holds {}", flags.iter().map(FlagKey::as_str).collect::<Vec<_>>().join(", "))]
    Used {
        /// Its name.
        group: Box<str>,
        /// Its flags.
        flags: Vec<FlagKey>,
    },
    /// The flag is in a group.
    #[error("flag \"{flag}\" is in group {group:?}")]
    Member {
        /// The flag.
        flag: FlagKey,
        /// Its group.
        group: Box<str>,
    },
    /// The flag is in no group, or in another one.
    #[error("flag \"{flag}\" is not in group {group:?}")]
    NoMember {
        /// The flag.
        flag: FlagKey,
        /// The group named.
        group: Box<str>,
    },
    /// So much is not free.
    #[error("{wanted} of group {group:?} is not free, {free} is")]
    Full {
        /// The group.
        group: Box<str>,
        /// The share asked for.
        wanted: Share,
        /// The share that nobody owns.
        free: Share,
    },
    /// The slots in force cannot be moved.
    #[error("the slots of group {group:?} cannot be shared out")]
    Slots {
        /// The group.
        group: Box<str>,
        /// Why.
        #[source]
        source: AllocationError,
    },
}

impl Failure for GroupError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown_group",
            Self::Exists { .. } => "group_exists",
            Self::Used { .. } => "group_used",
            Self::Member { .. } => "group_member",
            Self::NoMember { .. } => "no_member",
            Self::Full { .. } => "group_full",
            Self::Slots { .. } => "group_slots",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { closest: Some(closest), .. } => format!("did you mean {closest:?}?"),
            Self::Unknown { closest: None, .. } => "list them: flag-admin group list".to_owned(),
            Self::Exists { group } => format!("see it: flag-admin group show {group}"),
            Self::Used { group, .. } => format!("take them out first: flag-admin group remove {group} FLAG"),
            Self::Member { flag, group } => format!("take it out first: flag-admin group remove {group} {flag}"),
            Self::NoMember { flag, .. } => format!("see its group: flag-admin flag show {flag}"),
            Self::Full { .. } => {
                "leave --share out to share the group out evenly, which takes slots from its other flags".to_owned()
            }
            Self::Slots { .. } => return None,
        })
    }
}

/// What stands for slots that no flag owns. No key holds a space.
const FREE: &str = " free";
/// What stands for the slots of the holdout.
const HELD_OUT: &str = " holdout";

impl Project {
    /// Returns the exclusion groups of an environment in order of their names.
    pub fn groups<'p>(&'p self, environment: &EnvironmentName) -> Result<Vec<GroupLine<'p>>, UnknownEnvironment> {
        let state = self.environment(environment)?;
        Ok(state.groups.iter().map(|(name, group)| line(state, name, group)).collect())
    }

    /// Returns one exclusion group.
    pub fn group<'p>(&'p self, environment: &EnvironmentName, name: &str) -> Result<GroupLine<'p>, AppError> {
        let state = self.environment(environment)?;
        let Some((name, group)) = state.groups.get_key_value(name) else {
            let closest = nearest(name, state.groups.keys().map(|name| &**name)).map(Into::into);
            return Err(GroupError::Unknown { found: name.into(), closest }.into());
        };
        Ok(line(state, name, group))
    }

    /// Works out what making a group does.
    pub fn propose_group(&self, environment: &EnvironmentName, name: &str, group: Group) -> Result<Proposal, AppError> {
        if self.environment(environment)?.groups.contains_key(name) {
            return Err(GroupError::Exists { group: name.into() }.into());
        }
        self.propose(environment, vec![Change::GroupSet { name: name.into(), group }])
    }

    /// Works out what removing an empty group does.
    pub fn propose_group_removal(&self, environment: &EnvironmentName, name: &str) -> Result<Proposal, AppError> {
        let GroupLine { group, flags, .. } = self.group(environment, name)?;
        if !flags.is_empty() {
            let flags = flags.into_iter().map(|member| member.flag.clone()).collect();
            return Err(GroupError::Used { group: group.into(), flags }.into());
        }
        self.propose(environment, vec![Change::GroupRemoved { name: group.into() }])
    }

    /// Works out what bringing a flag into a group does: it gets a share of what is free, or, where none is named, the group is shared out
    /// evenly by minimal movement, so that the others give up no more than they must.
    pub fn propose_member(
        &self,
        environment: &EnvironmentName,
        name: &str,
        flag: &str,
        share: Option<Share>,
    ) -> Result<Proposal, AppError> {
        let line = self.group(environment, name)?;
        let (key, flag) = self.flag(environment, flag)?;
        if let Some(membership) = &flag.definition.flag.group {
            return Err(GroupError::Member { flag: key.clone(), group: membership.name.clone() }.into());
        }
        if let Some(wanted) = share.filter(|wanted| *wanted > line.free) {
            return Err(GroupError::Full { group: line.group.into(), wanted, free: line.free }.into());
        }
        let held_out = line.holdout.thousandths();
        let members = line.flags.iter().map(|member| (member.flag.as_str(), member.share.thousandths()));
        let mut wanted: Vec<(&str, u32)> = match share {
            Some(share) => members.chain([(key.as_str(), share.thousandths())]).collect(),
            None => {
                let all: Vec<&str> = members.map(|(member, _)| member).chain([key.as_str()]).collect();
                let each = u32::try_from(all.len()).ok().and_then(|all| (EVERYONE - held_out).checked_div(all));
                all.into_iter().map(|member| (member, each.unwrap_or_default())).collect()
            }
        };
        let owned = wanted.iter().fold(held_out, |sum, (_, share)| sum.saturating_add(*share));
        wanted.extend([(FREE, EVERYONE.saturating_sub(owned)), (HELD_OUT, held_out)]);
        let shared_out =
            share_out(&line, &wanted).map_err(|source| GroupError::Slots { group: line.group.into(), source })?;
        let mut changes = Vec::new();
        for (member, slots) in shared_out.iter().filter(|(member, _)| *member != FREE && *member != HELD_OUT) {
            let (key, flag) = self.flag(environment, member)?;
            let membership = Membership { name: line.group.into(), slots: slots.clone() };
            if flag.definition.flag.group.as_ref() != Some(&membership) {
                let mut definition = Box::new(flag.definition.clone());
                definition.flag.group = Some(membership);
                definition.flag.version = 0;
                changes.push(Change::FlagChanged { key: key.clone(), definition });
            }
        }
        self.propose(environment, changes)
    }

    /// Works out what taking a flag out of a group does. Its slots are free, and nobody else gets them.
    pub fn propose_member_removal(
        &self,
        environment: &EnvironmentName,
        name: &str,
        flag: &str,
    ) -> Result<Proposal, AppError> {
        let line = self.group(environment, name)?;
        let (key, flag) = self.flag(environment, flag)?;
        if !line.flags.iter().any(|member| member.flag == key) {
            return Err(GroupError::NoMember { flag: key.clone(), group: line.group.into() }.into());
        }
        let mut definition = Box::new(flag.definition.clone());
        definition.flag.group = None;
        definition.flag.version = 0;
        self.propose(environment, vec![Change::FlagChanged { key: key.clone(), definition }])
    }
}

/// Moves the slots of a group to other shares, and no more of them than has to be.
fn share_out(group: &GroupLine<'_>, wanted: &[(&str, u32)]) -> Result<Entries<Vec<Range>>, AllocationError> {
    let bound = EVERYONE.saturating_sub(group.holdout.thousandths());
    let mut held: Vec<(Range, &str)> = group
        .flags
        .iter()
        .flat_map(|member| member.slots.iter().map(move |slot| (*slot, member.flag.as_str())))
        .collect();
    held.sort_unstable();
    let mut from = 0;
    let mut gaps = Vec::new();
    for (slot, _) in &held {
        if from < slot.from {
            gaps.push((Range { from, to: slot.from }, FREE));
        }
        from = from.max(slot.to);
    }
    if from < bound {
        gaps.push((Range { from, to: bound }, FREE));
    }
    if bound < EVERYONE && from <= bound {
        gaps.push((Range { from: bound, to: EVERYONE }, HELD_OUT));
    }
    let mut old: Entries<Vec<Range>> = Entries::default();
    for (range, owner) in held.into_iter().chain(gaps) {
        match old.find_mut(owner) {
            Some(ranges) => ranges.push(range),
            None => old.insert(owner, vec![range]),
        }
    }
    let weights: Vec<(&str, Share)> = wanted
        .iter()
        .filter_map(|(owner, share)| Share::from_thousandths(*share).ok().map(|share| (*owner, share)))
        .collect();
    reallocate(&old, &weights)
}

fn line<'p>(state: &'p EnvironmentState, name: &'p str, group: &'p Group) -> GroupLine<'p> {
    let flags: Vec<GroupMember<'p>> = state
        .flags
        .iter()
        .filter_map(|(key, flag)| {
            let membership = flag.definition.flag.group.as_ref().filter(|membership| *membership.name == *name)?;
            Some(GroupMember { flag: key, share: share_of(widths(&membership.slots)), slots: &membership.slots })
        })
        .collect();
    let owned =
        flags.iter().fold(group.holdout.thousandths(), |sum, flag| sum.saturating_add(flag.share.thousandths()));
    GroupLine {
        group: name,
        seed: group.seed.as_deref(),
        unit: group.unit.as_deref(),
        holdout: group.holdout,
        flags,
        free: share_of(EVERYONE.saturating_sub(owned)),
    }
}

fn widths(slots: &[Range]) -> u32 {
    slots.iter().fold(0_u32, |sum, slot| sum.saturating_add(slot.width()))
}

/// Returns a share of at most everyone.
fn share_of(thousandths: u32) -> Share {
    Share::from_thousandths(thousandths).unwrap_or(Share::EVERYONE)
}
