//! The bearer token that opens a private remote.

use std::fmt;

use reqwest::header::HeaderValue;

/// The longest token, in bytes: servers refuse longer headers.
const MAX_BYTES: usize = 4_096;

/// A secret that the server asks for before it hands out documents.
///
/// It is sent to the remote's own host and to no other, and only where the connection is encrypted or stays on this machine. It is in
/// no error, no log and no [`Debug`](fmt::Debug) output.
///
/// ```
/// use flag_client::BearerToken;
/// let token = BearerToken::new("caro_read_1_secret")?;
/// assert_eq!(format!("{token:?}"), "BearerToken(..)");
/// # Ok::<(), flag_client::TokenError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct BearerToken(HeaderValue);

/// Why a text is no bearer token. It does not repeat the text.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// There is nothing in it.
    #[error("the token is empty")]
    Empty,
    /// It is longer than a header may be.
    #[error("the token has {found} bytes, expected at most {MAX_BYTES}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// It holds what a header may not.
    #[error("character {position} of the token is none of those that RFC 6750 allows")]
    Character {
        /// Where it stands, counted from 1.
        position: usize,
    },
}

impl BearerToken {
    /// Reads a token: letters, digits, `-`, `.`, `_`, `~`, `+`, `/` and `=`, as in [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750).
    /// White space around it is left out, since tokens come from files.
    pub fn new(token: &str) -> Result<Self, TokenError> {
        let token = token.trim();
        if token.is_empty() {
            return Err(TokenError::Empty);
        }
        if token.len() > MAX_BYTES {
            return Err(TokenError::TooLong { found: token.len() });
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
        if let Some(position) = token.chars().position(|c| !allowed(c)) {
            return Err(TokenError::Character { position: position + 1 });
        }
        let mut header =
            HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| TokenError::Character { position: 1 })?;
        header.set_sensitive(true);
        Ok(Self(header))
    }

    pub(super) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_what_a_header_may_carry_and_is_never_shown() {
        let table = [
            ("abc_1.2-3~+/=", Ok("Bearer abc_1.2-3~+/=")),
            ("  abc\n", Ok("Bearer abc")),
            (" ", Err("the token is empty")),
            ("abc\r\nHost: evil", Err("character 4 of the token is none of those that RFC 6750 allows")),
            ("gehe\u{ef}m", Err("character 5 of the token is none of those that RFC 6750 allows")),
        ];
        for (text, expected) in table {
            let found = BearerToken::new(text).map(|token| token.0.to_str().map(str::to_owned).unwrap_or_default());
            assert_eq!(found.map_err(|error| error.to_string()), expected.map(str::to_owned).map_err(str::to_owned));
        }
        let long = BearerToken::new(&"a".repeat(4_097)).unwrap_err();
        assert_eq!(long.to_string(), "the token has 4097 bytes, expected at most 4096");
        let token = BearerToken::new("secret").unwrap();
        assert_eq!(format!("{token:?} {:?}", token.header()), "BearerToken(..) Sensitive");
    }
}
