use flag_core::wire::{Condition, Entries, Flag, Kind, OptIn, Rule, Serve, Stage};
use flag_core::{FlagKey, Share, Value};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use super::Refused;
use super::condition::{Reader, joined, not, operation, shortened};
use super::split::split;
use crate::definition::{Definition, Definitions, Documentation};

/// How many rules a targeting may come to.
const RULES_MAX: usize = 200;

/// What a file of flagd's comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Imported {
    /// The flags that could be read.
    pub definitions: Definitions,
    /// What is said of each of them.
    pub flags: Vec<ImportedFlag>,
    /// Those that could not.
    pub refused: Vec<Refused>,
    /// The refused ones, switched off: their variants are known, whom they are for is not.
    pub off: Definitions,
}

/// What is said of a flag that was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImportedFlag {
    /// Its key.
    pub flag: String,
    /// Where ours differs at the edges.
    pub remarks: Vec<String>,
    /// The splits whose users are drawn anew: our buckets are not flagd's.
    pub reshuffled: Vec<Reshuffled>,
}

/// A split, with its shares before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reshuffled {
    /// The rule, or `fallthrough`.
    pub place: String,
    /// flagd's weights by variant.
    pub before: Vec<(String, u32)>,
    /// Our shares by variant, in thousandths of a percent. The people in each are others.
    pub after: Vec<(String, u32)>,
}

/// Why a file is none of flagd's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// It is no JSON.
    #[error("{file} is no JSON")]
    Json {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It has no flags.
    #[error("{file} has no object \"flags\", expected flagd's flag definitions")]
    NoFlags {
        /// The file.
        file: String,
    },
}

impl crate::app::Failure for FileError {
    fn code(&self) -> &'static str {
        "bad_flagd_file"
    }
}

/// Reads a file of flagd's. `file` is the name that errors give.
pub fn import(text: &str, file: &str) -> Result<Imported, FileError> {
    let json: Json = serde_json::from_str(text).map_err(|source| FileError::Json { file: file.to_owned(), source })?;
    let Some(flags) = json.get("flags").and_then(Json::as_object) else {
        return Err(FileError::NoFlags { file: file.to_owned() });
    };
    let none = Map::new();
    let evaluators = json.get("$evaluators").and_then(Json::as_object).unwrap_or(&none);
    let mut imported = Imported::default();
    for (key, given) in flags {
        let mut reader = Reader { evaluators, remarks: Vec::new() };
        let variants = variants(given);
        let read = FlagKey::new_flag(key)
            .map_err(|error| error.to_string())
            .and_then(|_| variants.clone())
            .and_then(|variants| flag(given, &variants, &mut reader));
        match read {
            Ok((flag, reshuffled)) => {
                imported.definitions.flags.insert(key.as_str(), defined(flag, given));
                imported.flags.push(ImportedFlag { flag: key.clone(), remarks: reader.remarks, reshuffled });
            }
            Err(reason) => {
                if let (Ok(variants), Ok(_)) = (variants, FlagKey::new_flag(key))
                    && let Some(off) = off_variant(given, &variants)
                {
                    let flag = Flag { enabled: false, ..plain(variants, &off, Serve::variant(off.as_str())) };
                    imported.off.flags.insert(key.as_str(), defined(flag, given));
                }
                imported.refused.push(Refused { flag: key.clone(), reason });
            }
        }
    }
    Ok(imported)
}

fn defined(flag: Flag, given: &Json) -> Definition {
    let described = given.get("metadata").and_then(|metadata| metadata.get("description")).and_then(Json::as_str);
    let documentation = Documentation { description: described.map(str::to_owned), ..Documentation::default() };
    Definition { flag, documentation, lint: crate::definition::LintSettings::default() }
}

fn variants(given: &Json) -> Result<Entries<Value>, String> {
    let Some(object) = given.get("variants").and_then(Json::as_object).filter(|object| !object.is_empty()) else {
        return Err(String::from("it has no variants"));
    };
    let mut variants = Entries::default();
    for (name, value) in object {
        let value: Value =
            serde_json::from_value(value.clone()).map_err(|error| format!("variant {name:?}: {error}"))?;
        variants.insert(name.as_str(), value);
    }
    let numbers = |value: &Value| matches!(value, Value::Integer(_) | Value::Float(_));
    if variants.iter().all(|(_, value)| numbers(value))
        && variants.iter().any(|(_, value)| matches!(value, Value::Float(_)))
    {
        // One type for all: flagd's numbers are JavaScript's.
        for value in variants.values_mut() {
            *value = value.as_float().map_or_else(|| value.clone(), Value::from);
        }
    }
    Ok(variants)
}

/// Returns what a flag serves while it is off: what is false, where its variants are true and false, else its default.
fn off_variant(given: &Json, variants: &Entries<Value>) -> Option<String> {
    let falsehood = variants.iter().find(|(_, value)| value.as_bool() == Some(false)).map(|(name, _)| name.to_owned());
    let default = given.get("defaultVariant").and_then(Json::as_str).filter(|name| variants.find(name).is_some());
    falsehood.or_else(|| default.map(str::to_owned)).or_else(|| variants.names().next().map(str::to_owned))
}

fn flag(given: &Json, variants: &Entries<Value>, reader: &mut Reader<'_>) -> Result<(Flag, Vec<Reshuffled>), String> {
    let default = match given.get("defaultVariant") {
        Some(Json::String(default)) if variants.find(default).is_some() => default.clone(),
        Some(Json::String(default)) => return Err(format!("its default variant {default:?} is none of its variants")),
        _ => return Err(String::from("it has no default variant: the default of the code cannot be served")),
    };
    let enabled = match given.get("state").and_then(Json::as_str) {
        Some("ENABLED") => true,
        Some("DISABLED") => false,
        _ => return Err(String::from("its state is neither ENABLED nor DISABLED")),
    };
    let off = off_variant(given, variants).unwrap_or_else(|| default.clone());
    let mut read =
        Targeting { default: &default, variants, rules: Vec::new(), units: Vec::new(), reshuffled: Vec::new() };
    let nothing = Json::Object(Map::new());
    let targeting = given.get("targeting").unwrap_or(&nothing);
    let fallthrough =
        if *targeting == nothing { Serve::variant(default.as_str()) } else { read.outcome(targeting, &[], reader)? };
    let Targeting { rules, units, reshuffled, .. } = read;
    let unit = match units.split_first() {
        None => None,
        Some((first, rest)) if rest.iter().all(|unit| unit == first) => first.as_deref().map(Box::from),
        Some(_) => return Err(String::from("fractions of different properties")),
    };
    let flag = Flag { enabled, rules, unit, ..plain(variants.clone(), &off, fallthrough) };
    Ok((flag, reshuffled))
}

/// What a targeting is read into: rules in order, and what is left for everyone else.
struct Targeting<'v> {
    default: &'v str,
    variants: &'v Entries<Value>,
    rules: Vec<Rule>,
    units: Vec<Option<String>>,
    reshuffled: Vec<Reshuffled>,
}

impl Targeting<'_> {
    /// Reads what a targeting comes to where conditions hold. Branches become rules; what is returned is for whoever meets none of them.
    fn outcome(&mut self, json: &Json, held: &[Condition], reader: &mut Reader<'_>) -> Result<Serve, String> {
        let Some((name, given)) = operation(json) else { return self.variant(json) };
        match name {
            "if" => self.branches(super::condition::arguments(given), held, reader),
            "fractional" => {
                let place = self.place(held);
                let split = split(given, self.default, self.variants)?;
                self.reshuffled.push(Reshuffled { place, before: split.weights, after: split.shares });
                self.units.push(split.unit);
                Ok(split.serve)
            }
            other => Err(format!("the targeting {other:?}")),
        }
    }

    /// Reads `[condition, outcome, condition, outcome, ..., otherwise]`.
    fn branches(&mut self, list: &[Json], held: &[Condition], reader: &mut Reader<'_>) -> Result<Serve, String> {
        let mut chunks = list.chunks_exact(2);
        let mut passed: Vec<Condition> = Vec::new();
        for pair in chunks.by_ref() {
            let [condition, outcome] = pair else { continue };
            let condition = reader.condition(condition)?;
            let mut holding = held.to_vec();
            // Within a branch of a branch, the ones before it did not hold; at the top the order of rules says so.
            if !held.is_empty() {
                holding.extend(passed.iter().cloned().map(not));
            }
            holding.push(condition.clone());
            let serve = self.outcome(outcome, &holding, reader)?;
            if self.rules.len() >= RULES_MAX {
                return Err(format!("more than {RULES_MAX} branches"));
            }
            let id = format!("flagd-{}", self.rules.len().saturating_add(1)).into();
            self.rules.push(Rule { id, when: joined(holding), serve });
            passed.push(condition);
        }
        match chunks.remainder() {
            [otherwise] => self.outcome(otherwise, held, reader),
            _ => Ok(Serve::variant(self.default)),
        }
    }

    fn place(&self, held: &[Condition]) -> String {
        if held.is_empty() { "fallthrough".to_owned() } else { format!("flagd-{}", self.rules.len().saturating_add(1)) }
    }

    fn variant(&self, json: &Json) -> Result<Serve, String> {
        let name = match json {
            Json::Null => self.default,
            Json::String(name) => name,
            Json::Bool(true) => "true",
            Json::Bool(false) => "false",
            other => return Err(format!("{} as a variant", shortened(other))),
        };
        match self.variants.find(name) {
            Some(_) => Ok(Serve::variant(name)),
            None => Err(format!("variant {name:?}, which the flag does not have")),
        }
    }
}

fn plain(variants: Entries<Value>, off: &str, fallthrough: Serve) -> Flag {
    Flag {
        version: 0,
        kind: Kind::Release,
        stage: Stage::Development,
        enabled: true,
        bucketing: 1,
        seed: None,
        unit: None,
        variants,
        off_variant: off.into(),
        rules: Vec::new(),
        fallthrough,
        prerequisites: Vec::new(),
        off_after: None,
        overridable: false,
        opt_in: OptIn::None,
        critical: false,
        group: None,
        holdout: Share::NOBODY,
        default_on_expiry: false,
        slow_above_micros: None,
        requires: Vec::new(),
    }
}
