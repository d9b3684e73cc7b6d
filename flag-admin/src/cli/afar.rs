//! Which commands are for the machine where the project lies, and not for a server that holds it.

use super::arguments::Command;
use super::audit::AuditCommand;
use super::environment::EnvironmentCommand;
use super::problem::Stop;
use super::rollouts::RolloutCommand;

/// Refuses a command that a server is named for, and that no server is asked to do.
pub(super) fn refuse(command: &Command) -> Result<(), Stop> {
    let Some((name, why, instead)) = local(command) else { return Ok(()) };
    Err(Stop::problem("not_from_afar", format!("{name} is not done from afar: {why}"), Some(instead)))
}

const THERE: &str = "run it where the project lies, without --server";
const HERE: &str = "run it without --server";

/// Returns the name of a command that is done here or there alone, why, and what to do instead.
const fn local(command: &Command) -> Option<(&'static str, &'static str, &'static str)> {
    Some(match command {
        Command::Init(_) => ("init", "it makes a project of a folder", HERE),
        Command::Demo(_) => ("demo", "it makes a project of its own", HERE),
        Command::Restore(_) => ("restore", "it makes a project of a folder", HERE),
        Command::Backup(_) => ("backup", "it copies roots and keys besides the log", THERE),
        Command::Serve(_) => ("serve", "it is the server", THERE),
        Command::Root(_) => ("root", "roots are signed on files, by keys that never travel", HERE),
        Command::Key(_) => ("key", "private keys never travel", THERE),
        Command::AdoptKills(_) => ("adopt-kills", "it looks at the project's own roots", THERE),
        Command::Doctor => ("doctor", "it looks at keys, clock and store", THERE),
        Command::Alert(_) => ("alert", "where alerts go, and their secrets, lie with the project", THERE),
        Command::Audit(AuditCommand::Checkpoint { .. }) => ("audit checkpoint", "it is signed by a private key", THERE),
        Command::Environment(EnvironmentCommand::Set { .. }) => {
            ("env set", "it is a setting of the project's folder", "name the environment with --env NAME")
        }
        Command::Rollout(RolloutCommand::Watch { .. }) => {
            ("rollout watch", "the server watches by itself", "see how they stand: flag-admin rollout status")
        }
        Command::Completions { .. } => ("completions", "it is about this machine's shell", HERE),
        Command::Man(_) => ("man", "it is about this program", HERE),
        Command::Simulate(_) => ("simulate", "it looks at no project", HERE),
        _ => return None,
    })
}
