use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell as CompletionShell;
use flag_core::{Share, Timestamp, Value};

use super::adopt_kills::AdoptKillsArguments;
use super::alert::AlertCommand;
use super::attribute::parse_attribute;
use super::codegen::CodegenArguments;
use super::dashboard::DashboardArguments;
use super::demo::DemoArguments;
use super::docs::DocsArguments;
use super::environment::EnvironmentCommand;
use super::experiment::ExperimentCommand;
use super::flag::ListArguments;
use super::group::GroupCommand;
use super::interop::{ExportArguments, ImportCommand};
use super::key::KeyCommand;
use super::kill::{KillArguments, UnkillArguments};
use super::lifecycle::{
    ArchiveArguments, CloneArguments, CopyArguments, EditArguments, NewArguments, PromoteArguments, RenameArguments,
};
use super::lint::LintArguments;
use super::manual::ManArguments;
use super::publish::PublishArguments;
use super::refs::RefsArguments;
use super::rollouts::RolloutCommand;
use super::root::RootCommand;
use super::segment::SegmentCommand;
use super::serve::ServeArguments;
use super::signal::SignalCommand;
use super::simulate::SimulateArguments;
use super::stale::StaleArguments;
use super::token::TokenCommand;
use crate::adapters::StoreUrl;
use crate::app::Moment;
use crate::log::{Actor, EnvironmentName, ProjectName, Role};

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
    /// Where the log is kept, such as postgres://alice@localhost/flags [default: that of flag-admin.toml]
    #[arg(long, value_name = "URL", global = true)]
    pub(super) store: Option<StoreUrl>,
    /// A server that holds the project, such as https://flags.example; its token is taken from FLAG_ADMIN_TOKEN
    #[arg(long, value_name = "URL", global = true, conflicts_with = "store")]
    pub(super) server: Option<String>,
    /// A file that holds the token for the server
    #[arg(long, value_name = "FILE", global = true, requires = "server")]
    pub(super) token_file: Option<PathBuf>,
    /// Work on your draft: changes are added to it, and what is shown is as if it were applied
    #[arg(long, global = true)]
    pub(super) draft: bool,
    /// A file that holds the passphrase of encrypted keys [default: FLAG_PASSPHRASE, else asked on the terminal]
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) passphrase_file: Option<PathBuf>,
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
    /// Make an environment what a file of definitions says, or apply your draft, after showing what that does
    #[command(
        after_help = "Examples:\n  flag-admin apply -f flags.toml\n  flag-admin apply -f flags.toml --prune --yes --reason \"spring cleaning\"\n  flag-admin export | flag-admin apply -f - --dry-run\n  flag-admin apply --draft\n\nWith -f and --draft the file's changes are added to the draft."
    )]
    Apply(ApplyArguments),
    /// Show what applying a file, or your draft, would do: who gains, loses or moves
    #[command(
        after_help = "Examples:\n  flag-admin plan -f flags.toml\n  flag-admin plan -f flags.toml --markdown > plan.md\n  flag-admin plan -f flags.toml --exit-code --max-lose 5% --refuse-reshuffle\n  flag-admin plan --draft --profile population.toml\n\nExit codes: 0 planned, 1 refused or failed, 2 usage; with --exit-code 3 where something would change."
    )]
    Plan(PlanArguments),
    /// List, show and switch flags
    #[command(
        subcommand,
        after_help = "Examples:\n  flag-admin flag list --stage beta\n  flag-admin flag show telemetry_cloud_sync\n  flag-admin flag promote history_search --dry-run"
    )]
    Flag(FlagCommand),
    /// List, set and remove named conditions
    #[command(subcommand, after_help = "Examples:\n  flag-admin segment list\n  flag-admin segment show team")]
    Segment(SegmentCommand),
    /// Keep flags apart: no unit is in two flags of a group
    #[command(subcommand, after_help = "Examples:\n  flag-admin group list\n  flag-admin group show checkout")]
    Group(GroupCommand),
    /// List and make environments
    #[command(
        subcommand,
        name = "env",
        after_help = "Examples:\n  flag-admin env list\n  flag-admin env new staging --from production"
    )]
    Environment(EnvironmentCommand),
    /// Change rollouts, by hand or by their gates
    #[command(subcommand, after_help = "Example:\n  flag-admin rollout set telemetry_cloud_sync 50%")]
    Rollout(RolloutCommand),
    /// Play a schedule against a population that does not exist: false alarms, time to detect, people harmed
    #[command(
        after_help = "Examples:\n  flag-admin simulate --users 50000\n  flag-admin simulate --users 50000 --error 10% --html sick.html\n  flag-admin simulate --plan rollout.toml --users 2000 --reporting 10% --json | jq .days_to_complete"
    )]
    Simulate(SimulateArguments),
    /// Signal bugs that stop rollouts
    #[command(subcommand, after_help = "Example:\n  flag-admin signal list")]
    Signal(SignalCommand),
    /// Compare variants, decide, and end experiments
    #[command(subcommand, after_help = "Example:\n  flag-admin experiment analyze command_model_comparison")]
    Experiment(ExperimentCommand),
    /// Tell what a flag comes to for a unit, and why
    #[command(
        after_help = "Examples:\n  flag-admin why mlx_backend --unit install-7 --attr os=macos --attr arch=aarch64\n  flag-admin why telemetry_cloud_sync --unit install-7 --opted-in --json\n  flag-admin why enhanced_safety_v2 --units ids.txt | jq -r .variant | sort | uniq -c"
    )]
    Why(WhyArguments),
    /// Sign a snapshot and write it where clients fetch it
    #[command(
        after_help = "Examples:\n  flag-admin publish --to ./public\n  flag-admin publish --to s3://flags.example/caro --env staging\n  flag-admin publish --refresh --within 7d"
    )]
    Publish(PublishArguments),
    /// Serve what is published, news of it, and its health, over HTTP
    #[command(
        after_help = "Examples:\n  flag-admin serve\n  flag-admin serve --public ./public --listen 127.0.0.1:9000\n  flag-admin serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem\n  flag-admin serve --listen 0.0.0.0:8080 --insecure-http\n\nWhat happens is told on standard error, one JSON object a line. SIGTERM ends it within 5 s, once what is asked is answered."
    )]
    Serve(ServeArguments),
    /// Make, sign, show and install roots, on files: no network is needed
    #[command(
        subcommand,
        after_help = "Examples:\n  flag-admin root show root/1.json\n  flag-admin root sign root-2.json --key alice.pem --from root/1.json"
    )]
    Root(RootCommand),
    /// Take kills that a stolen emergency key signed into the log, so that they can be lifted
    #[command(after_help = "Example:\n  flag-admin adopt-kills found.json --reason \"stolen key\"")]
    AdoptKills(AdoptKillsArguments),
    /// Say what is wrong with keys, clock, roots, snapshots, store and where they are published
    #[command(
        after_help = "Examples:\n  flag-admin doctor\n  flag-admin doctor --json | jq '.findings[] | select(.health == \"error\")'"
    )]
    Doctor,
    /// List, make and encrypt private keys
    #[command(subcommand, after_help = "Examples:\n  flag-admin key list\n  flag-admin key encrypt snapshot")]
    Key(KeyCommand),
    /// Verify a published snapshot as a client does
    #[command(
        after_help = "Examples:\n  flag-admin verify ./public\n  flag-admin verify ./public/v1/snapshot.json\n  flag-admin verify ./public/v1/snapshot.json --root ./root-1.json --env production"
    )]
    Verify(VerifyArguments),
    /// Turn a flag or capability off, stronger than everything
    #[command(
        after_help = "Examples:\n  flag-admin kill llm_backends --reason \"quality incident 12\"\n  flag-admin kill telemetry --reason \"privacy incident\" --to ./public\n  flag-admin kill list\n  flag-admin kill report telemetry > post-mortem.md"
    )]
    Kill(KillArguments),
    /// Lift the kill of a flag or capability
    #[command(after_help = "Example:\n  flag-admin unkill llm_backends --reason \"fixed in 1.2.1\"")]
    Unkill(UnkillArguments),
    /// The same as `flag-admin kill list`
    #[command(after_help = "Example:\n  flag-admin kills --json")]
    Kills,
    /// Tell what changed, oldest first
    #[command(
        after_help = "Examples:\n  flag-admin log --limit 20\n  flag-admin log --env production --json\n  flag-admin log --at 40\n  flag-admin log --at 2026-01-15T14:32:01Z --json"
    )]
    Log(LogArguments),
    /// Take a change back by a new, inverse change, after showing what that does
    #[command(
        after_help = "Examples:\n  flag-admin undo\n  flag-admin undo 14 --yes --reason \"error rate\"\n  flag-admin undo 14 --dry-run"
    )]
    Undo(UndoArguments),
    /// Gather changes, to look at and apply together; every changing command adds to it with --draft
    #[command(
        subcommand,
        after_help = "Examples:\n  flag-admin rollout set command_history 5% --draft\n  flag-admin draft show\n  flag-admin apply --draft"
    )]
    Draft(DraftCommand),
    /// Approve changes that somebody else asked for
    #[command(
        after_help = "Examples:\n  flag-admin approve --list\n  flag-admin approve 17\n  flag-admin approve --require 1"
    )]
    Approve(ApproveArguments),
    /// Turn down changes that somebody asked for, or take back your own
    #[command(after_help = "Example:\n  flag-admin reject 17 --reason \"after the release\"")]
    Reject(RejectArguments),
    /// Say who may change what
    #[command(
        subcommand,
        after_help = "Examples:\n  flag-admin member list\n  flag-admin member add bob engineering_lead"
    )]
    Member(MemberCommand),
    /// Say where alerts go: of kills, kills of more than a day, lifted kills, rollouts that stop
    #[command(subcommand, after_help = "Example:\n  flag-admin alert list")]
    Alert(AlertCommand),
    /// Issue, list and revoke the tokens that the server is used with
    #[command(subcommand, after_help = "Example:\n  flag-admin token list")]
    Token(TokenCommand),
    /// Write the whole project into one file
    #[command(after_help = "Examples:\n  flag-admin backup caro.backup\n  flag-admin backup caro.backup --with-keys")]
    Backup(BackupArguments),
    /// Make a project out of a backup, in a new folder, and in another store if one is named
    #[command(
        after_help = "Examples:\n  flag-admin restore caro.backup ./flags\n  flag-admin restore caro.backup ./flags --store postgres://alice@localhost/flags"
    )]
    Restore(RestoreArguments),
    /// Read the log, or prove it
    #[command(subcommand, after_help = "Example:\n  flag-admin audit verify --against ./public/v1/snapshot.json")]
    Audit(AuditCommand),
    /// Take in another product's flags
    #[command(subcommand, after_help = "Example:\n  flag-admin import flagd flags.flagd.json > flags.toml")]
    Import(ImportCommand),
    /// Print the definitions in force; applying them changes nothing
    #[command(
        after_help = "Examples:\n  flag-admin export > flags.toml\n  flag-admin export flagd > flags.flagd.json\n  flag-admin export flagd --partial"
    )]
    Export(ExportArguments),
    /// Hold the definitions against the rules of good flags; errors are a failure
    #[command(
        after_help = "Examples:\n  flag-admin lint\n  flag-admin lint -f flags.toml --deny warnings\n  flag-admin lint -f flags.toml --sarif > lint.sarif\n  flag-admin lint --explain shadowed-rule"
    )]
    Lint(LintArguments),
    /// List the flags that should go or be looked at, with what to do
    #[command(
        after_help = "Examples:\n  flag-admin stale\n  flag-admin stale --json | jq -r '.[].commit_message'\n  flag-admin stale --at 2026-07-01T00:00:00Z"
    )]
    Stale(StaleArguments),
    /// Tell where Rust code uses the flags
    #[command(
        after_help = "Examples:\n  flag-admin refs --path .\n  flag-admin refs telemetry_cloud_sync --path src\n  flag-admin refs --unknown --path . -f flags.toml"
    )]
    Refs(RefsArguments),
    /// Write the flags as documented constants
    #[command(
        after_help = "Examples:\n  flag-admin codegen --out src/flags.rs\n  flag-admin codegen --out src/flags.rs --check -f flags.toml"
    )]
    Codegen(CodegenArguments),
    /// Write what users read: a README's section on the flags, or what is new
    #[command(
        after_help = "Examples:\n  flag-admin docs >> README.md\n  flag-admin docs --feedback 'GitHub: Open an issue'\n  flag-admin docs --release-notes v3..v4\n  flag-admin docs --release-notes 2026-02-01.. --out NOTES.md"
    )]
    Docs(DocsArguments),
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  flag-admin completions bash > ~/.local/share/bash-completion/completions/flag-admin"
    )]
    Completions {
        /// The shell
        shell: CompletionShell,
    },
    /// Print the manual page, or write one for each command
    #[command(after_help = "Examples:\n  flag-admin man | man -l -\n  flag-admin man --out ~/.local/share/man/man1")]
    Man(ManArguments),
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
    /// Take this signed root as the first, rather than making keys and a root; put the snapshot and kill keys into DIR/keys afterwards
    #[arg(long, value_name = "FILE")]
    pub(super) root: Option<PathBuf>,
}

/// Where the definitions of a plan come from.
#[derive(Debug, Args)]
pub(super) struct FileArguments {
    /// The file of definitions; - reads standard input
    #[arg(short, long, value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// Archive what the file does not name
    #[arg(long, requires = "file")]
    pub(super) prune: bool,
}

#[derive(Debug, Args)]
pub(super) struct PlanArguments {
    #[command(flatten)]
    pub(super) source: FileArguments,
    /// Print Markdown, for a pull request
    #[arg(long, conflicts_with = "json")]
    pub(super) markdown: bool,
    /// Fail if a seed or unit changes, which draws every bucket anew
    #[arg(long)]
    pub(super) refuse_reshuffle: bool,
    /// Fail if more than this share of units may lose a flag
    #[arg(long, value_name = "SHARE")]
    pub(super) max_lose: Option<Share>,
    /// Say how many people that is, by a file that says how many there are and of which kind
    #[arg(long, value_name = "FILE")]
    pub(super) profile: Option<PathBuf>,
    /// Exit with 3 where something would change
    #[arg(long)]
    pub(super) exit_code: bool,
}

#[derive(Debug, Args)]
pub(super) struct ApplyArguments {
    #[command(flatten)]
    pub(super) source: FileArguments,
    /// Put the draft onto the log as it stands first, without the changes that others got in the way of
    #[arg(long, conflicts_with = "file")]
    pub(super) rebase: bool,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Subcommand)]
pub(super) enum DraftCommand {
    /// Begin an empty draft
    #[command(after_help = "Example:\n  flag-admin draft new && flag-admin rollout set command_history 5% --draft")]
    New,
    /// Show what your draft would do, as one
    #[command(after_help = "Examples:\n  flag-admin draft show\n  flag-admin draft show --json")]
    Show,
    /// List everybody's drafts
    #[command(after_help = "Example:\n  flag-admin draft list --json")]
    List,
    /// Put your draft onto the log as it stands, without the changes that others got in the way of
    #[command(after_help = "Example:\n  flag-admin draft rebase")]
    Rebase,
    /// Drop your draft
    #[command(after_help = "Example:\n  flag-admin draft drop")]
    Drop,
}

#[derive(Debug, Args)]
pub(super) struct ApproveArguments {
    /// The request
    #[arg(required_unless_present_any = ["list", "require"])]
    pub(super) request: Option<u64>,
    /// List the requests that wait
    #[arg(long, conflicts_with_all = ["request", "require"])]
    pub(super) list: bool,
    /// Let every change of the environment need so many approvals, 0 or 1
    #[arg(long, value_name = "N", conflicts_with = "request")]
    pub(super) require: Option<u8>,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct RejectArguments {
    /// The request
    pub(super) request: u64,
    /// Why, for the log
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum MemberCommand {
    /// Make somebody a member; with the first one you become one, too
    #[command(
        after_help = "Examples:\n  flag-admin member add bob engineering_lead\n  flag-admin member add eve emergency_responder --yes --reason \"on call\""
    )]
    Add(RoleArguments),
    /// Give a member another role
    #[command(after_help = "Example:\n  flag-admin member role bob engineer")]
    Role(RoleArguments),
    /// Take somebody off the members
    #[command(after_help = "Example:\n  flag-admin member remove bob --reason \"left the team\"")]
    Remove {
        /// Who
        member: Actor,
        #[command(flatten)]
        change: ChangeArguments,
    },
    /// List the members
    #[command(after_help = "Example:\n  flag-admin member list --json")]
    List,
}

#[derive(Debug, Args)]
pub(super) struct RoleArguments {
    /// Who
    pub(super) member: Actor,
    /// release_manager, engineering_lead, engineer or emergency_responder
    pub(super) role: Role,
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
        after_help = "Examples:\n  flag-admin flag list --stage beta --overdue\n  flag-admin flag list --json | jq -r '.[] | select(.phase == \"rolling\") | .flag'"
    )]
    List(ListArguments),
    /// Make a flag, with its documentation; asks for what is missing on a terminal
    #[command(
        aliases = ["add", "create"],
        after_help = "Examples:\n  flag-admin flag new history_search --description \"Search earlier commands\" --expires 2026-08-01 --yes\n  flag-admin flag new model_choice --kind experiment --variants control=small,treatment=large --off-variant control"
    )]
    New(Box<NewArguments>),
    /// Change fields of a flag, or all of it in an editor on a terminal
    #[command(
        after_help = "Examples:\n  flag-admin flag edit history_search --owner @bob --tag search\n  flag-admin flag edit history_search --reviewed --yes\n  EDITOR=nano flag-admin flag edit history_search"
    )]
    Edit(Box<EditArguments>),
    /// Give a flag another key; nobody moves
    #[command(after_help = "Example:\n  flag-admin flag rename history_search command_history_search")]
    Rename(RenameArguments),
    /// Copy a flag under another key, exposing nobody
    #[command(
        after_help = "Examples:\n  flag-admin flag clone enhanced_safety_v2 enhanced_safety_v3\n  flag-admin flag clone enhanced_safety_v2 enhanced_safety_v2_fast --same-cohort"
    )]
    Clone(CloneArguments),
    /// Make flags what they are in another environment
    #[command(
        after_help = "Examples:\n  flag-admin flag copy history_search --from staging --env production\n  flag-admin flag copy --from production --env staging --dry-run"
    )]
    Copy(CopyArguments),
    /// Bring a flag to another stage of its life, where the stage's checks pass; nobody moves
    #[command(
        after_help = "Examples:\n  flag-admin flag promote history_search --dry-run\n  flag-admin flag promote history_search --to beta --force \"release 1.2 is due\"\n  flag-admin flag promote history_search --back --reason \"data loss\""
    )]
    Promote(PromoteArguments),
    /// Take out a flag that is deprecated, or was never exposed
    #[command(after_help = "Example:\n  flag-admin flag archive history_search --yes")]
    Archive(ArchiveArguments),
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
pub(super) struct VerifyArguments {
    /// The snapshot's file, or the folder it is published in
    pub(super) snapshot: PathBuf,
    /// The root that the application ships [default: the project's first]
    #[arg(long, value_name = "FILE")]
    pub(super) root: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct LogArguments {
    /// Only the last so many changes
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<usize>,
    /// Show the flags as they were, after an entry or at a time, rather than the changes
    #[arg(long, value_name = "SEQ|TIME", conflicts_with = "limit")]
    pub(super) at: Option<Moment>,
}

#[derive(Debug, Args)]
pub(super) struct UndoArguments {
    /// The entry to take back [default: the last change of a flag, segment or group]
    pub(super) seq: Option<u64>,
    #[command(flatten)]
    pub(super) change: ChangeArguments,
}

#[derive(Debug, Args)]
pub(super) struct BackupArguments {
    /// A file that is not there yet
    pub(super) file: PathBuf,
    /// Put the private keys into it, not encrypted; the file is its owner's alone
    #[arg(long)]
    pub(super) with_keys: bool,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArguments {
    /// The backup
    pub(super) file: PathBuf,
    /// A folder that is empty or not there yet
    #[arg(value_name = "DIR")]
    pub(super) folder: PathBuf,
}

/// The keys that sign a note.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum NoteKey {
    /// The snapshot key
    #[default]
    Snapshot,
    /// The root key
    Root,
    /// The emergency key
    Kill,
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
        /// A published snapshot, or a note of audit checkpoint: the log must still hold the very change it was made from
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
    },
    /// Sign a note that commits to the log as it stands, to keep where the log's keepers cannot change it
    #[command(
        after_help = "Examples:\n  flag-admin audit checkpoint > note.txt\n  flag-admin audit checkpoint --key root --json"
    )]
    Checkpoint {
        /// Whose key signs it
        #[arg(long, value_name = "ROLE", default_value = "snapshot")]
        key: NoteKey,
    },
}
