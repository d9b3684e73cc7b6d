//! The program's own commands, and those of features, mounted and asked as caro does it.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use caro_integration::{ConfigFeatureCommand, FeaturesCommand, Host, HostPaths, KillSwitches, init, select_backend};
use clap::Parser;

use crate::program;

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
    Features(FeaturesCommand),
    /// Turns a feature on or off
    Feature(ConfigFeatureCommand),
}

pub(crate) fn run(paths: HostPaths, host: Host) -> Result<(), Box<dyn Error>> {
    let features = init(paths, host);
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
