use flag_core::wire::{Flag, Serve};
use flag_core::{Share, Timestamp};
use serde::{Deserialize, Serialize};

use super::exposure::everyones_variant;
use super::{Actor, Entry};
use crate::definition::Definition;

/// A flag with what the log knows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlagState {
    /// The whole of it. Its version is the place of the last change.
    pub definition: Definition,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last changed.
    pub changed: Timestamp,
    /// Who last changed it.
    pub changed_by: Actor,
    /// Since when it is at its stage.
    pub staged: Timestamp,
    /// Since when everyone whom no rule takes gets what they get now.
    pub served: Timestamp,
    /// Whether it ever gave anybody anything but its off variant.
    pub exposed: bool,
    /// Since when everyone gets the same, which is not its off variant, without a break by an edit or a kill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_since: Option<Timestamp>,
}

impl FlagState {
    /// Returns the state of a flag that is made.
    pub fn new(definition: Definition, created: Timestamp, by: Actor) -> Self {
        let exposed = is_exposing(&definition.flag);
        let (changed, staged, served) = (created, created, created);
        let full_since = everyones_variant(&definition.flag).map(|_| created);
        Self { definition, created, changed, changed_by: by, staged, served, exposed, full_since }
    }

    pub(super) fn edit<E>(
        &mut self,
        entry: &Entry,
        change: impl FnOnce(&mut Definition) -> Result<(), E>,
    ) -> Result<(), E> {
        let before = &self.definition.flag;
        let (was_enabled, served_before, stage_before) = (before.enabled, before.fallthrough.clone(), before.stage);
        let everyones_before = everyones_variant(before).map(Box::<str>::from);
        change(&mut self.definition)?;
        let flag = &self.definition.flag;
        if flag.stage != stage_before {
            self.staged = entry.time;
        }
        if (flag.enabled, &flag.fallthrough) != (was_enabled, &served_before) {
            self.served = entry.time;
        }
        // Another variant for everyone is a new beginning.
        if everyones_variant(flag) != everyones_before.as_deref() {
            self.full_since = None;
        }
        self.exposed |= is_exposing(flag);
        self.definition.flag.version = entry.seq;
        self.changed = entry.time;
        self.changed_by = entry.actor.clone();
        Ok(())
    }
}

/// Tells whether a flag gives anybody anything but its off variant.
fn is_exposing(flag: &Flag) -> bool {
    let gives = |serve: &Serve| match (&serve.variant, serve.exposure) {
        (Some(variant), _) => *variant != flag.off_variant,
        (None, share) => share.is_some_and(|share| share != Share::NOBODY),
    };
    flag.enabled && (gives(&flag.fallthrough) || flag.rules.iter().any(|rule| gives(&rule.serve)))
}
