//! Which rollout a flag is in on this machine, as reports name it.

use flag_core::{FlagKey, Reason, Share};

use super::cell::{CellKey, Step};
use crate::decision::Layer;
use crate::in_force::InForce;

/// Returns what a use of the flag counts for; nothing if there is no such flag.
///
/// The step is the exposure share that was in force, and not the published version of the flag: the version grows with every edit, of a
/// description even, whereas a gate asks about everyone who was exposed at one share. A variant that is served without a split has the
/// share that flag-core's explanations give it: everyone, or nobody for the off variant.
///
/// A use counts for a variant only where the published flag assigned it. Where an override, a kill, a local value, a missing id or a
/// missing opt-in decided, it counts for none: such users chose, or could not be chosen, and a comparison with them proves nothing.
pub(super) fn assignment(in_force: &InForce, flag: &str) -> Option<CellKey> {
    let key: FlagKey = flag.parse().ok()?;
    let decision = in_force.decision(flag);
    let served = decision.variant?;
    let assigned = decision.origin.layer == Layer::Snapshot
        && matches!(
            decision.reason,
            Reason::Split
                | Reason::HeldOut
                | Reason::Excluded
                | Reason::TargetingMatch
                | Reason::Default
                | Reason::Static
        );
    if !assigned {
        return Some(CellKey { flag: key, variant: None, step: None });
    }
    let is_off = in_force.flag(flag).is_some_and(|flag| flag.flag().off_variant() == served);
    let fixed = if is_off { Share::NOBODY } else { Share::EVERYONE };
    let step = decision.share.unwrap_or(fixed);
    Some(CellKey { flag: key, variant: Some(served.into()), step: Some(Step(step)) })
}
