//! flagd's `fractional` as a split.

use flag_core::EVERYONE;
use flag_core::wire::{Entries, Range, Serve};
use serde_json::Value as Json;

use super::condition::{Unreadable, arguments, attribute, operation, shortened};

/// A split, and whom it divides.
pub(super) struct Split {
    pub(super) serve: Serve,
    /// The attribute whose value is divided; the unit id where absent.
    pub(super) unit: Option<String>,
    /// The variants with their weights, as they were given.
    pub(super) weights: Vec<(String, u32)>,
    /// The same variants with what they are drawn for now, in thousandths of a percent.
    pub(super) shares: Vec<(String, u32)>,
}

/// Reads `{"fractional": [BUCKETED_BY?, ["red", 50], ["blue", 50]]}`.
pub(super) fn split(given: &Json, default: &str, variants: &Entries<flag_core::Value>) -> Result<Split, Unreadable> {
    let list = arguments(given);
    let (unit, parts) = match list.split_first() {
        Some((first, rest)) if !first.is_array() => (bucketed_by(first)?, rest),
        _ => (None, list),
    };
    let mut weights: Vec<(String, u32)> = Vec::new();
    for part in parts {
        let (variant, weight) = match part.as_array().map(Vec::as_slice) {
            Some([Json::String(variant)]) => (variant, 1),
            Some([Json::String(variant), Json::Number(weight)]) => {
                let whole = weight.as_u64().and_then(|weight| u32::try_from(weight).ok());
                (variant, whole.ok_or_else(|| format!("the weight {weight}"))?)
            }
            _ => return Err(format!("a fraction {}, expected [VARIANT, WEIGHT]", shortened(part))),
        };
        if variants.find(variant).is_none() {
            return Err(format!("a fraction for variant {variant:?}, which the flag does not have"));
        }
        match weights.iter_mut().find(|(known, _)| known == variant) {
            Some((_, sum)) => *sum = sum.saturating_add(weight),
            None => weights.push((variant.clone(), weight)),
        }
    }
    let total: u64 = weights.iter().map(|(_, weight)| u64::from(*weight)).sum();
    if total == 0 {
        return Err(String::from("fractions that come to nothing"));
    }
    let mut shares: Vec<(String, u32)> = Vec::new();
    let (mut before, mut from) = (0_u64, 0_u32);
    for (variant, weight) in &weights {
        before = before.saturating_add(u64::from(*weight));
        // Borders are rounded, not parts, so that they always come to everyone.
        let border = before.saturating_mul(u64::from(EVERYONE)).saturating_add(total / 2) / total;
        let to = u32::try_from(border).unwrap_or(EVERYONE);
        shares.push((variant.clone(), to.saturating_sub(from)));
        from = to;
    }
    let exposed = rolled_out(&shares, default);
    let exposure = flag_core::Share::from_thousandths(exposed.map_or(EVERYONE, |(_, share)| *share)).ok();
    let allocation = match exposed {
        Some((variant, _)) => Entries::from_iter([(variant.as_str().into(), vec![Range { from: 0, to: EVERYONE }])]),
        None => allocated(&shares),
    };
    let serve = Serve { variant: None, exposure, allocation: Some(allocation), otherwise: Some(default.into()) };
    Ok(Split { serve, unit, weights, shares })
}

/// Returns the one variant, with its share, that is rolled out where everyone else has the default: its share can then be raised.
fn rolled_out<'s>(shares: &'s [(String, u32)], default: &str) -> Option<&'s (String, u32)> {
    match shares {
        [one, (rest, _)] | [(rest, _), one] if rest == default => Some(one),
        _ => None,
    }
}

/// Returns the ranges of variants that stand one after the other.
fn allocated(shares: &[(String, u32)]) -> Entries<Vec<Range>> {
    let mut from = 0_u32;
    let ranges = shares.iter().map(|(variant, share)| {
        let to = from.saturating_add(*share);
        let ranges = if to > from { vec![Range { from, to }] } else { Vec::new() };
        from = to;
        (variant.as_str().into(), ranges)
    });
    ranges.collect()
}

/// Reads what is divided: the flag's key before it is how flagd keeps flags apart, which our seeds do.
fn bucketed_by(json: &Json) -> Result<Option<String>, Unreadable> {
    let flag_key = serde_json::json!({ "var": "$flagd.flagKey" });
    let subject = match operation(json) {
        Some(("cat", given)) => match arguments(given) {
            [first, second] if *first == flag_key => second,
            _ => return Err(format!("fractions of {}", shortened(json))),
        },
        _ => json,
    };
    let name = attribute(subject)?;
    Ok((name != "unit").then_some(name))
}
