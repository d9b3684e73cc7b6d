//! What test code, environment and user want of a flag, laid upon it as far as they may.

use flag_core::{FlagRef, LocalChoice, Ruleset};

use super::Merger;
use crate::builder::ClientBuilder;
use crate::decision::{ChosenOverride, Effect, Layer, LocalValue, Origin, Refusal, RefusedOverride};
use crate::in_force::{Facts, Publication};
use crate::permission::{Standing, interpret, permit_from, variant_of};

impl Merger<'_> {
    /// Lays what test code, environment and user want upon a flag, as far as they may.
    pub(super) fn choose(&mut self, host: &ClientBuilder, key: &str, ruleset: &mut Ruleset, governed: bool) {
        let Some(settings) = self.settings.get(key) else { return };
        let Some(facts) = self.facts.get_mut(key) else { return };
        let Some(flag) = ruleset.flag(key) else { return };
        let standing = standing(facts, governed);
        let forced = settings.forced.as_ref().map(|value| (Origin::of(Layer::TestCode), value.clone()));
        let mut choice = None;
        for (origin, wanted) in forced.into_iter().chain(settings.overrides.iter().cloned()) {
            let wanted = match wanted {
                LocalValue::Variant(text) if origin.layer == Layer::Environment => interpret(&flag, &text),
                wanted => wanted,
            };
            match judge(host, &flag, standing, &origin, &wanted) {
                Err(why) => facts.refused.push(RefusedOverride { origin, wanted, why }),
                Ok((variant, effect)) if choice.is_none() => {
                    choice = Some((Box::<str>::from(variant), effect));
                    facts.chosen = Some(ChosenOverride { origin, wanted, effect });
                }
                Ok(_) => facts.overruled.push((origin, wanted)),
            }
        }
        if let Some((variant, effect)) = choice {
            lay(ruleset, key, &variant, effect);
        }
    }

    /// Lays what was chosen for a flag upon a copy of it.
    pub(super) fn choose_again(&self, key: &str, copies: &mut Ruleset) {
        let Some(chosen) = self.facts.get(key).and_then(|facts| facts.chosen.as_ref()) else { return };
        let Some(copy) = copies.flag(key) else { return };
        if let Ok(variant) = variant_of(copy.flag(), &chosen.wanted).map(Box::<str>::from) {
            lay(copies, key, &variant, chosen.effect);
        }
    }
}

fn lay(ruleset: &mut Ruleset, key: &str, variant: &str, effect: Effect) {
    let choice = match effect {
        Effect::OptsIn => LocalChoice::OptIn,
        Effect::Chooses => LocalChoice::Variant(variant),
        Effect::Forces => LocalChoice::Forced(variant),
    };
    // Flag and variant were found in this very ruleset.
    let _ = ruleset.choose(key, choice);
}

fn judge<'r>(
    host: &ClientBuilder,
    flag: &FlagRef<'r>,
    standing: Standing,
    origin: &Origin,
    wanted: &LocalValue,
) -> Result<(&'r str, Effect), Refusal> {
    if origin.layer == Layer::TestCode {
        return variant_of(flag.flag(), wanted).map(|variant| (variant, Effect::Forces));
    }
    permit_from(flag.flag(), standing, origin.layer, host.build_kind, wanted)
}

/// Who else has a say over a flag.
pub(crate) fn standing(facts: &Facts, governed: bool) -> Standing {
    let published = matches!(
        facts.publication,
        Publication::Sound | Publication::Expired | Publication::HeldBack | Publication::OtherType
    );
    match (governed, facts.declared) {
        (true, true) => Standing::Governed,
        (true, false) if published => Standing::Governed,
        (false, true) => Standing::Free,
        (_, false) => Standing::Undeclared,
    }
}
