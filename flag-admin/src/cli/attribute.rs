use flag_core::Value;

/// Why a text gives no attribute.
#[derive(Debug, thiserror::Error)]
pub(super) enum AttributeError {
    /// There is no `=`.
    #[error("attribute {found:?} has no value, expected NAME=VALUE or NAME:=JSON")]
    NoValue {
        /// The text given.
        found: String,
    },
    /// There is no name.
    #[error("attribute {found:?} has no name, expected NAME=VALUE or NAME:=JSON")]
    NoName {
        /// The text given.
        found: String,
    },
    /// The text after `:=` is not JSON.
    #[error("attribute {name:?} is not JSON: {source}")]
    Json {
        /// The attribute.
        name: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

/// Reads `NAME=VALUE`, where a JSON scalar (`true`, `5`, `"5"`) is that and everything else is text, or `NAME:=JSON`.
pub(super) fn parse_attribute(text: &str) -> Result<(String, Value), AttributeError> {
    let (name, value) = text.split_once('=').ok_or_else(|| AttributeError::NoValue { found: text.to_owned() })?;
    let (name, is_json) = name.strip_suffix(':').map_or((name, false), |name| (name, true));
    if name.is_empty() {
        return Err(AttributeError::NoName { found: text.to_owned() });
    }
    let read = serde_json::from_str::<Value>(value);
    let value = match read {
        Err(source) if is_json => return Err(AttributeError::Json { name: name.to_owned(), source }),
        Ok(read) if is_json => read,
        Ok(scalar @ (Value::Bool(_) | Value::Integer(_) | Value::Float(_) | Value::String(_))) => scalar,
        _ => Value::from(value),
    };
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_json_and_all_else_is_text() {
        for (text, name, value) in [
            ("os=macos", "os", Value::from("macos")),
            ("beta=true", "beta", Value::from(true)),
            ("n=5", "n", Value::from(5)),
            ("n=5.5", "n", Value::from(5.5)),
            ("n=\"5\"", "n", Value::from("5")),
            ("v=1.2.3", "v", Value::from("1.2.3")),
            ("x=", "x", Value::from("")),
            ("x=null", "x", Value::from("null")),
            ("x=[1]", "x", Value::from("[1]")),
            ("x:=[1]", "x", Value::from(vec![Value::from(1)])),
            ("x:=null", "x", Value::Null),
            ("url=a=b", "url", Value::from("a=b")),
        ] {
            assert_eq!(parse_attribute(text).unwrap(), (name.to_owned(), value), "{text}");
        }
    }

    #[test]
    fn bad_attributes_say_what_is_expected() {
        for (text, message) in [
            ("os", "attribute \"os\" has no value, expected NAME=VALUE or NAME:=JSON"),
            ("=5", "attribute \"=5\" has no name, expected NAME=VALUE or NAME:=JSON"),
            ("x:=[1", "attribute \"x\" is not JSON: EOF while parsing a list at line 1 column 2"),
        ] {
            assert_eq!(parse_attribute(text).unwrap_err().to_string(), message, "{text}");
        }
    }
}
