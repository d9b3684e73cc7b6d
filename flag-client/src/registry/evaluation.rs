//! What a typed flag came to.

use std::sync::Arc;

use flag_core::{AccessError, Reason};

/// A flag's value and how it came about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evaluation<T> {
    /// The value: what was decided, or the default in the code where there is an error.
    pub value: T,
    /// The id of the variant decided on, unless there is no flag. With an error, it is not what `value` is of.
    pub variant: Option<Box<str>>,
    /// Why the variant was decided on.
    pub reason: Reason,
    /// Why the value is the default in the code instead of the variant's.
    pub error: Option<ValueError>,
    /// Whether the decision comes from a snapshot that has expired.
    pub stale: bool,
    /// The sequence number of the published flag's last change; 0 for a flag that is not published.
    pub flag_version: u64,
}

impl<T> Evaluation<T> {
    /// Returns OpenFeature's word for how the value came about: `ERROR` with an error, `STALE` from an expired snapshot, else the reason's.
    pub fn open_feature_reason(&self) -> &'static str {
        open_feature_reason(self.reason, self.stale, self.error.as_ref().map(ValueError::code))
    }
}

pub(crate) const fn open_feature_reason(reason: Reason, stale: bool, error: Option<&str>) -> &'static str {
    match (error, stale) {
        (Some(_), _) => "ERROR",
        (None, true) => "STALE",
        (None, false) => reason.open_feature(),
    }
}

/// Why a flag has no value of the type asked for. The default in the code stands in.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// There is no flag, or it is of another type, or a number would lose something.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// A whole number is too small or too large for its type.
    #[error("flag {flag:?} is {found}, which is out of the range of {expected}")]
    OutOfRange {
        /// The flag.
        flag: Box<str>,
        /// The number.
        found: i64,
        /// The type in the code.
        expected: &'static str,
    },
    /// A choice serves a variant that the code does not know.
    #[error("flag {flag:?} serves variant {found:?}, expected one of {expected:?}")]
    UnknownVariant {
        /// The flag.
        flag: Box<str>,
        /// The id of the variant.
        found: Box<str>,
        /// The ids that the code knows.
        expected: &'static [&'static str],
    },
    /// An object does not have the fields that the code expects.
    #[error("flag {flag:?} holds an object of another form")]
    Object {
        /// The flag.
        flag: Box<str>,
        /// What does not fit.
        #[source]
        source: Arc<serde_json::Error>,
    },
}

impl ValueError {
    /// Returns OpenFeature's code for the error: `FLAG_NOT_FOUND`, `PARSE_ERROR`, `TYPE_MISMATCH` or `GENERAL`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Access(AccessError::NoFlag { reason }) => reason.error_code().unwrap_or("GENERAL"),
            Self::Access(AccessError::Type { .. })
            | Self::OutOfRange { .. }
            | Self::UnknownVariant { .. }
            | Self::Object { .. } => "TYPE_MISMATCH",
            Self::Access(_) => "GENERAL",
        }
    }
}
