mod arguments;
mod choose;
mod error;
mod feedback;
mod kill_switch;
mod list;
mod report;
mod reset;
mod suggestion;
mod sync;
#[cfg(feature = "remote")]
mod sync_hint;
mod table;
mod why;
pub(crate) mod words;

use std::io::{self, Write};

use flag_client::ResetScope;
use serde::Serialize;

use self::arguments::ConfigChoice;
pub use self::arguments::{ConfigFeatureCommand, FeaturesAction, FeaturesCommand, Output, ReportAction, Verdict};
pub use self::error::CommandError;
use self::feedback::Note;
use self::why::Depth;
use crate::Features;

/// What a command came to.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It showed something and changed nothing.
    Shown,
    /// It changed a file.
    Changed,
    /// There was nothing to change: it is as it should be already.
    Unchanged,
}

impl FeaturesCommand {
    /// Runs the command and writes its answer to `out`.
    ///
    /// It never ends the process. A reader that went away is no error; what was to be changed is changed all the same.
    pub fn run(&self, features: &Features, out: &mut dyn Write) -> Result<Outcome, CommandError> {
        let answer = match &self.action {
            None => list::answer(features)?,
            Some(action) => action.answer(features)?,
        };
        answer.write(self.output, out)
    }
}

impl FeaturesAction {
    fn answer(&self, features: &Features) -> Result<Answer, CommandError> {
        match self {
            Self::List => list::answer(features),
            Self::Enable { feature } => choose::enable(features, feature),
            Self::Disable { feature } => choose::disable(features, feature),
            Self::Reset { feature, kills, id } => {
                reset::answer(features, feature.as_deref(), ResetScope { kills: *kills, id: *id })
            }
            Self::Why { feature, verbose } => {
                let depth = if *verbose { Depth::EveryStep } else { Depth::WhatCounts };
                why::answer(features, feature, depth)
            }
            Self::KillSwitch { enable: Some(name), .. } => kill_switch::turn_on(features, name),
            Self::KillSwitch { disable: Some(name), .. } => kill_switch::turn_off(features, name),
            Self::KillSwitch { name: Some(name), .. } => kill_switch::show(features, name),
            Self::KillSwitch { .. } => kill_switch::list(features),
            Self::Feedback { feature, verdict, note } => {
                let note = if *note { Note::Shown } else { Note::OnlyIfNeeded };
                feedback::answer(features, feature, verdict.feedback(), note)
            }
            Self::Report { action: ReportAction { show: true, .. } } => report::show(features),
            Self::Report { action: ReportAction { send: true, .. } } => report::send(features),
            Self::Report { action: ReportAction { clear: true, .. } } => report::clear(features),
            Self::Report { .. } => report::summary(features),
            Self::Sync => sync::answer(features),
        }
    }
}

impl ConfigFeatureCommand {
    /// Runs the command and writes its answer to `out`, as [`FeaturesCommand::run`] does.
    pub fn run(&self, features: &Features, out: &mut dyn Write) -> Result<Outcome, CommandError> {
        let answer = match &self.choice {
            ConfigChoice { enable: Some(feature), .. } => choose::enable(features, feature)?,
            ConfigChoice { disable: Some(feature), .. } => choose::disable(features, feature)?,
            ConfigChoice { .. } => list::answer(features)?,
        };
        answer.write(self.output, out)
    }
}

/// What a command has to say, in both forms.
struct Answer {
    outcome: Outcome,
    text: String,
    json: String,
}

impl Answer {
    fn new(outcome: Outcome, text: String, json: &impl Serialize) -> Result<Self, CommandError> {
        let json = serde_json::to_string_pretty(json).map_err(CommandError::Json)?;
        Ok(Self { outcome, text, json })
    }

    fn write(&self, output: Output, out: &mut dyn Write) -> Result<Outcome, CommandError> {
        let text = if output.json { &format!("{}\n", self.json) } else { &self.text };
        // Written at once, so that a reader who closes early cannot cut it in the middle of a line.
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(CommandError::Write(error)),
            _ => Ok(self.outcome),
        }
    }
}
