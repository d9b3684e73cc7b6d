use clap::{Args, Subcommand};

use super::arguments::ChangeArguments;
use super::change::carry_out;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal, columns};
use crate::log::{Actor, Role};

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

/// Makes somebody a member, or gives a member another role.
pub(super) fn set(session: &Session, terminal: &mut Terminal<'_>, arguments: &RoleArguments) -> Result<(), Stop> {
    let RoleArguments { member, role, change } = arguments;
    let mut opened = session.open()?;
    let proposal = opened.project.propose_role(&opened.environment, member, *role)?;
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
}

/// Takes somebody off the members.
pub(super) fn remove(
    session: &Session,
    terminal: &mut Terminal<'_>,
    member: &Actor,
    change: &ChangeArguments,
) -> Result<(), Stop> {
    let mut opened = session.open()?;
    let proposal = opened.project.propose_dismissal(&opened.environment, member)?;
    carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
}

/// Lists the members.
pub(super) fn list(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let opened = session.open()?;
    let members = opened.project.members();
    if terminal.form() == Form::Json {
        return terminal.json(&members);
    }
    if members.is_empty() {
        return terminal.line(
            "no members: whoever may use the project's keys is its release manager; \
             declare some: flag-admin member add NAME ROLE",
        );
    }
    let mut rows = vec![["MEMBER", "ROLE"].map(str::to_owned).to_vec()];
    for line in &members {
        rows.push(vec![terminal.paint(Meaning::Name, line.member), line.role.to_string()]);
    }
    columns(&rows).iter().try_for_each(|line| terminal.line(line))
}
