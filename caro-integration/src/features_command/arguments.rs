//! What users type.

use clap::{Args, Subcommand};
use flag_client::Feedback;

/// `caro features ...`; without more it lists the features.
///
/// Mount it under `features` in the host's command tree and [`run`](Self::run) it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(
    about = "List features, and turn them on and off",
    after_help = "\
Examples:
  caro features
  caro features enable telemetry_cloud_sync
  caro features why telemetry_cloud_sync"
)]
pub struct FeaturesCommand {
    /// What to do; to list the features where nothing is given.
    #[command(subcommand)]
    pub action: Option<FeaturesAction>,
    /// How the answer is written.
    #[command(flatten)]
    pub output: Output,
}

/// What to do about features.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
#[non_exhaustive]
pub enum FeaturesAction {
    /// Show every feature, its state, and what you may change
    #[command(
        alias = "ls",
        after_help = "\
Examples:
  caro features list
  caro features list --json"
    )]
    List,
    /// Turn a feature on for yourself, or opt into its rollout
    #[command(after_help = "\
Examples:
  caro features enable telemetry_cloud_sync
  caro features enable command_history --json")]
    Enable {
        /// The feature, as `caro features list` names it
        #[arg(value_name = "FEATURE")]
        feature: String,
    },
    /// Turn a feature off for yourself
    #[command(after_help = "\
Examples:
  caro features disable telemetry_cloud_sync")]
    Disable {
        /// The feature, as `caro features list` names it
        #[arg(value_name = "FEATURE")]
        feature: String,
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
    },
    /// Tell why a feature is on or off
    #[command(after_help = "\
Examples:
  caro features why telemetry_cloud_sync
  caro features why telemetry_cloud_sync --verbose
  caro features why mlx_backend --json")]
    Why {
        /// The feature or kill switch, as the lists name it
        #[arg(value_name = "FEATURE")]
        feature: String,
        /// Also show every step that was taken to decide
        #[arg(long)]
        verbose: bool,
    },
    /// Show the kill switches, or turn one on or off
    #[command(aliases = ["kill-switches", "killswitch"], after_help = "\
Examples:
  caro features kill-switch                               Show them
  caro features kill-switch telemetry                     What this one does
  caro features kill-switch --enable telemetry_disabled   No more telemetry
  caro features kill-switch --disable telemetry_disabled  Back to normal")]
    KillSwitch {
        /// Tell about this one; all of them if none is given
        #[arg(value_name = "NAME", conflicts_with_all = ["enable", "disable"])]
        name: Option<String>,
        /// Turn this one on: what it names stops working
        #[arg(long, value_name = "NAME")]
        enable: Option<String>,
        /// Turn this one off
        #[arg(long, value_name = "NAME", conflicts_with = "enable")]
        disable: Option<String>,
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
    },
    #[command(about = REPORT_ABOUT, after_help = REPORT_EXAMPLES)]
    /// The anonymous reports that wait.
    Report {
        /// What to do with them.
        #[command(flatten)]
        action: ReportAction,
    },
    /// Fetch what is newly published, and show what it changes
    #[command(
        // A build that uses no network says so to whoever asks, and offers nothing.
        hide = cfg!(not(feature = "remote")),
        after_help = "\
Examples:
  caro features sync
  caro features sync --json"
    )]
    Sync,
}

#[cfg(feature = "remote")]
const REPORT_ABOUT: &str = "Show, send or remove the anonymous reports that wait";
#[cfg(not(feature = "remote"))]
const REPORT_ABOUT: &str = "Show or remove the anonymous reports that wait";

#[cfg(feature = "remote")]
const REPORT_EXAMPLES: &str = "\
Examples:
  caro features report          How many there are
  caro features report --show   Every byte of them
  caro features report --send   Send them now, if you agreed to that
  caro features report --clear  Remove them, and what others would be made of";
#[cfg(not(feature = "remote"))]
const REPORT_EXAMPLES: &str = "\
Examples:
  caro features report          How many there are
  caro features report --show   Every byte of them
  caro features report --clear  Remove them, and what others would be made of";

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
    pub(super) choice: ConfigChoice,
    /// How the answer is written.
    #[command(flatten)]
    pub output: Output,
}

#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[group(required = true, multiple = false)]
pub(super) struct ConfigChoice {
    /// Turn this feature on, or opt into its rollout
    #[arg(long, value_name = "FEATURE")]
    pub(super) enable: Option<String>,
    /// Turn this feature off
    #[arg(long, value_name = "FEATURE")]
    pub(super) disable: Option<String>,
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
    pub(super) const fn feedback(self) -> Feedback {
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
    #[arg(long, hide = cfg!(not(feature = "remote")))]
    pub send: bool,
    /// Remove them, and everything recorded for others
    #[arg(long)]
    pub clear: bool,
}

/// How a command writes what it has to say.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Output {
    /// Write JSON instead of text
    #[arg(long, global = true)]
    pub json: bool,
}
