use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use flag_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Actor, Digest, EnvironmentName, Role};

/// The length of a token's id, in characters.
pub const TOKEN_ID_LENGTH: usize = 12;

/// The public name of a token: 12 characters of `[0-9A-Za-z]`. It is no secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TokenId(Box<str>);

/// A text that is no token's id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no token's id, expected {TOKEN_ID_LENGTH} characters of [0-9A-Za-z]")]
pub struct TokenIdError {
    /// The text given, cut to the length of an id, since it may be a secret.
    pub found: Box<str>,
}

impl TokenId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenId {
    type Err = TokenIdError;

    fn from_str(text: &str) -> Result<Self, TokenIdError> {
        if text.len() == TOKEN_ID_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(Self(text.into()));
        }
        let found: String = text.chars().take(TOKEN_ID_LENGTH).collect();
        Err(TokenIdError { found: found.into() })
    }
}

impl TryFrom<String> for TokenId {
    type Error = TokenIdError;

    fn try_from(text: String) -> Result<Self, TokenIdError> {
        text.parse()
    }
}

impl From<TokenId> for String {
    fn from(id: TokenId) -> Self {
        id.0.into()
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a token lets its bearer do. Each is needed besides what the holder's role allows.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Verb {
    /// Ask what a flag comes to.
    ReadEval,
    /// Read flags, plans, log and members.
    ReadConfig,
    /// Change flags, rollouts, segments and groups.
    WriteFlag,
    /// Kill, and lift kills.
    Kill,
    /// Sign and publish snapshots.
    Publish,
    /// Change members, tokens, environments and approvals.
    Admin,
}

impl Verb {
    /// Every verb.
    pub const ALL: [Self; 6] =
        [Self::ReadEval, Self::ReadConfig, Self::WriteFlag, Self::Kill, Self::Publish, Self::Admin];

    /// Returns the word that commands and JSON have for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadEval => "read-eval",
            Self::ReadConfig => "read-config",
            Self::WriteFlag => "write-flag",
            Self::Kill => "kill",
            Self::Publish => "publish",
            Self::Admin => "admin",
        }
    }
}

/// A text that names no verb.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is nothing a token allows, expected read-eval, read-config, write-flag, kill, publish or admin")]
pub struct VerbError {
    /// The text given.
    pub found: Box<str>,
}

impl FromStr for Verb {
    type Err = VerbError;

    fn from_str(text: &str) -> Result<Self, VerbError> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == text).ok_or_else(|| VerbError { found: text.into() })
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a token is good for. Of its secret the log holds a hash: 256 random bits cannot be guessed from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// As whom its bearer acts.
    pub holder: Actor,
    /// In which role; none for a token that only reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What it lets its bearer do.
    pub verbs: BTreeSet<Verb>,
    /// Where; everywhere if empty.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub environments: BTreeSet<EnvironmentName>,
    /// From when on it is good for nothing; never where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The hash of its secret.
    pub hash: Digest,
}

/// A token that was issued and not revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenState {
    /// What it is good for.
    pub grant: Grant,
    /// When it was issued.
    pub issued: Timestamp,
    /// Who issued it.
    pub by: Actor,
}
