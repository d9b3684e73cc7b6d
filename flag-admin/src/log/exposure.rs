use flag_core::wire::{Flag, Serve};
use flag_core::{Share, Value};

/// Why a flag's share cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExposureError {
    /// The flag has no such rule.
    #[error("it has no rule {rule:?}")]
    NoRule {
        /// The id given.
        rule: Box<str>,
        /// The ids it has.
        known: Vec<Box<str>>,
    },
    /// Everyone gets one variant, and which one a share of them should get instead is not known.
    #[error("{place} serves variant {variant:?} to everyone, not a split")]
    NotASplit {
        /// `the fallthrough`, or the rule.
        place: Box<str>,
        /// The variant served.
        variant: Box<str>,
    },
}

/// Returns the share that a rule, or the fallthrough, exposes: of a variant served to everyone, everyone for the on variant of a boolean
/// flag and nobody for its off variant.
pub fn exposure_of(flag: &Flag, rule: Option<&str>) -> Result<Share, ExposureError> {
    let serve = match rule {
        None => &flag.fallthrough,
        Some(id) => &flag.rules.iter().find(|known| *known.id == *id).ok_or_else(|| no_rule(flag, id))?.serve,
    };
    match (serve.exposure, boolean_variants(flag)) {
        (Some(exposure), _) => Ok(exposure),
        (None, Some((on, _))) if serve.variant.as_deref() == Some(on) => Ok(Share::EVERYONE),
        (None, Some(_)) => Ok(Share::NOBODY),
        (None, None) => Err(not_a_split(serve, rule)),
    }
}

/// Sets the share that the split of a rule, or of the fallthrough, exposes. Who gets which variant among the exposed stays as it is.
///
/// Where a boolean flag serves one variant to everyone, it becomes a split of its on variant against its off variant.
pub fn set_exposure(flag: &mut Flag, rule: Option<&str>, share: Share) -> Result<(), ExposureError> {
    let boolean = boolean_variants(flag).map(|(on, off)| (Box::<str>::from(on), Box::<str>::from(off)));
    let missing = rule.map(|id| no_rule(flag, id));
    let serve = match rule {
        None => Some(&mut flag.fallthrough),
        Some(id) => flag.rules.iter_mut().find(|known| *known.id == *id).map(|rule| &mut rule.serve),
    };
    let Some(serve) = serve else {
        return missing.map_or(Ok(()), Err);
    };
    match (&mut serve.exposure, boolean) {
        (Some(exposure), _) => *exposure = share,
        (None, Some((on, off))) => *serve = Serve::rollout(share, on, off),
        (None, None) => return Err(not_a_split(serve, rule)),
    }
    Ok(())
}

/// Returns the variant that everyone gets, whatever their attributes are, unless it is the one that is served when the flag is off.
pub fn everyones_variant(flag: &Flag) -> Option<&str> {
    if !flag.enabled || flag.off_after.is_some() {
        return None;
    }
    let variant = whole(flag, &flag.fallthrough)?;
    let same = flag.rules.iter().all(|rule| whole(flag, &rule.serve) == Some(variant));
    (same && variant != &*flag.off_variant).then_some(variant)
}

/// Returns the variant that a serve gives to all whom it is for.
fn whole<'f>(flag: &'f Flag, serve: &'f Serve) -> Option<&'f str> {
    if let Some(variant) = serve.variant.as_deref() {
        return Some(variant);
    }
    let excludes = flag.holdout != Share::NOBODY || flag.group.is_some();
    if serve.exposure != Some(Share::EVERYONE) || excludes {
        return None;
    }
    match &serve.allocation {
        Some(allocation) => {
            let mut owners = allocation.iter().filter(|(_, ranges)| ranges.iter().any(|range| range.width() > 0));
            let (owner, _) = owners.next()?;
            owners.next().is_none().then_some(owner)
        }
        None => flag.variants.iter().find(|(_, value)| **value == Value::Bool(true)).map(|(id, _)| id),
    }
}

fn no_rule(flag: &Flag, id: &str) -> ExposureError {
    ExposureError::NoRule { rule: id.into(), known: flag.rules.iter().map(|rule| rule.id.clone()).collect() }
}

fn not_a_split(serve: &Serve, rule: Option<&str>) -> ExposureError {
    let place = rule.map_or_else(|| "the fallthrough".into(), |id| format!("rule {id:?}").into());
    ExposureError::NotASplit { place, variant: serve.variant.clone().unwrap_or_default() }
}

/// Returns the ids of the true and the false variant of a flag that has just these two.
fn boolean_variants(flag: &Flag) -> Option<(&str, &str)> {
    let of = |wanted| flag.variants.iter().find(|(_, value)| **value == Value::Bool(wanted)).map(|(id, _)| id);
    (flag.variants.len() == 2).then_some(())?;
    Some((of(true)?, of(false)?))
}
