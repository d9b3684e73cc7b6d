//! The TOML form, printed so that it reads well and reads back the same.

mod documentation;
mod experiment;
pub(super) mod literal;

use flag_core::wire::{Condition, Flag, Group, OptIn, Prerequisite, Range, Rule, Serve};
use flag_core::{EVERYONE, Place, Share};

use self::literal::{key, list, long_list, table, text, value};
use super::layout::{are_boolean, lay_out, on_variant, usual_off_variant, weights_of};
use super::names::{KINDS, OPT_INS, STAGES, name_of};
use super::{Allowance, Definition, Definitions, LintSettings};

/// A key with its value, both as TOML spells them.
type Line = (&'static str, String);

/// Returns the text of an authoring file.
pub(super) fn definitions(definitions: &Definitions) -> String {
    let mut tables = Vec::new();
    for (name, definition) in definitions.flags.iter() {
        let is_fixed = |place: &Place| definitions.fixed.iter().any(|(flag, at)| **flag == *name && at == place);
        tables.extend(flag(&key(name), definition, is_fixed));
    }
    for (name, segment) in definitions.segments.iter() {
        tables.push(section(&format!("[segments.{}]", key(name)), condition_lines(segment)));
    }
    for (name, found) in definitions.groups.iter() {
        tables.push(section(&format!("[groups.{}]", key(name)), group(found)));
    }
    tables.join("\n")
}

fn section(header: &str, lines: impl IntoIterator<Item = Line>) -> String {
    let mut section = format!("{header}\n");
    for (key, value) in lines {
        section.extend([key, " = ", &value, "\n"]);
    }
    section
}

fn flag(name: &str, definition: &Definition, is_fixed: impl Fn(&Place) -> bool) -> Vec<String> {
    let flag = &definition.flag;
    let mut lines = vec![("kind", text(name_of(KINDS, &flag.kind))), ("stage", text(name_of(STAGES, &flag.stage)))];
    lines.extend(settings(flag));
    lines.extend(serve(&flag.fallthrough, flag, is_fixed(&Place::Fallthrough)));
    let mut tables = vec![section(&format!("[flags.{name}]"), lines)];
    for found in &flag.rules {
        let lines = rule(found, flag, is_fixed(&Place::Rule(found.id.clone())));
        tables.push(section(&format!("[[flags.{name}.rules]]"), lines));
    }
    if !definition.documentation.is_empty() {
        let lines = documentation::lines(&definition.documentation);
        tables.push(section(&format!("[flags.{name}.documentation]"), lines));
    }
    if !definition.lint.is_empty() {
        tables.push(section(&format!("[flags.{name}.lint]"), [("allow", allowances(&definition.lint))]));
    }
    tables
}

fn allowances(lint: &LintSettings) -> String {
    let entry = |allowance: &Allowance| {
        table([("rule".into(), text(&allowance.rule)), ("reason".into(), text(&allowance.reason))])
    };
    long_list(lint.allow.iter().map(entry).collect())
}

/// Returns what is not as it is without being said.
fn settings(flag: &Flag) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut when = |said: bool, key, value: &dyn Fn() -> String| {
        if said {
            lines.push((key, value()));
        }
    };
    let yes = || "true".to_owned();
    let optional = |found: &Option<Box<str>>| found.as_deref().map(text).unwrap_or_default();
    when(!flag.enabled, "enabled", &|| "false".into());
    when(!are_boolean(&flag.variants), "variants", &|| {
        table(flag.variants.iter().map(|(id, found)| (key(id), value(found))))
    });
    let usual = usual_off_variant(&flag.variants) == Some(&*flag.off_variant);
    when(!usual, "off_variant", &|| text(&flag.off_variant));
    when(flag.opt_in != OptIn::None, "opt_in", &|| text(name_of(OPT_INS, &flag.opt_in)));
    when(flag.overridable, "overridable", &yes);
    when(flag.critical, "critical", &yes);
    when(!flag.prerequisites.is_empty(), "prerequisites", &|| prerequisites(&flag.prerequisites));
    when(flag.off_after.is_some(), "off_after", &|| {
        flag.off_after.map(|time| text(&time.to_string())).unwrap_or_default()
    });
    when(flag.default_on_expiry, "default_on_expiry", &yes);
    when(flag.unit.is_some(), "unit", &|| optional(&flag.unit));
    when(flag.seed.is_some(), "seed", &|| optional(&flag.seed));
    when(flag.bucketing != 1, "bucketing", &|| flag.bucketing.to_string());
    when(!flag.requires.is_empty(), "requires", &|| list(flag.requires.iter().map(|feature| text(feature))));
    when(flag.holdout != Share::NOBODY, "holdout", &|| share(flag.holdout));
    if let Some(group) = &flag.group {
        lines.push(("group", table([("name".into(), text(&group.name)), ("slots".into(), ranges(&group.slots))])));
    }
    lines
}

fn rule(rule: &Rule, flag: &Flag, fixed: bool) -> Vec<Line> {
    let mut served = serve(&rule.serve, flag, fixed);
    let served = match served.pop() {
        Some(("serve", id)) => id,
        last => table(served.into_iter().chain(last).map(|(key, value)| (key.into(), value))),
    };
    vec![("id", text(&rule.id)), ("when", inline(condition_lines(&rule.when))), ("serve", served)]
}

/// Returns `serve` alone, or a split's keys.
fn serve(serve: &Serve, flag: &Flag, fixed: bool) -> Vec<Line> {
    if let Some(id) = &serve.variant {
        return vec![("serve", text(id))];
    }
    let mut lines: Vec<Line> = serve.exposure.map(|exposure| ("rollout", share(exposure))).into_iter().collect();
    if let Some(allocation) = &serve.allocation {
        let on = on_variant(&flag.variants, &flag.off_variant);
        let plain = on.map(|on| lay_out([(on.into(), EVERYONE)]));
        match weights_of(serve, &flag.variants).filter(|_| !fixed) {
            Some(_) if plain.as_ref() == Some(allocation) => {}
            Some(weights) => {
                let entry = |(id, weight): (Box<str>, u32)| (key(&id), share_of(weight));
                lines.push(("weights", table(weights.into_iter().map(entry))));
            }
            None => {
                let entries = allocation.iter().map(|(id, owned)| (key(id), ranges(owned)));
                lines.push(("allocation", table(entries)));
            }
        }
    }
    if let Some(otherwise) = serve.otherwise.as_ref().filter(|otherwise| **otherwise != flag.off_variant) {
        lines.push(("otherwise", text(otherwise)));
    }
    lines
}

fn group(group: &Group) -> Vec<Line> {
    let seed = group.seed.as_deref().map(|seed| ("seed", text(seed)));
    let unit = group.unit.as_deref().map(|unit| ("unit", text(unit)));
    let holdout = (group.holdout != Share::NOBODY).then(|| ("holdout", share(group.holdout)));
    seed.into_iter().chain(unit).chain(holdout).collect()
}

fn condition_lines(condition: &Condition) -> Vec<Line> {
    let parts = |parts: &[Condition]| long_list(parts.iter().map(|part| inline(condition_lines(part))).collect());
    let mut lines: Vec<Line> = Vec::new();
    lines.extend(condition.all.as_deref().map(|found| ("all", parts(found))));
    lines.extend(condition.any.as_deref().map(|found| ("any", parts(found))));
    lines.extend(condition.not.as_deref().map(|found| ("not", inline(condition_lines(found)))));
    lines.extend(condition.segment.as_deref().map(|name| ("segment", text(name))));
    lines.extend(condition.attribute.as_deref().map(|path| ("attribute", text(path))));
    lines.extend(condition.operator.as_ref().map(|operator| ("operator", text(operator.as_str()))));
    lines.extend(condition.values.as_ref().map(|values| ("values", long_list(values.iter().map(value).collect()))));
    lines
}

fn inline(lines: Vec<Line>) -> String {
    table(lines.into_iter().map(|(key, value)| (key.into(), value)))
}

fn prerequisites(prerequisites: &[Prerequisite]) -> String {
    let variants = |prerequisite: &Prerequisite| list(prerequisite.variants.iter().map(|id| text(id)));
    let repeats = prerequisites
        .iter()
        .enumerate()
        .any(|(index, one)| prerequisites.iter().skip(index + 1).any(|other| one.flag == other.flag));
    if repeats {
        let entry =
            |one: &Prerequisite| table([("flag".into(), text(one.flag.as_str())), ("variants".into(), variants(one))]);
        return list(prerequisites.iter().map(entry));
    }
    table(prerequisites.iter().map(|one| (key(one.flag.as_str()), variants(one))))
}

fn ranges(ranges: &[Range]) -> String {
    list(ranges.iter().map(|range| format!("[{}, {}]", range.from, range.to)))
}

fn share(share: Share) -> String {
    text(&share.to_string())
}

fn share_of(thousandths: u32) -> String {
    Share::from_thousandths(thousandths).map(share).unwrap_or_default()
}
