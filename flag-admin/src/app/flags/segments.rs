use flag_core::wire::Condition;
use serde::Serialize;

use super::lifecycle::segment_names;
use crate::app::changes::proposal::Proposal;
use crate::app::error::{AppError, Failure};
use crate::app::project::{Project, UnknownEnvironment};
use crate::definition::nearest;
use crate::log::{Change, EnvironmentName, EnvironmentState};

/// A named condition, and what refers to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentLine<'p> {
    /// Its name.
    pub segment: &'p str,
    /// Whom it holds.
    pub condition: &'p Condition,
    /// The flags with a rule that names it, in order.
    pub flags: Vec<&'p str>,
    /// The segments that name it, in order.
    pub segments: Vec<&'p str>,
}

/// Why a segment cannot be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// There is no such segment.
    #[error("segment {found:?} does not exist")]
    Unknown {
        /// The name given.
        found: Box<str>,
        /// The segment that it most likely means.
        closest: Option<Box<str>>,
    },
    /// Something refers to it.
    #[error("segment {segment:?} is used by {}", by.join(", "))]
    Used {
        /// Its name.
        segment: Box<str>,
        /// The flags and segments that refer to it.
        by: Vec<Box<str>>,
    },
}

impl Failure for SegmentError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "unknown_segment",
            Self::Used { .. } => "segment_used",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Unknown { closest: Some(closest), .. } => format!("did you mean {closest:?}?"),
            Self::Unknown { closest: None, .. } => "list them: flag-admin segment list".to_owned(),
            Self::Used { .. } => "take it out of those rules first".to_owned(),
        })
    }
}

impl Project {
    /// Returns the segments of an environment in order of their names.
    pub fn segments<'p>(&'p self, environment: &EnvironmentName) -> Result<Vec<SegmentLine<'p>>, UnknownEnvironment> {
        let state = self.environment(environment)?;
        Ok(state.segments.iter().map(|(name, condition)| line(state, name, condition)).collect())
    }

    /// Returns one segment.
    pub fn segment<'p>(&'p self, environment: &EnvironmentName, name: &str) -> Result<SegmentLine<'p>, AppError> {
        let state = self.environment(environment)?;
        let Some((name, condition)) = state.segments.get_key_value(name) else {
            let closest = nearest(name, state.segments.keys().map(|name| &**name)).map(Into::into);
            return Err(SegmentError::Unknown { found: name.into(), closest }.into());
        };
        Ok(line(state, name, condition))
    }

    /// Works out what making or editing a segment does.
    pub fn propose_segment(
        &self,
        environment: &EnvironmentName,
        name: &str,
        condition: Condition,
    ) -> Result<Proposal, AppError> {
        let is_so = self.environment(environment)?.segments.get(name) == Some(&condition);
        let change = Change::SegmentSet { name: name.into(), condition };
        self.propose(environment, if is_so { Vec::new() } else { vec![change] })
    }

    /// Works out what removing a segment does. Nothing may refer to it.
    pub fn propose_segment_removal(&self, environment: &EnvironmentName, name: &str) -> Result<Proposal, AppError> {
        let SegmentLine { segment, flags, segments, .. } = self.segment(environment, name)?;
        let flags = flags.into_iter().map(|flag| format!("flag {flag}"));
        let by: Vec<Box<str>> =
            flags.chain(segments.into_iter().map(|name| format!("segment {name}"))).map(Into::into).collect();
        if !by.is_empty() {
            return Err(SegmentError::Used { segment: segment.into(), by }.into());
        }
        self.propose(environment, vec![Change::SegmentRemoved { name: segment.into() }])
    }
}

fn line<'p>(state: &'p EnvironmentState, name: &'p str, condition: &'p Condition) -> SegmentLine<'p> {
    let names = |condition: &Condition| segment_names(condition).contains(&name);
    let flags = state.flags.iter().filter(|(_, flag)| flag.definition.flag.rules.iter().any(|rule| names(&rule.when)));
    let segments = state.segments.iter().filter(|(_, condition)| names(condition));
    SegmentLine {
        segment: name,
        condition,
        flags: flags.map(|(key, _)| key.as_str()).collect(),
        segments: segments.map(|(name, _)| &**name).collect(),
    }
}
