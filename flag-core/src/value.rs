use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The deepest nesting of lists and objects in a value.
pub const VALUE_MAX_DEPTH: usize = 16;

/// A typed value: of a variant, of a context attribute, or of a test's operand. Types are strict: 5, 5.0, "5" and true all differ in
/// type, and only numbers compare across integer and float.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// JSON `null`. A null attribute is present, which a missing one is not.
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A finite floating-point number. It is compared, never computed with.
    Float(f64),
    /// Text.
    String(Box<str>),
    /// A list. As an attribute it matches a test when any of its elements does.
    List(Box<[Value]>),
    /// An object, its keys sorted and unique.
    Object(Object),
}

/// The fields of a [`Value::Object`], sorted by name, each name once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(Box<[(Box<str>, Value)]>);

/// The type of a [`Value`].
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ValueType {
    /// `null`
    Null,
    /// true or false
    Bool,
    /// whole number
    Integer,
    /// floating-point number
    Float,
    /// text
    String,
    /// list
    List,
    /// object
    Object,
}

impl ValueType {
    /// Returns the name used in errors and in `--json` output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::String => "string",
            Self::List => "list",
            Self::Object => "object",
        }
    }
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Object {
    /// Returns the object of these fields; of two with one name, the later stands.
    pub fn from_fields(fields: impl IntoIterator<Item = (Box<str>, Value)>) -> Self {
        let mut fields: Vec<(Box<str>, Value)> = fields.into_iter().collect();
        // Stable, so that of one name the later comes after the earlier, which it then replaces.
        fields.sort_by(|(left, _), (right, _)| left.cmp(right));
        fields.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                core::mem::swap(later, kept);
            }
            same
        });
        Self(fields.into())
    }

    /// Returns the value of a field.
    pub fn field(&self, name: &str) -> Option<&Value> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| value)
    }

    /// Returns the fields in order of their names.
    pub fn fields(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }
}

impl Value {
    /// Returns the type of this value.
    pub const fn value_type(&self) -> ValueType {
        match self {
            Self::Null => ValueType::Null,
            Self::Bool(_) => ValueType::Bool,
            Self::Integer(_) => ValueType::Integer,
            Self::Float(_) => ValueType::Float,
            Self::String(_) => ValueType::String,
            Self::List(_) => ValueType::List,
            Self::Object(_) => ValueType::Object,
        }
    }

    /// Returns the boolean, if this is one.
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// Returns the text, if this is text.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(value) = self { Some(value) } else { None }
    }

    /// Returns the whole number, if this is one or is a float that is exactly one within ±2⁵³.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Float(value) => integral(*value),
            _ => None,
        }
    }

    /// Returns the number as a float, if this is a float, or a whole number that a float holds exactly (within ±2⁵³).
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Self::Float(value) => Some(*value),
            #[expect(clippy::cast_precision_loss, reason = "exact within the bound that is checked")]
            Self::Integer(value) if value.unsigned_abs() <= EXACT_FLOAT => Some(*value as f64),
            _ => None,
        }
    }

    /// Compares two numbers exactly, across integer and float; `None` where one is not a number.
    pub(crate) fn compare_numbers(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => Some(left.cmp(right)),
            (Self::Float(left), Self::Float(right)) => left.partial_cmp(right),
            (Self::Integer(left), Self::Float(right)) => compare_integer_float(*left, *right),
            (Self::Float(left), Self::Integer(right)) => compare_integer_float(*right, *left).map(Ordering::reverse),
            _ => None,
        }
    }

    /// Tells whether two values are equal with strict types, numbers by their worth (5 and 5.0 are the same number).
    pub(crate) fn same(&self, other: &Self) -> bool {
        match self.compare_numbers(other) {
            Some(ordering) => ordering.is_eq(),
            None => self == other,
        }
    }

    pub(crate) fn depth_within(&self, limit: usize) -> bool {
        let Some(below) = limit.checked_sub(1) else { return false };
        match self {
            Self::List(items) => items.iter().all(|item| item.depth_within(below)),
            Self::Object(object) => object.fields().all(|(_, value)| value.depth_within(below)),
            _ => true,
        }
    }
}

const EXACT_FLOAT: u64 = 1 << 53;

/// Returns a float's whole number, if it is one within ±2⁵³.
pub(crate) fn integral(value: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates and is checked by casting back")]
    let whole = value as i64;
    #[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "exact within the bound that is checked")]
    let exact = whole.unsigned_abs() <= EXACT_FLOAT && whole as f64 == value;
    exact.then_some(whole)
}

/// Compares without rounding: the float is split into its whole part, which an `i64` holds, and a remainder that only matters on a tie.
fn compare_integer_float(integer: i64, float: f64) -> Option<Ordering> {
    const ABOVE_I64: f64 = 9_223_372_036_854_775_808.0;
    const LEAST_I64: f64 = -9_223_372_036_854_775_808.0;
    if float.is_nan() {
        return None;
    }
    if float >= ABOVE_I64 {
        return Some(Ordering::Less);
    }
    if float < LEAST_I64 {
        return Some(Ordering::Greater);
    }
    #[expect(clippy::cast_possible_truncation, reason = "within the range of i64, and meant to drop the fraction")]
    let whole = float as i64;
    #[expect(clippy::cast_precision_loss, reason = "a float's own whole part converts back exactly")]
    let back = whole as f64;
    Some(match integer.cmp(&whole) {
        Ordering::Equal => back.partial_cmp(&float)?,
        other => other,
    })
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Integer(value.into())
    }
}

impl From<f64> for Value {
    /// A float that is not finite has no JSON form and becomes null.
    fn from(value: f64) -> Self {
        if value.is_finite() { Self::Float(value) } else { Self::Null }
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value.into())
    }
}

impl From<Vec<Value>> for Value {
    fn from(values: Vec<Value>) -> Self {
        Self::List(values.into())
    }
}

impl fmt::Display for Value {
    /// Prints compact JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::String(value) => serializer.serialize_str(value),
            Self::List(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        self.0.iter().try_for_each(|(name, value)| map.serialize_entry(&**name, value))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;
        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("null, a boolean, a number, text, a list or an object")
            }
            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }
            fn visit_none<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }
            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
                Value::deserialize(deserializer)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(Value::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value::Integer(value))
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
                i64::try_from(value)
                    .map(Value::Integer)
                    .map_err(|_| E::custom(format_args!("number {value} is above the largest integer, {}", i64::MAX)))
            }
            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
                if value.is_finite() { Ok(Value::Float(value)) } else { Err(E::custom("a number is not finite")) }
            }
            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(Value::String(value.into()))
            }
            fn visit_string<E>(self, value: String) -> Result<Value, E> {
                Ok(Value::String(value.into()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Value::List(items.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut fields: Vec<(Box<str>, Value)> = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                fields.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
                let mut names = fields.iter().map(|(name, _)| name);
                let mut before = names.next();
                for name in names {
                    if before == Some(name) {
                        return Err(serde::de::Error::custom(format_args!("field {name:?} stands twice")));
                    }
                    before = Some(name);
                }
                Ok(Value::Object(Object(fields.into())))
            }
        }
        deserializer.deserialize_any(ValueVisitor)
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn json(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn e20_numbers_compare_exactly_across_types() {
        use Ordering::{Equal, Greater, Less};
        let table = [
            ("5", "5.0", Some(Equal)),
            ("9007199254740993", "9007199254740992.0", Some(Greater)),
            ("-3", "-3.5", Some(Greater)),
            ("3", "3.5", Some(Less)),
            ("9223372036854775807", "9223372036854775808.0", Some(Less)),
            ("-9223372036854775808", "-9223372036854775808.0", Some(Equal)),
            ("0", "-0.0", Some(Equal)),
            ("1", "1e300", Some(Less)),
            ("1", "-1e300", Some(Greater)),
            ("1", "\"1\"", None),
            ("1", "true", None),
        ];
        for (left, right, expected) in table {
            assert_eq!(json(left).compare_numbers(&json(right)), expected, "{left} {right}");
            assert_eq!(json(right).compare_numbers(&json(left)), expected.map(Ordering::reverse), "{right} {left}");
        }
    }

    #[test]
    fn e30_types_are_not_coerced() {
        for (left, right) in [
            ("5", "\"5\""),
            ("true", "1"),
            ("true", "\"true\""),
            ("{}", "null"),
            ("[]", "null"),
            ("null", "false"),
            ("0", "\"\""),
        ] {
            assert!(!json(left).same(&json(right)), "{left} {right}");
        }
        assert!(json("{\"a\":1,\"b\":[2]}").same(&json("{\"b\":[2],\"a\":1}")));
    }

    #[test]
    fn e31_numeric_access_is_lossless_or_absent() {
        assert_eq!(json("3.14").as_integer(), None);
        assert_eq!(json("3.0").as_integer(), Some(3));
        assert_eq!(json("9e9").as_integer(), Some(9_000_000_000));
        assert_eq!(json("1e18").as_integer(), None);
        assert_eq!(json("9007199254740993").as_float(), None);
        assert_eq!(json("9007199254740992").as_float(), Some(9_007_199_254_740_992.0));
        assert!(serde_json::from_str::<Value>("18446744073709551615").is_err());
    }

    #[test]
    fn a_field_that_stands_twice_is_refused() {
        let error = serde_json::from_str::<Value>("{\"a\":1,\"a\":2}").unwrap_err();
        assert!(error.to_string().starts_with("field \"a\" stands twice"), "{error}");
    }

    #[test]
    fn display_is_json_that_parses_back() {
        for text in ["null", "true", "-7", "3.0", "\"\u{e9}\\n\"", "[1,[2]]", "{\"a\":{},\"b\":[]}"] {
            assert_eq!(json(&json(text).to_string()), json(text));
        }
        assert_eq!(json("3.0").to_string(), "3.0");
    }

    /// Inserted one by one in this order, a million fields would be moved about for minutes.
    #[test]
    fn e27_objects_of_many_fields_are_sorted_once() {
        const COUNT: usize = 400_000;
        let name = |n: usize| alloc::format!("f{:06}", COUNT - n);
        let text: Vec<String> = (0..COUNT).map(|n| alloc::format!("\"{}\":{n}", name(n))).collect();
        let Value::Object(read) = json(&alloc::format!("{{{}}}", text.join(","))) else { unreachable!() };
        let made = Object::from_fields((0..COUNT).map(|n| (name(n).into(), Value::Integer(n.try_into().unwrap()))));
        assert_eq!(read.field("f000001"), Some(&Value::Integer(399_999)));
        assert_eq!(read, made);
    }

    #[test]
    fn of_two_fields_with_one_name_the_later_stands_or_none_is_read() {
        let twice = [("b", 1), ("a", 2), ("b", 3), ("b", 4), ("a", 5)];
        let object = Object::from_fields(twice.map(|(name, value)| (name.into(), Value::from(value))));
        let expected = [("a", &Value::Integer(5)), ("b", &Value::Integer(4))];
        assert_eq!(object.fields().collect::<Vec<_>>(), expected);
        let error = serde_json::from_str::<Value>(r#"{"b": 1, "a": 2, "b": 3}"#).unwrap_err();
        assert_eq!(error.to_string(), "field \"b\" stands twice at line 1 column 24");
    }
}
