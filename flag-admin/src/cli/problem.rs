use std::io;
use std::path::Path;

use serde::Serialize;

use crate::app::{Failure, with_causes};

/// Why a command ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// It failed, or was refused.
    Problem(Box<Problem>),
    /// Nobody reads on: no failure of ours.
    BrokenPipe,
    /// All went well, and something would change, which the exit code is to say.
    Changes,
}

/// What a user is told of a failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    /// Its stable name.
    pub(super) code: &'static str,
    /// What, where, found, expected.
    pub(super) message: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
    /// What a program may want to know besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) details: Option<serde_json::Value>,
}

impl Stop {
    /// Returns a failure of the shell itself.
    pub(super) fn problem(code: &'static str, message: impl Into<String>, hint: Option<&str>) -> Self {
        Self::Problem(Box::new(Problem { code, message: message.into(), hint: hint.map(str::to_owned), details: None }))
    }

    /// Returns the failure of reading or writing a file.
    pub(super) fn file(path: &Path, action: &str, source: &io::Error) -> Self {
        let code = if source.kind() == io::ErrorKind::NotFound { "no_such_file" } else { "file" };
        Self::problem(code, format!("{} cannot be {action}: {source}", path.display()), None)
    }
}

impl<F: Failure> From<F> for Stop {
    fn from(failure: F) -> Self {
        let (hint, details) = (failure.hint(), failure.details());
        Self::Problem(Box::new(Problem { code: failure.code(), message: with_causes(&failure), hint, details }))
    }
}
