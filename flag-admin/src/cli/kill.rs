use serde::Serialize;

use super::arguments::{KillArguments, UnkillArguments};
use super::change::{Extent, carry_out};
use super::plan_text;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, Terminal, columns};
use crate::app::{AppError, KillRoute, KillScope, Project, Proposal, SignedKills};
use crate::log::Head;

/// What became of a kill that was published at once.
#[derive(Serialize)]
struct Outcome<'p> {
    applied: bool,
    dry_run: bool,
    #[serde(flatten)]
    proposal: &'p Proposal,
    head: Head,
    published: SignedKills,
}

/// Kills a flag or capability. It asks nothing: killing is quick.
pub(super) fn kill(session: &Session, terminal: &mut Terminal<'_>, arguments: &KillArguments) -> Result<(), Stop> {
    Project::check_reason(&arguments.reason)?;
    let mut opened = session.open()?;
    let route = if arguments.out.is_some() { KillRoute::Emergency } else { KillRoute::Snapshot };
    let scope = if arguments.unlisted { KillScope::Anything } else { KillScope::Flags };
    let proposal = opened.project.propose_kill(&opened.environment, &arguments.target, route, scope)?;
    let reason = Some(arguments.reason.as_str());
    let Some(out) = arguments.out.as_deref().filter(|_| !arguments.dry_run) else {
        let extent = if arguments.dry_run { Extent::Show } else { Extent::Do };
        carry_out(&mut opened, terminal, &proposal, extent, reason)?;
        if terminal.form() == Form::Text && extent == Extent::Do {
            terminal.line("clients hear of it with the next snapshot: flag-admin publish --to DIR")?;
        }
        return Ok(());
    };
    let mut folder = opened.folder.publisher(out).map_err(AppError::from)?;
    let head = opened.project.commit(&proposal, reason)?.head;
    let published = opened.project.publish_kills(&opened.environment, &mut folder)?;
    if terminal.form() == Form::Json {
        return terminal.json(&Outcome { applied: true, dry_run: false, proposal: &proposal, head, published });
    }
    plan_text::print(terminal, &proposal)?;
    let target = terminal.paint(Meaning::Loss, &arguments.target);
    terminal.line(format_args!("killed {target}, and published it to {}", published.place))
}

/// Lifts a kill, after asking: whoever was protected by it is no longer.
pub(super) fn unkill(session: &Session, terminal: &mut Terminal<'_>, arguments: &UnkillArguments) -> Result<(), Stop> {
    Project::check_reason(&arguments.reason)?;
    let mut opened = session.open()?;
    let proposal = opened.project.propose_unkill(&opened.environment, &arguments.target)?;
    let extent = if arguments.dry_run { Extent::Show } else { Extent::Ask };
    carry_out(&mut opened, terminal, &proposal, extent, Some(&arguments.reason))?;
    if terminal.form() == Form::Text && extent == Extent::Ask {
        terminal.line("clients hear of it with the next snapshot: flag-admin publish --to DIR")?;
    }
    Ok(())
}

/// Lists the kills that stand.
pub(super) fn kills(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let opened = session.open()?;
    let kills = opened.project.kills(&opened.environment).map_err(AppError::from)?;
    if terminal.form() == Form::Json {
        return terminal.json(&kills);
    }
    if kills.is_empty() {
        return terminal.line(format_args!("nothing is killed in {}", opened.environment));
    }
    let mut rows = vec![["TARGET", "SINCE", "BY", "REASON"].map(str::to_owned).to_vec()];
    for kill in &kills {
        rows.push(vec![
            terminal.paint(Meaning::Loss, kill.target),
            kill.since.to_string(),
            kill.by.to_string(),
            kill.reason.unwrap_or("-").to_owned(),
        ]);
    }
    columns(&rows).iter().try_for_each(|line| terminal.line(line))
}
