use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell as CompletionShell;

use super::adopt_kills::AdoptKillsArguments;
use super::alert::AlertCommand;
use super::approve::{ApproveArguments, RejectArguments};
use super::audit::AuditCommand;
use super::backup::{BackupArguments, RestoreArguments};
use super::change::ApplyArguments;
use super::codegen::CodegenArguments;
use super::dashboard::DashboardArguments;
use super::demo::DemoArguments;
use super::docs::DocsArguments;
use super::draft::DraftCommand;
use super::environment::EnvironmentCommand;
use super::experiment::ExperimentCommand;
use super::flag::FlagCommand;
use super::group::GroupCommand;
use super::init::InitArguments;
use super::interop::{ExportArguments, ImportCommand};
use super::key::KeyCommand;
use super::kill::{KillArguments, UnkillArguments};
use super::lint::LintArguments;
use super::log::LogArguments;
use super::manual::ManArguments;
use super::member::MemberCommand;
use super::plan::PlanArguments;
use super::publish::{PublishArguments, VerifyArguments};
use super::refs::RefsArguments;
use super::rollouts::RolloutCommand;
use super::root::RootCommand;
use super::segment::SegmentCommand;
use super::serve::ServeArguments;
use super::signal::SignalCommand;
use super::simulate::SimulateArguments;
use super::stale::StaleArguments;
use super::token::TokenCommand;
use super::undo::UndoArguments;
use super::why::WhyArguments;
use crate::adapters::StoreUrl;
use crate::log::{Actor, EnvironmentName};

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
        after_help = "Examples:\n  flag-admin publish --to ./public\n  flag-admin publish --to ./public --dry-run\n  flag-admin publish --to s3://flags.example/caro --env staging\n  flag-admin publish --refresh --within 7d"
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
    #[command(
        after_help = "Examples:\n  flag-admin adopt-kills found.json --reason \"stolen key\" --dry-run\n  flag-admin adopt-kills found.json --reason \"stolen key\""
    )]
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

/// What changes take that need no plan and no reason: those of files and settings.
#[derive(Copy, Clone, Debug, Args)]
pub(super) struct DryRunArguments {
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(super) dry_run: bool,
}
