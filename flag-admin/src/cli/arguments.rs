use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell as CompletionShell;
use flag_core::{Share, Timestamp, Value};

use super::attribute::parse_attribute;
use super::dashboard::DashboardArguments;
use super::demo::DemoArguments;
use crate::log::{Actor, EnvironmentName, ProjectName};

/// Feature flags and progressive rollouts: edit, plan, publish, explain.
#[derive(Debug, Parser)]
#[command(name = "flag-admin", version, propagate_version = true)]
#[command(after_help = "\
Examples:
  flag-admin init ./flags --project caro
  flag-admin -C ./flags apply -f flags.toml
  flag-admin -C ./flags rollout set telemetry_cloud_sync 50%
  flag-admin -C ./flags publish --to ./public

Exit codes: 0 done, 1 refused or failed, 2 usage.")]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) globals: Globals,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub(super) struct Globals {
    /// The project's folder, or one below it
    #[arg(short = 'C', long = "directory", value_name = "DIR", default_value = ".", global = true)]
    pub(super) directory: PathBuf,
    /// Who makes the change, for the log
    #[arg(long = "as", value_name = "NAME", global = true)]
    pub(super) actor: Option<Actor>,
    /// The environment [default: that of flag-admin.toml]
    #[arg(long = "env", value_name = "NAME", global = true)]
    pub(super) environment: Option<EnvironmentName>,
    /// Do not ask before a change
    #[arg(short, long, global = true)]
    pub(super) yes: bool,
    /// Print JSON: one object or array, errors too
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub(super) color: ColorChoice,
}

/// When to use colours.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show the dashboard, as the program does without a command
    #[command(
        after_help = "Examples:\n  flag-admin\n  flag-admin -C ./flags dashboard --to ./public\n  NO_COLOR=1 flag-admin dashboard --ascii"
    )]
    Dashboard(DashboardArguments),
    /// Make a sample project, walk through a rollout and a kill, and show what simulated users get
    #[command(
        after_help = "Examples:\n  flag-admin demo\n  flag-admin demo ./sample --units 100000\n  flag-admin demo --json | jq .flags"
    )]
    Demo(DemoArguments),
    /// Make a project: log, keys and root
    #[command(
        after_help = "Examples:\n  flag-admin init ./flags\n  flag-admin init ./flags --project caro --environments production,staging"
    )]
    Init(InitArguments),
    /// Make an environment what a file of definitions says, after showing what that does
    #[command(
        after_help = "Examples:\n  flag-admin apply -f flags.toml\n  flag-admin apply -f flags.toml --prune --yes --reason \"spring cleaning\"\n  flag-admin export | flag-admin apply -f - --dry-run"
    )]
    Apply(ApplyArguments),
    /// Show what applying a file would do: who gains, loses or moves
    #[command(after_help = "Examples:\n  flag-admin plan -f flags.toml\n  flag-admin plan -f flags.toml --json")]
    Plan(PlanArguments),
    /// List, show and switch flags
    #[command(subcommand)]
    Flag(FlagCommand),
    /// Change rollouts
    #[command(subcommand)]
    Rollout(RolloutCommand),
    /// Tell what a flag comes to for a unit, and why
    #[command(
        after_help = "Examples:\n  flag-admin why mlx_backend --unit install-7 --attr os=macos --attr arch=aarch64\n  flag-admin why telemetry_cloud_sync --unit install-7 --opted-in --json\n  flag-admin why enhanced_safety_v2 --units ids.txt | jq -r .variant | sort | uniq -c"
    )]
    Why(WhyArguments),
    /// Sign a snapshot and write it where clients fetch it
    #[command(
        after_help = "Examples:\n  flag-admin publish --to ./public\n  flag-admin publish --to /srv/flags/staging --env staging"
    )]
    Publish(PublishArguments),
    /// Verify a published snapshot as a client does
    #[command(
        after_help = "Examples:\n  flag-admin verify ./public/v1/snapshot.json\n  flag-admin verify ./public/v1/snapshot.json --root ./root-1.json --env production"
    )]
    Verify(VerifyArguments),
    /// Turn a flag or capability off, stronger than everything
    #[command(
        after_help = "Examples:\n  flag-admin kill llm_backends --reason \"quality incident 12\"\n  flag-admin kill telemetry --reason \"privacy incident\" --to ./public"
    )]
    Kill(KillArguments),
    /// Lift the kill of a flag or capability
    #[command(after_help = "Example:\n  flag-admin unkill llm_backends --reason \"fixed in 1.2.1\"")]
    Unkill(UnkillArguments),
    /// List the kills that stand
    #[command(after_help = "Example:\n  flag-admin kills --json")]
    Kills,
    /// Tell what changed, oldest first
    #[command(after_help = "Examples:\n  flag-admin log --limit 20\n  flag-admin log --env production --json")]
    Log(LogArguments),
    /// Read the log, or prove it
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Print the definitions in force; applying them changes nothing
    #[command(after_help = "Example:\n  flag-admin export > flags.toml")]
    Export,
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  flag-admin completions bash > ~/.local/share/bash-completion/completions/flag-admin"
    )]
    Completions {
        /// The shell
        shell: CompletionShell,
    },
}

#[derive(Debug, Args)]
pub(super) struct InitArguments {
    /// A folder that is empty or not there yet
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
    /// The project's name [default: the folder's]
    #[arg(long, value_name = "NAME")]
    pub(super) project: Option<ProjectName>,
    /// The environments; the first is the default one
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_value = "production")]
    pub(super) environments: Vec<EnvironmentName>,
}

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    /// The file of definitions; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub(super) file: PathBuf,
    /// Archive what the file does not name
    #[arg(long)]
    pub(super) prune: bool,
}

#[derive(Debug, Args)]
pub(super) struct ApplyArguments {
    #[command(flatten)]
    pub(super) plan: PlanArguments,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

/// What every planned change takes.
#[derive(Debug, Args)]
pub(super) struct ChangeArguments {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum FlagCommand {
    /// List the flags
    #[command(
        after_help = "Example:\n  flag-admin flag list --json | jq -r '.[] | select(.phase == \"rolling\") | .flag'"
    )]
    List,
    /// Show everything about a flag
    #[command(after_help = "Example:\n  flag-admin flag show telemetry_cloud_sync")]
    Show {
        /// The flag
        key: String,
    },
    /// Let a flag's rules and rollout decide
    #[command(after_help = "Example:\n  flag-admin flag enable telemetry_cloud_sync")]
    Enable(SwitchArguments),
    /// Serve a flag's off variant to everyone
    #[command(after_help = "Example:\n  flag-admin flag disable telemetry_cloud_sync --yes --reason \"error rate\"")]
    Disable(SwitchArguments),
}

#[derive(Debug, Args)]
pub(super) struct SwitchArguments {
    /// The flag
    pub(super) key: String,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Subcommand)]
pub(super) enum RolloutCommand {
    /// Set the share of units that a flag exposes, after showing who gains and who loses
    #[command(
        after_help = "Examples:\n  flag-admin rollout set telemetry_cloud_sync 50%\n  flag-admin rollout set command_history 0.5% --rule staff --dry-run"
    )]
    Set(RolloutArguments),
}

#[derive(Debug, Args)]
pub(super) struct RolloutArguments {
    /// The flag
    pub(super) flag: String,
    /// The share: a percentage with up to three decimals
    #[arg(allow_hyphen_values = true)]
    pub(super) share: Share,
    /// The rule whose share is set, rather than the fallthrough's
    #[arg(long, value_name = "ID")]
    pub(super) rule: Option<String>,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct WhyArguments {
    /// The flag
    pub(super) flag: String,
    /// The unit's id; nobody in particular where absent
    #[arg(long, value_name = "ID", conflicts_with = "units")]
    pub(super) unit: Option<String>,
    /// A file of unit ids, one a line; - reads standard input. Prints one JSON object a line, with --json the whole explanation
    #[arg(long, value_name = "FILE")]
    pub(super) units: Option<PathBuf>,
    /// An attribute: NAME=VALUE, where true, 5 and "x" are JSON and all else is text; NAME:=JSON for any JSON
    #[arg(long = "attr", value_name = "NAME=VALUE", value_parser = parse_attribute)]
    pub(super) attributes: Vec<(String, Value)>,
    /// The time, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    pub(super) at: Option<Timestamp>,
    /// Take the unit for one that opted in
    #[arg(long)]
    pub(super) opted_in: bool,
}

#[derive(Debug, Args)]
pub(super) struct PublishArguments {
    /// The folder that clients fetch from
    #[arg(long = "to", value_name = "DIR")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// The snapshot's file
    pub(super) snapshot: PathBuf,
    /// The root that the application ships [default: the project's first]
    #[arg(long, value_name = "FILE")]
    pub(super) root: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct KillArguments {
    /// The flag or capability
    pub(super) target: String,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    /// Kill it even if it is no flag of this environment
    #[arg(long)]
    pub(super) unlisted: bool,
    /// Publish it there at once, signed by the emergency key
    #[arg(long = "to", value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct UnkillArguments {
    /// The flag or capability
    pub(super) target: String,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Args)]
pub(super) struct LogArguments {
    /// Only the last so many changes
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// The same as `flag-admin log`
    #[command(after_help = "Example:\n  flag-admin audit log --limit 20")]
    Log(LogArguments),
    /// Prove every entry of the log, and name the first bad one
    #[command(
        after_help = "Examples:\n  flag-admin audit verify\n  flag-admin audit verify --against ./public/v1/snapshot.json"
    )]
    Verify {
        /// A published snapshot: the log must still hold the very change it was made from
        #[arg(long, value_name = "SNAPSHOT")]
        against: Option<PathBuf>,
    },
}
