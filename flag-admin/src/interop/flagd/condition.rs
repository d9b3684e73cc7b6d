//! JsonLogic's conditions as ours.

use flag_core::Value;
use flag_core::wire::{Condition, Operator};
use serde_json::{Map, Value as Json};

/// The name of the unit id as an attribute.
const UNIT: &str = "unit";
/// How deep evaluators may refer to each other.
const REFERENCES_MAX: u32 = 16;

/// What conditions refer to, and what has to be said of how they were read.
pub(super) struct Reader<'j> {
    pub(super) evaluators: &'j Map<String, Json>,
    pub(super) remarks: Vec<String>,
}

/// Why a condition cannot be read.
pub(super) type Unreadable = String;

fn all(parts: Vec<Condition>) -> Condition {
    Condition { all: Some(parts), ..Condition::default() }
}

fn any(parts: Vec<Condition>) -> Condition {
    Condition { any: Some(parts), ..Condition::default() }
}

pub(super) fn not(part: Condition) -> Condition {
    Condition { not: Some(Box::new(part)), ..Condition::default() }
}

/// Joins conditions that must all hold.
pub(super) fn joined(mut parts: Vec<Condition>) -> Condition {
    if parts.len() == 1 { parts.swap_remove(0) } else { all(parts) }
}

fn exists(attribute: &str) -> Condition {
    Condition { attribute: Some(attribute.into()), operator: Some(Operator::Exists), ..Condition::default() }
}

/// Returns an operation's one name, and what it is applied to.
pub(super) fn operation(json: &Json) -> Option<(&str, &Json)> {
    let object = json.as_object().filter(|object| object.len() == 1)?;
    object.iter().next().map(|(name, arguments)| (name.as_str(), arguments))
}

/// Returns arguments as a list: JsonLogic lets a single one stand alone.
pub(super) fn arguments(json: &Json) -> &[Json] {
    match json {
        Json::Array(list) => list,
        one => std::slice::from_ref(one),
    }
}

/// Reads a property of the context: `{"var": "email"}` or `{"var": ["email"]}`.
pub(super) fn attribute(json: &Json) -> Result<String, Unreadable> {
    let Some(("var", given)) = operation(json) else {
        return Err(format!("{} is compared, expected {{\"var\": NAME}}", shortened(json)));
    };
    let name = match arguments(given) {
        [Json::String(name)] => name,
        [Json::String(_), _] => return Err(String::from("a var with a default value")),
        _ => return Err(format!("a var named by {}", shortened(given))),
    };
    match name.as_str() {
        "" => Err(String::from("a var that is the whole context")),
        "targetingKey" => Ok(UNIT.to_owned()),
        "$flagd.flagKey" | "$flagd.timestamp" => Err(format!("the var {name}")),
        name => Ok(name.to_owned()),
    }
}

fn literal(json: &Json) -> Result<Value, Unreadable> {
    match json {
        Json::Array(_) | Json::Object(_) => Err(format!("a comparison with {}", shortened(json))),
        single => serde_json::from_value(single.clone()).map_err(|error| error.to_string()),
    }
}

/// Returns the values that JavaScript's `==` finds equal to a literal.
fn loosely_equal(json: &Json) -> Result<Vec<Value>, Unreadable> {
    let exact = literal(json)?;
    Ok(match json {
        Json::Bool(true) => vec![exact, Value::from(1), Value::from("1")],
        Json::Bool(false) => vec![exact, Value::from(0), Value::from("0")],
        Json::Number(number) => vec![exact, Value::from(number.to_string())],
        Json::String(text) => match serde_json::from_str::<Json>(text) {
            Ok(Json::Number(number)) => vec![exact, literal(&Json::Number(number))?],
            _ => vec![exact],
        },
        _ => vec![exact],
    })
}

impl Reader<'_> {
    /// Reads a condition.
    pub(super) fn condition(&mut self, json: &Json) -> Result<Condition, Unreadable> {
        self.within(json, 0)
    }

    fn within(&mut self, json: &Json, references: u32) -> Result<Condition, Unreadable> {
        let Some((name, given)) = operation(json) else {
            return Err(format!("{} as a condition", shortened(json)));
        };
        let list = arguments(given);
        let parts =
            |reader: &mut Self| list.iter().map(|part| reader.within(part, references)).collect::<Result<_, _>>();
        match (name, list) {
            ("and", [_, ..]) => Ok(all(parts(self)?)),
            ("or", [_, ..]) => Ok(any(parts(self)?)),
            ("!", [one]) => Ok(not(self.within(one, references)?)),
            ("!!", [one]) => self.within(one, references),
            ("$ref", [Json::String(evaluator)]) => match self.evaluators.get(evaluator) {
                _ if references >= REFERENCES_MAX => Err(String::from("evaluators that refer to each other")),
                Some(found) => self.within(&found.clone(), references.saturating_add(1)),
                None => Err(format!("evaluator {evaluator:?}, which the file does not have")),
            },
            ("==", [left, right]) => equal(left, right, loosely_equal),
            ("!=", [left, right]) => equal(left, right, loosely_equal).map(not),
            ("===", [left, right]) => equal(left, right, |json| Ok(vec![literal(json)?])),
            ("!==", [left, right]) => equal(left, right, |json| Ok(vec![literal(json)?])).map(not),
            ("<" | "<=" | ">" | ">=", [left, right]) => self.ordered(name, left, right),
            ("<" | "<=", [low, middle, high]) => {
                Ok(all(vec![self.ordered(name, low, middle)?, self.ordered(name, middle, high)?]))
            }
            ("in", [needle, haystack]) => self.contained(needle, haystack),
            ("starts_with", [subject, start]) => text_test(subject, Operator::StartsWith, start),
            ("ends_with", [subject, end]) => text_test(subject, Operator::EndsWith, end),
            ("sem_ver", [subject, Json::String(operator), version]) => version_test(subject, operator, version),
            _ => Err(format!("the operator {name:?} with {} arguments", list.len())),
        }
    }

    fn ordered(&mut self, name: &str, left: &Json, right: &Json) -> Result<Condition, Unreadable> {
        let (subject, number, name) = match (left, right) {
            (subject, Json::Number(number)) => (subject, number, name),
            (Json::Number(number), subject) => (subject, number, mirrored(name)),
            _ => return Err(format!("{name:?} between {} and {}", shortened(left), shortened(right))),
        };
        let attribute = attribute(subject)?;
        let (operator, zero_holds) = {
            let limit = number.as_f64().unwrap_or(f64::NAN);
            match name {
                "<" => (Operator::Less, 0.0 < limit),
                "<=" => (Operator::LessOrEqual, 0.0 <= limit),
                ">" => (Operator::Greater, 0.0 > limit),
                _ => (Operator::GreaterOrEqual, 0.0 >= limit),
            }
        };
        self.remark(format!("text in {attribute} is no number here, where flagd turns it into one"));
        let test = Condition::test(attribute.as_str(), operator, [literal(&Json::Number(number.clone()))?]);
        // JavaScript takes what is missing for 0.
        Ok(if zero_holds { any(vec![test, not(exists(&attribute))]) } else { test })
    }

    fn contained(&mut self, needle: &Json, haystack: &Json) -> Result<Condition, Unreadable> {
        if let Json::Array(values) = haystack {
            let values = values.iter().map(literal).collect::<Result<Vec<_>, _>>()?;
            return Ok(Condition::test(attribute(needle)?, Operator::In, values));
        }
        let Json::String(_) = needle else {
            return Err(format!("\"in\" of {} in {}", shortened(needle), shortened(haystack)));
        };
        let attribute = attribute(haystack)?;
        self.remark(format!(
            "{attribute} is taken for text, in which a part is looked for; a list would have to hold all of it"
        ));
        text_test(haystack, Operator::Contains, needle)
    }

    fn remark(&mut self, remark: String) {
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }
}

fn equal(
    left: &Json,
    right: &Json,
    values: impl Fn(&Json) -> Result<Vec<Value>, Unreadable>,
) -> Result<Condition, Unreadable> {
    let (subject, given) = if matches!(operation(left), Some(("var", _))) { (left, right) } else { (right, left) };
    let attribute = attribute(subject)?;
    if given.is_null() {
        let null = Condition::test(attribute.as_str(), Operator::Equals, [Value::Null]);
        return Ok(any(vec![null, not(exists(&attribute))]));
    }
    Ok(Condition::test(attribute, Operator::In, values(given)?))
}

fn text_test(subject: &Json, operator: Operator, given: &Json) -> Result<Condition, Unreadable> {
    if !given.is_string() {
        return Err(format!("{operator:?} of {}", shortened(given)));
    }
    Ok(Condition::test(attribute(subject)?, operator, [literal(given)?]))
}

fn version_test(subject: &Json, operator: &str, version: &Json) -> Result<Condition, Unreadable> {
    let known = match operator {
        "=" | "!=" => Operator::SemverEquals,
        "<" => Operator::SemverLess,
        "<=" => Operator::SemverLessOrEqual,
        ">" => Operator::SemverGreater,
        ">=" => Operator::SemverGreaterOrEqual,
        "^" => Operator::SemverCaret,
        "~" => Operator::SemverTilde,
        other => return Err(format!("the version operator {other:?}")),
    };
    let attribute = attribute(subject)?;
    let test = Condition::test(attribute.as_str(), known, [literal(version)?]);
    // What is no version makes both false in flagd.
    Ok(if operator == "!=" { all(vec![exists(&attribute), not(test)]) } else { test })
}

fn mirrored(operator: &str) -> &'static str {
    match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        _ => "<=",
    }
}

/// Prints JSON that messages quote.
pub(super) fn shortened(json: &Json) -> String {
    let text = json.to_string();
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}...") } else { short }
}
