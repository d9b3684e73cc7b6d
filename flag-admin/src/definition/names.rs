//! The closed sets of names, as the published form spells them.

use flag_core::wire::{Kind, OptIn, Stage};

/// What flags are for.
pub(super) const KINDS: &[(&str, Kind)] = &[
    ("release", Kind::Release),
    ("experiment", Kind::Experiment),
    ("ops", Kind::Ops),
    ("permission", Kind::Permission),
    ("kill_switch", Kind::KillSwitch),
];

/// Where flags are in their life.
pub(super) const STAGES: &[(&str, Stage)] = &[
    ("development", Stage::Development),
    ("internal", Stage::Internal),
    ("beta", Stage::Beta),
    ("ga", Stage::Ga),
    ("deprecated", Stage::Deprecated),
];

/// What the documentation of a flag says of how it stands, unless its owner says more.
const STATUSES: &[(&str, Stage)] = &[
    ("In development", Stage::Development),
    ("Internal testing", Stage::Internal),
    ("Beta testing", Stage::Beta),
    ("Generally available", Stage::Ga),
    ("Deprecated", Stage::Deprecated),
];

/// What a user's own enabling means.
pub(super) const OPT_INS: &[(&str, OptIn)] =
    &[("none", OptIn::None), ("allowed", OptIn::Allowed), ("required", OptIn::Required)];

/// Returns the name of a kind as it is written.
pub fn kind_name(kind: Kind) -> &'static str {
    name_of(KINDS, &kind)
}

/// Returns the name of a stage as it is written.
pub fn stage_name(stage: Stage) -> &'static str {
    name_of(STAGES, &stage)
}

/// Returns what the documentation of a flag at a stage says of how it stands, unless its owner says more.
pub fn stage_status(stage: Stage) -> &'static str {
    name_of(STATUSES, &stage)
}

/// Tells whether a text is what the documentation of flags at some stage says, and no words of an owner's own.
pub fn is_stage_status(text: &str) -> bool {
    STATUSES.iter().any(|(status, _)| *status == text)
}

/// Tells whether one stage comes before another in a flag's life.
pub fn is_earlier(one: Stage, other: Stage) -> bool {
    let place = |stage| STAGES.iter().position(|(_, known)| *known == stage);
    place(one) < place(other)
}

/// Returns the name of a value of a closed set.
pub(super) fn name_of<T: PartialEq>(names: &[(&'static str, T)], value: &T) -> &'static str {
    names.iter().find(|(_, known)| known == value).map_or("", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    fn are_published_so<T: Serialize>(names: &[(&str, T)]) {
        for (name, value) in names {
            assert_eq!(serde_json::to_value(value).unwrap(), *name);
        }
    }

    #[test]
    fn names_are_those_of_the_published_form() {
        are_published_so(KINDS);
        are_published_so(STAGES);
        are_published_so(OPT_INS);
    }
}
