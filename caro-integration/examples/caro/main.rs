//! A small caro: what its maintainer adds to the real one, as a program that runs.
//!
//! ```text
//! cargo run -p caro-integration --example caro -- --home somewhere features list
//! cargo run -p caro-integration --example caro -- --home somewhere run list files
//! ```

mod cloud;
mod published;
mod run;
mod safety;
mod telemetry;

use std::error::Error;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use caro_integration::{CommandError, ConfigFeatureCommand, Consent, FeaturesCommand, Host, HostPaths, Output, init};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Turns plain words into a command.
#[derive(Parser)]
#[command(name = "caro", version)]
struct Caro {
    #[command(flatten)]
    trial: TrialArguments,
    #[command(flatten)]
    published: published::PublishedArguments,
    #[command(subcommand)]
    command: Command,
}

/// What a real caro knows without being told. All of it stands before the command, so that no command's help or errors speak of it.
#[derive(Args)]
#[command(next_help_heading = "To try it out")]
struct TrialArguments {
    /// The home folder to use in place of your own
    #[arg(long, value_name = "DIR", env = "CARO_HOME", hide_env = true)]
    home: Option<PathBuf>,
    /// Agree to anonymous reports
    #[arg(long)]
    reports: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Lists features, and turns them on and off
    Features(FeaturesCommand),
    /// Changes the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Turns a prompt into a command
    Run {
        /// What you want, in your own words
        #[arg(required = true)]
        prompt: Vec<String>,
        /// Runs the command at once
        #[arg(long)]
        execute: bool,
        /// Whether the pretended telemetry service can be reached
        #[arg(long, value_enum, default_value_t = CloudState::Up)]
        cloud: CloudState,
    },
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Turns a feature on or off
    Feature(ConfigFeatureCommand),
}

#[derive(Copy, Clone, ValueEnum)]
enum CloudState {
    Up,
    Down,
}

/// Why the program ends with exit code 1.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Paths(#[from] caro_integration::PathsError),
    #[error(transparent)]
    Features(#[from] CommandError),
    #[error(transparent)]
    Run(#[from] run::RunError),
    #[error(transparent)]
    Published(#[from] published::PublishedError),
}

impl Failure {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Features(error) => error.hint(),
            Self::Run(error) => error.hint(),
            Self::Paths(_) | Self::Published(_) => None,
        }
    }
}

impl Command {
    fn output(&self) -> Output {
        match self {
            Self::Features(command) => command.output,
            Self::Config(ConfigCommand::Feature(command)) => command.output,
            Self::Run { .. } => Output::default(),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Caro::parse();
    let output = arguments.command.output();
    let Err(failure) = caro(arguments) else { return ExitCode::SUCCESS };
    let text = match &failure {
        Failure::Features(error) if output.json => error.to_json() + "\n",
        _ => {
            let hint = failure.hint().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
            format!("Error: {}\n{hint}", with_causes(&failure))
        }
    };
    // Where nobody reads the errors either, the exit code has to do.
    let _unread = io::stderr().write_all(text.as_bytes());
    ExitCode::FAILURE
}

fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn caro(arguments: Caro) -> Result<(), Failure> {
    let paths = match arguments.trial.home {
        Some(home) => HostPaths::in_home(&home),
        None => HostPaths::of_user()?,
    };
    let data = paths.state_dir.clone();
    let host = Host::new(env!("CARGO_PKG_VERSION"))
        .feedback_channel("Discord: #feedback channel")
        .feedback_channel("GitHub: an issue with the \"feedback\" label")
        .feedback_channel("Email: feedback@caro.sh");
    let host = host.reports(if arguments.trial.reports { Consent::Given } else { Consent::Withheld });
    let host = arguments.published.apply(host, &paths)?;
    let features = init(paths, host);
    let out = &mut io::stdout().lock();
    match arguments.command {
        Command::Features(command) => command.run(features, out).map(drop)?,
        Command::Config(ConfigCommand::Feature(command)) => command.run(features, out).map(drop)?,
        Command::Run { prompt, execute, cloud } => {
            let execution = if execute { run::Execution::AtOnce } else { run::Execution::OnlyShow };
            let service = cloud::FileCloud::new(data.join("cloud.jsonl"));
            let service: &dyn cloud::Cloud = match cloud {
                CloudState::Up => &service,
                CloudState::Down => &cloud::Unavailable,
            };
            let telemetry = telemetry::Telemetry::new(features, &data, service);
            let run = run::Run { features, telemetry: &telemetry, execution };
            run.prompt(&prompt.join(" "), out, &mut io::stderr())?;
        }
    }
    Ok(())
}
