//! The environments of a project.

use clap::Subcommand;

use super::arguments::{ChangeArguments, DryRunArguments};
use super::change::carry_out;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal};
use crate::log::EnvironmentName;

#[derive(Debug, Subcommand)]
pub(super) enum EnvironmentCommand {
    /// List the environments
    #[command(after_help = "Example:\n  flag-admin env list --json")]
    List,
    /// Make an environment, empty or as another one is
    #[command(after_help = "Examples:\n  flag-admin env new staging\n  flag-admin env new staging --from production")]
    New {
        /// Its name
        name: EnvironmentName,
        /// The environment whose flags, segments and groups it begins with
        #[arg(long, value_name = "NAME")]
        from: Option<EnvironmentName>,
        #[command(flatten)]
        change: ChangeArguments,
    },
    /// Make an environment the one that commands change where they name none
    #[command(after_help = "Example:\n  flag-admin env set staging")]
    Set {
        /// Its name
        name: EnvironmentName,
        #[command(flatten)]
        how: DryRunArguments,
    },
}

/// Runs a command about environments.
pub(super) fn run(session: &Session, terminal: &mut Terminal<'_>, command: EnvironmentCommand) -> Result<(), Stop> {
    match command {
        EnvironmentCommand::List => list(session, terminal),
        EnvironmentCommand::New { name, from, change } => {
            let mut opened = session.open()?;
            let proposal = opened.project.propose_environment(&name, from.as_ref())?;
            carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
        }
        EnvironmentCommand::Set { name, how: DryRunArguments { dry_run } } => {
            let opened = session.open()?;
            opened.project.environment(&name).map_err(crate::app::AppError::from)?;
            if !dry_run {
                opened.folder.set_environment(&name)?;
            }
            if terminal.form() == Form::Json {
                return terminal.json(&serde_json::json!({ "environment": name, "dry_run": dry_run }));
            }
            if dry_run {
                let before = &opened.folder.settings().environment;
                return terminal
                    .line(format_args!("commands that name no environment would change {name}, not {before}"));
            }
            terminal.line(format_args!("commands that name no environment change {name} from now on"))
        }
    }
}

fn list(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let opened = session.open()?;
    let environments = opened.project.environments();
    if terminal.form() == Form::Json {
        return terminal.json(&environments);
    }
    let mut rows = vec![["ENVIRONMENT", "FLAGS", "KILLS", "PUBLISHED", "UNPUBLISHED"].map(str::to_owned).to_vec()];
    for line in &environments {
        let published = line.published.map_or_else(|| String::from("-"), |snapshot| snapshot.version.to_string());
        rows.push(vec![
            terminal.paint(Meaning::Name, line.environment),
            line.flags.to_string(),
            line.kills.to_string(),
            published,
            line.unpublished.to_string(),
        ]);
    }
    terminal.table(&rows)
}
