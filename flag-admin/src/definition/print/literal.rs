//! TOML's spelling of keys, texts, values and lists.

use std::fmt::Write as _;

use flag_core::Value;

/// From this width on a list stands on several lines.
const WIDE: usize = 100;

/// Returns a key, in quotes where it needs them.
pub(in super::super) fn key(name: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !name.is_empty() && name.bytes().all(bare) { name.into() } else { text(name) }
}

/// Returns a text in quotes, on one line.
pub(super) fn text(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            // The control characters that may not stand in a text as they are.
            '\0'..='\u{1f}' | '\u{7f}' => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns a value. What TOML cannot say, and what would be taken for that, is written as JSON.
pub(super) fn value(found: &Value) -> String {
    match found {
        Value::String(found) => text(found),
        Value::List(items) => list(items.iter().map(value)),
        Value::Object(object) => {
            let mut fields = object.fields();
            match (fields.len(), fields.next()) {
                (1, Some(("json", Value::String(_)))) => json(found),
                _ => table(object.fields().map(|(name, field)| (key(name), value(field)))),
            }
        }
        Value::Null => json(found),
        // Booleans and numbers are spelt the same in JSON.
        other => other.to_string(),
    }
}

fn json(value: &Value) -> String {
    table([("json".into(), text(&value.to_string()))])
}

/// Returns an inline table.
pub(super) fn table(entries: impl IntoIterator<Item = (String, String)>) -> String {
    let entries: Vec<String> = entries.into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
    if entries.is_empty() { "{}".into() } else { format!("{{ {} }}", entries.join(", ")) }
}

/// Returns a list on one line.
pub(super) fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

/// Returns a list on one line, or one item a line where that would be wide. An inline table may hold it: its lists may break.
pub(super) fn long_list(items: Vec<String>) -> String {
    let width: usize = items.iter().map(|item| item.len() + 2).sum();
    if width < WIDE || items.len() < 2 {
        return list(items);
    }
    format!("[\n    {},\n]", items.join(",\n    "))
}
