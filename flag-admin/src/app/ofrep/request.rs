use std::fmt;

use flag_client::trust::strict_json::{self, StrictJsonError};
use flag_core::{Attributes, Context, Timestamp, Value};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

/// The member of a context that names whom it is about.
const TARGETING_KEY: &str = "targetingKey";

/// How many attributes a context has at most.
const ATTRIBUTES_MAX: usize = 1_000;

/// What is asked: whom it is about, and what is known of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    targeting_key: Option<Box<str>>,
    attributes: Attributes,
}

/// Why a request cannot be answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BadRequest {
    /// The body is no JSON, or an ambiguous one.
    #[error("the body is no JSON that has one meaning")]
    Strict(#[from] StrictJsonError),
    /// The body is no JSON.
    #[error("the body is no JSON")]
    Json(#[source] serde_json::Error),
    /// The body is JSON of another form.
    #[error("the body is no object with a context")]
    Form(#[source] serde_json::Error),
}

impl BadRequest {
    /// Returns the protocol's code.
    pub const fn error_code(&self) -> &'static str {
        match self {
            Self::Strict(_) | Self::Json(_) => "PARSE_ERROR",
            Self::Form(_) => "INVALID_CONTEXT",
        }
    }
}

#[derive(Default, Deserialize)]
struct Body {
    #[serde(default)]
    context: Option<AskedContext>,
}

#[derive(Default)]
struct AskedContext(Asked);

impl Asked {
    /// Reads the body of a request. A body without a context asks for nobody in particular, as an empty one does.
    pub fn from_json(body: &[u8]) -> Result<Self, BadRequest> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let text = strict_json::check(body)?;
        match serde_json::from_str::<Body>(text) {
            Ok(body) => Ok(body.context.unwrap_or_default().0),
            Err(error) if error.is_data() => Err(BadRequest::Form(error)),
            Err(error) => Err(BadRequest::Json(error)),
        }
    }

    /// Returns the facts of an evaluation.
    pub fn context(&self, now: Timestamp) -> Context<'_> {
        let context = self.targeting_key.as_deref().map_or_else(Context::anonymous, Context::new);
        context.with_attributes(&self.attributes).at(now)
    }
}

/// A number as flags know it. One that no `i64` holds is the nearest float, as it is in JavaScript.
struct Lenient(Value);

impl<'de> Deserialize<'de> for AskedContext {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ContextVisitor;
        impl<'de> Visitor<'de> for ContextVisitor {
            type Value = AskedContext;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a context, which is an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<AskedContext, M::Error> {
                let (mut targeting_key, mut attributes) = (None, Vec::new());
                while let Some(name) = members.next_key::<std::borrow::Cow<'de, str>>()? {
                    if attributes.len() >= ATTRIBUTES_MAX {
                        members.next_value::<IgnoredAny>()?;
                        return Err(M::Error::custom(format_args!("more than {ATTRIBUTES_MAX} attributes")));
                    }
                    if name == TARGETING_KEY {
                        targeting_key = members.next_value::<Option<Box<str>>>()?;
                    } else {
                        attributes.push((name.into_owned(), members.next_value::<Lenient>()?.0));
                    }
                }
                let mut attributes: Attributes = attributes.into_iter().collect();
                // Rules written for OpenFeature test the key as an attribute of that name, too.
                if let Some(key) = &targeting_key {
                    attributes.set(TARGETING_KEY, &**key);
                }
                Ok(AskedContext(Asked { targeting_key, attributes }))
            }
        }
        deserializer.deserialize_map(ContextVisitor)
    }
}

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct LenientVisitor;
        impl<'de> Visitor<'de> for LenientVisitor {
            type Value = Lenient;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("null, a boolean, a number, text, a list or an object")
            }

            fn visit_unit<E>(self) -> Result<Lenient, E> {
                Ok(Lenient(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Lenient, E> {
                Ok(Lenient(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Lenient, E> {
                Ok(Lenient(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Lenient, E> {
                #[expect(clippy::cast_precision_loss, reason = "the nearest float is what was meant")]
                Ok(Lenient(i64::try_from(value).map_or_else(|_| Value::from(value as f64), Value::from)))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Lenient, E> {
                Ok(Lenient(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Lenient, E> {
                Ok(Lenient(value.into()))
            }

            fn visit_seq<S: serde::de::SeqAccess<'de>>(self, mut items: S) -> Result<Lenient, S::Error> {
                let mut list = Vec::new();
                while let Some(Lenient(item)) = items.next_element()? {
                    list.push(item);
                }
                Ok(Lenient(list.into()))
            }

            fn visit_map<M: MapAccess<'de>>(self, mut members: M) -> Result<Lenient, M::Error> {
                let mut fields = Vec::new();
                while let Some((name, Lenient(value))) = members.next_entry::<Box<str>, Lenient>()? {
                    fields.push((name, value));
                }
                Ok(Lenient(Value::Object(flag_core::Object::from_fields(fields))))
            }
        }
        deserializer.deserialize_any(LenientVisitor)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests stop at the first surprise")]

    use super::*;

    #[test]
    fn contexts_are_read_as_clients_write_them() {
        for (body, key) in [
            ("", None),
            (" \r\n", None),
            ("{}", None),
            ("{\"context\":null}", None),
            ("{\"context\":{}}", None),
            ("{\"context\":{\"targetingKey\":null}}", None),
            ("{\"context\":{\"targetingKey\":\"\"}}", None),
            ("{\"context\":{\"targetingKey\":\"u\"},\"later\":[1]}", Some("u")),
            ("{\"context\":{\"targetingKey\":\"u\",\"plan\":{\"tier\":[1,2.5,null]}}}", Some("u")),
            ("{\"context\":{\"big\":18446744073709551615}}", None),
        ] {
            let asked = Asked::from_json(body.as_bytes()).unwrap();
            assert_eq!(asked.context(Timestamp::default()).unit(), key, "{body}");
        }
    }

    #[test]
    fn hostile_bodies_are_told_what_is_wrong() {
        let deep = format!("{{\"context\":{{\"a\":{}1{}}}}}", "[".repeat(40), "]".repeat(40));
        for (body, code) in [
            (&b"{"[..], "PARSE_ERROR"),
            (b"nonsense", "PARSE_ERROR"),
            (b"{\"context\":{}} trailing", "PARSE_ERROR"),
            (b"{\"context\":{\"a\":1,\"a\":2}}", "PARSE_ERROR"),
            (b"{\"context\":{\"a\":\"\\ud800\"}}", "PARSE_ERROR"),
            (b"\xef\xbb\xbf{}", "PARSE_ERROR"),
            (b"{\"context\":{\"a\":\"\xff\"}}", "PARSE_ERROR"),
            (deep.as_bytes(), "PARSE_ERROR"),
            (b"[]", "PARSE_ERROR"),
            (b"7", "PARSE_ERROR"),
            (b"{\"context\":7}", "INVALID_CONTEXT"),
            (b"{\"context\":[]}", "INVALID_CONTEXT"),
            (b"{\"context\":{\"targetingKey\":7}}", "INVALID_CONTEXT"),
        ] {
            let error = Asked::from_json(body).unwrap_err();
            assert_eq!(error.error_code(), code, "{}: {error:?}", String::from_utf8_lossy(body));
        }
        let many = (0..1_100).map(|number| format!("\"a{number}\":1,")).collect::<Vec<_>>().concat();
        let error = Asked::from_json(format!("{{\"context\":{{{many}\"b\":1}}}}").as_bytes()).unwrap_err();
        assert_eq!(error.error_code(), "INVALID_CONTEXT");
    }
}
