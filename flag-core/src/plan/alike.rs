//! Whether a flag decides by the same things in two rulesets, told without looking at who the units are.

use crate::evaluate::FlagRef;
use crate::flag::{Flag, Membership, Prerequisite, Rule};
use crate::ruleset::{Ruleset, Slot};

/// Tells whether everything that decides a flag is the same before and after, prerequisites and segments followed. Then nobody's decision
/// changes, however many lanes it takes.
pub(super) fn alike(old: FlagRef<'_>, new: FlagRef<'_>) -> bool {
    flags((old.ruleset(), old.flag()), (new.ruleset(), new.flag()))
}

/// No deeper than prerequisites may be nested, and no more often than one decision may evaluate.
fn flags(old: (&Ruleset, &Flag), new: (&Ruleset, &Flag)) -> bool {
    let ((old_ruleset, old), (new_ruleset, new)) = (old, new);
    // Named one by one, so that a new field has to be judged here: what is left out has no part in which variant is served.
    let Flag {
        key,
        version: _,
        kind: _,
        stage: _,
        opt_in,
        enabled,
        killed,
        overridable: _,
        critical: _,
        default_on_expiry: _,
        slow_above_micros: _,
        buckets_unit: _,
        choice: _,
        off_variant,
        holdout,
        seed: _,
        fallthrough,
        off_after,
        unit,
        variants,
        rules,
        prerequisites,
        membership,
    } = old;
    *key == new.key
        && old.seed() == new.seed()
        && (*opt_in, *enabled, *killed) == (new.opt_in, new.enabled, new.killed)
        && (*off_variant, *holdout, *off_after) == (new.off_variant, new.holdout, new.off_after)
        && *fallthrough == new.fallthrough
        && *unit == new.unit
        && *variants == new.variants
        && pairwise(rules, &new.rules, |old: &Rule, new| {
            old.serve == new.serve && old.when.same(&old_ruleset.segments, &new.when, &new_ruleset.segments)
        })
        && pairwise(prerequisites, &new.prerequisites, |old: &Prerequisite, new| {
            let needed = (old_ruleset.slot(old.flag), new_ruleset.slot(new.flag));
            let (Some(Slot::Live(before)), Some(Slot::Live(after))) = needed else { return false };
            old.accepted == new.accepted && flags((old_ruleset, before), (new_ruleset, after))
        })
        && match (membership, &new.membership) {
            (Some(old), Some(new)) => {
                let Membership { seed, holdout, group: _, slots } = &**old;
                *seed == new.seed && *holdout == new.holdout && *slots == new.slots
            }
            (old, new) => old.is_none() && new.is_none(),
        }
}

fn pairwise<T>(old: &[T], new: &[T], same: impl Fn(&T, &T) -> bool) -> bool {
    old.len() == new.len() && old.iter().zip(new).all(|(old, new)| same(old, new))
}
