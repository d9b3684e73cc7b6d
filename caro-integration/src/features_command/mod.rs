mod choose;
mod error;
mod feedback;
mod kill_switch;
mod list;
mod report;
mod reset;
mod suggestion;
mod sync;
mod table;
mod why;
pub(crate) mod words;

use std::io::{self, Write};

use clap::{Args, Subcommand};
use flag_client::{Feedback, ResetScope};
use serde::Serialize;

pub use self::error::CommandError;
use self::feedback::Note;
use crate::Features;

/// `caro features ...`
///
/// Mount it under `features` in the host's command tree and [`run`](Self::run) it.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum FeaturesCommand {
    /// Show every feature, its state, and what you may change
    #[command(
        alias = "ls",
        after_help = "\
Examples:
  caro features list
  caro features list --json"
    )]
    List {
        /// How the answer is written.
        #[command(flatten)]
        output: Output,
    },
    /// Turn a feature on for yourself, or opt into its rollout
    #[command(after_help = "\
Examples:
  caro features enable telemetry_cloud_sync
  caro features enable command_history --json")]
    Enable {
        /// The feature, as `caro features list` names it
        #[arg(value_name = "FEATURE")]
        feature: String,
        /// How the answer is written.
        #[command(flatten)]
        output: Output,
    },
    /// Turn a feature off for yourself
    #[command(after_help = "\
Examples:
  caro features disable telemetry_cloud_sync")]
    Disable {
        /// The feature, as `caro features list` names it
        #[arg(value_name = "FEATURE")]
        feature: String,
        /// How the answer is written.
        #[command(flatten)]
        output: Output,
    },
    /// Forget what you chose, for all features or for one
    #[command(after_help = "\
Examples:
  caro features reset                       Forget every choice
  caro features reset telemetry_cloud_sync  Forget this one
  caro features reset --kills               Also turn your kill switches off
  caro features reset --id                  Also draw a new install id")]
    Reset {
        /// The feature; all of them if none is given
        #[arg(value_name = "FEATURE")]
        feature: Option<String>,
        /// Also turn off the kill switches that you turned on
        #[arg(long)]
        kills: bool,
        /// Also draw a new random install id: your place in rollouts moves
        #[arg(long)]
        id: bool,
        /// How the answer is written.
        #[command(flatten)]
        output: Output,
    },
    /// Tell why a feature is on or off
    #[command(after_help = "\
Examples:
  caro features why telemetry_cloud_sync
  caro features why mlx_backend --json")]
    Why {
        /// The feature, as `caro features list` names it
        #[arg(value_name = "FEATURE")]
        feature: String,
        /// How the answer is written.
        #[command(flatten)]
        output: Output,
    },
    /// Show the kill switches, or turn one on or off
    #[command(aliases = ["kill-switches", "killswitch"], after_help = "\
Examples:
  caro features kill-switch                               Show them
  caro features kill-switch --enable telemetry_disabled   No more telemetry
  caro features kill-switch --disable telemetry_disabled  Back to normal")]
    KillSwitch {
        /// Turn this one on: what it names stops working
        #[arg(long, value_name = "NAME")]
        enable: Option<String>,
        /// Turn this one off
        #[arg(long, value_name = "NAME", conflicts_with = "enable")]
        disable: Option<String>,
        /// How the answer is written.
        #[command(flatten)]
        output: Output,
    },
    /// Say whether a feature works for you
    #[command(after_help = "\
Examples:
  caro features feedback command_history --good
  caro features feedback enhanced_safety_v2 --bad --note")]
    Feedback {
        /// The feature, as `caro features list` names it
        #[arg(value_name = "FEATURE")]
        feature: String,
        /// What you say.
        #[command(flatten)]
        verdict: Verdict,
        /// Also show where to write to: reports hold no words
        #[arg(long)]
        note: bool,
        /// How the answer is written.
        #[command(flatten)]
        output: Output,
    },
    /// Show, send or remove the anonymous reports that wait
    #[command(after_help = "\
Examples:
  caro features report          How many there are
  caro features report --show   Every byte of them
  caro features report --send   Send them now, if you agreed to that
  caro features report --clear  Remove them, and what others would be made of")]
    Report {
        /// What to do with them.
        #[command(flatten)]
        action: ReportAction,
        /// How the answer is written.
        #[command(flatten)]
        output: Output,
    },
    /// Fetch what is newly published, and show what it changes
    #[command(after_help = "\
Examples:
  caro features sync
  caro features sync --json")]
    Sync {
        /// How the answer is written.
        #[command(flatten)]
        output: Output,
    },
}

/// `caro config feature ...`: another way to say `caro features enable` and `caro features disable`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(
    about = "Turn a feature on or off for yourself",
    after_help = "\
Examples:
  caro config feature --enable telemetry_cloud_sync
  caro config feature --disable telemetry_cloud_sync"
)]
pub struct ConfigFeatureCommand {
    #[command(flatten)]
    choice: ConfigChoice,
    #[command(flatten)]
    output: Output,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
struct ConfigChoice {
    /// Turn this feature on, or opt into its rollout
    #[arg(long, value_name = "FEATURE")]
    enable: Option<String>,
    /// Turn this feature off
    #[arg(long, value_name = "FEATURE")]
    disable: Option<String>,
}

/// Whether a feature works for the user.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
pub struct Verdict {
    /// It works for you
    #[arg(long)]
    pub good: bool,
    /// It does not
    #[arg(long)]
    pub bad: bool,
}

impl Verdict {
    const fn feedback(self) -> Feedback {
        if self.bad { Feedback::Bad } else { Feedback::Good }
    }
}

/// What to do with the reports that wait; none of it is to count them.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Args)]
#[group(multiple = false)]
pub struct ReportAction {
    /// Show the exact bytes that would be sent
    #[arg(long)]
    pub show: bool,
    /// Send them
    #[arg(long)]
    pub send: bool,
    /// Remove them, and everything recorded for others
    #[arg(long)]
    pub clear: bool,
}

/// How a command writes what it has to say.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Output {
    /// Write JSON instead of text
    #[arg(long)]
    pub json: bool,
}

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
        let (answer, output) = match self {
            Self::List { output } => (list::answer(features)?, output),
            Self::Enable { feature, output } => (choose::enable(features, feature)?, output),
            Self::Disable { feature, output } => (choose::disable(features, feature)?, output),
            Self::Reset { feature, kills, id, output } => {
                (reset::answer(features, feature.as_deref(), ResetScope { kills: *kills, id: *id })?, output)
            }
            Self::Why { feature, output } => (why::answer(features, feature)?, output),
            Self::KillSwitch { enable: Some(name), output, .. } => (kill_switch::turn_on(features, name)?, output),
            Self::KillSwitch { disable: Some(name), output, .. } => (kill_switch::turn_off(features, name)?, output),
            Self::KillSwitch { output, .. } => (kill_switch::list(features)?, output),
            Self::Feedback { feature, verdict, note, output } => {
                let note = if *note { Note::Shown } else { Note::OnlyIfNeeded };
                (feedback::answer(features, feature, verdict.feedback(), note)?, output)
            }
            Self::Report { action: ReportAction { show: true, .. }, output } => (report::show(features)?, output),
            Self::Report { action: ReportAction { send: true, .. }, output } => (report::send(features)?, output),
            Self::Report { action: ReportAction { clear: true, .. }, output } => (report::clear(features)?, output),
            Self::Report { output, .. } => (report::summary(features)?, output),
            Self::Sync { output } => (sync::answer(features)?, output),
        };
        answer.write(*output, out)
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
