use std::fmt;
use std::str::FromStr;

use crate::app::error::{AppError, Failure};
use crate::app::history::lines::{Moment, MomentError, PastError};
use crate::app::history::walk::{Reader, walk};
use crate::app::project::{OpenError, Project};
use crate::definition::CivilDate;
use crate::hygiene::{Audience, release_notes};
use crate::log::{Change, Entry, EnvironmentName, State, Stored};

/// A point of the log, as release notes name it.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// An entry or a time.
    Moment(Moment),
    /// The last snapshot published under this version.
    Version(u64),
}

/// Two points of the log: what changed after the first, up to and with the second.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The beginning; that of the log where absent.
    pub from: Option<Mark>,
    /// The end; the log's where absent.
    pub to: Option<Mark>,
}

/// A text that is no span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpanError {
    /// No two points.
    #[error("{found:?} is no span, expected FROM..TO")]
    NoSpan {
        /// The text given.
        found: String,
    },
    /// A point that is none.
    #[error(
        "{found:?} is no point of the log, expected an entry's number, a snapshot's version such as v12, a day or an RFC 3339 time"
    )]
    Mark {
        /// The text given.
        found: String,
        /// Why.
        #[source]
        source: MomentError,
    },
}

/// Why there are no release notes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseNotesError {
    /// The project cannot be asked.
    #[error(transparent)]
    App(#[from] AppError),
    /// There is no past to start or end with.
    #[error(transparent)]
    Past(#[from] PastError),
    /// No such snapshot was published.
    #[error("no snapshot of version {version} was published to environment \"{environment}\"")]
    NoVersion {
        /// The version given.
        version: u64,
        /// The environment.
        environment: EnvironmentName,
    },
    /// The end lies before the beginning.
    #[error("the span ends with entry {to}, before it begins with entry {from}")]
    Backwards {
        /// The entry that it begins with.
        from: u64,
        /// The entry that it ends with.
        to: u64,
    },
}

impl From<OpenError> for ReleaseNotesError {
    fn from(error: OpenError) -> Self {
        Self::App(error.into())
    }
}

impl FromStr for Mark {
    type Err = MomentError;

    fn from_str(text: &str) -> Result<Self, MomentError> {
        let version = text.strip_prefix('v').and_then(|version| version.parse().ok());
        if let Some(version) = version {
            return Ok(Self::Version(version));
        }
        let day = text.parse::<CivilDate>().ok().map(|day| format!("{day}T00:00:00Z"));
        day.as_deref().unwrap_or(text).parse().map(Self::Moment)
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let (from, to) = text.split_once("..").ok_or_else(|| SpanError::NoSpan { found: text.to_owned() })?;
        let mark = |mark: &str| match mark {
            "" => Ok(None),
            mark => mark.parse().map(Some).map_err(|source| SpanError::Mark { found: mark.to_owned(), source }),
        };
        Ok(Self { from: mark(from)?, to: mark(to)? })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moment(Moment::Entry(seq)) => write!(f, "{seq}"),
            Self::Moment(Moment::Time(time)) => write!(f, "{time}"),
            Self::Version(version) => write!(f, "v{version}"),
        }
    }
}

/// Looks for the last snapshot of a version.
struct VersionReader<'w> {
    wanted: u64,
    environment: &'w EnvironmentName,
    found: Option<u64>,
}

impl Reader for VersionReader<'_> {
    fn read(&mut self, entry: &Entry, _: &Stored, _: Option<&State>) {
        if let Change::Published { version, .. } = entry.change
            && version == self.wanted
            && entry.environment.as_ref() == Some(self.environment)
        {
            self.found = Some(entry.seq);
        }
    }

    fn is_satisfied(&self, _: u64) -> bool {
        self.found.is_some()
    }
}

impl Project {
    /// Returns what users notice of the changes of an environment within a span, in Markdown.
    pub fn release_notes(
        &self,
        environment: &EnvironmentName,
        span: Span,
        audience: &Audience,
    ) -> Result<String, ReleaseNotesError> {
        let now = self.environment(environment).map_err(AppError::from)?;
        let past = |mark: Option<Mark>| match mark {
            None => Ok::<_, ReleaseNotesError>(None),
            Some(mark) => Ok(Some(self.past(self.moment(environment, mark)?)?)),
        };
        let from = past(span.from)?;
        let to = past(span.to)?;
        if let (Some(from), Some(to)) = (&from, &to) {
            let (from, to) = (from.entry.seq, to.entry.seq);
            if to < from {
                return Err(ReleaseNotesError::Backwards { from, to });
            }
        }
        let before = from.as_ref().and_then(|past| past.state.environment(environment));
        let after = to.as_ref().and_then(|past| past.state.environment(environment)).unwrap_or(now);
        Ok(release_notes(before, after, audience))
    }

    fn moment(&self, environment: &EnvironmentName, mark: Mark) -> Result<Moment, ReleaseNotesError> {
        let wanted = match mark {
            Mark::Moment(moment) => return Ok(moment),
            Mark::Version(version) => version,
        };
        let (_, VersionReader { found, .. }) =
            walk(&*self.ports.log, || VersionReader { wanted, environment, found: None })?;
        found
            .map(Moment::Entry)
            .ok_or_else(|| ReleaseNotesError::NoVersion { version: wanted, environment: environment.clone() })
    }
}

impl Failure for ReleaseNotesError {
    fn code(&self) -> &'static str {
        match self {
            Self::App(error) => error.code(),
            Self::Past(_) => "no_such_moment",
            Self::NoVersion { .. } => "no_such_version",
            Self::Backwards { .. } => "backwards",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::App(error) => error.hint(),
            Self::Past(_) | Self::NoVersion { .. } => Some("look at \"flag-admin log\"".to_owned()),
            Self::Backwards { .. } => Some("turn it round: FROM..TO".to_owned()),
        }
    }
}
