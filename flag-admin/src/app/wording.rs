//! Fields and values of definitions in the words of the files that people write.

use flag_core::Share;
use serde_json::{Map, Value};

/// The longest text that is shown whole, in characters.
const TEXT_MAX: usize = 120;

/// Returns the name of a field as a person reads it: `flag.rules.staff.serve.exposure` is `rule staff: rollout`.
pub(super) fn label(field: &str) -> String {
    let (is_documentation, field) = match (field.strip_prefix("flag."), field.strip_prefix("documentation.")) {
        (Some(rest), _) => (false, rest),
        (_, Some(rest)) => (true, rest),
        _ => (false, field),
    };
    if is_documentation {
        return match field {
            "rollout" | "default" => format!("note on the {field}"),
            field => field.replace('.', " "),
        };
    }
    let (place, rest) = match field.strip_prefix("rules.") {
        Some("order") => return "order of rules".to_owned(),
        Some(rule) => {
            let (id, rest) = rule.split_once('.').unwrap_or((rule, ""));
            (format!("rule {id}"), rest.strip_prefix("serve").unwrap_or(rest))
        }
        None => (String::new(), field.strip_prefix("fallthrough").unwrap_or(field)),
    };
    let is_serve = place.is_empty() && rest.len() != field.len();
    let name = match rest.trim_start_matches('.') {
        "exposure" => "rollout".to_owned(),
        "allocation" => "weights".to_owned(),
        "" if is_serve => "serve".to_owned(),
        "variant" => "serve".to_owned(),
        "off_after" => "goes off at".to_owned(),
        "opt_in" => "opt-in".to_owned(),
        "" => String::new(),
        rest => match rest.strip_prefix("allocation.") {
            Some(variant) => format!("weight of {variant}"),
            None => rest.replace('.', " "),
        },
    };
    match (place.is_empty(), name.is_empty()) {
        (true, _) => name,
        (false, true) => place,
        (false, false) => format!("{place}: {name}"),
    }
}

/// Returns a value of a field as a person reads it.
pub(super) fn value(field: &str, value: &Value) -> String {
    let is_share = ["exposure", "holdout", "fallthrough", "serve"].iter().any(|name| field.ends_with(name));
    match value {
        Value::Number(number) if is_share => {
            let thousandths = number.as_u64().and_then(|thousandths| u32::try_from(thousandths).ok());
            let share = thousandths.and_then(|thousandths| Share::from_thousandths(thousandths).ok());
            share.map_or_else(|| number.to_string(), |share| share.to_string())
        }
        Value::Null => "null".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => spoken(text),
        Value::Array(things) if field.contains("allocation") => weight_of(things),
        Value::Array(things) => {
            let words: Vec<String> = things.iter().map(|thing| self::value(field, thing)).collect();
            if words.is_empty() { "none".to_owned() } else { words.join(", ") }
        }
        Value::Object(object) => spoken_object(field, object),
    }
}

/// Quotes what would not read as one word, and cuts what would not be read.
fn spoken(text: &str) -> String {
    let is_word =
        !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && c != ',' && c != '"' && !c.is_control());
    if is_word {
        return text.to_owned();
    }
    if text.chars().count() <= TEXT_MAX {
        return format!("{text:?}");
    }
    format!("{:?} and so on", text.chars().take(TEXT_MAX).collect::<String>())
}

fn spoken_object(field: &str, object: &Map<String, Value>) -> String {
    if let Some(condition) = condition(object) {
        return condition;
    }
    if object.contains_key("exposure") || object.contains_key("variant") || object.contains_key("allocation") {
        return serve(object);
    }
    let text = |name: &str| object.get(name).map(|thing| value(name, thing));
    if let (Some(when), Some(serve)) = (text("when"), text("serve")) {
        return format!("when {when}, serve {serve}");
    }
    if let Some(name) = text("name").or_else(|| text("flag")) {
        let rest = ["target", "variants", "slots"].iter().find_map(|rest| text(rest));
        return rest.map_or_else(|| name.clone(), |rest| format!("{name} {rest}"));
    }
    let pairs: Vec<String> = object.iter().map(|(name, thing)| format!("{name} {}", value(field, thing))).collect();
    if pairs.is_empty() { "none".to_owned() } else { pairs.join(", ") }
}

fn serve(object: &Map<String, Value>) -> String {
    if let Some(Value::String(variant)) = object.get("variant") {
        return spoken(variant);
    }
    let share = object.get("exposure").map(|share| value("exposure", share)).unwrap_or_default();
    let weights = object.get("allocation").and_then(Value::as_object).map(|allocation| {
        let weights: Vec<String> =
            allocation.iter().map(|(id, ranges)| format!("{id} {}", value("allocation", ranges))).collect();
        format!(" ({})", weights.join(", "))
    });
    let others = object.get("otherwise").and_then(Value::as_str).map(|other| format!(", others {other}"));
    format!("{share}{}{}", weights.unwrap_or_default(), others.unwrap_or_default())
}

/// Returns the share of a split that ranges `[[from, to]]` make up.
fn weight_of(ranges: &[Value]) -> String {
    let end = |range: &Value, place: usize| range.get(place).and_then(Value::as_u64);
    // One range of a list stands for itself.
    if let [Value::Number(_), Value::Number(_)] = ranges {
        return format!("[{}]", ranges.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    }
    let width = |range| Some(end(range, 1)?.saturating_sub(end(range, 0)?));
    let total = ranges.iter().filter_map(width).fold(0_u64, u64::saturating_add);
    let share = u32::try_from(total).ok().and_then(|total| Share::from_thousandths(total).ok());
    share.map_or_else(|| "?".to_owned(), |share| share.to_string())
}

/// Returns a condition in words, or nothing if the object is none.
fn condition(object: &Map<String, Value>) -> Option<String> {
    let parts = |name: &str, joint: &str| {
        let parts = object.get(name)?.as_array()?;
        let words: Vec<String> = parts.iter().map(|part| nested(part, parts.len() > 1)).collect();
        Some(if words.is_empty() { format!("{name} of nothing") } else { words.join(joint) })
    };
    if let Some(all) = parts("all", " and ") {
        return Some(all);
    }
    if let Some(any) = parts("any", " or ") {
        return Some(any);
    }
    if let Some(not) = object.get("not") {
        return Some(format!("not {}", nested(not, true)));
    }
    if let Some(segment) = object.get("segment").and_then(Value::as_str) {
        return Some(format!("in segment {}", spoken(segment)));
    }
    let attribute = spoken(object.get("attribute")?.as_str()?);
    let operator = object.get("operator")?.as_str()?.replace('_', " ");
    let values = object.get("values").map(|values| format!(" {}", value("values", values)));
    Some(format!("{attribute} {operator}{}", values.unwrap_or_default()))
}

fn nested(part: &Value, among_others: bool) -> String {
    let words = value("when", part);
    let is_list = part.get("all").or_else(|| part.get("any")).is_some();
    if is_list && among_others { format!("({words})") } else { words }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_named_as_people_write_them() {
        for (field, words) in [
            ("flag.fallthrough.exposure", "rollout"),
            ("flag.fallthrough", "serve"),
            ("flag.fallthrough.allocation.on", "weight of on"),
            ("flag.rules.staff", "rule staff"),
            ("flag.rules.staff.when", "rule staff: when"),
            ("flag.rules.staff.serve", "rule staff"),
            ("flag.rules.staff.serve.exposure", "rule staff: rollout"),
            ("flag.rules.order", "order of rules"),
            ("flag.enabled", "enabled"),
            ("documentation.rollout", "note on the rollout"),
            ("documentation.expires.date", "expires date"),
            ("holdout", "holdout"),
        ] {
            assert_eq!(label(field), words, "{field}");
        }
    }

    #[test]
    fn values_are_words() {
        for (field, given, words) in [
            ("flag.fallthrough.exposure", json!(25_000), "25%"),
            ("flag.enabled", json!(true), "yes"),
            ("documentation.owner", json!("@alice"), "@alice"),
            ("documentation.description", json!("Sync it"), "\"Sync it\""),
            ("documentation.metrics", json!([{"name": "errors", "target": "<5%"}]), "errors <5%"),
            ("flag.prerequisites", json!([{"flag": "telemetry", "variants": ["on"]}]), "telemetry on"),
            (
                "flag.fallthrough",
                json!({"exposure": 10_000, "allocation": {"a": [[0, 50_000]], "b": [[50_000, 100_000]]}, "otherwise": "off"}),
                "10% (a 50%, b 50%), others off",
            ),
            (
                "flag.rules.mac",
                json!({"id": "mac", "when": {"all": [
                    {"attribute": "os", "operator": "in", "values": ["macos", "ios"]},
                    {"any": [{"segment": "staff"}, {"not": {"attribute": "x", "operator": "exists"}}]}
                ]}, "serve": {"variant": "on"}}),
                "when os in macos, ios and (in segment staff or not x exists), serve on",
            ),
        ] {
            assert_eq!(value(field, &given), words, "{field}");
        }
    }
}
