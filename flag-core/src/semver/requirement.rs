use alloc::boxed::Box;
use core::{cmp::Ordering, fmt};

use super::parse::Cursor;
use super::{Number, Precedence, Version, VersionError};

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
pub(super) enum Pinned {
    Major,
    Minor,
    Patch,
}

impl Pinned {
    /// Returns how many leading numbers that is.
    pub(super) const fn count(self) -> usize {
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
