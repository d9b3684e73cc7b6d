use std::collections::BTreeSet;

use flag_core::wire::{Entries, Flag, Serve};
use flag_core::{AllocationError, FlagKey, KeyError, Place, Share, ValueType, reallocate};

use super::difference::difference;
use super::proposal::Proposal;
use crate::app::error::AppError;
use crate::app::project::Project;
use crate::definition::{Definition, Definitions};
use crate::log::{Change, EnvironmentName, EnvironmentState};

/// What becomes of flags, segments and groups that a file does not name.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Prune {
    /// They stay as they are.
    #[default]
    Keep,
    /// Flags are archived, segments and groups removed.
    Archive,
}

/// Why definitions cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// A new flag's key is not one, or wider than new keys may be.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The seed of a flag is another.
    #[error("flag \"{flag}\": seed is {found:?}, expected {expected:?} as when the flag was made")]
    Seed {
        /// The flag.
        flag: FlagKey,
        /// The seed given.
        found: Box<str>,
        /// The seed in force.
        expected: Box<str>,
    },
    /// The bucketing version of a flag is another.
    #[error("flag \"{flag}\": bucketing version is {found}, expected {expected} as when the flag was made")]
    Bucketing {
        /// The flag.
        flag: FlagKey,
        /// The version given.
        found: u32,
        /// The version in force.
        expected: u32,
    },
    /// The values of a flag are of another type.
    #[error("flag \"{flag}\": variants are of type {found}, expected {expected} as hosts read them")]
    Type {
        /// The flag.
        flag: FlagKey,
        /// The type given.
        found: ValueType,
        /// The type in force.
        expected: ValueType,
    },
    /// Edited weights cannot be turned into ranges.
    #[error("flag \"{flag}\": {place}: {source}")]
    Weights {
        /// The flag.
        flag: FlagKey,
        /// Where.
        place: Place,
        /// Why.
        #[source]
        source: AllocationError,
    },
}

impl Project {
    /// Works out what it takes to make an environment what a file says.
    ///
    /// Edited weights become ranges by minimal movement from the ranges in force; a seed that the file leaves out stays what it is.
    pub fn propose_definitions(
        &self,
        environment: &EnvironmentName,
        definitions: &Definitions,
        prune: Prune,
    ) -> Result<Proposal, AppError> {
        let state = self.environment(environment)?;
        let mut changes = Vec::new();
        for (name, condition) in definitions.segments.iter() {
            if state.segments.get(name) != Some(condition) {
                changes.push(Change::SegmentSet { name: name.into(), condition: condition.clone() });
            }
        }
        for (name, group) in definitions.groups.iter() {
            if state.groups.get(name) != Some(group) {
                changes.push(Change::GroupSet { name: name.into(), group: group.clone() });
            }
        }
        for (key, definition) in definitions.flags.iter() {
            changes.extend(flag_change(state, definitions, key, definition)?);
        }
        if prune == Prune::Archive {
            changes.extend(removals(state, definitions));
        }
        self.propose(environment, changes)
    }

    /// Works out what it takes to put one edited definition in place of a flag's.
    pub fn propose_definition(
        &self,
        environment: &EnvironmentName,
        key: &FlagKey,
        definition: Definition,
    ) -> Result<Proposal, AppError> {
        let expires = definition.documentation.expires.as_ref();
        if self.flag(environment, key.as_str())?.1.definition.documentation.expires.as_ref() != expires {
            self.check_expiry(key.as_str(), expires)?;
        }
        let mut definitions = Definitions::default();
        definitions.flags.insert(key.as_str(), definition);
        self.propose_definitions(environment, &definitions, Prune::Keep)
    }
}

fn flag_change(
    state: &EnvironmentState,
    definitions: &Definitions,
    key: &str,
    definition: &Definition,
) -> Result<Option<Change>, AppError> {
    let old = state.flags.get_key_value(key);
    let mut definition = Box::new(definition.clone());
    let Some((key, old)) = old else {
        // A flag that was taken out comes back as what it was: the same buckets for the same people, the same type for its hosts.
        let archived = state.archived.get_key_value(key);
        let key = match archived {
            Some((key, _)) => key.clone(),
            None => FlagKey::new_flag(key).map_err(ApplyError::from)?,
        };
        if let Some((_, archived)) = archived {
            keep_identity(&key, &archived.definition.flag, &mut definition.flag)?;
            move_little(&key, definitions, &archived.definition.flag, &mut definition.flag)?;
        }
        definition.flag.version = 0;
        return Ok(Some(Change::FlagCreated { key, definition }));
    };
    let old = &old.definition;
    keep_identity(key, &old.flag, &mut definition.flag)?;
    move_little(key, definitions, &old.flag, &mut definition.flag)?;
    let before = serde_json::to_value(old).map_err(AppError::Seal)?;
    let after = serde_json::to_value(&definition).map_err(AppError::Seal)?;
    if difference(&before, &after).is_empty() {
        return Ok(None);
    }
    // The log counts versions; the place of this very change is known only when it is appended.
    definition.flag.version = 0;
    Ok(Some(Change::FlagChanged { key: key.clone(), definition }))
}

/// Keeps what a flag was made with: another seed or bucketing would draw everyone's bucket anew, another type would break its hosts.
pub(in crate::app) fn keep_identity(key: &FlagKey, old: &Flag, new: &mut Flag) -> Result<(), ApplyError> {
    new.version = old.version;
    let seed_of = |flag: &Flag| flag.seed.clone().unwrap_or_else(|| key.as_str().into());
    match &new.seed {
        None => new.seed.clone_from(&old.seed),
        Some(_) if seed_of(new) == seed_of(old) => new.seed.clone_from(&old.seed),
        Some(found) => {
            return Err(ApplyError::Seed { flag: key.clone(), found: found.clone(), expected: seed_of(old) });
        }
    }
    if new.bucketing != old.bucketing {
        let (found, expected) = (new.bucketing, old.bucketing);
        return Err(ApplyError::Bucketing { flag: key.clone(), found, expected });
    }
    let type_of = |flag: &Flag| flag.variants.iter().next().map(|(_, value)| value.value_type());
    if let (Some(found), Some(expected)) = (type_of(new), type_of(old))
        && found != expected
    {
        return Err(ApplyError::Type { flag: key.clone(), found, expected });
    }
    Ok(())
}

/// Lays edited weights out from the ranges in force, so that only the units of the difference move.
fn move_little(key: &FlagKey, definitions: &Definitions, old: &Flag, new: &mut Flag) -> Result<(), ApplyError> {
    let old_rule = |id: &str| old.rules.iter().find(|rule| *rule.id == *id).map(|rule| &rule.serve);
    let places = std::iter::once((Place::Fallthrough, Some(&old.fallthrough), &mut new.fallthrough))
        .chain(new.rules.iter_mut().map(|rule| (Place::Rule(rule.id.clone()), old_rule(&rule.id), &mut rule.serve)));
    for (place, old, new) in places {
        let (Some(weights), Some(ranges)) =
            (definitions.weights(key.as_str(), &place), old.and_then(|old| old.allocation.as_ref()))
        else {
            continue;
        };
        let laid_out = lay_out(ranges, &weights).map_err(|source| ApplyError::Weights {
            flag: key.clone(),
            place: place.clone(),
            source,
        })?;
        *new = Serve { allocation: Some(laid_out), ..std::mem::take(new) };
    }
    Ok(())
}

fn lay_out(
    ranges: &Entries<Vec<flag_core::wire::Range>>,
    weights: &[(Box<str>, u32)],
) -> Result<Entries<Vec<flag_core::wire::Range>>, AllocationError> {
    let total = weights.iter().fold(0_u32, |sum, (_, weight)| sum.saturating_add(*weight));
    let weights = weights
        .iter()
        .map(|(variant, weight)| Share::from_thousandths(*weight).map(|share| (&**variant, share)))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| AllocationError::Total { thousandths: total })?;
    let laid_out = reallocate(ranges, &weights)?;
    // Whoever gets nothing stands there with no ranges, as where a split is laid out for the first time.
    let of = |variant: &str| laid_out.find(variant).cloned().unwrap_or_default();
    Ok(weights.iter().map(|(variant, _)| (Box::from(*variant), of(variant))).collect())
}

fn removals(state: &EnvironmentState, definitions: &Definitions) -> Vec<Change> {
    let named: [BTreeSet<&str>; 3] = [
        definitions.flags.names().collect(),
        definitions.segments.names().collect(),
        definitions.groups.names().collect(),
    ];
    let [named_flags, named_segments, named_groups] = &named;
    let flags = state.flags.keys().filter(|key| !named_flags.contains(key.as_str()));
    let segments = state.segments.keys().filter(|name| !named_segments.contains(&***name));
    let groups = state.groups.keys().filter(|name| !named_groups.contains(&***name));
    flags
        .map(|key| Change::FlagArchived { key: key.clone() })
        .chain(segments.map(|name| Change::SegmentRemoved { name: name.clone() }))
        .chain(groups.map(|name| Change::GroupRemoved { name: name.clone() }))
        .collect()
}
