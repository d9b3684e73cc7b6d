//! Flags as their owners write them: one TOML file of definitions, read with a place for every mistake and printed back unchanged.
//!
//! A [`Definition`] is what is published together with the documentation that never travels to clients. The log keeps its JSON form;
//! people write [`Definitions`], the TOML form that `sample/flags.toml` teaches.

mod civil_date;
mod documentation;
mod error;
mod experiment;
mod layout;
mod lint_settings;
mod names;
mod nearest;
mod places;
mod print;
mod read;
mod target;
#[cfg(test)]
mod tests;

use flag_core::wire::{self, Entries};
use serde::{Deserialize, Serialize};

pub use self::civil_date::{CivilDate, CivilDateError};
pub use self::documentation::{Documentation, Metric, Milestone};
pub use self::error::{DefinitionError, Fault, Problem};
pub use self::experiment::{Better, Experiment, Guardrail, Practical, Scale};
pub use self::lint_settings::{Allowance, LintSettings};
pub use self::names::{is_earlier, is_stage_status, kind_name, stage_name, stage_status};
pub use self::nearest::nearest;
pub use self::places::Places;
pub use self::target::{Comparison, Target, TargetError, TargetUnit};

/// A flag as its owners write it: what is published, and the documentation that never travels to clients.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// What is published.
    pub flag: wire::Flag,
    /// What is known about the flag besides.
    #[serde(default, skip_serializing_if = "Documentation::is_empty")]
    pub documentation: Documentation,
    /// What lint is told about the flag.
    #[serde(default, skip_serializing_if = "LintSettings::is_empty")]
    pub lint: LintSettings,
}

/// The whole of an authoring file: flags, segments, groups. It stands by itself: what a flag refers to is in the same file.
///
/// ```toml
/// [flags.command_history]
/// stage = "beta"
/// rollout = "25%"
/// ```
///
/// What a flag leaves out:
/// * `kind` is `release`, `stage` is `development`, `enabled` is true.
/// * `variants` are `{ on = true, off = false }`; `off_variant` and `otherwise` are the variant `off`, where there is one.
/// * Without `serve` or `rollout` nobody is exposed, a split of 0 %; a kill switch serves the variant that is on.
/// * `rollout` alone exposes units to the variant that is on: the one that is `true`, or the one besides the off variant of two. With
///   `weights` each variant gets its share of the exposed; with `allocation` exactly its ranges `[[FROM, TO]]`.
///
/// Shares are text, `"25%"`, or an integer of whole percent. `null`, which TOML lacks, is `{ json = "null" }` within a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Definitions {
    /// The flags by key.
    pub flags: Entries<Definition>,
    /// Named conditions.
    pub segments: Entries<wire::Condition>,
    /// Exclusion groups.
    pub groups: Entries<wire::Group>,
    /// The splits, by flag and place, whose ranges the author wrote out although weights would lay them out the same. They are meant as
    /// they stand; every other split that [`Definitions::weights`] knows may be laid out anew by minimal movement.
    pub fixed: Vec<(Box<str>, flag_core::Place)>,
}

impl Definitions {
    /// Reads the TOML form. `file` is the name that errors give.
    pub fn from_toml(text: &str, file: &str) -> Result<Self, DefinitionError> {
        read::definitions(text, file).map(|(definitions, _)| definitions)
    }

    /// Reads the TOML form, and remembers where in the text everything stands.
    pub fn from_toml_with_places(text: &str, file: &str) -> Result<(Self, Places), DefinitionError> {
        read::definitions(text, file)
    }

    /// Returns the TOML form. [`Definitions::from_toml`] reads it back as it was, but for the version numbers, which the log counts.
    pub fn to_toml(&self) -> String {
        print::definitions(self)
    }

    /// Returns the weights of a flag's split in thousandths of a percent, by variant in order, where its author gave weights and left the
    /// ranges open: those of an existing flag are then moved, not laid out anew. `None` where the ranges are meant as they stand, and
    /// where everyone gets one variant.
    pub fn weights(&self, flag: &str, place: &flag_core::Place) -> Option<Vec<(Box<str>, u32)>> {
        if self.fixed.iter().any(|(fixed, at)| **fixed == *flag && at == place) {
            return None;
        }
        let flag = &self.flags.find(flag)?.flag;
        layout::weights_of(layout::serve_at(flag, place)?, &flag.variants)
    }
}
