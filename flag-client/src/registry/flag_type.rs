//! The types that a flag's values can have in code.

use std::marker::PhantomData;
use std::sync::Arc;

use flag_core::{AccessError, Decision, Value, ValueType};
use serde::de::DeserializeOwned;

use crate::declaration::CodeDefault;
use crate::registry::{Choice, ValueError};

/// What a typed [`Flag`](crate::Flag) can hold: `bool`, `i64`, `i32`, `u32`, `u16`, `f64`, `String`, an [`Object`], and each enum of
/// [`choices!`](crate::choices).
///
/// A value is converted without loss, or it is an error, and the code default stands in.
pub trait FlagType: 'static {
    /// What [`FlagClient::get`](crate::FlagClient::get) returns.
    type Value;

    /// Reads what was decided.
    #[doc(hidden)]
    fn read(decision: &Decision<'_>) -> Result<Self::Value, ValueError>;

    /// Returns the default in the code.
    #[doc(hidden)]
    fn code_default(default: CodeDefault) -> Self::Value;

    /// Returns what is served in place of a capability that is killed and otherwise unknown.
    #[doc(hidden)]
    fn killed(default: CodeDefault) -> Self::Value {
        Self::code_default(default)
    }
}

impl FlagType for bool {
    type Value = Self;

    #[inline]
    fn read(decision: &Decision<'_>) -> Result<Self, ValueError> {
        match decision.value() {
            // What nearly every read finds, without the detour over an error type.
            Some(Value::Bool(on)) => Ok(*on),
            _ => Ok(decision.bool()?),
        }
    }

    fn code_default(default: CodeDefault) -> Self {
        matches!(default, CodeDefault::Bool(true))
    }

    fn killed(_: CodeDefault) -> Self {
        false
    }
}

impl FlagType for f64 {
    type Value = Self;

    fn read(decision: &Decision<'_>) -> Result<Self, ValueError> {
        Ok(decision.float()?)
    }

    fn code_default(default: CodeDefault) -> Self {
        if let CodeDefault::Float(number) = default { number } else { 0.0 }
    }
}

impl FlagType for String {
    type Value = Self;

    fn read(decision: &Decision<'_>) -> Result<Self, ValueError> {
        Ok(decision.string()?.to_owned())
    }

    fn code_default(default: CodeDefault) -> Self {
        if let CodeDefault::Text(text) = default { text.to_owned() } else { Self::new() }
    }
}

macro_rules! whole_numbers {
    ($($number:ty)+) => {$(
        impl FlagType for $number {
            type Value = Self;

            fn read(decision: &Decision<'_>) -> Result<Self, ValueError> {
                let found = decision.integer()?;
                Self::try_from(found).map_err(|_| ValueError::OutOfRange {
                    flag: decision.flag().map_or("", |flag| flag.key().as_str()).into(),
                    found,
                    expected: stringify!($number),
                })
            }

            fn code_default(default: CodeDefault) -> Self {
                let CodeDefault::Integer(number) = default else { return 0 };
                Self::try_from(number).unwrap_or(0)
            }
        }
    )+};
}

whole_numbers!(i64 i32 u32 u16);

impl<T: Choice> FlagType for T {
    type Value = Self;

    fn read(decision: &Decision<'_>) -> Result<Self, ValueError> {
        let (Some(flag), Some(variant)) = (decision.flag(), decision.variant()) else {
            return Err(AccessError::NoFlag { reason: decision.reason() }.into());
        };
        T::from_id(variant).ok_or_else(|| ValueError::UnknownVariant {
            flag: flag.key().as_str().into(),
            found: variant.into(),
            expected: T::IDS,
        })
    }

    fn code_default(default: CodeDefault) -> Self {
        let CodeDefault::Choice { default, .. } = default else { return T::FIRST };
        T::from_id(default).unwrap_or(T::FIRST)
    }

    fn killed(_: CodeDefault) -> Self {
        T::FIRST
    }
}

/// The type of flags that hold an object: `Flag<Object<T>>` gives a `T`.
///
/// The object is decoded at every call: keep the result where a hot path needs it. Where it does not decode, the default in the code is,
/// and where that does not either, `T::default()` stands in.
///
/// ```
/// #[derive(Debug, Default, PartialEq, serde::Deserialize)]
/// struct Limits {
///     per_minute: u32,
/// }
/// flag_client::flags! {
///     /// All flags.
///     pub const ALL: &[Declaration];
///
///     /// How often a user may ask
///     pub const LIMITS: Object<Limits> = "limits" { default: r#"{"per_minute": 60}"# }
/// }
/// # use flag_client::{FlagClient, Object};
/// let flags = FlagClient::builder().declare(ALL).open();
/// assert_eq!(flags.get(LIMITS), Limits { per_minute: 60 });
/// ```
#[derive(Debug)]
pub struct Object<T>(PhantomData<fn() -> T>);

impl<T: DeserializeOwned + Default + 'static> FlagType for Object<T> {
    type Value = T;

    fn read(decision: &Decision<'_>) -> Result<T, ValueError> {
        let (Some(flag), Some(value)) = (decision.flag(), decision.value()) else {
            return Err(AccessError::NoFlag { reason: decision.reason() }.into());
        };
        let flag = || flag.key().as_str().into();
        let Value::Object(_) = value else {
            let (found, expected) = (value.value_type(), ValueType::Object);
            return Err(AccessError::Type { flag: flag(), found, expected }.into());
        };
        serde_json::to_value(value)
            .and_then(serde_json::from_value)
            .map_err(|source| ValueError::Object { flag: flag(), source: Arc::new(source) })
    }

    fn code_default(default: CodeDefault) -> T {
        let CodeDefault::Object(json) = default else { return T::default() };
        serde_json::from_str(json).unwrap_or_default()
    }
}
