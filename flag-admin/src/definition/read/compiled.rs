//! What only shows once everything is read: the evaluator compiles the definitions, and what it would quarantine is refused.

use std::collections::{HashMap, HashSet};

use flag_core::wire::{Condition, Entries, Flag, Rule, SCHEMA, Serve, Snapshot};
use flag_core::{ConditionError, FlagError, Place, Ruleset, Timestamp};

use super::super::error::Fault;
use super::super::layout::boolean;
use super::super::print::literal::key as quoted;
use super::super::{Definition, Definitions};
use super::source::Report;

/// The names that stand in the file, broken or not: what refers to a broken one is not itself at fault.
pub(super) struct Written<'d> {
    pub(super) flags: HashSet<&'d str>,
    pub(super) segments: HashSet<&'d str>,
    pub(super) groups: HashSet<&'d str>,
}

/// Notes every segment and flag that the evaluator would refuse, at its place in the file.
pub(super) fn check(read: &Definitions, written: &Written<'_>, report: &mut Report<'_>) {
    let mut follow_from_others = Vec::new();
    for (place, error) in broken_segments(read).into_iter().chain(broken_flags(read)) {
        if follows_from_another(&error, written, read) {
            follow_from_others.push((place, error));
        } else {
            report.add_at(&place, error.into_fault());
        }
    }
    // Nothing that the evaluator refuses may pass, whoever is at fault.
    if report.count() == 0 {
        for (place, error) in follow_from_others {
            report.add_at(&place, error.into_fault());
        }
    }
}

/// What is refused, a segment's condition or a flag.
enum Refused {
    Segment(ConditionError),
    Flag(FlagError),
}

impl Refused {
    fn into_fault(self) -> Fault {
        match self {
            Self::Segment(error) => Fault::Condition(error),
            Self::Flag(error) => Fault::Flag(error),
        }
    }
}

/// Tries every segment in a flag of its own, whether a flag of the file uses it or not.
fn broken_segments(read: &Definitions) -> Vec<(String, Refused)> {
    let probe_key = |index: usize| format!("segment-{index}");
    let probes = read.segments.names().enumerate().map(|(index, name)| (probe_key(index).into(), probe(name)));
    let ruleset = Ruleset::compile(&snapshot(probes.collect(), read));
    let quarantined: HashMap<&str, &FlagError> = ruleset.quarantined().collect();
    let mut broken = Vec::new();
    for (index, name) in read.segments.names().enumerate() {
        let error = quarantined.get(&*probe_key(index)).copied().cloned();
        if let Some(FlagError::Condition { source, .. }) = error {
            let own = match source {
                ConditionError::Segment { segment, source } if *segment == *name => *source,
                // Told at the segment that it names, from which this one only follows.
                ConditionError::SegmentCycle { segment } if *segment != *name => continue,
                other => other,
            };
            broken.push((format!("segments.{}", quoted(name)), Refused::Segment(own)));
        }
    }
    broken
}

fn probe(segment: &str) -> Flag {
    let off: Box<str> = "off".into();
    Flag {
        version: 0,
        kind: flag_core::wire::Kind::default(),
        stage: flag_core::wire::Stage::default(),
        enabled: true,
        bucketing: flag_core::BUCKETING_VERSION,
        seed: None,
        unit: None,
        variants: boolean(),
        off_variant: off.clone(),
        rules: vec![Rule { id: "probe".into(), when: Condition::segment(segment), serve: Serve::variant(off.clone()) }],
        fallthrough: Serve::variant(off),
        prerequisites: Vec::new(),
        off_after: None,
        overridable: false,
        opt_in: flag_core::wire::OptIn::default(),
        critical: false,
        group: None,
        holdout: flag_core::Share::NOBODY,
        default_on_expiry: false,
        slow_above_micros: None,
        requires: Vec::new(),
    }
}

fn broken_flags(read: &Definitions) -> Vec<(String, Refused)> {
    let flags = read.flags.iter().map(|(key, definition)| (key.into(), definition.flag.clone())).collect();
    let ruleset = Ruleset::compile(&snapshot(flags, read));
    let located = ruleset.quarantined().map(|(key, error)| {
        let flag = format!("flags.{}", quoted(key));
        let within = read.flags.find(key).and_then(|definition| within(error, definition));
        (within.map_or(flag.clone(), |within| format!("{flag}.{within}")), Refused::Flag(error.clone()))
    });
    located.collect()
}

fn snapshot(flags: Entries<Flag>, read: &Definitions) -> Snapshot {
    Snapshot {
        schema: SCHEMA,
        project: Box::default(),
        environment: Box::default(),
        epoch: 0,
        version: 0,
        issued_at: Timestamp::from_millis(0),
        expires_at: Timestamp::from_millis(0),
        audit_head: None,
        flags,
        segments: read.segments.clone(),
        groups: read.groups.clone(),
        kills: Vec::new(),
        lifted: Vec::new(),
    }
}

/// Tells whether something else, which has a problem of its own, is at fault.
fn follows_from_another(refused: &Refused, written: &Written<'_>, read: &Definitions) -> bool {
    let condition = |error: &ConditionError, in_flag: bool| match error {
        ConditionError::NoSegment { segment } => {
            written.segments.contains(&**segment) && read.segments.find(segment).is_none()
        }
        ConditionError::Segment { .. } => true,
        ConditionError::SegmentCycle { .. } => in_flag,
        _ => false,
    };
    match refused {
        Refused::Segment(error) => condition(error, false),
        Refused::Flag(FlagError::Condition { source, .. }) => condition(source, true),
        Refused::Flag(FlagError::PrerequisiteQuarantined { .. }) => true,
        Refused::Flag(FlagError::NoPrerequisite { flag }) => {
            written.flags.contains(&**flag) && read.flags.find(flag).is_none()
        }
        Refused::Flag(FlagError::NoGroup { group }) => {
            written.groups.contains(&**group) && read.groups.find(group).is_none()
        }
        Refused::Flag(_) => false,
    }
}

/// Returns where in a flag an error of the evaluator stands. What is not written there stands for the place around it.
fn within(error: &FlagError, definition: &Definition) -> Option<String> {
    let rules = &definition.flag.rules;
    let rule = |id: &str| rules.iter().position(|rule| *rule.id == *id).map(|index| format!("rules[{index}]"));
    let split = |place: &Place| match place {
        Place::OffVariant => Some("off_variant".into()),
        Place::Rule(id) => rule(id).map(|rule| format!("{rule}.serve.allocation")),
        _ => Some("allocation".into()),
    };
    match error {
        FlagError::UnknownFeature { .. } => Some("requires".into()),
        FlagError::BucketingVersion { .. } => Some("bucketing".into()),
        FlagError::TooMany { what, .. } if *what != "ranges" => Some((*what).into()),
        FlagError::Length { what, .. } => match *what {
            "a variant id" => Some("variants".into()),
            "a rule id" => Some("rules".into()),
            what => Some(what.into()),
        },
        FlagError::NoVariants => Some("variants".into()),
        FlagError::VariantType { variant, .. }
        | FlagError::VariantForm { variant, .. }
        | FlagError::VariantDepth { variant } => Some(format!("variants.{}", quoted(variant))),
        FlagError::NoVariant { place, .. } | FlagError::ServeForm { place } | FlagError::Allocation { place, .. } => {
            split(place)
        }
        FlagError::RuleTwice { id } => {
            rules.iter().rposition(|rule| rule.id == *id).map(|index| format!("rules[{index}].id"))
        }
        FlagError::Condition { id, .. } => rule(id).map(|rule| format!("{rule}.when")),
        FlagError::NoPrerequisite { flag }
        | FlagError::PrerequisiteQuarantined { flag }
        | FlagError::PrerequisiteVariant { flag, .. } => Some(format!("prerequisites.{}", quoted(flag))),
        FlagError::PrerequisiteCycle { .. }
        | FlagError::PrerequisiteDepth { .. }
        | FlagError::PrerequisiteCost { .. } => Some("prerequisites".into()),
        FlagError::NoGroup { .. } => Some("group.name".into()),
        FlagError::GroupSlots { .. } | FlagError::GroupOverlap { .. } => Some("group.slots".into()),
        FlagError::GroupUnit { .. } => Some("unit".into()),
        _ => None,
    }
}
