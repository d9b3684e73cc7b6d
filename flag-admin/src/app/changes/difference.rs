use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::app::wording;

/// One field that an edit changes, by its dotted place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// The field: `flag.fallthrough.exposure`.
    pub field: String,
    /// What it was; absent where it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it will be; absent where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl fmt::Display for FieldChange {
    /// Says the change in words: `rollout: 25% → 50%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = &self.field;
        let label = wording::label(field);
        match (&self.before, &self.after) {
            (Some(Value::Array(before)), Some(Value::Array(after))) if field.rsplit('.').next() != Some("order") => {
                let [gone, come] = [missing(before, after), missing(after, before)];
                let side = |word: &str, things: &[&Value]| {
                    let words: Vec<String> = things.iter().map(|thing| wording::value(field, thing)).collect();
                    (!words.is_empty()).then(|| format!("{word} {}", words.join(", ")))
                };
                match [side("without", &gone), side("with", &come)] {
                    [None, None] => write!(f, "{label}: in another order"),
                    sides => write!(f, "{label}: now {}", sides.into_iter().flatten().collect::<Vec<_>>().join(", ")),
                }
            }
            (Some(before), Some(after)) => {
                write!(f, "{label}: {} → {}", wording::value(field, before), wording::value(field, after))
            }
            (None, Some(after)) => write!(f, "{label}: {}", wording::value(field, after)),
            (Some(before), None) => write!(f, "{label}: {} → none", wording::value(field, before)),
            (None, None) => f.write_str(&label),
        }
    }
}

/// Returns what stands in a list and not in another.
fn missing<'v>(from: &'v [Value], other: &[Value]) -> Vec<&'v Value> {
    from.iter().filter(|thing| !other.contains(thing)).collect()
}

/// Returns the fields in which two values differ. Objects are compared field by field, lists of things with an `id` thing by thing;
/// everything else as a whole.
pub fn difference(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    compare(&mut String::new(), Some(before), Some(after), &mut changes);
    changes
}

fn compare(place: &mut String, before: Option<&Value>, after: Option<&Value>, changes: &mut Vec<FieldChange>) {
    match (before, after) {
        (Some(before), Some(after)) if before == after => {}
        (Some(Value::Object(before)), Some(Value::Object(after))) => compare_fields(place, before, after, changes),
        (Some(Value::Array(old)), Some(Value::Array(new))) => match (by_id(old), by_id(new)) {
            (Some(old), Some(new)) => {
                let had: Vec<&str> = old.keys().map(String::as_str).filter(|id| new.contains_key(*id)).collect();
                let has: Vec<&str> = new.keys().map(String::as_str).filter(|id| old.contains_key(*id)).collect();
                compare_fields(place, &old, &new, changes);
                if had != has {
                    changes.push(FieldChange {
                        field: format!("{place}.order"),
                        before: Some(had.into()),
                        after: Some(has.into()),
                    });
                }
            }
            _ => changes.push(FieldChange { field: place.clone(), before: before.cloned(), after: after.cloned() }),
        },
        (before, after) => {
            changes.push(FieldChange { field: place.clone(), before: before.cloned(), after: after.cloned() });
        }
    }
}

fn compare_fields(
    place: &mut String,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    changes: &mut Vec<FieldChange>,
) {
    let length = place.len();
    let added = after.keys().filter(|name| !before.contains_key(*name));
    for name in before.keys().chain(added) {
        if !place.is_empty() {
            place.push('.');
        }
        place.push_str(name);
        compare(place, before.get(name), after.get(name), changes);
        place.truncate(length);
    }
}

/// Returns a list as an object, if everything in it has an id of its own.
fn by_id(list: &[Value]) -> Option<Map<String, Value>> {
    let mut things = Map::new();
    for thing in list {
        let id = thing.get("id")?.as_str()?;
        if things.insert(id.to_owned(), thing.clone()).is_some() {
            return None;
        }
    }
    Some(things)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn differences_name_the_field_and_show_shares_as_percentages() {
        let before = json!({
            "enabled": true, "owner": "@alice", "fallthrough": {"exposure": 25_000},
            "rules": [{"id": "staff", "serve": "on"}, {"id": "beta", "serve": "on"}]
        });
        let after = json!({
            "enabled": true, "expires": "2026-05-01", "fallthrough": {"exposure": 500},
            "rules": [{"id": "beta", "serve": "on"}, {"id": "staff", "serve": "off"}]
        });
        let lines: Vec<String> = difference(&before, &after).iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "owner: @alice → none",
                "rollout: 25% → 0.5%",
                "rule staff: on → off",
                "order of rules: staff, beta → beta, staff",
                "expires: 2026-05-01",
            ]
        );
        assert_eq!(difference(&before, &before), []);
    }
}
