//! The `flag-admin` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    flag_admin::cli::main()
}
