use std::error::Error;
use std::fmt;

use flag_core::{ConditionError, FlagError, KeyError, Share, ShareError, TimestampError};

use super::civil_date::CivilDateError;
use super::nearest::nearest;
use super::target::TargetError;

/// Why an authoring file is refused: every mistake in it, in the order of the file.
///
/// It prints one line a mistake, each with a second line where there is a hint:
/// ```text
/// flags.toml:3:9: flags.command_history.stage: unknown stage "betta", expected one of development, internal, beta, ga, deprecated
///   hint: did you mean "beta"?
/// ```
#[derive(Debug)]
pub struct DefinitionError {
    problems: Vec<Problem>,
}

/// One mistake: where it stands, and what is wrong there.
#[derive(Debug)]
pub struct Problem {
    pub(super) file: Box<str>,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) place: Box<str>,
    pub(super) fault: Fault,
}

impl DefinitionError {
    /// Takes problems in the order of the file.
    pub(super) const fn new(problems: Vec<Problem>) -> Self {
        Self { problems }
    }

    /// Returns the mistakes in the order of the file. There is at least one.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let end_of_previous = if index == 0 { "" } else { "\n" };
            write!(f, "{end_of_previous}{problem}")?;
            if let Some(hint) = problem.fault.hint() {
                write!(f, "\n  hint: {hint}")?;
            }
        }
        Ok(())
    }
}

impl Error for DefinitionError {}

impl Problem {
    /// Returns the name of the file, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the line, from 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Returns the column in characters, from 1.
    pub const fn column(&self) -> usize {
        self.column
    }

    /// Returns the dotted place, `flags.command_history.rules[0].when`. It is empty for the file as a whole.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Returns what is wrong.
    pub const fn fault(&self) -> &Fault {
        &self.fault
    }

    /// Returns what would mend it, where that can be told.
    pub fn hint(&self) -> Option<String> {
        self.fault.hint()
    }
}

impl fmt::Display for Problem {
    /// Prints the place, the fault and its causes on one line, without the hint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        let mut said = self.fault.to_string();
        f.write_str(&said)?;
        let mut cause = self.fault.source();
        while let Some(error) = cause {
            let text = last_line(&error.to_string());
            // Some errors of the evaluator say what their source says.
            if !said.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            said = text;
            cause = error.source();
        }
        Ok(())
    }
}

/// Returns what a text of several lines comes to: a regular expression's error draws where it is, and says what is wrong in the end.
fn last_line(text: &str) -> String {
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).into()
}

/// What is wrong at one place of an authoring file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Not TOML.
    #[error("not TOML: {message}")]
    Syntax {
        /// What the parser says.
        message: Box<str>,
    },
    /// A key that stands twice in one table, or a table that is opened twice.
    #[error("{key:?} stands twice, expected once")]
    Twice {
        /// The key.
        key: Box<str>,
    },
    /// A key that means nothing there.
    #[error("unknown key {found:?}, expected one of {}", .known.join(", "))]
    UnknownKey {
        /// The key.
        found: Box<str>,
        /// The keys that mean something.
        known: Vec<&'static str>,
        /// Where the key belongs instead.
        belongs: Option<Box<str>>,
    },
    /// A key that has to be there.
    #[error("no key {key:?}, expected {expected}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What it holds.
        expected: &'static str,
    },
    /// Two keys of which at most one may stand.
    #[error("{first:?} and {second:?} exclude each other, expected one of them")]
    Together {
        /// The one.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A value of another type.
    #[error("found {found}, expected {expected}")]
    Type {
        /// What was found.
        found: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// A name out of a closed set that is not in it.
    #[error("unknown {what} {found:?}, expected one of {}", .known.join(", "))]
    UnknownName {
        /// What is named.
        what: &'static str,
        /// The name.
        found: Box<str>,
        /// The names there are.
        known: Vec<Box<str>>,
    },
    /// Not a key of a flag.
    #[error(transparent)]
    Key(KeyError),
    /// Not a share.
    #[error(transparent)]
    Share(ShareError),
    /// A share written as a floating-point number, which would round.
    #[error("found the float {found}, expected a percentage as text")]
    FloatShare {
        /// The number as it was written.
        found: Box<str>,
    },
    /// Weights that are not the whole.
    #[error("weights come to {}, expected exactly 100%", Thousandths(*.found))]
    Weights {
        /// Their sum in thousandths of a percent.
        found: u64,
    },
    /// A rollout of a flag of which no variant is the one to expose.
    #[error("no weights, expected the share of each variant, because none of {} is the one that is on", .variants.join(", "))]
    NoOnVariant {
        /// The variants.
        variants: Vec<Box<str>>,
    },
    /// Not a range of buckets.
    #[error("found {found}, expected two whole numbers from 0 to 100000, [FROM, TO]")]
    Range {
        /// What was found.
        found: Box<str>,
    },
    /// A whole number beyond 64 bits.
    #[error("found the integer {found}, expected one of at most 64 bits")]
    Integer {
        /// The number as it was written.
        found: Box<str>,
    },
    /// A number that is infinite or none.
    #[error("found the float {found}, expected a finite number")]
    NotFinite {
        /// The number as it was written.
        found: Box<str>,
    },
    /// A value's JSON that is not JSON.
    #[error("not JSON")]
    Json(#[source] serde_json::Error),
    /// Not a day.
    #[error(transparent)]
    Date(CivilDateError),
    /// Not a time.
    #[error("{found:?} is no time")]
    Time {
        /// The text.
        found: Box<str>,
        /// Why not.
        #[source]
        source: TimestampError,
    },
    /// Not a metric's target.
    #[error(transparent)]
    Target(TargetError),
    /// A condition that cannot be judged.
    #[error(transparent)]
    Condition(ConditionError),
    /// A flag that does not hold together. Evaluators would refuse it.
    #[error(transparent)]
    Flag(FlagError),
}

impl Fault {
    /// Returns what would mend it, where that can be told.
    pub fn hint(&self) -> Option<String> {
        let meant = |name: &str| format!("did you mean {name:?}?");
        match self {
            Self::UnknownKey { belongs: Some(belongs), .. } => Some(format!("it belongs in {belongs}")),
            Self::UnknownKey { found, known, belongs: None } => nearest(found, known.iter().copied()).map(meant),
            Self::UnknownName { found, known, .. } => nearest(found, known.iter().map(|name| &**name)).map(meant),
            Self::FloatShare { found } => {
                let share = found.parse::<Share>().ok()?;
                Some(format!("write {:?}", share.to_string()))
            }
            Self::NoOnVariant { variants } => {
                let each = variants.iter().map(|variant| format!("{variant} = \"...%\"")).collect::<Vec<_>>();
                Some(format!("write weights = {{ {} }}", each.join(", ")))
            }
            _ => None,
        }
    }
}

/// A sum of shares as a percentage; unlike a share it may be above 100 %.
struct Thousandths(u64);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{}.{:03}", self.0 / 1_000, self.0 % 1_000);
        write!(f, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
    }
}
