use flag_core::wire::{Entries, Flag, Group, Kind, Membership, Prerequisite, Rule, Serve};
use flag_core::{FlagError, FlagKey, Place, Share, Value};
use toml::de::DeValue;

use super::super::Definition;
use super::super::error::Fault;
use super::super::layout::{boolean, on_variant, usual_off_variant};
use super::super::names::{KINDS, OPT_INS, STAGES};
use super::condition::condition;
use super::documentation::{self, documentation};
use super::fields::{Fields, Node};
use super::lint::lint;
use super::serve::{self, Ranges, Variants};
use super::source::Report;
use super::value::{share, value};

/// A flag that was read, and its splits whose ranges stand as they are.
pub(super) struct Read {
    pub(super) definition: Definition,
    pub(super) fixed: Vec<Place>,
}

/// Reads `[flags.NAME]`. `None` where a problem was noted.
pub(super) fn flag(node: &Node<'_>, report: &mut Report<'_>) -> Option<Read> {
    let before = report.count();
    let mut fields = node.fields(report, "a table that defines a flag")?;
    let kind = fields.take("kind").and_then(|node| node.one_of(report, "kind", KINDS)).unwrap_or_default();
    let stage = fields.take("stage").and_then(|node| node.one_of(report, "stage", STAGES)).unwrap_or_default();
    let enabled = switch(&mut fields, "enabled", report).unwrap_or(true);
    let variants = match fields.take("variants") {
        Some(node) => variants(&node, report),
        None => Some(boolean()),
    };
    let off = fields.take("off_variant");
    let served = variants.and_then(|variants| served(variants, off, kind, &mut fields, report));
    if served.is_none() {
        // Where the variants are broken, every place that names one would only say so again.
        for key in ["rules", "serve", "rollout", "weights", "allocation", "otherwise"] {
            fields.skip(key);
        }
    }
    let prerequisites = fields.take("prerequisites").map(|node| prerequisites(&node, report)).unwrap_or_default();
    let bucketing = fields.take("bucketing").and_then(|node| bucketing(&node, report)).unwrap_or(1);
    let text = |node: Node<'_>, report: &mut Report<'_>| node.text(report, "text").map(Box::from);
    let seed = fields.take("seed").and_then(|node| text(node, report));
    let unit = fields.take("unit").and_then(|node| text(node, report));
    let off_after = fields.take("off_after").and_then(|node| node.time(report));
    let overridable = switch(&mut fields, "overridable", report).unwrap_or(false);
    let opt_in = fields.take("opt_in").and_then(|node| node.one_of(report, "opt_in", OPT_INS)).unwrap_or_default();
    let critical = switch(&mut fields, "critical", report).unwrap_or(false);
    let group = fields.take("group").and_then(|node| membership(&node, report));
    let holdout = fields.take("holdout").and_then(|node| share(&node, report)).unwrap_or(Share::NOBODY);
    let default_on_expiry = switch(&mut fields, "default_on_expiry", report).unwrap_or(false);
    let requires = fields.take("requires").map(|node| node.texts(report)).unwrap_or_default();
    let documentation = fields.take("documentation").and_then(|node| documentation(&node, report)).unwrap_or_default();
    let lint = fields.take("lint").and_then(|node| lint(&node, report)).unwrap_or_default();
    let place = fields.place.clone();
    let documented = |key: &str| documentation::KEYS.contains(&key);
    fields.finish(report, |key| documented(key).then(|| format!("[{place}.documentation]").into()));
    let Served { variants, off_variant, rules, fallthrough, fixed } = served?;
    let flag = Flag {
        version: 0,
        kind,
        stage,
        enabled,
        bucketing,
        seed,
        unit,
        variants,
        off_variant,
        rules,
        fallthrough,
        prerequisites,
        off_after,
        overridable,
        opt_in,
        critical,
        group,
        holdout,
        default_on_expiry,
        // A rollout publishes it; nobody writes it.
        slow_above_micros: None,
        requires,
    };
    (report.count() == before).then_some(Read { definition: Definition { flag, documentation, lint }, fixed })
}

/// The part of a flag that names variants.
struct Served {
    variants: Entries<Value>,
    off_variant: Box<str>,
    rules: Vec<Rule>,
    fallthrough: Serve,
    fixed: Vec<Place>,
}

fn served(
    variants: Entries<Value>,
    off: Option<Node<'_>>,
    kind: Kind,
    fields: &mut Fields<'_>,
    report: &mut Report<'_>,
) -> Option<Served> {
    let off_variant: Option<Box<str>> = match off {
        Some(node) => Variants { all: &variants, off: "" }.named(&node, report).map(Into::into),
        None => usual_off_variant(&variants).map(Into::into).or_else(|| {
            let expected = "the variant that is served when the flag is off, because none is called \"off\"";
            report.add(&fields.place, fields.at, Fault::Missing { key: "off_variant", expected });
            None
        }),
    };
    let known = Variants { all: &variants, off: off_variant.as_deref().unwrap_or_default() };
    let mut fixed = Vec::new();
    let rules = fields.take("rules").map(|node| rules(&node, &known, &mut fixed, report)).unwrap_or_default();
    let fallthrough = fallthrough(fields, &known, kind, report);
    let fallthrough = fallthrough.map(|(serve, ranges)| {
        if ranges == Ranges::Fixed {
            fixed.push(Place::Fallthrough);
        }
        serve
    });
    let (off_variant, fallthrough) = (off_variant?, fallthrough?);
    Some(Served { variants, off_variant, rules, fallthrough, fixed })
}

/// Reads who gets the flag when no rule says so: `serve`, or a split's keys. A flag that says neither is off for everyone, but for a kill
/// switch: that is on until it is killed.
fn fallthrough(
    fields: &mut Fields<'_>,
    variants: &Variants<'_>,
    kind: Kind,
    report: &mut Report<'_>,
) -> Option<(Serve, Ranges)> {
    let before = report.count();
    let fixed = fields.take("serve");
    let split = serve::split(fields, variants, report);
    match (fixed, split) {
        (Some(node), Some(_)) => {
            report.add(&fields.place, node.at, Fault::Together { first: "serve", second: "rollout" });
            None
        }
        (Some(node), None) => match node.value {
            DeValue::Table(_) => {
                let expected = "the name of a variant; a flag's rollout, weights and otherwise stand beside its kind";
                report.refuse(&node, Fault::Type { found: node.type_name(), expected })
            }
            _ => variants.named(&node, report).map(|id| (Serve::variant(id), Ranges::LaidOut)),
        },
        (None, Some(split)) => Some(split),
        (None, None) if report.count() != before => None,
        (None, None) => match on_variant(variants.all, variants.off) {
            Some(on) if kind == Kind::KillSwitch => Some((Serve::variant(on), Ranges::LaidOut)),
            _ => serve::nobody(fields, variants, report).map(|serve| (serve, Ranges::LaidOut)),
        },
    }
}

fn variants(node: &Node<'_>, report: &mut Report<'_>) -> Option<Entries<Value>> {
    let before = report.count();
    let entries = node.entries(report, "a table of variants with their values")?;
    if entries.is_empty() {
        return report.refuse(node, Fault::Flag(FlagError::NoVariants));
    }
    let mut variants = Entries::default();
    for (id, node) in &entries {
        if let Some(value) = value(node, report) {
            variants.insert(*id, value);
        }
    }
    (report.count() == before).then_some(variants)
}

fn rules(node: &Node<'_>, variants: &Variants<'_>, fixed: &mut Vec<Place>, report: &mut Report<'_>) -> Vec<Rule> {
    let items = node.items(report, "a list of rules").unwrap_or_default();
    let mut rules = Vec::with_capacity(items.len());
    for item in &items {
        if let Some((rule, ranges)) = rule(item, variants, report) {
            if ranges == Ranges::Fixed {
                fixed.push(Place::Rule(rule.id.clone()));
            }
            rules.push(rule);
        }
    }
    rules
}

fn rule(node: &Node<'_>, variants: &Variants<'_>, report: &mut Report<'_>) -> Option<(Rule, Ranges)> {
    let mut fields = node.fields(report, "a rule")?;
    let id = fields.need(report, "id", "a name, unique in the flag").and_then(|node| node.text(report, "text"));
    let when = fields.need(report, "when", "a condition").and_then(|node| condition(&node, report));
    let serve = fields.need(report, "serve", "a variant or a rollout");
    let serve = serve.and_then(|node| serve::of_rule(&node, variants, report));
    fields.finish(report, |_| None);
    let (serve, ranges) = serve?;
    Some((Rule { id: id?.into(), when: when?, serve }, ranges))
}

/// Reads `{ FLAG = ["VARIANT"] }`, or a list of `{ flag, variants }` where one flag stands in it twice.
fn prerequisites(node: &Node<'_>, report: &mut Report<'_>) -> Vec<Prerequisite> {
    let mut read = Vec::new();
    if let DeValue::Array(_) = node.value {
        for item in node.items(report, "a list").unwrap_or_default() {
            let Some(mut fields) = item.fields(report, "a prerequisite, { flag, variants }") else { continue };
            let key = fields.need(report, "flag", "another flag's key").and_then(|node| {
                let text = node.text(report, "another flag's key")?;
                key(text, &node, report)
            });
            let variants = fields.need(report, "variants", "the other flag's variants that let this one go on");
            let variants = variants.and_then(|node| accepted(&node, report));
            fields.finish(report, |_| None);
            read.extend(key.zip(variants).map(|(flag, variants)| Prerequisite { flag, variants }));
        }
        return read;
    }
    let expected = "a table such as { telemetry = [\"on\"] }";
    for (name, node) in node.entries(report, expected).unwrap_or_default() {
        let variants = accepted(&node, report);
        read.extend(key(name, &node, report).zip(variants).map(|(flag, variants)| Prerequisite { flag, variants }));
    }
    read
}

/// Reads the variants that a prerequisite accepts. A flag whose prerequisite accepts none would be off for ever without saying so.
fn accepted(node: &Node<'_>, report: &mut Report<'_>) -> Option<Vec<Box<str>>> {
    match node.value {
        DeValue::Array(items) if items.is_empty() => {
            let (found, expected) = ("an empty list", "at least one variant of the other flag, such as [\"on\"]");
            report.refuse(node, Fault::Type { found, expected })
        }
        _ => Some(node.texts(report)),
    }
}

fn key(text: &str, node: &Node<'_>, report: &mut Report<'_>) -> Option<FlagKey> {
    match text.parse() {
        Ok(key) => Some(key),
        Err(error) => report.refuse(node, Fault::Key(error)),
    }
}

fn membership(node: &Node<'_>, report: &mut Report<'_>) -> Option<Membership> {
    let mut fields = node.fields(report, "a group and its slots, { name = \"...\", slots = [[FROM, TO]] }")?;
    let name = fields.need(report, "name", "the group's name").and_then(|node| node.text(report, "text"));
    let slots = fields.need(report, "slots", "the ranges of the group that this flag owns, [[FROM, TO]]");
    let slots = slots.map(|node| serve::ranges(&node, report));
    fields.finish(report, |_| None);
    Some(Membership { name: name?.into(), slots: slots? })
}

/// Reads `[groups.NAME]`.
pub(super) fn group(node: &Node<'_>, report: &mut Report<'_>) -> Option<Group> {
    let before = report.count();
    let mut fields = node.fields(report, "a table that defines an exclusion group")?;
    let text = |node: Node<'_>, report: &mut Report<'_>| node.text(report, "text").map(Box::from);
    let seed = fields.take("seed").and_then(|node| text(node, report));
    let unit = fields.take("unit").and_then(|node| text(node, report));
    let holdout = fields.take("holdout").and_then(|node| share(&node, report)).unwrap_or(Share::NOBODY);
    fields.finish(report, |_| None);
    (report.count() == before).then_some(Group { seed, unit, holdout })
}

fn switch(fields: &mut Fields<'_>, key: &'static str, report: &mut Report<'_>) -> Option<bool> {
    fields.take(key).and_then(|node| node.boolean(report))
}

fn bucketing(node: &Node<'_>, report: &mut Report<'_>) -> Option<u32> {
    let version = match node.value {
        DeValue::Integer(written) => written.as_str().parse().ok(),
        _ => None,
    };
    version.or_else(|| report.refuse(node, Fault::Type { found: node.type_name(), expected: "a bucketing version" }))
}
