//! Versions by precedence ([Semantic Versioning 2.0.0](https://semver.org/spec/v2.0.0.html), section 11) and requirements
//! on them.

mod parse;
mod requirement;

use alloc::boxed::Box;
use core::{cmp::Ordering, fmt};

use self::parse::Cursor;
pub use self::parse::{VersionError, VersionSyntax};
use self::requirement::Pinned;
pub use self::requirement::{VersionOperator, VersionRequirement};

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
