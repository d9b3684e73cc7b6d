//! Exclusion groups: flags that never meet.

use clap::Subcommand;
use flag_core::Share;
use flag_core::wire::Group;

use super::arguments::ChangeArguments;
use super::change::carry_out;
use super::problem::Stop;
use super::session::{Opened, Session};
use super::terminal::{Form, Meaning, Terminal};
use crate::app::AppError;

#[derive(Debug, Subcommand)]
pub(super) enum GroupCommand {
    /// List the groups
    #[command(after_help = "Example:\n  flag-admin group list --json")]
    List,
    /// Show who owns which part of a group
    #[command(after_help = "Example:\n  flag-admin group show command_experiments")]
    Show {
        /// The group
        name: String,
    },
    /// Make a group: each unit is in at most one of its flags
    #[command(
        after_help = "Examples:\n  flag-admin group new command_experiments\n  flag-admin group new command_experiments --holdout 5% --unit organisation"
    )]
    New {
        /// The group
        name: String,
        /// The share of units that is in none of its flags
        #[arg(long, value_name = "SHARE", default_value = "0%")]
        holdout: Share,
        /// The attribute that is bucketed [default: the context's own unit]
        #[arg(long, value_name = "ATTRIBUTE")]
        unit: Option<String>,
        #[command(flatten)]
        change: ChangeArguments,
    },
    /// Bring a flag into a group, after showing who moves
    #[command(
        after_help = "Examples:\n  flag-admin group add command_experiments command_model_comparison --share 50%\n  flag-admin group add command_experiments command_history"
    )]
    Add {
        /// The group
        name: String,
        /// The flag
        flag: String,
        /// The share of the group that it gets of what is free [default: the group is shared out evenly]
        #[arg(long, value_name = "SHARE")]
        share: Option<Share>,
        #[command(flatten)]
        change: ChangeArguments,
    },
    /// Take a flag out of a group, or remove a group that has none
    #[command(
        after_help = "Examples:\n  flag-admin group remove command_experiments command_history\n  flag-admin group remove command_experiments"
    )]
    Remove {
        /// The group
        name: String,
        /// The flag; the group itself where absent
        flag: Option<String>,
        #[command(flatten)]
        change: ChangeArguments,
    },
}

/// Runs a command about groups.
pub(super) fn run(session: &Session, terminal: &mut Terminal<'_>, command: GroupCommand) -> Result<(), Stop> {
    let mut opened = session.open()?;
    let (proposal, change) = match command {
        GroupCommand::List => return list(&opened, terminal),
        GroupCommand::Show { name } => return show(&opened, terminal, &name),
        GroupCommand::New { name, holdout, unit, change } => {
            let group = Group { seed: None, unit: unit.map(Into::into), holdout };
            (opened.project.propose_group(&opened.environment, &name, group)?, change)
        }
        GroupCommand::Add { name, flag, share, change } => {
            (opened.project.propose_member(&opened.environment, &name, &flag, share)?, change)
        }
        GroupCommand::Remove { name, flag: Some(flag), change } => {
            (opened.project.propose_member_removal(&opened.environment, &name, &flag)?, change)
        }
        GroupCommand::Remove { name, flag: None, change } => {
            (opened.project.propose_group_removal(&opened.environment, &name)?, change)
        }
    };
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
}

fn list(opened: &Opened, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let groups = opened.project.groups(&opened.environment).map_err(AppError::from)?;
    if terminal.form() == Form::Json {
        return terminal.json(&groups);
    }
    if groups.is_empty() {
        return terminal.line(format_args!("no groups in {}; make one: flag-admin group new NAME", opened.environment));
    }
    let mut rows = vec![["GROUP", "FREE", "HOLDOUT", "FLAGS"].map(str::to_owned).to_vec()];
    for group in &groups {
        let flags: Vec<&str> = group.flags.iter().map(|member| member.flag.as_str()).collect();
        rows.push(vec![
            terminal.paint(Meaning::Name, group.group),
            group.free.to_string(),
            group.holdout.to_string(),
            if flags.is_empty() { String::from("-") } else { flags.join(", ") },
        ]);
    }
    terminal.table(&rows)
}

fn show(opened: &Opened, terminal: &mut Terminal<'_>, name: &str) -> Result<(), Stop> {
    let group = opened.project.group(&opened.environment, name)?;
    if terminal.form() == Form::Json {
        return terminal.json(&group);
    }
    let name = terminal.paint(Meaning::Name, group.group);
    let (free, holdout) = (group.free, group.holdout);
    terminal.line(format_args!("{name}: {free} free, {holdout} held out of every flag"))?;
    if let Some(unit) = group.unit {
        terminal.line(format_args!("  bucketed by {unit}"))?;
    }
    if group.flags.is_empty() {
        return terminal.line(format_args!("  no flags; bring one in: flag-admin group add {} FLAG", group.group));
    }
    let mut rows = vec![["  FLAG", "SHARE", "SLOTS"].map(str::to_owned).to_vec()];
    for member in &group.flags {
        let slots: Vec<String> = member.slots.iter().map(|slot| format!("{}..{}", slot.from, slot.to)).collect();
        rows.push(vec![format!("  {}", member.flag), member.share.to_string(), slots.join(" ")]);
    }
    terminal.table(&rows)
}
