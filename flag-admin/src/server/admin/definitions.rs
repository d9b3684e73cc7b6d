use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::body::Order;
use super::call::Call;
use super::carry_out::{change, told};
use crate::app::Cohort;
use crate::definition::Definition;
use crate::server::path::Path;
use crate::server::refusal::Refusal;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFlag {
    key: String,
    /// As a flag that is shown has it.
    definition: Box<Definition>,
}

pub(super) async fn make(call: Call, order: Order<NewFlag>) -> Response {
    let NewFlag { key, definition } = order.what;
    change(call, order.how, move |opened, call| {
        Ok(opened.project.propose_flag(&call.environment, &key, *definition)?)
    })
    .await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    /// What changes of it, as RFC 7396 merges: null takes a member out, and lists are replaced.
    definition: Value,
}

pub(super) async fn edit(call: Call, Path(flag): Path<String>, order: Order<Patch>) -> Response {
    let patch = order.what.definition;
    change(call, order.how, move |opened, call| {
        let (key, held) = opened.project.flag(&call.environment, &flag)?;
        let mut merged = told(&held.definition)?;
        merge(&mut merged, patch);
        let definition = serde_json::from_value(merged).map_err(|error| {
            Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_definitions", format!("flag \"{key}\": {error}"))
        })?;
        Ok(opened.project.propose_definition(&call.environment, key, definition)?)
    })
    .await
}

/// Merges as RFC 7396 says.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(members) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(held) = target else { return };
    for (name, value) in members {
        if value.is_null() {
            held.remove(&name);
        } else {
            merge(held.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloneFlag {
    to: String,
    /// Exposes the same units as the original, at the same shares.
    #[serde(default)]
    same_cohort: bool,
}

pub(super) async fn clone(call: Call, Path(flag): Path<String>, order: Order<CloneFlag>) -> Response {
    let CloneFlag { to, same_cohort } = order.what;
    change(call, order.how, move |opened, call| {
        let cohort = if same_cohort { Cohort::Same } else { Cohort::New };
        Ok(opened.project.propose_clone(&call.environment, &flag, &to, cohort)?)
    })
    .await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The examples of RFC 7396, appendix A.
    #[test]
    fn patches_merge_as_the_specification_says() {
        for (target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, patch.clone());
            assert_eq!(merged, expected, "{target} {patch}");
        }
    }
}
