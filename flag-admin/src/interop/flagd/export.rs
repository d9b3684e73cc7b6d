use flag_core::wire::{Condition, Flag, Operator, OptIn, Serve};
use flag_core::{EVERYONE, Share};
use serde_json::{Map, Value as Json, json};

use super::Refused;
use crate::definition::Definitions;

/// What definitions come to in flagd's words.
#[derive(Clone, Debug, PartialEq)]
pub struct Exported {
    /// The file.
    pub document: Json,
    /// The flags that flagd cannot say.
    pub refused: Vec<Refused>,
}

/// Writes definitions as flagd reads them. What it has no words for is refused. Of what is killed, everybody gets the off variant there, too:
/// flagd hears of no kills.
pub fn export(definitions: &Definitions, is_killed: impl Fn(&str) -> bool) -> Exported {
    let mut flags = Map::new();
    let mut refused = Vec::new();
    for (key, definition) in definitions.flags.iter() {
        if is_killed(key) {
            flags.insert(key.to_owned(), killed(&definition.flag));
            continue;
        }
        match flag(&definition.flag, definitions) {
            Ok(json) => {
                flags.insert(key.to_owned(), json);
            }
            Err(reason) => refused.push(Refused { flag: key.to_owned(), reason }),
        }
    }
    let document = json!({ "$schema": "https://flagd.dev/schema/v0/flags.json", "flags": flags });
    Exported { document, refused }
}

fn killed(flag: &Flag) -> Json {
    json!({ "state": "ENABLED", "variants": flag.variants, "defaultVariant": flag.off_variant })
}

fn flag(flag: &Flag, definitions: &Definitions) -> Result<Json, String> {
    for (is_so, what) in [
        (!flag.prerequisites.is_empty(), "prerequisites"),
        (flag.opt_in != OptIn::None, "opt-in"),
        (flag.group.is_some(), "an exclusion group"),
        (flag.holdout != Share::NOBODY, "a holdout"),
        (flag.off_after.is_some(), "off_after"),
        (!flag.requires.is_empty(), "required features"),
    ] {
        if is_so {
            return Err(format!("it has {what}, for which flagd has no words"));
        }
    }
    let mut branches = Vec::new();
    for rule in &flag.rules {
        branches.push(condition(&rule.when, definitions)?);
        branches.push(outcome(&rule.serve, flag)?);
    }
    branches.push(outcome(&flag.fallthrough, flag)?);
    let mut json = json!({
        "state": if flag.enabled { "ENABLED" } else { "DISABLED" },
        "variants": flag.variants,
        "defaultVariant": flag.off_variant,
    });
    let targeting = match branches.as_slice() {
        [everyone] => everyone.clone(),
        _ => json!({ "if": branches }),
    };
    if let Some(object) = json.as_object_mut() {
        match targeting {
            // What everybody gets is the default; while a flag is off, flagd serves none of its variants.
            Json::String(variant) if flag.rules.is_empty() => {
                object.insert("defaultVariant".to_owned(), Json::String(variant));
            }
            targeting => {
                object.insert("targeting".to_owned(), targeting);
            }
        }
    }
    Ok(json)
}

fn outcome(serve: &Serve, flag: &Flag) -> Result<Json, String> {
    if let Some(variant) = &serve.variant {
        return Ok(json!(variant));
    }
    let exposure = serve.exposure.map_or(0, Share::thousandths);
    let otherwise = serve.otherwise.as_deref().unwrap_or(&flag.off_variant);
    if exposure == 0 {
        return Ok(json!(otherwise));
    }
    let on = flag.variants.iter().find(|(id, value)| **id != *otherwise && value.as_bool() != Some(false));
    let parts: Vec<(String, u64)> = match &serve.allocation {
        Some(allocation) => allocation
            .iter()
            .map(|(variant, ranges)| {
                let width: u32 = ranges.iter().map(|range| range.to.saturating_sub(range.from)).sum();
                (variant.to_owned(), u64::from(width))
            })
            .filter(|(_, width)| *width > 0)
            .collect(),
        None => vec![(on.map(|(id, _)| id.to_owned()).ok_or("it exposes to no variant")?, u64::from(EVERYONE))],
    };
    let weight = |width: u64| width.saturating_mul(u64::from(exposure)) / u64::from(EVERYONE);
    let mut weights: Vec<Json> = parts.iter().map(|(variant, width)| json!([variant, weight(*width)])).collect();
    let rest = EVERYONE.saturating_sub(exposure);
    if rest > 0 {
        weights.push(json!([otherwise, rest]));
    }
    if let (Some(unit), list) = (&flag.unit, &mut weights) {
        list.insert(0, json!({ "cat": [{ "var": "$flagd.flagKey" }, { "var": unit }] }));
    }
    Ok(json!({ "fractional": weights }))
}

fn condition(given: &Condition, definitions: &Definitions) -> Result<Json, String> {
    let parts =
        |parts: &[Condition]| parts.iter().map(|part| condition(part, definitions)).collect::<Result<Vec<_>, _>>();
    if let Some(all) = &given.all {
        return Ok(json!({ "and": parts(all)? }));
    }
    if let Some(any) = &given.any {
        return Ok(json!({ "or": parts(any)? }));
    }
    if let Some(part) = &given.not {
        return Ok(json!({ "!": [condition(part, definitions)?] }));
    }
    if let Some(segment) = &given.segment {
        let found = definitions.segments.find(segment).ok_or_else(|| format!("segment {segment:?} does not exist"))?;
        return condition(found, definitions);
    }
    let (Some(attribute), Some(operator)) = (&given.attribute, &given.operator) else {
        return Err(String::from("a condition that tests nothing"));
    };
    let attribute = if **attribute == *"unit" { "targetingKey" } else { attribute };
    let var = json!({ "var": attribute });
    let values = given.values.as_deref().unwrap_or_default();
    let each = |test: &dyn Fn(&flag_core::Value) -> Json| match values {
        [one] => test(one),
        many => json!({ "or": many.iter().map(test).collect::<Vec<_>>() }),
    };
    let version = |word: &str| each(&|value| json!({ "sem_ver": [var, word, value] }));
    let number = |word: &str| {
        // JavaScript takes what is missing for 0, where ours makes the test false.
        let there = json!({ "!=": [var, null] });
        json!({ "and": [there, each(&|value| json!({ word: [var, value] }))] })
    };
    Ok(match operator {
        Operator::Equals | Operator::In => match values {
            [one] => json!({ "===": [var, one] }),
            many => json!({ "in": [var, many] }),
        },
        Operator::StartsWith => each(&|value| json!({ "starts_with": [var, value] })),
        Operator::EndsWith => each(&|value| json!({ "ends_with": [var, value] })),
        Operator::Contains => each(&|value| json!({ "in": [value, var] })),
        Operator::Greater => number(">"),
        Operator::GreaterOrEqual => number(">="),
        Operator::Less => number("<"),
        Operator::LessOrEqual => number("<="),
        Operator::SemverEquals => version("="),
        Operator::SemverGreater => version(">"),
        Operator::SemverGreaterOrEqual => version(">="),
        Operator::SemverLess => version("<"),
        Operator::SemverLessOrEqual => version("<="),
        Operator::SemverCaret => version("^"),
        Operator::SemverTilde => version("~"),
        Operator::Exists => json!({ "!=": [var, null] }),
        other => return Err(format!("it tests by {other}, for which flagd has no words")),
    })
}
