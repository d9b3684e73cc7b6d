//! Weights and the ranges they lay out.

use flag_core::wire::{Entries, Flag, Range, Serve};
use flag_core::{EVERYONE, Value};

/// A variant's weight in thousandths of a percent.
pub(super) type Weight = (Box<str>, u32);

/// Returns the ranges of weights laid side by side in their order. A weight of nothing gets no range.
pub(super) fn lay_out(weights: impl IntoIterator<Item = Weight>) -> Entries<Vec<Range>> {
    let mut from = 0;
    let mut ranges = |weight: u32| {
        let range = Range { from, to: from + weight };
        from = range.to;
        if weight == 0 { Vec::new() } else { vec![range] }
    };
    weights.into_iter().map(|(variant, weight)| (variant, ranges(weight))).collect()
}

/// Returns the weights that lay out exactly the ranges of a split: side by side, in the order of the flag's variants, over the whole lane.
pub(super) fn weights_of(serve: &Serve, variants: &Entries<Value>) -> Option<Vec<Weight>> {
    let allocation = serve.allocation.as_ref()?;
    let mut remaining = variants.names();
    if !allocation.names().all(|name| remaining.any(|variant| variant == name)) {
        return None;
    }
    let mut whole = 0_u32;
    let mut weights = Vec::with_capacity(allocation.len());
    for (variant, ranges) in allocation.iter() {
        let weight = ranges.iter().try_fold(0_u32, |sum, range| sum.checked_add(range.width()))?;
        whole = whole.checked_add(weight)?;
        weights.push((variant.into(), weight));
    }
    (whole == EVERYONE && lay_out(weights.iter().cloned()) == *allocation).then_some(weights)
}

/// Returns the variant that a bare rollout exposes: the one whose value is `true`, or the one besides the off variant where there are two.
/// The evaluator takes the same one for "on".
pub(super) fn on_variant<'f>(variants: &'f Entries<Value>, off_variant: &str) -> Option<&'f str> {
    let truthful = variants.iter().find(|(_, value)| **value == Value::Bool(true)).map(|(id, _)| id);
    let besides = || {
        let mut others = variants.names().filter(|id| *id != off_variant);
        match (variants.len(), others.next(), others.next()) {
            (2, Some(other), None) => Some(other),
            _ => None,
        }
    };
    truthful.or_else(besides)
}

/// Tells whether a flag's variants are those of a boolean flag that names none.
pub(super) fn are_boolean(variants: &Entries<Value>) -> bool {
    *variants == boolean()
}

/// Returns the variants of a boolean flag: `on` and `off`.
pub(super) fn boolean() -> Entries<Value> {
    Entries::from_iter([("on".into(), Value::Bool(true)), ("off".into(), Value::Bool(false))])
}

/// Returns the off variant that a flag has without naming one.
pub(super) fn usual_off_variant(variants: &Entries<Value>) -> Option<&'static str> {
    variants.find("off").map(|_| "off")
}

/// Returns a flag's serve at a place.
pub(super) fn serve_at<'f>(flag: &'f Flag, place: &flag_core::Place) -> Option<&'f Serve> {
    match place {
        flag_core::Place::Fallthrough => Some(&flag.fallthrough),
        flag_core::Place::Rule(id) => flag.rules.iter().find(|rule| rule.id == *id).map(|rule| &rule.serve),
        _ => None,
    }
}
