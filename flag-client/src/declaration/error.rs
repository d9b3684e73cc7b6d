//! Why a declaration does not stand.

use flag_core::KeyError;

/// Why a declaration is left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeclarationError {
    /// The key is not one of a new flag.
    #[error("declared flag has no valid key")]
    Key(#[from] KeyError),
    /// Two declarations have one key. The first one stands.
    #[error("flag {flag:?} is declared twice")]
    Twice {
        /// The key.
        flag: &'static str,
    },
    /// The default is none of the variants.
    #[error("flag {flag:?} has no variant {variant:?} to serve by default")]
    DefaultVariant {
        /// The key.
        flag: &'static str,
        /// The default.
        variant: &'static str,
    },
    /// The default number is infinite or not a number.
    #[error("flag {flag:?} has a default that is not a finite number")]
    NotFinite {
        /// The key.
        flag: &'static str,
    },
    /// The default of an object flag is no JSON object.
    #[error("flag {flag:?} has a default that is no JSON object: line {line}, column {column}")]
    NotAnObject {
        /// The key.
        flag: &'static str,
        /// Where reading it stopped, from 1.
        line: usize,
        /// Where in that line, from 1; 0 before its first character.
        column: usize,
    },
    /// A prerequisite names no flag that could exist.
    #[error("flag {flag:?} has a prerequisite without a valid key")]
    PrerequisiteKey {
        /// The flag that has the prerequisite.
        flag: &'static str,
        /// What is wrong with the prerequisite's key.
        #[source]
        source: KeyError,
    },
}
