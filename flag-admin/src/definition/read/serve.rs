use flag_core::wire::{Entries, Range, Serve};
use flag_core::{EVERYONE, Share, Value};
use toml::de::DeValue;

use super::super::error::Fault;
use super::super::layout::{lay_out, on_variant, weights_of};
use super::fields::{Fields, Node};
use super::source::Report;
use super::value::share;

/// What a serve may name: the flag's variants.
pub(super) struct Variants<'f> {
    pub(super) all: &'f Entries<Value>,
    pub(super) off: &'f str,
}

/// Whether the author wrote the ranges out.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(super) enum Ranges {
    /// They follow from weights, or from there being one variant.
    LaidOut,
    /// They were written, and weights would lay them out the same.
    Fixed,
}

impl Variants<'_> {
    /// Reads the name of a variant of the flag.
    pub(super) fn named<'d>(&self, node: &Node<'d>, report: &mut Report<'_>) -> Option<&'d str> {
        let id = node.text(report, "the name of a variant")?;
        if self.all.find(id).is_none() {
            return report.refuse(node, self.unknown(id));
        }
        Some(id)
    }

    fn unknown(&self, found: &str) -> Fault {
        Fault::UnknownName { what: "variant", found: found.into(), known: self.all.names().map(Into::into).collect() }
    }
}

/// Reads a rule's `serve`: the name of a variant, or a table with a split's keys.
pub(super) fn of_rule(node: &Node<'_>, variants: &Variants<'_>, report: &mut Report<'_>) -> Option<(Serve, Ranges)> {
    if let DeValue::String(_) = node.value {
        return variants.named(node, report).map(|id| (Serve::variant(id), Ranges::LaidOut));
    }
    let mut fields = node.fields(report, "the name of a variant, or a table with a rollout")?;
    let before = report.count();
    let split = split(&mut fields, variants, report);
    if split.is_none() && report.count() == before && fields.is_empty() {
        report.add(&fields.place, fields.at, Fault::Missing { key: "rollout", expected: "the share of units exposed" });
    }
    fields.finish(report, |_| None);
    split
}

/// Reads a split's keys, if one of them stands: `rollout`, and `weights`, `allocation` or neither, and `otherwise`.
pub(super) fn split(
    fields: &mut Fields<'_>,
    variants: &Variants<'_>,
    report: &mut Report<'_>,
) -> Option<(Serve, Ranges)> {
    let rollout = fields.take("rollout");
    let weights = fields.take("weights");
    let allocation = fields.take("allocation");
    let otherwise = fields.take("otherwise");
    let before = report.count();
    if rollout.is_none() {
        if weights.is_some() || allocation.is_some() || otherwise.is_some() {
            report.add(
                &fields.place,
                fields.at,
                Fault::Missing { key: "rollout", expected: "the share of units exposed" },
            );
        } else {
            return None;
        }
    }
    let exposure = rollout.and_then(|node| share(&node, report));
    let otherwise = match otherwise {
        Some(node) => variants.named(&node, report).map(Box::from),
        None => Some(variants.off.into()),
    };
    let (allocation, written) = match (weights, allocation) {
        (Some(_), Some(node)) => {
            report.add(&fields.place, node.at, Fault::Together { first: "weights", second: "allocation" });
            (None, false)
        }
        (Some(node), None) => (weighted(&node, variants, report), false),
        (None, Some(node)) => (explicit(&node, variants, report), true),
        (None, None) => (whole(fields, variants, report), false),
    };
    if report.count() != before {
        return None;
    }
    let serve = Serve { variant: None, exposure, allocation, otherwise };
    let fixed = written && weights_of(&serve, variants.all).is_some();
    Some((serve, if fixed { Ranges::Fixed } else { Ranges::LaidOut }))
}

/// Returns the split of a flag that says nothing about who gets it: nobody.
pub(super) fn nobody(fields: &Fields<'_>, variants: &Variants<'_>, report: &mut Report<'_>) -> Option<Serve> {
    let allocation = whole(fields, variants, report)?;
    Some(Serve {
        variant: None,
        exposure: Some(Share::NOBODY),
        allocation: Some(allocation),
        otherwise: Some(variants.off.into()),
    })
}

/// Returns the allocation that gives every exposed unit the variant that is on.
fn whole(fields: &Fields<'_>, variants: &Variants<'_>, report: &mut Report<'_>) -> Option<Entries<Vec<Range>>> {
    if let Some(on) = on_variant(variants.all, variants.off) {
        return Some(lay_out([(on.into(), EVERYONE)]));
    }
    let known = variants.all.names().map(Into::into).collect();
    report.add(&fields.place, fields.at, Fault::NoOnVariant { variants: known });
    None
}

/// Lays weights out in the order of the flag's variants, whatever their order in the file.
fn weighted(node: &Node<'_>, variants: &Variants<'_>, report: &mut Report<'_>) -> Option<Entries<Vec<Range>>> {
    let before = report.count();
    let mut weights = Vec::new();
    for (id, node) in node.entries(report, "a table of variants with their shares")? {
        match variants.all.names().position(|variant| variant == id) {
            None => report.add(&node.place, node.at, variants.unknown(id)),
            Some(place) => {
                weights.extend(share(&node, report).map(|share| (place, Box::from(id), share.thousandths())));
            }
        }
    }
    if report.count() != before {
        return None;
    }
    let found = weights.iter().map(|(_, _, weight)| u64::from(*weight)).sum();
    if found != u64::from(EVERYONE) {
        return report.refuse(node, Fault::Weights { found });
    }
    weights.sort_by_key(|(place, _, _)| *place);
    Some(lay_out(weights.into_iter().map(|(_, id, weight)| (id, weight))))
}

/// Reads ranges as they stand. That they cover the lane is checked when the flag is compiled.
fn explicit(node: &Node<'_>, variants: &Variants<'_>, report: &mut Report<'_>) -> Option<Entries<Vec<Range>>> {
    let mut allocation = Entries::default();
    for (id, node) in node.entries(report, "a table of variants with their ranges")? {
        if variants.all.find(id).is_none() {
            report.add(&node.place, node.at, variants.unknown(id));
        }
        allocation.insert(id, ranges(&node, report));
    }
    Some(allocation)
}

/// Reads a list of `[FROM, TO]`.
pub(super) fn ranges(node: &Node<'_>, report: &mut Report<'_>) -> Vec<Range> {
    let items = node.items(report, "a list of ranges, [[FROM, TO]]").unwrap_or_default();
    items.iter().filter_map(|item| range(item, report)).collect()
}

fn range(node: &Node<'_>, report: &mut Report<'_>) -> Option<Range> {
    let bound = |value: &DeValue<'_>| match value {
        DeValue::Integer(written) if written.radix() == 10 => {
            written.as_str().parse::<u32>().ok().filter(|bound| *bound <= EVERYONE)
        }
        _ => None,
    };
    let DeValue::Array(items) = node.value else {
        return report.refuse(node, Fault::Range { found: node.type_name().into() });
    };
    let bounds: Vec<Option<u32>> = items.iter().map(|item| bound(item.get_ref())).collect();
    match *bounds {
        [Some(from), Some(to)] => Some(Range { from, to }),
        [_, _] => report.refuse(node, Fault::Range { found: "a list of other values".into() }),
        _ => report.refuse(node, Fault::Range { found: format!("a list of {}", bounds.len()).into() }),
    }
}
