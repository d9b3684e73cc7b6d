use core::fmt;

use super::requirement::Pinned;
use super::{Number, Precedence, SMALL_DIGITS, Version, is_number};

/// Why a text is not a [`Version`]. Positions count bytes from 0.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VersionError {
    /// A character stands where a version has another.
    #[error("not a semantic version: byte {position} is {found:?}, expected {expected}")]
    Unexpected {
        /// Where the character starts.
        position: usize,
        /// The character.
        found: char,
        /// What would have been right.
        expected: VersionSyntax,
    },
    /// The text ends too early.
    #[error("not a semantic version: ends at byte {position}, expected {expected}")]
    Ended {
        /// The length of the text.
        position: usize,
        /// What would have been right.
        expected: VersionSyntax,
    },
    /// A number, or a pre-release identifier of digits alone, starts with a 0 that is not all of it.
    #[error("not a semantic version: the number at byte {position} has a leading zero")]
    LeadingZero {
        /// Where the number starts.
        position: usize,
    },
}

/// What a version may have at some place, as [`VersionError`] names it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VersionSyntax {
    /// One of `0` to `9`.
    Digit,
    /// A letter of ASCII, a digit or `-`.
    Identifier,
    /// Another number, a pre-release, build metadata or nothing more, after the major or minor number.
    AfterNumber,
    /// A pre-release, build metadata or nothing more, after the patch number.
    AfterPatch,
    /// More of the identifier, another one, build metadata or nothing more, within a pre-release.
    InPreRelease,
    /// More of the identifier, another one or nothing more, within build metadata.
    InBuild,
}

impl fmt::Display for VersionSyntax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Digit => "a digit",
            Self::Identifier => "a letter, a digit or '-'",
            Self::AfterNumber => "a digit, '.', '-', '+' or the end",
            Self::AfterPatch => "a digit, '-', '+' or the end",
            Self::InPreRelease => "a letter, a digit, '-', '.', '+' or the end",
            Self::InBuild => "a letter, a digit, '-', '.' or the end",
        })
    }
}

/// Reads a version from the left. It passes ASCII only, so `position` is always a character's start.
#[derive(Copy, Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    /// Reads the whole text; also returns which number is the last one given.
    #[inline]
    pub(super) fn version(mut self) -> Result<(Version<'a>, Pinned), VersionError> {
        self.skip_if(|byte| matches!(byte, b'v' | b'V'));
        let major = self.number()?;
        let (mut minor, mut patch, mut last_given) = (Number::ZERO, Number::ZERO, Pinned::Major);
        if self.skip_if(|byte| byte == b'.') {
            (minor, last_given) = (self.number()?, Pinned::Minor);
            if self.skip_if(|byte| byte == b'.') {
                (patch, last_given) = (self.number()?, Pinned::Patch);
            }
        }
        if self.peek().is_none() {
            return Ok((Version(Precedence { major, minor, patch, pre_release: "" }), last_given));
        }
        let pre_release = self.suffixes(last_given)?;
        Ok((Version(Precedence { major, minor, patch, pre_release }), last_given))
    }

    #[inline]
    fn number(&mut self) -> Result<Number<&'a str>, VersionError> {
        let start = self.position;
        let mut number = 0_u64;
        while let Some(byte @ b'0'..=b'9') = self.peek() {
            // Wraps only past `SMALL_DIGITS`, where the digits themselves count.
            number = number.wrapping_mul(10).wrapping_add(byte.wrapping_sub(b'0').into());
            self.advance();
        }
        match self.position.saturating_sub(start) {
            0 => Err(self.unexpected(VersionSyntax::Digit)),
            1 => Ok(Number::Small(number)),
            _ if self.text.as_bytes().get(start) == Some(&b'0') => Err(VersionError::LeadingZero { position: start }),
            2..=SMALL_DIGITS => Ok(Number::Small(number)),
            _ => Ok(Number::Large(self.since(start))),
        }
    }

    /// Reads what follows the numbers and returns the pre-release. Apart from `version`, as most versions end before.
    #[cold]
    fn suffixes(mut self, last_given: Pinned) -> Result<&'a str, VersionError> {
        let mut pre_release = "";
        let mut expected =
            if last_given == Pinned::Patch { VersionSyntax::AfterPatch } else { VersionSyntax::AfterNumber };
        if self.skip_if(|byte| byte == b'-') {
            pre_release = self.identifiers(Zeros::Refused)?;
            expected = VersionSyntax::InPreRelease;
        }
        if self.skip_if(|byte| byte == b'+') {
            self.identifiers(Zeros::Allowed)?;
            expected = VersionSyntax::InBuild;
        }
        if self.peek().is_some() { Err(self.unexpected(expected)) } else { Ok(pre_release) }
    }

    /// Reads identifiers with dots between them.
    fn identifiers(&mut self, leading_zeros: Zeros) -> Result<&'a str, VersionError> {
        let start = self.position;
        loop {
            let identifier_start = self.position;
            while self.skip_if(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {}
            let identifier = self.since(identifier_start);
            if identifier.is_empty() {
                return Err(self.unexpected(VersionSyntax::Identifier));
            }
            let zero_led = identifier.len() > 1 && identifier.starts_with('0') && is_number(identifier);
            if zero_led && leading_zeros == Zeros::Refused {
                return Err(VersionError::LeadingZero { position: identifier_start });
            }
            let list = self.since(start);
            if !self.skip_if(|byte| byte == b'.') {
                return Ok(list);
            }
        }
    }

    fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.position).unwrap_or_default()
    }

    fn skip_if(&mut self, fits: impl Fn(u8) -> bool) -> bool {
        let skips = self.peek().is_some_and(fits);
        if skips {
            self.advance();
        }
        skips
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn advance(&mut self) {
        self.position = self.position.saturating_add(1);
    }

    #[cold]
    fn unexpected(self, expected: VersionSyntax) -> VersionError {
        let position = self.position;
        match self.text.get(position..).and_then(|rest| rest.chars().next()) {
            Some(found) => VersionError::Unexpected { position, found, expected },
            None => VersionError::Ended { position, expected },
        }
    }
}

/// What becomes of an identifier of digits that starts with a 0 it is not all of.
#[derive(Copy, Clone, PartialEq, Eq)]
enum Zeros {
    Allowed,
    Refused,
}
