//! The typed constant of a flag.

use std::fmt;
use std::marker::PhantomData;

use crate::declaration::{Declaration, OFF, ON, Prerequisite};
use crate::registry::{Choice, Object};

/// A declared flag with the type of its values. [`flags!`](crate::flags) makes them, as constants.
///
/// It is as large as a pointer, and [`FlagClient::get`](crate::FlagClient::get) takes it by value.
pub struct Flag<T> {
    declaration: &'static Declaration,
    value: PhantomData<fn() -> T>,
}

impl<T> Flag<T> {
    /// Returns the flag of a declaration that [`flags!`](crate::flags) made for this type. A key that is none stops the build.
    #[doc(hidden)]
    pub const fn declared(declaration: &'static Declaration) -> Self {
        assert!(is_key(declaration.key), "a flag's key has 2 to 64 of a-z, 0-9 and _, and begins with a letter");
        Self { declaration, value: PhantomData }
    }

    /// Returns the flag's key.
    pub const fn key(self) -> &'static str {
        self.declaration.key
    }

    /// Returns everything that is declared of the flag.
    pub const fn declaration(self) -> &'static Declaration {
        self.declaration
    }
}

impl Flag<bool> {
    /// Begins a declaration.
    #[doc(hidden)]
    pub const fn declare(key: &'static str, default: bool) -> Declaration {
        Declaration::boolean(key).default_on(default)
    }

    /// Returns the prerequisite that this flag is on.
    pub const fn on(self) -> Prerequisite {
        Prerequisite::new(self.key(), &[ON])
    }

    /// Returns the prerequisite that this flag is off.
    pub const fn off(self) -> Prerequisite {
        Prerequisite::new(self.key(), &[OFF])
    }
}

impl Flag<f64> {
    /// Begins a declaration.
    #[doc(hidden)]
    pub const fn declare(key: &'static str, default: f64) -> Declaration {
        assert!(default.is_finite(), "a flag's default is a finite number");
        Declaration::float(key, default)
    }
}

impl Flag<String> {
    /// Begins a declaration.
    #[doc(hidden)]
    pub const fn declare(key: &'static str, default: &'static str) -> Declaration {
        Declaration::text(key, default)
    }
}

impl<T> Flag<Object<T>> {
    /// Begins a declaration. The default is JSON.
    #[doc(hidden)]
    pub const fn declare(key: &'static str, default: &'static str) -> Declaration {
        Declaration::object(key, default)
    }
}

impl<T: Choice> Flag<T> {
    /// Begins a declaration. A default that is none of the ids stops the build.
    #[doc(hidden)]
    pub const fn declare(key: &'static str, default: &'static str) -> Declaration {
        assert!(contains(T::IDS, default), "a choice's default is the id of one of its variants");
        Declaration::choice(key, T::IDS).default_variant(default)
    }

    /// Returns the prerequisite that this flag serves one of these variants, given by their ids: `&[Model::Treatment.id()]`.
    pub const fn serves(self, variants: &'static [&'static str]) -> Prerequisite {
        Prerequisite::new(self.key(), variants)
    }
}

macro_rules! whole_numbers {
    ($($number:ty)+) => {$(
        impl Flag<$number> {
            /// Begins a declaration.
            #[doc(hidden)]
            pub const fn declare(key: &'static str, default: $number) -> Declaration {
                #[allow(clippy::cast_lossless, reason = "`From` is not const; every one of these types fits in an i64")]
                Declaration::integer(key, default as i64)
            }
        }
    )+};
}

whole_numbers!(i64 i32 u32 u16);

/// The rule of [`flag_core::FlagKey::new_flag`], for the compiler to check.
const fn is_key(key: &str) -> bool {
    let mut rest = key.as_bytes();
    if key.len() < 2 || key.len() > 64 || !matches!(rest, [b'a'..=b'z', ..]) {
        return false;
    }
    while let [first, others @ ..] = rest {
        if !matches!(first, b'a'..=b'z' | b'0'..=b'9' | b'_') {
            return false;
        }
        rest = others;
    }
    true
}

const fn contains(mut texts: &[&str], wanted: &str) -> bool {
    while let [first, others @ ..] = texts {
        if same(first.as_bytes(), wanted.as_bytes()) {
            return true;
        }
        texts = others;
    }
    false
}

const fn same(mut left: &[u8], mut right: &[u8]) -> bool {
    loop {
        match (left, right) {
            ([], []) => return true,
            ([one, lefts @ ..], [other, rights @ ..]) if *one == *other => (left, right) = (lefts, rights),
            _ => return false,
        }
    }
}

impl<T> Copy for Flag<T> {}

impl<T> Clone for Flag<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> fmt::Debug for Flag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Flag").field(&self.key()).finish()
    }
}

/// Prints the key.
impl<T> fmt::Display for Flag<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// Returns the key, for what takes flags by their keys.
impl<T> From<Flag<T>> for Box<str> {
    fn from(flag: Flag<T>) -> Self {
        flag.key().into()
    }
}

/// Returns what is declared, for [`ClientBuilder::declare`](crate::ClientBuilder::declare).
impl<T> From<Flag<T>> for Declaration {
    fn from(flag: Flag<T>) -> Self {
        *flag.declaration()
    }
}

#[cfg(test)]
mod tests {
    use flag_core::FlagKey;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_compiler_and_the_client_agree_on_keys(key in "[a-zA-Z0-9_.é-]{0,66}|[a-z][a-z0-9_]{0,66}") {
            prop_assert_eq!(is_key(&key), FlagKey::new_flag(&key).is_ok(), "{}", key);
        }
    }

    #[test]
    fn ids_are_compared_whole() {
        for (wanted, found) in [("ab", true), ("a", false), ("abc", false), ("", false), ("c", true)] {
            assert_eq!(contains(&["ab", "c"], wanted), found, "{wanted:?}");
        }
        assert!(!contains(&[], ""));
    }
}
