use flag_core::{Object, Share, Value};
use toml::de::DeValue;

use super::super::error::Fault;
use super::fields::Node;
use super::source::Report;

/// What the type of a share is called.
const SHARE: &str = "a percentage such as \"25%\"";

/// Reads a variant's or a test's value. What TOML cannot say, `null`, is written as JSON: `{ json = "null" }`.
pub(super) fn value(node: &Node<'_>, report: &mut Report<'_>) -> Option<Value> {
    match node.value {
        DeValue::String(text) => Some(Value::String((&**text).into())),
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        DeValue::Integer(written) => match i64::from_str_radix(written.as_str(), written.radix()) {
            Ok(integer) => Some(Value::Integer(integer)),
            Err(_) => report.refuse(node, Fault::Integer { found: written.to_string().into() }),
        },
        DeValue::Float(written) => match written.as_str().parse::<f64>() {
            Ok(float) if float.is_finite() => Some(Value::Float(float)),
            _ => report.refuse(node, Fault::NotFinite { found: written.as_str().into() }),
        },
        // Conditions compare times as text, and so does JSON hold them.
        DeValue::Datetime(time) => Some(Value::String(time.to_string().into())),
        DeValue::Array(_) => {
            let items = node.items(report, "a list")?;
            let values: Option<Box<[Value]>> = items.iter().map(|item| value(item, report)).collect();
            values.map(Value::List)
        }
        DeValue::Table(_) => {
            let entries = node.entries(report, "a table")?;
            if let [("json", Node { value: DeValue::String(json), .. })] = &*entries {
                return match serde_json::from_str(json) {
                    Ok(value) => Some(value),
                    Err(error) => report.refuse(node, Fault::Json(error)),
                };
            }
            let mut fields = Vec::with_capacity(entries.len());
            for (name, entry) in &entries {
                fields.push((Box::from(*name), value(entry, report)?));
            }
            Some(Value::Object(Object::from_fields(fields)))
        }
    }
}

/// Reads a share: text with a percentage, or an integer of whole percent. A float is refused, because it would round.
pub(super) fn share(node: &Node<'_>, report: &mut Report<'_>) -> Option<Share> {
    let share = match node.value {
        DeValue::String(text) => text.parse(),
        DeValue::Integer(written) => match written.as_str().parse::<u32>() {
            Ok(percent) if written.radix() == 10 => Share::from_percent(percent),
            _ => written.to_string().parse(),
        },
        DeValue::Float(written) => return report.refuse(node, Fault::FloatShare { found: written.as_str().into() }),
        _ => return report.refuse(node, Fault::Type { found: node.type_name(), expected: SHARE }),
    };
    match share {
        Ok(share) => Some(share),
        Err(error) => report.refuse(node, Fault::Share(error)),
    }
}
