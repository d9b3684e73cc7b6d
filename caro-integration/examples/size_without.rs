//! A program like caro without feature flags, to compare its size with that of `size_with`.

#[path = "size/program.rs"]
mod program;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;

/// Shows a configuration, and checks a command.
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
}

fn main() -> Result<(), Box<dyn Error>> {
    match Program::parse() {
        Program::Show { config } => program::show(&config),
        Program::Verify { folder } => program::verify(&folder),
        Program::Check { command } if program::check(&command)? => Err("the command is blocked".into()),
        Program::Check { .. } => Ok(()),
    }
}
