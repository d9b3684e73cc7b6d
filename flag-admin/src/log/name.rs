use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name of a project, environment or actor, in characters.
const NAME_MAX: usize = 64;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Returns the name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                checked($what, text).map(|name| Self(name.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;

            fn try_from(text: String) -> Result<Self, NameError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into()
            }
        }
    )*};
}

names! {
    /// The name of a project: 1 to 64 characters of `[A-Za-z0-9._-]`.
    ProjectName, "project";
    /// The name of an environment: 1 to 64 characters of `[A-Za-z0-9._-]`.
    EnvironmentName, "environment";
    /// Who changes something: 1 to 64 characters of `[A-Za-z0-9._-]`, shown with an `@` in front, which may be given.
    Actor, "actor";
}

impl EnvironmentName {
    /// Returns the environment of a project that names none: `production`.
    pub fn production() -> Self {
        Self("production".into())
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

/// Why a text names no project, environment or actor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// No characters, or too many.
    #[error("{what} name {found:?} has {length} characters, expected 1 to {NAME_MAX}")]
    Length {
        /// What the name is for.
        what: &'static str,
        /// The text given.
        found: Box<str>,
        /// Its length in characters.
        length: usize,
    },
    /// A character that no name may hold.
    #[error("{what} name {found:?} holds {character:?}, expected only [A-Za-z0-9._-]")]
    Character {
        /// What the name is for.
        what: &'static str,
        /// The text given.
        found: Box<str>,
        /// The first character that is not allowed.
        character: char,
    },
}

fn checked<'t>(what: &'static str, text: &'t str) -> Result<&'t str, NameError> {
    let name = if what == "actor" { text.strip_prefix('@').unwrap_or(text) } else { text };
    if let Some(character) = name.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'))) {
        return Err(NameError::Character { what, found: text.into(), character });
    }
    if name.is_empty() || name.len() > NAME_MAX {
        return Err(NameError::Length { what, found: text.into(), length: name.len() });
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        assert_eq!("caro".parse::<ProjectName>().unwrap().to_string(), "caro");
        assert_eq!(
            "a b".parse::<ProjectName>().unwrap_err().to_string(),
            "project name \"a b\" holds ' ', expected only [A-Za-z0-9._-]"
        );
        assert_eq!(
            "".parse::<EnvironmentName>().unwrap_err().to_string(),
            "environment name \"\" has 0 characters, expected 1 to 64"
        );
    }

    #[test]
    fn an_actor_is_shown_with_an_at_sign_however_it_was_given() {
        for given in ["alice", "@alice"] {
            let actor: Actor = given.parse().unwrap();
            assert_eq!((actor.as_str(), actor.to_string().as_str()), ("alice", "@alice"));
        }
        assert_eq!(
            "@@alice".parse::<Actor>().unwrap_err().to_string(),
            "actor name \"@@alice\" holds '@', expected only [A-Za-z0-9._-]"
        );
    }
}
