//! Versions by precedence ([Semantic Versioning 2.0.0](https://semver.org/spec/v2.0.0.html), section 11) and requirements
//! on them.

use alloc::boxed::Box;
use core::{cmp::Ordering, fmt};

#[cfg(test)]
mod tests;

/// A version's precedence, borrowed from its text: what decides which of two versions is the newer one.
///
/// Reads [Semantic Versioning 2.0.0](https://semver.org/spec/v2.0.0.html) and, as what apps report as their version is
/// often looser:
/// * one leading `v` or `V`, which is ignored;
/// * a missing minor or patch number, which is 0: `1.2-beta` is `1.2.0-beta`.
///
/// Build metadata (`+...`) is checked and ignored: `1.0.0+a` equals `1.0.0+b`. Numbers may have any length. Reading and
/// comparing allocate nothing.
///
/// Prints with all three numbers, without `v` and build metadata.
///
/// ```
/// # use flag_core::Version;
/// assert!(Version::parse("1.0.0-beta.2")? < Version::parse("1.0.0-beta.11")?);
/// assert_eq!(Version::parse("v1.2")?, Version::parse("1.2.0+mac")?);
/// # Ok::<(), flag_core::VersionError>(())
/// ```
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version<'a>(Precedence<&'a str>);

impl<'a> Version<'a> {
    /// Reads a version.
    pub fn parse(text: &'a str) -> Result<Self, VersionError> {
        Cursor::new(text).version().map(|(version, _)| version)
    }

    /// Returns whether the version has a pre-release part, as `1.0.0-beta` has.
    pub const fn is_pre_release(&self) -> bool {
        !self.0.pre_release.is_empty()
    }
}

impl Ord for Version<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.compare(&other.0)
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Precedence { major, minor, patch, pre_release } = &self.0;
        write!(f, "{major}.{minor}.{patch}")?;
        if self.is_pre_release() { write!(f, "-{pre_release}") } else { Ok(()) }
    }
}

/// How a [`VersionRequirement`] relates a version to its own.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VersionOperator {
    /// The same precedence.
    Equal,
    /// Newer.
    Greater,
    /// The same precedence or newer.
    GreaterOrEqual,
    /// Older.
    Less,
    /// The same precedence or older.
    LessOrEqual,
    /// `^`: not older, and equal up to the leftmost number that is not 0. `^1.2.3` is from `1.2.3` until before `2`,
    /// `^0.2.3` until before `0.3`, `^0.0.3` until before `0.0.4`. Where all numbers given are 0, equal up to the last one
    /// given: `^0` is until before `1`, `^0.0` until before `0.1`.
    Caret,
    /// `~`: not older, and equal up to the minor number, or up to the major number where that is all that is given.
    /// `~1.2.3` and `~1.2` are until before `1.3`, `~1` is until before `2`.
    Tilde,
}

impl fmt::Display for VersionOperator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Caret => "^",
            Self::Tilde => "~",
        })
    }
}

/// A requirement on versions, compiled once: an operator and the version it compares with.
///
/// Precedence alone decides, also for pre-releases: `1.3.0-alpha` fulfils `>=1.2.0`, where package managers would want it
/// named. The versions a caret or tilde range stops before include their own pre-releases, so neither `2.0.0` nor
/// `2.0.0-alpha` fulfils `^1.2` (npm writes that bound `<2.0.0-0`).
///
/// In a comparison a partial version is filled with zeros: `>1` is `>1.0.0`, which `1.0.1` fulfils.
///
/// ```
/// # use flag_core::{VersionOperator, VersionRequirement};
/// let requirement = VersionRequirement::new(VersionOperator::Caret, "1.2")?;
/// assert_eq!(requirement.matches_text("1.24.3"), Some(true));
/// assert_eq!(requirement.matches_text("2.0.0-alpha"), Some(false));
/// assert_eq!(requirement.matches_text("nightly"), None);
/// # Ok::<(), flag_core::VersionError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VersionRequirement {
    operator: VersionOperator,
    pinned: Pinned,
    bound: Bound,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Bound {
    /// Three numbers and nothing else, as most are, in one.
    Release(Release),
    Other(Box<Precedence<Box<str>>>),
}

/// Three numbers of at most [`RELEASE_DIGITS`] digits in one, so that the newer version is the greater number.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Release(u64);

/// The most digits of a number of a [`Release`].
const RELEASE_DIGITS: usize = 6;
/// How many bits hold a number of so many digits.
const RELEASE_BITS: u32 = 20;
/// The greatest number of so many digits.
const RELEASE_MAX: u64 = 999_999;
const RELEASE_MASK: u64 = (1 << RELEASE_BITS) - 1;

impl Release {
    fn new(numbers: [u64; 3]) -> Option<Self> {
        let mut packed = 0_u64;
        for number in numbers {
            if number > RELEASE_MAX {
                return None;
            }
            packed = packed << RELEASE_BITS | number;
        }
        Some(Self(packed))
    }

    /// Reads a version that is three such numbers and nothing else: `1.24.3`. Everything rarer, and everything wrong, is none.
    ///
    /// Not inlined: within the evaluator's own code it would push everything else out of the registers.
    #[inline(never)]
    fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let (mut packed, mut number, mut start, mut at, mut dots) = (0_u64, 0_u64, 0_usize, 0_usize, 0_u32);
        loop {
            let byte = bytes.get(at).copied();
            if let Some(digit @ b'0'..=b'9') = byte {
                // Wraps only where there are too many digits.
                number = number.wrapping_mul(10).wrapping_add(u64::from(digit.wrapping_sub(b'0')));
                at = at.wrapping_add(1);
                continue;
            }
            let digits = at.wrapping_sub(start);
            if digits.wrapping_sub(1) >= RELEASE_DIGITS || (digits > 1 && bytes.get(start) == Some(&b'0')) {
                return None;
            }
            packed = packed << RELEASE_BITS | number;
            match (byte, dots) {
                (None, 2) => return Some(Self(packed)),
                (Some(b'.'), 0..=1) => {}
                _ => return None,
            }
            at = at.wrapping_add(1);
            (number, start, dots) = (0, at, dots.wrapping_add(1));
        }
    }

    const fn numbers(self) -> [u64; 3] {
        [self.0 >> (2 * RELEASE_BITS), self.0 >> RELEASE_BITS & RELEASE_MASK, self.0 & RELEASE_MASK]
    }

    /// Tells whether the leading numbers that are pinned are the same.
    #[inline]
    const fn shares(self, other: Self, pinned: Pinned) -> bool {
        let left_out = match pinned {
            Pinned::Major => 2 * RELEASE_BITS,
            Pinned::Minor => RELEASE_BITS,
            Pinned::Patch => 0,
        };
        self.0 >> left_out == other.0 >> left_out
    }
}

/// Which leading numbers a caret or tilde range keeps equal. This is the upper bound without adding one to a number of any
/// length: the versions below `2.0.0-0`, the least with major number 2, are exactly those with a lesser major number.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
enum Pinned {
    Major,
    Minor,
    Patch,
}

impl Pinned {
    /// Returns how many leading numbers that is.
    const fn count(self) -> usize {
        match self {
            Self::Major => 1,
            Self::Minor => 2,
            Self::Patch => 3,
        }
    }
}

impl VersionRequirement {
    /// Compiles `operator` and the version in `text`, which may be partial.
    pub fn new(operator: VersionOperator, text: &str) -> Result<Self, VersionError> {
        let (Version(bound), last_given) = Cursor::new(text).version()?;
        let pinned = match (operator, last_given) {
            (VersionOperator::Tilde, Pinned::Major) => Pinned::Major,
            (VersionOperator::Tilde, _) => Pinned::Minor,
            (_, Pinned::Major) => Pinned::Major,
            _ if !bound.major.is_zero() => Pinned::Major,
            (_, Pinned::Minor) => Pinned::Minor,
            _ if !bound.minor.is_zero() => Pinned::Minor,
            _ => Pinned::Patch,
        };
        let release = match (bound.major, bound.minor, bound.patch) {
            (Number::Small(major), Number::Small(minor), Number::Small(patch)) if bound.pre_release.is_empty() => {
                Release::new([major, minor, patch])
            }
            _ => None,
        };
        let bound = match release {
            Some(release) => Bound::Release(release),
            None => Bound::Other(Box::new(bound.into_owned())),
        };
        Ok(Self { operator, pinned, bound })
    }

    /// Returns the operator.
    pub const fn operator(&self) -> VersionOperator {
        self.operator
    }

    /// Returns whether `version` fulfils the requirement.
    pub fn matches(&self, version: &Version<'_>) -> bool {
        match &self.bound {
            Bound::Other(bound) => self.relates(version.0.compare(bound), || bound.shares(&version.0, self.pinned)),
            Bound::Release(release) => {
                let [major, minor, patch] = release.numbers().map(Number::Small);
                let bound = Precedence { major, minor, patch, pre_release: "" };
                self.relates(version.0.compare(&bound), || bound.shares(&version.0, self.pinned))
            }
        }
    }

    #[inline]
    fn relates(&self, order: Ordering, keeps_pinned: impl FnOnce() -> bool) -> bool {
        match self.operator {
            VersionOperator::Equal => order.is_eq(),
            VersionOperator::Greater => order.is_gt(),
            VersionOperator::GreaterOrEqual => order.is_ge(),
            VersionOperator::Less => order.is_lt(),
            VersionOperator::LessOrEqual => order.is_le(),
            VersionOperator::Caret | VersionOperator::Tilde => order.is_ge() && keeps_pinned(),
        }
    }

    /// Returns whether the version that `text` spells fulfils the requirement; `None` where it spells none.
    #[inline]
    pub fn matches_text(&self, text: &str) -> Option<bool> {
        if let Bound::Release(bound) = self.bound {
            if let Some(version) = Release::parse(text) {
                return Some(self.relates(version.cmp(&bound), || version.shares(bound, self.pinned)));
            }
        }
        self.matches_any_text(text)
    }

    #[inline(never)]
    fn matches_any_text(&self, text: &str) -> Option<bool> {
        Version::parse(text).ok().map(|version| self.matches(&version))
    }
}

/// What section 11 compares, over borrowed or owned text. Two are equal exactly where neither precedes the other, since
/// numbers have no leading zeros and so one spelling each.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
struct Precedence<S> {
    major: Number<S>,
    minor: Number<S>,
    patch: Number<S>,
    /// Without its `-`; empty for a release.
    pre_release: S,
}

impl<S: AsRef<str>> Precedence<S> {
    fn compare<T: AsRef<str>>(&self, other: &Precedence<T>) -> Ordering {
        let numbers = self.major.compare(&other.major);
        let numbers = numbers.then_with(|| self.minor.compare(&other.minor));
        let numbers = numbers.then_with(|| self.patch.compare(&other.patch));
        numbers.then_with(|| compare_pre_releases(self.pre_release.as_ref(), other.pre_release.as_ref()))
    }

    /// Tells whether the leading numbers that are pinned are the same.
    fn shares<T: AsRef<str>>(&self, other: &Precedence<T>, pinned: Pinned) -> bool {
        let mut same = [
            self.major.compare(&other.major).is_eq(),
            self.minor.compare(&other.minor).is_eq(),
            self.patch.compare(&other.patch).is_eq(),
        ]
        .into_iter()
        .take(pinned.count());
        same.all(|same| same)
    }
}

impl Precedence<&str> {
    fn into_owned(self) -> Precedence<Box<str>> {
        Precedence {
            major: self.major.into_owned(),
            minor: self.minor.into_owned(),
            patch: self.patch.into_owned(),
            pre_release: self.pre_release.into(),
        }
    }
}

/// A number without leading zeros.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash)]
enum Number<S> {
    /// One of at most [`SMALL_DIGITS`] digits.
    Small(u64),
    /// The digits of a longer one.
    Large(S),
}

/// The most digits that always fit a `u64`.
const SMALL_DIGITS: usize = 19;

impl<S: AsRef<str>> Number<S> {
    const ZERO: Self = Self::Small(0);

    const fn is_zero(&self) -> bool {
        matches!(self, Self::Small(0))
    }

    fn compare<T: AsRef<str>>(&self, other: &Number<T>) -> Ordering {
        match (self, other) {
            (Self::Small(a), Number::Small(b)) => a.cmp(b),
            (Self::Small(_), Number::Large(_)) => Ordering::Less,
            (Self::Large(_), Number::Small(_)) => Ordering::Greater,
            (Self::Large(a), Number::Large(b)) => compare_digits(a.as_ref(), b.as_ref()),
        }
    }
}

impl Number<&str> {
    fn into_owned(self) -> Number<Box<str>> {
        match self {
            Self::Small(number) => Number::Small(number),
            Self::Large(digits) => Number::Large(digits.into()),
        }
    }
}

impl<S: fmt::Display> fmt::Display for Number<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Small(number) => number.fmt(f),
            Self::Large(digits) => digits.fmt(f),
        }
    }
}

/// Compares numbers without leading zeros, of which the longer is the greater one.
fn compare_digits(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Section 11, points 3 and 4: a release is newer than its pre-releases, which compare identifier by identifier; numbers
/// come before words, and where all else is equal the shorter list comes first.
fn compare_pre_releases(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) => {
            let (mut left, mut right) = (a.split('.'), b.split('.'));
            loop {
                let order = match (left.next(), right.next()) {
                    (Some(a), Some(b)) => compare_identifiers(a, b),
                    (None, None) => return Ordering::Equal,
                    (Some(_), None) => Ordering::Greater,
                    (None, Some(_)) => Ordering::Less,
                };
                if order.is_ne() {
                    return order;
                }
            }
        }
    }
}

fn compare_identifiers(a: &str, b: &str) -> Ordering {
    match (is_number(a), is_number(b)) {
        (true, true) => compare_digits(a, b),
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => a.cmp(b),
    }
}

fn is_number(identifier: &str) -> bool {
    identifier.bytes().all(|byte| byte.is_ascii_digit())
}

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
struct Cursor<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Cursor<'a> {
    const fn new(text: &'a str) -> Self {
        Self { text, position: 0 }
    }

    /// Reads the whole text; also returns which number is the last one given.
    #[inline]
    fn version(mut self) -> Result<(Version<'a>, Pinned), VersionError> {
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
