/// Why a statistic has no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum StatisticsError {
    /// A number lies outside of what the formula is defined for. NaN lies outside of everything.
    #[error("{name} is {found}, expected {expected}")]
    OutOfRange {
        /// Which number.
        name: &'static str,
        /// The number.
        found: f64,
        /// What it may be.
        expected: &'static str,
    },
    /// A part is larger than the whole.
    #[error("{part} of {whole} {name}, expected at most as many as there are")]
    MoreThanAll {
        /// What is counted.
        name: &'static str,
        /// How many have the property.
        part: u64,
        /// How many there are.
        whole: u64,
    },
    /// There are too few observations.
    #[error("{found} {name}, expected at least {expected}")]
    TooFew {
        /// What is counted.
        name: &'static str,
        /// How many there are.
        found: usize,
        /// How many it takes.
        expected: usize,
    },
    /// Two lists that belong together differ in length.
    #[error("{found} {name}, expected {expected} as in the other list")]
    Unpaired {
        /// What the shorter or longer list holds.
        name: &'static str,
        /// Its length.
        found: usize,
        /// The length of the other.
        expected: usize,
    },
    /// All observations are the same, so nothing can be said about how they scatter.
    #[error("{name} do not vary")]
    NoVariation {
        /// What does not vary.
        name: &'static str,
    },
    /// The numbers are beyond what floats can hold on the way.
    #[error("the numbers are too large or too small for {name}")]
    Overflow {
        /// What was computed.
        name: &'static str,
    },
    /// An iteration did not settle.
    #[error("{name} did not converge")]
    NotConverged {
        /// What was computed.
        name: &'static str,
    },
}

/// What a statistic comes to.
pub type Result<T> = std::result::Result<T, StatisticsError>;
