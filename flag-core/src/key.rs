use alloc::boxed::Box;
use core::borrow::Borrow;
use core::fmt;
use core::str::FromStr;

use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest key of a flag, segment or group, in bytes.
pub const KEY_MAX_BYTES: usize = 128;

/// Which bytes a key may hold.
const ALLOWED: [bool; 256] = {
    let mut allowed = [false; 256];
    let mut rest: &mut [bool] = &mut allowed;
    let mut byte = 0_u8;
    while let Some((first, others)) = rest.split_first_mut() {
        *first = byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        byte = byte.wrapping_add(1);
        rest = others;
    }
    allowed
};

/// The name of a flag: one to 128 characters of `[A-Za-z0-9._-]`.
///
/// New flags are held to the narrower [`FlagKey::new_flag`]; the wider set is what imported flags may use, and what can stand in a URL
/// unescaped.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlagKey(Box<str>);

impl FlagKey {
    /// Returns the key of a flag that is made now: `^[a-z][a-z0-9_]{1,63}$`.
    pub fn new_flag(text: &str) -> Result<Self, KeyError> {
        let key: Self = text.parse()?;
        let mut bytes = text.bytes();
        if !bytes.next().is_some_and(|first| first.is_ascii_lowercase()) {
            return Err(KeyError::FirstCharacter { key: text.into() });
        }
        if let Some(found) = text.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '_')) {
            return Err(KeyError::NewFlagCharacter { key: text.into(), found });
        }
        if !(2..=64).contains(&text.len()) {
            return Err(KeyError::NewFlagLength { key: text.into(), length: text.len() });
        }
        Ok(key)
    }

    /// Checks that a text is a key.
    pub(crate) fn check(text: &str) -> Result<(), KeyError> {
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.len() > KEY_MAX_BYTES {
            return Err(KeyError::TooLong { length: text.len() });
        }
        // Snapshots bring many keys, and nearly all of them are sound: one look per byte, and none at what characters they make.
        let mut sound = true;
        for byte in text.bytes() {
            sound &= ALLOWED.get(usize::from(byte)) == Some(&true);
        }
        if sound {
            return Ok(());
        }
        let is_allowed = |c: char| u8::try_from(c).is_ok_and(|byte| ALLOWED.get(usize::from(byte)) == Some(&true));
        let found = text.chars().find(|c| !is_allowed(*c)).unwrap_or_default();
        Err(KeyError::Character { key: text.into(), found })
    }

    /// Returns the key of a text that was [checked](Self::check).
    pub(crate) const fn of_checked(text: Box<str>) -> Self {
        Self(text)
    }

    /// Returns the key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FlagKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }
}

impl fmt::Display for FlagKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for FlagKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for FlagKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for FlagKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for FlagKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl Visitor<'_> for KeyVisitor {
            type Value = FlagKey;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key of 1 to 128 characters of [A-Za-z0-9._-]")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<FlagKey, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(KeyVisitor).map_err(D::Error::custom)
    }
}

/// Why a text is not a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text has no characters.
    #[error("a key is empty, expected 1 to 128 characters of [A-Za-z0-9._-]")]
    Empty,
    /// The text is longer than [`KEY_MAX_BYTES`].
    #[error("a key has {length} bytes, expected at most 128")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// A character that no key may hold.
    #[error("key {key:?} holds {found:?}, expected only [A-Za-z0-9._-]")]
    Character {
        /// The text given.
        key: Box<str>,
        /// The first character that is not allowed.
        found: char,
    },
    /// A new flag's key starts with something other than a lower-case letter.
    #[error("flag key {key:?} does not start with a lower-case letter [a-z]")]
    FirstCharacter {
        /// The text given.
        key: Box<str>,
    },
    /// A new flag's key holds a character that only imported keys may hold.
    #[error("flag key {key:?} holds {found:?}, expected only [a-z0-9_] in a new flag")]
    NewFlagCharacter {
        /// The text given.
        key: Box<str>,
        /// The first character that is not allowed.
        found: char,
    },
    /// A new flag's key is too short or too long.
    #[error("flag key {key:?} has {length} characters, expected 2 to 64 in a new flag")]
    NewFlagLength {
        /// The text given.
        key: Box<str>,
        /// Its length.
        length: usize,
    },
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString};

    use super::*;

    #[test]
    fn new_flags_follow_the_narrow_pattern() {
        for good in ["telemetry_cloud_sync", "ab", "a1", "mlx_backend"] {
            assert_eq!(FlagKey::new_flag(good).unwrap().as_str(), good);
        }
        let table: &[(&str, &str)] = &[
            ("", "a key is empty, expected 1 to 128 characters of [A-Za-z0-9._-]"),
            ("a", "flag key \"a\" has 1 characters, expected 2 to 64 in a new flag"),
            ("1ab", "flag key \"1ab\" does not start with a lower-case letter [a-z]"),
            ("aB", "flag key \"aB\" holds 'B', expected only [a-z0-9_] in a new flag"),
            ("a b", "key \"a b\" holds ' ', expected only [A-Za-z0-9._-]"),
            ("é", "key \"é\" holds 'é', expected only [A-Za-z0-9._-]"),
        ];
        for (text, message) in table {
            assert_eq!(FlagKey::new_flag(text).unwrap_err().to_string(), *message, "{text:?}");
        }
        let long = "a".repeat(65);
        assert_eq!(
            FlagKey::new_flag(&long).unwrap_err(),
            KeyError::NewFlagLength { key: long.as_str().into(), length: 65 }
        );
    }

    #[test]
    fn imported_keys_may_be_wider_but_bounded() {
        assert_eq!("Team.Flag-1_x".parse::<FlagKey>().unwrap().as_str(), "Team.Flag-1_x");
        assert_eq!("a".repeat(129).parse::<FlagKey>().unwrap_err(), KeyError::TooLong { length: 129 });
        assert!("a/b".parse::<FlagKey>().is_err());
    }

    #[test]
    fn serde_refuses_what_parse_refuses() {
        let key: FlagKey = serde_json::from_str("\"mlx_backend\"").unwrap();
        assert_eq!(serde_json::to_string(&key).unwrap(), "\"mlx_backend\"");
        let error: String = serde_json::from_str::<FlagKey>("\"a b\"").unwrap_err().to_string();
        assert!(error.contains("holds ' '"), "{error}");
    }
}
