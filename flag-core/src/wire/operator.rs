use alloc::boxed::Box;
use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! operators {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// How a test compares an attribute with its values.
        ///
        /// A name this version does not know is kept as [`Operator::Unknown`]: its test is unknown, and a rule that depends on it is skipped.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Operator {
            $($(#[$doc])* $variant,)*
            /// An operator of a newer version.
            Unknown(Box<str>),
        }

        impl Operator {
            /// Every operator this version knows, by name.
            pub const KNOWN: &'static [(&'static str, Operator)] = &[$(($name, Operator::$variant),)*];

            /// Returns the operator's name in the wire form.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $name,)*
                    Self::Unknown(name) => name,
                }
            }
        }

        impl From<&str> for Operator {
            fn from(name: &str) -> Self {
                match name {
                    $($name => Self::$variant,)*
                    _ => Self::Unknown(name.into()),
                }
            }
        }
    };
}

operators! {
    /// Equal to one of the values, type and all. Numbers are equal by their worth: 5 and 5.0.
    Equals = "equals",
    /// The same as [`Operator::Equals`], and reads better with several values.
    In = "in",
    /// Text that starts with one of the values.
    StartsWith = "starts_with",
    /// The same without regard to case.
    StartsWithIgnoreCase = "starts_with_ignore_case",
    /// Text that ends with one of the values.
    EndsWith = "ends_with",
    /// The same without regard to case.
    EndsWithIgnoreCase = "ends_with_ignore_case",
    /// Text that contains one of the values.
    Contains = "contains",
    /// The same without regard to case.
    ContainsIgnoreCase = "contains_ignore_case",
    /// Text in which one of the regular expressions is found. Linear time; needs the feature `regex`.
    Matches = "matches",
    /// A number above the value.
    Greater = "greater",
    /// A number at or above the value.
    GreaterOrEqual = "greater_or_equal",
    /// A number below the value.
    Less = "less",
    /// A number at or below the value.
    LessOrEqual = "less_or_equal",
    /// A version of the same precedence.
    SemverEquals = "semver_equals",
    /// A version of higher precedence.
    SemverGreater = "semver_greater",
    /// A version of the same or higher precedence.
    SemverGreaterOrEqual = "semver_greater_or_equal",
    /// A version of lower precedence.
    SemverLess = "semver_less",
    /// A version of the same or lower precedence.
    SemverLessOrEqual = "semver_less_or_equal",
    /// A version within the value's caret range, `^1.2`.
    SemverCaret = "semver_caret",
    /// A version within the value's tilde range, `~1.2.3`.
    SemverTilde = "semver_tilde",
    /// A time (RFC 3339, or milliseconds since 1970) before the value.
    Before = "before",
    /// A time after the value.
    After = "after",
    /// An IP address inside one of the networks.
    InCidr = "in_cidr",
    /// An attribute that is present, even as null. Takes no values.
    Exists = "exists",
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Operator {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Operator {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl serde::de::Visitor<'_> for NameVisitor {
            type Value = Operator;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of an operator")
            }
            fn visit_str<E>(self, name: &str) -> Result<Operator, E> {
                Ok(name.into())
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_a_new_one_is_kept() {
        for (name, operator) in Operator::KNOWN {
            assert_eq!(Operator::from(*name), *operator);
            assert_eq!(operator.as_str(), *name);
        }
        let newer: Operator = serde_json::from_str("\"sounds_like\"").unwrap();
        assert_eq!(newer, Operator::Unknown("sounds_like".into()));
        assert_eq!(serde_json::to_string(&newer).unwrap(), "\"sounds_like\"");
    }
}
