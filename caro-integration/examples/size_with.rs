//! The program of `size_without` with feature flags, mounted and asked as caro does it.

#[path = "size/program.rs"]
mod program;

use std::error::Error;
use std::io;
use std::path::PathBuf;

use caro_integration::{ConfigFeatureCommand, FeaturesCommand, Host, HostPaths, KillSwitches, init, select_backend};
use clap::Parser;

/// Shows a configuration, checks a command, and manages features.
#[derive(Parser)]
enum Program {
    /// Shows a configuration
    Show {
        /// The configuration file
        config: PathBuf,
    },
    /// Checks cached models
    Verify {
        /// Their folder
        folder: PathBuf,
    },
    /// Checks a command
    Check {
        /// The command
        command: String,
    },
    /// Lists features, and turns them on and off
    #[command(subcommand)]
    Features(FeaturesCommand),
    /// Turns a feature on or off
    Feature(ConfigFeatureCommand),
}

fn main() -> Result<(), Box<dyn Error>> {
    let features = init(HostPaths::of_user()?, Host::new(env!("CARGO_PKG_VERSION")));
    match Program::parse() {
        Program::Show { config } => program::show(&config)?,
        Program::Verify { folder } => program::verify(&folder)?,
        Program::Check { command } => {
            let kills = KillSwitches::load(features);
            if program::check(&command)? || kills.command_execution_disabled {
                return Err(
                    format!("the command is blocked ({})", select_backend(features, features.platform())).into()
                );
            }
        }
        Program::Features(command) => {
            command.run(features, &mut io::stdout()).map_err(|error| error.with_hint())?;
        }
        Program::Feature(command) => {
            command.run(features, &mut io::stdout()).map_err(|error| error.with_hint())?;
        }
    }
    Ok(())
}
