use alloc::boxed::Box;
use core::fmt;

use serde::Serialize;

use crate::flag::{Flag, VariantIndex};
use crate::share::Bucket;
use crate::{Value, ValueType};

/// Why a flag was decided as it was.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
#[repr(u8)]
pub enum Reason {
    /// A kill stands against it.
    Killed,
    /// Test code forced the variant.
    Forced,
    /// The flag is disabled.
    Disabled,
    /// The flag's `off_after` has come.
    Expired,
    /// A prerequisite serves something else than this flag needs.
    PrerequisiteFailed,
    /// The user of this machine chose the variant.
    Override,
    /// A rule matched and serves one variant.
    TargetingMatch,
    /// A split decided, in a rule or in the fallthrough.
    Split,
    /// The fallthrough serves one variant, after rules that did not match.
    Default,
    /// The flag has no rules and serves one variant to everyone.
    Static,
    /// A split was skipped for want of a unit id.
    TargetingKeyMissing,
    /// The split is for users who opted in, and this one did not.
    NotOptedIn,
    /// The unit is in the slots of another flag of the exclusion group, or of none.
    Excluded,
    /// The unit is in a holdout.
    HeldOut,
    /// There is no such flag.
    FlagNotFound,
    /// The flag is quarantined: it could not be compiled.
    ParseError,
}

impl Reason {
    /// Returns the reason as `--json` output writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Killed => "KILLED",
            Self::Forced => "FORCED",
            Self::Disabled => "DISABLED",
            Self::Expired => "EXPIRED",
            Self::PrerequisiteFailed => "PREREQUISITE_FAILED",
            Self::Override => "OVERRIDE",
            Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split => "SPLIT",
            Self::Default => "DEFAULT",
            Self::Static => "STATIC",
            Self::TargetingKeyMissing => "TARGETING_KEY_MISSING",
            Self::NotOptedIn => "NOT_OPTED_IN",
            Self::Excluded => "EXCLUDED",
            Self::HeldOut => "HELD_OUT",
            Self::FlagNotFound => "FLAG_NOT_FOUND",
            Self::ParseError => "PARSE_ERROR",
        }
    }

    /// Returns OpenFeature's word for the reason.
    pub const fn open_feature(self) -> &'static str {
        match self {
            Self::Killed | Self::Disabled | Self::Expired => "DISABLED",
            Self::Override | Self::TargetingMatch => "TARGETING_MATCH",
            Self::Split | Self::Excluded | Self::HeldOut => "SPLIT",
            Self::Static | Self::Forced => "STATIC",
            Self::Default | Self::PrerequisiteFailed | Self::TargetingKeyMissing | Self::NotOptedIn => "DEFAULT",
            Self::FlagNotFound | Self::ParseError => "ERROR",
        }
    }

    /// Returns OpenFeature's error code, if the reason is an error.
    pub const fn error_code(self) -> Option<&'static str> {
        match self {
            Self::FlagNotFound => Some("FLAG_NOT_FOUND"),
            Self::ParseError => Some("PARSE_ERROR"),
            _ => None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a flag came to, and why. There always is one: an error is a reason, and the accessors then give the caller's default.
#[derive(Copy, Clone, Debug)]
pub struct Decision<'r> {
    flag: Option<&'r Flag>,
    variant: VariantIndex,
    rule: u16,
    bucket: u32,
    reason: Reason,
}

const NO_RULE: u16 = u16::MAX;
const NO_BUCKET: u32 = u32::MAX;

impl<'r> Decision<'r> {
    #[inline]
    pub(crate) fn new(flag: &'r Flag, outcome: Outcome) -> Self {
        Self {
            flag: Some(flag),
            variant: outcome.variant,
            rule: outcome.rule.unwrap_or(NO_RULE),
            bucket: outcome.bucket.map_or(NO_BUCKET, Bucket::index),
            reason: outcome.reason,
        }
    }

    #[inline]
    pub(crate) const fn without_flag(reason: Reason) -> Self {
        Self { flag: None, variant: 0, rule: NO_RULE, bucket: NO_BUCKET, reason }
    }

    /// Returns why.
    pub const fn reason(&self) -> Reason {
        self.reason
    }

    /// Returns the flag decided on, unless there is none.
    pub const fn flag(&self) -> Option<&'r Flag> {
        self.flag
    }

    /// Returns the id of the variant served, unless there is no flag.
    pub fn variant(&self) -> Option<&'r str> {
        self.flag?.variant(self.variant).map(|variant| &*variant.id)
    }

    /// Returns the value served, unless there is no flag.
    #[inline]
    pub fn value(&self) -> Option<&'r Value> {
        self.flag?.variant(self.variant).map(|variant| &variant.value)
    }

    /// Returns the id of the rule that served.
    pub fn rule(&self) -> Option<&'r str> {
        self.flag?.rules.get(usize::from(self.rule)).map(|rule| &*rule.id)
    }

    /// Returns the unit's bucket on lane 0, if the decision looked at it.
    pub const fn bucket(&self) -> Option<Bucket> {
        Bucket::from_index(self.bucket)
    }

    /// Returns the sequence number of the flag's last change, 0 without a flag.
    pub fn flag_version(&self) -> u64 {
        self.flag.map_or(0, |flag| flag.version)
    }

    /// Returns the boolean served, else the default. A killed capability that is no flag here is off whatever the default.
    #[inline]
    pub fn bool_or(&self, default: bool) -> bool {
        match self.value() {
            Some(Value::Bool(value)) => *value,
            None if matches!(self.reason, Reason::Killed) => false,
            _ => default,
        }
    }

    /// Returns the boolean served, or why there is none.
    pub fn bool(&self) -> Result<bool, AccessError> {
        self.typed(ValueType::Bool, Value::as_bool)
    }

    /// Returns the text served, or why there is none.
    pub fn string(&self) -> Result<&'r str, AccessError> {
        self.typed(ValueType::String, Value::as_str)
    }

    /// Returns the whole number served, or why there is none. A float that is whole within ±2⁵³ is taken; nothing is rounded.
    pub fn integer(&self) -> Result<i64, AccessError> {
        self.typed(ValueType::Integer, Value::as_integer)
    }

    /// Returns the float served, or why there is none. A whole number that a float holds exactly is taken; nothing is rounded.
    pub fn float(&self) -> Result<f64, AccessError> {
        self.typed(ValueType::Float, Value::as_float)
    }

    fn typed<T>(&self, expected: ValueType, read: impl FnOnce(&'r Value) -> Option<T>) -> Result<T, AccessError> {
        let (Some(flag), Some(value)) = (self.flag, self.value()) else {
            return Err(AccessError::NoFlag { reason: self.reason });
        };
        read(value).ok_or_else(|| AccessError::Type {
            flag: flag.key.as_str().into(),
            found: value.value_type(),
            expected,
        })
    }
}

/// Why a decision has no value of the type asked for. The caller's default stands in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessError {
    /// There is no flag to take a value from.
    #[error("no value: {reason}")]
    NoFlag {
        /// Why.
        reason: Reason,
    },
    /// The value is of another type, or would lose something in conversion.
    #[error("flag {flag:?} is of type {found}, expected {expected} without loss")]
    Type {
        /// The flag.
        flag: Box<str>,
        /// The type it has.
        found: ValueType,
        /// The type asked for.
        expected: ValueType,
    },
}

/// A decision before it is tied to its flag.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) variant: VariantIndex,
    pub(crate) reason: Reason,
    pub(crate) rule: Option<u16>,
    pub(crate) bucket: Option<Bucket>,
}

impl Outcome {
    #[inline]
    pub(crate) const fn of(variant: VariantIndex, reason: Reason) -> Self {
        Self { variant, reason, rule: None, bucket: None }
    }
}
